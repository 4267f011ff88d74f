//! A command of the team, such as its smoke tests or its load test: which programs it is, how it is started, and what it sends
//! while it runs.
//!
//! It runs as a child process: killed with everything that it started at the time limit, without our inputs and the runner's
//! command files, and with its output quoted. This prevents accidents; it is not a sandbox for hostile code.

pub mod exit;
pub mod transcript;
pub mod variable;

use std::{
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::{LookGuard, Reply, observe_stream},
    values::clip,
    world::process::{CapturedOutput, ProcessError, ProcessEvent, ProcessStatus, Program, RunningProcess, Stream},
};
use exit::CommandExit;
use transcript::Transcript;
use variable::EnvVariable;

/// The most characters of a command in messages.
const DESCRIPTION: usize = 200;

/// A command, as the settings give it.
#[derive(Clone, Debug)]
pub enum TeamCommand {
    /// Text for a shell.
    Shell(String),
    /// A program and its arguments.
    Program(String, Vec<String>),
}

/// What a running command sends.
enum CommandEvent {
    /// A line for the log.
    Line(String),
    /// The last event.
    Ended(CommandEnd),
}

/// How a command ended, and the end of what it printed to stdout, as far as its program keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    pub exit: CommandExit,
    pub stdout: CapturedOutput,
}

/// Which lines the log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedLines {
    All,
    /// stdout holds data.
    Stderr,
}

/// Runs the first of `programs` that is installed, and logs its lines after the name `source`. `None`: it did not end within the
/// time limit, and was killed with everything that it started.
///
/// # Errors
/// A signal.
pub fn run(
    programs: &[Program],
    limit: Duration,
    (source, logged): (&str, LoggedLines),
    ctx: &CommandContext,
    transcript: &Arc<Mutex<Transcript>>,
) -> Result<Option<CommandEnd>, CommandError> {
    ctx.world.groups.adopt_orphans();
    let end = observe_stream(
        &ctx.execution,
        limit,
        |reply| start(programs, logged, ctx, transcript, &reply),
        |event| match event {
            CommandEvent::Line(line) => {
                ctx.log.quote(source, &line);
                None
            }
            CommandEvent::Ended(end) => Some(end),
        },
    );
    ctx.world.groups.end_orphans();
    if let Some(omitted) = transcript.lock().unwrap_or_else(PoisonError::into_inner).omitted() {
        ctx.log.say(&format!("… {} more lines left out; the last ones:", omitted.count));
        omitted.lines.iter().for_each(|line| ctx.log.quote(source, line));
    }
    end
}

/// For a shell other than bash: the first failure of a pipe counts, if the shell supports that.
const PIPEFAIL: &str = "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\n";

impl TeamCommand {
    /// The command of the settings `command` and `argv`, of which one has to be given. `what` it is and an `example` are for the
    /// message.
    ///
    /// # Errors
    /// Bad input: both or neither of them.
    pub fn from_settings(
        command: Option<&str>,
        argv: &[String],
        what: &str,
        example: &str,
    ) -> Result<Self, CommandError> {
        let actual = match (command, argv.split_first()) {
            (Some(script), None) => return Ok(Self::Shell(script.to_owned())),
            (None, Some((program, arguments))) => return Ok(Self::Program(program.clone(), arguments.to_vec())),
            (Some(_), Some(_)) => "both are given",
            (None, None) => "neither is given",
        };
        Err(Finding::inconclusive("`command`, `argv`")
            .actual(actual)
            .expected(format!("one of them: {what}"))
            .next(format!("give `command: {example}`, or the program and its arguments, one per line, as `argv`"))
            .bad_input())
    }

