//! Runs steps as a GitHub Actions runner does: each step is a process of this program with the inputs, files and variables
//! that a composite action gives it. Of this machine's environment it gets only `PATH`.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use crate::{
    context::CommandContext,
    error::{CommandError, exit_code},
    finding::{Finding, Verdict},
    observe::{Judgement, PollInterval, Reply, Source, observe_until_decided},
    report::Report,
    runner_env,
    world::process::{ProcessError, ProcessEvent, ProcessStatus, Program, RunningProcess},
};

/// The time limit of a step. The longest ones take a few seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// The file in a step's folder that holds its job summary.
pub const SUMMARY: &str = "summary.md";

/// Runs the commands of `program` as steps.
pub struct StepRunner<'a> {
    pub ctx: &'a CommandContext,
    pub program: &'a Path,
}

/// The result of a step, read from its outputs.
pub struct StepResult {
    pub verdict: Verdict,
    /// The verdict in one line.
    pub reason: String,
    pub outputs: BTreeMap<String, String>,
    /// The compact report.
    pub report: Report,
    /// The lines that it printed.
    pub lines: Vec<String>,
}

impl StepResult {
    /// The commit that it pushed to the infra repository, if it pushed one.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        let changed = self.outputs.get("changed").is_some_and(|changed| changed == "true");
        self.outputs.get("commit").map(String::as_str).filter(|_| changed)
    }
}

impl StepRunner<'_> {
    /// Runs `uses: acme/promote-gates/<command>` with inputs, and keeps its log, outputs and summary in `folder`.
    ///
    /// # Errors
    /// Unobservable when it cannot be run, or when its outputs are missing or contradict each other; [`CommandError::Cancelled`].
    pub fn run(
        &self,
        command: &str,
        with: &[(&str, String)],
        workspace: &Path,
        variables: &BTreeMap<&'static str, String>,
        folder: &Path,
    ) -> Result<StepResult, CommandError> {
        fs::create_dir_all(folder).map_err(|error| write_error(folder, &error))?;
        let mut program = Program::new(self.program).scrubbed().show_args(str::to_owned).arg(command).in_dir(workspace);
        for (name, value) in variables {
            program = program.set(name, value);
        }
        program = program.set("GITHUB_OUTPUT", folder.join("output"));
        program = program.set("GITHUB_STEP_SUMMARY", folder.join(SUMMARY));
        for (key, value) in with {
            program = program.set(runner_env::variable(key), value);
        }
        let (lines, status) = self.run_process(command, &program)?;
        let log = folder.join("log.txt");
        fs::write(&log, format_log(command, with, &lines)).map_err(|error| write_error(&log, &error))?;

        let text = fs::read_to_string(folder.join("output")).unwrap_or_default();
        parse_step_result(outputs(&text), status).map(|result| StepResult { lines, ..result }).map_err(|observed| {
            Finding::inconclusive(format!("step {command}"))
                .actual(observed)
                .expected("a verdict, a report, and the exit code of that verdict")
                .next(format!("read {}", log.display()))
                .unobservable()
        })
    }

    /// The lines that the process printed, and its status.
    fn run_process(&self, command: &str, program: &Program) -> Result<(Vec<String>, ProcessStatus), CommandError> {
        type ProcessEnd = (Vec<String>, Result<ProcessStatus, ProcessError>);
        let groups = &self.ctx.world.groups;
        let source = Source::new(PollInterval::Once, |reply: Reply<ProcessEnd>| {
            let (mut lines, failed) = (Vec::new(), reply.clone());
            let started = RunningProcess::start(program, groups, move |event| match event {
                ProcessEvent::Line(_, line) => lines.push(line),
                ProcessEvent::Ended(end) => reply.send((std::mem::take(&mut lines), end.map(|end| end.status))),
            });
            match started {
                Ok(running) => Box::new(running),
                Err(error) => {
                    failed.send((Vec::new(), Err(error)));
                    Box::new(())
                }
            }
        })
        .named(command);
        let timed_out = || {
            Finding::inconclusive(format!("step {command}"))
                .actual("still running after a minute")
                .expected("an end within a minute")
        };
        let (lines, end) = wait_for_fact(self.ctx, LIMIT, source)?.ok_or_else(|| timed_out().unobservable())?;
        Ok((lines, end.map_err(|error| error.to_finding().unobservable())?))
    }
}

