//! Whether the approver has approved too many promotions within the window.

use std::time::Duration;

use crate::{
    approvers::join_names,
    commands::approval::{observations::ApprovalObservations, rules::ApprovalRules, window::PastApproval},
    finding::Finding,
};

/// How many approval times a message lists.
const MAX_TIMES: usize = 10;

pub(super) fn check_frequency(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    let ApprovalRules { max_approvals, window, .. } = rules;
    let approver = observations.approver(rules)?;
    let check = format!("approvals within {window}");
    let expected = format!("at most {max_approvals} by one person");
    let own = match (&observations.approval, &observations.others) {
        (Ok(own), Ok(_)) => own.time.latest,
        (Err(error), _) | (_, Err(error)) => return Some(error.for_check(check)),
    };
    let earlier = observations.earlier_approvals(rules, approver);
    let mut times: Vec<String> = earlier.iter().map(describe).collect();
    times.push(format!("{own} (this run)"));
    let omitted = times.len().saturating_sub(MAX_TIMES);
    let more = if omitted == 0 { String::new() } else { format!("{omitted} before, ") };
    let actual = format!("{} by {approver}: {more}{}", times.len(), times[omitted..].join(", "));
    if earlier.len() < *max_approvals {
        return Some(Finding::passed(check).actual(actual).expected(expected));
    }
    // From this moment on, the window has room for one more approval.
    let retry_at = earlier.get(earlier.len() - max_approvals).and_then(|approval| approval.at);
    let retry_at = retry_at.and_then(|at| at.checked_add(window.0 + Duration::from_secs(1)).ok());
    let retry_at = retry_at.map(|at| format!(", or approved no earlier than {at}")).unwrap_or_default();
    let next = format!(
        "start it again, and have it approved by another reviewer who takes the time to look{retry_at}{}",
        explain_failed(&earlier)
    );
    Some(Finding::blocked(check).actual(actual).expected(expected).next(next))
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
