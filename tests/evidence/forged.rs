//! Forgery payloads. Each is blocked, and the message names what was observed.

use std::thread;

use super::*;

/// Another service of the same repository.
const FRONTEND: &str = "  frontend:
    repository: acme/shop
    workflow: .github/workflows/validate-staging.yml
    deploy-workflow: .github/workflows/deploy-staging.yml
    image: ghcr.io/acme/frontend
policy:";

/// Changes the stage; returns the forged payload.
pub(super) type Forgery = fn(&mut Stage) -> Value;

pub(super) fn set(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

/// The payload with one report changed after the annotation of its job.
fn changed_after_annotation(stage: &Stage, command: &str, change: impl FnOnce(&mut Report)) -> Value {
    let mut reports = stage.reports.clone();
    change(reports.iter_mut().find(|report| report.command == command).unwrap());
    let texts: Vec<String> = reports.iter().map(output).collect();
    set(stage.payload(), "/evidence/reports", json!(texts))
}

/// The payload with one report changed together with the annotation of its job.
pub(super) fn changed_with_annotation(stage: &mut Stage, command: &str, change: impl FnOnce(&mut Report)) -> Value {
    let place = stage.reports.iter().position(|report| report.command == command).unwrap();
    change(&mut stage.reports[place]);
    let report = stage.reports[place].clone();
    stage.job(command, "success", Some(&report));
    stage.payload()
}

fn rerun(run: github::FakeRun) -> github::FakeRun {
    github::FakeRun { attempt: 2, ..run }
}

/// The name of each forgery, the check that finds it, and what that check reports.
const TABLE: &[(&str, Forgery, &str, &str)] = &[
    (
        "an unknown service",
        |stage| {
            let payload = set(stage.payload(), "/service", json!("checkout-servise"));
            set(payload, "/evidence/subject/service", json!("checkout-servise"))
        },
        "service",
        "checkout-servise is not in `services` of .github/promote-gates.yml; checkout-service is known",
    ),
    (
        "another repository's service",
        |stage| set(stage.payload(), "/evidence/run/repository", json!("mallory/shop")),
        "source repository",
        "mallory/shop",
    ),
    (
        "another service than the reports are about",
        |stage| {
            stage.config = CONFIG.replace("policy:", FRONTEND);
            let payload = set(stage.payload(), "/service", json!("frontend"));
            set(payload, "/evidence/subject/service", json!("frontend"))
        },
        "health",
        "about another subject: service checkout-service, not frontend",
    ),
    (
        "two services at once",
        |stage| set(stage.payload(), "/evidence/subject/service", json!("frontend")),
        "subject",
        "evidence.subject has service frontend, not checkout-service",
    ),
    (
        "another image",
        |stage| {
            let mut subject = subject();
            subject["image"] = json!("ghcr.io/mallory/checkout-service");
            set(stage.payload(), "/evidence/subject", subject)
        },
        "subject",
        "image ghcr.io/mallory/checkout-service, not ghcr.io/acme/checkout-service",
    ),
    (
        "another tag",
        |stage| set(stage.payload(), "/image_tag", json!("1.5.0")),
        "subject",
        "evidence.subject has tag 1.4.2, not 1.5.0",
    ),
    (
        "another tag, throughout",
        |stage| set(set(stage.payload(), "/image_tag", json!("1.5.0")), "/evidence/subject/tag", json!("1.5.0")),
        "health",
        "about another subject: tag 1.4.2, not 1.5.0",
    ),
    (
        "a digest that no gate has checked",
        |stage| {
            let mut subject = subject();
            subject["digest"] = json!(format!("sha256:{}", "d".repeat(64)));
            set(stage.payload(), "/evidence/subject", subject)
        },
        "subject",
        "evidence.subject has digest sha256:dddd",
    ),
    (
        "a digest taken away, so that the tag decides",
        |stage| {
            let digest = format!("sha256:{}", "d".repeat(64));
            for command in GATES {
                changed_with_annotation(stage, command, |report| report.subject.digest = digest.parse().ok());
            }
            stage.payload()
        },
        "health",
        "about another subject: sha256:dddd",
    ),
    (
        "another commit",
        |stage| set(stage.payload(), "/evidence/subject/commit", json!(sha('b'))),
        "subject",
        "but the deploy run's is cccc",
    ),
    (
        "another commit, throughout",
        |stage| {
            let payload = set(stage.payload(), "/evidence/subject/commit", json!(sha('b')));
            set(payload, "/evidence/deploy/head_sha", json!(sha('b')))
        },
        "deploy run",
        "run 41 is of commit cccccccccccccccccccccccccccccccccccccccc, not bbbb",
    ),
    (
        "gates of two environments",
        |stage| changed_with_annotation(stage, "smoke", |report| report.subject.environment = "dev".parse().ok()),
        "smoke",
        "about another subject: environment dev, not staging",
    ),
    (
        "a run that does not exist",
        |stage| set(stage.payload(), "/evidence/run/id", json!(8)),
        "validating run",
        "acme/shop has no run 8",
    ),
    (
        "a run that failed",
        |stage| {
            stage.fake_github.set_run(SHOP, validating_run().ended("failure"));
            stage.payload()
        },
        "validating run",
        "run 7 ended as failure",
    ),
    (
        "a run of another workflow",
        |stage| {
            let path = ".github/workflows/mallory.yml".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { path, ..validating_run() });
            stage.payload()
        },
        "workflow",
        ".github/workflows/mallory.yml",
    ),
    (
        "a run that was started by hand",
        |stage| {
            stage
                .fake_github
                .set_run(SHOP, github::FakeRun { event: "workflow_dispatch".to_owned(), ..validating_run() });
            stage.payload()
        },
        "started by",
        "workflow_dispatch on main of acme/shop",
    ),
    (
        "a run of a fork",
        |stage| {
            let head_repository = "mallory/shop".to_owned();
            stage.fake_github.create(&head_repository);
            stage.fake_github.set_run(SHOP, github::FakeRun { head_repository, ..validating_run() });
            stage.payload()
        },
        "started by",
        "workflow_run on main of mallory/shop",
    ),
    (
        "an older attempt",
        |stage| {
            stage.fake_github.set_run(SHOP, rerun(validating_run()));
            stage.payload()
        },
        "attempt",
        "the payload names attempt 1; the latest attempt is 2",
    ),
    (
        "a later attempt",
        |stage| set(stage.payload(), "/evidence/run/attempt", json!(2)),
        "attempt",
        "the payload names attempt 2; the latest attempt is 1",
    ),
    (
        "a report of another run",
        |stage| changed_with_annotation(stage, "smoke", |report| report.run.as_mut().unwrap().id = 6),
        "smoke",
        "its report is of attempt 1 of run 6 of acme/shop; the payload names attempt 1 of run 7",
    ),
    (
        "a report of no run",
        |stage| changed_with_annotation(stage, "smoke", |report| report.run = None),
        "smoke",
        "its report is of no workflow run",
    ),
    (
        "a report that was changed after its annotation",
        |stage| changed_after_annotation(stage, "performance", |report| "p99 1 ms".clone_into(&mut report.reason)),
        "performance",
        "job `performance` announced sha256",
    ),
    (
        "a verdict that was changed after its annotation",
        |stage| {
            let blocked = Report { started_at: rfc3339(ago(8)), ..report("performance", Verdict::Blocked) };
            changed_with_annotation(stage, "performance", |report| *report = blocked);
            changed_after_annotation(stage, "performance", |report| report.verdict = Verdict::Passed)
        },
        "performance",
        "its report has sha256",
    ),
    (
        "relaxed settings",
        |stage| {
            changed_with_annotation(stage, "performance", |report| {
                drop(report.settings.insert("max-ratio".to_owned(), json!(3)));
            })
        },
        "policy: performance",
        "3",
    ),
    (
        "a gate that is missing",
        |stage| {
            stage.reports.pop();
            stage.payload()
        },
        "performance",
        "no report of it in the payload, only of health, smoke",
    ),
    (
        "a gate in dry-run",
        |stage| changed_with_annotation(stage, "health", |report| report.dry_run = true),
        "health",
        "in dry-run, which counts for nothing",
    ),
    (
        "a gate that was blocked",
        |stage| {
            let blocked = report("health", Verdict::Blocked);
            changed_with_annotation(stage, "health", |report| *report = blocked)
        },
        "health",
        "blocked: health figure: 97 ms",
    ),
    (
        "a gate whose job failed",
        |stage| {
            stage.job("smoke", "failure", None);
            stage.payload()
        },
        "smoke",
        "but its job `smoke` ended as failure",
    ),
    (
        "an annotation in another job, which failed",
        |stage| {
            let smoke = Report { started_at: rfc3339(ago(8)), ..report("smoke", Verdict::Passed) };
            stage.reports[1] = smoke.clone();
            stage.job("lint", "failure", Some(&smoke));
            stage.payload()
        },
        "smoke",
        "but its job `lint` ended as failure",
    ),
    (
        "one more report, which no job announced",
        |stage| {
            stage.reports.push(report("bundle-size", Verdict::Passed));
            stage.payload()
        },
        "bundle-size",
        "none of the 4 jobs announced one",
    ),
    (
        "one more report of another leg, which no job announced",
        |stage| {
            stage.reports.push(Report { started_at: rfc3339(ago(9)), ..report("health", Verdict::Passed) });
            stage.payload()
        },
        "health",
        "job `health` announced sha256",
    ),
    (
        "a report of yesterday",
        |stage| {
            let job = FakeJob { completed_at: Some(ago(25 * 60)), ..FakeJob::ended("smoke", "success") }
                .since(ago(25 * 60 + 1));
            stage.fake_github.set_job(SHOP, 7, 1, job);
            stage.payload()
        },
        "smoke",
        "1d1h",
    ),
    (
        "a deploy run that does not exist",
        |stage| set(stage.payload(), "/evidence/deploy/id", json!(42)),
        "deploy run",
        "acme/shop has no run 42",
    ),
    (
        "a deploy run of another workflow",
        |stage| set(stage.payload(), "/evidence/deploy/id", json!(7)),
        "deploy run",
        "run 7 is of .github/workflows/validate-staging.yml",
    ),
    (
        "a deploy of another branch",
        |stage| {
            stage
                .fake_github
                .set_run(SHOP, github::FakeRun { head_branch: Some("feature/x".to_owned()), ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 is of feature/x, not main",
    ),
    (
        "a deploy of a pull request",
        |stage| {
            stage.fake_github.set_run(SHOP, github::FakeRun { event: "pull_request".to_owned(), ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 was started by `pull_request`",
    ),
    (
        "a deploy of a fork's main",
        |stage| {
            let head_repository = "mallory/shop".to_owned();
            stage.fake_github.create(&head_repository);
            stage.fake_github.set_run(SHOP, github::FakeRun { head_repository, ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "of a commit from mallory/shop",
    ),
    (
        "a deploy that failed",
        |stage| {
            stage.fake_github.set_run(SHOP, deploy_run().ended("failure"));
            stage.payload()
        },
        "deploy run",
        "run 41 ended as failure",
    ),
    (
        "a deploy that was rerun",
        |stage| {
            stage.fake_github.set_run(SHOP, rerun(deploy_run()));
            stage.payload()
        },
        "deploy run",
        "attempt 1 is named; the latest attempt of run 41 is 2",
    ),
    (
        "an older commit than the current one",
        |stage| {
            stage.fake_github.tag(SHOP, "1.4.1", &sha('d'));
            stage.payload()
        },
        "commits",
        "a downgrade: this image is older than the current one (ddddddd, by tag `1.4.1` of acme/shop)",
    ),
];

#[test]
fn each_forgery_is_blocked_with_what_was_observed() {
    thread::scope(|scope| {
        for rows in TABLE.chunks(TABLE.len().div_ceil(4)) {
            scope.spawn(|| rows.iter().for_each(assert_blocked));
        }
    });
}

pub(super) fn assert_blocked((name, forge, check, seen): &(&str, Forgery, &str, &str)) {
    let mut stage = Stage::new();
    stage.fake_github.commit(SHOP, &sha('d'), "carol", "Cart: taxes");
    let payload = forge(&mut stage);
    let ended = dispatched(stage.runner(), &payload).run(&["evidence"]);
    assert_eq!(end(&ended), (1, "blocked"), "{name}: {}", ended.log);
    let finding = found(&ended, check);
    assert_eq!(finding["verdict"], "blocked", "{name}: {}", ended.log);
    let actual = finding["actual"].as_str().unwrap();
    assert!(actual.contains(seen), "{name}: {seen} in {actual}");
    assert!(ended.summary.starts_with("### ⛔ evidence: "), "{name}: {}", ended.summary);
    assert_eq!(stage.fake_github.violations(), [""; 0], "{name}");
}
