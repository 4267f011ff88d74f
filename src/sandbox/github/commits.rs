//! `GET …/commits/{ref}`, `GET …/compare/{basehead}`. A repository has one line of history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::{self, Accounts},
    call::Call,
    error, node_id, not_found, now,
    pages::Page,
    repositories::Repository,
    time,
};
use crate::sandbox::server::Answer;

/// The most commits of a comparison that is not paged: the description of the route.
const MOST_COMPARED: usize = 250;

/// A commit. The default has no message and is nobody's.
#[derive(Clone, Debug)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub sha: String,
    pub message: String,
    /// The login of the author; `None` when no account has the address.
    pub author: Option<String>,
    /// The same of the committer.
    pub committer: Option<String>,
    /// As it stands in the commit, where anybody can write anything.
    pub author_name: String,
    pub author_email: String,
    pub at: Timestamp,
}

impl Default for Commit {
    fn default() -> Self {
        Self {
            sha: "0".repeat(40),
            message: String::new(),
            author: None,
            committer: None,
            author_name: "Nobody".to_owned(),
            author_email: "nobody@example.com".to_owned(),
            at: now(),
        }
    }
}

pub(super) struct History {
    pub(super) default_branch: String,
    /// Oldest first; the default branch is where it ends.
    commits: Vec<Commit>,
    /// Name and the place of its commit.
    tags: BTreeMap<String, usize>,
    /// The branches beside the default one.
    branches: BTreeMap<String, usize>,
    pub(super) protected: Vec<String>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            default_branch: "main".to_owned(),
            commits: Vec::new(),
            tags: BTreeMap::new(),
            branches: BTreeMap::new(),
            protected: Vec::new(),
        }
    }
}

impl FakeGitHub {
    /// A commit on top of the last one, by somebody with an account.
    pub fn commit(&self, repository: &str, sha: &str, login: &str, message: &str) {
        let login = Some(login.to_owned());
        self.push(
            repository,
            Commit {
                sha: sha.to_owned(),
                message: message.to_owned(),
                author_name: login.clone().unwrap_or_default(),
                author: login.clone(),
                committer: login,
                ..Commit::default()
            },
        );
    }

    /// The same with all that a commit has.
    pub fn push(&self, repository: &str, commit: Commit) {
        self.in_repository(repository, |known, accounts| {
            for login in [&commit.author, &commit.committer].into_iter().flatten() {
                accounts.user(login);
            }
            known.history.commits.push(commit);
        });
    }

    /// Tags a commit.
    pub fn tag(&self, repository: &str, name: &str, sha: &str) {
        self.name(repository, name, sha, |history| &mut history.tags);
    }

    /// A branch that ends at a commit.
    pub fn branch(&self, repository: &str, name: &str, sha: &str) {
        self.name(repository, name, sha, |history| &mut history.branches);
    }

    fn name(&self, repository: &str, name: &str, sha: &str, names: fn(&mut History) -> &mut BTreeMap<String, usize>) {
        let done = self.in_repository(repository, |known, _| {
            let place = known.history.commits.iter().position(|commit| commit.sha == sha);
            let place = place.ok_or_else(|| Breach::new(404, format!("no commit {sha} to name")))?;
            names(&mut known.history).insert(name.to_owned(), place);
            Ok(())
        });
        self.keep(name, done);
    }
}

impl History {
    /// The place of what a reference names: a branch, a tag, a commit by its id or the beginning of one.
    fn find(&self, reference: &str) -> Option<usize> {
        let last = self.commits.len().checked_sub(1)?;
        let branch =
            |name: &str| if name == self.default_branch { Some(last) } else { self.branches.get(name).copied() };
        let tag = |name: &str| self.tags.get(name).copied();
        let named = match reference.split_once('/') {
            Some(("heads", name)) => branch(name),
            Some(("tags", name)) => tag(name),
            _ => None,
        };
        let is_id = reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
        let by_id = || {
            let id = reference.to_ascii_lowercase();
            self.commits.iter().position(|commit| is_id && commit.sha.starts_with(&id))
        };
        named
            .or_else(|| (reference == "HEAD").then_some(last))
            .or_else(|| branch(reference))
            .or_else(|| tag(reference))
            .or_else(by_id)
    }

