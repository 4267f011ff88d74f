mod care;
mod frequency;
mod superseded;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    approvers::{ApprovalTime, PersonApproval},
    commands::approval::observations::{
        ApprovalObservations as Observations, EnvironmentProtection, OtherApprovals, OwnApproval,
    },
    observe::Decision,
};

fn rules() -> ApprovalRules {
    ApprovalRules {
        environment: "production".parse().unwrap(),
        independent: true,
        max_approvals: 2,
        window: "20m".parse().unwrap(),
        min_review_time: None,
        require_comment: false,
        superseded_by: SupersededBy::Promotion,
        target: "cart in production".to_owned(),
    }
}

/// Minutes after ten.
fn at(minutes: i64) -> Timestamp {
    let ten: Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
    ten + SignedDuration::from_mins(minutes)
}

fn person(login: &str) -> ReviewAuthor {
    ReviewAuthor::Person(login.to_owned())
}

fn approved_by(reviewers: &[ReviewAuthor]) -> Reviews {
    let people = reviewers.iter().filter_map(ReviewAuthor::person);
    let approvals = people.map(|login| PersonApproval { login: login.to_owned(), comment: String::new() }).collect();
    Reviews { approved: reviewers.to_vec(), rejected: vec![], approvals, decisions: reviewers.len() }
}

fn protection(users: &[&str], teams: &[&str]) -> EnvironmentProtection {
    let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect();
    EnvironmentProtection {
        users: texts(users),
        teams: texts(teams),
        admins_bypass: Some(true),
        ..EnvironmentProtection::default()
    }
}

fn lost() -> Finding {
    Finding::inconclusive("GitHub's API")
        .actual("403 Resource not accessible")
        .next("the token needs Actions: read on acme/infra")
}

/// Run 103, approved by alice at 10:30. Mallory wrote the release.
fn good() -> Observations {
    Observations {
        run: OwnRun {
            id: 103,
            attempt: 1,
            url: "https://github.com/acme/infra/actions/runs/103/attempts/1".to_owned(),
        },
        at: "2026-01-01T10:31:00Z".to_owned(),
        protection: Ok(Some(protection(&[], &["platform-leads"]))),
        reviews: Ok(approved_by(&[person("alice")])),
        approval: Ok(approved_at(30)),
        excluded: Ok(vec!["mallory".to_owned()]),
        committed: Ok(None),
        old_approval: Ok(None),
        others: Ok(OtherApprovals::default()),
        newer: Some(Ok(None)),
    }
}

/// The approval of job 1 of run 103, this many minutes after ten.
fn approved_at(minutes: i64) -> OwnApproval {
    let time = ApprovalTime { earliest: at(minutes), latest: at(minutes) };
    OwnApproval { job: 1, time, requested_at: Some(at(0)) }
}

fn finding(rules: &ApprovalRules, observations: &Observations, check: &str) -> Finding {
    let Judgement { findings, .. } = judge(rules, observations);
    let found = findings.iter().find(|finding| finding.check.starts_with(check)).cloned();
    found.unwrap_or_else(|| panic!("no {check} in {findings:?}"))
}

#[test]
fn an_independent_approver_within_the_limit_passes() {
    let Judgement { findings, decision } = judge(&rules(), &good());
    assert_eq!((verdict(&findings), decision), (Verdict::Passed, Decision::Decided));
    let messages: Vec<_> = findings.iter().map(|finding| format!("{}: {}", finding.check, finding.actual)).collect();
    assert_eq!(
        messages,
        [
            "protection of production: one of platform-leads has to approve",
            "approval: approved by alice",
            "supersession: no newer promotion of cart in production",
            "independence: alice had no part in it, unlike mallory",
            "approvals within 20m: 1 by alice: 2026-01-01T10:30:00Z (this run)",
        ]
    );
    assert_eq!(findings[0].evidence[0].source, "https://github.com/acme/infra/actions/runs/103/attempts/1");
    assert_eq!(good().approver(&rules()), Some("alice"));
}

