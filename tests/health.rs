//! `health` with endpoints: services on loopback, and the command as a runner starts it.

mod cluster;

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
};

use promote_gates::sandbox::{
    server::{FakeResponse, LoopbackServer},
    staging::{ResponseScript, Staging},
};
use rustix::process::Signal;

use crate::{
    house::{LIMIT, Runner},
    patience::SIGNALLED,
};

/// Text that would have an effect if it were read as a command, an output, markup or a table cell.
const HOSTILE: &str = "::error::x\n##[error]x\n%0A::set-output name=verdict::passed\n</td><script>x</script> a|b `c`\nverdict=passed\nEOF\n";

fn ready(staging: &Staging) -> Runner {
    Runner::new().input("endpoints", &format!("{}/shop/health/ready", staging.url())).input("interval", "0")
}

#[test]
fn a_service_that_is_ready_passes_with_its_version() {
    let staging = Staging::start().unwrap();
    staging.deploy("shop", "1.4.2");
    let runner = ready(&staging).input("condition", ".version == $subject.tag").input("consecutive", "3");
    let end = runner.input("subject", r#"{"service": "shop", "tag": "1.4.2"}"#).run(&["health"]);
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (0, "passed"), "{}", end.log);
    assert!(end.outputs["reason"].contains("3 times in a row (attempts 1 to 3 of 10)"), "{:?}", end.outputs);
    assert_eq!(end.report["tables"][0]["rows"].as_array().unwrap().len(), 3);
    assert_eq!(staging.requests().len(), 3);
    // Another tag is another release.
    let runner = ready(&staging).input("condition", ".version == $subject.tag").input("attempts", "2");
    let end = runner.input("tag", "1.4.3").run(&["health"]);
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (1, "blocked"), "{}", end.log);
    let error = end.commands().into_iter().find(|line| line.starts_with("::error ")).unwrap();
    assert!(
        error.contains("`.version` is the string \"1.4.2\"") && error.contains(".version == $subject.tag"),
        "{error}"
    );
    assert!(end.summary.contains("1.4.2") && end.summary.contains("Probes"), "{}", end.summary);
}

#[test]
fn run_uses_the_gate_with_settings_from_the_config_file() {
    let staging = Staging::start().unwrap();
    staging.deploy("shop", "1.4.2");
    let runner = Runner::new();
    runner.write(
        ".github/promote-gates.yml",
        format!(
            "gates: [health]\nhealth:\n  endpoints: [{}/shop/health/ready]\n  expect-status: [200, 204]\n",
            staging.url()
        ),
    );
    let end = runner.run(&["run"]);
    assert_eq!((end.code, &end.report["reports"][0]["verdict"]), (0, &"passed".into()), "{}", end.log);
    assert_eq!(end.report["reports"][0]["settings"]["expect-status"], serde_json::json!([200, 204]));
}

#[test]
fn unobservable_endpoints_are_inconclusive_and_unusable_settings_bad_input() {
    let runner = || Runner::new().input("attempts", "2").input("interval", "0");
    for (runner, code, expected) in [
        (runner().input("endpoints", "http://127.0.0.1:1/"), 1, "refused the connection"),
        (runner().input("endpoints", "http://does-not-exist.invalid/"), 3, "no address"),
        (runner(), 2, "`endpoints`, `workload`: neither is given"),
        (runner().input("endpoints", "http://127.0.0.1:1/").input("consecutive", "3"), 2, "`consecutive`"),
        (runner().input("endpoints", "http://127.0.0.1:1/").input("condition", ".a == $subject.tag"), 2, "has no tag"),
    ] {
        let end = runner.run(&["health"]);
        assert!(end.code == code && end.log.contains(expected), "{code} {expected}: {}", end.log);
        assert_eq!(end.outputs["verdict"], if code == 1 { "blocked" } else { "inconclusive" });
    }
}

#[test]
fn a_hostile_body_is_escaped_everywhere() {
    let staging = Staging::start().unwrap();
    let path = "/shop/health/ready";
    for answer in [
        FakeResponse::text(503, "text/html", HOSTILE),
        FakeResponse::text(200, "text/html", HOSTILE),
        FakeResponse::json(200, &serde_json::json!({ HOSTILE: HOSTILE, "ready": HOSTILE })),
        FakeResponse::redirect("/%0A::error::x%23%23[error]x</td><script>x|`c`"),
    ] {
        staging.script(path, ResponseScript::always(answer));
        let end = ready(&staging).input("attempts", "2").input("condition", ".ready").run(&["health"]);
        assert_eq!(end.code, 1, "{}", end.log);
        let commands = end.commands();
        let ours = |line: &&str| line.starts_with("::error title=health%3A blocked::/shop/health/ready:");
        assert_eq!(commands.iter().filter(|line| ours(line)).count(), 1, "{commands:?}");
        assert!(
            commands.len() == 2 && commands[1].starts_with("::notice title=promote-gates::command=health"),
            "{commands:?}"
        );
        let outputs: Vec<&str> = end.outputs.keys().map(String::as_str).collect();
        assert_eq!(outputs, ["reason", "report", "report-path", "verdict"]);
        assert_eq!(end.outputs["verdict"], "blocked");
        assert!(!end.summary.contains("<script") && !end.summary.contains("</td"), "{}", end.summary);
        for row in end.summary.lines().filter(|line| line.starts_with("| http")) {
            assert!(matches!(row.matches('|').count(), 5 | 7) && !row.contains('`'), "{row}");
        }
    }
}

