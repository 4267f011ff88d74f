//! The requests of a team's file of checks: any method, with a body, and with the cookies of a session.
//!
//! A method that writes needs no `Permit` here. The file is the team's own smoke test, as its `command` is: it may change what it
//! likes in the environment that it tests, in dry-run too. Nothing else in this program sends such a request. `docs/decisions` has
//! the reason.
//!
//! Limits, TLS and proxies are those of [`HttpClient::fetch`]. Each request is sent once, on a new connection.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;

use super::{
    Attempt, ExchangeStage, Header, HttpClient, HttpError, HttpErrorKind, LoggedRequest, RequestRoute, Response,
    StageTracker, build_request, cookies::CookieJar, read_response, redirect_location, refused_by_proxy,
};
use crate::{clock::Stopwatch, error::ValueError, world::url::Url};

/// A method of HTTP that a check can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl TeamMethod {
    pub const ALL: [Self; 7] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether servers expect a body, if only an empty one.
    const fn needs_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    /// Whether a request of this method may have a body.
    #[must_use]
    pub const fn takes_body(self) -> bool {
        self.needs_body() || matches!(self, Self::Delete)
    }

    /// The method after a redirect. Source: RFC 9110, 15.4.
    const fn after(self, status: u16) -> Self {
        match (status, self) {
            (303, Self::Get | Self::Head) | (307 | 308, _) => self,
            (303, _) | (301 | 302, Self::Post) => Self::Get,
            _ => self,
        }
    }
}

impl FromStr for TeamMethod {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or(ValueError::new("one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    }
}

impl fmt::Display for TeamMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request of the team, with its limits.
pub struct TeamRequest {
    /// What the debug log calls it: its URL may hold a secret.
    pub name: String,
    pub method: TeamMethod,
    pub url: Url,
    /// Sent to the origin of `url` only.
    pub headers: Vec<Header>,
    pub body: Option<Vec<u8>>,
    /// Limit for the whole exchange, including redirects and the body.
    pub timeout: Duration,
    /// How many redirects are followed; one more is an error. With 0, a redirect is the response.
    pub follow: u32,
    /// The most bytes of the body after decompression; one more is an error.
    pub max_body: u64,
}

/// A client that keeps cookies between requests. A clone has the cookies of its original, and its own from then on.
#[derive(Clone)]
pub struct TeamSession {
    client: HttpClient,
    jar: CookieJar,
}

impl TeamSession {
    #[must_use]
    pub fn new(client: HttpClient) -> Self {
        Self { client, jar: CookieJar::default() }
    }

    /// Adds a cookie for the host of `url`.
    pub fn set_cookie(&mut self, url: &Url, name: &str, value: &str) {
        self.jar.set(url, name, value);
    }

    /// The values of its cookies, to hide them.
    pub fn cookie_values(&self) -> impl Iterator<Item = &str> {
        self.jar.values()
    }

    /// Sends the request and follows its redirects. `now`: for cookies with an end.
    ///
    /// # Errors
    /// There is no complete response, or a redirect that must not be followed.
    pub fn exchange(&mut self, request: &TeamRequest, now: Timestamp) -> Result<Response, HttpError> {
        let started = Stopwatch::start();
        let (mut method, mut url) = (request.method, request.url.clone());
        let (mut headers, mut body) = (request.headers.clone(), request.body.as_deref());
        let mut followed = 0;
        loop {
            let sent = SentRequest { method, url: &url, headers: &headers, body };
            let response = self.send(&sent, request, started)?;
            for (_, value) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
                self.jar.receive(&url, value, now);
            }
            let Some(next) = response.redirect_target().filter(|_| request.follow > 0) else { return Ok(response) };
            let redirect_error = |why: &str| {
                let detail = format!("it redirects to {}, {why}", next.without_query());
                HttpError { status: Some(response.status), ..HttpError::new(HttpErrorKind::Redirects, detail) }
            };
            if followed == request.follow {
                return Err(redirect_error(&format!("one redirect more than {followed}")));
            }
            if url.is_https() && !next.is_https() {
                return Err(redirect_error("which would leave TLS"));
            }
            let new_method = method.after(response.status);
            if new_method != method {
                body = None;
                headers.retain(|header| header.name() != "content-type");
            }
            // Headers may hold tokens, and a body a password.
            if !url.same_origin(&next) {
                if body.is_some() {
                    return Err(redirect_error("another host, which must not get the body"));
                }
                headers.clear();
            }
            (method, url) = (new_method, next);
            followed += 1;
        }
    }

    fn send(&self, sent: &SentRequest<'_>, request: &TeamRequest, started: Stopwatch) -> Result<Response, HttpError> {
        if sent.url.is_https() {
            self.client.tls()?;
        }
        let route = RequestRoute::new(sent.url, self.client.0.network.proxy(sent.url)?);
        let (host, proxy) = (sent.url.authority(), route.proxy());
        let attempt =
            |stage| Attempt { host: &host, proxy, timeout: request.timeout, max_body: request.max_body, stage };
        let tracker = StageTracker::default();
        let left = request.timeout.saturating_sub(started.elapsed());
        let agent = self.client.agent(sent.url, &route, left, &tracker)?;
        let mut headers = sent.headers.to_vec();
        if let Some(cookies) = self.jar.header(sent.url) {
            let header = format!("cookie: {cookies}").parse();
            headers.push(header.map_err(|error: ValueError| HttpError::new(HttpErrorKind::Other, error.to_string()))?);
        }
        let logged = LoggedRequest::begin(sent.method.as_str(), &request.name);
        let method = sent.method.as_str();
        let end = match sent.body {
            Some(body) => agent.run(build_request(method, sent.url, &headers, &route, body)?),
            None if sent.method.needs_body() => agent.run(build_request(method, sent.url, &headers, &route, &b""[..])?),
            None => agent.run(build_request(method, sent.url, &headers, &route, ())?),
        };
        let response = end.map_err(|error| logged.failed(HttpError::from_ureq(error, &attempt(tracker.stage()))))?;
        if let Some(error) = refused_by_proxy(&route, response.status().as_u16()) {
            return Err(logged.failed(error));
        }
        let is_redirect = redirect_location(&response).is_some();
        let response = read_response(response, sent.url.clone(), started, &attempt(ExchangeStage::Body))
            .map_err(|error| logged.failed(error))?;
        let what = if is_redirect { "a redirect".to_owned() } else { format!("{} B", response.body.len()) };
        logged.done(response.status, &what);
        Ok(response)
    }
}

/// One request of an exchange.
struct SentRequest<'a> {
    method: TeamMethod,
    url: &'a Url,
    headers: &'a [Header],
    body: Option<&'a [u8]>,
}
