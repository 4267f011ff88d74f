//! The open pull requests with the statuses of their last commits, a hundred in one request.

use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    commit_status::CommitStatus,
    fields::ViewerJson,
    graphql::{Connection, GraphQlQuery, present},
    permission::RequiredPermission,
    repository::Repository,
};
use crate::{finding::Finding, subject::Commit};

pub(super) const OPEN_PULL_REQUESTS: GraphQlQuery =
    GraphQlQuery { name: "OpenPullRequests", document: include_str!("graphql/open_pull_requests.graphql") };

/// The most entries that GitHub shows at once.
const PAGE: usize = 100;
/// The most pages that are read.
const MAX_PAGES: usize = 20;
/// The end of an App's login.
const BOT: &str = "[bot]";

/// An open pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequest {
    pub number: u64,
    pub is_of_fork: bool,
    /// The branch that it is to be merged into.
    pub base: String,
    /// The name of its branch.
    pub branch: String,
    /// The last commit of its branch.
    pub head: Commit,
    /// The newest status of each context of that commit; none if GitHub does not show that commit yet.
    pub statuses: Vec<CommitStatus>,
}

/// The open pull requests, as one account sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequests {
    /// Oldest first.
    pub all: Vec<OpenPullRequest>,
    /// The login of the token's account.
    pub account: String,
}

#[derive(Deserialize)]
struct AnswerJson {
    viewer: ViewerJson,
    #[serde(deserialize_with = "present")]
    repository: Option<ListJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListJson {
    pull_requests: Connection<PullRequestJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequestJson {
    number: u64,
    is_cross_repository: bool,
    base_ref_name: String,
    head_ref_name: String,
    head_ref_oid: Commit,
    commits: CommitsJson,
}

#[derive(Deserialize)]
struct CommitsJson {
    nodes: Vec<CommitNodeJson>,
}

#[derive(Deserialize)]
struct CommitNodeJson {
    commit: CommitJson,
}

#[derive(Deserialize)]
struct CommitJson {
    oid: Commit,
    #[serde(deserialize_with = "present")]
    status: Option<StatusJson>,
}

#[derive(Deserialize)]
struct StatusJson {
    contexts: Vec<ContextJson>,
}

#[derive(Deserialize)]
struct ContextJson {
    context: String,
    state: String,
    #[serde(deserialize_with = "present")]
    description: Option<String>,
    #[serde(deserialize_with = "present")]
    creator: Option<CreatorJson>,
}

#[derive(Deserialize)]
struct CreatorJson {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

impl CreatorJson {
    /// The login as REST and `viewer` have it: here, that of an App is without its end.
    fn login(self) -> String {
        let is_short = self.kind == "Bot" && !self.login.ends_with(BOT);
        if is_short { format!("{}{BOT}", self.login) } else { self.login }
    }
}

impl GitHub {
    /// The open pull requests of the repository, and the account that asks.
    ///
    /// # Errors
    /// No answer; a token without Contents, Pull requests and Commit statuses: read; more pull requests than are read.
    pub fn open_pull_requests_with_statuses(&self, repository: &Repository) -> Result<OpenPullRequests, Finding> {
        let required =
            RequiredPermission::new("Contents, Pull requests and Commit statuses: read", repository.to_string());
        let (mut after, mut all) = (None, Vec::new());
        for _ in 0..MAX_PAGES {
            let variables = json!({
                "owner": repository.owner(),
                "name": repository.name(),
                "first": PAGE,
                "after": after,
            });
            let AnswerJson { viewer, repository: found } = self.query(&OPEN_PULL_REQUESTS, &variables, &required)?;
            let ListJson { pull_requests: Connection { nodes, page } } =
                found.ok_or_else(|| Self::missing("the pull requests", &required))?;
            all.extend(nodes.into_iter().map(OpenPullRequest::from));
            if !page.has_next {
                return Ok(OpenPullRequests { all, account: viewer.login });
            }
            after = Some(page.end.ok_or_else(|| self.unreadable("a next page of pull requests, and no cursor"))?);
        }
        Err(Finding::inconclusive("the open pull requests")
            .actual(format!("more than {}", all.len()))
            .expected("fewer at once")
            .next("close those that are not needed"))
    }
}

impl From<PullRequestJson> for OpenPullRequest {
    fn from(json: PullRequestJson) -> Self {
        let last = json.commits.nodes.into_iter().next_back().map(|node| node.commit);
        let status = last.filter(|commit| commit.oid == json.head_ref_oid).and_then(|commit| commit.status);
        let status_of = |ContextJson { context, state, description, creator }: ContextJson| CommitStatus {
            // REST has the same words in lower case.
            state: state.to_ascii_lowercase(),
            context,
            description,
            creator: creator.map(CreatorJson::login),
        };
        Self {
            number: json.number,
            is_of_fork: json.is_cross_repository,
            base: json.base_ref_name,
            branch: json.head_ref_name,
            head: json.head_ref_oid,
            statuses: status.into_iter().flat_map(|status| status.contexts).map(status_of).collect(),
        }
    }
}
