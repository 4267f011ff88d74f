//! The notices of the jobs, where they stand for a proof: every notice of every job counts.

use super::*;

#[test]
fn every_notice_of_every_job_counts() {
    check_all(TABLE);
}

/// A report of a leg of a matrix: it differs from the others by when it began.
fn leg(command: &str, verdict: Verdict, minutes: i64) -> Report {
    Report { started_at: rfc3339(ago(minutes)), ..report(command, verdict) }
}

/// The job of a gate in the stage.
fn job_of(stage: &Stage, command: &str) -> u64 {
    stage.job(command, "success", None)
}

/// Replaces the gate `health` by a matrix: the leg `eu` passed; returns the job `us`, which announced `report` and ended so.
fn matrix(stage: &mut Stage, us: &Report, conclusion: &str) -> u64 {
    let job = job_of(stage, "health");
    stage.fake_github.remove_annotations(SHOP, job);
    let eu = leg("health", Verdict::Passed, 8);
    stage.job("health (eu)", "success", Some(&eu));
    stage.reports[0] = eu;
    stage.job("health (us)", conclusion, Some(us))
}

/// The notice of a report in the form of version 0.3.
fn older(report: &Report) -> String {
    ReportNotice { subject: None, ..notice(report) }.to_string()
}

/// Replaces the notice of a gate.
fn renotice(stage: &Stage, command: &str, change: impl FnOnce(&mut ReportNotice)) -> Value {
    let report = stage.reports.iter().find(|report| report.command == command).unwrap();
    let mut changed = notice(report);
    change(&mut changed);
    let job = job_of(stage, command);
    stage.fake_github.remove_annotations(SHOP, job);
    stage.fake_github.annotate(SHOP, job, "promote-gates", &changed.to_string());
    stage.payload()
}

/// The payload with a forged report in place of the true one, which a second notice in a job announces.
fn second_notice(stage: &mut Stage, job: &str) -> Value {
    let forged = leg("performance", Verdict::Passed, 9);
    stage.reports[2] = forged.clone();
    stage.annotate(job_of(stage, job), &forged);
    stage.payload()
}

