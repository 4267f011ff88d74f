//! The tests as a source of facts: lines, the end, and the reports that were written.

use std::{
    ffi::OsString,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use super::{
    Args,
    judge::{End, Reports},
    reports::Before,
    transcript::Transcript,
};
use crate::{
    context::CommandContext,
    finding::Finding,
    observe::{PollInterval, Reply, Source},
    world::process::{Heard, ProcessError, Program, Running, Status},
};

/// What runs the tests.
#[derive(Clone, Debug)]
pub enum Script {
    /// Text for a shell.
    Shell(String),
    /// A program and its arguments.
    Program(String, Vec<String>),
}

/// What is learnt of the tests.
pub enum Fact {
    /// A line that the log has room for.
    Line(String),
    Ended(End),
    Reports(Reports),
}

/// For a shell that is not bash: the first failure of a pipe counts, where the shell knows how.
const PIPEFAIL: &str = "if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\n";

/// The program to start, and those to start instead of one that is not there.
///
/// A shell stops at the first error, and a pipe fails when any part of it does, as in GitHub's `shell: bash`: a `| tee`
/// must not turn a failure into a pass.
pub fn programs(script: &Script, args: &Args, withheld: &[OsString]) -> Vec<Program> {
    let programs = match script {
        Script::Shell(text) => vec![
            Program::new("bash").args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text]),
            Program::new("sh").args(["-e", "-c"]).arg(format!("{PIPEFAIL}{text}")),
        ],
        Script::Program(name, arguments) => vec![Program::new(name).args(arguments)],
    };
    let dress = |program: Program| {
        // Lines are all that is read of it.
        let program = program.in_dir(&args.working_directory).keep(0);
        let program = withheld.iter().fold(program, Program::unset);
        args.env.iter().fold(program, |program, variable| program.set(&variable.name, variable.value.expose()))
    };
    programs.into_iter().map(dress).collect()
}

/// Starts the first of `programs` that is there.
pub fn command(
    programs: Vec<Program>,
    ctx: &CommandContext,
    transcript: Arc<Mutex<Transcript>>,
    before: Before,
) -> Source<'_, Fact> {
    let before = Arc::new(before);
    Source::new(PollInterval::Once, move |reply| {
        let mut absent = None;
        for program in &programs {
            if let Some(ProcessError::NotFound { program: name }) = &absent {
                ctx.log.say(&format!("there is no {name} here: {} runs it", program.name()));
            }
            let listen = listener(reply.clone(), Arc::clone(&transcript), Arc::clone(&before));
            match Running::start(program, &ctx.world.groups, listen) {
                Ok(running) => return Box::new(running),
                Err(error) => {
                    let last = !matches!(error, ProcessError::NotFound { .. });
                    absent = Some(error);
                    if last {
                        break;
                    }
                }
            }
        }
        if let Some(error) = absent {
            reply.send(Fact::Ended(End::Unseen(why_not(&error))));
        }
        Box::new(())
    })
}

/// Hears what the tests say, and reads their reports when they have ended. Memory stays bounded however much is said:
/// what the log has no room for goes no further.
fn listener(
    reply: Reply<Fact>,
    transcript: Arc<Mutex<Transcript>>,
    before: Arc<Before>,
) -> impl FnMut(Heard) + Send + 'static {
    move |heard| match heard {
        Heard::Line(_, line) => {
            let told = transcript.lock().unwrap_or_else(PoisonError::into_inner).hear(&line);
            if let Some(line) = told {
                reply.send(Fact::Line(line));
            }
        }
        Heard::Ended(end) => {
            reply.send(Fact::Ended(match end.map(|finished| finished.status) {
                Ok(Status::Exited(code)) => End::Exited(code),
                Ok(Status::Signalled(signal)) => End::Signalled(signal),
                Err(error) => End::Unseen(error.to_finding()),
            }));
            if before.expects() {
                let (reply, before) = (reply.clone(), Arc::clone(&before));
                // On a thread of its own, since a listener must not hold up the end. Should it not start, no reports
                // come, and nothing passes.
                let read = move || reply.send(Fact::Reports(before.read()));
                drop(thread::Builder::new().name("look".to_owned()).spawn(read));
            }
        }
    }
}

