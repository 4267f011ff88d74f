//! What a report must say.

use super::*;

/// The event gives each gate its commit. Without one, the run is not tied to the deployed version.
#[test]
fn a_report_without_a_commit_is_inconclusive() {
    let mut reports = passed();
    reports[0].subject.commit = None;
    assert_eq!(notable(&judge_after(&reports, false, |_| {})), ["smoke: inconclusive"]);
}

#[test]
fn a_policy_passes_only_if_its_condition_holds() {
    let mut lax = passed();
    lax[0].settings.insert("attempts".to_owned(), json!(4));
    assert_eq!(notable(&judge_after(&lax, false, |_| {})), ["policy: smoke: blocked"]);
    lax[0].settings.insert("attempts".to_owned(), json!({}));
    let odd = notable(&judge_after(&lax, false, |_| {}));
    assert_eq!(odd, ["policy: smoke: blocked"], "jq orders an object after a number");
    lax[0].settings.clear();
    let absent = judge_after(&lax, false, |_| {});
    let policy = absent.iter().find(|finding| finding.check == "policy: smoke").unwrap();
    assert_ne!(policy.verdict, Verdict::Blocked, "{policy}");
    assert_eq!(notable(&absent), ["policy: smoke: inconclusive"]);
}
