//! `source: pull-request`: the reviews of a promotion's pull request.

mod commits;

use promote_gates::sandbox::github::{FakePullRequest, FakePullRequestReview};

use super::{
    proposals::{branch, evidence_id},
    *,
};

/// A stage with pull request 12, whose evidence was announced.
fn stage() -> Stage {
    let stage = Stage::with_pull_requests();
    stage.announce("1.4.2", "passed");
    stage.propose(12);
    stage
}

/// What a step says of the checks that did not pass.
fn bad(ended: &Ended) -> Vec<String> {
    let findings = ended.report["findings"].as_array().unwrap();
    let bad = findings.iter().filter(|finding| finding["verdict"] != "passed");
    bad.map(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap();
        format!("{} {}: {}", text("verdict"), text("check"), text("actual"))
    })
    .collect()
}

/// Judges pull request 12; asserts what did not pass.
fn assert_bad(stage: &Stage, expected: &[&str]) {
    let ended = stage.judge(&stage.judge_pull_request(12));
    assert_eq!(bad(&ended), expected, "{}", ended.log);
    assert_eq!(end(&ended), if expected.is_empty() { PASSED } else { BLOCKED }, "{}", ended.log);
}

#[test]
fn an_independent_approval_of_the_last_commit_passes() {
    let stage = stage();
    stage.approve_pull_request(12, "alice", 30);
    let ended = stage.judge(&stage.judge_pull_request(12));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    let outputs = ["approver", "approved-at", "pull-request"].map(|name| ended.outputs[name].as_str());
    assert_eq!(outputs, ["alice", "2026-01-01T12:30:00Z", "12"]);
    let subject: Value = serde_json::from_str(&ended.outputs["subject"]).unwrap();
    assert_eq!((&subject["tag"], &subject["environment"]), (&json!("1.4.2"), &json!("production")));
    assert_eq!(ended.report["subject"], subject);
    assert_eq!(finding(&ended, "evidence")["actual"], "0c0c0c0, which passed in run 7");
    assert_eq!(finding(&ended, "independence")["actual"], "alice had no part in it, unlike mallory");
    // The report counts for later steps.
    let report: Report = serde_json::from_str(&ended.outputs["report"]).unwrap();
    assert_eq!((report.verdict, report.outputs["head"].len()), (Verdict::Passed, 40));
}

/// The same with a difference.
type Changed<T> = fn(T) -> T;
type Change<T> = fn(&mut T);

#[test]
fn an_approval_that_does_not_count_is_named_with_its_reason() {
    let by =
        |login: &str, stage: &Stage| FakePullRequestReview { author: Some(login.to_owned()), ..stage.approval(12, 30) };
    let cases: [(&str, Changed<FakePullRequestReview>, &str); 8] = [
        ("alice", |review| FakePullRequestReview { state: "COMMENTED".to_owned(), ..review }, ""),
        (
            "alice",
            |review| FakePullRequestReview { state: "DISMISSED".to_owned(), ..review },
            "; not counted: alice, whose review was dismissed",
        ),
        (
            "alice",
            |review| FakePullRequestReview { commit: Some("e".repeat(40)), ..review },
            "; not counted: alice, who approved eeeeeee and not the last commit ",
        ),
        (
            "alice",
            |review| FakePullRequestReview { commit: None, ..review },
            "; not counted: alice, whose approved commit GitHub does not have any more",
        ),
        (
            "eve",
            |review| FakePullRequestReview { can_push: false, ..review },
            "; not counted: eve, who cannot push to this repository",
        ),
        ("renovate[bot]", |review| review, "; not counted: renovate (a bot)"),
        ("release-robot", |review| review, "; not counted: release-robot (a machine, by `people.machines`)"),
        ("alice", |review| FakePullRequestReview { author: None, ..review }, "; not counted: an account that is gone"),
    ];
    for (login, change, expected) in cases {
        let stage = stage();
        stage.review(12, change(by(login, &stage)));
        let ended = stage.judge(&stage.judge_pull_request(12));
        assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
        let actual = finding(&ended, "approval")["actual"].as_str().unwrap();
        assert!(actual.starts_with(&format!("it has no approval{expected}")), "{expected} in {actual}");
        assert_eq!(ended.outputs.get("approver"), None);
    }
}

