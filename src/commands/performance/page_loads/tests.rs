use super::*;
use crate::{
    finding::Verdict,
    values::{HumanDuration, Percent, Ratio},
};

fn now() -> jiff::Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn load(lcp: f64, tbt: f64, bytes: f64) -> PageLoad {
    let figure = |value: f64| Ok(Decimal::from_f64(value).unwrap());
    PageLoad {
        figures: [
            (PageMetric::LargestContentfulPaint, figure(lcp)),
            (PageMetric::TotalBlockingTime, figure(tbt)),
            (PageMetric::TransferSize, figure(bytes)),
        ]
        .into(),
        settings: "mobile, simulate, Lighthouse 13".to_owned(),
        measured_at: Some(now()),
    }
}

/// Loads of `/` with these LCPs.
fn side(lcps: &[f64]) -> PageLoads {
    PageLoads { pages: [("/".to_owned(), lcps.iter().map(|lcp| load(*lcp, 100.0, 150_000.0)).collect())].into() }
}

fn judged(results: &PageLoads, baseline: &PageLoads, min_delta: f64) -> Vec<Finding> {
    let plausibility = Plausibility {
        max_error_rate: Percent(1.0),
        min_requests: 100,
        max_age: HumanDuration(std::time::Duration::from_hours(6)),
        allowed: &[],
        now: now(),
    };
    let limits = Limits { max_ratio: Ratio(1.2), min_ratio: Ratio(0.1), unit: Unit::Milliseconds };
    judge(results, baseline, &PageRule { limits, plausibility: &plausibility, min_delta }).0
}

#[track_caller]
fn verdict_of(findings: &[Finding], check: &str) -> Verdict {
    findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check} in {findings:?}")).verdict
}

#[test]
fn medians_are_compared_and_an_outlier_decides_nothing() {
    let baseline = side(&[2000.0, 2100.0, 2050.0]);
    for (lcps, expected) in [
        (&[2100.0, 9000.0, 2000.0][..], Verdict::Passed),
        (&[2460.0, 2400.0, 2460.0], Verdict::Passed),
        (&[2461.0, 2400.0, 2470.0], Verdict::Blocked),
        (&[5000.0, 100.0, 5100.0], Verdict::Blocked),
        (&[5000.0, 2000.0], Verdict::Inconclusive),
        (&[200.0, 190.0, 205.0], Verdict::Inconclusive),
    ] {
        let findings = judged(&side(lcps), &baseline, 0.0);
        assert_eq!(verdict_of(&findings, "LCP of /"), expected, "{lcps:?}: {findings:?}");
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Passed || finding.next.is_some()));
    }
    let outlier = side(&[2000.0, 60_000.0, 2050.0]);
    assert_eq!(
        verdict_of(&judged(&side(&[5000.0; 3]), &outlier, 0.0), "LCP of /"),
        Verdict::Blocked,
        "nor in the baseline"
    );
    assert_eq!(verdict_of(&judged(&side(&[2000.0; 3]), &side(&[2000.0; 2]), 0.0), "LCP of /"), Verdict::Inconclusive);
}

#[test]
fn every_figure_of_every_page_is_judged() {
    let of = |tbt: f64, bytes: f64| PageLoads { pages: [("/".to_owned(), vec![load(2000.0, tbt, bytes); 3])].into() };
    let baseline = of(100.0, 150_000.0);
    assert_eq!(verdict_of(&judged(&of(121.0, 150_000.0), &baseline, 0.0), "TBT of /"), Verdict::Blocked);
    assert_eq!(verdict_of(&judged(&of(121.0, 150_000.0), &baseline, 30.0), "TBT of /"), Verdict::Passed);
    assert_eq!(verdict_of(&judged(&of(100.0, 181_000.0), &baseline, 30_000.0), "transfer size of /"), Verdict::Blocked);
    // A page without long tasks has a TBT of 0.
    assert_eq!(verdict_of(&judged(&of(0.0, 150_000.0), &of(0.0, 150_000.0), 0.0), "TBT of /"), Verdict::Passed);
    assert_eq!(verdict_of(&judged(&of(0.0, 150_000.0), &baseline, 0.0), "TBT of /"), Verdict::Passed);
    assert_eq!(verdict_of(&judged(&of(40.0, 150_000.0), &of(0.0, 150_000.0), 0.0), "TBT of /"), Verdict::Inconclusive);
    assert_eq!(verdict_of(&judged(&of(40.0, 150_000.0), &of(0.0, 150_000.0), 50.0), "TBT of /"), Verdict::Passed);

    let mut two = baseline.clone();
    two.pages.insert("/cart".to_owned(), vec![load(2000.0, 100.0, 150_000.0); 3]);
    assert_eq!(verdict_of(&judged(&baseline, &two, 0.0), "page /cart"), Verdict::Inconclusive);
    assert_eq!(verdict_of(&judged(&two, &baseline, 0.0), "page /cart"), Verdict::Inconclusive);
    assert_eq!(judged(&two, &two, 0.0).len(), 6);
}

#[test]
fn loads_that_failed_are_named() {
    let mut results = side(&[2000.0; 4]);
    for load in &mut results.pages.get_mut("/").unwrap()[..2] {
        load.figures
            .insert(PageMetric::LargestContentfulPaint, Err("`largest-contentful-paint` failed: NO_LCP".to_owned()));
    }
    let findings = judged(&results, &side(&[2000.0; 3]), 0.0);
    let finding = findings.iter().find(|finding| finding.check == "LCP of /").unwrap();
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(
        finding.actual.contains("2 loads with this figure, and 2 without: `largest-contentful-paint` failed: NO_LCP"),
        "{finding:?}"
    );
    assert_eq!(verdict_of(&findings, "TBT of /"), Verdict::Passed);
}

#[test]
fn loads_that_were_measured_in_another_way_or_long_ago_are_not_compared() {
    let good = side(&[2000.0; 3]);
    let changed = |change: fn(&mut PageLoad)| {
        let mut changed = good.clone();
        change(&mut changed.pages.get_mut("/").unwrap()[0]);
        changed
    };
    let desktop = changed(|load| load.settings = "desktop, simulate, Lighthouse 13".to_owned());
    for (results, baseline) in [(&desktop, &good), (&good, &desktop), (&desktop, &desktop)] {
        assert_eq!(verdict_of(&judged(results, baseline, 0.0), "settings of Lighthouse"), Verdict::Inconclusive);
    }
    let mut old = good.clone();
    for load in old.pages.get_mut("/").unwrap() {
        load.measured_at = Some(now() - jiff::SignedDuration::from_hours(7));
    }
    assert_eq!(verdict_of(&judged(&old, &good, 0.0), "age of the results"), Verdict::Inconclusive);
    assert_eq!(judged(&good, &old, 0.0).len(), 3, "a baseline may be older");
}
