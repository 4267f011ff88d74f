//! `comment` against a fake GitHub: one comment, whatever happens to jobs, answers and tokens.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::fs;

use promote_gates::sandbox::{
    github::{FakeComment, FakeGitHub, InjectedFault},
    server::{FakeResponse, Hold},
};
use serde_json::{Value, json};

use crate::{
    house::{Ended, LIMIT, Runner},
    origin::Origin,
};

const REPO: &str = "acme/shop";
const TOKEN: &str = "ghs_writesComments";
const BOT: &str = "github-actions[bot]";
const LIST: &str = "GET /repos/acme/shop/issues/1/comments";
const CREATE: &str = "POST /repos/acme/shop/issues/1/comments";

/// The job of a gate that blocked, and the steps in it.
struct Gate {
    /// Its files are there until the end.
    _runner: Runner,
    results: Value,
}

/// A bundle that grew by a debug library.
fn gate() -> Gate {
    // Without a run of its own, the report fits every run.
    let runner = Runner::new().env("GITHUB_RUN_ID", "");
    runner.write("dist/app.js", vec![b'x'; 50_000]);
    let flags = &["bundle-size", "--path=dist", "--service=frontend"];
    assert_eq!(runner.run(&[flags, &["--allow-first"][..]].concat()).code, 0);
    runner.write("dist/debug-library.js", vec![b' '; 4_000_000]);
    let Ended { code, outputs, log, .. } = runner.run(flags);
    assert_eq!(code, 1, "{log}");
    let results = json!({ "bundle-size": { "outcome": "failure", "outputs": outputs } });
    Gate { _runner: runner, results }
}

/// A pull request on a fake GitHub.
struct Review {
    fake_github: FakeGitHub,
    gate: Gate,
}

impl Review {
    fn new() -> Self {
        let fake_github = FakeGitHub::start().expect("a GitHub");
        fake_github.create(REPO);
        fake_github.grant(TOKEN, REPO, &["pull_requests=write"]);
        assert_eq!(fake_github.open_pull_request(REPO, "a change", "", &[]), 1);
        Self { fake_github, gate: gate() }
    }

    fn runner(&self) -> Runner {
        self.on("pull_request", &event(1))
    }

    fn on(&self, event: &str, content: &Value) -> Runner {
        let runner = Runner::new();
        let path = runner.workspace().with_file_name("event.json");
        fs::write(&path, content.to_string()).expect("an event");
        runner
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_EVENT_PATH", &path.display().to_string())
            .input("token", TOKEN)
            .input("results", &self.gate.results.to_string())
    }

    fn comments(&self) -> Vec<FakeComment> {
        self.fake_github.comments(REPO, 1)
    }

    /// The only comment.
    fn comment(&self) -> FakeComment {
        let comments = self.comments();
        let [only] = comments.as_slice() else { panic!("one comment: {comments:#?}") };
        only.clone()
    }
}

impl Drop for Review {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.fake_github.violations(), [""; 0]);
        }
    }
}

/// The event of pull request 1, which comes from the repository with this id; the base is in 1.
fn event(from: u64) -> Value {
    let side = |id: u64| json!({ "ref": "main", "sha": "a".repeat(40), "repo": { "id": id } });
    json!({ "pull_request": { "number": 1, "base": side(1), "head": side(from) } })
}

fn write(runner: &Runner) -> Ended {
    runner.run(&["comment"])
}

#[track_caller]
fn assert_passed(ended: &Ended) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
}

#[test]
fn the_comment_is_written_although_the_gate_blocked_and_updated_in_place() {
    let review = Review::new();
    let ended = write(&review.runner());
    assert_passed(&ended);
    let comment = review.comment();
    let url = format!("https://github.com/acme/shop/pull/1#issuecomment-{}", comment.id);
    assert_eq!((ended.outputs["comment-url"].as_str(), comment.user.as_str()), (url.as_str(), BOT));
    let body = &comment.body;
    assert!(body.starts_with("<!-- promote-gates comment=gates run=7.1 sum="), "{body}");
    for part in [
        "\n### ⛔ bundle-size: frontend ",
        "debug-library.js",
        "```text\nbefore  █",
        "dist/debug-library.js  ██████████████████████████████  +",
        "**Files that grew most (gzip)**",
        "<a href=\"https://github.com/acme/shop/actions/runs/7/attempts/1\">Workflow run</a>",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    // The same step again changes nothing; a later run replaces the text.
    assert_passed(&write(&review.runner()));
    assert_eq!(review.comment(), comment);
    assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "8")));
    let later = review.comment();
    assert_eq!(later.id, comment.id);
    assert!(later.body.contains("run=8.1") && later.body.contains("actions/runs/8/"), "{}", later.body);
}

