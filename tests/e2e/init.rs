//! The first hour: `init` in five sample repositories, then `lint`, then what is left to do as it is listed, and then the workflows
//! that `init` wrote, with a real release and `promote` in dry-run.
//!
//! What is in dry-run: `promote`, which is all that changes the default branch. What cannot be: the gates, `record`, `evidence`,
//! `approval` and `wait`, because a report from a dry-run counts for nothing. They change nothing but for the dispatch of `record`,
//! without which GitHub does not start the second workflow. By pull request there is then none to review, so what judges
//! and merges has nothing to do.
//!
//! The gate that watches production runs only after a promotion. The workflow that deploys is the team's own, and its run a record.

use crate::acme::apps::{JUDGE_ACCOUNT, JUDGE_NUMBER};
use crate::acme::newcomer::{Newcomer, REVIEWER};
use crate::acme::team::ValidatedRelease;
use crate::acme::{Acme, INFRA};
use crate::act::{ActRun, ActStep};
use crate::samples::{self, Sample, TAG};

/// The steps of a person for one repository.
const MOST_STEPS: usize = 6;

/// Sets a repository up as a person does, up to the push.
fn set_up<'a>(acme: &'a Acme, sample: &'a Sample, flags: &[&str]) -> Newcomer<'a> {
    let mut newcomer = Newcomer::new(acme, sample);
    let steps = newcomer.init(flags);
    assert!((1..=MOST_STEPS).contains(&steps.len()), "{steps:#?}");
    newcomer.lint();
    newcomer.turn_dry_run_on();
    newcomer.lint();
    newcomer.follow(&steps);
    newcomer
}

/// A release passes its gates on staging.
fn release(newcomer: &Newcomer<'_>) -> ValidatedRelease {
    let validated = newcomer.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);
    validated
}

/// The step of `promote` succeeds, says which image it would set in which file, and counts for nothing.
fn assert_shows_change(run: &ActRun, step: &ActStep, sample: &Sample, tag: &str) {
    assert!(run.succeeded, "{}", run.log);
    assert_eq!((&*step.outcome, &*step.outputs["verdict"]), ("success", "inconclusive"), "{}", run.log);
    assert!(step.summary.contains("dry-run") && step.summary.contains("would do"), "{}", step.summary);
    for (service, path) in sample.services.iter().zip(&sample.production) {
        for part in [path.clone(), TAG.to_owned(), format!("ghcr.io/acme/{service}:{tag}")] {
            assert!(step.summary.contains(&part), "{part} in {}", step.summary);
        }
    }
}

/// By the reviewers of an environment: from the deployment to staging to the promotion, approved and waited for.
fn by_environment(sample: &Sample) {
    let acme = Acme::newcomer(sample);
    let newcomer = set_up(&acme, sample, &[]);
    let validated = release(&newcomer);
    let before = acme.infra.tip_of("main");

    let run = acme.promotion(validated.event()).approved_by(REVIEWER).run();

    for (job, step) in [("evidence", "evidence"), ("promote", "approval"), ("promote", "wait")] {
        assert_eq!(run.step(job, step).outputs["verdict"], "passed", "{step}: {}", run.log);
    }
    assert_shows_change(&run, run.step("promote", "promote"), sample, &validated.tag);
    assert_nothing_written(&acme, before);
    assert!(!run.jobs.keys().any(|job| job.starts_with("verify")), "{:?}", run.jobs.keys());
}

fn assert_nothing_written(acme: &Acme, before: Option<String>) {
    assert_eq!((acme.infra.tip_of("main"), acme.git.pushed()), (before, vec![]));
    assert_eq!(acme.fake_github.pull_requests(INFRA).len() + acme.fake_github.statuses(INFRA).len(), 0);
}

#[test]
fn kustomize() {
    by_environment(&samples::kustomize());
}

#[test]
fn helm() {
    by_environment(&samples::helm());
}

#[test]
fn argo_cd() {
    by_environment(&samples::argo_cd());
}

#[test]
fn flux() {
    by_environment(&samples::flux());
}

#[test]
fn monorepo() {
    by_environment(&samples::monorepo());
}

#[test]
fn by_pull_request() {
    let sample = samples::kustomize();
    let acme = Acme::newcomer(&sample);
    let newcomer = set_up(&acme, &sample, &["--approval", "pull-request", "--path", "src"]);
    let settings = newcomer.set("settings");
    for part in ["can_approve_pull_request_reviews", "promote-gates/approval"] {
        assert!(settings.contains(part), "{part} in {settings}");
    }
    let validated = release(&newcomer);
    let before = acme.infra.tip_of("main");

    let run = newcomer.open(&validated);

    assert_eq!(run.step("open", "evidence").outputs["verdict"], "passed", "{}", run.log);
    assert_shows_change(&run, run.step("open", "promote"), &sample, &validated.tag);
    let run = newcomer.judge();
    assert!(run.succeeded && !run.jobs.keys().any(|job| job.starts_with("merge")), "{}", run.log);
    assert_eq!(run.step("status", "status").outputs["approved"], "[]");
    assert_nothing_written(&acme, before);
}

/// The rule requires the status from the App, and the environments give its key to main: both as the list has them.
#[test]
fn by_pull_request_with_the_status_of_an_app() {
    let sample = samples::kustomize();
    let acme = Acme::newcomer(&sample);
    let app = JUDGE_NUMBER.to_string();
    let flags = ["--approval", "pull-request", "--path", "src", "--status-app", &app];
    let newcomer = set_up(&acme, &sample, &flags);
    let number = acme.open_by_hand("dana", "fix", "src/fix.js", "// a fix\n");
    let missing = acme.fake_github.merge_refusal(INFRA, number);
    assert!(missing.as_ref().is_some_and(|why| why.contains("is expected")), "{missing:?}");

    let run = newcomer.judge();

    assert!(run.succeeded, "{}", run.log);
    let statuses = acme.fake_github.statuses(INFRA);
    let [status] = &statuses[..] else { panic!("one status: {statuses:#?}") };
    assert_eq!((status.state.as_str(), status.creator.as_str()), ("success", JUDGE_ACCOUNT));
    assert_eq!(acme.fake_github.merge_refusal(INFRA, number), None);
    for environment in ["promotion-status", "production-readonly"] {
        let of = |branch: &str| acme.fake_github.environment_secrets(INFRA, environment, branch);
        assert!(of("main").contains(&"JUDGE_APP_PRIVATE_KEY".to_owned()) && of("fix").is_empty(), "{environment}");
    }
}
