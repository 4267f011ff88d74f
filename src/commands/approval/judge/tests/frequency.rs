//! The limit of approvals by one person within the window.

use super::*;
use crate::{
    approvers::{JobWait, WaitEnd},
    commands::approval::observations::{CommitApproval, ReviewedRun},
};

/// A job of a run that began to wait at nine, and stopped waiting this many minutes after ten.
fn job(run: u64, job: u64, minutes: i64) -> JobWait {
    JobWait {
        run: Some(run),
        job: Some(job),
        created_at: at(-60),
        since: Some(at(-60)),
        end: WaitEnd::At(at(minutes)),
        has_failed: false,
    }
}

/// A run with these jobs, and one review by each of the people.
fn reviewed(id: u64, approvers: &[&str], jobs: &[JobWait]) -> ReviewedRun {
    let people: Vec<ReviewAuthor> = approvers.iter().map(|login| person(login)).collect();
    ReviewedRun { id, reviews: Some(approved_by(&people)), jobs: jobs.to_vec() }
}

/// A run with one job that was approved this many minutes after ten.
fn run(approver: &str, id: u64, minutes: i64) -> ReviewedRun {
    reviewed(id, &[approver], &[job(id, 1, minutes)])
}

fn commit(approver: &str, id: Option<u64>, minutes: i64) -> CommitApproval {
    let target = "commit 1a2b3c4d (emergency)".to_owned();
    CommitApproval { approver: approver.to_owned(), at: at(minutes), run: id, target }
}

fn with(runs: &[ReviewedRun], commits: &[CommitApproval]) -> Observations {
    let listed = runs.iter().map(|run| run.id).chain([103]).collect();
    let promoted = commits.iter().filter_map(|commit| commit.run).collect();
    Observations {
        others: Ok(OtherApprovals { listed, runs: runs.to_vec(), commits: commits.to_vec(), promoted }),
        ..good()
    }
}

/// The number of counted approvals, including this run's, and the verdict.
fn counted(observations: &Observations) -> (usize, Verdict) {
    let finding = finding(&rules(), observations, "approvals within 20m");
    let number = finding.actual.split_once(" by ").unwrap().0;
    (number.parse().unwrap(), finding.verdict)
}

#[test]
fn the_third_approval_in_the_window_is_blocked_and_lists_all_times() {
    let third = with(&[run("alice", 101, 27), run("alice", 102, 28)], &[]);
    let found = finding(&rules(), &third, "approvals within 20m");
    assert_eq!(found.verdict, Verdict::Blocked);
    assert_eq!(
        found.to_string(),
        "approvals within 20m: 3 by alice: 2026-01-01T10:27:00Z (run 101), 2026-01-01T10:28:00Z (run 102), \
         2026-01-01T10:30:00Z (this run); expected at most 2 by one person; next: start it again, and have it approved by \
         another reviewer who takes the time to look, or approved no earlier than 2026-01-01T10:47:01Z"
    );
}

#[test]
fn approvals_of_runs_that_promoted_nothing_count_and_the_message_says_so() {
    let stale = |id, minutes| {
        let mut run = run("alice", id, minutes);
        run.jobs[0].has_failed = true;
        run
    };
    let found = finding(&rules(), &with(&[stale(101, 27), stale(102, 28)], &[]), "approvals within");
    assert_eq!(found.verdict, Verdict::Blocked);
    assert!(found.actual.contains("2026-01-01T10:27:00Z (run 101, which promoted nothing), "), "{found}");
    let next = found.next.unwrap();
    assert!(next.contains("no earlier than 2026-01-01T10:47:01Z; run 101, run 102 promoted nothing"), "{next}");
    assert!(next.contains("Reject promotions that nobody wants any more"), "{next}");
    // A commit names its run: it promoted something before it failed.
    let committed = with(&[stale(101, 27), run("alice", 102, 28)], &[commit("alice", Some(101), 29)]);
    let found = finding(&rules(), &committed, "approvals within");
    assert!(found.verdict == Verdict::Blocked && !found.to_string().contains("promoted nothing"), "{found}");
}

