//! performance

use crate::{commands::Output, desk::Desk, report::Outcome, subject::Subject, values, verdict::Stop};

pub const OUTPUTS: &[Output] = &[];

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Results
    #[arg(long)]
    pub results: String,
    /// Baseline
    #[arg(long)]
    pub baseline: String,
    /// Ratio
    #[arg(long, default_value = "1.2")]
    pub max_ratio: values::Ratio,
}

/// # Errors
/// None yet.
pub fn run(_args: &Args, _subject: &Subject, _desk: &Desk) -> Result<Outcome, Stop> {
    Ok(Outcome::default())
}
