use secrecy::ExposeSecret;

use super::*;

fn parse(text: &str) -> Kubeconfig {
    parse_kubeconfig("`kubeconfig`", text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// The kubeconfig as JSON, without what is empty.
fn json(text: &str) -> String {
    serde_json::to_string(&parse(text)).unwrap().replace("\"clusters\":[],", "").replace(",\"contexts\":[]", "")
}

#[test]
fn a_credential_that_looks_like_a_number_or_a_boolean_stays_text() {
    for text in
        ["12345", "0123", "1e5", "0x1F", "1_000", "1.10", "+1", "-0", ".inf", "1e999", "true", "No", "2026-01-01"]
    {
        let all = parse(&format!(
            "users:\n- name: u\n  user:\n    token: {text}\n    password: {text}\n    username: {text}\n"
        ));
        let user = all.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.token.as_ref().map(ExposeSecret::expose_secret), Some(text));
        assert_eq!(user.password.as_ref().map(ExposeSecret::expose_secret), Some(text));
        assert_eq!(user.username.as_deref(), Some(text));
    }
    let all = parse("users: [{name: 007, user: {token: ~, password: 'null', username: }}]\ncurrent-context: 1.0");
    let user = all.auth_infos[0].auth_info.as_ref().unwrap();
    assert!(user.token.is_none() && user.username.is_none());
    assert_eq!(user.password.as_ref().map(ExposeSecret::expose_secret), Some("null"));
    assert_eq!((&*all.auth_infos[0].name, all.current_context.as_deref()), ("007", Some("1.0")));
}

#[test]
fn booleans_are_those_of_yaml() {
    for (text, expected) in [
        ("true", Some(true)),
        ("True", Some(true)),
        ("TRUE", Some(true)),
        ("yes", Some(true)),
        ("on", Some(true)),
        ("'true'", Some(true)),
        ("false", Some(false)),
        ("False", Some(false)),
        ("NO", Some(false)),
        ("off", Some(false)),
        ("", None),
        ("null", None),
    ] {
        let all = parse(&format!("clusters: [{{name: c, cluster: {{insecure-skip-tls-verify: {text}}}}}]"));
        assert_eq!(all.clusters[0].cluster.as_ref().unwrap().insecure_skip_tls_verify, expected, "{text}");
    }
    for text in ["1", "maybe", "[true]"] {
        let text = format!("clusters: [{{name: c, cluster: {{insecure-skip-tls-verify: {text}}}}}]");
        assert!(parse_kubeconfig("k", &text).is_err(), "{text}");
    }
}

#[test]
fn every_part_may_be_absent_or_empty() {
    for text in [
        "",
        "\n",
        "# only a comment\n",
        "null",
        "~",
        "---\n",
        "--- # empty\n...\n",
        "%YAML 1.2\n---\n",
        "{}",
        "\u{feff}{}",
        "clusters: null\nusers:\ncontexts: ~\n",
        "current-context: ''\nkind: ''\napiVersion: \"\"",
        "preferences: null",
    ] {
        let all = parse(text);
        assert!(all.clusters.is_empty() && all.auth_infos.is_empty() && all.contexts.is_empty(), "{text:?}");
        assert!(all.current_context.is_none() && all.kind.is_none() && all.api_version.is_none(), "{text:?}");
    }
    let all = parse("users: [{name: a}]\nclusters: [{name: b, cluster: null}]\ncontexts: [{name: c}]");
    assert!(all.auth_infos[0].auth_info.is_none() && all.clusters[0].cluster.is_none());
    assert_eq!(all.contexts[0].name, "c");
}

#[test]
fn only_the_first_document_counts() {
    for text in [
        "kind: one\n---\nkind: two\n",
        "---\nkind: one\n---\nkind: two\n",
        "# a comment\n%YAML 1.2\n--- # another\nkind: one\n...\n{{ not YAML\n",
        "...\nkind: one\r\n---\r\nkind: two\r\n",
        "--- {kind: one}\n---\tx",
        "kind: one\n---",
    ] {
        assert_eq!(parse(text).kind.as_deref(), Some("one"), "{text:?}");
    }
    // No marker without a space after it, nor one that does not begin its line.
    assert_eq!(parse("kind: one\n---a: b\ncurrent-context: x\n").current_context.as_deref(), Some("x"));
    assert_eq!(parse("kind: |\n  one\n  ---\n  two\n").kind.as_deref(), Some("one\n---\ntwo\n"));
    assert_eq!(parse("---\n---\nkind: two\n").kind, None, "the first document is empty");
}

#[test]
fn yaml_of_all_forms_is_read() {
    let expected = "{\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"abc\"}}]}";
    for text in [
        "users:\n- name: u\n  user:\n    token: abc\n",
        "users:\r\n  - user: # the only one\r\n      token: \"abc\"\r\n    name: u\r\n",
        "{\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"abc\"}}]}",
        "{\n\t\"users\": [\n\t\t{\"name\": \"u\", \"user\": {\"token\": \"\\u0061bc\"}}\n\t]\n}\n",
        "users: [{name: u, user: {token: !!str abc}}]",
    ] {
        assert_eq!(json(text), expected, "{text:?}");
    }
    let anchors =
        parse("base: &base {token: abc}\nusers: [{name: a, user: *base}, {name: b, user: {<<: *base, as: c}}]");
    let tokens = anchors.auth_infos.iter().filter_map(|one| one.auth_info.as_ref()?.token.as_ref());
    assert_eq!(tokens.map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["abc", "abc"]);
    // A certificate is long, and JSON may have it on one line.
    let long = "QUJD".repeat(5000);
    let all = parse(&format!(
        "{{\"clusters\":[{{\"name\":\"c\",\"cluster\":{{\"certificate-authority-data\":\"{long}\"}}}}]}}"
    ));
    assert_eq!(all.clusters[0].cluster.as_ref().unwrap().certificate_authority_data.as_deref(), Some(&*long));
}

#[test]
fn base64_may_be_written_over_several_lines() {
    let all = parse(
        "clusters: [{name: c, cluster: {certificate-authority-data: \"QU\n  JD\"}}]\nusers:\n- name: u\n  user:\n    \
         client-certificate-data: >-\n      QU\n      JD\n    client-key-data: |\n      QU\n      JD\n",
    );
    let user = all.auth_infos[0].auth_info.as_ref().unwrap();
    assert_eq!(all.clusters[0].cluster.as_ref().unwrap().certificate_authority_data.as_deref(), Some("QUJD"));
    assert_eq!(user.client_certificate_data.as_deref(), Some("QUJD"));
    assert_eq!(user.client_key_data.as_ref().map(ExposeSecret::expose_secret), Some("QUJD"));
}

#[test]
fn an_error_has_a_position_and_does_not_quote_the_text() {
    for (text, expected) in [
        ("s3cr3t", "it cannot be read at line 1, column 1"),
        ("[s3cr3t]", "it cannot be read at line 1, column 1"),
        ("users: s3cr3t", "it cannot be read at line 1, column 8"),
        ("users:\n- s3cr3t", "it cannot be read at line 2, column 3"),
        ("users:\n- name: u\n  user:\n    token: s3cr3t\n   x: s3cr3t\n", "it cannot be read at line 5, column 4"),
        ("users:\n- name: u\n  user: {token: [s3cr3t]}\n", "it cannot be read at line 3, column 17"),
        ("users:\n- name: u\n  user: {token: \"s3cr3t\\q\"}\n", "it cannot be read at line 3, column"),
        ("users:\n- name: u\n  user: {token: s3cr3t, token: s3cr3t}\n", "a key is set twice at line 3, column 25"),
        ("users: []\nusers: [s3cr3t]\n", "a key is set twice at line 2, column 1"),
        ("users:\n- user: {token: s3cr3t}\n", "`name` is missing at line 2, column"),
        ("users: *s3cr3t", "it cannot be read at line 1, column 8"),
        ("s3cr3t: \"", "it cannot be read at line 1, column 9"),
        ("\ts3cr3t:\n\t- a", "it cannot be read at line 2, column"),
    ] {
        let finding = parse_kubeconfig("`kubeconfig`", text).unwrap_err().to_string();
        assert!(finding.contains(expected) && !finding.contains("s3cr3t"), "{text:?}: {finding}");
        assert!(finding.starts_with("`kubeconfig`: "), "{finding}");
    }
}

#[test]
fn content_is_recognized_also_in_base64() {
    let yaml = "kind: Config\nusers: []\n";
    let json = r#"{"kind":"Config"}"#;
    for content in [yaml, json] {
        assert_eq!(kubeconfig_content(content).as_deref(), Some(content));
        let encoded = BASE64_STANDARD.encode(content);
        assert_eq!(kubeconfig_content(&encoded).as_deref(), Some(content));
        let wrapped = encoded.as_bytes().chunks(8).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
        assert_eq!(kubeconfig_content(&wrapped.collect::<String>()).as_deref(), Some(content));
    }
    for path in ["config", ".kube/config", "/home/someone/dev/kube", "abcdefgh", "~/x", "YQpi", ""] {
        assert_eq!(kubeconfig_content(path), None, "{path}");
    }
    // A token, or anything else in base64, is no content.
    assert_eq!(kubeconfig_content(&BASE64_STANDARD.encode("s3cr3t: x")), None);
    assert_eq!(kubeconfig_content(&BASE64_STANDARD.encode([0xff; 300])), None);
}

#[test]
fn secrets_are_found_in_content_and_none_in_a_path() {
    let secrets = |text: &str| secrets_of(text).iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>();
    let text =
        "users:\n- user:\n    token: \"t0ken\"\n    client-key-data: S0VZ\n    password: 'pass'\n- name: token\n";
    assert_eq!(secrets(text), ["t0ken", "S0VZ", "pass"]);
    assert_eq!(secrets("{\n \"token\": \"t0ken\",\n \"x\": 1}"), ["t0ken"]);
    for path in ["/home/runner/.kube/config", "~/config", "config"] {
        assert_eq!(secrets(path), [""; 0], "{path}");
    }
    // What only the reader of YAML understands.
    let text = "users:\n- name: u\n  user:\n    token: t0ken # of 2026\n    password: 'it''s'\n    client-key-data: |\n      \
                S0VZS0VZ\n      AA\n";
    let found = secrets(text);
    for secret in ["t0ken", "it's", "S0VZS0VZAA"] {
        assert!(found.iter().any(|found| found == secret), "{secret}: {found:?}");
    }
    assert!(found.iter().all(|found| found.len() >= SHORTEST_SECRET), "{found:?}");
    // Of base64, the secrets and the base64 itself.
    let encoded = BASE64_STANDARD.encode("users: [{name: u, user: {token: 12345678}}]\n");
    assert_eq!(secrets(&encoded), ["12345678", &*encoded]);
}
