//! The status of a commit, as GitHub's API describes it.

use serde::Deserialize;

use super::fields::login;

/// A status of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CommitStatus {
    /// `success`, `failure`, `error`, `pending`.
    pub state: String,
    /// GitHub compares contexts without case.
    pub context: String,
    #[serde(default)]
    pub description: Option<String>,
    /// The login of the account that set it; an App's ends with `[bot]`. `None` if the account is gone.
    #[serde(default, deserialize_with = "login")]
    pub creator: Option<String>,
}

impl CommitStatus {
    #[must_use]
    pub fn has_context(&self, context: &str) -> bool {
        self.context.eq_ignore_ascii_case(context)
    }

    /// The status of a context, if this account set it. Of each context only the newest status counts, whoever set it: a rule that
    /// requires it from one App does not look for an older one.
    #[must_use]
    pub fn newest_of<'s>(newest_first: &'s [Self], context: &str, account: &str) -> Option<&'s Self> {
        let newest = newest_first.iter().find(|status| status.has_context(context))?;
        let is_own = newest.creator.as_ref().is_some_and(|creator| creator.eq_ignore_ascii_case(account));
        is_own.then_some(newest)
    }
}
