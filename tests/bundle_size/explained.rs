//! The explanation in the description of the pull request, read as it is now, and not as the event has it.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use promote_gates::sandbox::{
    github::{FakeGitHub, InjectedFault},
    server::FakeResponse,
};
use serde_json::{Value, json};

use super::{BASELINE, assert_end, assert_log_contains, noise, read, shop, step};
use crate::{
    house::{Ended, Runner},
    origin::{Event, Origin},
};

const REPO: &str = "acme/shop";
const TOKEN: &str = "ghs_readsPullRequests";
const TEMPLATE: &str = "## What\n\nBundle-size: say here why the bundle grows so much\n";
const WHY: &str = "A fix.\n\nBundle-size: up to +80 kB: the new editor";

/// A pull request that makes a bundle of 100 kB 50 % larger.
struct Review {
    fake_github: FakeGitHub,
    number: u64,
    origin: Origin,
    base: String,
    head: String,
    merge: String,
}

impl Review {
    fn new(description: &str) -> Self {
        let fake_github = FakeGitHub::start().expect("a GitHub");
        fake_github.create(REPO);
        // As the token of a pull request from a fork.
        fake_github.grant(TOKEN, REPO, &["contents=read", "pull_requests=read"]);
        let number = fake_github.open_pull_request(REPO, "a change", description, &[]);
        let origin = Origin::new();
        let baseline = read(&shop(100_000), BASELINE).expect("a baseline").into_bytes();
        let template = (".github/PULL_REQUEST_TEMPLATE.md", TEMPLATE.as_bytes());
        let base = origin.commit(&[(BASELINE, &baseline), template]);
        origin.branch("topic", &base);
        // The template of the change is not the one that counts.
        let head = origin.commit(&[(template.0, b"")]);
        let merge = origin.merge(&base, &head);
        Self { fake_github, number, origin, base, head, merge }
    }

    fn event(&self) -> Event {
        let mut event = Event::pull_request(&self.base, &self.head, &self.merge);
        event.content["pull_request"]["number"] = json!(self.number);
        // What was true when the event happened.
        event.content["pull_request"]["body"] = json!("Bundle-size: an old text that must not count");
        event.content["pull_request"]["labels"] = json!([{ "name": "explained" }]);
        event
    }

    fn run_on(&self, event: &Event, kilobytes: usize, flags: &[&str]) -> Ended {
        let runner = self.origin.runner(event, &self.merge, 2);
        let runner = runner.env("GITHUB_API_URL", &self.fake_github.api_url());
        runner.write("dist/app.js", noise(kilobytes * 1000));
        step(&runner.input("token", TOKEN), flags)
    }

    fn run(&self, flags: &[&str]) -> Ended {
        self.run_on(&self.event(), 150, flags)
    }
}

impl Drop for Review {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.fake_github.violations(), [""; 0]);
        }
    }
}

