//! A pull request of a team, and the runs of its checks; a person's in the infra repository.

use std::fs;

use promote_gates::sandbox::github::{FakeCommit, FakePullRequest};
use serde_json::{Value, json};

use super::team::Team;
use super::{Acme, INFRA};
use crate::act::ActRun;
use crate::repo::Repo;

/// A pull request that changes one source of a service.
pub struct Proposal<'a> {
    pub team: &'a Team<'a>,
    pub number: u64,
    event: Value,
}

impl<'a> Proposal<'a> {
    /// Commits a source on a branch, and opens a pull request for it.
    pub fn open(team: &'a Team<'a>, source: &str, content: impl AsRef<[u8]>, description: &str) -> Self {
        let base = team.repo.git(["rev-parse", "HEAD"]);
        team.repo.git(["switch", "--quiet", "--create", "topic"]);
        team.repo.write(source, content);
        let head = team.repo.commit("a small fix");
        // GitHub's merge commit of the pull request, which the workflow checks out.
        let tree = format!("{head}^{{tree}}");
        let merge = team.repo.git(["commit-tree", &tree, "-p", &base, "-p", &head, "-m", "Merge topic into main"]);
        let number = team.acme.fake_github.open_pull_request(&team.repository, "a small fix", description, &[]);
        team.repo.git(["update-ref", &format!("refs/pull/{number}/merge"), &merge]);
        let event = json!({
            "action": "opened",
            "number": number,
            "pull_request": {
                "number": number,
                // As they were when the event happened.
                "body": "",
                "labels": [],
                "base": { "ref": "main", "sha": base, "repo": { "id": 1 } },
                "head": { "ref": "topic", "sha": head, "repo": { "id": 1 } },
            },
            "repository": { "full_name": team.repository, "default_branch": "main" },
        });
        Self { team, number, event }
    }

    /// Runs a check of the pull request.
    pub fn check(&self, file: &str) -> ActRun {
        self.team.workflow(self.team.acme.next_run(), file, "pull_request").payload(self.event.clone()).run()
    }

    /// The text of the only comment.
    pub fn comment(&self) -> String {
        let comments = self.team.acme.fake_github.comments(&self.team.repository, self.number);
        let [comment] = comments.as_slice() else { panic!("one comment: {comments:#?}") };
        comment.body.clone()
    }
}

impl Acme {
    /// Opens a pull request of a person in the infra repository, which changes one file. Returns its number.
    pub fn open_by_hand(&self, login: &str, branch: &str, path: &str, text: &str) -> u64 {
        let clone = Repo::clone_of(self.infra.path());
        clone.git(["switch", "--quiet", "--create", branch]);
        clone.write(path, text);
        let sha = clone.commit("a small fix");
        clone.git(["push", "--quiet", "origin", branch]);
        let number = self.fake_github.open_pull_request(INFRA, "a small fix", "", &[]);
        let login = Some(login.to_owned());
        let own = FakeCommit { sha, author: login.clone(), committer: login.clone(), ..FakeCommit::default() };
        let pull_request = FakePullRequest {
            number,
            opener: login,
            is_open: true,
            branch: branch.to_owned(),
            files: vec![path.to_owned()],
            own: vec![own],
            ..FakePullRequest::default()
        };
        self.fake_github.add_pull_request(INFRA, pull_request);
        number
    }
}

impl Team<'_> {
    /// Runs what a push to the default branch starts.
    pub fn push(&self, file: &str) -> ActRun {
        let event = json!({ "ref": "refs/heads/main", "repository": { "full_name": self.repository } });
        self.workflow(self.acme.next_run(), file, "push").payload(event).run()
    }

    /// A file that the stand-ins of GitHub's actions have kept.
    pub fn kept(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.acme.at("stand-ins/store").join(name)).ok()
    }
}
