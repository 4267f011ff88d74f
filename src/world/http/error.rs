//! Why no answer came, in one line.

use std::{error::Error, fmt, io, time::Duration};

use crate::world::network::Unusable;
use crate::world::url::Url;

/// Why there is no answer. Neither a header nor a secret of a URL is ever in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpError {
    pub kind: Kind,
    /// One line, raw: parts of it may come from the other side.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole exchange took longer than it may.
    Timeout,
    /// The host's name, or the proxy's, has no address.
    Dns,
    /// Nothing listens there.
    Refused,
    /// The proxy that leads there cannot be used: it refuses us, or to connect us.
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
    /// Whom we spoke to: `host:port`, or the proxy.
    pub(super) peer: &'a str,
    /// Whether that is a proxy.
    pub(super) by_proxy: bool,
    pub(super) timeout: Duration,
    pub(super) most: u64,
    /// Whether the head of the answer had arrived.
    pub(super) answered: bool,
}

impl HttpError {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub(super) fn redirects(from: &Url, whither: &str) -> Self {
        Self::new(Kind::Redirects, format!("{from} redirects {whither}"))
    }

    pub(super) fn of(error: ureq::Error, attempt: &Attempt<'_>) -> Self {
        let Attempt { peer, timeout, most, answered, .. } = attempt;
        let cause = chain(&error);
        let (kind, detail) = match error {
            ureq::Error::Timeout(_) if *answered => {
                (Kind::Timeout, format!("the answer of {peer} was not complete within {timeout:?}"))
            }
            ureq::Error::Timeout(_) => (Kind::Timeout, format!("no answer from {peer} within {timeout:?}")),
            ureq::Error::BodyExceedsLimit(_) => (Kind::BodyTooLarge, format!("the body is larger than {most} bytes")),
            ureq::Error::HostNotFound => (Kind::Dns, format!("no address for {peer}")),
            ureq::Error::Io(error) => return Self::of_io(&error, attempt),
            ureq::Error::Rustls(error) => return Self::of_tls(&error, peer),
            ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
                (Kind::Tls, format!("no TLS with {peer}: {cause}"))
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyStalled => {
                (Kind::Protocol, format!("{peer} sent no valid HTTP answer: {cause}"))
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

    fn of_io(error: &io::Error, attempt: &Attempt<'_>) -> Self {
        let Attempt { peer, by_proxy, timeout, .. } = attempt;
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::of_tls(tls, peer);
        }
        let cause = chain(error);
        // std gives these no kind of their own, but always these words.
        if cause.contains("failed to lookup address information") {
            return Self::new(Kind::Dns, format!("no address for {peer}: {cause}"));
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                let kind = if *by_proxy { Kind::Proxy } else { Kind::Refused };
                Self::new(kind, format!("{peer} refused the connection"))
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                Self::new(Kind::Timeout, format!("no answer from {peer} within {timeout:?}"))
            }
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                Self::new(Kind::Protocol, format!("{peer} closed the connection before its answer was complete"))
            }
            _ => Self::new(Kind::Other, format!("the exchange with {peer} failed: {cause}")),
        }
    }

    fn of_tls(error: &rustls::Error, peer: &str) -> Self {
        use rustls::{CertificateError, Error::InvalidCertificate, Error::InvalidMessage};
        let next = match error {
            InvalidCertificate(CertificateError::UnknownIssuer) => {
                "; a private authority is trusted when SSL_CERT_FILE names its certificate"
            }
            InvalidMessage(_) => "; does this port speak TLS?",
            _ => "",
        };
        Self::new(Kind::Tls, format!("no TLS with {peer}: {}{next}", chain(error)))
    }
}

impl From<Unusable> for HttpError {
    fn from(unusable: Unusable) -> Self {
        let kind = match unusable {
            Unusable::Proxy(_) => Kind::Proxy,
            Unusable::Authorities(_) => Kind::Tls,
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
