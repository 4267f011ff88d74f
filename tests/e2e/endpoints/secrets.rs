//! A token in a header reaches only the service that it is for, and no output.

use super::{assert_end, gate_for, house::Ended, nginx::Nginx};

const GUARDED: &str = r#"
    if ($http_authorization != "Bearer s3cr3t-token") { return 401 '{"error": "who are you?"}'; }
    location = /ready { return 200 '{"ready": true}'; }
    location = /around { return 307 /ready; }
    location = /away { return 307 http://127.0.0.1:@1/landing; }
    location = /there-and-back { return 307 http://127.0.0.1:@1/back; }
    location = /echo { return 503 '{"you sent": "$http_authorization"}'; }
    location = /led { return 302 http://127.0.0.1:@1/$http_authorization; }
    location = /asked { return 302 http://127.0.0.1:@1/?from=$http_authorization; }"#;
const OTHER: &str = r#"
    location = /landing { return 200 '{"ready": true}'; }
    location = /back { return 307 http://127.0.0.1:@0/ready; }"#;

fn run_gate(nginx: &Nginx, path: &str, headers: &str, redirects: &str) -> Ended {
    let runner = gate_for(&nginx.url(0, path)).input("headers", headers).input("condition", ".ready");
    let runner = runner.input("redirects", redirects).env("RUST_LOG", "trace").env("RUNNER_DEBUG", "1");
    let end = runner.run(&["health"]);
    let log: Vec<&str> = end.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
    for output in [&log.join("\n"), &end.summary, &format!("{:?}", end.outputs), &end.report.to_string()] {
        assert!(!output.contains("s3cr3t"), "{output}");
    }
    end
}

#[test]
fn a_token_reaches_the_service_and_no_output() {
    let nginx = Nginx::serving(&[GUARDED, OTHER]);
    let token = "Authorization: Bearer s3cr3t-token";
    assert_end(&run_gate(&nginx, "/ready", token, "0"), "passed", &["200 after "]);
    assert_end(
        &run_gate(&nginx, "/ready", "X-Probe: s3cr3t", "0"),
        "blocked",
        &["401 after ", "give what it asks for in `headers`"],
    );
    let echo = run_gate(&nginx, "/echo", token, "0");
    assert_end(&echo, "blocked", &["503 after "]);
    assert!(echo.summary.contains("not shown: it repeats a header of the request"), "{}", echo.summary);
    for path in ["/led", "/asked"] {
        for redirects in ["0", "1"] {
            assert_eq!(run_gate(&nginx, path, token, redirects).code, 1);
        }
    }
    let requests = nginx.requests();
    let with_token = requests.iter().filter(|request| request.authorization == "Bearer s3cr3t-token");
    assert!(with_token.count() >= 2 && requests.iter().any(|request| request.authorization == "-"), "{requests:#?}");
}

#[test]
fn a_token_follows_redirects_on_the_same_server_only() {
    let nginx = Nginx::serving(&[GUARDED, OTHER]);
    let token = "Authorization: Bearer s3cr3t-token\nX-Api-Key: s3cr3t-key";
    assert_end(&run_gate(&nginx, "/around", token, "1"), "passed", &[]);
    assert_end(
        &run_gate(&nginx, "/away", token, "1"),
        "passed",
        &[&format!("200 from {}, another page, after ", nginx.url(1, "/landing"))],
    );
    // After a redirect to another server, the token is not sent again.
    let words = ["401 from ", "a redirect to another server is followed without `headers`"];
    assert_end(&run_gate(&nginx, "/there-and-back", token, "2"), "blocked", &words);
    let other = nginx.port(1);
    let requests = nginx.requests();
    let (other_server, same_server): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.port == other);
    assert!(
        other_server.len() >= 2 && other_server.iter().all(|request| request.authorization == "-"),
        "{other_server:#?}"
    );
    assert!(
        same_server.iter().any(|request| request.uri == "/ready" && request.authorization.starts_with("Bearer ")),
        "{same_server:#?}"
    );
}

#[test]
fn an_error_response_is_shown_with_likely_secrets_redacted() {
    let nginx = Nginx::serving(&[
        r#"location / { return 500 '{"error": "no database", "password": "s3cr3t", "url": "postgres://app:s3cr3t@db/"}'; }"#,
    ]);
    let end = run_gate(&nginx, "/", "X-Probe: 1", "0");
    assert_end(&end, "blocked", &["500 after "]);
    assert!(end.summary.contains("no database") && end.log.contains("no database"), "{}", end.summary);
}
