//! `smoke`: whether every critical path works, by the team's own smoke tests: a command, or a file of checks.

mod attempts;
mod bounds;
pub mod checks;
mod critical;
mod judge;
mod junit;
mod plain_text;
mod reports;
mod tap;
mod test_file;
mod test_reports;
mod test_suite;
mod trx;
mod version;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    clock::Moment,
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    condition::Condition,
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    observe::{BlockingCall, observe_once},
    report::{Outcome, Output, Table},
    subject::Subject,
    team_command::{
        self, CommandEnd, LoggedLines, TeamCommand, exit::CommandExit, transcript::Transcript, variable::EnvVariable,
    },
    values::HumanDuration,
    world::{files::Glob, http::Header, url::Url},
};
use checks::{CheckInputs, CheckResults, Checks};
use critical::CriticalTest;
use judge::{COMMAND, EndedCommand, SmokeCriteria};
use reports::ReportSnapshot;
use test_reports::TestReports;
use version::{VersionCheck, When};

/// Lets the infra repository ask for a number of tests, in `policy`.
const TESTS: Output = Output { name: "tests", help: "How many tests ran; empty if they were not counted" };
/// How long reading the reports may take, in addition to `timeout`.
const READING: Duration = Duration::from_secs(60);
/// The name before each quoted line in the log.
const LOG_SOURCE: &str = "smoke";

/// Settings of `smoke`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Command that runs the tests, executed by `bash -e -o pipefail` (`sh -e` if bash is not installed)
    #[arg(long, value_name = "SCRIPT")]
    pub command: Option<String>,
    /// Program and arguments that run the tests, without a shell
    #[arg(long, value_name = "ARGUMENT")]
    pub argv: Vec<String>,
    /// Folder in which the tests run
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub working_directory: PathBuf,
    /// File of checks: critical paths as HTTP requests, instead of a command
    #[arg(long, value_name = "FILE")]
    pub checks: Option<PathBuf>,
    /// URL of the service under test, for `checks`; it takes precedence over `base-url` in the file
    #[arg(long, value_name = "URL", value_parser = Url::from_setting)]
    pub target: Option<Url>,
    /// Environment variables for the tests, in addition to those of the job, as `NAME=VALUE`
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<EnvVariable>,
    /// How long the tests may take; then the gate kills them and all processes that they started
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub timeout: HumanDuration,
    /// Reports that the tests write (JUnit XML, TRX or TAP): paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub junit: Vec<Glob>,
    /// Names of tests that must run and pass; `*` matches any text. The failures of other tests then only warn
    #[arg(long, value_name = "TEST")]
    pub critical: Vec<CriticalTest>,
    /// How many tests have to run at least
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub min_tests: Option<u32>,
    /// How many tests may fail and then pass when they are repeated; by default any number, with a warning
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub max_flaky: Option<u32>,
    /// How often the command runs again after a failure, or a path of `checks`; a test that then passes is flaky
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = retries)]
    pub retries: u32,
    /// URL that returns the running version as JSON; it has to be the release under promotion before and after the tests
    #[arg(long, value_name = "URL", value_parser = Url::from_setting)]
    pub version_endpoint: Option<Url>,
    /// jq condition on that JSON, with `$subject`
    #[arg(long, value_name = "JQ", default_value = ".version == $subject.tag")]
    pub expect_version: Condition,
    /// Headers of that request, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub version_headers: Vec<Header>,
}

impl Command for Args {
    const NAME: &'static str = "smoke";
    const ABOUT: &'static str = "Run the smoke tests, and check that every critical path works";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "check-circle", color: "blue" });
    const OUTPUTS: &'static [Output] = &[TESTS];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

fn number(text: &str) -> Result<u32, ValueError> {
    text.parse().map_err(|_| ValueError::new("a whole number such as 12"))
}

fn retries(text: &str) -> Result<u32, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a whole number from 0 to 10");
    text.parse().ok().filter(|count| *count <= 10).ok_or(ACCEPTED)
}

/// Runs the tests and judges them, by their reports and by how the command ended.
///
/// - Passed: it ended with 0, tests ran and none failed. Without `junit` tests cannot be counted, and 0 is enough. With
///   `critical`, the failures of other tests only warn.
/// - Blocked: a test failed, another exit code, no end within the time limit, or too many flaky tests.
/// - Inconclusive: it could not be run (126 and 127, which shells use for that, too), a signal ended it, a report is missing,
///   broken, of an earlier run or does not show every test that it counts, no test or too few ran, or a critical one did not.
///
/// # Errors
/// Bad input: both or neither of `command` and `argv`, a missing folder, a pattern that leads out of the workspace.
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let tests = validate(args, subject, ctx)?;
    let version = args.version_endpoint.clone().map(|endpoint| VersionCheck {
        endpoint,
        headers: args.version_headers.clone(),
        condition: args.expect_version.clone(),
    });
    let before = version.as_ref().map(|version| version.look(When::Before, subject, ctx));
    if let Some(other) = before.as_ref().filter(|before| before.verdict != Verdict::Passed) {
        return Ok(Outcome::from(vec![other.clone()]));
    }
    let mut outcome = match tests {
        Tests::Command(command) => run_tests(&command, args, ctx)?,
        Tests::Checks(checks) => run_checks(*checks, args, ctx)?,
    };
    outcome.findings.extend(before);
    outcome.findings.extend(version.map(|version| version.look(When::After, subject, ctx)));
    Ok(outcome)
}

