//! The notice checks: every notice of every job of the run counts, also one that no report of the payload needs. Otherwise the
//! report of a gate that did not pass could be left out, or a second one announced beside it.

use std::collections::BTreeMap;

use crate::{
    commands::evidence::{
        judge::job_names::is_leg_of_same_matrix, observations::ValidationJobs, payload::ReportText,
        verification::Verification,
    },
    finding::Finding,
    report::notice::ReportNotice,
    results::MATRIX,
    values::clip,
    world::github::Job,
};

/// The check of what belongs to no gate.
const CHECK: &str = "notices";
/// How much of a name goes into a finding, in characters.
pub(super) const CLIP_NAME: usize = 60;
/// How much of a sha256 goes into a finding that compares two.
const CLIP_SHA: usize = 12;
/// How much of a notice goes into a finding, in characters.
const CLIP: usize = 200;
/// How many annotations GitHub keeps of a job, by its documentation of workflow commands.
pub(super) const MAX_ANNOTATIONS: usize = 50;
const EXPECTED: &str = "every report that a job of this run announced, once, in the payload";

impl Verification<'_> {
    /// The notices that contradict the payload. Each finding names the gate, as its check, and the job.
    pub(super) fn check_notices(&self, jobs: &ValidationJobs) -> Vec<Finding> {
        let all = jobs.jobs.as_deref().unwrap_or_default();
        let mut findings: Vec<Finding> = all.iter().flat_map(|job| self.check_job(job, jobs)).collect();
        findings.extend(all.iter().filter_map(|job| self.check_silent_leg(job, all, jobs)));
        findings.extend(self.check_unread(jobs, all));
        findings.into_iter().map(|finding| finding.expected(EXPECTED)).collect()
    }

    fn check_job(&self, job: &Job, jobs: &ValidationJobs) -> Vec<Finding> {
        let mut findings = Vec::new();
        // The first report of each gate that the job announced.
        let mut announced: BTreeMap<String, String> = BTreeMap::new();
        for notice in jobs.notices_of(job) {
            let notice = match notice {
                Ok(notice) => notice,
                Err(message) => {
                    findings.push(
                        Finding::inconclusive(CHECK)
                            .actual(format!("{} has a notice of another form: {}", name(job), clip(message, CLIP)))
                            .next("use the same version of promote-gates in both repositories"),
                    );
                    continue;
                }
            };
            findings.extend(self.check_notice(job, &notice, jobs));
            if !self.counts(&notice) {
                continue;
            }
            let first = announced.entry(notice.command.clone()).or_insert_with(|| notice.sha256.clone());
            if *first != notice.sha256 {
                let command = clip(&notice.command, CLIP_NAME);
                let actual = format!(
                    "{} announced two different reports of {command}: sha256 {} and {}",
                    name(job),
                    clip(first, CLIP_SHA),
                    clip(&notice.sha256, CLIP_SHA)
                );
                let next = "if the workflow runs this gate twice, give each its own job; otherwise do not approve, and find out \
                            who added the notice";
                findings.push(Finding::blocked(&command).actual(actual).next(next));
            }
        }
        findings
    }

    /// The finding for a notice whose report is not in the payload, or is another one there.
    fn check_notice(&self, job: &Job, notice: &ReportNotice, jobs: &ValidationJobs) -> Option<Finding> {
        let (name, described) = (name(job), describe(notice));
        let Some(text) = self.claim.texts.iter().find(|text| text.sha256 == notice.sha256) else {
            let is_matrix = jobs.jobs.iter().flatten().any(|other| {
                is_leg_of_same_matrix(job, other) && self.claim.texts.iter().any(|text| jobs.announces(other, text))
            });
            let next = if notice.verdict == "passed" && is_matrix {
                MATRIX
            } else if notice.verdict == "passed" {
                "let `record` collect the reports of all gates of the run: their jobs in `needs`, with `outputs: report`"
            } else {
                "see the log of that job; when its gate passes, validate the release again"
            };
            let actual = format!("{name} announced {described}, and the payload lacks that report");
            let finding = Finding::blocked(clip(&notice.command, CLIP_NAME)).actual(actual).next(next);
            return self.counts(notice).then_some(finding);
        };
        if text.is_announced_by(notice) {
            return None;
        }
        if is_older(notice, text) {
            return Some(older_version(job, notice));
        }
        let ReportText { command: of, verdict, subject, .. } = text;
        let actual = format!("{name} announced the report {of}: {verdict} for {subject} as {described}");
        Some(Finding::blocked(clip(&text.command, CLIP_NAME)).actual(clip(&actual, 2 * CLIP)))
    }

    /// Whether a notice announces the report of a gate that may be of this release. One run may validate several services, and a
    /// gate in dry-run decides nothing.
    fn counts(&self, notice: &ReportNotice) -> bool {
        let service = notice.subject.as_ref().and_then(|subject| subject.service.as_ref());
        let is_of_other_service = service.is_some_and(|service| *service != self.claim.payload.service);
        !notice.dry_run && !is_of_other_service && !self.other_commands.contains(&notice.command.as_str())
    }

    /// A leg of a matrix that ended without a notice and without success, such as one that ran into its time limit.
    fn check_silent_leg(&self, job: &Job, all: &[Job], jobs: &ValidationJobs) -> Option<Finding> {
        let conclusion = job.conclusion.as_deref().filter(|conclusion| !["success", "skipped"].contains(conclusion))?;
        if self.is_of_other_service(job) || jobs.notices_of(job).next().is_some() {
            return None;
        }
        let others = all.iter().filter(|other| is_leg_of_same_matrix(job, other));
        let announcing = |text: &&ReportText| others.clone().any(|other| jobs.announces(other, text));
        let text = self.claim.texts.iter().find(announcing)?;
        let actual =
            format!("{} ended as {conclusion} and announced no report; other jobs of its matrix did", name(job));
        let next = "see the log of that job; when its gate passes, validate the release again";
        Some(Finding::blocked(clip(&text.command, CLIP_NAME)).actual(actual).next(next))
    }

    /// What may hide a notice: annotations that were not read or not kept, and jobs that have not ended. The job that sent the
    /// dispatch is still running.
    fn check_unread(&self, jobs: &ValidationJobs, all: &[Job]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let is_unread = |job: &&Job| job.has_run() && !jobs.annotations.contains_key(&job.id);
        if let (Some(error), Some(_)) = (&jobs.error, all.iter().find(is_unread)) {
            findings.push(error.for_check(CHECK));
        }
        let unfinished: Vec<String> =
            all.iter().filter(|job| job.status != "completed" && !self.is_of_other_service(job)).map(name).collect();
        if unfinished.len() > 1 {
            findings.push(
                Finding::inconclusive(CHECK)
                    .actual(format!("{} jobs have not ended: {}", unfinished.len(), clip(&unfinished.join(", "), CLIP)))
                    .next("let the job of `record` need every job with a gate; run this job again after they ended"),
            );
        }
        let is_full = |job: &&Job| {
            let kept = jobs.annotations.get(&job.id).map_or(0, Vec::len);
            kept >= MAX_ANNOTATIONS
                && job.conclusion.as_deref() != Some("success")
                && jobs.notices_of(job).next().is_none()
        };
        findings.extend(all.iter().filter(is_full).filter(|job| !self.is_of_other_service(job)).map(|job| {
            Finding::inconclusive(CHECK)
                .actual(format!("{} did not succeed, and made more annotations than GitHub keeps", name(job)))
                .next("run the gate in a job that makes fewer annotations")
        }));
        findings
    }
}

