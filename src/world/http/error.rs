//! Why an exchange failed, in one line.

use std::{error::Error, fmt, io, time::Duration};

use jiff::Timestamp;
use rustls::pki_types::UnixTime;

use super::stage::ExchangeStage;
use crate::{
    clock::rfc3339,
    world::{
        network::{ConfiguredProxy, NetworkError},
        url::Url,
    },
};

/// An exchange without a complete response. It never contains a header or a secret of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    pub kind: HttpErrorKind,
    /// One line, raw: parts of it may come from the server.
    pub detail: String,
    /// The status of a response whose body was not complete.
    pub status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// Connected, but no complete response in time.
    Timeout,
    /// The host's name, or the proxy's, has no address, or none in time.
    Dns,
    /// The connection was neither accepted nor refused in time.
    ConnectTimeout,
    /// The host refused the connection.
    Refused,
    /// The proxy refused the connection or the request, or sent no response, which may be the fault of the host behind it.
    Proxy,
    /// No trusted TLS connection.
    Tls,
    /// A redirect that must not be followed.
    Redirects,
    /// The decompressed body is larger than the limit.
    BodyTooLarge,
    /// The response is not a complete HTTP message.
    Protocol,
    Other,
}

/// The exchange that failed, for its error.
pub(super) struct Attempt<'a> {
    /// The target of the request: `host:port`.
    pub(super) host: &'a str,
    /// The proxy that the connection went to.
    pub(super) proxy: Option<&'a ConfiguredProxy>,
    pub(super) timeout: Duration,
    pub(super) max_body: u64,
    pub(super) stage: ExchangeStage,
}

impl Attempt<'_> {
    /// The other end of the connection.
    fn peer(&self) -> String {
        self.proxy.map_or_else(|| self.host.to_owned(), ConfiguredProxy::name)
    }

    /// Until a response begins, an error of the proxy looks the same as one of the host behind it.
    fn may_be_proxy(&self) -> bool {
        self.proxy.is_some() && self.stage < ExchangeStage::Body
    }

    fn kind_or_proxy(&self, kind: HttpErrorKind) -> HttpErrorKind {
        if self.may_be_proxy() { HttpErrorKind::Proxy } else { kind }
    }
}

impl HttpError {
    pub(super) fn new(kind: HttpErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), status: None }
    }

    /// `redirected`: `from` was itself reached by a redirect, so its query is not shown.
    pub(super) fn redirects(from: &Url, redirected: bool, destination: &str) -> Self {
        let from = if redirected { from.without_query().to_owned() } else { from.to_string() };
        Self::new(HttpErrorKind::Redirects, format!("{from} redirects {destination}"))
    }

    pub(super) fn from_ureq(error: ureq::Error, attempt: &Attempt<'_>) -> Self {
        let mut error = Self::without_setting(error, attempt);
        if let Some(proxy) = attempt.proxy.filter(|proxy| error.detail.contains(&proxy.name())) {
            error.detail.push_str(&format!(" ({} names this proxy)", proxy.setting));
        }
        error
    }

    fn without_setting(error: ureq::Error, attempt: &Attempt<'_>) -> Self {
        let peer = attempt.peer();
        let cause = with_causes(&error);
        let (kind, detail) = match error {
            ureq::Error::Timeout(_) => return Self::from_timeout(attempt),
            ureq::Error::BodyExceedsLimit(_) => {
                (HttpErrorKind::BodyTooLarge, format!("the body is larger than {} bytes", attempt.max_body))
            }
            ureq::Error::HostNotFound => (HttpErrorKind::Dns, format!("no address for {peer}")),
            ureq::Error::Io(error) => return Self::from_io(&error, attempt),
            ureq::Error::Rustls(error) => return Self::from_tls(&error, attempt),
            ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
                (HttpErrorKind::Tls, format!("no TLS with {peer}: {cause}"))
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyStalled => {
                (attempt.kind_or_proxy(HttpErrorKind::Protocol), format!("{peer} sent no valid HTTP answer: {cause}"))
            }
            ureq::Error::Decompress(_, error) => {
                (HttpErrorKind::Protocol, format!("the body cannot be decompressed: {}", with_causes(&error)))
            }
            ureq::Error::ConnectProxyFailed(_) => (HttpErrorKind::Proxy, format!("{peer} opened no tunnel: {cause}")),
            // These errors quote the URL or a header, so they are left out.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                (HttpErrorKind::Other, "the URL or a header cannot be sent".to_owned())
            }
            _ => (HttpErrorKind::Other, format!("the exchange with {peer} failed: {cause}")),
        };
        Self::new(kind, detail)
    }

    fn from_timeout(attempt: &Attempt<'_>) -> Self {
        let (peer, timeout) = (attempt.peer(), attempt.timeout);
        let (kind, detail) = match attempt.stage {
            ExchangeStage::Body => {
                (HttpErrorKind::Timeout, format!("the answer of {peer} was not complete within {timeout:?}"))
            }
            _ if attempt.may_be_proxy() => (HttpErrorKind::Proxy, format!("no answer from {peer} within {timeout:?}")),
            ExchangeStage::NameLookup => (HttpErrorKind::Dns, format!("no address for {peer} within {timeout:?}")),
            ExchangeStage::Connect => {
                (HttpErrorKind::ConnectTimeout, format!("no connection to {peer} within {timeout:?}"))
            }
            ExchangeStage::Response => (HttpErrorKind::Timeout, format!("no answer from {peer} within {timeout:?}")),
        };
        Self::new(kind, detail)
    }

    fn from_io(error: &io::Error, attempt: &Attempt<'_>) -> Self {
        let peer = attempt.peer();
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::from_tls(tls, attempt);
        }
        let cause = with_causes(error);
        // std has no error kind for a failed lookup, but always uses these words.
        if cause.contains("failed to lookup address information") {
            return Self::new(HttpErrorKind::Dns, format!("no address for {peer}: {cause}"));
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Self::new(attempt.kind_or_proxy(HttpErrorKind::Refused), format!("{peer} refused the connection"))
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::from_timeout(attempt),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                let detail = format!("{peer} closed the connection before its answer was complete");
                Self::new(attempt.kind_or_proxy(HttpErrorKind::Protocol), detail)
            }
            _ => Self::new(HttpErrorKind::Other, format!("the exchange with {peer} failed: {cause}")),
        }
    }

    fn from_tls(error: &rustls::Error, attempt: &Attempt<'_>) -> Self {
        use rustls::{CertificateError as Certificate, Error::InvalidCertificate, Error::InvalidMessage};
        let format_time = |time: UnixTime| {
            let seconds = i64::try_from(time.as_secs()).ok();
            let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            time.map_or_else(|| "a time out of reach".to_owned(), rfc3339)
        };
        let cause = with_causes(error);
        let why = match error {
            InvalidCertificate(Certificate::ExpiredContext { not_after, .. }) => {
                format!("its certificate expired at {}", format_time(*not_after))
            }
            InvalidCertificate(Certificate::NotValidYetContext { not_before, .. }) => {
                format!("its certificate is not valid before {}", format_time(*not_before))
            }
            InvalidCertificate(Certificate::UnknownIssuer) => format!(
                "{cause}; a private authority is trusted when SSL_CERT_FILE names its certificate, a public one when the \
                 server sends the whole chain to it"
            ),
            InvalidMessage(_) => format!("{cause}; does this port speak TLS?"),
            // `openssl req -x509` makes such a certificate by default.
            _ if cause.contains("CaUsedAsEndEntity") => {
                format!("{cause}; its certificate is one of an authority, made without `CA:FALSE`")
            }
            _ => cause,
        };
        let peer = match attempt.proxy {
            None => attempt.host.to_owned(),
            Some(proxy) => format!("{} by {}", attempt.host, proxy.name()),
        };
        Self::new(HttpErrorKind::Tls, format!("no TLS with {peer}: {why}"))
    }
}

