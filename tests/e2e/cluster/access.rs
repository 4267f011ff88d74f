//! Who the gate is, how it gets to the API server, and what may stand in the way.

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
    between::{Asked, Between, Manner, tunnels},
    house::{Ended, Runner},
    outage::grant,
    plane::{ADMIN, GATE, Plane, shared, until},
    workloads::Room,
};

/// What nothing here takes, however slow the machine.
const SOON: Duration = Duration::from_secs(20);

fn said(end: &Ended) -> String {
    end.report["findings"].to_string()
}

/// The kubeconfig of a namespace, with its one cluster and its one user changed.
fn kubeconfig(room: &Room<'_>, cluster: &Value, user: Option<Value>) -> String {
    let mut config: Value = serde_json::from_str(&room.plane.kubeconfig(ADMIN, &room.name)).expect("JSON");
    for (key, value) in cluster.as_object().expect("an object") {
        config["clusters"][0]["cluster"][key] = value.clone();
    }
    if let Some(user) = user {
        config["users"][0]["user"] = user;
    }
    config.to_string()
}

fn gate(kubeconfig: &str) -> Runner {
    Runner::new().input("workload", "deployment/app").input("kubeconfig", kubeconfig)
}

fn through(room: &Room<'_>, between: &Between) -> Runner {
    gate(&kubeconfig(room, &json!({ "server": between.url }), None))
}

/// Ready after a while, so that its watch has something to bring.
fn recovers(after: &str) -> Value {
    json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": after })
}

#[test]
fn a_server_that_is_busy_or_cut_off_for_a_while_is_asked_again() {
    let room = Room::new(shared(), "busy");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    let status = |code: u16| json!({ "kind": "Status", "code": code, "message": "not now" }).to_string();
    let manners: [fn(&str) -> Manner; 7] = [
        |status| Manner::Answer("429 Too Many Requests\r\nretry-after: 1", status.to_owned()),
        |status| Manner::Answer("500 Internal Server Error", status.to_owned()),
        |_| Manner::Answer("503 Service Unavailable\r\ncontent-type: text/html", "<h1>maintenance</h1>".to_owned()),
        |_| Manner::Answer("408 Request Timeout", String::new()),
        // In the midst of a page that ends with its connection: it looks whole.
        |_| Manner::Cut(300),
        |_| Manner::Cut(0),
        |_| Manner::Shut,
    ];
    for (place, manner) in manners.into_iter().enumerate() {
        let said_first = status(429);
        let between =
            Between::start(
                &shared().api,
                move |asked| if asked.before < 3 { manner(&said_first) } else { Manner::Through },
            );
        let runner = through(&room, &between);
        let end = runner.start(&["health"]).end_within(SOON);
        assert_eq!(end.code, 0, "{place}: {}", end.log);
    }
    // And when it does not end, that is no verdict on the workload.
    for (manner, words) in [
        (manners[0], "429: not now"),
        (manners[2], "503: "),
        (manners[4], "the answer broke off"),
        (manners[6], "connection"),
    ] {
        let status = status(429);
        let between = Between::start(&shared().api, move |_| manner(&status));
        let runner = through(&room, &between).input("grace", "api-lost 1s");
        let end = runner.start(&["health"]).end_within(SOON);
        assert!(end.code == 3 && said(&end).contains(words), "{words}: {}", end.log);
    }
}

#[test]
fn what_is_no_answer_of_a_cluster_is_none() {
    let room = Room::new(shared(), "elsewhere");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    for (head, body, words) in [
        ("200 OK\r\ncontent-type: text/html", "<html><form>password</form></html>", "an answer that cannot be read"),
        ("200 OK\r\ncontent-type: application/json", "{}", "an answer that is no list"),
        ("200 OK\r\ncontent-type: application/json", "{\"status\":\"UP\",\"items\":[]}", "an answer that is no list"),
        ("200 OK", "", "the answer broke off"),
        ("302 Found\r\nlocation: https://login.example/", "", "302: "),
    ] {
        let between = Between::start(&shared().api, move |_| Manner::Answer(head, body.to_owned()));
        let runner = through(&room, &between).input("grace", "api-lost 1s");
        let end = runner.start(&["health"]).end_within(SOON);
        assert!(end.code == 3 && said(&end).contains(words), "{head} {body}: {}", end.log);
        assert!(!said(&end).contains("no such workload"), "{}", end.log);
    }
}

