//! `metric` as a step: Prometheus, Alertmanager and a JSON endpoint on loopback.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use promote_gates::{
    clock::{Clock as _, SystemClock},
    sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest},
};
use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    patience::with_enough_time,
};

/// The time of a server that has just read its clock.
fn now() -> i64 {
    SystemClock::new().wall().as_second()
}

fn value(value: &str) -> FakeResponse {
    value_at(value, now())
}

fn value_at(value: &str, at: i64) -> FakeResponse {
    result(&json!([{ "metric": {}, "value": [at, value] }]))
}

fn result(result: &Value) -> FakeResponse {
    FakeResponse::json(200, &json!({ "status": "success", "data": { "resultType": "vector", "result": result } }))
}

/// A server that answers in turn; the last answer stays.
fn answers(responses: Vec<fn() -> FakeResponse>) -> LoopbackServer {
    let left = Mutex::new(VecDeque::from(responses));
    LoopbackServer::start(move |_| {
        let mut left = left.lock().unwrap();
        let next = if left.len() > 1 { left.pop_front().unwrap() } else { left[0] };
        next()
    })
    .unwrap()
}

/// A step with one figure of Prometheus.
fn step(server: &LoopbackServer) -> Runner {
    Runner::new()
        .input("conditions", "error-rate <= 1 %")
        .input("figures", "error-rate = sum(rate(errors_total[$window]))")
        .input("prometheus", server.url())
        .input("interval", "0")
        .input("timeout", "2s")
}

fn end(responses: Vec<fn() -> FakeResponse>) -> Ended {
    step(&answers(responses)).run(&["metric"])
}

