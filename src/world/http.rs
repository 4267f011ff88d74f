//! A blocking HTTP client for reads: health probes, baselines, result files.
//!
//! It sends GET and HEAD only, which change nothing, so it needs no `Permit`. The requests of a team's file of checks may have
//! any method, and are apart, in [`team_session`]. Each [`HttpClient::fetch`] opens a new
//! connection, sends its request once and closes the connection. So a probe sees what a new client sees, and its `elapsed`
//! always includes the name lookup, the connection and TLS.
//!
//! The timeout covers the whole exchange: the name lookup (on a thread that is detached when the resolver hangs), the
//! connection (several addresses share the time), TLS, every read and every redirect. The head of a response is limited to
//! 64 KiB, its decompressed body to [`Request::max_body`].

mod cookies;
mod error;
mod header;
mod proxy;
mod stage;
pub mod team_session;
#[cfg(test)]
mod tests;

use std::{
    io::Read,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ureq::{
    Agent,
    tls::TlsConfig,
    unversioned::transport::{Connector, TcpConnector},
};

use error::Attempt;
pub use error::{HttpError, HttpErrorKind};
pub use header::{Header, header_secrets};
use proxy::{AbsoluteFormConnector, ProxyResolver, RequestRoute};
use stage::{ExchangeStage, StageTracker};

use super::{network::Network, url::Url};
use crate::{clock::Stopwatch, values::HumanDuration};

const USER_AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));

/// The longest timeout that is passed to ureq, which panics on a deadline beyond the range of the clock.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// An HTTP client. Cloning is cheap.
#[derive(Clone)]
pub struct HttpClient(Arc<ClientSettings>);

struct ClientSettings {
    network: Network,
    /// Created when TLS is first needed.
    tls: OnceLock<Result<TlsConfig, HttpError>>,
}

impl HttpClient {
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self(Arc::new(ClientSettings { network, tls: OnceLock::new() }))
    }

    /// Sends `request` once and returns the whole response, whatever its status. Blocks for at most `request.timeout`.
    pub fn fetch(&self, request: &Request) -> Result<Response, HttpError> {
        // Loads the certificates first, so that the time it takes does not count for the exchange.
        if request.url.is_https() {
            self.tls()?;
        }
        let started = Stopwatch::start();
        let mut url = request.url.clone();
        let mut headers = request.headers.as_slice();
        let mut followed = 0;
        // A redirect to the same origin shows that its name resolves, so a timeout after it is not about the name.
        let mut min_stage = ExchangeStage::NameLookup;
        loop {
            let route = RequestRoute::new(&url, self.0.network.proxy(&url)?);
            let (host, proxy) = (url.authority(), route.proxy());
            let attempt =
                |stage| Attempt { host: &host, proxy, timeout: request.timeout, max_body: request.max_body, stage };
            let tracker = StageTracker::default();
            let agent = self.agent(&url, &route, request.timeout.saturating_sub(started.elapsed()), &tracker)?;
            let message = build_request(request.method.as_str(), &url, headers, &route, ())?;
            let logged = LoggedRequest::begin(request.method.as_str(), url.without_query());
            let response = agent.run(message).map_err(|error| {
                logged.failed(HttpError::from_ureq(error, &attempt(tracker.stage().max(min_stage))))
            })?;
            if let Some(error) = refused_by_proxy(&route, response.status().as_u16()) {
                return Err(logged.failed(error));
            }
            let Some(location) = redirect_location(&response).filter(|_| request.redirects > 0) else {
                let response = read_response(response, url, started, &attempt(ExchangeStage::Body));
                let response = response.map_err(|error| logged.failed(error))?;
                logged.done(response.status, &format!("{} B", response.body.len()));
                return Ok(response);
            };
            logged.done(response.status().as_u16(), "a redirect");
            let redirect_error = |destination: &str| HttpError::redirects(&url, followed > 0, destination);
            let next = url.join(&location).map_err(|error| redirect_error(&format!("to {error}")))?;
            // The server chose this URL, and its query may hold a secret.
            let destination = next.without_query();
            if followed == request.redirects {
                return Err(redirect_error(&format!("to {destination}, one redirect more than {followed}")));
            }
            if url.is_https() && !next.is_https() {
                return Err(redirect_error(&format!("to {destination}, which would leave TLS")));
            }
            // Headers may hold tokens, so they stay with their origin; a redirect back to it does not get them again.
            min_stage = ExchangeStage::Response;
            if !url.same_origin(&next) {
                headers = &[];
                min_stage = ExchangeStage::NameLookup;
            }
            url = next;
            followed += 1;
        }
    }

    /// A ureq agent for one request. ureq's handling of proxies and redirects is switched off: it uses one proxy for every
    /// scheme, and forwards all headers but two to another host.
    fn agent(
        &self,
        url: &Url,
        route: &RequestRoute,
        time: Duration,
        tracker: &StageTracker,
    ) -> Result<Agent, HttpError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .timeout_global(Some(time.min(MAX_TIMEOUT)))
            .user_agent(USER_AGENT)
            .proxy(None);
        if url.is_https() || route.is_tls_proxy() {
            config = config.tls_config(self.tls()?);
        }
        Ok(match route {
            RequestRoute::Direct => tracker.agent(config.build()),
            RequestRoute::Tunnel(proxy) => config.proxy(Some(proxy.proxy.clone())).build().new_agent(),
            RequestRoute::Forward(proxy) => {
                let connector = ().chain(TcpConnector::default()).chain(AbsoluteFormConnector);
                Agent::with_parts(config.build(), connector, ProxyResolver(proxy.proxy.uri().clone()))
            }
        })
    }

    fn tls(&self) -> Result<TlsConfig, HttpError> {
        let load = || Ok(TlsConfig::builder().root_certs(self.0.network.authorities()?.ureq_roots()).build());
        self.0.tls.get_or_init(load).clone()
    }
}

