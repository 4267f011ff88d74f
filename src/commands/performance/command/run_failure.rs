//! A run without a result.

use crate::{finding::Finding, report::Table};

pub struct RunFailure {
    pub finding: Finding,
    pub tables: Vec<Table>,
}

impl From<Finding> for RunFailure {
    fn from(finding: Finding) -> Self {
        Self { finding, tables: Vec::new() }
    }
}
