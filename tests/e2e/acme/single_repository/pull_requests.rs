//! What people do with the pull requests of promotions, and what GitHub then shows.

use promote_gates::sandbox::github::{self, FakeCommit, FakePullRequest, FakePullRequestReview};
use serde_json::{Value, json};

use super::{INFRA, SERVICE, SingleRepository};
use crate::repo::Repo;

impl SingleRepository<'_> {
    /// Reviews the last commit of a pull request.
    pub fn review(&self, number: u64, login: &str, state: &str) {
        self.add_review(number, login, state, true);
    }

    /// Approves it as someone who cannot push, as anyone may do in a public repository.
    pub fn approve_as_outsider(&self, number: u64, login: &str) {
        self.add_review(number, login, "APPROVED", false);
    }

    fn add_review(&self, number: u64, login: &str, state: &str, can_push: bool) {
        let review = FakePullRequestReview {
            state: state.to_owned(),
            author: Some(login.to_owned()),
            can_push,
            commit: Some(self.head(number)),
            body: "looked at it on staging".to_owned(),
            ..FakePullRequestReview::default()
        };
        self.acme.fake_github.review_pull_request(INFRA, number, review);
    }

    /// Pushes another image onto the branch of a pull request. Returns the commit.
    pub fn push_over(&self, number: u64, tag: &str) -> String {
        let clone = Repo::clone_of(self.acme.infra.path());
        clone.git(["switch", "--quiet", &self.branch(number)]);
        let path = format!("apps/{SERVICE}/overlays/production/kustomization.yaml");
        clone.write(
            &path,
            format!("images:\n  - name: {SERVICE}\n    newName: ghcr.io/acme/{SERVICE}\n    newTag: {tag}\n"),
        );
        let commit = clone.commit("the image with the fix");
        clone.git(["push", "--quiet", "origin", "HEAD"]);
        self.see_push(number, |_| {});
        commit
    }

    /// Moves the branch of a pull request to a commit that it had before.
    pub fn force_push(&self, number: u64, commit: &str) {
        let clone = Repo::clone_of(self.acme.infra.path());
        let target = format!("{commit}:refs/heads/{}", self.branch(number));
        clone.git(["push", "--quiet", "--force", "origin", &target]);
        // GitHub's times are whole seconds, and a review of the same second does not count.
        let at = github::now() - jiff::SignedDuration::from_secs(1);
        self.see_push(number, |one| one.force_pushed_at = Some(at));
    }

    /// Why the rule of main keeps a pull request from being merged.
    pub fn merge_refusal(&self, number: u64) -> Option<String> {
        self.acme.fake_github.merge_refusal(INFRA, number)
    }

    /// The account that set the newest status of a pull request's last commit.
    pub fn status_by(&self, number: u64) -> String {
        let (head, all) = (self.head(number), self.acme.fake_github.statuses(INFRA));
        all.into_iter().rfind(|status| status.sha == head).map(|status| status.creator).expect("a status")
    }

    /// Lets GitHub see what a pull request has after a push to its branch.
    fn see_push(&self, number: u64, more: impl FnOnce(&mut FakePullRequest)) {
        let (infra, branch) = (&self.acme.infra, self.branch(number));
        let commits = infra.commits_ahead("main", &branch).expect("the commits of the branch");
        let files = infra.changed_paths("main", &branch).expect("the files of the branch");
        self.acme.fake_github.change_pull_request(INFRA, number, |one| {
            one.own = commits.into_iter().map(|sha| FakeCommit { sha, ..FakeCommit::default() }).collect();
            one.files = files;
            more(one);
        });
    }

    /// Opens a closed pull request again.
    pub fn reopen(&self, number: u64) {
        self.acme.fake_github.change_pull_request(INFRA, number, |one| (one.is_open, one.is_unmerged) = (true, false));
    }

    /// The branch of a pull request.
    pub fn branch(&self, number: u64) -> String {
        let all = self.acme.fake_github.pull_requests(INFRA);
        let found = all.iter().find(|one| one.number == number).unwrap_or_else(|| panic!("#{number} in {all:#?}"));
        found.branch.clone()
    }

    /// The last commit of a pull request's branch.
    pub fn head(&self, number: u64) -> String {
        self.acme.infra.tip_of(&self.branch(number)).expect("its branch")
    }

    /// The numbers of the open pull requests.
    pub fn open_numbers(&self) -> Vec<u64> {
        let all = self.acme.fake_github.pull_requests(INFRA);
        all.into_iter().filter(|one| one.is_open).map(|one| one.number).collect()
    }

    /// State and description of the newest commit status of a pull request's last commit.
    pub fn status(&self, number: u64) -> (String, String) {
        let (head, all) = (self.head(number), self.acme.fake_github.statuses(INFRA));
        let of_head = all.iter().rfind(|status| status.sha == head && status.context == "promote-gates/approval");
        let last = of_head.unwrap_or_else(|| panic!("no status of {head}: {all:#?}")).clone();
        (last.state, last.description.unwrap_or_default())
    }

    /// The pull request as its readers see it: title, text and labels.
    pub fn page(&self, number: u64) -> Value {
        let issues = self.acme.fake_github.issues(INFRA);
        let issue = issues.into_iter().find(|issue| issue.number == number).expect("the pull request");
        json!({ "title": issue.title, "body": issue.body, "labels": issue.labels })
    }
}
