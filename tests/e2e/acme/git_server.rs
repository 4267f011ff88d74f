//! Git over HTTP, as GitHub serves it: `git http-backend` behind tokens. A repository that a token may not see is not
//! there; without a token nothing is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::repo::clean;

/// No push or fetch of a test is larger, in bytes.
const LARGEST: u64 = 64 << 20;

/// What a token may do in one repository.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    Read,
    Write,
}

/// The server; its thread ends with the tests.
pub struct GitServer {
    url: String,
    rules: Arc<Mutex<Rules>>,
}

#[derive(Default)]
struct Rules {
    /// By the header that a token makes and the repository.
    rights: BTreeMap<(String, String), Right>,
    /// The repositories that were pushed to.
    pushed: Vec<String>,
}

/// One request, but for its body.
struct Head {
    method: String,
    /// `/acme/shop/info/refs`
    path: String,
    query: String,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
}

impl GitServer {
    /// Serves what lies in `root` as `<owner>/<name>`.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let rules = Arc::<Mutex<Rules>>::default();
        let (shared, root): (_, PathBuf) = (Arc::clone(&rules), root.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (rules, root) = (Arc::clone(&shared), root.clone());
                // A client that hangs up is its own affair.
                thread::spawn(move || serve(stream, &rules, &root));
            }
        });
        Self { url, rules }
    }

    /// `GITHUB_SERVER_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn allow(&self, token: &str, repository: &str, right: Right) {
        let key = (credentials(token), repository.to_owned());
        self.rules.lock().expect("no panic").rights.insert(key, right);
    }

    /// The repositories that were pushed to, each time.
    pub fn pushed(&self) -> Vec<String> {
        self.rules.lock().expect("no panic").pushed.clone()
    }
}

/// The header by which `actions/checkout` and GitHub's documentation authenticate git.
fn credentials(token: &str) -> String {
    STANDARD.encode(format!("x-access-token:{token}"))
}

fn serve(mut stream: TcpStream, rules: &Mutex<Rules>, root: &Path) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let head = read(&mut reader)?;
    let (repository, service) = head.about()?;
    let wanted = if service == "git-receive-pack" { Right::Write } else { Right::Read };
    let given = head.headers.get("authorization").and_then(|value| value.split_once(' ')).map(|(_, value)| value);
    let Some(given) = given else {
        return refuse(&mut stream, "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"GitHub\"");
    };
    {
        let mut rules = rules.lock().ok()?;
        match rules.rights.get(&(given.to_owned(), repository.clone())) {
            None => return refuse(&mut stream, "404 Not Found"),
            Some(right) if *right < wanted => return refuse(&mut stream, "403 Forbidden"),
            Some(_) if head.method == "POST" && wanted == Right::Write => rules.pushed.push(repository),
            Some(_) => {}
        }
    }
    let answer = backend(&head, &mut reader, root)?;
    // CGI: a head, whose `Status:` is 200 when it is missing, and the body.
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&answer[..end]);
    let status = text.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{text}", answer.len() - end)
        .ok()?;
    stream.write_all(&answer[end..]).ok()
}

fn refuse(stream: &mut TcpStream, status: &str) -> Option<()> {
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").ok()
}

fn read(reader: &mut impl BufRead) -> Option<Head> {
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
    Some(Head { method, path, query, headers: headers.collect() })
}

impl Head {
    /// The repository, and which of git's two services is asked for.
    fn about(&self) -> Option<(String, String)> {
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

/// Git's own server side; see `git help http-backend`.
fn backend(head: &Head, body: &mut impl Read, root: &Path) -> Option<Vec<u8>> {
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
    // It may have seen enough before it has read all.
    let _ = std::io::copy(&mut body.take(length.min(LARGEST)), &mut input);
    drop(input);
    output.join().ok()?.ok().map(|ended| ended.stdout)
}
