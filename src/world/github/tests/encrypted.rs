//! Over TLS, with a certificate authority of our own, directly and through a proxy. The certificates are in
//! `tests/fixtures/tls` and good until 2120.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::*;

/// A PEM file among the fixtures.
fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn our_authority() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("authority.pem")).unwrap()).unwrap();
    roots
}

/// Accepts once and hands the connection over. Its thread ends with the connection, at the latest after ten seconds.
fn serve_once(serve: impl FnOnce(TcpStream) -> io::Result<()> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        serve(stream)
    });
    address
}

/// Reads up to the blank line.
fn head(from: &mut impl io::Read) -> io::Result<String> {
    let mut lines = String::new();
    let mut reader = BufReader::with_capacity(1, from);
    while !lines.ends_with("\r\n\r\n") && reader.read_line(&mut lines)? > 0 {}
    Ok(lines)
}

/// GitHub behind TLS: takes one dispatch.
fn github_over_tls() -> SocketAddr {
    serve_once(|stream| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_file(fixture("server.pem")).map_err(io::Error::other)?];
        let key = PrivateKeyDer::from_pem_file(fixture("server.key")).map_err(io::Error::other)?;
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

/// A proxy that makes one tunnel to a server of our choice, for those who ask for the right thing.
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

fn connect(access: Access, roots: RootCertStore) -> Result<GitHub, Complaint> {
    let runtime = runtime();
    let (base, token, timeout) = (transport::base(&access.api_url)?, access.token.clone(), access.timeout);
    let made = runtime.run(timeout, async move { transport::octocrab(&base, &access, || Ok(roots)) });
    Ok(GitHub { octocrab: made.unwrap()?, runtime, token, timeout })
}

fn at(address: SocketAddr) -> Access {
    access(&format!("https://localhost:{}", address.port()))
}

#[test]
fn an_authority_that_is_trusted_is_spoken_to() {
    let github = connect(at(github_over_tls()), our_authority()).unwrap();
    assert_eq!(send(&github), Sent::Done);
}

#[test]
fn one_that_is_not_trusted_gets_neither_token_nor_request() {
    let github = connect(at(github_over_tls()), RootCertStore::empty()).unwrap();
    let Sent::NotSent { why } = send(&github) else { panic!("nobody vouches for this server") };
    assert!(why.contains("invalid peer certificate: UnknownIssuer"), "{why}");
}

#[test]
fn a_handshake_that_never_ends_is_given_up_before_anything_was_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect_timeout = Duration::from_millis(100);
    let access = Access { connect_timeout, ..at(silent.local_addr().unwrap()) };
    let Sent::NotSent { why } = send(&connect(access, our_authority()).unwrap()) else {
        panic!("no connection, no request")
    };
    assert!(why.contains("deadline has elapsed"), "{why}");
}

#[test]
fn a_proxy_that_is_named_is_gone_through() {
    const TUNNEL: &str = "CONNECT github.test:443 HTTP/1.1\r\n";
    const PASSWORD: &str = "Proxy-Authorization: Basic bWU6aHVudGVyMg==\r\n";
    let through = |user: &str, expected| {
        let proxy = format!("http://{user}{}", proxy(expected, github_over_tls()));
        let proxy = Some(ureq::Proxy::new(&proxy).unwrap());
        send(&connect(Access { proxy, ..access("https://github.test") }, our_authority()).unwrap())
    };
    assert_eq!(through("", &[TUNNEL]), Sent::Done);
    assert_eq!(through("me:hunter2@", &[TUNNEL, PASSWORD]), Sent::Done);
    let Sent::NotSent { why } = through("me:hunter3@", &[TUNNEL, PASSWORD]) else { panic!("the proxy wants another") };
    assert!(why.contains("proxy") && !why.contains("hunter3"), "{why}");
}

#[test]
fn loopback_is_reached_without_a_proxy_and_a_proxy_of_another_kind_is_said_to_be_one() {
    let nowhere = Some(ureq::Proxy::new("http://127.0.0.1:1").unwrap());
    let direct = Access { proxy: nowhere, ..at(github_over_tls()) };
    assert_eq!(send(&connect(direct, our_authority()).unwrap()), Sent::Done);
    let socks = ureq::Proxy::builder(ureq::ProxyProtocol::Socks5).host("127.0.0.1").username("me").password("hunter2");
    let proxy = Some(socks.build().unwrap());
    let complaint =
        connect(Access { proxy, ..access("https://github.test") }, our_authority()).unwrap_err().to_string();
    assert!(complaint.contains("a SOCKS proxy") && !complaint.contains("hunter2"), "{complaint}");
}

/// The environment belongs to a whole process, so each case is one: [`inside`] alone.
#[test]
fn certificates_named_in_the_environment_are_the_ones_trusted() {
    let outcome = |file: &str| {
        let mut inside = Command::new(env::current_exe().unwrap());
        inside.args(["--ignored", "--exact", "world::github::tests::encrypted::inside"]);
        inside.env("SSL_CERT_FILE", fixture(file)).env_remove("SSL_CERT_DIR");
        String::from_utf8(inside.output().unwrap().stdout).unwrap()
    };
    let trusted = outcome("authority.pem");
    assert!(trusted.contains("outcome: Ok(Done)"), "{trusted}");
    let none = outcome("server.key");
    assert!(none.contains("outcome: Err(") && none.contains("SSL_CERT_FILE"), "{none}");
}

#[test]
#[ignore = "half of the test above, which gives it its environment"]
fn inside() {
    let outcome = GitHub::connect(runtime(), at(github_over_tls())).map(|github| send(&github));
    panic!("outcome: {outcome:?}");
}