#[test]
fn a_watch_that_is_garbled_ends_in_time_and_in_bounded_memory() {
    let room = Room::new(shared(), "garbled");
    room.deploy("deployments", "app", 1, "1", &json!({ "plays": "never-ready" }));
    let manners: [fn() -> Manner; 3] = [
        || Manner::Endless,
        || Manner::Answer("200 OK", "<html>\n".to_owned()),
        || Manner::Answer("200 OK", "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na".to_owned()),
    ];
    for (place, manner) in manners.into_iter().enumerate() {
        let between =
            Between::start(&shared().api, move |asked| if asked.is_watch() { manner() } else { Manner::Through });
        let runner = through(&room, &between).input("rollout-timeout", "3s").input("grace", "api-lost 3s");
        // In KiB. The line grows by gigabytes a second.
        let end = runner.run_by("ulimit -v 600000; exec \"$@\"", &["health"]);
        assert!(matches!(end.code, 1 | 3), "{place}: {} {}", end.code, end.log);
        assert!(!said(&end).is_empty() && !end.log.contains("allocation"), "{}", end.log);
    }
    // One that ends soon each time brings what is needed all the same.
    room.deploy("deployments", "slow", 1, "1", &recovers("3s"));
    let between = Between::start(&shared().api, |asked| {
        if asked.is_watch() { Manner::For(Duration::from_millis(400)) } else { Manner::Through }
    });
    let runner = through(&room, &between).input("workload", "deployment/slow");
    let end = runner.start(&["health"]).end_within(SOON);
    assert_eq!(end.code, 0, "{}", end.log);
}

#[test]
fn a_watch_that_is_too_old_begins_again_with_all_there_is() {
    let mut plane = Plane::start();
    Room::new(&plane, "gone").deploy("deployments", "app", 2, "1", &recovers("6s"));
    // A server that has just started remembers nothing from before, and neither does the store.
    plane.compact();
    plane.kill_server();
    plane.restart_server();
    until("server that answers", || plane.api.try_get("/readyz").ok());
    let said_itself = plane.api.get("/api/v1/namespaces/gone/pods?watch=true&resourceVersion=1&timeoutSeconds=1");
    assert_eq!(said_itself["object"]["code"], 410, "{said_itself}");
    let room = Room { name: "gone".to_owned(), ..Room::new(&plane, "gone-before") };
    let pods = until("both pods", || Some(room.pods()).filter(|pods| pods.len() == 2));
    // From a version that nobody remembers: what the API server says is its own 410.
    let stale = |asked: &Asked| {
        let from = asked.target.find("resourceVersion=")?;
        let until = asked.target[from..].find('&').map_or(asked.target.len(), |end| from + end);
        Some(format!("{}resourceVersion=1{}", &asked.target[..from], &asked.target[until..]))
    };
    let between = Between::start(&plane.api, move |asked| match stale(asked) {
        Some(target) if asked.is_watch() && asked.before < 12 => Manner::As(target),
        _ => Manner::Through,
    });
    let runner = through(&room, &between);
    let started = runner.start(&["health"]);
    // Gone while nothing was heard of it.
    until("first watch", || between.asked().iter().any(Asked::is_watch).then_some(()));
    let name = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
    plane.api.delete(&format!("/api/v1/namespaces/{}/pods/{name}", room.name));
    let end = started.end_within(SOON);
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(said(&end).contains("complete: 2 of 2 updated, 2 available"), "{}", said(&end));
    assert!(between.asked().len() > 12, "{:?}", between.asked());
}

#[test]
fn a_list_of_many_pages_is_read_whole_and_begun_again_when_it_expires() {
    let room = Room::new(shared(), "many");
    // Without a node nobody looks after them.
    for number in 0..510 {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("a-{number:03}") },
            "spec": { "containers": [{ "name": "a", "image": "a:1" }] } });
        shared().api.create(&format!("/api/v1/namespaces/{}/pods", room.name), &pod);
    }
    // Its pods stand behind them.
    room.deploy("deployments", "zoo", 2, "1", &json!({}));
    room.available("zoo", 2);
    let page = |asked: &Asked| asked.target.contains("continue=");
    let between = Between::start(&shared().api, |_| Manner::Through);
    let end = through(&room, &between).input("workload", "deployment/zoo").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(between.asked().iter().filter(|asked| page(asked)).count(), 1, "{:?}", between.asked());
    let expired = AtomicBool::new(false);
    let gone = json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "The provided continue parameter is too old" });
    let between = Between::start(&shared().api, move |asked| {
        if page(asked) && !expired.swap(true, Ordering::AcqRel) {
            return Manner::Answer("410 Gone", gone.to_string());
        }
        Manner::Through
    });
    let end = through(&room, &between).input("workload", "deployment/zoo").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(between.asked().iter().filter(|asked| page(asked)).count(), 2, "{:?}", between.asked());
}

