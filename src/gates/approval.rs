//! `approval`: who really approved this run, and whether they may have.

use crate::{
    desk::Desk,
    report::{Outcome, Output},
    subject::Subject,
    verdict::Stop,
};

/// What it puts out beside what every command does.
pub const OUTPUTS: &[Output] = &[];

/// Settings of `approval`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// Always.
pub const fn run(_: &Args, _: &Subject, _: &Desk) -> Result<Outcome, Stop> {
    Err(Stop::Cancelled)
}
