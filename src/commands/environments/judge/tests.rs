use super::*;
use crate::{
    commands::environments::wanted::{Pattern, Who},
    finding::Verdict::{self, Blocked, Inconclusive, Passed},
};

fn wanted() -> Wanted {
    Wanted {
        name: "production".parse().unwrap(),
        place: "environments.yml:2:3".to_owned(),
        wait_timer: None,
        reviewers: None,
        minimum_approvals: None,
        prevent_self_review: None,
        can_admins_bypass: None,
        branches: None,
        patterns: None,
    }
}

fn reviewed() -> Present {
    Present { reviewers: [(Who::Team("leads".to_owned()), 1)].into(), can_admins_bypass: Some(false), ..Present::NEW }
}

fn main() -> Vec<String> {
    vec!["main".to_owned()]
}

/// Check, verdict and text of the findings.
fn said(findings: &[Finding]) -> Vec<(Verdict, String)> {
    findings.iter().map(|finding| (finding.verdict, finding.to_string())).collect()
}

fn only(findings: &[Finding]) -> (Verdict, String) {
    let [finding] = findings else { panic!("{:?}", said(findings)) };
    (finding.verdict, finding.to_string())
}

#[test]
fn no_environment_is_blocked() {
    let (verdict, text) = only(&judge(&wanted(), None, &Ok(main())));
    assert_eq!(verdict, Blocked);
    assert!(text.contains("creates it, unprotected"), "{text}");
}

#[test]
fn each_rule_of_the_file_is_a_finding_and_no_other() {
    let present = Present { wait_timer: 10, prevent_self_review: true, ..reviewed() };
    let same = Wanted { wait_timer: Some(10), prevent_self_review: Some(true), ..wanted() };
    let findings = judge(&same, Some(&present), &Ok(main()));
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(
        checks,
        ["production: wait timer", "production: review of one's own run", "production: when its timer starts"]
    );
    assert!(findings.iter().all(|finding| finding.verdict == Passed), "{:?}", said(&findings));

    let other = Wanted { wait_timer: Some(0), ..same };
    let findings = judge(&other, Some(&present), &Ok(main()));
    assert_eq!((findings[0].verdict, &*findings[0].expected, &*findings[0].actual), (Blocked, "none", "10 minutes"));
    assert_eq!(findings[1].verdict, Passed);

    let (verdict, text) = only(&judge(&wanted(), Some(&present), &Ok(main())));
    assert_eq!((verdict, &*text), (Passed, "production: there; the file says nothing of its rules"));
}

#[test]
fn a_bypass_is_judged_as_far_as_it_is_told() {
    for (can, wish, verdict) in [
        (Some(true), true, Passed),
        (Some(false), false, Passed),
        (Some(true), false, Blocked),
        (Some(false), true, Blocked),
        (None, false, Inconclusive),
        (None, true, Inconclusive),
    ] {
        let wanted = Wanted { can_admins_bypass: Some(wish), ..wanted() };
        let present = Present { can_admins_bypass: can, ..reviewed() };
        let (found, text) = only(&judge(&wanted, Some(&present), &Ok(main())));
        assert_eq!(found, verdict, "{can:?} {wish}");
        assert_eq!(text.contains("settings on GitHub"), verdict != Passed, "{text}");
    }
}

#[test]
fn a_bypass_that_nobody_mentions_is_told_where_something_can_be_passed_by() {
    for (present, told) in [
        (Present::NEW, None),
        (reviewed(), None),
        (Present { can_admins_bypass: Some(true), ..Present::NEW }, None),
        (Present { can_admins_bypass: Some(true), ..reviewed() }, Some("possible; the file does not mention it")),
        (Present { can_admins_bypass: Some(true), wait_timer: 1, ..Present::NEW }, Some("possible; ")),
        (Present { can_admins_bypass: None, ..reviewed() }, Some("not told by GitHub; by default it is possible; ")),
    ] {
        let findings = remarks(&wanted(), &present, &Ok(main()));
        match told {
            None => assert_eq!(said(&findings), []),
            Some(told) => {
                let (verdict, text) = only(&findings);
                assert!(verdict == Passed && text.contains(told), "{text}");
            }
        }
    }
}

#[test]
fn github_asks_for_one_approval_whatever_the_file_says() {
    for (minimum, present, verdict, told) in [
        (1, reviewed(), Passed, "any one of the reviewers suffices"),
        (2, reviewed(), Blocked, "GitHub has no rule for more"),
        (1, Present::NEW, Blocked, "nobody is asked"),
        (2, Present::NEW, Blocked, "nobody is asked"),
    ] {
        let wanted = Wanted { minimum_approvals: Some(minimum), ..wanted() };
        let (found, text) = only(&remarks(&wanted, &present, &Ok(main())));
        assert!(found == verdict && text.contains(told), "{minimum}: {text}");
    }
}

#[test]
fn a_timer_beside_reviewers_does_not_wait_for_them() {
    let timed = |minutes| Wanted { wait_timer: Some(minutes), ..wanted() };
    let (verdict, text) = only(&remarks(&timed(10), &reviewed(), &Ok(main())));
    assert_eq!(verdict, Passed);
    assert!(text.contains("10 minutes from when the job was triggered, not from the approval"), "{text}");
    assert!(text.contains("use `wait` in the job, or a second job"), "{text}");
    assert_eq!(said(&remarks(&timed(0), &reviewed(), &Ok(main()))), []);
    assert_eq!(said(&remarks(&timed(10), &Present::NEW, &Ok(main()))), []);
}

#[test]
fn protected_branches_only_needs_one() {
    let present = Present { branches: Branches::Protected, ..Present::NEW };
    let unobservable = Finding::inconclusive("GitHub's API").actual("403 no").next("the token needs Contents: read");
    for (protected, verdict, told) in [
        (Ok(main()), Passed, "protected branches: main"),
        (Ok(vec![]), Blocked, "GitHub lets EVERY branch deploy"),
        (
            Err(unobservable),
            Inconclusive,
            "GitHub lets EVERY branch deploy; expected at least one protected branch; next: the token",
        ),
    ] {
        let (found, text) = only(&remarks(&wanted(), &present, &protected));
        assert!(found == verdict && text.contains(told), "{text}");
        assert_eq!(said(&remarks(&wanted(), &Present::NEW, &protected)), [], "any branch deploys: nothing to be seen");
    }
}

#[test]
fn patterns_without_a_pattern_let_nothing_deploy() {
    let present = Present { branches: Branches::Custom, ..Present::NEW };
    let (verdict, text) = only(&remarks(&wanted(), &present, &Ok(vec![])));
    assert!(verdict == Passed && text.contains("NOTHING"), "{text}");
    let present = Present { patterns: [(Pattern::Tag("v*".to_owned()), 1)].into(), ..present };
    assert_eq!(said(&remarks(&wanted(), &present, &Ok(vec![]))), []);
}

#[test]
fn self_review_cannot_be_prevented_where_nobody_reviews() {
    let asked = Wanted { prevent_self_review: Some(true), ..wanted() };
    assert_eq!(refusal(&asked, &Present::NEW).map(|finding| finding.verdict), Some(Blocked));
    assert_eq!(refusal(&asked, &reviewed()), None);
    assert_eq!(refusal(&wanted(), &Present::NEW), None);
}