#[test]
fn credentials_that_expire_half_way_are_asked_for_again_if_they_can_be() {
    let room = Room::new(shared(), "expiring");
    let unauthorized = json!({ "kind": "Status", "code": 401, "message": "Unauthorized" }).to_string();
    // The first token is taken for a second.
    let guarded = || {
        let expired = Arc::new(AtomicBool::new(false));
        let unauthorized = unauthorized.clone();
        Between::start(&shared().api, move |asked| {
            if asked.token != "s3cr3t-1" {
                return Manner::Through;
            }
            if expired.load(Ordering::Acquire) {
                return Manner::Answer("401 Unauthorized", unauthorized.clone());
            }
            if asked.is_watch() {
                expired.store(true, Ordering::Release);
                return Manner::For(Duration::from_secs(1));
            }
            Manner::Through
        })
    };
    // A plugin that gives another token each time.
    room.deploy("deployments", "app", 1, "1", &recovers("3s"));
    let between = guarded();
    let answer = r#"{\"kind\":\"ExecCredential\",\"status\":{\"expirationTimestamp\":\"2026-01-01T00:00:00Z\",\"token\":\"s3cr3t-$n\"}}"#;
    let script = format!("n=$(($(cat asked 2>/dev/null || echo 0) + 1)); echo $n >asked; echo \"{answer}\"");
    let plugin = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
        "args": ["-c", script], "interactiveMode": "Never" } });
    let runner = gate(&kubeconfig(&room, &json!({ "server": between.url }), Some(plugin)));
    let end = runner.start(&["health"]).end_within(SOON);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(fs::read_to_string(runner.workspace().join("asked")).expect("asked").trim(), "2");
    assert!(end.log.lines().all(|line| !line.contains("s3cr3t-") || line.starts_with("::add-mask::")), "{}", end.log);
    // A token that is written down is what it is.
    room.deploy("deployments", "later", 1, "1", &recovers("30s"));
    let between = guarded();
    let user = json!({ "token": "s3cr3t-1" });
    let runner = gate(&kubeconfig(&room, &json!({ "server": between.url }), Some(user)));
    let end = runner.input("workload", "deployment/later").start(&["health"]).end_within(SOON);
    assert!(end.code == 3 && said(&end).contains("401: Unauthorized") && said(&end).contains("expired"), "{}", end.log);
}

#[test]
fn a_certificate_is_as_good_as_a_token_in_every_form_of_its_key() {
    let room = Room::new(shared(), "certificates");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    let at = |name: &str| format!("{}/tests/e2e/cluster/clients/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    for (certificate, key) in [("ec", "ec-sec1-key"), ("ec", "ec-pkcs8-key"), ("rsa", "rsa-pkcs1-key")] {
        let user = json!({ "client-certificate": at(certificate), "client-key": at(key) });
        let end = gate(&kubeconfig(&room, &json!({}), Some(user))).run(&["health"]);
        assert_eq!(end.code, 0, "{key}: {}", end.log);
        // As a plugin gives it.
        let read = |name: &str| fs::read_to_string(at(name)).expect("a fixture");
        let given = json!({ "kind": "ExecCredential", "status": {
            "clientCertificateData": read(certificate), "clientKeyData": read(key) } });
        let plugin = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "printf",
            "args": ["%s", given.to_string()], "interactiveMode": "Never" } });
        let end = gate(&kubeconfig(&room, &json!({}), Some(plugin))).run(&["health"]);
        assert_eq!(end.code, 0, "{key}: {}", end.log);
        assert!(!end.log.contains("PRIVATE KEY"), "{}", end.log);
    }
    let user = json!({ "client-certificate": at("rsa"), "client-key": at("ec-sec1-key") });
    let end = gate(&kubeconfig(&room, &json!({}), Some(user))).run(&["health"]);
    assert!(end.code == 3 && said(&end).contains("not of each other"), "{}", end.log);
}

#[test]
fn a_server_that_is_not_the_one_meant_is_named_at_once() {
    let room = Room::new(shared(), "impostor");
    let another = format!("{}/tests/tls/ca.pem", env!("CARGO_MANIFEST_DIR"));
    for (cluster, words) in [
        (json!({ "certificate-authority": another }), "UnknownIssuer"),
        (json!({ "tls-server-name": "other.example" }), "other.example"),
    ] {
        let runner = gate(&kubeconfig(&room, &cluster, None));
        let end = runner.start(&["health"]).end_within(Duration::from_secs(5));
        assert!(end.code == 3 && said(&end).contains(words) && said(&end).contains("tls-server-name"), "{}", end.log);
    }
    // By its other names it is the one.
    room.deploy("deployments", "app", 1, "1", &json!({}));
    let cluster = json!({ "tls-server-name": "kubernetes.default.svc" });
    let end = gate(&kubeconfig(&room, &cluster, None)).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
}

