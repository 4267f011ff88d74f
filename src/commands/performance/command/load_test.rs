//! One run of the load test: starts it, waits for its end, and reads what it measured.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::run_failure::RunFailure;
use crate::{
    commands::performance::{
        measured::{Block, Part, RunSide},
        measurement::Side,
        sources::{FileOrUrl, ResultsFormat, SideReader},
        target::Target,
    },
    context::CommandContext,
    error::CommandError,
    expression::Expression,
    finding::Finding,
    observe::{BlockingCall, observe_once},
    report::Table,
    team_command::{
        self, CommandEnd, LoggedLines, TeamCommand, exit::CommandExit, transcript::Transcript, variable::EnvVariable,
    },
    values::{HumanDuration, clip},
    world::http::HttpClient,
};

/// How long reading the results of one run may take.
const READING: Duration = Duration::from_secs(60);
/// The most bytes of results on stdout. Larger ones go into a file.
const STDOUT: usize = 32 << 20;
/// Tokens that a load test does not need; one that does gets it by `env`.
const TOKENS: [&str; 4] = ["GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_CACHE_TOKEN"];
/// The name before each quoted line in the log.
const LOG_SOURCE: &str = "load test";
/// How many of the last lines a finding quotes.
const QUOTED: usize = 3;

/// How to read what a run wrote.
#[derive(Clone)]
pub struct ResultsSettings {
    /// The file that each run writes; `None`: its stdout.
    pub file: Option<String>,
    pub format: ResultsFormat,
    pub query: Option<Expression>,
    pub side: Side,
    /// Results are never at a URL, but a reader of either needs a client.
    pub http: HttpClient,
}

/// The load test, and on what it runs.
pub struct LoadTestCommand<'a> {
    pub command: &'a TeamCommand,
    pub folder: &'a Path,
    pub env: &'a [EnvVariable],
    /// The target and the baseline target.
    pub targets: [&'a Target; 2],
    pub duration: HumanDuration,
    pub users: u32,
    pub timeout: Duration,
    pub results: &'a ResultsSettings,
}

impl LoadTestCommand<'_> {
    pub const fn target(&self, side: RunSide) -> &Target {
        match side {
            RunSide::Target => self.targets[0],
            RunSide::Baseline => self.targets[1],
        }
    }

    /// Runs the load test once; `name` says which pair it belongs to.
    ///
    /// # Errors
    /// A signal.
    pub fn run(
        &self,
        name: &str,
        side: RunSide,
        ctx: &CommandContext,
    ) -> Result<Result<Block, RunFailure>, CommandError> {
        if let Some(Err(finding)) = self.results.file.as_deref().map(remove) {
            return Err(finding.bad_input());
        }
        let transcript = Arc::new(Mutex::new(Transcript::default()));
        let logged = if self.results.file.is_some() { LoggedLines::All } else { LoggedLines::Stderr };
        let group = ctx.log.group(&format!("{LOG_SOURCE}, {name}, {side}: TARGET={}", self.target(side)));
        let programs = self.programs(side, ctx);
        let end = team_command::run(&programs, self.timeout, (LOG_SOURCE, logged), ctx, &transcript);
        drop(group);
        let end = match self.check_end(end?, name, side) {
            Ok(end) => end,
            Err(finding) => {
                let lines = transcript.lock().unwrap_or_else(PoisonError::into_inner).last();
                return Ok(Err(with_last_lines(finding, &lines)));
            }
        };
        let results = self.results.clone();
        let read: BlockingCall<Result<Block, Finding>> = Box::new(move || read(results, end));
        let [block] = observe_once(&ctx.execution, READING, [read])?;
        let block = block.unwrap_or_else(|| Err(unread()));
        Ok(block.and_then(|block| self.check_target(block, side)).map_err(|finding| {
            let actual = format!("{}: {}", finding.check, finding.actual);
            RunFailure::from(Finding { check: format!("results of {name}, {side}"), actual, ..finding })
        }))
    }

    fn programs(&self, side: RunSide, ctx: &CommandContext) -> Vec<crate::world::process::Program> {
        let given = |name: &str| self.env.iter().any(|variable| variable.name == name);
        let keep = if self.results.file.is_some() { 0 } else { STDOUT };
        let programs = self.command.programs(self.folder, self.env, &ctx.runner_env.withheld);
        let prepare = |program: crate::world::process::Program| {
            let tokens = TOKENS.iter().filter(|name| !given(name));
            let program = tokens.fold(program.keep(keep), |program, name| program.unset(*name));
            program
                .set("TARGET", self.target(side).as_str())
                .set("DURATION", whole_seconds(self.duration))
                .set("USERS", self.users.to_string())
        };
        programs.into_iter().map(prepare).collect()
    }

    /// A run that did not end with 0 may have measured only a part.
    fn check_end(&self, end: Option<CommandEnd>, name: &str, side: RunSide) -> Result<CommandEnd, Finding> {
        let failed = |actual: String, next: &str| {
            Finding::inconclusive(format!("load test of {name}, {side}"))
                .actual(actual)
                .expected("exit code 0: it has measured everything")
                .next(next)
        };
        let Some(end) = end else {
            let limit = HumanDuration(self.timeout);
            let actual = format!("no end within {limit}: it was ended, with everything that it started");
            return Err(failed(actual, "let it end after `DURATION`, or raise `run-timeout`"));
        };
        match &end.exit {
            CommandExit::Exited(0) => Ok(end),
            CommandExit::Exited(code @ (126 | 127)) => Err(failed(
                format!("exit code {code}: something it calls was not found, or cannot be executed"),
                "install what it calls in a step before, or correct its name",
            )),
            CommandExit::Exited(code) => Err(failed(
                format!("exit code {code}"),
                "see its last lines; a load test with its own limits (thresholds of k6, `--exit-code-on-error` of Locust) must \
                 leave the judgement to the gate, and end with 0",
            )),
            CommandExit::Signalled(signal) => Err(failed(
                format!("ended by signal {signal}"),
                "run it again; signal 9 most often says that the machine was out of memory",
            )),
            CommandExit::Unobservable(finding) => {
                let actual = format!("{}: {}", finding.check, finding.actual);
                Err(failed(actual, finding.next.as_deref().unwrap_or("see why it could not be started")))
            }
        }
    }

    /// A load test that ignores `TARGET` measures the same server twice. Endpoints lose the address of the target, which the other
    /// target does not have.
    fn check_target(&self, block: Block, side: RunSide) -> Result<Block, Finding> {
        let wanted = self.target(side);
        let elsewhere = |reported: &str| {
            Finding::inconclusive("results")
                .actual(format!("they are about {}", clip(reported, 200)))
                .expected(format!("results about {wanted}"))
                .next("let the load test send its requests to the environment variable `TARGET`")
        };
        if let Some(reported) = block.target.as_deref().filter(|reported| !wanted.has_host_of(reported)) {
            return Err(elsewhere(reported));
        }
        let mut parts = BTreeMap::new();
        for (part, figures) in block.parts {
            let part = match part {
                Part::Endpoint(name) => Part::Endpoint(wanted.relative(&name)),
                Part::All => part,
            };
            parts.entry(part).or_insert(figures);
        }
        let names = || {
            parts.keys().filter_map(|part| match part {
                Part::Endpoint(name) => Some(name),
                Part::All => None,
            })
        };
        match names().next() {
            Some(first) if names().all(|name| wanted.is_elsewhere(name)) => Err(elsewhere(first)),
            _ => Ok(Block { parts, ..block }),
        }
    }
}