#[test]
fn people_with_a_part_in_it_do_not_count() {
    let stage = stage();
    stage.approve_pull_request(12, "mallory", 20);
    assert_bad(&stage, &["blocked independence: mallory had a part in the release"]);
    // A co-author is in the list, too, and so is a person who was renamed since.
    stage.approve_pull_request(12, "alice", 30);
    assert_bad(&stage, &[]);
    let two = stage.judge_pull_request(12).input("minimum", "2");
    let ended = stage.judge(&two);
    assert_eq!(
        bad(&ended),
        ["blocked independence: mallory had a part in the release; alice had none, 1 of 2"],
        "{}",
        ended.log
    );
    stage.approve_pull_request(12, "bob", 31);
    let ended = stage.judge(&stage.judge_pull_request(12).input("minimum", "2"));
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "alice, bob"), "{}", ended.log);
    let excluded = stage.judge_pull_request(12).input("excluded", "Alice\nbob");
    assert_eq!(
        bad(&stage.judge(&excluded)),
        ["blocked independence: mallory had a part in the release, alice is in `excluded`, bob is in `excluded`"]
    );
}

#[test]
fn who_opened_the_pull_request_or_made_its_commit_does_not_count() {
    let stage = stage();
    stage.fake_github.change_pull_request(INFRA, 12, |one| {
        one.opener = Some("olga".to_owned());
        one.own[0].committer = Some("carl".to_owned());
        one.own[0].message = "x\n\nCo-authored-by: Cora <cora@users.noreply.github.com>".to_owned();
    });
    stage.fake_github.add_user("cora");
    for (login, minutes) in [("olga", 20), ("carl", 21), ("cora", 22)] {
        stage.approve_pull_request(12, login, minutes);
    }
    assert_bad(
        &stage,
        &["blocked independence: olga opened the pull request, carl made its commit, cora made its commit"],
    );
}

#[test]
fn a_force_push_makes_earlier_approvals_void() {
    let stage = stage();
    stage.approve_pull_request(12, "alice", 30);
    stage.fake_github.change_pull_request(INFRA, 12, |one| one.force_pushed_at = Some(noon_plus(31)));
    assert_bad(
        &stage,
        &[
            "blocked approval: it has no approval; not counted: alice, who approved at 2026-01-01T12:30:00Z, and the branch was \
           force-pushed at 2026-01-01T12:31:00Z",
        ],
    );
    stage.approve_pull_request(12, "alice", 40);
    assert_bad(&stage, &[]);
}

#[test]
fn a_pull_request_that_is_none_of_an_open_promotion_is_blocked() {
    let cases: [(Change<FakePullRequest>, &str); 6] = [
        (
            |one| {
                one.is_open = false;
                one.is_unmerged = true;
            },
            "#12 is closed",
        ),
        (|one| one.is_open = false, "#12 is merged already"),
        (|one| one.is_draft = true, "#12 is a draft"),
        (|one| one.is_of_fork = true, "#12 is from a fork"),
        (|one| one.base = "release".to_owned(), "#12 is to be merged into release"),
        (|one| one.branch = "fix".to_owned(), "#12 has the branch fix, which is none of a promotion"),
    ];
    for (change, expected) in cases {
        let stage = stage();
        stage.approve_pull_request(12, "alice", 30);
        stage.fake_github.change_pull_request(INFRA, 12, change);
        let ended = stage.judge(&stage.judge_pull_request(12));
        assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
        assert_eq!(finding(&ended, "pull request")["actual"], expected);
    }
    let stage = stage();
    let ended = stage.judge(&stage.judge_pull_request(99));
    assert_eq!(bad(&ended), ["blocked pull request: this repository has no pull request #99"], "{}", ended.log);
}