#[test]
#[expect(clippy::large_stack_arrays, reason = "a table of cases")]
fn approvals_are_counted_once_within_the_window() {
    let alice = |id, minutes| run("alice", id, minutes);
    let twice = |id, minutes| reviewed(101, &["alice", "alice"], &[job(101, 1, minutes), job(101, id, 25)]);
    let waiting = JobWait { end: WaitEnd::NotYet, ..job(101, 2, 0) };
    for (description, observations, expected) in [
        ("nothing else", with(&[], &[]), 1),
        ("two", with(&[alice(101, 20)], &[]), 2),
        ("both edges of the window", with(&[alice(101, 10), alice(102, 29)], &[]), 3),
        ("beyond the window", with(&[alice(101, 9), alice(102, 8)], &[]), 1),
        ("of other people", with(&[run("bob", 101, 29), run("alice2", 102, 29)], &[]), 1),
        ("logins have no case", with(&[run("ALICE", 101, 29)], &[]), 2),
        ("later ones", with(&[alice(104, 31), alice(105, 32)], &[]), 1),
        ("itself", with(&[alice(103, 30)], &[commit("alice", Some(103), 29)]), 1),
        ("one review of two jobs", with(&[reviewed(101, &["alice"], &[job(101, 1, 20), job(101, 2, 21)])], &[]), 2),
        ("one review of two jobs, and a bot's", with(&[reviewed(101, &["alice", "bob"], &[job(101, 1, 20)])], &[]), 2),
        ("two reviews of one run", with(&[twice(2, 20)], &[]), 3),
        ("one of two reviews before the window", with(&[twice(2, 5)], &[]), 2),
        ("two reviews at once", with(&[twice(2, 25)], &[]), 2),
        ("a review of a job that waits on", with(&[reviewed(101, &["alice"], std::slice::from_ref(&waiting))], &[]), 2),
        ("a job that nobody approved", with(&[reviewed(101, &[], std::slice::from_ref(&waiting))], &[]), 1),
        ("another job's review", with(&[reviewed(101, &["alice"], &[job(101, 1, 5), waiting.clone()])], &[]), 1),
        ("both jobs' reviews", with(&[reviewed(101, &["alice", "alice"], &[job(101, 1, 5), waiting])], &[]), 2),
        (
            "another job of this run",
            with(&[reviewed(103, &["alice", "alice"], &[job(103, 1, 30), job(103, 2, 20)])], &[]),
            2,
        ),
        ("one review of this run", with(&[reviewed(103, &["alice"], &[job(103, 1, 30), job(103, 2, 29)])], &[]), 1),
        ("an emergency of another workflow", with(&[], &[commit("alice", Some(90), 25)]), 2),
        ("a commit of no run", with(&[], &[commit("alice", None, 25), commit("alice", None, 26)]), 3),
        ("a run and its commit", with(&[alice(101, 20)], &[commit("alice", Some(101), 29)]), 2),
        ("a commit in the window of a run before it", with(&[alice(101, 5)], &[commit("alice", Some(101), 15)]), 1),
        ("two commits of one run", with(&[], &[commit("alice", Some(90), 25), commit("alice", Some(90), 26)]), 2),
        ("a commit that another person approved", with(&[], &[commit("bob", Some(90), 25)]), 1),
        ("a commit of the same second", with(&[], &[commit("alice", None, 30)]), 2),
    ] {
        let verdict = if expected > 2 { Verdict::Blocked } else { Verdict::Passed };
        assert_eq!(counted(&observations), (expected, verdict), "{description}");
    }
}

#[test]
fn one_review_of_several_jobs_is_shown_as_one() {
    let batch = reviewed(101, &["alice"], &[job(101, 1, 20), job(101, 2, 20), job(101, 3, 21)]);
    let found = finding(&rules(), &with(&[batch], &[]), "approvals within");
    assert_eq!(
        found.actual,
        "2 by alice: 2026-01-01T10:21:00Z (run 101, 3 jobs at once), 2026-01-01T10:30:00Z (this run)"
    );
}

