//! `smoke`: whether every critical path works, as a team's own tests tell.
//!
//! The tests are a child of ours: ended with all that it started when its time is up, without our tokens and without the
//! runner's files of commands, and what it says is quoted. That keeps accidents away; it is no sandbox for hostile code.

mod critical;
mod judge;
pub mod junit;
mod reports;
mod source;
mod transcript;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict},
    observe::observe_until_decided,
    report::{Outcome, Output, Table},
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, clip},
    world::files::Glob,
};
use critical::Critical;
use judge::{COMMAND, Rules, Seen};
use reports::Before;
use source::{Fact, Script};
use transcript::Transcript;

/// How long reading the reports may take beside the run itself.
const READING: Duration = Duration::from_secs(60);
/// Who is quoted in the log.
const WHO: &str = "smoke";

/// Settings of `smoke`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Command that runs the tests, by `bash -e -o pipefail` (`sh -e` where there is no bash)
    #[arg(long, value_name = "SCRIPT")]
    pub command: Option<String>,
    /// Program and arguments that run the tests, without a shell
    #[arg(long, value_name = "ARGUMENT")]
    pub argv: Vec<String>,
    /// Folder that the tests run in
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub working_directory: PathBuf,
    /// Variables that the tests get beside those of the job, `NAME=VALUE`
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<Variable>,
    /// How long the tests may take; then they are ended, with everything that they started
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub timeout: HumanDuration,
    /// JUnit XML files that the tests write: paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub junit: Vec<Glob>,
    /// Names of tests that must be among those that ran, `*` for any text
    #[arg(long, value_name = "TEST")]
    pub critical: Vec<Critical>,
}

impl Command for Args {
    const NAME: &'static str = "smoke";
    const ABOUT: &'static str = "Run the smoke tests: every critical path works";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "check-circle", color: "blue" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// A variable of the environment, `NAME=VALUE`. The value may be a secret, and is never shown.
#[derive(Clone, Debug)]
pub struct Variable {
    name: String,
    value: Secret,
}

impl FromStr for Variable {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let named = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match text.split_once('=') {
            Some((name, value)) if named(name) && !value.contains('\0') => {
                Ok(Self { name: name.to_owned(), value: Secret::new(value.to_owned()) })
            }
            _ => Err(ValueError::new("`NAME=VALUE`, the name of letters, digits and `_`, and the value on one line")),
        }
    }
}

/// Runs the tests and judges them, by their reports and by how the command ended.
///
/// - It ended with 0, tests ran and none failed: passed. Without `junit` nobody can count tests, and 0 passes alone.
/// - A test failed, another exit code, or no end in time, which is a path that does not work in time: blocked.
/// - It could not be run (126 and 127, a shell's words for that, too), a signal ended it, a report is missing, broken or
///   older than the run, no test ran, or a critical one did not: inconclusive.
///
/// # Errors
/// Bad input: both or neither of `command` and `argv`, no such folder, a pattern that leads out of the workspace.
fn run(args: &Args, _subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let script = check(args, ctx)?;
    let before = Before::see(Path::new("."), &args.junit).map_err(|error| at_origin(ctx, "junit", error))?;
    let shown = shown(&script);
    let rules = Rules {
        due: ctx.execution.clock.now() + args.timeout.0,
        timeout: args.timeout,
        junit: !args.junit.is_empty(),
        critical: &args.critical,
        shown: &shown,
    };
    let transcript = Arc::new(Mutex::new(Transcript::default()));
    let programs = source::programs(&script, args, &ctx.runner_env.withheld);
    let source = source::command(programs, ctx, Arc::clone(&transcript), before);
    let group = ctx.log.group(&format!("{WHO}: {shown}"));
    let mut seen = Seen::default();
    let settled = observe_until_decided(
        &ctx.execution,
        args.timeout.0 + READING,
        vec![source],
        &mut seen,
        |seen, _, fact| match fact {
            Fact::Line(line) => ctx.log.quote(WHO, &line),
            Fact::Ended(end) => seen.end = Some((end, ctx.execution.wall())),
            Fact::Reports(reports) => seen.reports = Some(reports),
        },
        |seen, now| judge::judge(&rules, seen, now),
    );
    let transcript = transcript.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(rest) = transcript.rest() {
        ctx.log.say(&format!("… {} more lines left out; the last ones:", rest.left_out));
        rest.lines.iter().for_each(|line| ctx.log.quote(WHO, line));
    }
    drop(group);
    let mut findings = settled?;
    let mut tables: Vec<Table> = seen.reports.as_ref().and_then(judge::failing_tests).into_iter().collect();
    // The last one of that name: a test may be called so as well.
    let command = findings.iter_mut().rev().find(|finding| finding.check == COMMAND);
    if let Some(command) = command.filter(|command| command.verdict != Verdict::Passed) {
        let last = transcript.last();
        judge::quote_last(command, &last);
        tables.extend(judge::last_lines(&last));
    }
    Ok(Outcome { findings, tables, ..Outcome::default() })
}