#[test]
fn a_token_in_a_header_is_shown_nowhere() {
    // A page that shows every header of its request.
    let echo = LoopbackServer::start(|request| FakeResponse::text(401, "text/plain", format!("{:?}", request.headers)))
        .unwrap();
    let runner = || {
        let url = format!("{}/?access_token=s3cr3t-query", echo.url());
        Runner::new().input("endpoints", &url).input("attempts", "1").env("RUST_LOG", "trace").env("RUNNER_DEBUG", "1")
    };
    let headers = "Authorization: Bearer s3cr3t-token\nX-Key: s3cr3t-key\n";
    for (runner, flags, code) in [
        (runner().input("headers", headers), &["health"][..], 1),
        (runner(), &["health", "--headers=Authorization: Bearer s3cr3t-token", "--headers=X-Key: s3cr3t-key"], 1),
        (runner().input("headers", "Authorization s3cr3t-token"), &["health"], 2),
        (runner().input("headers", "Content-Length: s3cr3t-token"), &["health"], 2),
    ] {
        let end = runner.run(flags);
        assert_eq!(end.code, code, "{}", end.log);
        let shown = end.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
        for place in [&shown, &end.summary, &format!("{:?}", end.outputs), &end.report.to_string()] {
            assert!(!place.contains("s3cr3t"), "{place}");
        }
        if flags.len() == 1 {
            let first = end.log.lines().next().unwrap_or_default();
            assert!(first.starts_with("::add-mask::") && end.log.contains("::add-mask::s3cr3t-token"), "{}", end.log);
        }
        if code == 1 {
            let names = serde_json::json!(["authorization: ***", "x-key: ***"]);
            assert_eq!(end.report["settings"]["headers"], names);
        }
    }
}

/// A server that answers 503, and reports when the client has closed the connection: by then it has read the response.
fn unhealthy_server() -> io::Result<(String, Receiver<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    let (closed, closings) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if answer_503(stream).is_err() || closed.send(()).is_err() {
                return;
            }
        }
    });
    Ok((url, closings))
}

fn answer_503(mut stream: TcpStream) -> io::Result<usize> {
    let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    assert_ne!(head.count(), 0, "a request came");
    stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")?;
    stream.read(&mut [0])
}

#[test]
fn a_signal_ends_the_gate_between_attempts() {
    let (url, closings) = unhealthy_server().unwrap();
    let runner = Runner::new().input("endpoints", &url).input("interval", "1h");
    for signal in [Signal::TERM, Signal::INT] {
        let started = runner.start(&["health"]);
        closings.recv_timeout(LIMIT).unwrap();
        started.signal(signal);
        let end = started.end_within(SIGNALLED);
        assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
        assert!(end.summary.contains("cancelled by a signal"), "{}", end.summary);
    }
}

#[test]
fn a_signal_ends_the_gate_during_an_attempt_with_its_findings() {
    let (asked, was_asked) = channel();
    let asked_once = AtomicBool::new(false);
    let staging = LoopbackServer::start(move |_| match asked.send(()) {
        Ok(()) if asked_once.swap(true, Ordering::AcqRel) => FakeResponse::hang(),
        _ => FakeResponse::status(503),
    })
    .unwrap();
    let runner = Runner::new().input("endpoints", staging.url()).input("interval", "0").input("request-timeout", "1h");
    let started = runner.start(&["health"]);
    for _ in 0..2 {
        was_asked.recv_timeout(LIMIT).unwrap();
    }
    started.signal(Signal::TERM);
    let end = started.end_within(SIGNALLED);
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
    let seen: Vec<&str> =
        end.report["findings"].as_array().unwrap().iter().map(|f| f["actual"].as_str().unwrap()).collect();
    assert!(seen[0].starts_with("undecided after 1 of 10 attempts: 503 "), "{seen:?}");
    assert!(seen[1].contains("cancelled by a signal"), "{seen:?}");
    assert_eq!(end.report["tables"][0]["rows"].as_array().unwrap().len(), 1);
}
