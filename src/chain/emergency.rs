//! `emergency`: a promotion around the gates, with an incident, a follow-up and a budget.

use crate::{
    config::Config,
    desk::Desk,
    report::{Outcome, Output},
    subject::Subject,
    verdict::Stop,
};

/// What it puts out beside what every command does.
pub const OUTPUTS: &[Output] = &[];

/// Settings of `emergency`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// Always.
pub const fn run(_: &Args, _: &Subject, _: &Config, _: &Desk) -> Result<Outcome, Stop> {
    Err(Stop::Cancelled)
}
