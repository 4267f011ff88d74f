use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{super::credentials::exec_info, *};
use crate::world::network::tests::tls;

const BOTH: &str = r#"
apiVersion: v1
kind: Config
current-context: staging
contexts:
  - name: staging
    context: { cluster: one, user: bot, namespace: shop }
  - name: production
    context: { cluster: two, user: bot }
  - name: broken
    context: { cluster: three, user: bot }
clusters:
  - name: one
    cluster:
      server: https://one.example:6443/k8s
      certificate-authority-data: Q0E=
      tls-server-name: inner.example
      proxy-url: http://proxy:3128
  - name: two
    cluster: { server: "https://two.example" }
users:
  - name: bot
    user:
      token: "s3cr3t"
      as: deployer
      as-groups: [a, b]
"#;

/// Replaces `Q0E=` by a certificate authority.
fn content(text: &str) -> KubeconfigSource {
    KubeconfigSource::Content(Secret::new(text.replace("Q0E=", &authority())), PathBuf::from("/here"))
}

fn authority() -> String {
    BASE64_STANDARD.encode(fs::read(tls("ca.pem")).unwrap())
}

fn load_error(text: &str, context: Option<&str>) -> String {
    load_target(&content(text), context, None).unwrap_err().to_string()
}

#[test]
fn a_context_selects_its_cluster_user_and_namespace() {
    let one = load_target(&content(BOTH), None, None).unwrap();
    assert_eq!((one.context.as_str(), one.namespace.as_str()), ("staging", "shop"));
    assert_eq!(one.server.full(), "https://one.example:6443/k8s");
    assert_eq!(one.config.cluster_url, one.server.full());
    assert_eq!(one.config.root_cert.as_ref().map(Vec::len), Some(1));
    assert_eq!(one.config.tls_server_name.as_deref(), Some("inner.example"));
    assert_eq!(one.proxy.as_deref(), Some("http://proxy:3128"));
    let user = &one.config.auth_info;
    assert_eq!(user.token.as_ref().map(ExposeSecret::expose_secret), Some("s3cr3t"));
    assert_eq!(user.impersonate.as_deref(), Some("deployer"));
    assert_eq!(user.impersonate_groups.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    let two = load_target(&content(BOTH), Some("production"), None).unwrap();
    assert_eq!((two.server.full(), two.namespace.as_str()), ("https://two.example/", "default"));
    assert_eq!(load_target(&content(BOTH), None, Some("other")).unwrap().namespace, "other");
    // JSON is YAML.
    let json = r#"{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001"}}],"users":null}"#;
    assert!(load_target(&content(json), None, None).unwrap().config.auth_info.token.is_none());
    // An empty part as kubectl writes it, and base64 with line breaks.
    let pem = authority();
    let lines = pem.as_bytes().chunks(60).map(|line| format!("        {}\n", String::from_utf8_lossy(line)));
    let broken = BOTH.replace("Q0E=", &format!("|\n{}", lines.collect::<String>()));
    let broken = load_target(&content(&format!("{broken}preferences: null\n")), None, None).unwrap();
    assert_eq!(broken.config.root_cert, one.config.root_cert);
    // A boolean of YAML 1.1, and an empty path, as some tools write them.
    let verified = BOTH.replace(
        "tls-server-name:",
        "insecure-skip-tls-verify: False\n      certificate-authority: ''\n      tls-server-name:",
    );
    assert_eq!(load_target(&content(&verified), None, None).unwrap().config.root_cert, one.config.root_cert);
    // A token that looks like a number stays text.
    let plain = load_target(&content(&BOTH.replace("\"s3cr3t\"", "1e10")), None, None).unwrap();
    assert_eq!(plain.config.auth_info.token.unwrap().expose_secret(), "1e10");
}

#[test]
fn an_error_names_the_problem_and_shows_no_secret() {
    for (text, context, expected) in [
        (BOTH, Some("stagin"), "one of `staging`, `production`, `broken`"),
        (BOTH, Some("stagin"), "did you mean `staging`?"),
        (BOTH, Some("broken"), "names the cluster \"three\", which is not in it"),
        (&BOTH.replace("name: bot", "name: other"), None, "names the user \"bot\""),
        (&BOTH.replace("current-context: staging", ""), None, "has no current context"),
        (&BOTH.replace("https://one.example", "http://one.example"), None, "could read the token"),
        (&BOTH.replace("server: https://one.example:6443/k8s", "server: one"), None, "server: "),
        (&BOTH.replace("Q0E=", "no-base64"), None, "`certificate-authority`: not base64"),
        (&BOTH.replace("Q0E=", "Q0E9"), None, "`certificate-authority`: no certificate in it"),
        (&BOTH.replace("-data: Q0E=", ": nowhere.pem"), None, "/here/nowhere.pem: No such file"),
        (
            &BOTH.replace("certificate-authority-data: Q0E=", "insecure-skip-tls-verify: true"),
            None,
            "insecure-skip-tls-verify",
        ),
        (
            &BOTH.replace("certificate-authority-data: Q0E=", "insecure-skip-tls-verify: True"),
            None,
            "insecure-skip-tls-verify",
        ),
        (
            &BOTH.replace("certificate-authority-data: Q0E=", "insecure-skip-tls-verify: yes"),
            None,
            "insecure-skip-tls-verify",
        ),
        (&BOTH.replace("token:", "auth-provider: { name: gcp }\n      x:"), None, "removed in v1.26"),
        (&BOTH.replace("users:", "users: s3cr3t\nx:"), None, "it cannot be read at line"),
        (&BOTH.replace("as-groups: [a, b]", "as-groups: s3cr3t"), None, "it cannot be read at line"),
        ("s3cr3t: \"", None, "cannot be read at line"),
        ("s3cr3t", None, "cannot be read at line 1, column 1"),
        ("a: s3cr3t", None, "neither `contexts` nor `clusters`"),
    ] {
        let finding = load_error(text, context);
        assert!(finding.contains(expected) && !finding.contains("s3cr3t"), "{expected}: {finding}");
    }
}

#[test]
fn files_are_merged_and_the_first_takes_precedence() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let both = BOTH.replace("Q0E=", &authority());
    fs::write(path("one"), both.replace("current-context: staging", "").replace("token: \"s3cr3t\"", "tokenFile: ./t"))
        .unwrap();
    fs::write(
        path("two"),
        both.replace("one.example", "never.example").replace("staging\ncontexts", "production\ncontexts"),
    )
    .unwrap();
    let files = KubeconfigSource::Files(vec![path("none"), path("one"), path("two")]);
    let staging = load_target(&files, Some("staging"), None).unwrap();
    assert_eq!(staging.server.full(), "https://one.example:6443/k8s");
    assert_eq!(staging.config.auth_info.token_file.map(PathBuf::from), Some(path("./t")));
    assert_eq!(load_target(&files, None, None).unwrap().context, "production");
    for (paths, expected) in
        [(vec![], "in-cluster"), (vec![path("none")], "No such file"), (vec![folder.path().to_owned()], "not a file")]
    {
        let finding = load_target(&KubeconfigSource::Files(paths), None, None).unwrap_err().to_string();
        assert!(finding.contains(expected), "{expected}: {finding}");
    }
}

