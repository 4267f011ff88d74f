//! The merge of an approved pull request by `promote`, and what `audit` finds about every other merge.

use promote_gates::sandbox::{
    github::{FakePullRequestReview, InjectedFault},
    server::FakeResponse,
};

use super::{
    proposals::{FIRST, Proposals, SECOND, run_url},
    *,
};
use crate::{
    faults::Story,
    relay::Relay,
    shop::{INFRA, effects},
};

const AUDITOR: &str = "ghs_auditor";

impl Proposals {
    /// Approves the last commit of a pull request as bob.
    fn approve(&self, number: u64, head: &str) {
        let (author, commit) = (Some("bob".to_owned()), Some(head.to_owned()));
        let review = FakePullRequestReview { author, commit, ..FakePullRequestReview::default() };
        self.fake_github.review_pull_request(INFRA, number, review);
    }

    /// Audits main with a token.
    fn audit(&self, token: &str) -> Ended {
        let names = ["actions=read", "contents=read", "pull_requests=read"];
        self.fake_github.grant(AUDITOR, INFRA, &names);
        let name = format!("audit{token}");
        let ended = Runner::new()
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_REPOSITORY", INFRA)
            .env("GITHUB_RUN_ID", "9")
            .input("checkout", &self.shop.checkout(&name, &[]).display().to_string())
            .input("environment", "production")
            .input("token", token)
            .run(&["audit"]);
        assert_eq!(self.fake_github.violations(), [""; 0], "{}", ended.log);
        ended
    }

    /// Opens the pull request of the first validation, and approves it; returns its commit.
    fn approved(&self) -> String {
        let head = self.propose(FIRST, 7).outputs["commit"].clone();
        self.approve(1, &head);
        head
    }
}

/// The promotions, and the images changed by hand.
fn counts(ended: &Ended) -> [&str; 2] {
    ["promotions", "by-hand"].map(|name| ended.outputs[name].as_str())
}

/// The merge of an approved pull request, behind a relay.
pub fn story() -> Story {
    let stage = Proposals::new();
    let head = stage.approved();
    let dir = stage.shop.checkout("infra", &["--depth=1"]);
    let relay = Relay::start(&stage.fake_github.api_url(), stage.shop.infra.path().parent().unwrap());
    git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner = stage.merge_step(&dir, 8, &head, "merge").env("GITHUB_API_URL", relay.url()).input("timeout", "2m");
    Story::new(relay, runner, "promote", move || {
        // The whole stage, with its folder.
        let stage = &stage;
        let merged = stage.pull_requests().into_iter().map(|(number, _, is_open)| format!("#{number} open: {is_open}"));
        let line = git(stage.shop.infra.path(), &["log", "--first-parent", "--format=%s", "main"]);
        let promotions = line.lines().filter(|title| title.starts_with("promote(")).map(ToOwned::to_owned);
        promotions.chain(merged).chain(stage.fake_github.violations()).collect()
    })
}

#[test]
fn an_approved_pull_request_is_merged_at_the_approved_commit() {
    for method in ["merge", "squash", "rebase"] {
        let stage = Proposals::new();
        let head = stage.propose(FIRST, 7).outputs["commit"].clone();
        // Another commit is on main since.
        stage.shop.edit("README.md", "a text", |text| format!("{text}more\n"));
        let checkout = stage.shop.checkout("merge", &["--depth=1"]);
        let merge = || stage.merge_step(&checkout, 8, &head, method).run(&["promote"]);
        stage.approve(1, &head);
        let ended = merge();
        assert_eq!((ended.code, effects(&ended)), (0, vec!["applied"]), "{method}: {}", ended.log);
        assert_eq!(stage.fake_github.violations(), [""; 0]);
        assert_eq!(stage.shop.tag(SERVICE), "1.4.2");
        assert_eq!((&ended.outputs["commit"], &*ended.outputs["pull-request"]), (&stage.shop.tip(), "1"));
        let message = stage.message();
        assert!(message.starts_with("promote(production): checkout-service → 1.4.2\n"), "{message}");
        assert!(message.contains(&format!("Evidence: {:064x}\n", 1)), "{message}");
        // A rebase keeps the message of the branch, which is older than the approval.
        for line in ["Approved-by: bob", &format!("Workflow: {}", run_url(8)), "Required: evidence, approval, wait"] {
            assert_eq!(message.lines().any(|one| one == line), method != "rebase", "{method}: {line} in {message}");
        }
        // What the validation measured, which later runs compare with.
        for line in ["Repository-id: 74", "Bundle-size: 7 raw", "Tests: 41"] {
            assert!(message.lines().any(|one| one == line), "{method}: {line} in {message}");
        }
        let again = merge();
        assert_eq!((again.code, effects(&again)), (0, vec!["already"]), "{method}: {}", again.log);
        assert_eq!(again.outputs["commit"], ended.outputs["commit"]);
        // Once, whether the base has one commit more or two.
        let audit = stage.audit(AUDITOR);
        assert_eq!((audit.code, counts(&audit)), (0, ["1", "0"]), "{method}: {}", audit.log);
        assert!(audit.log.contains("1 merged by github-actions[bot]"), "{method}: {}", audit.log);
    }
}

