//! The incident's Thursday, through the shipped workflows: a bundle that grew is stopped before it is merged, and what is
//! merged comes to production with its evidence, once.

use serde_json::{Value, json};

use crate::acme::Acme;
use crate::acme::team::{Team, repository};
use crate::act::Run;

const SERVICE: &str = "checkout-service";

/// A pull request that adds a debug library, and what its CI says.
fn pull_request(labels: &[&str], body: &str) -> Run {
    let acme = Acme::new();
    let team = Team::of(&acme, SERVICE);
    team.write_baseline();
    let base = team.commit("the sizes of today");
    team.repo.git(["switch", "--quiet", "--create", "topic"]);
    team.repo.write("src/debug-library.9c1bd0aa.js", noise(4_000_000));
    let head = team.repo.commit("a small fix");
    // GitHub's own merge of both, which is what is checked out.
    team.repo.git(["update-ref", "refs/pull/1/merge", &head]);
    let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
    let event = json!({
        "action": "opened",
        "number": 1,
        "pull_request": {
            "number": 1,
            "body": body,
            "labels": labels,
            "base": { "ref": "main", "sha": base },
            "head": { "ref": "topic", "sha": head },
        },
        "repository": { "full_name": repository(SERVICE), "default_branch": "main" },
    });
    team.workflow(acme.next_run(), "ci-bundle-size.yml", "pull_request").payload(event).run()
}

/// Bytes that no compression makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

#[test]
fn a_bundle_that_grew_is_blocked_and_the_file_is_named() {
    let run = pull_request(&[], "A small fix.");

    let gate = run.step("bundle-size", "2");
    assert_eq!((gate.outcome.as_str(), gate.exit), ("failure", Some(1)), "{}", run.log);
    assert_eq!(gate.outputs["verdict"], "blocked");
    assert!(gate.summary.contains("debug-library"), "{}", gate.summary);
    assert!(gate.annotated("error").iter().any(|error| error.message.contains("debug-library")), "{gate:?}");
}

#[test]
fn a_description_explains_it_once_a_member_says_so_by_label() {
    let why = "The debug library, until Friday.";
    let unlabelled = pull_request(&["frontend"], why);
    assert_eq!(unlabelled.step("bundle-size", "2").outputs["verdict"], "blocked", "{}", unlabelled.log);

    let run = pull_request(&["frontend", "bundle-size-explained"], why);
    let gate = run.step("bundle-size", "2");
    assert_eq!((gate.outcome.as_str(), gate.outputs["verdict"].as_str()), ("success", "passed"), "{}", run.log);
    assert!(gate.summary.contains(why), "{}", gate.summary);
}

#[test]
fn a_deployment_is_validated_and_the_infra_repository_told() {
    let acme = Acme::new();
    let team = Team::of(&acme, SERVICE);

    let validated = team.release("Gift cards");

    assert!(validated.run.succeeded, "{}", validated.run.log);
    let [dispatch] = &validated.dispatches[..] else { panic!("one dispatch: {:?}", validated.dispatches) };
    assert_eq!(dispatch.event_type, "staging-validated");
    assert_eq!(dispatch.client_payload["service"], SERVICE);
    assert_eq!(dispatch.client_payload["image_tag"], validated.tag);
    panic!("{:#}", dispatch.client_payload);
}
