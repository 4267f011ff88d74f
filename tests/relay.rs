//! A server in front of a fake GitHub and of git repositories: it sees every request of a step, to GitHub and to git alike, and
//! a test decides what becomes of each. The step and git are the real ones.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::git_backend::{self, RequestHead};

/// A request as the relay received it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelayedRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    /// Its number among those of the same method, path and git service, from 1.
    pub number: usize,
    /// Whether it is a request of git.
    pub is_git: bool,
    /// Whether it has credentials.
    pub is_authorized: bool,
}

impl RelayedRequest {
    /// Whether it changes nothing on the server.
    pub fn is_read(&self) -> bool {
        self.method == "GET" || self.path.ends_with("/git-upload-pack") || self.path.ends_with("/graphql")
    }

    /// Method, path and git service: the same in every run of a story.
    pub fn name(&self) -> String {
        let service = if self.is_git && !self.query.is_empty() { format!("?{}", self.query) } else { String::new() };
        format!("{} {}{service}", self.method, self.path)
    }
}

impl fmt::Display for RelayedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.name(), self.number)
    }
}

/// What becomes of a request.
pub enum Reaction {
    /// It is answered by the server behind.
    Pass,
    /// It is not passed on, and answered with this status line and these headers.
    Refuse(&'static str),
    /// It is not passed on, and the connection is closed.
    Cut,
    /// The server behind acts, and the connection is closed in the middle of its answer.
    CutHalfway,
    /// The server behind acts, and the connection is closed without an answer.
    Lose,
    /// It is not passed on, and never answered.
    Hang,
    /// It is not passed on now, and the connection is closed; the server behind gets it when the returned sender is called.
    Late(Box<dyn FnOnce(LateRequest) + Send>),
    /// The server behind acts, then this happens, and then its answer is passed on.
    PassAfter(Box<dyn FnOnce() + Send>),
}

/// A request that is passed on later.
pub struct LateRequest(Box<dyn FnOnce() + Send>);

impl LateRequest {
    /// Passes it on; returns when the server behind has acted.
    pub fn arrive(self) {
        (self.0)();
    }
}

type React = dyn Fn(&RelayedRequest) -> Reaction + Send + Sync;

/// The running relay; its threads end with the test process.
pub struct Relay {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// The fake GitHub: `127.0.0.1:port`.
    github: String,
    /// The folder with the repositories.
    repositories: PathBuf,
    react: Mutex<Arc<React>>,
    requests: Mutex<Vec<RelayedRequest>>,
}

fn lock<T>(state: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    /// Starts in front of GitHub's API at `github`, and of the bare repositories in `repositories`.
    pub fn start(github: &str, repositories: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            github: github.trim_start_matches("http://").to_owned(),
            repositories: repositories.to_owned(),
            react: Mutex::new(Arc::new(|_: &RelayedRequest| Reaction::Pass)),
            requests: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                // Errors of a connection are the client's to report.
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, shared }
    }

    /// `GITHUB_API_URL`; a repository is at `/NAME.git` below it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Decides from now on what becomes of each request. It may block: only this request waits then.
    pub fn react(&self, react: impl Fn(&RelayedRequest) -> Reaction + Send + Sync + 'static) {
        *lock(&self.shared.react) = Arc::new(react);
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.shared.requests).clear();
    }

    /// The requests since.
    pub fn requests(&self) -> Vec<RelayedRequest> {
        lock(&self.shared.requests).clone()
    }
}

fn serve(mut stream: TcpStream, shared: &Arc<Shared>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let head = RequestHead::read(&mut reader)?;
    let mut body = Vec::new();
    reader.take(head.length()).read_to_end(&mut body).ok()?;
    let request = {
        let mut requests = lock(&shared.requests);
        let mut request = RelayedRequest {
            method: head.method.clone(),
            path: head.path.clone(),
            query: head.query.clone(),
            number: 0,
            is_git: head.git_target().is_some(),
            is_authorized: head.headers.contains_key("authorization"),
        };
        request.number = 1 + requests.iter().filter(|earlier| earlier.name() == request.name()).count();
        requests.push(request.clone());
        request
    };
    let react = Arc::clone(&lock(&shared.react));
    match react(&request) {
        Reaction::Pass => stream.write_all(&pass_on(&head, &body, shared)?).ok(),
        Reaction::Refuse(answer) => {
            write!(stream, "HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").ok()
        }
        Reaction::Cut => None,
        Reaction::Lose => pass_on(&head, &body, shared).map(drop),
        Reaction::CutHalfway => {
            let answer = pass_on(&head, &body, shared)?;
            stream.write_all(&answer[..answer.len() * 2 / 3]).ok()
        }
        Reaction::Hang => {
            // Until the client closes the connection.
            let _ = stream.read(&mut [0; 1]);
            None
        }
        Reaction::Late(take) => {
            let shared = Arc::clone(shared);
            take(LateRequest(Box::new(move || drop(pass_on(&head, &body, &shared)))));
            None
        }
        Reaction::PassAfter(happens) => {
            let answer = pass_on(&head, &body, shared)?;
            happens();
            stream.write_all(&answer).ok()
        }
    }
}

/// The answer of the server behind.
fn pass_on(head: &RequestHead, body: &[u8], shared: &Shared) -> Option<Vec<u8>> {
    if head.git_target().is_some() {
        return git_backend::respond(head, &head.path, body, &shared.repositories);
    }
    let mut github = TcpStream::connect(&shared.github).ok()?;
    let query = if head.query.is_empty() { String::new() } else { format!("?{}", head.query) };
    let mut text = format!("{} {}{query} HTTP/1.1\r\nConnection: close\r\n", head.method, head.path);
    let headers: BTreeMap<_, _> = head.headers.iter().filter(|(name, _)| *name != "connection").collect();
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    github.write_all(&[text.as_bytes(), b"\r\n", body].concat()).ok()?;
    let mut answer = Vec::new();
    github.read_to_end(&mut answer).ok()?;
    Some(answer)
}
