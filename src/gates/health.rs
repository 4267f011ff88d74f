//! health

use crate::{commands::Output, desk::Desk, report::Outcome, subject::Subject, values, verdict::Stop};

pub const OUTPUTS: &[Output] = &[];

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Endpoints
    #[arg(long, required = true)]
    pub endpoints: Vec<String>,
    /// Attempts
    #[arg(long, default_value = "10")]
    pub attempts: u32,
    /// Pause
    #[arg(long, default_value = "10s")]
    pub interval: values::Span,
}

/// # Errors
/// None yet.
pub fn run(_args: &Args, _subject: &Subject, _desk: &Desk) -> Result<Outcome, Stop> {
    Ok(Outcome::default())
}
