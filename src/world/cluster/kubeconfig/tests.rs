use super::*;

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

fn content(text: &str) -> Source {
    Source::Content(Secret::new(text.to_owned()), PathBuf::from("/here"))
}

fn complaint(text: &str, context: Option<&str>) -> String {
    target(&content(text), context, None).unwrap_err().to_string()
}

#[test]
fn a_context_names_its_cluster_user_and_namespace() {
    let one = target(&content(BOTH), None, None).unwrap();
    assert_eq!((one.context.as_str(), one.namespace.as_str()), ("staging", "shop"));
    assert_eq!((one.server.full(), one.authorities.as_deref()), ("https://one.example:6443/k8s", Some(&b"CA"[..])));
    assert_eq!((one.server_name.as_deref(), one.proxy.as_deref()), (Some("inner.example"), Some("http://proxy:3128")));
    assert!(matches!(&one.login, Login::Token(token) if token.expose() == "s3cr3t"));
    assert_eq!(one.acts_as.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["deployer", "a", "b"]);
    let two = target(&content(BOTH), Some("production"), None).unwrap();
    assert_eq!((two.server.full(), two.namespace.as_str()), ("https://two.example/", "default"));
    assert_eq!(target(&content(BOTH), None, Some("other")).unwrap().namespace, "other");
    // JSON is YAML.
    let json = r#"{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001"}}],"users":null}"#;
    assert!(matches!(target(&content(json), None, None).unwrap().login, Login::Nobody));
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
        (
            &BOTH.replace("certificate-authority-data: Q0E=", "insecure-skip-tls-verify: true"),
            None,
            "insecure-skip-tls-verify",
        ),
        (&BOTH.replace("token:", "auth-provider: { name: gcp }\n      x:"), None, "took out in v1.26"),
        (&BOTH.replace("users:", "users: s3cr3t\nx:"), None, "`users` cannot be read"),
        (&BOTH.replace("as-groups: [a, b]", "as-groups: s3cr3t"), None, "`users` cannot be read"),
        ("s3cr3t: \"", None, "at line 1"),
        ("s3cr3t", None, "no mapping"),
        ("a: s3cr3t", None, "neither `contexts` nor `clusters`"),
    ] {
        let complaint = complaint(text, context);
        assert!(complaint.contains(said) && !complaint.contains("s3cr3t"), "{said}: {complaint}");
    }
}

#[test]
fn several_files_are_one_and_the_first_says_what_holds() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("one"), BOTH.replace("current-context: staging", "").replace("token: \"s3cr3t\"", "tokenFile: ./t"))
        .unwrap();
    fs::write(
        at("two"),
        BOTH.replace("one.example", "never.example").replace("staging\ncontexts", "production\ncontexts"),
    )
    .unwrap();
    let both = Source::Files(vec![at("none"), at("one"), at("two")]);
    let named = target(&both, Some("staging"), None).unwrap();
    assert_eq!(named.server.full(), "https://one.example:6443/k8s");
    assert!(matches!(&named.login, Login::TokenFile(path) if path.ends_with("t") && path.starts_with(folder.path())));
    assert_eq!(target(&both, None, None).unwrap().context, "production");
    for (paths, said) in
        [(vec![], "nor"), (vec![at("none")], "No such file"), (vec![folder.path().to_owned()], "not a file")]
    {
        let complaint = target(&Source::Files(paths), None, None).unwrap_err().to_string();
        assert!(complaint.contains(said) || complaint.contains("in-cluster"), "{complaint}");
    }
}

#[test]
fn a_plugin_is_told_of_the_cluster_when_it_asks() {
    let exec = "exec: { command: ./login, apiVersion: client.authentication.k8s.io/v1, provideClusterInfo: true, args: [a], env: [{ name: A, value: b }] }";
    let text = BOTH.replace("token: \"s3cr3t\"", exec);
    let it = target(&content(&text), None, None).unwrap();
    let Login::Plugin(plugin) = &it.login else { panic!("{:?}", it.login) };
    assert_eq!((plugin.command.as_str(), &plugin.env[..]), ("/here/./login", &[("A".to_owned(), "b".to_owned())][..]));
    let info: serde_json::Value = serde_json::from_str(&exec_info(plugin, &it)).unwrap();
    assert_eq!(info["spec"]["cluster"]["server"], "https://one.example:6443/k8s");
    assert_eq!(info["spec"]["cluster"]["certificate-authority-data"], "Q0E=");
    assert_eq!(info["spec"]["interactive"], false);
    let asks = text.replace("args: [a]", "interactiveMode: Always");
    assert!(complaint(&asks, None).contains("wants to ask somebody"));
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