#[test]
fn the_parts_of_a_kubeconfig_may_be_in_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, text) in [
        // kubectl writes an empty current context, which a later file sets.
        ("users", "current-context: \"\"\nkind: Config\nusers: [{name: u, user: {token: 0123}}]\nclusters: null\n"),
        ("contexts", "contexts: [{name: x, context: {cluster: c, user: u}}]\n"),
        ("clusters", "---\nkind: Config\nclusters: [{name: c, cluster: {server: \"https://one.example\"}}]\n"),
        ("current", "current-context: x\n"),
        ("empty", ""),
        ("comment", "# nothing yet\n"),
        ("null", "null\n"),
        ("broken", "users: s3cr3t\n"),
        ("other", "kind: Other\n"),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let load = |names: &[&str]| {
        load_target(&KubeconfigSource::Files(names.iter().map(|name| path(name)).collect()), None, None)
    };
    for names in [
        &["users", "contexts", "clusters", "current"][..],
        &["empty", "current", "comment", "clusters", "null", "contexts", "missing", "users"],
    ] {
        let target = load(names).unwrap();
        assert_eq!((target.context.as_str(), target.server.full()), ("x", "https://one.example/"), "{names:?}");
        assert_eq!(target.config.auth_info.token.unwrap().expose_secret(), "0123");
    }
    for (names, expected) in [
        (&["users"][..], "neither `contexts` nor `clusters` in it"),
        (&["empty", "null"], "neither `contexts` nor `clusters` in it"),
        (&["clusters", "users"], "has no current context"),
        (&["contexts", "current", "users"], "names the cluster \"c\", which is not in it"),
        (&["contexts", "current", "clusters"], "names the user \"u\", which is not in it"),
        (&["contexts", "broken"], "broken: it cannot be read at line 1, column 8"),
        (&["users", "other"], "other: "),
    ] {
        let finding = load(names).unwrap_err().to_string();
        assert!(finding.contains(expected) && !finding.contains("s3cr3t"), "{names:?}: {finding}");
    }
}

#[test]
fn a_plugin_receives_the_cluster_if_it_is_configured_to() {
    let exec = "exec: { command: ./login, apiVersion: client.authentication.k8s.io/v1, provideClusterInfo: true, args: [a], env: [{ name: A, value: b }] }";
    let text = BOTH.replace("as: deployer", &format!("{exec}\n      as: deployer"));
    let target = load_target(&content(&text), None, None).unwrap();
    let plugin = target.config.auth_info.exec.unwrap();
    assert_eq!(plugin.command.as_deref(), Some("/here/./login"));
    assert!(target.config.auth_info.token.is_none(), "a plugin takes precedence over a token");
    let info: Value = serde_json::from_str(&exec_info(&plugin)).unwrap();
    assert_eq!(info["spec"]["cluster"]["server"], "https://one.example:6443/k8s");
    assert_eq!(info["spec"]["cluster"]["certificate-authority-data"], authority());
    assert_eq!(info["spec"]["interactive"], false);
    let interactive = text.replace("args: [a]", "interactiveMode: Always");
    assert!(load_error(&interactive, None).contains("needs a terminal"));
}
