//! Whether the approvers took the time to look: how many promotions each approved shortly before, how long the pull request had
//! been there, and what they wrote.

use std::time::Duration;

use super::approvals::{Approvals, Approver};
use crate::{
    commands::approval::{
        comment::{has_letters, quote},
        frequency::{FrequencyLimit, JudgedApproval},
    },
    finding::Finding,
    values::HumanDuration,
};

pub(super) fn check_frequency(approvals: &Approvals) -> Vec<Finding> {
    let limit = FrequencyLimit { max_approvals: approvals.rules.max_approvals, window: approvals.rules.window };
    let chosen = approvals.chosen();
    match &approvals.observations.others {
        // The commit promotes nothing, which blocks.
        None => return Vec::new(),
        Some(Err(error)) if !chosen.is_empty() => return vec![error.for_check(limit.check_name())],
        Some(_) => {}
    }
    let target = format!("#{}", approvals.found.facts.number);
    let check = |approver: &Approver| {
        let judged = JudgedApproval {
            approver: approver.login,
            at: approver.at,
            target: &target,
            next: "have it approved by another reviewer who takes the time to look",
        };
        limit.check(&judged, &approvals.earlier(approver))
    };
    chosen.iter().map(check).collect()
}

/// The time from the last change of the pull request to each approval.
pub(super) fn check_review_time(approvals: &Approvals) -> Vec<Finding> {
    let Some(least) = approvals.rules.min_review_time else { return Vec::new() };
    let facts = &approvals.found.facts;
    let since = facts.force_pushed_at.map_or(facts.opened_at, |push| push.max(facts.opened_at));
    let check = |approver: &Approver| {
        let time = Duration::try_from(approver.at.duration_since(since)).unwrap_or_default();
        let actual = format!("{} by {}, from {since} to {}", HumanDuration(time), approver.login, approver.at);
        let finding = if time < least.0 {
            Finding::blocked("review time")
                .next("read the decision pack, which is the text of the pull request, and approve it again")
        } else {
            Finding::passed("review time")
        };
        finding.actual(actual).expected(format!("at least {least} between the pull request and its approval"))
    };
    approvals.chosen().iter().map(check).collect()
}

pub(super) fn check_comments(approvals: &Approvals) -> Vec<Finding> {
    if !approvals.rules.require_comment {
        return Vec::new();
    }
    let check = |approver: &Approver| {
        let (login, comment) = (approver.login, &approver.review.comment);
        let finding = if has_letters(comment) {
            Finding::passed("comment").actual(format!("{login}: {}", quote(comment)))
        } else {
            Finding::blocked("comment")
                .actual(format!("{login} approved without a comment"))
                .next("approve it again, and write what was looked at into the review")
        };
        finding.expected("an approval with a comment that says what was looked at")
    };
    approvals.chosen().iter().map(check).collect()
}
