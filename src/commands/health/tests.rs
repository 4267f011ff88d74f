use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use clap::Parser as _;

use super::{endpoints::observations::ProbeOutcome, *};
use crate::{
    context::tests::test_context,
    finding::{Finding, Verdict},
    report::log::tests::Kept,
    sandbox::{
        server::{FakeResponse, LoopbackServer},
        staging::{ResponseScript, Staging},
    },
    world::{World, network::Network},
};

#[derive(clap::Parser)]
struct HealthCli {
    #[command(flatten)]
    args: Args,
}

/// The result of a gate, and what its user sees.
struct GateResult {
    findings: Vec<Finding>,
    /// By the gate's clock.
    took: Duration,
    log: String,
    table: Vec<Vec<String>>,
}

fn args(flags: &str) -> Result<Args, clap::Error> {
    // Flags are separated by tabs, because conditions contain blanks.
    HealthCli::try_parse_from(std::iter::once("health").chain(flags.split('\t'))).map(|cli| cli.args)
}

fn run_gate(flags: &str, ctx: &CommandContext, subject: &str) -> Result<Vec<Finding>, CommandError> {
    let args = args(flags).unwrap_or_else(|error| panic!("{error}"));
    run(&args, &subject.parse().unwrap(), ctx).map(|outcome| outcome.findings)
}

fn gate_for(flags: &str, subject: &str) -> GateResult {
    let kept = Kept::default();
    let ctx = CommandContext { log: Arc::new(kept.log(true)), ..test_context() };
    let findings = run_gate(flags, &ctx, subject).unwrap_or_else(|error| panic!("{error:?}"));
    let table = ctx.execution.partial.copy().tables.remove(0).rows;
    let table = table.iter().map(|row| row.iter().map(|cell| cell.text().to_owned()).collect()).collect();
    GateResult { findings, took: ctx.execution.clock.now(), log: kept.text(), table }
}

fn gate(flags: &str) -> GateResult {
    gate_for(flags, "{}")
}

impl GateResult {
    /// Verdict and text of the only finding.
    fn only_finding(&self) -> (Verdict, &str) {
        let [finding] = &self.findings[..] else { panic!("{:?}", self.findings) };
        (finding.verdict, &finding.actual)
    }

    fn everything(&self) -> String {
        format!("{:?}\n{}\n{:?}", self.findings, self.log, self.table)
    }
}

const READY: &str = "/shop/health/ready";

fn staging(script: ResponseScript) -> (Staging, String) {
    let staging = Staging::start().unwrap();
    staging.script(READY, script);
    let flag = format!("--endpoints={}{READY}", staging.url());
    (staging, flag)
}

fn json(body: &str) -> FakeResponse {
    FakeResponse::text(200, "application/json", body)
}

#[test]
fn a_service_that_becomes_ready_passes_at_that_attempt() {
    let [down, up] = [503, 200].map(FakeResponse::status);
    let (staging, flag) = staging(ResponseScript::sequence([down.clone(), down, up]));
    let end = gate(&flag);
    let (verdict, actual) = end.only_finding();
    assert!(verdict == Verdict::Passed && actual.ends_with("ms (attempt 3 of 10)"), "{actual}");
    assert_eq!((end.took, staging.requests().len()), (Duration::from_secs(20), 3), "no probe after the decision");
    let lines: Vec<&str> = end.log.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert!(
        lines[0].starts_with("attempt 1 of 10: 503 after ") && lines[2].starts_with("attempt 3 of 10: 200"),
        "{lines:?}"
    );
    assert_eq!(
        end.table.iter().map(|row| row[4].as_str()).collect::<Vec<_>>(),
        ["not as expected", "not as expected", "as expected"]
    );
    assert_eq!(end.table[1][2], "1970-01-01T00:00:10Z");
    let finding = &end.findings[0];
    assert_eq!((finding.check.as_str(), &finding.evidence[0].source), (READY, &end.table[0][0]));
    assert_eq!(finding.evidence[0].at, "1970-01-01T00:00:20Z");
    assert_eq!(finding.headline(), "/shop/health/ready 200 after 3 of 10 attempts, limit 200");
}

