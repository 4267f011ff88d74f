//! What the settings ask of a promotion's pull request.

use crate::{subject::Subject, values::HumanDuration};

#[derive(Clone, Debug)]
pub struct PullRequestRules {
    /// The branch that holds the promotions.
    pub base: String,
    /// What the pull request has to promote, as far as that is given.
    pub subject: Subject,
    /// Whether the people who had a part in the release may not approve it.
    pub independent: bool,
    /// How many people have to approve. At least 1.
    pub minimum: usize,
    /// Whether one of them has to be an owner of the file.
    pub codeowners: bool,
    /// At least 1.
    pub max_approvals: usize,
    pub window: HumanDuration,
    /// How long the pull request must have been there before the approval.
    pub min_review_time: Option<HumanDuration>,
    /// Whether each approver must have written a comment.
    pub require_comment: bool,
}
