use serde_json::{Value, json};

use super::*;

/// A report of one load, with these audits.
fn report(url: &str, audits: &Value) -> Value {
    json!({
        "lighthouseVersion": "13.4.0",
        "requestedUrl": url,
        "fetchTime": "2026-04-23T16:18:53.230Z",
        "configSettings": { "formFactor": "mobile", "throttlingMethod": "simulate" },
        "audits": audits,
    })
}

fn audits(lcp: f64) -> Value {
    let numeric =
        |value: f64, unit: &str| json!({ "scoreDisplayMode": "numeric", "numericValue": value, "numericUnit": unit });
    json!({
        "largest-contentful-paint": numeric(lcp, "millisecond"),
        "total-blocking-time": numeric(0.0, "millisecond"),
        "total-byte-weight": numeric(158_000.0, "byte"),
    })
}

fn read_loads(text: &str) -> PageLoads {
    match read(text.as_bytes(), None) {
        Ok(Reading::PageLoads(loads)) => loads,
        other => panic!("{other:?}"),
    }
}

fn lcp(loads: &PageLoads, page: &str) -> Vec<Result<f64, String>> {
    let of = |load: &PageLoad| load.figures[&PageMetric::LargestContentfulPaint].clone();
    loads.pages[page].iter().map(|load| of(load).map(Decimal::to_f64)).collect()
}

#[test]
fn reports_are_read_alone_in_a_list_and_one_after_the_other() {
    let [one, two] = [2500.5, 2600.0].map(|value| report("https://staging.example/cart?a=1#top", &audits(value)));
    let both = [Ok(2500.5), Ok(2600.0)];
    assert_eq!(lcp(&read_loads(&one.to_string()), "/cart?a=1"), both[..1]);
    for text in [json!([one, two]).to_string(), json!([[one], [two]]).to_string(), format!("{one}\n{two}\n")] {
        let loads = read_loads(&text);
        assert_eq!(lcp(&loads, "/cart?a=1"), both, "{text}");
        let load = &loads.pages["/cart?a=1"][0];
        assert_eq!(
            (load.settings.as_str(), load.target.as_deref(), load.measured_at),
            (
                "mobile, simulate, Lighthouse 13",
                Some("https://staging.example"),
                "2026-04-23T16:18:53.230Z".parse().ok()
            )
        );
    }
    let wrapped = json!({ "id": "https://a.example/", "lighthouseResult": report("https://a.example", &audits(1.0)) });
    assert_eq!(lcp(&read_loads(&wrapped.to_string()), "/"), [Ok(1.0)], "of PageSpeed Insights");
    let secret = read_loads(&report("http://anna:hunter2@staging.example:8080?a", &audits(1.0)).to_string());
    assert_eq!(secret.pages["?a"][0].target.as_deref(), Some("http://staging.example:8080"));
}

#[test]
fn an_audit_that_failed_is_named() {
    let with = |lcp: &Value| {
        let mut audits = audits(1.0);
        audits["largest-contentful-paint"] = lcp.clone();
        report("https://a.example/", &audits)
    };
    for (lcp_audit, why) in [
        (Value::Null, "no audit `largest-contentful-paint`"),
        (json!({ "scoreDisplayMode": "error", "errorMessage": "NO_LCP", "numericValue": 7 }), "failed: NO_LCP"),
        (json!({ "scoreDisplayMode": "numeric", "numericValue": null }), "has no figure"),
        (json!({ "scoreDisplayMode": "notApplicable" }), "has no figure"),
        (json!({ "numericValue": "2500" }), "not a number"),
        (json!({ "numericValue": -1 }), "cannot be"),
        (json!({ "numericValue": 0 }), "cannot be"),
    ] {
        let loads = read_loads(&with(&lcp_audit).to_string());
        let [Err(found)] = &lcp(&loads, "/")[..] else { panic!("{lcp_audit}: {loads:?}") };
        assert!(found.contains(why), "{why} in {found}");
        assert!(loads.pages["/"][0].figures[&PageMetric::TotalBlockingTime].is_ok());
    }
    let mut failed = report("https://a.example/", &audits(1.0));
    failed["runtimeError"] = json!({ "code": "ERRORED_DOCUMENT_REQUEST", "message": "Status code: 503" });
    let loads = read_loads(&failed.to_string());
    assert!(
        loads.pages["/"][0]
            .figures
            .values()
            .all(|figure| *figure == Err("ERRORED_DOCUMENT_REQUEST: Status code: 503".to_owned()))
    );
    failed["runtimeError"]["code"] = "NO_ERROR".into();
    assert_eq!(lcp(&read_loads(&failed.to_string()), "/"), [Ok(1.0)], "as older versions write it");
}

#[test]
fn other_documents_are_no_reports() {
    let one = report("https://a.example/", &audits(1.0));
    let manifest = json!([{ "url": "https://a.example/", "isRepresentativeRun": true, "jsonPath": "/x/lhr-1.json", "summary": {} }]);
    let error = read(manifest.to_string().as_bytes(), None).unwrap_err();
    assert!(error.actual.contains("manifest") && error.next.contains("jq --slurp"), "{error:?}");
    let mixed = read(json!([one, { "a": 1 }]).to_string().as_bytes(), None).unwrap_err();
    assert!(mixed.actual.contains("1 of 2"), "{mixed:?}");
    assert!(matches!(read(&b"{\"lighthouseVersion\": \"13\"}"[..], None), Ok(Reading::Json(_))));
    assert!(read(one.to_string().as_bytes(), Some(Format::K6)).is_err());
    assert!(read(&b"{\"p99_latency\": 1}"[..], Some(Format::Lighthouse)).is_err());
    assert!(matches!(read(one.to_string().as_bytes(), Some(Format::Lighthouse)), Ok(Reading::PageLoads(_))));
}

/// Of Lighthouse 12, on a page that was as fast each time, once one that came 4 s later, and once one that answered 503.
#[test]
fn real_reports_are_read() {
    let one = |(path, bytes): (&str, &[u8])| {
        let Ok(Reading::PageLoads(loads)) = read(bytes, None) else { panic!("{path}") };
        let [load] = &loads.pages["/checkout"][..] else { panic!("{path}: {loads:?}") };
        load.clone()
    };
    let lcp = |load: &PageLoad| load.figures[&PageMetric::LargestContentfulPaint].clone().unwrap().to_f64();
    for sample in [sample!("lighthouse/run-1.json"), sample!("lighthouse/run-2.json"), sample!("lighthouse/run-3.json")]
    {
        let load = one(sample);
        assert!((500.0..2000.0).contains(&lcp(&load)), "{load:?}");
        assert!(load.figures.values().all(Result::is_ok) && load.measured_at.is_some(), "{load:?}");
        assert_eq!(load.settings, "mobile, simulate, Lighthouse 12");
    }
    assert!(lcp(&one(sample!("lighthouse/slow-1.json"))) > 3000.0);
    let failed = one(sample!("lighthouse/failed-1.json"));
    assert!(
        failed
            .figures
            .values()
            .all(|figure| figure.as_ref().is_err_and(|why| why.starts_with("ERRORED_DOCUMENT_REQUEST: "))),
        "{failed:?}"
    );
}
