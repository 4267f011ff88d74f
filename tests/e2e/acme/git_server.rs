//! Git over HTTP as GitHub serves it: `git http-backend` with tokens. A repository that the token cannot access is 404; a
//! request without a token is 401.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::repo::clean;

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

/// A request without its body.
struct RequestHead {
    method: String,
    /// `/acme/shop/info/refs`
    path: String,
    query: String,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
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
    let head = read_head(&mut reader)?;
    let (repository, service) = head.target()?;
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
    let response = backend(&head, &mut reader, root)?;
    // A CGI response: headers, in which a missing `Status:` means 200, and the body.
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&response[..end]);
    let status = text.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{text}", response.len() - end)
        .ok()?;
    stream.write_all(&response[end..]).ok()
}

fn refuse(stream: &mut TcpStream, status: &str) -> Option<()> {
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").ok()
}

fn read_head(reader: &mut impl BufRead) -> Option<RequestHead> {
    let mut lines = reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let first = lines.next()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    });
    Some(RequestHead { method, path, query, headers: headers.collect() })
}

impl RequestHead {
    /// The repository and the requested git service.
    fn target(&self) -> Option<(String, String)> {
        let (repository, rest) = ["/info/refs", "/git-upload-pack", "/git-receive-pack"]
            .iter()
            .find_map(|end| Some((self.path.strip_suffix(end)?, *end)))?;
        let service = match rest {
            "/info/refs" => self.query.strip_prefix("service=")?,
            service => &service[1..],
        };
        let repository = repository.strip_prefix('/')?;
        Some((repository.strip_suffix(".git").unwrap_or(repository).to_owned(), service.to_owned()))
    }
}

/// Runs git's own server side; see `git help http-backend`.
fn backend(head: &RequestHead, body: &mut impl Read, root: &Path) -> Option<Vec<u8>> {
    let header = |name: &str| head.headers.get(name).map_or("", String::as_str);
    let length: u64 = header("content-length").parse().unwrap_or_default();
    let mut git = clean("git");
    git.args(["http-backend"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    git.env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "x-access-token")
        .env("REQUEST_METHOD", &head.method)
        .env("PATH_INFO", head.path.replacen(".git/", "/", 1))
        .env("QUERY_STRING", &head.query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", length.to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"));
    let mut child = git.spawn().ok()?;
    let mut input = child.stdin.take()?;
    let output = thread::spawn(move || child.wait_with_output());
    // git may exit before it has read the whole body.
    let _ = std::io::copy(&mut body.take(length.min(MAX_BODY)), &mut input);
    drop(input);
    output.join().ok()?.ok().map(|output| output.stdout)
}
