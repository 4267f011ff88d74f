use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{output::LINE, *};

/// Longer than anything here takes; whoever waits this long has hung.
const HUNG: Duration = Duration::from_secs(20);
/// Long enough for a shell to start on a busy machine, and far shorter than the `sleep 1000` of the children.
const SOON: Duration = Duration::from_secs(1);

fn sh(script: &str) -> Program {
    Program::new("sh").arg("-c").arg(script)
}

fn finish(script: &str) -> Finished {
    run(&sh(script), &Groups::default(), HUNG).expect(script)
}

/// Starts `program` and returns what is heard of it.
fn listen(program: &Program, groups: &Groups) -> (Running, Receiver<Heard>) {
    let (tell, heard) = mpsc::channel();
    let running = Running::start(program, groups, move |what| {
        let _ = tell.send(what);
    });
    (running.expect("sh starts"), heard)
}

fn next(heard: &Receiver<Heard>) -> Heard {
    heard.recv_timeout(HUNG).expect("something to hear")
}

fn line(text: &str) -> Heard {
    Heard::Line(Stream::Stdout, text.into())
}

/// A process that can be seen to be alive without its pid: it holds a FIFO open for writing, and the reader sees the end
/// of the file when the last such process is gone. A zombie does not count as alive here, as it would with `kill -0`.
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

    /// Returns once somebody writes; the receiver then learns that nobody does any more.
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

fn gone(end: &Receiver<()>) -> bool {
    end.recv_timeout(HUNG) == Err(mpsc::RecvTimeoutError::Disconnected)
}

fn still_there(end: &Receiver<()>) -> bool {
    end.try_recv() == Err(mpsc::TryRecvError::Empty)
}

#[test]
fn exit_codes_and_signals_are_told_apart() {
    let end = finish("printf out; printf err >&2; exit 7");
    assert_eq!(end.status, Status::Exited(7));
    assert_eq!((end.stdout.text().as_str(), end.stderr.text().as_str()), ("out", "err"));
    assert!(finish("exit 0").status.success());
    let killed = finish("kill -KILL $$").status;
    assert_eq!(killed, Status::Signalled(9));
    assert!(!killed.success());
    assert_eq!(killed.to_string(), "ended by signal 9");
}

#[test]
fn a_program_that_is_missing_or_no_program_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let plain = dir.path().join("plain");
    fs::write(&plain, "not a program").expect("written");
    let error = |program: Program| run(&program, &Groups::default(), HUNG).expect_err("cannot start");

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
    // Written by a child: were it written here, a child that another test starts just then could hold it open for
    // writing. An ELF file of no machine; a plain text file some C libraries would give to a shell.
    let write = sh(r"printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\002\0\377\377\0\0\0\0' > elf; chmod +x elf")
        .in_dir(dir.path());
    assert!(run(&write, &Groups::default(), HUNG).expect("runs").status.success());
    let end = run(&Program::new(dir.path().join("elf")), &Groups::default(), HUNG);
    assert!(matches!(end, Err(ProcessError::NotExecutable { .. })), "{end:?}");
}

#[test]
fn the_environment_is_ours_with_edits_or_scrubbed() {
    let print = "echo \"${HOME-none} ${ADDED-none}\"";
    let text = |program: Program| run(&program, &Groups::default(), HUNG).expect("runs").stdout.text();
    assert_eq!(text(sh(print).set("HOME", "/h").set("ADDED", "a b")), "/h a b\n");
    assert_eq!(text(sh(print).unset("HOME").unset("ADDED")), "none none\n");
    assert_eq!(text(sh(print).set("ADDED", "x").scrubbed()), "none x\n");
}

#[test]
fn stdin_is_what_was_given_or_empty_and_need_not_be_read() {
    let text = |program: Program| run(&program, &Groups::default(), HUNG).expect("runs").stdout.text();
    assert_eq!(text(sh("cat")), "");
    // More than a pipe holds: writing must not wait for reading to be over.
    let big = vec![b'x'; 1 << 20];
    assert_eq!(text(sh("cat").stdin(big.clone())).len(), big.len());
    assert_eq!(text(sh("echo done").stdin(big)), "done\n");
}

