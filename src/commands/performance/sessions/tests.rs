use std::collections::BTreeMap;

use super::*;
use crate::baselines::{FIGURES, FiguresOutput};

fn subject(tag: &str) -> Subject {
    serde_json::from_value(serde_json::json!({ "service": "shop", "environment": "staging", "tag": tag })).unwrap()
}

fn run(id: u64, attempt: u32) -> Run {
    Run { repository: "acme/shop".to_owned(), id, attempt, url: String::new(), job: "performance".to_owned() }
}

fn report(id: u64, tag: &str, verdict: Verdict, p99: f64) -> Report {
    let mut report = Report::open("performance", "2026-11-30T00:00:00Z".to_owned());
    report.subject = subject(tag);
    report.verdict = verdict;
    report.run = Some(run(id, 1));
    let figures = SessionFigures {
        all: p99,
        endpoints: BTreeMap::from([("GET /".to_owned(), p99 / 2.0)]),
        ..SessionFigures::default()
    };
    report.outputs.insert(FIGURES.to_owned(), figures.to_output());
    report
}

fn earlier(reports: &[Report]) -> EarlierSessions {
    EarlierSessions::of_reports(reports, &subject("2.0"), Some(&run(99, 1)))
}

/// Five sessions around 100 ms.
fn five() -> Vec<Report> {
    [95.0, 98.0, 100.0, 103.0, 105.0]
        .iter()
        .zip(1..)
        .map(|(p99, id)| report(id, "1.0", Verdict::Passed, *p99))
        .collect()
}

#[test]
fn five_sessions_give_a_margin_and_four_do_not() {
    let spread = earlier(&five()).spread(None).unwrap();
    assert_eq!(spread.sessions, 5);
    // t(.95, 4) · s · sqrt(1 + 1/5)
    let expected = 2.131_846_8 * spread.deviation * 1.2_f64.sqrt();
    assert!((spread.margin(1) - expected).abs() < 1e-6);
    assert!(spread.margin(2) > spread.margin(1), "another attempt passes at half the alpha");
    for (p99, verdict) in [(100.0, Verdict::Passed), (118.0, Verdict::Inconclusive), (150.0, Verdict::Blocked)] {
        let result = spread.judge(p99, 1.2, 1);
        assert_eq!(result.verdict, verdict, "{p99}: {result:?}");
        assert!(result.low < result.ratio && result.ratio < result.high, "{result:?}");
    }
    assert_eq!(earlier(&five()[..4]).spread(None), None);
    assert!(earlier(&five()).spread(Some("GET /")).is_some());
    assert_eq!(earlier(&five()).spread(Some("GET /new")), None);
}

#[test]
fn sessions_without_any_spread_are_no_measurements() {
    let same: Vec<Report> = (1..=6).map(|id| report(id, "1.0", Verdict::Passed, 100.0)).collect();
    assert_eq!(earlier(&same).spread(None), None);
}

#[test]
fn each_job_counts_once_and_only_for_its_service_and_environment() {
    let mut reports = five();
    reports.push(reports[0].clone());
    assert_eq!(earlier(&reports).count_of(None), 5);
    reports[1].subject.service = Some("other".parse().unwrap());
    reports[2].subject.environment = Some("production".parse().unwrap());
    reports[3].command = "smoke".to_owned();
    reports[4].outputs.insert(FIGURES.to_owned(), "{\"all\": -1}".to_owned());
    assert_eq!(earlier(&reports).count_of(None), 1);
}

#[test]
fn a_blocked_release_is_no_baseline() {
    let mut reports = five();
    reports[0].verdict = Verdict::Blocked;
    reports[1].verdict = Verdict::Inconclusive;
    assert_eq!(earlier(&reports).count_of(None), 4);
}

#[test]
fn what_did_not_pass_in_another_run_counts_as_an_attempt() {
    let mut reports = five();
    assert_eq!(earlier(&reports).attempt(1), 1);
    for (id, verdict) in
        [(11, Verdict::Blocked), (12, Verdict::Inconclusive), (13, Verdict::Passed), (99, Verdict::Blocked)]
    {
        reports.push(report(id, "2.0", verdict, 100.0));
    }
    let mut page_loads = report(14, "2.0", Verdict::Blocked, 100.0);
    page_loads.outputs.insert(FIGURES.to_owned(), SessionPages::default().to_output());
    reports.push(page_loads);
    let earlier = earlier(&reports);
    assert_eq!(earlier.attempt(1), 3, "GitHub counts the attempts within this run itself");
    assert_eq!((earlier.attempt(2), earlier.attempt(0)), (4, 3));
    assert_eq!(earlier.count_of(None), 5, "the release itself is no baseline");
}

