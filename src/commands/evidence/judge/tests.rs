mod age;
mod bundle;
mod people;
mod reports;
mod rollback;
mod test_count;

use serde_json::{Value, json};

use super::*;
use crate::{
    commands::{
        command_table,
        evidence::{
            bundle::BundleObservations,
            observations::{BaseCommit, ReleaseChanges, ValidationJobs},
            pack::check_size,
            payload::Claim,
        },
    },
    config::Config,
    deployment::judge::BranchPosition,
    finding::Verdict,
    people::participants::{CommitPart, ReleasePeople, UnknownAuthors},
    report::{Report, Run, compact::hex_sha256, notice::ReportNotice},
    subject::Subject,
    world::{
        event::RepositoryDispatch,
        github::{Annotation, CommitRelation, Comparison, Job, RunRepository, SourceCommit, WorkflowRun},
    },
};

const NOW: &str = "2026-01-01T12:00:00Z";
const SHA: &str = "cccccccccccccccccccccccccccccccccccccccc";
const CONFIG: &str = "\
services:
  checkout-service:
    repository: acme/shop
    workflow: .github/workflows/validate.yml
    deploy-workflow: .github/workflows/deploy.yml
    image: ghcr.io/acme/checkout-service
policy:
  smoke: ['.settings.attempts <= 3', '.verdict == \"passed\"']
";

fn subject() -> Value {
    json!({ "service": "checkout-service", "tag": "1.4.2", "commit": SHA })
}

fn report(command: &str, verdict: Verdict) -> Report {
    let mut report = Report::open(command, "2026-01-01T11:00:00Z".to_owned());
    report.subject = subject().to_string().parse().unwrap();
    report.run = Some(Run {
        repository: "acme/shop".to_owned(),
        id: 7,
        attempt: 1,
        url: String::new(),
        job: command.to_owned(),
    });
    report.settings.insert("attempts".to_owned(), json!(3));
    report.close(Ok(vec![Finding::new("path /", verdict)].into()), "2026-01-01T11:01:00Z".to_owned());
    report
}

fn text(report: &Report) -> String {
    serde_json::to_string(report).unwrap()
}

fn claim(reports: &[Report]) -> Claim {
    let client_payload = json!({
        "service": "checkout-service",
        "image_tag": "1.4.2",
        "validated_at": NOW,
        "evidence": {
            "schema": 1,
            "run": { "repository": "ACME/shop", "id": 7, "attempt": 1, "url": "" },
            "deploy": { "id": 41, "attempt": 1, "head_sha": SHA },
            "subject": subject(),
            "reports": reports.iter().map(text).collect::<Vec<_>>(),
        },
    });
    Claim::from_event(&RepositoryDispatch { action: String::new(), client_payload }).unwrap()
}

fn run(id: u64, path: &str, event: &str) -> WorkflowRun {
    let some = |text: &str| Some(text.to_owned());
    WorkflowRun {
        id,
        attempt: 1,
        workflow_id: 1,
        path: path.to_owned(),
        event: event.to_owned(),
        status: some("completed"),
        conclusion: some("success"),
        head_branch: some("main"),
        head_sha: SHA.to_owned(),
        actor: some("dora"),
        triggering_actor: some("dora"),
        repository: shop(Some(11)),
        head_repository: Some(shop(Some(11))),
        html_url: format!("https://github.com/acme/shop/actions/runs/{id}"),
        created_at: NOW.parse().unwrap(),
        updated_at: NOW.parse().unwrap(),
        run_started_at: None,
    }
}

fn shop(id: Option<u64>) -> RunRepository {
    RunRepository { id, full_name: "acme/shop".to_owned() }
}

/// The position of the commit on `main`, with this status.
fn position(status: &str) -> BranchPosition {
    let relation = CommitRelation { status: status.to_owned(), behind_by: 1 };
    BranchPosition { branch: "main".parse().unwrap(), tip: "d".repeat(40).parse().ok(), relation: Some(relation) }
}

fn job(id: u64) -> Job {
    Job {
        check_run_url: None,
        id,
        name: format!("job {id}"),
        status: "completed".to_owned(),
        conclusion: Some("success".to_owned()),
        started_at: None,
        completed_at: Some("2026-01-01T11:05:00Z".parse().unwrap()),
        runner_name: None,
        began: None,
    }
}

