//! Forged and unlucky histories, each beside its honest twin: one row changes the history of a release that passes, and names
//! what must be reported.

mod branches;
mod claims;
mod digests;
mod notices;
mod reports;
mod runs;
mod tags;

use std::thread;

use super::*;

/// A history that differs from that of the honest release.
struct History {
    name: &'static str,
    /// Changes the stage; returns the payload that is dispatched.
    change: fn(&mut Stage) -> Value,
    /// 0, 1 or 3: the release passes, is blocked, or cannot be decided.
    code: i32,
    check: &'static str,
    /// A part of the finding of that check.
    says: &'static str,
}

const fn passes(
    name: &'static str,
    change: fn(&mut Stage) -> Value,
    check: &'static str,
    says: &'static str,
) -> History {
    History { name, change, code: 0, check, says }
}

const fn blocked(
    name: &'static str,
    change: fn(&mut Stage) -> Value,
    check: &'static str,
    says: &'static str,
) -> History {
    History { name, change, code: 1, check, says }
}

const fn inconclusive(
    name: &'static str,
    change: fn(&mut Stage) -> Value,
    check: &'static str,
    says: &'static str,
) -> History {
    History { name, change, code: 3, check, says }
}

/// Runs the histories of a table, four at a time.
fn check_all(table: &[History]) {
    thread::scope(|scope| {
        for rows in table.chunks(table.len().div_ceil(4)) {
            scope.spawn(|| rows.iter().for_each(check));
        }
    });
}

fn check(History { name, change, code, check, says }: &History) {
    let mut stage = Stage::new();
    stage.fake_github.commit(SHOP, &sha('d'), "carol", "Cart: taxes");
    let payload = change(&mut stage);
    let ended = dispatched(stage.runner(), &payload).run(&["evidence"]);
    let verdict = match code {
        0 => "passed",
        1 => "blocked",
        _ => "inconclusive",
    };
    assert_eq!(end(&ended), (*code, verdict), "{name}: {}", ended.log);
    let findings = ended.report["findings"].as_array().unwrap();
    let matching = |finding: &&Value| {
        finding["check"] == *check
            && finding["verdict"] == verdict
            && finding["actual"].as_str().unwrap().contains(says)
    };
    let finding = findings.iter().find(matching);
    let finding = finding.unwrap_or_else(|| panic!("{name}: {check} says {says:?} and is {verdict}: {}", ended.log));
    assert!(verdict == "passed" || finding["next"].as_str().is_some_and(|next| !next.is_empty()), "{name}: {finding}");
    let mark = match code {
        0 => "### ✅ ",
        1 => "### ⛔ evidence: ",
        _ => "### ❓ evidence: ",
    };
    assert!(ended.summary.starts_with(mark), "{name}: {}", ended.summary);
    assert_eq!(stage.fake_github.violations(), [""; 0], "{name}");
}

fn set(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

/// The payload with one report changed together with the notice of its job.
fn changed_with_annotation(stage: &mut Stage, command: &str, change: impl FnOnce(&mut Report)) -> Value {
    let place = stage.reports.iter().position(|report| report.command == command).unwrap();
    change(&mut stage.reports[place]);
    let report = stage.reports[place].clone();
    stage.job(command, "success", Some(&report));
    stage.payload()
}

/// A commit of the shop with these parents.
fn commit(letter: char, parents: &[char]) -> github::FakeCommit {
    github::FakeCommit {
        sha: sha(letter),
        parents: Some(parents.iter().map(|parent| sha(*parent)).collect()),
        author: Some("mallory".to_owned()),
        ..github::FakeCommit::default()
    }
}

/// The payload of a release of another commit: it was deployed by run 41, and every gate checked it. `named` is the name of
/// what was pushed.
fn released(stage: &mut Stage, letter: char, named: &str) -> Value {
    let head_branch = Some(named.to_owned());
    stage.fake_github.set_run(SHOP, github::FakeRun { head_sha: sha(letter), head_branch, ..deploy_run() });
    stage.deploy["head_sha"] = json!(sha(letter));
    for command in GATES {
        changed_with_annotation(stage, command, |report| report.subject.commit = sha(letter).parse().ok());
    }
    set(stage.payload(), "/evidence/subject/commit", json!(sha(letter)))
}

/// The same without a deploy workflow: the validating run itself was pushed.
fn pushed(stage: &mut Stage, letter: char, named: &str) -> Value {
    stage.config = CONFIG.replace("    deploy-workflow: .github/workflows/deploy-staging.yml\n", "");
    let mut payload = released(stage, letter, named);
    let (event, head_branch) = ("push".to_owned(), Some(named.to_owned()));
    let run = github::FakeRun { event, head_sha: sha(letter), head_branch, ..validating_run() };
    stage.fake_github.set_run(SHOP, run.in_progress());
    payload["evidence"].as_object_mut().unwrap().remove("deploy");
    payload
}