#[test]
fn a_rerun_reads_the_description_again() {
    let review = Review::new("A fix.");
    let ended = review.run(&[]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(
        &ended,
        &[
            "the description of #1 has no line `Bundle-size: …`",
            "say why in the description of #1, in a line `Bundle-size: up to +50 kB: …`, and re-run this job",
        ],
    );
    review.fake_github.edit_description(REPO, review.number, "bob", WHY);
    let ended = review.run(&[]);
    assert_end(&ended, 0, "passed");
    let explained = "explained: up to +80 kB: the new editor (written by bob)";
    for text in [&ended.log, &ended.summary] {
        assert!(text.contains(explained), "{text}");
    }
    // The amount binds it.
    let ended = review.run_on(&review.event(), 190, &[]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(
        &ended,
        &["the explanation covers up to +80 kB raw, and +90 kB were added", "`Bundle-size: up to +90 kB: …`"],
    );
}

#[test]
fn another_line_and_a_heading_work_as_well() {
    let review = Review::new("## Größe des Bundles\n\nDer neue Editor ist jetzt dabei.\n\n## Tests\nJa.");
    assert_end(&review.run(&[]), 1, "blocked");
    let ended = review.run(&["--explanation-line=Größe des Bundles"]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["explained: Der neue Editor ist jetzt dabei. (written by octocat)"]);
}

#[test]
fn a_label_confirms_the_line_and_its_setter_is_named() {
    let review = Review::new(WHY);
    let flags = &["--explanation-label=explained"][..];
    let ended = review.run(flags);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(
        &ended,
        &["#1 does not have the label `explained`", "let a reviewer set the label `explained`, and re-run this job"],
    );
    review.fake_github.set_label(REPO, review.number, "lena", "Explained");
    let ended = review.run(flags);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["(written by octocat, label `Explained` set by lena)"]);
}

#[test]
fn the_template_of_the_base_explains_nothing() {
    for description in [TEMPLATE, "Bundle-size: n/a", "<!-- Bundle-size: the new editor moved in -->\n", ""] {
        let ended = Review::new(description).run(&[]);
        assert_end(&ended, 1, "blocked");
    }
    let hostile = "Bundle-size: ::error::x </td><script> @acme/admins ##[error]y of the new editor";
    let ended = Review::new(hostile).run(&[]);
    assert_end(&ended, 0, "passed");
    assert!(!ended.summary.contains("<script>") && ended.commands().iter().all(|line| !line.starts_with("::error")));
}

#[test]
fn the_pull_request_is_read_only_if_it_matters() {
    let review = Review::new("A fix.");
    assert_end(&review.run_on(&review.event(), 104, &[]), 0, "passed");
    assert_end(&review.run(&["--explanation=the new editor moved in here"]), 0, "passed");
    assert_eq!(review.fake_github.requests(), []);
    // A group of a merge queue is explained by its pull request.
    review.fake_github.edit_description(REPO, review.number, "bob", WHY);
    let head_ref = format!("refs/heads/gh-readonly-queue/main/pr-{}-{}", review.number, review.base);
    let content = json!({ "merge_group": { "base_sha": review.base, "head_sha": review.merge, "head_ref": head_ref } });
    let event = Event { name: "merge_group", content, ..review.event() };
    let ended = review.run_on(&event, 150, &[]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["(written by bob)"]);
}

#[test]
fn what_cannot_be_read_is_inconclusive_only_if_it_matters() {
    let review = Review::new(WHY);
    let busy = || InjectedFault::WithoutEffect(FakeResponse::status(502));
    review.fake_github.fail_next(busy());
    assert_end(&review.run(&[]), 0, "passed");
    let denied = json!({ "message": "Resource not accessible by integration" });
    review.fake_github.fail_at(
        "PullRequestText",
        usize::MAX,
        InjectedFault::WithoutEffect(FakeResponse::json(403, &denied)),
    );
    let ended = review.run(&[]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(
        &ended,
        &["whether it is explained could not be read", "the token needs Pull requests: read on acme/shop"],
    );
    assert_end(&review.run_on(&review.event(), 104, &[]), 0, "passed");
    // An event without a number.
    let mut event = review.event();
    event.content["pull_request"]["number"] = Value::Null;
    let ended = review.run_on(&event, 150, &[]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["no number at /pull_request/number"]);
}

#[test]
fn a_label_without_a_token_is_bad_input() {
    let review = Review::new(WHY);
    let runner: Runner = review.origin.runner(&review.event(), &review.merge, 2);
    runner.write("dist/app.js", noise(150_000));
    let ended = step(&runner, &["--explanation-label=explained"]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert_log_contains(&ended, &["`token`: not given", "to look for the label `explained`"]);
}

#[test]
fn an_unfilled_line_of_any_template_explains_nothing() {
    const LINE: &str = "Bundle-size: name the package here that became so large";
    for path in [
        ".github/Pull_Request_Template.txt",
        ".github/PULL_REQUEST_TEMPLATE/feature.md",
        "Docs/pull_request_template.md",
        "PULL_REQUEST_TEMPLATE/fix.md",
    ] {
        let mut review = Review::new(LINE);
        assert_end(&review.run(&[]), 0, "passed");
        review.base = review.origin.commit(&[(path, LINE.as_bytes())]);
        // The template of the change is not the one that counts.
        review.head = review.origin.commit(&[(path, b"")]);
        review.merge = review.origin.merge(&review.base, &review.head);
        let ended = review.run(&[]);
        assert_end(&ended, 1, "blocked");
        assert_log_contains(&ended, &["the line `Bundle-size: …` of #1 does not count: it is empty"]);
    }
}
