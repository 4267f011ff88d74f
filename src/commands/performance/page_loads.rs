//! The rule for page loads: each figure's median over at least three loads, against that of the baseline. A single load differs from the
//! next by more than what is looked for, and a median is not moved by one of them.

use std::collections::BTreeSet;

use super::{compare::Limits, plausible::Plausibility};
use crate::{
    finding::{Figures, Finding},
    load_results::{PageLoad, PageLoads, PageMetric, Unit},
    report::Table,
    values::{
        Bytes, clip,
        decimal::Decimal,
        figures::{ratio_beside, rounded},
    },
};

/// The fewest loads whose median one outlier does not move.
pub const FEWEST: usize = 3;
/// The longest name of a page in a message.
const LONGEST: usize = 120;

/// What page loads are judged by.
#[derive(Clone, Copy, Debug)]
pub struct PageRule<'a> {
    pub limits: Limits,
    pub plausibility: &'a Plausibility<'a>,
    /// A difference in milliseconds that users do not notice.
    pub min_delta: f64,
}

/// The loads of one page on one side, of which one figure is looked at.
struct Sample {
    /// In ascending order.
    figures: Vec<f64>,
    /// Why the other loads have none.
    missing: Vec<String>,
}

impl Sample {
    fn of(loads: &[PageLoad], metric: PageMetric) -> Self {
        let mut figures = Vec::new();
        let mut missing = Vec::new();
        for load in loads {
            match load.figures.get(&metric) {
                Some(Ok(figure)) => figures.push(figure.to_f64()),
                Some(Err(why)) => missing.push(why.clone()),
                None => {}
            }
        }
        figures.sort_unstable_by(f64::total_cmp);
        Self { figures, missing }
    }

    fn median(&self) -> Option<f64> {
        let count = self.figures.len();
        (count >= FEWEST).then(|| f64::midpoint(self.figures[(count - 1) / 2], self.figures[count / 2]))
    }

    /// Why there is no median.
    fn shortage(&self) -> String {
        let loads = match self.figures.len() {
            1 => "1 load".to_owned(),
            count => format!("{count} loads"),
        };
        match self.missing.first() {
            Some(why) => format!("{loads} with this figure, and {} without: {why}", self.missing.len()),
            None => loads,
        }
    }
}

/// Judges each figure of each page.
#[must_use]
pub fn judge(results: &PageLoads, baseline: &PageLoads, rule: &PageRule<'_>) -> (Vec<Finding>, Vec<Table>) {
    let mut findings = objections(results, baseline, rule);
    let mut rows = Vec::new();
    if !findings.is_empty() {
        return (findings, Vec::new());
    }
    let names: BTreeSet<&String> = results.pages.keys().chain(baseline.pages.keys()).collect();
    for name in names {
        let (now, before) = (results.pages.get(name), baseline.pages.get(name));
        let (Some(now), Some(before)) = (now, before) else {
            findings.push(
                Finding::inconclusive(format!("page {}", clip(name, LONGEST)))
                    .actual(if now.is_none() { "not in the results" } else { "not in the baseline" })
                    .expected("loads on both sides")
                    .next("load the same pages on both sides, and give all reports"),
            );
            continue;
        };
        for metric in PageMetric::ALL {
            let check = format!("{} of {}", metric.name(), clip(name, LONGEST));
            let (now, before) = (Sample::of(now, metric), Sample::of(before, metric));
            rows.push(row(&check, metric, [&before, &now], rule.limits.unit));
            findings.push(compare(check, metric, &now, &before, rule));
        }
    }
    let table = Table::new("Page loads", &["Figure", "Baseline", "Now", "Baseline from to", "Now from to"], rows);
    (findings, vec![table.figures(&[1, 2, 3, 4]).open()])
}

