//! The digest of a release: one that a required gate saw, and no other.

use super::*;

#[test]
fn the_digest_that_one_gate_saw_is_that_of_the_release() {
    let mut stage = Stage::new();
    let digest = format!("sha256:{}", "d".repeat(64));
    stage.reports[0].subject.digest = digest.parse().ok();
    let report = stage.reports[0].clone();
    stage.job("health", "success", Some(&report));
    let mut payload = stage.payload();
    payload["evidence"]["subject"]["digest"] = json!(digest);
    let ended = dispatched(stage.runner(), &payload).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["digest"], digest);
    assert_eq!(ended.outputs["image"], format!("ghcr.io/acme/checkout-service:1.4.2@{digest}"));
    assert_eq!(serde_json::from_str::<Value>(&ended.outputs["subject"]).unwrap()["digest"], digest);
}

const TABLE: &[History] = &[
    blocked(
        "a digest that only a gate which is not required has seen",
        |stage| {
            let mut other = Report { command: "bundle-size".to_owned(), ..stage.reports[0].clone() };
            other.subject.digest = format!("sha256:{}", "d".repeat(64)).parse().ok();
            stage.job("bundle-size", "success", Some(&other));
            stage.reports.push(other);
            let mut subject = subject();
            subject["digest"] = json!(format!("sha256:{}", "d".repeat(64)));
            set(stage.payload(), "/evidence/subject", subject)
        },
        "subject",
        "which no report of a required gate names",
    ),
    blocked(
        "two digests of one tag",
        |stage| {
            for (command, letter) in [("health", "d"), ("smoke", "e")] {
                let digest = format!("sha256:{}", letter.repeat(64));
                changed_with_annotation(stage, command, |report| report.subject.digest = digest.parse().ok());
            }
            let mut subject = subject();
            subject["digest"] = json!(format!("sha256:{}", "d".repeat(64)));
            set(stage.payload(), "/evidence/subject", subject)
        },
        "smoke",
        "about another subject: digest sha256:eeee",
    ),
    blocked(
        "the tag of one gate's report taken away",
        |stage| {
            let digest = format!("sha256:{}", "d".repeat(64));
            for command in GATES {
                changed_with_annotation(stage, command, |report| {
                    report.subject.digest = digest.parse().ok();
                    report.subject.tag = report.subject.tag.take().filter(|_| command != "smoke");
                });
            }
            let mut subject = subject();
            subject["digest"] = json!(digest);
            set(stage.payload(), "/evidence/subject", subject)
        },
        "smoke",
        "about another subject: no tag, not 1.4.2",
    ),
];

#[test]
fn a_digest_that_no_required_gate_saw_is_blocked() {
    check_all(TABLE);
}
