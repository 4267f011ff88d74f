//! The deploy run of a `workflow_run` event: looked up before anything is sent.

use promote_gates::sandbox::github::{FakeCommit, FakeRun};

use super::*;

const SHOP: &str = "acme/shop";
const SOURCE_TOKEN: &str = "ghs_tokenOfTheJob";
const DEPLOY: &str = ".github/workflows/deploy-staging.yml";

fn commit_id(letter: char) -> String {
    letter.to_string().repeat(40)
}

/// A runner whose workflow was started by the completion of the second attempt of deploy run 41.
fn after_deploy(runner: Runner, commit: &str) -> Runner {
    let deploy = json!({ "id": 41, "run_attempt": 2, "head_sha": commit, "head_branch": "main", "event": "push" });
    runner.write("../event.json", json!({ "action": "completed", "workflow_run": deploy }).to_string());
    let path = runner.workspace().join("../event.json").display().to_string();
    runner.env("GITHUB_EVENT_NAME", "workflow_run").env("GITHUB_EVENT_PATH", &path)
}

fn deploy_run() -> FakeRun {
    FakeRun { id: 41, attempt: 2, path: DEPLOY.to_owned(), head_sha: commit_id('c'), ..FakeRun::default() }
}

/// A shop whose run 41 deployed commit `c`, one before the tip of `main`.
pub fn deployed() -> FakeGitHub {
    let fake_github = fake_github();
    fake_github.create(SHOP);
    fake_github.grant(SOURCE_TOKEN, SHOP, &["actions=read", "contents=read"]);
    for letter in ['a', 'c', 'd'] {
        fake_github.commit(SHOP, &commit_id(letter), "alice", "a change");
    }
    fake_github.set_run(SHOP, deploy_run());
    fake_github
}

pub fn reports() -> [Report; 3] {
    let subject = json!({ "service": "checkout-service", "tag": "1.4.2", "commit": commit_id('c') });
    passed().map(|report| Report { subject: subject.to_string().parse().unwrap(), ..report })
}

pub fn step(fake_github: &FakeGitHub) -> Runner {
    after_deploy(runner(&fake_github.api_url()), &commit_id('c')).input("source-token", SOURCE_TOKEN)
}

#[test]
fn the_payload_names_the_deploy_run_and_its_commit_is_the_subjects() {
    let commit = "c".repeat(40);
    let subject = json!({ "service": "checkout-service", "tag": "1.4.2", "commit": commit });
    let reports = passed().map(|report| Report { subject: subject.to_string().parse().unwrap(), ..report });
    for given in ["", &*commit] {
        let fake_github = deployed();
        let ended = record(step(&fake_github).input("commit", given), &reports);
        assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
        assert_eq!(ended.report["subject"], subject);
        let [dispatch] = &fake_github.dispatches(INFRA)[..] else { panic!("{:?}", fake_github.requests()) };
        let evidence = &dispatch.client_payload["evidence"];
        assert_eq!(evidence["deploy"], json!({ "id": 41, "attempt": 2, "head_sha": commit }));
        assert_eq!(evidence["subject"], subject);
    }
    let fake_github = deployed();
    let other = "d".repeat(40);
    let ended = record(step(&fake_github).input("commit", &other), &reports);
    assert_eq!((ended.code, &*ended.outputs["verdict"]), (2, "inconclusive"), "{}", ended.log);
    for part in ["`commit`", &*other, &*commit] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    let broken = after_deploy(runner(&fake_github.api_url()), "main");
    assert_eq!(record(broken, &reports).code, 2);
    assert_eq!(fake_github.requests(), []);
}