#[test]
fn the_evidence_of_the_same_run_has_to_be_that_of_the_pull_request() {
    let stage = stage();
    stage.approve_pull_request(12, "alice", 30);
    stage.fake_github.add_user("trent");
    let with_evidence = |id: String, people: &[&str]| {
        let mut report = evidence(people);
        report.outputs.insert("evidence".to_owned(), id);
        if let Some(run) = &mut report.run {
            run.id = 8;
        }
        report
    };
    let step = |report: &Report| {
        stage
            .pull_request_step()
            .input("source", "pull-request")
            .input("results", &needs(report))
            .input("subject", SUBJECT)
    };
    // Found by the evidence id.
    let ended = stage.judge(&step(&with_evidence(evidence_id(12), &["trent"])));
    assert_eq!((end(&ended), ended.outputs["pull-request"].as_str()), (PASSED, "12"), "{}", ended.log);
    assert_eq!(finding(&ended, "evidence")["actual"], "0c0c0c0, of this run");
    let ended = stage.judge(&step(&with_evidence(evidence_id(12), &["alice"])));
    assert_eq!(bad(&ended), ["blocked independence: alice had a part in the release"]);
    let ended = stage.judge(&step(&with_evidence(evidence_id(13), &["trent"])));
    assert_eq!(bad(&ended), [format!("blocked pull request: no open one has the branch {}", branch(13))]);
    let given = step(&with_evidence(evidence_id(13), &["trent"])).input("pull-request", "12");
    let ended = stage.judge(&given);
    assert_eq!(bad(&ended), ["blocked evidence: this run has 0d0d0d0, and the pull request 0c0c0c0"], "{}", ended.log);
    // An account that is gone may have approved under another name.
    let ended = stage.judge(&step(&with_evidence(evidence_id(12), &["vanished"])));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("GitHub has no account vanished any more"), "{}", ended.log);
    let dry = Report { dry_run: true, ..with_evidence(evidence_id(12), &[]) };
    let ended = stage.judge(&step(&dry).input("pull-request", "12"));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
}

#[test]
fn code_owners_are_read_at_the_base_branch() {
    let stage = stage();
    let date = format!("{} +0000", noon_plus(-60).as_second());
    let owners = "* @bob\n/apps/*/overlays/production/ @acme/leads\n";
    shop::commit(&stage.infra, &date, "owners", Some((".github/CODEOWNERS", owners)));
    let team = |login: &str, minutes| FakePullRequestReview {
        author: Some(login.to_owned()),
        teams: vec!["acme/leads".to_owned()],
        ..stage.approval(12, minutes)
    };
    let step = || stage.judge_pull_request(12).input("codeowners", "true");
    stage.approve_pull_request(12, "bob", 29);
    let ended = stage.judge(&step());
    assert_eq!(
        bad(&ended),
        ["blocked code owners: bob approved it, and the owners are @acme/leads (line 2)"],
        "{}",
        ended.log
    );
    stage.review(12, team("alice", 30));
    let ended = stage.judge(&step());
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "alice"), "{}", ended.log);
}

