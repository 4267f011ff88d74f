//! `performance` with the baselines that `baseline` keeps.

use std::fmt::Write as _;

use promote_gates::sandbox::{
    github::FakeGitHub,
    server::{FakeResponse, LoopbackServer},
};
use serde_json::{Value, json};

use crate::house::{Ended, Runner};

const FILE: &str = "baselines/cart.json";

/// A session, so many days ago.
struct Session {
    tag: &'static str,
    p99: f64,
    days: i64,
    promoted: bool,
    verdict: &'static str,
}

const fn session(tag: &'static str, p99: f64, days: i64) -> Session {
    Session { tag, p99, days, promoted: true, verdict: "passed" }
}

/// The file of the service `cart`.
fn file(sessions: &[Session]) -> String {
    let mut lines = Vec::new();
    for (session, run) in sessions.iter().zip(100..) {
        let Session { tag, p99, days, promoted, verdict } = session;
        let measured = jiff::Timestamp::from_second(now() - days * 86_400).unwrap().to_string();
        let mut line = json!({
            "subject": { "environment": "staging", "tag": tag },
            "verdict": verdict,
            "measured-at": measured,
            "run": { "repository": "acme/shop", "id": run, "attempt": 1 },
            "figures": {
                "all": p99, "endpoints": { "GET /pay": p99 / 2.0 }, "requests": 1000, "failures": 1,
                "percentiles": { "50": p99 / 4.0, "100": p99 * 2.0 },
                "profile": { "target": "https://staging.example", "users": 10 },
            },
        });
        if *promoted {
            line["promoted-at"] = measured.into();
        }
        lines.push(line);
    }
    json!({ "schema": 1, "service": "cart", "sessions": lines }).to_string()
}

#[expect(clippy::disallowed_methods, reason = "results are as old as they are")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Five releases around 100 ms.
fn five() -> Vec<Session> {
    [("1.0", 98.0), ("1.1", 103.0), ("1.2", 100.0), ("1.3", 96.0), ("1.4", 104.0)]
        .into_iter()
        .zip((1..6).rev())
        .map(|((tag, p99), days)| session(tag, p99, days))
        .collect()
}

/// A step about 2.0 with this p99, whose endpoint has half of it.
fn runner(p99: f64) -> Runner {
    let runner = Runner::new()
        .input("service", "cart")
        .input("environment", "staging")
        .input("tag", "2.0")
        .input("results", "stats.json")
        .input("baseline-store", "baselines/{service}.json");
    let stats = json!({
        "p99_latency": p99, "requests": 1000, "failures": 0, "target": "https://staging.example", "users": 10,
        "endpoints": { "GET /pay": { "p99_latency": p99 / 2.0, "requests": 500 } },
    });
    runner.write("stats.json", stats.to_string());
    runner
}

fn step(p99: f64, sessions: &[Session]) -> Ended {
    let runner = runner(p99);
    runner.write(FILE, file(sessions));
    runner.run(&["performance"])
}

#[track_caller]
fn assert_end(ended: &Ended, expected: (i32, &str)) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), expected, "{}", ended.log);
}

#[test]
fn the_median_of_the_last_promotions_is_the_baseline() {
    let ended = step(119.0, &five());
    assert_end(&ended, (0, "passed"));
    assert_eq!((ended.outputs["baseline-p99"].as_str(), ended.outputs["ratio"].as_str()), ("100", "1.19"));
    for part in [
        "p99 100 ms → 119 ms, limit 120 ms",
        "5 earlier runs",
        "xychart-beta",
        "\"1.0\", \"1.1\", \"1.2\", \"1.3\", \"1.4\", \"now\"",
        "bar [98, 103, 100, 96, 104, 119]",
    ] {
        assert!(ended.summary.contains(part), "{part} in {}", ended.summary);
    }
    assert_end(&step(121.0, &five()), (1, "blocked"));

    // What merely passed would ratchet down.
    let mut sessions = five();
    sessions
        .extend([90.0, 80.0, 70.0, 60.0, 55.0, 50.0].map(|p99| Session { promoted: false, ..session("1.5", p99, 0) }));
    assert_eq!(step(119.0, &sessions).outputs["baseline-p99"], "100");
}

#[test]
fn both_sides_are_shown_with_their_percentiles() {
    let ended = step(119.0, &five());
    let tables = ended.report["tables"].as_array().expect("tables");
    let rows = tables.iter().find(|table| table["columns"][1] == "Baseline" && table["columns"][3] == "Ratio");
    let rows = rows.expect("a table")["rows"].as_array().expect("rows").clone();
    for row in [
        json!(["p50", "25 ms", "–", "–"]),
        json!(["p99", "100 ms", "119 ms", "×1.19"]),
        json!(["max", "200 ms", "–", "–"]),
        json!(["requests", "1,000", "1,000", ""]),
        json!(["failed", "–", "0", ""]),
    ] {
        assert!(rows.contains(&row), "{row} in {rows:?}");
    }
}

