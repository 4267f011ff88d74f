//! Which sessions a release is compared with, how often it was tried, and how the promoted releases developed.

use jiff::{SignedDuration, Timestamp};

use super::{
    figures::{ProfilePart, SessionFigures, SessionProfile},
    pages::SessionPages,
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
    /// Those of promoted releases are page loads where this is a load test, or the other way round.
    OtherKind,
    /// None was measured in the same way: what differs, here and there.
    OtherProfile { what: &'static str, ours: String, theirs: String },
    /// The newest is too old.
    Stale { newest: Timestamp, max_days: u32 },
}

/// A release in a trend.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    pub label: String,
    /// The median of its sessions, in milliseconds.
    pub figure: f64,
}

/// What differs, here and there.
type Difference = Option<(&'static str, String, String)>;

impl BaselineStore {
    /// The figures of the last sessions of promoted releases that were measured in the same way, the oldest first.
    ///
    /// # Errors
    /// There is none.
    pub fn baseline(
        &self,
        query: &BaselineQuery<'_>,
        profile: &SessionProfile,
    ) -> Result<Vec<&SessionFigures>, NoBaseline> {
        let differs = |figures: &SessionFigures| profile.differs_from(&figures.profile, query.allowed);
        self.last(query, |session| session.figures.as_ref(), differs)
    }

    /// The same of page loads. Each of them has at least one of these pages.
    ///
    /// # Errors
    /// There is none.
    pub fn page_baseline(
        &self,
        query: &BaselineQuery<'_>,
        pages: &SessionPages,
    ) -> Result<Vec<&SessionPages>, NoBaseline> {
        let differs = |theirs: &SessionPages| pages.differs_from(theirs, query.allowed);
        self.last(query, |session| session.page_loads.as_ref(), differs)
    }

    fn last<'s, F>(
        &'s self,
        query: &BaselineQuery<'_>,
        figures: impl Fn(&'s StoredSession) -> Option<&'s F>,
        differs: impl Fn(&F) -> Difference,
    ) -> Result<Vec<&'s F>, NoBaseline> {
        let others: Vec<&StoredSession> = self
            .promoted(query.release.environment.as_ref())
            .filter(|session| session.has_figures() && !session.is_of(query.release))
            .collect();
        let of_kind: Vec<(&StoredSession, &F)> =
            others.iter().filter_map(|session| Some((*session, figures(session)?))).collect();
        let same: Vec<&(&StoredSession, &F)> =
            of_kind.iter().filter(|(_, figures)| differs(figures).is_none()).collect();
        let Some((newest, _)) = same.last() else {
            return Err(match of_kind.last().and_then(|(_, figures)| differs(figures)) {
                Some((what, ours, theirs)) => NoBaseline::OtherProfile { what, ours, theirs },
                None if others.is_empty() => NoBaseline::Missing { others: self.sessions.len() },
                None => NoBaseline::OtherKind,
            });
        };
        let oldest = query.now - SignedDuration::from_hours(24 * i64::from(query.max_days));
        if newest.measured_at < oldest {
            return Err(NoBaseline::Stale { newest: newest.measured_at, max_days: query.max_days });
        }
        let last = same.len().saturating_sub(LAST);
        Ok(same[last..].iter().map(|(_, figures)| *figures).collect())
    }

    /// How many earlier attempts at this release with a load test, in other workflow runs, did not pass. GitHub counts those within a run.
    #[must_use]
    pub fn failed_attempts(&self, release: &Subject, run: Option<&SessionRun>) -> u32 {
        let is_other_run = |session: &&StoredSession| {
            let same = session.run.as_ref().zip(run);
            same.is_none_or(|(theirs, ours)| (theirs.id, &theirs.repository) != (ours.id, &ours.repository))
        };
        let in_environment = |session: &&StoredSession| is_in(session, release.environment.as_ref());
        let attempts = self.sessions.iter().filter(|session| {
            session.is_of(release) && session.verdict != Verdict::Passed && session.page_loads.is_none()
        });
        u32::try_from(attempts.filter(is_other_run).filter(in_environment).count()).unwrap_or(u32::MAX)
    }

    /// The figures of the sessions of one promoted release, measured in the same way.
    #[must_use]
    pub fn of_release(&self, tag: &Tag, query: &BaselineQuery<'_>, profile: &SessionProfile) -> Vec<&SessionFigures> {
        let figures = self.of_tag(tag, query).filter_map(|session| session.figures.as_ref());
        figures.filter(|figures| profile.differs_from(&figures.profile, query.allowed).is_none()).collect()
    }

    /// The same of page loads.
    #[must_use]
    pub fn pages_of_release(&self, tag: &Tag, query: &BaselineQuery<'_>, pages: &SessionPages) -> Vec<&SessionPages> {
        let theirs = self.of_tag(tag, query).filter_map(|session| session.page_loads.as_ref());
        theirs.filter(|theirs| pages.differs_from(theirs, query.allowed).is_none()).collect()
    }

    fn of_tag<'s>(&'s self, tag: &Tag, query: &BaselineQuery<'_>) -> impl Iterator<Item = &'s StoredSession> {
        self.promoted(query.release.environment.as_ref())
            .filter(move |session| session.subject.tag.as_ref() == Some(tag))
    }

    /// The last promoted releases, the oldest first, without the one that is compared.
    #[must_use]
    pub fn trend(&self, query: &BaselineQuery<'_>, profile: &SessionProfile) -> Vec<TrendPoint> {
        self.points(query, |session| {
            let figures = session.figures.as_ref()?;
            profile.differs_from(&figures.profile, query.allowed).is_none().then_some(figures.all)
        })
    }

    /// The same of the LCP of one of these pages.
    #[must_use]
    pub fn page_trend(&self, query: &BaselineQuery<'_>, pages: &SessionPages, page: &str) -> Vec<TrendPoint> {
        self.points(query, |session| {
            let theirs = session.page_loads.as_ref()?;
            pages.differs_from(theirs, query.allowed).is_none().then_some(theirs.pages.get(page)?.lcp?)
        })
    }

    fn points(&self, query: &BaselineQuery<'_>, figure: impl Fn(&StoredSession) -> Option<f64>) -> Vec<TrendPoint> {
        let mut releases: Vec<(&Subject, Vec<f64>)> = Vec::new();
        for session in self.promoted(query.release.environment.as_ref()) {
            let Some(figure) = figure(session).filter(|_| !session.is_of(query.release)) else { continue };
            match releases.iter_mut().find(|(release, _)| session.is_of(release)) {
                Some((_, figures)) => figures.push(figure),
                None => releases.push((&session.subject, vec![figure])),
            }
        }
        let mut points: Vec<TrendPoint> = Vec::new();
        for (release, mut figures) in releases.into_iter().rev().take(TREND) {
            let Some(figure) = median(&mut figures) else { continue };
            points.push(TrendPoint { label: label(release), figure });
        }
        points.reverse();
        points
    }

    fn promoted(&self, environment: Option<&Environment>) -> impl Iterator<Item = &StoredSession> {
        let environment = environment.cloned();
        self.sessions
            .iter()
            .filter(move |session| session.promoted_at.is_some() && is_in(session, environment.as_ref()))
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
