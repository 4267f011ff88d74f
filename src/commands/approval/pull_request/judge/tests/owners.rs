//! Owners of the changed file.

use super::*;
use crate::{approvers::codeowners::owners_of, commands::approval::pull_request::observations::FileOwners};

fn rules() -> PullRequestRules {
    PullRequestRules { codeowners: true, ..super::rules() }
}

fn with_owners(codeowners: &str, reviews: &[PullRequestReview]) -> PullRequestObservations {
    PullRequestObservations {
        owners: Some(Ok(vec![FileOwners { path: FILE.to_owned(), line: owners_of(codeowners, FILE) }])),
        ..with(reviews)
    }
}

#[test]
fn an_owner_of_the_file_has_to_be_among_the_approvers() {
    let for_team = |login: &str, team: &str| PullRequestReview { teams: vec![team.to_owned()], ..approval(login, 30) };
    let alice = || vec![approval("alice", 30)];
    for (file, reviews, expected) in [
        ("* @alice", alice(), None),
        ("* @Alice @bob", alice(), None),
        ("/apps/ @acme/leads", vec![for_team("alice", "acme/Leads")], None),
        // The owner is the second one who approved.
        ("* @bob", vec![approval("alice", 29), approval("bob", 30)], None),
        ("* @bob", alice(), Some("blocked code owners: alice approved it, and the owners are @bob (line 1)")),
        (
            "* @bob\n/apps/ @acme/leads",
            vec![for_team("alice", "acme/other")],
            Some("blocked code owners: alice approved it, and the owners are @acme/leads (line 2)"),
        ),
        // Excluded people own nothing here.
        (
            "* @mallory",
            vec![approval("mallory", 29), approval("alice", 30)],
            Some("blocked code owners: alice approved it, and the owners are @mallory (line 1)"),
        ),
        (
            "* dana@acme.example @bob",
            alice(),
            Some(
                "inconclusive code owners: alice may be an owner or not: GitHub does not show whose address dana@acme.example is \
                 (line 1)",
            ),
        ),
        ("* dana@acme.example @alice", alice(), None),
        (
            "/docs/ @alice",
            alice(),
            Some(
                "blocked code owners: no line of CODEOWNERS on main is about apps/checkout-service/overlays/production/kustomization.yaml",
            ),
        ),
        (
            "* @alice\n/apps/",
            alice(),
            Some(
                "blocked code owners: line 2 of CODEOWNERS gives apps/checkout-service/overlays/production/kustomization.yaml no \
                 owner",
            ),
        ),
    ] {
        assert_eq!(bad(&rules(), &with_owners(file, &reviews)), expected.as_slice(), "{file}");
    }
    let team = with_owners("* @acme/leads", &alice());
    let findings = judge(&rules(), &team).findings;
    let next = findings.iter().find_map(|finding| finding.next.clone()).unwrap();
    assert!(next.ends_with("only to a token that can see the team"), "{next}");
    assert_eq!(bad(&super::rules(), &team), [""; 0], "the file is read only if that is asked for");
}

#[test]
fn one_owner_among_several_approvers_is_enough() {
    let two = PullRequestRules { minimum: 2, ..rules() };
    let reviews = [approval("alice", 28), approval("carol", 29), approval("bob", 30)];
    let observations = with_owners("* @bob", &reviews);
    assert_eq!(bad(&two, &observations), [""; 0]);
    assert_eq!(approvers(&two, &observations), ["bob", "alice"]);
}

#[test]
fn a_file_that_cannot_be_read_is_inconclusive() {
    let observations = PullRequestObservations { owners: Some(Err(lost())), ..with(&[approval("alice", 30)]) };
    assert_eq!(bad(&rules(), &observations), ["inconclusive code owners: GitHub's API: 403 Resource not accessible"]);
}