#[test]
fn what_cannot_be_compared_is_inconclusive_and_says_how_to_make_a_baseline() {
    let other_profile = file(&five()).replace("\"users\":10", "\"users\":50");
    let zero = file(&[session("1.0", 0.0, 1)]);
    let unpromoted = [Session { promoted: false, ..session("1.0", 100.0, 1) }];
    for (text, parts) in [
        (None, &["no session in baselines/cart.json", "promote-gates baseline", "\"service\":\"cart\""][..]),
        (Some(file(&[])), &["no session"]),
        (Some(file(&unpromoted)), &["none of another release that was promoted"]),
        (Some(file(&[session("2.0", 100.0, 1)])), &["none of another release"]),
        (
            Some(file(&[session("1.0", 100.0, 91)])),
            &["more than 90 days ago", "max-baseline-days", "promote-gates baseline"],
        ),
        (Some(other_profile), &["another load", "10 users, and there 50", "allow-difference: load"]),
        (Some(zero), &["no number over 0"]),
        (Some("{".to_owned()), &["not JSON"]),
        (Some("{\"schema\": 7}".to_owned()), &["schema 7", "version of promote-gates"]),
    ] {
        let runner = runner(100.0);
        if let Some(text) = &text {
            runner.write(FILE, text);
        }
        let ended = runner.run(&["performance"]);
        assert_end(&ended, (3, "inconclusive"));
        for part in parts {
            assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
        }
        assert!(ended.report["findings"][0]["next"].is_string(), "{text:?}");
    }
    let runner = runner(100.0).input("allow-difference", "load");
    runner.write(FILE, file(&five()).replace("\"users\":10", "\"users\":50"));
    assert_end(&runner.run(&["performance"]), (0, "passed"));
}

#[test]
fn the_first_session_has_figures_that_can_be_stored() {
    let runner = runner(100.0);
    let ended = runner.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    let figures: Value = serde_json::from_str(&ended.outputs["figures"]).expect("JSON");
    assert_eq!((&figures["all"], &figures["profile"]["users"]), (&json!(100.0), &json!(10)));
    let results = json!({ "performance": { "outputs": ended.outputs } }).to_string();
    let release = json!({ "service": "cart", "tag": "2.0" }).to_string();
    let stored = Runner::new().input("results", &results).input("promoted", &release);
    assert_end(&stored.run(&["baseline"]), (0, "passed"));
    // The next release has a baseline.
    let next = runner.input("tag", "2.1");
    next.write(FILE, std::fs::read(stored.workspace().join(FILE)).expect("a file"));
    assert_end(&next.run(&["performance"]), (0, "passed"));
}

/// Each step is within 1.2 of the release before, and together they are not.
#[test]
fn small_steps_are_seen_by_the_drift_since_a_fixed_release() {
    let mut sessions = vec![session("1.0", 100.0, 10)];
    let mut text = String::new();
    let mut p99 = 100.0;
    for (tag, days) in [("1.1", 9), ("1.2", 8), ("1.3", 7), ("1.4", 6)] {
        p99 *= 1.19;
        // With the last release alone as the baseline, every step passes.
        let runner = runner(p99).input("drift-from", "1.0").input("tag", tag);
        let last = [session(sessions[sessions.len() - 1].tag, p99 / 1.19, 1), session("1.0", 100.0, 10)];
        let alone = if sessions.len() == 1 { &last[1..] } else { &last[..1] };
        runner.write(FILE, file(alone));
        let ended = runner.run(&["performance"]);
        assert_eq!(ended.outputs["ratio"], "1.19", "{}", ended.log);
        runner.write(FILE, file(&sessions));
        let with_drift = runner.run(&["performance"]);
        let findings = with_drift.report["findings"].as_array().expect("findings");
        let drift = findings.iter().find(|finding| finding["check"] == "drift since 1.0").expect("a finding");
        let _ = write!(text, "{} ", drift["verdict"].as_str().expect("a verdict"));
        sessions.push(session(tag, p99, days));
    }
    assert_eq!(text, "passed passed blocked blocked ", "1.19, 1.42, 1.69 and 2.01 of at most 1.5");
}

#[test]
fn a_fixed_release_that_is_unknown_is_inconclusive() {
    let runner = runner(100.0).input("drift-from", "0.9");
    runner.write(FILE, file(&five()));
    let ended = runner.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("drift since 0.9: no session of 0.9"), "{}", ended.outputs["reason"]);
    let runner = runner.input("drift-from", "1.0").input("max-drift", "1.01");
    assert_end(&runner.run(&["performance"]), (1, "blocked"));
    let runner = runner.input("max-drift", "1.05").input("undecided", "inconclusive");
    let ended = runner.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("chance of being wrong"), "{}", ended.outputs["reason"]);
}

