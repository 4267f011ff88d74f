//! The evidence that the commit names.

use super::*;

fn with_evidence(look: EvidenceLook) -> PullRequestObservations {
    PullRequestObservations { evidence: Some(Ok(look)), ..with(&[approval("alice", 30)]) }
}

#[test]
fn the_evidence_of_this_run_has_to_be_that_of_the_pull_request() {
    let subject = subject_of(&entry());
    let of_run = |id: Option<String>, subject| {
        let id = id.and_then(|id| id.parse().ok());
        bad(&rules(), &with_evidence(EvidenceLook::InThisRun { id, subject }))
    };
    assert_eq!(of_run(Some(evidence_id()), subject.clone()), [""; 0]);
    assert_eq!(
        of_run(Some("a".repeat(64)), subject.clone()),
        ["blocked evidence: this run has aaaaaaa, and the pull request eeeeeee"]
    );
    assert_eq!(
        of_run(None, subject.clone()),
        ["blocked evidence: this run has no evidence, and the pull request eeeeeee"]
    );
    let other = crate::subject::Subject { tag: "1.4.9".parse().ok(), ..subject };
    assert_eq!(
        of_run(Some(evidence_id()), other),
        ["blocked evidence: it is about another release: tag 1.4.2, not 1.4.9"]
    );
}

#[test]
fn the_evidence_of_another_run_has_no_problem_left() {
    let run = "run 7".to_owned();
    let good = with_evidence(EvidenceLook::OfRun { run: run.clone(), problems: Vec::new() });
    assert_eq!(bad(&rules(), &good), [""; 0]);
    let findings = judge(&rules(), &good).findings;
    assert_eq!(findings[2].actual, "eeeeeee, which passed in run 7");
    let problems = vec![("one".to_owned(), "do this"), ("two".to_owned(), "do that")];
    let bad_look = with_evidence(EvidenceLook::OfRun { run, problems });
    assert_eq!(bad(&rules(), &bad_look), ["blocked evidence: one", "blocked evidence: two"]);
    let findings = judge(&rules(), &bad_look).findings;
    assert!(!is_waiting(&rules(), &bad_look, &findings));
}
