use std::{
    future,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    task::Poll,
    time::Duration,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::*;
use crate::{
    load_results::{Exchange, ExchangeEnd},
    sandbox::server::{FakeResponse, Hold, LoopbackServer, ReceivedRequest},
    world::network::tests::network,
};

/// No test waits so long.
const LONG: Duration = Duration::from_secs(60);

fn load(url: &str, pace: Pace, milliseconds: u64) -> Load {
    Load {
        url: url.parse().unwrap(),
        headers: vec!["X-Key: k".parse().unwrap()],
        pace,
        duration: Duration::from_millis(milliseconds),
        timeout: LONG,
    }
}

/// Starts a load. What it sends arrives at the receiver, which is disconnected when it has ended.
fn start(load: &Load, variables: &[(&str, &str)]) -> (LoadClient, RunningLoad, Receiver<LoadEvent>) {
    let client = LoadClient { runtime: Arc::new(Runtime::start().unwrap()), network: network(variables) };
    let (to, events) = channel();
    let running = client.start(load, move |event| drop(to.send(event))).unwrap();
    (client, running, events)
}

/// The requests of a load to its end.
fn exchanges(load: &Load) -> Vec<Exchange> {
    exchanges_with(load, &[])
}

/// The same with these variables in the environment.
fn exchanges_with(load: &Load, variables: &[(&str, &str)]) -> Vec<Exchange> {
    let (_client, _running, events) = start(load, variables);
    let mut all = Vec::new();
    loop {
        match events.recv_timeout(LONG).expect("the load ends") {
            LoadEvent::Progress(some) => all.extend(some),
            LoadEvent::Ended(rest) => {
                all.extend(rest);
                return all;
            }
        }
    }
}

fn server(respond: impl Fn(&ReceivedRequest) -> FakeResponse + Send + Sync + 'static) -> LoopbackServer {
    LoopbackServer::start(move |request| respond(request)).unwrap()
}

#[test]
fn a_fixed_rate_sends_every_request_once_with_its_headers_and_counts_from_when_it_was_due() {
    let received = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&received);
    let server = server(move |request| {
        counter.fetch_add(1, Ordering::Relaxed);
        let right = request.method == "GET"
            && request.path == "/cart"
            && request.query == "page=1"
            && request.headers.get("x-key").is_some_and(|key| key == "k");
        FakeResponse::status(if right { 200 } else { 400 })
    });
    let url = format!("{}/cart?page=1", server.url());
    let mut exchanges = exchanges(&load(&url, Pace::Rate(400), 250));
    exchanges.sort_by_key(|exchange| exchange.due);
    let dues: Vec<_> = exchanges.iter().map(|exchange| exchange.due).collect();
    let planned: Vec<_> = (0..100).map(|number| Duration::from_micros(2500) * number).collect();
    assert_eq!((dues, received.load(Ordering::Relaxed)), (planned, 100));
    for exchange in exchanges {
        assert_eq!(exchange.end, ExchangeEnd::Status(200));
        assert!(exchange.latency >= exchange.late, "what this machine is late by is part of the latency");
    }
}

#[test]
fn a_server_that_stalls_does_not_keep_later_requests_from_being_sent() {
    let hold = Hold::default();
    let received = Arc::new(AtomicUsize::new(0));
    let (counter, handle) = (Arc::clone(&received), hold.clone());
    // The last request ends the stall: if requests waited for responses, the load would never end.
    let server = server(move |_| {
        if counter.fetch_add(1, Ordering::Relaxed) == 49 {
            handle.release();
        }
        FakeResponse::status(200).held_by(&handle)
    });
    let exchanges = exchanges(&load(server.url(), Pace::Rate(1000), 50));
    let last = Duration::from_millis(49);
    assert_eq!(exchanges.len(), 50);
    for Exchange { due, latency, .. } in exchanges {
        assert!(due + latency >= last, "due at {due:?}, it ended after {latency:?}, before the stall did");
    }
}

/// Blocks the thread of a runtime, as another program does that takes the processor, until the sender is dropped.
fn block(runtime: &Runtime) -> (mpsc::Sender<()>, Task) {
    let (free, blocked) = channel::<()>();
    let (to, begun) = channel();
    let task = runtime.spawn(async move {
        // The test may have ended.
        let _ = to.send(());
        let _ = blocked.recv_timeout(LONG);
    });
    begun.recv_timeout(LONG).expect("it runs");
    (free, task)
}

#[test]
fn a_machine_that_is_late_counts_from_when_each_request_was_due() {
    let server = server(|_| FakeResponse::status(200));
    let client = LoadClient { runtime: Arc::new(Runtime::start().unwrap()), network: network(&[]) };
    let (free, _blocker) = block(&client.runtime);
    let (to, events) = channel();
    let running = client.start(&load(server.url(), Pace::Rate(1000), 20), move |event| drop(to.send(event))).unwrap();
    let began = Stopwatch::start();
    let pause = Duration::from_millis(60);
    assert!(events.recv_timeout(pause).is_err(), "no request is sent, because the machine is busy");
    let blocked = began.elapsed();
    drop(free);
    let mut exchanges = Vec::new();
    while let Ok(LoadEvent::Progress(some) | LoadEvent::Ended(some)) = events.recv_timeout(LONG) {
        exchanges.extend(some);
    }
    drop(running);
    assert_eq!(exchanges.len(), 20, "none is left out");
    for Exchange { due, late, latency, end } in exchanges {
        assert!(due + late >= blocked && latency >= late, "{due:?} {late:?} {latency:?}");
        assert_eq!(end, ExchangeEnd::Status(200));
    }
}