/// What clap cannot know.
fn check(args: &Args, ctx: &CommandContext) -> Result<Script, CommandError> {
    let script = match (&args.command, args.argv.split_first()) {
        (Some(script), None) => Script::Shell(script.clone()),
        (None, Some((program, arguments))) => Script::Program(program.clone(), arguments.to_vec()),
        (given, _) => {
            let seen = if given.is_some() { "both are given" } else { "neither is given" };
            return Err(Finding::inconclusive("`command`, `argv`")
                .actual(seen)
                .expected("one of them: the command that runs the tests")
                .next("give `command: npm run smoke`, or the program and its arguments one a line as `argv`")
                .bad_input());
        }
    };
    let bad = |key: &str, seen: String, expected: &str| {
        at_origin(ctx, key, Finding::inconclusive(format!("`{key}`")).actual(seen).expected(expected))
    };
    if !args.working_directory.is_dir() {
        let seen = format!("no folder {}", args.working_directory.display());
        return Err(bad("working-directory", seen, "a folder that is there, relative to the workspace"));
    }
    if args.timeout.0.is_zero() {
        return Err(bad("timeout", "0s".to_owned(), "time for the tests to run, such as 10m"));
    }
    if args.junit.is_empty() && !args.critical.is_empty() {
        let seen = format!("{} given, and no `junit`", args.critical.len());
        return Err(bad("critical", seen, "reports in `junit` as well: without them nobody knows which tests ran"));
    }
    if !args.junit.is_empty() && args.junit.iter().all(Glob::removes) {
        return Err(bad("junit", "only `!` lines".to_owned(), "at least one line that names a report"));
    }
    Ok(script)
}

fn at_origin(ctx: &CommandContext, key: &str, error: Finding) -> CommandError {
    match ctx.execution.partial.copy().origins.remove(key) {
        Some(origin) => error.with_origin(origin).bad_input(),
        None => error.bad_input(),
    }
}

/// The command in one line.
fn shown(script: &Script) -> String {
    match script {
        Script::Shell(text) => match text.trim().split_once('\n') {
            Some((first, _)) => format!("{} …", clip(first, 200)),
            None => clip(text.trim(), 200),
        },
        Script::Program(program, arguments) => {
            let words: Vec<&str> = [program].into_iter().chain(arguments).map(String::as_str).collect();
            clip(&words.join(" "), 200)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name_that_shells_take_and_any_value() {
        for (text, name, value) in [
            ("ENVIRONMENT=staging", "ENVIRONMENT", "staging"),
            ("_a1=", "_a1", ""),
            ("X==a b\" '$(c)", "X", "=a b\" '$(c)"),
        ] {
            let variable: Variable = text.parse().unwrap();
            assert_eq!((variable.name.as_str(), variable.value.expose()), (name, value));
            assert!(!format!("{variable:?}").contains("staging"));
        }
        for bad in ["", "A", "=x", "1A=x", "A-B=x", "A B=x", " A=x", "Ä=x", "A=\0"] {
            assert!(bad.parse::<Variable>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_command_is_shown_in_one_line() {
        let shell = |text: &str| shown(&Script::Shell(text.to_owned()));
        assert_eq!(shell("npm run smoke\n"), "npm run smoke");
        assert_eq!(shell("npm ci\nnpm run smoke\n"), "npm ci …");
        assert_eq!(shown(&Script::Program("npm".to_owned(), vec!["run".to_owned(), "a b".to_owned()])), "npm run a b");
        assert_eq!(shell(&"x".repeat(300)).chars().count(), 200);
    }
}