/// Waits for the one fact of a source; `None` when none came within the limit. A signal ends the wait.
///
/// # Errors
/// [`CommandError::Cancelled`].
fn wait_for_fact<F: Send + 'static>(
    ctx: &CommandContext,
    limit: Duration,
    source: Source<'_, F>,
) -> Result<Option<F>, CommandError> {
    let mut received = None;
    let absorb = |received: &mut Option<F>, _, fact| *received = Some(fact);
    observe_until_decided(&ctx.execution, limit, vec![source], &mut received, absorb, |received, _| match received {
        Some(_) => Judgement::decided(Vec::new()),
        None => Judgement::pending(Vec::new()),
    })?;
    Ok(received)
}

/// The error for a file that could not be written.
pub fn write_error(path: &Path, error: &io::Error) -> CommandError {
    Finding::inconclusive(path.display().to_string())
        .actual(error.to_string())
        .expected("a folder that can be written to")
        .unobservable()
}

/// Reads a step's result from its outputs. The exit code must be the one of the verdict.
fn parse_step_result(outputs: BTreeMap<String, String>, status: ProcessStatus) -> Result<StepResult, String> {
    let output = |name: &str| outputs.get(name).ok_or_else(|| format!("{status}, and no output `{name}`"));
    let report: Report = serde_json::from_str(output("report")?).map_err(|error| format!("no report: {error}"))?;
    let (verdict, reason) = (report.verdict, output("reason")?.clone());
    if output("verdict")? != verdict.word() || status != ProcessStatus::Exited(exit_code(Ok(verdict), false).into()) {
        return Err(format!("{status}, and the verdict {verdict}: {reason}"));
    }
    Ok(StepResult { verdict, reason, outputs, report, lines: Vec::new() })
}

/// Reads a `GITHUB_OUTPUT` file: `name<<delimiter`, the lines of the value, and a line that is the delimiter.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some((name, delimiter)) = lines.by_ref().find_map(|line| line.split_once("<<")) {
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}

/// A step's log as the runner shows it: the action, its inputs and its lines, with secrets as `***`.
fn format_log(command: &str, with: &[(&str, String)], lines: &[String]) -> String {
    const MASK: &str = "::add-mask::";
    let secrets: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(MASK)).collect();
    let mut log = format!("Run acme/promote-gates/{command}@v1\n  with:\n");
    for (key, value) in with {
        log += &format!("    {key}: {}\n", value.replace('\n', "\n      "));
    }
    for line in lines.iter().filter(|line| !line.starts_with(MASK)) {
        log += &format!("{line}\n");
    }
    secrets.iter().filter(|secret| !secret.is_empty()).fold(log, |log, secret| log.replace(secret, "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_ends_at_its_delimiter() {
        let read = outputs("a<<E1\nx<<y\n\nE2\nE1\nb<<E2\nE2\n");
        assert_eq!(
            read,
            [("a", "x<<y\n\nE2"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        );
    }

    #[test]
    fn secrets_are_masked_in_a_log() {
        let lines = ["::add-mask::s3cret", "sent with s3cret"].map(ToOwned::to_owned);
        let log = format_log("record", &[("token", "s3cret".to_owned()), ("required", "a\nb".to_owned())], &lines);
        assert_eq!(
            log,
            "Run acme/promote-gates/record@v1\n  with:\n    token: ***\n    required: a\n      b\nsent with ***\n"
        );
    }

    #[test]
    fn a_result_needs_the_exit_code_of_its_verdict() {
        let mut report = Report::open("health", String::new());
        report.close(Ok(vec![Finding::passed("ready")].into()), String::new());
        let text = serde_json::to_string(&report).unwrap();
        let outputs = |verdict: &str| {
            let all = [("verdict", verdict), ("reason", "ready"), ("report", &text)];
            all.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        };
        assert_eq!(parse_step_result(outputs("passed"), ProcessStatus::Exited(0)).ok().unwrap().reason, "ready");
        for (verdict, code, why) in
            [("passed", 1, "exit code 1, and the verdict passed"), ("blocked", 0, "passed: ready")]
        {
            assert!(parse_step_result(outputs(verdict), ProcessStatus::Exited(code)).err().unwrap().contains(why));
        }
        assert_eq!(
            parse_step_result(BTreeMap::new(), ProcessStatus::Exited(2)).err().unwrap(),
            "exit code 2, and no output `report`"
        );
    }
}
