//! TLS certificates: an untrusted server is inconclusive, and the finding says what to do.

use super::{assert_end, gate_for, house::Runner, nginx::Nginx};

const SECURE: &str = r#"
    ssl_certificate @tls/server.pem;
    location / { return 200 '{"ready": true}'; }"#;
/// Valid until 2021.
const EXPIRED: &str = r#"
    ssl_certificate @tls/expired.pem;
    location / { return 200 '{"ready": true}'; }"#;
/// Requires a client certificate.
const MUTUAL: &str = r#"
    ssl_certificate @tls/server.pem;
    ssl_client_certificate @tls/ca.pem;
    ssl_verify_client on;
    location / { return 200 '{"ready": true}'; }"#;

fn trusting(url: &str, authority: &str) -> Runner {
    let file = format!("{}/tests/tls/{authority}", env!("CARGO_MANIFEST_DIR"));
    gate_for(url).env("SSL_CERT_FILE", &file)
}

#[test]
fn a_configured_authority_is_trusted_and_an_unknown_one_is_inconclusive_with_advice() {
    let nginx = Nginx::serving(&[SECURE]);
    let url = nginx.https(0, "/ready");
    let end = trusting(&url, "ca.pem").input("condition", ".ready").run(&["health"]);
    assert_end(&end, "passed", &["200 after "]);
    let words = ["no TLS with localhost:", "UnknownIssuer", "SSL_CERT_FILE"];
    assert_end(&gate_for(&url).run(&["health"]), "inconclusive", &words);
    assert_end(&trusting(&url, "none.pem").run(&["health"]), "inconclusive", &["none.pem"]);
    // Without trust, no request is sent.
    assert_eq!(nginx.requests().len(), 1);
}

#[test]
fn a_certificate_with_another_name_or_an_expired_one_is_not_trusted() {
    let nginx = Nginx::serving(&[SECURE, EXPIRED]);
    let by_address = nginx.https(0, "/").replace("localhost", "127.0.0.1");
    assert_end(
        &trusting(&by_address, "ca.pem").run(&["health"]),
        "inconclusive",
        &["certificate", "127.0.0.1", "localhost"],
    );
    let end = trusting(&nginx.https(1, "/"), "expired.pem").run(&["health"]);
    assert_end(&end, "inconclusive", &["certificate", "expired", "2021-01-01"]);
    assert!(nginx.requests().is_empty());
}

#[test]
fn a_mismatch_of_http_and_https_is_named() {
    let nginx = Nginx::serving(&[SECURE, "location / { return 200; }"]);
    assert_end(&gate_for(&nginx.https(1, "/")).run(&["health"]), "inconclusive", &["does this port speak TLS?"]);
    let end = gate_for(&nginx.url(0, "/")).run(&["health"]);
    assert_end(&end, "blocked", &["400 after "]);
    assert!(end.summary.contains("plain HTTP request was sent to HTTPS port"), "{}", end.summary);
}

#[test]
fn a_required_client_certificate_is_named_by_the_servers_response() {
    let nginx = Nginx::serving(&[MUTUAL]);
    let end = trusting(&nginx.https(0, "/"), "ca.pem").run(&["health"]);
    assert_end(&end, "blocked", &["400 after "]);
    assert!(end.summary.contains("No required SSL certificate was sent"), "{}", end.summary);
}
