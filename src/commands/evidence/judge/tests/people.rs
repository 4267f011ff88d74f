//! The people who may not approve.

use super::*;
use crate::{
    config::people::People,
    people::participants::{Participants, TouchingCommits},
    world::github::{CommitPeople, GitActor},
};

/// A commit by an author without an account.
fn unknown() -> ReleasePeople {
    let author = GitActor { name: Some("Nobody".to_owned()), email: Some("nobody@x.example".to_owned()), login: None };
    let people = CommitPeople {
        sha: SHA.to_owned(),
        authors: vec![author],
        committer: None,
        is_signed_by_github: false,
        pull_requests: Vec::new(),
    };
    let commits = vec![CommitPart { source: commit(None, None), people }];
    ReleasePeople { commits, ..ReleasePeople::default() }
}

#[test]
fn whoever_started_a_run_is_a_participant() {
    let mut facts = observations(&passed());
    deploy_of(&mut facts).triggering_actor = Some("Emil".to_owned());
    run_of(&mut facts).actor = Some("renovate[bot]".to_owned());
    let Participants { excluded, unknown } = facts.participants(&People::default());
    let logins: Vec<&str> = excluded.values().map(|person| person.login.as_str()).collect();
    assert_eq!(logins, ["dora", "Emil"]);
    assert_eq!(excluded["dora"].roles, ["validated it", "deployed it"]);
    assert!(unknown.is_empty() && !excluded["dora"].is_author);
}

#[test]
fn an_unknown_author_is_shown_or_blocks() {
    for (unknown_authors, expected) in
        [(UnknownAuthors::Show, "authors: passed"), (UnknownAuthors::Block, "authors: blocked")]
    {
        let findings =
            judge_with(&passed(), false, unknown_authors, |facts| facts.changes.people = Some(Ok(unknown())));
        assert_eq!(notable(&findings), [expected]);
        let finding = findings.iter().find(|finding| finding.check == "authors").unwrap();
        assert_eq!(finding.actual, "no account is known for ccccccc by Nobody");
    }
    let findings = judge_with(&passed(), false, UnknownAuthors::Block, |_| {});
    assert_eq!(notable(&findings), [""; 0], "all authors are known");
}

#[test]
fn people_that_cannot_be_observed_are_inconclusive() {
    let findings = judge_after(&passed(), false, |facts| facts.changes.people = Some(Err(api_error())));
    assert_eq!(notable(&findings), ["people: inconclusive"]);
}

#[test]
fn the_commits_of_the_paths_are_counted_and_none_is_said() {
    for (touching, expected) in [(2, &[][..]), (0, &["paths: passed"][..])] {
        let touching = TouchingCommits { touching, all: 9, paths: vec!["services/a".to_owned()] };
        let people = ReleasePeople { touching: Some(touching), ..ReleasePeople::default() };
        let findings = judge_after(&passed(), false, |facts| facts.changes.people = Some(Ok(people)));
        assert_eq!(notable(&findings), expected);
        assert!(findings.iter().any(|finding| finding.actual.ends_with("of 9 commits change services/a")));
    }
}
