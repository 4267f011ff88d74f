//! The connection below the cluster's API: one for all requests where the server speaks HTTP/2.

use std::{sync::Arc, time::Duration};

use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{HttpConnector, proxy::Tunnel},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use ureq::Proxy;

use super::kubeconfig::Target;
use crate::{
    verdict::Complaint,
    world::{github::transport::tunnel, network::Network, secret::Secret},
};

/// How often an idle HTTP/2 connection is pinged, and how long the answer may take: a server that is frozen keeps its
/// connections open, and says as little as one that has nothing to say.
const PING: Duration = Duration::from_secs(5);
/// Bytes that a server may send before it hears that they were read: a list of pods is megabytes.
const WINDOW: u32 = 4 << 20;

/// Where requests are sent from. Cheap to clone.
#[derive(Clone)]
pub(super) enum Wire {
    Direct(Box<Over<HttpConnector>>),
    Tunnelled(Box<Over<Tunnel<HttpsConnector<HttpConnector>>>>),
}

/// A client that speaks TLS over a connection.
type Over<C> = Client<HttpsConnector<C>, Empty<Bytes>>;

impl Wire {
    pub(super) async fn send(&self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, Error> {
        match self {
            Self::Direct(client) => client.request(request).await,
            Self::Tunnelled(client) => client.request(request).await,
        }
    }
}

/// Prepares the connection; nothing is sent. `certificate` is the client's own, with its key, as PEM.
///
/// # Errors
/// When the authorities, the certificate or the proxy cannot be used.
pub(super) fn wire(
    network: &Network,
    target: &Target,
    certificate: Option<(&[u8], &Secret)>,
) -> Result<Wire, Complaint> {
    let tls = tls(network, target, certificate)?;
    let proxy = match &target.proxy {
        Some(url) => Some(Proxy::new(url).map_err(|_| {
            Complaint::about("`kubeconfig`").seen("`proxy-url` is not the URL of a proxy").expected("http://host:port")
        })?),
        None => network.proxy(&target.server)?,
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let named = target.server_name.as_deref();
    Ok(match proxy {
        None => Wire::Direct(Box::new(client().build(encrypted(tls, named, tcp)?))),
        Some(proxy) => {
            // To an https proxy itself: its own name, and the authorities of this machine.
            let roots = network.authorities()?.store();
            let to_proxy = encrypted(config(roots)?.with_no_client_auth(), None, tcp)?;
            let through = tunnel(&proxy, to_proxy)?;
            Wire::Tunnelled(Box::new(client().build(encrypted(tls, named, through)?)))
        }
    })
}

fn client() -> hyper_util::client::legacy::Builder {
    let mut client = Client::builder(TokioExecutor::new());
    client
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(2 * WINDOW)
        .retry_canceled_requests(false);
    client
}

fn config(
    roots: RootCertStore,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, Complaint> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = |error: String| Complaint::about("TLS").seen(error);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| tls(error.to_string()))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(error.to_string()))?
        .with_webpki_verifier(verifier))
}

fn tls(network: &Network, target: &Target, certificate: Option<(&[u8], &Secret)>) -> Result<ClientConfig, Complaint> {
    let unusable = |what: &str, seen: String| {
        Complaint::about("`kubeconfig`").seen(format!("`{what}`: {seen}")).expected("PEM that TLS can use")
    };
    let roots = match &target.authorities {
        // Nobody needs to be trusted without TLS; the store must not be empty all the same.
        None => network.authorities()?.store(),
        Some(pem) => {
            let mut store = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|_| unusable("certificate-authority", "no PEM".to_owned()))?;
                store.add(certificate).map_err(|error| unusable("certificate-authority", error.to_string()))?;
            }
            if store.is_empty() {
                return Err(unusable("certificate-authority", "no certificate in it".to_owned()));
            }
            store
        }
    };
    let Some((chain, key)) = certificate else { return Ok(config(roots)?.with_no_client_auth()) };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|_| unusable("client-certificate", "no PEM".to_owned()))?;
    // What is wrong with a key is not repeated: the error might hold some of it.
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| unusable("client-key", "no PEM of a private key".to_owned()))?;
    config(roots)?
        .with_client_auth_cert(chain, key)
        .map_err(|_| unusable("client-certificate", "certificate and key do not fit each other".to_owned()))
}

fn encrypted<C>(tls: ClientConfig, server_name: Option<&str>, below: C) -> Result<HttpsConnector<C>, Complaint> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match server_name {
        None => builder.enable_all_versions().wrap_connector(below),
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|_| {
                Complaint::about("`kubeconfig`")
                    .seen("`tls-server-name` is no name of a server")
                    .expected("a host name")
            })?;
            builder
                .with_server_name_resolver(FixedServerNameResolver::new(name))
                .enable_all_versions()
                .wrap_connector(below)
        }
    })
}
