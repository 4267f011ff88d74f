//! What `min-review-time` and `require-comment` ask of an approval.

use std::time::Duration;

use crate::{
    commands::approval::{
        comment::{has_letters, quote},
        observations::ApprovalObservations,
        rules::ApprovalRules,
    },
    finding::Finding,
    login::is_same_login,
    values::HumanDuration,
};

/// The time from the request of the approval, which is when the decision pack was there, to the approval.
pub(super) fn check_review_time(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    let least = rules.min_review_time?;
    observations.approver(rules)?;
    let check = "review time";
    let expected = format!("at least {least} between the decision pack and the approval");
    let own = match &observations.approval {
        Ok(own) => own,
        Err(error) => return Some(error.for_check(check)),
    };
    let Some(requested_at) = own.requested_at else {
        return Some(
            Finding::inconclusive(check)
                .actual("GitHub does not show when it requested the approval")
                .expected(expected)
                .next("start it again, and have it approved; without `min-review-time` this is not asked"),
        );
    };
    let since_request = |at: jiff::Timestamp| Duration::try_from(at.duration_since(requested_at)).unwrap_or_default();
    let (shortest, longest) = (since_request(own.time.earliest), since_request(own.time.latest));
    let times = format!("from {requested_at} to {}", own.time.latest);
    Some(if longest < least.0 {
        Finding::blocked(check)
            .actual(format!("{}, {times}", HumanDuration(longest)))
            .expected(expected)
            .next("start it again, and read the decision pack in the job summary of `evidence` before the approval")
    } else if shortest < least.0 {
        Finding::inconclusive(check)
            .actual(format!(
                "at most {}, {times}: another rule of the environment hides when it was approved",
                HumanDuration(longest)
            ))
            .expected(expected)
            .next("let no wait timer and no App hold this environment back, and use `wait` instead")
    } else {
        Finding::passed(check).actual(format!("{}, {times}", HumanDuration(longest))).expected(expected)
    })
}

pub(super) fn check_comment(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    if !rules.require_comment {
        return None;
    }
    let approver = observations.approver(rules)?;
    let check = "comment";
    let expected = "an approval with a comment that says what was looked at";
    Some(match comments(observations, approver).find(|comment| has_letters(comment)) {
        Some(comment) => Finding::passed(check).actual(format!("{approver}: {}", quote(comment))).expected(expected),
        None => Finding::blocked(check)
            .actual(format!("{approver} approved without a comment"))
            .expected(expected)
            .next("start it again, and write what was looked at into \"Leave a comment\" with the approval"),
    })
}

/// Whether a person approved this run with a comment.
pub(super) fn has_comment(observations: &ApprovalObservations, login: &str) -> bool {
    comments(observations, login).any(has_letters)
}

fn comments<'a>(observations: &'a ApprovalObservations, login: &'a str) -> impl Iterator<Item = &'a str> {
    let approvals = observations.reviews.iter().flat_map(|reviews| &reviews.approvals);
    approvals.filter(move |approval| is_same_login(&approval.login, login)).map(|approval| approval.comment.as_str())
}
