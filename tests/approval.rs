//! `approval` against a fake GitHub and a real ledger: whose approval counts, and whose does not.

mod batch;
mod counted;
mod people;
pub mod proposals;
mod pull_request;
mod refused;
pub mod story;
pub mod superseded;
mod workflows;

use std::{fs, path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use promote_gates::{
    finding::{Finding, Verdict},
    report::{Outcome, Report, Run as WorkflowRun, compact::compact},
    sandbox::{
        github::{FakeDeployment, FakeGitHub, FakeJob, FakeRun},
        infra::Infra,
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    house::{Ended, Runner, temp_dir},
    shop::{self, template::Template},
};

pub const INFRA: &str = "acme/infra";
pub const TOKEN: &str = "ghs_tokenOfTheJob";
const WORKFLOW: &str = ".github/workflows/promote-to-production.yml";
const EVIDENCE: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
pub const SUBJECT: &str = r#"{"service":"checkout-service","environment":"production","tag":"1.4.2"}"#;

/// When the protected job of run 7 was approved and started: 12:00.
pub fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

pub fn noon_plus(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

/// The infra repository on GitHub and on disk, during the promotion in run 7, which waited for its review.
pub struct Stage {
    pub fake_github: FakeGitHub,
    pub infra: Infra,
    template: Arc<Template>,
    folder: TempDir,
}

impl Stage {
    /// `production` requires a review by the team `platform-leads`.
    pub fn new() -> Self {
        let (folder, template) = (temp_dir(), Template::with_services(&["checkout-service", "frontend"]));
        let stage =
            Self { fake_github: FakeGitHub::start().unwrap(), infra: template.infra(folder.path()), template, folder };
        stage.fake_github.create(INFRA);
        stage.fake_github.grant(TOKEN, INFRA, &["actions=read", "contents=read", "deployments=read"]);
        let team = stage.fake_github.add_team("acme", "platform-leads", &["alice", "bob"]);
        stage.fake_github.protect(INFRA, "production", &json!({ "reviewers": [{ "type": "Team", "id": team }] }));
        stage.start(7, 0);
        stage
    }

    /// Adds a run of the promotion workflow whose protected job stopped waiting this many minutes after noon and still runs.
    fn start(&self, id: u64, minutes: i64) {
        self.start_of(WORKFLOW, id, minutes, minutes);
    }

    /// As [`Self::start`], of another workflow, with a job that started on a runner at `started`.
    fn start_of(&self, path: &str, id: u64, minutes: i64, started: i64) {
        let created_at = noon_plus(minutes - 60);
        let run = FakeRun {
            id,
            path: path.to_owned(),
            created_at,
            run_started_at: created_at,
            updated_at: noon_plus(started),
            ..FakeRun::default()
        };
        self.fake_github.set_run(INFRA, run.in_progress());
        self.fake_github.set_job(INFRA, id, 1, completed_job("evidence", minutes - 60));
        let job = self.fake_github.set_job(INFRA, id, 1, running_job("promote", started));
        let deployment = waiting(id, job, minutes - 59).then("QUEUED", noon_plus(minutes));
        self.fake_github.set_deployment(INFRA, "production", deployment.then("IN_PROGRESS", noon_plus(started)));
    }

    /// The protected job of an attempt of run 7 that waited anew, and stopped waiting this many minutes after noon.
    fn start_attempt(&self, attempt: u32, minutes: i64) {
        let job = self.fake_github.set_job(INFRA, 7, attempt, running_job("promote", minutes));
        let deployment = waiting(7, job, minutes - 10).then("QUEUED", noon_plus(minutes));
        self.fake_github.set_deployment(INFRA, "production", deployment);
    }

    /// The deployment of the protected job of run 7 in its first attempt.
    fn own_deployment(&self) -> FakeDeployment {
        let job = self.fake_github.set_job(INFRA, 7, 1, completed_job("promote", -60));
        let skipped = FakeJob { conclusion: Some("skipped".to_owned()), ..completed_job("promote", -60) };
        self.fake_github.set_job(INFRA, 7, 1, skipped);
        waiting(7, job, -70).then("FAILURE", noon_plus(-60))
    }

    /// As [`Self::start`], approved by `by`.
    fn approved(&self, id: u64, by: &str, minutes: i64) {
        self.start(id, minutes);
        self.fake_github.approve(INFRA, id, "production", by, "");
    }

    /// Commits a promotion of the service that the trailers name, to production unless they name another environment.
    pub fn commit(&self, trailers: &str, minutes: i64) {
        let named = |name: &str| trailers.lines().find_map(|line| line.strip_prefix(name));
        let target = (named("Service: ").unwrap(), named("Environment: ").unwrap_or("production"));
        let date = format!("{} +0000", noon_plus(minutes).as_second());
        let tag = format!("2.0.{}", shop::git(self.infra.path(), &["rev-list", "--count", "main"]));
        shop::commit_promotion(&self.infra, &date, target, &tag, trailers);
    }

    /// Commits the trailers of such a promotion, and changes no image.
    pub fn claim(&self, trailers: &str, minutes: i64) {
        let message = format!(
            "docs\n\nEnvironment: production\nImage: ghcr.io/acme/checkout-service:2.0.0\n\
             Previous-Image: ghcr.io/acme/checkout-service:1.4.1\n{trailers}"
        );
        let date = format!("{} +0000", noon_plus(minutes).as_second());
        shop::commit(&self.infra, &date, &message, Some(("README.md", trailers)));
    }

    pub fn checkout(&self) -> PathBuf {
        let path = self.folder.path().join("checkout");
        if !path.exists() {
            self.template.checkout(&self.infra, &self.infra.path().display().to_string(), &[], &path);
        }
        path
    }

    /// The step of run 7.
    fn step(&self) -> Runner {
        Runner::new()
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_REPOSITORY", INFRA)
            .env("GITHUB_ACTOR", "dispatcher[bot]")
            .env("RUNNER_NAME", "runner-7")
            .input("checkout", &self.checkout().display().to_string())
            .input("subject", SUBJECT)
            .input("github-environment", "production")
            .input("token", TOKEN)
            .input("results", &needs(&evidence(&["mallory"])))
    }

    /// Runs a step. Asserts that its requests conform to GitHub's API and that no output shows the token.
    fn judge(&self, step: &Runner) -> Ended {
        let ended = step.run(&["approval"]);
        assert_eq!(self.fake_github.violations(), Vec::<String>::new(), "{}", ended.log);
        assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
        let log = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
        for place in [&log, &ended.summary, &format!("{:?}", ended.outputs), &ended.report.to_string()] {
            assert!(!place.contains(TOKEN), "{place}");
        }
        ended
    }
}

/// The deployment of a job that waits since this many minutes after noon.
fn waiting(run: u64, job: u64, minutes: i64) -> FakeDeployment {
    FakeDeployment::waiting(run, job, noon_plus(minutes))
}

/// A completed job that was queued an hour before its start.
fn completed_job(name: &str, minutes: i64) -> FakeJob {
    let (started_at, completed_at) = (noon_plus(minutes), Some(noon_plus(minutes + 1)));
    let queued_at = Some(noon_plus(minutes - 60));
    FakeJob { name: name.to_owned(), started_at, queued_at, completed_at, ..FakeJob::default() }
}

fn running_job(name: &str, minutes: i64) -> FakeJob {
    FakeJob {
        status: "in_progress".to_owned(),
        conclusion: None,
        completed_at: None,
        runner_name: Some("runner-7".to_owned()),
        ..completed_job(name, minutes)
    }
}

/// The report of `evidence` in run 7.
pub fn evidence(excluded: &[&str]) -> Report {
    let mut report = Report::open("evidence", noon().to_string());
    report.subject = SUBJECT.parse().unwrap();
    report.run = Some(WorkflowRun {
        repository: INFRA.to_owned(),
        id: 7,
        attempt: 1,
        url: format!("https://github.com/{INFRA}/actions/runs/7/attempts/1"),
        job: "evidence".to_owned(),
    });
    let outputs = [
        ("excluded", excluded.join("\n")),
        ("evidence", EVIDENCE.to_owned()),
        ("validated-at", noon_plus(-90).to_string()),
    ];
    report
        .close(Ok(Outcome { outputs: outputs.into(), ..vec![Finding::passed("evidence")].into() }), noon().to_string());
    report
}

/// What the services of a batch have in common.
pub const COMMON: &str = r#"{"environment":"production"}"#;

/// The report of `evidence` in run 7 about two services that are ready and one that is not. Their evidence ids are the letters `a`
/// and `b`.
pub fn batch_evidence(excluded: &[&str]) -> Report {
    let inner = |service: &str, letter: &str, verdict: Verdict| {
        let subject = format!(r#"{{"service":"{service}","environment":"production","tag":"1.4.2"}}"#);
        let outputs = [("evidence", letter.repeat(64)), ("validated-at", noon_plus(-90).to_string())];
        let mut report = Report::open("evidence", noon().to_string());
        report.subject = subject.parse().unwrap();
        let findings = vec![Finding::new("check", verdict).actual("as seen").next("look")];
        report.close(Ok(Outcome { outputs: outputs.into(), ..findings.into() }), noon().to_string());
        report
    };
    let ready = ["checkout-service", "frontend"];
    let reports = vec![
        inner(ready[0], "a", Verdict::Passed),
        inner(ready[1], "b", Verdict::Passed),
        inner("search", "c", Verdict::Blocked),
    ];
    let outputs = [("services", json!(ready).to_string()), ("excluded", excluded.join("\n"))];
    let findings = vec![Finding::passed("checkout-service"), Finding::blocked("search").next("look")];
    let mut report = Report { subject: COMMON.parse().unwrap(), ..evidence(&[]) };
    report.close(Ok(Outcome { outputs: outputs.into(), reports, ..findings.into() }), noon().to_string());
    report
}

/// `toJSON(needs)` of a job that needs `evidence`.
pub fn needs(report: &Report) -> String {
    json!({ "evidence": { "result": "success", "outputs": { "report": compact(report, "").text } } }).to_string()
}

/// The exit code and the verdict.
pub fn end(ended: &Ended) -> (i32, &str) {
    (ended.code, &ended.outputs["verdict"])
}

/// The first finding whose check starts with `check`.
pub fn finding<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let findings = ended.report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"].as_str().unwrap().starts_with(check));
    found.unwrap_or_else(|| panic!("no {check}: {findings:#?}"))
}

pub const PASSED: (i32, &str) = (0, "passed");
pub const BLOCKED: (i32, &str) = (1, "blocked");
pub const INCONCLUSIVE: (i32, &str) = (3, "inconclusive");

#[test]
fn an_independent_approver_passes_and_is_an_output() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "looks well");
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(
        (ended.outputs["approver"].as_str(), ended.outputs["approved-at"].as_str()),
        ("alice", "2026-01-01T12:00:00Z")
    );
    assert!(finding(&ended, "protection of production")["actual"].as_str().unwrap().contains("platform-leads"));
    // Later steps read the compact report.
    let report: Report = serde_json::from_str(&ended.outputs["report"]).unwrap();
    assert_eq!((report.verdict, report.outputs["approver"].as_str()), (Verdict::Passed, "alice"));
    assert!(!fs::read_to_string(stage.checkout().join("README.md")).unwrap().is_empty(), "the checkout is unchanged");
}

#[test]
fn the_independent_one_of_two_approvers_counts() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "staging", "bob", "");
    stage.fake_github.approve(INFRA, 7, "production", "mallory", "");
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let ended = stage.judge(&stage.step());
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "alice"), "{}", ended.log);
    assert_eq!(finding(&ended, "approval")["actual"], "approved by mallory, alice");
}

#[test]
fn a_dry_run_reports_the_verdict_and_fails_nothing() {
    let stage = Stage::new();
    let ended = stage.judge(&stage.step().input("dry-run", "true"));
    assert_eq!(end(&ended), (0, "blocked"), "{}", ended.log);
}