/// A change of the deployed shop, the inputs, the checks that do not pass, and what they say.
type Refused =
    (&'static str, fn(&FakeGitHub), &'static [(&'static str, &'static str)], &'static str, &'static [&'static str]);

const TABLE: &[Refused] = &[
    (
        "a deployment of a fork",
        |fake_github| {
            fake_github.create("mallory/shop");
            let head_repository = "mallory/shop".to_owned();
            fake_github.set_run(SHOP, FakeRun { head_repository, ..deploy_run() });
        },
        &[],
        "deploy run",
        &["run 41 is of a commit from mallory/shop"],
    ),
    (
        "a deployment of another branch",
        |fake_github| {
            let other = FakeCommit { sha: commit_id('e'), ..FakeCommit::default() };
            fake_github.push_to(SHOP, "feature/x", other);
            let head_branch = Some("feature/x".to_owned());
            fake_github.set_run(SHOP, FakeRun { head_branch, ..deploy_run() });
        },
        &[],
        "deploy run",
        &["run 41 is of feature/x, not main"],
    ),
    (
        "a deployment of a tag that is named like the branch, of a commit that is not on it",
        |fake_github| {
            fake_github.branch(SHOP, "main", &commit_id('a'));
            fake_github.tag(SHOP, "main", &commit_id('c'));
        },
        &[],
        "branch",
        &["ccccccc is not on main", "the tip aaaaaaa as ahead"],
    ),
    (
        "a commit that was pushed away",
        |fake_github| {
            let other =
                FakeCommit { sha: commit_id('e'), parents: Some(vec![commit_id('a')]), ..FakeCommit::default() };
            fake_github.push_to(SHOP, "main", other);
        },
        &[],
        "branch",
        &["the tip eeeeeee as diverged", "merge the commit into main"],
    ),
    (
        "a deployment that was started by hand",
        |fake_github| {
            let event = "workflow_dispatch".to_owned();
            fake_github.set_run(SHOP, FakeRun { event, ..deploy_run() });
        },
        &[],
        "deploy run",
        &["run 41 was started by `workflow_dispatch`"],
    ),
    (
        "a deployment that failed",
        |fake_github| fake_github.set_run(SHOP, deploy_run().ended("failure")),
        &[],
        "deploy run",
        &["run 41 ended as failure"],
    ),
    (
        "a deployment that was started again",
        |fake_github| fake_github.set_run(SHOP, FakeRun { attempt: 3, ..deploy_run().in_progress() }),
        &[],
        "deploy run",
        &["attempt 2 is named; the latest attempt of run 41 is 3"],
    ),
    (
        "another commit than the event names",
        |fake_github| fake_github.set_run(SHOP, FakeRun { head_sha: commit_id('a'), ..deploy_run() }),
        &[],
        "deploy run",
        &["run 41 is of commit aaaaaaa"],
    ),
    (
        "another workflow with the same name",
        |_| {},
        &[("deploy-workflow", ".github/workflows/deploy.yml")],
        "deploy run",
        &["run 41 is of .github/workflows/deploy-staging.yml", "a run of .github/workflows/deploy.yml"],
    ),
    (
        "another branch than the one of releases",
        |fake_github| fake_github.branch(SHOP, "release/1.4", &commit_id('c')),
        &[("branch", "release/1.4")],
        "deploy run",
        &["run 41 is of main, not release/1.4"],
    ),
    (
        "a branch that does not exist",
        |fake_github| fake_github.branch(SHOP, "release/1.4", &commit_id('c')),
        &[("branch", "release/1")],
        "branch",
        &["acme/shop has no branch release/1"],
    ),
];

#[test]
fn nothing_is_sent_for_a_deployment_that_does_not_count() {
    for (name, change, inputs, check, parts) in TABLE {
        let fake_github = deployed();
        change(&fake_github);
        let runner = inputs.iter().fold(step(&fake_github), |runner, (key, value)| runner.input(key, value));
        let ended = record(runner, &reports());
        assert_eq!(end(&ended), (1, "blocked", "refused"), "{name}: {}", ended.log);
        let findings = ended.report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == *check).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(finding["verdict"], "blocked", "{name}: {finding}");
        for part in *parts {
            assert!(finding.to_string().contains(part), "{name}: {part} in {finding}");
        }
        assert_eq!(fake_github.dispatches(INFRA), [], "{name}");
        assert_eq!(fake_github.violations(), [""; 0], "{name}");
    }
}

#[test]
fn a_branch_and_a_workflow_that_match_are_sent() {
    let fake_github = deployed();
    fake_github.branch(SHOP, "release/1.4", &commit_id('c'));
    fake_github.set_run(SHOP, FakeRun { head_branch: Some("release/1.4".to_owned()), ..deploy_run() });
    let runner = step(&fake_github).input("branch", "release/1.4").input("deploy-workflow", DEPLOY);
    let ended = record(runner, &reports());
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert!(ended.log.contains("ccccccc is the tip of release/1.4"), "{}", ended.log);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_token_that_cannot_read_the_run_sends_nothing_and_names_the_permissions() {
    for (token, permissions, part) in [
        ("", &[][..], "add `source-token: ${{ github.token }}` to the step"),
        ("ghs_less", &["contents=read"], "Actions: read on acme/shop"),
        ("ghs_less", &["actions=read"], "Contents: read on acme/shop"),
        ("stranger", &[], "401"),
    ] {
        let fake_github = deployed();
        fake_github.grant("ghs_less", SHOP, permissions);
        let ended = record(step(&fake_github).input("source-token", token), &reports());
        assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{token}: {}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
        assert_eq!(fake_github.dispatches(INFRA), []);
    }
    let fake_github = deployed();
    let dry = step(&fake_github).input("source-token", "").input("token", "").input("dry-run", "true");
    let ended = record(dry, &reports());
    assert_eq!(end(&ended), (0, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.log.contains("run 41 was not looked up: no token is given"), "{}", ended.log);
}

#[test]
fn a_token_without_access_and_a_renamed_repository_are_the_reason() {
    let fake_github = deployed();
    fake_github.create("acme/elsewhere");
    fake_github.grant("stranger", "acme/elsewhere", &["actions=read"]);
    let ended = record(step(&fake_github).input("source-token", "stranger"), &reports());
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    let reason = &ended.outputs["reason"];
    assert!(
        reason.starts_with("deploy run: source repository: GitHub does not show acme/shop to this token"),
        "{reason}"
    );
    let fake_github = deployed();
    fake_github.rename(INFRA, "acme/platform");
    fake_github.grant(TOKEN, "acme/platform", &["contents=write"]);
    let ended = record(step(&fake_github), &reports());
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    let reason = &ended.outputs["reason"];
    let renamed = "Moved Permanently: acme/ecommerce-infra is acme/platform now";
    assert!(reason.starts_with("dispatch: GitHub refused it: 3") && reason.contains(renamed), "{reason}");
    assert!(ended.log.contains("write acme/platform where the old name is given"), "{}", ended.log);
}
