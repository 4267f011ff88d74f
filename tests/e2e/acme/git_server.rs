//! Git over HTTP as GitHub serves it: `git http-backend` with tokens. A repository that the token cannot access is 404; a
//! request without a token is 401.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::git_backend::{self, RequestHead};

/// The largest request body, in bytes; no push of a test is larger.
const MAX_BODY: u64 = 64 << 20;

/// The access of a token to one repository.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitAccess {
    Read,
    Write,
}

/// The server; its thread ends with the test process.
pub struct GitServer {
    url: String,
    state: Arc<Mutex<GitServerState>>,
}

#[derive(Default)]
struct GitServerState {
    /// By the basic credentials of the token, and the repository.
    access: BTreeMap<(String, String), GitAccess>,
    /// The repository of each push.
    pushed: Vec<String>,
}

impl GitServer {
    /// Serves the repositories in `root`, at `<owner>/<name>`.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::<Mutex<GitServerState>>::default();
        let (shared, root): (_, PathBuf) = (Arc::clone(&state), root.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, root) = (Arc::clone(&shared), root.clone());
                // Errors of a connection are the client's to report.
                thread::spawn(move || serve(stream, &state, &root));
            }
        });
        Self { url, state }
    }

    /// `GITHUB_SERVER_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn allow(&self, token: &str, repository: &str, access: GitAccess) {
        let key = (credentials(token), repository.to_owned());
        self.state.lock().expect("no panic").access.insert(key, access);
    }

    /// The repository of each push, in order.
    pub fn pushed(&self) -> Vec<String> {
        self.state.lock().expect("no panic").pushed.clone()
    }
}

/// The basic credentials with which `actions/checkout` authenticates git.
fn credentials(token: &str) -> String {
    STANDARD.encode(format!("x-access-token:{token}"))
}

fn serve(mut stream: TcpStream, state: &Mutex<GitServerState>, root: &Path) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let head = RequestHead::read(&mut reader)?;
    let (repository, service) = head.git_target()?;
    let wanted = if service == "git-receive-pack" { GitAccess::Write } else { GitAccess::Read };
    let credentials = head.headers.get("authorization").and_then(|value| value.split_once(' ')).map(|(_, value)| value);
    let Some(credentials) = credentials else {
        return refuse(&mut stream, "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"GitHub\"");
    };
    {
        let mut state = state.lock().ok()?;
        match state.access.get(&(credentials.to_owned(), repository.clone())) {
            None => return refuse(&mut stream, "404 Not Found"),
            Some(access) if *access < wanted => return refuse(&mut stream, "403 Forbidden"),
            Some(_) if head.method == "POST" && wanted == GitAccess::Write => state.pushed.push(repository),
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    reader.take(head.length().min(MAX_BODY)).read_to_end(&mut body).ok()?;
    let path = head.path.replacen(".git/", "/", 1);
    stream.write_all(&git_backend::respond(&head, &path, &body, root)?).ok()
}

fn refuse(stream: &mut TcpStream, status: &str) -> Option<()> {
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").ok()
}
