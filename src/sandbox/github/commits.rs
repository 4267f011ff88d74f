//! `GET …/commits/{ref}`, `GET …/compare/{basehead}`.

use serde_json::{Value, json};

use super::{
    accounts::account_json,
    call::ApiCall,
    errors::{ContractViolation, error, not_found},
    fake_github::FakeGitHub,
    format::format_time,
    node_ids::commit_id,
    pages::ListPage,
    records::{FakeAccounts, FakeCommit, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

/// GitHub returns at most this many commits of a comparison without pagination, by the route's description.
const MAX_COMPARED: usize = 250;

impl FakeGitHub {
    /// Adds a commit by an existing or new account on top of the history.
    pub fn commit(&self, repository: &str, sha: &str, login: &str, message: &str) {
        let login = Some(login.to_owned());
        self.push(
            repository,
            FakeCommit {
                sha: sha.to_owned(),
                message: message.to_owned(),
                author_name: login.clone().unwrap_or_default(),
                author: login.clone(),
                committer: login,
                ..FakeCommit::default()
            },
        );
    }

    /// Adds a commit with all its fields on top of the default branch.
    pub fn push(&self, repository: &str, commit: FakeCommit) {
        let branch = self.with_repository(repository, |repository, _| repository.history.default_branch.clone());
        self.push_to(repository, &branch, commit);
    }

    /// Adds a commit on top of a branch.
    pub fn push_to(&self, repository: &str, branch: &str, commit: FakeCommit) {
        self.with_repository(repository, |repository, accounts| {
            for login in [&commit.author, &commit.committer].into_iter().flatten() {
                accounts.add_user(login);
            }
            repository.history.push(branch, commit);
        });
    }
}

pub fn get(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    // The pages of a commit list its files, and commits of the fake have no files.
    call.page(Vec::<()>::new())?;
    let history = &repository.history;
    if history.commits.is_empty() {
        return Ok(error(409, "Git Repository is empty."));
    }
    let reference = call.parameter("ref");
    let Some(index) = history.find(reference) else {
        return Ok(error(422, &format!("No commit found for SHA: {reference}")));
    };
    let mut json = commit_json(repository, index, &call.api);
    json["stats"] = json!({ "additions": 0, "deletions": 0, "total": 0 });
    json["files"] = json!([]);
    Ok(FakeResponse::json(200, &json))
}

/// The commits of `head` that `base` lacks, oldest first.
pub fn compare(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let basehead = call.parameter("basehead");
    let history = &repository.history;
    let ends = basehead.split_once("...").and_then(|(base, head)| Some((history.find(base)?, history.find(head)?)));
    let Some((base, head)) = ends else { return Ok(not_found()) };
    let (of_base, of_head) = (history.reachable(base), history.reachable(head));
    // GitHub refuses to compare histories that have nothing in common.
    let Some(&merge_base) = of_base.intersection(&of_head).max() else {
        return Ok(error(404, "No common ancestor between the two commits."));
    };
    let all: Vec<usize> = of_head.difference(&of_base).copied().collect();
    let (ahead, behind) = (all.len(), of_base.difference(&of_head).count());
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (0, _) => "behind",
        (_, 0) => "ahead",
        _ => "diverged",
    };
    let paged = call.query_value("page").is_some() || call.query_value("per_page").is_some();
    let page = if paged { call.page(all)? } else { ListPage::unpaged(all, MAX_COMPARED) };
    let (url, html) = (repository.url(&call.api), format!("{}/compare/{basehead}", repository.page()));
    let (from, to) = (&history.commits[base].sha, &history.commits[head].sha);
    let owner = repository.owner();
    let files = (page.number == 1).then(|| json!([]));
    let commit = |index| commit_json(repository, index, &call.api);
    Ok(page.into_object(|indices| {
        let mut comparison = json!({
            "url": format!("{url}/compare/{basehead}"),
            "html_url": html,
            "permalink_url": format!("{}/compare/{owner}:{from}...{owner}:{to}", repository.page()),
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "base_commit": commit(base),
            "merge_base_commit": commit(merge_base),
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": indices.into_iter().map(commit).collect::<Vec<_>>(),
        });
        if let Some(files) = files {
            comparison["files"] = files;
        }
        comparison
    }))
}

pub fn commit_json(repository: &FakeRepository, index: usize, api: &str) -> Value {
    let commits = &repository.history.commits;
    let commit = &commits[index];
    let (sha, url, html) = (&commit.sha, repository.url(api), repository.page());
    let account = |login: &Option<String>| login.as_ref().map(|login| account_json(api, login));
    let signature = |name: &str, email: &str| json!({ "name": name, "email": email, "date": format_time(commit.at) });
    let parents = repository.history.parents(index).into_iter().map(|parent| &commits[parent].sha);
    json!({
        "url": format!("{url}/commits/{sha}"),
        "sha": sha,
        "node_id": commit_id(repository, commit),
        "html_url": format!("{html}/commit/{sha}"),
        "comments_url": format!("{url}/commits/{sha}/comments"),
        "commit": {
            "url": format!("{url}/git/commits/{sha}"),
            "author": signature(&commit.author_name, &commit.author_email),
            "committer": signature(&commit.author_name, &commit.author_email),
            "message": commit.message,
            "comment_count": 0,
            "tree": { "sha": sha, "url": format!("{url}/git/trees/{sha}") },
            "verification": {
                "verified": false, "reason": "unsigned", "payload": null, "signature": null, "verified_at": null
            },
        },
        "author": account(&commit.author),
        "committer": account(&commit.committer),
        "parents": parents.map(|sha| json!({
            "sha": sha, "url": format!("{url}/commits/{sha}"), "html_url": format!("{html}/commit/{sha}"),
        })).collect::<Vec<_>>(),
    })
}