/// What every tool reads as a duration: `1m30s` is none for some.
fn whole_seconds(HumanDuration(duration): HumanDuration) -> String {
    format!("{}s", duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

fn read(settings: ResultsSettings, end: CommandEnd) -> Result<Block, Finding> {
    let ResultsSettings { file, format, query, side, http } = settings;
    let reader = SideReader {
        side,
        source: FileOrUrl::File(file.clone().unwrap_or_else(|| "stdout".to_owned())),
        query,
        format,
        headers: Vec::new(),
        timeout: READING,
        http,
        trusted: None,
    };
    let measured = match file {
        Some(_) => reader.read(),
        None if end.stdout.whole().is_none() => {
            return Err(Finding::inconclusive("results")
                .actual("over 32 MiB on stdout")
                .expected("results that fit")
                .next("let the load test write a file, and name it in `results`"));
        }
        None => reader.read_bytes(end.stdout.bytes),
    };
    // What a run wrote is not an input: a run without results is inconclusive.
    measured.map(|measured| Block::of_run(&measured)).map_err(|error| {
        let finding = error.finding().unwrap_or_else(unread);
        let next = finding.next.clone().unwrap_or_else(|| "see what the load test wrote".to_owned());
        finding.next(next)
    })
}

fn unread() -> Finding {
    Finding::inconclusive("results")
        .actual("not read to the end")
        .expected(format!("results that can be read within {}", HumanDuration(READING)))
        .next("let the load test write fewer samples, or a summary")
}

/// The finding with the last lines of the load test.
fn with_last_lines(finding: Finding, lines: &[String]) -> RunFailure {
    if lines.is_empty() {
        return finding.into();
    }
    let last = &lines[lines.len().saturating_sub(QUOTED)..];
    let actual = format!("{}; its last lines:\n{}", finding.actual, last.join("\n"));
    let rows = lines.iter().map(|line| [line.clone()]);
    let table = Table::new("Last lines of the load test", &["Line"], rows);
    RunFailure { finding: Finding { actual, ..finding }, tables: vec![table] }
}

/// Removes a file that the next run must write again.
fn remove(path: &str) -> Result<(), Finding> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Finding::inconclusive("`results`")
            .actual(format!("{path}: {error}"))
            .expected("the file that each run writes; the gate deletes it before each run")
            .next("name the file that the load test writes")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_given_in_whole_seconds() {
        for (given, written) in [("30s", "30s"), ("2m", "120s"), ("1500ms", "2s"), ("1ms", "1s")] {
            assert_eq!(whole_seconds(given.parse().unwrap()), written);
        }
    }
}
