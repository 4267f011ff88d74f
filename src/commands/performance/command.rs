//! Runs a load test in pairs, on the target and on the baseline target, until the paired rule decides: the team's own, or the load of
//! the gate.

mod earlier;
mod load_test;
mod own_load;
mod pairs;
mod run_failure;
mod runs;
mod session;

use std::{cell::RefCell, path::PathBuf, time::Duration};

use super::{
    measured::{CoinSeed, criteria::PairedCriteria},
    paired::{Limit, MaxPairs},
    sessions::EarlierSessions,
    target::{MinDelta, Target},
};
use crate::{
    baselines::SessionProfile,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    load_results::Unit,
    report::Outcome,
    subject::Subject,
    team_command::{TeamCommand, variable::EnvVariable},
    values::{HumanDuration, Percent, nonzero_duration},
    world::{
        files::Glob,
        http::Header,
        load::{MOST_IN_FLIGHT, Pace},
        url::Url,
    },
};
use load_test::LoadTestCommand;
use own_load::OwnLoad;
use runs::{LoadSource, Runs};

pub use load_test::ResultsSettings;

/// More time than the load test needs: it starts, warms up, and writes its results.
const RUN_MARGIN: Duration = Duration::from_secs(60);
/// Without a load test of the team: 600 requests in each run, of which the p99 leaves 6.
const OWN_RATE: u32 = 100;
const OWN_DURATION: Duration = Duration::from_secs(6);
/// Short runs are noisier, and more of them take less time than a few long ones.
const OWN_MAX_PAIRS: MaxPairs = MaxPairs::TWENTY_FOUR;
/// More is for tools that send from several machines.
const MOST_REQUESTS_A_SECOND: i64 = 5000;
const COMMAND_USERS: u32 = 10;
const COMMAND_DURATION: Duration = Duration::from_secs(30);
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
    /// Where the release under promotion runs: the `TARGET` of the load test. Without a load test, a URL to which the gate itself sends
    /// GET requests
    #[arg(long, value_name = "URL")]
    pub target: Option<Target>,
    /// Where the release runs that is in production, on the same kind of machine: the `TARGET` of the other run of each pair
    #[arg(long, value_name = "URL")]
    pub baseline_target: Option<Target>,
    /// Requests per second that the gate itself sends; at most 5,000 [default: 100]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=MOST_REQUESTS_A_SECOND))]
    pub rate: Option<u32>,
    /// Headers of the requests that the gate itself sends, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// How long one run sends requests: the `DURATION` of the load test, in whole seconds [default: with `command` 30s, else 6s]
    #[arg(long, value_name = "DURATION", value_parser = nonzero_duration)]
    pub duration: Option<HumanDuration>,
    /// How many users one run has: the `USERS` of the load test. Without a load test: users who each wait for a response before they
    /// send the next request, in place of `rate` [default: with `command` 10]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub users: Option<u32>,
    /// Maximum number of pairs: 6, 12, 24 or 48. The gate decides after 6, 12, 24 or 48 pairs, as soon as it can [default: with `command`
    /// 12, else 24]
    #[arg(long, value_name = "NUMBER")]
    pub max_pairs: Option<MaxPairs>,
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
    /// Whether the gate runs a load test of the team.
    pub const fn is_command(&self) -> bool {
        self.command.is_some() || !self.argv.is_empty()
    }

    /// Whether the settings ask for a load that the gate sends itself.
    pub const fn is_own_load(&self) -> bool {
        !self.is_command() && (self.target.is_some() || self.rate.is_some())
    }

    /// A setting that only the gate's own load has.
    pub const fn load_setting(&self) -> Option<&'static str> {
        if self.rate.is_some() {
            Some("`rate`")
        } else if self.headers.is_empty() {
            None
        } else {
            Some("`headers`")
        }
    }

    fn duration(&self) -> HumanDuration {
        let default = if self.is_command() { COMMAND_DURATION } else { OWN_DURATION };
        self.duration.unwrap_or(HumanDuration(default))
    }

    fn max_pairs(&self) -> MaxPairs {
        let default = if self.is_command() { MaxPairs::default() } else { OWN_MAX_PAIRS };
        self.max_pairs.unwrap_or(default)
    }

    /// How the sessions of this load test are measured.
    pub fn profile(&self) -> SessionProfile {
        let (users, rate) = if self.is_command() {
            (Some(self.users.unwrap_or(COMMAND_USERS)), None)
        } else {
            (self.users, self.users.is_none().then(|| self.rate.unwrap_or(OWN_RATE)))
        };
        SessionProfile {
            target: self.target.as_ref().map(ToString::to_string),
            users: users.map(Into::into),
            rate: rate.map(Into::into),
            duration: Some(self.duration().0.as_secs_f64()),
            ..SessionProfile::default()
        }
    }

    fn run_timeout(&self) -> Duration {
        self.run_timeout.map_or(self.duration().0 * 2 + RUN_MARGIN, |timeout| timeout.0)
    }

    /// When the gate's own requests are due.
    fn pace(&self) -> Result<Pace, CommandError> {
        match (self.rate, self.users) {
            (Some(_), Some(_)) => Err(bad(
                "`rate`, `users`",
                "both are given".to_owned(),
                "one of them: requests at a fixed rate, or users who each wait for a response",
                "remove `users`: at a fixed rate, a server that stalls shows in full",
            )),
            (None, Some(users)) if usize::try_from(users).is_ok_and(|users| users <= MOST_IN_FLIGHT) => {
                Ok(Pace::Users(users))
            }
            (None, Some(users)) => Err(bad(
                "`users`",
                format!("{users}, without `command`"),
                &format!("at most {MOST_IN_FLIGHT}"),
                "give fewer users, or run a load test for more by `command`",
            )),
            (rate, None) => Ok(Pace::Rate(rate.unwrap_or(OWN_RATE))),
        }
    }

    /// The URL that the gate's own requests go to.
    fn url(key: &str, target: &Target) -> Result<Url, CommandError> {
        Url::from_setting(target.as_str()).map_err(|error| {
            bad(
                &format!("`{key}`"),
                target.to_string(),
                &error.to_string(),
                "give the URL of a page, or a load test of your own by `command`",
            )
        })
    }

    /// Checks the settings of the gate's own load beyond what clap checks.
    fn own_load<'a>(
        &'a self,
        targets: [&'a Target; 2],
        timeout: HumanDuration,
        unit: Unit,
    ) -> Result<OwnLoad<'a>, CommandError> {
        Ok(OwnLoad {
            urls: [Self::url("target", targets[0])?, Self::url("baseline-target", targets[1])?],
            targets,
            headers: &self.headers,
            pace: self.pace()?,
            duration: self.duration(),
            timeout,
            unit,
            lateness: RefCell::default(),
        })
    }

    /// Checks the settings beyond what clap checks, and returns the command.
    fn validate(&self) -> Result<TeamCommand, CommandError> {
        if let Some(key) = self.load_setting() {
            return Err(bad(
                key,
                "given, and `command` is, too".to_owned(),
                "it without `command`: it is of the requests that the gate itself sends",
                &format!("remove {key}; the load test has its own, and gets what it needs by `env`"),
            ));
        }
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
        if !self.working_directory.is_dir() {
            let actual = format!("no folder {}", self.working_directory.display());
            let expected = "an existing folder, relative to the workspace";
            return Err(bad("`working-directory`", actual, expected, "correct it, or check out the repository first"));
        }
        Ok(command)
    }
}

