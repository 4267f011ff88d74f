use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;

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

/// With `Q0E=` standing for an authority.
fn content(text: &str) -> Source {
    Source::Content(Secret::new(text.replace("Q0E=", &authority())), PathBuf::from("/here"))
}

fn authority() -> String {
    BASE64_STANDARD.encode(fs::read(tls("ca.pem")).unwrap())
}

fn error_of(text: &str, context: Option<&str>) -> String {
    target(&content(text), context, None).unwrap_err().to_string()
}

#[test]
fn a_context_names_its_cluster_user_and_namespace() {
    let one = target(&content(BOTH), None, None).unwrap();
    assert_eq!((one.context.as_str(), one.namespace.as_str()), ("staging", "shop"));
    assert_eq!(one.server.full(), "https://one.example:6443/k8s");
    assert_eq!(one.config.cluster_url, one.server.full());
    assert_eq!(one.config.root_cert.as_ref().map(Vec::len), Some(1));
    assert_eq!(one.config.tls_server_name.as_deref(), Some("inner.example"));
    assert_eq!(one.proxy.as_deref(), Some("http://proxy:3128"));
    let who = &one.config.auth_info;
    assert_eq!(who.token.as_ref().map(ExposeSecret::expose_secret), Some("s3cr3t"));
    assert_eq!(who.impersonate.as_deref(), Some("deployer"));
    assert_eq!(who.impersonate_groups.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
    let two = target(&content(BOTH), Some("production"), None).unwrap();
    assert_eq!((two.server.full(), two.namespace.as_str()), ("https://two.example/", "default"));
    assert_eq!(target(&content(BOTH), None, Some("other")).unwrap().namespace, "other");
    // JSON is YAML.
    let json = r#"{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001"}}],"users":null}"#;
    assert!(target(&content(json), None, None).unwrap().config.auth_info.token.is_none());
    // As kubectl writes what is empty, and base64 in lines.
    let pem = authority();
    let lines = pem.as_bytes().chunks(60).map(|line| format!("        {}\n", String::from_utf8_lossy(line)));
    let broken = BOTH.replace("Q0E=", &format!("|\n{}", lines.collect::<String>()));
    let broken = target(&content(&format!("{broken}preferences: null\n")), None, None).unwrap();
    assert_eq!(broken.config.root_cert, one.config.root_cert);
    // A scalar is the text that was written.
    let plain = target(&content(&BOTH.replace("\"s3cr3t\"", "1e10")), None, None).unwrap();
    assert_eq!(plain.config.auth_info.token.unwrap().expose_secret(), "1e10");
}

#[test]
fn what_is_wrong_is_named_and_nothing_secret_is_repeated() {
    for (text, context, said) in [
        (BOTH, Some("stagin"), "one of `staging`, `production`, `broken`"),
        (BOTH, Some("stagin"), "did you mean `staging`?"),
        (BOTH, Some("broken"), "names the cluster \"three\", which is not in it"),
        (&BOTH.replace("name: bot", "name: other"), None, "names the user \"bot\""),
        (&BOTH.replace("current-context: staging", ""), None, "has no current one"),
        (&BOTH.replace("https://one.example", "http://one.example"), None, "could read the token"),
        (&BOTH.replace("server: https://one.example:6443/k8s", "server: one"), None, "server: "),
        (&BOTH.replace("Q0E=", "no-base64"), None, "`certificate-authority`: no base64"),
        (&BOTH.replace("Q0E=", "Q0E9"), None, "`certificate-authority`: no certificate in it"),
        (&BOTH.replace("-data: Q0E=", ": nowhere.pem"), None, "/here/nowhere.pem: No such file"),
        (
            &BOTH.replace("certificate-authority-data: Q0E=", "insecure-skip-tls-verify: true"),
            None,
            "insecure-skip-tls-verify",
        ),
        (&BOTH.replace("token:", "auth-provider: { name: gcp }\n      x:"), None, "took out in v1.26"),
        (&BOTH.replace("users:", "users: s3cr3t\nx:"), None, "it cannot be read from line"),
        (&BOTH.replace("as-groups: [a, b]", "as-groups: s3cr3t"), None, "it cannot be read from line"),
        ("s3cr3t: \"", None, "cannot be read at line"),
        ("s3cr3t", None, "neither `contexts` nor `clusters`"),
        ("a: s3cr3t", None, "neither `contexts` nor `clusters`"),
    ] {
        let finding = error_of(text, context);
        assert!(finding.contains(said) && !finding.contains("s3cr3t"), "{said}: {finding}");
    }
}

#[test]
fn several_files_are_one_and_the_first_says_what_holds() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let both = BOTH.replace("Q0E=", &authority());
    fs::write(at("one"), both.replace("current-context: staging", "").replace("token: \"s3cr3t\"", "tokenFile: ./t"))
        .unwrap();
    fs::write(
        at("two"),
        both.replace("one.example", "never.example").replace("staging\ncontexts", "production\ncontexts"),
    )
    .unwrap();
    let both = Source::Files(vec![at("none"), at("one"), at("two")]);
    let named = target(&both, Some("staging"), None).unwrap();
    assert_eq!(named.server.full(), "https://one.example:6443/k8s");
    assert_eq!(named.config.auth_info.token_file.map(PathBuf::from), Some(at("./t")));
    assert_eq!(target(&both, None, None).unwrap().context, "production");
    for (paths, said) in
        [(vec![], "nor"), (vec![at("none")], "No such file"), (vec![folder.path().to_owned()], "not a file")]
    {
        let finding = target(&Source::Files(paths), None, None).unwrap_err().to_string();
        assert!(finding.contains(said) || finding.contains("in-cluster"), "{finding}");
    }
}

#[test]
fn a_plugin_is_told_of_the_cluster_when_it_asks() {
    let exec = "exec: { command: ./login, apiVersion: client.authentication.k8s.io/v1, provideClusterInfo: true, args: [a], env: [{ name: A, value: b }] }";
    let text = BOTH.replace("as: deployer", &format!("{exec}\n      as: deployer"));
    let it = target(&content(&text), None, None).unwrap();
    let plugin = it.config.auth_info.exec.unwrap();
    assert_eq!(plugin.command.as_deref(), Some("/here/./login"));
    assert!(it.config.auth_info.token.is_none(), "a plugin goes before a token");
    let info: Value = serde_json::from_str(&exec_info(&plugin)).unwrap();
    assert_eq!(info["spec"]["cluster"]["server"], "https://one.example:6443/k8s");
    assert_eq!(info["spec"]["cluster"]["certificate-authority-data"], authority());
    assert_eq!(info["spec"]["interactive"], false);
    let asks = text.replace("args: [a]", "interactiveMode: Always");
    assert!(error_of(&asks, None).contains("wants to ask somebody"));
}

#[test]
fn the_secrets_of_a_kubeconfig_are_known_and_a_path_holds_none() {
    let secrets = |text: &str| secrets_of(text).iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>();
    let text =
        "users:\n- user:\n    token: \"t0ken\"\n    client-key-data: S0VZ\n    password: 'pass'\n- name: token\n";
    assert_eq!(secrets(text), ["t0ken", "S0VZ", "pass"]);
    assert_eq!(secrets("{\n \"token\": \"t0ken\",\n \"x\": 1}"), ["t0ken"]);
    assert_eq!(secrets("/home/runner/.kube/config"), [""; 0]);
}
