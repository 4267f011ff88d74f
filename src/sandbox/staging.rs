//! A fake staging environment: services behind one address, whose health and latency the test sets.
//!
//! | route | response |
//! |---|---|
//! | `GET /<service>/health/ready` | `{"status", "service", "version"}`: 200 when ready, else 503 |
//! | `GET /<service>/api/<anything>` | `{"service", "version", "path"}` after the configured latency; 503 when not ready |
//! | `GET /login` | a sign-in page as an authenticating proxy serves it: HTML with status 200 |
//!
//! A [`ResponseScript`] for a path overrides these routes.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::Method;
use serde_json::json;

use super::{
    lock::lock,
    server::{FakeResponse, LoopbackServer, ReceivedRequest},
};

/// The responses to successive requests for one path.
#[derive(Clone, Debug)]
pub struct ResponseScript {
    responses: VecDeque<FakeResponse>,
    repeat: bool,
}

impl ResponseScript {
    /// The same response every time.
    #[must_use]
    pub fn always(response: FakeResponse) -> Self {
        Self::sequence([response])
    }

    /// Each response once; the last one repeats.
    #[must_use]
    pub fn sequence(responses: impl IntoIterator<Item = FakeResponse>) -> Self {
        Self { responses: responses.into_iter().collect(), repeat: false }
    }

    /// All responses in order, again and again.
    #[must_use]
    pub fn cycle(responses: impl IntoIterator<Item = FakeResponse>) -> Self {
        Self { responses: responses.into_iter().collect(), repeat: true }
    }

    fn next(&mut self) -> Option<FakeResponse> {
        if self.responses.len() == 1 && !self.repeat {
            return self.responses.front().cloned();
        }
        let response = self.responses.pop_front()?;
        if self.repeat {
            self.responses.push_back(response.clone());
        }
        Some(response)
    }
}

/// The deployed version of a service.
#[derive(Clone, Debug)]
struct DeployedService {
    version: String,
    ready: bool,
    max_latency: Duration,
    requests: u32,
}

#[derive(Default)]
struct StagingState {
    services: BTreeMap<String, DeployedService>,
    scripts: BTreeMap<String, ResponseScript>,
    requests: Vec<String>,
}

/// A running staging environment; stops when dropped.
pub struct Staging {
    server: LoopbackServer,
    state: Arc<Mutex<StagingState>>,
}

