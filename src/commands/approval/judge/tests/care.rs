//! `min-review-time` and `require-comment`.

use super::*;

fn seconds(seconds: i64) -> Timestamp {
    at(0) + SignedDuration::from_secs(seconds)
}

#[test]
fn a_review_takes_at_least_the_time_that_is_asked() {
    let asked = ApprovalRules { min_review_time: Some("60s".parse().unwrap()), ..rules() };
    let own = |earliest: i64, latest: i64, requested_at: Option<i64>| {
        let time = ApprovalTime { earliest: seconds(earliest), latest: seconds(latest) };
        let own = OwnApproval { job: 1, time, requested_at: requested_at.map(seconds) };
        Observations { approval: Ok(own), ..good() }
    };
    for (observations, expected, words) in [
        (own(60, 60, Some(0)), Verdict::Passed, "1m, from 2026-01-01T10:00:00Z to 2026-01-01T10:01:00Z"),
        (own(59, 59, Some(0)), Verdict::Blocked, "59s, from"),
        (own(8, 8, Some(0)), Verdict::Blocked, "read the decision pack in the job summary of `evidence`"),
        // The pack came after GitHub requested the approval, or the clocks differ.
        (own(8, 8, Some(10)), Verdict::Blocked, "0s, from"),
        (own(0, 600, Some(0)), Verdict::Inconclusive, "another rule of the environment hides when"),
        (own(0, 59, Some(0)), Verdict::Blocked, "59s, from"),
        (own(60, 60, None), Verdict::Inconclusive, "does not show when it requested"),
        (Observations { approval: Err(lost()), ..good() }, Verdict::Inconclusive, "needs Actions: read"),
    ] {
        let found = finding(&asked, &observations, "review time");
        assert!(found.verdict == expected && found.to_string().contains(words), "{words}: {found}");
        assert!(verdict(&judge(&asked, &observations).findings) >= expected);
    }
    assert!(judge(&rules(), &own(8, 8, Some(0))).findings.iter().all(|finding| finding.check != "review time"));
}

/// Approved by these people with these comments.
fn commented(approvals: &[(&str, &str)]) -> Observations {
    let people: Vec<ReviewAuthor> = approvals.iter().map(|(login, _)| person(login)).collect();
    let mut reviews = approved_by(&people);
    for (approval, (_, comment)) in reviews.approvals.iter_mut().zip(approvals) {
        (*comment).clone_into(&mut approval.comment);
    }
    Observations { reviews: Ok(reviews), ..good() }
}

#[test]
fn a_required_comment_has_letters_and_is_by_the_approver() {
    let asked = ApprovalRules { require_comment: true, ..rules() };
    for (comment, expected) in [
        ("looked at staging", Verdict::Passed),
        ("ok", Verdict::Passed),
        ("見た", Verdict::Passed),
        ("", Verdict::Blocked),
        ("  \n", Verdict::Blocked),
        ("👍 …!", Verdict::Blocked),
        ("x", Verdict::Blocked),
        ("\u{200b}\u{2060}\u{feff}", Verdict::Blocked),
        // Letters by their category, and nothing to see: Hangul fillers.
        ("\u{3164}\u{115f}\u{1160}\u{ffa0}", Verdict::Blocked),
    ] {
        let found = finding(&asked, &commented(&[("alice", comment)]), "comment");
        assert_eq!(found.verdict, expected, "{comment:?}: {found}");
    }
    let excluded = commented(&[("alice", ""), ("mallory", "looked at staging")]);
    assert_eq!(finding(&asked, &excluded, "comment").verdict, Verdict::Blocked, "mallory's approval does not count");
    // Of two approvers, the one with the comment counts.
    let both = commented(&[("alice", ""), ("bob", "looked at staging")]);
    assert_eq!((both.approver(&asked), both.approver(&rules())), (Some("bob"), Some("alice")));
    assert_eq!(finding(&asked, &both, "comment").actual, "bob: \"looked at staging\"");
    assert!(judge(&rules(), &both).findings.iter().all(|finding| finding.check != "comment"));
}
