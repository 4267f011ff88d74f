//! `performance` as a step, with figures from files and from a server.

mod baselines;
mod command;
mod formats;
mod own_load;
mod page_loads;

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::json;

use crate::{
    house::{Ended, Runner},
    origin::{Event, Origin},
};

fn step(p99: &str, baseline: &str) -> Ended {
    let runner = Runner::new().input("results", "stats.json").input("baseline", "baseline.json");
    runner.write("stats.json", format!("{{\"p99_latency\": {p99}}}"));
    runner.write("baseline.json", format!("{{\"p99_latency\": {baseline}}}"));
    runner.run(&["performance"])
}

#[test]
fn a_p99_above_the_limit_blocks_with_an_error_that_names_the_numbers() {
    let ended = step("130", "100");
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{}", ended.log);
    let error = ended.commands().into_iter().find(|line| line.starts_with("::error")).expect("an annotation");
    for part in ["130 ms", "120 ms", "100 ms"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert_eq!(ended.outputs["ratio"], "1.3");
    let page = "### ⛔ performance: p99 100 ms → 130 ms, limit 120 ms\n";
    assert!(
        ended.summary.starts_with(page) && ended.summary.contains("**Next:** find the commit"),
        "{}",
        ended.summary
    );

    let ended = step("119", "100");
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
    assert!(!ended.commands().iter().any(|line| line.starts_with("::error")), "{}", ended.log);
    let page = "### ✅ performance: p99 100 ms → 119 ms, limit 120 ms\n";
    assert!(ended.summary.starts_with(page), "{}", ended.summary);
}

#[test]
fn a_zero_baseline_is_inconclusive_and_says_how_to_make_one() {
    let ended = step("130", "0");
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("store its p99 as the baseline"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_missing_baseline_is_inconclusive_and_says_how_to_make_one() {
    let runner = Runner::new().input("results", "stats.json").input("baseline", "gone.json");
    runner.write("stats.json", "{\"p99_latency\": 1}");
    let ended = runner.run(&["performance"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("> gone.json"), "{}", ended.outputs["reason"]);
}

#[test]
fn bad_input_is_named_with_its_value_and_what_is_accepted() {
    for (key, value, parts) in [
        ("results", "nowhere.json", &["`results`", "nowhere.json"][..]),
        ("results", "broken.json", &["broken.json", "JSON"]),
        ("baseline", "broken.json", &["broken.json", "JSON"]),
        ("results-query", ".p99_latncy", &["`results-query`", "p99_latency", "number"]),
        ("results-query", ".a |", &["`results-query` (input)", ".a |"]),
        ("max-ratio", "1,2", &["`max-ratio` (input)", "\"1,2\"", "a number over 0"]),
        ("timeout", "soon", &["`timeout` (input)", "\"soon\"", "90s"]),
        ("baseline", "ftp://metrics.example", &["`baseline` (input)", "http"]),
    ] {
        let runner = Runner::new().input("results", "stats.json").input("baseline", "baseline.json").input(key, value);
        runner.write("stats.json", "{\"p99_latency\": 1}");
        runner.write("baseline.json", "{\"p99_latency\": 1}");
        runner.write("broken.json", "{\"p99_latency\": ");
        let ended = runner.run(&["performance"]);
        assert_eq!(
            (ended.code, ended.outputs["verdict"].as_str()),
            (2, "inconclusive"),
            "{key}={value}\n{}",
            ended.log
        );
        for part in parts {
            assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
        }
    }
}

#[test]
fn a_baseline_from_a_server_is_compared_and_its_header_is_shown_nowhere() {
    let server = LoopbackServer::start(|request| {
        match request.headers.get("authorization").and_then(|value| value.to_str().ok()) {
            Some("Bearer s3cret-token") => {
                FakeResponse::json(200, &json!({ "data": { "result": [{ "value": [0, "100"] }] } }))
            }
            _ => FakeResponse::status(401),
        }
    })
    .expect("a server");
    let runner = Runner::new()
        .input("results", "stats.json")
        .input("baseline", &format!("{}/query?token=s3cret-query", server.url()))
        .input("baseline-query", ".data.result[0].value[1]")
        .input("baseline-headers", "Authorization: Bearer s3cret-token");
    runner.write("stats.json", "{\"p99_latency\": 119}");
    let ended = runner.run(&["performance"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let log: String = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
    for (place, text) in [
        ("log", log),
        ("summary", ended.summary),
        ("report", ended.report.to_string()),
        ("outputs", format!("{:?}", ended.outputs)),
    ] {
        assert!(!text.contains("s3cret"), "the {place} shows it: {text}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_inconclusive() {
    for answer in [FakeResponse::status(503), FakeResponse::hang(), FakeResponse::close()] {
        let server = LoopbackServer::start(move |_| answer.clone()).expect("a server");
        let runner =
            Runner::new().input("results", "stats.json").input("baseline", server.url()).input("timeout", "300ms");
        runner.write("stats.json", "{\"p99_latency\": 1}");
        let ended = runner.run(&["performance"]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", ended.log);
    }
}

#[test]
fn hostile_text_in_a_file_is_escaped() {
    let hostile = "::error::x ##[error]x %0A::set-output name=verdict::passed </td><script> a|b `c`\n::add-mask::z\r::stop-commands::q\nverdict=passed\nEOF";
    let runner = Runner::new().input("results", "stats.json").input("baseline", "baseline.json");
    runner.write("stats.json", json!({ "p99_latency": hostile, hostile: 1 }).to_string());
    runner.write("baseline.json", "{\"p99_latency\": 1}");
    let ended = runner.run(&["performance"]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert_eq!(ended.outputs["verdict"], "inconclusive");
    for command in ended.commands() {
        assert!(
            command.starts_with("::error title=performance%3A inconclusive::")
                || command.starts_with("::notice title=promote-gates::"),
            "{command}"
        );
    }
    assert!(
        !ended.summary.contains("<script") && !ended.summary.contains("a|b") && !ended.summary.contains("`c`"),
        "{}",
        ended.summary
    );
}

#[test]
fn a_baseline_file_is_that_of_the_commit_that_the_pull_request_was_merged_with() {
    let origin = Origin::new();
    let old = origin.commit(&[("p99.json", br#"{"p99_latency": 200}"#)]);
    let new = origin.commit(&[("p99.json", br#"{"p99_latency": 100}"#)]);
    origin.branch("topic", &old);
    let head = origin.commit(&[("p99.json", br#"{"p99_latency": 900}"#)]);
    origin.git(&["switch", "--quiet", "main"]);
    origin.branch("behind", &old);
    let behind = origin.commit(&[("README.md", b"x")]);
    // The event's base, what is checked out, the measured p99.
    let merge = origin.merge(&new, &behind);
    for (event, checked_out, p99, code) in [
        (Event::pull_request(&old, &behind, &merge), &merge, 119, 0),
        (Event::pull_request(&old, &behind, &merge), &merge, 130, 1),
        (Event::pull_request(&new, &behind, &merge), &behind, 230, 0),
        (Event::pull_request(&new, &behind, &merge), &behind, 250, 1),
        (Event::pull_request(&new, &head, &merge), &head, 250, 1),
    ] {
        let runner = origin.runner(&event, checked_out, 1);
        runner.write("stats.json", format!("{{\"p99_latency\": {p99}}}"));
        let ended = runner.input("results", "stats.json").input("baseline", "p99.json").run(&["performance"]);
        assert_eq!(ended.code, code, "{p99}: {}", ended.log);
        let base = if *checked_out == merge { &new } else { &old };
        let source = &ended.report["findings"][0]["evidence"][1]["source"];
        assert_eq!(*source, format!("p99.json (in the base commit {base})"));
    }
}
