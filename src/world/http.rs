//! Blocking HTTP for looking: health probes, baselines, result files.
//!
//! Only GET and HEAD, which change nothing, so no permit is asked for. One [`Http::fetch`] is one exchange on a
//! connection of its own: it is never sent again, no connection is kept for the next, so a probe always sees what a new
//! client would see, and its `elapsed` always holds name lookup, connect and TLS.
//!
//! What bounds an exchange is its timeout, over everything: the name lookup (on a thread that is left behind when the
//! resolver hangs), connecting (several addresses share the time), TLS, every read and every redirect. The head of an
//! answer is bounded by 64 KiB, its decompressed body by [`Request::max_body`].

mod error;
mod header;
mod proxy;
mod stage;
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
pub use error::{HttpError, Kind};
pub use header::{Header, secrets_of};
use proxy::{AbsoluteForm, Route, ToProxy};
use stage::{Progress, Stage};

use super::{network::Network, url::Url};
use crate::clock::Stopwatch;

const USER_AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));

/// A deadline further off than the clock can count would be a panic.
const LONGEST: Duration = Duration::from_hours(24);

/// The client. Cloning is cheap.
#[derive(Clone)]
pub struct Http(Arc<Settings>);

struct Settings {
    network: Network,
    /// Made when TLS is first needed.
    tls: OnceLock<Result<TlsConfig, HttpError>>,
}

impl Http {
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self(Arc::new(Settings { network, tls: OnceLock::new() }))
    }

    /// Sends `request`, once, and gives the whole answer, whatever its status. Blocks for at most `request.timeout`.
    pub fn fetch(&self, request: &Request) -> Result<Response, HttpError> {
        // Reading the certificates of this machine is no part of the exchange.
        if request.url.is_https() {
            self.tls()?;
        }
        let started = Stopwatch::start();
        let mut url = request.url.clone();
        let mut headers = request.headers.as_slice();
        let mut followed = 0;
        // Who has just sent us on is there: what time is left for them says nothing about their name.
        let mut least = Stage::Name;
        loop {
            let route = Route::new(&url, self.0.network.proxy(&url)?);
            let (host, proxy) = (url.authority(), route.proxy());
            let attempt = |stage| Attempt {
                host: &host,
                proxy: proxy.as_deref(),
                timeout: request.timeout,
                most: request.max_body,
                stage,
            };
            let progress = Progress::default();
            let agent = self.agent(&url, &route, request.timeout.saturating_sub(started.elapsed()), &progress)?;
            let message = message(request.method, &url, headers, &route)?;
            let answer =
                agent.run(message).map_err(|error| HttpError::of(error, &attempt(progress.stage().max(least))))?;
            if let (Route::Forward(_), 407, Some(proxy)) = (&route, answer.status().as_u16(), &proxy) {
                let refused = format!("{proxy} wants a user and a password (407)");
                return Err(HttpError::new(Kind::Proxy, refused));
            }
            let Some(location) = location(&answer).filter(|_| request.redirects > 0) else {
                return finish(answer, url, request, started, &attempt(Stage::Body));
            };
            let redirects = |whither: &str| HttpError::redirects(&url, followed > 0, whither);
            let next = url.join(&location).map_err(|error| redirects(&format!("to {error}")))?;
            // Somebody else's address: up to its path it is no secret.
            let whither = next.without_query();
            if followed == request.redirects {
                return Err(redirects(&format!("to {whither}, one redirect more than {followed}")));
            }
            if url.is_https() && !next.is_https() {
                return Err(redirects(&format!("to {whither}, which would leave TLS")));
            }
            // Tokens are for whom they were given to, and once they stayed behind they do not come back.
            least = Stage::Answer;
            if !url.same_origin(&next) {
                headers = &[];
                least = Stage::Name;
            }
            url = next;
            followed += 1;
        }
    }

    /// A client for one request. ureq's own answer to proxies and redirects is switched off: it takes one proxy for
    /// every scheme, and forwards every header but two to another host.
    fn agent(&self, url: &Url, route: &Route, time: Duration, progress: &Progress) -> Result<Agent, HttpError> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .timeout_global(Some(time.min(LONGEST)))
            .user_agent(USER_AGENT)
            .proxy(None);
        if url.is_https() || route.is_tls_proxy() {
            config = config.tls_config(self.tls()?);
        }
        Ok(match route {
            Route::Direct => progress.agent(config.build()),
            Route::Tunnel(proxy) => config.proxy(Some(proxy.clone())).build().new_agent(),
            Route::Forward(proxy) => {
                let connector = ().chain(TcpConnector::default()).chain(AbsoluteForm);
                Agent::with_parts(config.build(), connector, ToProxy(proxy.uri().clone()))
            }
        })
    }

    fn tls(&self) -> Result<TlsConfig, HttpError> {
        let made = || Ok(TlsConfig::builder().root_certs(self.0.network.authorities()?.certs()).build());
        self.0.tls.get_or_init(made).clone()
    }
}

fn message(method: Method, url: &Url, headers: &[Header], route: &Route) -> Result<ureq::http::Request<()>, HttpError> {
    let mut message = ureq::http::Request::builder().method(method.word()).uri(url.full());
    for header in headers {
        let value = header.value_on_the_wire().map_err(|error| HttpError::new(Kind::Other, error.to_string()))?;
        message = message.header(header.name_on_the_wire(), value);
    }
    if let Some(authorization) = route.authorization() {
        message = message.header("proxy-authorization", authorization);
    }
    // The cause may hold the URL, secrets and all.
    message
        .body(())
        .map_err(|_| HttpError::new(Kind::Other, format!("{url} cannot be sent: it is too long or malformed")))
}

/// Where a redirect leads; `None` for any other answer. 300 and 304 lead nowhere by themselves.
fn location(answer: &ureq::http::Response<ureq::Body>) -> Option<String> {
    let value = answer.headers().get("location").filter(|_| redirects(answer.status().as_u16()))?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// 300 and 304 lead nowhere by themselves.
const fn redirects(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn finish(
    answer: ureq::http::Response<ureq::Body>,
    url: Url,
    request: &Request,
    started: Stopwatch,
    attempt: &Attempt<'_>,
) -> Result<Response, HttpError> {
    let (head, body) = answer.into_parts();
    let mut bytes = Vec::new();
    let mut reader = body.into_with_config().limit(request.max_body).reader();
    reader.read_to_end(&mut bytes).map_err(|error| {
        let status = Some(head.status.as_u16());
        HttpError { status, ..HttpError::of(ureq::Error::from(error), attempt) }
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
    const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// What to ask for, and what it may cost.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Sent to the origin of `url` only: a redirect to another scheme, host or port leaves them behind.
    pub headers: Vec<Header>,
    /// For the whole exchange, redirects and body included.
    pub timeout: Duration,
    /// How many redirects are followed; one more is an error. 0: a redirect is an answer like any other.
    pub redirects: u32,
    /// Bytes of body, after decompression; one more is an error.
    pub max_body: u64,
}

impl Request {
    /// GET, within ten seconds, following no redirect, with a body of at most 10 MiB.
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

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Where the answer came from, after redirects.
    pub url: Url,
    /// Names in lower case. `content-encoding` and `content-length` are missing when the body was decompressed.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// From before the name lookup to the last byte, redirects included.
    pub elapsed: Duration,
}

impl Response {
    /// The first header of that name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Where it leads, when it is a redirect that was not followed.
    #[must_use]
    pub fn leads_to(&self) -> Option<Url> {
        let location = self.header("location").filter(|_| redirects(self.status))?;
        self.url.join(location).ok()
    }
}
