//! A GitHub that knows its API's rules and nothing else. Whatever the real one's description does not allow (an unknown
//! route, field or query, a payload over a limit) is refused as GitHub would, and kept as a violation: a test or demo
//! that caused one by accident has failed. `tests/e2e/openapi.rs` holds every route against GitHub's own description.
//!
//! A route is a line in [`routes::ROUTES`] and a function in the file named after what it is about. The same file has
//! what a script says about it: `runs` knows [`FakeGitHub::set_run`].

mod accounts;
mod approvals;
mod branches;
mod call;
mod checks;
mod commits;
mod dispatches;
mod environments;
mod issues;
mod jobs;
mod pages;
mod policies;
mod repositories;
mod routes;
mod runs;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use accounts::Accounts;
pub use commits::Commit;
pub use dispatches::Dispatch;
pub use issues::Issue;
use jiff::Timestamp;
pub use jobs::Job;
use repositories::Repository;
pub use routes::{Route, routes};
pub use runs::Run;
use serde_json::Value;

use super::{
    lock,
    server::{Answer, Request, Server},
};
use crate::clock::{Clock as _, SystemClock};

/// The running server; gone when dropped.
pub struct FakeGitHub {
    server: Server,
    below: String,
    shared: Arc<Shared>,
}

/// A request as it is remembered. Its token is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub method: String,
    /// Without the prefix of an Enterprise server; `outside the API` when that was missing.
    pub path: String,
    /// What stood behind the `?`, as it was sent.
    pub query: String,
    /// `null` when there was none, or none that is JSON.
    pub body: Value,
    /// `None` when no answer was sent.
    pub answered: Option<u16>,
}

/// How one request goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer, and nothing is done.
    Instead(Answer),
    /// The request is done as it should be; this is all the caller hears of it.
    Afterwards(Answer),
}

/// A fault that waits for its requests.
struct FaultInjection {
    /// Part of `METHOD /path`; empty for any.
    at: String,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Rung after every request.
    wake: Condvar,
}

#[derive(Default)]
struct State {
    world: World,
    /// Token, then lower-case `owner/name`, then what is granted: `contents=write`.
    tokens: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    injections: Vec<FaultInjection>,
    asked: Vec<Asked>,
    violations: Vec<String>,
}

/// What the routes look at and change.
#[derive(Default)]
struct World {
    /// By lower-case `owner/name`: GitHub's names have no case.
    repositories: BTreeMap<String, Repository>,
    accounts: Accounts,
}

/// A request that the API's description does not allow: the answer, and a violation.
#[derive(Debug)]
struct Breach {
    status: u16,
    message: String,
}

impl FakeGitHub {
    /// Starts without a repository or token. The API is at the root, as on `api.github.com`.
    ///
    /// # Errors
    /// When no port or thread is to be had.
    pub fn start() -> io::Result<Self> {
        Self::start_below("")
    }

