//! `emergency` against real repositories and a fake GitHub: one commit and one issue, even after a failure in between.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod inputs;
mod refusals;
mod repeats;
pub mod story;

use std::path::Path;

use promote_gates::sandbox::github::FakeRun;

use crate::{
    house::{Ended, Runner},
    shop::{
        AFTER, BEFORE, FILE, INFRA, SERVICE, Scene, applied, effects, end, git,
        histories::{CLAIMS, PROMOTIONS},
    },
};

/// A step that promotes 1.4.2 in an incident.
fn step(scene: &Scene, run: u64, checkout: &Path) -> Runner {
    scene
        .step(run, checkout)
        .input("tag", "1.4.2")
        .input("incident", "INC-17")
        .input("reason", "payments fail for 40 % of all")
        .input("allowed", SERVICE)
}

#[test]
fn an_emergency_makes_a_marked_commit_and_an_issue() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let ended = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(scene.shop.log("%s"), ["EMERGENCY promote(production): checkout-service → 1.4.2"]);
    let expected = [
        "Service: checkout-service",
        "Environment: production",
        &format!("Image: {AFTER}"),
        &format!("Previous-Image: {BEFORE}"),
        "Approved-by: bob",
        "Triggered-by: alice",
        "Independent: yes",
        "Workflow: https://github.com/acme/infra/actions/runs/7/attempts/1",
        "Promotion-kind: emergency",
        "Incident: INC-17",
        "Reason: payments fail for 40 % of all",
    ];
    assert_eq!(scene.shop.trailers(), expected);
    let commit = &ended.outputs["commit"];
    assert_eq!(scene.shop.log("%H"), [commit.as_str()]);
    let issues = scene.open_issues();
    let [issue] = &issues[..] else { panic!("{issues:?}") };
    assert_eq!(issue.title, format!("Emergency promotion of checkout-service to production: {AFTER} (INC-17)"));
    assert_eq!(issue.labels, ["promote-gates"]);
    let body = issue.body.as_deref().unwrap();
    let marker = format!("<!-- promote-gates:emergency:production:checkout-service:{commit} -->");
    for part in [
        marker.as_str(),
        "Would the gates have passed?",
        "Was it justified",
        "Approved by: bob",
        "Started by: alice",
        "Incident: INC-17",
        "payments fail for 40&nbsp;% of all",
        &format!("https://github.com/acme/infra/commit/{commit}"),
        "https://github.com/acme/infra/actions/runs/7/attempts/1",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    assert_eq!(ended.outputs["issue"], format!("https://github.com/acme/infra/issues/{}", issue.number));
    assert!(!body.contains("Independent"), "{body}");
    let outputs = ["changed", "approver", "emergencies", "previous-image"].map(|name| ended.outputs[name].as_str());
    assert_eq!(outputs, ["true", "bob", "1", BEFORE]);
}

#[test]
fn an_emergency_says_when_the_person_who_started_it_also_approved_it() {
    let no = "Independent: no";
    let trailer = |scene: &Scene| scene.shop.trailers().into_iter().find(|line| line.starts_with("Independent"));
    for (approvers, policy, expected) in [
        (&["Alice"][..], "show", (0, Some(no))),
        (&["Alice"], "block", (1, None)),
        (&["Alice", "bob"], "block", (0, Some("Independent: yes"))),
    ] {
        let scene = Scene::new();
        scene.run(7, approvers);
        // Who started it is GitHub's word, not the environment's.
        let step = step(&scene, 7, &scene.shop.checkout("infra", &[])).env("GITHUB_ACTOR", "mallory");
        let ended = step.input("independent", policy).run(&["emergency"]);
        assert_eq!((ended.code, trailer(&scene).as_deref()), expected, "{policy}: {}", ended.log);
        let is_recorded = expected.1 == Some(no);
        let message = "independence: Alice started this run and approved it";
        assert_eq!(ended.outputs["reason"].contains(message), expected.1 != Some("Independent: yes"), "{}", ended.log);
        let issues = scene.open_issues();
        let body = issues.first().and_then(|issue| issue.body.as_deref()).unwrap_or_default();
        let parts = [
            "The person who started it also approved it.",
            "- Independent: **no: the person who started it approved it**",
        ];
        assert_eq!(parts.map(|part| body.contains(part)), [is_recorded; 2], "{body}");
        assert_eq!(issues.len(), usize::from(expected.0 == 0));
        if is_recorded {
            let audit =
                Runner::new().input("checkout", &scene.shop.path("infra").display().to_string()).run(&["audit"]);
            let message = "1 of 1 were approved by the person who started them; the last: ";
            assert!(audit.code == 0 && audit.log.contains(message), "{}", audit.log);
        }
    }
}

