use jiff::Timestamp;

use super::{super::plausible::Difference, *};
use crate::{
    load_results::{LoadProfile, RequestFigures, Unit},
    values::{HumanDuration, Percent, Ratio, decimal::Decimal},
};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn figures(p99: &str, requests: Option<u64>, failures: Option<u64>) -> RequestFigures {
    let p99 = decimal(p99);
    RequestFigures { requests, failures, ..RequestFigures::of_p99(P99::Between { low: p99, high: Some(p99) }) }
}

fn measurement(all: RequestFigures) -> Measurement {
    Measurement {
        all,
        endpoints: BTreeMap::new(),
        endpoints_cut: false,
        profile: LoadProfile::default(),
        measured_at: None,
        page_loads: None,
        sessions: Vec::new(),
    }
}

fn bare(p99: &str) -> Measurement {
    measurement(figures(p99, None, None))
}

fn counted(p99: &str, requests: u64, failures: u64) -> Measurement {
    measurement(figures(p99, Some(requests), Some(failures)))
}

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn criteria() -> Criteria<'static> {
    Criteria {
        limits: Limits { max_ratio: Ratio(1.2), min_ratio: Ratio(0.1), unit: Unit::Milliseconds },
        plausibility: Plausibility {
            max_error_rate: Percent(1.0),
            min_requests: 100,
            max_age: HumanDuration(std::time::Duration::from_hours(24)),
            allowed: &[],
            now: now(),
        },
        endpoints: &[],
        undecided: Undecided::PlainRule,
        min_delta: 0.0,
    }
}

fn judged(results: Measurement, baseline: Measurement) -> Judged {
    judge(&Ok(results), &Ok(baseline), &criteria()).unwrap()
}

fn verdict_of(results: Measurement, baseline: Measurement) -> Verdict {
    let judged = judged(results, baseline);
    for finding in &judged.findings {
        assert!(finding.verdict == Verdict::Passed || finding.next.is_some(), "no next: {finding}");
    }
    crate::finding::verdict(&judged.findings)
}

#[test]
fn a_p99_of_130_ms_blocks_against_a_baseline_of_100_ms() {
    let blocked = judged(bare("130"), bare("100")).findings.remove(0);
    assert_eq!(blocked.verdict, Verdict::Blocked);
    assert_eq!(
        blocked.to_string(),
        "p99: 130 ms, 1.3 times the baseline; expected at most 120 ms (1.2 × the baseline of 100 ms); next: find the \
         commit that made it slower; if this latency is acceptable, raise `max-ratio` or renew the baseline"
    );
    assert_eq!(verdict_of(bare("119"), bare("100")), Verdict::Passed);
}

#[test]
fn the_headline_has_few_digits_and_never_looks_within_the_limit() {
    for (p99, baseline, headline) in [
        ("412.3", "300", "p99 300 ms → 412 ms, limit 360 ms"),
        ("88.368", "300", "p99 300 ms → 88 ms, limit 360 ms"),
        ("360.4", "300", "p99 300 ms → 360.4 ms, limit 360 ms"),
        ("12.34", "4.4", "p99 4.4 ms → 12.3 ms, limit 5.3 ms"),
        ("20412.3", "30000", "p99 30,000 ms → 20,412 ms, limit 36,000 ms"),
    ] {
        assert_eq!(judged(bare(p99), bare(baseline)).findings[0].headline(), headline);
    }
    assert_eq!(judged(bare("360.4"), bare("300")).findings[0].actual, "360.4 ms, 1.201 times the baseline");
}

#[test]
fn the_limit_itself_passes_exactly_and_a_figure_of_zero_is_inconclusive() {
    for (p99, baseline, verdict) in [
        ("120", "100", Verdict::Passed),
        ("120.001", "100", Verdict::Blocked),
        // In doubles each of these limits is a little less than the p99.
        ("120.12", "100.1", Verdict::Passed),
        ("8.28", "6.9", Verdict::Passed),
        ("8.280000000000001", "6.9", Verdict::Blocked),
        ("100", "0", Verdict::Inconclusive),
        ("0", "0", Verdict::Inconclusive),
        ("0", "100", Verdict::Inconclusive),
        ("1.7976931348623157e308", "2.2250738585072014e-308", Verdict::Blocked),
    ] {
        assert_eq!(verdict_of(bare(p99), bare(baseline)), verdict, "{p99} against {baseline}");
    }
}

