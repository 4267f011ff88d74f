//! Certificates: what is not trusted was not observed, and is told with what to do about it.

use super::{asking, holds, house::Runner, nginx::Nginx};

const SECURE: &str = r#"
    ssl_certificate @tls/server.pem;
    location / { return 200 '{"ready": true}'; }"#;
/// Valid until 2021.
const EXPIRED: &str = r#"
    ssl_certificate @tls/expired.pem;
    location / { return 200 '{"ready": true}'; }"#;
/// Wants a certificate of whoever asks.
const MUTUAL: &str = r#"
    ssl_certificate @tls/server.pem;
    ssl_client_certificate @tls/ca.pem;
    ssl_verify_client on;
    location / { return 200 '{"ready": true}'; }"#;

fn trusting(url: &str, authority: &str) -> Runner {
    let file = format!("{}/tests/tls/{authority}", env!("CARGO_MANIFEST_DIR"));
    asking(url).env("SSL_CERT_FILE", &file)
}

#[test]
fn an_authority_that_is_named_is_trusted_and_an_unknown_one_is_told_with_what_to_do() {
    let nginx = Nginx::serving(&[SECURE]);
    let url = nginx.https(0, "/ready");
    let end = trusting(&url, "ca.pem").input("condition", ".ready").run(&["health"]);
    holds(&end, "passed", &["200 after "]);
    let words = ["no TLS with localhost:", "UnknownIssuer", "SSL_CERT_FILE"];
    holds(&asking(&url).run(&["health"]), "inconclusive", &words);
    holds(&trusting(&url, "none.pem").run(&["health"]), "inconclusive", &["none.pem"]);
    // Nobody is asked without trust, not even for a status.
    assert_eq!(nginx.asked().len(), 1);
}

#[test]
fn a_certificate_of_another_name_or_time_is_not_trusted() {
    let nginx = Nginx::serving(&[SECURE, EXPIRED]);
    let by_address = nginx.https(0, "/").replace("localhost", "127.0.0.1");
    holds(
        &trusting(&by_address, "ca.pem").run(&["health"]),
        "inconclusive",
        &["certificate", "127.0.0.1", "localhost"],
    );
    let end = trusting(&nginx.https(1, "/"), "expired.pem").run(&["health"]);
    holds(&end, "inconclusive", &["certificate", "expired", "2021-01-01"]);
    assert!(nginx.asked().is_empty());
}

#[test]
fn a_port_of_the_other_kind_is_told() {
    let nginx = Nginx::serving(&[SECURE, "location / { return 200; }"]);
    holds(&asking(&nginx.https(1, "/")).run(&["health"]), "inconclusive", &["does this port speak TLS?"]);
    let end = asking(&nginx.url(0, "/")).run(&["health"]);
    holds(&end, "blocked", &["400 after "]);
    assert!(end.summary.contains("plain HTTP request was sent to HTTPS port"), "{}", end.summary);
}

#[test]
fn a_server_that_wants_our_certificate_is_told_by_what_it_says() {
    let nginx = Nginx::serving(&[MUTUAL]);
    let end = trusting(&nginx.https(0, "/"), "ca.pem").run(&["health"]);
    holds(&end, "blocked", &["400 after "]);
    assert!(end.summary.contains("No required SSL certificate was sent"), "{}", end.summary);
}
