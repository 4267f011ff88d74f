//! `baseline`: what `performance` measured enters a file of the workspace or of a branch, whatever other jobs write there.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use promote_gates::sandbox::{
    github::{FakeGitHub, InjectedFault},
    server::FakeResponse,
};
use serde_json::{Value, json};

use crate::house::{Ended, LIMIT, Runner};

const REPO: &str = "acme/shop";
const TOKEN: &str = "ghs_writesBaselines";
const BRANCH: &str = "baselines";
const FILE: &str = "baselines/cart.json";
const PUT: &str = "PUT /repos/acme/shop/contents/baselines/cart.json";

/// A step of `performance` in a workflow run, about a release; latencies in milliseconds.
fn performance(run: u32, tag: &str, p99: f64) -> Ended {
    let runner = Runner::new()
        .env("GITHUB_RUN_ID", &run.to_string())
        .input("service", "cart")
        .input("environment", "staging")
        .input("tag", tag)
        .input("results", "stats.json")
        .input("baseline", "baseline.json");
    let stats = json!({ "p99_latency": p99, "requests": 1000, "failures": 0, "target": "https://staging.example", "users": 10 });
    runner.write("stats.json", stats.to_string());
    runner.write("baseline.json", "{\"p99_latency\": 100}");
    runner.run(&["performance"])
}

/// The step behind it, in the same run.
fn behind(run: u32, measured: &Ended) -> Runner {
    let results = json!({ "performance": { "outcome": "success", "outputs": measured.outputs } });
    Runner::new().env("GITHUB_RUN_ID", &run.to_string()).input("results", &results.to_string())
}

/// The step behind `promote`.
fn promoted(tag: &str) -> String {
    json!([{ "service": "cart", "environment": "production", "tag": tag }]).to_string()
}

fn github() -> FakeGitHub {
    let github = FakeGitHub::start().expect("a GitHub");
    github.create(REPO);
    github.grant(TOKEN, REPO, &["contents=write"]);
    github.add_data_branch(REPO, BRANCH);
    github
}

fn on_branch(runner: Runner, github: &FakeGitHub) -> Runner {
    runner.env("GITHUB_API_URL", &github.api_url()).input("branch", BRANCH).input("token", TOKEN)
}

fn write(runner: &Runner) -> Ended {
    runner.run(&["baseline"])
}

#[track_caller]
fn assert_end(ended: &Ended, expected: (i32, &str)) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), expected, "{}", ended.log);
}