#[test]
fn ten_megabytes_are_bounded_to_the_last_of_them() {
    let program = sh("head -c 10000000 /dev/zero | tr '\\0' x; printf end").keep(1000);
    let end = run(&program, &Groups::default(), HUNG).expect("runs");
    assert_eq!(end.stdout.bytes.len(), 1000);
    assert_eq!(end.stdout.lost, 10_000_003 - 1000);
    assert_eq!(end.stdout.whole(), None);
    assert!(end.stdout.text().ends_with("xend"));
    assert_eq!(end.stderr.whole(), Some(&b""[..]));
}

#[test]
fn lines_are_heard_while_the_program_runs_and_the_end_comes_last() {
    let pulse = Pulse::new();
    let script = "echo one; printf 'two\\r\\n' >&2; cat pulse; printf '\\377\\n\\nlast'";
    let (_running, heard) = listen(&sh(script).in_dir(pulse.dir()), &Groups::default());
    let mut first = [next(&heard), next(&heard)];
    first.sort_by_key(|what| *what == line("one"));
    assert_eq!(first, [Heard::Line(Stream::Stderr, "two".into()), line("one")]);
    // The program waits for us here: both lines were heard before it went on.
    drop(fs::OpenOptions::new().write(true).open(&pulse.fifo).expect("the FIFO opens"));
    assert_eq!([next(&heard), next(&heard), next(&heard)], [line("\u{fffd}"), line(""), line("last")]);
    let Heard::Ended(Ok(end)) = next(&heard) else { panic!("not the end") };
    assert!(end.status.success());
    assert_eq!(end.stdout.bytes, b"one\n\xff\n\nlast");
    assert!(heard.recv_timeout(HUNG).is_err(), "the listener is dropped after the end");
}

#[test]
fn a_long_line_is_cut_between_characters_and_says_so() {
    // One byte, then two-byte characters: the bound falls into the middle of one.
    let script = format!("printf a; yes é | tr -d '\\n' | head -c {}; echo; echo next", 2 * LINE);
    let (_running, heard) = listen(&sh(&script).set("LC_ALL", "C"), &Groups::default());
    let Heard::Line(Stream::Stdout, cut) = next(&heard) else { panic!("not a line") };
    let kept = format!("a{}", "é".repeat((LINE - 1) / 2));
    assert_eq!(cut, format!("{kept}… ({} bytes more)", 1 + 2 * LINE - kept.len()));
    assert_eq!(next(&heard), line("next"));
}

#[test]
fn a_timeout_ends_grandchildren_too() {
    let pulse = Pulse::new();
    let (tell, end) = mpsc::channel();
    let program = sh("trap '' TERM; (exec 3>pulse; sleep 1000; sleep 1000) & wait").in_dir(pulse.dir());
    thread::spawn(move || tell.send(run(&program, &Groups::default(), SOON)));
    let grandchild = pulse.begin();
    let end = end.recv_timeout(HUNG).expect("the timeout came");
    assert_eq!(end, Err(ProcessError::Timeout { program: "sh".into(), after: SOON }));
    assert!(gone(&grandchild), "leader and grandchild ignore TERM, and are killed");
}

#[test]
fn stop_ends_the_group_and_the_end_is_still_heard() {
    let pulse = Pulse::new();
    let (running, heard) = listen(&sh("sleep 1000 3>pulse & echo up; wait").in_dir(pulse.dir()), &Groups::default());
    let grandchild = pulse.begin();
    assert_eq!(next(&heard), line("up"));
    assert!(still_there(&grandchild));
    running.stop();
    let Heard::Ended(Ok(end)) = next(&heard) else { panic!("not the end") };
    assert_eq!(end.status, Status::Signalled(15));
    assert!(gone(&grandchild));
    running.stop();
}

