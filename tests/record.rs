//! `record` against a fake GitHub: the dispatch, refusals, and lost responses.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod batch;
mod deploy_run;
mod digests;
mod evidence;
mod lost_responses;
mod proofs;
mod refusals;
pub mod story;

use promote_gates::{
    finding::{Finding, Verdict},
    report::{
        Outcome, Report, Run,
        compact::{compact, hex_sha256},
    },
    sandbox::{
        github::{FakeGitHub, InjectedFault},
        server::FakeResponse,
    },
};
use serde_json::{Value, json};

use crate::house::{Ended, Runner};

const INFRA: &str = "acme/ecommerce-infra";
const TOKEN: &str = "ghs_tokenOfTheDispatcher";
const SENT: &str = "staging-validated sent to acme/ecommerce-infra for checkout-service 1.4.2";
const URL: &str = "https://github.com/acme/shop/actions/runs/7/attempts/1";

fn fake_github() -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(INFRA);
    fake_github.grant(TOKEN, INFRA, &["contents=write"]);
    fake_github
}

/// A step with all required inputs except the reports.
fn runner(api_url: &str) -> Runner {
    Runner::new()
        .env("GITHUB_API_URL", api_url)
        .input("repository", INFRA)
        .input("token", TOKEN)
        .input("service", "checkout-service")
        .input("tag", "1.4.2")
        // `proofs` has the signed payloads.
        .input("proof", "annotations")
}

/// A report of this run about the subject.
fn report(command: &str, verdict: Verdict) -> Report {
    report_with(command, vec![Finding::new("check", verdict).actual("as seen")])
}

fn report_with(command: &str, findings: Vec<Finding>) -> Report {
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

/// The whole report, as in its file.
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

/// The exit code, the verdict and the state of the effect. Outputs, report and summary must agree.
fn end(ended: &Ended) -> (i32, &str, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    let effect = ended.report["effects"][0]["state"].as_str().unwrap_or("none");
    (ended.code, &ended.outputs["verdict"], effect)
}

/// The reports in the payload of the only dispatch.
fn sent_reports(fake_github: &FakeGitHub) -> Vec<Value> {
    let [dispatch] = &fake_github.dispatches(INFRA)[..] else { panic!("{:?}", fake_github.requests()) };
    dispatch.client_payload["evidence"]["reports"].as_array().unwrap().clone()
}

#[test]
fn the_dispatch_contains_the_reports_unchanged() {
    let fake_github = fake_github();
    let reports = passed();
    let ended = record(runner(&fake_github.api_url()), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let [dispatch] = &fake_github.dispatches(INFRA)[..] else { panic!("{:?}", fake_github.requests()) };
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
    // RFC 3339 in UTC with whole seconds, so that texts compare like times.
    let within = ended.report["started-at"].as_str()..=ended.report["finished-at"].as_str();
    assert!(within.contains(&validated_at.as_str()), "{validated_at} in {within:?}");
    assert_eq!(fake_github.violations(), [""; 0]);
    assert!(ended.log.contains(SENT), "{}", ended.log);
    for gate in ["health", "smoke", "performance"] {
        assert!(ended.summary.contains(&format!("| ✅ | {gate} |")), "{}", ended.summary);
    }
    let settings = ended.report["settings"]["results"].as_str().unwrap();
    assert!(settings.contains("bytes, sha256 "), "the settings hold only size and hash: {settings}");
}

#[test]
fn a_digest_can_replace_the_tag_and_the_event_type_is_a_setting() {
    let fake_github = fake_github();
    let digest = format!("sha256:{}", "a".repeat(64));
    let subject = json!({ "service": "checkout-service", "digest": digest }).to_string();
    let reports = passed().map(|report| Report { subject: subject.parse().unwrap(), ..report });
    let runner = runner(&fake_github.api_url()).input("tag", "").input("service", "").input("subject", &subject);
    let ended = record(runner.input("event-type", "ready"), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let [dispatch] = &fake_github.dispatches(INFRA)[..] else { panic!("{:?}", fake_github.requests()) };
    assert_eq!(dispatch.event_type, "ready");
    assert_eq!(dispatch.client_payload.get("image_tag"), None);
    assert_eq!(dispatch.client_payload["evidence"]["subject"]["digest"], digest);
}

#[test]
fn the_required_gates_are_a_setting() {
    let fake_github = fake_github();
    let only = |required: &str| {
        record(runner(&fake_github.api_url()).input("required", required), &[report("bundle-size", Verdict::Passed)])
    };
    assert_eq!(end(&only("bundle-size")), (0, "passed", "applied"));
    assert_eq!(end(&only("bundle-size\nsmoke")), (3, "inconclusive", "refused"));
    assert_eq!(fake_github.requests().len(), 1);
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_needs_no_token() {
    let fake_github = fake_github();
    let dry = |reports: &[Report]| {
        record(runner(&fake_github.api_url()).input("token", "").input("dry-run", "true"), reports)
    };
    let ended = dry(&passed());
    assert_eq!(end(&ended), (0, "inconclusive", "planned"), "{}", ended.log);
    assert_eq!(ended.report["dry-run"], true);
    for part in ["what would be sent to acme/ecommerce-infra", "\"image_tag\": \"1.4.2\"", "not sent (dry-run) to"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    let ended = dry(&[report("health", Verdict::Blocked)]);
    assert_eq!(end(&ended), (0, "blocked", "refused"), "{}", ended.log);
    assert_eq!(fake_github.requests(), []);
}

#[test]
fn the_token_appears_only_in_its_mask() {
    let echo = FakeResponse::json(403, &json!({ "message": format!("no, {TOKEN}") }))
        .header("x-accepted-github-permissions", TOKEN);
    for fault in [None, Some(InjectedFault::WithoutEffect(echo))] {
        let fake_github = fake_github();
        if let Some(fault) = fault.clone() {
            fake_github.fail_next(fault);
        }
        let ended = record(runner(&fake_github.api_url()), &passed());
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
    let hostile = |verdict| report_with("health", vec![Finding::new(HOSTILE, verdict).actual(HOSTILE).waived(HOSTILE)]);
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
        let fake_github = fake_github();
        let ended = runner(&fake_github.api_url()).input("dry-run", dry_run).input("results", results).run(&["record"]);
        assert_eq!(ended.code, code, "{}", ended.log);
        for command in ended.commands() {
            let own_commands =
                ["::add-mask::ghs_", "::group::what", "::endgroup::", "::notice title=promote-gates::command=record "];
            let findings = ["::error title=record%3A ", "::warning title=record%3A "];
            assert!(own_commands.iter().chain(&findings).any(|own| command.starts_with(own)), "{command}");
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
        if let [dispatch] = &fake_github.dispatches(INFRA)[..] {
            let sent: Report =
                serde_json::from_str(dispatch.client_payload["evidence"]["reports"][0].as_str().unwrap()).unwrap();
            assert_eq!(sent.findings[0].actual, HOSTILE, "the report is sent unchanged");
        }
    }
}
