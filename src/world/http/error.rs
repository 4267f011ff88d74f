//! Why no answer came, in one line.

use std::{error::Error, fmt, io, time::Duration};

use jiff::Timestamp;
use rustls::pki_types::UnixTime;

use super::stage::Stage;
use crate::{
    clock::rfc3339,
    world::{network::NetworkError, url::Url},
};

/// Why there is no answer. Neither a header nor a secret of a URL is ever in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    pub kind: Kind,
    /// One line, raw: parts of it may come from the other side.
    pub detail: String,
    /// The status of an answer whose body did not come whole.
    pub status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Connected, and no whole answer in time.
    Timeout,
    /// The host's name, or the proxy's, has no address, or none in time.
    Dns,
    /// Nobody took the connection in time, and nobody refused it.
    Unreached,
    /// Nothing listens there.
    Refused,
    /// The proxy that leads there cannot be used: it refuses us, or to connect us; or it gave no answer, and whether that
    /// is its own doing or the host's nobody can tell.
    Proxy,
    /// No trusted TLS connection came about.
    Tls,
    /// A redirect that is not followed.
    Redirects,
    /// The body, decompressed, is larger than it may be.
    BodyTooLarge,
    /// What came back is no complete HTTP answer.
    Protocol,
    Other,
}

/// What was being tried when it went wrong.
pub(super) struct Attempt<'a> {
    /// Whom the request is for: `host:port`.
    pub(super) host: &'a str,
    /// Whom we spoke to in its place.
    pub(super) proxy: Option<&'a str>,
    pub(super) timeout: Duration,
    pub(super) most: u64,
    pub(super) stage: Stage,
}

impl Attempt<'_> {
    /// Whom we spoke to.
    fn peer(&self) -> &str {
        self.proxy.unwrap_or(self.host)
    }

    /// Until an answer begins, a proxy's own trouble looks like that of the host behind it.
    fn at_proxy(&self) -> bool {
        self.proxy.is_some() && self.stage < Stage::Body
    }

    fn blame(&self, kind: Kind) -> Kind {
        if self.at_proxy() { Kind::Proxy } else { kind }
    }
}

impl HttpError {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), status: None }
    }

    /// `foreign`: it was a redirect that led to `from`.
    pub(super) fn redirects(from: &Url, foreign: bool, whither: &str) -> Self {
        let from = if foreign { from.without_query().to_owned() } else { from.to_string() };
        Self::new(Kind::Redirects, format!("{from} redirects {whither}"))
    }

    pub(super) fn of(error: ureq::Error, attempt: &Attempt<'_>) -> Self {
        let peer = attempt.peer();
        let cause = chain(&error);
        let (kind, detail) = match error {
            ureq::Error::Timeout(_) => return Self::of_time(attempt),
            ureq::Error::BodyExceedsLimit(_) => {
                (Kind::BodyTooLarge, format!("the body is larger than {} bytes", attempt.most))
            }
            ureq::Error::HostNotFound => (Kind::Dns, format!("no address for {peer}")),
            ureq::Error::Io(error) => return Self::of_io(&error, attempt),
            ureq::Error::Rustls(error) => return Self::of_tls(&error, attempt),
            ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
                (Kind::Tls, format!("no TLS with {peer}: {cause}"))
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyStalled => {
                (attempt.blame(Kind::Protocol), format!("{peer} sent no valid HTTP answer: {cause}"))
            }
            ureq::Error::Decompress(_, error) => {
                (Kind::Protocol, format!("the body cannot be decompressed: {}", chain(&error)))
            }
            ureq::Error::ConnectProxyFailed(_) => (Kind::Proxy, format!("{peer} did not connect us: {cause}")),
            // These hold the URL or a header: they are not repeated.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                (Kind::Other, "the URL or a header cannot be sent".to_owned())
            }
            _ => (Kind::Other, format!("the exchange with {peer} failed: {cause}")),
        };
        Self::new(kind, detail)
    }

    fn of_time(attempt: &Attempt<'_>) -> Self {
        let (peer, timeout) = (attempt.peer(), attempt.timeout);
        let (kind, detail) = match attempt.stage {
            Stage::Body => (Kind::Timeout, format!("the answer of {peer} was not complete within {timeout:?}")),
            _ if attempt.at_proxy() => (Kind::Proxy, format!("no answer from {peer} within {timeout:?}")),
            Stage::Name => (Kind::Dns, format!("no address for {peer} within {timeout:?}")),
            Stage::Connection => (Kind::Unreached, format!("no connection to {peer} within {timeout:?}")),
            Stage::Answer => (Kind::Timeout, format!("no answer from {peer} within {timeout:?}")),
        };
        Self::new(kind, detail)
    }

    fn of_io(error: &io::Error, attempt: &Attempt<'_>) -> Self {
        let peer = attempt.peer();
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::of_tls(tls, attempt);
        }
        let cause = chain(error);
        // std gives these no kind of their own, but always these words.
        if cause.contains("failed to lookup address information") {
            return Self::new(Kind::Dns, format!("no address for {peer}: {cause}"));
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Self::new(attempt.blame(Kind::Refused), format!("{peer} refused the connection"))
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::of_time(attempt),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                let detail = format!("{peer} closed the connection before its answer was complete");
                Self::new(attempt.blame(Kind::Protocol), detail)
            }
            _ => Self::new(Kind::Other, format!("the exchange with {peer} failed: {cause}")),
        }
    }

    fn of_tls(error: &rustls::Error, attempt: &Attempt<'_>) -> Self {
        use rustls::{CertificateError as Certificate, Error::InvalidCertificate, Error::InvalidMessage};
        let at = |time: UnixTime| {
            let seconds = i64::try_from(time.as_secs()).ok();
            let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            time.map_or_else(|| "a time out of reach".to_owned(), rfc3339)
        };
        let cause = chain(error);
        let why = match error {
            InvalidCertificate(Certificate::ExpiredContext { not_after, .. }) => {
                format!("its certificate expired at {}", at(*not_after))
            }
            InvalidCertificate(Certificate::NotValidYetContext { not_before, .. }) => {
                format!("its certificate is not valid before {}", at(*not_before))
            }
            InvalidCertificate(Certificate::UnknownIssuer) => format!(
                "{cause}; a private authority is trusted when SSL_CERT_FILE names its certificate, a public one when the \
                 server sends the whole chain to it"
            ),
            InvalidMessage(_) => format!("{cause}; does this port speak TLS?"),
            // What `openssl req -x509` makes unless it is told otherwise.
            _ if cause.contains("CaUsedAsEndEntity") => {
                format!("{cause}; its certificate is one of an authority, made without `CA:FALSE`")
            }
            _ => cause,
        };
        let peer = match attempt.proxy {
            None => attempt.host.to_owned(),
            Some(proxy) => format!("{} by {proxy}", attempt.host),
        };
        Self::new(Kind::Tls, format!("no TLS with {peer}: {why}"))
    }
}