#[test]
fn every_exact_limit_passes() {
    for tenths in 1..5000_u64 {
        let baseline = Decimal::whole(tenths).shifted(-1);
        let limit = decimal("1.2").times(baseline);
        let verdict = verdict_of(bare(&limit.to_string()), bare(&baseline.to_string()));
        assert_eq!(verdict, Verdict::Passed, "{limit} against {baseline}");
    }
}

#[test]
fn a_tenth_of_the_baseline_is_a_mistake_and_a_little_more_an_improvement() {
    for (p99, verdict) in [("7", Verdict::Inconclusive), ("1", Verdict::Inconclusive), ("7.01", Verdict::Passed)] {
        assert_eq!(verdict_of(bare(p99), bare("70")), verdict, "{p99}");
    }
}

#[test]
fn failed_requests_block_above_their_limit() {
    for (requests, failures, verdict) in [
        (500, 0, Verdict::Passed),
        (500, 5, Verdict::Inconclusive),
        (10_000, 10, Verdict::Passed),
        (10_000, 11, Verdict::Inconclusive),
        (500, 6, Verdict::Blocked),
        (500, 500, Verdict::Blocked),
        (0, 0, Verdict::Inconclusive),
    ] {
        let mut results = counted("70", requests, failures);
        if let P99::Between { high, .. } = &mut results.all.p99 {
            *high = None;
        }
        assert_eq!(verdict_of(results, bare("70")), verdict, "{failures} of {requests}");
    }
    let all_failed = judged(counted("70", 500, 500), bare("70"));
    let text = all_failed.findings.iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("all 500: nothing was measured"), "{text}");
}

#[test]
fn a_p99_with_a_range_is_decided_only_on_one_side_of_the_limit() {
    for (low, high, verdict) in [
        ("100", Some("119"), Verdict::Passed),
        ("100", Some("121"), Verdict::Inconclusive),
        ("100", None, Verdict::Inconclusive),
        ("121", None, Verdict::Blocked),
    ] {
        let mut results = counted(low, 10_000, 60);
        results.all.p99 = P99::Between { low: decimal(low), high: high.map(decimal) };
        assert_eq!(verdict_of(results, bare("100")), verdict, "{low} to {high:?}");
    }
}

#[test]
fn what_makes_a_comparison_meaningless_is_inconclusive() {
    let with = |change: fn(&mut Measurement)| {
        let mut side = counted("70", 5000, 0);
        change(&mut side);
        side
    };
    let plain = || counted("70", 5000, 0);
    assert_eq!(verdict_of(plain(), plain()), Verdict::Passed);
    for (results, baseline, named) in [
        (with(|side| side.measured_at = "2020-01-01T00:00:00Z".parse().ok()), plain(), "2020-01-01"),
        (with(|side| side.measured_at = "2026-11-30T13:00:00Z".parse().ok()), plain(), "clock"),
        (with(|side| side.all.requests = Some(99)), plain(), "min-requests"),
        (plain(), with(|side| side.all.requests = Some(99)), "baseline"),
        (with(|side| side.all.requests = Some(499)), plain(), "a tenth"),
        (plain(), with(|side| side.all.failures = Some(5000)), "failed requests in the baseline"),
        (
            with(|side| side.profile.target = Some("http://a".to_owned())),
            with(|side| side.profile.target = Some("http://b".to_owned())),
            "allow-difference: target",
        ),
        (with(|side| side.profile.users = Some(10)), with(|side| side.profile.users = Some(20)), "load"),
        (
            with(|side| side.profile.rate = "100".parse().ok()),
            with(|side| side.profile.rate = "200".parse().ok()),
            "requests per second",
        ),
        (
            with(|side| side.profile.machine = Some("a".to_owned())),
            with(|side| side.profile.machine = Some("b".to_owned())),
            "allow-difference: machine",
        ),
    ] {
        let judged = judged(results, baseline);
        let text = judged.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(crate::finding::verdict(&judged.findings), Verdict::Inconclusive, "{text}");
        assert!(text.contains(named), "{named} in {text}");
    }
    for results in [
        with(|side| side.measured_at = "2026-11-30T11:00:00Z".parse().ok()),
        with(|side| side.all.requests = Some(500)),
        with(|side| side.profile.target = Some("http://a".to_owned())),
        with(|side| side.profile.rate = "101".parse().ok()),
    ] {
        assert_eq!(verdict_of(results, with(|side| side.profile.rate = "100".parse().ok())), Verdict::Passed);
    }
    let allowed = [Difference::Target];
    let mut criteria = criteria();
    criteria.plausibility.allowed = &allowed;
    let sides = ["http://a", "http://b"].map(|target| {
        let mut side = plain();
        side.profile.target = Some(target.to_owned());
        Ok(side)
    });
    let judged = judge(&sides[0], &sides[1], &criteria).unwrap();
    assert_eq!(crate::finding::verdict(&judged.findings), Verdict::Passed);
}

