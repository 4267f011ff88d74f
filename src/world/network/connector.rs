//! Connections through a proxy for the clients that are built on hyper: GitHub's and the cluster's.

use std::{
    error::Error,
    fmt, io, iter,
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    Uri,
    header::HeaderValue,
    rt::{Read, Write},
};
use hyper_util::client::legacy::connect::{
    HttpConnector,
    proxy::{SocksV5, Tunnel},
};
use tower::{BoxError, Service};
use ureq::ProxyProtocol;

use super::proxy::ConfiguredProxy;
use crate::finding::Finding;

/// The longest user name or password in SOCKS5, in bytes (RFC 1929).
const LONGEST_SOCKS_TEXT: usize = 255;

/// The names of hyper-util's errors; it exports no others.
type TunnelError = <Tunnel<HttpConnector> as Service<Uri>>::Error;
type SocksError<C> = <SocksV5<C> as Service<Uri>>::Error;

/// A connector that reaches every host through `proxy`; `below` connects to the proxy itself.
///
/// # Errors
/// A SOCKS4 proxy, or credentials that cannot be sent. The finding does not quote the setting, which may hold a password.
pub fn connector<C>(proxy: &ConfiguredProxy, below: C) -> Result<ProxyConnector<C>, Finding> {
    let unusable = |actual: &str| {
        Finding::inconclusive(proxy.to_string())
            .actual(actual)
            .expected(ConfiguredProxy::ACCEPTED)
            .next(format!("correct {}", proxy.setting))
    };
    // SOCKS does not appear in the URL of the connection to the proxy: it is plain TCP.
    let scheme = if proxy.scheme() == ProxyProtocol::Https { "https" } else { "http" };
    let address: Uri = format!("{scheme}://{}", proxy.address())
        .parse()
        .map_err(|_| unusable("an address that is not a host and a port"))?;
    let user = proxy.user();
    let password = proxy.proxy.password().unwrap_or_default();
    let handshake = match proxy.scheme() {
        ProxyProtocol::Http | ProxyProtocol::Https => {
            let tunnel = Tunnel::new(address, below);
            Handshake::Tunnel(match user {
                None => tunnel,
                Some(user) => {
                    let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
                    let credentials =
                        HeaderValue::try_from(format!("Basic {credentials}")).map_err(|_| unusable("its user name"))?;
                    tunnel.with_auth(credentials)
                }
            })
        }
        ProxyProtocol::Socks5 | ProxyProtocol::Socks5h => {
            if [user.unwrap_or_default(), password].iter().any(|text| text.len() > LONGEST_SOCKS_TEXT) {
                return Err(unusable("a user name or a password of more than 255 bytes, which SOCKS5 cannot send"));
            }
            let socks = SocksV5::new(address, below);
            Handshake::Socks(match user {
                None => socks,
                Some(user) => socks.with_auth(user.to_owned(), password.to_owned()),
            })
        }
        _ => return Err(unusable("a SOCKS4 proxy")),
    };
    Ok(ProxyConnector { proxy: proxy.clone(), handshake })
}

/// Connects through a proxy.
#[derive(Clone)]
pub struct ProxyConnector<C> {
    proxy: ConfiguredProxy,
    handshake: Handshake<C>,
}

#[derive(Clone)]
enum Handshake<C> {
    Tunnel(Tunnel<C>),
    Socks(SocksV5<C>),
}

impl<C> Service<Uri> for ProxyConnector<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Read + Write + Unpin + Send + 'static,
    C::Error: Into<BoxError> + Send + 'static,
{
    type Response = C::Response;
    type Error = ProxyError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, ProxyError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        match &mut self.handshake {
            Handshake::Tunnel(tunnel) => {
                tunnel.poll_ready(context).map_err(|error| ProxyError::of_tunnel(&self.proxy, "", error))
            }
            Handshake::Socks(socks) => {
                socks.poll_ready(context).map_err(|error| ProxyError::of_socks::<C>(&self.proxy, "", error))
            }
        }
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let target = with_port(target);
        let proxy = self.proxy.clone();
        let host = target.authority().map(ToString::to_string).unwrap_or_default();
        match &mut self.handshake {
            Handshake::Tunnel(tunnel) => {
                let connecting = tunnel.call(target);
                Box::pin(async move { connecting.await.map_err(|error| ProxyError::of_tunnel(&proxy, &host, error)) })
            }
            Handshake::Socks(socks) => {
                let connecting = socks.call(target);
                Box::pin(
                    async move { connecting.await.map_err(|error| ProxyError::of_socks::<C>(&proxy, &host, error)) },
                )
            }
        }
    }
}