impl From<NetworkError> for HttpError {
    fn from(unusable: NetworkError) -> Self {
        let kind = match unusable {
            NetworkError::Proxy(_) => Kind::Proxy,
            NetworkError::Authorities(_) => Kind::Tls,
        };
        Self::new(kind, unusable.to_string())
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for HttpError {}

/// An error and its causes on one line; a cause that its error already tells is not told twice.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_ran_out_says_how_far_it_came() {
        let second = Duration::from_secs(1);
        let told = |stage, proxy| {
            let attempt = Attempt { host: "a:80", proxy, timeout: second, most: 1, stage };
            let by_clock = HttpError::of(ureq::Error::Timeout(ureq::Timeout::Global), &attempt);
            let by_system = HttpError::of(ureq::Error::Io(io::ErrorKind::TimedOut.into()), &attempt);
            assert_eq!(by_clock, by_system);
            (by_clock.kind, by_clock.detail)
        };
        for (stage, kind, detail) in [
            (Stage::Name, Kind::Dns, "no address for a:80 within 1s"),
            (Stage::Connection, Kind::Unreached, "no connection to a:80 within 1s"),
            (Stage::Answer, Kind::Timeout, "no answer from a:80 within 1s"),
            (Stage::Body, Kind::Timeout, "the answer of a:80 was not complete within 1s"),
        ] {
            assert_eq!(told(stage, None), (kind, detail.to_owned()));
            let (by_proxy, detail) = told(stage, Some("the proxy p:1"));
            assert_eq!(by_proxy, if stage == Stage::Body { kind } else { Kind::Proxy });
            assert!(detail.contains("the proxy p:1"), "{detail}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_says_why_and_what_to_do() {
        use rustls::{CertificateError as Certificate, Error::InvalidCertificate, OtherError};
        let attempt = Attempt { host: "a:443", proxy: None, timeout: Duration::MAX, most: 1, stage: Stage::Answer };
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let other = Certificate::Other(OtherError(std::sync::Arc::new(io::Error::other("CaUsedAsEndEntity"))));
        for (error, words) in [
            (Certificate::UnknownIssuer, "UnknownIssuer; a private authority is trusted when SSL_CERT_FILE"),
            (
                Certificate::ExpiredContext { time: at(9), not_after: at(8) },
                "its certificate expired at 1970-01-01T00:00:08Z",
            ),
            (
                Certificate::NotValidYetContext { time: at(8), not_before: at(u64::MAX) },
                "its certificate is not valid before a time out of reach",
            ),
            (other, "made without `CA:FALSE`"),
        ] {
            let error = HttpError::of(ureq::Error::Rustls(InvalidCertificate(error)), &attempt);
            assert_eq!(error.kind, Kind::Tls);
            assert!(error.detail.starts_with("no TLS with a:443: ") && error.detail.contains(words), "{error}");
        }
    }
}
