//! `status`: the commit status of every open pull request, which a rule of the main branch requires.

mod others;

use promote_gates::{
    finding::{Finding, Verdict},
    report::{Outcome, Report, Run as WorkflowRun, compact::compact},
    sandbox::github::{FakePullRequestReview, FakeStatus, now},
};
use serde_json::{Value, json};

use crate::{
    approval::{INCONCLUSIVE, INFRA, PASSED, SUBJECT, Stage, TOKEN, end, proposals::with_config},
    house::{Ended, Runner},
};

/// A stage whose token may set statuses, with the evidence announced.
fn stage() -> Stage {
    let stage = Stage::with_pull_requests();
    stage.fake_github.grant(TOKEN, INFRA, &["statuses=write"]);
    stage.announce("1.4.2", "passed");
    stage
}

fn run(stage: &Stage, step: &Runner) -> Ended {
    let ended = step.run(&["status"]);
    assert_eq!(stage.fake_github.violations(), [""; 0], "{}", ended.log);
    ended
}

/// State and description of every status that was set, oldest first.
fn set(stage: &Stage) -> Vec<String> {
    let statuses = stage.fake_github.statuses(INFRA);
    assert!(statuses.iter().all(|status| status.context == "promote-gates/approval"), "{statuses:?}");
    statuses.iter().map(|status| format!("{}: {}", status.state, status.description.as_deref().unwrap())).collect()
}

#[test]
fn every_open_promotion_gets_the_status_that_its_reviews_are_worth() {
    let stage = stage();
    let heads: Vec<String> = [5, 6, 7].map(|number| stage.propose(number)).into();
    stage.approve_pull_request(5, "alice", 30);
    stage.review(
        7,
        FakePullRequestReview {
            author: Some("bob".to_owned()),
            state: "CHANGES_REQUESTED".to_owned(),
            ..stage.approval(7, 30)
        },
    );
    // The same change on a branch of another name is none of a promotion. A closed pull request is not looked at.
    let fix = stage.propose(8);
    stage.fake_github.change_pull_request(INFRA, 8, |one| one.branch = "fix".to_owned());
    stage.propose(9);
    stage.fake_github.change_pull_request(INFRA, 9, |one| one.is_open = false);
    let ended = run(&stage, &stage.pull_request_step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!([&*ended.outputs["pull-requests"], &*ended.outputs["approved"]], ["[5,6,7]", "[5]"]);
    let statuses = stage.fake_github.statuses(INFRA);
    let of = |head: &str| {
        let found: Vec<&FakeStatus> = statuses.iter().filter(|status| status.sha == head).collect();
        assert_eq!(found.len(), 1, "{statuses:?}");
        format!("{}: {}", found[0].state, found[0].description.as_deref().unwrap())
    };
    assert_eq!(of(&heads[0]), "success: approved by alice");
    assert_eq!(of(&heads[1]), "pending: approval: it has no approval");
    assert_eq!(of(&heads[2]), "failure: approval: changes are requested by bob; it has no approval");
    assert_eq!(
        of(&fix),
        "failure: changes the image of checkout-service outside a promotion; next: take it out, and promote by evidence"
    );
    assert_eq!(statuses[0].target_url.as_deref(), Some("https://github.com/acme/infra/actions/runs/8/attempts/1"));
    // Nothing has changed: nothing is set again.
    let again = run(&stage, &stage.pull_request_step());
    assert_eq!((end(&again), set(&stage).len()), (PASSED, 4), "{}", again.log);
    let states: Vec<&str> =
        again.report["effects"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["already"; 3]);
}

#[test]
fn a_success_is_taken_away_and_a_pushed_commit_never_had_one() {
    let stage = stage();
    stage.propose(5);
    stage.approve_pull_request(5, "alice", 30);
    run(&stage, &stage.pull_request_step());
    stage.fake_github.change_pull_request(INFRA, 5, |one| one.reviews[0].state = "DISMISSED".to_owned());
    run(&stage, &stage.pull_request_step());
    assert_eq!(
        set(&stage),
        [
            "success: approved by alice",
            "pending: approval: it has no approval; not counted: alice, whose review was dismissed"
        ]
    );
    // Pushed over: the new commit has no status until it is judged.
    let mut other = stage.proposed(5);
    other.trailers = other.trailers.replace("kind: normal", "kind: normal\nReason: x");
    let sha = stage.push_proposed(&other, "main");
    stage.fake_github.change_pull_request(INFRA, 5, |one| {
        one.reviews[0].state = "APPROVED".to_owned();
        one.own[0].sha.clone_from(&sha);
    });
    run(&stage, &stage.pull_request_step());
    let last = stage.fake_github.statuses(INFRA).pop().unwrap();
    assert_eq!((last.sha, last.state), (sha, "pending".to_owned()));
}

#[test]
fn a_pull_request_that_cannot_be_judged_has_the_status_error() {
    let stage = stage();
    stage.propose(5);
    stage.approve_pull_request(5, "alice", 30);
    let less = "ghs_withoutChecks";
    let permissions = ["actions=read", "contents=read", "pull_requests=read", "statuses=write"];
    stage.fake_github.grant(less, INFRA, &permissions);
    stage.fake_github.grant(less, "acme/shop", &["actions=read", "contents=read", "pull_requests=read"]);
    let ended = run(&stage, &stage.pull_request_step().input("token", less));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("the token needs Checks: read on acme/infra"), "{}", ended.log);
    let set = set(&stage);
    assert!(set.len() == 1 && set[0].starts_with("error: evidence: "), "{set:?}");
    assert_eq!(ended.outputs["approved"], "[]");
    // A token that may not set it.
    let reader = "ghs_reader";
    stage.fake_github.grant(
        reader,
        INFRA,
        &["actions=read", "checks=read", "contents=read", "pull_requests=read", "statuses=read"],
    );
    stage.fake_github.grant(reader, "acme/shop", &["actions=read", "contents=read", "pull_requests=read"]);
    let ended = run(&stage, &stage.pull_request_step().input("token", reader));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("the token needs Commit statuses: write on acme/infra"), "{}", ended.log);
}