/// The URL with its port: hyper-util takes 443 for the default of every scheme.
fn with_port(target: Uri) -> Uri {
    let (Some("http"), Some(authority), None) = (target.scheme_str(), target.authority(), target.port()) else {
        return target;
    };
    let with_port = format!("http://{authority}:80/").parse();
    with_port.unwrap_or(target)
}

/// Why there is no connection through a proxy.
#[derive(Debug)]
pub struct ProxyError {
    /// The proxy and its setting.
    proxy: String,
    setting: &'static str,
    reason: String,
    /// A retry would get the same answer.
    pub permanent: bool,
}

impl ProxyError {
    fn new(proxy: &ConfiguredProxy, reason: impl Into<String>) -> Self {
        Self { proxy: proxy.to_string(), setting: proxy.setting, reason: reason.into(), permanent: false }
    }

    fn permanent(self) -> Self {
        Self { permanent: true, ..self }
    }

    /// The connection to the proxy itself failed.
    fn of_connection(proxy: &ConfiguredProxy, error: &BoxError) -> Self {
        let reason = causes(&**error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        Self { permanent: causes(&**error).any(is_untrusted), ..Self::new(proxy, reason) }
    }

    fn of_tunnel(proxy: &ConfiguredProxy, host: &str, error: TunnelError) -> Self {
        match error {
            TunnelError::ConnectFailed(error) => Self::of_connection(proxy, &error),
            TunnelError::ProxyAuthRequired => {
                Self::new(proxy, "it does not accept the user name and the password, or requires them (407)")
                    .permanent()
            }
            TunnelError::Io(error) => Self::new(proxy, error.to_string()),
            TunnelError::TunnelUnexpectedEof => Self::new(proxy, "it closed the connection"),
            _ => Self::new(proxy, format!("it opened no connection to {host}")),
        }
    }

    fn of_socks<C>(proxy: &ConfiguredProxy, host: &str, error: SocksError<C>) -> Self
    where
        C: Service<Uri>,
        C::Future: Send + 'static,
        C::Response: Read + Write + Unpin + Send + 'static,
        C::Error: Into<BoxError> + Send + 'static,
    {
        match error {
            SocksError::<C>::Inner(error) => Self::of_connection(proxy, &error.into()),
            SocksError::<C>::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::new(proxy, "it closed the connection")
            }
            SocksError::<C>::Io(error) => Self::new(proxy, error.to_string()),
            SocksError::<C>::V5(error) => Self::of_refusal(proxy, host, &error.to_string()),
            SocksError::<C>::Serialize(_) => {
                Self::new(proxy, "its user name, its password and the host are together too long for SOCKS5")
                    .permanent()
            }
            SocksError::<C>::Parsing(_) => Self::new(proxy, "its answer is not SOCKS5"),
            error => Self::new(proxy, error.to_string()),
        }
    }

    /// hyper-util does not export the type of this error, only its text.
    fn of_refusal(proxy: &ConfiguredProxy, host: &str, refusal: &str) -> Self {
        let reason = match (refusal, proxy.user()) {
            ("server does not support user/pass authentication", None) => "it requires a user name and a password",
            ("server does not support user/pass authentication", Some(_)) => "it accepts no user name and no password",
            ("server implements authentication incorrectly", _) => {
                "it does not follow SOCKS5: it chose no offered method"
            }
            ("credentials not accepted", _) => "it does not accept the user name and the password",
            ("host address is more than 255 characters", _) => "the name of the host is too long for SOCKS5",
            (refusal, _) => return Self::new(proxy, format!("it opened no connection to {host}: {refusal}")),
        };
        Self::new(proxy, reason).permanent()
    }

    /// For a report.
    pub fn to_finding(&self, check: &str) -> Finding {
        Finding::inconclusive(check)
            .actual(self.to_string())
            .expected("a proxy that opens a connection")
            .next(format!("correct {}", self.setting))
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.proxy, self.reason)
    }
}

impl Error for ProxyError {}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// Whether the proxy's certificate is the cause.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    // `source()` of an `io::Error` skips the error that it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let is = |error: &(dyn Error + 'static)| matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)));
    is(error) || wrapped.is_some_and(|wrapped| is(wrapped))
}

#[cfg(test)]
mod tests;
