use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    thread,
};

use super::*;

const TOKEN: &str = "ghs_hunter2hunter2";
/// The expected header: `x-access-token:ghs_hunter2hunter2`.
const AUTHORIZATION: &str = "basic eC1hY2Nlc3MtdG9rZW46Z2hzX2h1bnRlcjJodW50ZXIy";

/// A git server that answers every request with `response`, and records the requests.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
}

struct ReceivedRequest {
    line: String,
    authorization: Vec<String>,
}

impl Server {
    fn new(response: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &received, &response);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut self.requests.lock().expect("not poisoned"))
    }

    /// Asserts that there were requests, each with exactly the expected header.
    fn assert_authorized(&self) {
        let requests = self.requests();
        assert!(!requests.is_empty());
        for ReceivedRequest { line, authorization } in requests {
            assert_eq!(authorization, [AUTHORIZATION], "{line}");
        }
    }
}

fn serve(mut stream: TcpStream, requests: &Mutex<Vec<ReceivedRequest>>, response: &impl Fn(&str) -> String) {
    let mut lines = BufReader::new(stream.try_clone().expect("a clone")).lines().map_while(Result::ok);
    let Some(line) = lines.next() else { return };
    let authorization = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .filter_map(|(name, value)| (name == "authorization").then_some(value))
        .collect();
    let answer = response(&line);
    requests.lock().expect("not poisoned").push(ReceivedRequest { line, authorization });
    let _ = stream.write_all(answer.as_bytes());
}

fn status(status: &str, header: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

/// The response of `info/refs` for a repository with one branch; <https://git-scm.com/docs/gitprotocol-http>.
fn refs(service: &str, id: &str) -> String {
    let packet = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let body = packet(&format!("# service={service}\n"))
        + "0000"
        + &packet(&format!("{id} refs/heads/main\0report-status\n"))
        + "0000";
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-{service}-advertisement\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A checkout whose `origin` is at `url`, with the header that `actions/checkout` leaves in the configuration.
fn checkout(forge: &Forge, url: &str) -> PathBuf {
    let dir = forge.checkout("infra", &[]);
    git(&dir, &["remote", "set-url", "origin", url]);
    let server = url.split_inclusive('/').take(3).collect::<String>();
    for key in [server.as_str(), url] {
        git(&dir, &["config", "--add", &format!("http.{key}.extraheader"), "AUTHORIZATION: basic persisted"]);
    }
    git(&dir, &["config", "http.extraheader", "AUTHORIZATION: basic anywhere"]);
    dir
}

fn token() -> Secret {
    Secret::new(TOKEN.into())
}

#[test]
fn the_token_replaces_all_other_credentials() {
    let forge = Forge::new();
    let id = forge.tip();
    let server = Server::new(move |line| match line {
        line if line.starts_with("POST") => status("403 Forbidden", ""),
        line if line.contains("receive-pack") => refs("git-receive-pack", &id),
        _ => refs("git-upload-pack", &id),
    });
    let url = format!("{}/acme/infra.git", server.url);
    let dir = checkout(&forge, &url);
    let checkout = open(&dir).with_token(&server.url, token());
    assert_eq!(checkout.remote_tip(&origin(&checkout), &main_branch()), Ok(Some(commit(&forge.tip()))));
    server.assert_authorized();

    let made = change(&checkout, &commit(&forge.tip()), "a", "1");
    let refused = push(&checkout, &made);
    assert!(matches!(&refused, PushOutcome::Refused { why } if why.contains("403")), "{refused:?}");
    server.assert_authorized();

    // Credentials inside the URL are not sent either, and never shown.
    git(&dir, &["remote", "set-url", "origin", &url.replace("://", "://bob:hunter2@")]);
    git(
        &dir,
        &[
            "config",
            "--add",
            &format!("http.{}.extraheader", url.replace("://", "://bob@")),
            "AUTHORIZATION: basic bob",
        ],
    );
    assert!(checkout.remote_tip(&origin(&checkout), &main_branch()).is_ok());
    server.assert_authorized();
}

#[test]
fn without_a_token_the_configured_header_is_sent() {
    let forge = Forge::new();
    let id = forge.tip();
    let server = Server::new(move |_| refs("git-upload-pack", &id));
    let checkout = open(&checkout(&forge, &format!("{}/x.git", server.url)));
    assert!(checkout.remote_tip(&origin(&checkout), &main_branch()).is_ok());
    assert!(server.requests().iter().all(|request| request.authorization.contains(&"basic persisted".to_owned())));
}

#[test]
fn a_token_is_not_sent_to_another_server() {
    let forge = Forge::new();
    let other = Server::new(|_| status("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n"));
    let dir = forge.checkout("infra", &[]);
    git(&dir, &["remote", "set-url", "origin", &format!("{}/x.git", other.url)]);
    let checkout = open(&dir).with_token("https://github.com", token());
    let finding = checkout.remote_tip(&origin(&checkout), &main_branch()).expect_err("not let in");
    assert!(finding.next.as_deref().unwrap().contains("it is for https://github.com"), "{finding}");
    let requests = other.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.authorization.is_empty()));
}

