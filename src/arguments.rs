//! The settings that every action has beside its own.

use std::path::PathBuf;

use crate::{report::summary::SummaryStyle, subject::SubjectArgs};

/// The settings that every action has.
#[derive(Debug, clap::Args)]
pub struct CommonArgs {
    /// Config file [default: .github/promote-gates.yml, if it exists]
    #[arg(long, value_name = "FILE", help_heading = "Common")]
    pub config: Option<PathBuf>,
    /// Evaluate and report only: write nothing, and fail the step only for bad input; later steps ignore the result
    #[arg(long, help_heading = "Common")]
    pub dry_run: bool,
    /// File for the full report in JSON [default: a new file in the runner's temp folder]
    #[arg(long, value_name = "FILE", help_heading = "Common")]
    pub report_file: Option<PathBuf>,
    /// How much to write into the job summary
    #[arg(long, value_name = "AMOUNT", default_value = "full", help_heading = "Common")]
    pub summary: SummaryStyle,
    #[command(flatten)]
    pub subject: SubjectArgs,
}
