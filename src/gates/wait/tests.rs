use clap::Parser as _;

use super::*;
use crate::{
    cli::Surroundings,
    desk::tests::leaping_desk,
    report::log::tests::Kept,
    sandbox::{github::Hub, infra::Infra},
    verdict::Finding,
};

#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    args: Args,
}

/// GitHub and the ledger, seen from a desk whose clock leaps.
struct Stage {
    hub: Hub,
    folder: tempfile::TempDir,
    desk: Desk,
    kept: Kept,
}

impl Stage {
    fn new() -> Self {
        let (hub, folder, kept) = (Hub::start().unwrap(), tempfile::tempdir().unwrap(), Kept::default());
        hub.create("acme/infra");
        hub.grant("t0ken", "acme/infra", &["issues=read"]);
        Infra::create(folder.path(), &[]).unwrap().clone_to(&folder.path().join("checkout")).unwrap();
        let surroundings = Surroundings {
            api_url: Some(hub.api_url()),
            repository: Some("acme/infra".to_owned()),
            ..Surroundings::default()
        };
        let desk = Desk { log: Arc::new(kept.log(true)), surroundings: Arc::new(surroundings), ..leaping_desk() };
        Self { hub, folder, desk, kept }
    }

    fn wait(&self, flags: &[&str]) -> Result<Vec<Finding>, Stop> {
        let checkout = format!("--checkout={}", self.folder.path().join("checkout").display());
        let args = ["wait", "--token=t0ken", &checkout].into_iter().chain(flags.iter().copied());
        let args = Alone::try_parse_from(args).unwrap_or_else(|error| panic!("{error}")).args;
        let subject = r#"{"service":"checkout-service","environment":"production"}"#.parse().unwrap();
        run(&args, &subject, &self.desk).map(|outcome| outcome.findings)
    }

    fn looks(&self) -> usize {
        self.hub.asked().len()
    }
}

#[test]
fn it_looks_and_tells_once_a_minute_and_once_more_in_the_end() {
    let stage = Stage::new();
    let findings = stage.wait(&[]).unwrap();
    assert_eq!(verdict(&findings), Verdict::Passed, "{findings:?}");
    assert_eq!(stage.desk.clock.now(), Duration::from_mins(10));
    assert_eq!(stage.looks(), 11, "ten while it waits, one when it is over");
    let log = stage.kept.text();
    let left: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once(" left, until 1970-01-01T00:10:00Z"))
        .map(|(left, _)| left)
        .collect();
    assert_eq!(left, ["10m", "9m", "8m", "7m", "6m", "5m", "4m", "3m", "2m", "1m"], "{log}");
    assert!(
        log.lines().any(|line| line.ends_with("left, until 1970-01-01T00:10:00Z: no hold, nothing younger")),
        "{log}"
    );
}

#[test]
fn what_cannot_be_looked_at_in_the_end_is_tried_for_as_long_as_the_timeout_says() {
    let stage = Stage::new();
    stage.hub.create("acme/hidden");
    let surroundings = Surroundings {
        api_url: Some(stage.hub.api_url()),
        repository: Some("acme/hidden".to_owned()),
        ..Surroundings::default()
    };
    let stage = Stage { desk: Desk { surroundings: Arc::new(surroundings), ..stage.desk.clone() }, ..stage };
    let findings = stage.wait(&["--duration=2m", "--timeout=20s"]).unwrap();
    assert_eq!(verdict(&findings), Verdict::Inconclusive, "{findings:?}");
    assert_eq!(stage.desk.clock.now(), Duration::from_secs(140));
    assert_eq!(stage.looks(), 2 + 4, "every five seconds in the end");
    assert!(stage.kept.text().contains("holds not seen: the issues: GitHub knows none"), "{}", stage.kept.text());
}

#[test]
fn a_signal_ends_it_and_the_draft_says_how_far_it_was() {
    let stage = Stage::new();
    stage.desk.bell.cancel();
    assert_eq!(stage.wait(&[]), Err(Stop::Cancelled));
    let draft = stage.desk.draft.copy().findings;
    assert!(draft.iter().all(|finding| finding.verdict == Verdict::Inconclusive), "{draft:?}");
    assert_eq!(draft[0].actual, "10m left, until 1970-01-01T00:10:00Z");
}
