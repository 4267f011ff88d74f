//! `smoke`: whether every critical path works, by the team's own smoke tests.
//!
//! The tests run as a child process: killed with everything that it started at the time limit, without our tokens and the
//! runner's command files, and with its output quoted. This prevents accidents; it is not a sandbox for hostile code.

mod command;
mod command_exit;
mod critical;
mod judge;
pub mod junit;
mod reports;
mod test_reports;
mod transcript;
mod variable;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict},
    observe::{BlockingCall, observe_once, observe_stream},
    report::{Outcome, Output, Table},
    subject::Subject,
    values::HumanDuration,
    world::files::Glob,
};
use command::{CommandEvent, TestCommand};
use command_exit::CommandExit;
use critical::CriticalTest;
use judge::{COMMAND, EndedCommand, SmokeCriteria};
use reports::ReportSnapshot;
use test_reports::TestReports;
use transcript::Transcript;
use variable::EnvVariable;

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
    /// Environment variables for the tests, in addition to those of the job, as `NAME=VALUE`
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<EnvVariable>,
    /// How long the tests may take; then the gate kills them and all processes that they started
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub timeout: HumanDuration,
    /// JUnit XML files that the tests write: paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub junit: Vec<Glob>,
    /// Names of tests that must have run; `*` matches any text
    #[arg(long, value_name = "TEST")]
    pub critical: Vec<CriticalTest>,
}

impl Command for Args {
    const NAME: &'static str = "smoke";
    const ABOUT: &'static str = "Run the smoke tests, and check that every critical path works";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "check-circle", color: "blue" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// Runs the tests and judges them, by their reports and by how the command ended.
///
/// - Passed: it ended with 0, tests ran and none failed. Without `junit` tests cannot be counted, and 0 is enough.
/// - Blocked: a test failed, another exit code, or no end within the time limit.
/// - Inconclusive: it could not be run (126 and 127, which shells use for that, too), a signal ended it, a report is missing,
///   broken or of an earlier run, no test ran, or a critical one did not.
///
/// # Errors
/// Bad input: both or neither of `command` and `argv`, a missing folder, a pattern that leads out of the workspace.
fn run(args: &Args, _subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let command = validate(args, ctx)?;
    let snapshot = ReportSnapshot::take(Path::new("."), &args.junit)
        .map_err(|finding| bad_input_with_origin(ctx, "junit", finding))?;
    let description = command.describe();
    let criteria = SmokeCriteria {
        timeout: args.timeout,
        junit: !args.junit.is_empty(),
        critical: &args.critical,
        command: &description,
    };
    let deadline = ctx.execution.clock.now() + args.timeout.0 + READING;
    let transcript = Arc::new(Mutex::new(Transcript::default()));
    ctx.execution.partial.publish(&[judge::running()]);
    let group = ctx.log.group(&format!("{LOG_SOURCE}: {description}"));
    let started = ctx.execution.clock.now();
    let exit = run_command(&command, args, ctx, &transcript);
    let transcript = transcript.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(omitted) = transcript.omitted() {
        ctx.log.say(&format!("… {} more lines left out; the last ones:", omitted.count));
        omitted.lines.iter().for_each(|line| ctx.log.quote(LOG_SOURCE, line));
    }
    drop(group);
    let took = ctx.execution.clock.now().saturating_sub(started);
    let ended = exit?.map(|exit| EndedCommand { exit, at: ctx.execution.wall(), took });
    let mut findings = judge::judge(&criteria, ended.as_ref(), None);
    let mut tables = Vec::new();
    if ended.as_ref().is_some_and(|ended| criteria.wants_reports(&ended.exit)) {
        ctx.execution.partial.publish(&findings);
        let time_left = deadline.saturating_sub(ctx.execution.clock.now());
        let read: BlockingCall<TestReports> = Box::new(move || snapshot.read_new());
        if let [Some(reports)] = observe_once(&ctx.execution, time_left, [read])? {
            findings = judge::judge(&criteria, ended.as_ref(), Some(&reports));
            tables.extend(judge::failing_tests(&reports));
        }
    }
    quote_last_lines(&transcript.last(), &mut findings, &mut tables);
    Ok(Outcome { findings, tables, ..Outcome::default() })
}

/// Runs the command and logs its lines. `None`: it did not end within the time limit, and was killed.
fn run_command(
    command: &TestCommand,
    args: &Args,
    ctx: &CommandContext,
    transcript: &Arc<Mutex<Transcript>>,
) -> Result<Option<CommandExit>, CommandError> {
    let programs = command.programs(&args.working_directory, &args.env, &ctx.runner_env.withheld);
    let start = |reply| command::start(&programs, ctx, transcript, &reply);
    observe_stream(&ctx.execution, args.timeout.0, start, |event| match event {
        CommandEvent::Line(line) => {
            ctx.log.quote(LOG_SOURCE, &line);
            None
        }
        CommandEvent::Ended(exit) => Some(exit),
    })
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

/// Checks the settings beyond what clap checks, and returns the command.
fn validate(args: &Args, ctx: &CommandContext) -> Result<TestCommand, CommandError> {
    let command = match (&args.command, args.argv.split_first()) {
        (Some(script), None) => TestCommand::Shell(script.clone()),
        (None, Some((program, arguments))) => TestCommand::Program(program.clone(), arguments.to_vec()),
        (script, _) => {
            let actual = if script.is_some() { "both are given" } else { "neither is given" };
            return Err(Finding::inconclusive("`command`, `argv`")
                .actual(actual)
                .expected("one of them: the command that runs the tests")
                .next("give `command: npm run smoke`, or the program and its arguments, one per line, as `argv`")
                .bad_input());
        }
    };
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
    if args.junit.is_empty() && !args.critical.is_empty() {
        let actual = format!("{} given, and no `junit`", args.critical.len());
        return Err(bad("critical", actual, "reports in `junit` as well: only they say which tests ran"));
    }
    if !args.junit.is_empty() && args.junit.iter().all(Glob::removes) {
        return Err(bad("junit", "only `!` lines".to_owned(), "at least one line that names a report"));
    }
    Ok(command)
}

fn bad_input_with_origin(ctx: &CommandContext, key: &str, finding: Finding) -> CommandError {
    match ctx.execution.partial.copy().origins.remove(key) {
        Some(origin) => finding.with_origin(origin).bad_input(),
        None => finding.bad_input(),
    }
}
