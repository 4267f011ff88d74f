//! The gates: each looks at something and judges it. They write nothing outside.

pub mod approval;
pub mod bundle_size;
pub mod health;
pub mod performance;
pub mod smoke;
pub mod wait;

use clap::Subcommand;

use crate::{
    arguments::{Common, With},
    desk::Desk,
    report::Outcome,
    subject::Subject,
    verdict::Stop,
};

/// The gates that judge software: what a release has behind it when it asks to be promoted.
pub const ON_SOFTWARE: [&str; 4] = ["health", "smoke", "performance", "bundle-size"];

/// The gates' names, in the order in which a release usually meets them. The last two are on people and time, and about
/// one promotion.
pub const NAMES: [&str; 6] = ["health", "smoke", "performance", "bundle-size", "approval", "wait"];

/// The gates: what `run` can hold. A command that writes is none, so it cannot be put there.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Check that the new version is rolled out and answers as it should
    Health(With<health::Args>),
    /// Run the smoke tests: every critical path works
    Smoke(With<smoke::Args>),
    /// Compare the p99 latency with its baseline
    Performance(With<performance::Args>),
    /// Compare the bundle's size with its baseline
    BundleSize(With<bundle_size::Args>),
    /// Ask who approved this run, and whether they are independent and had time to look
    Approval(With<approval::Args>),
    /// Wait after the approval, while the promotion can still be cancelled or held
    Wait(With<wait::Args>),
}

impl Gate {
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::Health(with) => &with.common,
            Self::Smoke(with) => &with.common,
            Self::Performance(with) => &with.common,
            Self::BundleSize(with) => &with.common,
            Self::Approval(with) => &with.common,
            Self::Wait(with) => &with.common,
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
            Self::Approval(with) => approval::run(&with.own, subject, desk),
            Self::Wait(with) => wait::run(&with.own, subject, desk),
        }
    }
}
