//! Which sessions a release is compared with, how often it was tried, and how the promoted releases developed.

use jiff::{SignedDuration, Timestamp};

use super::{
    figures::{ProfilePart, SessionFigures, SessionProfile},
    store::{BaselineStore, SessionRun, StoredSession},
};
use crate::{
    finding::Verdict,
    subject::{Commit, Environment, Subject, Tag},
    values::{clip, short_sha},
};

/// How many sessions of promoted releases are the baseline.
pub const LAST: usize = 20;
/// How many releases a trend has.
const TREND: usize = 9;
/// The longest name of a release in a trend, in characters.
const LONGEST_LABEL: usize = 12;

/// What is compared.
#[derive(Clone, Debug)]
pub struct BaselineQuery<'a> {
    pub release: &'a Subject,
    pub profile: &'a SessionProfile,
    /// What may differ.
    pub allowed: &'a [ProfilePart],
    pub now: Timestamp,
    /// The newest session may be so many days old.
    pub max_days: u32,
}

/// Why there is no baseline. [`super::BaselineStore`] does not know the command that makes one; its reader does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoBaseline {
    /// No session of a promoted release in this environment.
    Missing { others: usize },
    /// None was measured in the same way: what differs, here and there.
    OtherProfile { what: &'static str, ours: String, theirs: String },
    /// The newest is too old.
    Stale { newest: Timestamp, max_days: u32 },
}

/// A release in a trend.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    pub label: String,
    /// The median p99 of its sessions, in milliseconds.
    pub p99: f64,
}

impl BaselineStore {
    /// The figures of the last sessions of promoted releases that were measured in the same way, the oldest first.
    ///
    /// # Errors
    /// There is none.
    pub fn baseline(&self, query: &BaselineQuery<'_>) -> Result<Vec<&SessionFigures>, NoBaseline> {
        let others: Vec<&StoredSession> = self
            .promoted(query.release.environment.as_ref())
            .filter(|(session, _)| !session.is_of(query.release))
            .map(|(session, _)| session)
            .collect();
        let difference =
            |session: &StoredSession| query.profile.differs_from(&session.figures.as_ref()?.profile, query.allowed);
        let same: Vec<&StoredSession> =
            others.iter().copied().filter(|session| difference(session).is_none()).collect();
        let Some(newest) = same.last() else {
            let differing = others.last().and_then(|session| difference(session));
            return Err(match differing {
                Some((what, ours, theirs)) => NoBaseline::OtherProfile { what, ours, theirs },
                None => NoBaseline::Missing { others: self.sessions.len() },
            });
        };
        let oldest = query.now - SignedDuration::from_hours(24 * i64::from(query.max_days));
        if newest.measured_at < oldest {
            return Err(NoBaseline::Stale { newest: newest.measured_at, max_days: query.max_days });
        }
        let last = same.len().saturating_sub(LAST);
        Ok(same[last..].iter().filter_map(|session| session.figures.as_ref()).collect())
    }

    /// How many earlier attempts at this release, in other workflow runs, did not pass. GitHub counts those within a run.
    #[must_use]
    pub fn failed_attempts(&self, release: &Subject, run: Option<&SessionRun>) -> u32 {
        let is_other_run = |session: &&StoredSession| {
            let same = session.run.as_ref().zip(run);
            same.is_none_or(|(theirs, ours)| (theirs.id, &theirs.repository) != (ours.id, &ours.repository))
        };
        let in_environment = |session: &&StoredSession| is_in(session, release.environment.as_ref());
        let attempts =
            self.sessions.iter().filter(|session| session.is_of(release) && session.verdict != Verdict::Passed);
        u32::try_from(attempts.filter(is_other_run).filter(in_environment).count()).unwrap_or(u32::MAX)
    }

    /// The figures of the sessions of one promoted release, measured in the same way.
    #[must_use]
    pub fn of_release(&self, tag: &Tag, query: &BaselineQuery<'_>) -> Vec<&SessionFigures> {
        self.promoted(query.release.environment.as_ref())
            .filter(|(session, figures)| {
                session.subject.tag.as_ref() == Some(tag)
                    && query.profile.differs_from(&figures.profile, query.allowed).is_none()
            })
            .map(|(_, figures)| figures)
            .collect()
    }

    /// The last promoted releases, the oldest first, without the one that is compared.
    #[must_use]
    pub fn trend(&self, query: &BaselineQuery<'_>) -> Vec<TrendPoint> {
        let mut releases: Vec<(&Subject, Vec<f64>)> = Vec::new();
        for (session, figures) in self.promoted(query.release.environment.as_ref()) {
            if session.is_of(query.release) || query.profile.differs_from(&figures.profile, query.allowed).is_some() {
                continue;
            }
            match releases.iter_mut().find(|(release, _)| session.is_of(release)) {
                Some((_, latencies)) => latencies.push(figures.all),
                None => releases.push((&session.subject, vec![figures.all])),
            }
        }
        let mut points: Vec<TrendPoint> = Vec::new();
        for (release, mut latencies) in releases.into_iter().rev().take(TREND) {
            let Some(p99) = median(&mut latencies) else { continue };
            points.push(TrendPoint { label: label(release), p99 });
        }
        points.reverse();
        points
    }

    fn promoted(&self, environment: Option<&Environment>) -> impl Iterator<Item = (&StoredSession, &SessionFigures)> {
        let environment = environment.cloned();
        self.sessions
            .iter()
            .filter(move |session| session.promoted_at.is_some() && is_in(session, environment.as_ref()))
            .filter_map(|session| Some((session, session.figures.as_ref()?)))
    }
}

/// Whether a session was measured in this environment, as far as both are known.
fn is_in(session: &StoredSession, environment: Option<&Environment>) -> bool {
    session.subject.environment.as_ref().zip(environment).is_none_or(|(theirs, ours)| theirs == ours)
}

/// A short name of a release.
fn label(release: &Subject) -> String {
    let is_sha = |text: &str| text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = release.digest.as_ref().map(|digest| digest.as_str().split(':').next_back().unwrap_or_default());
    let name = release.tag.as_ref().map(Tag::as_str).or(digest).or(release.commit.as_ref().map(Commit::as_str));
    match name {
        Some(sha) if is_sha(sha) => short_sha(sha).to_owned(),
        Some(name) => clip(name, LONGEST_LABEL),
        None => String::new(),
    }
}

/// The median, the mean of the middle two of an even number; `None` of nothing.
#[must_use]
pub fn median(figures: &mut [f64]) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    let count = figures.len();
    (count > 0).then(|| f64::midpoint(figures[(count - 1) / 2], figures[count / 2]))
}
