//! Approvals of other workflows, of jobs that start late, and of many runs.

use super::*;

/// The counted approvals in the finding.
fn counted(ended: &Ended) -> &str {
    finding(ended, "approvals within 20m")["actual"].as_str().unwrap()
}

/// Runs the step of a run as if `evidence` had passed in it.
fn judge_run(stage: &Stage, id: u64) -> Ended {
    let mut report = evidence(&["mallory"]);
    if let Some(run) = &mut report.run {
        run.id = id;
    }
    stage.judge(&stage.step().env("GITHUB_RUN_ID", &id.to_string()).input("results", &needs(&report)))
}

#[test]
fn six_approvals_through_three_workflow_files_are_counted_together() {
    let stage = Stage::new();
    let runs: Vec<(u64, i64)> = (101..=106).zip(-12..).collect();
    for (id, minutes) in &runs {
        let path = format!(".github/workflows/promote-{}.yml", id % 3);
        stage.start_of(&path, *id, *minutes, *minutes);
        stage.fake_github.approve(INFRA, *id, "production", "alice", "");
    }
    let verdicts: Vec<i32> = runs.iter().map(|(id, _)| judge_run(&stage, *id).code).collect();
    assert_eq!(verdicts, [0, 0, 1, 1, 1, 1]);
    let ended = judge_run(&stage, 103);
    assert_eq!(
        counted(&ended),
        "3 by alice: 2026-01-01T11:48:00Z (run 101), 2026-01-01T11:49:00Z (run 102), 2026-01-01T11:50:00Z (this run)"
    );
}

#[test]
fn five_approvals_within_a_minute_behind_a_concurrency_group_are_counted_by_their_own_times() {
    let stage = Stage::new();
    // Approved within one minute; the jobs run one after the other, half an hour each.
    let runs: Vec<(u64, i64)> = (101..=105).zip([0, 30, 60, 90, 120]).collect();
    for (id, started) in &runs {
        stage.start_of(WORKFLOW, *id, 0, *started);
        let at = noon() + SignedDuration::from_secs(i64::try_from(id - 101).unwrap() * 10);
        let job = stage.fake_github.set_job(INFRA, *id, 1, running_job("promote", *started));
        let deployment = waiting(*id, job, -10).then("QUEUED", at).then("IN_PROGRESS", noon_plus(*started));
        stage.fake_github.set_deployment(INFRA, "production", deployment);
        stage.fake_github.approve(INFRA, *id, "production", "alice", "");
    }
    let verdicts: Vec<i32> = runs.iter().map(|(id, _)| judge_run(&stage, *id).code).collect();
    assert_eq!(verdicts, [0, 0, 1, 1, 1]);
    let ended = judge_run(&stage, 103);
    assert_eq!(ended.outputs["approved-at"], "2026-01-01T12:00:20Z", "not the start of the job");
    assert_eq!(
        counted(&ended),
        "3 by alice: 2026-01-01T12:00:00Z (run 101), 2026-01-01T12:00:10Z (run 102), 2026-01-01T12:00:20Z (this run)"
    );
}

#[test]
fn one_approval_of_three_jobs_counts_once_and_is_shown_as_one() {
    let stage = Stage::new();
    stage.approved(5, "alice", -10);
    for name in ["promote (cart)", "promote (search)"] {
        let job = stage.fake_github.set_job(INFRA, 5, 1, running_job(name, -5));
        stage.fake_github.set_deployment(INFRA, "production", waiting(5, job, -60).then("QUEUED", noon_plus(-10)));
    }
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(
        counted(&ended),
        "2 by alice: 2026-01-01T11:50:00Z (run 5, 3 jobs at once), 2026-01-01T12:00:00Z (this run)"
    );
}

#[test]
fn an_approval_without_a_time_and_a_deleted_run_count() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    // Approved, and a wait timer holds it back.
    stage.approved(5, "alice", -50);
    let job = stage.fake_github.set_job(INFRA, 5, 1, FakeJob::waiting("promote"));
    stage.fake_github.set_deployment(INFRA, "production", waiting(5, job, -60));
    let ended = stage.judge(&stage.step());
    assert_eq!(counted(&ended), "2 by alice: at an unknown time (run 5), 2026-01-01T12:00:00Z (this run)");
    stage.fake_github.set_deployment(INFRA, "production", waiting(99, 1, -60).then("QUEUED", noon_plus(-1)));
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(counted(&ended).contains("(run 99, deleted since, so its approver is unknown)"), "{}", counted(&ended));
}

#[test]
fn a_job_without_a_deployment_is_inconclusive() {
    let stage = Stage::new();
    stage.start(20, 0);
    stage.fake_github.approve(INFRA, 20, "production", "alice", "");
    // `deployment: false` in the job's `environment:`.
    let job = stage.fake_github.set_job(INFRA, 20, 1, running_job("promote", 0));
    let elsewhere = FakeDeployment { log_url: Some(String::new()), ..waiting(20, job, 0) };
    stage.fake_github.set_deployment(INFRA, "staging", elsewhere);
    let without = FakeDeployment { states: vec![], ..waiting(20, job, 0) };
    stage.fake_github.set_deployment(INFRA, "production", without);
    let step = stage.step().env("GITHUB_RUN_ID", "20").input("independent", "false").input("timeout", "1s");
    let ended = stage.judge(&step);
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("without `deployment: false`"), "{}", ended.log);
    assert_eq!(ended.outputs.get("approved-at"), None);
}

#[test]
fn over_1300_runs_need_at_most_20_requests() {
    let stage = Stage::new();
    let hours = |id: u64| -i64::try_from(id).unwrap() * 30;
    // With runs 5, 6 and 7: 1,300.
    for id in 1001..=2297 {
        // One run each half hour, approved ten minutes later: 27 days.
        let minutes = hours(id - 1000);
        stage.fake_github.set_run(INFRA, FakeRun { id, path: WORKFLOW.to_owned(), ..FakeRun::default() });
        if id % 4 != 0 {
            stage.fake_github.approve(INFRA, id, "production", "alice", "");
        }
        let waiting = waiting(id, id, minutes - 10);
        let ended = waiting.clone().then("QUEUED", noon_plus(minutes)).then("SUCCESS", noon_plus(minutes + 5));
        // Nobody approves every fourth run: it waits on.
        let deployment = if id % 4 == 0 { waiting } else { ended };
        stage.fake_github.set_deployment(INFRA, "production", deployment);
    }
    stage.approved(5, "alice", -2);
    stage.approved(6, "alice", -1);
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(counted(&ended).starts_with("3 by alice: "), "{}", counted(&ended));
    let requests = stage.fake_github.requests().len();
    assert!(requests <= 20, "{requests} requests");
}
