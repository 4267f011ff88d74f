//! Promotions as pull requests: their commits in git, the pull requests and their reviews on the fake GitHub, and the run that made
//! them with what its `evidence` announced.

use promote_gates::{
    people::digest::sha256_of,
    sandbox::github::{FakeCommit, FakePullRequest, FakePullRequestReview},
};

use super::*;
use crate::shop::{FILE, git, git_with_input};

pub const SHOP: &str = "acme/shop";
/// Everything that `approval` and `status` read.
pub const PERMISSIONS: [&str; 4] = ["actions=read", "checks=read", "contents=read", "pull_requests=read"];
/// The commit in the image, and the one in the image before.
const SOURCE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const SOURCE_BEFORE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// The commit of the workflow file of run 7.
const WORKFLOW_COMMIT: &str = "cccccccccccccccccccccccccccccccccccccccc";
const CONFIG: &str = "services:\n  checkout-service:\n    repository: acme/shop\n    workflow: .github/workflows/validate.yml\n    \
                      image: ghcr.io/acme/checkout-service\npeople: { machines: [release-robot] }\n";

/// The evidence id of a pull request in these tests.
pub fn evidence_id(number: u64) -> String {
    format!("{number:02x}").repeat(32)
}

pub fn branch(number: u64) -> String {
    format!("promote/production/checkout-service/{}", evidence_id(number))
}

/// The commit of a pull request: what it changes, and what its message says.
pub struct ProposedCommit {
    pub number: u64,
    pub tag: String,
    pub files: Vec<(String, String)>,
    pub trailers: String,
}

impl Stage {
    /// The stage of pull requests: mallory wrote the release, and run 7 made the commit of every one.
    pub fn with_pull_requests() -> Self {
        let stage = Self::new();
        let fake_github = &stage.fake_github;
        fake_github.grant(TOKEN, INFRA, &PERMISSIONS);
        fake_github.create(SHOP);
        fake_github.grant(TOKEN, SHOP, &["actions=read", "contents=read", "pull_requests=read"]);
        fake_github.commit(SHOP, SOURCE_BEFORE, "trent", "before");
        fake_github.commit(SHOP, SOURCE, "mallory", "the release");
        let run = FakeRun {
            id: 41,
            path: ".github/workflows/validate.yml".to_owned(),
            head_sha: SOURCE.to_owned(),
            actor: "mallory".to_owned(),
            ..FakeRun::default()
        };
        fake_github.set_run(SHOP, run);
        fake_github.commit(INFRA, WORKFLOW_COMMIT, "platform", "the workflows");
        let run = FakeRun {
            id: 7,
            path: WORKFLOW.to_owned(),
            event: "repository_dispatch".to_owned(),
            head_sha: WORKFLOW_COMMIT.to_owned(),
            ..FakeRun::default()
        };
        fake_github.set_run(INFRA, run.ended("success"));
        // The image before is in the ledger.
        let trailers = format!("Source-commit: {SOURCE_BEFORE}");
        let date = format!("{} +0000", noon_plus(-48 * 60).as_second());
        shop::commit_promotion(&stage.infra, &date, ("checkout-service", "production"), "1.4.0", &trailers);
        stage
    }

    /// Announces the evidence of a release in run 7.
    pub fn announce(&self, tag: &str, verdict: &str) {
        let subject = json!({
            "service": "checkout-service", "environment": "production", "image": "ghcr.io/acme/checkout-service",
            "tag": tag, "commit": SOURCE,
        });
        let job = FakeJob { id: 70, ..completed_job("evidence", -70) };
        self.fake_github.set_job(INFRA, 7, 1, job);
        let message = format!("command=evidence verdict={verdict} sha256={} subject={subject}", "d".repeat(64));
        self.fake_github.annotate(INFRA, 70, "promote-gates", &message);
    }

