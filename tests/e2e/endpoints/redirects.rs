//! A page to sign in on answers 200 as well.

use super::{asking, holds, nginx::Nginx};

/// A service behind a wall: whoever has not signed in is sent to the page of the second server.
const WALL: &str = r#"
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
fn a_redirect_is_not_followed_and_told_with_where_it_leads() {
    let nginx = Nginx::serving(&[WALL, SIGN_IN]);
    let end = asking(&nginx.url(0, "/ready")).run(&["health"]);
    let leads_to = format!("302, a redirect to {}, after ", nginx.url(1, "/sign-in"));
    holds(&end, "blocked", &[&leads_to, "a page to sign in on is not health"]);
    assert!(
        !end.log.contains("s3cr3t") && !end.summary.contains("s3cr3t") && !end.report.to_string().contains("s3cr3t")
    );
    let asked = nginx.asked();
    assert!(asked.len() == 2 && asked.iter().all(|asked| asked.status == 302), "{asked:?}");
}

#[test]
fn an_answer_of_another_page_is_not_that_of_the_endpoint() {
    let nginx = Nginx::serving(&[WALL, SIGN_IN]);
    for (path, from) in [
        ("/ready", nginx.url(1, "/sign-in")),
        ("/here", nginx.url(0, "/sign-in")),
        ("/moved", nginx.url(0, "/healthz")),
        ("/same", nginx.url(1, "/same")),
        ("/named", format!("http://localhost:{}/named", nginx.port(0))),
    ] {
        let follow = || asking(&nginx.url(0, path)).input("redirects", "1");
        let words = format!("200 from {from}, another page, after ");
        let end = follow().run(&["health"]);
        holds(&end, "blocked", &[&words, "a page to sign in on is not health", "say by `condition` what it holds"]);
        assert!(end.summary.contains("not as expected"), "{}", end.summary);
        // Only a condition tells whether that page is the service's.
        let end = follow().input("condition", ".ready").run(&["health"]);
        match path {
            "/moved" => holds(&end, "passed", &[&words]),
            _ => holds(&end, "blocked", &[&words, "its body is not JSON"]),
        }
    }
}

#[test]
fn the_same_page_by_its_own_redirect_passes_and_says_where_it_was() {
    let nginx = Nginx::serving(&[WALL, SIGN_IN]);
    let end = asking(&nginx.url(0, "/slash")).input("redirects", "1").run(&["health"]);
    holds(&end, "passed", &[&format!("200 from {} after ", nginx.url(0, "/slash/"))]);
    let circle = asking(&nginx.url(0, "/circle")).input("redirects", "3").run(&["health"]);
    holds(&circle, "blocked", &["one redirect more than 3"]);
    assert_eq!(nginx.asked().iter().filter(|asked| asked.uri == "/circle").count(), 8);
}

#[test]
fn a_page_to_sign_in_on_in_place_of_the_service_is_told_by_a_condition() {
    let nginx = Nginx::serving(&[WALL, SIGN_IN]);
    let end = asking(&nginx.url(0, "/inline")).input("condition", ".status == \"ready\"").run(&["health"]);
    holds(&end, "blocked", &["200 after ", "its body is not JSON"]);
    assert!(end.summary.contains("Sign in"), "{}", end.summary);
}
