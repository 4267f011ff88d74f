use serde_json::json;

use super::*;

fn read_json(document: &serde_json::Value) -> Result<LoadTest, ReadError> {
    match read(document.to_string().as_bytes(), None) {
        Ok(Reading::LoadTest(test)) => Ok(*test),
        Ok(other) => panic!("not recognized: {other:?}"),
        Err(error) => Err(error),
    }
}

fn prometheus(kind: &str, result: &serde_json::Value) -> Result<LoadTest, ReadError> {
    read_json(&json!({ "status": "success", "data": { "resultType": kind, "result": result } }))
}

#[test]
fn a_value_of_prometheus_is_a_p99() {
    let test = prometheus("vector", &json!([{ "metric": {}, "value": [1.5, "0.0842"] }])).unwrap();
    assert_eq!((test.format, test.unit, test.all.least_p99()), (Format::Prometheus, None, "0.0842".parse().ok()));
    let test = prometheus("scalar", &json!([1.5, "84"])).unwrap();
    assert_eq!(test.all.least_p99(), "84".parse().ok());
    let matrix = json!([{ "metric": { "__name__": "p99_seconds" }, "values": [[1, "0.3"], [2, "0.1"], [3, "0.2"]] }]);
    let test = prometheus("matrix", &matrix).unwrap();
    assert_eq!((test.unit, test.all.least_p99()), (Some(Unit::Seconds), "0.2".parse().ok()));
    assert_eq!(test.measured_at, "1970-01-01T00:00:03Z".parse().ok(), "the time of the last value");
    let several = json!([{ "metric": { "path": "/a" }, "value": [1, "1"] }, { "metric": {}, "value": [1, "2"] }]);
    assert!(
        matches!(prometheus("vector", &several).unwrap().all.p99, P99::Missing { why, .. } if why.contains("2 series"))
    );
    let native =
        json!([{ "metric": {}, "histogram": [1, { "count": "9", "sum": "1", "buckets": [[0, "0.1", "0.2", "9"]] }] }]);
    let P99::Missing { why, next } = prometheus("vector", &native).unwrap().all.p99 else { panic!("{native}") };
    assert!(why.contains("native histogram") && next.contains("histogram_quantile"), "{why}; {next}");
    for (kind, result) in [
        ("vector", json!([])),
        ("vector", json!([{ "metric": {}, "value": [1, "NaN"] }])),
        ("vector", json!([{ "metric": {}, "value": [1, "+Inf"] }])),
        ("vector", json!([{ "metric": {}, "value": [1, "-1"] }])),
        ("matrix", json!([{ "metric": {}, "values": [] }])),
        ("matrix", json!([{ "metric": {}, "values": [[1, "0.1"], [2, "NaN"]] }])),
        ("scalar", json!([1, "NaN"])),
    ] {
        assert_eq!(prometheus(kind, &result).unwrap_err().kind, ReadErrorKind::Empty, "{result}");
    }
}

#[test]
fn an_answer_of_a_part_of_the_data_is_no_measurement() {
    let answer = |key: &str, value: serde_json::Value| {
        let result = json!([{ "metric": {}, "value": [1.5, "0.0842"] }]);
        let data = json!({ "resultType": "vector", "result": result });
        read_json(&json!({ "status": "success", "data": data, key: value }))
    };
    for (key, value) in [("warnings", json!(["store 2 is not available"])), ("isPartial", json!(true))] {
        let error = answer(key, value).unwrap_err();
        assert_eq!(error.kind, ReadErrorKind::Empty);
        assert!(error.actual.starts_with("the answer has a warning"), "{error:?}");
    }
    for (key, value) in [("warnings", json!([])), ("isPartial", json!(false)), ("infos", json!(["not a counter"]))] {
        assert_eq!(answer(key, value).unwrap().all.least_p99(), "0.0842".parse().ok());
    }
}

#[test]
fn requests_that_autocannon_never_mentions_again_open_the_p99() {
    let report = |sent: u64| {
        let latency = json!({ "p97_5": 20, "p99": 30, "p99_9": 40, "max": 70, "totalCount": 900 });
        let counts = json!({ "connections": 10, "pipelining": 2, "errors": 5, "non2xx": 0, "throughput": {} });
        let mut report = json!({ "latency": latency, "requests": { "total": 900, "sent": sent } });
        for (key, value) in counts.as_object().unwrap() {
            report[key] = value.clone();
        }
        read_json(&report).unwrap().all
    };
    // Twenty may be on their way when it ends.
    for sent in [905, 925] {
        assert_eq!((report(sent).requests, report(sent).failures, report(sent).unanswered), (Some(905), Some(5), 0));
    }
    let lost = report(926);
    assert_eq!((lost.requests, lost.failures, lost.unanswered), (Some(926), Some(5), 21));
    assert_eq!(lost.p99, P99::OfFailed { at_least: "70".parse().unwrap() });
}

