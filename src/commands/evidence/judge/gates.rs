//! The gate checks: a job of the validating run announced each report, and every required report passed recently.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::minute,
    commands::evidence::{
        gate_jobs::age,
        judge::{
            notices::{CLIP_NAME, MAX_ANNOTATIONS, older_notice},
            runs::FAILED_JOB,
        },
        observations::{EvidenceObservations, ValidationJobs},
        payload::{ReportText, report_sha256},
        verification::{Verification, report_difference},
    },
    finding::{Finding, Verdict},
    report::notice::ReportNotice,
    results::ReceivedReport,
    subject::Subject,
    values::clip,
    world::github::Job,
};

/// How far GitHub's clock and the runner's may differ.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How much of a report's text goes into a finding, in characters.
pub(super) const CLIP: usize = 300;

/// The checks of the reports against the observations.
pub(super) struct ReportChecks<'a> {
    pub(super) verification: &'a Verification<'a>,
    pub(super) jobs: &'a ValidationJobs,
    /// The subject that every report must have. Its commit is the one that GitHub shows for the run that built it.
    release: Subject,
    pub(super) now: Timestamp,
}

impl Verification<'_> {
    pub(super) fn check_gates(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        // The gates judged the release where it was validated, not where it would be promoted to.
        let environment = self.claim.payload.subject.environment.clone();
        let release = Subject { environment, ..self.subject(observations) };
        let checks = ReportChecks { verification: self, jobs: &observations.jobs, release, now: observations.now };
        // GitHub's signature holds all reports at once: with it, no notice is read.
        let notices = if self.signed.is_some() { Vec::new() } else { self.check_notices(&observations.jobs) };
        let required = self.required.iter().map(|command| checks.check_required(command, &notices));
        // The approver sees the other reports too, so they must be authentic as well.
        let is_required = |received: &&ReceivedReport| self.required.contains(&received.report.command);
        let required_texts: BTreeSet<String> =
            self.claim.received.iter().filter(is_required).map(report_sha256).collect();
        let others = self.claim.texts.iter().filter(|text| !required_texts.contains(&text.sha256));
        let other_notices = notices.iter().filter(|notice| !self.required.contains(&notice.check)).cloned();
        required.chain(others.flat_map(|text| checks.check_optional(text))).chain(other_notices).collect()
    }

    /// Whether no job has announced one of the reports yet.
    pub fn lacks_notice(&self, jobs: &ValidationJobs) -> bool {
        self.claim.texts.iter().any(|text| jobs.job_announcing(text).is_none())
    }
}

impl<'a> ReportChecks<'a> {
    /// A required command. Every report of a matrix must pass, and no notice may contradict the payload.
    fn check_required(&self, command: &str, notices: &[Finding]) -> Finding {
        let held_by = if self.verification.signed.is_some() { "signed" } else { "announced by a job that succeeded" };
        let max_age = self.verification.max_age;
        let expected = format!("a passed report of this run and release, {held_by}, at most {max_age} old");
        let claim = self.verification.claim;
        let all = claim.received.iter().filter(|received| received.report.command == command);
        let mut reports: Vec<Finding> = all.map(|received| self.check_report(received)).collect();
        if reports.is_empty() {
            let commands: Vec<&str> = claim.texts.iter().map(|text| text.command.as_str()).collect();
            let actual = format!("no report of it in the payload, only of {}", commands.join(", "));
            reports.push(Finding::blocked(command).actual(clip(&actual, CLIP)).next("let `record` require it as well"));
        }
        // Of findings that are as bad, one about a report comes first, and then the first notice: `max_by_key` takes the last.
        let notices = notices.iter().rev().filter(|finding| finding.check == command).cloned();
        let worst = notices.chain(reports).max_by_key(|finding| finding.verdict);
        worst.unwrap_or_else(|| Finding::inconclusive(command)).expected(expected)
    }

    /// A report that is not required must be authentic. It need not have passed; the finding then says so.
    fn check_optional(&self, text: &ReportText) -> Vec<Finding> {
        let all = self.verification.claim.received.iter().filter(|received| report_sha256(received) == text.sha256);
        let findings = all.map(|received| {
            let finding = self
                .check_report(received)
                .expected("a report of this run and release, signed or announced by its job");
            let is_signed = self.verification.signed.is_some() && self.check_origin(received).is_ok();
            let is_authentic = is_signed || self.authenticate(received).is_ok();
            if is_authentic && finding.verdict != Verdict::Passed {
                let finding = Finding { verdict: Verdict::Passed, ..finding };
                return finding.waived("`required` does not name it");
            }
            finding
        });
        findings.collect()
    }

