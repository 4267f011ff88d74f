//! The proxies of the environment and of a kubeconfig.

use serde_json::json;

use super::{
    super::{
        control_plane::shared,
        faulty_proxy::start_connect_proxy,
        socks::{SocksBehavior, SocksProxy},
        workloads::TestNamespace,
    },
    TIME_LIMIT, findings_text, gate, kubeconfig,
};

#[test]
fn the_configured_proxy_is_used() {
    let ns = TestNamespace::new(shared(), "proxied");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    let name = "kubernetes.default.svc";
    let server = json!({ "server": format!("https://{name}:6443") });
    let (url, names) = start_connect_proxy(shared().address());
    let end = gate(&kubeconfig(&ns, &server, None)).env("HTTPS_PROXY", &url).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert_eq!(names.lock().expect("no panic").first().map(String::as_str), Some("kubernetes.default.svc:6443"));
    // NO_PROXY excludes this name, which does not resolve without the proxy.
    let count = || names.lock().expect("no panic").len();
    let before = count();
    let runner = gate(&kubeconfig(&ns, &server, None)).env("HTTPS_PROXY", &url).env("NO_PROXY", "default.svc,");
    let end = runner.input("grace", "api-lost 1s").start(&["health"]).end_within(TIME_LIMIT);
    assert!(end.code == 3 && findings_text(&end).contains("does not answer"), "{}", end.log);
    assert_eq!(count(), before);
    // The kubeconfig's proxy overrides the environment's.
    let own = json!({ "server": format!("https://{name}:6443"), "proxy-url": url });
    let end = gate(&kubeconfig(&ns, &own, None)).env("HTTPS_PROXY", "http://127.0.0.1:9").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    assert!(count() > before);
    let unreachable = json!({ "server": format!("https://{name}:6443"), "proxy-url": "http://127.0.0.1:9" });
    let runner = gate(&kubeconfig(&ns, &unreachable, None)).input("grace", "api-lost 1s");
    let end = runner.start(&["health"]).end_within(TIME_LIMIT);
    assert!(end.code == 3 && findings_text(&end).contains("does not answer"), "{}", end.log);
}

#[test]
fn a_socks_proxy_looks_up_the_name_of_the_server() {
    let ns = TestNamespace::new(shared(), "socks");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    // A name of the certificate, which does not resolve here.
    let name = "kubernetes.default.svc";
    let server = || json!({ "server": format!("https://{name}:6443") });
    let address = shared().address().parse().expect("an address");
    let start = || SocksProxy::start(SocksBehavior::Authenticate(address, "me", "hunter2")).expect("a port");
    let proxy = start();
    let url = format!("socks5://me:hunter2@{}", proxy.address);
    let end = gate(&kubeconfig(&ns, &server(), None)).env("ALL_PROXY", &url).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    let only_name = |targets: Vec<String>| {
        assert!(!targets.is_empty() && targets.iter().all(|target| *target == format!("{name}:6443")), "{targets:?}");
    };
    only_name(proxy.targets());
    let proxy = start();
    let own = json!({ "server": server()["server"], "proxy-url": format!("socks5h://me:hunter2@{}", proxy.address) });
    let end = gate(&kubeconfig(&ns, &own, None)).env("ALL_PROXY", "socks5://127.0.0.1:9").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    only_name(proxy.targets());
    let runner = gate(&kubeconfig(&ns, &server(), None)).env("ALL_PROXY", "socks5://127.0.0.1:9");
    let end = runner.input("grace", "api-lost 1s").start(&["health"]).end_within(TIME_LIMIT);
    assert!(end.code == 3 && findings_text(&end).contains("the proxy 127.0.0.1:9 of ALL_PROXY"), "{}", end.log);
}