    /// Starts with the API below a path: `/api/v3`, as on an Enterprise server.
    ///
    /// # Errors
    /// When no port or thread is to be had.
    pub fn start_below(path: &str) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let (theirs, below) = (Arc::clone(&shared), path.to_owned());
        let server = Server::start(move |request| {
            let answer = lock(&theirs.state).answer(request, &below);
            theirs.wake.notify_all();
            answer
        })?;
        Ok(Self { server, below: path.to_owned(), shared })
    }

    /// What `GITHUB_API_URL` would be.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}{}", self.server.url(), self.below)
    }

    /// Lets a token see a repository, and more: `contents=write`, as in GitHub's `x-accepted-github-permissions`. To
    /// write is to read as well; what is of an organisation (`members=read`) counts for the repository's owner.
    pub fn grant(&self, token: &str, repository: &str, permissions: &[&str]) {
        let mut state = self.state();
        let granted = state.tokens.entry(token.to_owned()).or_default().entry(repository.to_lowercase()).or_default();
        granted.extend(permissions.iter().map(|&permission| permission.to_owned()));
    }

    /// The next request without a fault of its own goes wrong like this.
    pub fn fail_next(&self, fault: Fault) {
        self.fail_at("", 1, fault);
    }

    /// So many requests whose `METHOD /path` holds `at` go wrong like this; `usize::MAX` for all to come.
    pub fn fail_at(&self, at: &str, times: usize, fault: Fault) {
        self.state().injections.push(FaultInjection { at: at.to_owned(), times, fault });
    }

    /// Every request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Waits until `times` requests whose `METHOD /path` holds `at` were answered; `false` when the limit came first.
    /// For what should happen while a command is at it.
    #[must_use]
    pub fn wait_asked(&self, at: &str, times: usize, limit: Duration) -> bool {
        let few = |state: &mut State| state.asked.iter().filter(|asked| asked.holds(at)).count() < times;
        let waited = self.shared.wake.wait_timeout_while(self.state(), limit, few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Every request so far that the API's description does not allow, and why.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Changes a repository; makes it when it is not there.
    fn in_repository<T>(&self, repository: &str, change: impl FnOnce(&mut Repository, &mut Accounts) -> T) -> T {
        let World { repositories, accounts } = &mut self.state().world;
        let known = repositories.entry(repository.to_lowercase()).or_insert_with(|| {
            let made = Repository::new(repository);
            accounts.organisation(made.owner());
            made
        });
        change(known, accounts)
    }

    /// What a script asks for and GitHub would not take is a violation too.
    fn keep(&self, what: &str, done: Result<(), Breach>) {
        if let Err(Breach { status, message }) = done {
            self.state().violations.push(format!("{what}: {status} {}", message.replace('\n', " ")));
        }
    }
}

impl State {
    fn answer(&mut self, request: &Request, below: &str) -> Answer {
        let path = request.path.strip_prefix(below).unwrap_or("outside the API");
        let mut asked = Asked {
            method: request.method.to_string(),
            path: path.to_owned(),
            query: request.query.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
            answered: None,
        };
        let answer = match self.fault(&asked) {
            Some(Fault::Instead(answer)) => answer,
            Some(Fault::Afterwards(answer)) => {
                self.do_it(request, below, path);
                answer
            }
            None => self.do_it(request, below, path),
        };
        asked.answered = answer.sends();
        self.asked.push(asked);
        answer
    }

    fn fault(&mut self, asked: &Asked) -> Option<Fault> {
        let injection =
            self.injections.iter_mut().find(|injection| injection.times > 0 && asked.holds(&injection.at))?;
        injection.times -= 1;
        Some(injection.fault.clone())
    }

    fn do_it(&mut self, request: &Request, below: &str, path: &str) -> Answer {
        routes::answer(self, request, below, path).unwrap_or_else(|Breach { status, message }| {
            self.violations.push(format!("{} {path}: {status} {}", request.method, message.replace('\n', " ")));
            error(status, &message)
        })
    }
}

impl Asked {
    fn holds(&self, at: &str) -> bool {
        format!("{} {}", self.method, self.path).contains(at)
    }
}

impl Breach {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// How GitHub begins to say what is wrong with a body.
    fn invalid(message: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\n{message}"))
    }
}

/// An error in GitHub's form.
fn error(status: u16, message: &str) -> Answer {
    let mut body = serde_json::json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
    // The form that a body which does not fit is answered with has no such field.
    if status != 422 {
        body["status"] = status.to_string().into();
    }
    Answer::json(status, &body)
}

fn not_found() -> Answer {
    error(404, "Not Found")
}

/// The number that GitHub would know something by: always the same for the same name, whose case does not count.
fn id(kind: &str, name: &str) -> u64 {
    // FNV-1a, cut to what every reader of JSON takes for a whole number.
    let name = format!("{kind} {}", name.to_lowercase());
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash >> 20
}

fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{id:x}")
}

fn now() -> Timestamp {
    SystemClock::new().wall()
}

/// A name as a segment of an address.
fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// As GitHub writes a time: in UTC, with whole seconds.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