    /// The job that announced the report. An error if none did, or if the report is of another release or run.
    fn authenticate(&self, received: &ReceivedReport) -> Result<&'a Job, Finding> {
        self.check_origin(received)?;
        let command = &clip(&received.report.command, CLIP_NAME);
        let text = self.verification.claim.text_of(received);
        let job = text.and_then(|text| self.jobs.job_announcing(text));
        job.ok_or_else(|| {
            let older = text.and_then(|text| older_notice(self.jobs, text));
            older.unwrap_or_else(|| self.missing_notice(command, &report_sha256(received)))
        })
    }

    /// An error if the report is of another release or run.
    pub(super) fn check_origin(&self, received: &ReceivedReport) -> Result<(), Finding> {
        let ReceivedReport { report, .. } = received;
        let command = &clip(&report.command, CLIP_NAME);
        let claimed = &self.verification.claim.payload.run;
        let blocked = |actual: String| Err(Finding::blocked(command).actual(actual));
        if let Some(difference) = report_difference(&report.subject, &self.release) {
            return blocked(format!("its report is about another subject: {difference}"));
        }
        // The `workflow_run` event gives the gate its commit, which ties the run to the deployed version.
        if self.verification.origin.deploy_workflow.is_some() && report.subject.commit.is_none() {
            return Err(Finding::inconclusive(command)
                .actual("its report names no commit")
                .next("run the gates in the workflow that the deploy workflow's end starts (`workflow_run`)"));
        }
        match &report.run {
            Some(run)
                if run.id == claimed.id
                    && run.attempt == claimed.attempt
                    && run.repository.eq_ignore_ascii_case(&claimed.repository.to_string()) => {}
            Some(run) => {
                let next = "run all jobs of the validation again, so that every gate is of one attempt";
                let actual = format!(
                    "its report is of attempt {} of run {} of {}; the payload names attempt {} of run {}",
                    run.attempt,
                    run.id,
                    clip(&run.repository, CLIP),
                    claimed.attempt,
                    claimed.id
                );
                return Err(Finding::blocked(command).actual(actual).next(next));
            }
            None => return blocked("its report is of no workflow run".to_owned()),
        }
        Ok(())
    }

    /// The finding for a report that no job announced.
    fn missing_notice(&self, command: &str, sha256: &str) -> Finding {
        let jobs = self.jobs;
        if let Some(error) = &jobs.error {
            return error.for_check(command);
        }
        let Some(all) = &jobs.jobs else {
            return Finding::inconclusive(command).actual("the jobs of the validating run were not seen");
        };
        let others: Vec<String> = jobs
            .notices()
            .filter(|(_, notice)| notice.command == command)
            .map(|(job, ReportNotice { sha256, .. })| {
                format!("job `{}` announced sha256 {}", clip(&job.name, CLIP_NAME), clip(&sha256, 64))
            })
            .collect();
        let announced =
            if others.is_empty() { format!("none of the {} jobs announced one", all.len()) } else { others.join(", ") };
        let is_full =
            |job: &&Job| jobs.annotations.get(&job.id).is_some_and(|annotations| annotations.len() >= MAX_ANNOTATIONS);
        match all.iter().find(is_full) {
            Some(job) if others.is_empty() => Finding::inconclusive(command)
                .actual(format!(
                    "{announced}, but job `{}` made more annotations than GitHub keeps",
                    clip(&job.name, CLIP_NAME)
                ))
                .next("run the gate in a job that makes fewer annotations"),
            _ => {
                let actual = format!("its report has sha256 {sha256}; {announced}");
                Finding::blocked(command).actual(clip(&actual, 2 * CLIP))
            }
        }
    }

    fn check_report(&self, received: &ReceivedReport) -> Finding {
        if let Some(claims) = &self.verification.signed {
            return self.check_signed_report(received, claims);
        }
        let ReceivedReport { report, .. } = received;
        let command = &clip(&report.command, CLIP_NAME);
        let job = match self.authenticate(received) {
            Ok(job) => job,
            Err(finding) => return finding,
        };
        let name = clip(&job.name, CLIP_NAME);
        let finding = |verdict, actual: String| {
            let at = job.completed_at.map(|at| at.to_string()).unwrap_or_default();
            Finding::new(command, verdict).actual(actual).seen_at(format!("job {name}"), at)
        };
        let reported = format!("{}: {}", report.verdict, clip(&report.reason, CLIP));
        if report.dry_run {
            return finding(Verdict::Blocked, format!("{reported} in dry-run, which counts for nothing"));
        }
        if report.verdict != Verdict::Passed {
            return finding(report.verdict, reported);
        }
        let ended = match (job.conclusion.as_deref(), job.completed_at) {
            (Some("success"), Some(ended)) => ended,
            (None, _) | (_, None) => {
                return finding(Verdict::Inconclusive, format!("{reported}; its job `{name}` is {}", job.status));
            }
            (Some(other), _) => {
                return finding(Verdict::Blocked, format!("{reported}, but its job `{name}` ended as {other}"))
                    .next(FAILED_JOB);
            }
        };
        if self.now.duration_since(ended) < -SKEW {
            let actual = format!("its job ended at {ended}, and it is {} here", self.now);
            return finding(Verdict::Inconclusive, actual).next("set the runner's clock");
        }
        let age = age(ended, self.now);
        let is_too_old = age.0 > self.verification.max_age.0;
        let verdict = if is_too_old { Verdict::Blocked } else { Verdict::Passed };
        let before = if is_too_old { format!(", {age} before this check") } else { String::new() };
        let finding = finding(verdict, format!("{reported}; ended {}{before}, in job `{name}`", minute(ended)));
        let waived = report.findings.iter().find_map(|finding| finding.waived.as_deref());
        match waived {
            _ if is_too_old => finding.next("validate the release again"),
            Some(waived) => finding.waived(clip(waived, CLIP)),
            None => finding,
        }
    }
}
