//! The reviews of pull requests. Only GraphQL shows whether the author of a review may push, and for which teams it was made.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    account::Account,
    client::GitHub,
    commit_people::GitActor,
    graphql::{Connection, GraphQlQuery, PageInfo, present},
    people::GitActorJson,
    permission::RequiredPermission,
    repository::Repository,
    reviewed_pull_request::{ListedPullRequest, PullRequestReview, ReviewedPullRequest, ReviewerAccount},
};
use crate::finding::Finding;

pub(super) const PULL_REQUEST_REVIEWS: GraphQlQuery =
    GraphQlQuery { name: "PullRequestReviews", document: include_str!("graphql/pull_request_reviews.graphql") };
pub(super) const PULL_REQUESTS: GraphQlQuery =
    GraphQlQuery { name: "PullRequests", document: include_str!("graphql/pull_requests.graphql") };

/// The most entries that GitHub shows at once.
const PAGE: usize = 100;
/// The most pages of reviews of one pull request that are read.
const MAX_REVIEW_PAGES: usize = 20;
/// The most pages of pull requests that are read.
const MAX_PAGES: usize = 20;
/// How many pull requests a page has: each with its approvals.
const PULL_REQUESTS_PAGE: usize = 50;

/// Which pull requests a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedPullRequests {
    /// The open ones.
    Open,
    /// Those that changed at this time or later, whatever their state. A review changes its pull request.
    ChangedSince(Timestamp),
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Answer<T> {
    #[serde(deserialize_with = "present")]
    repository: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneJson {
    #[serde(deserialize_with = "present")]
    pull_request: Option<PullRequestJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListJson {
    pull_requests: Connection<ListedJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequestJson {
    number: u64,
    url: String,
    state: String,
    is_draft: bool,
    is_cross_repository: bool,
    base_ref_name: String,
    head_ref_name: String,
    head_ref_oid: String,
    created_at: Timestamp,
    #[serde(deserialize_with = "present")]
    author: Option<ActorJson>,
    changed_files: u64,
    #[serde(deserialize_with = "present")]
    files: Option<Nodes<FileJson>>,
    commits: CommitsJson,
    timeline_items: Nodes<ForcePushJson>,
    #[serde(deserialize_with = "present")]
    reviews: Option<Connection<ReviewJson>>,
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Deserialize)]
struct FileJson {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitsJson {
    total_count: u64,
    nodes: Vec<CommitNodeJson>,
}

#[derive(Deserialize)]
struct CommitNodeJson {
    commit: CommitJson,
}

#[derive(Deserialize)]
struct CommitJson {
    oid: String,
    authors: Connection<GitActorJson>,
    #[serde(deserialize_with = "present")]
    committer: Option<GitActorJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForcePushJson {
    created_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewJson {
    state: String,
    #[serde(deserialize_with = "present")]
    submitted_at: Option<Timestamp>,
    author_can_push_to_repository: bool,
    body: String,
    #[serde(deserialize_with = "present")]
    author: Option<ActorJson>,
    #[serde(deserialize_with = "present")]
    commit: Option<ReviewedCommitJson>,
    on_behalf_of: Connection<TeamJson>,
}

#[derive(Deserialize)]
struct ReviewedCommitJson {
    oid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TeamJson {
    combined_slug: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActorJson {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
    /// Only a user's.
    #[serde(default)]
    database_id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedJson {
    number: u64,
    head_ref_name: String,
    head_ref_oid: String,
    is_cross_repository: bool,
    updated_at: Timestamp,
    #[serde(deserialize_with = "present")]
    reviews: Option<Connection<ListedReviewJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedReviewJson {
    #[serde(deserialize_with = "present")]
    submitted_at: Option<Timestamp>,
    #[serde(deserialize_with = "present")]
    author: Option<ActorJson>,
}

impl From<ActorJson> for ReviewerAccount {
    fn from(ActorJson { kind, login, database_id }: ActorJson) -> Self {
        Self { account: Account { login, kind }, id: database_id }
    }
}

impl From<ReviewJson> for PullRequestReview {
    fn from(json: ReviewJson) -> Self {
        Self {
            state: json.state,
            submitted_at: json.submitted_at,
            author: json.author.map(ReviewerAccount::from),
            can_push: json.author_can_push_to_repository,
            commit: json.commit.map(|commit| commit.oid),
            body: json.body,
            teams: json.on_behalf_of.nodes.into_iter().map(|team| team.combined_slug).collect(),
        }
    }
}

impl GitHub {
    /// A pull request with all its reviews; `None` if the repository has none of that number.
    ///
    /// # Errors
    /// No answer; a token without Contents and Pull requests: read; more reviews than are read; a pull request that changed
    /// between two pages.
    pub fn reviewed_pull_request(
        &self,
        repository: &Repository,
        number: u64,
    ) -> Result<Option<ReviewedPullRequest>, Finding> {
        let (mut after, mut reviews, mut head) = (None, Vec::new(), None);
        for _ in 0..MAX_REVIEW_PAGES {
            let Some(mut page) = self.review_page(repository, number, after.as_deref())? else { return Ok(None) };
            let first = head.get_or_insert_with(|| page.head_ref_oid.clone());
            if *first != page.head_ref_oid {
                return Err(Finding::inconclusive(format!("pull request #{number}"))
                    .actual("its branch moved while its reviews were read")
                    .expected("one commit")
                    .next("run this step again")
                    .temporary(std::time::Duration::ZERO));
            }
            let Connection { nodes, page: PageInfo { has_next, end } } = page.reviews.take().ok_or_else(|| {
                self.unreadable(&format!("no reviews of pull request #{number}, not even an empty list"))
            })?;
            if let Some(review) = nodes.iter().find(|review| review.on_behalf_of.page.has_next) {
                let author = review.author.as_ref().map_or("a deleted account", |author| &author.login);
                return Err(Finding::inconclusive("teams")
                    .actual(format!("the review of {author} was made for more than 20 teams"))
                    .expected("at most 20, which are read"));
            }
            reviews.extend(nodes.into_iter().map(PullRequestReview::from));
            if !has_next {
                return self.complete_pull_request(page, reviews).map(Some);
            }
            after = Some(end.ok_or_else(|| self.unreadable("a next page of reviews, and no cursor"))?);
        }
        Err(Finding::inconclusive(format!("the reviews of pull request #{number}"))
            .actual(format!("more than {}", MAX_REVIEW_PAGES * PAGE))
            .expected("fewer")
            .next("close it, and let a new validation open another one"))
    }

    /// The pull requests of the repository, the last changed first.
    ///
    /// # Errors
    /// No answer; a token without Pull requests: read; more pull requests, or more approvals of one, than are read.
    pub fn list_pull_requests(
        &self,
        repository: &Repository,
        wanted: ListedPullRequests,
    ) -> Result<Vec<ListedPullRequest>, Finding> {
        let required = read_permission(repository);
        let (states, since, most_reviews) = match wanted {
            ListedPullRequests::Open => (Some(["OPEN"]), Timestamp::MIN, 1),
            ListedPullRequests::ChangedSince(since) => (None, since, PAGE),
        };
        let (mut after, mut all) = (None, Vec::new());
        for _ in 0..MAX_PAGES {
            let variables = json!({
                "owner": repository.owner(),
                "name": repository.name(),
                "states": states,
                "first": PULL_REQUESTS_PAGE,
                "after": after,
                "reviews": most_reviews,
            });
            let Answer { repository: found } = self.query::<Answer<ListJson>>(&PULL_REQUESTS, &variables, &required)?;
            let ListJson { pull_requests: Connection { nodes, page } } =
                found.ok_or_else(|| Self::missing("the pull requests", &required))?;
            let reached = nodes.iter().any(|node| node.updated_at < since);
            for node in nodes.into_iter().filter(|node| node.updated_at >= since) {
                all.push(listed(node, most_reviews == PAGE)?);
            }
            if reached || !page.has_next {
                return Ok(all);
            }
            after = Some(page.end.ok_or_else(|| self.unreadable("a next page of pull requests, and no cursor"))?);
        }
        Err(Finding::inconclusive("the pull requests")
            .actual(format!("more than {}", all.len()))
            .expected("fewer at once")
            .next("close those that are not needed"))
    }

    fn review_page(
        &self,
        repository: &Repository,
        number: u64,
        after: Option<&str>,
    ) -> Result<Option<PullRequestJson>, Finding> {
        let required = read_permission(repository);
        let variables = json!({
            "owner": repository.owner(),
            "name": repository.name(),
            "number": number,
            "first": PAGE,
            "after": after,
        });
        let answer = self.query::<Answer<OneJson>>(&PULL_REQUEST_REVIEWS, &variables, &required);
        let answer = match answer {
            // The error is the same for a repository that the token cannot see, and that one is named.
            Err(finding) if finding.actual.contains("Could not resolve to a PullRequest") => return Ok(None),
            answer => answer?,
        };
        let found = answer.repository.ok_or_else(|| Self::missing(format!("pull request #{number}"), &required))?;
        Ok(found.pull_request)
    }

    fn complete_pull_request(
        &self,
        json: PullRequestJson,
        reviews: Vec<PullRequestReview>,
    ) -> Result<ReviewedPullRequest, Finding> {
        let number = json.number;
        let last = json.commits.nodes.into_iter().next_back().map(|node| node.commit);
        let last = last.filter(|commit| commit.oid == json.head_ref_oid).ok_or_else(|| {
            Finding::inconclusive(format!("pull request #{number}"))
                .actual("GitHub does not show the last commit of its branch yet")
                .expected("its last commit")
                .next("run this step again")
                .temporary(std::time::Duration::ZERO)
        })?;
        if last.authors.page.has_next {
            return Err(Finding::inconclusive("people")
                .actual(format!("more than 20 authors of the commit of #{number}"))
                .expected("at most 20, which are read"));
        }
        let files = json
            .files
            .ok_or_else(|| self.unreadable(&format!("no files of pull request #{number}, not even an empty list")))?;
        Ok(ReviewedPullRequest {
            number,
            url: json.url,
            state: json.state,
            is_draft: json.is_draft,
            is_of_fork: json.is_cross_repository,
            base: json.base_ref_name,
            branch: json.head_ref_name,
            head: json.head_ref_oid,
            opened_at: json.created_at,
            author: json.author.map(ReviewerAccount::from),
            commits: json.commits.total_count,
            people: last.authors.nodes.into_iter().chain(last.committer).map(GitActor::from).collect(),
            changed_files: json.changed_files,
            files: files.nodes.into_iter().map(|file| file.path).collect(),
            force_pushed_at: json.timeline_items.nodes.into_iter().map(|push| push.created_at).max(),
            reviews,
        })
    }
}

fn listed(json: ListedJson, needs_all: bool) -> Result<ListedPullRequest, Finding> {
    let number = json.number;
    let Some(Connection { nodes, page }) = json.reviews else {
        return Err(
            Finding::inconclusive("GitHub's API").actual(format!("no reviews of #{number}, not even an empty list"))
        );
    };
    if needs_all && page.has_next {
        return Err(Finding::inconclusive(format!("the approvals of #{number}"))
            .actual(format!("more than {PAGE}"))
            .expected("fewer"));
    }
    let approval = |review: ListedReviewJson| Some((review.author.map(ReviewerAccount::from), review.submitted_at?));
    Ok(ListedPullRequest {
        number,
        branch: json.head_ref_name,
        head: json.head_ref_oid,
        is_of_fork: json.is_cross_repository,
        approvals: nodes.into_iter().filter_map(approval).collect(),
    })
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Contents and Pull requests: read", repository.to_string())
}