const TABLE: &[History] = &[
    passes(
        "a matrix of two legs",
        |stage| {
            let us = leg("health", Verdict::Passed, 9);
            matrix(stage, &us, "success");
            stage.reports.push(us);
            stage.payload()
        },
        "health",
        "passed: ",
    ),
    blocked(
        "a leg of a matrix that was blocked and left out",
        |stage| {
            matrix(stage, &leg("health", Verdict::Blocked, 9), "failure");
            stage.payload()
        },
        "health",
        "job `health (us)` announced health: blocked for checkout-service 1.4.2 in staging, and the payload lacks",
    ),
    blocked(
        "a leg that was blocked without failing its job, and left out",
        |stage| {
            matrix(stage, &leg("health", Verdict::Blocked, 9), "success");
            stage.payload()
        },
        "health",
        "job `health (us)` announced health: blocked",
    ),
    blocked(
        "a leg that was inconclusive and left out",
        |stage| {
            matrix(stage, &leg("health", Verdict::Inconclusive, 9), "failure");
            stage.payload()
        },
        "health",
        "job `health (us)` announced health: inconclusive",
    ),
    blocked(
        "a leg that passed and was left out",
        |stage| {
            matrix(stage, &leg("health", Verdict::Passed, 9), "success");
            stage.payload()
        },
        "health",
        "job `health (us)` announced health: passed for checkout-service 1.4.2 in staging, and the payload lacks",
    ),
    blocked(
        "a leg that ran into its time limit and announced nothing",
        |stage| {
            let job = matrix(stage, &leg("health", Verdict::Passed, 9), "timed_out");
            stage.fake_github.remove_annotations(SHOP, job);
            stage.payload()
        },
        "health",
        "job `health (us)` ended as timed_out and announced no report",
    ),
    passes(
        "a leg of another service that ran into its time limit and announced nothing",
        |stage| {
            let other = "  frontend:\n    repository: acme/shop\n    workflow: .github/workflows/validate-staging.yml\n    image: ghcr.io/acme/frontend\n";
            stage.config = CONFIG.replace("policy:", &format!("{other}policy:"));
            let job = job_of(stage, "health");
            stage.fake_github.remove_annotations(SHOP, job);
            let own = stage.reports[0].clone();
            stage.job("health (checkout-service)", "success", Some(&own));
            stage.job("health (frontend)", "timed_out", None);
            stage.payload()
        },
        "health",
        "in job `health (checkout-service)`",
    ),
    passes(
        "a leg that was skipped",
        |stage| {
            let job = matrix(stage, &leg("health", Verdict::Passed, 9), "skipped");
            stage.fake_github.remove_annotations(SHOP, job);
            stage.payload()
        },
        "health",
        "in job `health (eu)`",
    ),
    blocked(
        "a gate that was blocked in another job, and passed in a second one",
        |stage| {
            stage.job("smoke again", "failure", Some(&leg("smoke", Verdict::Blocked, 9)));
            stage.payload()
        },
        "smoke",
        "job `smoke again` announced smoke: blocked",
    ),
    blocked(
        "a second notice that another token added to the job of a gate",
        |stage| second_notice(stage, "performance"),
        "performance",
        "job `performance` announced performance: passed for checkout-service 1.4.2 in staging, and the payload lacks",
    ),
    blocked(
        "a second notice that another token added to the job of a gate that was blocked",
        |stage| {
            let job = job_of(stage, "performance");
            stage.fake_github.remove_annotations(SHOP, job);
            stage.annotate(job, &leg("performance", Verdict::Blocked, 10));
            second_notice(stage, "performance")
        },
        "performance",
        "job `performance` announced performance: blocked",
    ),
    blocked(
        "a second notice that another token added to another job",
        |stage| {
            stage.job("lint", "success", None);
            second_notice(stage, "lint")
        },
        "performance",
        "job `performance` announced performance: passed",
    ),
    blocked(
        "two reports of one gate from one job",
        |stage| {
            let second = leg("smoke", Verdict::Passed, 9);
            stage.annotate(job_of(stage, "smoke"), &second);
            stage.reports.push(second);
            stage.payload()
        },
        "smoke",
        "job `smoke` announced two different reports of smoke: sha256 ",
    ),
    blocked(
        "two reports of one gate, one of them blocked",
        |stage| {
            let second = leg("smoke", Verdict::Blocked, 9);
            stage.job("smoke again", "success", Some(&second));
            stage.reports.push(second);
            stage.payload()
        },
        "smoke",
        "blocked: ",
    ),
    blocked(
        "a report of another tag from the same job",
        |stage| {
            let mut other = leg("smoke", Verdict::Passed, 9);
            other.subject.tag = "1.4.3".parse().ok();
            stage.annotate(job_of(stage, "smoke"), &other);
            stage.payload()
        },
        "smoke",
        "job `smoke` announced smoke: passed for checkout-service 1.4.3 in staging, and the payload lacks",
    ),
    passes(
        "the same notice twice",
        |stage| {
            stage.annotate(job_of(stage, "smoke"), &stage.reports[1]);
            stage.payload()
        },
        "smoke",
        "in job `smoke`",
    ),
    blocked(
        "a notice of another command",
        |stage| renotice(stage, "smoke", |notice| "record".clone_into(&mut notice.command)),
        "smoke",
        "none of the 4 jobs announced one",
    ),
    blocked(
        "a notice of another gate",
        |stage| renotice(stage, "smoke", |notice| "health".clone_into(&mut notice.command)),
        "smoke",
        "none of the 4 jobs announced one",
    ),
    blocked(
        "a notice of another verdict",
        |stage| renotice(stage, "smoke", |notice| "blocked".clone_into(&mut notice.verdict)),
        "smoke",
        "job `smoke` announced sha256 ",
    ),
    blocked(
        "a notice of another subject",
        |stage| {
            renotice(stage, "smoke", |notice| {
                notice.subject = r#"{"service":"checkout-service","tag":"1.4.1"}"#.parse().ok();
            })
        },
        "smoke",
        "job `smoke` announced sha256 ",
    ),
    blocked(
        "a second notice of another verdict about a report of the payload",
        |stage| {
            let blocked = ReportNotice { verdict: "blocked".to_owned(), ..notice(&stage.reports[1]) };
            let job = job_of(stage, "lint");
            stage.fake_github.annotate(SHOP, job, "promote-gates", &blocked.to_string());
            stage.payload()
        },
        "smoke",
        "job `lint` announced the report smoke: passed for checkout-service 1.4.2 in staging as smoke: blocked for",
    ),
    blocked(
        "a notice with another level",
        |stage| {
            let (job, text) = (job_of(stage, "smoke"), notice(&stage.reports[1]).to_string());
            stage.fake_github.remove_annotations(SHOP, job);
            stage.fake_github.annotate_as(SHOP, job, "warning", "promote-gates", &text);
            stage.payload()
        },
        "smoke",
        "none of the 4 jobs announced one",
    ),
    inconclusive(
        "a notice of an older version",
        |stage| {
            let job = job_of(stage, "smoke");
            stage.fake_github.remove_annotations(SHOP, job);
            stage.fake_github.annotate(SHOP, job, "promote-gates", &older(&stage.reports[1]));
            stage.payload()
        },
        "smoke",
        "job `smoke` announced smoke: passed, in the form of an older version, without its subject",
    ),
    blocked(
        "a notice of an older version whose report was left out",
        |stage| {
            let job = stage.job("health (us)", "failure", None);
            let text = older(&leg("health", Verdict::Blocked, 9));
            stage.fake_github.annotate(SHOP, job, "promote-gates", &text);
            stage.payload()
        },
        "health",
        "job `health (us)` announced health: blocked, in the form of an older version",
    ),
    inconclusive(
        "a notice that cannot be read",
        |stage| {
            let job = stage.job("health (us)", "success", None);
            let text = notice(&leg("health", Verdict::Blocked, 9)).to_string().replace("staging", "***");
            stage.fake_github.annotate(SHOP, job, "promote-gates", &text);
            stage.payload()
        },
        "notices",
        "job `health (us)` has a notice of another form: command=health verdict=blocked",
    ),
    passes(
        "a gate of another service in the same run, which was blocked",
        |stage| {
            let mut other = report("health", Verdict::Blocked);
            other.subject.service = "frontend".parse().ok();
            stage.job("health frontend", "failure", Some(&other));
            stage.payload()
        },
        "health",
        "in job `health`",
    ),
    blocked(
        "a gate without a service in the same run, which was blocked",
        |stage| {
            let mut other = report("health", Verdict::Blocked);
            other.subject.service = None;
            stage.job("health of all", "failure", Some(&other));
            stage.payload()
        },
        "health",
        "job `health of all` announced health: blocked for 1.4.2 in staging",
    ),
    passes(
        "a gate in dry-run that was blocked and left out",
        |stage| {
            stage.job("trial", "success", Some(&Report { dry_run: true, ..report("bundle-size", Verdict::Blocked) }));
            stage.payload()
        },
        "health",
        "in job `health`",
    ),
    passes(
        "a gate in dry-run, with other settings, in the job of the same gate",
        |stage| {
            stage.annotate(job_of(stage, "health"), &Report { dry_run: true, ..leg("health", Verdict::Blocked, 9) });
            stage.payload()
        },
        "health",
        "in job `health`",
    ),
    blocked(
        "a notice of a dry-run about a report that was none",
        |stage| renotice(stage, "smoke", |notice| notice.dry_run = true),
        "smoke",
        "job `smoke` announced sha256 ",
    ),
    passes(
        "notices of commands that are no gates",
        |stage| {
            for command in ["record", "environments", "audit"] {
                stage.job(command, "success", Some(&report(command, Verdict::Blocked)));
            }
            stage.payload()
        },
        "health",
        "in job `health`",
    ),
    blocked(
        "a notice of a command that is not known here",
        |stage| {
            stage.job("lighthouse", "failure", Some(&report("lighthouse", Verdict::Blocked)));
            stage.payload()
        },
        "lighthouse",
        "job `lighthouse` announced lighthouse: blocked",
    ),
    passes(
        "a gate that is not required and was blocked",
        |stage| {
            let other = report("bundle-size", Verdict::Blocked);
            stage.job("bundle-size", "failure", Some(&other));
            stage.reports.push(other);
            stage.payload()
        },
        "bundle-size",
        "blocked: ",
    ),
    blocked(
        "a gate that is not required, was blocked and left out",
        |stage| {
            stage.job("bundle-size", "failure", Some(&report("bundle-size", Verdict::Blocked)));
            stage.payload()
        },
        "bundle-size",
        "job `bundle-size` announced bundle-size: blocked",
    ),
    blocked(
        "a run of several gates that was blocked and left out",
        |stage| {
            stage.job("all gates", "failure", Some(&report("run", Verdict::Blocked)));
            stage.payload()
        },
        "run",
        "job `all gates` announced run: blocked",
    ),
    inconclusive(
        "another job that is still running",
        |stage| {
            stage.fake_github.set_job(SHOP, 7, 1, FakeJob::running("health (us)", "GitHub Actions 3"));
            stage.payload()
        },
        "notices",
        "2 jobs have not ended: ",
    ),
    inconclusive(
        "a job that failed and made more annotations than GitHub keeps",
        |stage| {
            let job = stage.job("all legs", "failure", None);
            for number in 0..50 {
                stage.fake_github.annotate_as(SHOP, job, "warning", "lint", &format!("line {number}"));
            }
            stage.payload()
        },
        "notices",
        "job `all legs` did not succeed, and made more annotations than GitHub keeps",
    ),
    passes(
        "a job that succeeded and made more annotations than GitHub keeps",
        |stage| {
            let job = stage.job("lint", "success", None);
            for number in 0..50 {
                stage.fake_github.annotate_as(SHOP, job, "warning", "lint", &format!("line {number}"));
            }
            stage.payload()
        },
        "health",
        "in job `health`",
    ),
];
