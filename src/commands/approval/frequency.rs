//! The limit of approvals by one person within a window.

use std::time::Duration;

use jiff::Timestamp;

use crate::{approvers::join_names, commands::approval::window::PastApproval, finding::Finding, values::HumanDuration};

/// How many approval times a message lists.
const MAX_TIMES: usize = 10;

/// How many promotions one person may approve within a window.
#[derive(Clone, Copy, Debug)]
pub struct FrequencyLimit {
    /// At least 1.
    pub max_approvals: usize,
    pub window: HumanDuration,
}

/// The approval that is judged.
pub struct JudgedApproval<'a> {
    pub approver: &'a str,
    pub at: Timestamp,
    /// `this run`
    pub target: &'a str,
    /// What to do when it is one too many; a moment may follow.
    pub next: &'a str,
}

impl FrequencyLimit {
    #[must_use]
    pub fn check_name(self) -> String {
        format!("approvals within {}", self.window)
    }

    /// The finding about an approval; `earlier` are those by the same person within the window before it, oldest first.
    #[must_use]
    pub fn check(self, judged: &JudgedApproval, earlier: &[PastApproval]) -> Finding {
        let Self { max_approvals, window } = self;
        let JudgedApproval { approver, at, target, next } = judged;
        let mut times: Vec<String> = earlier.iter().map(describe).collect();
        times.push(format!("{at} ({target})"));
        let omitted = times.len().saturating_sub(MAX_TIMES);
        let more = if omitted == 0 { String::new() } else { format!("{omitted} before, ") };
        let actual = format!("{} by {approver}: {more}{}", times.len(), times[omitted..].join(", "));
        let expected = format!("at most {max_approvals} by one person");
        if earlier.len() < max_approvals {
            return Finding::passed(self.check_name()).actual(actual).expected(expected);
        }
        // From this moment on, the window has room for one more approval.
        let retry_at = earlier.get(earlier.len() - max_approvals).and_then(|approval| approval.at);
        let retry_at = retry_at.and_then(|at| at.checked_add(window.0 + Duration::from_secs(1)).ok());
        let retry_at = retry_at.map(|at| format!(", or approved no earlier than {at}")).unwrap_or_default();
        Finding::blocked(self.check_name())
            .actual(actual)
            .expected(expected)
            .next(format!("{next}{retry_at}{}", explain_failed(earlier)))
    }
}

fn describe(PastApproval { at, target, promoted_nothing, .. }: &PastApproval) -> String {
    let at = at.map_or_else(|| "at an unknown time".to_owned(), |at| at.to_string());
    let nothing = if *promoted_nothing { ", which promoted nothing" } else { "" };
    format!("{at} ({target}{nothing})")
}

/// Why approvals of runs that promoted nothing count: `; the approvals of run 5, run 6 count …`.
fn explain_failed(earlier: &[PastApproval]) -> String {
    let failed: Vec<&str> = earlier.iter().filter(|one| one.promoted_nothing).map(|one| one.target.as_str()).collect();
    if failed.is_empty() {
        return String::new();
    }
    format!(
        "; {} promoted nothing (stale, or blocked), and the approval counts all the same: whoever approves a stale \
         promotion has not read its decision pack. Reject promotions that nobody wants any more, and approve the newest one",
        join_names(&failed)
    )
}
