//! A runner as far as the commands can tell: each step is this program, with the inputs, files and variables that a
//! composite action gives it, and nothing of this machine's own but PATH.

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

/// No step here takes this long.
const LIMIT: Duration = Duration::from_secs(60);
/// A step's summary, in its folder.
pub const SUMMARY: &str = "summary.md";

/// Where steps run: this program, in a job's workspace, with a job's variables.
pub struct Runner<'a> {
    pub ctx: &'a CommandContext,
    pub program: &'a Path,
}

/// How a step ended, by what it put out.
pub struct Ended {
    pub verdict: Verdict,
    /// The verdict in one line.
    pub reason: String,
    pub outputs: BTreeMap<String, String>,
    /// The compact report.
    pub report: Report,
    /// What it printed.
    pub lines: Vec<String>,
}

impl Ended {
    /// The commit that it pushed to the infra repository.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        let changed = self.outputs.get("changed").is_some_and(|changed| changed == "true");
        self.outputs.get("commit").map(String::as_str).filter(|_| changed)
    }
}

impl Runner<'_> {
    /// Runs `uses: acme/promote-gates/<command>` with inputs to its end, and keeps its log, outputs and summary in `folder`.
    ///
    /// # Errors
    /// Unseen when it could not be run or told nothing that can be understood; [`CommandError::Cancelled`].
    pub fn uses(
        &self,
        command: &str,
        with: &[(&str, String)],
        workspace: &Path,
        variables: &BTreeMap<&'static str, String>,
        folder: &Path,
    ) -> Result<Ended, CommandError> {
        fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
        let mut program = Program::new(self.program).scrubbed().arg(command).in_dir(workspace);
        for (name, value) in variables {
            program = program.set(name, value);
        }
        program = program.set("GITHUB_OUTPUT", folder.join("output"));
        program = program.set("GITHUB_STEP_SUMMARY", folder.join(SUMMARY));
        for (key, value) in with {
            program = program.set(runner_env::variable(key), value);
        }
        let (lines, status) = self.to_its_end(command, &program)?;
        let log = folder.join("log.txt");
        fs::write(&log, log_of(command, with, &lines)).map_err(|error| unwritten(&log, &error))?;

        let text = fs::read_to_string(folder.join("output")).unwrap_or_default();
        understood(outputs(&text), status).map(|ended| Ended { lines, ..ended }).map_err(|seen| {
            Finding::inconclusive(format!("step {command}"))
                .actual(seen)
                .expected("a verdict, a report, and the exit code that belongs to it")
                .next(format!("read {}", log.display()))
                .unobservable()
        })
    }

    fn to_its_end(&self, command: &str, program: &Program) -> Result<(Vec<String>, ProcessStatus), CommandError> {
        type Said = (Vec<String>, Result<ProcessStatus, ProcessError>);
        let groups = &self.ctx.world.groups;
        let source = Source::new(PollInterval::Once, |reply: Reply<Said>| {
            let (mut lines, failed) = (Vec::new(), reply.clone());
            let started = RunningProcess::start(program, groups, move |heard| match heard {
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
        });
        let unended =
            || Finding::inconclusive(format!("step {command}")).actual("it did not end").expected("an end in a minute");
        let (lines, end) = once(self.ctx, LIMIT, source)?.ok_or_else(|| unended().unobservable())?;
        Ok((lines, end.map_err(|error| error.to_finding().unobservable())?))
    }
}

/// Waits for the one fact of one source, where a signal is heard; `None` when none came in time.
///
/// # Errors
/// [`CommandError::Cancelled`].
pub fn once<F: Send + 'static>(
    ctx: &CommandContext,
    limit: Duration,
    source: Source<'_, F>,
) -> Result<Option<F>, CommandError> {
    let mut seen = None;
    let absorb = |seen: &mut Option<F>, _, fact| *seen = Some(fact);
    observe_until_decided(&ctx.execution, limit, vec![source], &mut seen, absorb, |seen, _| match seen {
        Some(_) => Judgement::decided(Vec::new()),
        None => Judgement::pending(Vec::new()),
    })?;
    Ok(seen)
}

/// A file of ours that could not be written.
pub fn unwritten(path: &Path, error: &io::Error) -> CommandError {
    Finding::inconclusive(path.display().to_string())
        .actual(error.to_string())
        .expected("a place to write to")
        .unobservable()
}

/// Takes a step at its word only when its exit code says the same.
fn understood(outputs: BTreeMap<String, String>, status: ProcessStatus) -> Result<Ended, String> {
    let told = |name: &str| outputs.get(name).ok_or_else(|| format!("{status}, and no output `{name}`"));
    let report: Report = serde_json::from_str(told("report")?).map_err(|error| format!("no report: {error}"))?;
    let (verdict, reason) = (report.verdict, told("reason")?.clone());
    if told("verdict")? != verdict.word() || status != ProcessStatus::Exited(exit_code(Ok(verdict), false).into()) {
        return Err(format!("{status}, and the verdict {verdict}: {reason}"));
    }
    Ok(Ended { verdict, reason, outputs, report, lines: Vec::new() })
}

/// Reads what a command wrote to `GITHUB_OUTPUT`: `name<<delimiter`, lines, and a line that is the delimiter.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some((name, delimiter)) = lines.by_ref().find_map(|line| line.split_once("<<")) {
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}

/// A step's log as the runner shows it: the action, its inputs, what was said; secrets as `***`.
fn log_of(command: &str, with: &[(&str, String)], lines: &[String]) -> String {
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
    fn outputs_are_read_to_their_delimiters() {
        let read = outputs("a<<E1\nx<<y\n\nE2\nE1\nb<<E2\nE2\n");
        assert_eq!(
            read,
            [("a", "x<<y\n\nE2"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        );
    }

    #[test]
    fn a_log_holds_no_secret() {
        let lines = ["::add-mask::s3cret", "sent with s3cret"].map(ToOwned::to_owned);
        let log = log_of("record", &[("token", "s3cret".to_owned()), ("required", "a\nb".to_owned())], &lines);
        assert_eq!(
            log,
            "Run acme/promote-gates/record@v1\n  with:\n    token: ***\n    required: a\n      b\nsent with ***\n"
        );
    }

    #[test]
    fn a_step_is_believed_only_when_its_exit_code_says_the_same() {
        let mut report = Report::open("health", String::new());
        report.close(Ok(vec![Finding::passed("ready")].into()), String::new());
        let text = serde_json::to_string(&report).unwrap();
        let told = |verdict: &str| {
            let all = [("verdict", verdict), ("reason", "ready"), ("report", &text)];
            all.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        };
        assert_eq!(understood(told("passed"), ProcessStatus::Exited(0)).ok().unwrap().reason, "ready");
        for (verdict, code, why) in
            [("passed", 1, "exit code 1, and the verdict passed"), ("blocked", 0, "passed: ready")]
        {
            assert!(understood(told(verdict), ProcessStatus::Exited(code)).err().unwrap().contains(why));
        }
        assert_eq!(
            understood(BTreeMap::new(), ProcessStatus::Exited(2)).err().unwrap(),
            "exit code 2, and no output `report`"
        );
    }
}