#[test]
fn every_endpoint_with_enough_requests_is_judged() {
    let side = |endpoints: &[(&str, &str, u64)]| {
        let mut side = counted("330", 5000, 0);
        side.endpoints = endpoints
            .iter()
            .map(|(name, p99, requests)| ((*name).to_owned(), figures(p99, Some(*requests), Some(0))))
            .collect();
        side
    };
    let baseline = || side(&[("GET /cart", "10", 900), ("GET /pay", "330", 900), ("GET /rare", "5", 20)]);
    let find = |judged: &Judged, check: &str| judged.findings.iter().find(|finding| finding.check == check).cloned();
    let slower =
        judged(side(&[("GET /cart", "30", 900), ("GET /pay", "330", 900), ("GET /rare", "50", 20)]), baseline());
    assert_eq!(find(&slower, "p99").unwrap().verdict, Verdict::Passed, "the p99 of all requests does not show it");
    assert_eq!(find(&slower, "p99 of GET /cart").unwrap().verdict, Verdict::Blocked);
    assert!(find(&slower, "p99 of GET /rare").is_none());
    let rows = &slower.tables[0].rows;
    assert!(rows.iter().any(|row| row[4] == "not judged: 20 requests, fewer than 100"), "{rows:?}");

    let gone = judged(side(&[("GET /pay", "330", 900)]), baseline());
    assert_eq!(find(&gone, "p99 of GET /cart").unwrap().verdict, Verdict::Inconclusive);
    let mut uncounted = baseline();
    uncounted.endpoints.insert("login".to_owned(), figures("10", None, None));
    let gone = judged(side(&[("GET /cart", "10", 900), ("GET /pay", "330", 900)]), uncounted);
    assert_eq!(find(&gone, "p99 of login").unwrap().verdict, Verdict::Inconclusive);

    let same = || side(&[("GET /cart", "10", 900), ("GET /pay", "330", 900), ("GET /rare", "50", 20)]);
    assert_eq!(verdict_of(same(), baseline()), Verdict::Passed);
    for (required, verdict) in [
        (&["/cart"][..], Verdict::Passed),
        (&["GET /cart"], Verdict::Passed),
        (&["/rare"], Verdict::Inconclusive),
        (&["/absent"], Verdict::Inconclusive),
    ] {
        let required: Vec<String> = required.iter().map(ToString::to_string).collect();
        let criteria = Criteria { endpoints: &required, ..criteria() };
        let judged = judge(&Ok(same()), &Ok(baseline()), &criteria).unwrap();
        assert_eq!(crate::finding::verdict(&judged.findings), verdict, "{required:?}");
    }
}

