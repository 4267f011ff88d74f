//! Rules for every shipped workflow that act does not enforce: environments and time limits.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use promote_gates::values::HumanDuration;

/// The shipped workflows, of all folders.
fn shipped() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the workflows") {
            let path = entry.expect("a file").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 10, "{files:?}");
    files
}

/// Name and text of each job of each shipped workflow.
fn jobs() -> Vec<(String, String)> {
    let mut jobs = Vec::new();
    for path in shipped() {
        let text = fs::read_to_string(&path).expect("a workflow");
        let (_, inside) = text.split_once("\njobs:\n").expect("jobs");
        for line in inside.lines() {
            let begins = line.strip_prefix("  ").is_some_and(|rest| rest.starts_with(char::is_alphabetic));
            if begins {
                jobs.push((format!("{}: {}", path.display(), line.trim()), String::new()));
            }
            // Lines before the first job are comments.
            if let Some((_, job)) = jobs.last_mut() {
                *job += &format!("{line}\n");
            }
        }
    }
    jobs
}

#[test]
fn only_jobs_of_protected_environments_use_the_writers_key() {
    let writers: Vec<_> =
        jobs().into_iter().filter(|(_, job)| job.contains("secrets.WRITER_APP_PRIVATE_KEY")).collect();
    assert!(writers.len() >= 3, "{writers:#?}");
    for (name, job) in writers {
        let environment = job.lines().find_map(|line| line.strip_prefix("    environment: "));
        assert!(matches!(environment, Some("production" | "production-emergency")), "{name}: {environment:?}");
        // The approval check must use the same environment.
        let setting = format!("github-environment: {}\n", environment.unwrap_or_default());
        assert!(job.contains(&setting), "{name} does not set {setting}");
    }
}

#[test]
fn every_job_has_a_timeout() {
    let jobs = jobs();
    assert!(jobs.len() >= 10, "{}", jobs.len());
    for (name, job) in jobs {
        assert!(job.contains("\n    timeout-minutes: "), "{name} has no timeout");
    }
}

/// The value of a key in a job, such as `rollout-timeout: 120s`; `default` if the job does not set it.
fn value<'a>(job: &'a str, key: &str, default: &'a str) -> &'a str {
    let value = job.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
    value.unwrap_or(default)
}

/// A job that its timeout cancels has no verdict.
#[test]
fn the_timeout_of_a_health_job_is_longer_than_the_gate() {
    let watching: Vec<_> = jobs().into_iter().filter(|(_, job)| job.contains(" workload: ")).collect();
    assert_eq!(watching.len(), 6, "{watching:#?}");
    for (name, job) in watching {
        let duration =
            |key: &str, default: &str| value(&job, key, default).parse::<HumanDuration>().expect("a duration").0;
        let attempts: u32 = value(&job, "attempts", "10").parse().expect("a number");
        let endpoints = attempts * (duration("interval", "10s") + duration("request-timeout", "10s"));
        let rollout =
            duration("appear-timeout", "0") + duration("rollout-timeout", "10m") + duration("stabilize", "30s");
        let minutes: u64 = value(&job, "timeout-minutes", "360").parse().expect("minutes");
        // One minute more for the runner's own steps.
        let needed = rollout + endpoints + Duration::from_secs(60);
        assert!(Duration::from_secs(60 * minutes) >= needed, "{name}: {minutes} minutes for {}", HumanDuration(needed));
    }
}

#[test]
fn promoting_workflows_have_no_concurrency_group() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    for file in ["promote-to-production.yml", "emergency-promote.yml", "rollback.yml"] {
        let text = fs::read_to_string(folder.join(file)).expect("a workflow");
        assert!(!text.contains("\nconcurrency:") && !text.contains(" concurrency:"), "{file}");
    }
}