#[test]
fn buckets_of_prometheus_give_a_p99_and_a_number_of_requests() {
    let bucket = |le: &str, count: &str| json!({ "metric": { "__name__": "latency_seconds_bucket", "le": le }, "value": [1, count] });
    let buckets = json!([bucket("0.1", "980"), bucket("0.2", "1000"), bucket("+Inf", "1000")]);
    let test = prometheus("vector", &buckets).unwrap();
    assert_eq!((test.unit, test.all.requests), (Some(Unit::Seconds), Some(1000)));
    let p99 = test.all.least_p99().unwrap().to_f64();
    assert!((p99 - 0.15).abs() < 1e-9, "{p99}");
    for infinite in ["Inf", "+inf"] {
        let mut buckets = buckets.clone();
        buckets[2]["metric"]["le"] = json!(infinite);
        buckets[0]["metric"]["le"] = json!(0.1);
        assert_eq!(prometheus("vector", &buckets).unwrap().all, test.all, "{infinite}");
    }
    let words = json!([bucket("0.1", "980"), bucket("high", "990"), bucket("+Inf", "1000")]);
    assert_eq!(prometheus("vector", &words).unwrap_err().kind, ReadErrorKind::Empty);
    let above = prometheus("vector", &json!([bucket("0.1", "980"), bucket("+Inf", "1000")])).unwrap();
    assert!(matches!(above.all.p99, P99::Missing { .. }));
    for none in [json!([bucket("0.1", "0"), bucket("+Inf", "0")]), json!([bucket("0.1", "980")])] {
        assert_eq!(prometheus("vector", &none).unwrap_err().kind, ReadErrorKind::Empty, "{none}");
    }
    // A counter that restarts begins at 0.
    let over_time = |le: &str, counts: [&str; 3]| {
        let values: Vec<_> = counts.iter().zip(1..).map(|(count, time)| json!([time, count])).collect();
        json!({ "metric": { "le": le }, "values": values })
    };
    let matrix = json!([over_time("0.1", ["500", "1000", "490"]), over_time("+Inf", ["500", "1000", "500"])]);
    assert_eq!(prometheus("matrix", &matrix).unwrap().all.requests, Some(1000));
}

#[test]
fn failed_requests_that_count_by_their_time_widen_the_p99() {
    let summary = |failed: u64| {
        read_json(&json!({ "metrics": {
            "http_reqs": { "count": 10_000 },
            "http_req_failed": { "passes": failed, "fails": 10_000 - failed },
            "http_req_duration": { "med": 20, "p(99)": 60, "p(99.9)": 80, "max": 95 },
            "http_req_duration{expected_response:true}": { "p(99)": 60 },
            "http_req_duration{name:login}": { "p(99)": 50, "count": 500 },
        } }))
        .unwrap()
    };
    let number = |text: &str| text.parse().unwrap();
    for (failed, p99) in [
        (0, P99::Between { low: number("60"), high: Some(number("60")) }),
        (50, P99::Between { low: number("60"), high: Some(number("80")) }),
        (95, P99::Between { low: number("60"), high: Some(number("95")) }),
        (101, P99::OfFailed { at_least: number("95") }),
    ] {
        let test = summary(failed);
        assert_eq!((test.all.failures, &test.all.p99), (Some(failed), &p99));
    }
    assert_eq!(summary(0).endpoints.keys().collect::<Vec<_>>(), ["login"]);
    assert_eq!(summary(0).endpoints["login"].requests, Some(500));
}

#[test]
fn requests_without_a_response_are_left_out_by_oha_and_counted_all_the_same() {
    let test = read_json(&json!({
        "summary": { "slowest": 0.5 },
        "latencyPercentiles": { "p99": 0.1, "p99.9": 0.2 },
        "statusCodeDistribution": { "200": 9900, "503": 40 },
        "errorDistribution": { "connection refused": 60, "aborted due to deadline": 4 },
    }))
    .unwrap();
    assert_eq!((test.all.requests, test.all.failures), (Some(10_000), Some(100)));
    // Of 9,940 responses the success with the rank 9,900 has at most 40 failed ones before it.
    assert_eq!(test.all.p99, P99::Between { low: "0.1".parse().unwrap(), high: "0.5".parse().ok() });
    let refused = read_json(&json!({
        "latencyPercentiles": { "p99": null },
        "statusCodeDistribution": {},
        "errorDistribution": { "connection refused": 200 },
    }));
    let refused = refused.unwrap();
    assert_eq!((refused.all.requests, refused.all.failures), (Some(200), Some(200)));
}

#[test]
fn autocannon_with_a_rate_is_refused() {
    let test = read_test(sample!("autocannon/report.json").1);
    let P99::Missing { why, .. } = test.all.p99 else { panic!("{:?}", test.all.p99) };
    assert!(why.contains("35601") && why.contains("1600"), "{why}");
}

