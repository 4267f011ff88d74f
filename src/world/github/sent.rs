//! What became of a write.

use crate::{finding::Finding, reconcile::WriteOutcome};

/// What became of a write.
#[must_use = "whether it arrived decides whether it may be sent again"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent<T = ()> {
    /// GitHub took it.
    Done(T),
    /// GitHub said no, and did nothing.
    Refused(Refusal),
    /// It has not left this machine.
    NotSent { why: String },
    /// It may have arrived. Unless it can be read back, it must not be sent again.
    Unknown { why: String },
}

/// A no of GitHub's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP.
    pub status: u16,
    /// GitHub's own words; raw, and clipped.
    pub message: String,
    /// What it usually means, and what to do about it.
    pub hint: String,
}

impl Refusal {
    #[must_use]
    pub fn to_finding(self, what: &str) -> Finding {
        let seen = format!("GitHub refused it: {} {}", self.status, self.message);
        Finding::inconclusive(what).actual(seen).expected("GitHub to take it").next(self.hint)
    }
}

impl<T> Sent<T> {
    /// As the loop that writes wants to know it. `what` was written: `dispatch`, `issue`.
    pub fn wrote(self, what: &str) -> WriteOutcome<T> {
        match self {
            Self::Done(done) => WriteOutcome::Done(done),
            Self::Refused(refusal) => WriteOutcome::Refused(refusal.to_finding(what)),
            Self::NotSent { why } => {
                let finding = Finding::inconclusive(what).actual(why).expected("a connection to GitHub");
                WriteOutcome::Refused(finding.next("nothing was sent: run this job again"))
            }
            Self::Unknown { why } => {
                WriteOutcome::Unknown(Finding::inconclusive(what).actual(why).expected("an answer"))
            }
        }
    }
}
