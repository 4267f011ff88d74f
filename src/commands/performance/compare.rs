//! The rule for one p99: blocked when it is more than so many times its baseline. Exact, as decimals.

use crate::{
    error::ValueError,
    finding::{self, Finding},
    load_results::{P99, RequestFigures, Unit},
    values::{
        Ratio,
        decimal::Decimal,
        figures::{rounded, rounded_beside},
        thousands,
    },
};

/// The limits of a comparison, and the unit of its figures.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_ratio: Ratio,
    pub min_ratio: Ratio,
    pub unit: Unit,
}

/// A larger ratio is a percentage: 120 for 1.2.
const LARGEST_RATIO: f64 = 10.0;

/// A ratio that is not a percentage.
pub fn max_ratio(text: &str) -> Result<Ratio, ValueError> {
    let ratio: Ratio = text.parse()?;
    if ratio.0 > LARGEST_RATIO {
        return Err(ValueError::new(
            "a number over 0 and at most 10 such as `1.2`: it is a ratio, and 1.2 means 120 % of the baseline",
        ));
    }
    Ok(ratio)
}

/// Up to this share of failed requests it does not matter how they are ranked: a tenth of the slowest hundredth.
const FEW_FAILURES: f64 = 0.001;

/// Compares two p99 figures. What cannot be decided is inconclusive.
pub fn compare(check: &str, results: &RequestFigures, baseline: &RequestFigures, limits: Limits) -> Finding {
    let Limits { max_ratio: Ratio(max_ratio), unit, .. } = limits;
    let with_unit = |value: Decimal| format!("{} {unit}", rounded(value.to_f64()));
    let (now, before) = match (bounds(results), bounds(baseline)) {
        (Ok(now), Ok(before)) => (now, before),
        (Err((why, next)), _) => return missing(check, &why, &next),
        (_, Err((why, next))) => return missing(check, &format!("in the baseline, {why}"), &next),
    };
    let (p99, base) = (now.low, before.low);
    if base.is_zero() {
        return Finding::inconclusive(check)
            .actual(format!("{}, but the baseline is {}", with_unit(p99), with_unit(base)))
            .expected("a baseline over 0")
            .next("measure the release that is in production, and store its p99 as the baseline");
    }
    if p99.is_zero() {
        return Finding::inconclusive(check)
            .actual(format!("{}: nothing was measured (baseline {})", with_unit(p99), with_unit(base)))
            .expected("a p99 over 0")
            .next("look at the load test: did it send requests?");
    }
    let times = |ratio: Ratio, figure: Decimal| Decimal::from_f64(ratio.0).unwrap_or(Decimal::ZERO).times(figure);
    let limit = times(limits.max_ratio, base);
    if p99 <= times(limits.min_ratio, base) {
        let [ratio, _] = rounded_beside(p99.to_f64() / base.to_f64(), limits.min_ratio.0);
        return Finding::inconclusive(check)
            .actual(format!("{}, {ratio} times the baseline", with_unit(p99)))
            .expected(format!("more than {} × the baseline of {} (`min-ratio`)", limits.min_ratio, with_unit(base)))
            .next(
                "compare the units of both sides, and see whether the load test reached the service; if the release is that much \
                 faster, renew the baseline",
            );
    }
    let [shown, shown_limit] = rounded_beside(p99.to_f64(), limit.to_f64()).map(|number| format!("{number} {unit}"));
    let [ratio, _] = rounded_beside(p99.to_f64() / base.to_f64(), max_ratio);
    let expected = format!("at most {shown_limit} ({max_ratio} × the baseline of {})", with_unit(base));
    let figures = finding::Figures::now(shown.clone()).limit(shown_limit).baseline(with_unit(base));
    let blocked = before.high.is_some_and(|high| p99 > times(limits.max_ratio, high));
    let passed = now.high.is_some_and(|high| high <= limit);
    let finding = if blocked {
        Finding::blocked(check).next(
            "find the commit that made it slower; if this latency is acceptable, raise `max-ratio` or renew the baseline",
        )
    } else if passed {
        Finding::passed(check)
    } else {
        return Finding::inconclusive(check)
            .actual(undecided(&now, &before, &with_unit))
            .expected(expected)
            .figures(figures)
            .next(
                "see why requests fail; or let the load test write a line for each request, which shows how slow the failed ones \
                 were",
            );
    };
    finding.actual(format!("{shown}, {ratio} times the baseline")).expected(expected).figures(figures)
}

/// The most that the p99 can be, by the rule of [`compare`]; `None`: nothing bounds it, or there is none.
pub fn longest_p99(figures: &RequestFigures) -> Option<Decimal> {
    bounds(figures).ok()?.high
}

fn missing(check: &str, why: &str, next: &str) -> Finding {
    Finding::inconclusive(check).actual(why).expected("a p99 on both sides").next(next)
}

/// The range of a p99.
struct Bounds {
    low: Decimal,
    high: Option<Decimal>,
    failures: u64,
    unanswered: u64,
}

fn bounds(figures: &RequestFigures) -> Result<Bounds, (String, String)> {
    let (failures, unanswered) = (figures.failures.unwrap_or_default(), figures.unanswered);
    let bounds = |low: Decimal, high| Ok(Bounds { low, high, failures, unanswered });
    match &figures.p99 {
        P99::Missing { why, next } => Err((why.clone(), next.clone())),
        P99::OfFailed { at_least } => bounds(*at_least, None),
        P99::Between { low, high } => {
            let few = figures.unranked_rate().is_some_and(|rate| rate <= FEW_FAILURES);
            bounds(*low, if few { Some(*low) } else { *high })
        }
    }
}

fn undecided(now: &Bounds, before: &Bounds, with_unit: &impl Fn(Decimal) -> String) -> String {
    let range = |bounds: &Bounds| match bounds.high {
        Some(high) if high > bounds.low => format!("between {} and {}", with_unit(bounds.low), with_unit(high)),
        Some(_) => with_unit(bounds.low),
        None => format!("{} or more", with_unit(bounds.low)),
    };
    let most = |count: fn(&Bounds) -> u64| Some(count(now).max(count(before))).filter(|most| *most > 0).map(thousands);
    let failed = most(|bounds| bounds.failures).map(|failed| format!("{failed} requests failed"));
    let unanswered = most(|bounds| bounds.unanswered)
        .map(|unanswered| format!("{unanswered} requests had no response when the load test ended"));
    let why = match [failed, unanswered].into_iter().flatten().collect::<Vec<_>>().join(", and ") {
        none if none.is_empty() => "the results give no more than this range".to_owned(),
        some => format!("{some}, which rank above every success"),
    };
    format!("{} (baseline {}): {why}", range(now), range(before))
}
