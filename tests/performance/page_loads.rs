//! `performance` with reports of Lighthouse: real ones, of a page that was once much slower and once did not load.

use crate::{
    house::{Ended, Runner},
    repository::read,
};

/// The reports in one file, one after the other, as if they had just been written.
fn reports(names: &[&str]) -> String {
    let report = |name: &&str| {
        let text = read(&format!("tests/samples/lighthouse/{name}.json"));
        text.lines().filter(|line| !line.contains("\"fetchTime\"")).collect::<String>()
    };
    names.iter().map(report).collect::<Vec<_>>().join("\n")
}

fn compared(now: &[&str], before: &[&str]) -> Ended {
    let runner = Runner::new().input("results", "now.json").input("baseline", "before.json").input("min-delta", "50ms");
    runner.write("now.json", reports(now));
    runner.write("before.json", reports(before));
    runner.run(&["performance"])
}

#[track_caller]
fn assert_end(ended: &Ended, expected: (i32, &str)) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), expected, "{}", ended.log);
}

#[test]
fn three_loads_are_compared_and_one_slow_one_decides_nothing() {
    let baseline = &["run-1", "run-2", "run-3"];
    let ended = compared(&["run-4", "run-5", "run-1"], baseline);
    assert_end(&ended, (0, "passed"));
    for part in ["LCP of /checkout", "TBT of /checkout", "transfer size of /checkout"] {
        assert!(ended.summary.contains(part), "{part} in {}", ended.summary);
    }
    assert_end(&compared(&["run-4", "slow-1", "run-5"], baseline), (0, "passed"));
    assert_end(&compared(baseline, &["run-4", "slow-1", "run-5"]), (0, "passed"));
    let ended = compared(&["slow-1", "slow-1", "slow-1"], baseline);
    assert_end(&ended, (1, "blocked"));
    assert!(ended.outputs["reason"].starts_with("LCP of /checkout: "), "{}", ended.outputs["reason"]);
}

#[test]
fn loads_that_are_missing_or_failed_are_named() {
    let baseline = &["run-1", "run-2", "run-3"];
    let ended = compared(&["run-4", "run-5"], baseline);
    assert_end(&ended, (3, "inconclusive"));
    assert!(
        ended.outputs["reason"].contains("2 loads; expected the median of at least 3"),
        "{}",
        ended.outputs["reason"]
    );
    let ended = compared(&["run-4", "failed-1", "run-5"], baseline);
    assert_end(&ended, (3, "inconclusive"));
    for part in ["1 without: ERRORED_DOCUMENT_REQUEST", "503"] {
        assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
    }
    assert_end(&compared(&["run-4", "failed-1", "run-5", "run-1"], baseline), (0, "passed"));
    assert_end(&compared(baseline, &["run-4", "failed-1", "run-5"]), (3, "inconclusive"));
}

#[test]
fn reports_of_lighthouse_and_a_load_test_are_not_compared() {
    let runner = Runner::new().input("results", "now.json").input("baseline", "before.json");
    runner.write("now.json", reports(&["run-1", "run-2", "run-3"]));
    runner.write("before.json", "{\"p99_latency\": 100}");
    let ended = runner.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(
        ended.outputs["reason"].contains("reports of Lighthouse, and the baseline is a load test"),
        "{}",
        ended.log
    );
    // Their own times are in the reports.
    let old = reports(&["run-1"]).replacen('{', "{\"fetchTime\": \"2026-01-01T00:00:00.000Z\",", 1);
    runner.write("now.json", old);
    runner.write("before.json", reports(&["run-1"]));
    let ended = runner.run(&["performance"]);
    assert!(ended.outputs["reason"].contains("age of the results"), "{}", ended.outputs["reason"]);
}
