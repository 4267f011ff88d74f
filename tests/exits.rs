//! The end of a step under bad conditions: a full disk, a folder without write access, a closed pipe, an unknown command, a
//! signal. The exit code, outputs, report and summary always agree, and none is `passed` by mistake.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::{fs, path::Path, process::Command, sync::mpsc::channel};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    house::{Ended, Runner},
    patience::SIGNALLED,
};

const BASELINE: &str = "bundle-size.baseline.json";

/// A runner whose bundle equals its baseline.
fn runner_with_baseline() -> Runner {
    let runner = Runner::new();
    runner.write("dist/app.js", "x".repeat(10_000));
    assert_end(&runner.run(&["bundle-size", "--path=dist", "--allow-first"]), 0, "passed");
    runner
}

#[track_caller]
fn assert_end(ended: &Ended, code: i32, verdict: &str) {
    let reported = ended.outputs.get("verdict").map(String::as_str);
    assert_eq!((ended.code, reported), (code, Some(verdict)), "{}", ended.log);
    assert!(ended.summary.contains(&format!("\n\n{verdict} · ")), "{}", ended.summary);
    if ended.report != Value::Null {
        assert_eq!(ended.report["verdict"], verdict);
    }
}

/// Whether the log or any file reports that the command passed. Single checks may have passed.
fn reports_passed(ended: &Ended) -> bool {
    let heading = "✅ bundle-size: ";
    ended.log.contains(heading)
        || ended.summary.contains(heading)
        || ended.outputs.get("verdict").is_some_and(|verdict| verdict == "passed")
        || ended.outputs.get("report").is_some_and(|report| report.contains(r#""verdict":"passed","reason""#))
        || ended.report["verdict"] == "passed"
}

/// The names of all files in a folder, temporary files included.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A script that limits each file to `blocks` of 512 bytes: the kernel refuses more, as on a full disk.
fn with_file_limit(blocks: usize) -> String {
    format!(r#"ulimit -f {blocks}; exec "$@""#)
}

#[test]
fn on_a_full_disk_the_old_baseline_stays() {
    let runner = runner_with_baseline();
    let path = runner.workspace().join(BASELINE);
    let (old, names) = (fs::read(&path).expect("a baseline"), names_in(&runner.workspace()));
    // Small files, but a long list of names.
    for number in 0..400 {
        runner.write(&format!("dist/icons/{number:04}-{}.svg", "x".repeat(40)), "x");
    }
    let step = ["bundle-size", "--path=dist", "--write-baseline", "--max-increase=100", "--compression=raw"];
    let ended = runner.run_by(&with_file_limit(32), &step);
    assert_end(&ended, 3, "inconclusive");
    assert!(ended.log.contains(&format!("{BASELINE}: cannot be written: File too large")), "{}", ended.log);
    assert!(!reports_passed(&ended));
    assert_eq!(
        (fs::read(&path).expect("read"), names_in(&runner.workspace())),
        (old, names),
        "no partial baseline and no temporary file"
    );

    assert_end(&runner.run(&step), 0, "passed");
    assert!(fs::metadata(&path).expect("a baseline").len() > 32 * 512, "larger than the limit");
}

#[test]
fn on_a_full_disk_no_step_passes() {
    let runner = runner_with_baseline();
    let step = |script: &str| runner.run_by(script, &["bundle-size", "--path=dist"]);
    let ended = step(&with_file_limit(0));
    assert_eq!((ended.code, ended.outputs.len(), ended.summary.as_str()), (3, 0, ""));
    assert!(!ended.log.contains("bundle-size passed"), "{}", ended.log);
    assert!(["job summary", "report file", "outputs"].iter().all(|sink| ended.log.contains(sink)), "{}", ended.log);

    // With a higher limit one file after the other fits.
    let mut last = ended;
    let mut too_small = 0;
    for blocks in 1..40 {
        last = step(&with_file_limit(blocks));
        if last.code == 0 {
            break;
        }
        too_small += 1;
        assert_eq!(last.code, 3, "{blocks}: {}", last.log);
        assert!(!reports_passed(&last), "{blocks} blocks: {last:?}");
        assert_eq!(last.outputs["verdict"], "inconclusive", "the verdict fits");
    }
    assert!(too_small > 1, "outputs, report and summary have different sizes: {too_small}");
    assert!(reports_passed(&last));
    assert_end(&last, 0, "passed");
}

#[test]
fn an_unwritable_report_folder_makes_the_step_inconclusive() {
    // Not even root can create a folder there.
    let runner = runner_with_baseline().env("RUNNER_TEMP", "/sys/promote-gates");
    let ended = runner.run(&["bundle-size", "--path=dist"]);
    assert_end(&ended, 3, "inconclusive");
    assert!(!reports_passed(&ended) && ended.log.contains("report file: "), "{ended:?}");
    assert_eq!(ended.outputs["report-path"], "");
}

#[test]
fn a_gate_that_writes_nothing_passes_in_a_read_only_workspace() {
    const INSIDE: &str = r#"cd /proc/sys/kernel && exec "$@""#;
    let runner = Runner::new();
    let step =
        |flags: &[&str]| runner.run_by(INSIDE, &[&["bundle-size", "--path=ostype", "--allow-first"], flags].concat());
    let ended = step(&[]);
    assert_end(&ended, 3, "inconclusive");
    assert!(ended.log.contains(&format!("{BASELINE}: cannot be written")), "{}", ended.log);
    let elsewhere = format!("--baseline={}", runner.workspace().join(BASELINE).display());
    assert_end(&step(&[&elsewhere]), 0, "passed");
    let ended = step(&[&elsewhere, "--report-file=report.json"]);
    assert_end(&ended, 3, "inconclusive");
    assert!(!reports_passed(&ended), "{ended:?}");
}

#[test]
fn a_closed_or_full_stdout_changes_no_verdict() {
    let runner = runner_with_baseline();
    let step = ["bundle-size", "--path=dist"];
    let blocking = [&step[..], &["--max-added=0", "--max-increase=0"]].concat();
    // A pipe whose last reader is closed before the first line.
    let broken_pipe = r#"mkfifo pipe && exec 4<>pipe >pipe 4<&- && rm pipe && exec "$@""#;
    for script in [r#"exec "$@" >&-"#, r#"exec "$@" >&- 2>&-"#, r#"exec "$@" >/dev/full 2>/dev/full"#, broken_pipe] {
        runner.write("dist/app.js", "x".repeat(10_000));
        let ended = runner.run_by(script, &step);
        assert_end(&ended, 0, "passed");
        assert_eq!((ended.log.as_str(), ended.report["verdict"].as_str()), ("", Some("passed")), "{script}");
        runner.write("dist/app.js", "x".repeat(20_000));
        assert_end(&runner.run_by(script, &blocking), 1, "blocked");
        assert_eq!(runner.run_by(script, &["--help"]).code, 0, "{script}");
    }
}

#[test]
fn help_and_version_are_printed_and_write_no_files() {
    for (arguments, message) in [
        (&["--help"][..], "Usage: promote-gates <COMMAND>"),
        (&["-h"], "Usage: promote-gates <COMMAND>"),
        (&["bundle-size", "--help"], "Usage: promote-gates bundle-size [OPTIONS] --path <GLOB>"),
        (&["--version"], concat!("promote-gates ", env!("CARGO_PKG_VERSION"), "\n")),
    ] {
        // Help and version ignore the environment, even an invalid input.
        let runner = Runner::new().input("max-increase", "nonsense");
        let ended = runner.run(arguments);
        assert_eq!((ended.code, ended.outputs.len(), ended.summary.as_str()), (0, 0, ""), "{arguments:?}");
        assert!(ended.log.contains(message), "{}", ended.log);
        assert_eq!(names_in(&runner.workspace().with_file_name("temp")), [""; 0]);
    }
}

#[test]
fn a_bad_command_line_is_bad_input_with_outputs_summary_and_report() {
    for (arguments, message) in [
        (&[][..], "command: none given; expected health, "),
        (&["helth"], "\"helth\"; expected one of health, "),
        (&["--nope"], "`--nope` (command line): no such flag"),
        (&["bundle-size", "--max-increese=3"], "did you mean `--max-increase`?"),
        (&["bundle-size", "dist"], "`dist` (command line)"),
        (&["health", "::error::x"], "`::error::x` (command line)"),
    ] {
        let ended = Runner::new().run(arguments);
        assert_end(&ended, 2, "inconclusive");
        assert!(ended.outputs["reason"].contains(message), "{arguments:?}: {}", ended.outputs["reason"]);
        let errors = ended.commands().into_iter().filter(|line| line.starts_with("::error title=")).count();
        assert_eq!((errors, &ended.report["verdict"]), (1, &"inconclusive".into()), "{}", ended.log);
    }
    let ended = Runner::new().run(&[]);
    assert!(ended.log.contains("Usage: promote-gates <COMMAND>"), "{}", ended.log);
}

#[test]
fn without_a_command_a_terminal_gets_the_help_only() {
    let ended = Command::new(env!("CARGO_BIN_EXE_promote-gates")).env_clear().output().expect("the program");
    let help = String::from_utf8(ended.stderr).expect("text");
    assert_eq!((ended.status.code(), ended.stdout), (Some(2), Vec::new()), "{help}");
    for part in ["Usage: promote-gates <COMMAND>", "  health ", "  demo ", "--version"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    assert!(!help.contains("none given"), "{help}");
}

/// The health gate alone and inside `run`, and the server of a baseline: each step waits for a response that never comes.
#[test]
fn a_signal_ends_a_command_that_waits_for_an_answer_with_a_report() {
    for signal in [Signal::TERM, Signal::INT] {
        for (step, inputs) in [("health", &["endpoints"][..]), ("performance", &["baseline"]), ("run", &[])] {
            let (request_sender, requests) = channel();
            let server = LoopbackServer::start(move |_| {
                // The receiver is gone when the test has failed.
                let _ = request_sender.send(());
                FakeResponse::hang()
            })
            .expect("a server");
            let url = format!("{}/slow", server.url());
            let runner = inputs
                .iter()
                .fold(Runner::new().input("results", "stats.json").input("timeout", "1h"), |runner, key| {
                    runner.input(key, &url)
                });
            runner.write("stats.json", "{\"p99_latency\": 1}");
            runner.write(".github/promote-gates.yml", format!("gates: [ health: {{ endpoints: \"{url}\" }} ]\n"));
            let started = runner.start(&[step]);
            requests.recv().expect("a request of the step");
            started.signal(signal);
            let ended = started.end_within(SIGNALLED);
            assert_end(&ended, 3, "inconclusive");
            assert!(ended.report.to_string().contains("cancelled by a signal"), "{step}: {}", ended.report);
        }
    }
}
