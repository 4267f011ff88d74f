//! Who is a person, and what a person has to do beside the click.

use super::*;

#[test]
fn a_machine_approves_nothing() {
    let stage = Stage::new();
    let robot = stage.fake_github.add_user("release-robot");
    let alice = stage.fake_github.add_user("alice");
    let reviewers = json!([{ "type": "User", "id": robot }, { "type": "User", "id": alice }]);
    stage.fake_github.protect(INFRA, "production", &json!({ "reviewers": reviewers }));
    stage.fake_github.approve(INFRA, 7, "production", "release-robot", "");
    let step = || {
        let step = stage.step();
        step.write("people.yml", "people: { machines: [Release-Robot] }\n");
        step.input("config", "people.yml")
    };
    let ended = stage.judge(&step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "approval")["actual"].as_str().unwrap().contains("a machine, by `people.machines`"));
    assert!(finding(&ended, "approval")["next"].as_str().unwrap().contains("have a person approve it"));
    assert_eq!(ended.outputs.get("approver"), None);
    // A person beside it counts.
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let ended = stage.judge(&step());
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "alice"), "{}", ended.log);
}

#[test]
fn a_comment_can_be_required() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "\u{200b}\u{3164}");
    assert_eq!(end(&stage.judge(&stage.step())), PASSED);
    let step = || stage.step().input("require-comment", "true");
    let ended = stage.judge(&step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "comment")["next"].as_str().unwrap().contains("Leave a comment"), "{}", ended.log);
    stage.fake_github.approve(INFRA, 7, "production", "bob", "looked at ::error::staging");
    let ended = stage.judge(&step());
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "bob"), "{}", ended.log);
    assert!(finding(&ended, "comment")["actual"].as_str().unwrap().contains("looked at"), "{}", ended.log);
}

#[test]
fn a_review_can_be_required_to_take_its_time() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    // GitHub requested the approval 59 minutes before; `evidence` ended at the same time.
    assert_eq!(end(&stage.judge(&stage.step().input("min-review-time", "59m"))), PASSED);
    let ended = stage.judge(&stage.step().input("min-review-time", "60m"));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "review time")["actual"].as_str().unwrap().starts_with("59m, from 2026-01-01T11:01:00Z"));
    // The decision pack came later than the request.
    let late = FakeJob { completed_at: Some(noon_plus(-1)), ..completed_job("evidence", -2) };
    stage.fake_github.set_job(INFRA, 7, 1, late);
    let ended = stage.judge(&stage.step().input("min-review-time", "2m"));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    // A wait timer of the environment hides when the approval was.
    let team = stage.fake_github.add_team("acme", "platform-leads", &["alice", "bob"]);
    let rules = json!({ "reviewers": [{ "type": "Team", "id": team }], "wait_timer": 60 });
    stage.fake_github.protect(INFRA, "production", &rules);
    let ended = stage.judge(&stage.step().input("min-review-time", "1m"));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("hides when it was approved"), "{}", ended.log);
}

#[test]
fn a_list_of_people_without_a_digest_that_can_be_read_is_inconclusive() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let mut report = evidence(&["mallory"]);
    report.outputs.insert("people".to_owned(), r#"{"count":1}"#.to_owned());
    let ended = stage.judge(&stage.step().input("results", &needs(&report)));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    let found = finding(&ended, "independence");
    assert!(found["actual"].as_str().unwrap().contains("the output `people` of `evidence` cannot be read"), "{found}");
}