#[test]
fn the_rules_are_those_of_approval_in_the_config_file() {
    let stage = stage();
    stage.propose(5);
    stage.approve_pull_request(5, "alice", 30);
    let two = "approval:\n  minimum: 2\n  github-environment: production\n";
    let ended = run(&stage, &with_config(stage.pull_request_step(), two));
    assert_eq!(set(&stage), ["pending: approval: approved by alice, 1 of 2"], "{}", ended.log);
    assert_eq!(ended.report["settings"]["approval"]["minimum"], 2);
    stage.approve_pull_request(5, "bob", 31);
    run(&stage, &with_config(stage.pull_request_step(), two));
    assert_eq!(set(&stage)[1], "success: approved by alice, bob");
    let ended = run(&stage, &with_config(stage.pull_request_step(), "approval: { minimum: many }\n"));
    assert_eq!(ended.code, 2, "{}", ended.log);
}

/// The report of a gate in run 8 about the promotion.
fn report(command: &str, verdict: Verdict, outputs: &[(&str, &str)]) -> Report {
    let mut report = Report::open(command, now().to_string());
    report.subject = SUBJECT.parse().unwrap();
    report.run = Some(WorkflowRun {
        repository: INFRA.to_owned(),
        id: 8,
        attempt: 1,
        url: format!("https://github.com/{INFRA}/actions/runs/8/attempts/1"),
        job: "promote".to_owned(),
    });
    let finding = Finding::new("check", verdict).actual("as seen").next("do something");
    report.close(Ok(Outcome::from(vec![finding])), now().to_string());
    report.outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    report
}

/// `toJSON(steps)` with these reports.
fn steps(reports: &[Report]) -> String {
    let step = |report: &Report| json!({ "outcome": "success", "outputs": { "report": compact(report, "").text } });
    let steps = reports.iter().map(|report| (report.command.clone(), step(report)));
    Value::Object(steps.collect()).to_string()
}