#[test]
fn a_flapping_endpoint_is_blocked() {
    let answers = [200, 503].map(FakeResponse::status);
    let (_staging, flag) = staging(ResponseScript::cycle(answers.clone()));
    let end = gate(&format!("{flag}\t--consecutive=2\t--attempts=6"));
    let (verdict, actual) = end.only_finding();
    assert!(verdict == Verdict::Blocked && actual.starts_with("flapping: 503 "), "{actual}");
    assert!(
        actual.ends_with("(3 of 6 attempts failed; at most 1 good in a row, the last at 1970-01-01T00:00:40Z)"),
        "{actual}"
    );
    let [up, down] = answers;
    let (_staging, flag) = staging(ResponseScript::sequence([up.clone(), down, up]));
    assert_eq!(gate(&format!("{flag}\t--consecutive=2\t--attempts=6")).only_finding().0, Verdict::Passed);
}

#[test]
fn a_redirect_to_a_login_page_is_blocked() {
    let (site, flag) = staging(ResponseScript::always(FakeResponse::redirect("/login?return=s3cr3t")));
    let end = gate(&format!("{flag}\t--attempts=1"));
    let (verdict, actual) = end.only_finding();
    let login = format!("{}/login", site.url());
    assert!(verdict == Verdict::Blocked && actual.starts_with(&format!("302, a redirect to {login}, ")), "{actual}");
    assert!(!end.everything().contains("s3cr3t"));
    // Behind the redirect, a healthy page answers for the service. The condition shows the difference.
    let followed = gate(&format!("{flag}\t--attempts=1\t--redirects=1\t--condition=.status == \"ready\""));
    let (verdict, actual) = followed.only_finding();
    assert!(
        verdict == Verdict::Blocked && actual.starts_with(&format!("200 from {login}, another page, after ")),
        "{actual}"
    );
    assert!(actual.contains("its body is not JSON"), "{actual}");
    assert!(
        followed.table[0][5].ends_with("<!doctype html><title>Sign in</title><form></form>"),
        "{:?}",
        followed.table
    );
    let (_circle, flag) = staging(ResponseScript::always(FakeResponse::redirect(READY)));
    let circling = gate(&format!("{flag}\t--attempts=1\t--redirects=3"));
    let (verdict, actual) = circling.only_finding();
    assert!(verdict == Verdict::Blocked && actual.contains("one redirect more than 3"), "{actual}");
}

#[test]
fn a_service_that_does_not_answer_is_blocked_and_one_that_cannot_be_reached_is_inconclusive() {
    let slow = FakeResponse::text(200, "text/plain", "one byte at a time").byte_by_byte(Duration::from_secs(1));
    for (answer, timeout, expected) in [
        (FakeResponse::hang(), "1s", "no answer from "),
        (slow, "1s", "the answer of "),
        (FakeResponse::close(), "1m", " closed the connection"),
    ] {
        let (_staging, flag) = staging(ResponseScript::always(answer));
        let end = gate(&format!("{flag}\t--attempts=2\t--request-timeout={timeout}"));
        let (verdict, actual) = end.only_finding();
        assert!(verdict == Verdict::Blocked && actual.contains(expected), "{actual}");
        assert!(actual.ends_with("(2 of 2 attempts failed)"), "{actual}");
    }
    let (_staging, flag) = staging(ResponseScript::always(FakeResponse::status(200)));
    for (flag, verdict, expected) in [
        ("--endpoints=http://127.0.0.1:1/", Verdict::Blocked, "127.0.0.1:1 refused the connection"),
        (
            "--endpoints=http://does-not-exist.invalid/",
            Verdict::Inconclusive,
            "no address for does-not-exist.invalid:80",
        ),
        (&flag.replace("http:", "https:"), Verdict::Inconclusive, "no TLS with 127.0.0.1:"),
    ] {
        let end = gate(&format!("{flag}\t--attempts=2"));
        assert!(end.only_finding().0 == verdict && end.only_finding().1.contains(expected), "{:?}", end.findings);
        assert_eq!(end.took, Duration::from_secs(10));
    }
}

#[test]
fn a_refusing_proxy_is_inconclusive() {
    let network = BTreeMap::from([("http_proxy".to_owned(), "http://127.0.0.1:1".to_owned())]);
    let ctx = CommandContext { world: Arc::new(World::new(Network::new(&network))), ..test_context() };
    let findings = run_gate("--endpoints=http://staging.example/\t--attempts=1", &ctx, "{}").unwrap();
    assert_eq!(findings[0].verdict, Verdict::Inconclusive);
    assert!(findings[0].actual.starts_with("the proxy 127.0.0.1:1 refused"), "{findings:?}");
}

