//! gates/smoke

pub mod junit;

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