#[test]
fn a_pull_request_that_changed_since_its_approval_is_not_merged() {
    let stage = Proposals::new();
    let head = stage.propose(FIRST, 7).outputs["commit"].clone();
    let checkout = stage.shop.checkout("merge", &["--depth=1"]);
    let before = stage.shop.tip();
    for (head, words) in [("e".repeat(40), "and eeeeeee was approved"), ("HEAD".to_owned(), "names a pull request")] {
        let ended = stage.merge_step(&checkout, 8, &head, "squash").run(&["promote"]);
        assert!(ended.code != 0 && ended.log.contains(words), "{words}: {}", ended.log);
    }
    let path = stage.shop.infra.path();
    git(path, &["update-ref", &format!("refs/heads/{}", FIRST.branch()), &stage.shop.first]);
    let ended = stage.merge_step(&checkout, 8, &head, "squash").run(&["promote"]);
    assert_eq!((ended.code, &*ended.outputs["verdict"]), (1, "blocked"), "{}", ended.log);
    assert!(ended.log.contains(&format!("and {} was approved", &head[..7])), "{}", ended.log);
    stage.fake_github.close_pull_request(INFRA, 1);
    let ended = stage.merge_step(&checkout, 8, &head, "squash").run(&["promote"]);
    assert!(ended.log.contains("#1 of this evidence was closed"), "{}", ended.log);
    for (key, value, words) in [
        ("mode", "push", "`mode: pull-request`, or no `merge`"),
        ("require", "evidence", "`approval` with `merge`"),
        ("merge", "octopus", "`merge` (input)"),
    ] {
        let ended = stage.merge_step(&checkout, 8, &head, "squash").input(key, value).run(&["promote"]);
        assert_eq!((ended.code, ended.log.contains(words)), (2, true), "{key}: {}", ended.log);
    }
    assert_eq!(stage.shop.tip(), before);
}

#[test]
fn a_merge_by_a_person_is_a_bypass_whatever_its_message_says() {
    let forged = "Approved-by: bob\nPromotion-kind:";
    for (method, types) in [("merge", false), ("squash", false), ("rebase", false), ("squash", true)] {
        let stage = Proposals::new();
        stage.approved();
        let message = stage.shop.infra.message_of(&FIRST.branch()).unwrap().replace("Promotion-kind:", forged);
        stage.fake_github.merge_pull_request(INFRA, 1, method, types.then_some(message.as_str()), "lena");
        assert_eq!(stage.shop.tag(SERVICE), "1.4.2");
        assert_eq!(stage.message().contains("Approved-by: bob"), types);
        let audit = stage.audit(AUDITOR);
        assert_eq!((audit.code, counts(&audit)), (1, ["0", "1"]), "{method}: {}", audit.log);
        assert!(audit.log.contains("but #1 was merged by lena, and not by `promote`"), "{method}: {}", audit.log);
        assert!(audit.summary.contains("merged by lena"), "{}", audit.summary);
    }
    // A message without the trailers of a pull request, after a promotion that has them.
    let stage = Proposals::new();
    let head = stage.approved();
    let checkout = stage.shop.checkout("merge", &["--depth=1"]);
    assert_eq!(stage.merge_step(&checkout, 8, &head, "squash").run(&["promote"]).code, 0);
    stage.propose(SECOND, 9);
    let message = stage.shop.infra.message_of(&SECOND.branch()).unwrap();
    let kept: Vec<&str> = message.lines().filter(|line| !line.starts_with("People: ")).collect();
    let message = kept.join("\n").replace("Promotion-kind:", forged);
    stage.fake_github.merge_pull_request(INFRA, 2, "squash", Some(&message), "lena");
    let audit = stage.audit(AUDITOR);
    assert_eq!((audit.code, counts(&audit)), (1, ["1", "1"]), "{}", audit.log);
    assert!(audit.log.contains("but #2 was merged by lena"), "{}", audit.log);
}

#[test]
fn a_merge_without_an_approval_or_without_a_pull_request_is_a_bypass() {
    // By a workflow, and no one has approved.
    let stage = Proposals::new();
    stage.propose(FIRST, 7);
    stage.fake_github.merge_pull_request(INFRA, 1, "rebase", None, "github-actions[bot]");
    let audit = stage.audit(AUDITOR);
    assert_eq!((audit.code, counts(&audit)), (1, ["0", "1"]), "{}", audit.log);
    assert!(audit.log.contains("but #1 has no approval of its last commit"), "{}", audit.log);
    // Pushed to main with the message of the branch.
    let stage = Proposals::new();
    stage.approved();
    stage.shop.infra.merge("main", &FIRST.branch(), "rebase", "").unwrap();
    let audit = stage.audit(AUDITOR);
    assert_eq!((audit.code, counts(&audit)), (1, ["0", "1"]), "{}", audit.log);
    assert!(audit.log.contains("but no pull request of its branch was merged as this commit"), "{}", audit.log);
}