fn bad(check: &str, actual: String, expected: &str, next: &str) -> CommandError {
    Finding::inconclusive(check).actual(actual).expected(expected).next(next).bad_input()
}

/// `sh -c 'oha "$TARGET"'` has its own shell.
fn runs_a_shell(argv: &[String]) -> bool {
    let name = argv.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    ["sh", "bash", "dash", "zsh", "ash", "ksh", "busybox", "env", "docker", "podman"].contains(&name)
}

/// What the load test is run and judged by.
pub struct CommandSettings<'a> {
    /// How long a request of the gate's own load may take.
    pub timeout: HumanDuration,
    pub command: &'a CommandArgs,
    pub max_ratio: f64,
    pub endpoints: &'a [String],
    pub max_error_rate: Percent,
    pub min_ratio: f64,
    pub min_requests: u64,
    pub results: ResultsSettings,
    pub has_baseline: bool,
    /// Of the store of baselines, if there is one.
    pub earlier: Option<EarlierSessions>,
}

/// Measures until it is decided, or `max-pairs` or `max-duration` is over.
///
/// # Errors
/// Bad input; a signal.
pub fn run(settings: &CommandSettings<'_>, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let args = settings.command;
    let command = if args.is_command() { Some(args.validate()?) } else { None };
    let mode = if args.is_command() { "`command`" } else { "`target`" };
    if settings.has_baseline {
        return Err(bad(
            &format!("{mode}, `baseline`"),
            "both are given".to_owned(),
            &format!("`baseline-target` with {mode}, or `baseline` with `results`"),
            &format!("remove `baseline`: with {mode} the gate measures the baseline itself, on `baseline-target`"),
        ));
    }
    let missing = |key: &str, given: &str| {
        Finding::inconclusive(format!("`{key}`"))
            .actual(format!("not given, and {given} is"))
            .expected("where the load test sends its requests")
            .next(format!("give `{key}` as an input, as a flag, or as a key of the config file"))
            .bad_input()
    };
    let given = if args.is_command() { "`command`" } else { "`rate`" };
    let target = args.target.as_ref().ok_or_else(|| missing("target", given))?;
    if args.baseline_target.is_none() && args.sessions.is_empty() && settings.earlier.is_none() {
        return Err(missing("baseline-target", "`target`"));
    }
    if !args.sessions.is_empty() && settings.earlier.is_some() {
        return Err(Finding::inconclusive("`sessions`, `baseline-store`")
            .actual("both are given")
            .expected("one of them: both have the earlier sessions")
            .next("remove `sessions`: the store has the attempts at this release and the releases that were promoted")
            .bad_input());
    }
    let earlier = match &settings.earlier {
        Some(earlier) => earlier.clone(),
        None => earlier::read(&args.sessions, subject, ctx)?,
    };
    let targets = [target, args.baseline_target.as_ref().unwrap_or(target)];
    let unit = settings.results.side.shown();
    let load_test = if let Some(command) = &command {
        LoadSource::Command(LoadTestCommand {
            command,
            folder: &args.working_directory,
            env: &args.env,
            targets,
            duration: args.duration(),
            users: args.users.unwrap_or(COMMAND_USERS),
            timeout: args.run_timeout(),
            results: &settings.results,
        })
    } else {
        let load = args.own_load(targets, settings.timeout, unit)?;
        ctx.log.say(&load.describe());
        LoadSource::Own(load)
    };
    let in_run = ctx.runner_env.run.as_ref().map_or(1, |run| run.attempt);
    let criteria = PairedCriteria {
        limit: Limit { max_ratio: settings.max_ratio, min_delta: args.min_delta.in_unit(unit) },
        max_pairs: args.max_pairs(),
        attempt: earlier.attempt(in_run),
        endpoints: settings.endpoints,
        max_error_rate: settings.max_error_rate,
        min_ratio: settings.min_ratio,
        min_requests: settings.min_requests,
        unit,
    };
    let runs = Runs { load_test, criteria, ctx };
    if args.baseline_target.is_some() {
        let seed = CoinSeed(fastrand::u64(..));
        pairs::run(&runs, seed, args.max_duration)
    } else {
        session::run(&runs, &earlier)
    }
}
