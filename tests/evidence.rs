//! `evidence` against a fake GitHub and a real infra repository: verdicts, and the evidence for the approver.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod age;
mod batch;
mod bundle;
mod first_reasons;
mod forged;
mod inputs;
mod ledger;
mod pack;
mod people;
mod proofs;
pub mod story;
mod test_count;
mod unobservable;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use promote_gates::{
    clock::{Clock as _, SystemClock, rfc3339},
    finding::{Finding, Verdict},
    report::{
        Outcome, Report, Run,
        compact::{compact, hex_sha256},
        notice::ReportNotice,
    },
    sandbox::{
        github::{self, FakeGitHub, FakeJob},
        infra::Infra,
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    house::{Ended, Runner, temp_dir},
    shop::{self, template::Template},
};

const SHOP: &str = "acme/shop";
const INFRA: &str = "acme/ecommerce-infra";
const TOKEN: &str = "ghs_tokenThatReadsTheShop";
const VALIDATE: &str = ".github/workflows/validate-staging.yml";
const DEPLOY: &str = ".github/workflows/deploy-staging.yml";
const GATES: [&str; 3] = ["health", "smoke", "performance"];
const CONFIG: &str = "\
services:
  checkout-service:
    repository: acme/shop
    workflow: .github/workflows/validate-staging.yml
    deploy-workflow: .github/workflows/deploy-staging.yml
    image: ghcr.io/acme/checkout-service
policy:
  performance: ['.settings[\"max-ratio\"] <= 1.2']
";

/// A commit id of the shop: the letter forty times.
fn sha(letter: char) -> String {
    letter.to_string().repeat(40)
}

fn ago(minutes: i64) -> Timestamp {
    SystemClock::new().wall().checked_sub(SignedDuration::from_mins(minutes)).unwrap()
}

/// A release of the shop that was validated on staging and is not promoted yet: 1.4.2 is commit `c`, run 41 deployed it, run 7
/// validated it, and its last job, which sent the dispatch, still runs. Production has 1.4.1, which is commit `a`.
struct Stage {
    fake_github: FakeGitHub,
    folder: TempDir,
    template: Arc<Template>,
    infra: Infra,
    reports: Vec<Report>,
    config: String,
    deploy: Value,
}

impl Stage {
    fn new() -> Self {
        Self::with_services(&["checkout-service", "frontend"])
    }

    /// The same, with these services in the infra repository.
    fn with_services(services: &[&str]) -> Self {
        let (folder, template) = (temp_dir(), Template::with_services(services));
        let infra = template.infra(folder.path());
        let fake_github = FakeGitHub::start().unwrap();
        fake_github.create(SHOP);
        fake_github.grant(TOKEN, SHOP, &["actions=read", "checks=read", "contents=read", "pull_requests=read"]);
        for (letter, login, message) in
            [('a', "alice", "Cart: totals"), ('b', "bob", "Cart: coupons\n\nbody"), ('c', "alice", "Cart: gifts")]
        {
            fake_github.commit(SHOP, &sha(letter), login, message);
        }
        fake_github.tag(SHOP, "v1.4.1", &sha('a'));
        let stage = Self {
            fake_github,
            folder,
            template,
            infra,
            reports: GATES.map(|command| report(command, Verdict::Passed)).into(),
            config: CONFIG.to_owned(),
            deploy: json!({ "id": 41, "attempt": 1, "head_sha": sha('c') }),
        };
        stage.fake_github.set_run(SHOP, deploy_run());
        stage.fake_github.set_run(SHOP, validating_run().in_progress());
        for report in &stage.reports {
            stage.job(&report.command, "success", Some(report));
        }
        stage.fake_github.set_job(SHOP, 7, 1, FakeJob::running("record", "GitHub Actions 9"));
        stage
    }

    /// Commits promotions to 1.4.0 and to 1.4.1, the current image, the latter with these further trailers.
    fn infra_at_first_tag(&self, trailers: &str) {
        let target = ("checkout-service", "production");
        shop::commit_promotion(&self.infra, &shop::ago(0), target, "1.4.0", "");
        shop::commit_promotion(&self.infra, &shop::ago(0), target, "1.4.1", trailers);
    }