/// The finding for a report that a job announced in the form of an older version.
pub(super) fn older_notice(jobs: &ValidationJobs, text: &ReportText) -> Option<Finding> {
    let (job, notice) = jobs.notices().find(|(_, notice)| is_older(notice, text))?;
    Some(older_version(job, &notice))
}

fn is_older(notice: &ReportNotice, text: &ReportText) -> bool {
    notice.subject.is_none()
        && (&notice.command, &notice.verdict, &notice.sha256) == (&text.command, &text.verdict, &text.sha256)
}

fn older_version(job: &Job, notice: &ReportNotice) -> Finding {
    Finding::inconclusive(clip(&notice.command, CLIP_NAME))
        .actual(format!("{} announced {}", name(job), describe(notice)))
        .next("use the same version of promote-gates in both repositories, and validate again")
}

fn name(job: &Job) -> String {
    format!("job `{}`", clip(&job.name, CLIP_NAME))
}

/// `health: passed for checkout-service 1.4.2 in staging`
fn describe(ReportNotice { command, verdict, dry_run, subject, .. }: &ReportNotice) -> String {
    let in_dry_run = if *dry_run { " in dry-run" } else { "" };
    let of = format!("{}{in_dry_run}", clip(&format!("{command}: {verdict}"), CLIP_NAME));
    match subject {
        Some(subject) if subject.is_empty() => format!("{of} for no subject"),
        Some(subject) => format!("{of} for {subject}"),
        None => format!("{of}, in the form of an older version, without its subject"),
    }
}
