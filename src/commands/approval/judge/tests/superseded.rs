//! A promotion that a newer one supersedes is not worth an approval.

use super::*;
use crate::supersession::{NewerPromotion, NewerRelease, NewerValidation};

fn supersession_of(newer: Option<Result<Option<NewerRelease>, Finding>>, by: SupersededBy) -> Option<Finding> {
    let rules = ApprovalRules { superseded_by: by, ..rules() };
    let Judgement { findings, .. } = judge(&rules, &Observations { newer, ..good() });
    findings.into_iter().find(|finding| finding.check == supersession::CHECK)
}

#[test]
fn a_newer_release_blocks() {
    let promoted = NewerRelease::Promoted(NewerPromotion {
        commit: "2222222".to_owned(),
        kind: "normal".to_owned(),
        image: "ghcr.io/acme/cart:1.4.3".to_owned(),
        at: at(20),
    });
    let validated = NewerRelease::Validated(NewerValidation {
        run: 104,
        url: "https://github.com/acme/infra/actions/runs/104".to_owned(),
        release: "cart 1.4.3 in production".to_owned(),
        at: at(20),
    });
    for newer in [promoted, validated] {
        let finding = supersession_of(Some(Ok(Some(newer))), SupersededBy::Validation).unwrap();
        assert_eq!(finding.verdict, Verdict::Blocked);
        assert!(finding.actual.contains("1.4.3") && finding.next.is_some(), "{finding}");
        assert_eq!(finding.expected, "no newer promotion and no newer validation of cart in production");
    }
}

#[test]
fn without_a_newer_release_it_passes_and_an_unknown_one_is_inconclusive() {
    let verdict_of = |newer, by| supersession_of(newer, by).map(|finding| finding.verdict);
    for by in [SupersededBy::Promotion, SupersededBy::Validation] {
        assert_eq!(verdict_of(Some(Ok(None)), by), Some(Verdict::Passed));
        assert_eq!(verdict_of(Some(Err(lost())), by), Some(Verdict::Inconclusive));
    }
    // When the release was validated is not known, so nothing can be newer.
    assert_eq!(verdict_of(None, SupersededBy::Promotion), None);
    assert_eq!(verdict_of(None, SupersededBy::Validation), Some(Verdict::Inconclusive));
}
