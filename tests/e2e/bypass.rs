//! Bypassing the gates: `emergency-promote.yml` and `rollback.yml`, and how `audit.yml` counts them.

use promote_gates::sandbox::github::FakeIssue;
use promote_gates::sandbox::infra::FIRST_TAG;
use serde_json::{Value, json};

use crate::acme::{Acme, INFRA, SERVICES, trailers};
use crate::act::{ActRun, ActStep};

const SERVICE: &str = SERVICES[0];
const REASON: &str = "Cards are declined; the fix is in.";

fn emergency(acme: &Acme, tag: &str, incident: &str) -> ActRun {
    let inputs = json!({ "service": SERVICE, "image-tag": tag, "incident-id": incident, "reason": REASON });
    acme.run_manually("emergency-promote.yml", "emergency", "main", &inputs, Some("lena"))
}

fn rollback(acme: &Acme) -> ActRun {
    let inputs = json!({ "service": SERVICE, "incident-id": "INC-4712", "reason": "Carts are empty.", "commit": "" });
    acme.run_manually("rollback.yml", "rollback", "main", &inputs, Some("piet"))
}

/// The only step with one of our actions: after the checkout, and after the token of the App that writes.
fn step<'a>(run: &'a ActRun, job: &str) -> &'a ActStep {
    run.step(job, if job == "audit" { "1" } else { "2" })
}

fn passed<'a>(run: &'a ActRun, job: &str) -> &'a ActStep {
    let step = step(run, job);
    assert_eq!((step.outcome.as_str(), step.outputs["verdict"].as_str()), ("success", "passed"), "{}", run.log);
    step
}

fn open_issues(acme: &Acme) -> Vec<FakeIssue> {
    let mut issues = acme.fake_github.issues(INFRA);
    issues.retain(|issue| issue.state == "open");
    issues
}

/// Asserts that there is no promotion commit and no issue.
fn assert_unchanged(acme: &Acme) {
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
    assert!(acme.fake_github.issues(INFRA).is_empty(), "{:#?}", acme.fake_github.issues(INFRA));
}

fn assert_trailers(message: &str, expected: &[(&str, &str)]) {
    let trailers = trailers(message);
    for (name, value) in expected {
        assert_eq!(trailers.get(*name).map(String::as_str), Some(*value), "{name} in {message}");
    }
}

