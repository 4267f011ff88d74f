//! What both sides measured beside the p99: other percentiles, requests and failed ones.

use std::collections::BTreeMap;

use super::sessions::{from_ms, to_ms};
use crate::{
    baselines::{SessionFigures, median},
    load_results::{Percentile, RequestFigures, Unit},
    report::Table,
    values::{
        decimal::Decimal,
        figures::{ratio_beside, rounded},
        thousands,
    },
};

/// The percentiles that are shown, with their names; 100 is the maximum.
const SHOWN: [(&str, &str); 5] = [("50", "p50"), ("90", "p90"), ("95", "p95"), ("99", "p99"), ("100", "max")];

/// What is shown of one side, in the unit of the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    /// By the number of the percentile.
    pub percentiles: BTreeMap<String, f64>,
    pub requests: Option<u64>,
    pub failures: Option<u64>,
}

impl Latencies {
    /// Of one load test.
    #[must_use]
    pub fn of_test(figures: &RequestFigures) -> Self {
        let known = figures.percentiles.iter();
        let mut percentiles: BTreeMap<String, f64> =
            known.map(|known| (known.percent.to_string(), known.latency.to_f64())).collect();
        if let Some(p99) = figures.least_p99() {
            percentiles.insert("99".to_owned(), p99.to_f64());
        }
        Self { percentiles, requests: figures.requests, failures: figures.failures }
    }

    /// Of several runs: the medians of their percentiles, and all requests. Each run is the share of requests up to each latency, the
    /// latency, and how many requests it had and how many failed.
    #[must_use]
    pub fn of_runs<'r>(
        runs: impl IntoIterator<Item = (&'r [(f64, f64)], Option<f64>, Option<u64>, Option<u64>)>,
    ) -> Self {
        let mut percentiles: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let (mut requests, mut failures, mut count) = (Some(0), Some(0), 0);
        for (known, p99, sent, failed) in runs {
            count += 1;
            requests = requests.zip(sent).map(|(all, sent)| all + sent);
            failures = failures.zip(failed).map(|(all, failed)| all + failed);
            for (name, _) in SHOWN.iter().filter(|(name, _)| *name != "99") {
                let wanted: f64 = name.parse().unwrap_or_default();
                let found = known.iter().find(|(share, _)| (share * 100.0 - wanted).abs() < 1e-9);
                percentiles.entry((*name).to_owned()).or_default().extend(found.map(|(_, latency)| *latency));
            }
            percentiles.entry("99".to_owned()).or_default().extend(p99);
        }
        let whole = percentiles.into_iter().filter(|(_, latencies)| latencies.len() == count && count > 0);
        Self {
            percentiles: whole.filter_map(|(name, mut latencies)| Some((name, median(&mut latencies)?))).collect(),
            requests: requests.filter(|_| count > 0),
            failures: failures.filter(|_| count > 0),
        }
    }

    /// Writes them into the figures of a session.
    #[must_use]
    pub fn into_session(self, session: SessionFigures, unit: Unit) -> SessionFigures {
        let percentiles = self.percentiles.into_iter().map(|(name, latency)| (name, to_ms(latency, unit)));
        SessionFigures {
            percentiles: percentiles.collect(),
            requests: self.requests,
            failures: self.failures,
            ..session
        }
    }
}

/// Both sides beside each other; `None` if they tell nothing beside the p99.
#[must_use]
pub fn table(baseline: &Latencies, now: &Latencies, unit: Unit) -> Option<Table> {
    let latency = |side: &Latencies, name: &str| side.percentiles.get(name).copied();
    let shown = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{} {unit}", rounded(value)));
    let mut rows: Vec<[String; 4]> = Vec::new();
    for (name, title) in SHOWN {
        let (before, after) = (latency(baseline, name), latency(now, name));
        if before.is_none() && after.is_none() {
            continue;
        }
        let ratio = before.zip(after).filter(|(before, _)| *before > 0.0);
        let ratio = ratio.map_or("–".to_owned(), |(before, after)| format!("×{}", ratio_beside(after / before, 1.0)));
        rows.push([title.to_owned(), shown(before), shown(after), ratio]);
    }
    let count = |value: Option<u64>| value.map_or("–".to_owned(), thousands);
    let mut counts = |title: &str, before: Option<u64>, after: Option<u64>| {
        if before.is_some() || after.is_some() {
            rows.push([title.to_owned(), count(before), count(after), String::new()]);
        }
    };
    counts("requests", baseline.requests, now.requests);
    counts("failed", baseline.failures, now.failures);
    (rows.len() > 1).then(|| Table::new("", &["", "Baseline", "Now", "Ratio"], rows).figures(&[1, 2, 3]).open())
}

/// The medians of the percentiles that all sessions know.
#[must_use]
pub fn medians(sessions: &[&SessionFigures], unit: Unit) -> Vec<Percentile> {
    let Some(last) = sessions.last() else { return Vec::new() };
    let of = |name: &String| {
        let mut all =
            sessions.iter().map(|session| session.percentiles.get(name).copied()).collect::<Option<Vec<_>>>()?;
        let latency = Decimal::from_f64(from_ms(median(&mut all)?, unit))?;
        Some(Percentile { percent: name.parse().ok()?, latency })
    };
    let mut medians: Vec<Percentile> = last.percentiles.keys().filter_map(of).collect();
    medians.sort_by_key(|percentile| percentile.percent);
    medians
}
