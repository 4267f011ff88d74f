//! The staging environment: a few services behind one address, as healthy and as quick as they are told to be, and the
//! metrics server that knows their baselines.
//!
//! | route | answers |
//! |---|---|
//! | `GET /<service>/health/ready` | `{"status", "service", "version"}`: 200 when ready, else 503 |
//! | `GET /<service>/api/<anything>` | `{"service", "version", "path"}` after its latency; 503 when not ready |
//! | `GET /metrics/baseline/<service>` | `{"p99_latency": <milliseconds>}` |
//! | `GET /login` | the sign-in page that proxies send strangers to: HTML, and 200 |
//!
//! A [`Script`] for a path comes before all of these.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::Method;
use serde_json::json;

use super::{
    lock,
    server::{Answer, Request, Server},
};

/// Answers in order, for one path.
#[derive(Clone, Debug)]
pub struct Script {
    answers: VecDeque<Answer>,
    again: bool,
}

impl Script {
    /// The same answer every time.
    #[must_use]
    pub fn always(answer: Answer) -> Self {
        Self::in_turn([answer])
    }

    /// One after the other; the last one stays.
    #[must_use]
    pub fn in_turn(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: answers.into_iter().collect(), again: false }
    }

    /// One after the other, and from the start again.
    #[must_use]
    pub fn in_circles(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: answers.into_iter().collect(), again: true }
    }

    fn next(&mut self) -> Option<Answer> {
        if self.answers.len() == 1 && !self.again {
            return self.answers.front().cloned();
        }
        let answer = self.answers.pop_front()?;
        if self.again {
            self.answers.push_back(answer.clone());
        }
        Some(answer)
    }
}

/// What runs under a service's name.
#[derive(Clone, Debug)]
struct Deployed {
    version: String,
    ready: bool,
    slowest: Duration,
    requests: u32,
}

#[derive(Default)]
struct State {
    services: BTreeMap<String, Deployed>,
    /// Milliseconds, by service.
    baselines: BTreeMap<String, f64>,
    scripts: BTreeMap<String, Script>,
    asked: Vec<String>,
}

/// The running server; gone when dropped.
pub struct Staging {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Staging {
    /// Starts with no service deployed.
    ///
    /// # Errors
    /// When no port or thread is to be had.
    pub fn start() -> io::Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| lock(&shared).answer(request))?;
        Ok(Self { server, state })
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Puts a version of a service in place: ready, and answering at once until [`Staging::slow_down`] says otherwise.
    pub fn deploy(&self, service: &str, version: &str) {
        let deployed = Deployed { version: version.to_owned(), ready: true, slowest: Duration::ZERO, requests: 0 };
        lock(&self.state).services.insert(service.to_owned(), deployed);
    }

    /// Makes a deployed service ready, or not.
    pub fn set_ready(&self, service: &str, ready: bool) {
        if let Some(deployed) = lock(&self.state).services.get_mut(service) {
            deployed.ready = ready;
        }
    }

    /// From now on the requests to a deployed service take between half of `slowest` and `slowest`, evenly spread and
    /// the same in every run: the p99 of a few hundred is just under `slowest`, plus what the machine adds.
    pub fn slow_down(&self, service: &str, slowest: Duration) {
        if let Some(deployed) = lock(&self.state).services.get_mut(service) {
            deployed.slowest = slowest;
            deployed.requests = 0;
        }
    }

    /// What the metrics server says a service's p99 was, in milliseconds.
    pub fn set_baseline(&self, service: &str, p99: f64) {
        lock(&self.state).baselines.insert(service.to_owned(), p99);
    }

    /// Answers a path, such as `/checkout-service/health/ready`, as scripted, whatever is deployed.
    pub fn script(&self, path: &str, script: Script) {
        lock(&self.state).scripts.insert(path.to_owned(), script);
    }

    /// Every request so far, as `GET /path`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state).asked.clone()
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        self.asked.push(format!("{} {}", request.method, request.path));
        if let Some(answer) = self.scripts.get_mut(&request.path).and_then(Script::next) {
            return answer;
        }
        if request.method != Method::GET {
            return Answer::json(405, &json!({ "error": "only GET here" })).header("allow", "GET");
        }
        let parts: Vec<_> = request.path.split('/').skip(1).collect();
        match parts[..] {
            ["login"] => Answer::text(200, "text/html", "<!doctype html><title>Sign in</title><form></form>"),
            ["metrics", "baseline", service] => match self.baselines.get(service) {
                Some(p99) => Answer::json(200, &json!({ "p99_latency": p99 })),
                None => Answer::json(404, &json!({ "error": "no baseline", "service": service })),
            },
            [service, "health", "ready"] => self.with(service, Deployed::health),
            [service, "api", ..] => self.with(service, |deployed, service| deployed.work(service, &request.path)),
            _ => Answer::json(404, &json!({ "error": "no such path" })),
        }
    }

    fn with(&mut self, service: &str, answer: impl FnOnce(&mut Deployed, &str) -> Answer) -> Answer {
        match self.services.get_mut(service) {
            Some(deployed) => answer(deployed, service),
            None => Answer::json(404, &json!({ "error": "nothing deployed under this name", "service": service })),
        }
    }
}

