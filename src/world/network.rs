//! The way out of this machine, as the environment names it: whom TLS trusts, and which proxy a URL goes through. One for
//! all clients, so that what one of them reaches the others reach too.

mod proxies;

use std::{
    collections::BTreeMap,
    env, fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{RootCertStore, pki_types::CertificateDer};
use rustls_native_certs::{CertificateResult, load_certs_from_paths};
use ureq::{
    Proxy,
    tls::{Certificate, RootCerts},
};

use super::url::Url;
use crate::finding::Finding;
use proxies::Proxies;

/// Cheap to clone; the authorities are read when TLS is first needed, once for all clones.
#[derive(Clone, Default)]
pub struct Network(Arc<Settings>);

#[derive(Default)]
struct Settings {
    proxies: Proxies,
    cert_file: Option<PathBuf>,
    cert_dirs: Vec<PathBuf>,
    authorities: OnceLock<Result<Authorities, NetworkError>>,
}

impl Network {
    /// `variables` by their names: the proxy variables (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy` and their upper
    /// case) and, for private authorities, `SSL_CERT_FILE` and `SSL_CERT_DIR`. An empty one is none.
    ///
    /// Nothing is read or judged here: a variable that is unusable is an error of the exchange that needs it.
    #[must_use]
    pub fn new(variables: &BTreeMap<String, String>) -> Self {
        let set = |name| variables.get(name).filter(|value| !value.trim().is_empty());
        Self(Arc::new(Settings {
            proxies: Proxies::new(variables),
            cert_file: set("SSL_CERT_FILE").map(PathBuf::from),
            cert_dirs: set("SSL_CERT_DIR").map(|dirs| env::split_paths(dirs).collect()).unwrap_or_default(),
            authorities: OnceLock::new(),
        }))
    }

    /// The proxy that `url` goes through; `None`: straight to its host, as always on loopback.
    ///
    /// # Errors
    /// The variable for it is set to something unusable: going around a proxy that somebody wants is none of ours.
    pub fn proxy(&self, url: &Url) -> Result<Option<Proxy>, NetworkError> {
        self.0.proxies.of(url)
    }

    /// The authorities that are trusted: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` when one is set, else those of this
    /// machine, else, when it has none (a container without `ca-certificates`), Mozilla's.
    ///
    /// # Errors
    /// Nothing in what the variables name is an authority: no other one takes its place.
    pub fn authorities(&self) -> Result<Authorities, NetworkError> {
        let Settings { cert_file, cert_dirs, authorities, .. } = &*self.0;
        let read = || {
            if cert_file.is_none() && cert_dirs.is_empty() {
                return Ok(of_this_machine());
            }
            named(cert_file.as_deref(), cert_dirs)
        };
        authorities.get_or_init(read).clone()
    }
}

fn named(file: Option<&Path>, dirs: &[PathBuf]) -> Result<Authorities, NetworkError> {
    let (certs, why) = read(file, dirs);
    if certs.is_empty() {
        let why = why.unwrap_or_else(|| "no certificate in it".to_owned());
        return Err(NetworkError::Authorities(why));
    }
    Ok(Authorities::These(certs.into()))
}

fn of_this_machine() -> Authorities {
    // The probe looks at the variables as well. They are empty here, or they would have been taken for named.
    let known = openssl_probe::probe();
    let (certs, _) = read(known.cert_file.as_deref(), &known.cert_dir);
    if certs.is_empty() { Authorities::Mozillas } else { Authorities::These(certs.into()) }
}

/// The authorities in a file and in folders, and the first thing that was in the way. Stores hold the odd certificate
/// that nobody can read; the others still count.
fn read(file: Option<&Path>, dirs: &[PathBuf]) -> (Vec<CertificateDer<'static>>, Option<String>) {
    let files = file.iter().map(|file| load_certs_from_paths(Some(file), None));
    let dirs = dirs.iter().map(|dir| load_certs_from_paths(None, Some(dir)));
    let mut certs = Vec::new();
    let mut why = None;
    for CertificateResult { certs: found, errors, .. } in files.chain(dirs) {
        certs.extend(found);
        why = why.or_else(|| errors.first().map(ToString::to_string));
    }
    // The file is often one of a folder's.
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

/// Whom TLS trusts.
#[derive(Clone)]
pub enum Authorities {
    These(Arc<[CertificateDer<'static>]>),
    /// The ones that Mozilla trusts; they are part of this program.
    Mozillas,
}

impl Authorities {
    /// For rustls.
    pub(super) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        match self {
            Self::These(certs) => drop(store.add_parsable_certificates(certs.iter().cloned())),
            Self::Mozillas => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        store
    }

    /// For ureq.
    pub(super) fn certs(&self) -> RootCerts {
        match self {
            Self::These(certs) => RootCerts::from(certs.iter().map(|cert| Certificate::from_der(cert).to_owned())),
            Self::Mozillas => RootCerts::WebPki,
        }
    }
}

/// What the environment names for the network and cannot be used. Without its value: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// The variable.
    Proxy(&'static str),
    /// Why.
    Authorities(String),
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy(name) => write!(f, "{name} is set, but not to the URL of an http, https or socks proxy"),
            Self::Authorities(why) => write!(f, "SSL_CERT_FILE or SSL_CERT_DIR is set, but unusable: {why}"),
        }
    }
}

impl std::error::Error for NetworkError {}

impl From<NetworkError> for Finding {
    fn from(unusable: NetworkError) -> Self {
        match unusable {
            NetworkError::Proxy(name) => Self::inconclusive(name)
                .actual("not the URL of a proxy")
                .expected("http:// or https://, a host and a port")
                .next(format!("correct {name}, or name the host in NO_PROXY")),
            NetworkError::Authorities(why) => Self::inconclusive("SSL_CERT_FILE, SSL_CERT_DIR")
                .actual(why)
                .expected("PEM files with the certificate authorities to trust")
                .next("correct them, or unset both to trust what this system trusts"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A network that these variables describe.
    pub(in crate::world) fn network(variables: &[(&str, &str)]) -> Network {
        Network::new(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A file among those in `tests/tls`.
    pub(in crate::world) fn tls(name: &str) -> String {
        format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    fn count(variables: &[(&str, &str)]) -> usize {
        match network(variables).authorities() {
            Ok(Authorities::These(certs)) => certs.len(),
            Ok(Authorities::Mozillas) => panic!("{variables:?}: nobody asked for these"),
            Err(unusable) => panic!("{variables:?}: {unusable}"),
        }
    }

    #[test]
    fn authorities_that_are_named_are_the_only_ones() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(tls("ca.pem"), folder.path().join("ours.pem")).unwrap();
        std::fs::copy(tls("server.pem"), folder.path().join("another.pem")).unwrap();
        let (file, dirs) = (tls("ca.pem"), format!(":{}:", folder.path().display()));
        assert_eq!(count(&[("SSL_CERT_FILE", &file)]), 1);
        assert_eq!(count(&[("SSL_CERT_DIR", &dirs)]), 2);
        assert_eq!(count(&[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &dirs)]), 2, "the file is in the folder too");
        // One of the two is enough.
        assert_eq!(count(&[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", "/nowhere")]), 1);
        let both = network(&[("SSL_CERT_DIR", &dirs)]).authorities().unwrap();
        assert_eq!(both.store().len(), 2);
        assert!(matches!(both.certs(), RootCerts::Specific(certs) if certs.len() == 2));
    }

    #[test]
    fn what_is_named_and_no_authority_is_an_error_and_never_a_fallback() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().display().to_string();
        let broken = folder.path().join("broken.txt");
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let (broken, key) = (broken.display().to_string(), tls("server-key.pem"));
        for (name, value, why) in [
            ("SSL_CERT_FILE", "/nowhere/ca.pem", "/nowhere/ca.pem"),
            ("SSL_CERT_FILE", &empty, ""),
            ("SSL_CERT_FILE", &key, "no certificate in it"),
            ("SSL_CERT_FILE", &broken, "BadEncoding"),
            ("SSL_CERT_DIR", "/nowhere", "/nowhere"),
            ("SSL_CERT_DIR", ":", ""),
        ] {
            let Err(unusable) = network(&[(name, value)]).authorities() else { panic!("{name}={value}") };
            assert!(unusable.to_string().contains(why), "{name}={value}: {unusable}");
            let finding: Finding = unusable.into();
            let finding = finding.to_string();
            assert!(finding.contains("SSL_CERT_FILE") && finding.contains(why), "{finding}");
        }
    }

    #[test]
    fn an_empty_variable_names_nothing() {
        for variables in [&[][..], &[("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", " ")], &[("SSL_CERT_FILE", "\n")]] {
            // Those of this machine, or Mozilla's: both are many.
            assert!(network(variables).authorities().unwrap().store().len() > 5, "{variables:?}");
        }
        assert!(Authorities::Mozillas.store().len() > 50);
    }
}
