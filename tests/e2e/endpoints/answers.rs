//! Answers, good and bad, one after the other and side by side.

use serde_json::json;

use super::{
    asking, findings, holds,
    house::Runner,
    latency,
    nginx::{Asked, Nginx},
    probes,
};

/// Answers 503 until there is a file of that name.
const ONCE_UP: &str = r#"
    location / {
        if (!-f @folder/up) { return 503 '{"status": "starting"}'; }
        return 200 '{"status": "ready", "version": "1.4.2"}';
    }"#;

#[test]
fn one_that_comes_up_passes_then_with_the_latency_of_each_probe() {
    let nginx = Nginx::serving(&[ONCE_UP]);
    let url = nginx.url(0, "/health/ready");
    let runner = asking(&url).input("attempts", "1000").input("condition", ".version == $subject.tag");
    let runner = runner.input("tag", "1.4.2");
    let started = runner.start(&["health"]);
    started.heard("attempt 2 of 1000: 503 ");
    nginx.put("up", "");
    let end = started.end_within(super::LIMIT);
    holds(&end, "passed", &["200 after ", " of 1000)"]);
    let rows = probes(&end);
    let asked = nginx.asked();
    assert_eq!(asked.len(), rows.len());
    let (last, earlier) = rows.split_last().expect("probes");
    assert!(earlier.len() >= 2 && earlier.iter().all(|row| row[4] == "not as expected"), "{rows:?}");
    assert!(earlier.iter().all(|row| row[5].ends_with(r#"body: {"status": "starting"}"#)), "{rows:?}");
    assert_eq!(last[4], "as expected");
    for (row, asked) in rows.iter().zip(&asked) {
        assert!(row[5].starts_with(&asked.status.to_string()) && latency(row) < 5000, "{row:?} {asked:?}");
        // A person sees it too.
        let shown = format!("| {} ms | {} |", latency(row), row[4]);
        assert!(end.summary.contains(&shown), "no {shown} in {}", end.summary);
    }
    // Each on a connection of its own: what a new client would see.
    assert!(asked.iter().all(|asked| asked.on_connection == 1), "{asked:?}");
}

#[test]
fn a_reload_is_seen_by_the_next_probe() {
    let nginx = Nginx::serving(&["location / { return 503; }"]);
    let runner = asking(&nginx.url(0, "/")).input("attempts", "1000").input("consecutive", "2");
    let started = runner.start(&["health"]);
    started.heard("attempt 1 of 1000: 503 ");
    nginx.reload(&["location / { return 200; }"]);
    holds(&started.end_within(super::LIMIT), "passed", &["200 after ", "2 times in a row"]);
}

#[test]
fn flapping_passes_by_a_row_and_by_nothing_else() {
    // By the number of the connection, which is that of the attempt.
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
        // 200 503 200: one that is left cannot be two.
        ("2", "3", "2", "blocked", "503 after "),
        ("2|4|6", "6", "2", "blocked", "flapping: 503 after "),
        ("2|4|6", "6", "2", "blocked", "at most 1 good in a row, the last at "),
        // 200 200 503, and then it takes three.
        ("3", "10", "3", "passed", "3 times in a row (attempts 4 to 6 of 10)"),
        ("3", "5", "3", "blocked", "the 2 that are left cannot make 3 good ones in a row"),
        ("3|6|9", "9", "3", "blocked", "at most 2 good in a row"),
    ] {
        let nginx = Nginx::serving(&[&script(bad)]);
        let runner = asking(&nginx.url(0, "/")).input("attempts", attempts).input("consecutive", consecutive);
        let end = runner.run(&["health"]);
        holds(&end, verdict, &[words]);
        let seen: Vec<String> = probes(&end).iter().map(|row| row[5][..3].to_owned()).collect();
        let asked: Vec<String> = nginx.asked().iter().map(|asked| asked.status.to_string()).collect();
        assert_eq!(seen, asked, "{bad}");
    }
}

#[test]
fn several_are_asked_side_by_side_and_told_one_by_one() {
    // Each takes a second or two, as nginx counts.
    let slow = "location / { limit_rate 300; try_files /slow =404; root @folder; }";
    let nginx = Nginx::serving(&[slow, ONCE_UP]);
    let slow = (0..8).map(|number| nginx.url(0, &format!("/{number}")));
    let endpoints: Vec<String> = slow.chain([nginx.url(1, "/down")]).collect();
    nginx.put("up", "");
    nginx.put("slow", &"x".repeat(300));
    let end = asking(&endpoints.join("\n")).run(&["health"]);
    holds(&end, "passed", &[]);
    let named: Vec<&str> = findings(&end).iter().filter_map(|finding| finding["check"].as_str()).collect();
    assert_eq!(named, endpoints);
    let asked: Vec<Asked> = nginx.asked().into_iter().filter(|asked| asked.uri != "/down").collect();
    let last_began = asked.iter().map(|asked| asked.began).fold(0.0, f64::max);
    let first_ended = asked.iter().map(|asked| asked.ended).fold(f64::MAX, f64::min);
    assert_eq!(asked.len(), 8);
    assert!(last_began < first_ended, "all of them at once: {asked:#?}");
}

#[test]
fn one_that_is_down_is_told_beside_those_that_are_well() {
    let nginx = Nginx::serving(&["location / { return 200; }", ONCE_UP]);
    let (well, down) = (nginx.url(0, "/well"), nginx.url(1, "/down"));
    let end = asking(&format!("{well}\n{down}")).run(&["health"]);
    let told: Vec<_> = findings(&end).iter().map(|finding| [&finding["check"], &finding["verdict"]]).collect();
    assert_eq!((end.code, told.len()), (1, 2), "{}", end.log);
    for one in [[&json!(well), &json!("passed")], [&json!(down), &json!("blocked")]] {
        assert!(told.contains(&one), "{told:?}");
    }
    let error = end.commands().into_iter().find(|line| line.starts_with("::error ")).expect("an annotation");
    assert!(error.contains("/down") && error.contains("503") && !error.contains("/well"), "{error}");
}

#[test]
fn a_body_is_judged_however_it_comes() {
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
    let ask = |path: &str| asking(&nginx.url(0, path)).input("condition", ".ready").input("consecutive", "2");
    for path in ["/plain", "/zipped", "/chunked", "/closing", "/pieces"] {
        holds(&ask(path).run(&["health"]), "passed", &["2 times in a row"]);
    }
    for (path, words) in [
        ("/half", "its body is not JSON"),
        ("/html", "its body is not JSON"),
        ("/empty", "its body is not JSON: there is nothing in it"),
        ("/silent", "closed the connection before its answer was complete"),
        ("/nowhere", "404 after "),
    ] {
        holds(&ask(path).run(&["health"]), "blocked", &[words]);
    }
    let asked = nginx.asked();
    let of = |path: &str| asked.iter().find(|asked| asked.uri == path).expect("it was asked");
    assert_eq!(
        (of("/zipped").content_encoding.as_str(), of("/chunked").transfer_encoding.as_str()),
        ("gzip", "chunked")
    );
    assert_eq!((of("/plain").content_encoding.as_str(), of("/plain").transfer_encoding.as_str()), ("-", "-"));
    assert!(asked.iter().all(|asked| asked.on_connection == 1), "{asked:#?}");
}

#[test]
fn a_body_that_nobody_reads_decides_nothing_unless_its_status_does() {
    let nginx = Nginx::serving(&[r"
        location /large { root @folder; }
        location /failed { error_page 503 /large; return 503; }"]);
    let large = std::fs::File::create(nginx.file("large")).expect("a file");
    large.set_len((10 << 20) + 1).expect("a size");
    let ask = |path: &str| asking(&nginx.url(0, path)).run(&["health"]);
    holds(&ask("/large"), "inconclusive", &["200", "the body is larger than 10485760 bytes"]);
    holds(&ask("/failed"), "blocked", &["503", "the body is larger than 10485760 bytes"]);
}

#[test]
fn the_defaults_ask_as_often_as_the_loop_they_replace() {
    let nginx = Nginx::serving(&["location / { return 200; }"]);
    let end = Runner::new().input("endpoints", &nginx.url(0, "/")).run(&["health"]);
    holds(&end, "passed", &["(attempt 1 of 10)"]);
    // `for i in {1..10}`, `sleep 10`, `== "200"`, curl without `-L`; and a limit, which curl has not.
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