impl Deployed {
    fn health(&mut self, service: &str) -> Answer {
        let (status, word) = if self.ready { (200, "ready") } else { (503, "starting") };
        Answer::json(status, &json!({ "status": word, "service": service, "version": self.version }))
    }

    fn work(&mut self, service: &str, path: &str) -> Answer {
        if !self.ready {
            return self.health(service);
        }
        // Multiples of the golden ratio, without their whole part, fill the unit interval as evenly as can be.
        let spread = (f64::from(self.requests) * 0.618_033_988_749_895).fract();
        self.requests = self.requests.wrapping_add(1);
        let body = json!({ "service": service, "version": self.version, "path": path });
        Answer::json(200, &body).after(self.slowest.mul_f64(0.5 + spread / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Status and body; redirects are not followed.
    fn get(url: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .proxy(None)
            .build()
            .into();
        let mut answer = agent.get(url).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn json_at(url: &str) -> (u16, Value) {
        let (status, body) = get(url);
        (status, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn a_service_is_as_healthy_as_it_was_told_to_be() {
        let staging = Staging::start().unwrap();
        let url = format!("{}/checkout-service/health/ready", staging.url());
        assert_eq!(get(&url).0, 404, "nothing deployed yet");
        staging.deploy("checkout-service", "1.4.2");
        let body = json!({ "status": "ready", "service": "checkout-service", "version": "1.4.2" });
        assert_eq!(json_at(&url), (200, body));
        staging.set_ready("checkout-service", false);
        let (status, body) = json_at(&url);
        assert_eq!((status, &body["status"]), (503, &json!("starting")));
        assert_eq!(get(&format!("{}/checkout-service/api/cart", staging.url())).0, 503);
        let ready = "GET /checkout-service/health/ready";
        assert_eq!(staging.asked(), [ready, ready, ready, "GET /checkout-service/api/cart"]);
    }

    #[test]
    fn a_script_answers_before_the_service_does() {
        let staging = Staging::start().unwrap();
        staging.deploy("frontend", "7");
        let ask = |path: &str| get(&format!("{}{path}", staging.url())).0;
        let [up, down] = [200, 503].map(Answer::status);
        staging.script("/frontend/health/ready", Script::in_turn([down.clone(), down.clone(), up.clone()]));
        assert_eq!([(); 5].map(|()| ask("/frontend/health/ready")), [503, 503, 200, 200, 200]);
        staging.script("/frontend/health/ready", Script::in_circles([up, down]));
        assert_eq!([(); 5].map(|()| ask("/frontend/health/ready")), [200, 503, 200, 503, 200]);
        staging.script("/frontend/health/ready", Script::always(Answer::redirect("/login")));
        assert_eq!(ask("/frontend/health/ready"), 302);
        assert_eq!(ask("/login"), 200, "the trap for whoever follows");
        assert_eq!(ask("/frontend/api/cart"), 200, "other paths are as they were");
    }

    #[test]
    fn the_baseline_is_what_was_set() {
        let staging = Staging::start().unwrap();
        let url = format!("{}/metrics/baseline/frontend", staging.url());
        assert_eq!(get(&url).0, 404);
        staging.set_baseline("frontend", 100.0);
        assert_eq!(json_at(&url), (200, json!({ "p99_latency": 100.0 })));
    }

    #[test]
    fn latency_is_spread_between_half_and_whole() {
        let mut deployed =
            Deployed { version: String::new(), ready: true, slowest: Duration::from_millis(100), requests: 0 };
        let mut delays: Vec<_> = (0..200).map(|_| deployed.work("a", "/a/api/b").delay().as_secs_f64() * 1e3).collect();
        delays.sort_by(f64::total_cmp);
        assert!(delays[0] >= 50.0 && delays[199] <= 100.0, "{} to {}", delays[0], delays[199]);
        assert!((74.0..76.0).contains(&delays[99]), "median {}", delays[99]);
        assert!((98.0..100.0).contains(&delays[197]), "p99 {}", delays[197]);
    }
}
