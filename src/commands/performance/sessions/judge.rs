//! Judges one session against earlier ones.

use super::{Absence, EarlierSessions, FEWEST, from_ms};
use crate::{
    baselines::SessionFigures,
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

/// One finding for all requests, and one for each endpoint that has earlier sessions or is named.
#[must_use]
pub fn judge(criteria: &SessionCriteria<'_>, session: &SessionFigures, earlier: &EarlierSessions) -> Vec<Finding> {
    let mut findings = vec![part(criteria, "p99", Some(session.all), None, earlier)];
    let named = criteria.endpoints.iter().filter(|name| !session.endpoints.contains_key(*name));
    let judged = session
        .endpoints
        .keys()
        .filter(|name| criteria.endpoints.contains(name) || earlier.spread(Some(name)).is_some());
    findings.extend(judged.chain(named).map(|name| {
        let figure = session.endpoints.get(name).copied();
        part(criteria, &format!("p99 of {name}"), figure, Some(name), earlier)
    }));
    findings
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
