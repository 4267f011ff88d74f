//! Counts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::look::{Facts, WINDOW};
use crate::{
    clock::rfc3339,
    ledger::{Entry, Kind},
    subject::{Environment, Service},
};

/// How many of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub normal: usize,
    /// Of the normal ones, those that were asked for no report.
    pub ungated: usize,
    pub emergency: usize,
    pub rollback: usize,
}

impl Counts {
    fn take(&mut self, entry: &Entry) {
        match entry.kind {
            Kind::Normal => self.normal += 1,
            Kind::Emergency => self.emergency += 1,
            Kind::Rollback => self.rollback += 1,
        }
        self.ungated += usize::from(entry.is_ungated());
    }
}

/// The 30 days that saw the most emergencies of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Worst {
    pub count: usize,
    /// When the last of them was.
    pub until: Timestamp,
}

/// Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Times {
    pub count: usize,
    pub mean: i64,
    pub median: i64,
    pub longest: i64,
}

impl Times {
    fn of(mut seconds: Vec<i64>) -> Option<Self> {
        seconds.sort_unstable();
        let count = seconds.len();
        let mean = seconds.iter().sum::<i64>().checked_div(i64::try_from(count).ok()?)?;
        // Of an even number, the lower one of the two in the middle: a time that was.
        let median = *seconds.get(count.checked_sub(1)? / 2)?;
        Some(Self { count, mean, median, longest: *seconds.last()? })
    }
}

/// The figures since the day that was asked for; the emergencies of `worst` reach back as far as a budget does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub counts: Counts,
    pub services: BTreeMap<Service, BTreeMap<Environment, Counts>>,
    /// By months such as `2026-01` (UTC).
    pub months: BTreeMap<String, Counts>,
    /// By who approved; an empty name for nobody.
    pub approvals: BTreeMap<String, Counts>,
    /// Emergencies by who started them; an empty name for nobody.
    pub started: BTreeMap<String, usize>,
    pub worst: BTreeMap<Environment, Worst>,
    /// From validation to promotion.
    pub lead_time: Option<Times>,
    /// From a promotion to its rollback.
    pub time_to_rollback: Option<Times>,
}

impl Tally {
    pub fn of(facts: &Facts) -> Self {
        let mut tally = Self { worst: worst(&facts.entries), ..Self::default() };
        let (mut lead_times, mut rollback_times) = (Vec::new(), Vec::new());
        for entry in facts.shown() {
            let Entry { service, environment, approved_by, triggered_by, .. } = entry;
            tally.counts.take(entry);
            tally.services.entry(service.clone()).or_default().entry(environment.clone()).or_default().take(entry);
            tally.months.entry(entry.at.strftime("%Y-%m").to_string()).or_default().take(entry);
            tally.approvals.entry(approved_by.clone().unwrap_or_default()).or_default().take(entry);
            match (entry.kind, entry.validated_at) {
                (Kind::Emergency, _) => {
                    *tally.started.entry(triggered_by.clone().unwrap_or_default()).or_default() += 1;
                }
                (Kind::Normal, Some(validated_at)) => lead_times.push(seconds(validated_at, entry.at)),
                _ => {}
            }
            let taken_back = entry.rolls_back.as_ref().filter(|_| entry.kind == Kind::Rollback);
            let taken_back = taken_back.and_then(|commit| facts.entries.iter().find(|one| one.commit == *commit));
            rollback_times.extend(taken_back.map(|promoted| seconds(promoted.at, entry.at)));
        }
        Self { lead_time: Times::of(lead_times), time_to_rollback: Times::of(rollback_times), ..tally }
    }

    /// All of it for programs. Texts are raw.
    pub fn json(&self, facts: &Facts, budget: u32) -> Value {
        json!({
            "schema": 1,
            "since": rfc3339(facts.since),
            "until": rfc3339(facts.until),
            "budget": { "emergencies": budget, "days": WINDOW.as_hours() / 24 },
            "figures": self,
            "entries": facts.shown().map(entry).collect::<Vec<_>>(),
            "by-hand": facts.by_hand,
        })
    }
}

impl Facts {
    /// The entries of the time that was asked for, those in between that say they are older included.
    pub fn shown(&self) -> impl Iterator<Item = &Entry> {
        let shown = self.entries.iter().rposition(|entry| entry.at >= self.since).map_or(0, |last| last + 1);
        self.entries.iter().take(shown)
    }
}

/// No time runs backwards: two machines' clocks may say so.
fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).max(SignedDuration::ZERO).as_secs()
}

fn worst(entries: &[Entry]) -> BTreeMap<Environment, Worst> {
    let mut times: BTreeMap<Environment, Vec<Timestamp>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Emergency) {
        times.entry(entry.environment.clone()).or_default().push(entry.at);
    }
    let most = |times: Vec<Timestamp>| {
        let until = |last: &Timestamp| {
            let counts = |at: &&Timestamp| **at <= *last && last.duration_since(**at) < WINDOW;
            Worst { count: times.iter().filter(counts).count(), until: *last }
        };
        // Of several, the last: it is the one that can be acted on.
        times.iter().map(until).max_by_key(|worst| (worst.count, worst.until))
    };
    times.into_iter().filter_map(|(environment, times)| Some((environment, most(times)?))).collect()
}

fn entry(entry: &Entry) -> Value {
    let Entry { commit, service, environment, image, previous, incident, reason, approved_by, triggered_by, .. } =
        entry;
    let mut told = json!({
        "commit": commit,
        "at": rfc3339(entry.at),
        "kind": entry.kind.word(),
        "service": service,
        "environment": environment,
        "image": image,
        "previous-image": previous,
        "source-commit": entry.source_commit,
        "validated-at": entry.validated_at.map(rfc3339),
        "validation-run": entry.validation_run,
        "evidence": entry.evidence.as_ref().map(ToString::to_string),
        "approved-by": approved_by,
        "triggered-by": triggered_by,
        "workflow": entry.workflow.as_ref().map(|run| run.url.clone()),
        "required": entry.required,
        "incident": incident,
        "reason": reason,
        "rolls-back": entry.rolls_back,
    });
    if let Some(object) = told.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    told
}
