use serde_json::{Value, json};

use super::*;
use crate::{
    commands::{approval::pull_request::observations::subject_of, command_table},
    config::Config,
    ledger::tests::{commit_with_trailers, entry_of},
    world::github::CommitRelation,
};

const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const BASE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn people() -> Value {
    json!({ "count": 1, "sha256": "c".repeat(64), "runs": [41, 42], "head": HEAD, "base": BASE })
}

fn entry_with(people: &str, workflow: &str) -> LedgerEntry {
    let trailers = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", "ghcr.io/acme/checkout-service:1.4.2"),
        ("Previous-Image", "ghcr.io/acme/checkout-service:1.4.1"),
        ("Source-commit", HEAD),
        ("People", people),
        ("Workflow", workflow),
    ];
    entry_of(&commit_with_trailers('1', &trailers)).unwrap()
}

fn entry() -> LedgerEntry {
    entry_with(&people().to_string(), "https://github.com/acme/infra/actions/runs/7/attempts/1")
}

fn run(change: &Value) -> WorkflowRun {
    let mut run = json!({
        "id": 7, "run_attempt": 1, "workflow_id": 1, "path": ".github/workflows/promote.yml",
        "event": "repository_dispatch", "status": "completed", "conclusion": "success", "head_branch": "main",
        "head_sha": "f".repeat(40), "repository": { "id": 3, "full_name": "acme/infra" },
        "head_repository": { "id": 3, "full_name": "acme/infra" }, "html_url": "https://github.com/x",
        "created_at": "2026-01-01T11:00:00Z", "updated_at": "2026-01-01T12:00:00Z",
    });
    run.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    serde_json::from_value(run).unwrap()
}

fn annotation(message: &str) -> Annotation {
    Annotation {
        level: Some("notice".to_owned()),
        title: Some("promote-gates".to_owned()),
        message: Some(message.to_owned()),
    }
}

/// The message in which `evidence` announces the release.
fn announced(verdict: &str) -> String {
    let subject = serde_json::to_string(&subject_of(&entry())).unwrap();
    format!("command=evidence verdict={verdict} sha256={} subject={subject}", "d".repeat(64))
}

fn announcing(change: &Value, messages: &[String], status: &str) -> AnnouncingRun {
    let relation = Some(CommitRelation { status: status.to_owned(), behind_by: 1 });
    AnnouncingRun {
        run: run(change),
        position: BranchPosition { branch: "main".parse().unwrap(), tip: None, relation },
        annotations: messages.iter().map(|message| annotation(message)).collect(),
    }
}

fn problems(found: &AnnouncingRun) -> Vec<String> {
    let named = entry().promotion.workflow_run().unwrap();
    run_problems(&named, found, &subject_of(&entry())).into_iter().map(|(problem, _)| problem).collect()
}

#[test]
fn a_run_of_the_branch_that_announced_the_release_is_its_evidence() {
    let passed = announced("passed");
    assert_eq!(problems(&announcing(&json!({}), std::slice::from_ref(&passed), "behind")), [""; 0]);
    // Beside other notices.
    let messages = [
        "command=promote verdict=passed sha256=1 subject={}".to_owned(),
        passed.replace("1.4.2", "1.4.3").replace("passed", "blocked"),
        "no notice".to_owned(),
        passed.clone(),
    ];
    assert_eq!(problems(&announcing(&json!({}), &messages, "identical")), [""; 0]);
}

#[test]
fn another_run_or_another_release_is_no_evidence() {
    let passed = announced("passed");
    let about = "no job of run 7 of .github/workflows/promote.yml that has ended announced `evidence` for";
    for (change, message, status, expected) in [
        (json!({ "run_attempt": 0 }), &passed, "behind", "has 0 attempts, and its message names a later one"),
        (json!({ "event": "pull_request_review" }), &passed, "behind", "is a run for a pull request or a fork"),
        (
            json!({ "head_repository": { "id": 4, "full_name": "mallory/infra" } }),
            &passed,
            "behind",
            "is a run for a pull request or a fork",
        ),
        (json!({}), &passed, "ahead", "is of the commit fffffff, which is not on main"),
        (json!({}), &passed, "diverged", "is of the commit fffffff, which is not on main"),
        (json!({}), &announced("blocked"), "behind", "announced `evidence`: blocked"),
        (json!({}), &passed.replace("1.4.2", "1.4.3"), "behind", about),
        (json!({}), &passed.replace("production", "staging"), "behind", about),
        (json!({}), &passed.replace(HEAD, BASE), "behind", about),
        (json!({}), &passed.replace(&format!(",\"commit\":\"{HEAD}\""), ""), "behind", about),
        (json!({}), &passed.replace(",\"environment\":\"production\"", ""), "behind", about),
        (json!({}), &passed.replace("subject=", "dry-run=true subject="), "behind", about),
        (json!({}), &passed.replace("command=evidence", "command=health"), "behind", about),
    ] {
        let found = problems(&announcing(&change, std::slice::from_ref(message), status));
        assert!(found.len() == 1 && found[0].contains(expected), "{expected} in {found:?}");
    }
    // A second one that did not pass.
    let both = [passed.clone(), announced("inconclusive")];
    assert_eq!(problems(&announcing(&json!({}), &both, "behind")).len(), 1);
    let mut untitled = announcing(&json!({}), &[passed], "behind");
    untitled.annotations[0].title = Some("promote-gates: x".to_owned());
    assert_eq!(problems(&untitled).len(), 1);
}

