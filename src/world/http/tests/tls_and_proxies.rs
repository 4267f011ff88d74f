//! TLS, and requests through proxies.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::*;
use crate::world::network::tests::network;

fn client_with(variables: &[(&str, &str)]) -> HttpClient {
    HttpClient::new(network(variables))
}

/// Serves TLS with the certificate in `tests/tls`.
fn tls_server(bytes: Vec<u8>) -> Server {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("../../../../tests/tls/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../../tests/tls/server-key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    let config = Arc::new(config);
    raw_server(move |stream, received| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let head = head(&mut stream);
        if !head.is_empty() {
            let _ = received.send(head);
            stream.write_all(&bytes).unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    })
}

const CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem");

fn https_url(server: &Server, host: &str) -> Url {
    format!("https://{host}:{}/ready", server.address.port()).parse().unwrap()
}

#[test]
fn a_private_authority_is_trusted_only_when_the_environment_names_it() {
    let server = tls_server(response("200 OK", "", b"secure"));
    let request = Request::get(https_url(&server, "localhost"));
    assert_eq!(client_with(&[("SSL_CERT_FILE", CA)]).fetch(&request).unwrap().body, b"secure");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(CA, dir.path().join("ours.pem")).unwrap();
    let dirs = format!("{}:", dir.path().display());
    assert_eq!(client_with(&[("SSL_CERT_DIR", &dirs)]).fetch(&request).unwrap().body, b"secure");

    let error = http().fetch(&request).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("UnknownIssuer; a private authority is trusted when SSL_CERT_FILE"), "{error}");
    // The certificate is for another name.
    let error =
        client_with(&[("SSL_CERT_FILE", CA)]).fetch(&Request::get(https_url(&server, "127.0.0.1"))).unwrap_err();
    assert!(error.kind == HttpErrorKind::Tls && error.to_string().contains("not valid for name"), "{error}");
    // A missing file is an error, and no other authorities are used instead.
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let error = client_with(&[(variable, "/nowhere/ca.pem")]).fetch(&request).unwrap_err();
        assert!(error.kind == HttpErrorKind::Tls && error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}

#[test]
fn a_port_without_tls_is_a_tls_error_and_no_redirect_leaves_tls() {
    let plain = raw_server(|mut stream, _| {
        linger(&mut stream, SOON);
        let _ = stream.write_all(&response("400 Bad Request", "", b"plain"));
    });
    let error = failing_soon(&Request::get(https_url(&plain, "127.0.0.1")));
    assert!(error.kind == HttpErrorKind::Tls && error.to_string().ends_with("; does this port speak TLS?"), "{error}");

    let plain = server(|_, stream| stream.write_all(&response("200 OK", "", b"plain")).unwrap());
    let down = tls_server(response("302 Found", &format!("Location: http://{}/?token=s3cr3t\r\n", plain.address), b""));
    let request = Request::get(https_url(&down, "localhost"));
    let error = client_with(&[("SSL_CERT_FILE", CA)]).fetch(&request.redirects(3)).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Redirects);
    assert!(error.to_string().ends_with("/, which would leave TLS"), "{error}");
    assert!(plain.requests().is_empty());
}

#[test]
fn plain_http_goes_through_a_forwarding_proxy_in_absolute_form() {
    let proxy = server(|_, stream| stream.write_all(&response("200 OK", "", b"by proxy")).unwrap());
    let http =
        client_with(&[("http_proxy", &format!("http://us%40er:pa%3Ass@{}", proxy.address)), ("NO_PROXY", ".internal")]);
    let request = Request::get("http://staging.example/ready?x=1".parse().unwrap()).header(header("X-Probe: 1"));
    assert_eq!(http.fetch(&request).unwrap().body, b"by proxy");
    let request_head = proxy.heads.try_recv().unwrap();
    assert!(request_head.starts_with("GET http://staging.example/ready?x=1 HTTP/1.1\r\n"), "{request_head}");
    for line in ["host: staging.example\r\n", "x-probe: 1\r\n", "proxy-authorization: Basic dXNAZXI6cGE6c3M=\r\n"] {
        assert!(request_head.contains(line), "{line} in {request_head}");
    }
    // Loopback and the hosts in NO_PROXY are reached without the proxy.
    let direct = server(|_, stream| stream.write_all(&response("200 OK", "", b"direct")).unwrap());
    assert_eq!(http.fetch(&Request::get(direct.url("/"))).unwrap().body, b"direct");
    let unknown = Request::get("http://a.internal:1/".parse().unwrap()).timeout(SOON);
    assert!(!http.fetch(&unknown).unwrap_err().to_string().contains("proxy"));
    assert!(proxy.requests().is_empty());
}

/// Copies bytes between two connections until both are closed.
fn tunnel(stream: &TcpStream, to: SocketAddr) {
    let target = TcpStream::connect(to).unwrap();
    let (mut from_client, mut to_target) = (stream.try_clone().unwrap(), target.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from_client, &mut to_target));
    let (mut from_target, mut to_client) = (target, stream.try_clone().unwrap());
    let _ = std::io::copy(&mut from_target, &mut to_client);
    let _ = stream.shutdown(Shutdown::Both);
}

