//! Asks GitHub who is behind the commits of a release: by a query for each hundred commits, one for each 25 pull requests, and one
//! for each path of the service.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    config::services::source_path::SourcePath,
    execution::Execution,
    finding::Finding,
    observe::read_until_answered,
    people::participants::{CommitPart, ReleasePeople, TouchingCommits},
    values::short_sha,
    world::github::{Account, GitActor, GitHub, Repository, SourceCommit},
};

/// How many addresses of no user are looked up at most.
const MAX_LOOKUPS: usize = 10;

/// Asks one repository.
pub struct PeopleObserver<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
    /// The paths of the service in its repository; empty if the whole repository is its own.
    pub paths: &'a [SourcePath],
    pub execution: &'a Execution,
    /// How long a read is repeated while GitHub is busy.
    pub time_limit: Duration,
}

impl PeopleObserver<'_> {
    /// The people behind these commits, of which the last one is the commit in the image.
    ///
    /// # Errors
    /// No answer; a missing permission; a path that the commit in the image does not have.
    pub fn observe(&self, commits: &[SourceCommit]) -> Result<ReleasePeople, Finding> {
        let (counted, touching) = self.touching(commits)?;
        let people = self.ask(|| self.github.commit_people(self.repository, &counted))?;
        let ids: BTreeSet<_> = people.iter().flat_map(|commit| commit.pull_requests.iter().cloned()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let pull_requests = self.ask(|| self.github.pull_request_people(self.repository, &ids))?;
        let commits = counted.into_iter().zip(people);
        let commits = commits.map(|(source, people)| CommitPart { source, people }).collect();
        let mut release = ReleasePeople { commits, pull_requests, accounts: BTreeMap::new(), touching };
        let addresses: BTreeSet<(String, Noreply)> =
            release.unlinked().filter_map(|actor| Some((actor.email.clone()?, Noreply::of(actor)?))).collect();
        for (address, noreply) in addresses.into_iter().take(MAX_LOOKUPS) {
            if let Some(account) = self.account(&noreply)? {
                release.accounts.insert(address, account);
            }
        }
        Ok(release)
    }

    /// The commits that touch the service's paths. If none does, the image was changed by something else, and all of them count.
    fn touching(&self, commits: &[SourceCommit]) -> Result<(Vec<SourceCommit>, Option<TouchingCommits>), Finding> {
        let (Some(head), false) = (commits.last(), self.paths.is_empty()) else { return Ok((commits.to_vec(), None)) };
        let mut is_touching = vec![false; commits.len()];
        for path in self.paths {
            let changes = self.ask(|| self.github.path_changes(self.repository, commits, path.as_str()))?;
            if !changes.last().is_some_and(|change| change.exists) {
                return Err(Finding::inconclusive("paths")
                    .actual(format!("commit {} has no `{path}`", short_sha(&head.sha)))
                    .expected("the service's `paths`, as the config file lists them")
                    .next("correct `paths` of this service in the config file"));
            }
            for (is_touching, change) in is_touching.iter_mut().zip(changes) {
                *is_touching |= change.is_changed;
            }
        }
        let touching = TouchingCommits {
            touching: is_touching.iter().filter(|is_touching| **is_touching).count(),
            all: commits.len(),
            paths: self.paths.iter().map(ToString::to_string).collect(),
        };
        let counts = |is_touching: bool| is_touching || touching.touching == 0;
        let counted = commits.iter().zip(is_touching).filter(|(_, is_touching)| counts(*is_touching));
        Ok((counted.map(|(commit, _)| commit.clone()).collect(), Some(touching)))
    }

    /// The account that an address of GitHub's own belongs to, if it is of the number in the address.
    fn account(&self, Noreply { login, id }: &Noreply) -> Result<Option<Account>, Finding> {
        let found = self.ask(|| self.github.account(login))?;
        let found = found.filter(|found| id.is_none_or(|id| id == found.id));
        Ok(found.map(|found| found.account))
    }

    /// Asks GitHub until it answers.
    pub(super) fn ask<T>(&self, read: impl FnMut() -> Result<T, Finding>) -> Result<T, Finding> {
        read_until_answered(self.execution, self.time_limit, read)
    }
}

/// An address that GitHub gives to an account: `12345+dependabot[bot]@users.noreply.github.com`, formerly without the number. For
/// an App it links no user.
/// <https://docs.github.com/account-and-profile/reference/email-addresses-reference>
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Noreply {
    login: String,
    id: Option<u64>,
}

impl Noreply {
    fn of(actor: &GitActor) -> Option<Self> {
        let (local, domain) = actor.email.as_deref()?.split_once('@')?;
        let (id, login) = match local.split_once('+') {
            Some((id, login)) => (Some(id.parse().ok()?), login),
            None => (None, local),
        };
        let name = login.strip_suffix("[bot]").unwrap_or(login);
        let is_login = (1..=100).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (domain.starts_with("users.noreply.") && is_login).then(|| Self { login: login.to_owned(), id })
    }
}