/// One request in the debug log: without its query and its headers, which may hold secrets.
struct LoggedRequest {
    asked: String,
    started: Stopwatch,
}

impl LoggedRequest {
    /// `target`: a text that may be logged.
    fn begin(method: &str, target: &str) -> Self {
        let asked = format!("http: {method} {target}");
        Self { asked, started: Stopwatch::start() }
    }

    fn done(&self, status: u16, what: &str) {
        log::debug!("{} → {status}, {what}, after {}", self.asked, HumanDuration(self.started.elapsed()));
    }

    fn failed(&self, error: HttpError) -> HttpError {
        log::debug!("{} → {error}, after {}", self.asked, HumanDuration(self.started.elapsed()));
        error
    }
}

/// The error of a proxy that forwards requests only for a user.
fn refused_by_proxy(route: &RequestRoute, status: u16) -> Option<HttpError> {
    match route {
        RequestRoute::Forward(proxy) if status == 407 => {
            Some(HttpError::new(HttpErrorKind::Proxy, format!("{proxy} wants a user and a password (407)")))
        }
        _ => None,
    }
}

fn build_request<B>(
    method: &str,
    url: &Url,
    headers: &[Header],
    route: &RequestRoute,
    body: B,
) -> Result<ureq::http::Request<B>, HttpError> {
    let mut message = ureq::http::Request::builder().method(method).uri(url.full());
    for header in headers {
        let value = header.wire_value().map_err(|error| HttpError::new(HttpErrorKind::Other, error.to_string()))?;
        message = message.header(header.wire_name(), value);
    }
    if let Some(authorization) = route.authorization() {
        message = message.header("proxy-authorization", authorization);
    }
    // The cause is left out: it may quote the URL with its secrets.
    message
        .body(body)
        .map_err(|_| HttpError::new(HttpErrorKind::Other, format!("{url} cannot be sent: it is too long or malformed")))
}

/// The `Location` of a redirect; `None` for any other response.
fn redirect_location(response: &ureq::http::Response<ureq::Body>) -> Option<String> {
    let value = response.headers().get("location").filter(|_| is_redirect(response.status().as_u16()))?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether a status redirects. 300 and 304 do not: neither names one URL to follow.
const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn read_response(
    response: ureq::http::Response<ureq::Body>,
    url: Url,
    started: Stopwatch,
    attempt: &Attempt<'_>,
) -> Result<Response, HttpError> {
    let (head, body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut reader = body.into_with_config().limit(attempt.max_body).reader();
    reader.read_to_end(&mut bytes).map_err(|error| {
        let status = Some(head.status.as_u16());
        HttpError { status, ..HttpError::from_ureq(ureq::Error::from(error), attempt) }
    })?;
    let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Ok(Response {
        status: head.status.as_u16(),
        url,
        headers: head.headers.iter().map(header).collect(),
        body: bytes,
        elapsed: started.elapsed(),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// A request, with its limits.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Sent to the origin of `url` only, never after a redirect to another scheme, host or port.
    pub headers: Vec<Header>,
    /// Limit for the whole exchange, including redirects and the body.
    pub timeout: Duration,
    /// How many redirects are followed; one more is an error. With 0, a redirect is returned as the response.
    pub redirects: u32,
    /// The most bytes of the body after decompression; one more is an error.
    pub max_body: u64,
}

impl Request {
    /// A GET with a timeout of 10 s, no redirects followed, and a body of at most 10 MiB.
    #[must_use]
    pub const fn get(url: Url) -> Self {
        let timeout = Duration::from_secs(10);
        Self { method: Method::Get, url, headers: Vec::new(), timeout, redirects: 0, max_body: 10 << 20 }
    }

    #[must_use]
    pub const fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    #[must_use]
    pub fn header(mut self, header: Header) -> Self {
        self.headers.push(header);
        self
    }

    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    #[must_use]
    pub const fn redirects(mut self, redirects: u32) -> Self {
        self.redirects = redirects;
        self
    }

    #[must_use]
    pub const fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// The URL that sent the response, after redirects.
    pub url: Url,
    /// Names are in lower case. `content-encoding` and `content-length` are absent when the body was decompressed.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// From before the name lookup to the last byte, including redirects.
    pub elapsed: Duration,
}

impl Response {
    /// The first header with this name, which must be in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The target of a redirect that was not followed.
    #[must_use]
    pub fn redirect_target(&self) -> Option<Url> {
        let location = self.header("location").filter(|_| is_redirect(self.status))?;
        self.url.join(location).ok()
    }
}
