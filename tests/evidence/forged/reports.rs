//! The reports of the gates in the payload.

use super::*;

#[test]
fn a_report_counts_only_as_it_was_announced() {
    check_all(TABLE);
}

/// The payload with one report changed after the notice of its job.
fn changed_after_annotation(stage: &Stage, command: &str, change: impl FnOnce(&mut Report)) -> Value {
    let mut reports = stage.reports.clone();
    change(reports.iter_mut().find(|report| report.command == command).unwrap());
    let texts: Vec<String> = reports.iter().map(output).collect();
    set(stage.payload(), "/evidence/reports", json!(texts))
}

const TABLE: &[History] = &[
    blocked(
        "a report of another run",
        |stage| changed_with_annotation(stage, "smoke", |report| report.run.as_mut().unwrap().id = 6),
        "smoke",
        "its report is of attempt 1 of run 6 of acme/shop; the payload names attempt 1 of run 7",
    ),
    blocked(
        "a report of no run",
        |stage| changed_with_annotation(stage, "smoke", |report| report.run = None),
        "smoke",
        "its report is of no workflow run",
    ),
    blocked(
        "a report that was changed after its annotation",
        |stage| changed_after_annotation(stage, "performance", |report| "p99 1 ms".clone_into(&mut report.reason)),
        "performance",
        "job `performance` announced sha256",
    ),
    blocked(
        "a verdict that was changed after its annotation",
        |stage| {
            let blocked = Report { started_at: rfc3339(ago(8)), ..report("performance", Verdict::Blocked) };
            changed_with_annotation(stage, "performance", |report| *report = blocked);
            changed_after_annotation(stage, "performance", |report| report.verdict = Verdict::Passed)
        },
        "performance",
        "its report has sha256",
    ),
    blocked(
        "relaxed settings",
        |stage| {
            changed_with_annotation(stage, "performance", |report| {
                drop(report.settings.insert("max-ratio".to_owned(), json!(3)));
            })
        },
        "policy: performance",
        "3",
    ),
    blocked(
        "a gate that is missing",
        |stage| {
            stage.reports.pop();
            stage.payload()
        },
        "performance",
        "no report of it in the payload, only of health, smoke",
    ),
    blocked(
        "a gate in dry-run",
        |stage| changed_with_annotation(stage, "health", |report| report.dry_run = true),
        "health",
        "in dry-run, which counts for nothing",
    ),
    blocked(
        "a gate that was blocked",
        |stage| {
            let blocked = report("health", Verdict::Blocked);
            changed_with_annotation(stage, "health", |report| *report = blocked)
        },
        "health",
        "blocked: health figure: 97 ms",
    ),
    blocked(
        "a gate whose job failed",
        |stage| {
            stage.job("smoke", "failure", None);
            stage.payload()
        },
        "smoke",
        "but its job `smoke` ended as failure",
    ),
    blocked(
        "an annotation in another job, which failed",
        |stage| {
            let smoke = Report { started_at: rfc3339(ago(8)), ..report("smoke", Verdict::Passed) };
            stage.reports[1] = smoke.clone();
            stage.job("lint", "failure", Some(&smoke));
            stage.payload()
        },
        "smoke",
        "but its job `lint` ended as failure",
    ),
    blocked(
        "one more report, which no job announced",
        |stage| {
            stage.reports.push(report("bundle-size", Verdict::Passed));
            stage.payload()
        },
        "bundle-size",
        "none of the 4 jobs announced one",
    ),
    blocked(
        "one more report of another leg, which no job announced",
        |stage| {
            stage.reports.push(Report { started_at: rfc3339(ago(9)), ..report("health", Verdict::Passed) });
            stage.payload()
        },
        "health",
        "job `health` announced sha256",
    ),
    blocked(
        "a report of yesterday",
        |stage| {
            let job = FakeJob { completed_at: Some(ago(25 * 60)), ..FakeJob::ended("smoke", "success") }
                .since(ago(25 * 60 + 1));
            stage.fake_github.set_job(SHOP, 7, 1, job);
            stage.payload()
        },
        "smoke",
        "1d1h",
    ),
];