#[test]
fn merges_that_github_does_not_show_are_inconclusive() {
    let stage = Proposals::new();
    let head = stage.approved();
    let checkout = stage.shop.checkout("merge", &["--depth=1"]);
    assert_eq!(stage.merge_step(&checkout, 8, &head, "rebase").run(&["promote"]).code, 0);
    stage.fake_github.grant("ghs_less", INFRA, &["actions=read", "contents=read"]);
    for (token, words) in [("", "1 not checked: `token` is not given"), ("ghs_less", "Pull requests: read")] {
        let audit = stage.audit(token);
        assert_eq!((audit.code, &*audit.outputs["verdict"]), (3, "inconclusive"), "{}", audit.log);
        assert!(audit.log.contains(words), "{words}: {}", audit.log);
    }
}

#[test]
fn an_old_validation_and_a_superseded_one_are_not_merged() {
    let stage = Proposals::new();
    let head = stage.approved();
    let checkout = stage.shop.checkout("merge", &["--depth=1"]);
    let before = stage.shop.tip();
    let merge = |max_age: &str| stage.merge_step(&checkout, 8, &head, "squash").input("max-age", max_age);
    let old = merge("20m").run(&["promote"]);
    assert_eq!((old.code, &*old.outputs["verdict"]), (1, "blocked"), "{}", old.log);
    assert!(old.log.contains("expected a report of the last 20m"), "{}", old.log);
    stage.propose(SECOND, 9);
    let replaced = merge("2h").run(&["promote"]);
    assert_eq!((replaced.code, &*replaced.outputs["verdict"]), (1, "blocked"), "{}", replaced.log);
    assert!(replaced.log.contains("#2 promotes"), "{}", replaced.log);
    assert_eq!(stage.shop.tip(), before);
}

#[test]
fn a_commit_that_says_less_or_something_else_is_no_promotion() {
    for (line, instead) in [
        ("Validated-at: ", None),
        ("Validated-at: ", Some("Validated-at: 2026-01-01T00:00:00Z")),
        ("Validation-run: ", Some("Validation-run: https://github.com/acme/shop/actions/runs/6/attempts/1")),
        ("Evidence: ", None),
        ("Tests: ", Some("Tests: 1")),
        ("Tests: ", None),
        ("Bundle-size: ", Some("Bundle-size: 900000000 raw")),
    ] {
        let stage = Proposals::new();
        stage.propose(FIRST, 7);
        let path = stage.shop.infra.path();
        let message = stage.shop.infra.message_of(&FIRST.branch()).unwrap();
        let lines = message.lines().filter_map(|one| if one.starts_with(line) { instead } else { Some(one) });
        let message = lines.collect::<Vec<_>>().join("\n");
        let name = format!("refs/heads/{}", FIRST.branch());
        let forged =
            git(path, &["commit-tree", &format!("{name}^{{tree}}"), "-p", &format!("{name}^"), "-m", &message]);
        git(path, &["update-ref", &name, &forged]);
        let again = stage.propose(FIRST, 8);
        assert_eq!((again.code, &*again.outputs["verdict"]), (1, "blocked"), "{line}: {}", again.log);
        assert!(again.log.contains("which is no commit of this promotion"), "{line}: {}", again.log);
    }
}

#[test]
fn a_merge_that_another_one_came_before_is_planned_again_and_a_rule_is_not_fought() {
    let refused = |message: &str| InjectedFault::WithoutEffect(FakeResponse::json(405, &json!({ "message": message })));
    for (message, is_merged, next) in [
        ("Base branch was modified. Review and try the merge again.", true, ""),
        ("Required status check \"promote-gates/approval\" is expected.", false, "next: see on its page what keeps it"),
        (
            "Required status check \"promote-gates/approval\" was not set by the expected GitHub app.",
            false,
            "next: give `status` the token of the App",
        ),
    ] {
        let stage = Proposals::new();
        let head = stage.approved();
        let checkout = stage.shop.checkout("merge", &["--depth=1"]);
        stage.fake_github.fail_at("PUT /repos/acme/infra/pulls/1/merge", 1, refused(message));
        let ended = stage.merge_step(&checkout, 8, &head, "squash").run(&["promote"]);
        assert_eq!(ended.code == 0, is_merged, "{}", ended.log);
        assert_eq!(stage.shop.tag(SERVICE) == "1.4.2", is_merged);
        assert!(is_merged || ended.log.contains("promote-gates/approval"), "{}", ended.log);
        assert!(ended.log.contains(next), "{next}: {}", ended.log);
    }
}
