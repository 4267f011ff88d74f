//! How a load's requests reach their server, and how one of them ended.

use std::{error::Error, io, iter, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    HeaderMap, Request, Uri,
    body::Bytes,
    header::{ACCEPT, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connect, HttpConnector},
    },
    rt::TokioExecutor,
};
use rustix::io::Errno;
use rustls::{ClientConfig, RootCertStore};
use tokio::{sync::Semaphore, time::timeout};

use super::settings::{Load, MOST_IN_FLIGHT};
use crate::{
    clock::Stopwatch,
    finding::Finding,
    load_results::{Exchange, ExchangeEnd},
    values::HumanDuration,
    world::{
        network::{Network, ProxyConnector, connector},
        url::Url,
    },
};

const AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));
/// A connection that was idle for longer is not used again: the server may be about to close it. Gunicorn does so after 2 s, Node.js
/// after 5 s.
const IDLE: Duration = Duration::from_secs(1);
/// What this machine, and not a server, runs out of: open files, ports and memory.
const EXHAUSTED: [Errno; 5] = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM];

type Tls = HttpsConnector<HttpConnector>;

/// The way to a server.
#[expect(clippy::large_enum_variant, reason = "a load has one")]
pub(super) enum Route {
    Direct(Tls),
    Proxy(HttpsConnector<ProxyConnector<Tls>>),
}

/// The way to the server of a URL.
///
/// # Errors
/// A proxy, or certificate authorities, that cannot be used.
pub(super) fn route(network: &Network, url: &Url) -> Result<Route, Finding> {
    let proxy = network.proxy(url)?;
    // A plain connection needs no authorities, and reading them may fail.
    let roots = if url.is_https() || proxy.is_some() { network.authorities()?.store() } else { RootCertStore::empty() };
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Finding::inconclusive("TLS").actual(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let direct = with_tls(&tls, tcp);
    Ok(match proxy {
        None => Route::Direct(direct),
        Some(proxy) => Route::Proxy(with_tls(&tls, connector(&proxy, direct)?)),
    })
}

fn with_tls<C>(tls: &ClientConfig, below: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1().wrap_connector(below)
}

/// Sends one request after another on connections that they share.
pub(super) struct HttpSender<C> {
    client: Client<C, Empty<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    in_flight: Semaphore,
    timeout: Duration,
}

impl<C: Connect + Clone + Send + Sync + 'static> HttpSender<C> {
    /// # Errors
    /// A URL or a header that cannot be sent.
    pub(super) fn new(connector: C, load: &Load) -> Result<Self, Finding> {
        let unusable =
            |actual: String| Finding::inconclusive("load").actual(actual).expected("a request that can be sent");
        // The cause is left out: it may quote the URL with its secrets.
        let uri = load.url.full().parse().map_err(|_| unusable(format!("{} is too long or malformed", load.url)))?;
        let mut headers = HeaderMap::new();
        for header in &load.headers {
            headers.append(header.wire_name(), header.wire_value().map_err(|error| unusable(error.to_string()))?);
        }
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let mut client = Client::builder(TokioExecutor::new());
        // A request that is sent again would hide a failure.
        client.retry_canceled_requests(false).pool_idle_timeout(IDLE);
        Ok(Self {
            client: client.build(connector),
            uri,
            headers,
            in_flight: Semaphore::new(MOST_IN_FLIGHT),
            timeout: load.timeout,
        })
    }

    /// Sends the request that was due at `due`. It may take as long as `timeout` from now, however late this machine is: that is no
    /// failure of the server. Its latency counts from `due`.
    pub(super) async fn send(&self, due: Duration, began: Stopwatch) -> Exchange {
        let late = began.elapsed().saturating_sub(due);
        let exchange = async {
            match self.in_flight.acquire().await {
                Ok(_held) => self.exchange().await,
                Err(_) => ExchangeEnd::NotSent("no place among the requests in flight".to_owned()),
            }
        };
        let end = timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            ExchangeEnd::Failed(format!("no complete response within {}", HumanDuration(self.timeout)))
        });
        Exchange { due, late, latency: began.elapsed().saturating_sub(due), end }
    }

    async fn exchange(&self) -> ExchangeEnd {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) => return failure(&error),
        };
        let status = response.status().as_u16();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return ExchangeEnd::Failed("the response was cut off".to_owned());
            }
        }
        ExchangeEnd::Status(status)
    }
}

/// Why there is no response, in a few words that are the same for each request that fails in this way.
fn failure(error: &(dyn Error + 'static)) -> ExchangeEnd {
    let causes = || iter::successors(Some(error), |&error| error.source());
    let io = causes().find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(errno) = io.and_then(Errno::from_io_error).filter(|errno| EXHAUSTED.contains(errno)) {
        return ExchangeEnd::NotSent(io::Error::from(errno).to_string());
    }
    let closed = causes().any(|cause| {
        let hyper = cause.downcast_ref::<hyper::Error>();
        hyper.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
    });
    ExchangeEnd::Failed(match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "connection reset".to_owned(),
        _ if closed => "connection closed without a response".to_owned(),
        _ => causes().last().map(ToString::to_string).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_runs_out_of_is_no_failure_of_the_server() {
        for errno in EXHAUSTED {
            assert!(matches!(failure(&io::Error::from(errno)), ExchangeEnd::NotSent(_)), "{errno}");
        }
        for (errno, why) in [(Errno::CONNREFUSED, "connection refused"), (Errno::CONNRESET, "connection reset")] {
            assert_eq!(failure(&io::Error::from(errno)), ExchangeEnd::Failed(why.to_owned()));
        }
        assert!(matches!(failure(&io::Error::from(Errno::HOSTUNREACH)), ExchangeEnd::Failed(_)));
    }
}
