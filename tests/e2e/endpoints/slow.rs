//! Slow, silent and unreachable servers: the gate ends in time and names the reason.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::{assert_end, gate_for, house::Ended, latency, nginx::Nginx, probes};

/// The time limit for a gate with two attempts of 900 ms, on a busy machine.
const BOUND: Duration = Duration::from_mins(1);

fn run_gate(url: &str) -> Ended {
    gate_for(url).input("request-timeout", "900ms").start(&["health"]).end_within(BOUND)
}

/// Starts a server that handles each connection with `serve` on its own thread.
fn start_server(serve: impl Fn(TcpStream) + Send + Copy + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Waits for data, a closed connection, or the end of `pause`; returns whether the connection is still open.
fn is_open_after(stream: &mut TcpStream, pause: Duration) -> bool {
    let mut bytes = [0; 1024];
    stream.set_read_timeout(Some(pause)).is_ok()
        && match stream.read(&mut bytes) {
            Ok(count) => count > 0,
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
}

/// Asserts that both attempts lasted until their timeout of 900 ms, up to rounding.
fn assert_both_timed_out(end: &Ended) {
    for row in probes(end) {
        assert!((890..30_000).contains(&latency(&row)), "{row:?}");
    }
    assert_eq!(probes(end).len(), 2);
}

#[test]
fn a_slow_body_times_out() {
    // The limit starts after the headers.
    let nginx = Nginx::serving(&["location / { limit_rate_after 500; limit_rate 1; root @folder; }"]);
    nginx.put("slow", &"x".repeat(1000));
    let end = run_gate(&nginx.url(0, "/slow"));
    let words = format!("200, but the answer of 127.0.0.1:{} was not complete within 900ms", nginx.port(0));
    assert_end(&end, "blocked", &[&words]);
    assert_both_timed_out(&end);
}

#[test]
fn slow_headers_time_out() {
    let nginx = Nginx::serving(&["location / { limit_rate 1; return 200; }"]);
    let end = run_gate(&nginx.url(0, "/"));
    assert_end(&end, "blocked", &[&format!("no answer from 127.0.0.1:{} within 900ms", nginx.port(0))]);
    assert_both_timed_out(&end);
    // nginx limits its rate per second; this server sends a byte every 10 ms and never finishes.
    let address = start_server(|mut stream| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nX-Slow: ".iter().chain(b"x".iter().cycle());
        while is_open_after(&mut stream, Duration::from_millis(10))
            && bytes.next().is_some_and(|byte| stream.write_all(&[*byte]).is_ok())
        {}
    });
    let end = run_gate(&format!("http://{address}/"));
    assert_end(&end, "blocked", &[&format!("no answer from {address} within 900ms")]);
    assert_both_timed_out(&end);
}

#[test]
fn a_silent_server_times_out() {
    let address = start_server(|mut stream| while is_open_after(&mut stream, BOUND) {});
    for scheme in ["http", "https"] {
        let end = run_gate(&format!("{scheme}://{address}/"));
        assert_end(&end, "blocked", &[&format!("no answer from {address} within 900ms")]);
        assert_both_timed_out(&end);
    }
}

#[test]
fn a_frozen_server_times_out_and_then_accepts_no_connection() {
    let nginx = Nginx::serving(&["# narrow\n location / { return 200; }"]);
    let (port, url) = (nginx.port(0), nginx.url(0, "/"));
    nginx.freeze();
    // The kernel accepts two connections for the frozen server.
    let end = run_gate(&url);
    assert_end(&end, "blocked", &[&format!("no answer from 127.0.0.1:{port} within 900ms")]);
    let end = run_gate(&url);
    let words = format!("no connection to 127.0.0.1:{port} within 900ms");
    assert_end(&end, "inconclusive", &[&words, "see whether a firewall lets this runner reach it"]);
    assert_both_timed_out(&end);
}

#[test]
fn redirects_share_one_request_timeout() {
    let nginx = Nginx::serving(&["location / { limit_rate 1; return 302 /; }"]);
    let end = gate_for(&nginx.url(0, "/")).input("request-timeout", "900ms").input("redirects", "20");
    let end = end.start(&["health"]).end_within(BOUND);
    assert_eq!(end.code, 1, "{}", end.log);
}

#[test]
fn a_refused_connection_blocks_and_an_unresolved_name_is_inconclusive() {
    let end = run_gate("http://127.0.0.1:1/");
    assert_end(&end, "blocked", &["127.0.0.1:1 refused the connection"]);
    let end = run_gate("http://name.invalid/ready");
    assert_end(&end, "inconclusive", &["no address for name.invalid:80", "see whether the name is right"]);
    assert!(end.summary.contains("not observed"), "{}", end.summary);
}

#[test]
fn an_http_1_0_response_that_ends_with_the_connection_is_read() {
    let address = start_server(|mut stream| {
        if is_open_after(&mut stream, BOUND) {
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"ready\": true}");
        }
    });
    let end = gate_for(&format!("http://{address}/")).input("condition", ".ready").run(&["health"]);
    assert_end(&end, "passed", &["200 after "]);
}