#[test]
fn a_time_that_cannot_be_told_and_a_deleted_run_count() {
    let unknown = |id| {
        let mut run = run("alice", id, 0);
        run.jobs[0].end = WaitEnd::Unknown;
        run
    };
    let found = finding(&rules(), &with(&[unknown(101), unknown(102)], &[]), "approvals within");
    assert_eq!(found.verdict, Verdict::Blocked);
    assert!(
        found.actual.starts_with("3 by alice: at an unknown time (run 101), at an unknown time (run 102), "),
        "{found}"
    );
    assert!(!found.next.unwrap().contains("no earlier than"));
    let deleted = |id, minutes| ReviewedRun { reviews: None, ..run("alice", id, minutes) };
    let found = finding(&rules(), &with(&[deleted(101, 27), deleted(102, 9)], &[]), "approvals within");
    assert!(found.actual.starts_with("2 by alice: 2026-01-01T10:27:00Z (run 101, deleted since, so its"), "{found}");
}

#[test]
fn of_three_simultaneous_runs_only_the_third_is_blocked() {
    let all = [101, 102, 103].map(|id| run("alice", id, 30));
    let verdicts = [101, 102, 103].map(|id| {
        let observations = with(&all, &[]);
        counted(&Observations { run: OwnRun { id, ..observations.run.clone() }, ..observations })
    });
    assert_eq!(verdicts, [(1, Verdict::Passed), (2, Verdict::Passed), (3, Verdict::Blocked)]);
}

#[test]
fn the_window_begins_before_the_earliest_possible_time_of_the_approval() {
    let early = [run("alice", 101, -10), run("alice", 102, 5)];
    assert_eq!(counted(&with(&early, &[])).0, 1);
    let time = ApprovalTime { earliest: at(0), latest: at(30) };
    let range = Observations { approval: Ok(OwnApproval { time, ..approved_at(30) }), ..with(&early, &[]) };
    assert_eq!(counted(&range), (3, Verdict::Blocked));
}

#[test]
fn of_two_approvers_the_one_with_fewer_approvals_counts() {
    let hasty = [run("alice", 101, 28), run("alice", 102, 29)];
    let both = Observations { reviews: Ok(approved_by(&[person("alice"), person("bob")])), ..with(&hasty, &[]) };
    assert_eq!((both.approver(&rules()), counted(&both)), (Some("bob"), (1, Verdict::Passed)));
    // Only alice is independent, and she has reached the limit.
    let mallory = Observations { reviews: Ok(approved_by(&[person("alice"), person("mallory")])), ..with(&hasty, &[]) };
    assert_eq!((mallory.approver(&rules()), counted(&mallory)), (Some("alice"), (3, Verdict::Blocked)));
}

#[test]
fn the_limit_is_a_setting_and_a_long_list_is_shortened() {
    let many: Vec<ReviewedRun> = (0..15).map(|n| run("alice", u64::try_from(n).unwrap(), 15 + n)).collect();
    let observations = with(&many, &[]);
    let found = finding(&ApprovalRules { max_approvals: 15, ..rules() }, &observations, "approvals");
    assert_eq!(found.verdict, Verdict::Blocked);
    assert!(found.actual.starts_with("16 by alice: 6 before, 2026-01-01T10:21:00Z (run 6), "), "{found}");
    assert!(found.next.unwrap().ends_with("no earlier than 2026-01-01T10:35:01Z"));
    assert_eq!(
        finding(&ApprovalRules { max_approvals: 16, ..rules() }, &observations, "approvals").verdict,
        Verdict::Passed
    );
    let one =
        finding(&ApprovalRules { max_approvals: 1, ..rules() }, &with(&[run("alice", 101, 20)], &[]), "approvals");
    assert_eq!(one.verdict, Verdict::Blocked);
}
