//! `min-age`: the time that a release has to have been on staging after its gates passed, four minutes ago.

use super::*;

/// A step with this `min-age`.
fn run_with(stage: &Stage, min_age: &str) -> Ended {
    dispatched(stage.runner().input("min-age", min_age), &stage.payload()).run(&["evidence"])
}

#[test]
fn a_release_passes_when_its_time_is_over() {
    let stage = Stage::new();
    let ended = run_with(&stage, "3m");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let actual = found(&ended, "age")["actual"].as_str().unwrap();
    assert!(actual.contains("no validation and no deployment since"), "{actual}");
    let young = run_with(&stage, "1h");
    assert_eq!(end(&young), (1, "blocked"), "{}", young.log);
    assert!(found(&young, "age")["next"].as_str().unwrap().contains("run this job again at "), "{}", young.log);
    assert_eq!(stage.fake_github.violations(), [""; 0]);
}

#[test]
fn a_newer_deployment_and_a_bad_validation_end_the_time() {
    let stage = Stage::new();
    stage.fake_github.set_run(SHOP, github::FakeRun { id: 42, head_sha: sha('d'), ..deploy_run() });
    let ended = run_with(&stage, "3m");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(found(&ended, "age")["actual"].as_str().unwrap().contains("run 42 (push, success)"), "{}", ended.log);
    let stage = Stage::new();
    stage.fake_github.set_run(SHOP, github::FakeRun { id: 8, ..validating_run() }.ended("failure"));
    let ended = run_with(&stage, "3m");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(found(&ended, "age")["actual"].as_str().unwrap().contains("run 8, a validation"), "{}", ended.log);
    // Without the setting, neither is asked for.
    assert_eq!(end(&stage.run()), (0, "passed"));
}

#[test]
fn more_runs_than_github_lists_are_inconclusive() {
    let stage = Stage::new();
    for id in 1000..2001 {
        let run = github::FakeRun { id, created_at: ago(600), run_started_at: ago(600), ..validating_run() };
        stage.fake_github.set_run(SHOP, github::FakeRun { updated_at: ago(590), ..run.ended("success") });
    }
    let ended = run_with(&stage, "3m");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(found(&ended, "age")["actual"].as_str().unwrap().contains("GitHub lists 1000 of 1002"), "{}", ended.log);
}

#[test]
fn a_time_that_is_never_over_is_bad_input() {
    let stage = Stage::new();
    for min_age in ["24h", "25h"] {
        let ended = run_with(&stage, min_age);
        assert_eq!(ended.code, 2, "{}", ended.log);
        assert!(ended.log.contains("less than `max-age`, which is "), "{}", ended.log);
    }
    assert_eq!(run_with(&stage, "0s").code, 2);
}

#[test]
fn a_validation_that_was_run_again_needs_no_new_deployment() {
    let mut stage = Stage::new();
    let old = stage.payload();
    for report in &mut stage.reports {
        let run = report.run.as_mut().unwrap();
        (run.attempt, run.url) = (2, run.url.replace("attempts/1", "attempts/2"));
    }
    let again = github::FakeRun { attempt: 2, triggering_actor: "fred".to_owned(), ..validating_run() };
    stage.fake_github.set_run(SHOP, again.in_progress());
    for report in &stage.reports {
        let job = FakeJob { completed_at: Some(ago(4)), ..FakeJob::ended(&report.command, "success") }.since(ago(6));
        let id = stage.fake_github.set_job(SHOP, 7, 2, job);
        stage.annotate(id, report);
    }
    stage.fake_github.set_job(SHOP, 7, 2, FakeJob::running("record", "GitHub Actions 9"));
    let mut payload = stage.payload();
    payload["evidence"]["run"]["attempt"] = json!(2);
    let ended = dispatched(stage.runner().input("min-age", "3m"), &payload).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(ended.outputs["validation-run"].ends_with("/actions/runs/7/attempts/2"), "{:?}", ended.outputs);
    assert!(ended.outputs["excluded"].contains("fred"), "who ran it again had a part in it");
    // The evidence of the attempt before does not count any more.
    let ended = dispatched(stage.runner(), &old).run(&["evidence"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
}
