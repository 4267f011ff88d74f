//! Credentials, connections and proxies of the gate, and faults between it and the API server.

mod proxies;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    control_plane::{ADMIN, ControlPlane, GATE, shared, until},
    faulty_proxy::{FaultyProxy, ProxiedRequest, ProxyAction},
    house::{Ended, Runner},
    outage::{SIGNALLED, grant},
    workloads::TestNamespace,
};

/// No gate here takes this long, even on a slow machine.
const TIME_LIMIT: Duration = Duration::from_mins(2);

fn findings_text(end: &Ended) -> String {
    end.report["findings"].to_string()
}

/// The kubeconfig of a namespace, with changes to its cluster and user.
fn kubeconfig(ns: &TestNamespace<'_>, cluster: &Value, user: Option<Value>) -> String {
    let mut config: Value = serde_json::from_str(&ns.control_plane.kubeconfig(ADMIN, &ns.name)).expect("JSON");
    for (key, value) in cluster.as_object().expect("an object") {
        config["clusters"][0]["cluster"][key] = value.clone();
    }
    if let Some(user) = user {
        config["users"][0]["user"] = user;
    }
    config.to_string()
}

fn gate(kubeconfig: &str) -> Runner {
    Runner::new().input("workload", "deployment/app").input("kubeconfig", kubeconfig).input("stabilize", "0")
}

fn gate_through(ns: &TestNamespace<'_>, proxy: &FaultyProxy) -> Runner {
    gate(&kubeconfig(ns, &json!({ "server": proxy.url }), None))
}

/// Annotations of a pod that becomes ready after a while, so that its watch has an event.
fn ready_after(after: &str) -> Value {
    json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": after })
}

#[test]
fn a_temporary_server_or_connection_error_is_retried() {
    let ns = TestNamespace::new(shared(), "busy");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    let status = |code: u16| json!({ "kind": "Status", "code": code, "message": "not now" }).to_string();
    let actions: [fn(&str) -> ProxyAction; 7] = [
        |status| ProxyAction::Respond("429 Too Many Requests\r\nretry-after: 1", status.to_owned()),
        |status| ProxyAction::Respond("500 Internal Server Error", status.to_owned()),
        |_| {
            ProxyAction::Respond(
                "503 Service Unavailable\r\ncontent-type: text/html",
                "<h1>maintenance</h1>".to_owned(),
            )
        },
        |_| ProxyAction::Respond("408 Request Timeout", String::new()),
        // Truncated within a page; the closed connection makes it look complete.
        |_| ProxyAction::Truncate(300),
        |_| ProxyAction::Truncate(0),
        |_| ProxyAction::Close,
    ];
    for (place, action) in actions.into_iter().enumerate() {
        let said_first = status(429);
        let proxy = FaultyProxy::start(&shared().api, move |request| {
            if request.before < 3 { action(&said_first) } else { ProxyAction::Forward }
        });
        let runner = gate_through(&ns, &proxy);
        let end = runner.start(&["health"]).end_within(TIME_LIMIT);
        assert_eq!(end.code, 0, "{place}: {}", end.log);
    }
    // A permanent error is inconclusive, not a verdict on the workload.
    for (action, words) in [
        (actions[0], "429: not now"),
        (actions[2], "503: "),
        (actions[4], "the response ended early"),
        (actions[6], "connection"),
    ] {
        let status = status(429);
        let proxy = FaultyProxy::start(&shared().api, move |_| action(&status));
        let runner = gate_through(&ns, &proxy).input("grace", "api-lost 1s");
        let end = runner.start(&["health"]).end_within(TIME_LIMIT);
        assert!(end.code == 3 && findings_text(&end).contains(words), "{words}: {}", end.log);
    }
}