#[test]
fn https_goes_through_a_connect_tunnel() {
    let target = tls_server(response("200 OK", "", b"secure")).address;
    let proxy = server(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        tunnel(stream, target);
    });
    let url = format!("http://user:pass@{}", proxy.address);
    let http = client_with(&[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", CA)]);
    let request =
        Request::get("https://staging.example/".parse().unwrap()).header(header("Authorization: Bearer s3cr3t"));
    assert_eq!(http.fetch(&request).unwrap().body, b"secure");
    let request_head = proxy.requests().remove(0);
    assert!(request_head.starts_with("connect staging.example:443 http/1.1\r\n"), "{request_head}");
    assert!(
        request_head.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n") && !request_head.contains("s3cr3t"),
        "{request_head}"
    );
}

#[test]
fn requests_go_through_a_socks_proxy() {
    let target = server(|_, stream| stream.write_all(&response("200 OK", "", b"by socks")).unwrap()).address;
    // RFC 1928: no authentication, CONNECT to a name.
    let proxy = raw_server(move |mut stream, received| {
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(&[5, 0]).unwrap();
        let mut request = [0; 5 + "staging.example".len() + 2];
        stream.read_exact(&mut request).unwrap();
        received.send(String::from_utf8_lossy(&request[5..20]).into_owned()).unwrap();
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).unwrap();
        tunnel(&stream, target);
    });
    // The proxy looks up the name, also with `socks5`.
    let http = client_with(&[("ALL_PROXY", &format!("socks5://{}", proxy.address))]);
    let response = http.fetch(&Request::get("http://staging.example/".parse().unwrap())).unwrap();
    assert_eq!((response.body.as_slice(), proxy.requests()), (&b"by socks"[..], vec!["staging.example".to_owned()]));
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let proxy = server(|_, stream| stream.write_all(&response("403 Forbidden", "", b"")).unwrap());
    let http = client_with(&[("all_proxy", &format!("http://user:hunter2@{}", proxy.address))]);
    let error = http.fetch(&Request::get("https://staging.example/".parse().unwrap())).unwrap_err();
    assert!(error.to_string().starts_with(&format!("the proxy {} opened no tunnel: ", proxy.address)), "{error}");
    assert!(error.kind == HttpErrorKind::Proxy && error.to_string().contains("403"), "{error}");
    for target in ["https://staging.example/", "http://staging.example/"] {
        let http = client_with(&[("all_proxy", &format!("http://user:hunter2@{CLOSED}"))]);
        let error = http.fetch(&Request::get(target.parse().unwrap())).unwrap_err();
        assert_eq!(
            (error.kind, error.to_string()),
            (HttpErrorKind::Proxy, format!("the proxy {CLOSED} refused the connection (all_proxy names this proxy)"))
        );
    }
}

#[test]
fn a_failure_at_the_proxy_is_not_blamed_on_the_host() {
    let wants_a_password =
        server(|_, stream| stream.write_all(&response("407 Proxy Authentication Required", "", b"")).unwrap());
    let hangs_up = server(|_, _| ());
    let silent = raw_server(|mut stream, _| while linger(&mut stream, Duration::from_secs(5)) {});
    for (proxy, target, cause) in [
        (&wants_a_password, "http://staging.example/", "wants a user and a password (407)"),
        (&wants_a_password, "https://staging.example/", "opened no tunnel"),
        (&hangs_up, "http://staging.example/", "closed the connection before its answer was complete"),
        (&hangs_up, "https://staging.example/", "opened no tunnel"),
        (&silent, "http://staging.example/", "within 1s"),
        (&silent, "https://staging.example/", "within 1s"),
    ] {
        let http = client_with(&[("all_proxy", &format!("http://{}", proxy.address))]);
        let error = http.fetch(&Request::get(target.parse().unwrap()).timeout(SOON)).unwrap_err();
        assert_eq!(error.kind, HttpErrorKind::Proxy, "{error}");
        assert!(
            error.to_string().contains(&format!("the proxy {}", proxy.address)) && error.to_string().contains(cause),
            "{error}"
        );
    }
    // A response that began comes from the host.
    let cut = server(|_, stream| stream.write_all(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n").unwrap());
    let http = client_with(&[("all_proxy", &format!("http://{}", cut.address))]);
    let error = http.fetch(&Request::get("http://staging.example/".parse().unwrap())).unwrap_err();
    assert_eq!((error.kind, error.status), (HttpErrorKind::Protocol, Some(503)));
}

#[test]
fn tls_through_a_proxy_is_with_the_host() {
    let target = tls_server(response("200 OK", "", b"secure")).address;
    let proxy = server(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        tunnel(stream, target);
    });
    let http = client_with(&[("HTTPS_PROXY", &format!("http://{}", proxy.address))]);
    let error = http.fetch(&Request::get("https://staging.example/".parse().unwrap())).unwrap_err();
    let begin = format!("no TLS with staging.example:443 by the proxy {}: ", proxy.address);
    assert!(error.kind == HttpErrorKind::Tls && error.to_string().starts_with(&begin), "{error}");
}
