//! Who opened a pull request, who wrote its own commits, and who is assigned to it. A person who squashes a pull request can remove
//! a person from the commit's message, but not from here.

use serde::Deserialize;
use serde_json::json;

use super::{
    account::Account,
    client::GitHub,
    commit_people::{GitActor, PullRequestId, PullRequestPeople},
    graphql::{Connection, GraphQlQuery, PageInfo, present},
    people::{GitActorJson, UserJson, read_permission},
    repository::Repository,
};
use crate::finding::Finding;

pub(super) const PULL_REQUEST_PEOPLE: GraphQlQuery =
    GraphQlQuery { name: "PullRequestPeople", document: include_str!("graphql/pull_request_people.graphql") };

/// How many pull requests one query asks for: git has to walk the commits of each.
const BATCH: usize = 25;
/// How many commits of a pull request a page has.
const COMMITS: usize = 50;
/// How many authors of each of these commits a query asks for first.
const AUTHORS: usize = 10;

#[derive(Deserialize)]
struct PullRequestJson {
    id: PullRequestId,
    number: u64,
    #[serde(deserialize_with = "present")]
    author: Option<ActorJson>,
    assignees: Connection<UserJson>,
    commits: CommitsJson,
}

#[derive(Deserialize)]
struct ActorJson {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

#[derive(Deserialize)]
struct CommitsJson {
    #[serde(rename = "totalCount")]
    total: u64,
    nodes: Vec<PullRequestCommitJson>,
    #[serde(rename = "pageInfo")]
    page: PageInfo,
}

#[derive(Deserialize)]
struct PullRequestCommitJson {
    commit: CommitJson,
}

#[derive(Deserialize)]
struct CommitJson {
    id: String,
    oid: String,
    authors: Connection<GitActorJson>,
}

impl GitHub {
    /// The people of these pull requests, in the same order.
    ///
    /// # Errors
    /// No answer; other pull requests; more people than GitHub shows; a token without Contents and Pull requests: read.
    pub fn pull_request_people(
        &self,
        repository: &Repository,
        pull_requests: &[PullRequestId],
    ) -> Result<Vec<PullRequestPeople>, Finding> {
        let mut people = Vec::with_capacity(pull_requests.len());
        for batch in pull_requests.chunks(BATCH) {
            for found in self.ask_for_pull_requests(repository, batch, None)? {
                people.push(self.complete(repository, found)?);
            }
        }
        Ok(people)
    }

    fn ask_for_pull_requests(
        &self,
        repository: &Repository,
        ids: &[PullRequestId],
        after: Option<&str>,
    ) -> Result<Vec<PullRequestJson>, Finding> {
        let asked: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let variables = json!({
            "ids": asked, "commits": COMMITS, "after": after, "authors": AUTHORS,
        });
        let required = read_permission(repository);
        self.nodes(&PULL_REQUEST_PEOPLE, &variables, &required, &asked, |found: &PullRequestJson| &found.id.0)
    }

    /// Reads the further pages of a pull request.
    fn complete(&self, repository: &Repository, found: PullRequestJson) -> Result<PullRequestPeople, Finding> {
        let PullRequestJson { id, number, author, assignees, commits: CommitsJson { total, nodes, mut page } } = found;
        if assignees.page.has_next {
            return Err(Finding::inconclusive("people")
                .actual(format!("more assignees of #{number} than GitHub allows"))
                .expected("at most ten"));
        }
        let mut commits: Vec<CommitJson> = nodes.into_iter().map(|node| node.commit).collect();
        while page.has_next {
            let further = self.ask_for_pull_requests(repository, std::slice::from_ref(&id), page.end.as_deref())?.pop();
            let further = further.map(|further| further.commits).filter(|further| !further.nodes.is_empty());
            let Some(further) = further else {
                return Err(self.unreadable(&format!("an empty page of the commits of #{number}")));
            };
            commits.extend(further.nodes.into_iter().map(|node| node.commit));
            page = further.page;
        }
        let hidden_commits = total.saturating_sub(commits.len() as u64);
        let mut authors = Vec::new();
        for CommitJson { id, oid, authors: of_commit } in commits {
            let all: Vec<GitActor> = if of_commit.page.has_next {
                let people = self.people_of(repository, &[(&id, &oid)])?;
                people.into_iter().flat_map(|people| people.authors).collect()
            } else {
                of_commit.nodes.into_iter().map(GitActor::from).collect()
            };
            authors.extend(all.into_iter().map(|author| (oid.clone(), author)));
        }
        Ok(PullRequestPeople {
            id,
            number,
            opener: author.map(|ActorJson { kind, login }| Account { login, kind }),
            assignees: assignees.nodes.into_iter().map(|assignee| assignee.login).collect(),
            authors,
            hidden_commits,
        })
    }
}
