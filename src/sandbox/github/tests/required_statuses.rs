//! The statuses that a ruleset of the default branch requires, and of whom.

use super::*;

const HEAD: &str = "1111111111111111111111111111111111111111";
/// The rule's App, and its token.
const APP: u64 = 424_242;
const OF_APP: &str = "t-of-app";

fn stage(check: &Value) -> FakeGitHub {
    let permissions = ["contents=write", "pull_requests=write", "statuses=write"];
    let fake_github = fake_github_with(&permissions);
    fake_github.grant(OF_APP, INFRA, &permissions);
    fake_github.set_app(OF_APP, "acme-judge", APP);
    fake_github.push(INFRA, FakeCommit { sha: "2".repeat(40), ..FakeCommit::default() });
    let commit = FakeCommit { sha: HEAD.to_owned(), ..FakeCommit::default() };
    fake_github.push_to(INFRA, "fix", commit.clone());
    let own = vec![commit];
    let (branch, is_open) = ("fix".to_owned(), true);
    let pull_request = FakePullRequest { number: 7, branch, own, is_open, ..FakePullRequest::default() };
    fake_github.add_pull_request(INFRA, pull_request);
    let rule = json!({ "type": "required_status_checks", "parameters": {
        "strict_required_status_checks_policy": false,
        "required_status_checks": [check],
    } });
    let conditions = json!({ "ref_name": { "include": ["~DEFAULT_BRANCH"], "exclude": [] } });
    let ruleset = json!({
        "name": "x", "target": "branch", "enforcement": "active", "conditions": conditions, "rules": [rule],
    });
    fake_github.add_ruleset(INFRA, &ruleset);
    fake_github
}

/// Sets the status with a token.
fn set(fake_github: &FakeGitHub, token: &str, state: &str) {
    let body = json!({ "state": state, "context": "promote-gates/approval" }).to_string();
    let path = format!("/repos/{INFRA}/statuses/{HEAD}");
    assert_eq!(post(fake_github, &path, token, &body).0, 201);
}

/// Status and message of a merge by a job's token.
fn merge(fake_github: &FakeGitHub) -> (u16, String) {
    let (status, _, body) = send(fake_github, &Method::PUT, "pulls/7/merge", &json!({ "sha": HEAD }));
    (status, body["message"].as_str().unwrap().to_owned())
}

fn refused(why: &str) -> (u16, String) {
    let check = "Required status check \"promote-gates/approval\"";
    (405, format!("Repository rule violations found\n\n{check} {why}.\n\n"))
}

#[test]
fn the_rule_of_an_app_refuses_the_status_of_another_one() {
    let fake_github = stage(&json!({ "context": "promote-gates/approval", "integration_id": APP }));
    assert_eq!(merge(&fake_github), refused("is expected"));
    let other = refused("was not set by the expected GitHub app");
    set(&fake_github, "t", "success");
    assert_eq!(merge(&fake_github), other);
    for (state, why) in [("pending", "is pending"), ("failure", "is failing"), ("error", "is failing")] {
        set(&fake_github, OF_APP, state);
        assert_eq!(merge(&fake_github), refused(why));
    }
    // The newest one counts, also over one of the App.
    set(&fake_github, OF_APP, "success");
    set(&fake_github, "t", "success");
    assert_eq!(merge(&fake_github), other);
    assert_eq!(fake_github.merge_refusal(INFRA, 7), Some(other.1));
    set(&fake_github, OF_APP, "success");
    assert_eq!((fake_github.merge_refusal(INFRA, 7), merge(&fake_github).0), (None, 200));
    let set_by: Vec<String> = fake_github.statuses(INFRA).into_iter().map(|status| status.creator).collect();
    assert_eq!(set_by[..2], ["github-actions[bot]", "acme-judge[bot]"]);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_rule_without_an_app_takes_the_status_of_any() {
    let fake_github = stage(&json!({ "context": "promote-gates/approval" }));
    assert_eq!(merge(&fake_github), refused("is expected"));
    set(&fake_github, "t", "success");
    assert_eq!(merge(&fake_github).0, 200);
    // That of the App of all jobs.
    let fake_github = stage(&json!({ "context": "promote-gates/approval", "integration_id": 15_368 }));
    set(&fake_github, OF_APP, "success");
    assert_eq!(merge(&fake_github), refused("was not set by the expected GitHub app"));
    set(&fake_github, "t", "success");
    assert_eq!(merge(&fake_github).0, 200);
}

#[test]
fn a_person_who_merges_against_the_rule_is_a_violation_of_the_script() {
    let fake_github = stage(&json!({ "context": "promote-gates/approval" }));
    assert_eq!(fake_github.merge_pull_request(INFRA, 7, "squash", None, "piet"), "");
    let violations = fake_github.violations();
    assert!(violations[0].contains("is expected"), "{violations:?}");
}