    /// Adds a completed job to the validating run, and its annotation about a report.
    fn job(&self, name: &str, conclusion: &str, report: Option<&Report>) -> u64 {
        let job = FakeJob { completed_at: Some(ago(4)), ..FakeJob::ended(name, conclusion) }.since(ago(6));
        let id = self.fake_github.set_job(SHOP, 7, 1, job);
        if let Some(report) = report {
            self.fake_github.remove_annotations(SHOP, id);
            self.annotate(id, report);
        }
        id
    }

    fn annotate(&self, job: u64, report: &Report) {
        self.fake_github.annotate(SHOP, job, "promote-gates", &notice(report).to_string());
    }

    /// The payload that `record` dispatches.
    fn payload(&self) -> Value {
        let reports: Vec<String> = self.reports.iter().map(output).collect();
        json!({
            "service": "checkout-service",
            "image_tag": "1.4.2",
            "validated_at": rfc3339(ago(3)),
            "evidence": {
                "schema": 1,
                "run": { "repository": SHOP, "id": 7, "attempt": 1, "url": "https://github.com/acme/shop/actions/runs/7/attempts/1" },
                "deploy": self.deploy,
                "subject": subject(),
                "reports": reports,
            },
        })
    }

    /// A clone of the infra repository.
    fn clone(&self) -> PathBuf {
        let path = tempfile::tempdir_in(self.folder.path()).unwrap().keep().join("infra");
        self.template.checkout(&self.infra, &self.infra.path().display().to_string(), &[], &path);
        path
    }

    /// A step of the promotion workflow, without its event.
    fn runner(&self) -> Runner {
        let runner = Runner::new()
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_REPOSITORY", INFRA)
            .env("GITHUB_RUN_ID", "900")
            .input("environment", "production")
            .input("source-token", TOKEN)
            // `proofs` has the signed payloads.
            .input("proof", "annotations")
            .input("annotations-timeout", "300ms")
            .input("checkout", &self.clone().display().to_string());
        runner.write(".github/promote-gates.yml", &self.config);
        runner
    }

    fn run(&self) -> Ended {
        dispatched(self.runner(), &self.payload()).run(&["evidence"])
    }
}

/// A runner whose workflow was started by a dispatch with this payload.
fn dispatched(runner: Runner, payload: &Value) -> Runner {
    let event = json!({ "action": "staging-validated", "branch": "main", "client_payload": payload, "sender": {} });
    with_event(runner, "repository_dispatch", &event.to_string())
}

fn with_event(runner: Runner, name: &str, event: &str) -> Runner {
    runner.write("../event.json", event);
    let path = runner.workspace().join("../event.json").display().to_string();
    runner.env("GITHUB_EVENT_NAME", name).env("GITHUB_EVENT_PATH", &path)
}

fn subject() -> Value {
    json!({ "service": "checkout-service", "environment": "staging", "tag": "1.4.2", "commit": sha('c') })
}

fn deploy_run() -> github::FakeRun {
    github::FakeRun {
        id: 41,
        path: DEPLOY.to_owned(),
        head_sha: sha('c'),
        actor: "dora".to_owned(),
        triggering_actor: "Emil".to_owned(),
        ..github::FakeRun::default()
    }
}

fn validating_run() -> github::FakeRun {
    github::FakeRun {
        id: 7,
        path: VALIDATE.to_owned(),
        event: "workflow_run".to_owned(),
        head_sha: sha('b'),
        actor: "dora".to_owned(),
        ..github::FakeRun::default()
    }
}

/// A report of a gate on staging in run 7.
fn report(command: &str, verdict: Verdict) -> Report {
    let finding = Finding::new(format!("{command} figure"), verdict).actual("97 ms");
    let mut report = Report::open(command, rfc3339(ago(6)));
    report.subject = subject().to_string().parse().unwrap();
    report.run = Some(Run {
        repository: SHOP.to_owned(),
        id: 7,
        attempt: 1,
        url: "https://github.com/acme/shop/actions/runs/7/attempts/1".to_owned(),
        job: command.to_owned(),
    });
    report.settings.insert("max-ratio".to_owned(), json!(1.2));
    report.close(Ok(Outcome::from(vec![finding])), rfc3339(ago(5)));
    report
}

/// A gate's output `report`.
fn output(report: &Report) -> String {
    compact(report, &"0".repeat(64)).text
}

/// The notice in which a gate announces its report.
fn notice(report: &Report) -> ReportNotice {
    ReportNotice {
        command: report.command.clone(),
        verdict: report.verdict.to_string(),
        sha256: hex_sha256(output(report).as_bytes()),
        dry_run: report.dry_run,
        subject: Some(report.subject.clone()),
    }
}

/// The finding of one check.
fn found<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let findings = ended.report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check} in {}", ended.log))
}

