//! The token reaches its own server and appears in no output.

use std::{
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use super::*;

const TOKEN: &str = "ghs_hunter2OfTheWriter";
/// `x-access-token:ghs_hunter2OfTheWriter`.
const BASIC: &str = "eC1hY2Nlc3MtdG9rZW46Z2hzX2h1bnRlcjJPZlRoZVdyaXRlcg==";

/// A server that answers 403, and the `Authorization` header of each request.
fn server() -> (String, Arc<Mutex<Vec<Option<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let authorizations = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&authorizations);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            recorded.lock().unwrap().push(respond_403(stream));
        }
    });
    (url, authorizations)
}

fn respond_403(mut stream: TcpStream) -> Option<String> {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let authorization_value = |line: &String| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
    };
    let authorization = lines.iter().find_map(authorization_value);
    // The response repeats the token, so that git's error message contains it.
    let body = format!("who are you, {}?", authorization.as_deref().unwrap_or("stranger"));
    let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close";
    let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    authorization
}

/// All output of a step, without the masking line, which the runner removes from the log.
fn visible_output(ended: &Ended) -> String {
    let log: Vec<&str> = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
    format!("{}{:?}{}{}", log.join("\n"), ended.outputs, ended.summary, ended.report)
}

#[test]
fn the_token_goes_to_its_server_by_header_and_nowhere_else() {
    let shop = Shop::new();
    let (url, authorizations) = server();
    let dir = shop.checkout("infra", &[]);
    git(&dir, &["remote", "set-url", "origin", &format!("{url}/acme/infra.git")]);
    // The header that `actions/checkout` leaves behind by default.
    git(&dir, &["config", &format!("http.{url}/.extraheader"), "AUTHORIZATION: basic persisted"]);
    // A wrapper around git that records its arguments.
    let real = Command::new("sh").args(["-c", "command -v git; printf %s \"$PATH\""]).output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let (real, path) = real.split_once('\n').unwrap();
    let argv = shop.path("argv");
    fs::create_dir(shop.path("bin")).unwrap();
    let script = format!("printf '%s\\n' \"$@\" >> '{}'\nexec '{real}' \"$@\"", argv.display());
    executable(&shop.path("bin/git"), &script);

    let ended = step(&dir, SERVICE, "1.4.2")
        .env("GITHUB_SERVER_URL", &url)
        .env("PATH", &format!("{}:{path}", shop.path("bin").display()))
        .input("token", TOKEN)
        .run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert_eq!(authorizations.lock().unwrap()[..], [Some(format!("basic {BASIC}"))]);
    assert!(ended.log.starts_with(&format!("::add-mask::{TOKEN}\n")), "{}", ended.log);
    let argv = fs::read_to_string(argv).unwrap();
    assert!(argv.contains("fetch"), "{argv}");
    for place in [visible_output(&ended), argv] {
        assert!(!place.contains("hunter2") && !place.contains(&BASIC[..40]), "{place}");
    }
    assert!(ended.report["settings"].get("token").is_none());
}

#[test]
fn the_token_is_not_sent_to_another_server_and_the_log_says_so() {
    let shop = Shop::new();
    let (url, authorizations) = server();
    let dir = shop.checkout("infra", &[]);
    git(&dir, &["remote", "set-url", "origin", &format!("{url}/acme/infra.git")]);
    // GITHUB_SERVER_URL is not set: the token is for github.com.
    let ended = step(&dir, SERVICE, "1.4.2").input("token", TOKEN).run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert_eq!(authorizations.lock().unwrap()[..], [None]);
    let warning = format!("the token is not used: it is for https://github.com, and origin is {url}/acme/infra.git");
    assert!(ended.log.contains(&warning), "{}", ended.log);
    assert!(!visible_output(&ended).contains("hunter2"));
}

#[test]
fn a_remote_without_a_server_needs_no_token() {
    let shop = Shop::new();
    let ended = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2").input("token", TOKEN).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(ended.log.contains("the token is not used"), "{}", ended.log);
    assert!(!visible_output(&ended).contains("hunter2"));
    let found = Command::new("grep").args(["-r", "hunter2"]).arg(shop.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "nothing of it is kept");
}
