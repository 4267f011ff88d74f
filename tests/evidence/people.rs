//! A release of more people than fit into the report: `evidence` lists them all, and `approval` makes the list again.

use promote_gates::sandbox::github::{FakeCommit, FakeDeployment, FakePullRequest, now};

use super::*;

const JOB_TOKEN: &str = "ghs_tokenOfTheProtectedJob";

/// The release of [`Stage::new`], after sixty commits by different authors.
fn crowded() -> Stage {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(SHOP);
    fake_github.grant(TOKEN, SHOP, &["actions=read", "checks=read", "contents=read", "pull_requests=read"]);
    fake_github.commit(SHOP, &sha('a'), "alice", "first");
    fake_github.tag(SHOP, "1.4.1", &sha('a'));
    for number in 0..60 {
        fake_github.commit(SHOP, &format!("{number:040x}"), &format!("an-author-of-the-shop-{number}"), "work");
    }
    fake_github.commit(SHOP, &sha('c'), "alice", "last");
    let stage = Stage { fake_github, ..Stage::new() };
    stage.fake_github.set_run(SHOP, deploy_run());
    stage.fake_github.set_run(SHOP, validating_run().in_progress());
    for report in &stage.reports {
        stage.job(&report.command, "success", Some(report));
    }
    stage
}

/// The step `approval` of the run of this evidence, which `login` approved.
fn approved_by(stage: &Stage, evidence: &Ended, login: &str) -> Ended {
    let fake_github = &stage.fake_github;
    fake_github.create(INFRA);
    fake_github.grant(JOB_TOKEN, INFRA, &["actions=read", "contents=read", "deployments=read"]);
    let team = fake_github.add_team("acme", "leads", &[login]);
    fake_github.protect(INFRA, "production", &json!({ "reviewers": [{ "type": "Team", "id": team }] }));
    let path = ".github/workflows/promote-to-production.yml".to_owned();
    fake_github.set_run(INFRA, github::FakeRun { id: 900, path, ..github::FakeRun::default() }.in_progress());
    fake_github.set_job(INFRA, 900, 1, FakeJob::ended("evidence", "success"));
    let job = fake_github.set_job(INFRA, 900, 1, FakeJob::running("promote", "runner-9"));
    let asked = now() - SignedDuration::from_mins(1);
    let deployment = FakeDeployment::waiting(900, job, asked).then("IN_PROGRESS", now());
    fake_github.set_deployment(INFRA, "production", deployment);
    fake_github.approve(INFRA, 900, "production", login, "");
    let results = json!({ "evidence": { "outputs": { "report": evidence.outputs["report"] } } });
    let runner = Runner::new()
        .env("GITHUB_API_URL", &fake_github.api_url())
        .env("GITHUB_REPOSITORY", INFRA)
        .env("GITHUB_RUN_ID", "900")
        .env("RUNNER_NAME", "runner-9")
        .input("checkout", &stage.clone().display().to_string())
        .input("subject", &evidence.outputs["subject"])
        .input("github-environment", "production")
        .input("token", JOB_TOKEN)
        .input("source-token", TOKEN)
        .input("timeout", "3s")
        .input("results", &results.to_string());
    runner.write(".github/promote-gates.yml", &stage.config);
    let ended = runner.run(&["approval"]);
    assert_eq!(fake_github.violations(), [""; 0], "{}", ended.log);
    ended
}

#[test]
fn a_release_of_more_people_than_fit_into_the_report_can_be_approved_by_someone_else() {
    let stage = crowded();
    let evidence = stage.run();
    assert_eq!(end(&evidence), (0, "passed"), "{}", evidence.log);
    assert_eq!(evidence.outputs["excluded"].lines().count(), 63, "the output of the step has all of them");
    let compact: Report = serde_json::from_str(&evidence.outputs["report"]).unwrap();
    assert!(!compact.outputs.contains_key("excluded") && compact.outputs.contains_key("evidence"));
    let people: Value = serde_json::from_str(&compact.outputs["people"]).unwrap();
    let mut logins: Vec<String> = evidence.outputs["excluded"].lines().map(str::to_lowercase).collect();
    logins.sort();
    assert_eq!((&people["count"], &people["sha256"]), (&json!(63), &json!(hex_sha256(logins.join("\n").as_bytes()))));

    let grace = approved_by(&stage, &evidence, "grace");
    assert_eq!((end(&grace), &*grace.outputs["approver"]), ((0, "passed"), "grace"), "{}", grace.log);
    let author = approved_by(&stage, &stage.run(), "An-Author-Of-The-Shop-7");
    assert_eq!(end(&author).0, 0, "one of two approvers is independent: {}", author.log);
    let stage = crowded();
    let author = approved_by(&stage, &stage.run(), "An-Author-Of-The-Shop-7");
    assert_eq!(end(&author), (1, "blocked"), "{}", author.log);
}

