use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{output::MAX_LINE, *};

/// Longer than any of these tests takes unless it hangs.
const HUNG: Duration = Duration::from_secs(120);
/// Long enough for a shell to start on a busy machine, and far shorter than the `sleep 1000` of the children.
const SOON: Duration = Duration::from_secs(3);

fn sh(script: &str) -> Program {
    Program::new("sh").arg("-c").arg(script)
}

fn finish(script: &str) -> ProcessOutput {
    run(&sh(script), &ProcessGroups::default(), HUNG).expect(script)
}

/// Starts `program` and returns its events.
fn listen(program: &Program, groups: &ProcessGroups) -> (RunningProcess, Receiver<ProcessEvent>) {
    let (sender, events) = mpsc::channel();
    let running = RunningProcess::start(program, groups, move |event| {
        let _ = sender.send(event);
    });
    (running.expect("sh starts"), events)
}

fn next(events: &Receiver<ProcessEvent>) -> ProcessEvent {
    events.recv_timeout(HUNG).expect("an event")
}

fn line(text: &str) -> ProcessEvent {
    ProcessEvent::Line(Stream::Stdout, text.into())
}

/// Shows whether a process is alive without its pid: the process holds a FIFO open for writing, and the reader sees the end
/// of the file when the last writer has ended. Unlike with `kill -0`, a zombie does not count as alive.
struct Pulse {
    fifo: PathBuf,
    dir: tempfile::TempDir,
}

impl Pulse {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let fifo = dir.path().join("pulse");
        assert!(finish(&format!("mkfifo '{}'", fifo.display())).status.success());
        Self { fifo, dir }
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Waits for the first writer; the receiver is disconnected when the last writer has ended.
    fn begin(&self) -> Receiver<()> {
        let (opened, writer) = mpsc::channel();
        let (alive, end) = mpsc::channel();
        let fifo = self.fifo.clone();
        thread::spawn(move || {
            // Opening blocks until there is a writer.
            let mut fifo = File::open(fifo).expect("the FIFO opens");
            let _ = opened.send(());
            let _ = fifo.read_to_end(&mut Vec::new());
            drop(alive);
        });
        writer.recv_timeout(HUNG).expect("a writer");
        end
    }
}

fn has_ended(end: &Receiver<()>) -> bool {
    end.recv_timeout(HUNG) == Err(RecvTimeoutError::Disconnected)
}

fn is_alive(end: &Receiver<()>) -> bool {
    end.try_recv() == Err(mpsc::TryRecvError::Empty)
}

#[test]
fn exit_codes_and_signals_are_different_statuses() {
    let end = finish("printf out; printf err >&2; exit 7");
    assert_eq!(end.status, ProcessStatus::Exited(7));
    assert_eq!((end.stdout.text().as_str(), end.stderr.text().as_str()), ("out", "err"));
    assert!(finish("exit 0").status.success());
    let killed = finish("kill -KILL $$").status;
    assert_eq!(killed, ProcessStatus::Signalled(9));
    assert!(!killed.success());
    assert_eq!(killed.to_string(), "ended by signal 9");
}

#[test]
fn an_error_names_the_program_that_cannot_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let plain = dir.path().join("plain");
    fs::write(&plain, "not a program").expect("written");
    let error = |program: Program| run(&program, &ProcessGroups::default(), HUNG).expect_err("cannot start");

    let missing = error(Program::new("no-such-program-anywhere").arg("hunter2"));
    assert_eq!(missing, ProcessError::NotFound { program: "no-such-program-anywhere".into() });
    assert!(!missing.to_string().contains("hunter2"), "{missing}");
    let denied = error(Program::new(&plain));
    assert!(
        matches!(&denied, ProcessError::NotExecutable { program, .. } if Path::new(program) == plain),
        "{denied:?}"
    );
    let nowhere = dir.path().join("nowhere");
    let no_dir = error(sh("true").in_dir(&nowhere));
    assert_eq!(no_dir, ProcessError::NoDirectory { program: "sh".into(), dir: nowhere });
    let nul = error(Program::new("sh").arg("a\0b"));
    assert!(matches!(nul, ProcessError::Io { .. }), "{nul:?}");
}

