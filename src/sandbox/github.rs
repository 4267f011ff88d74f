//! A GitHub that knows its API's rules and nothing else. Whatever the real one's description does not allow (an unknown
//! route, field or query, a payload over a limit) is refused as GitHub would, and kept as a violation: a test or demo
//! that caused one by accident has failed.
//!
//! A route is a line in [`routes::ROUTES`] and a function in the file named after what it is about.

mod call;
mod dispatches;
mod routes;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
};

pub use dispatches::Dispatch;
use serde_json::Value;

use super::{
    lock,
    server::{Answer, Request, Server},
};

/// The running server; gone when dropped.
pub struct Hub {
    server: Server,
    below: String,
    state: Arc<Mutex<State>>,
}

/// A request as it is remembered. Its token is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub method: String,
    /// Without the prefix of an Enterprise server; `outside the API` when that was missing.
    pub path: String,
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

#[derive(Default)]
struct State {
    /// By lower-case `owner/name`: GitHub's names have no case.
    repositories: BTreeMap<String, Repository>,
    /// Token, then lower-case `owner/name`, then what is granted: `contents=write`.
    tokens: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    faults: VecDeque<Fault>,
    asked: Vec<Asked>,
    violations: Vec<String>,
}

/// What is kept of one repository.
#[derive(Default)]
struct Repository {
    dispatches: Vec<Dispatch>,
}

/// A request that the API's description does not allow: the answer, and a violation.
struct Breach {
    status: u16,
    message: String,
}

impl Hub {
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
        let state = Arc::<Mutex<State>>::default();
        let (shared, below) = (Arc::clone(&state), path.to_owned());
        let server = Server::start(move |request| lock(&shared).answer(request, &below))?;
        Ok(Self { server, below: path.to_owned(), state })
    }

    /// What `GITHUB_API_URL` would be.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}{}", self.server.url(), self.below)
    }

    /// Creates a repository, `owner/name`.
    pub fn create(&self, repository: &str) {
        lock(&self.state).repositories.entry(repository.to_lowercase()).or_default();
    }

    /// Lets a token see a repository, and more: `contents=write`, as in GitHub's `x-accepted-github-permissions`.
    pub fn grant(&self, token: &str, repository: &str, permissions: &[&str]) {
        let mut state = lock(&self.state);
        let granted = state.tokens.entry(token.to_owned()).or_default().entry(repository.to_lowercase()).or_default();
        granted.extend(permissions.iter().map(|&permission| permission.to_owned()));
    }

    /// The next request without a fault of its own goes wrong like this.
    pub fn fail_next(&self, fault: Fault) {
        lock(&self.state).faults.push_back(fault);
    }

    /// The dispatch events of a repository, oldest first.
    #[must_use]
    pub fn dispatches(&self, repository: &str) -> Vec<Dispatch> {
        let state = lock(&self.state);
        state.repositories.get(&repository.to_lowercase()).map(|there| there.dispatches.clone()).unwrap_or_default()
    }

    /// Every request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state).asked.clone()
    }

    /// Every request so far that the API's description does not allow, and why.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        lock(&self.state).violations.clone()
    }
}

impl State {
    fn answer(&mut self, request: &Request, below: &str) -> Answer {
        let path = request.path.strip_prefix(below).unwrap_or("outside the API");
        let answer = match self.faults.pop_front() {
            Some(Fault::Instead(answer)) => answer,
            Some(Fault::Afterwards(answer)) => {
                self.do_it(request, path);
                answer
            }
            None => self.do_it(request, path),
        };
        self.asked.push(Asked {
            method: request.method.to_string(),
            path: path.to_owned(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
            answered: answer.sends(),
        });
        answer
    }

    fn do_it(&mut self, request: &Request, path: &str) -> Answer {
        routes::answer(self, request, path).unwrap_or_else(|Breach { status, message }| {
            self.violations.push(format!("{} {path}: {status} {}", request.method, message.replace('\n', " ")));
            error(status, &message)
        })
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
    let documentation = "https://docs.github.com/rest";
    let body =
        serde_json::json!({ "message": message, "documentation_url": documentation, "status": status.to_string() });
    Answer::json(status, &body)
}

#[cfg(test)]
mod tests;
