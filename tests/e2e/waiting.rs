//! The `wait` step between the approval and the commit, during which a promotion can be stopped.
//!
//! On cancel, GitHub's runner sends SIGINT to the step's shell process, which `exec` has replaced by the binary. act kills
//! with SIGKILL instead, so the test itself sends SIGINT to the `wait` process.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::acme::team::Team;
use crate::acme::{Acme, INFRA, SERVICES};
use crate::repo::clean;

/// The id of the `promote-gates wait` process whose environment contains `mark`.
fn wait_process(mark: &str) -> i32 {
    let contains =
        |path: PathBuf, text: &str| fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text));
    let mut found = fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let entry = entry.ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        let ours = contains(entry.path().join("cmdline"), "\0wait\0") && contains(entry.path().join("environ"), mark);
        ours.then_some(number)
    });
    found.next().expect("a process that waits")
}

#[test]
fn a_cancelled_wait_ends_at_once_with_a_report_and_without_a_promotion() {
    let acme = Acme::new();
    let validated = Team::new(&acme, SERVICES[0]).release("Gift cards");
    let promotion =
        acme.promotion(validated.event()).approved_by("lena").with_workflow_change("duration: 1s", "duration: 10m");

    let run = thread::scope(|scope| {
        let run = scope.spawn(|| promotion.run());
        // The first request for hold issues.
        assert!(acme.fake_github.wait_for_requests("/issues", 1, Duration::from_mins(5)), "no request for hold issues");
        let process = wait_process(acme.git.url());
        kill_process(Pid::from_raw(process).expect("a process"), Signal::INT).expect("send the signal");
        let mut ended = clean("timeout");
        ended.args(["2", "tail", "--sleep-interval=0.05", &format!("--pid={process}"), "--follow", "/dev/null"]);
        let ended = ended.stdin(Stdio::null()).status().expect("start timeout");
        assert!(ended.success(), "it did not end within 2 s: {ended}");
        run.join().expect("the run")
    });

    let wait = run.step("promote", "wait");
    assert_eq!(wait.outputs["verdict"], "inconclusive", "{}", run.log);
    assert!(wait.outputs["report"].contains("\"command\":\"wait\""), "{}", run.log);
    assert!(!run.job("promote").steps.contains_key("promote"), "{}", run.log);
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
}

#[test]
fn a_hold_issue_blocks_the_promotion() {
    let acme = Acme::new();
    let validated = Team::new(&acme, SERVICES[0]).release("Gift cards");
    acme.fake_github.open_issue(INFRA, "Freeze until Monday", "", &["promotion-hold"]);

    let run = acme.promotion(validated.event()).approved_by("lena").run();

    let wait = run.step("promote", "wait");
    assert_eq!((wait.exit, wait.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    assert!(wait.summary.contains("Freeze until Monday"), "{}", wait.summary);
    assert!(!run.job("promote").steps.contains_key("promote"), "{}", run.log);
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
}