#[test]
fn a_file_of_another_format_is_not_executable() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // A child writes the file. If this process wrote it, a child that another test starts at the same time could hold it
    // open for writing. It is an ELF file of no machine, because some C libraries hand a text file to a shell.
    let write = sh(r"printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\002\0\377\377\0\0\0\0' > elf; chmod +x elf")
        .in_dir(dir.path());
    assert!(run(&write, &ProcessGroups::default(), HUNG).expect("runs").status.success());
    let end = run(&Program::new(dir.path().join("elf")), &ProcessGroups::default(), HUNG);
    assert!(matches!(end, Err(ProcessError::NotExecutable { .. })), "{end:?}");
}

#[test]
fn the_environment_is_inherited_with_changes_or_scrubbed() {
    let print = "echo \"${HOME-none} ${ADDED-none}\"";
    let text = |program: Program| run(&program, &ProcessGroups::default(), HUNG).expect("runs").stdout.text();
    assert_eq!(text(sh(print).set("HOME", "/h").set("ADDED", "a b")), "/h a b\n");
    assert_eq!(text(sh(print).unset("HOME").unset("ADDED")), "none none\n");
    assert_eq!(text(sh(print).set("ADDED", "x").scrubbed()), "none x\n");
}

#[test]
fn stdin_is_empty_unless_set_and_may_stay_unread() {
    let text = |program: Program| run(&program, &ProcessGroups::default(), HUNG).expect("runs").stdout.text();
    assert_eq!(text(sh("cat")), "");
    // More than a pipe holds, so that writing must not wait until the child has read all of it.
    let big = vec![b'x'; 1 << 20];
    assert_eq!(text(sh("cat").stdin(big.clone())).len(), big.len());
    assert_eq!(text(sh("echo done").stdin(big)), "done\n");
}

#[test]
fn only_the_last_bytes_of_a_long_output_are_kept() {
    let program = sh("head -c 10000000 /dev/zero | tr '\\0' x; printf end").keep(1000);
    let end = run(&program, &ProcessGroups::default(), HUNG).expect("runs");
    assert_eq!(end.stdout.bytes.len(), 1000);
    assert_eq!(end.stdout.lost, 10_000_003 - 1000);
    assert_eq!(end.stdout.whole(), None);
    assert!(end.stdout.text().ends_with("xend"));
    assert_eq!(end.stderr.whole(), Some(&b""[..]));
}

#[test]
fn lines_are_reported_while_the_program_runs_and_the_end_comes_last() {
    let pulse = Pulse::new();
    let script = "echo one; printf 'two\\r\\n' >&2; cat pulse; printf '\\377\\n\\nlast'";
    let (_running, events) = listen(&sh(script).in_dir(pulse.dir()), &ProcessGroups::default());
    let mut first = [next(&events), next(&events)];
    first.sort_by_key(|event| *event == line("one"));
    assert_eq!(first, [ProcessEvent::Line(Stream::Stderr, "two".into()), line("one")]);
    // The program waits for the FIFO, so both lines were reported while it ran.
    drop(fs::OpenOptions::new().write(true).open(&pulse.fifo).expect("the FIFO opens"));
    assert_eq!([next(&events), next(&events), next(&events)], [line("\u{fffd}"), line(""), line("last")]);
    let ProcessEvent::Ended(Ok(end)) = next(&events) else { panic!("not the end") };
    assert!(end.status.success());
    assert_eq!(end.stdout.bytes, b"one\n\xff\n\nlast");
    assert!(events.recv_timeout(HUNG).is_err(), "the handler is dropped after the end");
}

