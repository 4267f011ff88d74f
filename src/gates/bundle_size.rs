//! Compares the size of a bundle with its baseline.

pub mod baseline;
pub mod growth;
pub mod measure;
pub mod names;
pub mod sizes;

use crate::{commands::Output, desk::Desk, report::Outcome, subject::Subject, values, verdict::Stop};

pub const OUTPUTS: &[Output] = &[];

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Wait
    #[arg(long, default_value = "10s")]
    pub wait: values::Span,
}

/// # Errors
/// None yet.
pub fn run(_args: &Args, _subject: &Subject, _desk: &Desk) -> Result<Outcome, Stop> {
    Ok(Outcome::default())
}