#[test]
fn an_emergency_makes_one_commit_and_one_issue_even_if_it_runs_twice() {
    let acme = Acme::new();
    let run = emergency(&acme, "1.4.9", "INC-4711");

    passed(&run, "emergency");
    let assert_recorded = |promotions: &[String], issues: &[FakeIssue]| {
        let [message] = promotions else { panic!("one commit: {promotions:#?}") };
        let subject = format!("EMERGENCY promote(production): {SERVICE} → 1.4.9");
        assert_eq!(message.lines().next(), Some(&*subject));
        assert_trailers(
            message,
            &[
                ("Service", SERVICE),
                ("Image", &format!("ghcr.io/acme/{SERVICE}:1.4.9")),
                ("Previous-Image", &format!("ghcr.io/acme/{SERVICE}:{FIRST_TAG}")),
                ("Approved-by", "lena"),
                ("Incident", "INC-4711"),
                ("Reason", REASON),
                ("Promotion-kind", "emergency"),
            ],
        );
        let [issue] = issues else { panic!("one issue: {issues:#?}") };
        let text = format!("{} {}", issue.title, issue.body.as_deref().unwrap_or_default());
        for part in [SERVICE, "1.4.9", "INC-4711", "lena"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    };
    assert_recorded(&acme.promotions(), &acme.fake_github.issues(INFRA));
    assert_eq!(acme.image(SERVICE), "1.4.9");

    passed(&emergency(&acme, "1.4.9", "INC-4711"), "emergency");
    assert_recorded(&acme.promotions(), &acme.fake_github.issues(INFRA));
}

#[test]
fn the_third_emergency_in_thirty_days_is_a_warning() {
    let acme = Acme::new();
    for (tag, incident) in [("1.4.7", "INC-1"), ("1.4.8", "INC-2")] {
        let run = emergency(&acme, tag, incident);
        assert!(passed(&run, "emergency").annotated("warning").is_empty(), "{}", run.log);
    }
    let run = emergency(&acme, "1.4.9", "INC-3");

    let third = passed(&run, "emergency");
    assert_eq!(third.outputs["emergencies"], "3");
    let warned = third.annotations.iter().any(|annotation| annotation.message.contains("too slow or too strict"));
    assert!(warned && third.summary.contains("too slow or too strict"), "{}", run.log);
    let issues = acme.fake_github.issues(INFRA);
    assert_eq!((acme.promotions().len(), issues.len()), (3, 3));
    let last = issues[2].body.as_deref().unwrap_or_default();
    assert!(last.contains("too slow or too strict"), "{last}");

    let run = acme.run_scheduled("audit.yml", "audit");
    let audit = step(&run, "audit");
    assert_eq!((audit.exit, audit.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    assert!(audit.annotated("error").iter().any(|error| error.message.contains('3')), "{audit:#?}");
}

#[test]
fn an_emergency_without_approval_or_from_another_branch_is_refused() {
    let acme = Acme::new();
    acme.change_infra("a branch", |infra| {
        infra.git(["switch", "--quiet", "--create", "topic"]);
        infra.write("NOTES.md", "Not reviewed yet.\n");
    });
    let inputs = |service: &str, incident: &str| json!({ "service": service, "image-tag": "1.4.9", "incident-id": incident, "reason": REASON });
    let run = |branch: &str, inputs: &Value, approver: Option<&str>| {
        acme.run_manually("emergency-promote.yml", "emergency", branch, inputs, approver)
    };
    for (branch, inputs, approver, exit, words) in [
        ("main", inputs(SERVICE, "INC-4711"), None, 1, "approve"),
        ("topic", inputs(SERVICE, "INC-4711"), Some("lena"), 1, "main"),
        ("main", inputs(SERVICE, "it's bad"), Some("lena"), 2, "it's bad"),
        // The workflow's form offers this service, but the config file lacks it.
        ("main", inputs("payments-service", "INC-4711"), Some("lena"), 2, "payments-service"),
    ] {
        let run = run(branch, &inputs, approver);
        let step = step(&run, "emergency");
        assert_eq!(step.exit, Some(exit), "{words}: {}", run.log);
        let errors = step.annotated("error");
        assert!(errors.iter().any(|error| error.message.contains(words)), "{words}: {errors:#?}");
        assert_unchanged(&acme);
    }
}

#[test]
fn a_rollback_makes_one_commit_and_one_issue_even_if_it_runs_twice() {
    let acme = Acme::new();
    passed(&emergency(&acme, "1.4.9", "INC-4711"), "emergency");
    let before = open_issues(&acme).len();

    for time in ["once", "twice"] {
        passed(&rollback(&acme), "rollback");
        assert_eq!(acme.image(SERVICE), FIRST_TAG, "{time}");
        let [last, _] = &acme.promotions()[..] else { panic!("{time}: two commits: {:#?}", acme.promotions()) };
        assert_trailers(
            last,
            &[
                ("Image", &format!("ghcr.io/acme/{SERVICE}:{FIRST_TAG}")),
                ("Approved-by", "piet"),
                ("Incident", "INC-4712"),
                ("Promotion-kind", "rollback"),
            ],
        );
        let issues = open_issues(&acme);
        assert_eq!(issues.len(), before + 1, "{time}: {issues:#?}");
        let review = issues.last().and_then(|issue| issue.body.as_deref()).unwrap_or_default();
        assert!(review.contains("INC-4712"), "{time}: {review}");
    }
}

#[test]
fn the_audit_counts_bypasses_and_manual_changes() {
    let acme = Acme::new();
    passed(&emergency(&acme, "1.4.9", "INC-4711"), "emergency");
    passed(&rollback(&acme), "rollback");

    let run = acme.run_scheduled("audit.yml", "audit");

    let audit = passed(&run, "audit");
    for (name, count) in [("promotions", "0"), ("emergencies", "1"), ("rollbacks", "1"), ("by-hand", "0")] {
        assert_eq!(audit.outputs[name], count, "{name}: {}", run.log);
    }
    for part in ["INC-4711", "lena", "INC-4712", "piet"] {
        assert!(audit.summary.contains(part), "{part} in {}", audit.summary);
    }

    acme.change_infra("a quick fix", |infra| {
        let path = format!("apps/{SERVICE}/overlays/production/kustomization.yaml");
        let text = acme.infra.read(&path).expect("the file");
        infra.write(&path, text.replace(FIRST_TAG, "1.5.0"));
    });
    let run = acme.run_scheduled("audit.yml", "audit");
    let audit = step(&run, "audit");
    assert_eq!((audit.exit, audit.outputs["by-hand"].as_str()), (Some(1), "1"), "{}", run.log);
}
