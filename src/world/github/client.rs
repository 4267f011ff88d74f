//! The client of GitHub's API: one request, one response, never a retry.

use std::{error::Error, fmt, iter, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Limited};
use hyper::{HeaderMap, Method, body::Bytes};
use octocrab::Octocrab;
use serde_json::Value;

use super::{
    access::GitHubAccess,
    transport::{self, TransportConfig},
};
use crate::{
    clock::Stopwatch,
    finding::Finding,
    secret::Secret,
    values::HumanDuration,
    world::{
        network::Network,
        runtime::{Runtime, RuntimeError},
        time_limit::TimeLimit,
        url::Url,
    },
};

/// The largest response body that is read, in bytes.
pub(super) const MAX_BODY: usize = 8 << 20;
/// How much of a server's text a message quotes, in characters.
pub(super) const MAX_QUOTE: usize = 300;

/// A client for one API address and one token. Creating it sends nothing.
pub struct GitHub {
    runtime: Arc<Runtime>,
    rest: Endpoint,
    graphql: Endpoint,
    /// The last segment of the address for GraphQL, with its slash.
    graphql_path: String,
    token: Option<Secret>,
    timeout: Duration,
    /// For all calls together.
    total: Option<TimeLimit>,
}

/// An address that requests are sent to.
struct Endpoint {
    octocrab: Octocrab,
    /// The proxy of every request, for messages.
    proxy: Option<String>,
}

/// A complete response.
pub(super) struct ApiResponse {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why a request has no response.
pub(super) enum RequestError {
    /// There was no connection to send the request on.
    NotSent(String),
    /// The request may have arrived.
    NoResponse(String),
}

impl GitHub {
    /// Prepares the connection; reads the certificate authorities when the API is reached by `https://`.
    ///
    /// # Errors
    /// When the address, the token, the proxy or the authorities cannot be used.
    pub fn connect(runtime: Arc<Runtime>, network: &Network, access: GitHubAccess) -> Result<Self, Finding> {
        let rest = Endpoint::new(&runtime, network, transport::parse_base_url(&access.api_url)?, &access)?;
        let (graphql, graphql_path) = transport::parse_graphql_url(&access.graphql_url)?;
        let graphql = Endpoint::new(&runtime, network, graphql, &access)?;
        let GitHubAccess { token, timeout, total, .. } = access;
        let total = total.map(TimeLimit::start);
        Ok(Self { runtime, rest, graphql, graphql_path, token, timeout, total })
    }

    /// Sends one request, once, and reads the whole response. `path` is everything after the API's address,
    /// percent-encoded.
    pub(super) fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<ApiResponse, RequestError> {
        self.send_to(&self.rest, method, path, body)
    }

    /// Sends one query, once, and reads the whole response.
    pub(super) fn send_graphql(&self, body: &Value) -> Result<ApiResponse, RequestError> {
        self.send_to(&self.graphql, Method::POST, &self.graphql_path, Some(body))
    }

    fn send_to(
        &self,
        endpoint: &Endpoint,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ApiResponse, RequestError> {
        let started = Stopwatch::start();
        let asked = format!("github: {method} {}", path.split('?').next().unwrap_or_default());
        let response = self.exchange(endpoint, method, path, body);
        match &response {
            Ok(ApiResponse { status, body, .. }) => {
                log::debug!("{asked} → {status}, {} B, after {}", body.len(), HumanDuration(started.elapsed()));
            }
            Err(RequestError::NotSent(why) | RequestError::NoResponse(why)) => {
                log::debug!("{asked} → {why}, after {}", HumanDuration(started.elapsed()));
            }
        }
        response
    }

    fn exchange(
        &self,
        endpoint: &Endpoint,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ApiResponse, RequestError> {
        let octocrab = endpoint.octocrab.clone();
        let request = hyper::http::request::Builder::new().method(method).uri(path);
        let request =
            octocrab.build_request(request, body).map_err(|error| RequestError::NotSent(with_causes(&error)))?;
        let timeout = self.total.map_or(self.timeout, |total| total.of_next_call(self.timeout));
        let result = self.runtime.run(timeout, async move {
            let response = octocrab.execute(request).await.map_err(|error| request_error(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
                RequestError::NoResponse(format!("the response ended early: {}", with_causes(&*error)))
            })?;
            Ok(ApiResponse { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        });
        let response = result.unwrap_or_else(|error| {
            Err(RequestError::NoResponse(match error {
                // In tenths: what is left of the time for all calls is an odd number.
                RuntimeError::Timeout(limit) => {
                    format!("no answer within {} s", (limit.as_secs_f64() * 10.0).round() / 10.0)
                }
                RuntimeError::Ended => error.to_string(),
            }))
        });
        response.map_err(|error| match error {
            RequestError::NotSent(why) => RequestError::NotSent(self.sanitize(&endpoint.with_proxy(why))),
            RequestError::NoResponse(why) => RequestError::NoResponse(self.sanitize(&endpoint.with_proxy(why))),
        })
    }

    /// A server's text as a message may quote it: without the token, and clipped.
    pub(super) fn sanitize(&self, text: &str) -> String {
        let text = match &self.token {
            Some(token) => text.replace(token.expose(), "***"),
            None => text.to_owned(),
        };
        match text.char_indices().nth(MAX_QUOTE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

impl Endpoint {
    fn new(runtime: &Runtime, network: &Network, base: Url, access: &GitHubAccess) -> Result<Self, Finding> {
        let config = TransportConfig::new(network, &base)?;
        let proxy = config.proxy.as_ref().map(ToString::to_string);
        let access = access.clone();
        let built = runtime.run(access.timeout, async move { transport::build_octocrab(&base, &access, config) });
        let octocrab = built.map_err(|error| Finding::inconclusive("GitHub's API").actual(error.to_string()))??;
        Ok(Self { octocrab, proxy })
    }

    /// Adds the proxy, which may be the cause, to an error that does not name it.
    fn with_proxy(&self, why: String) -> String {
        match &self.proxy {
            Some(proxy) if !why.contains(proxy) => format!("{why} (through {proxy})"),
            _ => why,
        }
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Octocrab wraps hyper's error among its causes. The cause of hyper's error says more than hyper's error does.
fn request_error(error: &(dyn Error + 'static)) -> RequestError {
    match causes(error).find_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>()) {
        Some(error) => {
            let why = with_causes(error.source().unwrap_or(error));
            if error.is_connect() {
                RequestError::NotSent(format!("no connection: {why}"))
            } else {
                RequestError::NoResponse(format!("the connection was lost: {why}"))
            }
        }
        None => RequestError::NoResponse(with_causes(error)),
    }
}

/// An error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The messages of an error and its causes, without repetition.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut messages = Vec::<String>::new();
    for error in causes(error) {
        let message = error.to_string();
        if !messages.iter().any(|earlier| earlier.contains(&message)) {
            messages.push(message);
        }
    }
    messages.join(": ")
}
