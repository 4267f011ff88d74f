//! Runs the team's load test in pairs, on the target and on the baseline target, until the paired rule decides.

mod earlier;
mod load_test;
mod pairs;
mod runs;
mod session;

use std::{path::PathBuf, time::Duration};

use super::{
    measured::{CoinSeed, criteria::PairedCriteria},
    paired::{Limit, MaxPairs},
    target::{MinDelta, Target},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::Outcome,
    subject::Subject,
    team_command::{TeamCommand, variable::EnvVariable},
    values::{HumanDuration, Percent, nonzero_duration},
    world::files::Glob,
};
use load_test::LoadTestCommand;
use runs::Runs;

pub use load_test::ResultsSettings;

/// More time than the load test needs: it starts, warms up, and writes its results.
const RUN_MARGIN: Duration = Duration::from_secs(60);
/// What a shell would replace, and `argv` does not.
const SHELL_VARIABLES: [&str; 3] = ["TARGET", "DURATION", "USERS"];

/// Settings of the load test that the gate runs.
#[derive(Debug, clap::Args)]
pub struct CommandArgs {
    /// Load test that the gate runs itself, in pairs, executed by `bash -e -o pipefail` (`sh -e` if bash is not installed). It gets
    /// `TARGET`, `DURATION` and `USERS` as environment variables
    #[arg(long, value_name = "SCRIPT")]
    pub command: Option<String>,
    /// Program and arguments of the load test, without a shell
    #[arg(long, value_name = "ARGUMENT")]
    pub argv: Vec<String>,
    /// Folder in which the load test runs
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub working_directory: PathBuf,
    /// Environment variables for the load test, in addition to those of the job, as `NAME=VALUE`
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<EnvVariable>,
    /// Where the release under promotion runs: the `TARGET` of the load test
    #[arg(long, value_name = "URL")]
    pub target: Option<Target>,
    /// Where the release runs that is in production, on the same kind of machine: the `TARGET` of the other run of each pair
    #[arg(long, value_name = "URL")]
    pub baseline_target: Option<Target>,
    /// How long one run sends requests: the `DURATION` of the load test, in whole seconds
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = nonzero_duration)]
    pub duration: HumanDuration,
    /// How many users one run has: the `USERS` of the load test
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    pub users: u32,
    /// Maximum number of pairs: 6, 12, 24 or 48. The gate decides after 6, 12, 24 or 48 pairs, as soon as it can
    #[arg(long, value_name = "NUMBER", default_value = "12")]
    pub max_pairs: MaxPairs,
    /// How long all runs together may take
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = nonzero_duration)]
    pub max_duration: HumanDuration,
    /// How long one run may take; then the gate kills it and all processes that it started [default: twice `duration`, and 1 minute]
    #[arg(long, value_name = "DURATION", value_parser = nonzero_duration)]
    pub run_timeout: Option<HumanDuration>,
    /// A difference that users do not notice, such as `5ms`: up to it, the target may be slower than `max-ratio` allows
    #[arg(long, value_name = "TIME", default_value = "0")]
    pub min_delta: MinDelta,
    /// Reports of earlier jobs of this gate: paths or globs in the workspace. Attempts at this release that did not pass count; without
    /// `baseline-target`, the p99 is compared with those of at least five sessions of other releases
    #[arg(long, value_name = "GLOB")]
    pub sessions: Vec<Glob>,
}

impl CommandArgs {
    /// Whether the gate runs the load test itself.
    pub const fn is_given(&self) -> bool {
        self.command.is_some() || !self.argv.is_empty()
    }

    fn run_timeout(&self) -> Duration {
        self.run_timeout.map_or(self.duration.0 * 2 + RUN_MARGIN, |timeout| timeout.0)
    }

