//! Redirects: a sign-in page answers 200 too, and must not count as healthy.

use super::{assert_end, gate_for, nginx::Nginx};

/// A service behind an authenticating proxy, which redirects to the sign-in page of the second server.
const SERVICE: &str = r#"
    location = /ready { return 302 http://127.0.0.1:@1/sign-in?return=s3cr3t; }
    location = /here { return 302 /sign-in; }
    location = /slash { return 301 /slash/; }
    location = /slash/ { return 200 '{"ready": true}'; }
    location = /moved { return 308 /healthz; }
    location = /healthz { return 200 '{"ready": true}'; }
    location = /circle { return 302 /circle; }
    location = /same { return 302 http://127.0.0.1:@1/same; }
    location = /named {
        if ($host = 127.0.0.1) { return 302 http://localhost:@0/named; }
        return 200 '<!doctype html><title>Sign in</title>';
    }
    location = /sign-in { default_type text/html; return 200 '<!doctype html><title>Sign in</title>'; }
    location = /inline { default_type text/html; return 200 '<!doctype html><title>Sign in</title>'; }"#;
const SIGN_IN: &str = r"
    default_type text/html;
    location / { return 200 '<!doctype html><title>Sign in</title>'; }";

#[test]
fn a_redirect_is_not_followed_and_its_target_is_named() {
    let nginx = Nginx::serving(&[SERVICE, SIGN_IN]);
    let end = gate_for(&nginx.url(0, "/ready")).run(&["health"]);
    let leads_to = format!("302, a redirect to {}, after ", nginx.url(1, "/sign-in"));
    assert_end(&end, "blocked", &[&leads_to, "a sign-in page says nothing about health"]);
    assert!(
        !end.log.contains("s3cr3t") && !end.summary.contains("s3cr3t") && !end.report.to_string().contains("s3cr3t")
    );
    let requests = nginx.requests();
    assert!(requests.len() == 2 && requests.iter().all(|request| request.status == 302), "{requests:?}");
}

#[test]
fn a_response_from_another_page_blocks_without_a_condition() {
    let nginx = Nginx::serving(&[SERVICE, SIGN_IN]);
    for (path, target) in [
        ("/ready", nginx.url(1, "/sign-in")),
        ("/here", nginx.url(0, "/sign-in")),
        ("/moved", nginx.url(0, "/healthz")),
        ("/same", nginx.url(1, "/same")),
        ("/named", format!("http://localhost:{}/named", nginx.port(0))),
    ] {
        let follow = || gate_for(&nginx.url(0, path)).input("redirects", "1");
        let words = format!("200 from {target}, another page, after ");
        let end = follow().run(&["health"]);
        assert_end(
            &end,
            "blocked",
            &[&words, "a sign-in page says nothing about health", "describe its body with `condition`"],
        );
        assert!(end.summary.contains("not as expected"), "{}", end.summary);
        // Only a condition can tell whether the other page belongs to the service.
        let end = follow().input("condition", ".ready").run(&["health"]);
        match path {
            "/moved" => assert_end(&end, "passed", &[&words]),
            _ => assert_end(&end, "blocked", &[&words, "its body is not JSON"]),
        }
    }
}

#[test]
fn a_redirect_to_the_same_page_passes_and_the_target_is_named() {
    let nginx = Nginx::serving(&[SERVICE, SIGN_IN]);
    let end = gate_for(&nginx.url(0, "/slash")).input("redirects", "1").run(&["health"]);
    assert_end(&end, "passed", &[&format!("200 from {} after ", nginx.url(0, "/slash/"))]);
    let circle = gate_for(&nginx.url(0, "/circle")).input("redirects", "3").run(&["health"]);
    assert_end(&circle, "blocked", &["one redirect more than 3"]);
    assert_eq!(nginx.requests().iter().filter(|request| request.uri == "/circle").count(), 8);
}

#[test]
fn a_condition_detects_a_sign_in_page_without_a_redirect() {
    let nginx = Nginx::serving(&[SERVICE, SIGN_IN]);
    let end = gate_for(&nginx.url(0, "/inline")).input("condition", ".status == \"ready\"").run(&["health"]);
    assert_end(&end, "blocked", &["200 after ", "its body is not JSON"]);
    assert!(end.summary.contains("Sign in"), "{}", end.summary);
}
