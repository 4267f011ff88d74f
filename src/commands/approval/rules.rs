//! What the settings ask of an approval.

use crate::{subject::Environment, supersession::SupersededBy, values::HumanDuration};

/// The limits that an approval must keep.
#[derive(Clone, Debug)]
pub struct ApprovalRules {
    pub environment: Environment,
    /// Whether the people who had a part in the release may not approve it.
    pub independent: bool,
    /// At least 1.
    pub max_approvals: usize,
    pub window: HumanDuration,
    /// How long the decision pack must have been there before the approval.
    pub min_review_time: Option<HumanDuration>,
    pub superseded_by: SupersededBy,
    /// The services and the environment: `checkout-service in production`.
    pub target: String,
    /// Whether the approver must have written a comment.
    pub require_comment: bool,
}