#[test]
fn a_long_line_is_cut_between_characters_and_names_the_rest() {
    // One byte, then two-byte characters, so that the limit falls into the middle of a character.
    let script = format!("printf a; yes é | tr -d '\\n' | head -c {}; echo; echo next", 2 * MAX_LINE);
    let (_running, events) = listen(&sh(&script).set("LC_ALL", "C"), &ProcessGroups::default());
    let ProcessEvent::Line(Stream::Stdout, cut) = next(&events) else { panic!("not a line") };
    let kept = format!("a{}", "é".repeat((MAX_LINE - 1) / 2));
    assert_eq!(cut, format!("{kept}… ({} bytes more)", 1 + 2 * MAX_LINE - kept.len()));
    assert_eq!(next(&events), line("next"));
}

#[test]
fn a_timeout_ends_grandchildren_too() {
    let pulse = Pulse::new();
    let (sender, end) = mpsc::channel();
    let program = sh("trap '' TERM; (exec 3>pulse; sleep 1000; sleep 1000) & wait").in_dir(pulse.dir());
    thread::spawn(move || sender.send(run(&program, &ProcessGroups::default(), SOON)));
    let grandchild = pulse.begin();
    let end = end.recv_timeout(HUNG).expect("the timeout came");
    assert_eq!(end, Err(ProcessError::Timeout { program: "sh".into(), after: SOON }));
    assert!(has_ended(&grandchild), "leader and grandchild ignore TERM, and are killed");
}

#[test]
fn stop_ends_the_group_and_the_end_is_still_reported() {
    let pulse = Pulse::new();
    let (running, events) =
        listen(&sh("sleep 1000 3>pulse & echo up; wait").in_dir(pulse.dir()), &ProcessGroups::default());
    let grandchild = pulse.begin();
    assert_eq!(next(&events), line("up"));
    assert!(is_alive(&grandchild));
    running.stop();
    let ProcessEvent::Ended(Ok(end)) = next(&events) else { panic!("not the end") };
    assert_eq!(end.status, ProcessStatus::Signalled(15));
    assert!(has_ended(&grandchild));
    running.stop();
}

