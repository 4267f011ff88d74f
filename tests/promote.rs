//! `promote` against real repositories: commits, refusals, and their reports.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

pub mod api;
mod batch;
mod checkouts;
mod digests;
mod entries;
mod evidence;
mod inputs;
mod lost_responses;
pub mod merged;
pub mod proposals;
mod pushes;
mod races;
mod reports;
mod signals;
mod signing;
pub mod story;
mod supersession;
mod tokens;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
};

use promote_gates::{
    clock::{Clock as _, SystemClock, rfc3339},
    finding::{Finding, Verdict},
    report::{Outcome, Report, Run, compact::compact},
};
use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    shop::{AFTER, BEFORE, FILE, SERVICE, Scene, Shop, executable, git},
};

/// Creates a named pipe; returns the lines that are written into it.
fn listen(path: &Path) -> Receiver<String> {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let path = path.to_owned();
    let (sender, lines) = channel();
    thread::spawn(move || {
        // Opening the pipe waits for a writer; reading ends when the writer closes it.
        while let Ok(pipe) = fs::File::open(&path) {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        }
    });
    lines
}

/// A step that promotes a service to production and needs no reports.
fn step(checkout: &Path, service: &str, tag: &str) -> Runner {
    Runner::new()
        .input("checkout", &checkout.display().to_string())
        .input("service", service)
        .input("environment", "production")
        .input("tag", tag)
        .input("require", "none")
}

/// The exit code, the verdict and the state of the effect. Outputs, report and summary must agree.
fn end(ended: &Ended) -> (i32, &str, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    let effects = ended.report["effects"].as_array();
    assert!(effects.is_none_or(|effects| effects.len() == 1), "{effects:?}");
    let effect = ended.report["effects"][0]["state"].as_str().unwrap_or("none");
    (ended.code, &ended.outputs["verdict"], effect)
}

const APPLIED: (i32, &str, &str) = (0, "passed", "applied");

/// A report of this run about the subject, finished now.
fn report(command: &str, verdict: Verdict) -> Report {
    let now = rfc3339(SystemClock::new().wall());
    let mut report = Report::open(command, now.clone());
    report.subject = subject_with_tag("1.4.2");
    report.run = Some(run(7));
    report.close(Ok(Outcome::from(vec![Finding::new("check", verdict).actual("as seen")])), now.clone());
    match command {
        "evidence" => Report { outputs: validated(0, &now), ..report },
        "approval" => Report { outputs: [("approver".to_owned(), "bob".to_owned())].into(), ..report },
        _ => report,
    }
}

/// The outputs of `evidence` for validation number `number`, which ended at `at`.
fn validated(number: u64, at: &str) -> BTreeMap<String, String> {
    let run = "https://github.com/acme/shop/actions/runs/5/attempts/2";
    [("evidence", format!("{number:064x}")), ("validated-at", at.to_owned()), ("validation-run", run.to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn subject_with_tag(tag: &str) -> promote_gates::subject::Subject {
    json!({ "service": SERVICE, "tag": tag, "environment": "production" }).to_string().parse().unwrap()
}

/// The workflow run that `Runner` simulates, with this id.
fn run(id: u64) -> Run {
    let url = format!("https://github.com/acme/shop/actions/runs/{id}/attempts/1");
    Run { repository: "acme/shop".to_owned(), id, attempt: 1, url, job: "job".to_owned() }
}

/// `toJSON(needs)` of a job that needs one job for each report.
fn needs(reports: &[Report]) -> String {
    let job = |report: &Report| json!({ "result": "success", "outputs": { "report": compact(report, "").text } });
    let jobs = reports.iter().map(|report| (format!("{}-job", report.command), job(report)));
    Value::Object(jobs.collect()).to_string()
}