/// What the tests are.
enum Tests {
    Command(TeamCommand),
    Checks(Box<Checks>),
}

/// Takes the paths of a file of checks, and judges them as tests.
fn run_checks(checks: Checks, args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let name = args.checks.as_deref().unwrap_or(Path::new("")).display().to_string();
    let of_file = checks.critical().filter_map(|name| name.parse().ok());
    let critical: Vec<CriticalTest> = args.critical.iter().cloned().chain(of_file).collect();
    let criteria = SmokeCriteria {
        timeout: args.timeout,
        junit: true,
        critical: &critical,
        min_tests: args.min_tests,
        max_flaky: args.max_flaky,
        command: &name,
    };
    ctx.execution.partial.publish(&[judge::running_checks()]);
    let group = ctx.log.group(&format!("{LOG_SOURCE}: {name}"));
    let end = checks.run(args.timeout, args.retries, ctx);
    drop(group);
    let CheckResults { reports, findings: others, took } = end?;
    let ended = EndedCommand { exit: CommandExit::Exited(0), at: ctx.execution.wall(), took, failed_before: 0 };
    let mut findings = Vec::new();
    // Without a path that was observed, the other findings say why.
    if !reports.read.is_empty() {
        findings = judge::judge_checks(&criteria, &ended, &reports);
    }
    findings.extend(others);
    Ok(Outcome { findings, tables: judge::test_tables(&reports), outputs: counted(&reports), ..Outcome::default() })
}

/// The output with the number of tests.
fn counted(reports: &TestReports) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(TESTS.name, reports.ran().to_string())])
}

/// Runs the command, again if it fails and may be repeated, and judges the last run.
fn run_tests(command: &TeamCommand, args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let description = command.describe();
    let criteria = SmokeCriteria {
        timeout: args.timeout,
        junit: !args.junit.is_empty(),
        critical: &args.critical,
        min_tests: args.min_tests,
        max_flaky: args.max_flaky,
        command: &description,
    };
    let deadline = ctx.execution.clock.now() + args.timeout.0;
    let mut earlier = Vec::new();
    loop {
        let Attempt { ended, mut reports, lines } = run_attempt(command, &criteria, args, deadline, &earlier, ctx)?;
        if let Some(reports) = &mut reports {
            for earlier in &earlier {
                reports.add_earlier(earlier);
            }
        }
        let mut findings = judge::judge(&criteria, ended.as_ref(), reports.as_ref());
        let is_repeatable = matches!(&ended, Some(EndedCommand { exit: CommandExit::Exited(1..=125), .. }));
        if is_repeatable
            && verdict(&findings) == Verdict::Blocked
            && earlier.len() < args.retries as usize
            && ctx.execution.clock.now() < deadline
        {
            ctx.log.say(&format!("attempt {} failed: {}; running again", earlier.len() + 1, findings[0].headline()));
            earlier.push(reports.unwrap_or_default());
            continue;
        }
        let mut tables = reports.as_ref().map(judge::test_tables).unwrap_or_default();
        let outputs = reports.as_ref().map(counted).unwrap_or_default();
        quote_last_lines(&lines, &mut findings, &mut tables);
        return Ok(Outcome { findings, tables, outputs, ..Outcome::default() });
    }
}

/// What one run of the command left.
struct Attempt {
    /// `None`: the time limit ended it.
    ended: Option<EndedCommand>,
    /// `None`: not read, or not expected.
    reports: Option<TestReports>,
    /// The last printed lines.
    lines: Vec<String>,
}