#[test]
fn a_session_is_judged_by_part_and_says_what_it_lacks() {
    let earlier = earlier(&five());
    let judged = |all: f64, endpoint: f64, endpoints: &[&str]| {
        let endpoints: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
        let criteria =
            judge::SessionCriteria { max_ratio: 1.2, attempt: 1, unit: Unit::Milliseconds, endpoints: &endpoints };
        let session = SessionFigures {
            all,
            endpoints: BTreeMap::from([("GET /".to_owned(), endpoint)]),
            ..SessionFigures::default()
        };
        judge::judge(&criteria, &session, &BTreeMap::new(), &earlier)
    };
    let verdicts =
        |findings: Vec<crate::finding::Finding>| findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(judged(100.0, 50.0, &[])), [Verdict::Passed, Verdict::Passed]);
    assert_eq!(verdicts(judged(100.0, 150.0, &[])), [Verdict::Passed, Verdict::Blocked]);
    let missing = judged(100.0, 50.0, &["GET /gone"]).remove(2);
    assert_eq!((missing.verdict, missing.next.is_some()), (Verdict::Inconclusive, true));
    let blocked = judged(200.0, 50.0, &[]).remove(0);
    assert!(blocked.actual.starts_with("2 times the mean of 5 earlier sessions (1.8"), "{blocked}");
    let criteria = judge::SessionCriteria { max_ratio: 1.2, attempt: 1, unit: Unit::Milliseconds, endpoints: &[] };
    let session = SessionFigures { all: 1.0, ..SessionFigures::default() };
    let alone = judge::judge(&criteria, &session, &BTreeMap::new(), &EarlierSessions::default());
    assert_eq!(alone[0].verdict, Verdict::Inconclusive);
    assert!(alone[0].actual.contains("0 earlier sessions"), "{}", alone[0]);
}

#[test]
fn an_endpoint_of_the_last_session_that_this_run_lacks_was_not_measured() {
    let judged = |endpoints: &[&str], few: &[(&str, u64)], earlier: &EarlierSessions, required: &[&str]| {
        let required: Vec<String> = required.iter().map(ToString::to_string).collect();
        let criteria =
            judge::SessionCriteria { max_ratio: 1.2, attempt: 1, unit: Unit::Milliseconds, endpoints: &required };
        let session = SessionFigures {
            all: 100.0,
            endpoints: endpoints.iter().map(|name| ((*name).to_owned(), 50.0)).collect(),
            ..SessionFigures::default()
        };
        let few = few.iter().map(|(name, requests)| ((*name).to_owned(), *requests)).collect();
        let findings = judge::judge(&criteria, &session, &few, earlier);
        findings.into_iter().map(|finding| (finding.check, finding.verdict)).collect::<Vec<_>>()
    };
    let root = ("p99 of GET /".to_owned(), Verdict::Inconclusive);
    let known = earlier(&five());
    assert!(judged(&["GET /cart"], &[], &known, &[]).contains(&root));
    assert_eq!(judged(&["GET /cart"], &[("GET /", 95)], &known, &[]).len(), 1, "as many requests as before, about");
    assert_eq!(judged(&["GET /"], &[], &known, &[]).len(), 2);
    // With and without the method, as in the other modes.
    assert_eq!(judged(&["GET /"], &[], &known, &["/"])[1], ("p99 of GET /".to_owned(), Verdict::Passed));
    assert_eq!(judged(&["GET /"], &[], &known, &["/"]).len(), 2);
    let named = judged(&["GET /cart"], &[], &known, &["/"]);
    assert_eq!(named[1..], [("p99 of /".to_owned(), Verdict::Inconclusive)], "once");

    // A release that was not promoted for it does not settle that the endpoint is gone; one that passed does.
    let mut reports = five();
    for (id, verdict, expected) in [(20, Verdict::Inconclusive, true), (21, Verdict::Passed, false)] {
        let mut without = report(id, "1.9", verdict, 100.0);
        without.started_at = "2026-11-30T01:00:00Z".to_owned();
        let figures = SessionFigures { all: 100.0, ..SessionFigures::default() };
        without.outputs.insert(FIGURES.to_owned(), figures.to_output());
        // The order of the files says nothing.
        reports.insert(0, without);
        assert_eq!(judged(&["GET /cart"], &[], &earlier(&reports), &[]).contains(&root), expected, "{verdict}");
    }
    let stored = SessionFigures {
        all: 100.0,
        endpoints: BTreeMap::from([("GET /".to_owned(), 50.0)]),
        ..SessionFigures::default()
    };
    let gone = SessionFigures { endpoints: BTreeMap::new(), ..stored.clone() };
    let of = |sessions: &[&SessionFigures]| EarlierSessions::of_figures(sessions.iter().copied(), 0, None);
    assert!(judged(&[], &[], &of(&[&gone, &stored]), &[]).contains(&root));
    assert!(!judged(&[], &[], &of(&[&stored, &gone]), &[]).contains(&root));
}