#[test]
fn a_response_that_is_not_from_a_cluster_is_inconclusive() {
    let ns = TestNamespace::new(shared(), "elsewhere");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    for (head, body, words) in [
        ("200 OK\r\ncontent-type: text/html", "<html><form>password</form></html>", "the answer cannot be read"),
        ("200 OK\r\ncontent-type: application/json", "{}", "the answer is not a list"),
        ("200 OK\r\ncontent-type: application/json", "{\"status\":\"UP\",\"items\":[]}", "the answer is not a list"),
        ("200 OK", "", "the response ended early"),
        ("302 Found\r\nlocation: https://login.example/", "", "302: "),
    ] {
        let proxy = FaultyProxy::start(&shared().api, move |_| ProxyAction::Respond(head, body.to_owned()));
        let runner = gate_through(&ns, &proxy).input("grace", "api-lost 1s");
        let end = runner.start(&["health"]).end_within(TIME_LIMIT);
        assert!(end.code == 3 && findings_text(&end).contains(words), "{head} {body}: {}", end.log);
        assert!(!findings_text(&end).contains("no such workload"), "{}", end.log);
    }
}

#[test]
fn a_garbled_watch_ends_in_time_with_bounded_memory() {
    let ns = TestNamespace::new(shared(), "garbled");
    ns.deploy("deployments", "app", 1, "1", &json!({ "plays": "never-ready" }));
    let actions: [fn() -> ProxyAction; 3] = [
        || ProxyAction::EndlessLine,
        || ProxyAction::Respond("200 OK", "<html>\n".to_owned()),
        || ProxyAction::Respond("200 OK", "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na".to_owned()),
    ];
    for (place, action) in actions.into_iter().enumerate() {
        let proxy = FaultyProxy::start(
            &shared().api,
            move |request| if request.is_watch() { action() } else { ProxyAction::Forward },
        );
        let runner = gate_through(&ns, &proxy).input("rollout-timeout", "3s").input("grace", "api-lost 3s");
        // The limit is in KiB; the line grows by gigabytes a second.
        let end = runner.run_by("ulimit -v 600000; exec \"$@\"", &["health"]);
        assert!(matches!(end.code, 1 | 3), "{place}: {} {}", end.code, end.log);
        assert!(!findings_text(&end).is_empty() && !end.log.contains("allocation"), "{}", end.log);
    }
    // Watches that end early still deliver all events.
    ns.deploy("deployments", "slow", 1, "1", &ready_after("3s"));
    let proxy = FaultyProxy::start(&shared().api, |request| {
        if request.is_watch() { ProxyAction::CloseAfter(Duration::from_millis(400)) } else { ProxyAction::Forward }
    });
    let runner = gate_through(&ns, &proxy).input("workload", "deployment/slow");
    let end = runner.start(&["health"]).end_within(TIME_LIMIT);
    assert_eq!(end.code, 0, "{}", end.log);
}

#[test]
fn a_watch_with_an_expired_resource_version_lists_again() {
    let mut control_plane = ControlPlane::start();
    TestNamespace::new(&control_plane, "gone").deploy("deployments", "app", 2, "1", &ready_after("6s"));
    // After compaction and a restart, neither the store nor the server has old versions.
    control_plane.compact();
    control_plane.kill_server();
    control_plane.restart_server();
    until("server that answers", || control_plane.api.try_get("/readyz").ok());
    let direct_response =
        control_plane.api.get("/api/v1/namespaces/gone/pods?watch=true&resourceVersion=1&timeoutSeconds=1");
    assert_eq!(direct_response["object"]["code"], 410, "{direct_response}");
    let ns = TestNamespace { name: "gone".to_owned(), ..TestNamespace::new(&control_plane, "gone-before") };
    let pods = until("both pods", || Some(ns.pods()).filter(|pods| pods.len() == 2));
    // The proxy changes the resource version to a compacted one, so that the API server itself answers 410.
    let stale = |request: &ProxiedRequest| {
        let from = request.target.find("resourceVersion=")?;
        let until = request.target[from..].find('&').map_or(request.target.len(), |end| from + end);
        Some(format!("{}resourceVersion=1{}", &request.target[..from], &request.target[until..]))
    };
    let proxy = FaultyProxy::start(&control_plane.api, move |request| match stale(request) {
        Some(target) if request.is_watch() && request.before < 12 => ProxyAction::ForwardAs(target),
        _ => ProxyAction::Forward,
    });
    let runner = gate_through(&ns, &proxy);
    let started = runner.start(&["health"]);
    // The pod is deleted while the gate has no watch.
    until("first watch", || proxy.requests().iter().any(ProxiedRequest::is_watch).then_some(()));
    let name = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
    control_plane.api.delete(&format!("/api/v1/namespaces/{}/pods/{name}", ns.name));
    let end = started.end_within(TIME_LIMIT);
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(findings_text(&end).contains("complete: 2 of 2 updated, 2 available"), "{}", findings_text(&end));
    assert!(proxy.requests().len() > 12, "{:?}", proxy.requests());
}

