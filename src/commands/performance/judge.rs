//! The verdict over two measurements: whether they can be compared, then the rule for the p99 over all requests and for each
//! endpoint.

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::{
    certainty::{Certainty, FEWEST_SESSIONS, certainty},
    compare::{Limits, compare},
    endpoints::judge_endpoints,
    latencies::{self, Latencies},
    measurement::{Figure, Measurement},
    page_loads::{self, PageRule},
    plausible::{Plausibility, failed_requests, objections},
};
use crate::{
    error::CommandError,
    finding::{Finding, Verdict},
    load_results::P99,
    report::Table,
};

/// What decides.
#[derive(Clone, Debug)]
pub struct Criteria<'a> {
    pub limits: Limits,
    pub plausibility: Plausibility<'a>,
    /// Endpoints that must be judged.
    pub endpoints: &'a [String],
    pub undecided: Undecided,
    /// A difference in milliseconds that users do not notice, for page loads.
    pub min_delta: f64,
}

/// What a single run on each side is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Undecided {
    /// The comparison of the two figures decides
    PlainRule,
    /// The gate is inconclusive unless earlier runs show that the comparison is likely right
    Inconclusive,
}

/// With `undecided: inconclusive`, the most that a verdict may be likely to be wrong.
pub const MOST_WRONG: f64 = 0.05;

/// The verdict with what is shown beside it.
#[derive(Debug, Default)]
pub struct Judged {
    pub findings: Vec<Finding>,
    pub tables: Vec<Table>,
}

/// Judges both sides. A side that could not be observed gives an inconclusive finding instead.
///
/// # Errors
/// Bad input in one of them, even when the other could not be observed.
pub fn judge(results: &Figure, baseline: &Figure, criteria: &Criteria<'_>) -> Result<Judged, CommandError> {
    let mut unobservable = Vec::new();
    for figure in [results, baseline] {
        match figure {
            Ok(_) => {}
            Err(CommandError::Unobservable(finding)) => unobservable.push(finding.clone()),
            Err(error) => return Err(error.clone()),
        }
    }
    let failed = results.as_ref().ok().and_then(|results| failed_requests(results, &criteria.plausibility));
    let mut judged = match (results, baseline) {
        (Ok(results), Ok(baseline)) => judge_both(results, baseline, failed.as_ref(), criteria),
        _ => Judged { findings: unobservable, tables: Vec::new() },
    };
    judged.findings.extend(failed);
    Ok(judged)
}

fn judge_both(
    results: &Measurement,
    baseline: &Measurement,
    failed: Option<&Finding>,
    criteria: &Criteria<'_>,
) -> Judged {
    let Criteria { limits, plausibility, min_delta, undecided, .. } = criteria;
    match (&results.page_loads, &baseline.page_loads) {
        (Some(results), Some(baseline)) => {
            let most_wrong = (*undecided == Undecided::Inconclusive).then_some(MOST_WRONG);
            let rule = PageRule { limits: *limits, min_delta: *min_delta, most_wrong };
            let (findings, tables) = page_loads::judge(results, baseline, &rule, plausibility);
            return Judged { findings, tables };
        }
        (None, None) => {}
        (results, _) => {
            let [ours, theirs] = if results.is_some() {
                ["reports of Lighthouse", "a load test"]
            } else {
                ["a load test", "reports of Lighthouse"]
            };
            let finding =
                Finding::inconclusive("results, baseline").actual(format!("{ours}, and the baseline is {theirs}"));
            let finding =
                finding.expected("the same on both sides").next("give the baseline's reports of the same tool");
            return Judged { findings: vec![finding], tables: Vec::new() };
        }
    }
    let objections = objections(results, baseline, plausibility);
    if !objections.is_empty() {
        return Judged { findings: objections, tables: Vec::new() };
    }
    if failed.is_some_and(|failed| failed.verdict == Verdict::Blocked)
        && !matches!(results.all.p99, P99::Between { .. })
    {
        // The p99 would be that of a failed request.
        return Judged::default();
    }
    let p99 = compare("p99", &results.all, &baseline.all, *limits);
    let sure = certainty_of(results, baseline, *limits);
    let chance = (p99.verdict != Verdict::Inconclusive).then(|| chance_table(sure));
    let p99 = match criteria.undecided {
        Undecided::Inconclusive if sure.is_none_or(|sure| sure.wrong > MOST_WRONG) => unsure(p99, sure),
        _ => p99,
    };
    let endpoints = judge_endpoints(results, baseline, criteria.endpoints, plausibility.min_requests, *limits);
    let mut findings = vec![p99];
    findings.extend(endpoints.findings);
    let latencies =
        latencies::table(&Latencies::of_test(&baseline.all), &Latencies::of_test(&results.all), limits.unit);
    Judged { findings, tables: endpoints.table.into_iter().chain(chance).chain(latencies).collect() }
}

fn certainty_of(results: &Measurement, baseline: &Measurement, limits: Limits) -> Option<Certainty> {
    let (p99, base) = results.all.least_p99().zip(baseline.all.least_p99())?;
    certainty(p99, base, limits.max_ratio, &baseline.sessions)
}

fn chance_table(sure: Option<Certainty>) -> Table {
    let text = match sure {
        Some(sure) => sure.describe("p99"),
        None => format!(
            "unknown: it depends on how much the p99 varies between runs of the same code, which one run cannot show. With the \
             p99 of at least {FEWEST_SESSIONS} earlier runs in the baseline the report says it"
        ),
    };
    let rows = [[text]];
    // What is unknown is no result.
    match sure {
        Some(_) => Table::list("How likely this verdict is wrong:", rows),
        None => Table::new("How likely this verdict is wrong", &[], rows),
    }
}

fn unsure(p99: Finding, sure: Option<Certainty>) -> Finding {
    if p99.verdict == Verdict::Inconclusive {
        return p99;
    }
    let chance = sure.map_or("an unknown chance of being wrong".to_owned(), |sure| {
        format!("a chance of being wrong of {}", sure.describe("p99"))
    });
    Finding {
        verdict: Verdict::Inconclusive,
        actual: format!("{}; with {chance}", p99.actual),
        ..p99
    }
    .next(format!(
        "put the p99 of at least {FEWEST_SESSIONS} earlier runs into the baseline, as a list, or let the figures decide with \
         `undecided: plain-rule`"
    ))
}

/// The outputs: each figure that was read, and their ratio.
pub fn outputs(results: &Figure, baseline: &Figure) -> BTreeMap<&'static str, String> {
    let least = |figure: &Figure| figure.as_ref().ok().and_then(|measurement| measurement.all.least_p99());
    let (p99, base) = (least(results), least(baseline));
    let ratio = p99.zip(base).filter(|(_, base)| !base.is_zero()).map(|(p99, base)| p99.to_f64() / base.to_f64());
    [
        ("p99", p99.map(|p99| p99.to_string())),
        ("baseline-p99", base.map(|base| base.to_string())),
        ("ratio", ratio.map(number)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// A ratio for a program: at most three decimals, without trailing zeros.
pub fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
