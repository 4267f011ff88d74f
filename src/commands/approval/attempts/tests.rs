use super::*;
use crate::approvers::WaitEnd;

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
fn a_job_is_found_by_its_key_unless_it_has_another_name() {
    let ended = |name: &str, seconds| Job { completed_at: Some(at(seconds)), ..job(name, "completed") };
    let jobs =
        [ended("evidence", 30), ended("release / evidence", 40), ended("evidence of it", 50), job("x", "queued")];
    assert_eq!(job_ended_at(&jobs, Some("evidence")), Some(at(40)));
    for key in [None, Some(""), Some("pack"), Some("x")] {
        assert_eq!(job_ended_at(&jobs, key), None, "{key:?}");
    }
}

#[test]
fn an_approval_can_be_old_unless_the_job_was_skipped_in_every_earlier_attempt() {
    let own = Job { id: 9, ..job("promote", "in_progress") };
    let ended =
        |name: &str, conclusion: &str| Job { conclusion: Some(conclusion.to_owned()), ..job(name, "completed") };
    let wait = |job: Option<u64>| JobWait {
        run: Some(7),
        job,
        created_at: at(1),
        since: Some(at(1)),
        end: WaitEnd::At(at(2)),
        has_failed: false,
    };
    let [skipped, failed] = ["skipped", "failure"].map(|end| vec![ended("evidence", "failure"), ended("promote", end)]);
    let twice = vec![ended("promote", "skipped"), ended("promote", "success")];
    for (earlier, waits, expected) in [
        (vec![(1, skipped.clone())], vec![wait(Some(9))], None),
        (vec![(1, skipped.clone()), (2, skipped.clone())], vec![], None),
        (vec![(1, skipped.clone()), (2, failed)], vec![], Some("promote of attempt 2 was not skipped, but failure")),
        (vec![(1, twice)], vec![], Some("not skipped, but success")),
        (vec![(1, vec![job("promote", "waiting")])], vec![], Some("not skipped, but waiting")),
        (vec![(1, vec![ended("evidence", "failure")])], vec![], Some("attempt 1 has no job promote")),
        // Another job of the run waited for the environment.
        (vec![(1, skipped.clone())], vec![wait(Some(8)), wait(Some(9))], Some("job 8 of an earlier attempt waited")),
        (vec![(1, skipped.clone())], vec![wait(None)], Some("a job of an earlier attempt waited")),
        (vec![(1, skipped)], vec![JobWait { run: Some(6), ..wait(Some(8)) }], None),
    ] {
        let found = find_old_approval(7, &own, std::slice::from_ref(&own), &earlier, &waits);
        match expected {
            None => assert_eq!(found, None, "{earlier:?}"),
            Some(words) => assert!(found.as_ref().is_some_and(|found| found.contains(words)), "{words}: {found:?}"),
        }
    }
}