    /// The program to start, and those to start instead if it is not installed.
    ///
    /// A shell stops at the first error, and a pipe fails when any part of it fails, as in GitHub's `shell: bash`: a `| tee`
    /// must not turn a failure into a pass.
    pub fn programs(&self, working_directory: &Path, env: &[EnvVariable], withheld: &[OsString]) -> Vec<Program> {
        let programs = match self {
            Self::Shell(text) => vec![
                Program::new("bash").args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text]),
                Program::new("sh").args(["-e", "-c"]).arg(format!("{PIPEFAIL}{text}")),
            ],
            Self::Program(name, arguments) => vec![Program::new(name).args(arguments)],
        };
        let prepare = |program: Program| {
            // Only the lines are read, as they come: no output is kept, unless the caller asks for it.
            let program = program.in_dir(working_directory).keep(0);
            let program = withheld.iter().fold(program, Program::unset);
            env.iter().fold(program, |program, variable| program.set(&variable.name, variable.value.expose()))
        };
        programs.into_iter().map(prepare).collect()
    }

    /// The command in one line.
    pub fn describe(&self) -> String {
        match self {
            Self::Shell(text) => match text.trim().split_once('\n') {
                Some((first, _)) => format!("{} …", clip(first, DESCRIPTION)),
                None => clip(text.trim(), DESCRIPTION),
            },
            Self::Program(program, arguments) => {
                let words: Vec<&str> = [program].into_iter().chain(arguments).map(String::as_str).collect();
                clip(&words.join(" "), DESCRIPTION)
            }
        }
    }
}

/// Starts the first of `programs` that is installed. It is killed, with everything that it started, when the guard is
/// dropped.
fn start(
    programs: &[Program],
    logged: LoggedLines,
    ctx: &CommandContext,
    transcript: &Arc<Mutex<Transcript>>,
    reply: &Reply<CommandEvent>,
) -> LookGuard {
    let mut missing = None;
    for program in programs {
        if let Some(ProcessError::NotFound { program: name }) = &missing {
            ctx.log.say(&format!("{name} is not installed: {} runs the command", program.name()));
        }
        match RunningProcess::start(program, &ctx.world.groups, listener(reply.clone(), logged, Arc::clone(transcript)))
        {
            Ok(running) => return Box::new(running),
            Err(error) => {
                let last = !matches!(error, ProcessError::NotFound { .. });
                missing = Some(error);
                if last {
                    break;
                }
            }
        }
    }
    if let Some(error) = missing {
        let exit = CommandExit::Unobservable(start_failure(&error));
        reply.send(CommandEvent::Ended(CommandEnd { exit, stdout: CapturedOutput::default() }));
    }
    Box::new(())
}

/// Passes on the lines that the log has room for, and the end. So memory stays bounded however much the command prints.
fn listener(
    reply: Reply<CommandEvent>,
    logged: LoggedLines,
    transcript: Arc<Mutex<Transcript>>,
) -> impl FnMut(ProcessEvent) + Send + 'static {
    move |event| match event {
        ProcessEvent::Line(Stream::Stdout, _) if logged == LoggedLines::Stderr => {}
        ProcessEvent::Line(_, line) => {
            let line = transcript.lock().unwrap_or_else(PoisonError::into_inner).add(&line);
            if let Some(line) = line {
                reply.send(CommandEvent::Line(line));
            }
        }
        ProcessEvent::Ended(end) => {
            reply.send(CommandEvent::Ended(match end {
                Ok(finished) => CommandEnd {
                    exit: match finished.status {
                        ProcessStatus::Exited(code) => CommandExit::Exited(code),
                        ProcessStatus::Signalled(signal) => CommandExit::Signalled(signal),
                    },
                    stdout: finished.stdout,
                },
                Err(error) => CommandEnd {
                    exit: CommandExit::Unobservable(error.to_finding()),
                    stdout: CapturedOutput::default(),
                },
            }));
        }
    }
}