#[test]
fn the_status_stands_for_the_gates_of_its_run() {
    let stage = stage();
    let head = stage.propose(5);
    stage.approve_pull_request(5, "alice", 30);
    let require = |step: Runner| step.input("require", "approval\nwait");
    // Judged alone, `wait` is missing.
    let ended = run(&stage, &require(stage.pull_request_step()));
    assert_eq!((end(&ended), &*ended.outputs["approved"]), (PASSED, "[5]"), "{}", ended.log);
    let outputs = [("approver", "alice"), ("pull-request", "5"), ("head", head.as_str())];
    let approval = report("approval", Verdict::Passed, &outputs);
    let with = |reports: &[Report]| require(stage.pull_request_step()).input("results", &steps(reports));
    run(&stage, &with(&[approval.clone(), report("wait", Verdict::Blocked, &[])]));
    let ended = run(&stage, &with(&[approval.clone(), report("wait", Verdict::Passed, &[])]));
    assert_eq!((end(&ended), &*ended.outputs["approved"]), (PASSED, "[5]"), "{}", ended.log);
    // The success stays while the approval passes.
    run(&stage, &require(stage.pull_request_step()));
    let statuses = set(&stage);
    assert_eq!(
        statuses,
        [
            "pending: approved by alice; not passed yet: wait",
            "failure: wait: blocked: check: as seen; next: do something",
            "success: approved by alice; passed: approval, wait"
        ]
    );
    stage.review(
        5,
        FakePullRequestReview {
            author: Some("bob".to_owned()),
            state: "CHANGES_REQUESTED".to_owned(),
            ..stage.approval(5, 40)
        },
    );
    run(&stage, &require(stage.pull_request_step()));
    assert_eq!(set(&stage)[3], "failure: approval: changes are requested by bob; approved by alice");
    // Reports that do not count.
    let dry = Report { dry_run: true, ..report("wait", Verdict::Passed, &[]) };
    run(&stage, &with(&[approval.clone(), dry]));
    assert!(set(&stage)[4].starts_with("error: wait: passed in dry-run"), "{:?}", set(&stage));
    let requests = stage.fake_github.requests().len();
    let elsewhere = Report { run: approval.run.clone().map(|run| WorkflowRun { id: 9, ..run }), ..approval.clone() };
    for (reports, words) in [
        (vec![], "0 reports of this run's `approval`"),
        (vec![elsewhere], "0 reports of this run's `approval`"),
        (vec![report("approval", Verdict::Passed, &[])], "names no pull request"),
    ] {
        let ended = run(&stage, &with(&reports));
        assert_eq!(ended.code, 2, "{words}: {}", ended.log);
        assert!(ended.log.contains(words), "{words}: {}", ended.log);
    }
    assert_eq!(stage.fake_github.requests().len(), requests, "nothing was asked or set");
}

/// A status of another account on a commit: a job's token, if `token` is one of an App.
fn add_status(stage: &Stage, head: &str, creator: &str, result: &str, description: &str) {
    let status = FakeStatus {
        sha: head.to_owned(),
        state: result.to_owned(),
        context: "promote-gates/approval".to_owned(),
        description: Some(description.to_owned()),
        target_url: None,
        creator: creator.to_owned(),
        created_at: now(),
    };
    stage.fake_github.add_status(INFRA, status);
}

/// The newest status of a commit, and who set it.
fn newest(stage: &Stage, head: &str) -> (String, String) {
    let status = stage.fake_github.statuses(INFRA).into_iter().rfind(|status| status.sha == head).unwrap();
    (status.state, status.creator)
}

