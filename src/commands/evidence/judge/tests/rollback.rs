//! After a rollback, the same image needs newer evidence.

use super::*;
use crate::{
    ledger::{LedgerEntry, tests::commit_with_trailers, tests::entry_of},
    world::git::CommitSummary,
};

/// A commit of this kind that replaced `previous` at that time. The gate in the evidence ended at 11:05.
fn entry(kind: &str, previous: &str, at: &str) -> LedgerEntry {
    let previous = format!("ghcr.io/acme/checkout-service:{previous}");
    let trailers = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", "ghcr.io/acme/checkout-service:1.4.1"),
        ("Previous-Image", &previous),
        ("Promotion-kind", kind),
        ("Reason", "checkout was slow"),
    ];
    let commit = commit_with_trailers('2', &trailers);
    entry_of(&CommitSummary { at: format!("2026-01-01T{at}Z").parse().unwrap(), ..commit }).unwrap()
}

fn rollback_of(entry: LedgerEntry) -> Option<Finding> {
    let findings = judge_after(&passed(), false, |facts| facts.ledger = Ok(vec![entry]));
    findings.into_iter().find(|finding| finding.check == "rollback")
}

#[test]
fn evidence_of_an_image_that_was_rolled_back_has_to_be_newer() {
    let blocked = rollback_of(entry("rollback", "1.4.2", "11:05:00")).unwrap();
    assert_eq!(blocked.verdict, Verdict::Blocked);
    for part in ["checkout-service:1.4.2 was rolled back by 2222222 on 2026-01-01 11:05 UTC", "checkout was slow"] {
        assert!(blocked.actual.contains(part), "{blocked}");
    }
    let newer = rollback_of(entry("rollback", "1.4.2", "11:04:59")).unwrap();
    assert_eq!(newer.verdict, Verdict::Passed);
    assert_eq!(newer.waived.as_deref(), Some("validated again, on 2026-01-01 11:05 UTC"));
}

#[test]
fn other_commits_are_no_rollback_of_this_image() {
    assert_eq!(rollback_of(entry("rollback", "1.4.3", "11:30:00")), None);
    assert_eq!(rollback_of(entry("normal", "1.4.2", "11:30:00")), None);
    assert_eq!(rollback_of(entry("emergency", "1.4.2", "11:30:00")), None);
    let digest = |letter: char| format!("1.4.2@sha256:{}", letter.to_string().repeat(64));
    // The release has no digest, so the tag decides.
    assert!(rollback_of(entry("rollback", &digest('a'), "11:30:00")).is_some());
}
