//! The result of a judge.

use crate::{clock::Moment, finding::Finding};

/// The result of a judge: the findings as of now, and whether they are final.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub findings: Vec<Finding>,
    pub decision: Decision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No further fact could change the verdict, or it would come too late to matter.
    Decided,
    /// Undecided; `revisit` is the time at which the judge would decide without a new fact.
    Pending { revisit: Option<Moment> },
}

impl Judgement {
    #[must_use]
    pub const fn decided(findings: Vec<Finding>) -> Self {
        Self { findings, decision: Decision::Decided }
    }

    #[must_use]
    pub const fn pending(findings: Vec<Finding>) -> Self {
        Self { findings, decision: Decision::Pending { revisit: None } }
    }

    #[must_use]
    pub const fn pending_until(findings: Vec<Finding>, revisit: Moment) -> Self {
        Self { findings, decision: Decision::Pending { revisit: Some(revisit) } }
    }
}