#[test]
fn a_run_that_started_earlier_replaces_nothing() {
    let review = Review::new();
    assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "9")));
    let newest = review.comment();
    for (id, attempt) in [("8", "1"), ("8", "3")] {
        let ended = write(&review.runner().env("GITHUB_RUN_ID", id).env("GITHUB_RUN_ATTEMPT", attempt));
        assert_passed(&ended);
        assert!(ended.log.contains("left alone: a newer run has written"), "{}", ended.log);
        assert_eq!(review.comment(), newest);
    }
    assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "9").env("GITHUB_RUN_ATTEMPT", "2")));
    assert!(review.comment().body.contains("run=9.2"));
}

#[test]
fn lost_answers_make_no_second_comment() {
    let review = Review::new();
    for lost in [FakeResponse::status(502), FakeResponse::close()] {
        review.fake_github.fail_at(CREATE, 1, InjectedFault::AfterEffect(lost));
        assert_passed(&write(&review.runner()));
        let comment = review.comment();
        review.fake_github.fail_at("PATCH", 1, InjectedFault::AfterEffect(FakeResponse::close()));
        let next = review.runner().env("GITHUB_RUN_ID", "8");
        assert_passed(&write(&next));
        assert_eq!(review.comment().id, comment.id);
    }
    // Never arrived, and then written.
    let review = Review::new();
    review.fake_github.fail_at(CREATE, 1, InjectedFault::WithoutEffect(FakeResponse::status(502)));
    assert_passed(&write(&review.runner()));
    review.comment();
}

#[test]
fn a_killed_job_leaves_a_comment_that_the_next_one_updates() {
    for arrived in [true, false] {
        let review = Review::new();
        let hang = FakeResponse::hang();
        let fault = if arrived { InjectedFault::AfterEffect(hang) } else { InjectedFault::WithoutEffect(hang) };
        review.fake_github.fail_at(CREATE, 1, fault);
        let runner = review.runner();
        let step = runner.start(&["comment"]);
        assert!(review.fake_github.wait_for_requests(CREATE, 1, LIMIT));
        // Kills it with SIGKILL.
        drop(step);
        assert_eq!(review.comments().len(), usize::from(arrived));
        assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "8")));
        assert!(review.comment().body.contains("run=8.1"));
    }
}

#[test]
fn two_jobs_at_once_leave_one_comment() {
    for others in ["7", "8"] {
        let review = Review::new();
        let hold = Hold::default();
        let none = FakeResponse::json(200, &json!([])).held_by(&hold);
        review.fake_github.fail_at(LIST, 2, InjectedFault::WithoutEffect(none));
        let runners = [review.runner(), review.runner().env("GITHUB_RUN_ID", others)];
        let steps = runners.each_ref().map(|runner| runner.start(&["comment"]));
        assert!(review.fake_github.wait_for_requests(LIST, 2, LIMIT), "both see no comment");
        hold.release();
        for step in steps {
            assert_passed(&step.end_within(LIMIT));
        }
        let newest = format!("run={others}.1");
        assert!(review.comment().body.contains(&newest), "{}", review.comment().body);
    }
}

#[test]
fn twins_of_a_killed_job_are_deleted_and_the_oldest_stays() {
    let review = Review::new();
    assert_passed(&write(&review.runner()));
    let oldest = review.comment();
    for _ in 0..2 {
        review.fake_github.comment_as(REPO, 1, BOT, &oldest.body);
    }
    review.fake_github.comment_as(REPO, 1, BOT, "something else");
    assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "8")));
    let comments = review.comments();
    assert_eq!(comments.len(), 2, "{comments:#?}");
    assert_eq!((comments[0].id, comments[1].body.as_str()), (oldest.id, "something else"));
    assert!(comments[0].body.contains("run=8.1"));
}

#[test]
fn a_comment_of_another_account_or_name_is_never_touched() {
    let review = Review::new();
    assert_passed(&write(&review.runner().input("name", "backend")));
    let forged = review.comment().body.replace("comment=backend", "comment=gates");
    review.fake_github.comment_as(REPO, 1, "mallory", &forged);
    let before = review.comments();
    assert_passed(&write(&review.runner()));
    assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "8")));
    let after = review.comments();
    assert_eq!(after[..2], before);
    assert_eq!((after.len(), after[2].user.as_str()), (3, BOT));
}

#[test]
fn a_comment_that_was_deleted_is_written_again() {
    let review = Review::new();
    assert_passed(&write(&review.runner()));
    let gone = json!({ "message": "Not Found" });
    review.fake_github.fail_at("PATCH", 1, InjectedFault::WithoutEffect(FakeResponse::json(404, &gone)));
    assert_passed(&write(&review.runner().env("GITHUB_RUN_ID", "8")));
    assert!(review.comment().body.contains("run=8.1"));
}

