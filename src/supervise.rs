//! Runs one command on its own thread, ends it on a signal, and makes every exit write its report: also after a panic, on a
//! full disk, and on a signal.

mod config_file;
mod debug_log;
mod execute;
mod files;
mod masking;
mod panics;

use std::{
    ffi::OsString,
    panic::PanicHookInfo,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use execute::execute;
use files::Files;

use crate::{
    clock::{Clock as _, SystemClock, rfc3339},
    commands::{self, COMMANDS},
    context::CommandContext,
    error::{CommandError, exit_code},
    execution::Execution,
    finding::{Finding, Verdict},
    report::{Outcome, Report, log::Log, partial::PartialReport},
    runner_env::RunnerEnv,
    settings::{self, CommandLine},
    world::{World, network::Network, signals},
};

/// How long a cancelled command may take to end.
const GRACE: Duration = Duration::from_millis(700);
/// How long to wait for the end of a command with a write in flight at the signal: the runner kills a cancelled step ten seconds
/// after the first signal.
const WRITING_GRACE: Duration = Duration::from_secs(8);
/// How long a cancelled local command may take to end: it ends its steps and removes its folder, and no runner kills it.
const LOCAL_GRACE: Duration = Duration::from_secs(10);

/// The whole program: arguments and environment in, exit code out. A panic on this thread ends the process as inconclusive, without
/// a report.
pub fn main(arguments: &[OsString], variables: impl IntoIterator<Item = (OsString, OsString)>) -> u8 {
    panics::end_process_on_this_thread();
    let command_table = commands::command_table();
    let command_line = settings::parse_command_line(&command_table, arguments);
    let local = matches!(&command_line, Ok(CommandLine::Command { name, .. }) if commands::find(name).is_some_and(|entry| entry.kind.is_local()));
    let runner_env = RunnerEnv::read(variables);
    let runner_env = if local { runner_env.local() } else { runner_env };
    let log = Log::stdout(runner_env.actions);
    for secret in masking::secrets_of(&runner_env) {
        log.mask(&secret);
    }
    debug_log::start(&runner_env);
    let ctx = new_context(runner_env, log);
    match command_line {
        Ok(CommandLine::HelpOrVersion(text)) => {
            // clap writes to stdout or stderr as it should be; a closed pipe changes nothing.
            let _ = text.print();
            if !text.use_stderr() {
                return 0;
            }
            // At a terminal the help says it all. On a runner the step lacks its command, and later steps read the outputs.
            if !ctx.runner_env.actions && ctx.runner_env.output.is_none() {
                return 2;
            }
            finish(&ctx, Err(settings::no_command(&command_table).bad_input()))
        }
        Ok(CommandLine::Command { name, flags }) => {
            ctx.execution.partial.edit(|partial| partial.command.clone_from(&name));
            let grace = if local { LOCAL_GRACE } else { GRACE };
            let (sender, events) = channel();
            panics::tell_of_all_threads(tell(&sender));
            let work = move |ctx: &CommandContext| execute(COMMANDS, &command_table, &name, &flags, ctx);
            let end = supervise(&ctx, grace, (sender, events), work);
            ctx.world.groups.end_all();
            if local { finish_local(&ctx, end) } else { finish(&ctx, end) }
        }
        Err(error) => finish(&ctx, Err(error)),
    }
}

fn new_context(runner_env: RunnerEnv, log: Log) -> CommandContext {
    let clock = SystemClock::new();
    let mut partial = Report::open("promote-gates", rfc3339(clock.wall()));
    partial.run.clone_from(&runner_env.run);
    CommandContext {
        execution: Execution::new(Arc::new(clock), PartialReport::new(partial)),
        log: Arc::new(log),
        world: Arc::new(World::new(Network::new(&runner_env.network))),
        runner_env: Arc::new(runner_env),
    }
}

/// What the supervisor waits for.
enum SupervisorEvent {
    /// The first signal, which came when so many writes had ended.
    Signal(usize),
    /// The command's thread has ended.
    Done,
    /// A thread panicked, with this message.
    Panic(String),
}

/// Sends the message of a panic to the supervisor.
fn tell(supervisor: &Sender<SupervisorEvent>) -> impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static {
    let supervisor = supervisor.clone();
    // The receiver is gone when the process already ends.
    move |info| drop(supervisor.send(SupervisorEvent::Panic(panics::message(info))))
}

/// Runs `work` on a thread and returns its result, or `Cancelled` when the thread does not end in time after a signal: it may
/// be in a call that cannot be interrupted. A panic ends it too.
fn supervise(
    ctx: &CommandContext,
    grace: Duration,
    (sender, events): (Sender<SupervisorEvent>, Receiver<SupervisorEvent>),
    work: impl FnOnce(&CommandContext) -> Result<Outcome, CommandError> + Send + 'static,
) -> Result<Outcome, CommandError> {
    let (supervisor, writes) = (sender.clone(), ctx.execution.writes.clone());
    let watched = signals::watch(Arc::clone(&ctx.execution.wake), move || {
        // The receiver is gone when the process already ends.
        let _ = supervisor.send(SupervisorEvent::Signal(writes.ended()));
    });
    if let Err(error) = watched {
        return Err(Finding::inconclusive("signals")
            .actual(error.to_string())
            .expected("handlers for SIGINT and SIGTERM")
            .unobservable());
    }
    let inner = ctx.clone();
    let running = thread::Builder::new().name("command".to_owned()).spawn(move || {
        panics::tell_of_this_thread(tell(&sender));
        let _done = NotifyDone(sender);
        work(&inner)
    });
    let Ok(running) = running else {
        return Err(Finding::inconclusive("thread")
            .actual("the system starts no thread")
            .expected("a thread for the command")
            .unobservable());
    };
    let mut end = events.recv().unwrap_or(SupervisorEvent::Done);
    if let SupervisorEvent::Signal(ended) = end {
        // Also for a write that ended in the meantime: what follows it is short, and decides the verdict.
        let after_writing =
            || ctx.execution.writes.any_since(ended).then(|| events.recv_timeout(WRITING_GRACE).ok()).flatten();
        end = events.recv_timeout(grace).ok().or_else(after_writing).ok_or(CommandError::Cancelled)?;
    }
    if let SupervisorEvent::Panic(message) = end {
        return Err(internal_error(message));
    }
    running.join().unwrap_or_else(|_| Err(internal_error("a panic".to_owned())))
}

fn internal_error(message: String) -> CommandError {
    Finding::inconclusive("internal error")
        .actual(message)
        .expected("no panic")
        .next("please report it with the command's inputs")
        .unobservable()
}

struct NotifyDone(Sender<SupervisorEvent>);

impl Drop for NotifyDone {
    fn drop(&mut self) {
        // The receiver is gone when the process already ends.
        let _ = self.0.send(SupervisorEvent::Done);
    }
}

/// Completes the report and writes it everywhere. When a file cannot be written, all are written again with that finding, so
/// that none says `passed` while the exit code does not.
fn finish(ctx: &CommandContext, end: Result<Outcome, CommandError>) -> u8 {
    let mut report = ctx.execution.partial.copy();
    let error = end.as_ref().err().cloned();
    let mut own_outputs = end.as_ref().map(|outcome| outcome.outputs.clone()).unwrap_or_default();
    own_outputs.extend(end.iter().flat_map(|outcome| outcome.long_outputs.clone()));
    report.close(end, ctx.execution.wall());
    let files = Files::new(ctx, &report, own_outputs);
    let (mut small, lost) = files.write(&report);
    let failed = !lost.is_empty();
    if failed {
        report.add(lost);
        let (again, more) = files.write(&report);
        report.add(more);
        small = again;
    }
    // A file that failed is inconclusive, even on a blocked verdict: later steps may not see the verdict.
    let code = if failed { 3 } else { exit_code(error.as_ref().map_or(Ok(report.verdict), Err), report.dry_run) };
    ctx.log.report(&report, &small.sha256, code != 0);
    code
}

/// For a local command, which prints its own output: reports only what went wrong.
fn finish_local(ctx: &CommandContext, end: Result<Outcome, CommandError>) -> u8 {
    let error = end.as_ref().err().cloned();
    let is_printed = end.as_ref().is_ok_and(|outcome| outcome.is_printed);
    let mut report = ctx.execution.partial.copy();
    report.close(end, ctx.execution.wall());
    if report.verdict != Verdict::Passed && !is_printed {
        ctx.log.report(&report, "", true);
    }
    exit_code(error.as_ref().map_or(Ok(report.verdict), Err), false)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{context::tests::test_context, finding::Finding, report::log::tests::Kept};

    /// A context on a runner whose files are in `folder`, and its log.
    fn context_in(folder: &Path) -> (CommandContext, Kept) {
        let kept = Kept::default();
        let runner_env = RunnerEnv {
            actions: true,
            output: Some(folder.join("output")),
            summary: Some(folder.join("summary")),
            runner_temp: Some(folder.to_owned()),
            ..RunnerEnv::default()
        };
        (CommandContext { runner_env: Arc::new(runner_env), log: Arc::new(kept.log(true)), ..test_context() }, kept)
    }

    fn passed() -> Outcome {
        vec![Finding::passed("ready")].into()
    }

    #[test]
    fn every_exit_writes_outputs_summary_and_report() {
        for (end, code, verdict) in [
            (Ok(passed()), 0, "passed"),
            (Ok(vec![Finding::blocked("ready")].into()), 1, "blocked"),
            (Err(Finding::inconclusive("x").bad_input()), 2, "inconclusive"),
            (Err(CommandError::Cancelled), 3, "inconclusive"),
            (Ok(Outcome::default()), 3, "inconclusive"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (ctx, _) = context_in(folder.path());
            assert_eq!(finish(&ctx, end), code);
            let output = fs::read_to_string(folder.path().join("output")).unwrap();
            assert!(output.contains(&format!("\n{verdict}\n")), "{output}");
            assert!(fs::read_to_string(folder.path().join("summary")).unwrap().contains(verdict));
            let report: Report =
                serde_json::from_str(&fs::read_to_string(folder.path().join("promote-gates/test.json")).unwrap())
                    .unwrap();
            assert_eq!(report.verdict.word(), verdict);
        }
    }

    #[test]
    fn a_panic_is_inconclusive_and_its_message_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let (ctx, kept) = context_in(folder.path());
        let end = supervise(&ctx, GRACE, channel(), |ctx| {
            ctx.execution.partial.publish(&[Finding::passed("seen before")]);
            panic!("the wheel came off")
        });
        assert_eq!(finish(&ctx, end), 3);
        let text = kept.text();
        assert!(
            text.contains("the wheel came off") && text.contains("supervise.rs") && !text.contains("stack backtrace"),
            "{text}"
        );
        assert!(fs::read_to_string(folder.path().join("output")).unwrap().contains("inconclusive"));
    }

    #[test]
    fn a_write_that_ends_after_the_signal_decides_the_verdict() {
        let (ctx, (sender, events)) = (test_context(), channel());
        let signalled = sender.clone();
        let end = supervise(&ctx, Duration::ZERO, (sender, events), move |ctx| {
            let write = ctx.execution.writes.begin();
            let signal = SupervisorEvent::Signal(ctx.execution.writes.ended());
            drop(write);
            signalled.send(signal).unwrap();
            Ok(passed())
        });
        assert_eq!(end.unwrap().findings.len(), 1);
    }

    #[test]
    fn a_sink_that_cannot_be_written_is_never_passed() {
        let full = Path::new("/dev/full");
        let (ctx, _) = context_in(Path::new("/"));
        for broken in [
            RunnerEnv { output: Some(full.to_owned()), ..RunnerEnv::default() },
            RunnerEnv { summary: Some(full.to_owned()), ..RunnerEnv::default() },
            // A folder cannot be made below a file: what a read-only temp folder does to anybody but root.
            RunnerEnv { runner_temp: Some("/dev/null".into()), ..RunnerEnv::default() },
        ] {
            let kept = Kept::default();
            let ctx = CommandContext {
                runner_env: Arc::new(broken),
                log: Arc::new(kept.log(false)),
                execution: Execution {
                    partial: PartialReport::new(ctx.execution.partial.copy()),
                    ..ctx.execution.clone()
                },
                ..ctx.clone()
            };
            assert_eq!(finish(&ctx, Ok(passed())), 3);
            assert!(kept.text().contains("inconclusive") && !kept.text().contains("✅ test passed"), "{}", kept.text());
        }
    }

    #[test]
    fn a_failing_sink_changes_the_verdict_in_the_sinks_before_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("summary"), "of another tool\n").unwrap();
        let (ctx, _) = context_in(folder.path());
        fs::create_dir(folder.path().join("output")).unwrap();
        assert_eq!(finish(&ctx, Ok(passed())), 3);
        let text = fs::read_to_string(folder.path().join("summary")).unwrap();
        assert!(text.starts_with("of another tool\n### ❓ test: "), "{text}");
        assert!(!text.contains("test passed"), "{text}");
        let report: Report =
            serde_json::from_str(&fs::read_to_string(folder.path().join("promote-gates/test.json")).unwrap()).unwrap();
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Inconclusive, 2));
    }

    #[test]
    fn a_failing_sink_is_reported_by_the_sinks_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let (ctx, _) = context_in(folder.path());
        fs::create_dir(folder.path().join("summary")).unwrap();
        assert_eq!(finish(&ctx, Ok(passed())), 3);
        let report: Report =
            serde_json::from_str(&fs::read_to_string(folder.path().join("promote-gates/test.json")).unwrap()).unwrap();
        assert_eq!(report.verdict, Verdict::Inconclusive);
        assert!(fs::read_to_string(folder.path().join("output")).unwrap().contains("inconclusive"));
    }

    #[test]
    fn a_cancelled_command_has_ended_before_the_runner_kills_it() {
        assert!(GRACE < Duration::from_secs(1));
        // The runner kills it ten seconds after the first signal, and the reports must still be written.
        assert!(GRACE + WRITING_GRACE <= Duration::from_secs(9));
    }

    #[test]
    fn two_steps_with_one_command_keep_both_reports() {
        let folder = tempfile::tempdir().unwrap();
        let (ctx, _) = context_in(folder.path());
        finish(&ctx, Ok(passed()));
        finish(&ctx, Ok(passed()));
        assert!(folder.path().join("promote-gates/test-2.json").exists());
    }
}