    /// Checks the settings beyond what clap checks, and returns the command.
    fn validate(&self, has_baseline: bool) -> Result<TeamCommand, CommandError> {
        let bad = |check: &str, actual: String, expected: &str, next: &str| {
            Finding::inconclusive(check).actual(actual).expected(expected).next(next).bad_input()
        };
        let command =
            TeamCommand::from_settings(self.command.as_deref(), &self.argv, "the load test", "k6 run load.js")?;
        let shell_variable = self.argv.iter().find_map(|argument| {
            let written =
                |name: &&&str| argument.contains(&format!("${name}")) || argument.contains(&format!("${{{name}}}"));
            SHELL_VARIABLES.iter().find(written).map(|name| (argument, name))
        });
        if let Some((argument, name)) = shell_variable.filter(|_| !runs_a_shell(&self.argv)) {
            return Err(bad(
                "`argv`",
                format!("{argument:?}: without a shell, ${name} stays as it is written"),
                "a load test that reads its environment, or `command`",
                &format!("give the load test as `command`, where a shell replaces ${name}"),
            ));
        }
        if has_baseline {
            return Err(bad(
                "`command`, `baseline`",
                "both are given".to_owned(),
                "`baseline-target` with `command`, or `baseline` with `results`",
                "remove `baseline`: with `command` the gate measures the baseline itself, on `baseline-target`",
            ));
        }
        if !self.working_directory.is_dir() {
            let actual = format!("no folder {}", self.working_directory.display());
            let expected = "an existing folder, relative to the workspace";
            return Err(bad("`working-directory`", actual, expected, "correct it, or check out the repository first"));
        }
        Ok(command)
    }
}

/// `sh -c 'oha "$TARGET"'` has its own shell.
fn runs_a_shell(argv: &[String]) -> bool {
    let name = argv.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    ["sh", "bash", "dash", "zsh", "ash", "ksh", "busybox", "env", "docker", "podman"].contains(&name)
}

/// What the load test is run and judged by.
pub struct CommandSettings<'a> {
    pub command: &'a CommandArgs,
    pub max_ratio: f64,
    pub endpoints: &'a [String],
    pub max_error_rate: Percent,
    pub min_ratio: f64,
    pub min_requests: u64,
    pub results: ResultsSettings,
    pub has_baseline: bool,
}

/// Measures until it is decided, or `max-pairs` or `max-duration` is over.
///
/// # Errors
/// Bad input; a signal.
pub fn run(settings: &CommandSettings<'_>, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let args = settings.command;
    let command = args.validate(settings.has_baseline)?;
    let missing = |key: &str, given: &str| {
        Finding::inconclusive(format!("`{key}`"))
            .actual(format!("not given, and {given} is"))
            .expected("where the load test sends its requests")
            .next(format!("give `{key}` as an input, as a flag, or as a key of the config file"))
            .bad_input()
    };
    let target = args.target.as_ref().ok_or_else(|| missing("target", "`command`"))?;
    if args.baseline_target.is_none() && args.sessions.is_empty() {
        return Err(missing("baseline-target", "`target`"));
    }
    let earlier = earlier::read(&args.sessions, subject, ctx)?;
    let load_test = LoadTestCommand {
        command: &command,
        folder: &args.working_directory,
        env: &args.env,
        targets: [target, args.baseline_target.as_ref().unwrap_or(target)],
        duration: args.duration,
        users: args.users,
        timeout: args.run_timeout(),
        results: &settings.results,
    };
    let in_run = ctx.runner_env.run.as_ref().map_or(1, |run| run.attempt);
    let criteria = PairedCriteria {
        limit: Limit {
            max_ratio: settings.max_ratio,
            min_delta: args.min_delta.in_unit(settings.results.side.shown()),
        },
        max_pairs: args.max_pairs,
        attempt: earlier.attempt(in_run),
        endpoints: settings.endpoints,
        max_error_rate: settings.max_error_rate,
        min_ratio: settings.min_ratio,
        min_requests: settings.min_requests,
        unit: settings.results.side.shown(),
    };
    let runs = Runs { load_test, criteria, ctx };
    if args.baseline_target.is_some() {
        let seed = CoinSeed(fastrand::u64(..));
        pairs::run(&runs, seed, args.max_duration)
    } else {
        session::run(&runs, &earlier)
    }
}
