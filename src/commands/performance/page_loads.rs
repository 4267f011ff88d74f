//! The rule for page loads: each figure's median over at least three loads, against that of the baseline. A single load differs from the
//! next by more than what is looked for, and a median is not moved by one of them.

pub mod side;

use std::collections::BTreeSet;

use super::{
    certainty::{Certainty, FEWEST_SESSIONS, certainty},
    compare::Limits,
    plausible::{Plausibility, age},
};
use crate::{
    finding::{Figures, Finding, Verdict},
    load_results::{PageMetric, Unit},
    report::Table,
    values::{
        Bytes, Ratio, clip,
        decimal::Decimal,
        figures::{ratio_beside, rounded},
    },
};
use side::{FEWEST, PageSide, Sample, SampleKind};

/// The longest name of a page in a message.
const LONGEST: usize = 120;

/// What page loads are judged by.
#[derive(Clone, Copy, Debug)]
pub struct PageRule {
    pub limits: Limits,
    /// A difference in milliseconds that users do not notice.
    pub min_delta: f64,
    /// A verdict that is more likely to be wrong is inconclusive; `None`: the comparison decides.
    pub most_wrong: Option<f64>,
}

/// Judges each figure of each page.
#[must_use]
pub fn judge(
    results: &PageSide,
    baseline: &PageSide,
    rule: &PageRule,
    plausibility: &Plausibility<'_>,
) -> (Vec<Finding>, Vec<Table>) {
    let mut findings = objections(results, baseline, plausibility);
    let (mut rows, mut chances) = (Vec::new(), Vec::new());
    if !findings.is_empty() {
        return (findings, Vec::new());
    }
    let names: BTreeSet<&String> = results.samples.keys().chain(&baseline.required).collect();
    for name in names {
        let is_new = baseline.kind == SampleKind::Sessions && !baseline.samples.contains_key(name);
        let absent = [(results, "not in the results"), (baseline, "not in the baseline")]
            .into_iter()
            .find(|(side, _)| !side.samples.contains_key(name));
        if let Some((_, actual)) = absent.filter(|_| !is_new) {
            findings.push(missing_page(name, actual, baseline.kind));
            continue;
        }
        let (now, before) = (results.samples_of(name), baseline.samples_of(name));
        for ((metric, now), before) in PageMetric::ALL.into_iter().zip(now).zip(before) {
            let check = check(metric, name);
            // A page that is new with this release cannot be in a session of one that was promoted.
            let title = if is_new { format!("{check}, not judged: in no session yet") } else { check.clone() };
            rows.push(row(&title, metric, [&before, &now], rule.limits.unit));
            if is_new {
                continue;
            }
            let (finding, sure) = compare(check.clone(), metric, [&now, &before], &before.figures, rule);
            chances.extend(sure.map(|sure| [format!("{check}: {}", sure.describe(metric.name()))]));
            findings.push(finding);
        }
    }
    let table = Table::new("Page loads", &["Figure", "Baseline", "Now", "Baseline from to", "Now from to"], rows);
    let mut tables = vec![table.figures(&[1, 2, 3, 4]).open()];
    if !chances.is_empty() {
        tables.push(Table::list("How likely each verdict is wrong:", chances));
    }
    (findings, tables)
}

/// Judges each figure that a fixed release has, too: small steps add up. `all` are the sessions of promoted releases, which tell how much
/// a figure varies.
#[must_use]
pub fn drift(
    since: &str,
    results: &PageSide,
    fixed: &PageSide,
    all: &PageSide,
    rule: &PageRule,
) -> (Vec<Finding>, Vec<Table>) {
    let mut findings = Vec::new();
    let (common, others): (Vec<&String>, Vec<&String>) =
        results.samples.keys().partition(|name| fixed.samples.contains_key(*name));
    for name in common {
        let (now, before, all) = (results.samples_of(name), fixed.samples_of(name), all.samples_of(name));
        for (((metric, now), before), all) in PageMetric::ALL.into_iter().zip(now).zip(before).zip(all) {
            let check = format!("drift of the {} since {since}", check(metric, name));
            let (finding, _) = compare(check, metric, [&now, &before], &all.figures, rule);
            findings.push(match finding.verdict {
                Verdict::Blocked => finding.next(
                    "many small steps made the page slower: find the commits that did; if this is acceptable, name a later release in \
                     `drift-from`, or raise `max-drift`",
                ),
                _ => finding,
            });
        }
    }
    let title = format!("Pages without a drift, because {since} does not have them:");
    let tables = (!others.is_empty()).then(|| Table::list(title, others.iter().map(|name| [clip(name, LONGEST)])));
    (findings, tables.into_iter().collect())
}

fn check(metric: PageMetric, page: &str) -> String {
    format!("{} of {}", metric.name(), clip(page, LONGEST))
}