#[test]
fn csv_files_are_read_by_their_header() {
    let oha = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n0.1,0,0,0.1,0.25,11,200\n0.1,0,0,0.1,0.5,11,500\n";
    let test = read_test(oha.as_bytes());
    assert_eq!((test.format, test.all.requests, test.all.failures), (Format::Oha, Some(2), Some(1)));
    let k6 = "metric_name,timestamp,metric_value,expected_response,method,name,status\nhttp_reqs,1796000000,1,true,GET,/a,200\nhttp_req_duration,1796000000,25.5,true,GET,/a,200\nhttp_req_duration,1796000001,1,false,GET,/a,500\n";
    let test = read_test(k6.as_bytes());
    assert_eq!((test.format, test.all.requests, test.all.failures), (Format::K6, Some(2), Some(1)));
    assert_eq!(test.measured_at, "2026-11-30T00:53:21Z".parse().ok());
    let jtl = "timeStamp;elapsed;label;responseMessage;success;URL\n1796000000000;10;a;OK;true;http://h/a\n1796000000000;10;t;Number of samples in transaction : 1, number of failing samples : 0;true;null\n1796000000000;20;\"b;c\";OK;true;http://h/b\n";
    let test = read_test(jtl.as_bytes());
    assert_eq!((test.all.requests, test.profile.target.as_deref()), (Some(2), Some("http://h")));
    assert_eq!(test.endpoints.keys().collect::<Vec<_>>(), ["a", "b;c", "t"]);
    let history = read(sample!("locust/history.csv").1, None).unwrap_err();
    assert!(history.actual.contains("history"), "{history:?}");
}

#[test]
fn very_many_latencies_are_rounded_up_a_little() {
    let mut by_endpoint = samples::SamplesByEndpoint::default();
    let count = 1_200_000_u32;
    for number in 1..=count {
        by_endpoint.of("a").add(f64::from(number) * 1.000_000_1);
    }
    let (all, _) = by_endpoint.into_figures();
    let exact = f64::from(count) * 0.99 * 1.000_000_1;
    let p99 = all.least_p99().unwrap().to_f64();
    assert!(p99 >= exact && p99 < exact * 1.000_01, "{p99} and {exact}");
    assert_eq!(all.requests, Some(u64::from(count)));
}

#[test]
fn a_document_of_no_known_format_is_left_to_an_expression() {
    for document in [json!({ "p95": 1 }), json!([{ "a": 1 }]), json!("x"), json!(true), json!({ "12": "x" })] {
        let read = read(document.to_string().as_bytes(), None);
        assert_eq!(read, Ok(Reading::Json(document)));
    }
    let stream = read(&b"{\"a\": 1}\n{\"a\": 2}\n"[..], None);
    assert_eq!(stream, Ok(Reading::Json(json!([{ "a": 1 }, { "a": 2 }]))));
}

#[test]
fn a_figure_of_a_teams_own_document_that_is_none_is_refused() {
    let with = |key: &str, value: &serde_json::Value| {
        let mut document = json!({ "p99_latency": 70, "requests": 5000, "failures": 3 });
        document[key] = value.clone();
        read_json(&document)
    };
    for (key, value, named) in [
        ("failures", json!("12 %"), "`failures` is \"12 %\""),
        ("failures", json!(-1), "`failures` is -1"),
        ("requests", json!(1.5), "`requests` is 1.5"),
        ("users", json!("ten"), "`users` is \"ten\""),
        ("endpoints", json!(["/cart"]), "`endpoints` is"),
        ("endpoints", json!({ "/cart": 70 }), "`/cart` in `endpoints` is 70"),
        ("endpoints", json!({ "/cart": { "p99_latency": "n/a" } }), "`p99_latency` of `/cart` is \"n/a\""),
        ("endpoints", json!({ "/cart": { "p99_latency": -1 } }), "`p99_latency` of `/cart` is -1"),
        ("endpoints", json!({ "/cart": { "p99_latency": 7, "failures": "2 %" } }), "`failures` of `/cart` is \"2 %\""),
    ] {
        let error = with(key, &value).unwrap_err();
        assert_eq!(error.kind, ReadErrorKind::Malformed, "{value}");
        assert!(error.actual.contains(named), "{named} in {error:?}");
    }
    // What a document does not know, it leaves out, or says with `null`.
    for (key, value) in [("failures", json!(null)), ("users", json!(null)), ("endpoints", json!(null))] {
        assert!(with(key, &value).is_ok(), "{key}");
    }
    let known =
        with("endpoints", &json!({ "/cart": { "p99_latency": "7.5", "requests": "900" }, "/pay": { "p95": 3 } }));
    let known = known.unwrap();
    assert_eq!(known.endpoints.keys().collect::<Vec<_>>(), ["/cart"]);
    assert_eq!(known.endpoints["/cart"].requests, Some(900));
}
