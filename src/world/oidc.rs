//! GitHub's OIDC provider: the runner's address that gives a job its token, and the issuer's public keys.
//!
//! Sources: GitHub's documentation, "OpenID Connect reference" (`ACTIONS_ID_TOKEN_REQUEST_URL`); OpenID Connect Discovery 1.0,
//! sections 4.1 to 4.3.
//!
//! Each request is sent once, and no redirect is followed: the token of the request goes to the runner's own address, and keys
//! count only from the issuer's own host.

mod issuer;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Deserialize;

pub use issuer::Issuer;

use super::{
    http::{Header, HttpClient, Request, Response},
    url::Url,
};
use crate::{finding::Finding, proof::keys::KeySet, runner_env::OidcRequest, secret::Secret, values::clip};

/// GitHub's documents have a few KiB.
const MAX_DOCUMENT: u64 = 256 << 10;
/// How much of a text from outside goes into a message, in characters.
const CLIP: usize = 200;

/// Asks the runner's OIDC provider for a token with this audience.
///
/// # Errors
/// The runner's address cannot be used, does not answer, or answers without a token.
pub fn request_token(
    http: &HttpClient,
    request: &OidcRequest,
    audience: &str,
    timeout: Duration,
) -> Result<Secret, Finding> {
    const CHECK: &str = "the runner's OIDC provider";
    #[derive(Deserialize)]
    struct TokenJson {
        value: String,
    }
    let failed = |actual: String, next: &str| {
        Finding::inconclusive(CHECK).actual(actual).expected("a token that GitHub signed for this job").next(next)
    };
    let unusable = |actual: String| failed(actual, "see which step of this job changes this variable");
    let unanswered =
        |actual: String| failed(actual, "run this job again; if it happens again, see GitHub's status page");
    let url: Url = request.url.parse().map_err(|_| unusable("ACTIONS_ID_TOKEN_REQUEST_URL is not a URL".to_owned()))?;
    if !url.is_encrypted_or_local() {
        let actual = format!("ACTIONS_ID_TOKEN_REQUEST_URL is {}, which is not encrypted", url.without_query());
        return Err(unusable(actual));
    }
    let header: Header = format!("Authorization: Bearer {}", request.token.expose())
        .parse()
        .map_err(|_| unusable("ACTIONS_ID_TOKEN_REQUEST_TOKEN cannot be sent in a header".to_owned()))?;
    let message = Request::get(url.with_parameter("audience", audience)).header(header);
    let response = http
        .fetch(&message.timeout(timeout).max_body(MAX_DOCUMENT))
        .map_err(|error| unanswered(format!("{}: {error}", url.without_query())).temporary(Duration::ZERO))?;
    let status = response.status;
    if status != 200 {
        return Err(with_retry(unanswered(format!("{} responds {status}", url.without_query())), status));
    }
    // The error could quote the token.
    let token: TokenJson =
        serde_json::from_slice(&response.body).map_err(|_| unanswered("its response holds no token".to_owned()))?;
    Ok(Secret::new(token.value))
}

/// Reads the keys of an issuer: its discovery document, then the JWKS document that it names.
///
/// # Errors
/// A document cannot be read, is of another issuer, or names keys on another host.
pub fn fetch_keys(http: &HttpClient, issuer: &Issuer, timeout: Duration) -> Result<KeySet, Finding> {
    #[derive(Deserialize)]
    struct DiscoveryJson {
        issuer: String,
        jwks_uri: String,
    }
    let document = fetch(http, issuer, &issuer.discovery_url(), timeout)?;
    let discovery: DiscoveryJson = serde_json::from_slice(&document.body).map_err(|error| {
        refused(issuer, &format!("{} is no discovery document: {error}", document.url.without_query()))
    })?;
    if discovery.issuer != issuer.as_str() {
        let actual = format!("its discovery document is of {:?}", clip(&discovery.issuer, CLIP));
        return Err(refused(issuer, &actual));
    }
    let keys_url: Url = discovery.jwks_uri.parse().map_err(|_| {
        refused(issuer, &format!("its discovery document names the keys {:?}", clip(&discovery.jwks_uri, CLIP)))
    })?;
    if !keys_url.same_origin(issuer.url()) {
        let actual = format!("its discovery document names keys on another host: {}", keys_url.without_query());
        return Err(refused(issuer, &actual));
    }
    let document = fetch(http, issuer, &keys_url, timeout)?;
    KeySet::parse(&document.body)
        .map_err(|error| refused(issuer, &format!("{} holds no keys: {error}", document.url.without_query())))
}

fn fetch(http: &HttpClient, issuer: &Issuer, url: &Url, timeout: Duration) -> Result<Response, Finding> {
    let request = Request::get(url.clone()).timeout(timeout).max_body(MAX_DOCUMENT);
    let response = http
        .fetch(&request)
        .map_err(|error| refused(issuer, &format!("{}: {error}", url.without_query())).temporary(Duration::ZERO))?;
    match response.status {
        200 => Ok(response),
        status => Err(with_retry(refused(issuer, &format!("{} responds {status}", url.without_query())), status)),
    }
}

/// A server that responds so may respond otherwise later.
const fn with_retry(finding: Finding, status: u16) -> Finding {
    if status == 429 || status >= 500 { finding.temporary(Duration::ZERO) } else { finding }
}

fn refused(issuer: &Issuer, actual: &str) -> Finding {
    Finding::inconclusive("issuer")
        .actual(clip(actual, 2 * CLIP))
        .expected(format!("the public keys of {issuer}, from its own host"))
        .next("see whether this runner reaches it, and whether `issuer` is right; then run this job again")
}