#[test]
fn a_figure_within_its_limit_passes_and_one_over_it_blocks() {
    let ended = end(vec![|| value("0.002")]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("error-rate over 5m is 0.2 %"), "{:?}", ended.outputs);

    let ended = end(vec![|| value("0.03")]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{}", ended.log);
    assert!(ended.summary.starts_with("### ⛔ metric: error-rate 3&nbsp;%, limit 1&nbsp;%\n"), "{}", ended.summary);
    assert!(ended.summary.contains("sum(rate(errors&#95;total&#91;5m&#93;))"), "{}", ended.summary);
}

#[test]
fn the_query_is_sent_below_the_path_of_the_server() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    let server = LoopbackServer::start(move |request: &ReceivedRequest| {
        kept.lock().unwrap().push((request.path.clone(), request.query.clone()));
        value("0")
    })
    .unwrap();
    let ended = step(&server)
        .input("prometheus", &format!("{}/prom/", server.url()))
        .input("figures", "error-rate = x{service=\"$service\"}[$window] + 1")
        .input("service", "shop")
        .input("window", "10m")
        .run(&["metric"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let received = received.lock().unwrap();
    assert_eq!(received[0].0, "/prom/api/v1/query");
    assert_eq!(received[0].1, "query=x%7Bservice%3D%22shop%22%7D%5B10m%5D+%2B+1");
}

#[test]
fn an_answer_without_a_figure_is_inconclusive_with_its_reason() {
    let error = |status, kind: &str, text: &str| {
        FakeResponse::json(status, &json!({ "status": "error", "errorType": kind, "error": text }))
    };
    let cases = [
        (value("NaN"), "the value is NaN"),
        (value("+Inf"), "the value is +Inf"),
        (result(&json!([])), "the result is empty: no series"),
        (
            result(&json!([{ "metric": {}, "value": [now(), "0"] }, { "metric": {}, "value": [now(), "0"] }])),
            "2 series",
        ),
        (value_at("0", now() - 3600), "old"),
        (value_at("0", now() + 3600), "in the future"),
        (
            error(400, "bad_data", "parse error: unclosed left parenthesis"),
            "400: parse error: unclosed left parenthesis",
        ),
        (error(422, "execution", "too many samples"), "422: too many samples"),
        (error(503, "unavailable", "starting"), "503: starting"),
        (error(200, "timeout", "query timed out"), "timeout: query timed out"),
        (
            FakeResponse::json(
                200,
                &json!({
                    "status": "success",
                    "warnings": ["receive series from store-2: deadline exceeded"],
                    "data": { "resultType": "scalar", "result": [now(), "0"] },
                }),
            ),
            "store-2",
        ),
        (FakeResponse::text(200, "text/html", "<html>Sign in"), "not JSON"),
        (FakeResponse::redirect("/login"), "302"),
        (FakeResponse::status(401), "401"),
        (FakeResponse::close(), "closed the connection"),
    ];
    let judge = |response: FakeResponse, part: &str| {
        let server = LoopbackServer::start(move |_| response.clone()).unwrap();
        let ended = step(&server).run(&["metric"]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{part}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{part}: {}", ended.outputs["reason"]);
    };
    // Each step reads again until its time is over.
    thread::scope(|scope| {
        for (response, part) in cases {
            scope.spawn(move || judge(response, part));
        }
    });
    let ended = Runner::new()
        .input("conditions", "a <= 1")
        .input("figures", "a = x")
        .input("prometheus", "http://127.0.0.1:1/")
        .input("timeout", "1s")
        .run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("refused"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_server_that_restarts_is_read_again() {
    let server = answers(vec![
        FakeResponse::close,
        || FakeResponse::status(503),
        || result(&json!([])),
        || value("NaN"),
        || value("0.002"),
    ]);
    let ended = step(&server).input("timeout", "1m").run(&["metric"]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("4 of 5 readings failed"), "{}", ended.outputs["reason"]);
    assert!(ended.log.contains("not read: "), "{}", ended.log);
}

#[test]
fn a_malformed_query_is_not_sent_again() {
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    let server = LoopbackServer::start(move |_| {
        *counted.lock().unwrap() += 1;
        FakeResponse::status(400)
    })
    .unwrap();
    let ended = step(&server).input("timeout", "1h").run(&["metric"]);
    assert_eq!((ended.code, *count.lock().unwrap()), (3, 1), "{}", ended.log);
}

#[test]
fn a_server_that_does_not_answer_is_inconclusive() {
    let server = LoopbackServer::start(|_| FakeResponse::hang()).unwrap();
    let ended = step(&server).input("request-timeout", "200ms").input("timeout", "1s").run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("no answer from"), "{}", ended.outputs["reason"]);
    let slow = LoopbackServer::start(|_| value("0").delayed(Duration::from_millis(200))).unwrap();
    assert_eq!(step(&slow).run(&["metric"]).code, 0, "slow, and in time");
    let dripping = LoopbackServer::start(|_| value("0").byte_by_byte(Duration::from_secs(1))).unwrap();
    let ended = step(&dripping).input("request-timeout", "500ms").input("timeout", "1s").run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("within 500ms"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_huge_answer_is_not_read_to_its_end() {
    let server = LoopbackServer::start(|_| FakeResponse::text(200, "application/json", "[".repeat(20 << 20))).unwrap();
    let read = |timeout: &str| step(&server).input("request-timeout", "1m").input("timeout", timeout).run(&["metric"]);
    let is_answered = |ended: &Ended| ended.outputs["reason"].contains("larger than 16777216 bytes");
    let ended = with_enough_time(Duration::from_secs(1), read, is_answered);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(is_answered(&ended), "{}", ended.outputs["reason"]);
}

#[test]
fn a_token_in_a_header_is_sent_to_its_server_only_and_shown_nowhere() {
    let has_token = |request: &ReceivedRequest| {
        request.headers.get("authorization").is_some_and(|value| value == "Bearer s3cr3t-token")
    };
    let prometheus = LoopbackServer::start(move |request| {
        if has_token(request) { value("0") } else { FakeResponse::text(401, "text/plain", "no token") }
    })
    .unwrap();
    let rum = LoopbackServer::start(move |request| {
        let status = if has_token(request) { 500 } else { 200 };
        FakeResponse::json(status, &json!({ "p75": 1800 }))
    })
    .unwrap();
    let runner = || {
        step(&prometheus)
            .input("conditions", "error-rate <= 1 %\nlcp <= 2.5 s")
            .input("figures", &format!("error-rate = x\nlcp (ms) = {}/lcp | .p75", rum.url()))
    };
    let ended = runner().input("prometheus-headers", "Authorization: Bearer s3cr3t-token").run(&["metric"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let shown = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    for place in [&shown, &ended.summary, &format!("{:?}", ended.outputs), &ended.report.to_string()] {
        assert!(!place.contains("s3cr3t"), "{place}");
    }
    let ended = runner().run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("401"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_json_figure_has_a_baseline_and_its_time() {
    let server = LoopbackServer::start(|request| {
        let p75 = if request.query.is_empty() { 2300 } else { 2000 };
        FakeResponse::json(200, &json!({ "updated": now(), "old": "2020-01-01T00:00:00Z", "p75": p75 }))
    })
    .unwrap();
    let runner = |query: &str, ratio: &str| {
        let url = server.url();
        Runner::new()
            .input("conditions", &format!("lcp <= {ratio} × baseline"))
            .input("figures", &format!("lcp (ms) = {url}/lcp | {query}\nlcp baseline = {url}/lcp?before=7d | .p75"))
            .input("timeout", "1s")
            .run(&["metric"])
    };
    let ended = runner("[.updated, .p75]", "1.2");
    assert_eq!(ended.code, 0, "{}", ended.log);
    let ended = runner("[.updated, .p75]", "1.1");
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.summary.contains("lcp 2,000 ms → 2,300 ms, limit 2,200 ms"), "{}", ended.summary);
    for (query, part) in [
        ("[.old, .p75]", "old"),
        (".p99", "p99"),
        (".p75, .p75", "2 values"),
        ("[.p75]", "a list of 1 values"),
        ("0 - .p75", "no number of at least 0"),
    ] {
        let ended = runner(query, "9");
        assert_eq!(ended.code, 3, "{query}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{query}: {}", ended.outputs["reason"]);
    }
}

/// Alertmanager with these alerts. It answers by the `filter` of the request: the watchdog, or the rest.
fn alertmanager(alerts: Vec<Value>, watchdog: bool) -> LoopbackServer {
    alertmanager_since(3600, alerts, watchdog)
}

/// One that started so many seconds ago.
fn alertmanager_since(seconds: i64, alerts: Vec<Value>, watchdog: bool) -> LoopbackServer {
    LoopbackServer::start(move |request| {
        if request.path == "/api/v2/status" {
            return FakeResponse::json(200, &json!({ "uptime": rfc3339(now() - seconds) }));
        }
        assert_eq!(request.path, "/api/v2/alerts");
        let found = if request.query.contains("Watchdog") {
            if watchdog { vec![alert("Watchdog", &[])] } else { Vec::new() }
        } else {
            alerts.clone()
        };
        FakeResponse::json(200, &Value::Array(found))
    })
    .unwrap()
}

fn rfc3339(second: i64) -> String {
    Timestamp::from_second(second).unwrap().to_string()
}

fn alert(name: &str, silenced: &[&str]) -> Value {
    json!({
        "fingerprint": name,
        "labels": { "alertname": name, "service": "shop" },
        "startsAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": rfc3339(now()),
        "status": { "state": "active", "silencedBy": silenced, "inhibitedBy": [] },
    })
}

fn alert_step(alertmanager: &LoopbackServer) -> Runner {
    Runner::new()
        .input("conditions", "no alert {service=\"$service\", severity=~\"page|critical\"}")
        .input("alertmanager", alertmanager.url())
        .input("service", "shop")
        .input("timeout", "1s")
}

#[test]
fn the_watchdog_may_be_that_of_the_service() {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&queries);
    let server = LoopbackServer::start(move |request| {
        kept.lock().unwrap().push(request.query.clone());
        FakeResponse::json(200, &json!([]))
    })
    .unwrap();
    let ended = alert_step(&server).input("watchdog", "{team=\"$service\"}").run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert_eq!(queries.lock().unwrap()[0], "filter=team%3D%22shop%22");
}

#[test]
fn a_watchdog_that_is_several_alerts_hides_none_of_them() {
    let server = alertmanager(vec![alert("Watchdog", &[]), alert("HeartbeatLost", &[])], true);
    let ended = alert_step(&server).input("watchdog", "{service=\"$service\"}").run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("several alerts: HeartbeatLost, Watchdog"), "{}", ended.outputs["reason"]);
}

#[test]
fn an_alert_that_fires_blocks_and_an_empty_list_alone_proves_nothing() {
    for (alerts, watchdog, code, part) in [
        (vec![alert("Watchdog", &[])], true, 0, "no alert fires"),
        (vec![alert("HighErrorRate", &["s1"])], true, 0, "no alert fires, 1 silenced"),
        (vec![alert("HighErrorRate", &[])], true, 1, "HighErrorRate"),
        (vec![alert("HighErrorRate", &[])], false, 1, "HighErrorRate"),
        (vec![], false, 3, "the one that always fires is not there"),
    ] {
        let server = alertmanager(alerts, watchdog);
        let ended = alert_step(&server).run(&["metric"]);
        assert_eq!(ended.code, code, "{part}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{part}: {}", ended.outputs["reason"]);
    }
    let restarted = alertmanager_since(30, vec![], true);
    let ended = alert_step(&restarted).run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Alertmanager started at"), "{}", ended.outputs["reason"]);
    let partly = LoopbackServer::start(|request| match &*request.path {
        "/api/v2/alerts" => FakeResponse::json(200, &json!([alert("Watchdog", &[])])),
        _ => FakeResponse::status(403),
    });
    let ended = alert_step(&partly.unwrap()).run(&["metric"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("/api/v2/status: the server answered 403"), "{}", ended.outputs["reason"]);
    let server = alertmanager(vec![], false);
    let without =
        Runner::new().input("conditions", "no alert").input("alertmanager", server.url()).input("watchdog", "none");
    let ended = without.run(&["metric"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("without a watchdog"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_burn_rate_is_read_over_both_windows() {
    for (long, short, code) in [("0.02", "0.02", 1), ("0.02", "0.001", 0), ("0.001", "0.02", 0), ("0.02", "NaN", 3)] {
        let server =
            LoopbackServer::start(move |request| value(if request.query.contains("1h") { long } else { short }))
                .unwrap();
        let condition = "burn-rate of error-rate at 99.9 % <= 14.4 over 1h and 5m";
        let ended = step(&server).input("conditions", condition).run(&["metric"]);
        assert_eq!(ended.code, code, "{long} {short}: {}", ended.log);
    }
}

#[test]
fn the_conditions_must_hold_for_the_duration() {
    let healthy: Vec<fn() -> FakeResponse> = vec![|| value("0")];
    let ended = step(&answers(healthy)).input("duration", "1s").input("interval", "100ms").run(&["metric"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let worse: Vec<fn() -> FakeResponse> = vec![|| value("0"), || value("0"), || value("0.5")];
    let ended = step(&answers(worse)).input("duration", "1h").input("interval", "10ms").run(&["metric"]);
    assert_eq!(ended.code, 1, "it blocks at once: {}", ended.log);
}

#[test]
fn a_long_time_without_a_reading_is_no_time_in_which_it_held() {
    let end = |max_age: &str| {
        let figure: fn() -> FakeResponse = || FakeResponse::json(200, &json!({ "errors": 0 }));
        let mut responses = vec![figure];
        responses.extend([(|| FakeResponse::status(503)) as fn() -> FakeResponse; 6]);
        responses.push(figure);
        let server = answers(responses);
        Runner::new()
            .input("conditions", "errors <= 1")
            .input("figures", &format!("errors = {}/errors | .errors", server.url()))
            .input("duration", "2s")
            .input("interval", "250ms")
            .input("max-age", max_age)
            .run(&["metric"])
    };
    // Six pauses are longer than a second on any machine.
    let ended = end("1s");
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("of the duration no reading said so"), "{}", ended.outputs["reason"]);
    let ended = end("1m");
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("6 of "), "{}", ended.outputs["reason"]);
}

#[test]
fn unusable_settings_are_bad_input() {
    let runner = || Runner::new().input("prometheus", "http://127.0.0.1:1/");
    for (runner, part) in [
        (runner(), "`conditions`"),
        (runner().input("conditions", "a <= one").input("figures", "a = x"), "in column 6 there is"),
        (runner().input("conditions", "a <= 1").input("figures", "a x"), "in column 3 there is"),
        (runner().input("conditions", "orders <= 1").input("figures", "order = x"), "did you mean `order`?"),
        (Runner::new().input("conditions", "a <= 1").input("figures", "a = x"), "`prometheus`: not given"),
        (runner().input("conditions", "no alert"), "`alertmanager`: not given"),
        (
            runner()
                .input("conditions", "a <= 1")
                .input("figures", "a = x")
                .input("duration", "10m")
                .input("interval", "5m"),
            "less than `max-age`, which is 5m",
        ),
        (runner().input("conditions", "a <= 1").input("figures", "a = x").input("watchdog", "{}"), "`watchdog`"),
        (
            runner()
                .input("conditions", "a <= 1\nb <= 1")
                .input("figures", "a = http://127.0.0.1:1/ | .a\nb = http://127.0.0.1:2/ | .b")
                .input("headers", "Authorization: Bearer s3cr3t-token"),
            "several hosts",
        ),
    ] {
        let ended = runner.run(&["metric"]);
        assert_eq!(ended.code, 2, "{part}: {}", ended.log);
        assert!(ended.log.contains(part) && !ended.log.contains("::error::s3cr3t"), "{part}: {}", ended.log);
    }
}
