use std::{fs, path::PathBuf};

use kube::config::{AuthInfo, ExecConfig};
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

/// A user whose plugin prints `output`.
fn with_plugin(output: &str) -> AuthInfo {
    let exec = ExecConfig {
        command: Some("printf".to_owned()),
        args: Some(vec!["%s".to_owned(), output.to_owned()]),
        ..ExecConfig::default()
    };
    AuthInfo { exec: Some(exec), ..AuthInfo::default() }
}

#[test]
fn a_plugin_may_answer_in_json_or_yaml() {
    let long = "a".repeat(5000);
    for (output, expected) in [
        (r#"{"kind":"ExecCredential","status":{"token":"t0ken"}}"#, "t0ken"),
        ("{\n\t\"status\": {\n\t\t\"token\": \"t\\u0030ken\\/\"\n\t}\n}\n", "t0ken/"),
        ("kind: ExecCredential\nstatus:\n  token: t0ken\n", "t0ken"),
        (
            "---\n# a comment\nstatus: # another\n  expirationTimestamp: 2026-01-01T00:00:00Z\n  token: 't0ken'\n",
            "t0ken",
        ),
        ("kind: ExecCredential\r\nstatus:\r\n  token: t0ken\r\n", "t0ken"),
        ("status: {token: t0ken}\n---\nstatus: {token: other}\n", "t0ken"),
        ("status:\n  token: |\n    t0ken\n", "t0ken"),
        ("\u{feff}status: {token: t0ken}", "t0ken"),
        // A token is text.
        ("status:\n  token: 12345\n", "12345"),
        ("status: {token: 0123}", "0123"),
        ("status: {token: 1e5}", "1e5"),
        ("status: {token: true}", "true"),
        (r#"{"status":{"token":12345}}"#, "12345"),
        (&format!("{{\"status\":{{\"token\":\"{long}\"}}}}"), &long),
    ] {
        assert_eq!(token(with_plugin(output)).as_deref(), Some(expected), "{output:?}");
    }
    let pair = resolve(with_plugin("status:\n  clientCertificateData: |\n    a\n    b\n  clientKeyData: c\n")).unwrap();
    assert_eq!(pair.client_certificate_data.as_deref(), Some("YQpiCg=="));
    for output in [
        "",
        "s3cr3t",
        "kind: ExecCredential\n",
        "status: null",
        "status: {}",
        "status: {token: ''}",
        "status: {token: null}",
        "status: {token: [s3cr3t]}",
        "status: {token: s3cr3t",
        "status: {clientCertificateData: s3cr3t}",
        "---\n---\nstatus: {token: s3cr3t}",
    ] {
        let finding = resolve(with_plugin(output)).unwrap_err().to_string();
        assert!(
            finding.contains("its output holds no credentials") && !finding.contains("s3cr3t"),
            "{output:?}: {finding}"
        );
    }
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
        let client = transport::proxy(&network, &target)
            .and_then(|proxy| transport::client(&network, &target, user, proxy.as_ref()));
        client.err().map(|finding| finding.to_string())
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
        ("proxy-url: \"gopher://me:hunter2@p\"", "", "`proxy-url` is not the URL of a proxy"),
        ("proxy-url: \"socks4://p\"", "", "of `proxy-url` in the kubeconfig: a SOCKS4 proxy"),
    ] {
        let error = client_error(cluster, user, &[]).unwrap_or_default();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{cluster} {user}: {error}");
    }
}

#[test]
fn proxies_and_authorities_of_the_environment_apply_to_the_cluster() {
    let broken = ("HTTPS_PROXY", "gopher://user:hunter2@proxy");
    let error = client_error("", "", &[broken]).unwrap_or_default();
    assert!(error.contains("HTTPS_PROXY") && !error.contains("hunter2"), "{error}");
    // NO_PROXY matches the cluster's host; a trailing comma does not matter.
    assert_eq!(client_error("", "", &[broken, ("NO_PROXY", "one.example,")]), None);
    for proxy in ["http://user:pa%20ss@proxy:3128", "https://proxy", "socks5://proxy", "socks5h://user:pa%20ss@proxy"] {
        assert_eq!(client_error("", "", &[("ALL_PROXY", proxy)]), None, "{proxy}");
        // The kubeconfig's proxy takes precedence.
        assert_eq!(client_error(&format!("proxy-url: \"{proxy}\""), "", &[broken]), None, "{proxy}");
    }
    let error = client_error("", "", &[("SSL_CERT_FILE", "/nowhere/ca.pem")]).unwrap_or_default();
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}
