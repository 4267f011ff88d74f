//! Network settings from the environment: certificate authorities and proxies. All clients share them, so that all clients
//! reach the same hosts.

mod connector;
mod error;
mod proxies;
mod proxy;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{RootCertStore, pki_types::CertificateDer};
use rustls_native_certs::{CertificateResult, load_certs_from_paths};
use ureq::tls::{Certificate, RootCerts};

use super::url::Url;
pub(super) use connector::{ProxyConnector, ProxyError, connector};
pub use error::NetworkError;
use proxies::Proxies;
pub use proxy::ConfiguredProxy;

/// The network settings. Cheap to clone; the authorities are read once for all clones, when TLS is first needed.
#[derive(Clone, Default)]
pub struct Network(Arc<NetworkSettings>);

#[derive(Default)]
struct NetworkSettings {
    proxies: Proxies,
    cert_file: Option<PathBuf>,
    cert_dirs: Vec<PathBuf>,
    authorities: OnceLock<Result<CertificateAuthorities, NetworkError>>,
}

impl Network {
    /// Takes environment variables by name: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy` (also in upper case), and
    /// for private authorities `SSL_CERT_FILE` and `SSL_CERT_DIR`. An empty variable counts as unset.
    ///
    /// Nothing is validated here: an unusable variable is an error of the request that needs it.
    #[must_use]
    pub fn new(variables: &BTreeMap<String, String>) -> Self {
        let set = |name| variables.get(name).filter(|value| !value.trim().is_empty());
        Self(Arc::new(NetworkSettings {
            proxies: Proxies::new(variables),
            cert_file: set("SSL_CERT_FILE").map(PathBuf::from),
            cert_dirs: set("SSL_CERT_DIR").map(|dirs| env::split_paths(dirs).collect()).unwrap_or_default(),
            authorities: OnceLock::new(),
        }))
    }

    /// The proxy for `url`; `None` for a direct connection, as always to loopback.
    ///
    /// # Errors
    /// The proxy variable is unusable. Connecting directly instead would bypass a proxy that the environment requires.
    pub fn proxy(&self, url: &Url) -> Result<Option<ConfiguredProxy>, NetworkError> {
        self.0.proxies.for_url(url)
    }

    /// The trusted authorities: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` when one is set, else the system's, else
    /// Mozilla's when the system has none (a container without `ca-certificates`).
    ///
    /// # Errors
    /// The variables name no authority. No other authorities are used instead.
    pub fn authorities(&self) -> Result<CertificateAuthorities, NetworkError> {
        let NetworkSettings { cert_file, cert_dirs, authorities, .. } = &*self.0;
        let read = || {
            if cert_file.is_none() && cert_dirs.is_empty() {
                return Ok(load_system());
            }
            load_named(cert_file.as_deref(), cert_dirs)
        };
        authorities.get_or_init(read).clone()
    }
}

fn load_named(file: Option<&Path>, dirs: &[PathBuf]) -> Result<CertificateAuthorities, NetworkError> {
    let (certs, why) = read(file, dirs);
    if certs.is_empty() {
        let why = why.unwrap_or_else(|| "no certificate in it".to_owned());
        return Err(NetworkError::Authorities(why));
    }
    Ok(CertificateAuthorities::Loaded(certs.into()))
}

fn load_system() -> CertificateAuthorities {
    // The probe also reads SSL_CERT_FILE and SSL_CERT_DIR, but both are unset here.
    let known = openssl_probe::probe();
    let (certs, _) = read(known.cert_file.as_deref(), &known.cert_dir);
    if certs.is_empty() { CertificateAuthorities::Mozilla } else { CertificateAuthorities::Loaded(certs.into()) }
}

/// The authorities in a file and in folders, and the first error. A store may hold a certificate that cannot be parsed;
/// the others still count.
fn read(file: Option<&Path>, dirs: &[PathBuf]) -> (Vec<CertificateDer<'static>>, Option<String>) {
    let files = file.iter().map(|file| load_certs_from_paths(Some(file), None));
    let dirs = dirs.iter().map(|dir| load_certs_from_paths(None, Some(dir)));
    let mut certs = Vec::new();
    let mut why = None;
    for CertificateResult { certs: found, errors, .. } in files.chain(dirs) {
        certs.extend(found);
        why = why.or_else(|| errors.first().map(ToString::to_string));
    }
    // The file is often in one of the folders too.
    certs.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    certs.dedup();
    let mut store = RootCertStore::empty();
    certs.retain(|cert| match store.add(cert.clone()) {
        Ok(()) => true,
        Err(error) => {
            why.get_or_insert_with(|| error.to_string());
            false
        }
    });
    (certs, why)
}

/// The certificate authorities that TLS trusts.
#[derive(Clone)]
pub enum CertificateAuthorities {
    Loaded(Arc<[CertificateDer<'static>]>),
    /// The authorities that Mozilla trusts; they are built into this program.
    Mozilla,
}

impl CertificateAuthorities {
    /// For rustls.
    pub(super) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        match self {
            Self::Loaded(certs) => drop(store.add_parsable_certificates(certs.iter().cloned())),
            Self::Mozilla => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        store
    }

    /// For ureq.
    pub(super) fn ureq_roots(&self) -> RootCerts {
        match self {
            Self::Loaded(certs) => RootCerts::from(certs.iter().map(|cert| Certificate::from_der(cert).to_owned())),
            Self::Mozilla => RootCerts::WebPki,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
