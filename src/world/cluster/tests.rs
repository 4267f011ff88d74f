use std::{fs, path::PathBuf};

use kube::config::AuthInfo;
use secrecy::ExposeSecret as _;

use super::{
    super::{network::tests::network, process::ProcessGroups, runtime::Runtime},
    *,
};
use crate::secret::Secret;

const LONG: Duration = Duration::from_secs(30);

fn resolve(user: AuthInfo) -> Result<AuthInfo, Finding> {
    credentials::resolve(user, &ProcessGroups::default(), &[])
}

fn token(user: AuthInfo) -> Option<String> {
    resolve(user).unwrap().token.map(|token| token.expose_secret().to_owned())
}

#[test]
fn a_token_is_trimmed_and_one_with_a_line_break_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "from-a-file\n").unwrap();
    let file = Some(path.display().to_string());
    let with_token = |text: &str| AuthInfo { token: Some(text.to_owned().into()), ..AuthInfo::default() };
    assert_eq!(token(with_token(" t0ken\n")).as_deref(), Some("t0ken"));
    assert_eq!(token(with_token("")), None);
    assert_eq!(token(AuthInfo { token_file: file, ..with_token("t0ken") }).as_deref(), Some("from-a-file"));
    let finding = resolve(with_token("t0k\nen")).unwrap_err().to_string();
    assert!(finding.contains("characters that a token cannot contain") && !finding.contains("t0k"), "{finding}");
    let nowhere = AuthInfo { token_file: Some("/nowhere/token".to_owned()), ..AuthInfo::default() };
    assert!(resolve(nowhere).unwrap_err().to_string().contains("the token in /nowhere/token"));
}

/// The error of building a client from a kubeconfig with these lines for cluster and user; none if it can be built.
fn client_error(cluster: &str, user: &str, variables: &[(&str, &str)]) -> Option<String> {
    let text = format!(
        "current-context: x\ncontexts: [{{ name: x, context: {{ cluster: c, user: u }} }}]\nclusters: [{{ name: c, \
         cluster: {{ server: \"https://one.example\", {cluster} }} }}]\nusers: [{{ name: u, user: {{ {user} }} }}]\n"
    );
    let target =
        kubeconfig::load_target(&KubeconfigSource::Content(Secret::new(text), PathBuf::new()), None, None).unwrap();
    let network = network(variables);
    let runtime = Runtime::start().unwrap();
    let result = runtime.run(LONG, async move {
        let user = target.config.auth_info.clone();
        transport::client(&network, &target, user).err().map(|finding| finding.to_string())
    });
    result.unwrap()
}

#[test]
fn a_client_requires_usable_certificates_headers_and_proxies() {
    let tls = crate::world::network::tests::tls;
    let (ca, certificate, key) = (tls("ca.pem"), tls("server.pem"), tls("server-key.pem"));
    let authority = format!("certificate-authority: {ca}");
    let pair = format!("client-certificate: {certificate}, client-key: {key}");
    for (cluster, user) in [("", ""), (&*authority, "token: t"), (&authority, &pair), ("", "username: a, password: b")]
    {
        assert_eq!(client_error(cluster, user, &[]), None, "{cluster} {user}");
    }
    let other = format!("client-certificate: {ca}, client-key: {key}");
    let half = format!("client-certificate: {certificate}");
    let swapped = format!("client-certificate: {key}, client-key: {key}");
    for (cluster, user, expected) in [
        (&*authority, &*other, "or they do not match"),
        (&authority, &half, "`client-key`: missing"),
        (&authority, &swapped, "`client-certificate`: no certificate in it"),
        ("", "client-certificate: nowhere.pem, client-key: nowhere.pem", "nowhere.pem: No such file"),
        ("", "client-certificate-data: '!', client-key-data: '!'", "not base64"),
        ("", "as: \"a\\nb\"", "cannot be sent in a header"),
        ("tls-server-name: \"a b\"", "", "`tls-server-name`"),
        ("proxy-url: \"gopher://p\"", "", "`proxy-url`"),
    ] {
        let error = client_error(cluster, user, &[]).unwrap_or_default();
        assert!(error.contains(expected), "{cluster} {user}: {error}");
    }
}

#[test]
fn proxies_and_authorities_of_the_environment_apply_to_the_cluster() {
    let broken = ("HTTPS_PROXY", "gopher://user:hunter2@proxy");
    let error = client_error("", "", &[broken]).unwrap_or_default();
    assert!(error.contains("HTTPS_PROXY") && !error.contains("hunter2"), "{error}");
    // NO_PROXY matches the cluster's host; a trailing comma does not matter.
    assert_eq!(client_error("", "", &[broken, ("NO_PROXY", "one.example,")]), None);
    assert_eq!(client_error("", "", &[("HTTPS_PROXY", "http://user:pa%20ss@proxy:3128")]), None);
    let error = client_error("", "", &[("SSL_CERT_FILE", "/nowhere/ca.pem")]).unwrap_or_default();
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}
