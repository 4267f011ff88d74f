//! Who may approve, how many are needed, and whether they took the time to look.

use super::*;

#[test]
fn people_with_a_part_in_the_release_or_its_pull_request_do_not_count() {
    for (reviews, expected) in [
        (vec![approval("mallory", 30)], "mallory had a part in the release"),
        (vec![approval("Olga", 30)], "Olga opened the pull request"),
        (
            vec![approval("mallory", 30), approval("olga", 31)],
            "mallory had a part in the release, olga opened the pull request",
        ),
    ] {
        let observations = with(&reviews);
        assert_eq!(bad(&rules(), &observations), [format!("blocked independence: {expected}")]);
        let findings = judge(&rules(), &observations).findings;
        assert!(is_waiting(&rules(), &observations, &findings), "another person may still approve it");
        // Neither are they among the approvers.
        assert_eq!(approvers(&rules(), &observations), [""; 0]);
        let alone = PullRequestRules { independent: false, ..rules() };
        assert_eq!(bad(&alone, &observations), [""; 0]);
    }
    // Of two people, one is excluded.
    let observations = with(&[approval("mallory", 29), approval("alice", 30)]);
    assert_eq!(bad(&rules(), &observations), [""; 0]);
    assert_eq!(approvers(&rules(), &observations), ["alice"]);
}

#[test]
fn a_renamed_author_is_known_by_the_number_of_the_account() {
    let renamed = PullRequestReview {
        author: Some(ReviewerAccount {
            account: Account { login: "m-2".to_owned(), kind: "User".to_owned() },
            ..user("mallory")
        }),
        ..approval("mallory", 30)
    };
    assert_eq!(bad(&rules(), &with(&[renamed])), ["blocked independence: m-2 had a part in the release"]);
}

#[test]
fn as_many_different_people_as_the_minimum_have_to_approve() {
    let two = PullRequestRules { minimum: 2, ..rules() };
    for (reviews, expected) in [
        (vec![], vec!["blocked approval: it has no approval, 0 of 2"]),
        (vec![approval("alice", 30)], vec!["blocked approval: approved by alice, 1 of 2"]),
        // The same person twice.
        (vec![approval("alice", 30), approval("alice", 31)], vec!["blocked approval: approved by alice, 1 of 2"]),
        (
            vec![approval("alice", 30), approval("mallory", 31)],
            vec!["blocked independence: mallory had a part in the release; alice had none, 1 of 2"],
        ),
        (vec![approval("alice", 30), approval("bob", 31)], vec![]),
        (vec![approval("alice", 30), approval("mallory", 31), approval("bob", 32)], vec![]),
    ] {
        assert_eq!(bad(&two, &with(&reviews)), expected);
    }
    let observations = with(&[approval("alice", 30), approval("carol", 35), approval("bob", 31)]);
    assert_eq!(approvers(&two, &observations), ["alice", "bob"]);
    assert_eq!(approved_at(&two, &observations), Some(at(31)), "the last one that was needed");
    assert_eq!(approved_at(&two, &with(&[approval("alice", 30)])), None);
}

fn other(login: &str, minutes: i64, number: u64) -> OtherApproval {
    let id = user(login).id;
    OtherApproval { login: login.to_owned(), id, at: at(minutes), number: Some(number), target: format!("#{number}") }
}

