//! The settings that every action has beside its own.

use std::path::PathBuf;

use crate::{report::summary::SummaryStyle, subject::SubjectArgs};

/// The settings that every action has.
#[derive(Debug, clap::Args)]
pub struct CommonArgs {
    /// Config file, relative to the workspace [default: .github/promote-gates.yml or .yaml in the checkout]
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

/// The setting `checkout` of a command without such a setting.
#[derive(Debug, clap::Args)]
pub struct CheckoutArgs {
    /// Folder of this repository's checkout, relative to the workspace [default: the workspace, or the only folder in it that is such a checkout]
    #[arg(long, value_name = "DIR", help_heading = "Common")]
    pub checkout: Option<PathBuf>,
}
