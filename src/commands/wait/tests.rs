use clap::Parser as _;

use super::*;
use crate::{
    context::tests::test_context,
    finding::Finding,
    report::log::tests::Kept,
    runner_env::RunnerEnv,
    sandbox::{github::FakeGitHub, infra::Infra},
};

#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    args: Args,
}

/// A fake GitHub, a ledger, and a context whose clock leaps.
struct Stage {
    fake_github: FakeGitHub,
    folder: tempfile::TempDir,
    ctx: CommandContext,
    kept: Kept,
}

impl Stage {
    fn new() -> Self {
        let (fake_github, folder, kept) = (FakeGitHub::start().unwrap(), tempfile::tempdir().unwrap(), Kept::default());
        fake_github.create("acme/infra");
        fake_github.grant("t0ken", "acme/infra", &["issues=read"]);
        Infra::create(folder.path(), &["checkout-service"]).unwrap().clone_to(&folder.path().join("checkout")).unwrap();
        let runner_env = RunnerEnv {
            api_url: Some(fake_github.api_url()),
            repository: Some("acme/infra".to_owned()),
            ..RunnerEnv::default()
        };
        let ctx = CommandContext { log: Arc::new(kept.log(true)), runner_env: Arc::new(runner_env), ..test_context() };
        Self { fake_github, folder, ctx, kept }
    }

    fn wait(&self, flags: &[&str]) -> Result<Vec<Finding>, CommandError> {
        let checkout = format!("--checkout={}", self.folder.path().join("checkout").display());
        let args = ["wait", "--token=t0ken", &checkout].into_iter().chain(flags.iter().copied());
        let args = Alone::try_parse_from(args).unwrap_or_else(|error| panic!("{error}")).args;
        let subject = r#"{"service":"checkout-service","environment":"production"}"#.parse().unwrap();
        run(&args, &subject, &Config::default(), &self.ctx).map(|outcome| outcome.findings)
    }

    fn looks(&self) -> usize {
        self.fake_github.requests().len()
    }
}

#[test]
fn the_wait_looks_and_logs_once_a_minute_and_looks_again_at_the_end() {
    let stage = Stage::new();
    let findings = stage.wait(&[]).unwrap();
    assert_eq!(verdict(&findings), Verdict::Passed, "{findings:?}");
    assert_eq!(stage.ctx.execution.clock.now(), Duration::from_mins(10));
    assert_eq!(stage.looks(), 11, "ten while it waits, one when it is over");
    let log = stage.kept.text();
    let left: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once(" left, until 1970-01-01 00:10 UTC"))
        .map(|(left, _)| left)
        .collect();
    assert_eq!(left, ["10m", "9m", "8m", "7m", "6m", "5m", "4m", "3m", "2m", "1m"], "{log}");
    assert!(
        log.lines().any(|line| line.ends_with("left, until 1970-01-01 00:10 UTC: no hold, no newer promotion")),
        "{log}"
    );
}

#[test]
fn a_failed_look_after_the_wait_is_retried_until_the_timeout() {
    let stage = Stage::new();
    stage.fake_github.create("acme/hidden");
    let runner_env = RunnerEnv {
        api_url: Some(stage.fake_github.api_url()),
        repository: Some("acme/hidden".to_owned()),
        ..RunnerEnv::default()
    };
    let stage = Stage { ctx: CommandContext { runner_env: Arc::new(runner_env), ..stage.ctx.clone() }, ..stage };
    let findings = stage.wait(&["--duration=2m", "--timeout=20s"]).unwrap();
    assert_eq!(verdict(&findings), Verdict::Inconclusive, "{findings:?}");
    assert_eq!(stage.ctx.execution.clock.now(), Duration::from_secs(140));
    assert_eq!(stage.looks(), 2 + 4, "every five seconds in the end");
    assert!(stage.kept.text().contains("holds not seen: the issues: GitHub knows none"), "{}", stage.kept.text());
}

#[test]
fn a_signal_ends_the_wait_and_the_partial_report_shows_its_progress() {
    let stage = Stage::new();
    stage.ctx.execution.wake.cancel();
    assert_eq!(stage.wait(&[]), Err(CommandError::Cancelled));
    let partial = stage.ctx.execution.partial.copy().findings;
    assert!(partial.iter().all(|finding| finding.verdict == Verdict::Inconclusive), "{partial:?}");
    assert_eq!(partial[0].actual, "10m left, until 1970-01-01 00:10 UTC");
}
