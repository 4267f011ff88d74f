use std::collections::BTreeSet;

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
    let (verdict, text) = only(&judge(&desired(), None, &Ok(main()), Occasion::Check));
    assert_eq!(verdict, Blocked);
    assert!(text.contains("creates it, unprotected"), "{text}");
}

#[test]
fn each_rule_in_the_file_is_one_finding() {
    let actual = ActualEnvironment { wait_timer: 10, prevent_self_review: Some(true), ..reviewed() };
    let same = DesiredEnvironment { wait_timer: Some(10), prevent_self_review: Some(true), ..desired() };
    let findings = judge(&same, Some(&actual), &Ok(main()), Occasion::Check);
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(
        checks,
        ["production: wait timer", "production: review of one's own run", "production: when its timer starts"]
    );
    assert!(findings.iter().all(|finding| finding.verdict == Passed), "{:?}", texts(&findings));

    let other = DesiredEnvironment { wait_timer: Some(0), ..same };
    let findings = judge(&other, Some(&actual), &Ok(main()), Occasion::Check);
    assert_eq!((findings[0].verdict, &*findings[0].expected, &*findings[0].actual), (Blocked, "none", "10 minutes"));
    assert_eq!(findings[1].verdict, Passed);

    let (verdict, text) = only(&judge(&desired(), Some(&actual), &Ok(main()), Occasion::Check));
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
        let (found, text) = only(&judge(&desired, Some(&actual), &Ok(main()), Occasion::Check));
        assert_eq!(found, verdict, "{can:?} {wish}");
        let next = match verdict {
            Passed => "",
            Blocked => APPLY,
            Inconclusive => "look at its settings on GitHub",
        };
        assert!(text.contains(next), "{text}");
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
    let prevented = ActualEnvironment { prevent_self_review: Some(true), ..reviewed() };
    let none = Some(BTreeSet::new());
    let asked = DesiredEnvironment { prevent_self_review: Some(true), ..desired() };
    let unreviewed = DesiredEnvironment { reviewers: none.clone(), ..desired() };
    let leads = Some([ReviewerName::Team("leads".to_owned())].into());
    for (desired, actual, says) in [
        (asked.clone(), None, Some("name them under `required_reviewers`")),
        (asked.clone(), Some(ActualEnvironment::NEW), Some("name them under `required_reviewers`")),
        (asked.clone(), Some(reviewed()), None),
        (DesiredEnvironment { reviewers: leads, ..asked }, None, None),
        (
            unreviewed.clone(),
            Some(prevented.clone()),
            Some("beside `required_reviewers: []` in the environment at environments.yml:2:3"),
        ),
        (unreviewed.clone(), Some(reviewed()), None),
        (unreviewed.clone(), None, None),
        (DesiredEnvironment { prevent_self_review: Some(false), ..unreviewed }, Some(prevented.clone()), None),
        (desired(), Some(prevented), None),
        (desired(), Some(ActualEnvironment::NEW), None),
        (desired(), None, None),
    ] {
        let found = refusal(&desired, actual.as_ref());
        let text = found.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(found.map(|finding| finding.verdict), says.map(|_| Blocked), "{desired:?} {actual:?}");
        assert!(text.contains(says.unwrap_or_default()), "{text}");
    }
}

#[test]
fn check_says_what_apply_would_refuse() {
    let prevented = ActualEnvironment { prevent_self_review: Some(true), ..reviewed() };
    let unreviewed = DesiredEnvironment { reviewers: Some(BTreeSet::new()), ..desired() };
    let (verdict, text) = only(&judge(&unreviewed, Some(&prevented), &Ok(main()), Occasion::Check));
    assert!(verdict == Blocked && text.contains("write `prevent_self_review: false`"), "{text}");
    let (verdict, text) = only(&judge(&unreviewed, Some(&reviewed()), &Ok(main()), Occasion::Check));
    assert!(verdict == Blocked && text.ends_with(APPLY), "{text}");
}

#[test]
fn after_apply_no_rule_says_to_apply_again() {
    let alice = ReviewerName::User("alice".to_owned());
    let both = Some([ReviewerName::Team("leads".to_owned()), alice].into());
    let wanted =
        DesiredEnvironment { reviewers: both, wait_timer: Some(10), can_admins_bypass: Some(false), ..desired() };
    let actual = ActualEnvironment { can_admins_bypass: Some(true), ..reviewed() };
    let at = |occasion| -> Vec<(Verdict, String)> { texts(&judge(&wanted, Some(&actual), &Ok(main()), occasion)) };
    assert!(at(Occasion::Check)[..3].iter().all(|(verdict, text)| *verdict == Blocked && text.ends_with(APPLY)));
    let after = at(Occasion::AfterApply);
    for (index, said) in [
        (0, "production: wait timer: none, although GitHub accepted the request"),
        (1, "production: required reviewers: team leads: GitHub accepted the request, and left out user alice; "),
        (1, "give user alice at least read access to the repository"),
        (2, "production: bypass by administrators: possible, although GitHub accepted the request"),
        (2, "in the environment's settings"),
    ] {
        let (verdict, text) = &after[index];
        assert!(*verdict == Blocked && text.contains(said) && !text.contains(APPLY), "{said}: {text}");
    }
    // Without reviewers the rule is gone, too.
    let prevented = DesiredEnvironment { prevent_self_review: Some(true), ..wanted.clone() };
    let findings = texts(&judge(&prevented, Some(&ActualEnvironment::NEW), &Ok(main()), Occasion::AfterApply));
    assert!(findings[2].1.contains("keeps this rule only beside reviewers; expected prevented"), "{findings:?}");
    // Reviewers that another writer added are not left out.
    let one = DesiredEnvironment { reviewers: Some(BTreeSet::new()), ..desired() };
    let (_, text) = only(&judge(&one, Some(&reviewed()), &Ok(main()), Occasion::AfterApply));
    assert!(text.contains("team leads, although GitHub accepted"), "{text}");
}

#[test]
fn a_rule_that_the_server_does_not_know_is_named() {
    let old = ActualEnvironment {
        can_admins_bypass: None,
        prevent_self_review: None,
        branches: DeployableBranches::Custom,
        patterns: [(RefPattern::Branch("v*".to_owned()), 1)].into(),
        knows_tags: false,
        ..reviewed()
    };
    let wanted = DesiredEnvironment {
        prevent_self_review: Some(true),
        can_admins_bypass: Some(false),
        patterns: Some([RefPattern::Tag("v*".to_owned())].into()),
        ..desired()
    };
    for occasion in [Occasion::Check, Occasion::AfterApply] {
        let findings = judge(&wanted, Some(&old), &Ok(main()), occasion);
        for (check, verdict, key, field) in [
            ("production: review of one's own run", Inconclusive, "prevent_self_review", "prevent_self_review"),
            ("production: bypass by administrators", Inconclusive, "can_admins_bypass", "can_admins_bypass"),
            ("production: tag pattern v*", Blocked, "tags", "type"),
        ] {
            let finding = findings.iter().find(|finding| finding.check == check).unwrap();
            assert_eq!(finding.verdict, verdict, "{finding}");
            let text = finding.to_string();
            assert!(text.contains(&format!("its answer has no `{field}`")), "{text}");
            assert!(
                text.contains(&format!("does not know `{key}`")) && text.contains("environments.yml:2:3"),
                "{text}"
            );
        }
    }
    let lax = DesiredEnvironment { prevent_self_review: Some(false), ..desired() };
    let findings = judge(&lax, Some(&old), &Ok(main()), Occasion::Check);
    assert_eq!(findings[0].verdict, Passed, "{}", findings[0]);
}
