//! An issue or pull request.

use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct FakeIssue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub labels: Vec<String>,
    /// `open`, `closed`.
    pub state: String,
    /// `completed`, `not_planned`, `duplicate`, `reopened`.
    pub state_reason: Option<String>,
    /// The login of the author.
    pub user: String,
    pub is_pull_request: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

impl FakeIssue {
    /// Opens or closes the issue. GitHub ignores the reason unless the state changes.
    pub fn set_state(&mut self, state: &str, reason: Option<&str>, now: Timestamp) {
        if self.state == state {
            return;
        }
        let closed = state == "closed";
        state.clone_into(&mut self.state);
        self.state_reason = Some(reason.unwrap_or(if closed { "completed" } else { "reopened" }).to_owned());
        self.closed_at = closed.then_some(now);
    }
}
