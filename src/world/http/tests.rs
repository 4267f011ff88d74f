mod tls_and_proxies;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};

use super::*;

/// A server on loopback. Every connection gets a thread that calls `serve` with the head of the request.
struct Server {
    address: SocketAddr,
    heads: mpsc::Receiver<String>,
}

fn server(serve: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Server {
    raw_server(move |mut stream, received| {
        let head = head(&mut stream);
        let _ = received.send(head.clone());
        serve(&head, &mut stream);
    })
}

fn raw_server(serve: impl Fn(TcpStream, &mpsc::Sender<String>) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (received, heads) = mpsc::channel();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (serve, received) = (Arc::clone(&serve), received.clone());
            thread::spawn(move || serve(stream.unwrap(), &received));
        }
    });
    Server { address, heads }
}

/// Reads up to and including the empty line and no byte more, because a tunnel may follow.
fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Waits for `pause` or until the client disconnects. True while it is connected.
fn linger(stream: &mut TcpStream, pause: Duration) -> bool {
    stream.set_read_timeout(Some(pause)).unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(bytes) => bytes > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

impl Server {
    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// The heads of the requests received so far, in lower case.
    fn requests(&self) -> Vec<String> {
        self.heads.try_iter().map(|head| head.to_lowercase()).collect()
    }
}

fn http() -> HttpClient {
    HttpClient::new(Network::default())
}

fn header(text: &str) -> Header {
    text.parse().unwrap()
}

/// Long enough for a server on this machine to be reached and to begin its answer, on a busy one too.
const SOON: Duration = Duration::from_secs(1);

/// An address where nothing listens. A port that was free a moment ago could be in use by another test now.
const CLOSED: &str = "127.0.0.1:1";

/// Ends a test that hangs.
const HUNG: Duration = Duration::from_mins(1);

/// The error of `request`, which must not hang.
fn failing_soon(request: &Request) -> HttpError {
    let started = Stopwatch::start();
    let error = http().fetch(request).expect_err("an error");
    assert!(started.elapsed() < HUNG, "took {:?}: {error}", started.elapsed());
    error
}

#[test]
fn a_response_is_returned_whatever_its_status() {
    for (status, code) in
        [("200 OK", 200), ("503 Service Unavailable", 503), ("404 Not Found", 404), ("204 No Content", 204)]
    {
        let body = if code == 204 { &b""[..] } else { b"{\"ok\": true}" };
        let server = server(move |_, stream| stream.write_all(&response(status, "X-Seen: 1\r\n", body)).unwrap());
        let response = http().fetch(&Request::get(server.url("/ready?a=b")).header(header("X-Probe: e"))).unwrap();
        assert_eq!((response.status, response.body.as_slice(), response.header("x-seen")), (code, body, Some("1")));
        assert_eq!(response.url, server.url("/ready?a=b"));
        assert!(response.elapsed > Duration::ZERO && response.elapsed < HUNG);
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].starts_with("get /ready?a=b http/1.1\r\n"), "{requests:?}");
        for line in [
            format!("host: {}\r\n", server.address),
            format!("user-agent: promote-gates/{}\r\n", env!("CARGO_PKG_VERSION")),
            "accept-encoding: gzip\r\n".to_owned(),
            "x-probe: e\r\n".to_owned(),
        ] {
            assert!(requests[0].contains(&line), "{line} in {requests:?}");
        }
    }
}