fn start_failure(error: &ProcessError) -> Finding {
    let finding = error.to_finding();
    match error {
        ProcessError::NotFound { program } if program.contains(char::is_whitespace) => {
            finding.next("`argv` has one argument a line; a whole line for a shell goes into `command`")
        }
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::process::{ProcessGroups, run as run_program};

    fn programs(command: &TeamCommand, env: &[&str], withheld: &[OsString]) -> Vec<Program> {
        let env: Vec<EnvVariable> = env.iter().map(|text| text.parse().unwrap()).collect();
        command.programs(Path::new("."), &env, withheld)
    }

    #[test]
    fn both_shells_stop_at_an_error_and_a_pipe_fails_with_any_part() {
        let finish = |program: &Program| {
            run_program(&program.clone().keep(100), &ProcessGroups::default(), Duration::from_secs(20))
        };
        for (script, code, stdout) in [
            ("echo a; (exit 3); echo b", 3, "a\n"),
            ("if false; then echo a; fi; echo \"$ADDED\"", 0, "b c\n"),
            ("\necho a\n", 0, "a\n"),
        ] {
            let programs = programs(&TeamCommand::Shell(script.to_owned()), &["ADDED=b c"], &[]);
            assert_eq!(programs.len(), 2);
            for program in programs {
                // Not every machine has bash.
                match finish(&program) {
                    Err(ProcessError::NotFound { program }) if program == "bash" => {}
                    end => {
                        let end = end.unwrap();
                        assert_eq!(
                            (end.status, end.stdout.text().as_str()),
                            (ProcessStatus::Exited(code), stdout),
                            "{script}"
                        );
                    }
                }
            }
        }
        let programs = programs(&TeamCommand::Shell("false | cat; echo a".to_owned()), &[], &[]);
        if let Ok(end) = finish(&programs[0]) {
            assert_eq!((end.status, end.stdout.text().as_str()), (ProcessStatus::Exited(1), ""));
        }
    }

    #[test]
    fn withheld_variables_are_not_inherited_and_given_ones_are_set() {
        let script =
            TeamCommand::Program("sh".to_owned(), vec!["-c".to_owned(), "echo ${HOME-none} ${PATH+path}".to_owned()]);
        let stdout = |env: &[&str], withheld: &[OsString]| {
            let program = programs(&script, env, withheld).remove(0).keep(100);
            run_program(&program, &ProcessGroups::default(), Duration::from_secs(20)).unwrap().stdout.text()
        };
        assert_eq!(stdout(&[], &["HOME".into()]), "none path\n");
        assert_eq!(
            stdout(&["HOME=/given"], &["HOME".into()]),
            "/given path\n",
            "a given value is set even if withheld"
        );
    }

    #[test]
    fn a_command_is_described_in_one_line() {
        let shell = |text: &str| TeamCommand::Shell(text.to_owned()).describe();
        assert_eq!(shell("npm run smoke\n"), "npm run smoke");
        assert_eq!(shell("npm ci\nnpm run smoke\n"), "npm ci …");
        let program = TeamCommand::Program("npm".to_owned(), vec!["run".to_owned(), "a b".to_owned()]);
        assert_eq!(program.describe(), "npm run a b");
        assert_eq!(shell(&"x".repeat(300)).chars().count(), 200);
    }

    /// The events of the first of `programs` that starts, up to its end.
    fn events(programs: &[Program]) -> Vec<String> {
        let ctx = crate::context::tests::test_context();
        let mut events = Vec::new();
        let ended = observe_stream(
            &ctx.execution,
            Duration::from_secs(20),
            |reply| start(programs, LoggedLines::All, &ctx, &Arc::default(), &reply),
            |event| {
                let (text, ended) = match event {
                    CommandEvent::Line(line) => (line, None),
                    CommandEvent::Ended(end) => match end.exit {
                        CommandExit::Exited(code) => (format!("exit {code}"), Some(())),
                        CommandExit::Signalled(signal) => (format!("signal {signal}"), Some(())),
                        CommandExit::Unobservable(finding) => (finding.to_string(), Some(())),
                    },
                };
                events.push(text);
                ended
            },
        );
        assert_eq!(ended, Ok(Some(())));
        events
    }

    #[test]
    fn the_next_program_is_started_only_if_one_is_missing() {
        let sh = |script: &str| Program::new("sh").args(["-c", script]);
        let missing = || Program::new("no-such-shell");
        assert_eq!(events(&[missing(), sh("echo a; exit 3")]), ["a", "exit 3"]);
        assert_eq!(events(&[sh("exit 1"), sh("exit 0")]), ["exit 1"], "not after one that failed");
        assert_eq!(events(&[sh("kill -KILL $$")]), ["signal 9"]);
        let [only] = &events(&[missing()])[..] else { panic!("one event") };
        assert!(only.contains("no-such-shell: no such program"), "{only}");
        let [only] = &events(&[Program::new("npm run no-such-thing")])[..] else { panic!("one event") };
        assert!(only.contains("goes into `command`"), "{only}");
    }
}
