use super::*;

fn pages(of: &[(&str, f64)]) -> SessionPages {
    let medians = |lcp| PageMedians { lcp: Some(lcp), tbt: Some(0.0), transfer_size: Some(150_000.0), loads: 5 };
    SessionPages {
        settings: "mobile, simulate, Lighthouse 13".to_owned(),
        target: Some("https://staging.example".to_owned()),
        pages: of.iter().map(|(page, lcp)| ((*page).to_owned(), medians(*lcp))).collect(),
    }
}

/// A session with page loads, of run `id`, so many hours before now.
fn page_session(id: u64, tag: &str, pages: &SessionPages, hours: i64) -> StoredSession {
    let mut report = report(id, tag, Verdict::Passed, 1.0, hours);
    report.outputs.insert(FIGURES.to_owned(), pages.to_output());
    StoredSession::of_report(&report).unwrap()
}

fn promoted_pages(releases: &[(&str, SessionPages)]) -> BaselineStore {
    let mut store = BaselineStore::new(service());
    for ((tag, pages), id) in releases.iter().zip(1..) {
        assert!(store.add(page_session(id, tag, pages, 100 - i64::try_from(id).unwrap())));
        assert_eq!(store.promote(&release(tag), now()), MarkedSessions { known: 1, marked: 1 });
    }
    store
}

fn lcps(store: &BaselineStore, ours: &SessionPages, allowed: &[ProfilePart]) -> Result<Vec<f64>, NoBaseline> {
    let release = release("9.0");
    let query = BaselineQuery { release: &release, allowed, now: now(), max_days: 90 };
    let lcp = |session: &&SessionPages| session.pages.get("/")?.lcp;
    store.page_baseline(&query, ours).map(|sessions| sessions.iter().filter_map(lcp).collect())
}

#[test]
fn page_loads_of_promoted_releases_with_a_common_page_and_the_same_settings_are_a_baseline() {
    let home = pages(&[("/", 2000.0)]);
    let mut store = promoted_pages(&[("1.0", home.clone()), ("1.1", pages(&[("/", 2100.0), ("/cart", 900.0)]))]);
    store.add(page_session(7, "1.2", &pages(&[("/", 1000.0)]), 1));
    assert_eq!(lcps(&store, &home, &[]), Ok(vec![2000.0, 2100.0]), "1.2 was not promoted");
    let other = |what, ours: &str, theirs: &str| {
        Err(NoBaseline::OtherProfile { what, ours: ours.to_owned(), theirs: theirs.to_owned() })
    };
    assert_eq!(lcps(&store, &pages(&[("/checkout", 1.0)]), &[]), other("page", "/checkout", "/, /cart"));
    let desktop = SessionPages { settings: "desktop, simulate, Lighthouse 13".to_owned(), ..home.clone() };
    assert_eq!(lcps(&store, &desktop, &[]), other("setting of Lighthouse", &desktop.settings, &home.settings));
    let elsewhere = SessionPages { target: Some("https://b.example".to_owned()), ..home.clone() };
    assert_eq!(lcps(&store, &elsewhere, &[]), other("target", "https://b.example", "https://staging.example"));
    assert_eq!(lcps(&store, &elsewhere, &[ProfilePart::Target]), Ok(vec![2000.0, 2100.0]));
    assert_eq!(lcps(&store, &SessionPages { target: None, ..home }, &[]), Ok(vec![2000.0, 2100.0]));
}

#[test]
fn load_tests_and_page_loads_share_a_file_and_are_never_compared() {
    let home = pages(&[("/", 2000.0)]);
    let loads = promoted(&[("1.0", 100.0)]);
    assert_eq!(lcps(&loads, &home, &[]), Err(NoBaseline::OtherKind));
    let mut store = promoted_pages(&[("1.0", home.clone())]);
    assert_eq!(latencies(&store, "2.0", 10, 90), Err(NoBaseline::OtherKind));
    assert_eq!(lcps(&BaselineStore::new(service()), &home, &[]), Err(NoBaseline::Missing { others: 0 }));
    assert!(store.add(session(8, "1.0", Verdict::Passed, 100.0, 2)), "of the same release");
    assert_eq!(latencies(&store, "2.0", 10, 90), Ok(vec![100.0]));
    assert_eq!(lcps(&store, &home, &[]), Ok(vec![2000.0]));
    // Page loads that did not pass are no attempt with a load test.
    store.add(StoredSession { verdict: Verdict::Blocked, ..page_session(9, "2.0", &home, 1) });
    assert_eq!(store.failed_attempts(&release("2.0"), None), 0);
}

