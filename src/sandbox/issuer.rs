//! A fake OIDC provider: it gives a job a token, as the runner's `ACTIONS_ID_TOKEN_REQUEST_URL` does, and publishes its keys, as
//! GitHub's issuer does.

pub mod key;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, LazyLock, Mutex},
};

use hyper::Method;
use serde_json::{Value, json};

use super::{
    github::{FakeRun, now, repository_id},
    lock::lock,
    server::{FakeResponse, LoopbackServer, ReceivedRequest},
};
use key::SigningKey;

/// The issuer's path, as on an Enterprise server.
const PATH: &str = "/_services/token";
const DISCOVERY: &str = "/_services/token/.well-known/openid-configuration";
const KEYS: &str = "/_services/token/.well-known/jwks";
const TOKENS: &str = "/idtoken";
/// The id of the key that signs.
pub const KEY_ID: &str = "key-of-the-sandbox";

/// The key of every issuer in this process: to make one takes longer than everything else that the sandbox does.
static KEY: LazyLock<io::Result<SigningKey>> = LazyLock::new(SigningKey::generate);

/// The key of every issuer in this process.
///
/// # Errors
/// When the system has no random bytes.
pub fn signing_key() -> io::Result<&'static SigningKey> {
    KEY.as_ref().map_err(|error| io::Error::other(error.to_string()))
}

/// A running issuer; stops when dropped.
pub struct FakeIssuer {
    server: LoopbackServer,
    state: Arc<Mutex<IssuerState>>,
}

struct IssuerState {
    /// The claims of the job that has a request token, without those that every token has.
    jobs: BTreeMap<String, Value>,
    discovery: Value,
    keys: Value,
    /// Responses that replace the real ones, by path.
    replaced: BTreeMap<String, FakeResponse>,
    /// Responses that replace the next real one, by path.
    failing: BTreeMap<String, FakeResponse>,
    /// The method, path and query of each request.
    requests: Vec<String>,
}

impl FakeIssuer {
    /// Starts with one key and no jobs.
    ///
    /// # Errors
    /// When the system has no free port, cannot start a thread, or has no random bytes.
    pub fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(IssuerState {
            jobs: BTreeMap::new(),
            discovery: Value::Null,
            keys: json!({ "keys": [signing_key()?.to_jwk(KEY_ID)] }),
            replaced: BTreeMap::new(),
            failing: BTreeMap::new(),
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let server = LoopbackServer::start(move |request| lock(&shared).respond(request))?;
        let issuer = Self { server, state };
        let discovery = json!({
            "issuer": issuer.issuer(),
            "jwks_uri": format!("{}{KEYS}", issuer.server.url()),
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        issuer.set_discovery(discovery);
        Ok(issuer)
    }

    /// The value of `iss`, below which the discovery document is.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}{PATH}", self.server.url())
    }

    /// The value for `ACTIONS_ID_TOKEN_REQUEST_URL`.
    #[must_use]
    pub fn request_url(&self) -> String {
        format!("{}{TOKENS}?api-version=2.0", self.server.url())
    }

    /// Lets a job ask for tokens with this value of `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. The claims are the job's own: issuer,
    /// audience and time are added.
    pub fn add_job(&self, request_token: &str, claims: Value) {
        lock(&self.state).jobs.insert(request_token.to_owned(), claims);
    }

    /// Replaces the discovery document.
    pub fn set_discovery(&self, discovery: Value) {
        lock(&self.state).discovery = discovery;
    }

    /// Replaces the JWKS document.
    pub fn set_keys(&self, keys: Value) {
        lock(&self.state).keys = keys;
    }

    /// Replaces the response to every request of a path that ends so.
    pub fn replace(&self, path_end: &str, response: FakeResponse) {
        lock(&self.state).replaced.insert(path_end.to_owned(), response);
    }

    /// Replaces the response to the next request of a path that ends so.
    pub fn fail_once(&self, path_end: &str, response: FakeResponse) {
        lock(&self.state).failing.insert(path_end.to_owned(), response);
    }

    /// The requests so far: method, path and query.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }

    /// Signs the claims of a job for an audience.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn sign(&self, claims: &Value, audience: &str) -> io::Result<String> {
        sign(&self.issuer(), claims, audience)
    }
}

/// What GitHub says about a job of a run, on the default branch `main`.
#[must_use]
pub fn job_claims(repository: &str, run: &FakeRun, job: u64) -> Value {
    let workflow_ref = format!("{repository}/{}@refs/heads/main", run.path);
    json!({
        "sub": format!("repo:{repository}:ref:refs/heads/main"),
        "repository": repository,
        "repository_id": repository_id(repository).to_string(),
        "run_id": run.id.to_string(),
        "run_attempt": run.attempt.to_string(),
        "event_name": run.event,
        "workflow_ref": workflow_ref,
        "job_workflow_ref": workflow_ref,
        "ref": "refs/heads/main",
        "sha": run.head_sha,
        "check_run_id": job.to_string(),
    })
}

fn sign(issuer: &str, claims: &Value, audience: &str) -> io::Result<String> {
    let issued_at = now().as_second();
    let mut all = json!({
        "iss": issuer, "aud": audience, "iat": issued_at, "nbf": issued_at - 600, "exp": issued_at + 300, "jti": "1",
    });
    for (name, value) in claims.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    signing_key()?.sign(&json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID }), &all)
}