fn notice(report: &Report) -> Annotation {
    let sha256 = hex_sha256(text(report).as_bytes());
    Annotation {
        level: Some("notice".to_owned()),
        title: Some("promote-gates".to_owned()),
        message: Some(
            ReportNotice {
                command: report.command.clone(),
                verdict: report.verdict.to_string(),
                sha256,
                dry_run: report.dry_run,
                subject: Some(report.subject.clone()),
            }
            .to_string(),
        ),
    }
}

fn commit(author: Option<&str>, committer: Option<&str>) -> SourceCommit {
    serde_json::from_value(json!({
        "sha": SHA,
        "node_id": "C_1",
        "author": author.map(|login| json!({ "login": login })),
        "committer": committer.map(|login| json!({ "login": login })),
        "commit": { "message": "Title\n\nbody", "author": { "name": "Nobody" } },
    }))
    .unwrap()
}

/// Observations that pass every check: each report is announced by its own job.
fn observations(reports: &[Report]) -> EvidenceObservations {
    let comparison = Comparison { status: "ahead".to_owned(), total: 1, commits: vec![commit(Some("alice"), None)] };
    let numbered = || reports.iter().zip(1..);
    EvidenceObservations {
        run: Ok(Some(run(7, ".github/workflows/validate.yml@main", "workflow_run"))),
        deploy: Some(Ok(Some(run(41, ".github/workflows/deploy.yml", "push")))),
        branch: Some(Ok(position("behind"))),
        jobs: ValidationJobs {
            jobs: Some(numbered().map(|(_, id)| job(id)).collect()),
            annotations: numbered().map(|(report, id)| (id, vec![notice(report)])).collect(),
            error: None,
        },
        ledger: Ok(Vec::new()),
        bundle: BundleObservations::default(),
        tests: Ok(None),
        changes: ReleaseChanges {
            current_image: Some("ghcr.io/acme/checkout-service:1.4.1".to_owned()),
            base: Ok(BaseCommit::Known { sha: "a".repeat(40).parse().unwrap(), source: "tag".to_owned() }),
            comparison: Some(Ok(Some(comparison))),
            head: None,
            people: Some(Ok(ReleasePeople::default())),
        },
        later: None,
        default_branch: None,
        now: NOW.parse().unwrap(),
    }
}

/// The findings for good observations after `change`.
fn judge_after(reports: &[Report], allow_first: bool, change: impl FnOnce(&mut EvidenceObservations)) -> Vec<Finding> {
    judge_with(reports, allow_first, UnknownAuthors::Show, change)
}

fn judge_with(
    reports: &[Report],
    allow_first: bool,
    unknown_authors: UnknownAuthors,
    change: impl FnOnce(&mut EvidenceObservations),
) -> Vec<Finding> {
    judge_with_min_age(reports, allow_first, unknown_authors, None, change)
}

fn judge_with_min_age(
    reports: &[Report],
    allow_first: bool,
    unknown_authors: UnknownAuthors,
    min_age: Option<&str>,
    change: impl FnOnce(&mut EvidenceObservations),
) -> Vec<Finding> {
    let Ok(config) = Config::read(&command_table(), "f.yml", CONFIG.as_bytes(), None) else { panic!("a config file") };
    let claim = claim(reports);
    let verification = Verification {
        claim: &claim,
        origin: config.services.values().next().unwrap(),
        policy: &config.policy,
        people: &config.people,
        other_services: vec!["cart"],
        required: &["smoke".to_owned()],
        environment: &"production".parse().unwrap(),
        pinned: &Subject::default(),
        max_age: "1h".parse().unwrap(),
        min_age: min_age.map(|min_age| min_age.parse().unwrap()),
        allow_first,
        unknown_authors,
        issuer: "https://issuer.example",
        signed: None,
        other_commands: &["record"],
        own_run: None,
    };
    let mut facts = observations(reports);
    change(&mut facts);
    let mut findings = verification.judge(&facts);
    findings.extend(check_size(&verification.outputs(&facts), 1));
    findings
}

fn passed() -> Vec<Report> {
    vec![report("smoke", Verdict::Passed)]
}

/// The findings that did not pass or are waived, as `check: verdict`.
fn notable(findings: &[Finding]) -> Vec<String> {
    let notable = findings.iter().filter(|finding| finding.verdict != Verdict::Passed || finding.waived.is_some());
    notable.map(|finding| format!("{}: {}", finding.check, finding.verdict)).collect()
}