#[test]
fn a_commit_names_a_run_of_its_own_repository() {
    let infra: Repository = "Acme/Infra".parse().unwrap();
    assert_eq!(named_run(&entry(), &infra).unwrap().id, 7);
    for (workflow, expected) in [
        ("https://github.com/acme/shop/actions/runs/7", "its message names a run of acme/shop"),
        ("nothing", "its message names no workflow run"),
    ] {
        let (problem, _) = named_run(&entry_with(&people().to_string(), workflow), &infra).unwrap_err();
        assert_eq!(problem, expected);
    }
}

#[test]
fn the_list_of_people_is_about_the_release() {
    const CONFIG: &str = "services:\n  checkout-service:\n    repository: acme/shop\n    workflow: .github/workflows/validate.yml\n    \
                          deploy-workflow: .github/workflows/deploy.yml\n    image: ghcr.io/acme/checkout-service\n";
    let config = Config::read(&command_table(), "f.yml", CONFIG.as_bytes(), None).unwrap();
    let source = config.services.values().next().unwrap();
    let of = |path: &str, sha: &str| Some(run(&json!({ "path": path, "head_sha": sha })));
    let good =
        || vec![(41, of(".github/workflows/deploy.yml", HEAD)), (42, of(".github/workflows/validate.yml", BASE))];
    let found = |people: &Value, before: Option<&str>, runs: &[(u64, Option<WorkflowRun>)]| -> Vec<String> {
        let entry = entry_with(&people.to_string(), "x");
        let before = before.map(|before| before.parse().unwrap());
        people_problems(&entry, before.as_ref(), source, runs).into_iter().map(|(problem, _)| problem).collect()
    };
    assert_eq!(found(&people(), Some(BASE), &good()), [""; 0]);
    assert_eq!(found(&people(), None, &good()), [""; 0], "the ledger does not have every image");
    let mut other_head = people();
    other_head["head"] = "d".repeat(40).into();
    let mut without_base = people();
    without_base.as_object_mut().unwrap().remove("base");
    for (people, before, runs, expected) in [
        (json!({}), None, good(), "its message does not say who had a part in the release"),
        (other_head, None, good(), "its message lists the people of the commit ddddddd, which is not in the image"),
        (
            people(),
            Some(HEAD),
            good(),
            "its message lists the people since bbbbbbb, and the ledger has aaaaaaa for the image before",
        ),
        (
            without_base,
            Some(BASE),
            good(),
            "its message lists the people since no commit, and the ledger has bbbbbbb for the image before",
        ),
        (
            people(),
            None,
            vec![(41, None)],
            "run 41 of acme/shop, which its message names, is none that validates or deploys",
        ),
        (
            people(),
            None,
            vec![(41, of(".github/workflows/x.yml", HEAD))],
            "run 41 of acme/shop, which its message names, is none that validates or deploys",
        ),
        (
            people(),
            None,
            vec![(42, of(".github/workflows/validate.yml", BASE))],
            "none of the runs that its message names is of the commit aaaaaaa",
        ),
        (people(), None, vec![], "none of the runs that its message names is of the commit aaaaaaa"),
    ] {
        let found = found(&people, before, &runs);
        assert!(found.iter().any(|problem| problem == expected), "{expected} in {found:?}");
    }
}

#[test]
fn a_validation_cannot_be_newer_than_the_run_that_verified_it() {
    let with = |at: &str| {
        let mut entry = entry();
        entry.promotion.validated_at = at.parse().ok();
        time_problem(&entry, &run(&json!({}))).map(|(problem, _)| problem).unwrap_or_default()
    };
    for fine in ["2026-01-01T10:00:00Z", "2026-01-01T12:05:00Z", "no time"] {
        assert_eq!(with(fine), "", "{fine}");
    }
    let expected = "its message says that it was validated at 2026-01-01T12:05:01Z, and run 7 verified it before";
    assert!(with("2026-01-01T12:05:01Z").starts_with(expected));
}
