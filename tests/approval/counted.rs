//! The limit of approvals by one person: two within twenty minutes.

use super::*;

/// The counted approvals in the finding.
fn counted(ended: &Ended) -> &str {
    finding(ended, "approvals within 20m")["actual"].as_str().unwrap()
}

#[test]
fn the_third_approval_within_three_minutes_is_blocked_before_any_commit() {
    let stage = Stage::new();
    stage.approved(5, "alice", -3);
    stage.approved(6, "alice", -1);
    stage.approved(8, "alice", 1);
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert_eq!(
        counted(&ended),
        "3 by alice: 2026-01-01T11:57:00Z (run 5), 2026-01-01T11:59:00Z (run 6), 2026-01-01T12:00:00Z (this run)"
    );
    let error = ended.commands().into_iter().find(|line| line.starts_with("::error ")).unwrap();
    assert!(["11:57:00Z", "11:59:00Z", "12:00:00Z"].iter().all(|time| error.contains(time)), "{error}");
    // The two earlier runs pass.
    let second = stage.step().env("GITHUB_RUN_ID", "6");
    let second = second.input(
        "results",
        &needs(&evidence(&["mallory"])).replace("runs/7", "runs/6").replace("\\\"id\\\":7", "\\\"id\\\":6"),
    );
    let ended = stage.judge(&second);
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    // The limit and the window are settings.
    assert_eq!(end(&stage.judge(&stage.step().input("max-approvals", "3"))), PASSED);
    assert_eq!(end(&stage.judge(&stage.step().input("window", "2m"))), PASSED);
}

#[test]
fn a_run_that_is_also_in_the_ledger_counts_once() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    // A run that was created 29 days ago, approved ten minutes ago, and failed.
    stage.approved(4, "alice", -10);
    let created = -29 * 24 * 60;
    let run = FakeRun {
        id: 4,
        path: WORKFLOW.to_owned(),
        created_at: noon_plus(created),
        updated_at: noon_plus(-9),
        ..FakeRun::default()
    };
    stage.fake_github.set_run(INFRA, run.ended("failure"));
    let failed = FakeJob { conclusion: Some("failure".to_owned()), ..completed_job("promote", -10) };
    let job = stage.fake_github.set_job(INFRA, 4, 1, failed);
    let deployment = waiting(4, job, created).then("QUEUED", noon_plus(-10)).then("FAILURE", noon_plus(-9));
    stage.fake_github.set_deployment(INFRA, "production", deployment);
    let trailers = |run: u64| {
        format!(
            "Service: frontend\nApproved-by: alice\nWorkflow: https://github.com/acme/infra/actions/runs/{run}/attempts/1"
        )
    };
    stage.commit(&trailers(4), -8);
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(counted(&ended), "2 by alice: 2026-01-01T11:50:00Z (run 4), 2026-01-01T12:00:00Z (this run)");
    // An emergency is a run of another workflow: it is only in the ledger.
    let emergency = "Service: checkout-service\nApproved-by: alice\nPromotion-kind: emergency";
    stage.claim(emergency, -6);
    assert_eq!(end(&stage.judge(&stage.step())), PASSED, "a message alone is no promotion");
    stage.commit(&format!("{}\nPromotion-kind: emergency", trailers(2)), -5);
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(
        counted(&ended).contains("2026-01-01T11:55:00Z (commit ") && counted(&ended).contains("(emergency)"),
        "{}",
        counted(&ended)
    );
}

#[test]
fn other_people_environments_and_times_do_not_count() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    stage.approved(1, "bob", -2);
    // Approved before the window, and still in progress.
    stage.approved(2, "alice", -50);
    // Nobody has approved it yet, or an administrator bypassed the approval.
    let job = stage.fake_github.set_job(INFRA, 8, 1, FakeJob::waiting("promote"));
    stage.fake_github.set_run(INFRA, FakeRun { id: 8, path: WORKFLOW.to_owned(), ..FakeRun::default() });
    stage.fake_github.set_deployment(INFRA, "production", waiting(8, job, -5));
    stage.start(9, -2);
    // Approved for another environment, and rejected.
    stage.start(10, -2);
    stage.fake_github.approve(INFRA, 10, "staging", "alice", "");
    stage.start(11, -2);
    stage.fake_github.reject(INFRA, 11, "production", "alice", "");
    stage.fake_github.set_deployment(INFRA, "staging", waiting(12, 1, -5).then("QUEUED", noon_plus(-2)));
    // A deployment that no workflow made.
    let foreign = FakeDeployment { log_url: Some("https://ci.acme.example/8".to_owned()), ..waiting(0, 0, -2) };
    let states = vec![("IN_PROGRESS".to_owned(), noon_plus(-2))];
    stage.fake_github.set_deployment(INFRA, "production", FakeDeployment { states, ..foreign });
    // In the ledger: long ago, by another person, a rollback, and another environment.
    let ledger = "Service: frontend\nApproved-by:";
    stage.commit(&format!("{ledger} alice"), -30);
    stage.commit(&format!("{ledger} bob"), -4);
    stage.commit(&format!("{ledger} alice\nPromotion-kind: rollback"), -3);
    stage.commit(&format!("{ledger} alice\nEnvironment: staging"), -2);
    let ended = stage.judge(&stage.step());
    assert_eq!(counted(&ended), "1 by alice: 2026-01-01T12:00:00Z (this run)", "{}", ended.log);
    // The reviews of a run that was approved before the window are not requested, nor are jobs of other runs.
    let requests = stage.fake_github.requests();
    let is_needless = |path: &str| path.contains("/runs/2/") || (path.contains("/jobs") && !path.contains("/runs/7/"));
    assert!(requests.iter().all(|request| !is_needless(&request.path)), "{requests:?}");
}

#[test]
fn two_stale_approvals_by_mistake_and_then_the_right_one() {
    let stage = Stage::new();
    for (id, minutes) in [(5, -6), (6, -3)] {
        stage.approved(id, "alice", minutes);
        let failed = FakeJob { conclusion: Some("failure".to_owned()), ..completed_job("promote", minutes) };
        let job = stage.fake_github.set_job(INFRA, id, 1, failed);
        let deployment = waiting(id, job, -60).then("QUEUED", noon_plus(minutes));
        stage.fake_github.set_deployment(INFRA, "production", deployment.then("FAILURE", noon_plus(minutes + 1)));
    }
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert_eq!(
        counted(&ended),
        "3 by alice: 2026-01-01T11:54:00Z (run 5, which promoted nothing), 2026-01-01T11:57:00Z (run 6, which promoted \
         nothing), 2026-01-01T12:00:00Z (this run)"
    );
    let next = finding(&ended, "approvals within 20m")["next"].as_str().unwrap().to_owned();
    for words in ["another reviewer", "no earlier than 2026-01-01T12:14:01Z", "run 5, run 6 promoted nothing", "Reject"]
    {
        assert!(next.contains(words), "{words}: {next}");
    }
    // Another reviewer ends it.
    stage.fake_github.approve(INFRA, 7, "production", "bob", "");
    assert_eq!(end(&stage.judge(&stage.step())), PASSED);
}
