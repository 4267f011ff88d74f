//! `record` against a GitHub on loopback: what is sent, when nothing is, and what is said about it.

#![expect(clippy::unwrap_used, reason = "what cannot be staged is a failed test")]

use std::{
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use promote_gates::{
    report::{
        Outcome, Report, Run,
        compact::{compact, hex_sha256},
    },
    sandbox::{
        github::{Fault, Hub},
        server::{Answer, Server},
    },
    verdict::{Finding, Verdict},
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::house::{Ended, Runner};

const INFRA: &str = "acme/ecommerce-infra";
const TOKEN: &str = "ghs_tokenOfTheDispatcher";
const SENT: &str = "staging-validated sent to acme/ecommerce-infra for checkout-service 1.4.2";
const URL: &str = "https://github.com/acme/shop/actions/runs/7/attempts/1";

fn hub() -> Hub {
    let hub = Hub::start().unwrap();
    hub.create(INFRA);
    hub.grant(TOKEN, INFRA, &["contents=write"]);
    hub
}

/// A step with all the inputs it needs but the reports.
fn runner(api_url: &str) -> Runner {
    Runner::new()
        .env("GITHUB_API_URL", api_url)
        .input("repository", INFRA)
        .input("token", TOKEN)
        .input("service", "checkout-service")
        .input("tag", "1.4.2")
}

/// What a gate found in this run about this subject.
fn report(command: &str, verdict: Verdict) -> Report {
    told(command, vec![Finding::new("check", verdict).actual("as seen")])
}

fn told(command: &str, findings: Vec<Finding>) -> Report {
    let mut report = Report::open(command, "2026-01-01T00:00:00Z".to_owned());
    report.subject = r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().unwrap();
    report.run = Some(run(7));
    report.close(Ok(Outcome::from(findings)), "2026-01-01T00:01:00Z".to_owned());
    report
}

fn run(id: u64) -> Run {
    Run { repository: "acme/shop".to_owned(), id, attempt: 1, url: URL.to_owned(), job: "job".to_owned() }
}

fn passed() -> [Report; 3] {
    ["health", "smoke", "performance"].map(|command| report(command, Verdict::Passed))
}

/// The whole report, as its file holds it.
fn whole(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap() + "\n"
}

/// A gate's output `report`.
fn output(report: &Report) -> String {
    compact(report, &hex_sha256(whole(report).as_bytes())).text
}

/// `toJSON(needs)` of a job that needs one job for each text.
fn needs(texts: &[String]) -> String {
    let job = |text| json!({ "result": "success", "outputs": { "report": text, "verdict": "passed" } });
    let jobs = texts.iter().enumerate().map(|(at, text)| (format!("gate-{at}"), job(text)));
    serde_json::to_string_pretty(&Value::Object(jobs.collect())).unwrap()
}

fn outputs(reports: &[Report]) -> Vec<String> {
    reports.iter().map(output).collect()
}

fn record(runner: Runner, reports: &[Report]) -> Ended {
    runner.input("results", &needs(&outputs(reports))).run(&["record"])
}

/// Code, verdict, and the state of the effect, which all have to agree with each other everywhere.
fn end(ended: &Ended) -> (i32, &str, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    let effect = ended.report["effects"][0]["state"].as_str().unwrap_or("none");
    (ended.code, &ended.outputs["verdict"], effect)
}

/// The reports in the payload of the only dispatch.
fn carried(hub: &Hub) -> Vec<Value> {
    let [dispatch] = &hub.dispatches(INFRA)[..] else { panic!("{:?}", hub.asked()) };
    dispatch.client_payload["evidence"]["reports"].as_array().unwrap().clone()
}

#[test]
fn the_news_goes_out_with_the_reports_as_they_came() {
    let hub = hub();
    let reports = passed();
    let ended = record(runner(&hub.api_url()), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let [dispatch] = &hub.dispatches(INFRA)[..] else { panic!("{:?}", hub.asked()) };
    let validated_at = &dispatch.client_payload["validated_at"];
    let expected = json!({
        "service": "checkout-service",
        "image_tag": "1.4.2",
        "validated_at": validated_at,
        "evidence": {
            "schema": 1,
            "run": { "repository": "acme/shop", "id": 7, "attempt": 1, "url": URL },
            "subject": { "service": "checkout-service", "tag": "1.4.2" },
            "reports": outputs(&reports),
        },
    });
    assert_eq!((&*dispatch.event_type, &dispatch.client_payload), ("staging-validated", &expected));
    // RFC 3339 in UTC with whole seconds: texts compare as times do.
    let within = ended.report["started-at"].as_str()..=ended.report["finished-at"].as_str();
    assert!(within.contains(&validated_at.as_str()), "{validated_at} in {within:?}");
    assert_eq!(hub.violations(), [""; 0]);
    assert!(ended.log.contains(SENT), "{}", ended.log);
    for gate in ["health", "smoke", "performance"] {
        assert!(ended.summary.contains(&format!("| {gate} | ✅ passed |")), "{}", ended.summary);
    }
    let settings = ended.report["settings"]["results"].as_str().unwrap();
    assert!(settings.contains("bytes, sha256 "), "the reports are not told twice: {settings}");
}

#[test]
fn a_digest_names_the_image_as_well_and_the_event_can_have_another_name() {
    let hub = hub();
    let digest = format!("sha256:{}", "a".repeat(64));
    let subject = json!({ "service": "checkout-service", "digest": digest }).to_string();
    let reports = passed().map(|report| Report { subject: subject.parse().unwrap(), ..report });
    let runner = runner(&hub.api_url()).input("tag", "").input("service", "").input("subject", &subject);
    let ended = record(runner.input("event-type", "ready"), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let [dispatch] = &hub.dispatches(INFRA)[..] else { panic!("{:?}", hub.asked()) };
    assert_eq!(dispatch.event_type, "ready");
    assert_eq!(dispatch.client_payload.get("image_tag"), None);
    assert_eq!(dispatch.client_payload["evidence"]["subject"]["digest"], digest);
}

#[test]
fn what_does_not_count_is_named_and_nothing_is_sent() {
    let with = |changed: Report| {
        let [_, smoke, performance] = passed();
        vec![changed, smoke, performance]
    };
    let health = || report("health", Verdict::Passed);
    let other = Report { subject: r#"{"service":"checkout-service","tag":"1.4.3"}"#.parse().unwrap(), ..health() };
    let mut outer = told("run", vec![Finding::passed("health")]);
    outer.reports = passed().into();
    outer.dry_run = true;
    for (reports, code, verdict, seen) in [
        (vec![], 3, "inconclusive", "report: ${{ steps.health.outputs.report }}"),
        (passed()[..2].to_vec(), 3, "inconclusive", "performance: no report of it"),
        (with(report("health", Verdict::Blocked)), 1, "blocked", "health: blocked: check: as seen"),
        (with(report("health", Verdict::Inconclusive)), 3, "inconclusive", "health: inconclusive: check: as seen"),
        (with(Report { dry_run: true, ..health() }), 3, "inconclusive", "health: passed in dry-run"),
        (with(other), 3, "inconclusive", "health: about another subject: tag 1.4.3, not 1.4.2"),
        (with(Report { run: Some(run(8)), ..health() }), 3, "inconclusive", "health: of another workflow run"),
        (with(Report { run: None, ..health() }), 3, "inconclusive", "health: of another workflow run"),
        (with(Report { schema: 2, ..health() }), 3, "inconclusive", "a report of schema 2"),
        (vec![outer], 3, "inconclusive", "smoke: passed in dry-run"),
    ] {
        let hub = hub();
        let ended = record(runner(&hub.api_url()), &reports);
        assert_eq!(end(&ended), (code, verdict, "refused"), "{seen}: {}", ended.log);
        assert!(ended.log.contains(seen), "{seen}: {}", ended.log);
        assert!(ended.log.contains("dispatch: nothing was sent"), "{}", ended.log);
        assert_eq!(hub.asked(), [], "{seen}");
    }
}

#[test]
fn what_is_required_can_be_told() {
    let hub = hub();
    let only = |required: &str| {
        record(runner(&hub.api_url()).input("required", required), &[report("bundle-size", Verdict::Passed)])
    };
    assert_eq!(end(&only("bundle-size")), (0, "passed", "applied"));
    assert_eq!(end(&only("bundle-size\nsmoke")), (3, "inconclusive", "refused"));
    assert_eq!(hub.asked().len(), 1);
}

#[test]
fn bad_input_is_named_before_anything_is_sent() {
    let hub = hub();
    let long = "x".repeat(101);
    for (key, value, parts) in [
        ("results", "", &["`results`, `reports`", "results: ${{ toJSON(needs) }}"][..]),
        ("results", "success", &["`results`", "success", "toJSON(needs)"]),
        ("reports", "gone/*.json", &["gone/*.json", "names no file"]),
        ("reports", "../*.json", &["`reports`", "../*.json", "leaves the workspace"]),
        ("required", "helth", &["`required`", "input", "helth", "performance", "did you mean `health`?"]),
        ("required", "promote", &["`required`", "promote"]),
        ("repository", "", &["`repository`", "not given"]),
        ("repository", "acme", &["`repository`", "\"acme\"", "owner/name"]),
        ("event-type", &long, &["`event-type`", "1 to 100"]),
        ("event-type", "a\u{1b}[2K", &["`event-type`", "control character"]),
        ("token", "", &["`token`", "Contents: write on acme/ecommerce-infra"]),
        ("token", "two words\nof it", &["the token", "one line"]),
        ("timeout", "0", &["`timeout`", "0s"]),
        ("timeout", "soon", &["`timeout`", "soon", "a duration"]),
        ("service", "", &["`service`", "not given"]),
        ("service", "../../etc", &["`service`", "../../etc"]),
        ("tag", "", &["`tag`", "`digest`"]),
        ("tag", "::error::x", &["`tag`", "an OCI tag"]),
    ] {
        let results = needs(&outputs(&passed()));
        let ended = runner(&hub.api_url()).input("results", &results).input(key, value).run(&["record"]);
        assert_eq!((ended.code, &*ended.outputs["verdict"]), (2, "inconclusive"), "{key} {value}: {}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{key} {value}: {part} in {}", ended.log);
        }
    }
    for address in ["http://api.github.com", "https://me:hunter2@github.example.com"] {
        let ended = record(runner(address), &passed());
        assert_eq!(ended.code, 2, "{}", ended.log);
        assert!(ended.log.contains("the address of GitHub's API") && !ended.log.contains("hunter2"), "{}", ended.log);
    }
    assert_eq!(hub.asked(), []);
}

#[test]
fn what_github_refuses_comes_with_what_to_do() {
    let said = |status, message: &str| Some(Answer::json(status, &json!({ "message": message })));
    for (token, repository, fault, parts) in [
        ("stranger", INFRA, None, ["401 Bad credentials", "the token is wrong, expired or revoked"]),
        ("reader", INFRA, None, ["403 Resource not accessible", "needs Contents: write on acme/ecommerce-infra"]),
        (TOKEN, "acme/elsewhere", None, ["404 Not Found", "there is no acme/elsewhere, or the token cannot see it"]),
        (TOKEN, INFRA, said(422, "too large"), ["422 too large", "does not take this payload"]),
        (TOKEN, INFRA, said(429, "slow down"), ["429 slow down", "it takes requests again in a few minutes"]),
        (TOKEN, INFRA, Some(Answer::redirect("/elsewhere")), ["302", "acme/ecommerce-infra has moved"]),
    ] {
        let hub = hub();
        hub.grant("reader", INFRA, &["contents=read"]);
        if let Some(fault) = fault {
            hub.fail_next(Fault::Instead(fault));
        }
        let ended = record(runner(&hub.api_url()).input("token", token).input("repository", repository), &passed());
        assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{part} in {}", ended.log);
        }
        assert_eq!((hub.asked().len(), hub.dispatches(INFRA).len()), (1, 0), "{}", ended.log);
    }
}

#[test]
fn a_lost_answer_is_no_answer_and_nothing_is_sent_again() {
    let busy = || Answer::json(502, &json!({ "message": "Server Error" }));
    for (fault, why, arrived) in [
        (Fault::Instead(busy()), "answered 502: Server Error", 0),
        (Fault::Afterwards(busy()), "answered 502: Server Error", 1),
        (Fault::Afterwards(Answer::close()), "the connection was lost", 1),
        (Fault::Instead(Answer::hang()), "no answer within 0.2 s", 0),
    ] {
        let hub = hub();
        hub.fail_next(fault);
        let ended = record(runner(&hub.api_url()).input("timeout", "200ms"), &passed());
        assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
        for part in [why, "it may have arrived", "look at the runs of acme/ecommerce-infra"] {
            assert!(ended.log.contains(part), "{part} in {}", ended.log);
        }
        assert_eq!((hub.asked().len(), hub.dispatches(INFRA).len()), (1, arrived), "{}", ended.log);
    }
}

#[test]
fn without_a_connection_nothing_was_sent_and_it_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = record(runner(&url), &passed());
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.log.contains("no connection") && ended.log.contains("nothing was sent"), "{}", ended.log);
}

/// A GitHub that takes the request and never answers; tells when it has come.
fn silent() -> (Server, Receiver<()>) {
    let (to, came) = mpsc::channel();
    let server = Server::start(move |_| {
        let _ = to.send(());
        Answer::hang()
    });
    (server.unwrap(), came)
}

#[test]
fn a_signal_while_the_answer_is_awaited_leaves_a_report_before_the_runner_kills() {
    let (server, came) = silent();
    let runner = runner(server.url()).input("results", &needs(&outputs(&passed())));
    let step = runner.start(&["record"]);
    came.recv_timeout(Duration::from_secs(30)).unwrap();
    step.signal(Signal::INT);
    // The runner follows with SIGTERM after 7.5 s, and kills another 2.5 s later.
    step.signal(Signal::TERM);
    let ended = step.end_within(Duration::from_secs(10));
    assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
    for part in ["sent, not yet answered", "it may have arrived", "cancelled by a signal"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert!(came.try_recv().is_err(), "once");
}

#[test]
fn an_answer_that_comes_after_the_signal_still_counts() {
    let (to, came) = mpsc::channel();
    let late = Server::start(move |_| {
        let _ = to.send(());
        Answer::status(204).after(Duration::from_millis(1500))
    });
    let late = late.unwrap();
    let runner = runner(late.url()).input("results", &needs(&outputs(&passed())));
    let step = runner.start(&["record"]);
    came.recv_timeout(Duration::from_secs(30)).unwrap();
    step.signal(Signal::TERM);
    let ended = step.end_within(Duration::from_secs(8));
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
}

#[test]
fn twelve_maximal_reports_come_in_one_variable_and_those_that_fit_go_out() {
    // Of findings of many lengths, the report whose compact form is the largest.
    let of_length = |length: usize| {
        let long = "\"\\\n🦀".repeat(length);
        told("bundle-size", vec![Finding::passed(&long).expected(&long).actual(&long); 30])
    };
    let size = |report: &Report| json!(output(report)).to_string().len();
    let maximal = (1..60).map(of_length).max_by_key(size).unwrap();
    assert!(size(&maximal) > 6000, "{}", size(&maximal));
    let commands = ["health", "smoke", "performance"].into_iter().chain(["bundle-size"; 9]);
    // Each its own: two that are the same would be sent as one.
    let reports: Vec<Report> = commands
        .enumerate()
        .map(|(at, command)| {
            let started_at = format!("2026-01-01T00:00:{at:02}Z");
            Report { command: command.to_owned(), started_at, ..maximal.clone() }
        })
        .collect();
    let hub = hub();
    let ended = record(runner(&hub.api_url()), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let carried = carried(&hub);
    assert!((8..12).contains(&carried.len()), "{}", carried.len());
    assert_eq!(carried[..3], outputs(&reports[..3])[..], "the required ones first");
    let left_out = 12 - carried.len();
    assert_eq!(ended.log.matches("no room within GitHub's limit").count(), left_out, "{}", ended.log);
    let effect = ended.report["effects"][0]["detail"].as_str().unwrap();
    assert!(effect.contains(&format!("{} of 12 reports", carried.len())), "{effect}");
    assert_eq!(hub.violations(), [""; 0]);
}

#[test]
fn required_reports_that_do_not_fit_are_not_sent_in_part() {
    let hub = hub();
    let long = "x".repeat(300);
    let reports: Vec<Report> = (0..16)
        .map(|at| told("health", vec![Finding::passed(format!("{at}")).actual(&long).expected(&long); 7]))
        .collect();
    let ended = record(runner(&hub.api_url()).input("required", "health"), &reports);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    for part in ["bytes; expected 65535 at most", "the 16 reports of the required gates do not fit"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert_eq!(hub.asked(), []);
}

#[test]
fn reports_of_a_matrix_come_as_files_whole_or_compact() {
    let hub = hub();
    let [health, smoke, performance] = passed();
    let step = runner(&hub.api_url()).input("reports", "reports/**/*.json\n!reports/old");
    step.write("reports/a/health.json", whole(&health));
    // As `echo "$REPORT" >smoke.json` writes it.
    step.write("reports/b/smoke.json", output(&smoke) + "\n");
    step.write("reports/old/smoke.json", output(&report("smoke", Verdict::Blocked)));
    // The same report both ways is one.
    let step = step.input("results", &needs(&outputs(&[health.clone(), performance.clone()])));
    let ended = step.run(&["record"]);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(carried(&hub), outputs(&[health, smoke, performance]), "each as its gate's annotation has hashed it");
}

#[test]
fn one_file_that_is_no_report_or_one_leg_that_failed_is_enough() {
    for (contents, seen) in [
        (b"\xff\xfe".to_vec(), "reports/d.json: no report"),
        (b"{}".to_vec(), "reports/d.json: no report"),
        (whole(&report("health", Verdict::Blocked)).into_bytes(), "health: blocked: check: as seen"),
    ] {
        let hub = hub();
        let step = runner(&hub.api_url()).input("reports", "reports");
        for (name, report) in ["a", "b", "c"].iter().zip(passed()) {
            step.write(&format!("reports/{name}.json"), whole(&report));
        }
        step.write("reports/d.json", contents);
        let ended = step.run(&["record"]);
        assert_ne!(ended.outputs["verdict"], "passed", "{}", ended.log);
        assert!(ended.log.contains(seen), "{seen} in {}", ended.log);
        assert_eq!(hub.asked(), []);
    }
}

#[test]
fn the_gates_of_a_run_travel_once() {
    let hub = hub();
    let mut outer = told("run", vec![Finding::passed("all")]);
    outer.reports = passed().into();
    let ended = record(runner(&hub.api_url()), std::slice::from_ref(&outer));
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(carried(&hub), outputs(&[outer]));
}

#[test]
fn reports_of_another_release_are_not_sent_along() {
    let hub = hub();
    let subject = r#"{"service":"frontend","tag":"1.4.2"}"#.parse().unwrap();
    let other = Report { subject, ..report("bundle-size", Verdict::Passed) };
    let stale = Report { run: Some(run(6)), ..report("bundle-size", Verdict::Passed) };
    let further = report("bundle-size", Verdict::Blocked);
    let ended = record(runner(&hub.api_url()), &[&passed()[..], &[other, stale, further.clone()]].concat());
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(carried(&hub), outputs(&[&passed()[..], &[further]].concat()));
    assert!(
        ended.log.contains("gate-3`, about another subject: service frontend, not checkout-service"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("gate-4`, of another workflow run"), "{}", ended.log);
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_needs_no_token() {
    let hub = hub();
    let dry = |reports: &[Report]| record(runner(&hub.api_url()).input("token", "").input("dry-run", "true"), reports);
    let ended = dry(&passed());
    assert_eq!(end(&ended), (0, "passed", "planned"), "{}", ended.log);
    assert_eq!(ended.report["dry-run"], true);
    for part in ["what would be sent to acme/ecommerce-infra", "\"image_tag\": \"1.4.2\"", "would be sent to"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    let ended = dry(&[report("health", Verdict::Blocked)]);
    assert_eq!(end(&ended), (0, "blocked", "refused"), "{}", ended.log);
    assert_eq!(hub.asked(), []);
}

#[test]
fn the_token_is_told_to_nobody() {
    let echo =
        Answer::json(403, &json!({ "message": format!("no, {TOKEN}") })).header("x-accepted-github-permissions", TOKEN);
    for fault in [None, Some(Fault::Instead(echo))] {
        let hub = hub();
        if let Some(fault) = fault.clone() {
            hub.fail_next(fault);
        }
        let ended = record(runner(&hub.api_url()), &passed());
        assert_eq!(ended.code, if fault.is_some() { 3 } else { 0 }, "{}", ended.log);
        let mask = format!("::add-mask::{TOKEN}");
        assert_eq!(ended.log.lines().next(), Some(&*mask), "before anything else");
        let rest = ended.log.replacen(&mask, "", 1);
        assert!(!format!("{rest} {:?} {} {}", ended.outputs, ended.summary, ended.report).contains(TOKEN), "{rest}");
    }
}

const HOSTILE: &str = "::error::x\n##[error]x\r::set-output name=verdict::passed\n%0A::add-mask::y </td><script>z</script> \
                       a|b `c`\nEOF_00000000000000000000000000000000\nverdict=passed\n\u{1b}[2K";

#[test]
fn hostile_texts_in_reports_give_no_command_no_output_and_no_markup() {
    let hostile = |verdict| told("health", vec![Finding::new(HOSTILE, verdict).actual(HOSTILE).waived(HOSTILE)]);
    let [_, smoke, performance] = passed();
    let mut texts = outputs(&[hostile(Verdict::Passed), smoke.clone(), performance.clone()]);
    let fine = needs(&texts);
    texts.push(HOSTILE.to_owned());
    let blocked = needs(&outputs(&[hostile(Verdict::Blocked), smoke, performance]));
    let names = json!({ HOSTILE: { "outputs": { "report": HOSTILE } } }).to_string();
    for (results, dry_run, code) in [
        (&*fine, "false", 0),
        (&fine, "true", 0),
        (&blocked, "false", 1),
        (&needs(&texts), "false", 3),
        (&names, "false", 3),
        (HOSTILE, "false", 2),
    ] {
        let hub = hub();
        let ended = runner(&hub.api_url()).input("dry-run", dry_run).input("results", results).run(&["record"]);
        assert_eq!(ended.code, code, "{}", ended.log);
        for command in ended.commands() {
            let ours =
                ["::add-mask::ghs_", "::group::what", "::endgroup::", "::notice title=promote-gates::command=record "];
            let findings = ["::error title=record%3A ", "::warning title=record%3A "];
            assert!(ours.iter().chain(&findings).any(|ours| command.starts_with(ours)), "{command}");
        }
        assert_eq!(ended.outputs.keys().collect::<Vec<_>>(), ["reason", "report", "report-path", "verdict"]);
        assert_eq!(ended.outputs["verdict"], ended.report["verdict"]);
        assert_eq!(ended.outputs["reason"].lines().count(), 1, "{:?}", ended.outputs["reason"]);
        for markup in ["<script", "</td", "a|b", "`c`", "\u{1b}"] {
            assert!(!ended.summary.contains(markup), "{markup} in {}", ended.summary);
        }
        for row in ended.summary.lines().filter(|line| line.starts_with('|')) {
            assert!([4, 5].contains(&row.matches('|').count()), "{row}");
        }
        if let [dispatch] = &hub.dispatches(INFRA)[..] {
            let sent: Report =
                serde_json::from_str(dispatch.client_payload["evidence"]["reports"][0].as_str().unwrap()).unwrap();
            assert_eq!(sent.findings[0].actual, HOSTILE, "and what is sent is what was said");
        }
    }
}