#[test]
fn host_and_user_agent_can_be_set_and_head_has_no_body() {
    let server = server(|_, stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").unwrap());
    let request = Request::get(server.url("/")).method(Method::Head);
    let request = request.header(header("Host: shop.example")).header(header("User-Agent: probe/1"));
    let response = http().fetch(&request.timeout(Duration::MAX)).unwrap();
    assert_eq!((response.status, response.body.len()), (200, 0));
    let requests = server.requests().remove(0);
    assert!(requests.starts_with("head / http/1.1\r\n"), "{requests}");
    assert!(requests.contains("host: shop.example\r\n") && requests.contains("user-agent: probe/1\r\n"), "{requests}");
    assert_eq!((requests.matches("host:").count(), requests.matches("user-agent:").count()), (1, 1));
}

#[test]
fn every_fetch_opens_a_new_connection() {
    // This server answers any number of requests on one connection.
    let server = raw_server(|mut stream, received| {
        received.send("connected".to_owned()).unwrap();
        while !head(&mut stream).is_empty() {
            stream.write_all(&response("200 OK", "Connection: keep-alive\r\n", b"x")).unwrap();
        }
    });
    let http = http();
    for _ in 0..3 {
        http.fetch(&Request::get(server.url("/"))).unwrap();
    }
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_redirect_is_the_response_unless_redirects_are_followed() {
    let server = server(|head, stream| {
        let (status, headers) = match head.split(' ').nth(1).unwrap() {
            "/start" => ("302 Found", "Location: next?x=1\r\n"),
            "/next?x=1" => ("308 Permanent Redirect", "Location: /end#there\r\n"),
            "/nowhere" => ("302 Found", ""),
            "/same" => ("304 Not Modified", "Location: /end\r\n"),
            _ => ("200 OK", ""),
        };
        stream.write_all(&response(status, headers, b"body")).unwrap();
    });
    let response = http().fetch(&Request::get(server.url("/start"))).unwrap();
    assert_eq!((response.status, response.header("location")), (302, Some("next?x=1")));
    assert_eq!(response.body, b"body");
    let request = Request::get(server.url("/start")).header(header("Authorization: Bearer s3cr3t"));
    let response = http().fetch(&request.clone().redirects(2)).unwrap();
    assert_eq!((response.status, response.url), (200, server.url("/end")));
    assert!(server.requests().iter().skip(1).all(|head| head.contains("authorization: bearer s3cr3t\r\n")));
    let error = http().fetch(&request.redirects(1)).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Redirects);
    let (next, end) = (server.url("/next"), server.url("/end"));
    assert_eq!(error.to_string(), format!("{next} redirects to {end}, one redirect more than 1"));
    for (path, status) in [("/nowhere", 302), ("/same", 304)] {
        assert_eq!(http().fetch(&Request::get(server.url(path)).redirects(5)).unwrap().status, status);
    }
}

#[test]
fn redirect_loops_and_invalid_locations_are_errors() {
    let round = server(|_, stream| stream.write_all(&response("301 Moved", "Location: /round\r\n", b"")).unwrap());
    let error = http().fetch(&Request::get(round.url("/round")).redirects(5)).unwrap_err();
    assert_eq!((error.kind, round.requests().len()), (HttpErrorKind::Redirects, 6));
    for (location, why) in [
        ("javascript:alert(1)", "a URL with the scheme \"javascript\""),
        ("file:///etc/passwd", "a URL with the scheme \"file\""),
        ("http://user:hunter2@127.0.0.1/", "a URL with a user name or password"),
        ("http://[/", "no valid URL"),
    ] {
        let server = server(move |_, stream| {
            stream.write_all(&response("302 Found", &format!("Location: {location}\r\n"), b"")).unwrap();
        });
        let error = http().fetch(&Request::get(server.url("/")).redirects(5)).unwrap_err();
        assert_eq!(error.kind, HttpErrorKind::Redirects);
        assert!(error.to_string().contains(why) && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn headers_are_not_sent_to_another_origin() {
    let other = server(|head, stream| {
        // Redirects back to the first server, whose address is in the path.
        let home = head.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        stream.write_all(&response("307 Back", &format!("Location: http://{home}/home\r\n"), b"")).unwrap();
    });
    let away = other.address;
    let home = server(move |head, stream| {
        let own = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
        let bytes = match head.split(' ').nth(1).unwrap() {
            "/port" => response("302 Found", &format!("Location: http://{away}/{own}\r\n"), b""),
            "/host" => response("302 Found", &format!("Location: http://localhost:{}/{own}\r\n", away.port()), b""),
            _ => response("200 OK", "", b"home"),
        };
        stream.write_all(&bytes).unwrap();
    });
    for path in ["/port", "/host"] {
        let request = Request::get(home.url(path)).redirects(5);
        let request = request.header(header("Authorization: Bearer s3cr3t")).header(header("X-Api-Key: s3cr3t"));
        let response = http().fetch(&request).unwrap();
        assert_eq!((response.body.as_slice(), response.url), (&b"home"[..], home.url("/home")));
        let (requests, abroad) = (home.requests(), other.requests());
        assert_eq!((requests.len(), abroad.len()), (2, 1));
        assert_eq!(requests[0].matches("s3cr3t").count(), 2, "{requests:?}");
        assert!(!abroad[0].contains("s3cr3t") && !requests[1].contains("s3cr3t"), "{abroad:?} {requests:?}");
    }
}

#[test]
fn a_silent_server_is_a_timeout() {
    let silent = raw_server(|mut stream, _| while linger(&mut stream, Duration::from_secs(5)) {});
    let error = failing_soon(&Request::get(silent.url("/")).timeout(SOON));
    assert_eq!(error.kind, HttpErrorKind::Timeout);
    assert_eq!(error.to_string(), format!("no answer from {} within 1s", silent.address));
    let over_tls = format!("https://{}/", silent.address).parse().unwrap();
    assert_eq!(failing_soon(&Request::get(over_tls).timeout(SOON)).kind, HttpErrorKind::Timeout);
}

#[test]
fn a_server_that_sends_slowly_is_a_timeout() {
    let pause = Duration::from_millis(10);
    let drip = move |stream: &mut TcpStream, bytes: &[u8]| {
        let mut rest = bytes.iter().cycle();
        while linger(stream, pause) && stream.write_all(&[*rest.next().unwrap()]).is_ok() {}
    };
    let in_its_head = server(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ").unwrap();
        drip(stream, b"x");
    });
    let error = failing_soon(&Request::get(in_its_head.url("/")).timeout(SOON));
    assert_eq!(
        (error.kind, error.to_string().starts_with("no answer from ")),
        (HttpErrorKind::Timeout, true),
        "{error}"
    );
    let in_its_body = server(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        drip(stream, b"1\r\nx\r\n");
    });
    let error = failing_soon(&Request::get(in_its_body.url("/")).timeout(SOON));
    assert_eq!(error.kind, HttpErrorKind::Timeout);
    assert_eq!(error.to_string(), format!("the answer of {} was not complete within 1s", in_its_body.address));
    let from_one_to_the_next = server(move |_, stream| {
        linger(stream, pause * 3);
        stream.write_all(&response("302 Found", "Location: /\r\n", b"")).unwrap();
    });
    let request = Request::get(from_one_to_the_next.url("/")).timeout(SOON).redirects(1000);
    assert_eq!(failing_soon(&request).kind, HttpErrorKind::Timeout);
}

#[test]
fn a_refused_connection_and_an_unknown_host_have_different_kinds() {
    let error = failing_soon(&Request::get(format!("http://{CLOSED}/").parse().unwrap()));
    assert_eq!((error.kind, error.to_string()), (HttpErrorKind::Refused, format!("{CLOSED} refused the connection")));
    // Needs no name server: a label has at most 63 letters.
    let long = "a".repeat(64);
    let error = failing_soon(&Request::get(format!("http://{long}.example/").parse().unwrap()));
    assert_eq!(error.kind, HttpErrorKind::Dns, "{error}");
    assert!(error.to_string().starts_with(&format!("no address for {long}.example:80: ")), "{error}");
}

#[test]
fn a_body_over_the_limit_is_an_error() {
    let sized = |head: &'static str, body: Vec<u8>| {
        server(move |_, stream| {
            // The client may close the connection in the middle of the body.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        })
    };
    let close = sized("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 100_000]);
    let length = sized("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", vec![b'x'; 100_000]);
    let chunked = sized(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n",
        [vec![b'x'; 100_000], b"\r\n0\r\n\r\n".to_vec()].concat(),
    );
    for server in [close, length, chunked] {
        let request = Request::get(server.url("/"));
        assert_eq!(http().fetch(&request.clone().max_body(100_000)).unwrap().body.len(), 100_000);
        let error = http().fetch(&request.max_body(99_999)).unwrap_err();
        assert_eq!(
            (error.kind, error.to_string().as_str()),
            (HttpErrorKind::BodyTooLarge, "the body is larger than 99999 bytes")
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_body_limit_applies_to_the_decompressed_size() {
    let zipped = |body: Vec<u8>| {
        server(move |_, stream| {
            let _ = stream.write_all(&response("200 OK", "Content-Encoding: gzip\r\n", &body));
        })
    };
    let server = zipped(gzip(b"{\"version\": \"1.4.2\"}"));
    let response = http().fetch(&Request::get(server.url("/"))).unwrap();
    assert_eq!(
        (response.body.as_slice(), response.header("content-encoding")),
        (&b"{\"version\": \"1.4.2\"}"[..], None)
    );
    let bomb = gzip(&vec![0; 2 << 20]);
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let error = http().fetch(&Request::get(zipped(bomb).url("/")).max_body(1 << 16)).unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::BodyTooLarge);
    let mut broken = gzip(b"some text that was longer once");
    broken.truncate(20);
    for body in [broken, b"not gzip at all".to_vec()] {
        let error = http().fetch(&Request::get(zipped(body).url("/"))).unwrap_err();
        assert_eq!(error.kind, HttpErrorKind::Protocol, "{error}");
    }
}

#[test]
fn an_incomplete_or_invalid_response_is_an_error() {
    for bytes in [
        "",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: ",
    ] {
        let server = server(move |_, stream| {
            let _ = stream.write_all(bytes.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            linger(stream, SOON);
        });
        let error = failing_soon(&Request::get(server.url("/")));
        assert_eq!(error.kind, HttpErrorKind::Protocol, "{bytes:?}: {error}");
        assert!(error.to_string().contains(&server.address.to_string()), "{error}");
    }
    let endless = server(|_, stream| {
        let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(line.as_bytes()).is_ok() {}
    });
    assert_eq!(failing_soon(&Request::get(endless.url("/"))).kind, HttpErrorKind::Protocol);
}

#[test]
fn no_error_and_no_debug_output_holds_a_secret() {
    let cut = server(|_, stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").unwrap());
    let odd = server(|_, stream| stream.write_all(&response("302 Found", "Location: /?key=s3cr3t\r\n", b"")).unwrap());
    for server in [cut, odd] {
        let request =
            Request::get(server.url("/?token=s3cr3t")).header(header("Authorization: Bearer s3cr3t")).redirects(1);
        let error = http().fetch(&request).unwrap_err();
        for text in [error.to_string(), format!("{error:?}"), format!("{request:?}")] {
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
    // Longer than a URI of the http crate can be, whose error would quote it.
    let long = format!("http://127.0.0.1/?token=s3cr3t{}", "x".repeat(70_000)).parse().unwrap();
    let error = http().fetch(&Request::get(long)).unwrap_err();
    assert_eq!((error.kind, error.to_string().contains("s3cr3t")), (HttpErrorKind::Other, false), "{error}");
}
