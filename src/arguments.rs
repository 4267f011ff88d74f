//! The settings that every action has beside its own.

use std::path::PathBuf;

use crate::subject::SubjectArgs;

/// The settings that every action has.
#[derive(Debug, clap::Args)]
pub struct CommonArgs {
    /// Config file [default: .github/promote-gates.yml, if there is one]
    #[arg(long, value_name = "FILE", help_heading = "Common")]
    pub config: Option<PathBuf>,
    /// Judge and tell, but fail nothing and write nothing; counts for nothing downstream
    #[arg(long, help_heading = "Common")]
    pub dry_run: bool,
    /// Where to write the whole report as JSON [default: a file of its own below the runner's temp folder]
    #[arg(long, value_name = "FILE", help_heading = "Common")]
    pub report_file: Option<PathBuf>,
    #[command(flatten)]
    pub subject: SubjectArgs,
}
