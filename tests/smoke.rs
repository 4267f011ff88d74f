//! `smoke` with real shells and processes: how they end, which variables they inherit, and that their output is escaped.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod checks;
mod reports;
mod runners;
mod version;

use std::{
    fs::File,
    io::Read as _,
    process::Command,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use promote_gates::values::HumanDuration;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    house::{Ended, LIMIT, Runner},
    patience::{SIGNALLED, with_enough_time},
};

fn runner(script: &str) -> Runner {
    Runner::new().input("service", "checkout-service").input("tag", "1.4.2").input("command", script)
}

/// The exit code and the verdict. Outputs, report and summary must agree.
fn end(ended: &Ended) -> (i32, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    (ended.code, &ended.outputs["verdict"])
}

/// Shows whether processes are alive: they hold a FIFO open for writing, and the reader reaches the end of the file when the
/// last of them has ended.
struct Pulse(Receiver<()>);

impl Pulse {
    /// Makes the FIFO `pulse` in the workspace. The first message says that a process has opened it.
    fn new(runner: &Runner) -> Self {
        let fifo = runner.workspace().join("pulse");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            // Opening blocks until there is a writer.
            let mut fifo = File::open(fifo).unwrap();
            let _ = sender.send(());
            let _ = fifo.read_to_end(&mut Vec::new());
        });
        Self(receiver)
    }

    fn wait_for_writer(&self) {
        self.0.recv_timeout(LIMIT).unwrap();
    }

    fn assert_no_writer(&self) {
        assert_eq!(self.0.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected), "a process still holds the FIFO");
    }
}

/// A child that waits for a grandchild; both hold the FIFO once the child prints `waiting`.
const GRANDCHILD: &str = "exec 3>pulse; (sleep 1000; sleep 1000) & echo waiting; wait";

#[test]
fn without_reports_the_exit_code_decides() {
    for (script, expected, message) in [
        ("exit 0", (0, "passed"), "exit code 0; tests not counted (no `junit`)"),
        ("echo boom; exit 3", (1, "blocked"), "exit code 3; its last lines:\nboom"),
        ("false; true", (1, "blocked"), "exit code 1"),
        ("no-such-program-anywhere", (3, "inconclusive"), "exit code 127: something it calls was not found"),
        ("touch f; ./f", (3, "inconclusive"), "exit code 126"),
        ("kill -KILL $$", (3, "inconclusive"), "ended by signal 9"),
    ] {
        let ended = runner(script).run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{script}: {}", ended.log);
        let actual = ended.report["findings"][0]["actual"].as_str().unwrap();
        assert!(actual.contains(message), "{script}: {actual}");
    }
}