impl IssuerState {
    fn respond(&mut self, request: &ReceivedRequest) -> FakeResponse {
        self.requests.push(format!("{} {}?{}", request.method, request.path, request.query));
        let failing = self.failing.keys().find(|end| request.path.ends_with(&***end)).cloned();
        if let Some(response) = failing.and_then(|end| self.failing.remove(&end)) {
            return response;
        }
        if let Some((_, response)) = self.replaced.iter().find(|(end, _)| request.path.ends_with(&***end)) {
            return response.clone();
        }
        match request.path.as_str() {
            _ if request.method != Method::GET => FakeResponse::status(405),
            DISCOVERY => FakeResponse::json(200, &self.discovery),
            KEYS => FakeResponse::json(200, &self.keys),
            TOKENS => self.give_token(request),
            _ => FakeResponse::status(404),
        }
    }

    /// The token of the job that asks: `{ "count": …, "value": … }`.
    fn give_token(&self, request: &ReceivedRequest) -> FakeResponse {
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(claims) = header.strip_prefix("Bearer ").and_then(|token| self.jobs.get(token)) else {
            return FakeResponse::status(401);
        };
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(request.query.as_bytes()).collect();
        let (Some(audience), Some("2.0")) = (query.get("audience"), query.get("api-version").map(|text| &**text))
        else {
            return FakeResponse::status(400);
        };
        let issuer = self.discovery["issuer"].as_str().unwrap_or_default();
        match sign(issuer, claims, audience) {
            Ok(token) => FakeResponse::json(200, &json!({ "count": token.len(), "value": token })),
            Err(error) => FakeResponse::text(500, "text/plain", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{ProofError, keys::KeySet, token};

    #[test]
    fn the_issuers_keys_verify_its_tokens() {
        let issuer = FakeIssuer::start().unwrap();
        let claims = json!({
            "repository": "acme/shop", "repository_id": "74", "run_id": "7", "run_attempt": "1", "event_name": "push",
            "workflow_ref": "w", "ref": "refs/heads/main", "sha": "a",
        });
        issuer.add_job("job-7", claims);
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
        let ask = |token: &str| {
            let url = format!("{}&audience=promote-gates%3Ax", issuer.request_url());
            let mut response = agent.get(url).header("authorization", format!("Bearer {token}")).call().unwrap();
            (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
        };
        assert_eq!(ask("job-8").0, 401);
        let (status, body) = ask("job-7");
        let body: Value = serde_json::from_str(&body).unwrap();
        let keys = agent.get(format!("{}/.well-known/jwks", issuer.issuer())).call().unwrap();
        let keys = KeySet::parse(keys.into_body().read_to_string().unwrap().as_bytes()).unwrap();
        let claims = token::verify(body["value"].as_str().unwrap(), &keys).unwrap();
        assert_eq!((status, &*claims.audience, claims.run_id), (200, "promote-gates:x", 7));
        assert_eq!(claims.issuer, issuer.issuer());
        let other = SigningKey::generate().unwrap();
        let other = KeySet::parse(json!({ "keys": [other.to_jwk(KEY_ID)] }).to_string().as_bytes()).unwrap();
        assert_eq!(token::verify(body["value"].as_str().unwrap(), &other), Err(ProofError::Signature));
    }
}