/// Asserts a check's verdict and message, and that the overall verdict is at least as bad.
fn assert_finding(observations: &Observations, check: &str, expected: Verdict, words: &str) {
    let found = finding(&rules(), observations, check);
    assert!(found.verdict == expected && found.to_string().contains(words), "{words}: {found}");
    let all = judge(&rules(), observations).findings;
    assert!(verdict(&all) >= expected, "{all:?}");
}

#[test]
fn the_approval_check_depends_on_the_reviews_and_the_protection() {
    let open = Ok(Some(EnvironmentProtection::default()));
    let strict =
        |bypass| Ok(Some(EnvironmentProtection { admins_bypass: bypass, ..good().protection.unwrap().unwrap() }));
    let bot = ReviewAuthor::Bot("deployer[bot]".to_owned());
    let rejected = |approved: &[ReviewAuthor]| Ok(Reviews { rejected: vec![person("bob")], ..approved_by(approved) });
    for (observations, check, expected, words) in vec![
        // No approval, and reviewers are required.
        (Observations { reviews: Ok(approved_by(&[])), ..good() }, "approval", Verdict::Blocked, "was bypassed"),
        (
            Observations { reviews: Ok(approved_by(&[])), ..good() },
            "approval",
            Verdict::Blocked,
            "Allow administrators to bypass",
        ),
        (
            Observations { reviews: Ok(approved_by(&[])), protection: strict(None), ..good() },
            "approval",
            Verdict::Blocked,
            "Allow administrators to bypass",
        ),
        (
            Observations { reviews: Ok(approved_by(&[])), protection: strict(Some(false)), ..good() },
            "approval",
            Verdict::Blocked,
            "switched on only later; expected a person who approved this run for production; next: start it again, and have it approved",
        ),
        // No reviewers are required.
        (
            Observations { reviews: Ok(approved_by(&[])), protection: open.clone(), ..good() },
            "protection",
            Verdict::Blocked,
            "it has no required reviewers, so GitHub requests no approval; expected an environment with required reviewers; next: give production required reviewers",
        ),
        (
            Observations { reviews: Ok(approved_by(&[])), protection: open.clone(), ..good() },
            "approval",
            Verdict::Blocked,
            "this run has no approval;",
        ),
        (Observations { protection: open, ..good() }, "protection", Verdict::Blocked, "it has no required reviewers"),
        (
            Observations { reviews: Ok(approved_by(&[])), protection: Ok(None), ..good() },
            "protection",
            Verdict::Blocked,
            "the environment does not exist: GitHub creates one",
        ),
        // Rejected.
        (Observations { reviews: rejected(&[]), ..good() }, "approval", Verdict::Blocked, "rejected by bob;"),
        (
            Observations { reviews: rejected(&[person("alice")]), ..good() },
            "approval",
            Verdict::Blocked,
            "rejected by bob, approved by alice",
        ),
        // Approved by a required reviewer, or by another person.
        (
            Observations { protection: Ok(Some(protection(&["Alice"], &[]))), ..good() },
            "approval",
            Verdict::Passed,
            "approved by alice",
        ),
        (
            Observations { protection: Ok(Some(protection(&["bob", "carol"], &[]))), ..good() },
            "approval",
            Verdict::Blocked,
            "approved by alice, none of its reviewers",
        ),
        (
            Observations { protection: Ok(Some(protection(&["bob"], &["leads"]))), ..good() },
            "approval",
            Verdict::Passed,
            "approved by alice",
        ),
        // Approved by a bot or a deleted account.
        (
            Observations { reviews: Ok(approved_by(std::slice::from_ref(&bot))), ..good() },
            "approval",
            Verdict::Blocked,
            "deployer[bot] (a bot)",
        ),
        (
            Observations { reviews: Ok(approved_by(&[ReviewAuthor::Deleted])), ..good() },
            "approval",
            Verdict::Inconclusive,
            "an account that is gone",
        ),
        (
            Observations { reviews: Ok(approved_by(&[bot, ReviewAuthor::Deleted, person("alice")])), ..good() },
            "approval",
            Verdict::Passed,
            "deployer[bot] (a bot), an account that is gone, alice",
        ),
    ] {
        assert_finding(&observations, check, expected, words);
    }
}