#[test]
fn one_session_is_compared_with_those_of_promoted_releases_and_earlier_attempts_count() {
    let load_test = "cat stats.json";
    let of = |sessions: &[Session], p99: f64| {
        let runner =
            runner(p99).input("command", load_test).input("target", "https://staging.example").input("results", "");
        // The profile of a load test that the gate runs.
        runner.write(FILE, file(sessions).replace("\"users\":10}", "\"users\":10,\"duration\":30.0}"));
        runner.run(&["performance"])
    };
    let ended = of(&five(), 100.0);
    assert_end(&ended, (0, "passed"));
    assert!(ended.log.contains("times the mean of 5 earlier sessions"), "{}", ended.log);
    let figures: Value = serde_json::from_str(&ended.outputs["figures"]).expect("JSON");
    assert_eq!(figures["profile"], json!({ "target": "https://staging.example", "users": 10, "duration": 30.0 }));
    assert_end(&of(&five(), 140.0), (1, "blocked"));

    // Two attempts of other runs did not pass: this one needs clearer evidence.
    let mut sessions = five();
    sessions.extend([150.0, 160.0].map(|p99| Session {
        promoted: false,
        verdict: "blocked",
        ..session("2.0", p99, 0)
    }));
    let ended = of(&sessions, 108.0);
    assert!(ended.log.contains("attempt 3"), "{}", ended.log);
    assert_end(&ended, (3, "inconclusive"));
    assert_end(&of(&five(), 108.0), (0, "passed"));

    // The last session has an endpoint that the load test does not reach any more.
    let lost =
        runner(100.0).input("command", load_test).input("target", "https://staging.example").input("results", "");
    lost.write(FILE, file(&five()).replace("\"users\":10}", "\"users\":10,\"duration\":30.0}"));
    lost.write("stats.json", json!({ "p99_latency": 100.0, "requests": 1000, "failures": 0 }).to_string());
    let ended = lost.run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("p99 of GET /pay: no p99 in this run"), "{}", ended.outputs["reason"]);

    let ended = of(&[], 100.0);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("promote-gates baseline"), "{}", ended.outputs["reason"]);
    assert!(ended.outputs.contains_key("figures"), "the first session can be stored");
}

#[test]
fn the_file_is_read_from_a_branch_or_a_server() {
    let github = FakeGitHub::start().expect("a GitHub");
    github.create("acme/infra");
    github.grant("ghs_reads", "acme/infra", &["contents=read"]);
    github.add_data_branch("acme/infra", "baselines");
    github.set_branch_file("acme/infra", "baselines", FILE, &file(&five()));
    let on_branch = runner(119.0)
        .env("GITHUB_API_URL", &github.api_url())
        .input("baseline-branch", "baselines")
        .input("baseline-repository", "acme/infra")
        .input("token", "ghs_reads");
    let ended = on_branch.run(&["performance"]);
    assert_end(&ended, (0, "passed"));
    assert_eq!(github.violations(), [""; 0]);
    let ended = on_branch.input("baseline-branch", "unknown").run(&["performance"]);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("git switch --orphan unknown"), "{}", ended.outputs["reason"]);

    let text = file(&five());
    let server = LoopbackServer::start(move |request| match request.path.as_str() {
        "/cart.json" => FakeResponse::json(200, &serde_json::from_str(&text).unwrap_or_default()),
        "/broken" => FakeResponse::status(500),
        _ => FakeResponse::status(404),
    })
    .expect("a server");
    for (path, expected) in
        [("{service}.json", (0, "passed")), ("gone", (3, "inconclusive")), ("broken", (3, "inconclusive"))]
    {
        let runner = runner(119.0).input("baseline-store", &format!("{}/{path}", server.url()));
        assert_end(&runner.run(&["performance"]), expected);
    }
}

#[test]
fn settings_that_do_not_fit_are_named() {
    for (key, value, parts) in [
        ("baseline", "b.json", &["`baseline`, `baseline-store`"][..]),
        ("baseline-store", "../x.json", &["`baseline-store`", "../x.json"]),
        ("baseline-branch", "baselines", &["`token`"]),
        ("baseline-repository", "acme/infra", &["`baseline-branch`"]),
        ("tag", "", &["`baseline-store`", "which service"]),
        ("max-drift", "150", &["`max-drift`", "at most 10"]),
        ("max-baseline-days", "0", &["`max-baseline-days`"]),
    ] {
        let ended = runner(100.0).input(key, value).run(&["performance"]);
        assert_eq!(ended.code, 2, "{key}: {}", ended.log);
        for part in parts {
            assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
        }
    }
    let alone = Runner::new().input("results", "stats.json").input("baseline", "b.json").input("drift-from", "1.0");
    assert_eq!(alone.run(&["performance"]).code, 2);
}