#[test]
fn all_pages_of_a_list_are_read_and_an_expired_list_is_restarted() {
    let ns = TestNamespace::new(shared(), "many");
    // Without a node, no kubelet handles these pods; without the hash of its ReplicaSet, the Deployment does not own them.
    for number in 0..510 {
        let metadata = json!({ "name": format!("a-{number:03}"), "labels": { "app": "zoo" } });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": { "containers": [{ "name": "a", "image": "a:1" }] } });
        shared().api.create(&format!("/api/v1/namespaces/{}/pods", ns.name), &pod);
    }
    // The pods of this Deployment are on the second page.
    ns.deploy("deployments", "zoo", 2, "1", &json!({}));
    ns.available("zoo", 2);
    let is_second_page = |request: &ProxiedRequest| request.target.contains("continue=");
    let proxy = FaultyProxy::start(&shared().api, |_| ProxyAction::Forward);
    let end = gate_through(&ns, &proxy).input("workload", "deployment/zoo").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(proxy.requests().iter().filter(|request| is_second_page(request)).count(), 1, "{:?}", proxy.requests());
    let expired = AtomicBool::new(false);
    let gone = json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "The provided continue parameter is too old" });
    let proxy = FaultyProxy::start(&shared().api, move |request| {
        if is_second_page(request) && !expired.swap(true, Ordering::AcqRel) {
            return ProxyAction::Respond("410 Gone", gone.to_string());
        }
        ProxyAction::Forward
    });
    let end = gate_through(&ns, &proxy).input("workload", "deployment/zoo").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(proxy.requests().iter().filter(|request| is_second_page(request)).count(), 2, "{:?}", proxy.requests());
    // Pods with other labels are not requested.
    ns.deploy("deployments", "alone", 2, "1", &json!({}));
    ns.available("alone", 2);
    let proxy = FaultyProxy::start(&shared().api, |_| ProxyAction::Forward);
    let end = gate_through(&ns, &proxy).input("workload", "deployment/alone").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(!proxy.requests().iter().any(is_second_page), "{:?}", proxy.requests());
}

