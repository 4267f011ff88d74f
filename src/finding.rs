//! What a check found, and the verdict over several findings.

use std::{fmt, time::Duration};

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

/// The result of one check, or what is wrong with an input. Texts are raw: they may quote a server or a log, and every sink
/// escapes for itself. A secret never goes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was checked, in a few words: `p99 latency`, `https://staging.example/ready`.
    pub check: String,
    pub verdict: Verdict,
    /// What would have passed.
    pub expected: String,
    /// What was observed.
    pub actual: String,
    /// The explanation with which a bad value passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// What to do next. Every blocked finding has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The same in a few words, for a headline and a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Box<Figures>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Set when the same read may succeed after at least this time: a busy server, a cut connection.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// What was measured, and by what it is judged, each in a few words with its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// `957 kB (+634 %)`, `p99 88 ms`.
    pub now: String,
    /// `+5 %`, `360 ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// `130 kB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// What contributed most: `` `debug-lib.js` +825 kB ``.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Figures {
    pub fn now(now: impl Into<String>) -> Self {
        Self { now: now.into(), ..Self::default() }
    }

    #[must_use]
    pub fn limit(mut self, limit: impl Into<String>) -> Self {
        self.limit = Some(limit.into());
        self
    }

    #[must_use]
    pub fn baseline(mut self, baseline: impl Into<String>) -> Self {
        self.baseline = Some(baseline.into());
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Figures {
    /// `130 kB → 957 kB (+634 %), limit +5 %: debug-lib.js +825 kB`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(baseline) = &self.baseline {
            write!(f, "{baseline} → ")?;
        }
        f.write_str(&self.now)?;
        if let Some(limit) = &self.limit {
            write!(f, ", limit {limit}")?;
        }
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

/// Where and when something was observed.
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
            figures: None,
            evidence: Vec::new(),
            retry_after: None,
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
        self.next = Some(next.into()).filter(|next| !next.is_empty());
        self
    }

    /// The same read may succeed after at least `pause`.
    #[must_use]
    pub const fn temporary(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    #[must_use]
    pub fn figures(mut self, figures: Figures) -> Self {
        self.figures = Some(Box::new(figures));
        self
    }

    /// The finding in a few words: `frontend 130 kB → 957 kB (+634 %), limit +5 %`, or `ready: 503`.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.figures {
            Some(figures) => format!("{} {figures}", self.check),
            None if self.actual.is_empty() => self.check.clone(),
            None => format!("{}: {}", self.check, self.actual),
        }
    }

    /// Names the known value that a mistyped one is close to, if there is one.
    #[must_use]
    pub fn did_you_mean(self, close: Option<&str>) -> Self {
        match close {
            Some(close) => self.next(format!("did you mean `{close}`?")),
            None => self,
        }
    }

    /// The same finding for another check; what it was about goes before what was observed.
    #[must_use]
    pub fn for_check(&self, check: impl Into<String>) -> Self {
        Self { check: check.into(), actual: format!("{}: {}", self.check, self.actual), ..self.clone() }
    }

    /// Where the value came from: `input`, `flag`, `.github/promote-gates.yml:4:12`.
    #[must_use]
    pub fn with_origin(mut self, origin: impl fmt::Display) -> Self {
        self.check = format!("{} ({origin})", self.check);
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

/// The worst verdict among the findings. No finding at all is inconclusive: nothing was observed.
#[must_use]
pub fn verdict(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Inconclusive)
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
}
