use serde_json::{Value, json};

use super::*;
use crate::{
    commands::{
        command_table,
        evidence::{
            observations::{Annotation, Base, Changes, Comparison, Job, SourceCommit, WorkflowRun},
            pack::too_much,
        },
    },
    config::Config,
    finding::Verdict,
    report::{Report, Run, compact::hex_sha256},
    world::event::Dispatched,
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
    Claim::read(&Dispatched { action: String::new(), client_payload }).unwrap()
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
        repository: "acme/shop".to_owned(),
        head_repository: some("acme/shop"),
        html_url: format!("https://github.com/acme/shop/actions/runs/{id}"),
        created_at: NOW.parse().unwrap(),
        updated_at: NOW.parse().unwrap(),
        run_started_at: None,
    }
}

fn job(id: u64) -> Job {
    Job {
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
        message: Some(format!("command={} verdict={} sha256={sha256}", report.command, report.verdict)),
    }
}

fn commit(author: Option<&str>, committer: Option<&str>) -> SourceCommit {
    serde_json::from_value(json!({
        "sha": SHA,
        "author": author.map(|login| json!({ "login": login })),
        "committer": committer.map(|login| json!({ "login": login })),
        "commit": { "message": "Title\n\nbody", "author": { "name": "Nobody" } },
    }))
    .unwrap()
}

/// All as it should be, each report told of by a job of its own.
fn seen(reports: &[Report]) -> Seen {
    let comparison = Comparison { status: "ahead".to_owned(), total: 1, commits: vec![commit(Some("alice"), None)] };
    let numbered = || reports.iter().zip(1..);
    Seen {
        run: Ok(Some(run(7, ".github/workflows/validate.yml@main", "workflow_run"))),
        deploy: Some(Ok(Some(run(41, ".github/workflows/deploy.yml", "push")))),
        jobs: Jobs {
            all: Some(numbered().map(|(_, id)| job(id)).collect()),
            said: numbered().map(|(report, id)| (id, vec![notice(report)])).collect(),
            trouble: None,
        },
        ledger: Ok(Vec::new()),
        changes: Changes {
            decision: Some("ghcr.io/acme/checkout-service:1.4.1".to_owned()),
            base: Ok(Base::Known { sha: "a".repeat(40), by: "tag".to_owned() }),
            comparison: Some(Ok(Some(comparison))),
            head: None,
        },
        now: NOW.parse().unwrap(),
    }
}

/// Judges what is all as it should be but for `change`; `allow_first` as given.
fn judged(reports: &[Report], allow_first: bool, change: impl FnOnce(&mut Seen)) -> Vec<Finding> {
    let Ok(config) = Config::read(&command_table(), "f.yml", CONFIG.as_bytes(), None) else { panic!("a config file") };
    let claim = claim(reports);
    let case = Case {
        claim: &claim,
        origin: config.services.values().next().unwrap(),
        policy: &config.policy,
        required: &["smoke".to_owned()],
        environment: &"production".parse().unwrap(),
        pinned: &Subject::default(),
        max_age: "1h".parse().unwrap(),
        allow_first,
        own_run: None,
    };
    let mut seen = seen(reports);
    change(&mut seen);
    let mut findings = case.judge(&seen);
    findings.extend(too_much(&case.outputs(&seen)));
    findings
}

fn passed() -> Vec<Report> {
    vec![report("smoke", Verdict::Passed)]
}

/// The findings that are not passed, or were waived: `check: verdict`.
fn told(findings: &[Finding]) -> Vec<String> {
    let odd = findings.iter().filter(|finding| finding.verdict != Verdict::Passed || finding.waived.is_some());
    odd.map(|finding| format!("{}: {}", finding.check, finding.verdict)).collect()
}

fn unseen_yet() -> Finding {
    Finding::inconclusive("GitHub's API").actual("403").expected("an answer").next("the token needs Actions: read")
}

#[test]
fn when_all_is_as_it_should_be_all_checks_pass() {
    let findings = judged(&passed(), false, |_| {});
    assert_eq!(told(&findings), [""; 0]);
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
        "validating run",
        "workflow",
        "attempt",
        "started by",
        "replay",
    ];
    assert_eq!(checks, expected);
}

