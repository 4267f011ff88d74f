//! GitHub workflow files: their text, and the nodes of it. What a command asks of them is its own matter.

pub mod files;
pub mod nodes;

use crate::finding::Finding;

/// How many collections of a workflow file may be nested.
pub const MAX_DEPTH: usize = 64;

#[derive(Debug)]
pub struct WorkflowFile {
    pub path: String,
    /// The text, or why it cannot be read.
    pub text: Result<String, Finding>,
}