#[test]
fn dropping_ends_the_group_silently() {
    let pulse = Pulse::new();
    let script = "trap 'echo said too late; exit' TERM; exec 3>pulse; sleep 1000 & wait";
    let (running, heard) = listen(&sh(script).in_dir(pulse.dir()), &Groups::default());
    let child = pulse.begin();
    drop(running);
    assert!(gone(&child));
    assert_eq!(heard.recv_timeout(HUNG), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn a_grandchild_that_holds_stdout_ends_with_its_group() {
    let pulse = Pulse::new();
    let program = sh("sleep 1000 3>pulse & echo early; exit 3").in_dir(pulse.dir());
    let (_running, heard) = listen(&program, &Groups::default());
    let grandchild = pulse.begin();
    assert_eq!(next(&heard), line("early"));
    let Heard::Ended(Ok(end)) = next(&heard) else { panic!("not the end") };
    assert_eq!(end.status, Status::Exited(3), "the leader's own end counts");
    assert!(gone(&grandchild));
}

#[test]
fn a_silent_grandchild_does_not_survive_its_leader() {
    let pulse = Pulse::new();
    let program = sh("exec 3>pulse; sleep 1000 >/dev/null 2>&1 & exit 0").in_dir(pulse.dir());
    let (_running, heard) = listen(&program, &Groups::default());
    let grandchild = pulse.begin();
    assert!(matches!(next(&heard), Heard::Ended(Ok(end)) if end.status.success()));
    assert!(gone(&grandchild));
}

#[test]
fn what_the_rest_of_a_pipeline_flushes_is_heard() {
    let end = finish("{ read line; echo \"got $line\"; } <<'.' &\nlast\n.\nexit 0");
    assert_eq!(end.stdout.text(), "got last\n");
}

/// `setsid` comes with every Linux, not with macOS.
#[cfg(target_os = "linux")]
#[test]
fn a_grandchild_that_left_the_group_does_not_hold_us_up() {
    let (pulse, gate) = (Pulse::new(), Pulse::new());
    let program = sh("exec 3>pulse; setsid sh -c 'echo $$; exec sleep 1000' & cat \"$GATE\"; exit 5");
    let (_running, heard) = listen(&program.in_dir(pulse.dir()).set("GATE", &gate.fifo), &Groups::default());
    let escaped = pulse.begin();
    let Heard::Line(_, pid) = next(&heard) else { panic!("not a line") };
    drop(fs::OpenOptions::new().write(true).open(&gate.fifo).expect("the FIFO opens"));
    let Heard::Ended(Ok(end)) = next(&heard) else { panic!("not the end") };
    assert_eq!((end.status, end.stdout.text()), (Status::Exited(5), format!("{pid}\n")));
    assert!(still_there(&escaped), "else this proves nothing");
    let pid = Pid::from_raw(pid.parse().expect("a pid")).expect("not zero");
    kill_process(pid, Signal::KILL).expect("it was there");
    assert!(gone(&escaped));
}

#[test]
fn end_all_ends_every_group_and_lets_none_start() {
    let groups = Groups::default();
    let (one, two) = (Pulse::new(), Pulse::new());
    let (_gentle, heard) = listen(&sh("exec sleep 1000 3>pulse").in_dir(one.dir()), &groups);
    let stubborn = sh("trap '' TERM; exec 3>pulse; sleep 1000; sleep 1000").in_dir(two.dir());
    let (_stubborn, stubborn_heard) = listen(&stubborn, &groups.clone());
    let ends = [one.begin(), two.begin()];
    groups.end_all();
    assert!(ends.iter().all(gone));
    for (heard, signal) in [(heard, 15), (stubborn_heard, 9)] {
        let Heard::Ended(Ok(end)) = next(&heard) else { panic!("not the end") };
        assert_eq!(end.status, Status::Signalled(signal));
    }
    assert_eq!(run(&sh("true"), &groups, HUNG), Err(ProcessError::Ending { program: "sh".into() }));
    groups.end_all();
}

#[test]
fn many_at_once_each_get_their_own_end() {
    let groups = Groups::default();
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
            (format!("{number}\n"), Status::Exited(i32::try_from(number).expect("small")))
        );
    }
}