#[test]
fn an_endpoint_with_less_than_a_tenth_of_its_requests_was_not_measured() {
    let side = |p99: &str, requests: Option<u64>| {
        let mut side = counted("90", 20_000, 0);
        side.endpoints =
            [("GET /", figures("70", Some(20_000), Some(0))), ("POST /checkout", figures(p99, requests, None))]
                .map(|(name, figures)| (name.to_owned(), figures))
                .into();
        side
    };
    for (now, before, expected) in [
        (60, 5_000, Verdict::Inconclusive),
        (99, 5_000, Verdict::Inconclusive),
        (100, 5_000, Verdict::Blocked),
        (89, 900, Verdict::Inconclusive),
        // As many as before, about: it is listed as not judged.
        (90, 900, Verdict::Passed),
        (95, 120, Verdict::Passed),
        (0, 99, Verdict::Passed),
    ] {
        let judged = judged(side("25000", Some(now)), side("80", Some(before)));
        assert_eq!(crate::finding::verdict(&judged.findings), expected, "{now} of {before}: {:?}", judged.findings);
        let named = judged.findings.iter().find(|finding| finding.check == "p99 of POST /checkout");
        assert_eq!(named.is_some(), expected != Verdict::Passed, "{named:?}");
        if expected == Verdict::Passed {
            assert!(format!("{:?}", judged.tables[0].rows).contains("not judged: "), "{:?}", judged.tables);
        }
    }
    let judged = judged(side("25000", Some(60)), side("80", Some(5_000)));
    let named = judged.findings.iter().find(|finding| finding.check == "p99 of POST /checkout").unwrap();
    assert!(named.actual.starts_with("60 requests, in the baseline 5,000"), "{named}");
    // Promoted sessions do not count the requests of an endpoint.
    assert_eq!(verdict_of(side("80", Some(60)), side("80", None)), Verdict::Passed);
}

#[test]
fn an_unobservable_figure_is_inconclusive_and_bad_input_takes_precedence() {
    let finding = |check: &str| Finding::inconclusive(check).actual("503");
    let unobservable = |check: &str| Err(finding(check).unobservable());
    let judged = |results, baseline| judge(&results, &baseline, &criteria()).map(|judged| judged.findings);
    assert_eq!(judged(Ok(bare("1")), unobservable("baseline")), Ok(vec![finding("baseline")]));
    let both = judged(unobservable("results"), unobservable("baseline"));
    assert_eq!(both, Ok(vec![finding("results"), finding("baseline")]));
    for (results, baseline) in [
        (Err(finding("bad").bad_input()), unobservable("baseline")),
        (unobservable("results"), Err(finding("bad").bad_input())),
    ] {
        assert_eq!(judged(results, baseline), Err(finding("bad").bad_input()));
    }
}

#[test]
fn the_report_says_how_likely_the_verdict_is_wrong() {
    let chance = |sessions: &[&str], undecided| {
        let mut baseline = bare("100");
        baseline.sessions = sessions.iter().map(|session| decimal(session)).collect();
        let judged = judge(&Ok(bare("119")), &Ok(baseline), &Criteria { undecided, ..criteria() }).unwrap();
        let text = judged.tables.last().map(|table| table.rows[0][0].text().to_owned()).unwrap_or_default();
        (judged.findings[0].verdict, text)
    };
    let (verdict, text) = chance(&[], Undecided::PlainRule);
    assert!(verdict == Verdict::Passed && text.starts_with("unknown: "), "{text}");
    let wide = ["100", "110", "95", "105", "90"];
    let (verdict, text) = chance(&wide, Undecided::PlainRule);
    assert!(verdict == Verdict::Passed && text.starts_with("46 %"), "{text}");
    assert_eq!(chance(&wide, Undecided::Inconclusive).0, Verdict::Inconclusive);
    assert_eq!(chance(&[], Undecided::Inconclusive).0, Verdict::Inconclusive);
    let narrow = ["100", "100.1", "99.9", "100.05", "99.95"];
    assert_eq!(chance(&narrow, Undecided::Inconclusive).0, Verdict::Passed);
}

#[test]
fn outputs_hold_the_figures_that_were_read() {
    let unread = Err(Finding::inconclusive("baseline").unobservable());
    assert_eq!(outputs(&Ok(bare("130")), &unread).into_iter().collect::<Vec<_>>(), [("p99", "130".to_owned())]);
    let outputs = outputs(&Ok(bare("130")), &Ok(bare("0")));
    assert!(!outputs.contains_key("ratio"), "nothing is divided by zero");
}
