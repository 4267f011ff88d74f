//! The figures of a session, and how it was measured.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::output::FiguresOutput;
use crate::values::{clip, figures::rounded, thousands};

/// How many endpoints a session keeps, the slowest ones.
const MOST_ENDPOINTS: usize = 50;
/// The rates of two load tests with the same settings differ by less.
const SAME_RATE: f64 = 1.1;

/// The p99 of one session in milliseconds, and what else is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionFigures {
    /// Of all requests.
    pub all: f64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, f64>,
    /// Other percentiles of all requests, by their numbers; `100` is the maximum.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub percentiles: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    #[serde(default, skip_serializing_if = "SessionProfile::is_empty")]
    pub profile: SessionProfile,
}

/// How a session was measured, as far as it is known. Only sessions with the same profile are compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionProfile {
    /// The URL or the host that the requests went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// Requests per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How long one run sends requests, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
}

/// What two profiles can differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfilePart {
    Target,
    Load,
    Machine,
}

impl FiguresOutput for SessionFigures {
    /// Whether every latency is a number over zero.
    fn is_usable(&self) -> bool {
        std::iter::once(&self.all).chain(self.endpoints.values()).all(|figure| figure.is_finite() && *figure > 0.0)
    }
}

impl SessionFigures {
    /// The same with the slowest endpoints only, so that a file stays small.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        let mut slowest: Vec<(String, f64)> = std::mem::take(&mut self.endpoints).into_iter().collect();
        slowest.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        slowest.truncate(MOST_ENDPOINTS);
        self.endpoints = slowest.into_iter().collect();
        self
    }
}

impl SessionProfile {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first difference that is not in `allowed`: what differs, here and there. What only one side knows is none.
    #[must_use]
    pub fn differs_from(&self, other: &Self, allowed: &[ProfilePart]) -> Option<(&'static str, String, String)> {
        fn both<T: PartialEq + Clone>(ours: Option<&T>, theirs: Option<&T>) -> Option<(T, T)> {
            ours.cloned().zip(theirs.cloned()).filter(|(ours, theirs)| ours != theirs)
        }
        let other_rate = |(ours, theirs): &(f64, f64)| !(1.0 / SAME_RATE..=SAME_RATE).contains(&(ours / theirs));
        let rates = self.rate.zip(other.rate).filter(other_rate);
        let durations = self.duration.zip(other.duration).filter(|(ours, theirs)| (ours - theirs).abs() > 1e-9);
        let load = both(self.users.as_ref(), other.users.as_ref())
            .map(|(ours, theirs)| (format!("{} users", thousands(ours)), thousands(theirs)))
            .or_else(|| rates.map(|(ours, theirs)| (format!("{} requests per second", rounded(ours)), rounded(theirs))))
            .or_else(|| self.other_kind_of_load(other))
            .or_else(|| durations.map(|(ours, theirs)| (format!("runs of {ours} s"), format!("{theirs} s"))));
        let parts = [
            (ProfilePart::Target, "target", both(self.target.as_ref(), other.target.as_ref())),
            (ProfilePart::Load, "load", load),
            (ProfilePart::Machine, "machine", both(self.machine.as_ref(), other.machine.as_ref())),
        ];
        let mut found = parts.into_iter().filter(|(part, ..)| !allowed.contains(part));
        found.find_map(|(_, name, values)| values.map(|(ours, theirs)| (name, ours, theirs)))
    }

    /// A number of users here and a rate there, or the other way round.
    fn other_kind_of_load(&self, other: &Self) -> Option<(String, String)> {
        let users = |users: u64| format!("{} users", thousands(users));
        let rate = |rate: f64| format!("{} requests per second", rounded(rate));
        match ((self.users, self.rate), (other.users, other.rate)) {
            ((Some(ours), None), (None, Some(theirs))) => Some((users(ours), rate(theirs))),
            ((None, Some(ours)), (Some(theirs), None)) => Some((rate(ours), users(theirs))),
            _ => None,
        }
    }
}

impl fmt::Display for SessionProfile {
    /// `https://staging.example.com, 10 users, 30 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.target.as_ref().map(|target| clip(target, 200)),
            self.users.map(|users| format!("{} users", thousands(users))),
            self.rate.map(|rate| format!("{} requests per second", rounded(rate))),
            self.duration.map(|seconds| format!("{seconds} s")),
            self.machine.as_ref().map(|machine| clip(machine, 100)),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
