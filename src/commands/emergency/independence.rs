//! Whether a person approved the emergency who did not start it. Pure.

use crate::{
    approvers::join_names,
    finding::Finding,
    login::is_same_login,
    world::github::{WorkflowRun, is_machine_login},
};

const CHECK: &str = "independence";
const EXPECTED: &str = "an approval by a person who did not start this run";

/// What happens to an emergency without an independent approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IndependencePolicy {
    /// The finding, the commit and the issue say so.
    Show,
    /// There is no commit.
    Block,
}

/// Who approved an emergency, and whether that person had started it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Independence {
    /// The approver to record: an independent one if there is one.
    pub approver: Option<String>,
    /// `None`: not known.
    pub is_independent: Option<bool>,
    pub finding: Finding,
}

/// Judges the people who approved this run by who started it, as GitHub shows the run; `None`: it runs outside of GitHub. An
/// attempt may have been started by another person than the run, and neither is independent.
pub(super) fn judge_independence(
    policy: IndependencePolicy,
    approvers: &[String],
    run: &Result<Option<WorkflowRun>, Finding>,
) -> Independence {
    let starters = starters(run);
    let started_by = |name: &str, starters: &[&str]| starters.iter().any(|starter| is_same_login(starter, name));
    let first = approvers.first();
    let unknown = |why: Finding| Independence {
        approver: first.cloned(),
        is_independent: None,
        finding: match policy {
            IndependencePolicy::Block => why,
            IndependencePolicy::Show => Finding::passed(CHECK)
                .actual(format!("not known: {}", why.actual))
                .expected(EXPECTED)
                .waived("`independent: show`"),
        },
    };
    let Some(first) = first else {
        return unknown(
            Finding::blocked(CHECK)
                .actual("no approval is known")
                .expected(EXPECTED)
                .next("start a new run and let another person approve it, or set `independent: show`"),
        );
    };
    let names = match &starters {
        Ok(names) => names.as_slice(),
        Err(finding) => return unknown(finding.clone()),
    };
    if let Some(login) = approvers.iter().find(|login| !started_by(login, names)) {
        // An App that starts a run does it for a person, whom GitHub does not name.
        if let Some(machine) = names.iter().find(|name| is_machine_login(name)) {
            let why = Finding::inconclusive(CHECK)
                .actual(format!("{machine} started this run, and GitHub does not say for whom"))
                .expected(EXPECTED)
                .next("let a person start the workflow on GitHub, or set `independent: show`");
            return Independence { approver: Some(login.clone()), ..unknown(why) };
        }
        let finding = Finding::passed(CHECK).expected(EXPECTED);
        return Independence {
            approver: Some(login.clone()),
            is_independent: Some(true),
            finding: finding.actual(format!("{login} approved it, {} started it", join_names(names))),
        };
    }
    let actual = format!("{first} started this run and approved it");
    let finding = match policy {
        IndependencePolicy::Block => Finding::blocked(CHECK)
            .next("let another person approve a new run; `prevent-self-review` of the environment asks for that before the job starts"),
        IndependencePolicy::Show => Finding::passed(CHECK).waived("`independent: show`: the commit and the issue say so"),
    };
    let finding = finding.actual(actual).expected(EXPECTED);
    Independence { approver: Some(first.clone()), is_independent: Some(false), finding }
}

/// The logins that started this run and this attempt of it.
fn starters(run: &Result<Option<WorkflowRun>, Finding>) -> Result<Vec<&str>, Finding> {
    let unknown = |why: &str| {
        Finding::inconclusive(CHECK)
            .actual(why)
            .expected(EXPECTED)
            .next("start a new run of the workflow on GitHub, or set `independent: show`")
    };
    let run = match run {
        Ok(Some(run)) => run,
        Ok(None) => return Err(unknown("who started it: this is no workflow run")),
        Err(error) => return Err(error.for_check(CHECK).expected(EXPECTED)),
    };
    let (Some(actor), Some(triggering)) = (run.actor.as_deref(), run.triggering_actor.as_deref()) else {
        return Err(unknown("GitHub does not say who started this run"));
    };
    let mut names = vec![triggering];
    if !is_same_login(actor, triggering) {
        names.push(actor);
    }
    if names.contains(&"ghost") {
        return Err(unknown("the account that started this run is gone"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Verdict;

    fn run(actor: &str, triggering: &str) -> WorkflowRun {
        let account = |login: &str| if login.is_empty() { json!(null) } else { json!({ "login": login }) };
        let run = json!({
            "id": 7, "run_attempt": 1, "workflow_id": 1, "path": ".github/workflows/emergency.yml", "head_branch": "main",
            "event": "workflow_dispatch", "status": "in_progress", "conclusion": null, "head_sha": "a".repeat(40),
            "actor": account(actor), "triggering_actor": account(triggering), "repository": { "full_name": "acme/infra" },
            "html_url": "https://github.com/x", "created_at": "2026-01-01T11:00:00Z", "updated_at": "2026-01-01T12:00:00Z",
        });
        serde_json::from_value(run).unwrap()
    }

    #[test]
    fn only_a_person_who_did_not_start_the_run_is_independent() {
        use Verdict::{Blocked, Inconclusive, Passed};
        let by = |actor: &str, triggering: &str| Ok(Some(run(actor, triggering)));
        let lost = || Err(Finding::inconclusive("GitHub's API").actual("403 no").next("the token needs Actions: read"));
        for (approvers, run, approver, independent, blocks) in [
            (&["bob"][..], by("alice", "alice"), Some("bob"), Some(true), Passed),
            (&["alice"], by("alice", "alice"), Some("alice"), Some(false), Blocked),
            (&["Alice"], by("alice", "alice"), Some("Alice"), Some(false), Blocked),
            (&["alice", "bob"], by("alice", "alice"), Some("bob"), Some(true), Passed),
            // She started the attempt, or the run.
            (&["bob"], by("alice", "bob"), Some("bob"), Some(false), Blocked),
            (&["alice"], by("alice", "bob"), Some("alice"), Some(false), Blocked),
            (&["carol"], by("alice", "bob"), Some("carol"), Some(true), Passed),
            (&[], by("alice", "alice"), None, None, Blocked),
            (&["bob"], by("chatops[bot]", "chatops[bot]"), Some("bob"), None, Inconclusive),
            (&["bob"], by("bob", "chatops[bot]"), Some("bob"), Some(false), Blocked),
            (&["bob"], by("ghost", "ghost"), Some("bob"), None, Inconclusive),
            (&["bob"], by("", "alice"), Some("bob"), None, Inconclusive),
            (&["bob"], Ok(None), Some("bob"), None, Inconclusive),
            (&["bob"], lost(), Some("bob"), None, Inconclusive),
        ] {
            let approvers: Vec<String> = approvers.iter().map(ToString::to_string).collect();
            for (policy, verdict) in [(IndependencePolicy::Show, Passed), (IndependencePolicy::Block, blocks)] {
                let judged = judge_independence(policy, &approvers, &run);
                let finding = &judged.finding;
                assert_eq!((judged.approver.as_deref(), judged.is_independent), (approver, independent), "{finding}");
                assert_eq!((finding.verdict, &*finding.check), (verdict, CHECK), "{finding}");
                assert_eq!(finding.waived.is_some(), verdict == Passed && independent != Some(true), "{finding}");
                assert_eq!(finding.next.is_some(), verdict != Passed, "{finding}");
            }
        }
    }
}