#[test]
fn approvals_in_quick_succession_are_limited_per_person() {
    let with_others = |others: &[OtherApproval]| PullRequestObservations {
        others: Some(Ok(others.to_vec())),
        ..with(&[approval("alice", 30)])
    };
    for (others, count) in [
        (vec![other("alice", 20, 8)], 2),
        // Outside of the window, after it, and of another person.
        (vec![other("alice", 20, 8), other("alice", 9, 7)], 2),
        (vec![other("alice", 20, 8), other("alice", 31, 9)], 2),
        (vec![other("alice", 20, 8), other("bob", 21, 9)], 2),
        // Twice the same pull request.
        (vec![other("alice", 20, 8), other("alice", 25, 8)], 2),
        (vec![other("alice", 20, 8), other("alice", 25, 9)], 3),
        // In the same second, the lower number comes first.
        (vec![other("alice", 20, 8), other("alice", 30, 11)], 3),
        (vec![other("alice", 20, 8), other("alice", 30, 13)], 2),
        // A commit of the ledger has no number, and a name only.
        (
            vec![
                other("alice", 20, 8),
                OtherApproval { id: None, number: None, login: "Alice".to_owned(), ..other("x", 29, 1) },
            ],
            3,
        ),
        // Renamed since.
        (vec![other("alice", 20, 8), OtherApproval { login: "a-2".to_owned(), ..other("alice", 25, 9) }], 3),
    ] {
        let observations = with_others(&others);
        let bad = bad(&rules(), &observations);
        let expected = usize::from(count == 3);
        assert_eq!(bad.len(), expected, "{others:?}: {bad:?}");
        let findings = judge(&rules(), &observations).findings;
        let found = findings.iter().find(|finding| finding.check == "approvals within 20m").unwrap();
        assert!(found.actual.starts_with(&format!("{count} by alice: ")), "{found}");
    }
    let observations = with_others(&[other("alice", 20, 8), other("alice", 25, 9)]);
    let findings = judge(&rules(), &observations).findings;
    let blocked = findings.iter().find(|finding| finding.verdict == Verdict::Blocked).unwrap();
    assert_eq!(
        blocked.to_string(),
        "approvals within 20m: 3 by alice: 2026-01-01T10:20:00Z (#8), 2026-01-01T10:25:00Z (#9), 2026-01-01T10:30:00Z (#12); \
         expected at most 2 by one person; next: have it approved by another reviewer who takes the time to look, or approved no \
         earlier than 2026-01-01T10:40:01Z"
    );
    // Who has approved less is named instead.
    let two = PullRequestObservations {
        others: Some(Ok(vec![other("alice", 20, 8), other("alice", 25, 9)])),
        ..with(&[approval("alice", 30), approval("bob", 31)])
    };
    assert_eq!((bad(&rules(), &two), approvers(&rules(), &two)), (vec![], vec!["bob".to_owned()]));
}

#[test]
fn an_approval_has_to_leave_time_to_read_if_wanted() {
    let rules = PullRequestRules { min_review_time: Some("10m".parse().unwrap()), ..rules() };
    assert_eq!(bad(&rules, &with(&[approval("alice", 10)])), [""; 0]);
    assert_eq!(
        bad(&rules, &with(&[approval("alice", 9)])),
        ["blocked review time: 9m by alice, from 2026-01-01T10:00:00Z to 2026-01-01T10:09:00Z"]
    );
    // Counted from the last force-push.
    let pushed = ReviewedPullRequest { force_pushed_at: Some(at(25)), ..facts(&[approval("alice", 30)]) };
    assert_eq!(
        bad(&rules, &with_facts(pushed)),
        ["blocked review time: 5m by alice, from 2026-01-01T10:25:00Z to 2026-01-01T10:30:00Z"]
    );
}

#[test]
fn a_comment_is_asked_for_if_wanted() {
    let rules = PullRequestRules { require_comment: true, ..rules() };
    let with_comment = |login: &str, body: &str| PullRequestReview { body: body.to_owned(), ..approval(login, 30) };
    for (body, is_enough) in
        [("p99 and staging look fine", true), ("ok", true), ("", false), ("👍", false), ("\u{3164}\u{3164}", false)]
    {
        let bad = bad(&rules, &with(&[with_comment("alice", body)]));
        assert_eq!(bad.is_empty(), is_enough, "{body}: {bad:?}");
        if !is_enough {
            assert_eq!(bad, ["blocked comment: alice approved without a comment"]);
        }
    }
    let observations = with(&[with_comment("alice", ""), with_comment("bob", "seen")]);
    assert_eq!((bad(&rules, &observations), approvers(&rules, &observations)), (vec![], vec!["bob".to_owned()]));
}

#[test]
fn of_people_who_were_not_asked_for_nothing_is_said() {
    let proposal = Some(Proposal { tip: head().parse().ok(), newest: None });
    let unseen = PullRequestObservations {
        proposal,
        evidence: None,
        excluded: None,
        others: None,
        ..with(&[approval("olga", 30)])
    };
    let findings = judge(&rules(), &unseen).findings;
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!((checks, verdict(&findings)), (vec!["pull request", "commit", "approval"], Verdict::Blocked));
}