    /// The commit of a promotion of 1.4.2.
    pub fn proposed(&self, number: u64) -> ProposedCommit {
        let people = json!({ "count": 1, "sha256": sha256_of(["mallory"]), "runs": [41], "head": SOURCE, "base": SOURCE_BEFORE });
        let tag = "1.4.2".to_owned();
        let text = self.infra.read(FILE).unwrap().replace("newTag: 1.4.0", &format!("newTag: {tag}"));
        let trailers = format!(
            "Service: checkout-service\nEnvironment: production\nImage: ghcr.io/acme/checkout-service:{tag}\n\
             Previous-Image: ghcr.io/acme/checkout-service:1.4.0\nSource-commit: {SOURCE}\n\
             Validated-at: 2026-01-01T10:30:00Z\nEvidence: {}\nPeople: {people}\nWorkflow: https://github.com/{INFRA}/actions/runs/7/attempts/1\n\
             Promotion-kind: normal\n",
            evidence_id(number)
        );
        ProposedCommit { number, tag, files: vec![(FILE.to_owned(), text)], trailers }
    }

    /// Opens the pull request of a promotion of 1.4.2, at noon. Returns its commit.
    pub fn propose(&self, number: u64) -> String {
        self.propose_commit(&self.proposed(number))
    }

    /// Opens a pull request with a commit. Returns the commit.
    pub fn propose_commit(&self, commit: &ProposedCommit) -> String {
        let ProposedCommit { number, files, .. } = commit;
        let sha = self.push_proposed(commit, "main");
        let pull_request = FakePullRequest {
            number: *number,
            opener: Some("github-actions[bot]".to_owned()),
            is_open: true,
            branch: branch(*number),
            opened_at: Some(noon()),
            files: files.iter().map(|(path, _)| path.clone()).collect(),
            own: vec![FakeCommit { sha: sha.clone(), ..FakeCommit::default() }],
            ..FakePullRequest::default()
        };
        self.fake_github.add_pull_request(INFRA, pull_request);
        sha
    }

    /// Makes a commit on the branch of a pull request, on top of `parent`. Returns it.
    pub fn push_proposed(&self, commit: &ProposedCommit, parent: &str) -> String {
        let ProposedCommit { number, tag, files, trailers } = commit;
        let message = format!("promote(production): checkout-service → {tag}\n\n{trailers}");
        let name = format!("refs/heads/{}", branch(*number));
        let mut stream = format!(
            "commit {name}\ncommitter A <a@shop.invalid> {} +0000\ndata {}\n{message}from refs/heads/{parent}^0\n",
            noon().as_second(),
            message.len()
        );
        for (path, text) in files {
            stream += &format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
        }
        git_with_input(self.infra.path(), &["fast-import", "--quiet", "--force"], &stream);
        git(self.infra.path(), &["rev-parse", &name])
    }

    /// Approves a pull request at its last commit, this many minutes after noon.
    pub fn approve_pull_request(&self, number: u64, login: &str, minutes: i64) {
        self.review(number, FakePullRequestReview { author: Some(login.to_owned()), ..self.approval(number, minutes) });
    }

    /// An approval of the last commit of a pull request.
    pub fn approval(&self, number: u64, minutes: i64) -> FakePullRequestReview {
        let commit = git(self.infra.path(), &["rev-parse", &format!("refs/heads/{}", branch(number))]);
        FakePullRequestReview { commit: Some(commit), at: noon_plus(minutes), ..FakePullRequestReview::default() }
    }

    pub fn review(&self, number: u64, review: FakePullRequestReview) {
        self.fake_github.review_pull_request(INFRA, number, review);
    }

    /// A step of `approval` or `status` on pull requests, without the reports of other jobs.
    pub fn pull_request_step(&self) -> Runner {
        let step = Runner::new()
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_REPOSITORY", INFRA)
            .env("GITHUB_RUN_ID", "8")
            .env("GITHUB_EVENT_NAME", "schedule")
            .input("checkout", &self.checkout().display().to_string())
            .input("config", "rules.yml")
            .input("token", TOKEN);
        step.write("rules.yml", CONFIG);
        step
    }

    /// A step of `approval` that judges a pull request.
    pub fn judge_pull_request(&self, number: u64) -> Runner {
        self.pull_request_step().input("source", "pull-request").input("pull-request", &number.to_string())
    }
}

/// A step whose config file has more lines.
pub fn with_config(step: Runner, more: &str) -> Runner {
    step.write("rules.yml", format!("{CONFIG}{more}"));
    step
}
