//! The people behind commits and their pull requests. GraphQL alone links a commit's co-authors to accounts, and a commit to its
//! pull request.
//!
//! GitHub limits a query to 500,000 nodes and ends it after ten seconds, so the lists within a list are short at first. What is
//! longer is asked for again: no entry is left out in silence.

use serde::Deserialize;
use serde_json::json;

use super::{
    account::AccountFacts,
    client::GitHub,
    commit_people::{CommitPeople, GitActor, PullRequestId},
    graphql::{Connection, GraphQlQuery, present},
    permission::RequiredPermission,
    repository::Repository,
    source_commit::SourceCommit,
};
use crate::{finding::Finding, values::short_sha, world::url::percent_encode};

pub(super) const COMMIT_PEOPLE: GraphQlQuery =
    GraphQlQuery { name: "CommitPeople", document: include_str!("graphql/commit_people.graphql") };

/// The most ids that GitHub takes in one query.
pub(super) const MAX_IDS: usize = 100;
/// How many authors and pull requests of each commit a query asks for first.
const FEW: usize = 10;
/// The most that GitHub shows at once.
const MOST: usize = 100;

#[derive(Deserialize)]
struct CommitJson {
    oid: String,
    #[serde(deserialize_with = "present")]
    signature: Option<SignatureJson>,
    authors: Connection<GitActorJson>,
    #[serde(deserialize_with = "present")]
    committer: Option<GitActorJson>,
    #[serde(rename = "associatedPullRequests")]
    pull_requests: Connection<PullRequestJson>,
}

#[derive(Deserialize)]
struct SignatureJson {
    #[serde(rename = "isValid")]
    is_valid: bool,
    #[serde(rename = "wasSignedByGitHub")]
    was_signed_by_github: bool,
}

#[derive(Deserialize)]
pub(super) struct GitActorJson {
    #[serde(deserialize_with = "present")]
    name: Option<String>,
    #[serde(deserialize_with = "present")]
    email: Option<String>,
    #[serde(deserialize_with = "present")]
    user: Option<UserJson>,
}

#[derive(Deserialize)]
pub(super) struct UserJson {
    pub(super) login: String,
}

#[derive(Deserialize)]
struct PullRequestJson {
    id: PullRequestId,
    merged: bool,
}

impl From<GitActorJson> for GitActor {
    fn from(GitActorJson { name, email, user }: GitActorJson) -> Self {
        Self { name, email, login: user.map(|user| user.login) }
    }
}

impl From<CommitJson> for CommitPeople {
    fn from(json: CommitJson) -> Self {
        let merged = json.pull_requests.nodes.into_iter().filter(|pull_request| pull_request.merged);
        Self {
            sha: json.oid,
            authors: json.authors.nodes.into_iter().map(GitActor::from).collect(),
            committer: json.committer.map(GitActor::from),
            is_signed_by_github: json.signature.is_some_and(|made| made.is_valid && made.was_signed_by_github),
            pull_requests: merged.map(|pull_request| pull_request.id).collect(),
        }
    }
}

impl GitHub {
    /// The people of these commits, in the same order.
    ///
    /// # Errors
    /// No answer; other commits; more people of one commit than GitHub shows at once; a token without Contents and Pull
    /// requests: read.
    pub fn commit_people(
        &self,
        repository: &Repository,
        commits: &[SourceCommit],
    ) -> Result<Vec<CommitPeople>, Finding> {
        let mut people = Vec::with_capacity(commits.len());
        for batch in commits.chunks(MAX_IDS) {
            let commits: Vec<(&str, &str)> =
                batch.iter().map(|commit| (commit.node_id.as_str(), commit.sha.as_str())).collect();
            people.extend(self.people_of(repository, &commits)?);
        }
        Ok(people)
    }

    /// The people of at most a hundred commits, given by node id and SHA.
    pub(super) fn people_of(
        &self,
        repository: &Repository,
        commits: &[(&str, &str)],
    ) -> Result<Vec<CommitPeople>, Finding> {
        let found = self.ask_for_people(repository, commits, FEW)?;
        let people = found.into_iter().zip(commits).map(|(found, commit)| {
            if !found.has_more() {
                return Ok(CommitPeople::from(found));
            }
            let all = self.ask_for_people(repository, &[*commit], MOST)?.pop();
            all.filter(|all| !all.has_more()).map(CommitPeople::from).ok_or_else(|| {
                Finding::inconclusive("people")
                    .actual(format!("over {MOST} authors or pull requests of commit {}", short_sha(commit.1)))
                    .expected(format!("at most {MOST}, which GitHub shows at once"))
                    .next("promote an image without this commit")
            })
        });
        people.collect()
    }

    /// The account with a login; `None` if there is none.
    ///
    /// # Errors
    /// No answer.
    pub fn account(&self, login: &str) -> Result<Option<AccountFacts>, Finding> {
        let path = format!("/users/{}", percent_encode(login));
        self.get(&path, &RequiredPermission::new("no permission", "GitHub"))
    }

    fn ask_for_people(
        &self,
        repository: &Repository,
        commits: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<CommitJson>, Finding> {
        let ids: Vec<&str> = commits.iter().map(|(id, _)| *id).collect();
        let variables = json!({ "ids": ids, "authors": most, "pulls": most });
        let shas: Vec<&str> = commits.iter().map(|(_, sha)| *sha).collect();
        self.nodes(&COMMIT_PEOPLE, &variables, &read_permission(repository), &shas, |commit: &CommitJson| &commit.oid)
    }
}

impl CommitJson {
    const fn has_more(&self) -> bool {
        self.authors.page.has_next || self.pull_requests.page.has_next
    }
}

pub(super) fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Contents and Pull requests: read", repository.to_string())
}
