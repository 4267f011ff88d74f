#[path = "../../../tests/socks.rs"]
pub mod socks;

use super::*;
use crate::finding::Finding;

/// The network settings of these variables.
pub fn network(variables: &[(&str, &str)]) -> Network {
    Network::new(&variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// The path of a file in `tests/tls`.
pub fn tls(name: &str) -> String {
    format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn count(variables: &[(&str, &str)]) -> usize {
    match network(variables).authorities() {
        Ok(CertificateAuthorities::Loaded(certs)) => certs.len(),
        Ok(CertificateAuthorities::Mozilla) => {
            panic!("{variables:?}: Mozilla's authorities in place of the named ones")
        }
        Err(error) => panic!("{variables:?}: {error}"),
    }
}

#[test]
fn the_authorities_that_the_environment_names_are_the_only_ones() {
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
    assert!(matches!(both.ureq_roots(), RootCerts::Specific(certs) if certs.len() == 2));
}

#[test]
fn a_variable_that_names_no_authority_is_an_error_without_a_fallback() {
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
        let Err(error) = network(&[(name, value)]).authorities() else { panic!("{name}={value}") };
        assert!(error.to_string().contains(why), "{name}={value}: {error}");
        let finding: Finding = error.into();
        let finding = finding.to_string();
        assert!(finding.contains("SSL_CERT_FILE") && finding.contains(why), "{finding}");
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    for variables in [&[][..], &[("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", " ")], &[("SSL_CERT_FILE", "\n")]] {
        // The system's authorities or Mozilla's; both are many.
        assert!(network(variables).authorities().unwrap().store().len() > 5, "{variables:?}");
    }
    assert!(CertificateAuthorities::Mozilla.store().len() > 50);
}