#[test]
fn the_condition_compares_the_body_with_the_release() {
    let ready = r#"{"status": "ready", "version": "1.4.2"}"#;
    for (condition, tag, body, expected) in [
        (".version == $subject.tag", "1.4.2", ready, None),
        (
            ".version == $subject.tag",
            "1.4.3",
            ready,
            Some("but the condition is false: `.version` is the string \"1.4.2\""),
        ),
        (".versoin == $subject.tag", "1.4.2", ready, Some("no key \"versoin\" (did you mean \"version\"?)")),
        (".version", "1.4.2", ready, Some("but `.version` gave \"1.4.2\", expected true or false")),
        (".a.b", "1.4.2", "[1]", Some("but `.a.b` failed: ")),
        (".ready", "1.4.2", "ok", Some("but its body is not JSON: ")),
        (".ready", "1.4.2", "", Some("but its body is not JSON: there is nothing in it")),
    ] {
        let (_staging, flag) = staging(ResponseScript::always(json(body)));
        let end =
            gate_for(&format!("{flag}\t--attempts=1\t--condition={condition}"), &format!(r#"{{"tag": "{tag}"}}"#));
        let (verdict, actual) = end.only_finding();
        assert_eq!(verdict == Verdict::Passed, expected.is_none(), "{actual}");
        assert!(
            verdict != Verdict::Inconclusive && expected.is_none_or(|expected| actual.contains(expected)),
            "{actual}"
        );
        assert_eq!(end.table[0][5].ends_with(body), expected.is_some(), "{:?}", end.table);
    }
}

#[test]
fn each_endpoint_is_judged_on_its_own_and_a_blocked_one_ends_the_gate() {
    let staging = Staging::start().unwrap();
    let [down, up] = [503, 200].map(FakeResponse::status);
    staging.script("/a", ResponseScript::always(up.clone()));
    staging.script("/b", ResponseScript::sequence([down.clone(), down.clone(), up]));
    staging.script("/c", ResponseScript::always(down));
    let url = staging.url();
    let both = gate(&format!("--endpoints={url}/a\t--endpoints={url}/b"));
    let verdicts: Vec<_> = both.findings.iter().map(|finding| (finding.verdict, finding.check.clone())).collect();
    assert_eq!(verdicts, [(Verdict::Passed, "/a".to_owned()), (Verdict::Passed, "/b".to_owned())]);
    assert_eq!(staging.requests().iter().filter(|asked| asked.ends_with("/a")).count(), 1);
    let end = gate(&format!("--endpoints={url}/c\t--endpoints={url}/a\t--consecutive=10"));
    assert_eq!(end.took, Duration::ZERO, "ten good responses in a row are not possible any more");
    assert_eq!(end.findings[0].verdict, Verdict::Blocked);
    assert!(
        end.findings[0].actual.contains("the 9 that are left cannot make 10 good ones in a row"),
        "{:?}",
        end.findings
    );
    assert_eq!(end.findings[1].verdict, Verdict::Inconclusive, "{:?}", end.findings);
}

#[test]
fn a_body_or_an_address_that_repeats_a_header_is_not_shown() {
    // Shows the headers of its request, as debugging pages do.
    let (sent, received) = mpsc::channel();
    let echo = LoopbackServer::start(move |request| {
        let token = request.headers["authorization"].to_str().unwrap().to_owned();
        let _ = sent.send(token.clone());
        match request.path.as_str() {
            "/body" => FakeResponse::text(503, "text/plain", format!("you said {token}")),
            "/condition" => FakeResponse::text(200, "application/json", format!(r#"{{"token": "{token}"}}"#)),
            "/redirect" => FakeResponse::redirect(&format!("/login/{}", token.replace("Bearer ", ""))),
            _ => FakeResponse::status(404),
        }
    })
    .unwrap();
    for (path, verdicts) in
        [("/body", "503"), ("/condition", "does not fulfil the condition"), ("/redirect", "repeats a header")]
    {
        let flags = format!(
            "--endpoints={}{path}\t--attempts=1\t--condition=.token\t--headers=Authorization: Bearer s3cr3t",
            echo.url()
        );
        let end = gate(&flags);
        assert_eq!(received.recv().unwrap(), "Bearer s3cr3t", "it was sent");
        assert!(end.table[0][5].ends_with("(not shown: it repeats a header of the request)") || path == "/redirect");
        assert!(
            end.only_finding().1.contains(verdicts) && !end.everything().contains("s3cr3t"),
            "{}",
            end.everything()
        );
        assert!(!format!("{:?}", args(&flags).unwrap()).contains("s3cr3t"));
    }
}

#[test]
fn invalid_settings_are_rejected() {
    let endpoint = "--endpoints=https://a.example/";
    for (flag, expected) in [
        ("--attempts=0", "from 1 to 1000"),
        ("--attempts=1001", "from 1 to 1000"),
        ("--consecutive=-1", "from 1 to 1000"),
        ("--expect-status=99", "from 100 to 599"),
        ("--expect-status=2xx", "from 100 to 599"),
        ("--redirects=21", "from 0 to 20"),
        ("--request-timeout=0", "over 0"),
        ("--interval=1w", "duration"),
        ("--endpoints=a.example", "https://"),
        ("--condition=.a ==", "cannot compile"),
        ("--condition=.a == $tag", "unknown variable $tag; known: $subject"),
    ] {
        let error = args(&format!("{endpoint}\t{flag}")).expect_err(flag).to_string();
        assert!(error.contains(expected), "{flag}: {error}");
    }
    let many = "\t--endpoints=https://a.example/".repeat(50);
    for (flags, expected) in [
        (
            "\t--attempts=2\t--consecutive=3",
            "`consecutive`: 3 good answers in a row out of 2 attempts; expected no more",
        ),
        (
            "\t--condition=.version == $subject.tag",
            "has no tag; expected a subject with every part that the condition names; next: give `tag`",
        ),
        (&many, "`endpoints`: 51 of them; expected at most 50"),
    ] {
        let Err(CommandError::BadInput(error)) = run_gate(&format!("{endpoint}{flags}"), &test_context(), "{}") else {
            panic!("{flags}")
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn expected_statuses_can_be_set() {
    let (_staging, flag) = staging(ResponseScript::sequence([200, 204].map(FakeResponse::status)));
    let end = gate(&format!("{flag}\t--expect-status=204\t--expect-status=404"));
    assert_eq!((end.only_finding().0, end.findings[0].expected.as_str()), (Verdict::Passed, "204 or 404"));
    assert_eq!(end.table.len(), 2);
}

#[test]
fn the_table_keeps_the_last_attempts_and_counts_the_omitted_ones() {
    let limits =
        EndpointLimits { attempts: 1000, consecutive: 1, statuses: vec![200], condition: None, compared: None };
    let urls = ["http://a.example/a", "http://a.example/b"].map(|url| url.parse::<Url>().unwrap());
    let mut observations = EndpointObservations::new(&urls);
    for index in 0..300 {
        let outcome = ProbeOutcome::Unobserved { reason: String::new(), next: "" };
        observations.record(Probe {
            endpoint: usize::from(index >= 250),
            at: String::new(),
            took: Duration::ZERO,
            outcome,
        });
    }
    let table = probe_table(&limits, &observations).unwrap();
    assert_eq!((table.title.as_str(), table.rows.len()), ("Probes, without 150 earlier ones", 150));
    assert_eq!(table.rows[0][..2], ["http://a.example/a", "151"]);
    assert_eq!(table.rows[149][..2], ["http://a.example/b", "50"]);
    assert_eq!(probe_table(&limits, &EndpointObservations::new(&urls[..1])), None);
}

#[test]
fn a_signal_ends_the_gate_with_the_findings_so_far() {
    let ctx = test_context();
    let wake = Arc::clone(&ctx.execution.wake);
    let server = LoopbackServer::start(move |_| {
        wake.cancel();
        FakeResponse::status(503)
    })
    .unwrap();
    let end = run_gate(&format!("--endpoints={}", server.url()), &ctx, "{}");
    assert_eq!(end, Err(CommandError::Cancelled));
    assert_eq!(ctx.execution.partial.copy().findings[0].verdict, Verdict::Inconclusive);
}
