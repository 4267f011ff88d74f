//! `min-age`: both sides of the time, and what ends it.

use super::*;
use crate::{commands::evidence::later_runs::LaterRuns, finding::Verdict};

/// A run that began and ended at these times.
fn run_at(id: u64, path: &str, began: &str, ended: &str) -> WorkflowRun {
    let time = |clock: &str| format!("2026-01-01T{clock}Z").parse().unwrap();
    let event = if path == DEPLOY { "push" } else { "workflow_run" };
    WorkflowRun { created_at: time(began), updated_at: time(ended), ..run(id, path, event) }
}

const DEPLOY: &str = ".github/workflows/deploy.yml";
const VALIDATE: &str = ".github/workflows/validate.yml";

/// The check of the age. The deploy run began at 10:40, the validating run at 10:50, the gate ended at 11:05, and it is 12:00.
/// `change` adds later runs, newest first.
fn age_after(min_age: &str, change: impl FnOnce(&mut LaterRuns)) -> Finding {
    let (own, deploy) = (run_at(7, VALIDATE, "10:50:00", "11:06:00"), run_at(41, DEPLOY, "10:40:00", "10:49:00"));
    let mut later = LaterRuns { validations: Ok(vec![own.clone()]), deploys: Some(Ok(vec![deploy.clone()])) };
    change(&mut later);
    let findings = judge_with_min_age(&passed(), false, UnknownAuthors::Show, Some(min_age), |facts| {
        (facts.run, facts.deploy) = (Ok(Some(own)), Some(Ok(Some(deploy))));
        facts.later = Some(later);
    });
    findings.into_iter().find(|finding| finding.check == "age").unwrap()
}

fn add(runs: &mut Result<Vec<WorkflowRun>, Finding>, run: WorkflowRun) {
    runs.as_mut().unwrap().insert(0, run);
}

fn add_deploy(later: &mut LaterRuns, run: WorkflowRun) {
    add(later.deploys.as_mut().unwrap(), run);
}

#[test]
fn without_the_setting_nothing_is_checked() {
    assert!(judge_after(&passed(), false, |_| {}).iter().all(|finding| finding.check != "age"));
}

#[test]
fn the_age_counts_from_the_end_of_the_last_required_gate() {
    let enough = age_after("55m", |_| {});
    assert_eq!((enough.verdict, enough.next), (Verdict::Passed, None));
    assert!(enough.actual.contains("passed 55m ago (2026-01-01 11:05 UTC); no validation and no deployment since"));
    let young = age_after("55m1s", |_| {});
    assert_eq!(young.verdict, Verdict::Blocked);
    // 11:05 and 55 minutes and one second.
    assert!(young.next.unwrap().contains("run this job again at 2026-01-01 12:01 UTC or later"));
    let unseen = judge_with_min_age(&passed(), false, UnknownAuthors::Show, Some("1m"), |facts| {
        facts.jobs.annotations.clear();
    });
    let unseen = unseen.into_iter().find(|finding| finding.check == "age").unwrap();
    assert_eq!((unseen.verdict, &*unseen.actual), (Verdict::Inconclusive, "no required gate has ended"));
}