/// A rule can require the status from one App: that of another account is none, whatever it says.
#[test]
fn a_status_of_another_account_counts_for_nothing() {
    const JUDGE: &str = "acme-judge[bot]";
    const ACTIONS: &str = "github-actions[bot]";
    let stage = stage();
    stage.fake_github.set_app(TOKEN, "acme-judge", 424_242);
    let [approved, waiting] = [5, 6].map(|number| stage.propose(number));
    let code = stage.propose(7);
    stage.fake_github.change_pull_request(INFRA, 7, |one| one.branch = "fix".to_owned());
    stage.approve_pull_request(5, "alice", 30);
    let changed =
        "changes the image of checkout-service outside a promotion; next: take it out, and promote by evidence";
    // Each is word for word what the App would set. `[bot]` is no part of a person's login.
    for creator in [ACTIONS, "acme-judge", "dana"] {
        add_status(&stage, &approved, creator, "success", "approved by alice");
        add_status(&stage, &waiting, creator, "success", "approved by alice");
        add_status(&stage, &code, creator, "failure", changed);
        let before = stage.fake_github.statuses(INFRA).len();
        let ended = run(&stage, &stage.pull_request_step());
        assert_eq!(end(&ended), PASSED, "{}", ended.log);
        assert_eq!(newest(&stage, &approved), ("success".to_owned(), JUDGE.to_owned()), "{creator}");
        assert_eq!(newest(&stage, &waiting), ("pending".to_owned(), JUDGE.to_owned()), "{creator}");
        assert_eq!(newest(&stage, &code), ("failure".to_owned(), JUDGE.to_owned()), "{creator}");
        // Its own ones are not set again.
        run(&stage, &stage.pull_request_step());
        assert_eq!(stage.fake_github.statuses(INFRA).len(), before + 3, "{creator}");
    }
    // A success for gates of another run stays if this account set it.
    let require = |step: Runner| step.input("require", "approval\nwait");
    run(&stage, &require(stage.pull_request_step()));
    assert_eq!(newest(&stage, &approved), ("success".to_owned(), JUDGE.to_owned()));
    add_status(&stage, &approved, ACTIONS, "success", "approved by alice; passed: approval, wait");
    run(&stage, &require(stage.pull_request_step()));
    assert_eq!(newest(&stage, &approved), ("pending".to_owned(), JUDGE.to_owned()));
    // By `results`, too.
    let outputs = [("approver", "alice"), ("pull-request", "5"), ("head", approved.as_str())];
    let approval = report("approval", Verdict::Passed, &outputs);
    let by_results =
        || run(&stage, &stage.pull_request_step().input("results", &steps(std::slice::from_ref(&approval))));
    add_status(&stage, &approved, ACTIONS, "success", "approved by alice; passed: approval");
    let before = stage.fake_github.statuses(INFRA).len();
    for _ in 0..2 {
        let ended = by_results();
        assert_eq!(end(&ended), PASSED, "{}", ended.log);
        assert_eq!(newest(&stage, &approved), ("success".to_owned(), JUDGE.to_owned()));
        assert_eq!(stage.fake_github.statuses(INFRA).len(), before + 1);
    }
}

#[test]
fn a_dry_run_sets_nothing_and_settings_are_checked() {
    let stage = stage();
    stage.propose(5);
    stage.approve_pull_request(5, "alice", 30);
    let ended = run(&stage, &stage.pull_request_step().input("dry-run", "true"));
    assert_eq!((ended.code, set(&stage).len()), (0, 0), "{}", ended.log);
    assert!(ended.log.contains("dry-run: nothing was written; success: approved by alice"), "{}", ended.log);
    for (key, value, words) in [
        ("require", "wait", "`approval`, alone or with others of"),
        ("require", "approvl", "did you mean `approval`?"),
        ("context", &"x".repeat(101), "the name of a commit status"),
        ("pull-request", "zero", "`pull-request` (input)"),
        ("token", "", "`token`: not given"),
        ("results", "[]", "toJSON(needs)"),
        ("branch", "", ""),
    ] {
        let ended = run(&stage, &stage.pull_request_step().input(key, value));
        if words.is_empty() {
            assert_eq!(end(&ended), PASSED, "{}", ended.log);
        } else {
            assert_eq!(ended.code, 2, "{key}: {}", ended.log);
            assert!(ended.log.contains(words), "{key}: {words}: {}", ended.log);
        }
    }
}

#[test]
fn no_open_promotion_is_no_failure_and_one_number_limits_the_work() {
    let stage = stage();
    let ended = run(&stage, &stage.pull_request_step());
    assert_eq!((end(&ended), &*ended.outputs["approved"]), (PASSED, "[]"), "{}", ended.log);
    stage.propose(5);
    stage.propose(6);
    let ended = run(&stage, &stage.pull_request_step().input("pull-request", "6"));
    assert_eq!((end(&ended), &*ended.outputs["pull-requests"]), (PASSED, "[6]"), "{}", ended.log);
    let staging = run(&stage, &stage.pull_request_step().input("environment", "staging"));
    assert_eq!(staging.outputs["pull-requests"], "[]");
    let ended = run(&stage, &stage.pull_request_step().input("pull-request", "99"));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("this repository has no pull request #99"), "{}", ended.log);
}
