//! Ways to the cluster: where the kubeconfig comes from, and proxies.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use promote_gates::sandbox::server::LoopbackServer;

use super::{TOKEN, at_once, kubeconfig, replay, shown};
use crate::{
    house::Runner,
    socks::{SocksBehavior, SocksProxy},
};

#[test]
fn the_runners_kubeconfig_is_used_only_with_a_named_context() {
    let api = LoopbackServer::start(replay).unwrap();
    let runner = Runner::new().input("workload", "deployment/a").input("kubeconfig", "").input("stabilize", "0");
    runner.write("own", kubeconfig(api.url()).to_string());
    let own = runner.workspace().join("own").display().to_string();
    let runner = runner.env("KUBECONFIG", &own);
    let end = runner.run(&["health"]);
    assert!(
        end.code == 2 && end.log.contains("the runner has a kubeconfig whose current context may be of any cluster"),
        "{}",
        end.log
    );
    assert_eq!(runner.input("context", "staging").run(&["health"]).code, 0);
}

#[test]
fn a_kubeconfig_may_be_base64() {
    let api = LoopbackServer::start(replay).unwrap();
    let encoded = BASE64_STANDARD.encode(kubeconfig(api.url()).to_string());
    let wrapped: String =
        encoded.as_bytes().chunks(76).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect();
    for kubeconfig in [&encoded, &wrapped] {
        let runner =
            Runner::new().input("kubeconfig", kubeconfig).input("workload", "deployment/a").input("stabilize", "0");
        let end = runner.run(&["health"]);
        assert_eq!(end.code, 0, "{}", end.log);
        assert!(end.log.contains(&format!("::add-mask::{TOKEN}")), "{}", end.log);
        assert!(!shown(&end.log).contains(TOKEN) && !shown(&end.log).contains(&encoded[..76]), "{}", end.log);
    }
}

#[test]
fn a_tilde_is_the_home_folder() {
    let api = LoopbackServer::start(replay).unwrap();
    let runner = || {
        let runner =
            Runner::new().input("workload", "deployment/a").input("context", "staging").input("stabilize", "0");
        runner.write("home/.kube/other", kubeconfig(api.url()).to_string());
        let home = runner.workspace().join("home").display().to_string();
        runner.env("HOME", &home)
    };
    let end = runner().input("kubeconfig", "~/.kube/other").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    let end = runner().input("kubeconfig", "").env("KUBECONFIG", "/nowhere:~/.kube/other").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    for path in ["~other/.kube/other", "./~/.kube/other", "~"] {
        let end = runner().input("kubeconfig", path).run(&["health"]);
        assert_eq!(end.code, 2, "{path}: {}", end.log);
    }
}

#[test]
fn a_socks_proxy_leads_to_the_cluster() {
    let api = LoopbackServer::start(replay).unwrap();
    let address = api.url().trim_start_matches("http://").parse().unwrap();
    let gate = |proxy_url: &str| {
        let mut kubeconfig = kubeconfig("http://127.0.0.1:1");
        kubeconfig["clusters"][0]["cluster"]["proxy-url"] = proxy_url.into();
        let runner = Runner::new().input("kubeconfig", &kubeconfig.to_string()).input("workload", "deployment/a");
        let runner = runner.input("stabilize", "0");
        // The kubeconfig's proxy takes precedence, and a message must not blame this one.
        runner.env("ALL_PROXY", "http://127.0.0.1:9").input("grace", "api-lost 0s").input("api-timeout", "2s")
    };
    for (user, behavior) in [
        ("", SocksBehavior::Forward(address)),
        ("me:hunter%32@", SocksBehavior::Authenticate(address, "me", "hunter2")),
    ] {
        for scheme in ["socks5", "socks5h"] {
            let proxy = SocksProxy::start(behavior).unwrap();
            let end = gate(&format!("{scheme}://{user}{}", proxy.address)).run(&["health"]);
            assert_eq!(end.code, 0, "{}", end.log);
            assert!(proxy.targets().iter().all(|target| target == "127.0.0.1:1"), "{:?}", proxy.targets());
        }
    }
    let cases = [
        (SocksBehavior::AcceptNothing, "", "it requires a user name and a password"),
        (SocksBehavior::AcceptNothing, "me:hunter2@", "it accepts no user name and no password"),
        (
            SocksBehavior::Authenticate(address, "me", "x"),
            "me:hunter2@",
            "it does not accept the user name and the password",
        ),
        (SocksBehavior::Reply(5), "", "it opened no connection to 127.0.0.1:1: connection refused"),
        (SocksBehavior::Answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "", "its answer is not SOCKS5"),
        (SocksBehavior::Answer(b""), "", "it closed the connection"),
        (SocksBehavior::Silent, "me:hunter2@", "no answer within 2 s through the proxy"),
    ];
    at_once(cases, |(behavior, user, expected)| {
        let proxy = SocksProxy::start(behavior).unwrap();
        let end = gate(&format!("socks5://{user}{}", proxy.address)).run(&["health"]);
        let findings = end.report["findings"].to_string();
        let named = format!("the proxy {} of `proxy-url` in the kubeconfig", proxy.address);
        assert!(end.code == 3 && findings.contains(expected) && findings.contains(&named), "{expected}: {findings}");
        assert!(!findings.contains("ALL_PROXY") && !end.log.contains("hunter2"), "{}", end.log);
    });
    for scheme in ["socks5", "http", "https"] {
        let end = gate(&format!("{scheme}://127.0.0.1:2")).run(&["health"]);
        let findings = end.report["findings"].to_string();
        let named = "the proxy 127.0.0.1:2 of `proxy-url` in the kubeconfig: tcp connect error: Connection refused";
        assert!(end.code == 3 && findings.contains(named) && !findings.contains("ALL_PROXY"), "{scheme}: {findings}");
    }
}
