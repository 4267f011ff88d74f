//! Which status a judged pull request is to have. Pure.

use crate::{finding::Verdict, reconcile::Plan, values::clip, world::github::CommitStatus};

/// The longest description that GitHub accepts, in characters.
const MAX_DESCRIPTION: usize = 140;
const SUCCESS: &str = "success";

/// What was found of a pull request at its last commit.
#[derive(Clone, Debug)]
pub struct JudgedHead {
    pub verdict: Verdict,
    /// The finding behind the verdict, in one line.
    pub reason: String,
    /// Whether nothing but an approval is missing.
    pub is_waiting: bool,
    /// Gates that are required, and that no report of this run is about.
    pub missing: Vec<String>,
}

/// The wanted status of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredStatus {
    pub status: CommitStatus,
    /// Whether a success that is there stays: it stands for gates that were judged in another run.
    pub keeps_success: bool,
}

impl DesiredStatus {
    /// Only `success` lets the pull request be merged.
    #[must_use]
    pub fn new(context: &str, judged: &JudgedHead) -> Self {
        let JudgedHead { verdict, reason, is_waiting, missing } = judged;
        let (state, text) = match verdict {
            Verdict::Passed if missing.is_empty() => (SUCCESS, reason.clone()),
            Verdict::Passed => ("pending", format!("{reason}; not passed yet: {}", missing.join(", "))),
            Verdict::Blocked if *is_waiting => ("pending", reason.clone()),
            Verdict::Blocked => ("failure", reason.clone()),
            Verdict::Inconclusive => ("error", reason.clone()),
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let status = CommitStatus {
            state: state.to_owned(),
            context: context.to_owned(),
            description: Some(clip(&text, MAX_DESCRIPTION)),
            creator: None,
        };
        Self { status, keeps_success: *verdict == Verdict::Passed && !missing.is_empty() }
    }

    /// What to do about the newest status with the same context, if this account set it. That of another account counts for nothing:
    /// a rule may require the status from this App, and anyone who can push can set one by a workflow.
    #[must_use]
    pub fn plan(&self, current: Option<&CommitStatus>) -> Plan<(), CommitStatus> {
        match current {
            Some(current) if self.keeps_success && current.state == SUCCESS => Plan::UpToDate(current.clone()),
            Some(current)
                if (&current.state, &current.description) == (&self.status.state, &self.status.description) =>
            {
                Plan::UpToDate(current.clone())
            }
            _ => Plan::Write(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdict: Verdict, is_waiting: bool, missing: &[&str]) -> JudgedHead {
        let missing = missing.iter().map(ToString::to_string).collect();
        JudgedHead { verdict, reason: "as\n found".to_owned(), is_waiting, missing }
    }

    fn status(state: &str, description: &str) -> CommitStatus {
        CommitStatus {
            state: state.to_owned(),
            context: "promote-gates/approval".to_owned(),
            description: Some(description.to_owned()),
            creator: None,
        }
    }

    #[test]
    fn only_a_passed_approval_with_all_gates_is_a_success() {
        for (verdict, is_waiting, missing, state, text) in [
            (Verdict::Passed, false, &[][..], "success", "as found"),
            (Verdict::Passed, false, &["wait"], "pending", "as found; not passed yet: wait"),
            (Verdict::Blocked, true, &[], "pending", "as found"),
            (Verdict::Blocked, true, &["wait"], "pending", "as found"),
            (Verdict::Blocked, false, &[], "failure", "as found"),
            (Verdict::Inconclusive, false, &[], "error", "as found"),
            (Verdict::Inconclusive, true, &[], "error", "as found"),
        ] {
            let desired = DesiredStatus::new("promote-gates/approval", &judged(verdict, is_waiting, missing));
            assert_eq!(desired.status, status(state, text), "{verdict} {is_waiting} {missing:?}");
        }
        let long = JudgedHead { reason: "é".repeat(500), ..judged(Verdict::Blocked, false, &[]) };
        let description = DesiredStatus::new("x", &long).status.description.unwrap();
        assert_eq!(description.chars().count(), 140);
    }

    #[test]
    fn the_same_status_is_not_set_again_and_a_success_of_other_gates_stays() {
        let is_written = |verdict, missing: &[&str], current: Option<CommitStatus>| {
            let desired = DesiredStatus::new("promote-gates/approval", &judged(verdict, false, missing));
            matches!(desired.plan(current.as_ref()), Plan::Write(()))
        };
        assert!(is_written(Verdict::Passed, &[], None));
        assert!(!is_written(Verdict::Passed, &[], Some(status("success", "as found"))));
        assert!(is_written(Verdict::Passed, &[], Some(status("pending", "as found"))));
        assert!(is_written(Verdict::Passed, &[], Some(status("success", "by another person"))));
        assert!(!is_written(Verdict::Passed, &["wait"], Some(status("success", "approved and waited"))));
        assert!(is_written(Verdict::Passed, &["wait"], Some(status("failure", "rejected"))));
        assert!(is_written(Verdict::Blocked, &["wait"], Some(status("success", "approved and waited"))));
        assert!(is_written(Verdict::Inconclusive, &["wait"], Some(status("success", "approved and waited"))));
    }
}