#[test]
fn a_list_that_cannot_be_made_again_is_inconclusive() {
    type Change = fn(&Stage);
    let changes: [(Change, &str); 4] = [
        (
            |stage| {
                stage.fake_github.add_pull_request(
                    SHOP,
                    FakePullRequest {
                        number: 5,
                        opener: Some("late".to_owned()),
                        brought: vec![sha('c')],
                        ..FakePullRequest::default()
                    },
                );
            },
            "64 people had a part in this release, and not those that `evidence` counted",
        ),
        (
            |stage| stage.fake_github.set_run(SHOP, github::FakeRun { actor: "zoe".to_owned(), ..deploy_run() }),
            "not those that `evidence` counted",
        ),
        (|_| {}, ""),
        (
            |stage| {
                let gone = promote_gates::sandbox::server::FakeResponse::json(404, &json!({ "message": "Not Found" }));
                let fault = github::InjectedFault::WithoutEffect(gone);
                stage.fake_github.fail_at("/compare/", 1, fault);
            },
            "is gone",
        ),
    ];
    for (change, part) in changes {
        let stage = crowded();
        let evidence = stage.run();
        change(&stage);
        let ended = approved_by(&stage, &evidence, "grace");
        let expected = if part.is_empty() { (0, "passed") } else { (3, "inconclusive") };
        assert_eq!(end(&ended), expected, "{part}: {}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
}

#[test]
fn the_page_says_how_many_authors_are_unknown_and_the_setting_blocks_them() {
    let unlinked = FakeCommit { sha: sha('d'), message: "x".to_owned(), ..FakeCommit::default() };
    for (setting, expected) in [("show", (0, "passed")), ("block", (1, "blocked"))] {
        let mut stage = Stage::new();
        stage
            .fake_github
            .push(SHOP, FakeCommit { sha: sha('d'), author_name: "Mallory".to_owned(), ..unlinked.clone() });
        for report in &mut stage.reports {
            report.subject.commit = sha('d').parse().ok();
        }
        for report in stage.reports.clone() {
            stage.job(&report.command, "success", Some(&report));
        }
        stage.fake_github.set_run(SHOP, github::FakeRun { head_sha: sha('d'), ..deploy_run() });
        stage.deploy["head_sha"] = json!(sha('d'));
        let mut payload = stage.payload();
        payload["evidence"]["subject"]["commit"] = json!(sha('d'));
        let ended = dispatched(stage.runner().input("unknown-authors", setting), &payload).run(&["evidence"]);
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert!(found(&ended, "authors")["actual"].as_str().unwrap().ends_with("ddddddd by Mallory"));
        assert!(ended.summary.contains(" · 1 unknown author"), "{}", ended.summary);
    }
}

#[test]
fn in_a_repository_of_several_services_only_the_people_of_the_service_are_excluded() {
    for (paths, excluded) in [("[services/checkout/**]", "bob\ndora\nEmil"), ("services/", "alice\nbob\ndora\nEmil")] {
        let mut stage = Stage::new();
        stage.config = CONFIG.replace("policy:", &format!("    paths: {paths}\npolicy:"));
        let file = |letter: char, login: &str, path: &str| FakeCommit {
            sha: sha(letter),
            author: Some(login.to_owned()),
            committer: Some(login.to_owned()),
            author_name: login.to_owned(),
            files: vec![path.to_owned()],
            ..FakeCommit::default()
        };
        let fake_github = FakeGitHub::start().unwrap();
        fake_github.create(SHOP);
        fake_github.grant(TOKEN, SHOP, &["actions=read", "checks=read", "contents=read", "pull_requests=read"]);
        fake_github.push(SHOP, file('a', "carol", "services/checkout/cart.rs"));
        fake_github.push(SHOP, file('b', "bob", "services/checkout/cart.rs"));
        fake_github.push(SHOP, file('c', "alice", "services/search/index.rs"));
        fake_github.tag(SHOP, "v1.4.1", &sha('a'));
        stage.fake_github = fake_github;
        stage.fake_github.set_run(SHOP, deploy_run());
        stage.fake_github.set_run(SHOP, validating_run().in_progress());
        for report in stage.reports.clone() {
            stage.job(&report.command, "success", Some(&report));
        }
        let ended = stage.run();
        assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
        assert_eq!(ended.outputs["excluded"], excluded, "{paths}");
        let counted = found(&ended, "paths")["actual"].as_str().unwrap();
        assert!(counted.contains(" of 2 commits change services"), "{counted}");
    }
}
