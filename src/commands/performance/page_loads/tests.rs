use super::*;
use crate::{
    baselines::{FiguresOutput, PageMedians, SessionPages},
    load_results::{PageLoad, PageLoads},
    values::{HumanDuration, Percent},
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
        target: Some("https://staging.example".to_owned()),
        measured_at: Some(now()),
    }
}

/// Loads of `/` with these LCPs.
fn side(lcps: &[f64]) -> PageLoads {
    PageLoads { pages: [("/".to_owned(), lcps.iter().map(|lcp| load(*lcp, 100.0, 150_000.0)).collect())].into() }
}

fn judged(results: &PageLoads, baseline: &PageLoads, min_delta: f64) -> Vec<Finding> {
    judged_sides(&PageSide::of_loads(results), &PageSide::of_loads(baseline), &PageRule { min_delta, ..RULE }).0
}

const RULE: PageRule = PageRule {
    limits: Limits { max_ratio: Ratio(1.2), min_ratio: Ratio(0.1), unit: Unit::Milliseconds },
    min_delta: 0.0,
    most_wrong: None,
};

fn judged_sides(results: &PageSide, baseline: &PageSide, rule: &PageRule) -> (Vec<Finding>, Vec<Table>) {
    let plausibility = Plausibility {
        max_error_rate: Percent(1.0),
        min_requests: 100,
        max_age: HumanDuration(std::time::Duration::from_hours(6)),
        allowed: &[],
        now: now(),
    };
    judge(results, baseline, rule, &plausibility)
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
        finding.actual.contains("2 of 4 loads have no figure: `largest-contentful-paint` failed: NO_LCP"),
        "{finding:?}"
    );
    assert_eq!(verdict_of(&findings, "TBT of /"), Verdict::Passed);
}

#[test]
fn more_failed_loads_than_one_or_a_tenth_are_inconclusive() {
    let with_failed = |loads: usize, failed: usize| {
        let mut with = side(&vec![2000.0; loads]);
        for load in &mut with.pages.get_mut("/").unwrap()[..failed] {
            load.figures = PageMetric::ALL.map(|metric| (metric, Err("NO_FCP: no paint".to_owned()))).into();
        }
        with
    };
    let good = side(&[2000.0; 3]);
    for (loads, failed, expected, named) in [
        (10, 7, Verdict::Inconclusive, "7 of 10 loads have no figure: NO_FCP: no paint"),
        (5, 2, Verdict::Inconclusive, "2 of 5 loads have no figure"),
        (4, 1, Verdict::Passed, "1 of 4 loads has no figure: NO_FCP"),
        (19, 2, Verdict::Inconclusive, "2 of 19 loads have no figure"),
        (20, 2, Verdict::Passed, "2 of 20 loads have no figure"),
        (20, 3, Verdict::Inconclusive, "3 of 20 loads have no figure"),
    ] {
        for (findings, place) in [
            (judged(&with_failed(loads, failed), &good, 0.0), ""),
            (judged(&good, &with_failed(loads, failed), 0.0), "in the baseline, "),
        ] {
            let finding = findings.iter().find(|finding| finding.check == "LCP of /").unwrap();
            assert_eq!(finding.verdict, expected, "{failed} of {loads}: {finding}");
            assert!(finding.actual.contains(&format!("{place}{named}")), "{finding}");
        }
    }
    // Such loads are no session either.
    let kept = |failed| PageSide::of_loads(&with_failed(10, failed)).session().pages["/"].lcp;
    assert_eq!((kept(1), kept(2)), (Some(2000.0), None));
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
    let one = |hours: i64| {
        let mut with = good.clone();
        with.pages.get_mut("/").unwrap()[1].measured_at = Some(now() + jiff::SignedDuration::from_hours(hours));
        judged(&with, &good, 0.0)
    };
    assert_eq!(verdict_of(&one(-7), "age of the results"), Verdict::Inconclusive, "of an earlier release");
    assert_eq!(verdict_of(&one(1), "age of the results"), Verdict::Inconclusive, "the future");
    assert_eq!(one(-5).len(), 3);
}

/// A session in which each of these pages had this LCP.
fn session(pages: &[(&str, f64)]) -> SessionPages {
    let medians = |lcp| PageMedians { lcp: Some(lcp), tbt: Some(100.0), transfer_size: Some(150_000.0), loads: 5 };
    SessionPages {
        settings: "mobile, simulate, Lighthouse 13".to_owned(),
        target: Some("https://staging.example".to_owned()),
        pages: pages.iter().map(|(page, lcp)| ((*page).to_owned(), medians(*lcp))).collect(),
    }
}

fn sessions(of: &[SessionPages]) -> PageSide {
    PageSide::of_sessions(&of.iter().collect::<Vec<_>>())
}

fn five() -> Vec<SessionPages> {
    [1900.0, 2100.0, 2000.0, 1950.0, 2050.0].map(|lcp| session(&[("/", lcp)])).to_vec()
}