#[test]
fn a_newer_deployment_ends_the_age() {
    let ended_as = |conclusion: &str, run: WorkflowRun| WorkflowRun { conclusion: Some(conclusion.to_owned()), ..run };
    let of_event = |event: &str, run: WorkflowRun| WorkflowRun { event: event.to_owned(), ..run };
    let in_state =
        |status: &str, run: WorkflowRun| WorkflowRun { status: Some(status.to_owned()), conclusion: None, ..run };
    let newer = || run_at(42, DEPLOY, "11:30:00", "11:31:00");
    let older = || run_at(40, DEPLOY, "10:30:00", "10:39:00");
    let again = WorkflowRun { attempt: 2, run_started_at: newer().created_at.into(), ..older() };
    for (name, run, expected) in [
        ("a newer one", newer(), Verdict::Blocked),
        ("one that failed half-way", ended_as("failure", newer()), Verdict::Blocked),
        ("one that was cancelled", ended_as("cancelled", newer()), Verdict::Blocked),
        ("one that still runs", in_state("in_progress", newer()), Verdict::Blocked),
        ("one that was started by hand", of_event("workflow_dispatch", newer()), Verdict::Blocked),
        ("in the same second", run_at(42, DEPLOY, "10:40:00", "10:41:00"), Verdict::Blocked),
        ("an older one that was run again", again, Verdict::Blocked),
        ("an older one that ended after the gates", run_at(40, DEPLOY, "10:30:00", "11:05:01"), Verdict::Blocked),
        ("an older one", older(), Verdict::Passed),
        ("one that was skipped", ended_as("skipped", newer()), Verdict::Passed),
        ("one that has not begun", in_state("queued", newer()), Verdict::Passed),
        ("one of a pull request", of_event("pull_request", newer()), Verdict::Passed),
    ] {
        let finding = age_after("10m", |later| add_deploy(later, run));
        assert_eq!(finding.verdict, expected, "{name}: {finding}");
        assert_eq!(finding.next.is_some(), expected == Verdict::Blocked, "{name}");
    }
    let finding = age_after("10m", |later| add_deploy(later, newer()));
    assert!(finding.actual.contains("run 42 (push, success) deploys the commit ccccccc since 2026-01-01 11:30 UTC"));
}

#[test]
fn a_later_validation_that_was_bad_ends_the_age() {
    let ended_as = |conclusion: &str| WorkflowRun {
        conclusion: Some(conclusion.to_owned()),
        ..run_at(8, VALIDATE, "11:30:00", "11:40:00")
    };
    let running = WorkflowRun { status: Some("in_progress".to_owned()), ..ended_as("failure") };
    let on_other_branch = WorkflowRun { head_branch: Some("topic".to_owned()), ..ended_as("failure") };
    let earlier = WorkflowRun { conclusion: Some("failure".to_owned()), ..run_at(6, VALIDATE, "10:00:00", "10:10:00") };
    for (name, run, expected) in [
        ("a failure", ended_as("failure"), Verdict::Blocked),
        ("a time-out", ended_as("timed_out"), Verdict::Blocked),
        ("a cancelled one shows nothing", ended_as("cancelled"), Verdict::Inconclusive),
        ("an unknown end", ended_as("stale"), Verdict::Inconclusive),
        ("a good one", ended_as("success"), Verdict::Passed),
        ("a skipped one", ended_as("skipped"), Verdict::Passed),
        ("one that still runs", WorkflowRun { conclusion: None, ..running }, Verdict::Passed),
        ("one of another branch", on_other_branch, Verdict::Passed),
        ("an earlier one", earlier, Verdict::Passed),
    ] {
        let finding = age_after("10m", |later| add(&mut later.validations, run));
        assert_eq!(finding.verdict, expected, "{name}: {finding}");
    }
}

#[test]
fn without_a_deploy_workflow_a_run_of_another_commit_is_a_deployment() {
    for (letter, conclusion, expected) in
        [("d", "success", Verdict::Blocked), ("c", "success", Verdict::Passed), ("c", "failure", Verdict::Blocked)]
    {
        let finding = age_after("10m", |later| {
            later.deploys = None;
            let run = run_at(8, VALIDATE, "11:30:00", "11:40:00");
            let run = WorkflowRun { head_sha: letter.repeat(40), conclusion: Some(conclusion.to_owned()), ..run };
            add(&mut later.validations, run);
        });
        assert_eq!(finding.verdict, expected, "{letter} {conclusion}: {finding}");
    }
}

#[test]
fn runs_that_cannot_be_read_are_inconclusive() {
    let changes: [fn(&mut LaterRuns); 2] =
        [|later| later.validations = Err(api_error()), |later| later.deploys = Some(Err(api_error()))];
    for change in changes {
        let finding = age_after("10m", change);
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert_eq!(finding.actual, "GitHub's API: 403");
    }
    let findings = judge_with_min_age(&passed(), false, UnknownAuthors::Show, Some("10m"), |_| {});
    assert_eq!(notable(&findings), ["age: inconclusive"]);
}
