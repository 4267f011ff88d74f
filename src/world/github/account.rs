//! Accounts: people, Apps, and what else can have a login.

use serde::Deserialize;

/// GitHub's own account: it commits what people merge and edit in the browser.
const WEB_FLOW: &str = "web-flow";

/// An account in a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub login: String,
    /// `User`, `Bot`, `Organization`, `Mannequin`; empty where a response does not say.
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// A login, and the number that it stays with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccountFacts {
    pub id: u64,
    #[serde(flatten)]
    pub account: Account,
}

impl Account {
    /// Whether no person acts by this account: an App, or GitHub itself. The agent Copilot is a `Bot` without `[bot]`.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.kind == "Bot" || is_machine_login(&self.login)
    }
}

/// Whether a login alone shows that no person acts by the account.
#[must_use]
pub fn is_machine_login(login: &str) -> bool {
    login.ends_with("[bot]") || login.eq_ignore_ascii_case(WEB_FLOW)
}
