//! `GET /repos/{owner}/{repo}`, and what is kept of a repository.

use serde_json::{Map, Value, json};

use super::{
    Dispatch, FakeGitHub, Issue, Job, Run,
    accounts::{self, Accounts, fields},
    approvals::Review,
    call::Call,
    checks::Annotation,
    commits::History,
    environments::Environment,
    id, node_id,
};
use crate::sandbox::server::Answer;

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

pub(super) struct Repository {
    /// `owner/name`, as it was first written.
    pub(super) name: String,
    pub(super) dispatches: Vec<Dispatch>,
    /// Every attempt.
    pub(super) runs: Vec<Run>,
    /// With the run and attempt each belongs to.
    pub(super) jobs: Vec<(u64, u32, Job)>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) reviews: Vec<Review>,
    pub(super) history: History,
    /// In the order they were made.
    pub(super) environments: Vec<Environment>,
    pub(super) issues: Vec<Issue>,
}

impl FakeGitHub {
    /// Creates a repository, `owner/name`, whose default branch is `main`.
    pub fn create(&self, repository: &str) {
        self.in_repository(repository, |_, _| ());
    }
}

impl Repository {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            dispatches: Vec::new(),
            runs: Vec::new(),
            jobs: Vec::new(),
            annotations: Vec::new(),
            reviews: Vec::new(),
            history: History::default(),
            environments: Vec::new(),
            issues: Vec::new(),
        }
    }

    pub(super) fn owner(&self) -> &str {
        split(&self.name).0
    }

    /// Its address in the API.
    pub(super) fn url(&self, api: &str) -> String {
        format!("{api}/repos/{}", self.name)
    }

    /// Its address for people.
    pub(super) fn page(&self) -> String {
        format!("https://github.com/{}", self.name)
    }
}

pub(super) fn get(repository: &Repository, _: &Accounts, call: &Call) -> Answer {
    let open = repository.issues.iter().filter(|issue| issue.state == "open").count();
    let name = &repository.name;
    let mut shown = minimal(&call.api, name);
    let counts = [
        ("forks_count", 0),
        ("stargazers_count", 0),
        ("watchers_count", 0),
        ("size", 0),
        ("open_issues_count", open),
        ("subscribers_count", 0),
        ("network_count", 0),
        ("forks", 0),
        ("open_issues", open),
        ("watchers", 0),
    ];
    shown.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
    let switches = [
        ("has_issues", true),
        ("has_projects", true),
        ("has_wiki", true),
        ("has_pages", false),
        ("has_discussions", false),
        ("archived", false),
        ("disabled", false),
    ];
    shown.extend(switches.map(|(name, on)| (name.to_owned(), on.into())));
    shown.extend(fields(json!({
        "git_url": format!("git://github.com/{name}.git"),
        "ssh_url": format!("git@github.com:{name}.git"),
        "clone_url": format!("https://github.com/{name}.git"),
        "svn_url": format!("https://github.com/{name}"),
        "mirror_url": null,
        "homepage": null,
        "language": null,
        "license": null,
        "default_branch": repository.history.default_branch,
        "visibility": "private",
        "pushed_at": LONG_AGO,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    })));
    Answer::json(200, &Value::Object(shown))
}

/// A repository as other answers show it.
pub(super) fn minimal(api: &str, name: &str) -> Map<String, Value> {
    let (owner, short) = split(name);
    let number = id("repository", name);
    let base = format!("{api}/repos/{name}");
    let mut shown = fields(json!({
        "id": number,
        "node_id": node_id("R", number),
        "name": short,
        "full_name": name,
        "owner": accounts::owner(api, owner),
        "private": true,
        "html_url": format!("https://github.com/{name}"),
        "description": null,
        "fork": false,
        "url": base,
    }));
    for (field, path) in [
        ("archive", "/{archive_format}{/ref}"),
        ("assignees", "/assignees{/user}"),
        ("blobs", "/git/blobs{/sha}"),
        ("branches", "/branches{/branch}"),
        ("collaborators", "/collaborators{/collaborator}"),
        ("comments", "/comments{/number}"),
        ("commits", "/commits{/sha}"),
        ("compare", "/compare/{base}...{head}"),
        ("contents", "/contents/{+path}"),
        ("contributors", "/contributors"),
        ("deployments", "/deployments"),
        ("downloads", "/downloads"),
        ("events", "/events"),
        ("forks", "/forks"),
        ("git_commits", "/git/commits{/sha}"),
        ("git_refs", "/git/refs{/sha}"),
        ("git_tags", "/git/tags{/sha}"),
        ("hooks", "/hooks"),
        ("issue_comment", "/issues/comments{/number}"),
        ("issue_events", "/issues/events{/number}"),
        ("issues", "/issues{/number}"),
        ("keys", "/keys{/key_id}"),
        ("labels", "/labels{/name}"),
        ("languages", "/languages"),
        ("merges", "/merges"),
        ("milestones", "/milestones{/number}"),
        ("notifications", "/notifications{?since,all,participating}"),
        ("pulls", "/pulls{/number}"),
        ("releases", "/releases{/id}"),
        ("stargazers", "/stargazers"),
        ("statuses", "/statuses/{sha}"),
        ("subscribers", "/subscribers"),
        ("subscription", "/subscription"),
        ("tags", "/tags"),
        ("teams", "/teams"),
        ("trees", "/git/trees{/sha}"),
    ] {
        shown.insert(format!("{field}_url"), format!("{base}{path}").into());
    }
    shown
}

/// Owner and name.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, ""))
}