/// The exit code and the verdict. Outputs and report must agree.
fn end(ended: &Ended) -> (i32, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    (ended.code, &ended.outputs["verdict"])
}

/// Runs git without the user's and the system's configuration.
fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@shop.invalid"])
        .args(arguments)
        .current_dir(dir)
        .env("HOME", "/nonexistent")
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn a_validated_release_passes() {
    let stage = Stage::new();
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(stage.fake_github.violations(), [""; 0]);
    let outputs = |name: &str| ended.outputs.get(name).map_or("", String::as_str);
    let mut hashes: Vec<String> = stage.reports.iter().map(|report| hex_sha256(output(report).as_bytes())).collect();
    hashes.sort();
    for (name, value) in [
        ("service", "checkout-service"),
        ("environment", "production"),
        ("image", "ghcr.io/acme/checkout-service:1.4.2"),
        ("tag", "1.4.2"),
        ("digest", ""),
        ("commit", &*sha('c')),
        ("evidence", &*hex_sha256(hashes.join("\n").as_bytes())),
        ("validation-run", "https://github.com/acme/shop/actions/runs/7/attempts/1"),
        ("excluded", "alice\nbob\ndora\nEmil"),
        ("authors", "alice\nbob"),
    ] {
        assert_eq!(outputs(name), value, "{name}");
    }
    let subject = json!({
        "service": "checkout-service",
        "environment": "production",
        "image": "ghcr.io/acme/checkout-service",
        "tag": "1.4.2",
        "commit": sha('c'),
    });
    assert_eq!(serde_json::from_str::<Value>(outputs("subject")).unwrap(), subject);
    assert_eq!(ended.report["subject"], subject);
    let validated_at: Timestamp = outputs("validated-at").parse().unwrap();
    assert!(validated_at <= ago(4) && validated_at >= ago(5), "by GitHub's clock: {validated_at}");
    let compact: Report = serde_json::from_str(&ended.outputs["report"]).unwrap();
    assert_eq!(compact.outputs["evidence"], outputs("evidence"), "later jobs read the compact report");
    assert!(
        !ended.log.contains(TOKEN.trim_start_matches("ghs_")) || ended.log.matches(TOKEN).count() == 1,
        "{}",
        ended.log
    );
}

#[test]
fn evidence_accepts_the_payload_of_record() {
    let stage = Stage::new();
    stage.fake_github.create(INFRA);
    stage.fake_github.grant("dispatcher", INFRA, &["contents=write"]);
    let deploy = json!({ "id": 41, "run_attempt": 1, "head_sha": sha('c'), "head_branch": "main" });
    let event = json!({ "action": "completed", "workflow_run": deploy }).to_string();
    let job = |report: &Report| json!({ "outputs": { "report": output(report) } });
    let needs: serde_json::Map<String, Value> =
        stage.reports.iter().map(|report| (report.command.clone(), job(report))).collect();
    let record = Runner::new()
        .env("GITHUB_API_URL", &stage.fake_github.api_url())
        .input("repository", INFRA)
        .input("token", "dispatcher")
        .input("source-token", TOKEN)
        .input("service", "checkout-service")
        .input("environment", "staging")
        .input("tag", "1.4.2")
        .input("proof", "annotations")
        .input("results", &Value::Object(needs).to_string());
    let ended = with_event(record, "workflow_run", &event).run(&["record"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let dispatch = stage.fake_github.dispatches(INFRA).remove(0);
    let ended = dispatched(stage.runner(), &dispatch.client_payload).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(stage.fake_github.violations(), [""; 0]);
}
