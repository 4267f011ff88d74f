//! `environments`: GitHub environment protection as a file says.

use crate::{
    desk::Desk,
    report::{Outcome, Output},
    verdict::Stop,
};

/// What it puts out beside what every command does.
pub const OUTPUTS: &[Output] = &[];

/// Settings of `environments`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// # Errors
/// Always.
pub const fn run(_: &Args, _: &Desk) -> Result<Outcome, Stop> {
    Err(Stop::Cancelled)
}