#[test]
fn approvals_in_quick_succession_are_counted_over_pull_requests() {
    let stage = stage();
    stage.approve_pull_request(12, "alice", 30);
    for (number, minutes) in [(8, 20), (9, 25)] {
        stage.propose(number);
        stage.approve_pull_request(number, "alice", minutes);
    }
    let ended = stage.judge(&stage.judge_pull_request(12));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert_eq!(
        finding(&ended, "approvals within 20m")["actual"],
        "3 by alice: 2026-01-01T12:20:00Z (#8), 2026-01-01T12:25:00Z (#9), 2026-01-01T12:30:00Z (#12)"
    );
    // The ones before pass, and so does another person.
    assert_eq!(end(&stage.judge(&stage.judge_pull_request(9))), PASSED);
    stage.approve_pull_request(12, "bob", 31);
    let ended = stage.judge(&stage.judge_pull_request(12));
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "bob"), "{}", ended.log);
    // A closed one counts as well, and one to another environment does not.
    stage.fake_github.change_pull_request(INFRA, 8, |one| one.is_open = false);
    let only_alice = || stage.judge_pull_request(12).input("excluded", "bob");
    assert_eq!(end(&stage.judge(&only_alice())), BLOCKED);
    stage.fake_github.change_pull_request(INFRA, 8, |one| one.branch = one.branch.replace("production", "staging"));
    assert_eq!(end(&stage.judge(&only_alice())), PASSED);
    // Neither does a commit that came another way, until it does.
    stage.commit("Service: frontend\nApproved-by: alice\nPromotion-kind: emergency", 28);
    let ended = stage.judge(&only_alice());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "approvals within 20m")["actual"].as_str().unwrap().contains("(emergency)"));
}

#[test]
fn more_reviews_than_a_page_are_read() {
    let stage = stage();
    for number in 0..230 {
        let review = FakePullRequestReview {
            author: Some("carol".to_owned()),
            state: "COMMENTED".to_owned(),
            ..stage.approval(12, 1)
        };
        let review = if number == 0 {
            FakePullRequestReview { author: Some("alice".to_owned()), state: "CHANGES_REQUESTED".to_owned(), ..review }
        } else {
            review
        };
        stage.review(12, review);
    }
    stage.approve_pull_request(12, "bob", 30);
    assert_bad(&stage, &["blocked approval: changes are requested by alice; approved by bob"]);
    // Her approval is on the last page.
    stage.approve_pull_request(12, "alice", 31);
    assert_bad(&stage, &[]);
}

#[test]
fn a_missing_permission_is_named_and_never_passes() {
    let stage = stage();
    stage.approve_pull_request(12, "alice", 30);
    for (missing, expected) in [
        ("pull_requests=read", "the token needs Contents and Pull requests: read on acme/infra"),
        ("actions=read", "the token needs Actions: read on acme/infra"),
        ("checks=read", "the token needs Checks: read on acme/infra"),
    ] {
        let token = format!("ghs_without_{missing}");
        let left: Vec<&str> = proposals::PERMISSIONS.into_iter().filter(|permission| *permission != missing).collect();
        stage.fake_github.grant(&token, INFRA, &left);
        stage.fake_github.grant(&token, proposals::SHOP, &["actions=read", "contents=read", "pull_requests=read"]);
        let ended = stage.judge(&stage.judge_pull_request(12).input("token", &token).input("timeout", "20s"));
        assert_eq!(end(&ended), INCONCLUSIVE, "{missing}: {}", ended.log);
        assert!(ended.log.contains(expected), "{expected}: {}", ended.log);
    }
}

#[test]
fn settings_that_do_not_fit_the_source_are_bad_input() {
    let stage = stage();
    for (key, value, words) in [
        ("minimum", "0", "a whole number from 1 to 1000"),
        ("pull-request", "0", "`pull-request` (input)"),
        ("pull-request", "#12", "`pull-request` (input)"),
        ("codeowners", "yes", "one of true, True, TRUE"),
        ("source", "pull_request", "environment, pull-request"),
        ("pull-request", "", "`pull-request`: not given"),
    ] {
        let ended = stage.judge(&stage.judge_pull_request(12).input(key, value));
        assert_eq!(ended.code, 2, "{key}: {}", ended.log);
        assert!(ended.log.contains(words), "{key}: {words}: {}", ended.log);
    }
    for (key, value, words) in [
        ("minimum", "2", "GitHub lets a job go on after its first approval"),
        ("codeowners", "true", "`false` with `source: environment`"),
        ("pull-request", "12", "no pull request with `source: environment`"),
    ] {
        let ended = stage.judge(&stage.step().input(key, value));
        assert_eq!(ended.code, 2, "{key}: {}", ended.log);
        assert!(ended.log.contains(words), "{key}: {words}: {}", ended.log);
    }
}
