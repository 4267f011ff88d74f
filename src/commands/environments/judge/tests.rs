use super::*;
use crate::{
    commands::environments::desired::{RefPattern, ReviewerName},
    finding::Verdict::{self, Blocked, Inconclusive, Passed},
};

fn desired() -> DesiredEnvironment {
    DesiredEnvironment {
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

fn reviewed() -> ActualEnvironment {
    ActualEnvironment {
        reviewers: [(ReviewerName::Team("leads".to_owned()), 1)].into(),
        can_admins_bypass: Some(false),
        ..ActualEnvironment::NEW
    }
}

fn main() -> Vec<String> {
    vec!["main".to_owned()]
}

/// Check, verdict and text of the findings.
fn texts(findings: &[Finding]) -> Vec<(Verdict, String)> {
    findings.iter().map(|finding| (finding.verdict, finding.to_string())).collect()
}

fn only(findings: &[Finding]) -> (Verdict, String) {
    let [finding] = findings else { panic!("{:?}", texts(findings)) };
    (finding.verdict, finding.to_string())
}

#[test]
fn a_missing_environment_is_blocked() {
    let (verdict, text) = only(&judge(&desired(), None, &Ok(main())));
    assert_eq!(verdict, Blocked);
    assert!(text.contains("creates it, unprotected"), "{text}");
}

#[test]
fn each_rule_in_the_file_is_one_finding() {
    let actual = ActualEnvironment { wait_timer: 10, prevent_self_review: true, ..reviewed() };
    let same = DesiredEnvironment { wait_timer: Some(10), prevent_self_review: Some(true), ..desired() };
    let findings = judge(&same, Some(&actual), &Ok(main()));
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(
        checks,
        ["production: wait timer", "production: review of one's own run", "production: when its timer starts"]
    );
    assert!(findings.iter().all(|finding| finding.verdict == Passed), "{:?}", texts(&findings));

    let other = DesiredEnvironment { wait_timer: Some(0), ..same };
    let findings = judge(&other, Some(&actual), &Ok(main()));
    assert_eq!((findings[0].verdict, &*findings[0].expected, &*findings[0].actual), (Blocked, "none", "10 minutes"));
    assert_eq!(findings[1].verdict, Passed);

    let (verdict, text) = only(&judge(&desired(), Some(&actual), &Ok(main())));
    assert_eq!((verdict, &*text), (Passed, "production: exists; the file sets no rules"));
}

#[test]
fn an_admin_bypass_that_github_does_not_report_is_inconclusive() {
    for (can, wish, verdict) in [
        (Some(true), true, Passed),
        (Some(false), false, Passed),
        (Some(true), false, Blocked),
        (Some(false), true, Blocked),
        (None, false, Inconclusive),
        (None, true, Inconclusive),
    ] {
        let desired = DesiredEnvironment { can_admins_bypass: Some(wish), ..desired() };
        let actual = ActualEnvironment { can_admins_bypass: can, ..reviewed() };
        let (found, text) = only(&judge(&desired, Some(&actual), &Ok(main())));
        assert_eq!(found, verdict, "{can:?} {wish}");
        assert_eq!(text.contains("settings on GitHub"), verdict != Passed, "{text}");
    }
}

#[test]
fn an_unmentioned_admin_bypass_is_reported_for_protected_environments() {
    for (actual, describe) in [
        (ActualEnvironment::NEW, None),
        (reviewed(), None),
        (ActualEnvironment { can_admins_bypass: Some(true), ..ActualEnvironment::NEW }, None),
        (
            ActualEnvironment { can_admins_bypass: Some(true), ..reviewed() },
            Some("possible; the file does not mention it"),
        ),
        (
            ActualEnvironment { can_admins_bypass: Some(true), wait_timer: 1, ..ActualEnvironment::NEW },
            Some("possible; "),
        ),
        (
            ActualEnvironment { can_admins_bypass: None, ..reviewed() },
            Some("not reported by GitHub; by default it is possible; "),
        ),
    ] {
        let findings = remarks(&desired(), &actual, &Ok(main()));
        match describe {
            None => assert_eq!(texts(&findings), []),
            Some(describe) => {
                let (verdict, text) = only(&findings);
                assert!(verdict == Passed && text.contains(describe), "{text}");
            }
        }
    }
}

#[test]
fn github_requires_one_approval_at_most() {
    for (minimum, actual, verdict, describe) in [
        (1, reviewed(), Passed, "any one of the reviewers suffices"),
        (2, reviewed(), Blocked, "GitHub has no rule for more"),
        (1, ActualEnvironment::NEW, Blocked, "no approval is requested"),
        (2, ActualEnvironment::NEW, Blocked, "no approval is requested"),
    ] {
        let desired = DesiredEnvironment { minimum_approvals: Some(minimum), ..desired() };
        let (found, text) = only(&remarks(&desired, &actual, &Ok(main())));
        assert!(found == verdict && text.contains(describe), "{minimum}: {text}");
    }
}

#[test]
fn a_timer_beside_reviewers_starts_at_the_trigger() {
    let timed = |minutes| DesiredEnvironment { wait_timer: Some(minutes), ..desired() };
    let (verdict, text) = only(&remarks(&timed(10), &reviewed(), &Ok(main())));
    assert_eq!(verdict, Passed);
    assert!(text.contains("10 minutes from when the job was triggered, not from the approval"), "{text}");
    assert!(text.contains("use `wait` in the job, or a second job"), "{text}");
    assert_eq!(texts(&remarks(&timed(0), &reviewed(), &Ok(main()))), []);
    assert_eq!(texts(&remarks(&timed(10), &ActualEnvironment::NEW, &Ok(main()))), []);
}

#[test]
fn protected_branches_only_needs_a_protected_branch() {
    let actual = ActualEnvironment { branches: DeployableBranches::Protected, ..ActualEnvironment::NEW };
    let unobservable = Finding::inconclusive("GitHub's API").actual("403 no").next("the token needs Contents: read");
    for (protected, verdict, describe) in [
        (Ok(main()), Passed, "protected branches: main"),
        (Ok(vec![]), Blocked, "GitHub lets EVERY branch deploy"),
        (
            Err(unobservable),
            Inconclusive,
            "GitHub lets EVERY branch deploy; expected at least one protected branch; next: the token",
        ),
    ] {
        let (found, text) = only(&remarks(&desired(), &actual, &protected));
        assert!(found == verdict && text.contains(describe), "{text}");
        assert_eq!(
            texts(&remarks(&desired(), &ActualEnvironment::NEW, &protected)),
            [],
            "any branch deploys: nothing to be seen"
        );
    }
}

#[test]
fn custom_policies_without_a_pattern_let_nothing_deploy() {
    let actual = ActualEnvironment { branches: DeployableBranches::Custom, ..ActualEnvironment::NEW };
    let (verdict, text) = only(&remarks(&desired(), &actual, &Ok(vec![])));
    assert!(verdict == Passed && text.contains("NOTHING"), "{text}");
    let actual = ActualEnvironment { patterns: [(RefPattern::Tag("v*".to_owned()), 1)].into(), ..actual };
    assert_eq!(texts(&remarks(&desired(), &actual, &Ok(vec![]))), []);
}

#[test]
fn self_review_needs_reviewers() {
    let asked = DesiredEnvironment { prevent_self_review: Some(true), ..desired() };
    assert_eq!(refusal(&asked, &ActualEnvironment::NEW).map(|finding| finding.verdict), Some(Blocked));
    assert_eq!(refusal(&asked, &reviewed()), None);
    assert_eq!(refusal(&desired(), &ActualEnvironment::NEW), None);
}
