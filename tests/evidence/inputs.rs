//! Bad input: named, clipped, and refused before any request.

use super::*;

fn assert_refused(stage: &Stage, runner: &Runner, parts: &[&str]) {
    let ended = runner.run(&["evidence"]);
    assert_eq!(end(&ended), (2, "inconclusive"), "{parts:?}: {}", ended.log);
    for part in parts {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert!(ended.log.len() < 6000, "clipped: {}", ended.log.len());
    assert_eq!(stage.fake_github.requests(), [], "{parts:?}");
}

#[test]
fn a_payload_that_record_would_not_send_is_refused() {
    let stage = Stage::new();
    let with = |pointer: &str, value: Value| {
        let mut payload = stage.payload();
        *payload.pointer_mut(pointer).unwrap() = value;
        payload
    };
    let mut more = stage.payload();
    more["environment"] = json!("production");
    let mut less = stage.payload();
    less.as_object_mut().unwrap().remove("service");
    for (payload, parts) in [
        (with("/service", json!("../x")), &["`client_payload.service`", "../x", "a service name"][..]),
        (with("/image_tag", json!("$(id)")), &["client_payload", "an OCI tag"]),
        (with("/image_tag", json!("x\n::error::y")), &["an OCI tag"]),
        (with("/evidence/run/repository", json!("acme/shop/../..")), &["a repository as owner/name"]),
        (with("/evidence/schema", json!(3)), &["schema 3", "the same version of promote-gates"]),
        (with("/evidence/reports/0", json!("x".repeat(60_000))), &["report 1 of the payload", "no report"]),
        (with("/evidence/reports", json!(vec!["x"; 60_000])), &["at most 65535"]),
        (more, &["`client_payload.environment`"]),
        (less, &["`client_payload.service`", "not there"]),
        (Value::Null, &["client_payload"]),
    ] {
        assert_refused(&stage, &dispatched(stage.runner(), &payload), parts);
    }
}

#[test]
fn deeply_nested_json_is_refused() {
    let stage = Stage::new();
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let event = format!(r#"{{"action":"staging-validated","client_payload":{{"evidence":{nested}}}}}"#);
    assert_refused(
        &stage,
        &with_event(stage.runner(), "repository_dispatch", &event),
        &["`repository_dispatch` event", "recursion"],
    );
    // The same inside a report, which is a string of JSON.
    let mut payload = stage.payload();
    payload["evidence"]["reports"][0] = json!(nested);
    assert_refused(&stage, &dispatched(stage.runner(), &payload), &["report 1 of the payload", "no report"]);
}

#[test]
fn an_event_of_another_kind_is_refused() {
    let stage = Stage::new();
    let of_type = |name: &str| json!({ "action": name, "client_payload": stage.payload() }).to_string();
    let other = with_event(stage.runner(), "repository_dispatch", &of_type("deploy"));
    assert_refused(
        &stage,
        &other,
        &["a `repository_dispatch` of type deploy", "of type staging-validated", "`event-type`"],
    );
    let push = with_event(stage.runner(), "push", "{}");
    assert_refused(&stage, &push, &["event: `push`", "on: repository_dispatch"]);
    assert_refused(&stage, &stage.runner(), &["none that is known"]);
    assert_refused(&stage, &with_event(stage.runner(), "repository_dispatch", "{"), &["`repository_dispatch` event"]);
    let named = with_event(stage.runner().input("event-type", "deploy"), "repository_dispatch", &of_type("deploy"));
    assert_eq!(end(&named.run(&["evidence"])), (0, "passed"));
}

#[test]
fn invalid_settings_are_refused() {
    for (key, value, parts) in [
        ("environment", "", &["`environment`", "not given", "environment: production"][..]),
        ("environment", "../production", &["`environment`", "an environment name"]),
        ("required", "helth", &["`required`", "input", "did you mean `health`?"]),
        ("required", "approval", &["`required`", "\"approval\""]),
        ("max-age", "0", &["`max-age`", "0s"]),
        ("timeout", "0", &["`timeout`", "0s"]),
        ("file", "../{service}.yaml", &["`file`", "a path inside the infra repository"]),
        ("checkout", "nowhere", &["`checkout`", "nowhere"]),
        ("remote", "upstream", &["`remote`", "upstream"]),
        ("source-token", "two words\nof it", &["the token"]),
    ] {
        let stage = Stage::new();
        assert_refused(&stage, &dispatched(stage.runner().input(key, value), &stage.payload()), parts);
    }
}

#[test]
fn a_config_file_without_valid_services_is_refused() {
    for (config, parts) in [
        ("", &["`services`", "none in .github/promote-gates.yml"][..]),
        (&*CONFIG.replace("acme/shop", "acme"), &["promote-gates.yml:3:17", "owner/name"]),
        ("services:\n  checkout-service: { repo: acme/shop }\n", &["promote-gates.yml:2:23", "`repo`"]),
        ("policy: { performance: '.a <' }\n", &["promote-gates.yml:1:24", "cannot compile"]),
    ] {
        let stage = Stage { config: config.to_owned(), ..Stage::new() };
        assert_refused(&stage, &dispatched(stage.runner(), &stage.payload()), parts);
    }
}

#[test]
fn a_workflow_for_one_service_blocks_other_services() {
    let stage = Stage::new();
    for (key, value, code) in [
        ("service", "checkout-service", 0),
        ("service", "frontend", 1),
        ("tag", "1.4.2", 0),
        ("tag", "1.4.3", 1),
        ("image", "ghcr.io/acme/checkout-service", 0),
        ("image", "ghcr.io/acme/frontend", 1),
        ("digest", &format!("sha256:{}", "d".repeat(64)), 1),
    ] {
        let ended = dispatched(stage.runner().input(key, value), &stage.payload()).run(&["evidence"]);
        assert_eq!(ended.code, code, "{key} {value}: {}", ended.log);
        if code == 1 {
            let finding = found(&ended, "subject");
            assert!(finding["actual"].as_str().unwrap().contains("which this workflow is for"), "{finding}");
        }
    }
}
