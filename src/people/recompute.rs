//! Makes a list of people again that was too long for a report, and compares its digest.

use crate::{
    config::people::People,
    deployment::fetch_run,
    finding::Finding,
    people::{
        digest::{PeopleDigest, sha256_of},
        look::PeopleObserver,
        participants::Participants,
    },
    values::short_sha,
    world::github::SourceCommit,
};

const CHECK: &str = "people";

/// The logins of the people whose digest this is.
///
/// # Errors
/// GitHub does not answer; a missing permission; a run or a commit that is gone; another list than the digest's.
pub fn recompute(observer: &PeopleObserver, digest: &PeopleDigest, known: &People) -> Result<Vec<String>, Finding> {
    let mut runs = Vec::new();
    for id in &digest.runs {
        let run = observer.ask(|| fetch_run(observer.github, observer.repository, *id))?;
        runs.push(run.ok_or_else(|| gone(&format!("run {id} of {}", observer.repository)))?);
    }
    let people = observer.observe(&commits(observer, digest)?)?;
    let Participants { excluded, .. } = Participants::of(runs.iter().map(|run| (run, "")), Some(&people), known);
    let found = sha256_of(excluded.keys().map(String::as_str));
    if found != digest.sha256 {
        return Err(Finding::inconclusive(CHECK)
            .actual(format!(
                "{} people had a part in this release, and not those that `evidence` counted",
                excluded.len()
            ))
            .expected(format!("the {} people that `evidence` counted", digest.count))
            .next("start it again: a pull request or a run has changed since"));
    }
    Ok(excluded.into_values().map(|person| person.login).collect())
}

fn commits(observer: &PeopleObserver, digest: &PeopleDigest) -> Result<Vec<SourceCommit>, Finding> {
    let PeopleDigest { base, head, .. } = digest;
    let (github, repository) = (observer.github, observer.repository);
    let Some(base) = base else {
        let commit = observer.ask(|| github.commit(repository, head))?;
        return commit.map(|commit| vec![commit]).ok_or_else(|| gone(&format!("commit {head} of {repository}")));
    };
    let comparison = observer.ask(|| github.commits_between(repository, base, head))?;
    let comparison = comparison.ok_or_else(|| gone(&format!("commit {base} or {head} of {repository}")))?;
    if (comparison.commits.len() as u64) < comparison.total {
        return Err(Finding::inconclusive(CHECK)
            .actual(format!("{} commits since {}", comparison.total, short_sha(base.as_str())))
            .expected(format!("all of them; GitHub lists {}", comparison.commits.len()))
            .next("promote in smaller steps"));
    }
    Ok(comparison.commits)
}

fn gone(what: &str) -> Finding {
    Finding::inconclusive(CHECK)
        .actual(format!("{what} is gone"))
        .expected("what `evidence` saw")
        .next("start it again with a new validation")
}
