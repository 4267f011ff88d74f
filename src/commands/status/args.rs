//! The settings of `status`.

use crate::{
    command::{CommandEntry, CommandKind, names_where},
    error::{CommandError, ValueError},
    finding::Finding,
    ledger::infra_repo::InfraRepoArgs,
    secret::Secret,
    values::{HumanDuration, closest, nonzero_duration},
};

/// The gate whose verdict the status always has.
pub(super) const APPROVAL: &str = "approval";

/// Settings of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Number of the only pull request to judge [default: every open one into the branch, and every open one of a promotion]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub pull_request: Option<u64>,
    /// Reports of this run's `approval`, and of the other gates in `require`: the expressions `toJSON(needs)` and `toJSON(steps)`; without them, the approval is judged here, by the section `approval` of the config file
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Gates that must have passed for the status `success`; all but `approval` are known from `results` only
    #[arg(long, value_name = "GATE", default_values = [APPROVAL])]
    pub require: Vec<String>,
    /// Name of the commit status, which a rule of the base branch requires
    #[arg(long, value_name = "NAME", default_value = "promote-gates/approval", value_parser = context)]
    pub context: String,
    /// Token with Commit statuses: write; without `results` also with Actions, Checks, Contents and Pull requests: read
    #[arg(long, value_name = "GITHUB_TOKEN", required = true)]
    pub token: Option<Secret>,
    /// Token with Actions, Contents and Pull requests: read on the services' repositories [default: `token`]
    #[arg(long, value_name = "READER_APP_TOKEN")]
    pub source_token: Option<Secret>,
    #[command(flatten)]
    pub ledger: InfraRepoArgs,
    /// The image's name in the manifests (`images[].name`); `{service}` is filled in [default: the entries of the service's image, else all]
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<String>,
    /// How long all reads and writes for one pull request may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Args {
    /// Checks that `require` names `approval`, and only gates: nothing else has a report that a status can stand for.
    ///
    /// # Errors
    /// Bad input.
    pub(super) fn check_required(&self, commands: &[CommandEntry]) -> Result<(), CommandError> {
        let gates = names_where(commands, CommandKind::is_gate);
        let finding = |actual: String| {
            let expected = format!("`approval`, alone or with others of {}", gates.join(", "));
            Finding::inconclusive("`require`").actual(actual).expected(expected)
        };
        if let Some(unknown) = self.require.iter().find(|name| !gates.contains(&name.as_str())) {
            return Err(finding(format!("{unknown:?}")).did_you_mean(closest(unknown, &gates)).bad_input());
        }
        if !self.require.iter().any(|name| name == APPROVAL) {
            return Err(finding(self.require.join(", ")).bad_input());
        }
        Ok(())
    }
}

/// GitHub compares the names of statuses without case.
fn context(text: &str) -> Result<String, ValueError> {
    const ACCEPTED: ValueError =
        ValueError::new("the name of a commit status, such as `promote-gates/approval`: 1 to 100 characters");
    let is_accepted = (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control);
    (is_accepted && text.trim() == text).then(|| text.to_owned()).ok_or(ACCEPTED)
}
