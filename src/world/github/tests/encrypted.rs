//! TLS with a private certificate authority, directly and through a proxy. The certificates are in `tests/tls`.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::*;
use crate::world::network::tests::socks::{SocksBehavior, SocksProxy};

/// Serves one connection on a thread that ends with the connection, after ten seconds at the latest.
fn serve_once(serve: impl FnOnce(TcpStream) -> io::Result<()> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        serve(stream)
    });
    address
}

/// Reads the head of a request, up to the blank line.
fn head(from: &mut impl io::Read) -> io::Result<String> {
    let mut lines = String::new();
    let mut reader = BufReader::with_capacity(1, from);
    while !lines.ends_with("\r\n\r\n") && reader.read_line(&mut lines)? > 0 {}
    Ok(lines)
}

/// A GitHub with TLS that accepts one dispatch.
fn github_over_tls() -> SocketAddr {
    serve_once(|stream| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_file(tls("server.pem")).map_err(io::Error::other)?];
        let key = PrivateKeyDer::from_pem_file(tls("server-key.pem")).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let tls = ServerConnection::new(Arc::new(config.map_err(io::Error::other)?)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(tls, stream);
        let head = head(&mut stream)?;
        let status = if head.contains(TOKEN) { "204 No Content" } else { "401 Unauthorized\r\ncontent-length: 0" };
        write!(stream, "HTTP/1.1 {status}\r\n\r\n")?;
        stream.flush()
    })
}

/// A proxy that opens one tunnel to `server` for a request whose head holds all of `expected`.
fn proxy(expected: &'static [&'static str], server: SocketAddr) -> SocketAddr {
    serve_once(move |mut client| {
        let head = head(&mut client)?;
        if !expected.iter().all(|expected| head.contains(expected)) {
            return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        }
        let mut server = TcpStream::connect(server)?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut up, &mut down));
        io::copy(&mut server, &mut client)?;
        Ok(())
    })
}

/// A client with these proxy variables that trusts the private authority.
fn client_with(variables: &[(&str, &str)], api_url: &str) -> Result<GitHub, Finding> {
    let authority = tls("ca.pem");
    let variables = [&[("SSL_CERT_FILE", authority.as_str())], variables].concat();
    GitHub::connect(runtime(), &network(&variables), access(api_url))
}

fn https_url(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}

/// A host that no name server knows, so that only the proxy can reach it.
const BEHIND_PROXY: &str = "https://staging.example";

#[test]
fn the_authority_in_ssl_cert_file_is_trusted() {
    assert_eq!(send(&client_with(&[], &https_url(github_over_tls())).unwrap()), SendOutcome::Done(()));
    let none = [("SSL_CERT_FILE", tls("server-key.pem"))];
    let none = none.each_ref().map(|(name, value)| (*name, value.as_str()));
    let address = https_url(github_over_tls());
    let finding = GitHub::connect(runtime(), &network(&none), access(&address)).unwrap_err().to_string();
    assert!(finding.contains("SSL_CERT_FILE") && finding.contains("no certificate in it"), "{finding}");
    assert!(GitHub::connect(runtime(), &network(&none), access("http://127.0.0.1:1")).is_ok(), "no TLS, no authority");
}

#[test]
fn an_untrusted_server_gets_no_request() {
    let SendOutcome::NotSent { why } = send(&connect(&https_url(github_over_tls()))) else {
        panic!("no trusted authority signed this certificate")
    };
    assert!(why.contains("invalid peer certificate: UnknownIssuer"), "{why}");
}

#[test]
fn a_handshake_that_does_not_end_in_time_means_that_nothing_was_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect_timeout = Duration::from_millis(100);
    let access = GitHubAccess { connect_timeout, ..access(&https_url(silent.local_addr().unwrap())) };
    let github = GitHub::connect(runtime(), &Network::default(), access).unwrap();
    let SendOutcome::NotSent { why } = send(&github) else { panic!("no connection, no request") };
    assert!(why.contains("deadline has elapsed"), "{why}");
}

