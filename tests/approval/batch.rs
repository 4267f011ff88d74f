//! One approval of several services.

use super::*;

fn step(stage: &Stage, evidence: &Report) -> Runner {
    stage.step().input("subject", COMMON).input("results", &needs(evidence))
}

#[test]
fn the_approver_had_no_part_in_any_of_the_services() {
    let evidence = batch_evidence(&["mallory", "carol"]);
    assert_eq!(evidence.verdict, Verdict::Blocked, "a service was left out");
    for (by, expected) in [("alice", PASSED), ("mallory", BLOCKED), ("carol", BLOCKED)] {
        let stage = Stage::new();
        stage.fake_github.approve(INFRA, 7, "production", by, "");
        let ended = stage.judge(&step(&stage, &evidence));
        assert_eq!(end(&ended), expected, "{by}: {}", ended.log);
        assert_eq!(ended.report["subject"], serde_json::from_str::<Value>(COMMON).unwrap());
    }
}

#[test]
fn a_report_about_no_ready_service_counts_for_nothing() {
    let good = batch_evidence(&["mallory"]);
    let without = |name: &str| {
        let mut report = good.clone();
        report.outputs.remove(name);
        report
    };
    let none = Report { outputs: [("services".to_owned(), "[]".to_owned())].into(), ..good.clone() };
    for (evidence, part) in [
        (without("excluded"), "does not name who had a part"),
        (without("services"), "does not list the services"),
        (none, "no service is ready"),
        (Report { dry_run: true, ..good.clone() }, "dry-run"),
    ] {
        let stage = Stage::new();
        stage.fake_github.approve(INFRA, 7, "production", "alice", "");
        let ended = stage.judge(&step(&stage, &evidence));
        assert_ne!(end(&ended), PASSED, "{part}: {}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
}

#[test]
fn a_second_attempt_counts_only_if_all_services_are_committed() {
    for (committed, expected) in [("ab", PASSED), ("a", BLOCKED), ("", BLOCKED)] {
        let stage = Stage::new();
        stage.fake_github.approve(INFRA, 7, "production", "alice", "");
        let again =
            FakeRun { id: 7, attempt: 2, path: WORKFLOW.to_owned(), created_at: noon_plus(-60), ..FakeRun::default() };
        stage.fake_github.set_run(INFRA, again.in_progress());
        stage.start_attempt(2, 20);
        for letter in committed.chars() {
            let service = if letter == 'a' { "checkout-service" } else { "frontend" };
            let id = letter.to_string().repeat(64);
            // The commits of one run count as one approval.
            let run = format!("https://github.com/{INFRA}/actions/runs/7/attempts/1");
            stage.commit(&format!("Service: {service}\nEvidence: {id}\nApproved-by: alice\nWorkflow: {run}"), 10);
        }
        let ended = stage.judge(&step(&stage, &batch_evidence(&["mallory"])).env("GITHUB_RUN_ATTEMPT", "2"));
        assert_eq!(end(&ended), expected, "{committed}: {}", ended.log);
    }
}