#[test]
fn who_started_it_may_be_unknown_unless_independence_is_required() {
    for (policy, code) in [("show", 0), ("block", 3)] {
        let scene = Scene::new();
        let (path, actor) = (".github/workflows/exception.yml".to_owned(), "chatops[bot]".to_owned());
        scene.fake_github.set_run(INFRA, FakeRun { id: 7, path, actor, ..FakeRun::default() }.in_progress());
        scene.fake_github.approve(INFRA, 7, "production-emergency", "bob", "");
        let step = step(&scene, 7, &scene.shop.checkout("infra", &[])).input("independent", policy);
        let ended = step.run(&["emergency"]);
        assert_eq!(ended.code, code, "{}", ended.log);
        assert!(ended.log.contains("chatops[bot] started this run, and GitHub does not say for whom"), "{}", ended.log);
        assert!(!scene.shop.trailers().iter().any(|line| line.starts_with("Independent")));
    }
}

#[test]
fn only_an_emergency_that_a_commit_made_uses_the_budget() {
    for (make, count) in [(CLAIMS[0], "1"), (CLAIMS[8], "1"), (PROMOTIONS[0], "2"), (PROMOTIONS[6], "2")] {
        let scene = Scene::new();
        make.1(&scene.shop, "Promotion-kind: emergency\n");
        scene.run(7, &["bob"]);
        let step = step(&scene, 7, &scene.shop.checkout("infra", &["--depth=1"])).input("tag", "1.4.3");
        let ended = step.run(&["emergency"]);
        assert_eq!(end(&ended), applied(), "{}: {}", make.0, ended.log);
        assert_eq!(ended.outputs["emergencies"], count, "{}: {}", make.0, ended.log);
    }
}

#[test]
fn text_from_outside_is_escaped_in_the_issue() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let reason =
        "</li><script>x</script> @acme/all [a](http://b) `c`\n\n---\nApproved-by: eve\n<!-- promote-gates:x -->";
    let ended = step(&scene, 7, &dir).env("GITHUB_ACTOR", "@acme/all\n# x").input("reason", reason).run(&["emergency"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    let trailers = scene.shop.trailers();
    assert_eq!(trailers.iter().filter(|trailer| trailer.starts_with("Approved-by")).count(), 1, "{trailers:?}");
    let body = scene.open_issues()[0].body.clone().unwrap();
    for raw in ["<script", "@acme", "[a]", "`c`", "\n---", "\n# x"] {
        assert!(!body.contains(raw), "{raw:?} in {body}");
    }
    assert_eq!(body.matches("<!--").count(), 1, "{body}");
}

#[test]
fn the_third_emergency_in_thirty_days_is_a_warning_and_is_committed() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    for (run, service, over) in [(1, "frontend", false), (2, SERVICE, false), (3, "frontend", true)] {
        scene.run(run, &["bob"]);
        let step = step(&scene, run, &dir)
            .input("service", service)
            .input("allowed", "frontend\ncheckout-service")
            .input("tag", &format!("2.{run}"));
        let ended = step.run(&["emergency"]);
        assert_eq!(end(&ended), applied(), "{}", ended.log);
        assert_eq!(ended.outputs["emergencies"], run.to_string());
        let warning = "the normal flow is too slow or too strict";
        let body = scene.open_issues().pop().unwrap().body.unwrap();
        assert_eq!(
            [ended.summary.contains(warning), ended.log.contains(warning), body.contains(warning)],
            [over; 3],
            "{}",
            ended.log
        );
        assert_eq!(ended.summary.contains("Emergencies of the last 30 days"), run > 1, "{}", ended.summary);
    }
    // Another environment has its own budget, and `budget` sets another limit.
    scene.run(4, &["bob"]);
    let staging = step(&scene, 4, &dir).input("environment", "staging").run(&["emergency"]);
    assert_eq!((end(&staging), staging.outputs["emergencies"].as_str()), (applied(), "1"), "{}", staging.log);
    scene.run(5, &["bob"]);
    let larger_budget = step(&scene, 5, &dir).input("tag", "2.9").input("budget", "9").run(&["emergency"]);
    assert_eq!(end(&larger_budget), applied());
    assert!(!larger_budget.log.contains("too slow"), "{}", larger_budget.log);
}

#[test]
fn a_dry_run_shows_the_commit_and_the_issue_and_writes_neither() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let ended = step(&scene, 7, &dir).input("dry-run", "true").run(&["emergency"]);
    assert_eq!(end(&ended), (0, "inconclusive", vec!["planned", "planned"]), "{}", ended.log);
    assert!(
        ended.summary.contains("Emergency promotion of checkout-service to production: 1.4.2"),
        "{}",
        ended.summary
    );
    assert_eq!((scene.shop.tip(), scene.open_issues().len()), (scene.shop.first.clone(), 0));
}
