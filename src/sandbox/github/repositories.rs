//! `GET /repos/{owner}/{repo}`.

use serde_json::{Map, Value, json};

use super::{
    accounts::owner_json,
    call::ApiCall,
    errors::error,
    fake_github::FakeGitHub,
    format::{LONG_AGO, node_id, object_fields, repository_id, split_name},
    records::{FakeAccounts, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Creates a repository, `owner/name`, with the default branch `main`.
    pub fn create(&self, repository: &str) {
        self.with_repository(repository, |_, _| ());
    }

    /// Renames a repository. GitHub redirects requests for the old name.
    pub fn rename(&self, repository: &str, name: &str) {
        let mut state = self.state();
        if let Some(renamed) = state.data.repositories.remove(&repository.to_lowercase()) {
            let renamed = FakeRepository { name: name.to_owned(), ..renamed };
            state.data.repositories.insert(name.to_lowercase(), renamed);
        }
        state.data.renamed.insert(repository.to_lowercase(), name.to_owned());
    }
}

/// The response to a request for the old name of a repository.
pub fn moved(to: &str) -> FakeResponse {
    error(301, "Moved Permanently").header("location", to)
}

pub fn get(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    FakeResponse::json(200, &Value::Object(repository_json(repository, &call.api)))
}

/// A repository with all its fields.
pub fn repository_json(repository: &FakeRepository, api: &str) -> Map<String, Value> {
    let open = repository.issues.iter().filter(|issue| issue.state == "open").count();
    let name = &repository.name;
    let mut json = repository_summary(api, name);
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
    json.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
    let switches = [
        ("has_issues", true),
        ("has_projects", true),
        ("has_wiki", true),
        ("has_pages", false),
        ("has_discussions", false),
        ("archived", false),
        ("disabled", false),
    ];
    json.extend(switches.map(|(name, on)| (name.to_owned(), on.into())));
    json.extend(object_fields(json!({
        "git_url": format!("git://github.com/{name}.git"),
        "ssh_url": format!("git@github.com:{name}.git"),
        "clone_url": format!("https://github.com/{name}.git"),
        "svn_url": format!("https://github.com/{name}"),
        "mirror_url": null,
        "homepage": null,
        "language": null,
        "license": null,
        "default_branch": repository.history.default_branch,
        "visibility": repository.settings.visibility,
        "private": repository.settings.visibility != "public",
        "pushed_at": LONG_AGO,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    })));
    json
}

/// The fields of a repository that other responses include.
pub fn repository_summary(api: &str, name: &str) -> Map<String, Value> {
    let (owner, short_name) = split_name(name);
    let number = repository_id(name);
    let base = format!("{api}/repos/{name}");
    let mut json = object_fields(json!({
        "id": number,
        "node_id": node_id("R", number),
        "name": short_name,
        "full_name": name,
        "owner": owner_json(api, owner),
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
        json.insert(format!("{field}_url"), format!("{base}{path}").into());
    }
    json
}
