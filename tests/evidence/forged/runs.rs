//! The runs that the payload names.

use super::*;

#[test]
fn a_run_counts_only_as_github_shows_it() {
    check_all(TABLE);
}

const TABLE: &[History] = &[
    blocked(
        "a run that does not exist",
        |stage| set(stage.payload(), "/evidence/run/id", json!(8)),
        "validating run",
        "acme/shop has no run 8",
    ),
    blocked(
        "a run that failed",
        |stage| {
            stage.fake_github.set_run(SHOP, validating_run().ended("failure"));
            stage.payload()
        },
        "validating run",
        "run 7 ended as failure",
    ),
    blocked(
        "a run that failed by the job of a gate",
        |stage| {
            let smoke = stage.reports[1].clone();
            stage.job("smoke", "failure", Some(&smoke));
            stage.fake_github.set_run(SHOP, validating_run().ended("failure"));
            stage.payload()
        },
        "validating run",
        "run 7 ended as failure: job `smoke` ended as failure",
    ),
    passes(
        "a run that failed later, by the jobs of another service",
        |stage| {
            let subject = r#"{"service":"frontend","tag":"9"}"#.parse().unwrap();
            let other = Report { subject, ..report("smoke", Verdict::Blocked) };
            stage.job("smoke (frontend)", "failure", Some(&other));
            stage.job("deploy preview", "cancelled", None);
            stage.job("record", "success", None);
            stage.fake_github.set_run(SHOP, validating_run().ended("failure"));
            stage.payload()
        },
        "validating run",
        "run 7 ended as failure: job `smoke (frontend)` ended as failure, job `deploy preview` ended as cancelled",
    ),
    blocked(
        "a run of another workflow",
        |stage| {
            let path = ".github/workflows/mallory.yml".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { path, ..validating_run() });
            stage.payload()
        },
        "workflow",
        ".github/workflows/mallory.yml",
    ),
    blocked(
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
    blocked(
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
    blocked(
        "an older attempt",
        |stage| {
            stage.fake_github.set_run(SHOP, github::FakeRun { attempt: 2, ..validating_run() });
            stage.payload()
        },
        "attempt",
        "the payload names attempt 1; the latest attempt is 2",
    ),
    blocked(
        "a later attempt",
        |stage| set(stage.payload(), "/evidence/run/attempt", json!(2)),
        "attempt",
        "the payload names attempt 2; the latest attempt is 1",
    ),
    blocked(
        "a deploy run that does not exist",
        |stage| set(stage.payload(), "/evidence/deploy/id", json!(42)),
        "deploy run",
        "acme/shop has no run 42",
    ),
    blocked(
        "a deploy run of another workflow",
        |stage| set(stage.payload(), "/evidence/deploy/id", json!(7)),
        "deploy run",
        "run 7 is of .github/workflows/validate-staging.yml",
    ),
    blocked(
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
    blocked(
        "a deploy of a pull request",
        |stage| {
            stage.fake_github.set_run(SHOP, github::FakeRun { event: "pull_request".to_owned(), ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 was started by `pull_request`",
    ),
    blocked(
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
    blocked(
        "a deploy that failed",
        |stage| {
            stage.fake_github.set_run(SHOP, deploy_run().ended("failure"));
            stage.payload()
        },
        "deploy run",
        "run 41 ended as failure",
    ),
    blocked(
        "a deploy that was rerun",
        |stage| {
            stage.fake_github.set_run(SHOP, github::FakeRun { attempt: 2, ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "attempt 1 is named; the latest attempt of run 41 is 2",
    ),
    passes(
        "the path of a workflow with a ref behind it",
        |stage| {
            stage
                .fake_github
                .set_run(SHOP, github::FakeRun { path: format!("{DEPLOY}@refs/heads/main"), ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 of commit ccccccc",
    ),
    blocked(
        "a deploy by another workflow with the same name",
        |stage| {
            let path = ".github/workflows/deploy-staging-2.yml".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { path, ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 is of .github/workflows/deploy-staging-2.yml",
    ),
    blocked(
        "a deploy that was started by hand",
        |stage| {
            let event = "workflow_dispatch".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { event, ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 was started by `workflow_dispatch`",
    ),
    blocked(
        "a deploy by a schedule",
        |stage| {
            let event = "schedule".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { event, ..deploy_run() });
            stage.payload()
        },
        "deploy run",
        "run 41 was started by `schedule`",
    ),
    blocked(
        "a deploy that has not ended",
        |stage| {
            stage.fake_github.set_run(SHOP, deploy_run().in_progress());
            stage.payload()
        },
        "deploy run",
        "run 41 has not ended",
    ),
    blocked(
        "a deploy that was cancelled",
        |stage| {
            stage.fake_github.set_run(SHOP, deploy_run().ended("cancelled"));
            stage.payload()
        },
        "deploy run",
        "run 41 ended as cancelled",
    ),
    blocked(
        "a deploy whose second attempt failed",
        |stage| {
            stage.fake_github.set_run(SHOP, github::FakeRun { attempt: 2, ..deploy_run() }.ended("failure"));
            stage.payload()
        },
        "deploy run",
        "attempt 1 is named; the latest attempt of run 41 is 2",
    ),
    passes(
        "a deploy whose second attempt is the one of the payload",
        |stage| {
            stage.fake_github.set_run(SHOP, deploy_run().ended("failure"));
            stage.fake_github.set_run(SHOP, github::FakeRun { attempt: 2, ..deploy_run() });
            stage.deploy["attempt"] = json!(2);
            stage.payload()
        },
        "deploy run",
        "run 41 of commit ccccccc",
    ),
    inconclusive(
        "a payload without a deploy run",
        |stage| {
            let mut payload = stage.payload();
            payload["evidence"].as_object_mut().unwrap().remove("deploy");
            stage.fake_github.set_run(SHOP, github::FakeRun { head_sha: sha('c'), ..validating_run() }.in_progress());
            payload
        },
        "deploy run",
        "the payload names none",
    ),
    blocked(
        "a validation by a push although the end of the deploy run starts it",
        |stage| {
            let event = "push".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { event, ..validating_run() }.in_progress());
            stage.payload()
        },
        "started by",
        "push on main of acme/shop",
    ),
    blocked(
        "a validation of a pull request in the context of the target",
        |stage| {
            let event = "pull_request_target".to_owned();
            stage.fake_github.set_run(SHOP, github::FakeRun { event, ..validating_run() }.in_progress());
            stage.payload()
        },
        "started by",
        "pull_request_target on main",
    ),
    passes(
        "a validation that was pushed, without a deploy workflow",
        |stage| pushed(stage, 'c', "main"),
        "started by",
        "push on main of acme/shop",
    ),
    blocked(
        "a validation of a pull request, without a deploy workflow",
        |stage| {
            let payload = pushed(stage, 'c', "main");
            let event = "pull_request".to_owned();
            let run = github::FakeRun { event, head_sha: sha('c'), ..validating_run() };
            stage.fake_github.set_run(SHOP, run.in_progress());
            payload
        },
        "started by",
        "pull_request on main",
    ),
    blocked(
        "a validation of a fork's main, without a deploy workflow",
        |stage| {
            let payload = pushed(stage, 'c', "main");
            let (event, head_repository) = ("push".to_owned(), "mallory/shop".to_owned());
            stage.fake_github.create(&head_repository);
            let run = github::FakeRun { event, head_repository, head_sha: sha('c'), ..validating_run() };
            stage.fake_github.set_run(SHOP, run.in_progress());
            payload
        },
        "started by",
        "push on main of mallory/shop",
    ),
    blocked(
        "a claim of another commit than the validating run's, without a deploy workflow",
        |stage| {
            let payload = pushed(stage, 'c', "main");
            set(payload, "/evidence/subject/commit", json!(sha('b')))
        },
        "commit",
        "bbbbbbbb",
    ),
];
