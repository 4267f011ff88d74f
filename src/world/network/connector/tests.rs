use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use tower::ServiceExt as _;

use super::{
    super::tests::socks::{SocksBehavior, SocksProxy},
    *,
};
use crate::world::runtime::Runtime;

const LONG: Duration = Duration::from_secs(30);
const SETTING: &str = "ALL_PROXY";

/// Connects to `target` through the proxy, and forgets the connection.
fn connect(proxy: &str, target: &str) -> Result<(), ProxyError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let connector = connector(&ConfiguredProxy::parse(proxy, SETTING).unwrap(), tcp).unwrap();
    let target: Uri = target.parse().unwrap();
    let runtime = Runtime::start().unwrap();
    runtime.run(LONG, async move { connector.oneshot(target).await.map(drop) }).unwrap()
}

/// A server that sends `answer` to the first connection after it has received something.
fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        stream.write_all(answer).unwrap();
    });
    address
}

#[test]
fn the_proxy_gets_the_name_and_the_port_of_the_target() {
    for (target, expected) in [
        ("https://api.example/", "api.example:443"),
        ("http://api.example/", "api.example:80"),
        ("https://api.example:6443/k8s", "api.example:6443"),
        ("https://192.0.2.1/", "192.0.2.1:443"),
    ] {
        for (scheme, user) in
            [("socks5", ""), ("socks5h", ""), ("SOCKS5", ""), ("socks", ""), ("socks5", "me:hunter2@")]
        {
            let end = answering(b"");
            let proxy = SocksProxy::start(if user.is_empty() {
                SocksBehavior::Forward(end)
            } else {
                SocksBehavior::Authenticate(end, "me", "hunter2")
            });
            let proxy = proxy.unwrap();
            connect(&format!("{scheme}://{user}{}", proxy.address), target).unwrap();
            assert_eq!(proxy.targets(), [expected], "{scheme} {target}");
        }
    }
}

#[test]
fn a_socks_proxy_that_fails_is_named_with_its_setting_and_the_reason() {
    let long = "h".repeat(255);
    let end: SocketAddr = "127.0.0.1:1".parse().unwrap();
    for (behavior, user, host, reason, permanent) in [
        (SocksBehavior::AcceptNothing, "", "a.example", "it requires a user name and a password", true),
        (SocksBehavior::AcceptNothing, "me:hunter2@", "a.example", "it accepts no user name and no password", true),
        (
            SocksBehavior::Authenticate(end, "me", "x"),
            "me:hunter2@",
            "a.example",
            "it does not accept the user name and the password",
            true,
        ),
        (SocksBehavior::Answer(b"\x05\x02"), "", "a.example", "it chose no offered method", true),
        (SocksBehavior::Reply(2), "", "a.example", "no connection to a.example: connection not allowed", false),
        (SocksBehavior::Reply(4), "", "a.example", "no connection to a.example: host unreachable", false),
        (SocksBehavior::Reply(5), "", "a.example", "no connection to a.example: connection refused", false),
        (
            SocksBehavior::Answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            "",
            "a.example",
            "its answer is not SOCKS5",
            false,
        ),
        (SocksBehavior::Answer(b"\x04\x00"), "", "a.example", "its answer is not SOCKS5", false),
        (SocksBehavior::Answer(b""), "", "a.example", "it closed the connection", false),
        (SocksBehavior::Forward(end), "", &long, "too long for SOCKS5", true),
    ] {
        let proxy = SocksProxy::start(behavior).unwrap();
        let error = connect(&format!("socks5://{user}{}", proxy.address), &format!("https://{host}/")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("the proxy {} of ALL_PROXY: ", proxy.address)), "{text}");
        assert!(text.contains(reason) && !text.contains("hunter2"), "{reason}: {text}");
        assert_eq!(error.permanent, permanent, "{text}");
    }
    let error = connect("socks5://127.0.0.1:1", "https://a.example/").unwrap_err();
    assert!(error.to_string().contains("Connection refused") && !error.permanent, "{error}");
    let finding = error.to_finding("the cluster's API").to_string();
    assert!(
        finding.contains("the proxy 127.0.0.1:1 of ALL_PROXY") && finding.contains("correct ALL_PROXY"),
        "{finding}"
    );
}

#[test]
fn an_http_proxy_that_fails_is_named_with_its_setting_and_the_reason() {
    for (answer, reason, permanent) in [
        (&b"HTTP/1.1 407 No\r\n\r\n"[..], "(407)", true),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "it opened no connection to a.example", false),
        (b"\x05\xff", "it opened no connection to a.example", false),
        (b"", "it closed the connection", false),
    ] {
        let address = answering(answer);
        let error = connect(&format!("http://me:hunter2@{address}"), "https://a.example/").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("the proxy {address} of ALL_PROXY: ")), "{text}");
        assert!(text.contains(reason) && !text.contains("hunter2"), "{reason}: {text}");
        assert_eq!(error.permanent, permanent, "{text}");
    }
}

#[test]
fn an_untrusted_certificate_of_the_proxy_is_permanent() {
    use rustls::{CertificateError::UnknownIssuer, Error::InvalidCertificate};
    let proxy = ConfiguredProxy::parse("https://p.example", SETTING).unwrap();
    let untrusted: BoxError = Box::new(io::Error::other(InvalidCertificate(UnknownIssuer)));
    let error = ProxyError::of_connection(&proxy, &untrusted);
    assert!(error.permanent && error.to_string().contains("UnknownIssuer"), "{error}");
    let closed: BoxError = Box::new(io::Error::from(io::ErrorKind::ConnectionReset));
    assert!(!ProxyError::of_connection(&proxy, &closed).permanent);
}

#[test]
fn unusable_settings_are_refused_without_their_password() {
    let refusal = |url: &str| {
        let proxy = ConfiguredProxy::parse(url, SETTING).unwrap();
        connector(&proxy, HttpConnector::new()).err().map(|finding| finding.to_string())
    };
    for (url, expected) in [
        ("socks4://me:hunter2@p.example".to_owned(), "a SOCKS4 proxy"),
        ("socks4a://p.example".to_owned(), "a SOCKS4 proxy"),
        (format!("socks5://{}:hunter2@p.example", "u".repeat(256)), "255 bytes"),
        (format!("socks5://me:{}hunter2@p.example", "p".repeat(250)), "255 bytes"),
    ] {
        let finding = refusal(&url).unwrap_or_default();
        assert!(finding.starts_with("the proxy p.example:1080 of ALL_PROXY: "), "{finding}");
        assert!(
            finding.contains(expected) && finding.contains("socks5://") && !finding.contains("hunter2"),
            "{finding}"
        );
    }
    assert_eq!(refusal(&format!("socks5://me:{}@p.example", "p".repeat(255))), None);
    for url in ["gopher://p", "socks6://p", "http://", "socks5://", "", "a b"] {
        assert!(ConfiguredProxy::parse(url, SETTING).is_none(), "{url}");
    }
}
