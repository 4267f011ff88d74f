//! Judges the pairs by the paired rule: every endpoint and all requests together.

use super::{
    PairSeries, Part, PartFigures, Range, RunSide,
    criteria::{JudgedPart, PairedCriteria, Scale},
    latencies_of,
    pooled::PooledP99,
    tables,
};
use crate::{
    baselines::SessionFigures,
    commands::performance::{
        endpoints::means,
        paired::{ALPHA, Family, Limit, MaxPairs, Pair, PairedRule, smallest_caught},
        sessions::to_ms,
    },
    finding::{Figures, Finding, Verdict},
    load_results::Unit,
    report::Table,
    values::{
        HumanDuration,
        figures::{ratio_beside, rounded, rounded_beside},
    },
};

/// Why there are no more pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairsEnd {
    /// There will be more.
    Open,
    /// That was the last one.
    MaxPairs,
    /// Another pair would not end within this time.
    MaxDuration(HumanDuration),
}

/// What is known after some pairs.
#[derive(Clone, Debug, Default)]
pub struct PairedJudgement {
    pub findings: Vec<Finding>,
    pub tables: Vec<Table>,
    /// More pairs change nothing.
    pub decided: bool,
    /// Of all requests: the medians of both sides, and their ratio.
    pub medians: Option<Medians>,
    /// What later sessions read.
    pub session: Option<SessionFigures>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Medians {
    pub target: f64,
    pub baseline: f64,
    pub ratio: f64,
}

/// The finding on one run that no p99 can be taken from, if there is one. It ends the measurement.
#[must_use]
pub fn judge_block(criteria: &PairedCriteria<'_>, block: &super::Block, side: RunSide) -> Option<Finding> {
    let check = format!("load test on the {side}");
    // What is bad on the target is the release; on the baseline it only makes a comparison impossible.
    let bad = |actual: String, expected: String, next: &str| {
        let verdict = if side == RunSide::Target { Verdict::Blocked } else { Verdict::Inconclusive };
        Some(Finding::new(check.clone(), verdict).actual(actual).expected(expected).next(next))
    };
    let unknown = |actual: String, expected: String, next: String| {
        Some(Finding::inconclusive(check.clone()).actual(actual).expected(expected).next(next))
    };
    let Some(PartFigures { requests, failures, p99, .. }) = block.parts.get(&Part::All) else {
        return unknown("no p99".to_owned(), "a p99 over all requests".to_owned(), String::new());
    };
    let how = block.failures.as_ref().map(|how| format!(": {how}")).unwrap_or_default();
    if let Some((requests, failures)) = requests.zip(*failures).filter(|(requests, _)| *requests > 0) {
        if failures >= requests {
            let actual = format!("all {requests} requests failed{how}");
            return bad(
                actual,
                "requests that succeed".to_owned(),
                "see why its requests fail; no p99 says anything then",
            );
        }
        let percent = percent(failures, requests);
        if percent > criteria.max_error_rate.0 {
            let [now, limit] = rounded_beside(percent, criteria.max_error_rate.0);
            let actual = format!("{failures} of {requests} requests failed ({now} %){how}");
            let next = "see why its requests fail, or raise `max-error-rate` if the load test expects them";
            return bad(actual, format!("at most {limit} % failed requests"), next);
        }
    }
    if let Err((why, next)) = p99 {
        return unknown(why.clone(), "a p99 over all requests".to_owned(), next.clone());
    }
    if let Some(requests) = requests.filter(|requests| *requests < criteria.min_requests) {
        return unknown(
            format!("{requests} requests in one run"),
            format!("at least {}, better 500", criteria.min_requests),
            "raise `duration`, or the rate of the load test: the p99 of so few requests is the slowest one".to_owned(),
        );
    }
    match p99 {
        Ok(Range { low, .. }) if *low <= 0.0 => unknown(
            "a p99 of 0".to_owned(),
            "a p99 over 0".to_owned(),
            "let the load test write latencies with more digits".to_owned(),
        ),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
fn percent(failures: u64, requests: u64) -> f64 {
    failures as f64 * 100.0 / requests as f64
}

/// Judges all parts after the pairs so far.
#[must_use]
pub fn judge(criteria: &PairedCriteria<'_>, measurement: &PairSeries, end: PairsEnd) -> PairedJudgement {
    let rule = PairedRule::new(
        criteria.limit,
        criteria.max_pairs,
        Family { figures: measurement.parts.len(), attempt: criteria.attempt },
    );
    let is_judged = |part: &&Part| !measurement.left_out.contains_key(*part);
    let parts: Vec<JudgedPart<'_>> =
        measurement.parts.iter().filter(is_judged).map(|part| judge_part(criteria, &rule, measurement, part)).collect();
    let mut findings: Vec<Finding> =
        parts.iter().map(|part| finding(criteria, &rule, part, measurement, end)).collect();
    findings.extend(unjudged(criteria, measurement));
    let decided = parts.iter().any(|part| part.verdict == Verdict::Blocked)
        || parts.iter().all(|part| part.verdict == Verdict::Passed);
    let medians = parts.first().filter(|first| *first.part == Part::All).and_then(|first| medians(&first.pairs));
    let tables = tables::tables(criteria, measurement, &parts);
    let of_target = || latencies_of(measurement.pairs.iter().map(|pair| &pair.target));
    let session = session(&parts, criteria.unit).map(|session| of_target().into_session(session, criteria.unit));
    PairedJudgement { findings, tables, decided, medians, session }
}

/// Why a part cannot pass, and what to do.
const UNBOUNDED: (&str, &str) = (
    "the results do not say how slow the failed requests make it",
    "let the load test write the results of failed requests as well, or fix them",
);
const TOO_FAST: (&str, &str) = (
    "so much faster is a mistake rather than an improvement",
    "see whether both targets do the same work; if it really is an improvement, lower `min-ratio`",
);

fn judge_part<'a>(
    criteria: &PairedCriteria<'_>,
    rule: &PairedRule,
    measurement: &PairSeries,
    part: &'a Part,
) -> JudgedPart<'a> {
    let fast = measurement.read_pairs(part, false).unwrap_or_default();
    let blocks = rule.judge(&fast);
    if blocks.verdict == Verdict::Blocked {
        return JudgedPart { part, verdict: Verdict::Blocked, result: blocks, pairs: fast, open: None };
    }
    let Some(slow) = measurement.read_pairs(part, true) else {
        return JudgedPart { part, verdict: Verdict::Inconclusive, result: blocks, pairs: fast, open: Some(UNBOUNDED) };
    };
    let result = rule.judge(&slow);
    let ratio = medians(&slow).map(|medians| medians.ratio);
    // If the slowest reading blocks, the fastest did not.
    let (verdict, open) = match result.verdict {
        Verdict::Passed if ratio.is_some_and(|ratio| ratio <= criteria.min_ratio) => {
            (Verdict::Inconclusive, Some(TOO_FAST))
        }
        Verdict::Passed => (Verdict::Passed, None),
        _ => (Verdict::Inconclusive, None),
    };
    JudgedPart { part, verdict, result, pairs: slow, open }
}

/// The medians of both sides and the estimate of their ratio.
fn medians(pairs: &[Pair]) -> Option<Medians> {
    let median = |figure: fn(Pair) -> f64| {
        let mut figures: Vec<f64> = pairs.iter().copied().map(figure).collect();
        figures.sort_unstable_by(f64::total_cmp);
        f64::midpoint(figures[(figures.len() - 1) / 2], figures[figures.len() / 2])
    };
    let rule = PairedRule::new(
        Limit { max_ratio: 1.0, min_delta: 0.0 },
        MaxPairs::default(),
        Family { figures: 1, attempt: 1 },
    );
    let ratio = rule.judge(pairs).estimate?;
    Some(Medians { target: median(Pair::target), baseline: median(Pair::baseline), ratio })
}

/// The median p99 of the target, for all requests and each endpoint.
fn session(parts: &[JudgedPart<'_>], unit: Unit) -> Option<SessionFigures> {
    let mut session = SessionFigures::default();
    for judged in parts {
        let Medians { target, .. } = medians(&judged.pairs)?;
        match judged.part {
            Part::All => session.all = to_ms(target, unit),
            Part::Endpoint(name) => drop(session.endpoints.insert(name.clone(), to_ms(target, unit))),
        }
    }
    (session.all > 0.0).then_some(session)
}

fn finding(
    criteria: &PairedCriteria<'_>,
    rule: &PairedRule,
    judged: &JudgedPart<'_>,
    measurement: &PairSeries,
    end: PairsEnd,
) -> Finding {
    let scale = Scale::of(criteria.limit);
    let count = measurement.pairs.len();
    let finding = Finding::new(judged.part.to_string(), judged.verdict).expected(expected(criteria));
    let Some((look, medians)) = judged.result.look.zip(medians(&judged.pairs)) else {
        let estimate =
            judged.result.estimate.map(|estimate| format!("; {} times {} so far", scale.shown(estimate), scale.of));
        return finding
            .actual(format!("{count} pairs{}{}", estimate.unwrap_or_default(), stopped(end)))
            .next(next_if_few(end));
    };
    let (estimate, interval) = (scale.shown(look.estimate), scale.interval(&look));
    let interval = interval.map(|interval| format!(" ({interval})")).unwrap_or_default();
    let attempt = match criteria.attempt {
        0 | 1 => String::new(),
        attempt => {
            let alpha = ALPHA * 100.0 * 0.5_f64.powi(i32::try_from(attempt - 1).unwrap_or(i32::MAX));
            format!("; attempt {attempt}, which passes at {} % instead of {} %", rounded(alpha), rounded(ALPHA * 100.0))
        }
    };
    let after = if look.pairs == count { format!("{count} pairs") } else { format!("{} of {count} pairs", look.pairs) };
    let open = judged.open.map(|(open, _)| format!("; {open}")).unwrap_or_default();
    let stop = if judged.verdict == Verdict::Inconclusive { stopped(end) } else { String::new() };
    let actual = format!("{estimate} times {}{interval} after {after}{attempt}{open}{stop}", scale.of);
    let unit = criteria.unit;
    let figures = Figures::now(format!("{} {unit}, ×{estimate}{interval}", rounded(medians.target)))
        .baseline(format!("{} {unit}", rounded(medians.baseline)))
        .limit(format!("×{}", scale.limit));
    let next = next(criteria, rule, judged, end);
    let next = match rare_stall(criteria, judged, measurement) {
        Some(stall) if end != PairsEnd::Open => format!("{stall}; {next}"),
        _ => next,
    };
    finding.actual(actual).figures(figures).next(next)
}

/// A stall that is rarer than a run makes few runs slow: no number of such runs decides, and the requests of all runs together show it.
fn rare_stall(criteria: &PairedCriteria<'_>, judged: &JudgedPart<'_>, measurement: &PairSeries) -> Option<String> {
    let pooled = PooledP99::of(measurement).filter(|pooled| pooled.ratio() > criteria.limit.max_ratio)?;
    let is_open = *judged.part == Part::All && judged.verdict == Verdict::Inconclusive;
    is_open.then(|| {
        format!(
            "over all runs together the p99 is {} {unit}, {} times the {} {unit} of the baseline: if a stall is rarer than a run, \
             raise `duration` until every run has one",
            rounded(pooled.target),
            ratio_beside(pooled.ratio(), criteria.limit.max_ratio),
            rounded(pooled.baseline),
            unit = criteria.unit,
        )
    })
}

fn expected(criteria: &PairedCriteria<'_>) -> String {
    let Limit { max_ratio, min_delta } = criteria.limit;
    if min_delta > 0.0 {
        format!(
            "all of the interval at most 1 (the limit is {max_ratio} × the baseline, or {} {} over it if that is more)",
            rounded(min_delta),
            criteria.unit
        )
    } else {
        format!("all of the interval at most {max_ratio}")
    }
}

fn stopped(end: PairsEnd) -> String {
    match end {
        PairsEnd::Open => String::new(),
        PairsEnd::MaxPairs => "; not decided by the last pair".to_owned(),
        PairsEnd::MaxDuration(limit) => format!("; another pair would not end within {limit}"),
    }
}

fn next_if_few(end: PairsEnd) -> &'static str {
    match end {
        PairsEnd::Open | PairsEnd::MaxPairs => "wait for the next pairs",
        PairsEnd::MaxDuration(_) => "raise `max-duration`, or shorten `duration`: fewer than six pairs decide nothing",
    }
}

fn next(criteria: &PairedCriteria<'_>, rule: &PairedRule, judged: &JudgedPart<'_>, end: PairsEnd) -> String {
    let suggestion = rule
        .smallest_min_delta(&judged.pairs)
        .map(|least| {
            format!(
                "; if users do not notice a difference of {0} {1}, `min-delta: {0}{1}` would have passed it",
                plain(least),
                criteria.unit
            )
        })
        .unwrap_or_default();
    if let Some((_, next)) = judged.open.filter(|_| end != PairsEnd::Open) {
        return next.to_owned();
    }
    match judged.verdict {
        Verdict::Passed => String::new(),
        Verdict::Blocked => {
            format!("find the commit that made it slower; if this latency is acceptable, raise `max-ratio`{suggestion}")
        }
        Verdict::Inconclusive if end == PairsEnd::Open => "wait for the next pairs".to_owned(),
        Verdict::Inconclusive if !rule.can_pass() => {
            "too many attempts: find what makes the release slow, and promote another one".to_owned()
        }
        Verdict::Inconclusive => {
            let spread = judged.result.spread.unwrap_or_default();
            let caught = smallest_caught(criteria.limit.max_ratio, criteria.max_pairs, spread);
            let more = if end == PairsEnd::MaxPairs { "`max-pairs`" } else { "`max-duration`" };
            format!(
                "with this noise, {} pairs block a release that is {} times slower in 90 % of all cases: measure on a quieter \
                 machine, or raise `duration` or {more}{suggestion}",
                criteria.max_pairs,
                rounded(caught)
            )
        }
    }
}

/// A number for a setting: without separators.
fn plain(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The endpoints that must be judged, and are not: those that `endpoints` names, and those that only the baseline target has.
#[must_use]
pub fn unjudged(criteria: &PairedCriteria<'_>, measurement: &PairSeries) -> Vec<Finding> {
    let is = |part: &Part, wanted: &str| matches!(part, Part::Endpoint(name) if means(wanted, name));
    let missing = |wanted: &&String| {
        let mut known = measurement.parts.iter().chain(&measurement.single);
        !known.any(|part| is(part, wanted) && !measurement.left_out.contains_key(part))
    };
    let named = |wanted: &String| {
        let why = measurement.left_out.iter().find(|(part, _)| is(part, wanted)).map(|(_, why)| why.clone());
        Finding::inconclusive(Part::Endpoint(wanted.clone()).to_string())
            .actual(why.unwrap_or_else(|| "not in the results".to_owned()))
            .expected(format!("at least {} requests in each run, because `endpoints` names it", measurement.fewest))
            .next("let the load test send more requests to it, or correct its name in `endpoints`")
    };
    let lost = |part: &Part| {
        Finding::inconclusive(part.to_string())
            .actual("no request on the target, or less than a tenth of those on the baseline target")
            .expected("enough requests on both")
            .next("see why the load test hardly reaches it on the target: a step before it may fail there")
    };
    let unnamed = |part: &&Part| !criteria.endpoints.iter().any(|wanted| is(part, wanted));
    criteria
        .endpoints
        .iter()
        .filter(missing)
        .map(named)
        .chain(measurement.lost.iter().filter(unnamed).map(lost))
        .collect()
}

/// The finding before the first look, for the report of a cancelled step.
#[must_use]
pub fn running() -> Finding {
    Finding::inconclusive(Part::All.to_string())
        .actual("the load test has not ended")
        .expected("runs that can be compared")
}
