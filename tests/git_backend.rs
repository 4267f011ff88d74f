//! Git's own server side behind an HTTP server of a test: `git http-backend`. The integration tests and the end-to-end tests
//! both include this file.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
};

/// A request without its body.
pub struct RequestHead {
    pub method: String,
    /// `/acme/shop/info/refs`
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl RequestHead {
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
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
        Some(Self { method, path, query, headers: headers.collect() })
    }

    /// The value of a header; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The length of the body.
    pub fn length(&self) -> u64 {
        self.header("content-length").parse().unwrap_or_default()
    }

    /// The repository and the requested git service; `None` for a request that is not git's.
    pub fn git_target(&self) -> Option<(String, String)> {
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

/// The whole response of the repositories in `root` to a request of git; see `git help http-backend`. `path` is that of the
/// request, as the folders in `root` have it.
#[expect(clippy::disallowed_methods, reason = "PATH says where git is")]
pub fn respond(head: &RequestHead, path: &str, body: &[u8], root: &Path) -> Option<Vec<u8>> {
    let mut git = Command::new("git");
    git.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.args(["http-backend"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    git.env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROTOCOL", head.header("git-protocol"))
        .env("REMOTE_USER", "x-access-token")
        .env("REQUEST_METHOD", &head.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", &head.query)
        .env("CONTENT_TYPE", head.header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", head.header("content-encoding"));
    let mut child = git.spawn().ok()?;
    let mut input = child.stdin.take()?;
    let output = thread::spawn(move || child.wait_with_output());
    // git may exit before it has read the whole body.
    let _ = input.write_all(body);
    drop(input);
    let response = output.join().ok()?.ok()?.stdout;
    // A CGI response: headers, in which a missing `Status:` means 200, and the body.
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&response[..end]);
    let status = text.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let length = response.len() - end;
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{text}");
    Some([head.as_bytes(), &response[end..]].concat())
}
