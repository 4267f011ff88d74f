//! Every read of every command, of GitHub and of git, fails once. A new approval would be the price of one busy moment.

use std::sync::Arc;

use super::*;
use crate::relay::Reaction;

/// A way to fail, and whether git's servers fail so too: GitHub announces its rate limits to clients of the API only.
struct Fault {
    name: &'static str,
    reaction: fn() -> Reaction,
    of_git: bool,
}

const FAULTS: [Fault; 5] = [
    Fault { name: "502", reaction: || Reaction::Refuse("502 Bad Gateway"), of_git: true },
    Fault { name: "429", reaction: || Reaction::Refuse("429 Too Many Requests\r\nRetry-After: 0"), of_git: true },
    Fault { name: "403", reaction: || Reaction::Refuse("403 Forbidden\r\nRetry-After: 0"), of_git: false },
    Fault { name: "cut", reaction: || Reaction::Cut, of_git: true },
    Fault { name: "cut in the answer", reaction: || Reaction::CutHalfway, of_git: true },
];

impl Fault {
    fn applies_to(&self, request: &RelayedRequest) -> bool {
        request.is_read() && (self.of_git || !request.is_git)
    }
}

/// Runs the story with the fault in the requests that `fails` selects. It has to end as the good run. `must_fail`: whether each run
/// makes such a request; how often a command looks again depends on how fast the machine is.
fn survives(
    name: &str,
    good: &StoryEnd,
    fault: &'static Fault,
    (what, must_fail): (&str, bool),
    fails: impl Fn(&RelayedRequest) -> bool + Send + Sync + 'static,
) -> Result<(), String> {
    let (story, failed) = (story_of(name), Arc::new(AtomicBool::new(false)));
    let has_failed = Arc::clone(&failed);
    story.relay.react(move |request| {
        if fails(request) {
            has_failed.store(true, Ordering::Release);
            (fault.reaction)()
        } else {
            Reaction::Pass
        }
    });
    let ended = story.run();
    let end = story.end(&ended);
    if must_fail && !failed.load(Ordering::Acquire) {
        return Err(format!("{name}: {what}: nothing failed: {:?}", story.relay.requests()));
    }
    if end == *good {
        return Ok(());
    }
    Err(format!("{name}: {} of {what}: {end:?} instead of {good:?}\n{}", fault.name, ended.log))
}

/// All reads of one run fail at first, each once. And in other runs, each of its reads alone fails.
fn every_read_survives_one_failure(name: &'static str) {
    let (good, requests) = good_run(&story_of(name));
    let reads: Vec<&RelayedRequest> = requests.iter().filter(|request| request.is_read()).collect();
    assert!(!reads.is_empty(), "{requests:?}");
    let alone = reads.iter().enumerate().map(|(index, read)| {
        // In turn, the faults that this read can have.
        let faults: Vec<&'static Fault> = FAULTS.iter().filter(|fault| fault.applies_to(read)).collect();
        (faults[index % faults.len()], Some((*read).clone()))
    });
    let cases: Vec<(&'static Fault, Option<RelayedRequest>)> = FAULTS
        .iter()
        .filter(|fault| reads.iter().any(|read| fault.applies_to(read)))
        .map(|fault| (fault, None))
        .chain(alone)
        .collect();
    run_all(&cases, |(fault, read)| match read.clone() {
        None => {
            let is_first = |request: &RelayedRequest| request.number == 1 && fault.applies_to(request);
            survives(name, &good, fault, ("every first read", true), is_first)
        }
        Some(read) => survives(name, &good, fault, (&read.to_string(), read.number == 1), move |request| {
            request.name() == read.name() && request.number == read.number
        }),
    });
}

#[test]
fn evidence_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("evidence");
}

#[test]
fn approval_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("approval");
}

#[test]
fn approval_of_a_pull_request_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("approval of a pull request");
}

#[test]
fn status_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("status");
}

#[test]
fn wait_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("wait");
}

#[test]
fn promote_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("promote");
}

#[test]
fn emergency_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("emergency");
}

#[test]
fn rollback_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("rollback");
}

#[test]
fn environments_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("environments plan");
    every_read_survives_one_failure("environments apply");
}

#[test]
fn audit_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("audit");
}

#[test]
fn record_survives_one_failure_of_every_read() {
    every_read_survives_one_failure("record");
}
