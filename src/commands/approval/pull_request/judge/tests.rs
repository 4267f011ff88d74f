mod evidence;
mod owners;
mod people;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    approvers::{ReviewState, last_reviews},
    commands::approval::pull_request::observations::{
        EvidenceLook, ExcludedPerson, OtherApproval, Proposal, PullRequestLook, subject_of,
    },
    config::people::People,
    ledger::LedgerEntry,
    ledger::tests::{commit_with_trailers, entry_of},
    observe::Decision,
    world::github::{Account, PullRequestReview, ReviewedPullRequest, ReviewerAccount},
};

const FILE: &str = "apps/checkout-service/overlays/production/kustomization.yaml";

fn head() -> String {
    "1".repeat(40)
}

fn evidence_id() -> String {
    "e".repeat(64)
}

/// Minutes after ten.
fn at(minutes: i64) -> Timestamp {
    let ten: Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
    ten + SignedDuration::from_mins(minutes)
}

fn rules() -> PullRequestRules {
    PullRequestRules {
        base: "main".to_owned(),
        subject: r#"{"service":"checkout-service","environment":"production","tag":"1.4.2"}"#.parse().unwrap(),
        independent: true,
        minimum: 1,
        codeowners: false,
        max_approvals: 2,
        window: "20m".parse().unwrap(),
        min_review_time: None,
        require_comment: false,
    }
}