impl Staging {
    /// Starts with no service deployed.
    ///
    /// # Errors
    /// When the system has no free port, or cannot start a thread.
    pub fn start() -> io::Result<Self> {
        let state = Arc::<Mutex<StagingState>>::default();
        let shared = Arc::clone(&state);
        let server = LoopbackServer::start(move |request| lock(&shared).respond(request))?;
        Ok(Self { server, state })
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Deploys a version of a service: ready, and without latency until [`Staging::set_max_latency`] sets one.
    pub fn deploy(&self, service: &str, version: &str) {
        let deployed =
            DeployedService { version: version.to_owned(), ready: true, max_latency: Duration::ZERO, requests: 0 };
        lock(&self.state).services.insert(service.to_owned(), deployed);
    }

    /// Sets whether a deployed service is ready.
    pub fn set_ready(&self, service: &str, ready: bool) {
        if let Some(deployed) = lock(&self.state).services.get_mut(service) {
            deployed.ready = ready;
        }
    }

    /// Sets the latency of a deployed service to between half of `max_latency` and `max_latency`, evenly distributed and
    /// deterministic: the p99 of a few hundred requests is just under `max_latency`, plus the machine's own latency.
    pub fn set_max_latency(&self, service: &str, max_latency: Duration) {
        if let Some(deployed) = lock(&self.state).services.get_mut(service) {
            deployed.max_latency = max_latency;
            deployed.requests = 0;
        }
    }

    /// Overrides the responses for a path such as `/checkout-service/health/ready`, whatever is deployed.
    pub fn script(&self, path: &str, script: ResponseScript) {
        lock(&self.state).scripts.insert(path.to_owned(), script);
    }

    /// Every request so far, as `GET /path`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

impl StagingState {
    fn respond(&mut self, request: &ReceivedRequest) -> FakeResponse {
        self.requests.push(format!("{} {}", request.method, request.path));
        if let Some(response) = self.scripts.get_mut(&request.path).and_then(ResponseScript::next) {
            return response;
        }
        if request.method != Method::GET {
            return FakeResponse::json(405, &json!({ "error": "only GET here" })).header("allow", "GET");
        }
        let parts: Vec<_> = request.path.split('/').skip(1).collect();
        match parts[..] {
            ["login"] => FakeResponse::text(200, "text/html", "<!doctype html><title>Sign in</title><form></form>"),
            [service, "health", "ready"] => self.respond_for(service, DeployedService::health),
            [service, "api", ..] => {
                self.respond_for(service, |deployed, service| deployed.api_response(service, &request.path))
            }
            _ => FakeResponse::json(404, &json!({ "error": "no such path" })),
        }
    }

    fn respond_for(
        &mut self,
        service: &str,
        respond: impl FnOnce(&mut DeployedService, &str) -> FakeResponse,
    ) -> FakeResponse {
        match self.services.get_mut(service) {
            Some(deployed) => respond(deployed, service),
            None => {
                FakeResponse::json(404, &json!({ "error": "nothing deployed under this name", "service": service }))
            }
        }
    }
}

impl DeployedService {
    fn health(&mut self, service: &str) -> FakeResponse {
        let (status, word) = if self.ready { (200, "ready") } else { (503, "starting") };
        FakeResponse::json(status, &json!({ "status": word, "service": service, "version": self.version }))
    }

    fn api_response(&mut self, service: &str, path: &str) -> FakeResponse {
        if !self.ready {
            return self.health(service);
        }
        // The fractional parts of multiples of the golden ratio are evenly distributed between 0 and 1.
        let spread = (f64::from(self.requests) * 0.618_033_988_749_895).fract();
        self.requests = self.requests.wrapping_add(1);
        let body = json!({ "service": service, "version": self.version, "path": path });
        FakeResponse::json(200, &body).delayed(self.max_latency.mul_f64(0.5 + spread / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Status and body, without following redirects.
    fn get(url: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .proxy(None)
            .build()
            .into();
        let mut response = agent.get(url).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    fn json_at(url: &str) -> (u16, Value) {
        let (status, body) = get(url);
        (status, serde_json::from_str(&body).unwrap())
    }

    #[test]
    fn a_service_has_the_configured_health() {
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
        assert_eq!(staging.requests(), [ready, ready, ready, "GET /checkout-service/api/cart"]);
    }

    #[test]
    fn a_script_overrides_the_service() {
        let staging = Staging::start().unwrap();
        staging.deploy("frontend", "7");
        let ask = |path: &str| get(&format!("{}{path}", staging.url())).0;
        let [up, down] = [200, 503].map(FakeResponse::status);
        staging.script("/frontend/health/ready", ResponseScript::sequence([down.clone(), down.clone(), up.clone()]));
        assert_eq!([(); 5].map(|()| ask("/frontend/health/ready")), [503, 503, 200, 200, 200]);
        staging.script("/frontend/health/ready", ResponseScript::cycle([up, down]));
        assert_eq!([(); 5].map(|()| ask("/frontend/health/ready")), [200, 503, 200, 503, 200]);
        staging.script("/frontend/health/ready", ResponseScript::always(FakeResponse::redirect("/login")));
        assert_eq!(ask("/frontend/health/ready"), 302);
        assert_eq!(ask("/login"), 200, "a client that follows redirects gets 200");
        assert_eq!(ask("/frontend/api/cart"), 200, "other paths are unchanged");
    }

    #[test]
    fn latency_is_distributed_between_half_and_all_of_the_maximum() {
        let mut deployed = DeployedService {
            version: String::new(),
            ready: true,
            max_latency: Duration::from_millis(100),
            requests: 0,
        };
        let mut delays: Vec<_> =
            (0..200).map(|_| deployed.api_response("a", "/a/api/b").delay().as_secs_f64() * 1e3).collect();
        delays.sort_by(f64::total_cmp);
        assert!(delays[0] >= 50.0 && delays[199] <= 100.0, "{} to {}", delays[0], delays[199]);
        assert!((74.0..76.0).contains(&delays[99]), "median {}", delays[99]);
        assert!((98.0..100.0).contains(&delays[197]), "p99 {}", delays[197]);
    }
}