#[test]
fn a_release_is_a_point_of_the_trend_and_can_be_fixed() {
    let home = pages(&[("/", 2000.0)]);
    let store =
        promoted_pages(&[("1.0", home.clone()), ("1.1", pages(&[("/", 2100.0)])), ("1.2", pages(&[("/cart", 1.0)]))]);
    let release = release("9.0");
    let query = BaselineQuery { release: &release, allowed: &[], now: now(), max_days: 90 };
    let points: Vec<(String, f64)> =
        store.page_trend(&query, &home, "/").into_iter().map(|point| (point.label, point.figure)).collect();
    assert_eq!(points, [("1.0".to_owned(), 2000.0), ("1.1".to_owned(), 2100.0)]);
    assert_eq!(store.pages_of_release(&"1.1".parse().unwrap(), &query, &home).len(), 1);
    assert_eq!(store.pages_of_release(&"1.2".parse().unwrap(), &query, &home).len(), 0, "of another page");
}

#[test]
fn the_schema_is_the_older_one_until_page_loads_enter() {
    let mut store = promoted(&[("1.0", 100.0)]);
    assert!(store.to_text().unwrap().contains("\"schema\": 1,"), "an earlier version goes on reading it");
    store.add(page_session(9, "1.0", &pages(&[("/", 2000.0)]), 1));
    let text = store.to_text().unwrap();
    assert!(text.contains("\"schema\": 2,"), "{text}");
    let line = r#""page-loads":{"settings":"mobile, simulate, Lighthouse 13","target":"https://staging.example","pages":{"/":{"lcp":2000.0,"tbt":0.0,"transfer-size":150000.0,"loads":5}}}"#;
    assert!(text.contains(line), "{text}");
    assert_eq!(BaselineStore::parse(text.as_bytes(), &service()), Ok(store));
    for (from, to, actual) in [
        ("\"lcp\":2000.0", "\"lcp\":0", "a figure of a page that cannot be"),
        ("\"tbt\":0.0", "\"tbt\":-1", "a figure of a page that cannot be"),
        ("\"lcp\":", "\"cls\":", "unknown field `cls`"),
        ("\"page-loads\":", "\"figures\":{\"all\":1.0},\"page-loads\":", "at once"),
    ] {
        let error = BaselineStore::parse(text.replace(from, to).as_bytes(), &service()).expect_err(to);
        assert!(error.actual.contains(actual), "{actual} in {error:?}");
    }
}

#[test]
fn page_loads_without_a_median_are_stored_only_if_they_did_not_pass() {
    let empty = SessionPages { pages: [("/".to_owned(), PageMedians::default())].into(), ..pages(&[]) };
    let mut report = report(1, "1.0", Verdict::Passed, 1.0, 0);
    report.outputs.insert(FIGURES.to_owned(), empty.to_output());
    assert!(StoredSession::of_report(&report).is_err());
    report.verdict = Verdict::Inconclusive;
    let mut store = BaselineStore::new(service());
    store.add(StoredSession::of_report(&report).unwrap());
    assert_eq!(store.promote(&release("1.0"), now()), MarkedSessions { known: 0, marked: 1 });
    assert_eq!(store.count_promoted(), 0);
    assert_eq!(lcps(&store, &pages(&[("/", 1.0)]), &[]), Err(NoBaseline::Missing { others: 1 }));
}

#[test]
fn each_profile_of_page_loads_keeps_its_own_sessions() {
    let mut store = BaselineStore::new(service());
    for id in 0..u64::try_from(MOST_PROMOTED + 5).unwrap() {
        let desktop = SessionPages { settings: "desktop".to_owned(), ..pages(&[("/", 1.0)]) };
        let measured = if id < 5 { desktop } else { pages(&[("/", 1.0)]) };
        store.add(page_session(id, &format!("1.{id}"), &measured, 1000 - i64::try_from(id).unwrap()));
        store.promote(&release(&format!("1.{id}")), now());
    }
    assert_eq!(store.shorten(&[]), 0);
    let many = (0..60).map(|number| (format!("/{number}"), f64::from(number) + 1.0)).collect::<Vec<_>>();
    let many: Vec<(&str, f64)> = many.iter().map(|(page, lcp)| (page.as_str(), *lcp)).collect();
    let kept = pages(&many).shortened().pages;
    assert!(kept.len() == 50 && kept.contains_key("/59") && !kept.contains_key("/9"), "the slowest ones");
}
