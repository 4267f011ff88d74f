//! A service on loopback whose requests cost processor time, and an open-loop load test of it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use promote_gates::clock::Stopwatch;

use crate::random::Random;

/// Connections of the load test. Each has at most one request in flight.
const CONNECTIONS: u32 = 16;
/// Requests per second.
pub const RATE: u32 = 200;
/// The spread of the logarithms of the work.
const SIGMA: f64 = 0.5;

/// Work of a given length, by counting. The length is that of a processor without other work: a busy one takes longer.
#[derive(Clone, Copy)]
struct Work {
    rounds_a_millisecond: f64,
}

impl Work {
    fn calibrate() -> Self {
        const ROUNDS: u64 = 2_000_000;
        let fastest = (0..20)
            .map(|_| {
                let began = Stopwatch::start();
                spin(ROUNDS);
                began.elapsed().as_secs_f64() * 1e3
            })
            .fold(f64::INFINITY, f64::min);
        Self { rounds_a_millisecond: 2e6 / fastest }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rounds")]
    fn spend(self, milliseconds: f64) {
        spin((milliseconds * self.rounds_a_millisecond) as u64);
    }
}

fn spin(rounds: u64) {
    let mut state = 1_u64;
    for _ in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state);
}

/// Starts a service; each request costs `milliseconds` at the median. It ends with the program.
pub fn start(milliseconds: f64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let work = Work::calibrate();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection, work, milliseconds));
        }
    });
    address
}

/// A request is a factor for the work; the response is one byte.
fn serve(mut connection: TcpStream, work: Work, milliseconds: f64) {
    let mut factor = [0; 8];
    let _ = connection.set_nodelay(true);
    while connection.read_exact(&mut factor).is_ok() {
        work.spend(milliseconds * f64::from_le_bytes(factor));
        if connection.write_all(b".").is_err() {
            return;
        }
    }
}

/// Sends requests at a fixed rate, and returns their latencies in milliseconds, each from the time at which it was due.
pub fn load(address: SocketAddr, duration: Duration, seed: u64) -> Vec<f64> {
    let requests = u32::try_from(duration.as_millis()).expect("a short time") * RATE / 1000;
    let began = Stopwatch::start();
    let user = |connection: u32| {
        let mut random = Random::new(seed.wrapping_mul(97).wrapping_add(u64::from(connection)));
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        // Nothing is ever sent: its limit is the timer.
        let (_sender, timer): (Sender<()>, Receiver<()>) = channel();
        let mut latencies = Vec::new();
        for request in (connection..requests).step_by(CONNECTIONS as usize) {
            let due = Duration::from_secs(1) * request / RATE;
            if let Some(rest) = due.checked_sub(began.elapsed()) {
                assert_eq!(timer.recv_timeout(rest), Err(RecvTimeoutError::Timeout));
            }
            let factor = (SIGMA * random.normal()).exp();
            stream.write_all(&factor.to_le_bytes()).expect("send a request");
            stream.read_exact(&mut [0]).expect("a response");
            latencies.push((began.elapsed().saturating_sub(due)).as_secs_f64() * 1e3);
        }
        latencies
    };
    thread::scope(|scope| {
        let users: Vec<_> = (0..CONNECTIONS).map(|connection| scope.spawn(move || user(connection))).collect();
        users.into_iter().flat_map(|user| user.join().expect("a user")).collect()
    })
}

/// X(ceil(.99 n)).
pub fn p99(mut latencies: Vec<f64>) -> f64 {
    latencies.sort_unstable_by(f64::total_cmp);
    latencies[(latencies.len() * 99).div_ceil(100) - 1]
}
