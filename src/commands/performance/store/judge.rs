//! Judges what was measured by the sessions of promoted releases.

use std::collections::BTreeMap;

use crate::{
    baselines::{NoBaseline, SessionFigures, SessionPages, TrendPoint, median},
    commands::performance::{
        certainty::certainty,
        compare::{Limits, compare},
        judge::{MOST_WRONG, Undecided},
        latencies::medians,
        measurement::Measurement,
        page_loads::{self, PageRule, side::PageSide},
        sessions::{Absence, from_ms},
    },
    finding::{Finding, Verdict},
    load_results::{LoadProfile, P99, RequestFigures, Unit},
    report::{Table, Trend},
    subject::{Service, Tag},
    values::decimal::Decimal,
};

/// What the p99 may be, compared with a fixed release.
pub struct DriftRule<'a> {
    pub tag: &'a Tag,
    pub limits: Limits,
    pub undecided: Undecided,
    /// A difference of page loads in milliseconds that users do not notice.
    pub min_delta: f64,
}

/// What was measured, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    LoadTest,
    PageLoads,
}

/// Why nothing can be compared.
#[must_use]
pub fn no_baseline(
    none: &NoBaseline,
    measured: Measured,
    service: &Service,
    place: &str,
    branch: Option<&str>,
) -> Absence {
    let branch = branch.map(|branch| format!(" --branch={branch}")).unwrap_or_default();
    let make = format!(
        "`promote-gates baseline --reports=REPORT --promoted='{{\"service\":\"{service}\",\"tag\":\"TAG\"}}'{branch}` adds the report \
         of a release that is in production; each promotion then adds its own"
    );
    match none {
        NoBaseline::Missing { others: 0 } => Absence {
            actual: format!("no session in {place}"),
            next: format!("measure the release that is in production; {make}"),
        },
        NoBaseline::Missing { others } => Absence {
            actual: format!(
                "{others} sessions in {place}, none of another release that was promoted in this environment"
            ),
            next: format!("let the workflow run `baseline` behind `promote`; {make}"),
        },
        NoBaseline::OtherKind => {
            let [ours, theirs] = match measured {
                Measured::LoadTest => ["a load test", "page loads of Lighthouse"],
                Measured::PageLoads => ["page loads of Lighthouse", "load tests"],
            };
            Absence {
                actual: format!("{ours}, and the promoted releases in {place} have only {theirs}"),
                next: format!("measure the release that is in production in the same way; {make}"),
            }
        }
        NoBaseline::OtherProfile { what, ours, theirs } => {
            let allow = match *what {
                "target" | "load" | "machine" => format!(", or allow it with `allow-difference: {what}`"),
                _ => String::new(),
            };
            Absence {
                actual: format!("another {what} than in {place}: {ours}, and there {theirs}"),
                next: format!("measure in the same way{allow}; {make}"),
            }
        }
        NoBaseline::Stale { newest, max_days } => Absence {
            actual: format!("the newest session in {place} is of {newest:.0}, more than {max_days} days ago"),
            next: format!("measure the release that is in production again, or raise `max-baseline-days`; {make}"),
        },
    }
}

/// The sessions as one side of a comparison: the medians.
#[must_use]
pub fn side(sessions: &[&SessionFigures], unit: Unit) -> Measurement {
    let exact = |milliseconds: f64| Decimal::from_f64(from_ms(milliseconds, unit)).unwrap_or(Decimal::ZERO);
    let figures = |latencies: &mut [f64]| {
        let p99 = exact(median(latencies).unwrap_or_default());
        RequestFigures::of_p99(P99::Between { low: p99, high: Some(p99) })
    };
    let mut endpoints: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for (name, latency) in sessions.iter().flat_map(|session| &session.endpoints) {
        endpoints.entry(name).or_default().push(*latency);
    }
    let mut requests: Vec<u64> = sessions.iter().filter_map(|session| session.requests).collect();
    requests.sort_unstable();
    let mut latencies: Vec<f64> = sessions.iter().map(|session| session.all).collect();
    let known = latencies.iter().map(|latency| exact(*latency)).collect();
    // A part of the sessions may lack an endpoint: one that was added since, or is gone.
    let in_last = |name: &String| sessions.last().is_some_and(|last| last.endpoints.contains_key(name));
    Measurement {
        all: RequestFigures {
            requests: requests.get(requests.len() / 2).copied(),
            percentiles: medians(sessions, unit),
            ..figures(&mut latencies)
        },
        endpoints: endpoints
            .into_iter()
            .filter(|(name, _)| in_last(name))
            .map(|(name, mut latencies)| (name.clone(), figures(&mut latencies)))
            .collect(),
        endpoints_cut: false,
        // The sessions were chosen by the profile.
        profile: LoadProfile::default(),
        measured_at: None,
        page_loads: None,
        sessions: if sessions.len() > 1 { known } else { Vec::new() },
    }
}