#[test]
fn reviewers_that_are_machines_are_none() {
    let machines = EnvironmentProtection { machines: vec!["robot".to_owned()], ..protection(&[], &[]) };
    let observations = Observations { protection: Ok(Some(machines)), ..good() };
    assert_finding(
        &observations,
        "protection",
        Verdict::Blocked,
        "its only required reviewers are machines: robot; expected an environment with required reviewers",
    );
}

#[test]
fn an_excluded_approver_blocks_and_a_missing_observation_is_inconclusive() {
    for (observations, check, expected, words) in [
        (
            Observations { reviews: Ok(approved_by(&[person("Mallory")])), ..good() },
            "independence",
            Verdict::Blocked,
            "Mallory had a part in it",
        ),
        (
            Observations { reviews: Ok(approved_by(&[person("mallory"), person("alice")])), ..good() },
            "independence",
            Verdict::Passed,
            "alice had no part",
        ),
        (
            Observations {
                excluded: Err(Finding::inconclusive("evidence").actual("no report of it").next("add it")),
                ..good()
            },
            "independence",
            Verdict::Inconclusive,
            "the people who had a part in the release are unknown; evidence: no report of it; next: add it",
        ),
        // Missing observations.
        (
            Observations { reviews: Err(lost()), ..good() },
            "approval",
            Verdict::Inconclusive,
            "needs Actions: read on acme/infra",
        ),
        (
            Observations { protection: Err(lost()), ..good() },
            "protection",
            Verdict::Inconclusive,
            "needs Actions: read",
        ),
        (
            Observations { approval: Err(lost()), ..good() },
            "approvals within",
            Verdict::Inconclusive,
            "needs Actions: read",
        ),
        (
            Observations { others: Err(lost()), ..good() },
            "approvals within",
            Verdict::Inconclusive,
            "needs Actions: read",
        ),
    ] {
        assert_finding(&observations, check, expected, words);
    }
}

#[test]
fn a_message_lists_at_most_five_excluded_people() {
    let excluded = |many: usize| (0..many).map(|n| format!("dev{n}")).collect::<Vec<_>>();
    assert_eq!(describe_excluded(&excluded(0)), "");
    assert_eq!(describe_excluded(&excluded(2)), ", unlike dev0, dev1");
    assert_eq!(describe_excluded(&excluded(5)), ", unlike dev0, dev1, dev2, dev3, dev4");
    assert_eq!(describe_excluded(&excluded(7)), ", unlike dev0, dev1, dev2, dev3, dev4 and 2 more");
}

#[test]
fn only_an_independent_person_is_the_approver() {
    let after = |reviewers: &[ReviewAuthor]| Observations { reviews: Ok(approved_by(reviewers)), ..good() };
    let bot = ReviewAuthor::Bot("deployer[bot]".to_owned());
    for (observations, approver) in [
        (after(&[]), None),
        (after(&[bot.clone(), ReviewAuthor::Deleted]), None),
        (after(&[person("mallory")]), None),
        (after(&[person("mallory"), person("bob"), bot]), Some("bob")),
        (Observations { reviews: Err(lost()), ..good() }, None),
    ] {
        assert_eq!(observations.approver(&rules()), approver);
    }
    let dependent = ApprovalRules { independent: false, ..rules() };
    assert_eq!(after(&[person("mallory")]).approver(&dependent), Some("mallory"));
    let waived = finding(&dependent, &after(&[person("mallory")]), "independence");
    assert_eq!((waived.verdict, waived.waived.as_deref()), (Verdict::Passed, Some("`independent: false`")));
}

