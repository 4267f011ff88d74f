use std::{fmt::Write as _, sync::Arc};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    context::tests::test_context,
    execution::Execution,
    proof::token,
    report::{EffectState, Run},
    results::ReceivedReport,
    runner_env::RunnerEnv,
    sandbox::github::FakeGitHub,
    world::github::check_dispatch_limits,
};

fn subject() -> Subject {
    r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().unwrap()
}

fn run() -> Run {
    Run { repository: "acme/shop".to_owned(), id: 7, attempt: 2, url: String::new(), job: String::new() }
}

fn passed(command: &str) -> Report {
    let mut report = Report::open(command, String::new());
    report.subject = subject();
    report.run = Some(run());
    report.close(Ok(vec![Finding::passed("check")].into()), String::new());
    report
}

fn args(api_url: &str) -> (Args, CommandContext) {
    let runner_env = RunnerEnv { api_url: Some(api_url.to_owned()), run: Some(run()), ..RunnerEnv::default() };
    let results = json!({ "health": { "outputs": { "report": serde_json::to_string(&passed("health")).unwrap() } } });
    let args = Args {
        results: Some(results.to_string()),
        reports: Vec::new(),
        subjects: None,
        required: vec!["health".to_owned()],
        branch: None,
        deploy_workflow: None,
        source_token: None,
        repository: "acme/ecommerce-infra".parse().unwrap(),
        event_type: "staging-validated".parse().unwrap(),
        proof: ProofMode::Annotations,
        token: Some(Secret::new("t".to_owned())),
        timeout: "10s".parse().unwrap(),
    };
    (args, CommandContext { runner_env: Arc::new(runner_env), ..test_context() })
}

#[test]
fn a_command_that_is_cancelled_before_the_dispatch_sends_nothing() {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create("acme/ecommerce-infra");
    fake_github.grant("t", "acme/ecommerce-infra", &["contents=write"]);
    let (args, ctx) = args(&fake_github.api_url());
    ctx.execution.wake.cancel();
    assert_eq!(super::run(&args, &subject(), &ctx), Err(CommandError::Cancelled));
    let effect = ctx.execution.partial.copy().effects.remove(0);
    assert_eq!((effect.state, fake_github.requests()), (EffectState::Refused, vec![]));
    // Without the cancellation, the same command sends it.
    let execution = Execution { wake: Arc::default(), ..ctx.execution.clone() };
    let ctx = CommandContext { execution, ..ctx };
    assert!(super::run(&args, &subject(), &ctx).is_ok());
    assert_eq!(fake_github.requests().len(), 1);
}

#[test]
fn an_event_type_is_one_line_of_at_most_100_characters() {
    for good in ["staging-validated", "x", &"é".repeat(100)] {
        assert_eq!(good.parse::<EventType>().map(|event| event.to_string()), Ok(good.to_owned()));
    }
    for bad in ["", "a\nb", "a\tb", "\u{7f}", &"é".repeat(101)] {
        assert!(bad.parse::<EventType>().is_err(), "{bad:?}");
    }
}

/// One report for each command and size, with a unique text.
fn received(all: &[(&str, usize)]) -> Vec<ReceivedReport> {
    let received = all.iter().enumerate().map(|(at, (command, size))| {
        let mut text = format!("{at} \"");
        while text.len() < *size {
            let _ = writeln!(text, "{at}");
        }
        ReceivedReport { source: format!("job {at}"), text, report: passed(command) }
    });
    received.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_payload_holds_all_required_reports_within_githubs_limits(
        all in prop::collection::vec((prop::sample::select(vec!["health", "smoke", "bundle-size"]), 1..9000_usize), 0..24),
        proof in prop::sample::select(vec![ProofMode::Required, ProofMode::Annotations]),
    ) {
        let (subject, run) = (subject(), run());
        let release = ValidatedRelease::new(&subject, Some(&run), None, "2026-01-01T00:00:00Z".to_owned()).unwrap();
        let required = ["smoke".to_owned(), "health".to_owned()];
        let received = received(&all);
        let texts = |command: &str| {
            let of_command = received.iter().filter(|received| received.report.command == command);
            of_command.map(|received| received.text.clone()).collect::<Vec<_>>()
        };
        let needed = [texts("smoke"), texts("health")].concat();
        let room = if proof == ProofMode::Required { token::MAX_SIZE } else { 0 };
        match DispatchPayload::compose(&release, "x", &received, &required, proof) {
            Ok(mut payload) => {
                if room > 0 {
                    payload.add_proof(&Secret::new("x".repeat(room)));
                }
                prop_assert_eq!(check_dispatch_limits(&payload.json, "x"), Ok(()));
                let included: Vec<String> = serde_json::from_value(payload.json["evidence"]["reports"].clone()).unwrap();
                prop_assert_eq!(&included[..needed.len()], &needed[..]);
                prop_assert!(included[needed.len()..].iter().all(|text| texts("bundle-size").contains(text)));
                prop_assert_eq!(included.len() + payload.omitted.len(), all.len());
            }
            Err(finding) => {
                prop_assert_eq!(finding.verdict, Verdict::Inconclusive);
                prop_assert!(json!(needed).to_string().len() > 65_000 - room);
            }
        }
    }
}
