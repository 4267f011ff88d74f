//! Judges one session against earlier ones.

use std::collections::BTreeMap;

use super::{Absence, EarlierSessions, FEWEST, from_ms};
use crate::{
    baselines::SessionFigures,
    commands::performance::endpoints::means,
    finding::{Figures, Finding, Verdict},
    load_results::Unit,
    values::figures::{ratio_beside, rounded},
};

/// What a session is judged by.
#[derive(Clone, Debug)]
pub struct SessionCriteria<'a> {
    pub max_ratio: f64,
    pub attempt: u32,
    /// The unit that figures are shown in.
    pub unit: Unit,
    /// The endpoints that must be judged.
    pub endpoints: &'a [String],
}

/// One finding for all requests, one for each endpoint that has earlier sessions or is named, and one for each that this run lost.
/// Endpoints with too `few` requests, but not far too few, are not lost.
#[must_use]
pub fn judge(
    criteria: &SessionCriteria<'_>,
    session: &SessionFigures,
    few: &BTreeMap<String, u64>,
    earlier: &EarlierSessions,
) -> Vec<Finding> {
    let mut findings = vec![part(criteria, "p99", Some(session.all), None, earlier)];
    let is_named = |name: &str| criteria.endpoints.iter().any(|wanted| means(wanted, name));
    let named = criteria.endpoints.iter().filter(|wanted| !session.endpoints.keys().any(|name| means(wanted, name)));
    let judged = session.endpoints.keys().filter(|name| is_named(name) || earlier.spread(Some(name)).is_some());
    findings.extend(judged.chain(named).map(|name| {
        let figure = session.endpoints.get(name).copied();
        part(criteria, &format!("p99 of {name}"), figure, Some(name), earlier)
    }));
    let has = |name: &String| session.endpoints.contains_key(name) || few.contains_key(name) || is_named(name);
    findings.extend(earlier.required().iter().filter(|name| !has(name)).map(|name| lost(name)));
    findings
}

fn lost(name: &str) -> Finding {
    Finding::inconclusive(format!("p99 of {name}"))
        .actual("no p99 in this run, and one in the last session of another release")
        .expected("a p99 of every endpoint of that session")
        .next(
            "see why the load test hardly reaches it, or why its requests fail; if it is gone, measure the release that is in production \
             with the same load test, and give that session, too",
        )
}

fn part(
    criteria: &SessionCriteria<'_>,
    check: &str,
    figure: Option<f64>,
    endpoint: Option<&str>,
    earlier: &EarlierSessions,
) -> Finding {
    let expected = format!("all of the interval at most {}", criteria.max_ratio);
    let shown_latency = |ms: f64| format!("{} {}", rounded(from_ms(ms, criteria.unit)), criteria.unit);
    let Some(p99) = figure else {
        return Finding::inconclusive(check)
            .actual("not in the results, or too few requests")
            .expected(expected)
            .next("let the load test send more requests to it, or correct its name in `endpoints`");
    };
    let Some(spread) = earlier.spread(endpoint) else {
        if let Some(Absence { actual, next }) = earlier.absence() {
            return Finding::inconclusive(check)
                .actual(format!("{}, and nothing to compare with: {actual}", shown_latency(p99)))
                .expected(format!("at least {FEWEST} sessions of other releases"))
                .next(next.clone());
        }
        return Finding::inconclusive(check)
            .actual(format!(
                "{}, and {} earlier sessions with a p99 of their own: how much it changes from job to job is unknown",
                shown_latency(p99),
                earlier.count_of(endpoint)
            ))
            .expected(format!("at least {FEWEST} earlier sessions of other releases"))
            .next(
                "keep the sessions in a `baseline-store`, or the report of each job and give them as `sessions`; until there are enough, run with `dry-run: true`, or \
                 measure both releases: give `baseline-target`",
            );
    };
    let result = spread.judge(p99, criteria.max_ratio, criteria.attempt);
    let shown = |ratio: f64| ratio_beside(ratio, criteria.max_ratio);
    let (ratio, interval) = (shown(result.ratio), format!("({} to {})", shown(result.low), shown(result.high)));
    let next = match result.verdict {
        Verdict::Passed => "",
        Verdict::Blocked => "find the commit that made it slower; if this latency is acceptable, raise `max-ratio`",
        Verdict::Inconclusive => {
            "jobs differ too much to tell: measure both releases in one job (give `baseline-target`), or use machines that \
             differ less"
        }
    };
    let attempt = if criteria.attempt > 1 { format!("; attempt {}", criteria.attempt) } else { String::new() };
    let figures = Figures::now(format!("{}, ×{ratio} {interval}", shown_latency(p99)))
        .baseline(shown_latency(spread.mean.exp()))
        .limit(format!("×{}", criteria.max_ratio));
    Finding::new(check, result.verdict)
        .actual(format!("{ratio} times the mean of {} earlier sessions {interval}{attempt}", spread.sessions))
        .expected(expected)
        .next(next)
        .figures(figures)
}
