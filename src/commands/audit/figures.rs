//! Counts the promotions.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::observations::{AuditObservations, WINDOW};
use crate::{
    ledger::{LedgerEntry, Promotion, PromotionKind},
    subject::{Environment, Service},
};

/// How many promotions of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct PromotionCounts {
    pub normal: usize,
    /// The normal ones that required no report.
    pub ungated: usize,
    pub emergency: usize,
    /// The emergencies that only the person who started them approved.
    pub self_approved: usize,
    pub rollback: usize,
}

impl PromotionCounts {
    fn add(&mut self, promotion: &Promotion) {
        match promotion.kind {
            PromotionKind::Normal => self.normal += 1,
            PromotionKind::Emergency => self.emergency += 1,
            PromotionKind::Rollback => self.rollback += 1,
        }
        let is_emergency = promotion.kind == PromotionKind::Emergency;
        self.self_approved += usize::from(is_emergency && promotion.is_self_approved());
        self.ungated += usize::from(promotion.is_ungated());
    }
}

/// The 30 days with the most emergencies of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct EmergencyPeak {
    pub count: usize,
    /// When the last of them was committed.
    pub until: Timestamp,
}

/// Statistics of durations, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DurationStats {
    pub count: usize,
    pub mean: i64,
    pub median: i64,
    pub longest: i64,
}

impl DurationStats {
    fn of_seconds(mut seconds: Vec<i64>) -> Option<Self> {
        seconds.sort_unstable();
        let count = seconds.len();
        let mean = seconds.iter().sum::<i64>().checked_div(i64::try_from(count).ok()?)?;
        // Of an even count, the lower one of the two in the middle: a real value of the list.
        let median = *seconds.get(count.checked_sub(1)? / 2)?;
        Some(Self { count, mean, median, longest: *seconds.last()? })
    }
}

/// The figures of the audited period. `peaks` also counts the earlier emergencies that a budget covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct AuditFigures {
    pub counts: PromotionCounts,
    pub services: BTreeMap<Service, BTreeMap<Environment, PromotionCounts>>,
    /// By months such as `2026-01` (UTC).
    pub months: BTreeMap<String, PromotionCounts>,
    /// By approver; an empty name if the approver is unknown.
    pub approvals: BTreeMap<String, PromotionCounts>,
    /// Emergencies by the person who started them; an empty name if unknown.
    pub started: BTreeMap<String, usize>,
    #[serde(rename = "worst")]
    pub peaks: BTreeMap<Environment, EmergencyPeak>,
    /// From validation to promotion.
    pub lead_time: Option<DurationStats>,
    /// From a promotion to its rollback.
    pub time_to_rollback: Option<DurationStats>,
}

impl AuditFigures {
    pub fn count(observations: &AuditObservations) -> Self {
        let mut figures = Self { peaks: peaks(&observations.entries), ..Self::default() };
        let (mut lead_times, mut rollback_times) = (Vec::new(), Vec::new());
        for LedgerEntry { committed_at, promotion, .. } in observations.audited_entries() {
            let Promotion { kind, service, environment, approved_by, triggered_by, .. } = promotion;
            let environments = figures.services.entry(service.clone()).or_default();
            let month = committed_at.strftime("%Y-%m").to_string();
            figures.counts.add(promotion);
            environments.entry(environment.clone()).or_default().add(promotion);
            figures.months.entry(month).or_default().add(promotion);
            figures.approvals.entry(approved_by.clone().unwrap_or_default()).or_default().add(promotion);
            match (kind, promotion.validated_at) {
                (PromotionKind::Emergency, _) => {
                    *figures.started.entry(triggered_by.clone().unwrap_or_default()).or_default() += 1;
                }
                (PromotionKind::Normal, Some(validated_at)) => {
                    lead_times.push(seconds_between(validated_at, *committed_at));
                }
                _ => {}
            }
            let rolled_back = promotion.rolls_back.as_ref().filter(|_| *kind == PromotionKind::Rollback);
            let rolled_back = rolled_back.and_then(|id| observations.entries.iter().find(|entry| entry.commit == *id));
            rollback_times.extend(rolled_back.map(|entry| seconds_between(entry.committed_at, *committed_at)));
        }
        let (lead_time, time_to_rollback) =
            (DurationStats::of_seconds(lead_times), DurationStats::of_seconds(rollback_times));
        Self { lead_time, time_to_rollback, ..figures }
    }
}

/// Zero for a negative time: the clocks of two machines may differ.
fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).max(SignedDuration::ZERO).as_secs()
}

fn peaks(entries: &[LedgerEntry]) -> BTreeMap<Environment, EmergencyPeak> {
    let mut times: BTreeMap<Environment, Vec<Timestamp>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.promotion.kind == PromotionKind::Emergency) {
        times.entry(entry.promotion.environment.clone()).or_default().push(entry.committed_at);
    }
    let peak = |times: Vec<Timestamp>| {
        let window_until = |last: &Timestamp| {
            let is_inside = |at: &&Timestamp| **at <= *last && last.duration_since(**at) < WINDOW;
            EmergencyPeak { count: times.iter().filter(is_inside).count(), until: *last }
        };
        // Of several equal ones the latest, because a team can still act on it.
        times.iter().map(window_until).max_by_key(|peak| (peak.count, peak.until))
    };
    times.into_iter().filter_map(|(environment, times)| Some((environment, peak(times)?))).collect()
}
