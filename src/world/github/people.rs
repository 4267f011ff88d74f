//! The people behind commits. GraphQL alone links a commit's co-authors to accounts.

use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    graphql::{Connection, GraphQlQuery, present},
    repository::Repository,
    source::read_permission,
    source_commit::SourceCommit,
};
use crate::finding::Finding;

pub(super) const COMMIT_PEOPLE: GraphQlQuery =
    GraphQlQuery { name: "CommitPeople", document: include_str!("graphql/commit_people.graphql") };

/// The most ids that GitHub takes in one query.
const MAX_IDS: usize = 100;
/// How many authors of each commit the first query asks for, and how many the second one, for commits with more.
const AUTHORS: [usize; 2] = [10, 100];

/// The people that a commit names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPeople {
    pub sha: String,
    /// The author first, then the co-authors.
    pub authors: Vec<GitActor>,
    pub committer: Option<GitActor>,
}

/// A person as a commit names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitActor {
    /// As in the commit. Git does not verify it.
    pub name: Option<String>,
    pub email: Option<String>,
    /// The login of the user with this email address; `None` for an address of no user, which an App's is too.
    pub login: Option<String>,
}

#[derive(Deserialize)]
struct NodesJson<T> {
    nodes: Vec<Option<T>>,
}

#[derive(Deserialize)]
struct CommitJson {
    oid: String,
    authors: Connection<GitActorJson>,
    #[serde(deserialize_with = "present")]
    committer: Option<GitActorJson>,
}

#[derive(Deserialize)]
struct GitActorJson {
    #[serde(deserialize_with = "present")]
    name: Option<String>,
    #[serde(deserialize_with = "present")]
    email: Option<String>,
    #[serde(deserialize_with = "present")]
    user: Option<UserJson>,
}

#[derive(Deserialize)]
struct UserJson {
    login: String,
}

impl From<GitActorJson> for GitActor {
    fn from(GitActorJson { name, email, user }: GitActorJson) -> Self {
        Self { name, email, login: user.map(|user| user.login) }
    }
}

impl GitHub {
    /// The people of these commits, in the same order.
    ///
    /// # Errors
    /// No answer; other commits; a commit with more authors than GitHub shows at once; a token without Contents: read.
    pub fn commit_people(
        &self,
        repository: &Repository,
        commits: &[SourceCommit],
    ) -> Result<Vec<CommitPeople>, Finding> {
        let mut people = Vec::with_capacity(commits.len());
        for batch in commits.chunks(MAX_IDS) {
            people.extend(self.batch(repository, batch, AUTHORS[0])?);
        }
        Ok(people)
    }

    fn batch(
        &self,
        repository: &Repository,
        commits: &[SourceCommit],
        authors: usize,
    ) -> Result<Vec<CommitPeople>, Finding> {
        let ids: Vec<&str> = commits.iter().map(|commit| commit.node_id.as_str()).collect();
        let variables = json!({ "ids": ids, "authors": authors });
        let NodesJson { nodes } = self.query(&COMMIT_PEOPLE, &variables, &read_permission(repository))?;
        let nodes: Vec<Option<CommitJson>> = nodes;
        let is_asked = |(node, commit): (&Option<CommitJson>, &SourceCommit)| {
            node.as_ref().is_some_and(|node| node.oid == commit.sha)
        };
        if nodes.len() != commits.len() || !nodes.iter().zip(commits).all(is_asked) {
            return Err(Finding::inconclusive("GitHub's API")
                .actual("an answer about other commits")
                .expected(format!("the {} commits that were asked for", commits.len()))
                .next("run this step again"));
        }
        let people = nodes.into_iter().flatten().zip(commits).map(|(node, commit)| {
            if node.authors.page.has_next {
                return self.more_authors(repository, commit, authors);
            }
            Ok(CommitPeople {
                sha: node.oid,
                authors: node.authors.nodes.into_iter().map(GitActor::from).collect(),
                committer: node.committer.map(GitActor::from),
            })
        });
        people.collect()
    }

    /// Asks again for a commit with more authors than the query asked for.
    fn more_authors(
        &self,
        repository: &Repository,
        commit: &SourceCommit,
        asked: usize,
    ) -> Result<CommitPeople, Finding> {
        let [_, most] = AUTHORS;
        let people =
            if asked < most { self.batch(repository, std::slice::from_ref(commit), most)?.pop() } else { None };
        people.ok_or_else(|| {
            Finding::inconclusive("GitHub's API")
                .actual(format!("more than {most} authors of commit {}", commit.sha))
                .expected(format!("at most {most}"))
                .next("promote an image without this commit")
        })
    }
}