/// A part of what is seen that is changed, and the checks that are not passed any more.
type Row = (&'static str, fn(&mut Seen), &'static [&'static str]);

#[test]
fn each_part_that_is_not_seen_or_not_so_is_told_by_its_check() {
    let table: &[Row] = &[
        ("the run cannot be seen", |seen| seen.run = Err(unseen_yet()), &["validating run: inconclusive"]),
        ("there is no run", |seen| seen.run = Ok(None), &["validating run: blocked"]),
        (
            "the run was cancelled",
            |seen| of_run(seen).conclusion = Some("cancelled".to_owned()),
            &["validating run: blocked"],
        ),
        ("a run without an end", |seen| of_run(seen).conclusion = None, &["validating run: blocked"]),
        ("a run whose commit nobody knows", |seen| of_run(seen).head_repository = None, &["started by: blocked"]),
        ("the deploy cannot be seen", |seen| seen.deploy = Some(Err(unseen_yet())), &["deploy run: inconclusive"]),
        ("no deploy is told of", |seen| seen.deploy = None, &["deploy run: inconclusive"]),
        ("the deploy still runs", |seen| of_deploy(seen).conclusion = None, &["deploy run: blocked"]),
        ("the deploy is of no branch", |seen| of_deploy(seen).head_branch = None, &["deploy run: blocked"]),
        (
            "the deploy is of another commit",
            |seen| of_deploy(seen).head_sha = "d".repeat(40),
            &["smoke: blocked", "deploy run: blocked"],
        ),
        ("no job was seen", |seen| seen.jobs.all = None, &["smoke: inconclusive"]),
        (
            "the last look failed",
            |seen| {
                seen.jobs.said.clear();
                seen.jobs.trouble = Some(unseen_yet());
            },
            &["smoke: inconclusive"],
        ),
        ("no job told of it", |seen| seen.jobs.said.clear(), &["smoke: blocked"]),
        (
            "a job said more than is kept",
            |seen| {
                let other = Annotation { level: None, title: None, message: None };
                seen.jobs.said.insert(1, vec![other; 50]);
            },
            &["smoke: inconclusive"],
        ),
        (
            "the job is not over",
            |seen| {
                let job = of_job(seen);
                (job.conclusion, job.completed_at) = (None, None);
            },
            &["smoke: inconclusive"],
        ),
        ("the job was cancelled", |seen| of_job(seen).conclusion = Some("cancelled".to_owned()), &["smoke: blocked"]),
        ("an hour ago", |seen| of_job(seen).completed_at = "2026-01-01T11:00:00Z".parse().ok(), &[]),
        ("a second more", |seen| of_job(seen).completed_at = "2026-01-01T10:59:59Z".parse().ok(), &["smoke: blocked"]),
        ("clocks a little apart", |seen| of_job(seen).completed_at = "2026-01-01T12:05:00Z".parse().ok(), &[]),
        (
            "clocks far apart",
            |seen| of_job(seen).completed_at = "2026-01-01T12:05:01Z".parse().ok(),
            &["smoke: inconclusive"],
        ),
        ("no entry stands there", |seen| seen.changes.decision = None, &[]),
        (
            "the ledger cannot be read",
            |seen| {
                seen.ledger = Err(unseen_yet());
                seen.changes.base = Err(unseen_yet());
            },
            &["commits: inconclusive", "replay: inconclusive"],
        ),
        ("nothing was compared", |seen| seen.changes.comparison = None, &["commits: inconclusive"]),
        ("it cannot be compared", |seen| seen.changes.comparison = Some(Err(unseen_yet())), &["commits: inconclusive"]),
        ("the base is gone", |seen| seen.changes.comparison = Some(Ok(None)), &["commits: inconclusive"]),
        ("not all commits are told", |seen| of_comparison(seen).total = 2, &["commits: inconclusive"]),
        (
            "a downgrade",
            |seen| {
                *of_comparison(seen) = Comparison { status: "behind".to_owned(), total: 0, commits: Vec::new() };
            },
            &["commits: blocked"],
        ),
        (
            "the same commit",
            |seen| {
                *of_comparison(seen) = Comparison { status: "identical".to_owned(), total: 0, commits: Vec::new() };
            },
            &[],
        ),
        ("another line", |seen| of_comparison(seen).status = "diverged".to_owned(), &["commits: passed"]),
        ("a word to come", |seen| of_comparison(seen).status = "sideways".to_owned(), &["commits: inconclusive"]),
        ("an author without an account", |seen| of_comparison(seen).commits[0].author = None, &["authors: passed"]),
    ];
    for (name, change, expected) in table {
        assert_eq!(told(&judged(&passed(), false, change)), *expected, "{name}");
    }
}

fn of_run(seen: &mut Seen) -> &mut WorkflowRun {
    seen.run.as_mut().unwrap().as_mut().unwrap()
}

fn of_deploy(seen: &mut Seen) -> &mut WorkflowRun {
    seen.deploy.as_mut().unwrap().as_mut().unwrap().as_mut().unwrap()
}

fn of_job(seen: &mut Seen) -> &mut Job {
    &mut seen.jobs.all.as_mut().unwrap()[0]
}

fn of_comparison(seen: &mut Seen) -> &mut Comparison {
    seen.changes.comparison.as_mut().unwrap().as_mut().unwrap().as_mut().unwrap()
}

#[test]
fn a_first_promotion_needs_to_be_allowed_and_its_author_known() {
    let first = |seen: &mut Seen| {
        seen.changes.base = Ok(Base::Unknown { tried: "no tag".to_owned() });
        seen.changes.comparison = None;
        seen.changes.head = Some(Ok(Some(commit(Some("alice"), None))));
    };
    assert_eq!(told(&judged(&passed(), false, first)), ["commits: inconclusive"]);
    assert_eq!(told(&judged(&passed(), true, first)), ["commits: passed"]);
    for head in [None, Some(Ok(None)), Some(Err(unseen_yet()))] {
        let findings = judged(&passed(), true, |seen| {
            first(seen);
            seen.changes.head = head;
        });
        assert_eq!(told(&findings), ["commits: inconclusive"]);
    }
}

#[test]
fn every_leg_of_a_matrix_counts_and_the_worst_is_told() {
    let leg = |verdict, at: &str| Report { started_at: at.to_owned(), ..report("smoke", verdict) };
    let good = leg(Verdict::Passed, "1");
    for (verdict, expected) in [
        (Verdict::Passed, vec![]),
        (Verdict::Inconclusive, vec!["smoke: inconclusive", "policy: smoke: blocked"]),
        (Verdict::Blocked, vec!["smoke: blocked", "policy: smoke: blocked"]),
    ] {
        assert_eq!(told(&judged(&[good.clone(), leg(verdict, "2")], false, |_| {})), expected);
    }
}

/// The event tells each gate its commit: without one, nothing ties the run to what was deployed.
#[test]
fn a_report_without_a_commit_is_tied_to_no_deploy() {
    let mut reports = passed();
    reports[0].subject.commit = None;
    assert_eq!(told(&judged(&reports, false, |_| {})), ["smoke: inconclusive"]);
}

#[test]
fn a_policy_that_cannot_be_asked_is_not_held() {
    let mut lax = passed();
    lax[0].settings.insert("attempts".to_owned(), json!(4));
    assert_eq!(told(&judged(&lax, false, |_| {})), ["policy: smoke: blocked"]);
    lax[0].settings.insert("attempts".to_owned(), json!({}));
    let odd = told(&judged(&lax, false, |_| {}));
    assert_eq!(odd, ["policy: smoke: blocked"], "jq orders an object after a number");
    lax[0].settings.clear();
    let absent = judged(&lax, false, |_| {});
    let policy = absent.iter().find(|finding| finding.check == "policy: smoke").unwrap();
    assert_ne!(policy.verdict, Verdict::Blocked, "{policy}");
    assert_eq!(told(&absent), ["policy: smoke: inconclusive"]);
}

#[test]
fn people_are_those_who_had_a_part_in_it() {
    let mut seen = seen(&passed());
    of_deploy(&mut seen).triggering_actor = Some("Emil".to_owned());
    of_comparison(&mut seen).commits = vec![
        commit(Some("Dora"), Some("web-flow")),
        commit(Some("renovate[bot]"), Some("Web-Flow")),
        commit(None, Some("bob")),
    ];
    let People { excluded, unknown } = people(&seen);
    let logins: Vec<&str> = excluded.values().map(|part| part.login.as_str()).collect();
    assert_eq!(logins, ["bob", "dora", "Emil"]);
    let authors: Vec<&String> = excluded.iter().filter(|(_, part)| part.is_author).map(|(key, _)| key).collect();
    assert_eq!(authors, ["dora"]);
    assert_eq!(unknown, ["ccccccc by Nobody"]);
}
