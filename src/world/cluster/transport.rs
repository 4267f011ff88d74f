//! The connection below kube's client: one for all requests where the server speaks HTTP/2. kube's own speaks HTTP/1.1,
//! where each watch is a connection, and a server that is frozen looks like one that has nothing to say.

use std::{sync::Arc, time::Duration};

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connect, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config, Error,
    client::{Body, ClientBuilder, ConfigExt as _, RustlsTlsError},
    config::AuthInfo,
};
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::{InvalidDnsNameError, ServerName},
};
use tower::{BoxError, ServiceExt as _};
use ureq::Proxy;

use super::{
    kubeconfig::{Target, unreadable},
    trouble::causes,
};
use crate::{
    verdict::Complaint,
    world::{github::transport::tunnel, network::Network},
};

/// How often an idle HTTP/2 connection is pinged, and how long the answer may take: a server that is frozen keeps its
/// connections open, and says as little as one that has nothing to say.
const PING: Duration = Duration::from_secs(5);
/// Bytes that a server may send before it hears that they were read: a list of pods is megabytes.
const WINDOW: u32 = 4 << 20;

/// A client for `who`; nothing is sent. Must be called on the runtime.
///
/// # Errors
/// When the authorities, the certificate, the proxy or a header cannot be used.
pub(super) fn client(network: &Network, target: &Target, who: AuthInfo) -> Result<Client, Complaint> {
    let mut config = target.config.clone();
    config.auth_info = who;
    let proxy = match &target.proxy {
        Some(url) => Some(Proxy::new(url).map_err(|_| {
            Complaint::about("`kubeconfig`").seen("`proxy-url` is not the URL of a proxy").expected("http://host:port")
        })?),
        None => network.proxy(&target.server)?,
    };
    let tls = tls(network, &mut config)?;
    let named = config.tls_server_name.as_deref();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let Some(proxy) = proxy else {
        return above(&config, encrypted(tls, named, tcp)?);
    };
    // To an https proxy itself: its own name, and the authorities of this machine.
    let mut own = Config::new(config.cluster_url.clone());
    let to_proxy = encrypted(self::tls(network, &mut own)?, None, tcp)?;
    above(&config, encrypted(tls, named, tunnel(&proxy, to_proxy)?)?)
}

fn above<C: Connect + Clone + Send + Sync + 'static>(config: &Config, connector: C) -> Result<Client, Complaint> {
    let client: legacy::Client<C, Body> = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(2 * WINDOW)
        .retry_canceled_requests(false)
        .build(connector);
    // The layers of kube's own client, without its repetitions.
    let client = ClientBuilder::new(client.map_err(BoxError::from), &*config.default_namespace)
        .with_layer(&config.extra_headers_layer().map_err(|error| unusable(&error))?)
        .with_layer(&config.base_uri_layer());
    Ok(match config.auth_layer().map_err(|error| unusable(&error))? {
        Some(who) => client.with_layer(&who).build(),
        None => client.build(),
    })
}

fn tls(network: &Network, config: &mut Config) -> Result<ClientConfig, Complaint> {
    let trusted = match &config.root_cert {
        Some(_) => None,
        None => Some(network.authorities()?.store()),
    };
    // kube would take those of this machine, by other rules than everything else here.
    config.root_cert.get_or_insert_default();
    let mut tls = config.rustls_client_config().map_err(|error| unusable(&error))?;
    if let Some(roots) = trusted {
        tls.dangerous().set_certificate_verifier(verifier(roots)?);
    }
    Ok(tls)
}

fn verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, Complaint> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Complaint::about("TLS").seen(error.to_string()))
}

fn encrypted<C>(tls: ClientConfig, server_name: Option<&str>, below: C) -> Result<HttpsConnector<C>, Complaint> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match server_name {
        None => builder.enable_all_versions().wrap_connector(below),
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|InvalidDnsNameError| {
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

/// What kube cannot use. What is wrong with a key is not repeated: the error might hold some of it.
fn unusable(error: &Error) -> Complaint {
    let seen = match error {
        Error::InferKubeconfig(error) => return unreadable(error),
        Error::RustlsTls(RustlsTlsError::AddRootCertificate(error)) => {
            format!("`certificate-authority`: {}", causes(&**error))
        }
        Error::RustlsTls(RustlsTlsError::MissingCertificate) => "`client-certificate`: no certificate in it".to_owned(),
        Error::RustlsTls(RustlsTlsError::MissingPrivateKey) => "`client-key`: no PEM of a private key".to_owned(),
        Error::RustlsTls(_) => {
            "`client-certificate` and `client-key`: no PEM that TLS can use, or not of each other".to_owned()
        }
        _ => "a name to act as that no header can hold".to_owned(),
    };
    Complaint::about("`kubeconfig`").seen(seen).expected("what TLS can use, as PEM")
}