    /// Every branch that has a commit, with the id of the one it ends at.
    pub(super) fn branches(&self) -> Vec<(&str, &str)> {
        let default = self.commits.last().map(|commit| (self.default_branch.as_str(), commit.sha.as_str()));
        let others = self.branches.iter().map(|(name, place)| (name.as_str(), self.commits[*place].sha.as_str()));
        let mut all: Vec<_> = default.into_iter().chain(others).collect();
        all.sort_unstable();
        all
    }

    /// Something to end at.
    pub(super) fn begin(&mut self) {
        if self.commits.is_empty() {
            self.commits.push(Commit { message: "Initial commit".to_owned(), ..Commit::default() });
        }
    }

    /// A branch that ends where the history does, unless there is one of that name.
    pub(super) fn add_branch(&mut self, name: &str) {
        if name != self.default_branch {
            let last = self.commits.len().saturating_sub(1);
            self.branches.entry(name.to_owned()).or_insert(last);
        }
    }
}

pub(super) fn get(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    // Pages of a commit are pages of its files, and no commit here has any.
    call.page(Vec::<()>::new())?;
    let history = &repository.history;
    if history.commits.is_empty() {
        return Ok(error(409, "Git Repository is empty."));
    }
    let reference = call.parameter("ref");
    let Some(place) = history.find(reference) else {
        return Ok(error(422, &format!("No commit found for SHA: {reference}")));
    };
    let mut shown = shown(repository, place, &call.api);
    shown["stats"] = json!({ "additions": 0, "deletions": 0, "total": 0 });
    shown["files"] = json!([]);
    Ok(Answer::json(200, &shown))
}

/// The commits of `head` that are not in `base`, oldest first.
pub(super) fn compare(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let basehead = call.parameter("basehead");
    let history = &repository.history;
    let ends = basehead.split_once("...").and_then(|(base, head)| Some((history.find(base)?, history.find(head)?)));
    let Some((base, head)) = ends else { return Ok(not_found()) };
    let (ahead, behind) = (head.saturating_sub(base), base.saturating_sub(head));
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (0, _) => "behind",
        _ => "ahead",
    };
    let all: Vec<usize> = (base + 1..=head).collect();
    let paged = call.asked("page").is_some() || call.asked("per_page").is_some();
    let page = if paged { call.page(all)? } else { Page::whole(all, MOST_COMPARED) };
    let (url, html) = (repository.url(&call.api), format!("{}/compare/{basehead}", repository.page()));
    let (from, to) = (&history.commits[base].sha, &history.commits[head].sha);
    let owner = repository.owner();
    let files = (page.number == 1).then(|| json!([]));
    let commit = |place| shown(repository, place, &call.api);
    Ok(page.other(|places| {
        let mut comparison = json!({
            "url": format!("{url}/compare/{basehead}"),
            "html_url": html,
            "permalink_url": format!("{}/compare/{owner}:{from}...{owner}:{to}", repository.page()),
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "base_commit": commit(base),
            "merge_base_commit": commit(base.min(head)),
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": places.into_iter().map(commit).collect::<Vec<_>>(),
        });
        if let Some(files) = files {
            comparison["files"] = files;
        }
        comparison
    }))
}

fn shown(repository: &Repository, place: usize, api: &str) -> Value {
    let commits = &repository.history.commits;
    let commit = &commits[place];
    let (sha, url, html) = (&commit.sha, repository.url(api), repository.page());
    let account = |login: &Option<String>| login.as_ref().map(|login| accounts::simple(api, login));
    let signature = |name: &str, email: &str| json!({ "name": name, "email": email, "date": time(commit.at) });
    let parent = place.checked_sub(1).map(|before| &commits[before].sha);
    json!({
        "url": format!("{url}/commits/{sha}"),
        "sha": sha,
        "node_id": node_id("C", place as u64),
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
        "parents": parent.into_iter().map(|sha| json!({
            "sha": sha, "url": format!("{url}/commits/{sha}"), "html_url": format!("{html}/commit/{sha}"),
        })).collect::<Vec<_>>(),
    })
}
