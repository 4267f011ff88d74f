//! What holds for every shipped workflow and shows in no run of act: it enforces neither environments nor time limits.

use std::fs;
use std::path::Path;
use std::time::Duration;

use promote_gates::values::HumanDuration;

/// Name and text of each job of each shipped workflow.
fn jobs() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let mut jobs = Vec::new();
    for entry in fs::read_dir(folder).expect("the workflows") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a workflow");
        let (_, inside) = text.split_once("\njobs:\n").expect("jobs");
        for line in inside.lines() {
            let begins = line.strip_prefix("  ").is_some_and(|rest| rest.starts_with(char::is_alphabetic));
            if begins {
                jobs.push((format!("{}: {}", path.display(), line.trim()), String::new()));
            }
            // Whatever stands before the first one is a comment.
            if let Some((_, job)) = jobs.last_mut() {
                *job += &format!("{line}\n");
            }
        }
    }
    jobs
}

#[test]
fn the_secret_that_writes_is_one_of_a_protected_environment() {
    let writers: Vec<_> = jobs().into_iter().filter(|(_, job)| job.contains("secrets.INFRA_WRITE_TOKEN")).collect();
    assert!(writers.len() >= 3, "{writers:#?}");
    for (name, job) in writers {
        let environment = job.lines().find_map(|line| line.strip_prefix("    environment: "));
        assert!(matches!(environment, Some("production" | "production-emergency")), "{name}: {environment:?}");
        // What judges the approval must be about the same one.
        let judged = format!("github-environment: {}\n", environment.unwrap_or_default());
        assert!(job.contains(&judged), "{name} does not say {judged}");
    }
}

#[test]
fn every_job_ends_some_time() {
    let jobs = jobs();
    assert!(jobs.len() >= 10, "{}", jobs.len());
    for (name, job) in jobs {
        assert!(job.contains("\n    timeout-minutes: "), "{name} has no timeout");
    }
}

/// A value in a job such as `rollout-timeout: 120s`, or `usual`.
fn value<'a>(job: &'a str, key: &str, usual: &'a str) -> &'a str {
    let given = job.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
    given.unwrap_or(usual)
}

/// A job that is cancelled tells no verdict.
#[test]
fn a_job_that_watches_a_rollout_lasts_until_the_gate_has_ended() {
    let watching: Vec<_> = jobs().into_iter().filter(|(_, job)| job.contains(" workload: ")).collect();
    assert_eq!(watching.len(), 2, "{watching:#?}");
    for (name, job) in watching {
        let span = |key: &str, usual: &str| value(&job, key, usual).parse::<HumanDuration>().expect("a duration").0;
        let attempts: u32 = value(&job, "attempts", "10").parse().expect("a number");
        let endpoints = attempts * (span("interval", "10s") + span("request-timeout", "10s"));
        let rollout = span("appear-timeout", "0") + span("rollout-timeout", "10m") + span("stabilize", "0");
        let minutes: u64 = value(&job, "timeout-minutes", "360").parse().expect("minutes");
        // One more for what a runner does around it.
        let needed = rollout + endpoints + Duration::from_secs(60);
        assert!(Duration::from_secs(60 * minutes) >= needed, "{name}: {minutes} minutes for {}", HumanDuration(needed));
    }
}

#[test]
fn nothing_that_promotes_waits_in_a_group() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    for file in ["promote-to-production.yml", "emergency-promote.yml", "rollback.yml"] {
        let text = fs::read_to_string(folder.join(file)).expect("a workflow");
        assert!(!text.contains("\nconcurrency:") && !text.contains(" concurrency:"), "{file}");
    }
}
