//! What a judgement can say, and how a command can end. One table turns it into an exit code.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known about a check. The order is "worst wins": [`verdict`] takes the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Observed, and good.
    Passed,
    /// Could not be observed or decided. Never counts as passed.
    Inconclusive,
    /// Observed, and bad.
    Blocked,
}

impl Verdict {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Inconclusive => "inconclusive",
            Self::Blocked => "blocked",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One thing that was checked. Texts are raw: they may hold what a server or a log said, and every sink escapes for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was checked, in a few words: `p99 latency`, `https://staging.example/ready`.
    pub check: String,
    pub verdict: Verdict,
    /// What would have passed.
    pub expected: String,
    /// What was seen.
    pub actual: String,
    /// Why a bad value passes all the same: the explanation somebody gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// Where something was seen, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// A URL, a path, a command.
    pub source: String,
    /// RFC 3339, UTC.
    pub at: String,
}

impl Finding {
    pub fn new(check: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            check: check.into(),
            verdict,
            expected: String::new(),
            actual: String::new(),
            waived: None,
            next: None,
            evidence: Vec::new(),
        }
    }

    pub fn passed(check: impl Into<String>) -> Self {
        Self::new(check, Verdict::Passed)
    }

    pub fn blocked(check: impl Into<String>) -> Self {
        Self::new(check, Verdict::Blocked)
    }

    pub fn inconclusive(check: impl Into<String>) -> Self {
        Self::new(check, Verdict::Inconclusive)
    }

    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    #[must_use]
    pub fn actual(mut self, actual: impl Into<String>) -> Self {
        self.actual = actual.into();
        self
    }

    #[must_use]
    pub fn waived(mut self, why: impl Into<String>) -> Self {
        self.waived = Some(why.into());
        self
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    #[must_use]
    pub fn seen_at(mut self, source: impl Into<String>, at: impl Into<String>) -> Self {
        self.evidence.push(Evidence { source: source.into(), at: at.into() });
        self
    }
}

impl fmt::Display for Finding {
    /// One line: `p99 latency: 130 ms; expected at most 120 ms; explained: …; next: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.check)?;
        if !self.actual.is_empty() {
            write!(f, ": {}", self.actual)?;
        }
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if let Some(waived) = &self.waived {
            write!(f, "; explained: {waived}")?;
        }
        if let Some(next) = &self.next {
            write!(f, "; next: {next}")?;
        }
        Ok(())
    }
}

impl From<Complaint> for Finding {
    /// What could not be used or seen, as a finding: inconclusive, since nothing was observed.
    fn from(complaint: Complaint) -> Self {
        let check = match complaint.origin {
            Some(origin) => format!("{} ({origin})", complaint.what),
            None => complaint.what,
        };
        Self {
            next: Some(complaint.next).filter(|next| !next.is_empty()),
            ..Self::inconclusive(check).actual(complaint.seen).expected(complaint.expected)
        }
    }
}

/// The worst verdict among the findings. No finding at all is inconclusive: nothing was observed.
#[must_use]
pub fn verdict(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Inconclusive)
}

/// What is wrong with an input, or why something could not be seen: what was looked at, what was there, what is accepted,
/// and what to do next. Texts are raw, as in [`Finding`]; a secret never goes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// The input, file or server it is about, named as the user knows it: `max-ratio`, `baseline.json`, `git push`.
    pub what: String,
    /// The value or answer that was seen.
    pub seen: String,
    /// What is accepted.
    pub expected: String,
    /// What to do next.
    pub next: String,
    /// Where the value came from: `input max-ratio`, `.github/promote-gates.yml:4:12`. Filled in by the vocabulary.
    pub origin: Option<String>,
}

impl Complaint {
    pub fn about(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    #[must_use]
    pub fn seen(mut self, seen: impl Into<String>) -> Self {
        self.seen = seen.into();
        self
    }

    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Says which known name a mistyped one is close to, if there is one.
    #[must_use]
    pub fn did_you_mean(self, close: Option<&str>) -> Self {
        match close {
            Some(close) => self.next(format!("did you mean `{close}`?")),
            None => self,
        }
    }

    #[must_use]
    pub fn from(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Shorthand for `CommandError::BadInput(self)`: the caller gave something that cannot be used; exit 2.
    #[must_use]
    pub const fn bad_input(self) -> CommandError {
        CommandError::BadInput(self)
    }

    /// Shorthand for `CommandError::Unobservable(self)`: something could not be observed; inconclusive, exit 3.
    #[must_use]
    pub const fn unobservable(self) -> CommandError {
        CommandError::Unobservable(self)
    }
}

impl fmt::Display for Complaint {
    /// One line: `max-ratio (input): abc; expected a number over 0; next: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Finding::from(self.clone()).fmt(f)
    }
}

/// Why a command ended before it could judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Bad input or config: exit 2, also in dry-run; nothing was written.
    BadInput(Complaint),
    /// Something needed could not be observed.
    Unobservable(Complaint),
    /// A rule said no before anything was written.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_wins_and_none_is_inconclusive() {
        assert_eq!(verdict(&[]), Verdict::Inconclusive);
        assert_eq!(verdict(&[Finding::passed("a")]), Verdict::Passed);
        assert_eq!(verdict(&[Finding::passed("a"), Finding::inconclusive("b")]), Verdict::Inconclusive);
        assert_eq!(verdict(&[Finding::blocked("a"), Finding::inconclusive("b")]), Verdict::Blocked);
    }

    #[test]
    fn one_table_of_exit_codes() {
        let bad = CommandError::BadInput(Complaint::default());
        let unobservable = CommandError::Unobservable(Complaint::default());
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
