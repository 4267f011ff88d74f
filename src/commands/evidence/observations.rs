//! What GitHub and git show of a validation. No value in here comes from the payload.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{bundle::BundleObservations, later_runs::LaterRuns, payload::ReportText, test_count::PromotedTests};
use crate::{
    config::people::People,
    deployment::judge::BranchPosition,
    finding::Finding,
    ledger::LedgerEntry,
    people::participants::{Participants, ReleasePeople},
    report::notice::{self, ReportNotice},
    subject::Commit,
    world::github::{Annotation, Comparison, Job, SourceCommit, WorkflowRun},
};

/// Everything that was observed. An error says why its part could not be observed.
pub struct EvidenceObservations {
    /// The latest attempt of the validating run; `None` if the run does not exist.
    pub run: Result<Option<WorkflowRun>, Finding>,
    /// The latest attempt of the deploy run; absent if the payload names none.
    pub deploy: Option<Result<Option<WorkflowRun>, Finding>>,
    /// Where the commit in the image is towards its branch; absent if the commit is not known.
    pub branch: Option<Result<BranchPosition, Finding>>,
    pub jobs: ValidationJobs,
    /// The service's entries in the ledger, newest first.
    pub ledger: Result<Vec<LedgerEntry>, Finding>,
    pub changes: ReleaseChanges,
    pub bundle: BundleObservations,
    /// The number of tests of the last promotion that recorded it.
    pub tests: Result<Option<PromotedTests>, Finding>,
    /// What ran since; absent without `min-age`.
    pub later: Option<LaterRuns>,
    /// The default branch of the service's repository; absent where no check needs it.
    pub default_branch: Option<Result<Option<String>, Finding>>,
    pub now: Timestamp,
}

/// The jobs of the validating run and their annotations.
#[derive(Default)]
pub struct ValidationJobs {
    /// `None` until GitHub listed them.
    pub jobs: Option<Vec<Job>>,
    /// By the job's id.
    pub annotations: BTreeMap<u64, Vec<Annotation>>,
    /// Why the last look was incomplete.
    pub error: Option<Finding>,
}

/// The difference between the image in the infra repository and the image to promote.
pub struct ReleaseChanges {
    /// The image that the infra repository sets now; `None` if it has no entry.
    pub current_image: Option<String>,
    pub base: Result<BaseCommit, Finding>,
    /// Absent without a base, or if the commit of the new image is unknown.
    pub comparison: Option<Result<Option<Comparison>, Finding>>,
    /// The commit of the new image, without a base to compare it with.
    pub head: Option<Result<Option<SourceCommit>, Finding>>,
    /// Who is behind these commits; absent if there are none.
    pub people: Option<Result<ReleasePeople, Finding>>,
}

/// The source commit of the image in the infra repository.
pub enum BaseCommit {
    Known {
        sha: Commit,
        /// Where it was found: `the ledger (3f2a1b0)`, `` tag `v1.4.1` of acme/shop ``.
        source: String,
    },
    /// Not found; `tried` names the places that were searched.
    Unknown { tried: String },
}

impl EvidenceObservations {
    /// The commit in the image: GitHub's head commit of the run that built it.
    pub fn built_commit(&self) -> Option<Commit> {
        let run = self.deploy.as_ref().unwrap_or(&self.run);
        run.as_ref().ok().and_then(Option::as_ref).and_then(|run| run.head_sha.parse().ok())
    }

    /// The name of the branch that the commit has to be on.
    pub fn branch_name(&self) -> Option<&str> {
        self.branch.as_ref().and_then(|position| position.as_ref().ok()).map(|position| position.branch.as_str())
    }

    /// Who had a part in the release. `known` names the accounts by which no person acts.
    pub fn participants(&self, known: &People) -> Participants {
        let runs = [(Some(&self.run), "validated it"), (self.deploy.as_ref(), "deployed it")];
        let runs = runs.into_iter().filter_map(|(run, role)| Some((run?.as_ref().ok()?.as_ref()?, role)));
        let people = self.changes.people.as_ref().and_then(|people| people.as_ref().ok());
        Participants::of(runs, people, known)
    }

    /// The ids of the runs whose actors had a part.
    pub fn run_ids(&self) -> Vec<u64> {
        let runs = [self.deploy.as_ref(), Some(&self.run)].into_iter().flatten();
        runs.filter_map(|run| Some(run.as_ref().ok()?.as_ref()?.id)).collect()
    }

    pub fn run_url(&self) -> Option<&str> {
        self.run.as_ref().ok().and_then(Option::as_ref).map(|run| run.html_url.as_str())
    }

    pub fn repository_url(&self) -> Option<&str> {
        self.run_url().and_then(|url| url.split("/actions/").next())
    }

    /// The URL of the attempt that validated.
    pub fn validation_run(&self) -> Option<String> {
        self.run.as_ref().ok().and_then(Option::as_ref).map(attempt_url)
    }
}

impl ReleaseChanges {
    /// The source commit of the current image, if it is known.
    pub fn base_commit(&self) -> Option<&Commit> {
        match &self.base {
            Ok(BaseCommit::Known { sha, .. }) => Some(sha),
            _ => None,
        }
    }

