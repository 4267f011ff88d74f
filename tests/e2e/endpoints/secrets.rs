//! A token in a header is seen by the service that it was given for, and by nobody else.

use super::{asking, holds, house::Ended, nginx::Nginx};

const GUARDED: &str = r#"
    if ($http_authorization != "Bearer s3cr3t-token") { return 401 '{"error": "who are you?"}'; }
    location = /ready { return 200 '{"ready": true}'; }
    location = /around { return 307 /ready; }
    location = /away { return 307 http://127.0.0.1:@1/landing; }
    location = /there-and-back { return 307 http://127.0.0.1:@1/back; }
    location = /echo { return 503 '{"you said": "$http_authorization"}'; }
    location = /led { return 302 http://127.0.0.1:@1/$http_authorization; }
    location = /asked { return 302 http://127.0.0.1:@1/?from=$http_authorization; }"#;
const OTHER: &str = r#"
    location = /landing { return 200 '{"ready": true}'; }
    location = /back { return 307 http://127.0.0.1:@0/ready; }"#;

fn ask(nginx: &Nginx, path: &str, headers: &str, redirects: &str) -> Ended {
    let runner = asking(&nginx.url(0, path)).input("headers", headers).input("condition", ".ready");
    let runner = runner.input("redirects", redirects).env("RUST_LOG", "trace").env("RUNNER_DEBUG", "1");
    let end = runner.run(&["health"]);
    let log: Vec<&str> = end.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
    for place in [&log.join("\n"), &end.summary, &format!("{:?}", end.outputs), &end.report.to_string()] {
        assert!(!place.contains("s3cr3t"), "{place}");
    }
    end
}

#[test]
fn a_token_reaches_the_service_and_no_output() {
    let nginx = Nginx::serving(&[GUARDED, OTHER]);
    let token = "Authorization: Bearer s3cr3t-token";
    holds(&ask(&nginx, "/ready", token, "0"), "passed", &["200 after "]);
    holds(
        &ask(&nginx, "/ready", "X-Probe: s3cr3t", "0"),
        "blocked",
        &["401 after ", "give what it asks for in `headers`"],
    );
    let echo = ask(&nginx, "/echo", token, "0");
    holds(&echo, "blocked", &["503 after "]);
    assert!(echo.summary.contains("not shown: it repeats a header of the request"), "{}", echo.summary);
    for path in ["/led", "/asked"] {
        for redirects in ["0", "1"] {
            assert_eq!(ask(&nginx, path, token, redirects).code, 1);
        }
    }
    let asked = nginx.asked();
    let with_token = asked.iter().filter(|asked| asked.authorization == "Bearer s3cr3t-token");
    assert!(with_token.count() >= 2 && asked.iter().any(|asked| asked.authorization == "-"), "{asked:#?}");
}

#[test]
fn a_token_follows_a_redirect_on_its_own_server_only() {
    let nginx = Nginx::serving(&[GUARDED, OTHER]);
    let token = "Authorization: Bearer s3cr3t-token\nX-Api-Key: s3cr3t-key";
    holds(&ask(&nginx, "/around", token, "1"), "passed", &[]);
    holds(
        &ask(&nginx, "/away", token, "1"),
        "passed",
        &[&format!("200 from {}, another page, after ", nginx.url(1, "/landing"))],
    );
    // Once it stayed behind, it does not come back.
    let words = ["401 from ", "a redirect to another server is followed without `headers`"];
    holds(&ask(&nginx, "/there-and-back", token, "2"), "blocked", &words);
    let other = nginx.port(1);
    let asked = nginx.asked();
    let (abroad, home): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| asked.port == other);
    assert!(abroad.len() >= 2 && abroad.iter().all(|asked| asked.authorization == "-"), "{abroad:#?}");
    assert!(home.iter().any(|asked| asked.uri == "/ready" && asked.authorization.starts_with("Bearer ")), "{home:#?}");
}

#[test]
fn a_page_of_errors_is_shown_without_what_looks_like_a_secret() {
    let nginx = Nginx::serving(&[
        r#"location / { return 500 '{"error": "no database", "password": "s3cr3t", "url": "postgres://app:s3cr3t@db/"}'; }"#,
    ]);
    let end = ask(&nginx, "/", "X-Probe: 1", "0");
    holds(&end, "blocked", &["500 after "]);
    assert!(end.summary.contains("no database") && end.log.contains("no database"), "{}", end.summary);
}