/// The number of an account, from its first login.
fn number(login: &str) -> u64 {
    login.bytes().fold(7, |number: u64, byte| number.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

fn user(login: &str) -> ReviewerAccount {
    let account = Account { login: login.to_owned(), kind: "User".to_owned() };
    ReviewerAccount { account, id: Some(number(login)) }
}

/// An approval of the last commit.
fn approval(login: &str, minutes: i64) -> PullRequestReview {
    PullRequestReview {
        state: "APPROVED".to_owned(),
        submitted_at: Some(at(minutes)),
        author: Some(user(login)),
        can_push: true,
        commit: Some(head()),
        body: String::new(),
        teams: Vec::new(),
    }
}

fn review(state: &str, login: &str, minutes: i64) -> PullRequestReview {
    PullRequestReview { state: state.to_owned(), ..approval(login, minutes) }
}

fn entry() -> LedgerEntry {
    entry_with(&[])
}

/// The promotion in the commit, with these trailers instead of its own.
fn entry_with(changes: &[(&str, &str)]) -> LedgerEntry {
    let evidence = evidence_id();
    let own = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", "ghcr.io/acme/checkout-service:1.4.2"),
        ("Previous-Image", "ghcr.io/acme/checkout-service:1.4.1"),
        ("Evidence", evidence.as_str()),
        ("Validated-at", "2026-01-01T09:30:00Z"),
        ("Workflow", "https://github.com/acme/infra/actions/runs/7/attempts/1"),
    ];
    let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let trailers: Vec<(&str, &str)> =
        own.into_iter().filter(|(name, _)| !is_changed(name)).chain(changes.iter().copied()).collect();
    let mut entry = entry_of(&commit_with_trailers('1', &trailers)).unwrap();
    for change in &mut entry.changes {
        FILE.clone_into(&mut change.file.path);
    }
    entry
}

fn facts(reviews: &[PullRequestReview]) -> ReviewedPullRequest {
    ReviewedPullRequest {
        number: 12,
        url: "https://github.com/acme/infra/pull/12".to_owned(),
        state: "OPEN".to_owned(),
        is_draft: false,
        is_of_fork: false,
        base: "main".to_owned(),
        branch: format!("promote/production/checkout-service/{}", evidence_id()),
        head: head(),
        opened_at: at(0),
        author: None,
        commits: 1,
        people: Vec::new(),
        changed_files: 1,
        files: vec![FILE.to_owned()],
        force_pushed_at: None,
        reviews: reviews.to_vec(),
    }
}

/// Pull request 12 with these facts.
fn with_facts(facts: ReviewedPullRequest) -> PullRequestObservations {
    let people = People { machines: vec!["release-robot".parse().unwrap()] };
    let found =
        FoundPullRequest { branch: facts.branch.parse().ok(), reviews: last_reviews(&facts.reviews, &people), facts };
    let entry = entry();
    PullRequestObservations {
        at: "2026-01-01T11:00:00Z".to_owned(),
        pull_request: Ok(PullRequestLook::Found(Box::new(found))),
        evidence: Some(Ok(EvidenceLook::InThisRun { id: evidence_id().parse().ok(), subject: subject_of(&entry) })),
        proposal: Some(Proposal { tip: head().parse().ok(), newest: Some(entry) }),
        excluded: Some(Ok(vec![
            ExcludedPerson {
                login: "mallory".to_owned(),
                id: Some(number("mallory")),
                part: "had a part in the release",
            },
            ExcludedPerson { login: "olga".to_owned(), id: None, part: "opened the pull request" },
        ])),
        owners: None,
        others: Some(Ok(Vec::new())),
    }
}

/// Pull request 12 with these reviews. Mallory wrote the release, and olga opened the pull request.
fn with(reviews: &[PullRequestReview]) -> PullRequestObservations {
    with_facts(facts(reviews))
}

fn lost() -> Finding {
    Finding::inconclusive("GitHub's API").actual("403 Resource not accessible").next("the token needs Checks: read")
}

/// `verdict check: actual` of everything that did not pass.
fn bad(rules: &PullRequestRules, observations: &PullRequestObservations) -> Vec<String> {
    let findings = judge(rules, observations).findings;
    for finding in &findings {
        assert!(finding.verdict != Verdict::Blocked || finding.next.is_some(), "{finding}");
        assert!(!finding.expected.is_empty() || finding.verdict != Verdict::Blocked, "{finding}");
    }
    let bad = findings.iter().filter(|finding| finding.verdict != Verdict::Passed);
    bad.map(|finding| format!("{} {}: {}", finding.verdict, finding.check, finding.actual)).collect()
}

#[test]
fn an_independent_approval_of_the_last_commit_passes() {
    let observations = with(&[approval("alice", 30)]);
    let Judgement { findings, decision } = judge(&rules(), &observations);
    let shown: Vec<String> =
        findings.iter().map(|finding| format!("{} {}: {}", finding.verdict, finding.check, finding.actual)).collect();
    let id = "e".repeat(64);
    assert_eq!(
        shown,
        [
            format!("passed pull request: #12 is open, from promote/production/checkout-service/{id} into main"),
            format!(
                "passed commit: 1111111: ghcr.io/acme/checkout-service:1.4.1 → ghcr.io/acme/checkout-service:1.4.2 in {FILE}"
            ),
            "passed evidence: eeeeeee, of this run".to_owned(),
            "passed approval: approved by alice".to_owned(),
            "passed independence: alice had no part in it, unlike mallory, olga".to_owned(),
            "passed approvals within 20m: 1 by alice: 2026-01-01T10:30:00Z (#12)".to_owned(),
        ]
    );
    assert_eq!(decision, Decision::Decided);
    assert_eq!(findings[0].evidence[0].source, "https://github.com/acme/infra/pull/12");
    assert_eq!(approvers(&rules(), &observations), ["alice"]);
    assert_eq!(approved_at(&rules(), &observations), Some(at(30)));
    assert!(!is_waiting(&rules(), &observations, &findings));
}

#[test]
fn what_is_no_open_pull_request_of_a_promotion_is_blocked() {
    let good = || facts(&[approval("alice", 30)]);
    let with_branch = |branch: &str| ReviewedPullRequest { branch: branch.to_owned(), ..good() };
    for (facts, expected) in [
        (ReviewedPullRequest { state: "CLOSED".to_owned(), ..good() }, "#12 is closed"),
        (ReviewedPullRequest { state: "MERGED".to_owned(), ..good() }, "#12 is merged already"),
        (ReviewedPullRequest { state: "LOST".to_owned(), ..good() }, "#12 is in the unknown state LOST"),
        (ReviewedPullRequest { is_draft: true, ..good() }, "#12 is a draft"),
        (ReviewedPullRequest { is_of_fork: true, ..good() }, "#12 is from a fork"),
        (ReviewedPullRequest { base: "release".to_owned(), ..good() }, "#12 is to be merged into release"),
        (with_branch("fix"), "#12 has the branch fix, which is none of a promotion"),
    ] {
        let bad = bad(&rules(), &with_facts(facts));
        assert!(bad.contains(&format!("blocked pull request: {expected}")), "{expected} in {bad:?}");
    }
    let several = ReviewedPullRequest { is_draft: true, base: "x".to_owned(), ..good() };
    assert_eq!(bad(&rules(), &with_facts(several)).len(), 2);
    for (look, expected) in [
        (PullRequestLook::NoSuchNumber(99), "this repository has no pull request #99".to_owned()),
        (
            PullRequestLook::NoneOpen(facts(&[]).branch.parse().unwrap()),
            format!("no open one has the branch {}", facts(&[]).branch),
        ),
    ] {
        let observations =
            PullRequestObservations { pull_request: Ok(look), proposal: None, evidence: None, ..with(&[]) };
        assert_eq!(bad(&rules(), &observations), [format!("blocked pull request: {expected}")]);
        assert_eq!(approvers(&rules(), &observations), [""; 0]);
    }
}

#[test]
fn a_commit_that_is_no_promotion_with_evidence_is_blocked() {
    let pushed = |change: fn(&mut ReviewedPullRequest)| {
        let mut facts = facts(&[approval("alice", 30)]);
        change(&mut facts);
        with_facts(facts)
    };
    let promoting = |entry: LedgerEntry| {
        let mut observations = with(&[approval("alice", 30)]);
        observations.proposal = observations.proposal.map(|proposal| Proposal { newest: Some(entry), ..proposal });
        observations
    };
    let mut earlier = entry();
    earlier.commit = "2".repeat(40).parse().unwrap();
    for (observations, expected) in [
        (pushed(|facts| facts.commits = 2), "it has 2 commits"),
        (
            pushed(|facts| {
                facts.changed_files = 3;
                facts.files = vec!["a".to_owned(), FILE.to_owned()];
            }),
            "it also changes a and 1 more",
        ),
        (pushed(|facts| facts.files = vec!["b".to_owned()]), "it also changes b"),
        // The newest promotion on the branch is one of main: its own commit promotes nothing.
        (promoting(earlier), "1111111 does not set the image as its message says"),
        (promoting(entry_with(&[("Promotion-kind", "rollback")])), "its message says that it is of the kind rollback"),
        (
            promoting(entry_with(&[("Evidence", &"a".repeat(64))])),
            "its message names the evidence aaaaaaa, and its branch eeeeeee",
        ),
        (
            promoting(entry_with(&[("Evidence", "")])),
            "its message names the evidence no evidence, and its branch eeeeeee",
        ),
        (
            promoting(entry_with(&[("Image", "ghcr.io/acme/checkout-service:1.4.3")])),
            "it is about another release: tag 1.4.3, not 1.4.2",
        ),
    ] {
        let bad = bad(&rules(), &observations);
        assert!(bad.contains(&format!("blocked commit: {expected}")), "{expected} in {bad:?}");
    }
    let mut without_branch = with(&[approval("alice", 30)]);
    without_branch.proposal = Some(Proposal { tip: None, newest: None });
    assert!(bad(&rules(), &without_branch).contains(&"blocked commit: its branch is gone".to_owned()));
}

#[test]
fn only_an_approval_of_the_last_commit_by_a_person_who_can_push_counts() {
    let bot = |login: &str| {
        let account = Account { login: login.to_owned(), kind: "Bot".to_owned() };
        PullRequestReview { author: Some(ReviewerAccount { account, id: None }), ..approval("x", 30) }
    };
    let old = PullRequestReview { commit: Some("3".repeat(40)), ..approval("alice", 30) };
    let without_commit = PullRequestReview { commit: None, ..approval("alice", 30) };
    let outsider = PullRequestReview { can_push: false, ..approval("alice", 30) };
    let ghost = PullRequestReview { author: None, ..approval("x", 30) };
    let organisation = PullRequestReview {
        author: Some(ReviewerAccount {
            account: Account { login: "acme".to_owned(), kind: "Organization".to_owned() },
            id: None,
        }),
        ..approval("x", 30)
    };
    for (reviews, expected) in [
        (vec![], "it has no approval"),
        (vec![review("COMMENTED", "alice", 30)], "it has no approval"),
        (vec![review("PENDING", "alice", 30)], "it has no approval"),
        (vec![review("DISMISSED", "alice", 30)], "it has no approval; not counted: alice, whose review was dismissed"),
        (
            vec![approval("alice", 30), review("DISMISSED", "alice", 31)],
            "it has no approval; not counted: alice, whose review was dismissed",
        ),
        (vec![old], "it has no approval; not counted: alice, who approved 3333333 and not the last commit 1111111"),
        (
            vec![without_commit],
            "it has no approval; not counted: alice, whose approved commit GitHub does not have any more",
        ),
        (vec![outsider], "it has no approval; not counted: alice, who cannot push to this repository"),
        (vec![bot("renovate[bot]")], "it has no approval; not counted: renovate[bot] (a bot)"),
        (vec![bot("github-actions")], "it has no approval; not counted: github-actions (a bot)"),
        (
            vec![approval("release-robot", 30)],
            "it has no approval; not counted: release-robot (a machine, by `people.machines`)",
        ),
        (vec![ghost], "it has no approval; not counted: an account that is gone"),
        (vec![organisation], "it has no approval; not counted: acme (an account of type Organization)"),
        (
            vec![review("INVENTED", "alice", 30)],
            "it has no approval; not counted: alice, whose review is in the unknown state INVENTED",
        ),
        (
            vec![approval("alice", 30), review("CHANGES_REQUESTED", "bob", 20)],
            "changes are requested by bob; approved by alice",
        ),
    ] {
        let observations = with(&reviews);
        let bad = bad(&rules(), &observations);
        assert_eq!(bad, [format!("blocked approval: {expected}")]);
        let findings = judge(&rules(), &observations).findings;
        // Changes that are requested are more than a missing approval.
        assert_eq!(is_waiting(&rules(), &observations, &findings), !expected.contains("requested"), "{expected}");
    }
}

#[test]
fn the_last_word_of_each_person_counts() {
    for reviews in [
        // A comment after the approval takes nothing back.
        vec![approval("alice", 30), review("COMMENTED", "alice", 40)],
        vec![review("CHANGES_REQUESTED", "alice", 20), approval("alice", 30)],
        vec![approval("alice", 30), review("DISMISSED", "bob", 31)],
        // Who cannot push cannot hold it up.
        vec![approval("alice", 30), PullRequestReview { can_push: false, ..review("CHANGES_REQUESTED", "eve", 31) }],
        vec![PullRequestReview { commit: Some("3".repeat(40)), ..approval("alice", 20) }, approval("alice", 30)],
    ] {
        assert_eq!(bad(&rules(), &with(&reviews)), [""; 0], "{reviews:?}");
    }
    let taken_back = with(&[approval("alice", 30), review("CHANGES_REQUESTED", "alice", 40)]);
    assert_eq!(bad(&rules(), &taken_back), ["blocked approval: changes are requested by alice; it has no approval"]);
    let Some(found) = taken_back.found() else { panic!("it is found") };
    assert_eq!(found.reviews[0].state, ReviewState::ChangesRequested);
}

#[test]
fn an_approval_from_before_a_force_push_is_void() {
    let pushed = |minutes: i64| {
        let facts = facts(&[approval("alice", 30)]);
        with_facts(ReviewedPullRequest { force_pushed_at: Some(at(minutes)), ..facts })
    };
    assert_eq!(bad(&rules(), &pushed(29)), [""; 0]);
    // Within one second, which came first is not known.
    for minutes in [30, 31] {
        let pushed_at = at(minutes);
        assert_eq!(
            bad(&rules(), &pushed(minutes)),
            [format!(
                "blocked approval: it has no approval; not counted: alice, who approved at 2026-01-01T10:30:00Z, and the branch \
                 was force-pushed at {pushed_at}"
            )]
        );
    }
}

#[test]
fn what_was_not_observed_is_inconclusive_and_may_be_in_the_next_look() {
    let good = || with(&[approval("alice", 30)]);
    for (observations, expected) in [
        (
            PullRequestObservations { pull_request: Err(lost()), proposal: None, evidence: None, ..good() },
            "inconclusive pull request: GitHub's API: 403 Resource not accessible",
        ),
        (
            PullRequestObservations { evidence: Some(Err(lost())), ..good() },
            "inconclusive evidence: GitHub's API: 403 Resource not accessible",
        ),
        (
            PullRequestObservations { excluded: Some(Err(lost())), ..good() },
            "inconclusive independence: the people who had a part in the release are unknown; GitHub's API: 403 Resource not \
             accessible",
        ),
        (
            PullRequestObservations { others: Some(Err(lost())), ..good() },
            "inconclusive approvals within 20m: GitHub's API: 403 Resource not accessible",
        ),
    ] {
        assert_eq!(bad(&rules(), &observations), [expected]);
        let Judgement { findings, decision } = judge(&rules(), &observations);
        assert_eq!(decision, Decision::Pending { revisit: None });
        assert!(findings.iter().any(|finding| finding.next.as_deref() == Some("the token needs Checks: read")));
        assert!(!is_waiting(&rules(), &observations, &findings));
    }
}
