//! How a command ends without an outcome, which exit code that is, and why a text is not a valid value.

use std::{borrow::Cow, fmt};

use crate::finding::{Finding, Verdict};

/// Why a command ended without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Bad input or config: exit 2, also in dry-run; nothing was written.
    BadInput(Finding),
    /// Something needed could not be observed.
    Unobservable(Finding),
    /// A rule or a server refused the write.
    Refused(Finding),
    /// SIGINT or SIGTERM.
    Cancelled,
}

/// The exit code of every command: 0 passed, 1 blocked, 2 bad input, 3 inconclusive. In dry-run only bad input fails.
#[must_use]
pub fn exit_code(end: Result<Verdict, &CommandError>, dry_run: bool) -> u8 {
    match end {
        Err(CommandError::BadInput(_)) => 2,
        _ if dry_run => 0,
        Ok(Verdict::Passed) => 0,
        Ok(Verdict::Blocked) => 1,
        Err(CommandError::Refused(finding)) if finding.verdict == Verdict::Blocked => 1,
        Ok(Verdict::Inconclusive)
        | Err(CommandError::Refused(_) | CommandError::Unobservable(_) | CommandError::Cancelled) => 3,
    }
}

impl CommandError {
    /// The finding to report; `None` when the command was cancelled.
    #[must_use]
    pub fn finding(self) -> Option<Finding> {
        match self {
            Self::BadInput(finding) | Self::Unobservable(finding) | Self::Refused(finding) => Some(finding),
            Self::Cancelled => None,
        }
    }
}

impl Finding {
    /// The finding ends the command as bad input: exit 2.
    #[must_use]
    pub const fn bad_input(self) -> CommandError {
        CommandError::BadInput(self)
    }

    /// The finding ends the command as something that could not be observed: inconclusive, exit 3.
    #[must_use]
    pub const fn unobservable(self) -> CommandError {
        CommandError::Unobservable(self)
    }
}

/// Why a text is not a valid value. The message says what is accepted; it does not repeat a text that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError(Cow<'static, str>);

impl ValueError {
    #[must_use]
    pub const fn new(message: &'static str) -> Self {
        Self(Cow::Borrowed(message))
    }
}

impl From<String> for ValueError {
    fn from(message: String) -> Self {
        Self(Cow::Owned(message))
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ValueError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_of_exit_codes() {
        let bad = CommandError::BadInput(Finding::inconclusive("a"));
        let unobservable = CommandError::Unobservable(Finding::inconclusive("a"));
        let blocked = CommandError::Refused(Finding::blocked("a"));
        let unsure = CommandError::Refused(Finding::inconclusive("a"));
        for (end, code, dry) in [
            (Ok(Verdict::Passed), 0, 0),
            (Ok(Verdict::Blocked), 1, 0),
            (Ok(Verdict::Inconclusive), 3, 0),
            (Err(&bad), 2, 2),
            (Err(&unobservable), 3, 0),
            (Err(&blocked), 1, 0),
            (Err(&unsure), 3, 0),
            (Err(&CommandError::Cancelled), 3, 0),
        ] {
            assert_eq!(exit_code(end, false), code, "{end:?}");
            assert_eq!(exit_code(end, true), dry, "{end:?} in dry-run");
        }
    }
}
