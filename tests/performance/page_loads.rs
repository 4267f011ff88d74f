//! `performance` with reports of Lighthouse: real ones, of a page that was once much slower and once did not load.

use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    repository::read,
};

const FILE: &str = "baselines/shop.json";

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
    for part in ["1 of 3 loads has no figure: ERRORED_DOCUMENT_REQUEST", "503"] {
        assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
    }
    let one_failed = compared(&["run-4", "failed-1", "run-5", "run-1"], baseline);
    assert_end(&one_failed, (0, "passed"));
    assert!(one_failed.report.to_string().contains("1 of 4 loads has no figure"), "{}", one_failed.report);
    let many_failed = [&["failed-1"; 7][..], baseline].concat();
    let ended = compared(&many_failed, baseline);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("7 of 10 loads have no figure: ERRORED"), "{}", ended.outputs["reason"]);
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

#[test]
fn every_load_must_be_of_now() {
    let runner = Runner::new().input("results", "now.json").input("baseline", "before.json");
    runner.write("before.json", reports(&["run-1", "run-2", "run-3"]));
    let at = |time: &str| format!("{{\"fetchTime\": \"{time}\",");
    for (time, expected) in [
        ("2026-01-01T00:00:00.000Z", (3, "inconclusive")),
        ("2999-01-01T00:00:00.000Z", (3, "inconclusive")),
        // Such a load is as old as the file.
        ("this morning", (0, "passed")),
    ] {
        // Of the three loads, one has this time.
        runner.write("now.json", reports(&["run-4", "run-5", "run-1"]).replacen('{', &at(time), 1));
        let ended = runner.run(&["performance"]);
        assert_end(&ended, expected);
        assert_eq!(ended.outputs["reason"].contains("age of the results"), expected.0 == 3, "{}", ended.log);
    }
    let file = std::fs::File::options().write(true).open(runner.workspace().join("now.json")).expect("the file");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("its time");
    let ended = runner.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("1970-01-01"), "{}", ended.outputs["reason"]);
}

/// The workflow run that measures a release.
fn run_of(tag: &str) -> String {
    tag.replace('.', "")
}

/// A step about a release, whose baseline is in a file.
fn against_store(tag: &str, now: &[&str], file: Option<&str>) -> Runner {
    let runner = Runner::new()
        .env("GITHUB_RUN_ID", &run_of(tag))
        .input("service", "shop")
        .input("environment", "staging")
        .input("tag", tag)
        .input("results", "now.json")
        .input("min-delta", "50ms")
        .input("baseline-store", "baselines/{service}.json");
    // The slow page was measured on another port.
    runner.write("now.json", reports(now).replace("127.0.0.1:18082", "127.0.0.1:18081"));
    if let Some(file) = file {
        runner.write(FILE, file);
    }
    runner
}

/// The file after a step was measured and its release promoted.
fn promoted(tag: &str, measured: &Ended, file: Option<&str>) -> String {
    let results = json!({ "performance": { "outputs": measured.outputs } }).to_string();
    let release = json!({ "service": "shop", "tag": tag }).to_string();
    let runner =
        Runner::new().env("GITHUB_RUN_ID", &run_of(tag)).input("results", &results).input("promoted", &release);
    if let Some(file) = file {
        runner.write(FILE, file);
    }
    assert_end(&runner.run(&["baseline"]), (0, "passed"));
    std::fs::read_to_string(runner.workspace().join(FILE)).unwrap_or_default()
}

#[test]
fn page_loads_of_promoted_releases_are_a_baseline() {
    let ended = against_store("1.0", &["run-1", "run-2", "run-3"], None).run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    for part in ["no session in baselines/shop.json", "promote-gates baseline"] {
        assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
    }
    let figures: Value = serde_json::from_str(&ended.outputs["figures"]).expect("JSON");
    assert_eq!(figures["pages"]["/checkout"]["loads"], 3, "{figures}");
    let file = promoted("1.0", &ended, None);
    assert!(file.contains("\"schema\": 2,"), "{file}");

    let ended = against_store("1.1", &["run-4", "run-5", "run-1"], Some(&file)).run(&["performance"]);
    assert_end(&ended, (0, "passed"));
    for part in ["LCP of /checkout", "xychart-beta", "LCP of /checkout of the last promotions (ms)", "\"1.0\", \"now\""]
    {
        assert!(ended.summary.contains(part), "{part} in {}", ended.summary);
    }
    let slow = &["slow-1", "slow-1", "slow-1"];
    let ended = against_store("1.1", slow, Some(&file)).run(&["performance"]);
    assert_end(&ended, (1, "blocked"));
    assert!(ended.outputs["reason"].starts_with("LCP of /checkout: "), "{}", ended.outputs["reason"]);

    // 1.1 was promoted although it is slow: the next one is as slow, and the drift since 1.0 shows.
    let file = promoted("1.1", &ended, Some(&file));
    let next = against_store("1.2", slow, Some(&file)).input("max-ratio", "3");
    assert_end(&next.run(&["performance"]), (0, "passed"));
    let next = next.input("drift-from", "1.0");
    let ended = next.run(&["performance"]);
    assert_end(&ended, (1, "blocked"));
    assert!(ended.outputs["reason"].contains("drift of the LCP of /checkout since 1.0"), "{}", ended.outputs["reason"]);
    // The fixed release had other pages.
    next.write(FILE, file.replacen("/checkout", "/basket", 1));
    let ended = next.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("drift since 1.0: no session of 1.0"), "{}", ended.outputs["reason"]);
    next.write(FILE, file);
    let ended = next.input("drift-from", "0.9").run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("drift since 0.9: no session of 0.9"), "{}", ended.outputs["reason"]);
}

#[test]
fn page_loads_and_load_tests_in_one_file_are_not_compared() {
    let measured = against_store("1.0", &["run-1", "run-2", "run-3"], None).run(&["performance"]);
    let pages = promoted("1.0", &measured, None);
    let load = |file: &str| {
        let runner = against_store("2.0", &[], Some(file));
        runner.write("now.json", json!({ "p99_latency": 100, "requests": 1000, "failures": 0 }).to_string());
        runner.run(&["performance"])
    };
    let ended = load(&pages);
    assert_end(&ended, (3, "inconclusive"));
    let reason = "a load test, and the promoted releases in baselines/shop.json have only page loads of Lighthouse";
    assert!(ended.outputs["reason"].contains(reason), "{}", ended.outputs["reason"]);

    let loads = promoted("1.0", &ended_of_load_test(), None);
    assert!(loads.contains("\"schema\": 1,"), "{loads}");
    let ended = against_store("2.0", &["run-1", "run-2", "run-3"], Some(&loads)).run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    let reason = "page loads of Lighthouse, and the promoted releases in baselines/shop.json have only load tests";
    assert!(ended.outputs["reason"].contains(reason), "{}", ended.outputs["reason"]);
    // Once the file has both, each finds its own.
    let both = promoted("1.0", &measured, Some(&loads));
    assert_end(&load(&both), (0, "passed"));
    let runner = against_store("2.0", &["run-4", "run-5", "run-1"], Some(&both));
    assert_end(&runner.run(&["performance"]), (0, "passed"));
}

/// The step of a load test about 1.0.
fn ended_of_load_test() -> Ended {
    let runner = against_store("1.0", &[], None);
    runner.write("now.json", json!({ "p99_latency": 100, "requests": 1000, "failures": 0 }).to_string());
    runner.run(&["performance"])
}