/// The p99 against that of a fixed release: 1.19 times the release before is within 1.2, and four such steps are 2.0.
#[must_use]
pub fn drift(
    rule: &DriftRule<'_>,
    session: &SessionFigures,
    fixed: &[&SessionFigures],
    all: &[&SessionFigures],
    place: &str,
) -> Finding {
    let check = format!("drift since {}", rule.tag);
    let Some(base) = median(&mut fixed.iter().map(|session| session.all).collect::<Vec<_>>()) else {
        return no_fixed_release(check, rule, "p99", place);
    };
    let exact = |milliseconds: f64| Decimal::from_f64(from_ms(milliseconds, rule.limits.unit)).unwrap_or(Decimal::ZERO);
    let figures = |p99: Decimal| RequestFigures::of_p99(P99::Between { low: p99, high: Some(p99) });
    let (now, base) = (exact(session.all), exact(base));
    let finding = compare(&check, &figures(now), &figures(base), rule.limits);
    let finding = match finding.verdict {
        Verdict::Blocked => finding.next(
            "many small steps made it slower: find the commits that did; if this latency is acceptable, name a later release in \
             `drift-from`, or raise `max-drift`",
        ),
        _ => finding,
    };
    let known: Vec<Decimal> = all.iter().map(|session| exact(session.all)).collect();
    let sure = certainty(now, base, rule.limits.max_ratio, &known);
    match rule.undecided {
        Undecided::Inconclusive if sure.is_none_or(|sure| sure.wrong > MOST_WRONG) => Finding {
            verdict: Verdict::Inconclusive,
            actual: match sure {
                Some(sure) => format!("{}; with a chance of being wrong of {}", finding.actual, sure.describe("p99")),
                None => format!("{}; with an unknown chance of being wrong", finding.actual),
            },
            ..finding
        }
        .next("more sessions of promoted releases tell how much the p99 varies; or let the figures decide with `undecided: plain-rule`"),
        _ => finding,
    }
}

fn no_fixed_release(check: String, rule: &DriftRule<'_>, figure: &str, place: &str) -> Finding {
    Finding::inconclusive(check)
        .actual(format!("no session of {} in {place} that was promoted and measured in the same way", rule.tag))
        .expected(format!("a {figure} of at most {} times its {figure}", rule.limits.max_ratio))
        .next(
            "name the tag of a release in the file as `drift-from`, and give the same tag to `baseline` as `keep`, so that its \
             sessions stay",
        )
}

/// The same of page loads, for every figure of the pages that the fixed release has, too; the table lists the others.
#[must_use]
pub fn page_drift(
    rule: &DriftRule<'_>,
    session: &SessionPages,
    [fixed, all]: [&[&SessionPages]; 2],
    place: &str,
) -> (Vec<Finding>, Vec<Table>) {
    if fixed.is_empty() {
        let finding = no_fixed_release(format!("drift since {}", rule.tag), rule, "median", place);
        return (vec![finding], Vec::new());
    }
    let rule_of_pages = PageRule {
        limits: rule.limits,
        min_delta: rule.min_delta,
        most_wrong: (rule.undecided == Undecided::Inconclusive).then_some(MOST_WRONG),
    };
    let [now, fixed, all] = [&[session][..], fixed, all].map(PageSide::of_sessions);
    page_loads::drift(rule.tag.as_str(), &now, &fixed, &all, &rule_of_pages)
}

/// The last promoted releases and this one; `None` without any. `now` is in milliseconds.
#[must_use]
pub fn trend(title: &str, now: f64, points: Vec<TrendPoint>, unit: Unit) -> Option<Trend> {
    if points.is_empty() {
        return None;
    }
    let shown = |milliseconds: f64| from_ms(milliseconds, unit);
    let now = ("now".to_owned(), shown(now));
    let points = points.into_iter().map(|TrendPoint { label, figure }| (label, shown(figure))).chain([now]);
    Some(Trend { title: format!("{title} of the last promotions ({unit})"), points: points.collect() })
}
