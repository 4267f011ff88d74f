//! The service under test. A timer makes its latencies, so a busy processor changes them little.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};

/// Of 100 responses in a row, 97 take 25 to 50 ms, and 3 take 100 ms: the p99 of any 100 is 100 ms. A busy machine adds to it.
pub const P99: f64 = 100.0;

pub struct Service {
    server: LoopbackServer,
    requests: Arc<AtomicU64>,
}

impl Service {
    /// A service whose latencies are so many times as long.
    pub fn slower(factor: f64) -> Self {
        Self::start(factor, u64::MAX)
    }

    /// A service that responds to every n-th request with status 500.
    pub fn failing(every: u64) -> Self {
        Self::start(1.0, every)
    }

    fn start(factor: f64, failing: u64) -> Self {
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        let server = LoopbackServer::start(move |_| {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            let status = if number % failing == failing - 1 { 500 } else { 200 };
            FakeResponse::text(status, "text/plain", "hello").delayed(latency(number).mul_f64(factor))
        });
        Self { server: server.expect("a server"), requests }
    }

    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// How many requests it received.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// 37 has no factor in common with 100: each hundred in a row has every one of them, spread out.
fn latency(number: u64) -> Duration {
    match number * 37 % 100 {
        97.. => Duration::from_millis(100),
        step => Duration::from_micros(25_000 + 250 * step),
    }
}

/// A URL that refuses connections.
pub fn refusing() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", socket.local_addr().expect("an address"))
}