/// What makes every comparison meaningless.
fn objections(results: &PageLoads, baseline: &PageLoads, rule: &PageRule<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let settings = |side: &PageLoads| -> BTreeSet<String> {
        side.pages.values().flatten().map(|load| load.settings.clone()).collect()
    };
    let (ours, theirs) = (settings(results), settings(baseline));
    if ours != theirs || ours.len() > 1 {
        let shown = |side: &BTreeSet<String>| side.iter().cloned().collect::<Vec<_>>().join("; ");
        found.push(
            Finding::inconclusive("settings of Lighthouse")
                .actual(format!("{}, in the baseline {}", shown(&ours), shown(&theirs)))
                .expected("one form factor, throttling and major version on both sides")
                .next("measure the baseline again in the same way"),
        );
    }
    let newest = results.pages.values().flatten().filter_map(|load| load.measured_at).max();
    let age = newest.map(|newest| rule.plausibility.now.duration_since(newest));
    let limit = jiff::SignedDuration::try_from(rule.plausibility.max_age.0).unwrap_or(jiff::SignedDuration::MAX);
    if let (Some(newest), Some(_)) = (newest, age.filter(|age| *age > limit)) {
        found.push(
            Finding::inconclusive("age of the results")
                .actual(format!("measured at {newest:.0}"))
                .expected(format!("results of the last {} (`max-age`)", rule.plausibility.max_age))
                .next("run Lighthouse in this workflow, and delete the reports of earlier runs before it"),
        );
    }
    found
}

fn compare(check: String, metric: PageMetric, now: &Sample, before: &Sample, rule: &PageRule<'_>) -> Finding {
    let max_ratio = rule.limits.max_ratio.0;
    let (Some(p_now), Some(base)) = (now.median(), before.median()) else {
        let place = if now.median().is_none() { "" } else { "in the baseline, " };
        let side = if now.median().is_none() { now } else { before };
        return Finding::inconclusive(check)
            .actual(format!("{place}{}", side.shortage()))
            .expected(format!("the median of at least {FEWEST} loads on both sides"))
            .next("run Lighthouse at least three times, better five, and see why loads fail; give the reports of all runs");
    };
    let delta = if metric == PageMetric::TransferSize { 0.0 } else { rule.min_delta };
    let limit = (max_ratio * base).max(base + delta);
    let over = shown(metric, limit, rule.limits.unit);
    let (now_text, base_text) = (shown(metric, p_now, rule.limits.unit), shown(metric, base, rule.limits.unit));
    if base == 0.0 && p_now > limit {
        return Finding::inconclusive(check)
            .actual(format!("{now_text}, and {base_text} in the baseline: there is no ratio"))
            .expected("a figure over 0 in the baseline, or a difference that users do not notice")
            .next("declare that difference, as in `min-delta: 50ms`");
    }
    let ratio = if base > 0.0 { p_now / base } else { 1.0 };
    let min_ratio = rule.limits.min_ratio.0;
    if metric != PageMetric::TotalBlockingTime && ratio <= min_ratio {
        return Finding::inconclusive(check)
            .actual(format!("{now_text}, {} times the baseline of {base_text}", rounded(ratio)))
            .expected(format!("more than {min_ratio} times the baseline: so much less is a mistake rather than an improvement"))
            .next("look at the page that Lighthouse loaded: is it an error page? If it really is an improvement, renew the baseline");
    }
    let expected = format!("at most {over} ({max_ratio} × the baseline of {base_text}), by the medians");
    let actual = format!("{now_text}, {} times the baseline", ratio_beside(ratio, max_ratio));
    let finding = if p_now > limit {
        Finding::blocked(check).next(
            "find the commit that made the page slower; if this is acceptable, raise `max-ratio` or renew the baseline",
        )
    } else {
        Finding::passed(check)
    };
    finding.actual(actual).expected(expected).figures(Figures::now(now_text).baseline(base_text).limit(over))
}

fn shown(metric: PageMetric, figure: f64, unit: Unit) -> String {
    if metric == PageMetric::TransferSize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of bytes")]
        return Bytes(figure.round() as u64).to_string();
    }
    let latency = Decimal::from_f64(figure).map_or(f64::NAN, |value| Unit::Milliseconds.convert(value, unit).to_f64());
    format!("{} {unit}", rounded(latency))
}

fn row(check: &str, metric: PageMetric, [before, now]: [&Sample; 2], unit: Unit) -> [String; 5] {
    let one = |figure: Option<&f64>| figure.map_or("–".to_owned(), |figure| shown(metric, *figure, unit));
    let median = |side: &Sample| one(side.median().as_ref());
    let range = |side: &Sample| match side.figures.as_slice() {
        [] => "–".to_owned(),
        several => format!("{} to {} ({})", one(several.first()), one(several.last()), several.len()),
    };
    [check.to_owned(), median(before), median(now), range(before), range(now)]
}

#[cfg(test)]
mod tests;
