//! The connection below kube's client: one for all requests where the server speaks HTTP/2. kube's own speaks HTTP/1.1,
//! where each watch is a connection, and a server that is frozen looks like one that has nothing to say.

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
use ureq::Proxy;

use super::kubeconfig::{Target, bounded};
use crate::{
    finding::Finding,
    world::network::{Network, tunnel},
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
pub(super) fn client(network: &Network, target: &Target, who: AuthInfo) -> Result<Client, Finding> {
    let mut config = target.config.clone();
    config.auth_info = who;
    let proxy = match &target.proxy {
        Some(url) => Some(Proxy::new(url).map_err(|_| {
            Finding::inconclusive("`kubeconfig`")
                .actual("`proxy-url` is not the URL of a proxy")
                .expected("http://host:port")
        })?),
        None => network.proxy(&target.server)?,
    };
    let authorities = match &config.root_cert {
        Some(given) => these(given)?,
        None => network.authorities()?.store(),
    };
    let tls = tls(authorities, identity(&config.auth_info)?)?;
    let named = config.tls_server_name.take();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let Some(proxy) = proxy else {
        return above(config, encrypted(tls, named.as_deref(), tcp)?);
    };
    // To an https proxy itself: its own name, and the authorities of this machine.
    let to_proxy = encrypted(self::tls(network.authorities()?.store(), None)?, None, tcp)?;
    above(config, encrypted(tls, named.as_deref(), tunnel(&proxy, to_proxy)?)?)
}

fn above<C: Connect + Clone + Send + Sync + 'static>(mut config: Config, connector: C) -> Result<Client, Finding> {
    config.headers.extend(authorization(&config.auth_info));
    let client: legacy::Client<C, Body> = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(2 * WINDOW)
        .retry_canceled_requests(false)
        .build(connector);
    // The layers of kube's own client, without its repetitions.
    let headers = config.extra_headers_layer().map_err(|_| {
        Finding::inconclusive("`kubeconfig`")
            .actual("a name to act as that no header can hold")
            .expected("a name on one line")
    })?;
    Ok(ClientBuilder::new(client.map_err(BoxError::from), &*config.default_namespace)
        .with_layer(&headers)
        .with_layer(&config.base_uri_layer())
        .build())
}

/// Who we are, as a header; kube's own layer for it brings the providers of old along, by which a token was asked for.
fn authorization(who: &AuthInfo) -> Option<(HeaderName, HeaderValue)> {
    let text = match (&who.token, &who.username, &who.password) {
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

fn tls(authorities: RootCertStore, identity: Option<Identity>) -> Result<ClientConfig, Finding> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let trusting = versions
        .map_err(|error| Finding::inconclusive("TLS").actual(error.to_string()))?
        .with_root_certificates(authorities);
    match identity {
        None => Ok(trusting.with_no_client_auth()),
        Some((certificates, key)) => trusting.with_client_auth_cert(certificates, key).map_err(|_| {
            unusable("`client-certificate` and `client-key`: nothing that TLS can use, or not of each other")
        }),
    }
}

fn these(given: &[Vec<u8>]) -> Result<RootCertStore, Finding> {
    let mut store = RootCertStore::empty();
    for certificate in given {
        store
            .add(CertificateDer::from(&**certificate))
            .map_err(|error| unusable(&format!("`certificate-authority`: {error}")))?;
    }
    Ok(store)
}

/// A client certificate with those that it was signed by, and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(who: &AuthInfo) -> Result<Option<Identity>, Finding> {
    let key = who.client_key_data.as_ref().map(secrecy::ExposeSecret::expose_secret);
    let certificate =
        written("client-certificate", who.client_certificate_data.as_deref(), who.client_certificate.as_deref())?;
    let key = written("client-key", key, who.client_key.as_deref())?;
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (None, Some(_)) => return Err(unusable("`client-certificate`: not there, as the other half of the pair is")),
        (Some(_), None) => return Err(unusable("`client-key`: not there, as the other half of the pair is")),
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&certificate).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(unusable("`client-certificate`: no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| unusable("`client-key`: no PEM of a private key"))?;
    Ok(Some((certificates, key)))
}

/// PEM that stands in a kubeconfig, or else in a file. What is wrong with base64 is not repeated: it would be some of a key.
fn written(name: &str, data: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, Finding> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let plain = BASE64_STANDARD.decode(data);
        return plain.map(Some).map_err(|_| unusable(&format!("`{name}-data`: no base64")));
    }
    let Some(file) = file.filter(|file| !file.is_empty()) else { return Ok(None) };
    let text = bounded(Path::new(file)).map_err(|error| unusable(&format!("`{name}`: {file}: {error}")))?;
    Ok(Some(text.into_bytes()))
}

fn encrypted<C>(tls: ClientConfig, server_name: Option<&str>, below: C) -> Result<HttpsConnector<C>, Finding> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match server_name {
        None => builder.enable_all_versions().wrap_connector(below),
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|InvalidDnsNameError| {
                Finding::inconclusive("`kubeconfig`")
                    .actual("`tls-server-name` is no name of a server")
                    .expected("a host name")
            })?;
            builder
                .with_server_name_resolver(FixedServerNameResolver::new(name))
                .enable_all_versions()
                .wrap_connector(below)
        }
    })
}

/// What is wrong with a key is not repeated: the error might hold some of it.
fn unusable(seen: &str) -> Finding {
    Finding::inconclusive("`kubeconfig`").actual(seen).expected("what TLS can use, as PEM")
}