    /// The new commits, oldest first; only the commit of the image if the new commits are not known.
    pub fn commits(&self) -> impl Iterator<Item = &SourceCommit> {
        let comparison = self.comparison.as_ref().and_then(|result| result.as_ref().ok()).and_then(Option::as_ref);
        let head = self.head.as_ref().and_then(|result| result.as_ref().ok()).and_then(Option::as_ref);
        comparison.map(|comparison| comparison.commits.iter()).unwrap_or_default().chain(head)
    }
}

impl ValidationJobs {
    /// The jobs, or a finding that says why GitHub did not list them.
    pub fn listed(&self) -> Result<&[Job], Finding> {
        self.jobs.as_deref().ok_or_else(|| {
            self.error.clone().unwrap_or_else(|| {
                Finding::inconclusive("jobs")
                    .actual("the jobs of the validating run were not seen")
                    .next("run this job again")
            })
        })
    }

    /// The notices of a job; an error holds the message of one that cannot be read.
    pub fn notices_of(&self, job: &Job) -> impl Iterator<Item = Result<ReportNotice, &str>> {
        let annotations = self.annotations.get(&job.id).into_iter().flatten();
        annotations.filter(|annotation| is_notice(annotation)).map(|annotation| {
            let message = annotation.message.as_deref().unwrap_or_default();
            ReportNotice::parse(message).ok_or(message)
        })
    }

    /// The notices of all jobs that can be read.
    pub fn notices(&self) -> impl Iterator<Item = (&Job, ReportNotice)> {
        let jobs = self.jobs.iter().flatten();
        jobs.flat_map(|job| self.notices_of(job).filter_map(move |notice| Some((job, notice.ok()?))))
    }

    /// Whether a job announced a report.
    pub fn announces(&self, job: &Job, text: &ReportText) -> bool {
        self.notices_of(job).flatten().any(|notice| text.is_announced_by(&notice))
    }

    /// The job that announced a report.
    pub fn job_announcing(&self, text: &ReportText) -> Option<&Job> {
        self.jobs.iter().flatten().find(|job| self.announces(job, text))
    }

    /// Whether another look could find a notice that counts against the payload: a job that ended has announced nothing yet, or
    /// more jobs than the one that sent the dispatch still run.
    pub fn may_contradict(&self, now: Timestamp, delay: Duration) -> bool {
        let Some(jobs) = self.jobs.as_ref().filter(|_| self.error.is_none()) else {
            return self.may_announce_more(now, delay);
        };
        let is_silent = |job: &Job| job.has_run() && self.notices_of(job).next().is_none();
        jobs.iter().any(|job| is_silent(job) && !ended_before(job, now, delay))
            || jobs.iter().filter(|job| job.status != "completed").count() > 1
    }

    /// Whether another look could find a further notice: GitHub shows a notice when its job is complete, sometimes a little
    /// later.
    pub fn may_announce_more(&self, now: Timestamp, delay: Duration) -> bool {
        match (&self.error, &self.jobs) {
            (Some(error), _) => !is_refusal(error),
            (None, None) => true,
            (None, Some(jobs)) => !jobs.iter().all(|job| ended_before(job, now, delay)),
        }
    }
}

/// Whether GitHub refused with an HTTP status that a retry does not change.
fn is_refusal(finding: &Finding) -> bool {
    ["401 ", "403 "].iter().any(|status| finding.actual.starts_with(status))
}

/// Whether a job ended so long ago that all its annotations have appeared: `delay` is the time they may take.
pub fn ended_before(job: &Job, now: Timestamp, delay: Duration) -> bool {
    let is_long_ago = |end: Timestamp| now.duration_since(end).try_into().is_ok_and(|age: Duration| age > delay);
    job.completed_at.is_some_and(is_long_ago)
}

/// The URL of a run's attempt, which the ledger records.
pub fn attempt_url(run: &WorkflowRun) -> String {
    format!("{}/attempts/{}", run.html_url, run.attempt)
}

/// Whether an annotation has the title and the level of our notices.
fn is_notice(annotation: &Annotation) -> bool {
    annotation.title.as_deref() == Some(notice::TITLE) && annotation.level.as_deref() == Some("notice")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Report, log::tests::Kept};

    #[test]
    fn the_notice_that_the_log_prints_is_read() {
        let kept = Kept::default();
        let mut report = Report::open("health", String::new());
        report.subject = r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().unwrap();
        kept.log(true).report(&report, &"a".repeat(64), true);
        let text = kept.text();
        let message = text.lines().find_map(|line| line.strip_prefix("::notice title=promote-gates::")).unwrap();
        let read = ReportNotice::parse(message).unwrap();
        assert_eq!((&*read.command, &*read.verdict, read.sha256), ("health", "inconclusive", "a".repeat(64)));
        assert_eq!(read.subject, Some(report.subject));
    }

    #[test]
    fn only_a_notice_with_our_title_is_read() {
        let annotation = |title: &str, level: &str| Annotation {
            level: Some(level.to_owned()),
            title: Some(title.to_owned()),
            message: Some("command=health verdict=passed sha256=a subject={}".to_owned()),
        };
        assert!(is_notice(&annotation("promote-gates", "notice")));
        assert!(!is_notice(&annotation("promote-gates", "warning")));
        assert!(!is_notice(&annotation("promote-gates: health", "notice")));
    }
}
