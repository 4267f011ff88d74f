//! The rules of a default branch that only reviewed changes reach, as GitHub's API takes them. Pure.

use std::num::NonZeroU64;

use serde_json::{Value, json};

/// The status without which the pull request of a promotion is not merged, unless the config file names another.
pub const APPROVAL_STATUS: &str = "promote-gates/approval";

/// A ruleset for the default branch: a pull request with a review, and these statuses. `app`: the number of the App from which it
/// requires them, so that no other token can set them.
#[must_use]
pub fn default_branch_ruleset(statuses: &[&str], app: Option<NonZeroU64>) -> Value {
    let mut rules: Vec<Value> = vec![
        json!({ "type": "deletion" }),
        json!({ "type": "non_fast_forward" }),
        json!({ "type": "pull_request", "parameters": {
            "required_approving_review_count": 1,
            "dismiss_stale_reviews_on_push": true,
            "require_code_owner_review": false,
            "require_last_push_approval": false,
            "required_review_thread_resolution": false,
        } }),
    ];
    if !statuses.is_empty() {
        let check = |context: &&str| match app {
            Some(app) => json!({ "context": context, "integration_id": app }),
            None => json!({ "context": context }),
        };
        let checks: Vec<Value> = statuses.iter().map(check).collect();
        rules.push(json!({ "type": "required_status_checks", "parameters": {
            "strict_required_status_checks_policy": false,
            "required_status_checks": checks,
        } }));
    }
    json!({
        "name": "promote-gates",
        "target": "branch",
        "enforcement": "active",
        "conditions": { "ref_name": { "include": ["~DEFAULT_BRANCH"], "exclude": [] } },
        "rules": rules,
    })
}
