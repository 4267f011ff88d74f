//! Healthy and unhealthy responses, over time and from several endpoints.

use serde_json::json;

use super::{
    assert_end, findings, gate_for,
    house::Runner,
    latency,
    nginx::{LoggedRequest, Nginx},
    probes,
};

/// Responds with 503 until the file `up` exists.
const UP_WITH_FILE: &str = r#"
    location / {
        if (!-f @folder/up) { return 503 '{"status": "starting"}'; }
        return 200 '{"status": "ready", "version": "1.4.2"}';
    }"#;

#[test]
fn an_endpoint_that_becomes_healthy_passes_and_the_latency_of_each_probe_is_shown() {
    let nginx = Nginx::serving(&[UP_WITH_FILE]);
    let url = nginx.url(0, "/health/ready");
    let runner = gate_for(&url).input("attempts", "1000").input("condition", ".version == $subject.tag");
    let runner = runner.input("tag", "1.4.2");
    let started = runner.start(&["health"]);
    started.wait_for_line("attempt 2 of 1000: 503 ");
    nginx.put("up", "");
    let end = started.end_within(super::LIMIT);
    assert_end(&end, "passed", &["200 after ", " of 1000)"]);
    let rows = probes(&end);
    let requests = nginx.requests();
    assert_eq!(requests.len(), rows.len());
    let (last, earlier) = rows.split_last().expect("probes");
    assert!(earlier.len() >= 2 && earlier.iter().all(|row| row[4] == "not as expected"), "{rows:?}");
    assert!(earlier.iter().all(|row| row[5].ends_with(r#"body: {"status": "starting"}"#)), "{rows:?}");
    assert_eq!(last[4], "as expected");
    for (row, request) in rows.iter().zip(&requests) {
        assert!(row[5].starts_with(&request.status.to_string()) && latency(row) < 5000, "{row:?} {request:?}");
        // The summary shows it as well.
        let shown = format!("| {} ms | {} |", latency(row), row[4]);
        assert!(end.summary.contains(&shown), "no {shown} in {}", end.summary);
    }
    // Each probe uses a new connection, as a new client would.
    assert!(requests.iter().all(|request| request.on_connection == 1), "{requests:?}");
}

#[test]
fn the_next_probe_reaches_the_server_after_a_reload() {
    let nginx = Nginx::serving(&["location / { return 503; }"]);
    let runner = gate_for(&nginx.url(0, "/")).input("attempts", "1000").input("consecutive", "2");
    let started = runner.start(&["health"]);
    started.wait_for_line("attempt 1 of 1000: 503 ");
    nginx.reload(&["location / { return 200; }"]);
    assert_end(&started.end_within(super::LIMIT), "passed", &["200 after ", "2 times in a row"]);
}

#[test]
fn a_flapping_endpoint_passes_only_with_enough_consecutive_successes() {
    // The number of the connection is the number of the attempt.
    let script = |bad: &str| {
        format!(
            "if ($connection ~ ^({bad})$) {{ return 503; }}
             location / {{ return 200; }}"
        )
    };
    for (bad, attempts, consecutive, verdict, words) in [
        // 200 503 200 200
        ("2", "10", "2", "passed", "200 after "),
        ("2", "10", "2", "passed", "2 times in a row (attempts 3 to 4 of 10)"),
        // 200 503 200: no attempt is left for a second success.
        ("2", "3", "2", "blocked", "503 after "),
        ("2|4|6", "6", "2", "blocked", "flapping: 503 after "),
        ("2|4|6", "6", "2", "blocked", "at most 1 good in a row, the last at "),
        // 200 200 503, then three successes.
        ("3", "10", "3", "passed", "3 times in a row (attempts 4 to 6 of 10)"),
        ("3", "5", "3", "blocked", "the 2 that are left cannot make 3 good ones in a row"),
        ("3|6|9", "9", "3", "blocked", "at most 2 good in a row"),
    ] {
        let nginx = Nginx::serving(&[&script(bad)]);
        let runner = gate_for(&nginx.url(0, "/")).input("attempts", attempts).input("consecutive", consecutive);
        let end = runner.run(&["health"]);
        assert_end(&end, verdict, &[words]);
        let probed: Vec<String> = probes(&end).iter().map(|row| row[5][..3].to_owned()).collect();
        let requests: Vec<String> = nginx.requests().iter().map(|request| request.status.to_string()).collect();
        assert_eq!(probed, requests, "{bad}");
    }
}

#[test]
fn several_endpoints_are_probed_concurrently_with_one_finding_each() {
    // Each response takes one or two seconds.
    let slow = "location / { limit_rate 300; try_files /slow =404; root @folder; }";
    let nginx = Nginx::serving(&[slow, UP_WITH_FILE]);
    let slow = (0..8).map(|number| nginx.url(0, &format!("/{number}")));
    let endpoints: Vec<String> = slow.chain([nginx.url(1, "/other")]).collect();
    nginx.put("up", "");
    nginx.put("slow", &"x".repeat(300));
    let end = gate_for(&endpoints.join("\n")).run(&["health"]);
    assert_end(&end, "passed", &[]);
    let named: Vec<&str> = findings(&end).iter().filter_map(|finding| finding["check"].as_str()).collect();
    let short: Vec<&str> = endpoints.iter().map(|url| url.trim_start_matches("http://")).collect();
    assert_eq!(named, short);
    let requests: Vec<LoggedRequest> = nginx.requests().into_iter().filter(|request| request.uri != "/other").collect();
    let last_began = requests.iter().map(|request| request.began).fold(0.0, f64::max);
    let first_ended = requests.iter().map(|request| request.ended).fold(f64::MAX, f64::min);
    assert_eq!(requests.len(), 8);
    assert!(last_began < first_ended, "concurrent requests: {requests:#?}");
}

#[test]
fn a_failing_endpoint_is_reported_next_to_a_healthy_one() {
    let nginx = Nginx::serving(&["location / { return 200; }", UP_WITH_FILE]);
    let (healthy, failing) = (nginx.url(0, "/healthy"), nginx.url(1, "/failing"));
    let end = gate_for(&format!("{healthy}\n{failing}")).run(&["health"]);
    let verdicts: Vec<_> = findings(&end).iter().map(|finding| [&finding["check"], &finding["verdict"]]).collect();
    assert_eq!((end.code, verdicts.len()), (1, 2), "{}", end.log);
    let name = |url: &str| json!(url.trim_start_matches("http://"));
    for expected in [[&name(&healthy), &json!("passed")], [&name(&failing), &json!("blocked")]] {
        assert!(verdicts.contains(&expected), "{verdicts:?}");
    }
    let error = end.commands().into_iter().find(|line| line.starts_with("::error ")).expect("an annotation");
    assert!(error.contains("/failing") && error.contains("503") && !error.contains("/healthy"), "{error}");
}

#[test]
fn a_condition_is_evaluated_for_every_transfer_and_content_encoding() {
    let nginx = Nginx::serving(&[r#"
        location /plain { return 200 '{"ready": true}'; }
        location /zipped { gzip on; gzip_min_length 0; gzip_types application/json; return 200 '{"ready": true}'; }
        location /chunked { sub_filter no yes; sub_filter_types application/json; return 200 '{"ready": true}'; }
        location /closing { keepalive_timeout 0; return 200 '{"ready": true}'; }
        location /pieces { try_files /pieces =404; root @folder; limit_rate 40000; }
        location /half { return 200 '{"ready": true'; }
        location /html { default_type text/html; return 200 '<!doctype html><title>Welcome</title>'; }
        location /empty { return 200; }
        location /silent { return 444; }"#]);
    nginx.put("pieces", &format!(r#"{{"filler": "{}", "ready": true}}"#, "x".repeat(50_000)));
    let ask = |path: &str| gate_for(&nginx.url(0, path)).input("condition", ".ready").input("consecutive", "2");
    for path in ["/plain", "/zipped", "/chunked", "/closing", "/pieces"] {
        assert_end(&ask(path).run(&["health"]), "passed", &["2 times in a row"]);
    }
    for (path, words) in [
        ("/half", "its body is not JSON"),
        ("/html", "its body is not JSON"),
        ("/empty", "its body is not JSON: there is nothing in it"),
        ("/silent", "closed the connection before its answer was complete"),
        ("/nowhere", "404 after "),
    ] {
        assert_end(&ask(path).run(&["health"]), "blocked", &[words]);
    }
    let requests = nginx.requests();
    let request_to = |path: &str| requests.iter().find(|request| request.uri == path).expect("a request");
    assert_eq!(
        (request_to("/zipped").content_encoding.as_str(), request_to("/chunked").transfer_encoding.as_str()),
        ("gzip", "chunked")
    );
    assert_eq!(
        (request_to("/plain").content_encoding.as_str(), request_to("/plain").transfer_encoding.as_str()),
        ("-", "-")
    );
    assert!(requests.iter().all(|request| request.on_connection == 1), "{requests:#?}");
}

#[test]
fn a_body_over_the_limit_is_inconclusive_unless_the_status_blocks() {
    let nginx = Nginx::serving(&[r"
        location /large { root @folder; }
        location /failed { error_page 503 /large; return 503; }"]);
    let large = std::fs::File::create(nginx.file("large")).expect("a file");
    large.set_len((10 << 20) + 1).expect("a size");
    let ask = |path: &str| gate_for(&nginx.url(0, path)).run(&["health"]);
    assert_end(&ask("/large"), "inconclusive", &["200", "the body is larger than 10485760 bytes"]);
    assert_end(&ask("/failed"), "blocked", &["503", "the body is larger than 10485760 bytes"]);
}

#[test]
fn the_default_settings_match_the_loop_that_the_gate_replaces() {
    let nginx = Nginx::serving(&["location / { return 200; }"]);
    let end = Runner::new().input("endpoints", &nginx.url(0, "/")).run(&["health"]);
    assert_end(&end, "passed", &["(attempt 1 of 10)"]);
    // `for i in {1..10}`, `sleep 10`, `== "200"`, curl without `-L`; and a request timeout, which curl does not have.
    let settings = &end.report["settings"];
    for (setting, value) in [
        ("attempts", json!(10)),
        ("interval", json!(10)),
        ("expect-status", json!([200])),
        ("consecutive", json!(1)),
        ("redirects", json!(0)),
        ("request-timeout", json!(10)),
    ] {
        assert_eq!(settings[setting], value, "{setting} in {settings}");
    }
}