#[test]
fn expired_credentials_are_renewed_if_a_plugin_provides_them() {
    let ns = TestNamespace::new(shared(), "expiring");
    let unauthorized = json!({ "kind": "Status", "code": 401, "message": "Unauthorized" }).to_string();
    // The first token is valid for one second.
    let guarded = || {
        let expired = Arc::new(AtomicBool::new(false));
        let unauthorized = unauthorized.clone();
        FaultyProxy::start(&shared().api, move |request| {
            if request.token != "s3cr3t-1" {
                return ProxyAction::Forward;
            }
            if expired.load(Ordering::Acquire) {
                return ProxyAction::Respond("401 Unauthorized", unauthorized.clone());
            }
            if request.is_watch() {
                expired.store(true, Ordering::Release);
                return ProxyAction::CloseAfter(Duration::from_secs(1));
            }
            ProxyAction::Forward
        })
    };
    // A plugin that returns a new token each time.
    ns.deploy("deployments", "app", 1, "1", &ready_after("3s"));
    let proxy = guarded();
    let answer = r#"{\"kind\":\"ExecCredential\",\"status\":{\"expirationTimestamp\":\"2026-01-01T00:00:00Z\",\"token\":\"s3cr3t-$n\"}}"#;
    let script = format!("n=$(($(cat calls 2>/dev/null || echo 0) + 1)); echo $n >calls; echo \"{answer}\"");
    let plugin = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
        "args": ["-c", script], "interactiveMode": "Never" } });
    let runner = gate(&kubeconfig(&ns, &json!({ "server": proxy.url }), Some(plugin)));
    let end = runner.start(&["health"]).end_within(TIME_LIMIT);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(fs::read_to_string(runner.workspace().join("calls")).expect("the count").trim(), "2");
    assert!(end.log.lines().all(|line| !line.contains("s3cr3t-") || line.starts_with("::add-mask::")), "{}", end.log);
    // A static token cannot be renewed.
    ns.deploy("deployments", "later", 1, "1", &ready_after("30s"));
    let proxy = guarded();
    let user = json!({ "token": "s3cr3t-1" });
    let runner = gate(&kubeconfig(&ns, &json!({ "server": proxy.url }), Some(user)));
    let end = runner.input("workload", "deployment/later").start(&["health"]).end_within(TIME_LIMIT);
    assert!(
        end.code == 3 && findings_text(&end).contains("401: Unauthorized") && findings_text(&end).contains("expired"),
        "{}",
        end.log
    );
}

#[test]
fn client_certificates_work_with_every_key_format() {
    let ns = TestNamespace::new(shared(), "certificates");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    let at = |name: &str| format!("{}/tests/e2e/cluster/clients/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    for (certificate, key) in [("ec", "ec-sec1-key"), ("ec", "ec-pkcs8-key"), ("rsa", "rsa-pkcs1-key")] {
        let user = json!({ "client-certificate": at(certificate), "client-key": at(key) });
        let end = gate(&kubeconfig(&ns, &json!({}), Some(user))).run(&["health"]);
        assert_eq!(end.code, 0, "{key}: {}", end.log);
        // The same certificate from a credential plugin.
        let read = |name: &str| fs::read_to_string(at(name)).expect("a fixture");
        let credential = json!({ "kind": "ExecCredential", "status": {
            "clientCertificateData": read(certificate), "clientKeyData": read(key) } });
        let plugin = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "printf",
            "args": ["%s", credential.to_string()], "interactiveMode": "Never" } });
        let end = gate(&kubeconfig(&ns, &json!({}), Some(plugin))).run(&["health"]);
        assert_eq!(end.code, 0, "{key}: {}", end.log);
        assert!(!end.log.contains("PRIVATE KEY"), "{}", end.log);
    }
    let user = json!({ "client-certificate": at("rsa"), "client-key": at("ec-sec1-key") });
    let end = gate(&kubeconfig(&ns, &json!({}), Some(user))).run(&["health"]);
    assert!(end.code == 3 && findings_text(&end).contains("do not match"), "{}", end.log);
}

#[test]
fn an_unexpected_server_certificate_fails_at_once_with_the_reason() {
    let ns = TestNamespace::new(shared(), "impostor");
    let another = format!("{}/tests/tls/ca.pem", env!("CARGO_MANIFEST_DIR"));
    for (cluster, words) in [
        (json!({ "certificate-authority": another }), "UnknownIssuer"),
        (json!({ "tls-server-name": "other.example" }), "other.example"),
    ] {
        let runner = gate(&kubeconfig(&ns, &cluster, None));
        // A server that does not answer has a grace period of one minute.
        let end = runner.start(&["health"]).end_within(Duration::from_secs(30));
        assert!(
            end.code == 3 && findings_text(&end).contains(words) && findings_text(&end).contains("tls-server-name"),
            "{}",
            end.log
        );
    }
    // The certificate has other valid names.
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    let cluster = json!({ "tls-server-name": "kubernetes.default.svc" });
    let end = gate(&kubeconfig(&ns, &cluster, None)).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
}