#[test]
fn the_way_leads_through_the_proxy_that_is_named() {
    let room = Room::new(shared(), "proxied");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    let name = "kubernetes.default.svc";
    let server = json!({ "server": format!("https://{name}:6443") });
    let (url, names) = tunnels(shared().address());
    let end = gate(&kubeconfig(&room, &server, None)).env("HTTPS_PROXY", &url).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(names.lock().expect("nobody panicked").first().map(String::as_str), Some("kubernetes.default.svc:6443"));
    // Not for this one: there is no such name here.
    let count = || names.lock().expect("nobody panicked").len();
    let before = count();
    let runner = gate(&kubeconfig(&room, &server, None)).env("HTTPS_PROXY", &url).env("NO_PROXY", "default.svc,");
    let end = runner.input("grace", "api-lost 1s").start(&["health"]).end_within(SOON);
    assert!(end.code == 3 && said(&end).contains("does not answer"), "{}", end.log);
    assert_eq!(count(), before);
    // The kubeconfig's own goes before that of the environment.
    let own = json!({ "server": format!("https://{name}:6443"), "proxy-url": url });
    let end = gate(&kubeconfig(&room, &own, None)).env("HTTPS_PROXY", "http://127.0.0.1:9").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(count() > before);
    let nobody = json!({ "server": format!("https://{name}:6443"), "proxy-url": "http://127.0.0.1:9" });
    let runner = gate(&kubeconfig(&room, &nobody, None)).input("grace", "api-lost 1s");
    let end = runner.start(&["health"]).end_within(SOON);
    assert!(end.code == 3 && said(&end).contains("does not answer"), "{}", end.log);
}

#[test]
fn inside_a_cluster_the_pods_own_account_is_used() {
    // The files stand where nothing of this machine's may be written: in a view of its own of the file system. Where nobody
    // may have one, cluster.sh leaves this out.
    let own = "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount &&
        cp account/* /run/secrets/kubernetes.io/serviceaccount/ && exec \"$@\"";
    let inside = format!("exec unshare --map-root-user --mount sh -c '{own}' sh \"$@\"");
    let room = Room::new(shared(), "inside");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    let token = room.account("runner");
    room.grant(
        &json!({ "kind": "ServiceAccount", "name": "runner", "namespace": room.name }),
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
    runner.write("account/namespace", &room.name);
    let end = until("role in force", || {
        let end = runner.run_by(&inside, &["health"]);
        (end.code != 3).then_some(end)
    });
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(end.log.contains("watching the namespace inside of this cluster"), "{}", end.log);
    assert!(!end.log.contains(&token), "{}", end.log);
}

#[test]
fn one_kind_that_may_not_be_seen_is_named() {
    let room = Room::new(shared(), "one-kind");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    grant(
        &room,
        &json!([
            { "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"] },
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"] },
        ]),
    );
    let end = until("role in force", || {
        let end = room.gate_as(GATE, "deployment/app").run(&["health"]);
        (!said(&end).contains("pods of the namespace")).then_some(end)
    });
    assert_eq!(end.code, 3, "{}", end.log);
    assert!(said(&end).contains("permission to list and watch replicasets in the namespace one-kind"), "{}", end.log);
    assert!(said(&end).contains("not judged: replicasets cannot be seen"), "{}", end.log);
}

#[test]
fn a_signal_ends_it_within_a_second_whatever_it_waits_for() {
    let room = Room::new(shared(), "signalled");
    room.deploy("deployments", "app", 1, "1", &json!({ "plays": "crashes" }));
    let silent = Between::start(&shared().api, |_| Manner::Hang);
    let without_evidence = Between::start(&shared().api, |asked| {
        if asked.target.contains("/log?") || asked.target.contains("/events?") { Manner::Hang } else { Manner::Through }
    });
    let hangs = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["600"],
        "interactiveMode": "Never" } });
    let evidence = |between: &Between, before: usize| {
        let asked = || between.asked().iter().skip(before).any(|asked| asked.target.contains("/events?"));
        until("evidence asked for", || asked().then_some(()));
    };
    for signal in [Signal::INT, Signal::TERM] {
        // While it connects, while a plugin hangs, while the reasons are fetched.
        for (runner, between, blocked) in [
            (through(&room, &silent), Some(&silent), false),
            (gate(&kubeconfig(&room, &json!({}), Some(hangs.clone()))), None, false),
            (through(&room, &without_evidence), Some(&without_evidence), true),
        ] {
            let before = between.map_or(0, |between| between.asked().len());
            let started = runner.start(&["health"]);
            started.heard("watching the namespace");
            match between {
                Some(between) if blocked => evidence(between, before),
                Some(between) => until("a request", || (between.asked().len() > before).then_some(())),
                None => {}
            }
            started.signal(signal);
            let end = started.end_within(Duration::from_secs(1));
            assert_ne!(end.code, 0, "{}", end.log);
            assert!(said(&end).contains("cancelled by a signal"), "{}", end.log);
            assert_eq!(said(&end).contains("CrashLoopBackOff"), blocked, "{}", end.log);
        }
    }
}
