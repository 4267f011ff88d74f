//! The sessions of a service: added, marked, removed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{figures::SessionFigures, output::FiguresOutput, pages::SessionPages};
use crate::{
    finding::Verdict,
    report::{Report, Run},
    subject::{Service, Subject, Tag},
};

/// How many sessions of promoted releases stay for each environment and profile. More are used than [`super::LAST`], because
/// `drift-from` may name an older release.
pub const MOST_PROMOTED: usize = 50;
/// How many other sessions stay.
pub const MOST_OTHERS: usize = 200;

/// The sessions of one service, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineStore {
    pub service: Service,
    pub sessions: Vec<StoredSession>,
}

/// What one job measured of one release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoredSession {
    /// The release, and the environment in which it was measured.
    pub subject: Subject,
    pub verdict: Verdict,
    pub measured_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<SessionRun>,
    /// When the release was promoted. Absent: it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Timestamp>,
    /// Of a load test. Absent of a session that blocked because it could not be measured, as when all requests failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<SessionFigures>,
    /// In place of a load test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_loads: Option<SessionPages>,
}

/// The job that measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionRun {
    pub repository: String,
    pub id: u64,
    pub attempt: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub job: String,
}

impl From<&Run> for SessionRun {
    fn from(run: &Run) -> Self {
        Self { repository: run.repository.clone(), id: run.id, attempt: run.attempt, job: run.job.clone() }
    }
}

/// Why a report is not stored, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unstorable {
    pub actual: String,
    pub next: String,
}

impl StoredSession {
    /// The session of a report of `performance`.
    ///
    /// # Errors
    /// A report that passed without figures, or has no time: it is none that this version understands.
    pub fn of_report(report: &Report) -> Result<Self, Unstorable> {
        let figures = SessionFigures::of_report(report).map(SessionFigures::shortened);
        let page_loads = SessionPages::of_report(report).map(SessionPages::shortened);
        let unstorable = |actual: String, next: &str| Err(Unstorable { actual, next: next.to_owned() });
        let has_figures = figures.is_some() || page_loads.as_ref().is_some_and(SessionPages::has_figures);
        if !has_figures && report.verdict == Verdict::Passed {
            return unstorable(
                "passed, but the report has no figures".to_owned(),
                "run `baseline` in the job of `performance`, behind its step, with `results: ${{ toJSON(steps) }}`; or give the \
                 whole report in `reports`, whose outputs have no limit",
            );
        }
        let Ok(measured_at) = report.finished_at.parse() else {
            let next = "give the report as `performance` wrote it";
            return unstorable(format!("a report without a time: {:?}", report.finished_at), next);
        };
        let subject = Subject { service: None, ..report.subject.clone() };
        let run = report.run.as_ref().map(SessionRun::from);
        Ok(Self { subject, verdict: report.verdict, measured_at, run, promoted_at: None, figures, page_loads })
    }

    /// Whether it is of this release, in any environment.
    pub(super) fn is_of(&self, release: &Subject) -> bool {
        let wanted = Subject { service: None, environment: None, ..release.clone() };
        is_release(&wanted) && self.subject.without_environment().differs_from(&wanted).is_none()
    }

    /// Whether it measured anything.
    pub(super) fn has_figures(&self) -> bool {
        self.figures.is_some() || self.page_loads.as_ref().is_some_and(SessionPages::has_figures)
    }

    /// Why it is no session.
    pub(super) fn objection(&self) -> Option<&'static str> {
        let (figures, pages) = (self.figures.as_ref(), self.page_loads.as_ref());
        if figures.is_some() && pages.is_some() {
            Some("a load test and page loads at once")
        } else if figures.is_some_and(|figures| !figures.is_usable()) {
            Some("a latency that is no number over 0")
        } else {
            pages.filter(|pages| !pages.is_usable()).map(|_| "a figure of a page that cannot be")
        }
    }

    /// What distinguishes it from every other session.
    fn key(&self) -> (Option<&SessionRun>, Timestamp, String, Option<&str>, Option<String>) {
        let environment = self.subject.environment.as_ref().map(ToString::to_string).unwrap_or_default();
        let target = self.figures.as_ref().and_then(|figures| figures.profile.target.as_deref());
        (self.run.as_ref(), self.measured_at, environment, target, self.page_loads.as_ref().map(SessionPages::profile))
    }
}

/// Whether a subject says which release it is.
#[must_use]
pub const fn is_release(subject: &Subject) -> bool {
    subject.tag.is_some() || subject.digest.is_some() || subject.commit.is_some()
}

/// What [`BaselineStore::promote`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkedSessions {
    /// The sessions of the release that have figures.
    pub known: usize,
    /// Those that were not marked before.
    pub marked: usize,
}

impl BaselineStore {
    #[must_use]
    pub const fn new(service: Service) -> Self {
        Self { service, sessions: Vec::new() }
    }

    /// Adds a session; `false`: it was there already. A session of a release that was promoted is a baseline at once.
    pub fn add(&mut self, mut session: StoredSession) -> bool {
        if self.sessions.iter().any(|known| known.key() == session.key()) {
            return false;
        }
        let promoted = self.sessions.iter().filter(|known| known.is_of(&session.subject));
        session.promoted_at = promoted.filter_map(|known| known.promoted_at).max();
        self.sessions.push(session);
        self.sessions.sort_by_key(|session| session.measured_at);
        true
    }

    /// Marks every session of a release as one of a promoted release.
    pub fn promote(&mut self, release: &Subject, now: Timestamp) -> MarkedSessions {
        let mut found = MarkedSessions::default();
        for session in self.sessions.iter_mut().filter(|session| session.is_of(release)) {
            found.known += usize::from(session.has_figures());
            if session.promoted_at.is_none() {
                found.marked += 1;
                session.promoted_at = Some(now);
            }
        }
        found
    }

    /// Removes the oldest sessions beyond the limits, without those of the tags in `keep`. Returns how many.
    pub fn shorten(&mut self, keep: &[Tag]) -> usize {
        let before = self.sessions.len();
        let (mut promoted, mut others) = (BTreeMap::<String, usize>::new(), 0);
        let mut removed = BTreeSet::new();
        for (index, session) in self.sessions.iter().enumerate().rev() {
            if session.subject.tag.as_ref().is_some_and(|tag| keep.contains(tag)) {
                continue;
            }
            let is_over = if session.promoted_at.is_some() {
                let count = promoted.entry(session.group()).or_default();
                *count += 1;
                *count > MOST_PROMOTED
            } else {
                others += 1;
                others > MOST_OTHERS
            };
            if is_over {
                removed.insert(index);
            }
        }
        let mut index = 0;
        self.sessions.retain(|_| {
            index += 1;
            !removed.contains(&(index - 1))
        });
        before - self.sessions.len()
    }

    /// The sessions of promoted releases that have figures.
    #[must_use]
    pub fn count_promoted(&self) -> usize {
        self.sessions.iter().filter(|session| session.promoted_at.is_some() && session.has_figures()).count()
    }
}

impl StoredSession {
    /// The environment and the profile.
    fn group(&self) -> String {
        let environment = self.subject.environment.as_ref().map(ToString::to_string).unwrap_or_default();
        let load = self.figures.as_ref().map(|figures| figures.profile.to_string());
        let profile = load.or_else(|| self.page_loads.as_ref().map(SessionPages::profile));
        format!("{environment} {}", profile.unwrap_or_default())
    }
}