#[test]
fn a_passed_verdict_has_an_independent_approver_among_the_required_reviewers() {
    let everybody = [
        person("alice"),
        person("mallory"),
        person("dave"),
        ReviewAuthor::Bot("b[bot]".to_owned()),
        ReviewAuthor::Deleted,
    ];
    let protections = [
        None,
        Some(protection(&[], &[])),
        Some(protection(&["alice", "mallory"], &[])),
        Some(protection(&["dave"], &["leads"])),
    ];
    let mut passed = 0;
    for chosen in 0..1_usize << everybody.len() {
        let some: Vec<ReviewAuthor> =
            everybody.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, one)| one.clone()).collect();
        for protection in &protections {
            for independent in [true, false] {
                let rules = ApprovalRules { independent, ..rules() };
                let observations =
                    Observations { reviews: Ok(approved_by(&some)), protection: Ok(protection.clone()), ..good() };
                let approver = observations.approver(&rules);
                if verdict(&judge(&rules, &observations).findings) == Verdict::Passed {
                    let approver = approver.unwrap();
                    assert!(protection.as_ref().unwrap().admits(approver), "{observations:?}");
                    assert!(!independent || approver != "mallory", "{observations:?}");
                    passed += 1;
                }
            }
        }
    }
    // Of 32 sets of reviewers, 24 hold a person whom the users admit, 16 hold alice, 28 hold a person, and 24 hold a person
    // other than mallory.
    assert_eq!(passed, 24 + 16 + 28 + 24);
}

#[test]
fn a_later_attempt_is_blocked_unless_its_evidence_is_committed_or_its_job_was_always_skipped() {
    let second = |committed, old_approval| Observations {
        run: OwnRun { attempt: 2, ..good().run },
        committed,
        old_approval,
        ..good()
    };
    let old = || Ok(Some("the job promote of attempt 1 was not skipped, but failure".to_owned()));
    let blocked = finding(&rules(), &second(Ok(None), old()), "attempt");
    assert_eq!(blocked.verdict, Verdict::Blocked);
    assert!(blocked.to_string().contains("attempt 1 was not skipped, but failure"), "{blocked}");
    assert!(blocked.to_string().contains("next: dispatch again"), "{blocked}");
    let passed = finding(&rules(), &second(Ok(Some("abc".to_owned())), old()), "attempt");
    assert_eq!(passed.verdict, Verdict::Passed);
    assert!(passed.waived.unwrap().ends_with("by abc"));
    let skipped = finding(&rules(), &second(Ok(None), Ok(None)), "attempt");
    assert_eq!((skipped.verdict, skipped.waived), (Verdict::Passed, None));
    for lost in [second(Err(lost()), Ok(None)), second(Ok(None), Err(lost()))] {
        assert_eq!(finding(&rules(), &lost, "attempt").verdict, Verdict::Inconclusive);
    }
    assert!(judge(&rules(), &good()).findings.iter().all(|finding| finding.check != "attempt"));
}

#[test]
fn the_decision_needs_every_observation_or_a_blocked_finding() {
    let open = Decision::Pending { revisit: None };
    for (observations, decision) in [
        (good(), Decision::Decided),
        (Observations { others: Err(lost()), ..good() }, open),
        (Observations { protection: Err(lost()), ..good() }, open),
        (Observations { committed: Err(lost()), ..good() }, open),
        (Observations { old_approval: Err(lost()), ..good() }, open),
        (
            Observations { others: Err(lost()), reviews: Ok(approved_by(&[person("mallory")])), ..good() },
            Decision::Decided,
        ),
    ] {
        assert_eq!(judge(&rules(), &observations).decision, decision, "{:?}", judge(&rules(), &observations).findings);
    }
}