#[test]
fn the_token_is_not_sent_to_the_target_of_a_redirect() {
    let forge = Forge::new();
    let id = forge.tip();
    let elsewhere = Server::new(move |_| refs("git-upload-pack", &id));
    let location = format!("Location: {}/x.git/info/refs?service=git-upload-pack\r\n", elsewhere.url);
    let server = Server::new(move |_| status("302 Found", &location));
    let dir = checkout(&forge, &format!("{}/x.git", server.url));
    git(&dir, &["config", &format!("http.{}/x.git.followRedirects", server.url), "true"]);
    let checkout = open(&dir).with_token(&server.url, token());
    let finding = checkout.remote_tip(&origin(&checkout), &main_branch()).expect_err("not followed");
    assert!(finding.next.as_deref().unwrap().contains("moved"), "{finding}");
    server.assert_authorized();
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn no_error_shows_the_token_even_when_the_server_repeats_it() {
    let forge = Forge::new();
    // With `ERR`, a server can make git print any text.
    let server = Server::new(|line| {
        let text = format!("you are {TOKEN}, {AUTHORIZATION}, at http://bob:hunter2@x/");
        let service = if line.contains("receive-pack") { "git-receive-pack" } else { "git-upload-pack" };
        refs(service, &"0".repeat(40))
            .replace(&"0".repeat(40), &format!("ERR {text}"))
            .replace("Content-Length", "X-Length")
    });
    let dir = checkout(&forge, &format!("{}/x.git", server.url.replace("://", "://bob:hunter2@")));
    let checkout = open(&dir).with_token(&server.url, token());
    let made = change(&checkout, &commit(&forge.tip()), "a", "1");
    let messages = [
        checkout.remote_tip(&origin(&checkout), &main_branch()).expect_err("an error").to_string(),
        checkout.fetch_tip(&origin(&checkout), &main_branch()).err().expect("an error").to_string(),
        format!("{:?}", push(&checkout, &made)),
    ];
    for message in messages {
        assert!(message.contains("you are ***"), "{message}");
        assert!(!message.contains("hunter2") && !message.contains(&AUTHORIZATION[6..]), "{message}");
    }
    assert!(!format!("{:?}", checkout.credentials).contains("hunter2"));
}

#[test]
fn denied_access_fails_at_once_without_a_prompt() {
    let forge = Forge::new();
    let server = Server::new(|_| status("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n"));
    let dir = checkout(&forge, &format!("{}/x.git", server.url));
    // A job has no person to answer a prompt, and a credential helper could hang.
    git(&dir, &["config", "credential.helper", "!sleep 1000; false"]);
    let marker = forge.path("asked");
    let askpass = forge.path("askpass");
    fs::write(&askpass, format!("#!/bin/sh\ntouch '{}'\n", marker.display())).expect("written");
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o755)).expect("made executable");
    git(&dir, &["config", "core.askPass", &askpass.display().to_string()]);
    let checkout = open(&dir).with_token(&server.url, token());
    let finding = checkout.remote_tip(&origin(&checkout), &main_branch()).expect_err("not let in");
    assert!(finding.actual.contains("could not read Username"), "{finding}");
    let made = change(&checkout, &commit(&forge.tip()), "a", "1");
    let refused = push(&checkout, &made);
    assert!(matches!(refused, PushOutcome::Refused { .. }), "{refused:?}");
    assert!(!marker.exists());
}

#[test]
fn a_busy_server_may_answer_the_next_read_and_a_denied_one_will_not() {
    let forge = Forge::new();
    for (answer, may_pass) in [
        ("502 Bad Gateway", true),
        ("503 Service Unavailable", true),
        ("429 Too Many Requests", true),
        ("401 Unauthorized", false),
        ("403 Forbidden", false),
        ("404 Not Found", false),
    ] {
        let server = Server::new(move |_| status(answer, ""));
        let dir = forge.checkout(&answer.replace(' ', "-"), &[]);
        git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", server.url)]);
        let checkout = open(&dir);
        let errors = [
            checkout.fetch_tip(&origin(&checkout), &main_branch()).err(),
            checkout.remote_tip(&origin(&checkout), &main_branch()).err(),
        ];
        for error in errors {
            let error = error.expect("no answer");
            assert_eq!(error.retry_after.is_some(), may_pass, "{answer}: {error}");
        }
    }
    let gone = Server::new(|_| String::new());
    let dir = forge.checkout("cut", &[]);
    git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", gone.url)]);
    let checkout = open(&dir);
    let error = checkout.remote_tip(&origin(&checkout), &main_branch()).expect_err("the connection is cut");
    assert!(error.retry_after.is_some(), "{error}");
}
