//! How a step ends when nothing is in order: no room, no place that can be written to, nobody who listens, no such command.
//! Whatever it is, the exit code and everything that is left behind say the same, and never `passed` by mistake.

#![expect(clippy::expect_used, reason = "what cannot be staged is a failed test")]

use std::{fs, path::Path, sync::mpsc::channel};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    house::{Ended, Runner},
    patience::SIGNALLED,
};

const BASELINE: &str = "bundle-size.baseline.json";

/// A shop whose bundle is as its baseline says.
fn shop() -> Runner {
    let runner = Runner::new();
    runner.write("dist/app.js", "x".repeat(10_000));
    says(&runner.run(&["bundle-size", "--path=dist", "--allow-first"]), 0, "passed");
    runner
}

#[track_caller]
fn says(ended: &Ended, code: i32, verdict: &str) {
    let said = ended.outputs.get("verdict").map(String::as_str);
    assert_eq!((ended.code, said), (code, Some(verdict)), "{}", ended.log);
    assert!(ended.summary.contains(&format!(" {verdict}")), "{}", ended.summary);
    if ended.report != Value::Null {
        assert_eq!(ended.report["verdict"], verdict);
    }
}

/// Whether anything that is left says that the command passed; single checks may have.
fn tells_passed(ended: &Ended) -> bool {
    let heading = "✅ bundle-size passed";
    ended.log.contains(heading)
        || ended.summary.contains(heading)
        || ended.outputs.get("verdict").is_some_and(|verdict| verdict == "passed")
        || ended.outputs.get("report").is_some_and(|report| report.contains(r#""verdict":"passed","reason""#))
        || ended.report["verdict"] == "passed"
}

/// What is in a folder, temporary files included.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// `blocks` of 512 bytes are all that a file may hold: the kernel refuses the rest as a full disk does.
fn with_room(blocks: usize) -> String {
    format!(r#"ulimit -f {blocks}; exec "$@""#)
}

#[test]
fn a_baseline_that_has_no_room_leaves_the_old_one() {
    let runner = shop();
    let path = runner.workspace().join(BASELINE);
    let (old, names) = (fs::read(&path).expect("a baseline"), names_in(&runner.workspace()));
    // Small to send, and long to list.
    for number in 0..400 {
        runner.write(&format!("dist/icons/{number:04}-{}.svg", "x".repeat(40)), "x");
    }
    let step = ["bundle-size", "--path=dist", "--write-baseline", "--max-increase=100", "--compression=raw"];
    let ended = runner.run_by(&with_room(32), &step);
    says(&ended, 3, "inconclusive");
    assert!(ended.log.contains(&format!("{BASELINE}: cannot be written: File too large")), "{}", ended.log);
    assert!(!tells_passed(&ended));
    assert_eq!((fs::read(&path).expect("read"), names_in(&runner.workspace())), (old, names), "whole or not at all");

    says(&runner.run(&step), 0, "passed");
    assert!(fs::metadata(&path).expect("a baseline").len() > 32 * 512, "what had no room");
}

#[test]
fn without_room_for_its_files_no_step_passes() {
    let runner = shop();
    let step = |room: &str| runner.run_by(room, &["bundle-size", "--path=dist"]);
    let ended = step(&with_room(0));
    assert_eq!((ended.code, ended.outputs.len(), ended.summary.as_str()), (3, 0, ""));
    assert!(!ended.log.contains("bundle-size passed"), "{}", ended.log);
    assert!(["job summary", "report file", "outputs"].iter().all(|sink| ended.log.contains(sink)), "{}", ended.log);

    // One after the other finds its room.
    let mut last = ended;
    let mut cut = 0;
    for blocks in 1..40 {
        last = step(&with_room(blocks));
        if last.code == 0 {
            break;
        }
        cut += 1;
        assert_eq!(last.code, 3, "{blocks}: {}", last.log);
        assert!(!tells_passed(&last), "{blocks} blocks: {last:?}");
        assert_eq!(last.outputs["verdict"], "inconclusive", "there is room for that");
    }
    assert!(cut > 1, "outputs, report and summary are of different sizes: {cut}");
    assert!(tells_passed(&last));
    says(&last, 0, "passed");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_no_reason_to_pass() {
    // Not even root makes a folder there.
    let runner = shop().env("RUNNER_TEMP", "/sys/promote-gates");
    let ended = runner.run(&["bundle-size", "--path=dist"]);
    says(&ended, 3, "inconclusive");
    assert!(!tells_passed(&ended) && ended.log.contains("report file: "), "{ended:?}");
    assert_eq!(ended.outputs["report-path"], "");
}

#[test]
fn a_workspace_that_cannot_be_written_to_is_enough_for_a_gate_that_only_looks() {
    const INSIDE: &str = r#"cd /proc/sys/kernel && exec "$@""#;
    let runner = Runner::new();
    let step =
        |flags: &[&str]| runner.run_by(INSIDE, &[&["bundle-size", "--path=ostype", "--allow-first"], flags].concat());
    let ended = step(&[]);
    says(&ended, 3, "inconclusive");
    assert!(ended.log.contains(&format!("{BASELINE}: cannot be written")), "{}", ended.log);
    let elsewhere = format!("--baseline={}", runner.workspace().join(BASELINE).display());
    says(&step(&[&elsewhere]), 0, "passed");
    let ended = step(&[&elsewhere, "--report-file=report.json"]);
    says(&ended, 3, "inconclusive");
    assert!(!tells_passed(&ended), "{ended:?}");
}

#[test]
fn who_listens_changes_no_verdict() {
    let runner = shop();
    let step = ["bundle-size", "--path=dist"];
    let blocking = [&step[..], &["--max-added=0", "--max-increase=0"]].concat();
    // The last reader of a pipe is gone before the first word.
    let gone = r#"mkfifo pipe && exec 4<>pipe >pipe 4<&- && rm pipe && exec "$@""#;
    for script in [r#"exec "$@" >&-"#, r#"exec "$@" >&- 2>&-"#, r#"exec "$@" >/dev/full 2>/dev/full"#, gone] {
        runner.write("dist/app.js", "x".repeat(10_000));
        let ended = runner.run_by(script, &step);
        says(&ended, 0, "passed");
        assert_eq!((ended.log.as_str(), ended.report["verdict"].as_str()), ("", Some("passed")), "{script}");
        runner.write("dist/app.js", "x".repeat(20_000));
        says(&runner.run_by(script, &blocking), 1, "blocked");
        assert_eq!(runner.run_by(script, &["--help"]).code, 0, "{script}");
    }
}

#[test]
fn help_and_version_are_told_and_write_nothing() {
    for (arguments, told) in [
        (&["--help"][..], "Usage: promote-gates <COMMAND>"),
        (&["-h"], "Usage: promote-gates <COMMAND>"),
        (&["bundle-size", "--help"], "Usage: promote-gates bundle-size [OPTIONS] --path <GLOB>"),
        (&["--version"], concat!("promote-gates ", env!("CARGO_PKG_VERSION"), "\n")),
    ] {
        // A question, not a judgement: neither outputs nor a report, and nothing of the environment is held against it.
        let runner = Runner::new().input("max-increase", "nonsense");
        let ended = runner.run(arguments);
        assert_eq!((ended.code, ended.outputs.len(), ended.summary.as_str()), (0, 0, ""), "{arguments:?}");
        assert!(ended.log.contains(told), "{}", ended.log);
        assert_eq!(names_in(&runner.workspace().with_file_name("temp")), [""; 0]);
    }
}

#[test]
fn what_is_no_command_is_bad_input_with_all_that_belongs_to_it() {
    for (arguments, told) in [
        (&[][..], "command: none given; expected health, "),
        (&["helth"], "\"helth\"; expected one of health, "),
        (&["--nope"], "`--nope` (command line): no such flag"),
        (&["bundle-size", "--max-increese=3"], "did you mean `--max-increase`?"),
        (&["bundle-size", "dist"], "`dist` (command line)"),
        (&["health", "::error::x"], "`::error::x` (command line)"),
    ] {
        let ended = Runner::new().run(arguments);
        says(&ended, 2, "inconclusive");
        assert!(ended.outputs["reason"].contains(told), "{arguments:?}: {}", ended.outputs["reason"]);
        let errors = ended.commands().into_iter().filter(|line| line.starts_with("::error title=")).count();
        assert_eq!((errors, &ended.report["verdict"]), (1, &"inconclusive".into()), "{}", ended.log);
    }
    let ended = Runner::new().run(&[]);
    assert!(ended.log.contains("Usage: promote-gates <COMMAND>"), "{}", ended.log);
}

/// The health gate alone and inside `run`, and a baseline's server: each waits for an answer that does not come.
#[test]
fn a_signal_ends_a_command_that_waits_for_an_answer_with_a_report() {
    for signal in [Signal::TERM, Signal::INT] {
        for (step, inputs) in [("health", &["endpoints"][..]), ("performance", &["baseline"]), ("run", &[])] {
            let (asked, heard) = channel();
            let server = LoopbackServer::start(move |_| {
                // The test that listens may have failed.
                let _ = asked.send(());
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
            heard.recv().expect("the step asks");
            started.signal(signal);
            let ended = started.end_within(SIGNALLED);
            says(&ended, 3, "inconclusive");
            assert!(ended.report.to_string().contains("cancelled by a signal"), "{step}: {}", ended.report);
        }
    }
}
