use std::{fs, path::PathBuf};

use kube::config::AuthInfo;
use secrecy::ExposeSecret as _;

use super::{
    super::{network::tests::network, process::ProcessGroups, runtime::Runtime},
    *,
};
use crate::secret::Secret;

const LONG: Duration = Duration::from_secs(30);

fn found(who: AuthInfo) -> Result<AuthInfo, Finding> {
    credentials::find(who, &ProcessGroups::default(), &[])
}

fn token(who: AuthInfo) -> Option<String> {
    found(who).unwrap().token.map(|token| token.expose_secret().to_owned())
}

#[test]
fn a_token_is_handed_on_alone_and_one_that_cannot_be_sent_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "from-a-file\n").unwrap();
    let file = Some(path.display().to_string());
    let written = |text: &str| AuthInfo { token: Some(text.to_owned().into()), ..AuthInfo::default() };
    assert_eq!(token(written(" t0ken\n")).as_deref(), Some("t0ken"));
    assert_eq!(token(written("")), None);
    assert_eq!(token(AuthInfo { token_file: file, ..written("t0ken") }).as_deref(), Some("from-a-file"));
    let finding = found(written("t0k\nen")).unwrap_err().to_string();
    assert!(finding.contains("characters that no token has") && !finding.contains("t0k"), "{finding}");
    let nowhere = AuthInfo { token_file: Some("/nowhere/token".to_owned()), ..AuthInfo::default() };
    assert!(found(nowhere).unwrap_err().to_string().contains("the token in /nowhere/token"));
}

/// What is said when a client is made of a kubeconfig with these lines for cluster and user.
fn made(cluster: &str, user: &str, variables: &[(&str, &str)]) -> Option<String> {
    let text = format!(
        "current-context: x\ncontexts: [{{ name: x, context: {{ cluster: c, user: u }} }}]\nclusters: [{{ name: c, \
         cluster: {{ server: \"https://one.example\", {cluster} }} }}]\nusers: [{{ name: u, user: {{ {user} }} }}]\n"
    );
    let target = kubeconfig::target(&Source::Content(Secret::new(text), PathBuf::new()), None, None).unwrap();
    let network = network(variables);
    let runtime = Runtime::start().unwrap();
    let made = runtime.run(LONG, async move {
        let who = target.config.auth_info.clone();
        transport::client(&network, &target, who).err().map(|finding| finding.to_string())
    });
    made.unwrap()
}

#[test]
fn a_client_is_made_of_what_tls_can_use_and_of_nothing_else() {
    let tls = crate::world::network::tests::tls;
    let (ca, certificate, key) = (tls("ca.pem"), tls("server.pem"), tls("server-key.pem"));
    let authority = format!("certificate-authority: {ca}");
    let pair = format!("client-certificate: {certificate}, client-key: {key}");
    for (cluster, user) in [("", ""), (&*authority, "token: t"), (&authority, &pair), ("", "username: a, password: b")]
    {
        assert_eq!(made(cluster, user, &[]), None, "{cluster} {user}");
    }
    let other = format!("client-certificate: {ca}, client-key: {key}");
    let half = format!("client-certificate: {certificate}");
    let swapped = format!("client-certificate: {key}, client-key: {key}");
    for (cluster, user, said) in [
        (&*authority, &*other, "or not of each other"),
        (&authority, &half, "`client-key`: not there"),
        (&authority, &swapped, "`client-certificate`: no certificate in it"),
        ("", "client-certificate: nowhere.pem, client-key: nowhere.pem", "nowhere.pem: No such file"),
        ("", "client-certificate-data: '!', client-key-data: '!'", "no base64"),
        ("", "as: \"a\\nb\"", "no header can hold"),
        ("tls-server-name: \"a b\"", "", "`tls-server-name`"),
        ("proxy-url: \"gopher://p\"", "", "`proxy-url`"),
    ] {
        let seen = made(cluster, user, &[]).unwrap_or_default();
        assert!(seen.contains(said), "{cluster} {user}: {seen}");
    }
}

#[test]
fn the_way_to_a_cluster_is_that_of_everything_else() {
    let broken = ("HTTPS_PROXY", "gopher://user:hunter2@proxy");
    let seen = made("", "", &[broken]).unwrap_or_default();
    assert!(seen.contains("HTTPS_PROXY") && !seen.contains("hunter2"), "{seen}");
    // The cluster's own host is meant, and a trailing comma is none of anybody's business.
    assert_eq!(made("", "", &[broken, ("NO_PROXY", "one.example,")]), None);
    assert_eq!(made("", "", &[("HTTPS_PROXY", "http://user:pa%20ss@proxy:3128")]), None);
    let seen = made("", "", &[("SSL_CERT_FILE", "/nowhere/ca.pem")]).unwrap_or_default();
    assert!(seen.contains("/nowhere/ca.pem"), "{seen}");
}