#[test]
fn requests_go_through_the_proxy_of_the_environment() {
    const TUNNEL: &str = "CONNECT staging.example:443 HTTP/1.1\r\n";
    const PASSWORD: &str = "Proxy-Authorization: Basic bWU6aHVudGVyMg==\r\n";
    let through = |user: &str, expected| {
        let proxy = format!("http://{user}{}", proxy(expected, github_over_tls()));
        // `http_proxy` applies to http:// URLs only.
        let variables = [("https_proxy", proxy.as_str()), ("http_proxy", "http://127.0.0.1:1")];
        send(&client_with(&variables, BEHIND_PROXY).unwrap())
    };
    assert_eq!(through("", &[TUNNEL]), SendOutcome::Done(()));
    assert_eq!(through("me:hunter2@", &[TUNNEL, PASSWORD]), SendOutcome::Done(()));
    let SendOutcome::NotSent { why } = through("me:hunter3@", &[TUNNEL, PASSWORD]) else {
        panic!("the proxy wants another")
    };
    assert!(why.contains("proxy") && !why.contains("hunter3"), "{why}");
}

#[test]
fn requests_go_through_a_socks_proxy_that_looks_up_the_name() {
    for (user, proxy) in [
        ("", SocksBehavior::Forward(github_over_tls())),
        ("me:hunter%32@", SocksBehavior::Authenticate(github_over_tls(), "me", "hunter2")),
    ] {
        let proxy = SocksProxy::start(proxy).unwrap();
        let url = format!("socks5://{user}{}", proxy.address);
        assert_eq!(send(&client_with(&[("ALL_PROXY", &url)], BEHIND_PROXY).unwrap()), SendOutcome::Done(()));
        assert_eq!(proxy.targets(), ["staging.example:443"]);
    }
}

#[test]
fn a_proxy_that_fails_is_named_with_its_variable_and_nothing_was_sent() {
    let why = |variable, url: &str| {
        let access = GitHubAccess { connect_timeout: Duration::from_millis(100), ..access(BEHIND_PROXY) };
        let authority = tls("ca.pem");
        let network = network(&[("SSL_CERT_FILE", &authority), (variable, url)]);
        match send(&GitHub::connect(runtime(), &network, access).unwrap()) {
            SendOutcome::NotSent { why } => why,
            other => panic!("{variable}: {other:?}"),
        }
    };
    let refusing = SocksProxy::start(SocksBehavior::AcceptNothing).unwrap().address;
    let silent = SocksProxy::start(SocksBehavior::Silent).unwrap().address;
    for (variable, url, reason) in [
        ("ALL_PROXY", format!("socks5h://{refusing}"), "it requires a user name and a password"),
        ("https_proxy", format!("socks5://me:hunter2@{refusing}"), "it accepts no user name and no password"),
        ("HTTPS_PROXY", format!("socks5://{silent}"), "deadline has elapsed"),
        ("all_proxy", "socks5://127.0.0.1:1".to_owned(), "Connection refused"),
        ("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:1".to_owned(), "Connection refused"),
    ] {
        let why = why(variable, &url);
        let address = url.rsplit(['/', '@']).next().unwrap_or_default();
        assert!(why.contains(reason) && why.contains(&format!("the proxy {address} of {variable}")), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
}

#[test]
fn loopback_is_reached_without_a_proxy() {
    for nowhere in [("https_proxy", "http://127.0.0.1:1"), ("ALL_PROXY", "no proxy at all")] {
        assert_eq!(send(&client_with(&[nowhere], &https_url(github_over_tls())).unwrap()), SendOutcome::Done(()));
    }
}

#[test]
fn an_unusable_proxy_is_named_without_its_password() {
    for (name, proxy, message) in [
        ("ALL_PROXY", "socks4://me:hunter2@127.0.0.1", "the proxy 127.0.0.1:1080 of ALL_PROXY: a SOCKS4 proxy"),
        ("HTTPS_PROXY", "gopher://me:hunter2@127.0.0.1", "HTTPS_PROXY: not the URL of a proxy"),
    ] {
        let finding = client_with(&[(name, proxy)], BEHIND_PROXY).unwrap_err().to_string();
        assert!(finding.contains(message) && !finding.contains("hunter2"), "{finding}");
        assert!(
            client_with(&[(name, proxy), ("NO_PROXY", ".example")], BEHIND_PROXY).is_ok(),
            "NO_PROXY exempts the host"
        );
    }
}
