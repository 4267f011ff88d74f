//! The connection to the API server: TLS, proxies and HTTP/2, below kube's `Client` type.
//!
//! With HTTP/2 all watches share one connection, and its pings tell a frozen server from an idle one.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connect, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt as _},
    config::AuthInfo,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use secrecy::ExposeSecret as _;
use tower::{BoxError, ServiceExt as _};

use super::kubeconfig::{ClusterTarget, read_bounded};
use crate::{
    finding::Finding,
    world::network::{ConfiguredProxy, Network, connector},
};

/// How often an HTTP/2 connection is pinged, and how long the response to a ping may take. A frozen server keeps its
/// connections open but does not respond to pings.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The flow-control window of a stream, in bytes. A list of pods has megabytes.
const WINDOW: u32 = 4 << 20;

/// The proxy to the API server. `proxy-url` takes precedence over the environment, and `NO_PROXY` does not apply to it.
pub(super) fn proxy(network: &Network, target: &ClusterTarget) -> Result<Option<ConfiguredProxy>, Finding> {
    let Some(url) = &target.proxy else { return Ok(network.proxy(&target.server)?) };
    ConfiguredProxy::parse(url, "`proxy-url` in the kubeconfig").map(Some).ok_or_else(|| {
        Finding::inconclusive("`kubeconfig`")
            .actual("`proxy-url` is not the URL of a proxy")
            .expected(ConfiguredProxy::ACCEPTED)
    })
}

/// Builds a client for a user. It connects at the first request. Call this on the runtime.
///
/// # Errors
/// An authority, certificate, key, proxy or header that cannot be used.
pub(super) fn client(
    network: &Network,
    target: &ClusterTarget,
    user: AuthInfo,
    proxy: Option<&ConfiguredProxy>,
) -> Result<Client, Finding> {
    let mut config = target.config.clone();
    config.auth_info = user;
    let authorities = match &config.root_cert {
        Some(certificates) => certificate_store(certificates)?,
        None => network.authorities()?.store(),
    };
    let tls = tls_config(authorities, client_identity(&config.auth_info)?)?;
    let server_name = config.tls_server_name.take();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let Some(proxy) = proxy else {
        return build_client(config, tls_connector(tls, server_name.as_deref(), tcp)?);
    };
    // An https proxy is verified by its own name and the authorities of this machine.
    let to_proxy = tls_connector(tls_config(network.authorities()?.store(), None)?, None, tcp)?;
    build_client(config, tls_connector(tls, server_name.as_deref(), connector(proxy, to_proxy)?)?)
}

fn build_client<C: Connect + Clone + Send + Sync + 'static>(
    mut config: Config,
    connector: C,
) -> Result<Client, Finding> {
    config.headers.extend(authorization(&config.auth_info));
    let client: legacy::Client<C, Body> = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_INTERVAL)
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(2 * WINDOW)
        .retry_canceled_requests(false)
        .build(connector);
    // kube's layers for headers and the base URL. Its retry layer is left out: the caller decides about retries.
    let headers = config.extra_headers_layer().map_err(|_| {
        Finding::inconclusive("`kubeconfig`")
            .actual("`as` or `as-groups`: a name that cannot be sent in a header")
            .expected("a name on one line")
    })?;
    Ok(ClientBuilder::new(client.map_err(BoxError::from), &*config.default_namespace)
        .with_layer(&headers)
        .with_layer(&config.base_uri_layer())
        .build())
}

/// The `Authorization` header of a user. kube's auth layer is not used: the plugin has run and the token file has been read.
fn authorization(user: &AuthInfo) -> Option<(HeaderName, HeaderValue)> {
    let text = match (&user.token, &user.username, &user.password) {
        (Some(token), ..) => format!("Bearer {}", token.expose_secret()),
        (None, Some(name), Some(password)) => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{}", password.expose_secret())))
        }
        _ => return None,
    };
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

fn tls_config(authorities: RootCertStore, identity: Option<ClientIdentity>) -> Result<ClientConfig, Finding> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions
        .map_err(|error| Finding::inconclusive("TLS").actual(error.to_string()))?
        .with_root_certificates(authorities);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((certificates, key)) => builder.with_client_auth_cert(certificates, key).map_err(|_| {
            pem_finding("`client-certificate` and `client-key`: TLS cannot use them, or they do not match")
        }),
    }
}

fn certificate_store(certificates: &[Vec<u8>]) -> Result<RootCertStore, Finding> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store
            .add(CertificateDer::from(&**certificate))
            .map_err(|error| pem_finding(&format!("`certificate-authority`: {error}")))?;
    }
    Ok(store)
}

/// A client certificate with its chain, and its key.
type ClientIdentity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_identity(user: &AuthInfo) -> Result<Option<ClientIdentity>, Finding> {
    let key = user.client_key_data.as_ref().map(secrecy::ExposeSecret::expose_secret);
    let certificate =
        read_pem("client-certificate", user.client_certificate_data.as_deref(), user.client_certificate.as_deref())?;
    let key = read_pem("client-key", key, user.client_key.as_deref())?;
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (None, Some(_)) => return Err(pem_finding("`client-certificate`: missing, while `client-key` is given")),
        (Some(_), None) => return Err(pem_finding("`client-key`: missing, while `client-certificate` is given")),
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&certificate).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(pem_finding("`client-certificate`: no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| pem_finding("`client-key`: no private key in PEM"))?;
    Ok(Some((certificates, key)))
}

/// Reads PEM from the kubeconfig or else from a file. The error does not quote invalid base64: it may be a part of a key.
fn read_pem(name: &str, data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, Finding> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let pem = BASE64_STANDARD.decode(data);
        return pem.map(Some).map_err(|_| pem_finding(&format!("`{name}-data`: not base64")));
    }
    let Some(file) = file.filter(|file| !file.is_empty()) else { return Ok(None) };
    let text = read_bounded(Path::new(file)).map_err(|error| pem_finding(&format!("`{name}`: {file}: {error}")))?;
    Ok(Some(text.into_bytes()))
}

fn tls_connector<C>(tls: ClientConfig, server_name: Option<&str>, inner: C) -> Result<HttpsConnector<C>, Finding> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match server_name {
        None => builder.enable_all_versions().wrap_connector(inner),
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|InvalidDnsNameError| {
                Finding::inconclusive("`kubeconfig`")
                    .actual("`tls-server-name` is not a host name")
                    .expected("a host name")
            })?;
            builder
                .with_server_name_resolver(FixedServerNameResolver::new(name))
                .enable_all_versions()
                .wrap_connector(inner)
        }
    })
}

/// A finding about a certificate or a key. It holds no error of the parser, which might quote the key.
fn pem_finding(actual: &str) -> Finding {
    Finding::inconclusive("`kubeconfig`").actual(actual).expected("PEM that TLS can use")
}