#[test]
fn users_on_a_busy_machine_are_late() {
    const TAKEN: Duration = Duration::from_millis(1);
    let server = server(|_| FakeResponse::status(200));
    let runtime = Runtime::start().unwrap();
    let load = load(server.url(), Pace::Users(1), 60_000);
    let Ok(Route::Direct(connector)) = connection::route(&network(&[]), &load.url) else { panic!("no proxy") };
    let sender = Arc::new(HttpSender::new(connector, &load).unwrap());
    let (_free, blocked) = channel::<()>();
    // What else is always ready takes the thread for a while.
    let _busy = runtime.spawn(future::poll_fn(move |context| {
        let _ = blocked.recv_timeout(TAKEN);
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    let (to, events) = channel();
    let _users = runtime.spawn(dispatch::by_users(sender, Stopwatch::start(), (1, load.duration), to));
    for number in 0..3 {
        let Ok(PacerEvent::Exchange(exchange)) = events.recv_timeout(LONG) else { panic!("a request ends") };
        assert!(number == 0 || exchange.late >= TAKEN, "{exchange:?}");
        assert!(exchange.latency >= exchange.late, "{exchange:?}");
    }
}

#[test]
fn each_user_waits_for_a_response_before_the_next_request() {
    let hold = Hold::default();
    let (to, received) = channel();
    let handle = hold.clone();
    let to = Mutex::new(to);
    let server = server(move |_| {
        // The test may have ended.
        let _ = to.lock().unwrap().send(());
        FakeResponse::status(200).held_by(&handle)
    });
    let (_client, running, _events) = start(&load(server.url(), Pace::Users(3), 60_000), &[]);
    for _ in 0..3 {
        received.recv_timeout(LONG).expect("a request of each user");
    }
    assert!(received.try_recv().is_err(), "a fourth request before any response");
    hold.release();
    for _ in 0..9 {
        received.recv_timeout(LONG).expect("more requests");
    }
    drop(running);
}

#[test]
fn each_failure_has_its_reason_and_none_ends_the_load() {
    let refused = {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    let closing = server(|_| FakeResponse::close());
    let failing = server(|_| FakeResponse::redirect("/login"));
    for (url, end) in [
        (refused.as_str(), ExchangeEnd::Failed("connection refused".to_owned())),
        (closing.url(), ExchangeEnd::Failed("connection closed without a response".to_owned())),
        (failing.url(), ExchangeEnd::Status(302)),
    ] {
        let exchanges = exchanges(&load(url, Pace::Rate(1000), 10));
        assert_eq!(exchanges.len(), 10, "{url}");
        for exchange in exchanges {
            assert_eq!(exchange.end, end);
        }
    }
}

#[test]
fn a_server_that_never_responds_is_waited_for_until_the_time_limit_of_a_request() {
    let hanging = server(|_| FakeResponse::hang());
    let load = Load { timeout: Duration::from_millis(50), ..load(hanging.url(), Pace::Rate(1000), 5) };
    let exchanges = exchanges(&load);
    assert_eq!(exchanges.len(), 5);
    for exchange in exchanges {
        assert_eq!(exchange.end, ExchangeEnd::Failed("no complete response within 50ms".to_owned()));
        assert!(exchange.latency >= Duration::from_millis(50));
    }
}

#[test]
fn a_body_is_read_to_its_end_within_the_time_limit() {
    let large = server(|_| FakeResponse::text(200, "text/plain", "x".repeat(4 << 20)));
    for exchange in exchanges(&load(large.url(), Pace::Rate(1000), 3)) {
        assert_eq!(exchange.end, ExchangeEnd::Status(200));
    }
    // The head arrives at once.
    let endless = server(|_| FakeResponse::text(200, "text/plain", "x").byte_by_byte(LONG));
    let load = Load { timeout: Duration::from_millis(50), ..load(endless.url(), Pace::Rate(1000), 3) };
    for exchange in exchanges(&load) {
        assert_eq!(exchange.end, ExchangeEnd::Failed("no complete response within 50ms".to_owned()));
    }
}

#[test]
fn what_is_cut_off_or_no_http_is_a_failure() {
    for (response, why) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok", "the response was cut off"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", "the response was cut off"),
        ("HTTP/1.1 20", "connection closed without a response"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "invalid HTTP version parsed"),
    ] {
        let address = serve(move |mut stream| {
            head(&mut stream)?;
            stream.write_all(response.as_bytes())
        });
        for exchange in exchanges(&load(&format!("http://{address}/"), Pace::Rate(1000), 3)) {
            assert_eq!(exchange.end, ExchangeEnd::Failed(why.to_owned()), "{response}");
        }
    }
}

#[test]
fn requests_share_connections_and_every_header_is_sent() {
    const KEPT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let (to_heads, heads) = channel();
    let to_heads = Mutex::new(to_heads);
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let address = serve(move |mut stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        loop {
            let request = head(&mut stream)?;
            if request.is_empty() {
                return Ok(());
            }
            // The test may have ended.
            let _ = to_heads.lock().unwrap().send(request);
            stream.write_all(KEPT)?;
        }
    });
    let headers = ["Cookie: a=1", "Cookie: b=2", "User-Agent: probe"];
    let headers = headers.into_iter().map(|header| header.parse().unwrap()).collect();
    let load = Load { headers, ..load(&format!("http://{address}/"), Pace::Users(1), 60_000) };
    let (_client, running, _events) = start(&load, &[]);
    for _ in 0..20 {
        let head = heads.recv_timeout(LONG).expect("a request").to_ascii_lowercase();
        let lines: Vec<_> = head.lines().collect();
        for line in ["cookie: a=1", "cookie: b=2", "user-agent: probe", "accept: */*", &format!("host: {address}")] {
            assert_eq!(lines.iter().filter(|other| **other == line).count(), 1, "{line} in {head}");
        }
    }
    drop(running);
    // A connection may be opened before the one that is in use is free again.
    let connections = connections.load(Ordering::Relaxed);
    assert!(connections < 5, "{connections}");
}

#[test]
fn dropping_a_load_ends_it_without_a_last_event() {
    let hanging = server(|_| FakeResponse::hang());
    let (_client, running, events) = start(&load(hanging.url(), Pace::Rate(1000), 60_000), &[]);
    drop(running);
    // Disconnected: its thread has ended.
    loop {
        match events.recv_timeout(LONG) {
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Ok(LoadEvent::Progress(exchanges)) => assert!(exchanges.is_empty(), "{exchanges:?}"),
            Ok(LoadEvent::Ended(_)) => panic!("it was ended"),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it goes on"),
        }
    }
}

#[test]
fn an_unusable_proxy_is_an_error_and_is_not_bypassed() {
    let client = LoadClient {
        runtime: Arc::new(Runtime::start().unwrap()),
        network: network(&[("HTTP_PROXY", "gopher://user:hunter2@proxy")]),
    };
    let load = load("http://staging.example/", Pace::Rate(1), 1);
    let finding = client.start(&load, |_| ()).err().expect("an error");
    assert!(finding.check == "HTTP_PROXY" && !format!("{finding:?}").contains("hunter2"), "{finding:?}");
}

/// Serves each connection on its thread, which ends with the connection.
fn serve(respond: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let respond = Arc::new(respond);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let respond = Arc::clone(&respond);
            thread::spawn(move || {
                stream.set_read_timeout(Some(LONG))?;
                respond(stream)
            });
        }
    });
    address
}

