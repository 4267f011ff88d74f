//! The same rule for every endpoint that both sides tell: a main endpoint that is three times slower may leave the p99 over all
//! requests as it was.

use std::collections::BTreeSet;

use super::{
    compare::{Limits, compare},
    measurement::Measurement,
};
use crate::{
    finding::{Finding, Verdict},
    load_results::RequestFigures,
    report::{Cell, Table},
    values::{clip, figures::rounded, thousands},
};

/// The most rows of the table.
const MOST_ROWS: usize = 100;
/// The longest name in a table.
const LONGEST_NAME: usize = 120;

/// What was found about the endpoints.
#[derive(Debug, Default)]
pub struct Endpoints {
    pub findings: Vec<Finding>,
    pub table: Option<Table>,
}

/// Judges every endpoint with enough requests on both sides. `required` must be among them.
pub fn judge_endpoints(
    results: &Measurement,
    baseline: &Measurement,
    required: &[String],
    min_requests: u64,
    limits: Limits,
) -> Endpoints {
    let names: BTreeSet<&String> = results.endpoints.keys().chain(baseline.endpoints.keys()).collect();
    // One endpoint is the whole load test.
    let alone = names.len() == 1 && required.is_empty();
    let mut judged = Vec::new();
    let mut rows = Vec::new();
    for name in names.into_iter().filter(|_| !alone) {
        let (now, before) = (results.endpoints.get(name), baseline.endpoints.get(name));
        let outcome = match obstacle(now, before, min_requests) {
            None => {
                let finding = now.zip(before).map(|(now, before)| compare(&check(name), now, before, limits));
                finding.ok_or(String::new())
            }
            Some(obstacle) => Err(obstacle),
        };
        rows.push(row(name, now, before, &outcome, limits));
        match outcome {
            Ok(finding) => judged.push(finding),
            Err(why) if is_required(required, name) => judged.push(not_judged(name, &why)),
            // What the baseline measured and this load test did not.
            Err(why) if now.is_none() && before.is_some_and(|before| has_enough(before, min_requests)) => {
                judged.push(not_judged(name, &why));
            }
            Err(_) => {
                judged.extend(now.zip(before).and_then(|(now, before)| far_fewer(name, now, before, min_requests)));
            }
        }
    }
    let known =
        |wanted: &str| results.endpoints.keys().chain(baseline.endpoints.keys()).any(|name| means(wanted, name));
    let absent = required.iter().filter(|wanted| !known(wanted));
    judged.extend(absent.map(|wanted| not_judged(wanted, "neither side has it")));
    let table = (!rows.is_empty()).then(|| table(rows, results.endpoints_cut || baseline.endpoints_cut));
    Endpoints { findings: summarized(judged), table }
}

fn check(name: &str) -> String {
    format!("p99 of {}", clip(name, LONGEST_NAME))
}

/// Whether a name in `endpoints` is this endpoint.
pub fn means(wanted: &str, name: &str) -> bool {
    // A method stands before the name, where the tool distinguishes it.
    wanted == name || name.split_once(' ').is_some_and(|(_, bare)| bare == wanted)
}

fn is_required(required: &[String], name: &str) -> bool {
    required.iter().any(|wanted| means(wanted, name))
}

/// Why an endpoint cannot be judged.
fn obstacle(now: Option<&RequestFigures>, before: Option<&RequestFigures>, least: u64) -> Option<String> {
    let few = |side: &RequestFigures, place: &str| {
        let requests = side.requests.filter(|requests| *requests < least)?;
        Some(format!("{} requests{place}, fewer than {}", thousands(requests), thousands(least)))
    };
    match (now, before) {
        (None, _) => Some("not in the results".to_owned()),
        (_, None) => Some("not in the baseline".to_owned()),
        (Some(now), Some(before)) => few(now, "").or_else(|| few(before, " in the baseline")),
    }
}

/// Whether it has as many requests as are needed; a source that does not count them is taken to.
fn has_enough(side: &RequestFigures, least: u64) -> bool {
    side.requests.is_none_or(|requests| requests >= least)
}

/// Hardly anything of what the baseline measured: a p99 of so few requests says nothing, and that they are so few is no fluctuation.
fn far_fewer(name: &str, now: &RequestFigures, before: &RequestFigures, least: u64) -> Option<Finding> {
    let (sent, before) = now.requests.zip(before.requests)?;
    (before >= least && is_far_fewer(sent, before)).then(|| {
        Finding::inconclusive(check(name))
            .actual(format!("{} requests, in the baseline {}", thousands(sent), thousands(before)))
            .expected(format!("at least {} (`min-requests`)", thousands(least)))
            .next(
                "see why the load test hardly reaches it: a step before it may fail; if it sends so few on purpose, renew the baseline \
                 with it",
            )
    })
}

/// Less than a tenth of the baseline's requests.
pub const fn is_far_fewer(sent: u64, before: u64) -> bool {
    sent < before.div_ceil(10)
}

fn not_judged(name: &str, why: &str) -> Finding {
    Finding::inconclusive(check(name))
        .actual(why)
        .expected("enough requests of it on both sides")
        .next("let the load test send more requests to it, and renew the baseline with the same load test")
}

/// Every finding that did not pass, and one for those that did.
fn summarized(judged: Vec<Finding>) -> Vec<Finding> {
    let (passed, mut others): (Vec<_>, Vec<_>) =
        judged.into_iter().partition(|finding| finding.verdict == Verdict::Passed);
    if !passed.is_empty() {
        let all = passed.len() + others.len();
        let finding = Finding::passed("endpoints").actual(format!("{} of {all} within their limit", passed.len()));
        others.push(finding.expected("the p99 of each within its limit"));
    }
    others
}

fn row(
    name: &str,
    now: Option<&RequestFigures>,
    before: Option<&RequestFigures>,
    outcome: &Result<Finding, String>,
    limits: Limits,
) -> Vec<Cell> {
    let p99 = |side: Option<&RequestFigures>| {
        let reported = side.and_then(RequestFigures::least_p99);
        reported.map_or("–".to_owned(), |p99| format!("{} {}", rounded(p99.to_f64()), limits.unit))
    };
    let requests = now.and_then(|now| now.requests).map_or("–".to_owned(), thousands);
    let verdict = match outcome {
        Ok(finding) => finding.verdict.to_string(),
        Err(why) => format!("not judged: {why}"),
    };
    vec![clip(name, LONGEST_NAME).into(), requests.into(), p99(before).into(), p99(now).into(), verdict.into()]
}

fn table(mut rows: Vec<Vec<Cell>>, cut: bool) -> Table {
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    let title = match (left_out, cut) {
        (0, false) => "Endpoints".to_owned(),
        (0, true) => "Endpoints (the results have more names than are kept)".to_owned(),
        (more, _) => format!("Endpoints ({more} more are in none of these rows)"),
    };
    Table {
        title,
        columns: ["Endpoint", "Requests", "Baseline", "p99", "Verdict"].map(ToOwned::to_owned).to_vec(),
        figures: vec![1, 2, 3],
        rows,
        ..Table::default()
    }
}
