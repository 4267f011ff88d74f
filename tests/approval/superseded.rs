//! A newer promotion or a newer validation of the service ends a promotion that was waiting for its approval.

use promote_gates::report::notice::{READY, ReadyNotice, ReportNotice};

use super::*;

/// The notice of `evidence` about a release.
pub fn evidence_notice(subject: &str, verdict: &str, dry_run: bool) -> String {
    let [command, verdict, sha256] = ["evidence", verdict, "a"].map(ToOwned::to_owned);
    ReportNotice { command, verdict, sha256, dry_run, subject: subject.parse().ok() }.to_string()
}

impl Stage {
    /// Adds a run of the promotion workflow that was started this many minutes after noon, and whose `evidence` announced this.
    pub fn validated(&self, id: u64, minutes: i64, title: &str, message: &str) {
        self.start(id, minutes + 60);
        let job = self.fake_github.set_job(INFRA, id, 1, completed_job("evidence", minutes));
        self.fake_github.annotate(INFRA, job, title, message);
    }
}

const NEWER: &str = r#"{"service":"checkout-service","environment":"production","tag":"1.4.3"}"#;

/// The approved run 7.
fn approved() -> Stage {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    stage
}

/// The same, with a token that may read annotations.
fn approved_with_checks() -> Stage {
    let stage = approved();
    stage.fake_github.grant(TOKEN, INFRA, &["checks=read"]);
    stage
}

fn by_validation(stage: &Stage) -> Runner {
    stage.step().input("superseded-by", "validation")
}

#[test]
fn a_newer_promotion_in_the_ledger_supersedes() {
    let stage = approved();
    // This release was validated at 10:30.
    for trailers in [
        "Service: checkout-service\nValidated-at: 2026-01-01T10:30:00Z",
        "Service: frontend\nValidated-at: 2026-01-01T11:00:00Z",
        "Service: checkout-service\nEnvironment: staging\nValidated-at: 2026-01-01T11:00:00Z",
    ] {
        stage.commit(trailers, -5);
    }
    stage.claim("Service: checkout-service\nValidated-at: 2026-01-01T11:00:00Z", -4);
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(finding(&ended, "supersession")["actual"], "no newer promotion of checkout-service in production");
    stage.commit("Service: checkout-service\nValidated-at: 2026-01-01T10:30:01Z", -3);
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("supersession"), "{:?}", ended.outputs);
}

#[test]
fn a_newer_validation_that_waits_in_another_run_supersedes() {
    let stage = approved();
    stage.validated(9, 5, "promote-gates", &evidence_notice(NEWER, "passed", false));
    // Only a newer promotion counts by default, and that needs no further permission.
    assert_eq!(end(&stage.judge(&stage.step())), PASSED);
    let stage = approved_with_checks();
    stage.validated(9, 5, "promote-gates", &evidence_notice(NEWER, "passed", false));
    let ended = stage.judge(&by_validation(&stage));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    let found = finding(&ended, "supersession");
    assert!(
        found["actual"].as_str().unwrap().starts_with(
            "checkout-service 1.4.3 in production passed `evidence` in run 9, which started after this run, at "
        ),
        "{found}"
    );
    assert!(found["next"].as_str().unwrap().contains("/acme/infra/actions/runs/9"), "{found}");
}

#[test]
fn a_run_with_several_services_supersedes_by_their_names() {
    let stage = approved_with_checks();
    let ready = |services: &[&str]| {
        let services = services.iter().map(|service| service.parse().unwrap()).collect();
        ReadyNotice { environment: "production".parse().unwrap(), services }.to_string()
    };
    stage.validated(9, 5, READY, &ready(&["frontend", "search"]));
    assert_eq!(end(&stage.judge(&by_validation(&stage))), PASSED);
    stage.validated(10, 6, READY, &ready(&["checkout-service"]));
    let ended = stage.judge(&by_validation(&stage));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(
        finding(&ended, "supersession")["actual"].as_str().unwrap().contains("in run 10, which started after this run"),
        "{}",
        ended.log
    );
}

#[test]
fn other_validations_do_not_supersede() {
    let stage = approved_with_checks();
    let titled = |message: &str| ("promote-gates", message.to_owned());
    let of = |subject: &str| titled(&evidence_notice(subject, "passed", false));
    let announcements = [
        of(&NEWER.replace("checkout-service", "frontend")),
        of(&NEWER.replace("production", "staging")),
        titled(&evidence_notice(NEWER, "blocked", false)),
        titled(&evidence_notice(NEWER, "passed", true)),
        ("another", evidence_notice(NEWER, "passed", false)),
    ];
    for (id, (title, message)) in (9..).zip(&announcements) {
        stage.validated(id, 5, title, message);
    }
    // An older run; one that has ended, so that nothing waits in it; one of another workflow.
    let (title, message) = of(NEWER);
    stage.validated(3, -120, title, &message);
    stage.validated(20, 5, title, &message);
    let run = |id: u64, path: &str| FakeRun {
        id,
        path: path.to_owned(),
        created_at: noon_plus(5),
        run_started_at: noon_plus(5),
        ..FakeRun::default()
    };
    stage.fake_github.set_run(INFRA, run(20, WORKFLOW).ended("failure"));
    stage.validated(21, 5, title, &message);
    stage.fake_github.set_run(INFRA, run(21, ".github/workflows/other.yml").in_progress());
    let ended = stage.judge(&by_validation(&stage));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    // The same one while it goes on.
    stage.fake_github.set_run(INFRA, run(20, WORKFLOW).in_progress());
    assert_eq!(end(&stage.judge(&by_validation(&stage))), BLOCKED);
}

#[test]
fn newer_validations_that_cannot_be_read_are_inconclusive() {
    let stage = approved();
    stage.validated(9, 5, "promote-gates", &evidence_notice(NEWER, "passed", false));
    let ended = stage.judge(&by_validation(&stage).input("timeout", "300ms"));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(finding(&ended, "supersession")["next"].as_str().unwrap().contains("Checks: read"), "{}", ended.log);
    let step = by_validation(&stage).input("results", "{}").input("independent", "false").input("timeout", "300ms");
    let ended = stage.judge(&step);
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    let next = finding(&ended, "supersession")["next"].as_str().unwrap();
    assert!(next.contains("the report of `evidence`"), "{next}");
}

/// Without the time of the validation, nothing could be newer than it.
#[test]
fn a_passed_evidence_whose_outputs_cannot_be_read_is_inconclusive() {
    for (name, value) in [("validated-at", Some("soon")), ("validated-at", None), ("evidence", Some("mine"))] {
        let change = |report: &mut Report| {
            report.outputs.remove(name);
            report.outputs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        let (mut single, mut batch) = (evidence(&["mallory"]), batch_evidence(&["mallory"]));
        change(&mut single);
        change(&mut batch.reports[1]);
        for (subject, report) in [(SUBJECT, single), (COMMON, batch)] {
            let stage = approved();
            let step = stage.step().input("subject", subject).input("results", &needs(&report));
            let ended = stage.judge(&step);
            assert_eq!(end(&ended), INCONCLUSIVE, "{name}: {}", ended.log);
            let found = finding(&ended, "evidence");
            assert!(found["actual"].as_str().unwrap().contains(&format!("`{name}`")), "{found}");
        }
    }
}