fn missing_page(name: &str, actual: &str, baseline: SampleKind) -> Finding {
    let finding = Finding::inconclusive(format!("page {}", clip(name, LONGEST))).actual(actual);
    match baseline {
        SampleKind::Loads => finding
            .expected("loads on both sides")
            .next("load the same pages on both sides, and give all reports"),
        SampleKind::Sessions => finding.expected("the pages of the last session of a promoted release").next(
            "load the same pages as before, and give all reports; if the page is gone, measure the release that is in production \
             without it, and add its report with `baseline`",
        ),
    }
}

/// What makes every comparison meaningless.
fn objections(results: &PageSide, baseline: &PageSide, plausibility: &Plausibility<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let (ours, theirs) = (&results.settings, &baseline.settings);
    if ours != theirs || ours.len() > 1 {
        let shown = |side: &BTreeSet<String>| side.iter().cloned().collect::<Vec<_>>().join("; ");
        found.push(
            Finding::inconclusive("settings of Lighthouse")
                .actual(format!("{}, in the baseline {}", shown(ours), shown(theirs)))
                .expected("one form factor, throttling and major version on both sides")
                .next("measure the baseline again in the same way"),
        );
    }
    let next = "run Lighthouse in this workflow, and delete the reports of earlier runs before it";
    // An old load among new ones would change their median.
    found.extend(results.measured_at.into_iter().flatten().find_map(|time| age(time, plausibility, next)));
    found
}

/// The verdict on one figure, and how likely it is wrong, by the `known` figures of earlier sessions.
fn compare(
    check: String,
    metric: PageMetric,
    [now, before]: [&Sample; 2],
    known: &[f64],
    rule: &PageRule,
) -> (Finding, Option<Certainty>) {
    let finding = by_medians(check, metric, now, before, rule);
    let sure = (before.kind == SampleKind::Sessions)
        .then(|| certainty_of(metric, now.median()?, before.median()?, known, rule))
        .flatten()
        .filter(|_| finding.verdict != Verdict::Inconclusive);
    let is_unsure = |most: f64| sure.is_none_or(|sure| sure.wrong > most);
    if finding.verdict == Verdict::Inconclusive || !rule.most_wrong.is_some_and(is_unsure) {
        return (finding, sure);
    }
    let chance = sure.map_or("an unknown chance of being wrong".to_owned(), |sure| {
        format!("a chance of being wrong of {}", sure.describe(metric.name()))
    });
    let finding =
        Finding { verdict: Verdict::Inconclusive, actual: format!("{}; with {chance}", finding.actual), ..finding };
    let next = format!(
        "compare with `baseline-store`: at least {FEWEST_SESSIONS} sessions of promoted releases tell how much the figure varies; or let \
         the figures decide with `undecided: plain-rule`"
    );
    (finding.next(next), sure)
}

fn certainty_of(metric: PageMetric, now: f64, base: f64, known: &[f64], rule: &PageRule) -> Option<Certainty> {
    let known = known.iter().map(|figure| Decimal::from_f64(*figure)).collect::<Option<Vec<_>>>()?;
    let max_ratio = Ratio(limit(metric, base, rule) / base);
    certainty(Decimal::from_f64(now)?, Decimal::from_f64(base)?, max_ratio, &known).filter(|_| base > 0.0)
}

/// The most that a figure may be.
fn limit(metric: PageMetric, base: f64, rule: &PageRule) -> f64 {
    let delta = if metric == PageMetric::TransferSize { 0.0 } else { rule.min_delta };
    (rule.limits.max_ratio.0 * base).max(base + delta)
}

fn by_medians(check: String, metric: PageMetric, now: &Sample, before: &Sample, rule: &PageRule) -> Finding {
    let max_ratio = rule.limits.max_ratio.0;
    let (Some(p_now), Some(base)) = (now.median(), before.median()) else {
        let is_now = now.median().is_none();
        let (place, side) = if is_now { ("", now) } else { ("in the baseline, ", before) };
        let next = match side.kind {
            SampleKind::Loads => {
                "run Lighthouse at least three times, better five, and see why loads fail; give the reports of all runs"
            }
            SampleKind::Sessions => {
                "see why the loads of the release that is in production failed, measure it again, and add its report with `baseline`"
            }
        };
        return Finding::inconclusive(check)
            .actual(format!("{place}{}", side.shortage()))
            .expected(format!(
                "the median of at least {FEWEST} loads on both sides; one load, or a tenth of them, may have no figure"
            ))
            .next(next);
    };
    let limit = limit(metric, base, rule);
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
    let without = |side: &Sample, place: &str| side.without_figure().map(|without| format!("; {place}{without}"));
    let without = [without(now, ""), without(before, "in the baseline, ")].into_iter().flatten().collect::<String>();
    let actual = format!("{now_text}, {} times the baseline{without}", ratio_beside(ratio, max_ratio));
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