#[test]
fn argv_runs_without_a_shell_in_the_given_folder_with_the_given_variables() {
    let runner = Runner::new().input("working-directory", "tests/smoke").env("GIVEN", "by the job");
    runner.write(
        ".github/promote-gates.yml",
        "smoke:\n  argv: [./run, 'a  b', $HOME]\n  env: { ENVIRONMENT: staging, TAG: 1.10, KEY: hunter2 }\n",
    );
    runner.write("tests/smoke/script", "echo \"$# <$1> <$2> $ENVIRONMENT $TAG $GIVEN\"\n[ \"$KEY\" = hunter2 ]\n");
    // A child process writes the script: another test's child could inherit a file that this process has open for writing.
    let make = "printf '#!/bin/sh\\n. ./script\\n' > run; chmod +x run";
    assert!(
        Command::new("sh")
            .args(["-c", make])
            .current_dir(runner.workspace().join("tests/smoke"))
            .status()
            .unwrap()
            .success()
    );
    let ended = runner.run(&["smoke"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(ended.log.contains("smoke │ 2 <a  b> <$HOME> staging 1.10 by the job\n"), "{}", ended.log);
    assert_eq!(ended.report["settings"]["env"], json!(["ENVIRONMENT", "TAG", "KEY"]));
    let text = format!("{} {:?} {} {}", ended.log, ended.outputs, ended.summary, ended.report);
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_missing_program_is_inconclusive() {
    for (argv, message) in
        [("no-such-program-anywhere\nx", "no such program"), ("npm run smoke", "goes into `command`")]
    {
        let ended = Runner::new().input("argv", argv).run(&["smoke"]);
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains(message), "{}", ended.log);
    }
}

#[test]
fn bad_input_is_named_and_nothing_runs() {
    let marks = || Runner::new().input("tag", "1.4.2").input("command", "touch ran");
    for (runner, message) in [
        (Runner::new(), "`command`, `argv`: neither is given"),
        (marks().input("argv", "true"), "`command`, `argv`: both are given"),
        (marks().input("working-directory", "tests/gone"), "`working-directory` (input): no folder tests/gone"),
        (marks().input("timeout", "0"), "`timeout` (input): 0s"),
        (marks().input("timeout", "soon"), "`timeout` (input): \"soon\""),
        (marks().input("env", "A-B=x"), "`env` (input)"),
        (marks().input("critical", "login"), "`critical` (input): given without `junit`"),
        (marks().input("min-tests", "3"), "`min-tests` (input): given without `junit`"),
        (marks().input("max-flaky", "0"), "`max-flaky` (input): given without `junit`"),
        (marks().input("retries", "11"), "`retries` (input): \"11\""),
        (
            marks().input("version-endpoint", "http://127.0.0.1:1/").input("expect-version", ".a == $subject.digest"),
            "`expect-version` (input): it compares with `$subject.digest`, and the subject has no digest",
        ),
        (marks().input("critical", "*").input("junit", "r.xml"), "`critical` (input): \"*\""),
        (marks().input("junit", "!r.xml"), "`junit` (input): only `!` lines"),
        (marks().input("junit", "/nowhere/r.xml"), "leads out of the workspace"),
    ] {
        let ended = runner.run(&["smoke"]);
        assert_eq!(end(&ended), (2, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains(message), "{message} in {}", ended.log);
        assert!(!runner.workspace().join("ran").exists(), "{message}");
    }
}

#[test]
fn the_timeout_ends_grandchildren_and_blocks() {
    let attempt = |time: &str| {
        let runner = runner(GRANDCHILD).input("timeout", time);
        let pulse = Pulse::new(&runner);
        (runner.run(&["smoke"]), pulse, time.parse::<HumanDuration>().unwrap())
    };
    let grandchild_started = |(ended, ..): &(Ended, Pulse, HumanDuration)| ended.log.contains("waiting");
    let (ended, pulse, time) = with_enough_time(Duration::from_millis(1500), attempt, grandchild_started);
    pulse.wait_for_writer();
    pulse.assert_no_writer();
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let no_end = format!("no end within {time}");
    for part in [no_end.as_str(), "its last lines:<br>waiting", "| Last lines of the command |"] {
        assert!(ended.summary.contains(part), "{part} in {}", ended.summary);
    }
}

#[test]
fn a_signal_ends_grandchildren_and_leaves_a_report() {
    for (stubborn, signal) in [("", Signal::TERM), ("trap '' TERM; ", Signal::INT)] {
        let runner = runner(&format!("{stubborn}{GRANDCHILD}"));
        let pulse = Pulse::new(&runner);
        let step = runner.start(&["smoke"]);
        pulse.wait_for_writer();
        step.wait_for_line("waiting");
        step.signal(signal);
        let ended = step.end_within(SIGNALLED);
        pulse.assert_no_writer();
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains("it has not ended") && ended.log.contains("cancelled by a signal"), "{}", ended.log);
    }
}

#[test]
fn a_background_process_is_ended_with_the_command() {
    let runner = runner("(exec 3>pulse; exec sleep 1000 >/dev/null 2>&1) & read -r x <gate");
    let pulse = Pulse::new(&runner);
    assert!(Command::new("mkfifo").arg(runner.workspace().join("gate")).status().unwrap().success());
    let step = runner.start(&["smoke"]);
    pulse.wait_for_writer();
    std::fs::write(runner.workspace().join("gate"), "go\n").unwrap();
    let ended = step.end_within(LIMIT);
    pulse.assert_no_writer();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

/// A child that leaves the process group, and its parent ends. `setsid` is part of every Linux, but not of macOS.
#[test]
#[cfg(target_os = "linux")]
fn a_process_that_left_the_group_is_ended_too() {
    let daemon =
        "exec 3>pulse; setsid sh -c '(sleep 1000; sleep 1000) & echo daemon; exec sleep 1000' & read -r x <gate";
    let runner = runner(daemon);
    let pulse = Pulse::new(&runner);
    assert!(Command::new("mkfifo").arg(runner.workspace().join("gate")).status().unwrap().success());
    let step = runner.start(&["smoke"]);
    pulse.wait_for_writer();
    step.wait_for_line("daemon");
    std::fs::write(runner.workspace().join("gate"), "go\n").unwrap();
    let ended = step.end_within(LIMIT);
    pulse.assert_no_writer();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

#[test]
fn the_tests_inherit_neither_tokens_nor_the_runners_files() {
    let script = "env | sed 's/^/seen: /'
        for file in \"$GITHUB_OUTPUT\" \"$GITHUB_ENV\" \"$GITHUB_PATH\" \"$GITHUB_STATE\" \"$GITHUB_STEP_SUMMARY\"; do
            if [ -n \"$file\" ]; then printf 'verdict=passed\\n' >>\"$file\"; fi
        done
        exit 1";
    let files = ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"];
    let runner = files.iter().fold(runner(script), |runner, name| {
        let path = runner.workspace().join(name).display().to_string();
        runner.env(name, &path)
    });
    let runner = runner.input("token", "ghs_hunter2").env("PROMOTE_GATES_Odd", "").env("KEPT", "yes");
    // With these a test could let GitHub sign a forged report.
    let runner = runner
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", "https://runner.example/?hunter2")
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ghs_hunter2");
    let ended = runner.run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(ended.outputs.keys().collect::<Vec<_>>(), ["reason", "report", "report-path", "verdict"]);
    let seen: Vec<&str> = ended.log.lines().filter_map(|line| line.split("seen: ").nth(1)).collect();
    assert!(seen.contains(&"KEPT=yes") && seen.contains(&"GITHUB_REPOSITORY=acme/shop"), "{seen:?}");
    let leaked = |line: &&&str| {
        ["PROMOTE_GATES_", "ACTIONS_ID_TOKEN"].iter().any(|name| line.starts_with(name))
            || line.contains("GITHUB_OUTPUT")
    };
    assert_eq!(seen.iter().filter(leaked).collect::<Vec<_>>(), [&""; 0]);
    for name in files {
        assert!(!seen.iter().any(|line| line.starts_with(name)) && !runner.workspace().join(name).exists(), "{name}");
    }
    assert!(!ended.log.replacen("::add-mask::ghs_hunter2", "", 2).contains("hunter2"), "{}", ended.log);
}

#[test]
fn of_a_long_output_the_last_lines_are_logged() {
    for (script, lines) in [
        // 100,000 lines of 100 bytes, and one line of 10 MB.
        ("yes \"$(printf '%099d' 0)\" | head -n 100000; echo the end", "… 90001 more lines left out; the last ones:"),
        ("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo the end", "bytes more)"),
    ] {
        let ended = runner(&format!("set +o pipefail; {script}; exit 4")).run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{:.2000}", ended.log);
        assert!(ended.log.len() < 3 << 20, "{}", ended.log.len());
        assert!(ended.log.contains(lines), "{script}");
        assert!(ended.log.contains("smoke │ the end\n"), "{script}");
    }
}

#[test]
fn endless_output_does_not_delay_the_timeout() {
    let ended = runner("yes").input("timeout", "1s").run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{:.2000}", ended.log);
}

#[test]
fn a_dry_run_runs_the_tests_and_fails_nothing() {
    let runner = runner("touch ran; exit 1").input("dry-run", "true");
    let ended = runner.run(&["smoke"]);
    assert_eq!((end(&ended), &ended.report["dry-run"]), ((0, "blocked"), &json!(true)), "{}", ended.log);
    assert!(runner.workspace().join("ran").exists());
}

const HOSTILE: &str = "::error::x
  ::set-output name=verdict::passed
##[error]x a###[error]y
\u{1b}[0m::stop-commands::pause
##\u{1b}[0m[set-output name=verdict;]passed
progress\r::add-mask::passed\r##[add-path]x
%0A::set-output name=verdict::passed
</td><script>z</script> a|b `c` **d**
verdict=passed
EOF_00000000000000000000000000000000
\u{1b}[2K\u{1b}]0;title\u{7}";

#[test]
fn hostile_output_is_escaped() {
    for stream in ["cat words", "cat words >&2"] {
        let runner = runner(&format!(": '{HOSTILE}'\n{stream}; exit 1"));
        runner.write("words", HOSTILE);
        let ended = runner.run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        reports::assert_escaped(&ended);
        for line in ["smoke │ : :error::x\n", "smoke │ progress\nsmoke │ (a value to mask: not shown)\n"] {
            assert!(ended.log.contains(line), "{line} in {}", ended.log);
        }
    }
}
