use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// `a@runner` is the job `a` on the runner `runner`.
fn job(name: &str, status: &str) -> Job {
    let (name, runner) = name.split_once('@').unwrap_or((name, ""));
    Job {
        check_run_url: None,
        id: 1,
        name: name.to_owned(),
        status: status.to_owned(),
        conclusion: (status == "completed").then(|| "success".to_owned()),
        started_at: Some(at(10)),
        began: (status != "queued").then(|| at(20)),
        completed_at: (status == "completed").then(|| at(30)),
        runner_name: (!runner.is_empty()).then(|| runner.to_owned()),
    }
}

#[test]
fn the_own_job_is_on_this_runner_or_the_only_incomplete_one() {
    let [done, own, parallel, queued] =
        [("a@x", "completed"), ("b@x", "in_progress"), ("c@y", "in_progress"), ("d", "queued")]
            .map(|(name, status)| job(name, status));
    let unnamed = job("e", "in_progress");
    for (jobs, runner, expected) in [
        (vec![&done, &own, &parallel, &queued], Some("x"), Some("b")),
        (vec![&done, &own, &parallel, &queued], Some("y"), Some("c")),
        (vec![&done, &own, &parallel], Some("z"), None),
        (vec![&done, &own, &parallel], None, None),
        (vec![&done, &own], None, Some("b")),
        // GitHub shows another runner name: the only incomplete job is this one all the same.
        (vec![&done, &own], Some("z"), Some("b")),
        (vec![&done, &unnamed], Some("x"), Some("e")),
        // Ours may be the queued one, which GitHub does not show in progress yet.
        (vec![&done, &parallel, &queued], Some("x"), None),
        (vec![&queued], Some("x"), None),
        (vec![&done], Some("x"), None),
        (vec![], Some("x"), None),
        // Two on one runner: one of them is stale.
        (vec![&own, &own], Some("x"), None),
    ] {
        let jobs: Vec<Job> = jobs.into_iter().cloned().collect();
        let found = find_own_job(&jobs, runner).map(|job| job.name.as_str());
        assert_eq!(found, expected, "{runner:?} {jobs:?}");
    }
}

#[test]
fn a_job_started_when_its_first_step_did() {
    let whole = job("a@x", "completed");
    for (job, expected) in [
        (whole.clone(), Some(20)),
        // GitHub's `started_at` is later.
        (Job { started_at: Some(at(25)), ..whole.clone() }, Some(25)),
        (Job { started_at: None, ..whole.clone() }, Some(20)),
        // Without a step, its end is the latest possible start.
        (Job { began: None, ..whole.clone() }, Some(30)),
        (Job { began: None, ..job("a@x", "in_progress") }, Some(10)),
        (Job { conclusion: Some("skipped".to_owned()), ..whole.clone() }, None),
        (Job { conclusion: Some("failure".to_owned()), ..whole }, Some(20)),
        (job("a", "queued"), None),
        (job("a", "waiting"), None),
    ] {
        assert_eq!(latest_start(&job), expected.map(at), "{job:?}");
    }
}

#[test]
fn without_a_job_of_the_name_the_last_start_of_any_job_counts() {
    let begun = |name: &str, seconds| Job { began: Some(at(seconds)), ..job(name, "completed") };
    let jobs = [begun("evidence", 20), begun("promote", 40), begun("verify", 60), job("later", "queued")];
    assert_eq!(start_times(&jobs, "promote"), [at(40)]);
    assert_eq!(start_times(&jobs, "renamed"), [at(60)]);
    assert_eq!(start_times(&jobs, "later"), []);
    assert_eq!(start_times(&[], "promote"), []);
}

#[test]
fn a_run_is_idle_if_its_status_allows_no_start_and_is_old() {
    let run = |status: &str, updated: i64| {
        let run = serde_json::json!({
            "id": 1, "run_attempt": 1, "workflow_id": 1, "path": "x", "event": "push", "status": status,
            "conclusion": null, "head_branch": null, "head_sha": "", "repository": { "full_name": "a/b" },
            "html_url": "", "created_at": "1970-01-01T00:00:00Z", "updated_at": at(updated).to_string(),
        });
        serde_json::from_value::<WorkflowRun>(run).unwrap()
    };
    for (status, updated, older) in [
        ("completed", 99, true),
        ("completed", 100, false),
        ("waiting", 99, true),
        ("waiting", 101, false),
        ("queued", 1, true),
        ("in_progress", 1, false),
        ("something new", 1, false),
    ] {
        assert_eq!(is_idle_since(&run(status, updated), at(100)), older, "{status} {updated}");
    }
}