#[test]
fn dropping_ends_the_group_without_further_events() {
    let pulse = Pulse::new();
    let script = "trap 'echo said too late; exit' TERM; exec 3>pulse; sleep 1000 & wait";
    let (running, events) = listen(&sh(script).in_dir(pulse.dir()), &ProcessGroups::default());
    let child = pulse.begin();
    drop(running);
    assert!(has_ended(&child));
    assert_eq!(events.recv_timeout(HUNG), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_grandchild_that_holds_stdout_ends_with_its_group() {
    let pulse = Pulse::new();
    let program = sh("sleep 1000 3>pulse & echo early; exit 3").in_dir(pulse.dir());
    let (_running, events) = listen(&program, &ProcessGroups::default());
    let grandchild = pulse.begin();
    assert_eq!(next(&events), line("early"));
    let ProcessEvent::Ended(Ok(end)) = next(&events) else { panic!("not the end") };
    assert_eq!(end.status, ProcessStatus::Exited(3), "the leader's own end counts");
    assert!(has_ended(&grandchild));
}

#[test]
fn a_silent_grandchild_does_not_survive_its_leader() {
    let pulse = Pulse::new();
    let program = sh("exec 3>pulse; sleep 1000 >/dev/null 2>&1 & exit 0").in_dir(pulse.dir());
    let (_running, events) = listen(&program, &ProcessGroups::default());
    let grandchild = pulse.begin();
    assert!(matches!(next(&events), ProcessEvent::Ended(Ok(end)) if end.status.success()));
    assert!(has_ended(&grandchild));
}

#[test]
fn output_that_a_pipeline_flushes_after_its_shell_is_kept() {
    let end = finish("{ read line; echo \"got $line\"; } <<'.' &\nlast\n.\nexit 0");
    assert_eq!(end.stdout.text(), "got last\n");
}

/// `setsid` is part of every Linux, but not of macOS.
#[cfg(target_os = "linux")]
#[test]
fn a_grandchild_that_left_the_group_does_not_delay_the_end() {
    let (pulse, gate) = (Pulse::new(), Pulse::new());
    let program = sh("exec 3>pulse; setsid sh -c 'echo $$; exec sleep 1000' & cat \"$GATE\"; exit 5");
    let (_running, events) = listen(&program.in_dir(pulse.dir()).set("GATE", &gate.fifo), &ProcessGroups::default());
    let escaped = pulse.begin();
    let ProcessEvent::Line(_, pid) = next(&events) else { panic!("not a line") };
    drop(fs::OpenOptions::new().write(true).open(&gate.fifo).expect("the FIFO opens"));
    let ProcessEvent::Ended(Ok(end)) = next(&events) else { panic!("not the end") };
    assert_eq!((end.status, end.stdout.text()), (ProcessStatus::Exited(5), format!("{pid}\n")));
    assert!(is_alive(&escaped), "the escaped grandchild outlives the group");
    let pid = Pid::from_raw(pid.parse().expect("a pid")).expect("not zero");
    kill_process(pid, Signal::KILL).expect("it was there");
    assert!(has_ended(&escaped));
}

#[test]
fn end_all_ends_every_group_and_prevents_new_ones() {
    let groups = ProcessGroups::default();
    let (one, two) = (Pulse::new(), Pulse::new());
    let (_gentle, events) = listen(&sh("exec sleep 1000 3>pulse").in_dir(one.dir()), &groups);
    let stubborn = sh("trap '' TERM; exec 3>pulse; sleep 1000; sleep 1000").in_dir(two.dir());
    let (_stubborn, stubborn_events) = listen(&stubborn, &groups.clone());
    let ends = [one.begin(), two.begin()];
    groups.end_all();
    assert!(ends.iter().all(has_ended));
    for (events, signal) in [(events, 15), (stubborn_events, 9)] {
        let ProcessEvent::Ended(Ok(end)) = next(&events) else { panic!("not the end") };
        assert_eq!(end.status, ProcessStatus::Signalled(signal));
    }
    assert_eq!(run(&sh("true"), &groups, HUNG), Err(ProcessError::Ending { program: "sh".into() }));
    groups.end_all();
}

#[test]
fn concurrent_programs_each_get_their_own_output() {
    let groups = ProcessGroups::default();
    let threads: Vec<_> = (0..32)
        .map(|number| {
            let groups = groups.clone();
            thread::spawn(move || run(&sh(&format!("echo {number}; exit {number}")), &groups, HUNG))
        })
        .collect();
    for (number, thread) in threads.into_iter().enumerate() {
        let end = thread.join().expect("no panic").expect("runs");
        assert_eq!(
            (end.stdout.text(), end.status),
            (format!("{number}\n"), ProcessStatus::Exited(i32::try_from(number).expect("small")))
        );
    }
}

#[test]
fn a_stream_is_passed_on_whatever_its_length_until_the_receiver_has_enough() {
    let long = sh("head -c 300000 /dev/zero; echo why >&2; exit 3");
    let mut read = 0;
    let output = stream(&long, &ProcessGroups::default(), HUNG, |bytes| {
        read += bytes.len();
        ControlFlow::Continue(())
    });
    let output = output.expect("started").expect("the end");
    assert_eq!((read, output.status, output.stderr.text()), (300_000, ProcessStatus::Exited(3), "why\n".to_owned()));
    let endless = stream(&sh("yes"), &ProcessGroups::default(), HUNG, |_| ControlFlow::Break(()));
    assert_eq!(endless, Ok(None));
    let silent = stream(&sh("echo x; sleep 1000"), &ProcessGroups::default(), SOON, |_| ControlFlow::Continue(()));
    assert_eq!(silent, Err(ProcessError::Timeout { program: "sh".into(), after: SOON }));
}