impl From<NetworkError> for HttpError {
    fn from(error: NetworkError) -> Self {
        let kind = match error {
            NetworkError::Proxy(_) => HttpErrorKind::Proxy,
            NetworkError::Authorities(_) => HttpErrorKind::Tls,
        };
        Self::new(kind, error.to_string())
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for HttpError {}

/// An error and its causes on one line, without repetition.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let message = cause.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        next = cause.source();
    }
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_names_the_stage_that_was_reached() {
        let second = Duration::from_secs(1);
        let proxy = ConfiguredProxy::parse("p:1", "HTTP_PROXY");
        let error = |stage, proxy| {
            let attempt = Attempt { host: "a:80", proxy, timeout: second, max_body: 1, stage };
            let by_clock = HttpError::from_ureq(ureq::Error::Timeout(ureq::Timeout::Global), &attempt);
            let by_system = HttpError::from_ureq(ureq::Error::Io(io::ErrorKind::TimedOut.into()), &attempt);
            assert_eq!(by_clock, by_system);
            (by_clock.kind, by_clock.detail)
        };
        for (stage, kind, detail) in [
            (ExchangeStage::NameLookup, HttpErrorKind::Dns, "no address for a:80 within 1s"),
            (ExchangeStage::Connect, HttpErrorKind::ConnectTimeout, "no connection to a:80 within 1s"),
            (ExchangeStage::Response, HttpErrorKind::Timeout, "no answer from a:80 within 1s"),
            (ExchangeStage::Body, HttpErrorKind::Timeout, "the answer of a:80 was not complete within 1s"),
        ] {
            assert_eq!(error(stage, None), (kind, detail.to_owned()));
            let (by_proxy, detail) = error(stage, proxy.as_ref());
            assert_eq!(by_proxy, if stage == ExchangeStage::Body { kind } else { HttpErrorKind::Proxy });
            assert!(detail.contains("the proxy p:1") && detail.ends_with("(HTTP_PROXY names this proxy)"), "{detail}");
        }
    }

    #[test]
    fn an_untrusted_certificate_is_explained_with_what_to_do() {
        use rustls::{CertificateError as Certificate, Error::InvalidCertificate, OtherError};
        let attempt =
            Attempt { host: "a:443", proxy: None, timeout: Duration::MAX, max_body: 1, stage: ExchangeStage::Response };
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let other = Certificate::Other(OtherError(std::sync::Arc::new(io::Error::other("CaUsedAsEndEntity"))));
        for (error, words) in [
            (Certificate::UnknownIssuer, "UnknownIssuer; a private authority is trusted when SSL_CERT_FILE"),
            (
                Certificate::ExpiredContext { time: time(9), not_after: time(8) },
                "its certificate expired at 1970-01-01T00:00:08Z",
            ),
            (
                Certificate::NotValidYetContext { time: time(8), not_before: time(u64::MAX) },
                "its certificate is not valid before a time out of reach",
            ),
            (other, "made without `CA:FALSE`"),
        ] {
            let error = HttpError::from_ureq(ureq::Error::Rustls(InvalidCertificate(error)), &attempt);
            assert_eq!(error.kind, HttpErrorKind::Tls);
            assert!(error.detail.starts_with("no TLS with a:443: ") && error.detail.contains(words), "{error}");
        }
    }
}
