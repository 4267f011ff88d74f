//! What is known of a validation, told by GitHub and by git: nothing in here is from the payload.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

pub(super) use crate::{
    finding::Finding,
    ledger::LedgerEntry,
    world::github::{Annotation, Comparison, Job, SourceCommit, WorkflowRun},
};

/// Something that was asked for. An error is about why it could not be seen.
pub(super) type Looked<T> = Result<T, Finding>;

pub(super) struct Seen {
    /// The validating run in its latest attempt; `None`: there is none.
    pub run: Looked<Option<WorkflowRun>>,
    /// The deploy run, likewise; absent when the payload tells of none.
    pub deploy: Option<Looked<Option<WorkflowRun>>>,
    pub jobs: Jobs,
    /// The service's entries in the ledger, newest first.
    pub ledger: Looked<Vec<LedgerEntry>>,
    pub changes: Changes,
    pub now: Timestamp,
}

/// The jobs of the validating run, and what they said.
#[derive(Default)]
pub(super) struct Jobs {
    /// Absent before they were looked at.
    pub all: Option<Vec<Job>>,
    pub said: BTreeMap<u64, Vec<Annotation>>,
    /// Why the last look was not whole.
    pub trouble: Option<Finding>,
}

/// What lies between the image that stands there and this one.
pub(super) struct Changes {
    /// The image that the infra repository holds now; `None`: no entry.
    pub decision: Option<String>,
    pub base: Looked<Base>,
    /// Absent without a base, or without a commit of this image.
    pub comparison: Option<Looked<Option<Comparison>>>,
    /// The commit of this image, where there is nothing to compare it with.
    pub head: Option<Looked<Option<SourceCommit>>>,
}

/// The commit in the image that stands there.
pub(super) enum Base {
    Known {
        sha: String,
        /// How it is known: `the ledger (commit 3f2a…)`, `tag v1.4.1`.
        by: String,
    },
    /// Nothing tells it; what was tried.
    Unknown { tried: String },
}

/// What a gate's notice says: `report::log` prints it, GitHub keeps it with the job's check run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notice<'a> {
    pub command: &'a str,
    pub verdict: &'a str,
    pub sha256: &'a str,
}

impl<'a> Notice<'a> {
    pub fn read(annotation: &'a Annotation) -> Option<Self> {
        let is_ours =
            annotation.title.as_deref() == Some("promote-gates") && annotation.level.as_deref() == Some("notice");
        let message = annotation.message.as_deref().filter(|_| is_ours)?;
        let mut words = message.split(' ');
        let mut word = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=');
        let notice = Self { command: word("command")?, verdict: word("verdict")?, sha256: word("sha256")? };
        words.next().is_none().then_some(notice)
    }
}

impl Jobs {
    /// The notices of all jobs.
    pub fn notices(&self) -> impl Iterator<Item = (&Job, Notice<'_>)> {
        let all = self.all.iter().flatten();
        all.flat_map(|job| {
            let said = self.said.get(&job.id).into_iter().flatten();
            said.filter_map(move |annotation| Some((job, Notice::read(annotation)?)))
        })
    }

    /// The job that told of a report.
    pub fn of(&self, sha256: &str) -> Option<&Job> {
        self.notices().find(|(_, notice)| notice.sha256 == sha256).map(|(job, _)| job)
    }

    /// Whether another look could bring a notice that is not there yet: GitHub shows it once the job is complete, at times
    /// a little later.
    pub fn may_say_more(&self, now: Timestamp, patience: Duration) -> bool {
        match (&self.trouble, &self.all) {
            (Some(trouble), _) => !is_refusal(trouble),
            (None, None) => true,
            (None, Some(all)) => !all.iter().all(|job| ended_before(job, now, patience)),
        }
    }
}

/// Whether GitHub said no, by an HTTP status that asking again does not change.
fn is_refusal(finding: &Finding) -> bool {
    ["401 ", "403 "].iter().any(|status| finding.actual.starts_with(status))
}

/// Whether a job ended longer ago than its annotations may take to appear.
pub(super) fn ended_before(job: &Job, now: Timestamp, patience: Duration) -> bool {
    let long_ago = |end: Timestamp| now.duration_since(end).try_into().is_ok_and(|age: Duration| age > patience);
    job.completed_at.is_some_and(long_ago)
}

/// `3f2a1b0` of a commit's id.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// Whether a run's path is that of a workflow: GitHub puts at times a ref behind it.
pub(super) fn is_of_workflow(run: &WorkflowRun, path: &str) -> bool {
    run.path.split('@').next() == Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Report, log::tests::Kept};

    fn annotation(title: &str, message: &str) -> Annotation {
        let some = |text: &str| Some(text.to_owned());
        Annotation { level: some("notice"), title: some(title), message: some(message) }
    }

    #[test]
    fn a_notice_is_read_as_the_log_prints_it() {
        let kept = Kept::default();
        kept.log(true).report(&Report::open("health", String::new()), &"a".repeat(64), true);
        let text = kept.text();
        let message = text.lines().find_map(|line| line.strip_prefix("::notice title=promote-gates::")).unwrap();
        let annotation = annotation("promote-gates", message);
        let sha256 = "a".repeat(64);
        let expected = Notice { command: "health", verdict: "inconclusive", sha256: &sha256 };
        assert_eq!(Notice::read(&annotation), Some(expected));
    }

    #[test]
    fn nothing_else_is_a_notice() {
        for (title, message) in [
            ("promote-gates", "command=health verdict=passed sha256=a x=y"),
            ("promote-gates", "command=health verdict=passed"),
            ("promote-gates", "x command=health verdict=passed sha256=a"),
            ("promote-gates: health", "command=health verdict=passed sha256=a"),
        ] {
            assert_eq!(Notice::read(&annotation(title, message)), None, "{title} {message}");
        }
        let warning = Annotation {
            level: Some("warning".to_owned()),
            ..annotation("promote-gates", "command=a verdict=b sha256=c")
        };
        assert_eq!(Notice::read(&warning), None);
    }
}
