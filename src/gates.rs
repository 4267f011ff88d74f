//! The gates: each looks at something and judges it. They write nothing outside.

pub mod bundle_size;
pub mod health;
pub mod performance;
pub mod smoke;

use clap::Subcommand;

use crate::{
    arguments::{Common, With},
    desk::Desk,
    report::Outcome,
    subject::Subject,
    verdict::Stop,
};

/// The gates' names, in the order in which a release usually meets them.
pub const NAMES: [&str; 4] = ["health", "smoke", "performance", "bundle-size"];

/// The gates: what `run` can hold. A command that writes is none, so it cannot be put there.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Check that the service answers as it should
    Health(With<health::Args>),
    /// Run the smoke tests: every critical path works
    Smoke(With<smoke::Args>),
    /// Compare the p99 latency with its baseline
    Performance(With<performance::Args>),
    /// Compare the bundle's size with its baseline
    BundleSize(With<bundle_size::Args>),
}

impl Gate {
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::Health(with) => &with.common,
            Self::Smoke(with) => &with.common,
            Self::Performance(with) => &with.common,
            Self::BundleSize(with) => &with.common,
        }
    }

    /// # Errors
    /// Bad input, or what could not be observed.
    pub fn judge(&self, subject: &Subject, desk: &Desk) -> Result<Outcome, Stop> {
        match self {
            Self::Health(with) => health::run(&with.own, subject, desk),
            Self::Smoke(with) => smoke::run(&with.own, subject, desk),
            Self::Performance(with) => performance::run(&with.own, subject, desk),
            Self::BundleSize(with) => bundle_size::run(&with.own, subject, desk),
        }
    }
}