fn api_error() -> Finding {
    Finding::inconclusive("GitHub's API").actual("403").expected("an answer").next("the token needs Actions: read")
}

#[test]
fn a_true_claim_passes_every_check() {
    let findings = judge_after(&passed(), false, |_| {});
    assert_eq!(notable(&findings), [""; 0]);
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    let expected = [
        "image",
        "commits",
        "smoke",
        "policy: smoke",
        "policy: smoke",
        "source repository",
        "subject",
        "deploy run",
        "branch",
        "validating run",
        "workflow",
        "attempt",
        "started by",
        "replay",
    ];
    assert_eq!(checks, expected);
}

/// A description, a change of the observations, and the findings that it makes notable.
type ChangeCase = (&'static str, fn(&mut EvidenceObservations), &'static [&'static str]);

const CHANGES: &[ChangeCase] = &[
    ("the run cannot be seen", |facts| facts.run = Err(api_error()), &["validating run: inconclusive"]),
    ("there is no run", |facts| facts.run = Ok(None), &["validating run: blocked"]),
    (
        "the run was cancelled",
        |facts| run_of(facts).conclusion = Some("cancelled".to_owned()),
        &["validating run: blocked"],
    ),
    ("a run without an end", |facts| run_of(facts).conclusion = None, &["validating run: blocked"]),
    ("a run without a head repository", |facts| run_of(facts).head_repository = None, &["started by: blocked"]),
    (
        "a run of another repository with the same name",
        |facts| run_of(facts).head_repository = Some(shop(Some(12))),
        &["started by: blocked"],
    ),
    (
        "a run of repositories without an id",
        |facts| {
            let run = run_of(facts);
            (run.repository, run.head_repository) = (shop(None), Some(shop(None)));
        },
        &["started by: blocked"],
    ),
    (
        "the deploy cannot be seen",
        |facts| facts.deploy = Some(Err(api_error())),
        &["deploy run: inconclusive", "branch: inconclusive"],
    ),
    ("the payload names no deploy", |facts| facts.deploy = None, &["deploy run: inconclusive"]),
    ("the deploy still runs", |facts| deploy_of(facts).conclusion = None, &["deploy run: blocked"]),
    ("the deploy is of no branch", |facts| deploy_of(facts).head_branch = None, &["deploy run: blocked"]),
    (
        "the deploy is of a fork with the same name",
        |facts| deploy_of(facts).head_repository = Some(shop(Some(12))),
        &["deploy run: blocked"],
    ),
    ("the commit is the tip", |facts| facts.branch = Some(Ok(position("identical"))), &[]),
    ("the commit was pushed away", |facts| facts.branch = Some(Ok(position("diverged"))), &["branch: blocked"]),
    ("the branch was reset", |facts| facts.branch = Some(Ok(position("ahead"))), &["branch: blocked"]),
    ("the branch cannot be seen", |facts| facts.branch = Some(Err(api_error())), &["branch: inconclusive"]),
    ("the commit was not looked up", |facts| facts.branch = None, &["branch: inconclusive"]),
    (
        "the deploy is of another commit",
        |facts| deploy_of(facts).head_sha = "d".repeat(40),
        &["smoke: blocked", "deploy run: blocked"],
    ),
    ("no job was seen", |facts| facts.jobs.jobs = None, &["smoke: inconclusive"]),
    (
        "the last look failed",
        |facts| {
            facts.jobs.annotations.clear();
            facts.jobs.error = Some(api_error());
        },
        &["smoke: inconclusive", "notices: inconclusive"],
    ),
    ("no job announced the report", |facts| facts.jobs.annotations.clear(), &["smoke: blocked"]),
    (
        "a job made more annotations than GitHub keeps",
        |facts| {
            let other = Annotation { level: None, title: None, message: None };
            facts.jobs.annotations.insert(1, vec![other; 50]);
        },
        &["smoke: inconclusive"],
    ),
    (
        "the job is not over",
        |facts| {
            let job = job_of(facts);
            (job.conclusion, job.completed_at) = (None, None);
        },
        &["smoke: inconclusive"],
    ),
    ("the job was cancelled", |facts| job_of(facts).conclusion = Some("cancelled".to_owned()), &["smoke: blocked"]),
    ("an hour ago", |facts| job_of(facts).completed_at = "2026-01-01T11:00:00Z".parse().ok(), &[]),
    ("a second more", |facts| job_of(facts).completed_at = "2026-01-01T10:59:59Z".parse().ok(), &["smoke: blocked"]),
    ("clocks a little apart", |facts| job_of(facts).completed_at = "2026-01-01T12:05:00Z".parse().ok(), &[]),
    (
        "clocks far apart",
        |facts| job_of(facts).completed_at = "2026-01-01T12:05:01Z".parse().ok(),
        &["smoke: inconclusive"],
    ),
    ("there is no image entry", |facts| facts.changes.current_image = None, &[]),
    (
        "the ledger cannot be read",
        |facts| {
            facts.ledger = Err(api_error());
            facts.changes.base = Err(api_error());
        },
        &["commits: inconclusive", "replay: inconclusive"],
    ),
    ("nothing was compared", |facts| facts.changes.comparison = None, &["commits: inconclusive"]),
    ("it cannot be compared", |facts| facts.changes.comparison = Some(Err(api_error())), &["commits: inconclusive"]),
    ("the base is gone", |facts| facts.changes.comparison = Some(Ok(None)), &["commits: inconclusive"]),
    ("not all commits are listed", |facts| comparison_of(facts).total = 2, &["commits: inconclusive"]),
    (
        "a downgrade",
        |facts| {
            *comparison_of(facts) = Comparison { status: "behind".to_owned(), total: 0, commits: Vec::new() };
        },
        &["commits: blocked"],
    ),
    (
        "the same commit",
        |facts| {
            *comparison_of(facts) = Comparison { status: "identical".to_owned(), total: 0, commits: Vec::new() };
        },
        &[],
    ),
    ("a diverged branch", |facts| comparison_of(facts).status = "diverged".to_owned(), &["commits: passed"]),
    (
        "an unknown comparison status",
        |facts| comparison_of(facts).status = "sideways".to_owned(),
        &["commits: inconclusive"],
    ),
];

#[test]
fn each_wrong_or_missing_observation_fails_its_check() {
    for (name, change, expected) in CHANGES {
        assert_eq!(notable(&judge_after(&passed(), false, change)), *expected, "{name}");
    }
}

fn run_of(facts: &mut EvidenceObservations) -> &mut WorkflowRun {
    facts.run.as_mut().unwrap().as_mut().unwrap()
}

fn deploy_of(facts: &mut EvidenceObservations) -> &mut WorkflowRun {
    facts.deploy.as_mut().unwrap().as_mut().unwrap().as_mut().unwrap()
}

fn job_of(facts: &mut EvidenceObservations) -> &mut Job {
    &mut facts.jobs.jobs.as_mut().unwrap()[0]
}

fn comparison_of(facts: &mut EvidenceObservations) -> &mut Comparison {
    facts.changes.comparison.as_mut().unwrap().as_mut().unwrap().as_mut().unwrap()
}

#[test]
fn a_first_promotion_needs_to_be_allowed_and_its_author_known() {
    let first = |facts: &mut EvidenceObservations| {
        facts.changes.base = Ok(BaseCommit::Unknown { tried: "no tag".to_owned() });
        facts.changes.comparison = None;
        facts.changes.head = Some(Ok(Some(commit(Some("alice"), None))));
    };
    assert_eq!(notable(&judge_after(&passed(), false, first)), ["commits: inconclusive"]);
    assert_eq!(notable(&judge_after(&passed(), true, first)), ["commits: passed"]);
    for head in [None, Some(Ok(None)), Some(Err(api_error()))] {
        let findings = judge_after(&passed(), true, |facts| {
            first(facts);
            facts.changes.head = head;
        });
        assert_eq!(notable(&findings), ["commits: inconclusive"]);
    }
}

#[test]
fn the_worst_report_of_a_matrix_decides() {
    let leg = |verdict, at: &str| Report { started_at: at.to_owned(), ..report("smoke", verdict) };
    let good = leg(Verdict::Passed, "1");
    for (verdict, expected) in [
        (Verdict::Passed, vec![]),
        (Verdict::Inconclusive, vec!["smoke: inconclusive", "policy: smoke: blocked"]),
        (Verdict::Blocked, vec!["smoke: blocked", "policy: smoke: blocked"]),
    ] {
        assert_eq!(notable(&judge_after(&[good.clone(), leg(verdict, "2")], false, |_| {})), expected);
    }
}
