//! The service: its own process, so that no generator shares its thread.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use promote_gates::{
    clock::Stopwatch,
    sandbox::server::{FakeResponse, LoopbackServer},
};

const PERIOD: Duration = Duration::from_secs(10);
const STALL: Duration = Duration::from_millis(500);

/// How it answers.
#[derive(Clone, Copy)]
pub enum Kind {
    /// After so long.
    Milliseconds(u64),
    /// At once, but not at all for half a second every 10 seconds.
    Stalls,
}

pub struct Service {
    process: Child,
    url: String,
}

impl Service {
    pub fn start(kind: Kind) -> Self {
        let kind = match kind {
            Kind::Milliseconds(milliseconds) => milliseconds.to_string(),
            Kind::Stalls => "stalls".to_owned(),
        };
        let mut process = Command::new(env::current_exe().expect("the path of this program"))
            .args(["serve", &kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the service");
        let mut url = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut url).expect("its URL");
        Self { process, url: url.trim().to_owned() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the one who started it has ended.
pub fn serve(kind: &str) -> ! {
    let milliseconds = kind.parse().ok().map(Duration::from_millis);
    let began = Stopwatch::start();
    let server = LoopbackServer::start(move |_| {
        let delay = milliseconds.unwrap_or_else(|| {
            let now = Duration::from_nanos(u64::try_from(began.elapsed().as_nanos() % PERIOD.as_nanos()).unwrap_or(0));
            STALL.saturating_sub(now)
        });
        let response = FakeResponse::text(200, "text/plain", "hello");
        if delay.is_zero() { response } else { response.delayed(delay) }
    })
    .expect("a server");
    println!("{}", server.url());
    let _ = std::io::stdin().lines().count();
    #[expect(clippy::disallowed_methods, reason = "this process only serves")]
    std::process::exit(0)
}