/// Reads the head of a request, up to the blank line.
fn head(from: &mut impl Read) -> io::Result<String> {
    let mut lines = String::new();
    let mut reader = BufReader::with_capacity(1, from);
    while !lines.ends_with("\r\n\r\n") && reader.read_line(&mut lines)? > 0 {}
    Ok(lines)
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

#[test]
fn a_private_authority_is_trusted_only_when_the_environment_names_it() {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("../../../tests/tls/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../tests/tls/server-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    let config = Arc::new(config);
    let address = serve(move |stream| {
        let tls = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(tls, stream);
        head(&mut stream)?;
        stream.write_all(OK)?;
        stream.conn.send_close_notify();
        stream.flush()
    });
    let load = load(&format!("https://localhost:{}/", address.port()), Pace::Rate(1000), 3);
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem");
    let exchanges = exchanges_with(&load, &[("SSL_CERT_FILE", authority)]);
    assert!(exchanges.iter().all(|exchange| exchange.end == ExchangeEnd::Status(200)), "{exchanges:?}");
    let exchanges = exchanges_with(&load, &[]);
    let is_untrusted = |end: &ExchangeEnd| matches!(end, ExchangeEnd::Failed(why) if why.contains("UnknownIssuer"));
    assert!(exchanges.iter().all(|exchange| is_untrusted(&exchange.end)), "{exchanges:?}");
}

#[test]
fn requests_go_through_the_proxy_of_the_environment() {
    let proxy = serve(|mut stream| {
        if !head(&mut stream)?.starts_with("CONNECT staging.example:80 ") {
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let request = head(&mut stream)?;
        let right = request.starts_with("GET /cart HTTP/1.1\r\n") && request.contains("host: staging.example\r\n");
        stream.write_all(if right { OK } else { b"HTTP/1.1 400 Bad Request\r\n\r\n" })
    });
    let load = load("http://staging.example/cart", Pace::Rate(1000), 3);
    let exchanges = exchanges_with(&load, &[("HTTP_PROXY", &format!("http://{proxy}"))]);
    assert_eq!(exchanges.len(), 3);
    assert!(exchanges.iter().all(|exchange| exchange.end == ExchangeEnd::Status(200)), "{exchanges:?}");
}
