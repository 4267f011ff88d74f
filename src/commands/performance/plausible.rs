//! Whether the two sides can be compared at all. A figure of another service, of last year or of a server that answered nothing
//! is within any limit.

use clap::ValueEnum;
use jiff::Timestamp;

use super::measurement::Measurement;
use crate::{
    finding::Finding,
    values::{HumanDuration, Percent, decimal::Decimal, figures::rounded, thousands},
};

/// What a measurement must be to count.
#[derive(Clone, Debug)]
pub struct Plausibility<'a> {
    pub max_error_rate: Percent,
    pub min_requests: u64,
    pub max_age: HumanDuration,
    pub allowed: &'a [Difference],
    pub now: Timestamp,
}

/// A difference between the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Difference {
    /// Another URL or server
    Target,
    /// Other users, connections or requests per second
    Load,
    /// Another machine
    Machine,
}

/// How far the clocks of two machines may differ.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// The rates of two load tests with the same settings differ by less.
const SAME_RATE: f64 = 1.1;

/// The share of failed requests, if the results tell it.
pub fn failed_requests(results: &Measurement, plausibility: &Plausibility<'_>) -> Option<Finding> {
    let (requests, failures) = results.all.requests.zip(results.all.failures).filter(|(requests, _)| *requests > 0)?;
    let Percent(limit) = plausibility.max_error_rate;
    let check = "failed requests";
    let actual = if failures >= requests {
        format!("all {}: nothing was measured", thousands(requests))
    } else {
        let percent = results.all.failure_rate().unwrap_or_default() * 100.0;
        format!("{} of {} ({} %)", thousands(failures), thousands(requests), rounded(percent))
    };
    let most = Decimal::from_f64(limit).unwrap_or(Decimal::ZERO).times(requests.into());
    let finding = if failures >= requests || Decimal::from(failures).shifted(2) > most {
        Finding::blocked(check).next(
            "look at the errors that the load test reports; if they are expected, let the load test count them as successes, or \
             raise `max-error-rate`",
        )
    } else {
        Finding::passed(check)
    };
    Some(finding.actual(actual).expected(format!("at most {limit} % of all requests")))
}

/// What makes the comparison meaningless, with what to do.
pub fn objections(results: &Measurement, baseline: &Measurement, plausibility: &Plausibility<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let next = "run the load test in this workflow, and delete the results of earlier runs before it";
    found.extend(results.measured_at.and_then(|measured| age(measured, plausibility, next)));
    found.extend(too_few(results, "results", plausibility));
    found.extend(too_few(baseline, "baseline", plausibility));
    found.extend(broken_baseline(baseline, plausibility));
    found.extend(far_fewer(results, baseline));
    found.extend(differences(results, baseline, plausibility));
    found
}

/// Why results of that time do not count, if they do not. `next` says what to do about old ones.
pub fn age(measured: Timestamp, plausibility: &Plausibility<'_>, next: &str) -> Option<Finding> {
    let Plausibility { now, max_age, .. } = plausibility;
    let age = now.duration_since(measured);
    let finding = Finding::inconclusive("age of the results").actual(format!("measured at {measured:.0}"));
    if age < -CLOCKS {
        let next = "see where the results are from, and whether the clock of the machine that measured is right";
        return Some(finding.expected(format!("a time before {now:.0}")).next(next));
    }
    let limit = jiff::SignedDuration::try_from(max_age.0).unwrap_or(jiff::SignedDuration::MAX);
    (age > limit).then(|| finding.expected(format!("results of the last {max_age} (`max-age`)")).next(next))
}

fn too_few(side: &Measurement, name: &str, plausibility: &Plausibility<'_>) -> Option<Finding> {
    let least = plausibility.min_requests;
    let requests = side.all.requests.filter(|requests| *requests < least)?;
    let next = match requests {
        0 => "see what the load test did: it sent no request, or received no response",
        _ => "let the load test run longer, or at a higher rate; a p99 of few requests is only the slowest of them",
    };
    let finding = Finding::inconclusive(format!("requests in the {name}")).actual(thousands(requests));
    Some(finding.expected(format!("at least {} (`min-requests`)", thousands(least))).next(next))
}

fn broken_baseline(baseline: &Measurement, plausibility: &Plausibility<'_>) -> Option<Finding> {
    let finding = failed_requests(baseline, plausibility).filter(|finding| finding.next.is_some())?;
    let next = "measure the baseline again, with a service that answers";
    let broken = Finding::inconclusive("failed requests in the baseline").actual(finding.actual);
    Some(broken.expected(finding.expected).next(next))
}

fn far_fewer(results: &Measurement, baseline: &Measurement) -> Option<Finding> {
    let (sent, before) = results.all.requests.zip(baseline.all.requests)?;
    let tenth = before.div_ceil(10);
    (sent > 0 && sent < tenth).then(|| {
        Finding::inconclusive("requests in the results")
            .actual(format!("{}, in the baseline {}", thousands(sent), thousands(before)))
            .expected(format!("at least a tenth of the baseline's, {}", thousands(tenth)))
            .next("see whether the load test was cut off; if it is a shorter one now, renew the baseline with it")
    })
}

fn differences(results: &Measurement, baseline: &Measurement, plausibility: &Plausibility<'_>) -> Vec<Finding> {
    let (ours, theirs) = (&results.profile, &baseline.profile);
    let same_rate = |(ours, theirs): &(Decimal, Decimal)| {
        let factor = ours.to_f64() / theirs.to_f64();
        (1.0 / SAME_RATE..=SAME_RATE).contains(&factor)
    };
    let other =
        |ours: &Option<String>, theirs: &Option<String>| ours.clone().zip(theirs.clone()).filter(|(a, b)| a != b);
    let users = ours.users.zip(theirs.users).filter(|(ours, theirs)| ours != theirs);
    let rate = ours.rate.zip(theirs.rate).filter(|both| !same_rate(both));
    let load = users
        .map(|(ours, theirs)| (format!("{ours} users or connections"), theirs.to_string()))
        .or_else(|| rate.map(|(ours, theirs)| (format!("{ours} requests per second"), theirs.to_string())));
    let candidates = [
        (Difference::Target, "target", other(&ours.target, &theirs.target)),
        (Difference::Load, "load", load),
        (Difference::Machine, "machine", other(&ours.machine, &theirs.machine)),
    ];
    let objections = candidates.into_iter().filter(|(difference, ..)| !plausibility.allowed.contains(difference));
    objections
        .filter_map(|(_, name, values)| {
            let (ours, theirs) = values?;
            let next =
                format!("measure the baseline again in the same way, or allow it with `allow-difference: {name}`");
            let finding = Finding::inconclusive(name).actual(format!("{ours}, in the baseline {theirs}"));
            Some(finding.expected("the same on both sides").next(next))
        })
        .collect()
}
