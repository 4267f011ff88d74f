//! Whoever is slow, silent or not there at all: an end in time, and the words for it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::{asking, holds, house::Ended, latency, nginx::Nginx, probes};

/// What a gate with two attempts of 300 ms may take in all, on a busy machine.
const BOUND: Duration = Duration::from_secs(10);

fn ask(url: &str) -> Ended {
    asking(url).input("request-timeout", "300ms").start(&["health"]).end_within(BOUND)
}

/// Listens, and does with each connection what it is told to, on a thread of its own.
fn listening(serve: impl Fn(TcpStream) + Send + Copy + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Waits until the other side is gone, or for `pause`; whether it is still there.
fn linger(stream: &mut TcpStream, pause: Duration) -> bool {
    let mut bytes = [0; 1024];
    stream.set_read_timeout(Some(pause)).is_ok()
        && match stream.read(&mut bytes) {
            Ok(count) => count > 0,
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
}

/// Both attempts took as long as they might, and no longer.
fn both_took_their_time(end: &Ended) {
    for row in probes(end) {
        assert!((300..3000).contains(&latency(&row)), "{row:?}");
    }
    assert_eq!(probes(end).len(), 2);
}

#[test]
fn a_body_a_byte_at_a_time_is_no_answer() {
    // The head passes at full speed.
    let nginx = Nginx::serving(&["location / { limit_rate_after 500; limit_rate 1; root @folder; }"]);
    nginx.put("slow", &"x".repeat(1000));
    let end = ask(&nginx.url(0, "/slow"));
    let words = format!("200, but the answer of 127.0.0.1:{} was not complete within 300ms", nginx.port(0));
    holds(&end, "blocked", &[&words]);
    both_took_their_time(&end);
}

#[test]
fn a_head_a_byte_at_a_time_is_no_answer() {
    let nginx = Nginx::serving(&["location / { limit_rate 1; return 200; }"]);
    let end = ask(&nginx.url(0, "/"));
    holds(&end, "blocked", &[&format!("no answer from 127.0.0.1:{} within 300ms", nginx.port(0))]);
    both_took_their_time(&end);
    // nginx would count whole seconds; this one never stops.
    let address = listening(|mut stream| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nX-Slow: ".iter().chain(b"x".iter().cycle());
        while linger(&mut stream, Duration::from_millis(10))
            && bytes.next().is_some_and(|byte| stream.write_all(&[*byte]).is_ok())
        {}
    });
    let end = ask(&format!("http://{address}/"));
    holds(&end, "blocked", &[&format!("no answer from {address} within 300ms")]);
    both_took_their_time(&end);
}

#[test]
fn one_that_takes_the_connection_and_says_nothing_is_no_answer() {
    let address = listening(|mut stream| while linger(&mut stream, BOUND) {});
    for scheme in ["http", "https"] {
        let end = ask(&format!("{scheme}://{address}/"));
        holds(&end, "blocked", &[&format!("no answer from {address} within 300ms")]);
        both_took_their_time(&end);
    }
}

#[test]
fn one_that_is_frozen_says_nothing_and_then_takes_no_connection() {
    let nginx = Nginx::serving(&["# narrow\n location / { return 200; }"]);
    let (port, url) = (nginx.port(0), nginx.url(0, "/"));
    nginx.freeze();
    // Its kernel takes them for it, two of them.
    let end = ask(&url);
    holds(&end, "blocked", &[&format!("no answer from 127.0.0.1:{port} within 300ms")]);
    let end = ask(&url);
    let words = format!("no connection to 127.0.0.1:{port} within 300ms");
    holds(&end, "inconclusive", &[&words, "see whether a firewall lets this runner reach it"]);
    both_took_their_time(&end);
}

#[test]
fn redirects_share_the_time_of_one_answer() {
    let nginx = Nginx::serving(&["location / { limit_rate 1; return 302 /; }"]);
    let end = asking(&nginx.url(0, "/")).input("request-timeout", "300ms").input("redirects", "20");
    let end = end.start(&["health"]).end_within(BOUND);
    assert_eq!(end.code, 1, "{}", end.log);
}

#[test]
fn nobody_there_is_blocked_and_no_address_is_not_observed() {
    let end = ask("http://127.0.0.1:1/");
    holds(&end, "blocked", &["127.0.0.1:1 refused the connection"]);
    let end = ask("http://name.invalid/ready");
    holds(&end, "inconclusive", &["no address for name.invalid:80", "see whether the name is right"]);
    assert!(end.summary.contains("not observed"), "{}", end.summary);
}

#[test]
fn an_old_server_that_ends_its_answer_by_hanging_up_is_understood() {
    let address = listening(|mut stream| {
        if linger(&mut stream, BOUND) {
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"ready\": true}");
        }
    });
    let end = asking(&format!("http://{address}/")).input("condition", ".ready").run(&["health"]);
    holds(&end, "passed", &["200 after "]);
}
