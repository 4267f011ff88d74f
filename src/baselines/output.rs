//! How the figures of a session reach the baseline: as JSON in an output of its report.

use serde::{Serialize, de::DeserializeOwned};

use crate::report::Report;

/// The output of `performance` that holds the figures of its session.
pub const FIGURES: &str = "figures";

/// Figures of one kind of session. Those of another kind are not read as these.
pub trait FiguresOutput: Serialize + DeserializeOwned {
    /// Whether every figure can be one.
    fn is_usable(&self) -> bool;

    /// As the output [`FIGURES`] holds them.
    #[must_use]
    fn to_output(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From the output [`FIGURES`].
    #[must_use]
    fn from_output(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(Self::is_usable)
    }

    #[must_use]
    fn of_report(report: &Report) -> Option<Self> {
        Self::from_output(report.outputs.get(FIGURES)?)
    }
}
