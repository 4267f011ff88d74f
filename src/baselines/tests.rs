mod pages;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    finding::Verdict,
    report::{Outcome, Report, Run},
    subject::{Service, Subject},
};

fn service() -> Service {
    "cart".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn release(tag: &str) -> Subject {
    serde_json::from_value(json!({ "service": "cart", "environment": "staging", "tag": tag })).unwrap()
}

fn profile(users: u64) -> SessionProfile {
    SessionProfile {
        target: Some("https://staging.example".to_owned()),
        users: Some(users),
        ..SessionProfile::default()
    }
}

/// A report of run `id`, so many hours before now.
fn report(id: u64, tag: &str, verdict: Verdict, p99: f64, hours: i64) -> Report {
    let mut report = Report::open("performance", String::new());
    report.close(Ok(Outcome::default()), (now() - SignedDuration::from_hours(hours)).to_string());
    report.subject = release(tag);
    report.verdict = verdict;
    let run =
        Run { repository: "acme/shop".to_owned(), id, attempt: 1, url: String::new(), job: "performance".to_owned() };
    report.run = Some(run);
    let figures = SessionFigures { all: p99, profile: profile(10), ..SessionFigures::default() };
    report.outputs.insert(FIGURES.to_owned(), figures.to_output());
    report
}

fn session(id: u64, tag: &str, verdict: Verdict, p99: f64, hours: i64) -> StoredSession {
    StoredSession::of_report(&report(id, tag, verdict, p99, hours)).unwrap()
}

/// A store in which these releases were promoted, each with its p99, an hour apart.
fn promoted(releases: &[(&str, f64)]) -> BaselineStore {
    let mut store = BaselineStore::new(service());
    for ((tag, p99), id) in releases.iter().zip(1_u32..) {
        let hours = i64::from(u32::try_from(releases.len()).unwrap() + 1 - id);
        assert!(store.add(session(id.into(), tag, Verdict::Passed, *p99, hours)));
        assert_eq!(store.promote(&release(tag), now()), MarkedSessions { known: 1, marked: 1 });
    }
    store
}

fn latencies(store: &BaselineStore, tag: &str, users: u64, max_days: u32) -> Result<Vec<f64>, NoBaseline> {
    let release = release(tag);
    let query = BaselineQuery { release: &release, allowed: &[], now: now(), max_days };
    store.baseline(&query, &profile(users)).map(|sessions| sessions.iter().map(|session| session.all).collect())
}

#[test]
fn only_promoted_releases_are_a_baseline_and_all_of_their_sessions_are() {
    let mut store = promoted(&[("1.0", 100.0)]);
    store.add(session(7, "1.1", Verdict::Passed, 80.0, 3));
    assert_eq!(latencies(&store, "2.0", 10, 90), Ok(vec![100.0]), "1.1 passed, and was not promoted");
    store.add(session(8, "1.1", Verdict::Inconclusive, 120.0, 2));
    assert_eq!(store.promote(&release("1.1"), now()), MarkedSessions { known: 2, marked: 2 });
    assert_eq!(latencies(&store, "2.0", 10, 90), Ok(vec![80.0, 120.0, 100.0]), "also the unlucky one");
    assert_eq!(latencies(&store, "1.1", 10, 90), Ok(vec![100.0]), "a release is not its own baseline");
    // Measured again in production.
    store.add(session(9, "1.0", Verdict::Blocked, 130.0, 0));
    assert_eq!(latencies(&store, "2.0", 10, 90), Ok(vec![80.0, 120.0, 100.0, 130.0]));
}

#[test]
fn what_cannot_be_compared_is_named() {
    let store = promoted(&[("1.0", 100.0), ("1.1", 101.0)]);
    assert_eq!(latencies(&BaselineStore::new(service()), "2.0", 10, 90), Err(NoBaseline::Missing { others: 0 }));
    let other = NoBaseline::OtherProfile { what: "load", ours: "20 users".to_owned(), theirs: "10".to_owned() };
    assert_eq!(latencies(&store, "2.0", 20, 90), Err(other));
    let mut old = BaselineStore::new(service());
    old.add(session(1, "1.0", Verdict::Passed, 100.0, 24 * 91));
    assert_eq!(latencies(&old, "2.0", 10, 90), Err(NoBaseline::Missing { others: 1 }), "never promoted");
    old.promote(&release("1.0"), now());
    assert!(matches!(latencies(&old, "2.0", 10, 90), Err(NoBaseline::Stale { max_days: 90, .. })));
    assert_eq!(latencies(&old, "2.0", 10, 91), Ok(vec![100.0]));
    let mut elsewhere = store;
    for session in &mut elsewhere.sessions {
        session.subject.environment = "canary".parse().ok();
    }
    assert_eq!(latencies(&elsewhere, "2.0", 10, 90), Err(NoBaseline::Missing { others: 2 }));
}

#[test]
fn the_last_sessions_count() {
    let releases: Vec<(String, f64)> = (0..LAST + 5).map(|number| (format!("1.{number}"), 100.0)).collect();
    let mut releases: Vec<(&str, f64)> = releases.iter().map(|(tag, p99)| (tag.as_str(), *p99)).collect();
    releases[4].1 = 50.0;
    releases[5].1 = 60.0;
    let store = promoted(&releases);
    let latencies = latencies(&store, "2.0", 10, 90).unwrap();
    assert_eq!((latencies.len(), latencies[0]), (LAST, 60.0));
}

#[test]
fn attempts_that_did_not_pass_stay_with_their_release() {
    let mut store = BaselineStore::new(service());
    store.add(session(1, "2.0", Verdict::Blocked, 150.0, 4));
    store.add(session(2, "2.0", Verdict::Inconclusive, 125.0, 3));
    store.add(session(3, "2.0", Verdict::Passed, 118.0, 2));
    store.add(session(4, "1.9", Verdict::Blocked, 150.0, 1));
    let mut all_failed = report(5, "2.0", Verdict::Blocked, 1.0, 0);
    all_failed.outputs.clear();
    store.add(StoredSession::of_report(&all_failed).unwrap());
    let attempts = |id: u64| {
        store.failed_attempts(
            &release("2.0"),
            Some(&SessionRun::from(report(id, "2.0", Verdict::Passed, 1.0, 0).run.as_ref().unwrap())),
        )
    };
    assert_eq!((attempts(9), attempts(2)), (3, 2), "GitHub counts the attempts of one run");
    assert_eq!(store.failed_attempts(&release("3.0"), None), 0);
}

#[test]
fn the_same_session_is_stored_once() {
    let mut store = promoted(&[("1.0", 100.0)]);
    assert!(!store.add(session(1, "1.0", Verdict::Passed, 100.0, 1)));
    assert_eq!(store.promote(&release("1.0"), now()), MarkedSessions { known: 1, marked: 0 });
    assert_eq!(store.promote(&release("9.9"), now()), MarkedSessions::default());
    let mut other_attempt = report(1, "1.0", Verdict::Passed, 100.0, 1);
    other_attempt.run.as_mut().unwrap().attempt = 2;
    assert!(store.add(StoredSession::of_report(&other_attempt).unwrap()));
}

#[test]
fn old_sessions_go_and_those_of_kept_tags_stay() {
    let mut store = BaselineStore::new(service());
    for id in 0..u64::try_from(MOST_PROMOTED + MOST_OTHERS + 20).unwrap() {
        let tag = if id < u64::try_from(MOST_PROMOTED + 10).unwrap() { format!("1.{id}") } else { format!("2.{id}") };
        store.add(session(id, &tag, Verdict::Blocked, 100.0, 1000 - i64::try_from(id).unwrap()));
        if tag.starts_with("1.") {
            store.promote(&release(&tag), now());
        }
    }
    assert_eq!(store.shorten(&["1.0".parse().unwrap()]), 9 + 10, "without the tag that is kept");
    let has = |tag: &str| store.sessions.iter().any(|session| session.is_of(&release(tag)));
    assert!(has("1.0") && !has("1.1") && !has("1.9") && has("1.10") && !has("2.60") && has("2.70"));
}

#[test]
fn a_trend_has_a_point_for_each_release() {
    let mut store = promoted(&[("1.0", 100.0), ("1.1", 104.0), ("1.2", 90.0)]);
    store.add(session(9, "1.1", Verdict::Passed, 108.0, 0));
    let (release, profile) = (release("1.2"), profile(10));
    let query = BaselineQuery { release: &release, allowed: &[], now: now(), max_days: 90 };
    let trend = store.trend(&query, &profile);
    let points: Vec<(String, f64)> = trend.into_iter().map(|point| (point.label, point.figure)).collect();
    assert_eq!(points, [("1.0".to_owned(), 100.0), ("1.1".to_owned(), 106.0)]);
    assert_eq!(store.of_release(&"1.1".parse().unwrap(), &query, &profile).len(), 2);
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let store = promoted(&[("1.0", 98.25), ("1.1", 101.0)]);
    let text = store.to_text().unwrap();
    insta::assert_snapshot!(text, @r#"
    {
      "schema": 1,
      "service": "cart",
      "sessions": [
        {"subject":{"environment":"staging","tag":"1.0"},"verdict":"passed","measured-at":"2026-11-30T10:00:00Z","run":{"repository":"acme/shop","id":1,"attempt":1,"job":"performance"},"promoted-at":"2026-11-30T12:00:00Z","figures":{"all":98.25,"profile":{"target":"https://staging.example","users":10}}},
        {"subject":{"environment":"staging","tag":"1.1"},"verdict":"passed","measured-at":"2026-11-30T11:00:00Z","run":{"repository":"acme/shop","id":2,"attempt":1,"job":"performance"},"promoted-at":"2026-11-30T12:00:00Z","figures":{"all":101.0,"profile":{"target":"https://staging.example","users":10}}}
      ]
    }
    "#);
    assert_eq!(BaselineStore::parse(text.as_bytes(), &service()), Ok(store));
    let empty = BaselineStore::new(service());
    assert_eq!(BaselineStore::parse(empty.to_text().unwrap().as_bytes(), &service()), Ok(empty));
}

#[test]
fn a_file_that_is_no_store_of_the_service_is_named() {
    let good = promoted(&[("1.0", 100.0)]).to_text().unwrap();
    for (text, actual) in [
        (String::new(), "not JSON"),
        (good[..good.len() - 9].to_owned(), "not JSON"),
        ("[]".to_owned(), "without a `schema`"),
        ("{}".to_owned(), "without a `schema`"),
        (good.replace("\"schema\": 1", "\"schema\": 3"), "schema 3"),
        (good.replace("\"schema\": 1", "\"schema\": 0"), "schema 0"),
        (good.replace("\"schema\": 1", "\"schema\": \"1\""), "schema \"1\""),
        (good.replace("\"service\": \"cart\"", "\"service\": \"shop\""), "the baselines of shop"),
        (good.replace("\"all\":100.0", "\"all\":0"), "no number over 0"),
        (good.replace("\"all\":100.0", "\"all\":-1"), "no number over 0"),
        (good.replace("\"all\":100.0", "\"all\":\"x\""), "invalid type"),
        (good.replace("\"verdict\":\"passed\"", "\"verdict\":\"fine\""), "unknown variant"),
        (good.replace("\"tag\":\"1.0\"", "\"tag\":\"../x\""), "OCI tag"),
    ] {
        let error = BaselineStore::parse(text.as_bytes(), &service()).expect_err(&text);
        assert!(error.actual.contains(actual) && !error.next.is_empty(), "{actual} in {error:?}");
    }
}

#[test]
fn a_file_stays_within_what_github_returns() {
    let mut store = BaselineStore::new(service());
    for id in 0..3000 {
        let figures = SessionFigures { all: 1.0, profile: profile(id), ..SessionFigures::default() };
        let session = session(id, "1.0", Verdict::Passed, 1.0, 0);
        store.sessions.push(StoredSession { figures: Some(figures), ..session });
    }
    assert!(store.to_text().is_ok());
    store.sessions.extend(store.sessions.clone());
    assert!(store.to_text().unwrap_err().actual.contains("bytes"));
}

#[test]
fn a_report_without_figures_is_stored_only_if_it_did_not_pass() {
    let mut report = report(1, "1.0", Verdict::Passed, 100.0, 0);
    report.outputs.insert(FIGURES.to_owned(), "{\"all\": 0}".to_owned());
    assert!(StoredSession::of_report(&report).unwrap_err().next.contains("toJSON(steps)"));
    report.verdict = Verdict::Blocked;
    assert_eq!(StoredSession::of_report(&report).unwrap().figures, None);
    report.finished_at = "yesterday".to_owned();
    assert!(StoredSession::of_report(&report).unwrap_err().actual.contains("yesterday"));
}

#[test]
fn profiles_differ_only_in_what_both_know() {
    let ten = profile(10);
    for (other, allowed, differs) in [
        (SessionProfile::default(), &[][..], None),
        (profile(11), &[], Some("load")),
        (profile(11), &[ProfilePart::Load], None),
        (SessionProfile { target: Some("https://b".to_owned()), ..ten.clone() }, &[], Some("target")),
        (SessionProfile { machine: Some("arm".to_owned()), ..ten.clone() }, &[], None),
    ] {
        assert_eq!(ten.differs_from(&other, allowed).map(|(what, ..)| what), differs, "{other:?}");
    }
    let rate = |rate: f64| SessionProfile { rate: Some(rate), duration: Some(30.0), ..SessionProfile::default() };
    assert_eq!(rate(200.0).differs_from(&rate(190.0), &[]), None);
    assert_eq!(rate(200.0).differs_from(&rate(100.0), &[]).map(|(what, ..)| what), Some("load"));
    let users = SessionProfile { users: Some(200), ..SessionProfile::default() };
    for (one, other) in [(rate(200.0), users.clone()), (users, rate(200.0))] {
        assert_eq!(one.differs_from(&other, &[]).map(|(what, ..)| what), Some("load"));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = BaselineStore::parse(&bytes, &service());
    }
}