#[test]
fn inside_a_cluster_the_service_account_of_the_pod_is_used() {
    // The test mounts the files at their real path in its own mount namespace. cluster.sh skips this test on machines that
    // do not allow one.
    let setup = "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
        cp account/* /run/secrets/kubernetes.io/serviceaccount/ && exec \"$@\"";
    let inside = format!("exec unshare --map-root-user --mount sh -c '{setup}' sh \"$@\"");
    let ns = TestNamespace::new(shared(), "inside");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    let token = ns.account("runner");
    ns.grant(
        &json!({ "kind": "ServiceAccount", "name": "runner", "namespace": ns.name }),
        &json!([
            { "apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["list", "watch"] },
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"] },
        ]),
    );
    let address = shared().address();
    let (host, port) = address.split_once(':').expect("a port");
    let runner = Runner::new()
        .input("workload", "deployment/app")
        .input("in-cluster", "true")
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port);
    runner.write("account/token", &token);
    runner.write("account/ca.crt", shared().authority());
    runner.write("account/namespace", &ns.name);
    let end = until("role in force", || {
        let end = runner.run_by(&inside, &["health"]);
        (end.code != 3).then_some(end)
    });
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(end.log.contains("watching the namespace inside of this cluster"), "{}", end.log);
    assert!(!end.log.contains(&token), "{}", end.log);
}

#[test]
fn a_kind_without_permission_is_named() {
    let ns = TestNamespace::new(shared(), "one-kind");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    grant(
        &ns,
        &json!([
            { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"] },
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"] },
        ]),
    );
    let end = until("role in force", || {
        let end = ns.gate_as(GATE, "deployment/app").run(&["health"]);
        (!findings_text(&end).contains("pods of the namespace")).then_some(end)
    });
    assert_eq!(end.code, 3, "{}", end.log);
    assert!(
        findings_text(&end).contains("permission to list and watch replicasets in the namespace one-kind"),
        "{}",
        end.log
    );
    assert!(findings_text(&end).contains("not judged: replicasets cannot be seen"), "{}", end.log);
}

#[test]
fn a_signal_ends_the_gate_at_every_stage() {
    let ns = TestNamespace::new(shared(), "signalled");
    ns.deploy("deployments", "app", 1, "1", &json!({ "plays": "crashes" }));
    let silent = FaultyProxy::start(&shared().api, |_| ProxyAction::Hang);
    let without_evidence = FaultyProxy::start(&shared().api, |request| {
        if request.target.contains("/log?") || request.target.contains("/events?") {
            ProxyAction::Hang
        } else {
            ProxyAction::Forward
        }
    });
    let hangs = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["600"],
        "interactiveMode": "Never" } });
    let until_evidence_is_requested = |proxy: &FaultyProxy, before: usize| {
        let is_evidence = |request: &ProxiedRequest| request.target.contains("involvedObject.uid");
        let was_requested = || proxy.requests().iter().skip(before).any(is_evidence);
        until("request for evidence", || was_requested().then_some(()));
    };
    for signal in [Signal::INT, Signal::TERM] {
        // While the gate connects, while a plugin hangs, and while it fetches logs and events.
        for (runner, proxy, blocked) in [
            (gate_through(&ns, &silent), Some(&silent), false),
            (gate(&kubeconfig(&ns, &json!({}), Some(hangs.clone()))), None, false),
            (gate_through(&ns, &without_evidence), Some(&without_evidence), true),
        ] {
            let before = proxy.map_or(0, |proxy| proxy.requests().len());
            let started = runner.start(&["health"]);
            started.wait_for_line("watching the namespace");
            match proxy {
                Some(proxy) if blocked => until_evidence_is_requested(proxy, before),
                Some(proxy) => until("a request", || (proxy.requests().len() > before).then_some(())),
                None => {}
            }
            started.signal(signal);
            let end = started.end_within(SIGNALLED);
            assert_ne!(end.code, 0, "{}", end.log);
            assert!(findings_text(&end).contains("cancelled by a signal"), "{}", end.log);
            assert_eq!(findings_text(&end).contains("CrashLoopBackOff"), blocked, "{}", end.log);
        }
    }
}