/// Runs the command once, and reads the reports that it wrote.
fn run_attempt(
    command: &TeamCommand,
    criteria: &SmokeCriteria<'_>,
    args: &Args,
    deadline: Moment,
    earlier: &[TestReports],
    ctx: &CommandContext,
) -> Result<Attempt, CommandError> {
    let snapshot = ReportSnapshot::take(Path::new("."), &args.junit)
        .map_err(|finding| bad_input_with_origin(ctx, "junit", finding))?;
    let transcript = Arc::new(Mutex::new(Transcript::default()));
    ctx.execution.partial.publish(&[judge::running()]);
    let group = ctx.log.group(&format!("{LOG_SOURCE}: {}", criteria.command));
    let started = ctx.execution.clock.now();
    let programs = command.programs(&args.working_directory, &args.env, &ctx.runner_env.withheld);
    let limit = deadline.saturating_sub(started);
    let end = team_command::run(&programs, limit, (LOG_SOURCE, LoggedLines::All), ctx, &transcript);
    drop(group);
    let transcript = transcript.lock().unwrap_or_else(PoisonError::into_inner);
    let took = ctx.execution.clock.now().saturating_sub(started);
    let failed_before = earlier.len();
    let ended =
        end?.map(|CommandEnd { exit, .. }| EndedCommand { exit, at: ctx.execution.wall(), took, failed_before });
    let lines = transcript.last();
    if !criteria.wants_reports(ended.as_ref()) {
        return Ok(Attempt { ended, reports: None, lines });
    }
    ctx.execution.partial.publish(&judge::judge(criteria, ended.as_ref(), None));
    let time_left = (deadline + READING).saturating_sub(ctx.execution.clock.now());
    let read: BlockingCall<TestReports> = Box::new(move || snapshot.read_new());
    let [mut reports] = observe_once(&ctx.execution, time_left, [read])?;
    if let (Some(EndedCommand { exit: CommandExit::Exited(0), .. }), Some(reports)) = (&ended, &mut reports) {
        reports.merge_attempts();
    }
    Ok(Attempt { ended, reports, lines })
}

/// Quotes the last lines for a command that did not pass.
fn quote_last_lines(lines: &[String], findings: &mut [Finding], tables: &mut Vec<Table>) {
    // A test may have the same name: the finding on the command is the last one.
    let command = findings.iter_mut().rev().find(|finding| finding.check == COMMAND);
    if let Some(command) = command.filter(|command| command.verdict != Verdict::Passed) {
        judge::quote_last(command, lines);
        let is_only_reason = tables.is_empty();
        tables.extend(judge::last_lines(lines, is_only_reason));
    }
}

/// Checks the settings beyond what clap checks, and returns the tests.
fn validate(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Tests, CommandError> {
    let bad = |key: &str, actual: String, expected: &str| {
        bad_input_with_origin(ctx, key, Finding::inconclusive(format!("`{key}`")).actual(actual).expected(expected))
    };
    if !args.working_directory.is_dir() {
        let actual = format!("no folder {}", args.working_directory.display());
        return Err(bad("working-directory", actual, "an existing folder, relative to the workspace"));
    }
    if args.timeout.0.is_zero() {
        return Err(bad("timeout", "0s".to_owned(), "time for the tests to run, such as 10m"));
    }
    if let (Some(_), Some(part)) = (&args.version_endpoint, args.expect_version.missing_part(subject)) {
        let actual = format!("it compares with `$subject.{part}`, and the subject has no {part}");
        return Err(bad("expect-version", actual, "a subject with every part that the condition names"));
    }
    let has_checks = args.checks.is_some();
    let excluded = [
        ("command", has_checks && args.command.is_some()),
        ("argv", has_checks && !args.argv.is_empty()),
        ("junit", has_checks && !args.junit.is_empty()),
    ];
    if let Some((key, _)) = excluded.into_iter().find(|(_, given)| *given) {
        return Err(bad(key, "given with `checks`".to_owned(), "a command with its reports, or a file of checks"));
    }
    if args.target.is_some() && !has_checks {
        return Err(bad("target", "given without `checks`".to_owned(), "a file of checks, whose URLs are below it"));
    }
    let needs_reports = [
        ("critical", args.critical.len(), "which tests ran"),
        ("min-tests", args.min_tests.map_or(0, |minimum| minimum as usize), "how many tests ran"),
        ("max-flaky", usize::from(args.max_flaky.is_some()), "which tests were repeated"),
    ];
    for (key, given, shows) in needs_reports {
        if args.junit.is_empty() && !has_checks && given > 0 {
            let expected = format!("reports in `junit` as well: only they say {shows}");
            return Err(bad(key, "given without `junit`".to_owned(), &expected));
        }
    }
    if !args.junit.is_empty() && args.junit.iter().all(Glob::removes) {
        return Err(bad("junit", "only `!` lines".to_owned(), "at least one line that names a report"));
    }
    if let Some(path) = &args.checks {
        let env = args.env.iter().map(|variable| (variable.name.clone(), variable.value.clone())).collect();
        let inputs = CheckInputs { path, target: args.target.as_ref(), subject, env };
        return Checks::read(inputs, ctx).map(|checks| Tests::Checks(Box::new(checks)));
    }
    let what = "the command that runs the tests; or a file of HTTP requests as `checks`";
    TeamCommand::from_settings(args.command.as_deref(), &args.argv, what, "npm run smoke").map(Tests::Command)
}

fn bad_input_with_origin(ctx: &CommandContext, key: &str, finding: Finding) -> CommandError {
    match ctx.execution.partial.copy().origins.remove(key) {
        Some(origin) => finding.with_origin(origin).bad_input(),
        None => finding.bad_input(),
    }
}