fn stored(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn sessions_enter_a_file_and_are_a_baseline_once_their_release_is_promoted() {
    let measured = performance(7, "1.0", 110.0);
    let runner = behind(7, &measured);
    let ended = write(&runner);
    assert_end(&ended, (0, "passed"));
    assert_eq!((ended.outputs["changed"].as_str(), ended.outputs["sessions"].as_str()), ("true", "0"));
    let read = || std::fs::read_to_string(runner.workspace().join(FILE)).expect("a file");
    let first = stored(&read());
    assert_eq!((&first["schema"], &first["service"]), (&json!(1), &json!("cart")));
    let session = &first["sessions"][0];
    assert_eq!(session["subject"], json!({ "environment": "staging", "tag": "1.0" }));
    assert_eq!((&session["verdict"], &session["run"]["id"]), (&json!("passed"), &json!(7)));
    let figures = json!({
        "all": 110.0, "requests": 1000, "failures": 0,
        "profile": { "target": "https://staging.example", "users": 10 },
    });
    assert_eq!((&session["figures"], session.get("promoted-at")), (&figures, None));

    // The same step once more, as a re-run of it would.
    let again = write(&runner);
    assert_end(&again, (0, "passed"));
    assert_eq!((again.outputs["changed"].as_str(), stored(&read())), ("false", first));

    let ended = runner.input("results", "{}").input("promoted", &promoted("1.0")).run(&["baseline"]);
    assert_end(&ended, (0, "passed"));
    assert_eq!((ended.outputs["changed"].as_str(), ended.outputs["sessions"].as_str()), ("true", "1"));
}

#[test]
fn a_promoted_release_without_a_session_is_named() {
    let ended = write(&Runner::new().input("promoted", &promoted("1.0")));
    assert_end(&ended, (3, "inconclusive"));
    for part in ["cart 1.0 in production", "no session of this release", "run `performance`"] {
        assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
    }
    assert_end(&write(&Runner::new().input("promoted", "[]")), (0, "passed"));
}

#[test]
fn a_blocked_session_is_stored_with_its_release() {
    let measured = performance(7, "1.0", 200.0);
    assert_eq!(measured.code, 1);
    let runner = behind(7, &measured);
    assert_end(&write(&runner), (0, "passed"));
    let file = std::fs::read_to_string(runner.workspace().join(FILE)).expect("a file");
    assert_eq!(stored(&file)["sessions"][0]["verdict"], "blocked");
}

#[test]
fn twenty_writers_lose_and_double_nothing() {
    let github = github();
    let measured: Vec<Ended> = (1..=20).map(|run| performance(run, &format!("1.{run}"), 100.0)).collect();
    let runners: Vec<Runner> =
        (1..=20).zip(&measured).map(|(run, measured)| on_branch(behind(run, measured), &github)).collect();
    let started: Vec<_> = runners.iter().map(|runner| runner.start(&["baseline"])).collect();
    for ended in started.into_iter().map(|started| started.end_within(LIMIT)) {
        assert_end(&ended, (0, "passed"));
    }
    let file = stored(&github.branch_file(REPO, BRANCH, FILE).expect("a file"));
    let mut runs: Vec<u64> =
        file["sessions"].as_array().expect("sessions").iter().filter_map(|one| one["run"]["id"].as_u64()).collect();
    runs.sort_unstable();
    assert_eq!(runs, (1..=20).collect::<Vec<u64>>());
    let conflicts = github.requests().iter().filter(|request| matches!(request.status, Some(409 | 422))).count();
    assert!(conflicts > 0, "the writers have met");
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn a_lost_answer_is_read_back_and_nothing_is_written_twice() {
    let github = github();
    github.fail_at(PUT, 1, InjectedFault::AfterEffect(FakeResponse::close()));
    let ended = write(&on_branch(behind(7, &performance(7, "1.0", 100.0)), &github));
    assert_end(&ended, (0, "passed"));
    let file = stored(&github.branch_file(REPO, BRANCH, FILE).expect("a file"));
    assert_eq!(file["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(github.requests().iter().filter(|request| request.matches(PUT)).count(), 1);
    assert_eq!(ended.report["effects"][0]["state"], "applied", "{}", ended.report);
}

#[test]
fn a_conflict_is_read_and_planned_again() {
    let github = github();
    let conflict = json!({ "message": "baselines/cart.json does not match", "status": "409" });
    github.fail_at(PUT, 2, InjectedFault::WithoutEffect(FakeResponse::json(409, &conflict)));
    assert_end(&write(&on_branch(behind(7, &performance(7, "1.0", 100.0)), &github)), (0, "passed"));
    github.fail_at(PUT, usize::MAX, InjectedFault::WithoutEffect(FakeResponse::json(409, &conflict)));
    let runner = on_branch(behind(8, &performance(8, "1.1", 100.0)), &github).input("timeout", "1s");
    let ended = write(&runner);
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("nothing written within 1s"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_file_that_is_no_store_is_named_and_not_overwritten() {
    let measured = performance(7, "1.0", 100.0);
    for (text, part) in [
        ("{\"schema\": 1, \"serv", "not JSON"),
        ("{\"schema\": 3, \"service\": \"cart\", \"sessions\": []}", "schema 3"),
        ("{\"schema\": 0, \"service\": \"cart\", \"sessions\": []}", "schema 0"),
        ("{\"schema\": 1, \"service\": \"shop\", \"sessions\": []}", "the baselines of shop"),
    ] {
        let github = github();
        github.set_branch_file(REPO, BRANCH, FILE, text);
        let ended = write(&on_branch(behind(7, &measured), &github));
        assert_end(&ended, (3, "inconclusive"));
        for part in [part, "baselines/cart.json on branch baselines of acme/shop"] {
            assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
        }
        assert!(ended.report["findings"][0]["next"].is_string(), "{}", ended.report);
        assert_eq!(github.branch_file(REPO, BRANCH, FILE).as_deref(), Some(text));

        let runner = behind(7, &measured);
        runner.write(FILE, text);
        assert_end(&write(&runner), (3, "inconclusive"));
        assert_eq!(std::fs::read_to_string(runner.workspace().join(FILE)).expect("a file"), text);
    }
}

#[test]
fn a_branch_or_a_permission_that_is_missing_is_named() {
    let github = github();
    let measured = performance(7, "1.0", 100.0);
    let ended = write(&on_branch(behind(7, &measured), &github).input("branch", "unknown"));
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("git switch --orphan unknown"), "{}", ended.outputs["reason"]);
    github.grant("ghs_reads", REPO, &["contents=read"]);
    let ended = write(&on_branch(behind(7, &measured), &github).input("token", "ghs_reads"));
    assert_end(&ended, (3, "inconclusive"));
    assert!(ended.outputs["reason"].contains("Contents: write"), "{}", ended.outputs["reason"]);
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let measured = performance(7, "1.0", 100.0);
    for (key, value, parts) in [
        ("promoted", "cart 1.0", &["`promoted`", "subjects"][..]),
        ("promoted", "[{\"service\": \"cart\"}]", &["`promoted`", "a tag"]),
        ("store", "../cart.json", &["`store`", "../cart.json"]),
        ("store", "https://metrics.example/{service}.json", &["only read"]),
        ("repository", "acme/infra", &["`repository`", "`branch`"]),
        ("branch", "baselines", &["`token`", "`branch`"]),
    ] {
        let runner = behind(7, &measured).input(key, value);
        let ended = write(&runner);
        assert!(matches!(ended.code, 2 | 3), "{key}: {}", ended.log);
        for part in parts {
            assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
        }
        assert!(!runner.workspace().join("baselines").exists(), "{key}");
    }
    let ended = write(&Runner::new());
    assert_eq!(ended.code, 2, "{}", ended.log);
    let ended = write(&Runner::new().input("results", "{}"));
    assert_end(&ended, (3, "inconclusive"));
}

#[test]
fn a_dry_run_writes_nothing_and_what_it_measured_counts_for_nothing() {
    let github = github();
    let measured = performance(7, "1.0", 100.0);
    let ended = write(&on_branch(behind(7, &measured), &github).input("dry-run", "true"));
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(ended.report["effects"][0]["state"], "planned", "{}", ended.report);
    assert_eq!(github.branch_file(REPO, BRANCH, FILE), None);
}