fn why_not(error: &ProcessError) -> Finding {
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
    use std::{
        path::Path,
        sync::mpsc::{self, Receiver},
        time::Duration,
    };

    use super::*;
    use crate::{
        observe::{Judgement, observe_until_decided},
        world::process::{Groups, run},
    };

    fn args(env: &[&str]) -> Args {
        Args {
            command: None,
            argv: Vec::new(),
            working_directory: ".".into(),
            env: env.iter().map(|text| text.parse().unwrap()).collect(),
            timeout: "10m".parse().unwrap(),
            junit: Vec::new(),
            critical: Vec::new(),
        }
    }

    #[test]
    fn both_shells_stop_at_an_error_and_hear_a_failure_in_a_pipe() {
        let ended = |program: &Program| run(&program.clone().keep(100), &Groups::default(), Duration::from_secs(20));
        for (script, code, said) in [
            ("echo a; (exit 3); echo b", 3, "a\n"),
            ("if false; then echo a; fi; echo \"$ADDED\"", 0, "b c\n"),
            ("\necho a\n", 0, "a\n"),
        ] {
            let programs = programs(&Script::Shell(script.to_owned()), &args(&["ADDED=b c"]), &[]);
            assert_eq!(programs.len(), 2);
            for program in programs {
                // Not every machine has bash.
                match ended(&program) {
                    Err(ProcessError::NotFound { program }) if program == "bash" => {}
                    end => {
                        let end = end.unwrap();
                        assert_eq!((end.status, end.stdout.text().as_str()), (Status::Exited(code), said), "{script}");
                    }
                }
            }
        }
        let programs = programs(&Script::Shell("false | cat; echo a".to_owned()), &args(&[]), &[]);
        if let Ok(end) = ended(&programs[0]) {
            assert_eq!((end.status, end.stdout.text().as_str()), (Status::Exited(1), ""));
        }
    }

    #[test]
    fn what_is_withheld_is_not_inherited_and_what_is_given_is() {
        let given = args(&["HOME=/given"]);
        let script =
            Script::Program("sh".to_owned(), vec!["-c".to_owned(), "echo ${HOME-none} ${PATH+path}".to_owned()]);
        let said = |given: &Args, withheld: &[OsString]| {
            let program = programs(&script, given, withheld).remove(0).keep(100);
            run(&program, &Groups::default(), Duration::from_secs(20)).unwrap().stdout.text()
        };
        assert_eq!(said(&args(&[]), &["HOME".into()]), "none path\n");
        assert_eq!(said(&given, &["HOME".into()]), "/given path\n", "what is said outright wins");
    }

    /// The facts that come of `programs`, up to the end.
    fn facts(programs: Vec<Program>) -> Vec<String> {
        let ctx = crate::context::tests::test_context();
        let before = Before::see(Path::new("."), &[]).unwrap();
        let source = command(programs, &ctx, Arc::default(), before);
        let (to, all): (_, Receiver<String>) = mpsc::channel();
        let end = observe_until_decided(
            &ctx.execution,
            Duration::from_secs(20),
            vec![source],
            &mut false,
            |ended, _, fact| {
                *ended = matches!(fact, Fact::Ended(_));
                let told = match fact {
                    Fact::Line(line) => line,
                    Fact::Ended(End::Exited(code)) => format!("exit {code}"),
                    Fact::Ended(End::Signalled(signal)) => format!("signal {signal}"),
                    Fact::Ended(End::Unseen(finding)) => finding.to_string(),
                    Fact::Reports(_) => "reports".to_owned(),
                };
                to.send(told).unwrap();
            },
            |ended, _| if *ended { Judgement::decided(Vec::new()) } else { Judgement::pending(Vec::new()) },
        );
        assert_eq!(end, Ok(Vec::new()));
        all.try_iter().collect()
    }

    #[test]
    fn a_program_that_is_missing_has_its_stand_in_started() {
        let sh = |script: &str| Program::new("sh").args(["-c", script]);
        let missing = || Program::new("no-such-shell");
        assert_eq!(facts(vec![missing(), sh("echo a; exit 3")]), ["a", "exit 3"]);
        assert_eq!(facts(vec![sh("exit 1"), sh("exit 0")]), ["exit 1"], "not one that failed");
        assert_eq!(facts(vec![sh("kill -KILL $$")]), ["signal 9"]);
        let [only] = &facts(vec![missing()])[..] else { panic!("one fact") };
        assert!(only.contains("no-such-shell: no such program"), "{only}");
        let [only] = &facts(vec![Program::new("npm run no-such-thing")])[..] else { panic!("one fact") };
        assert!(only.contains("goes into `command`"), "{only}");
    }
}