#[test]
fn the_medians_of_sessions_are_a_baseline_whose_spread_tells_how_sure_a_verdict_is() {
    let baseline = sessions(&five());
    for (lcp, expected) in [(2399.0, Verdict::Passed), (2401.0, Verdict::Blocked)] {
        let (findings, tables) = judged_sides(&PageSide::of_loads(&side(&[lcp; 3])), &baseline, &RULE);
        assert_eq!(verdict_of(&findings, "LCP of /"), expected, "{findings:?}");
        let chances = format!("{:?}", tables.last().unwrap());
        assert!(chances.contains("LCP of /: ") && chances.contains("as the LCP of 5 earlier runs varies"), "{chances}");
    }
    let strict = PageRule { most_wrong: Some(0.05), ..RULE };
    for (lcp, sessions_known, expected) in [
        (2390.0, 5, Verdict::Inconclusive),
        (2410.0, 5, Verdict::Inconclusive),
        (2000.0, 5, Verdict::Passed),
        (3000.0, 5, Verdict::Blocked),
        (2000.0, 4, Verdict::Inconclusive),
    ] {
        let results = PageSide::of_loads(&side(&[lcp; 3]));
        let (findings, _) = judged_sides(&results, &sessions(&five()[..sessions_known]), &strict);
        assert_eq!(verdict_of(&findings, "LCP of /"), expected, "{lcp} beside {sessions_known}: {findings:?}");
    }
    // One session is the median of its loads.
    let (findings, _) = judged_sides(&PageSide::of_loads(&side(&[2000.0; 3])), &sessions(&five()[..1]), &RULE);
    assert_eq!(verdict_of(&findings, "LCP of /"), Verdict::Passed);
    let (findings, _) = judged_sides(&PageSide::of_loads(&side(&[2000.0; 2])), &baseline, &RULE);
    assert_eq!(verdict_of(&findings, "LCP of /"), Verdict::Inconclusive, "two loads are no session");
}

#[test]
fn a_difference_that_users_do_not_notice_counts_in_the_chance_of_being_wrong() {
    let results = PageSide::of_loads(&side(&[2500.0; 3]));
    let rule = PageRule { min_delta: 2000.0, most_wrong: Some(0.05), ..RULE };
    assert_eq!(verdict_of(&judged_sides(&results, &sessions(&five()), &rule).0, "LCP of /"), Verdict::Passed);
}

#[test]
fn pages_that_came_or_went_since_the_last_session() {
    let with = |pages: &[&str]| PageLoads {
        pages: pages.iter().map(|page| ((*page).to_owned(), vec![load(2000.0, 100.0, 150_000.0); 3])).collect(),
    };
    let judged =
        |pages: &[&str], of: &[SessionPages]| judged_sides(&PageSide::of_loads(&with(pages)), &sessions(of), &RULE);
    let both = session(&[("/", 2000.0), ("/cart", 2000.0)]);
    let home = session(&[("/", 2000.0)]);
    let (findings, tables) = judged(&["/", "/new"], std::slice::from_ref(&home));
    assert!(findings.len() == 3 && findings.iter().all(|finding| finding.verdict == Verdict::Passed), "{findings:?}");
    assert!(format!("{tables:?}").contains("LCP of /new, not judged: in no session yet"), "{tables:?}");
    let (findings, _) = judged(&["/"], &[home.clone(), both.clone()]);
    assert_eq!(verdict_of(&findings, "page /cart"), Verdict::Inconclusive);
    let (findings, _) = judged(&["/"], &[both, home]);
    assert_eq!(findings.len(), 3, "the last session has no /cart any more: {findings:?}");
}

#[test]
fn small_steps_are_seen_by_the_drift_since_a_fixed_release() {
    let judged = |lcp: f64, fixed: &[SessionPages]| {
        let rule =
            PageRule { limits: Limits { max_ratio: Ratio(1.5), min_ratio: Ratio(0.001), ..RULE.limits }, ..RULE };
        drift("1.0", &sessions(&[session(&[("/", lcp), ("/new", 1.0)])]), &sessions(fixed), &sessions(&five()), &rule)
    };
    let drift_of = |lcp: f64, fixed: &[SessionPages]| judged(lcp, fixed).0;
    let fixed = [session(&[("/", 2000.0), ("/gone", 1.0)])];
    let check = "drift of the LCP of / since 1.0";
    for (lcp, expected) in [(3000.0, Verdict::Passed), (3001.0, Verdict::Blocked)] {
        let findings = drift_of(lcp, &fixed);
        assert_eq!((findings.len(), verdict_of(&findings, check)), (3, expected), "{findings:?}");
    }
    assert!(drift_of(4000.0, &fixed)[0].next.as_ref().is_some_and(|next| next.contains("max-drift")));

    let tables = judged(3000.0, &fixed).1;
    assert_eq!((tables.len(), tables[0].rows[0][0].text()), (1, "/new"), "what 1.0 has not is not judged: {tables:?}");
}

#[test]
fn a_session_keeps_the_medians_of_enough_loads() {
    let mut loads = side(&[2000.0, 9000.0, 2100.0]);
    loads.pages.insert("/few".to_owned(), vec![load(1.0, 0.0, 1.0); 2]);
    let kept = PageSide::of_loads(&loads).session();
    let home = PageMedians { lcp: Some(2100.0), tbt: Some(100.0), transfer_size: Some(150_000.0), loads: 3 };
    assert_eq!((kept.pages["/"], kept.pages["/few"]), (home, PageMedians { loads: 2, ..PageMedians::default() }));
    assert_eq!(kept.target.as_deref(), Some("https://staging.example"));
    assert_eq!(SessionPages::from_output(&kept.to_output()), Some(kept));
}
