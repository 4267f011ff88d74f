//! Whether the approver has approved too many promotions within the window.

use crate::{
    commands::approval::{
        frequency::{FrequencyLimit, JudgedApproval},
        observations::ApprovalObservations,
        rules::ApprovalRules,
    },
    finding::Finding,
};

pub(super) fn check_frequency(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    let limit = FrequencyLimit { max_approvals: rules.max_approvals, window: rules.window };
    let approver = observations.approver(rules)?;
    let own = match (&observations.approval, &observations.others) {
        (Ok(own), Ok(_)) => own.time.latest,
        (Err(error), _) | (_, Err(error)) => return Some(error.for_check(limit.check_name())),
    };
    let judged = JudgedApproval {
        approver,
        at: own,
        target: "this run",
        next: "start it again, and have it approved by another reviewer who takes the time to look",
    };
    Some(limit.check(&judged, &observations.earlier_approvals(rules, approver)))
}