#[test]
fn a_token_that_can_only_read_is_a_warning() {
    let review = Review::new();
    review.fake_github.grant("ghs_readsOnly", REPO, &["pull_requests=read"]);
    for (runner, part) in [
        (review.on("pull_request", &event(2)), "the token of a pull request from a fork can only read"),
        (review.runner(), "the token needs Pull requests: write on acme/shop"),
    ] {
        let ended = write(&runner.input("token", "ghs_readsOnly"));
        assert_passed(&ended);
        let warnings: Vec<&str> = ended.commands().into_iter().filter(|line| line.starts_with("::warning")).collect();
        assert!(
            warnings.len() == 1 && warnings[0].contains(part) && warnings[0].contains("job summary"),
            "{warnings:?}"
        );
        assert!(!ended.outputs.contains_key("comment-url"));
        assert_eq!(review.comments(), []);
    }
    let ended = write(&review.runner().input("token", "ghs_unknown"));
    assert_passed(&ended);
    assert!(ended.log.contains("401 Bad credentials"), "{}", ended.log);
}

#[test]
fn a_dry_run_writes_nothing() {
    let review = Review::new();
    for runner in [review.runner(), review.runner().input("token", "")] {
        let ended = runner.run(&["comment", "--dry-run"]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains("### ⛔ bundle-size: frontend"), "{}", ended.log);
        assert_eq!(review.comments(), []);
    }
    assert!(review.fake_github.requests().iter().all(|request| request.method == "GET" || request.path == "/graphql"));
}

#[test]
fn missing_reports_are_named_in_the_comment_and_by_the_step() {
    let review = Review::new();
    let ended = write(&review.runner().input("required", "bundle-size\nsmoke"));
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].starts_with("smoke: no report of it"), "{}", ended.outputs["reason"]);
    let body = review.comment().body;
    assert!(body.contains("### ⛔ bundle-size") && body.contains("❓ smoke: no report of it"), "{body}");
    let ended = write(&review.runner().input("results", "{}"));
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("none in `results` and `reports`"), "{}", ended.log);
}

#[test]
fn reports_come_from_files_too() {
    let review = Review::new();
    let origin = Origin::new();
    let commit = origin.commit(&[("README.md", b"a shop\n")]);
    let mut checked_out = event(1);
    checked_out["pull_request"]["base"]["sha"] = json!(commit);
    let runner = review.on("pull_request", &checked_out).input("results", "").input("reports", "reports/*.json");
    // In a workspace with files, every command looks for its config file in a checkout.
    origin.check_out(&runner, "", &commit, 1);
    let path = review.gate.results["bundle-size"]["outputs"]["report-path"].as_str().expect("a path");
    runner.write("reports/one.json", fs::read(path).expect("a report"));
    runner.write("reports/two.json", "{}");
    let ended = write(&runner);
    assert_eq!(ended.code, 3, "one of them is no report: {}", ended.log);
    let body = review.comment().body;
    assert!(body.contains("**Files that grew most (gzip)**") && body.contains("reports/two.json"), "{body}");
}

#[test]
fn other_events_have_no_comment() {
    let review = Review::new();
    let queue = format!("refs/heads/gh-readonly-queue/main/pr-1-{}", "a".repeat(40));
    for (event, content) in [
        ("push", json!({})),
        ("merge_group", json!({ "merge_group": { "head_ref": queue, "base_sha": "a".repeat(40) } })),
    ] {
        let ended = write(&review.on(event, &content));
        assert_passed(&ended);
        assert!(ended.log.contains("comment: none"), "{}", ended.log);
    }
    assert_eq!(review.fake_github.requests(), []);
}

#[test]
fn bad_input_is_named() {
    let review = Review::new();
    for (key, value, part) in [
        ("results", "", "`results`, `reports`: neither is given"),
        ("results", "[]", "`results`"),
        ("token", "", "a token with Pull requests: write"),
        ("name", "a--b", "`name`"),
        ("required", "smok", "did you mean `smoke`?"),
    ] {
        let ended = write(&review.runner().input(key, value));
        assert_eq!(ended.code, 2, "{key}: {}", ended.log);
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    let mut nameless = event(1);
    nameless["pull_request"]["number"] = Value::Null;
    let ended = write(&review.on("pull_request", &nameless));
    assert!(ended.code == 2 && ended.log.contains("no number at /pull_request/number"), "{}", ended.log);
    assert_eq!(review.comments(), []);
}
