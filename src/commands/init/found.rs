//! What init found in a repository. Pure.

use super::manifests::TextFile;
use crate::world::github::Repository;

#[derive(Debug, Default)]
pub struct Found {
    /// YAML files that may have an image.
    pub manifests: Vec<TextFile>,
    pub workflows: Vec<TextFile>,
    /// The repository of the remote `origin`.
    pub remote: Option<Repository>,
    /// The folders, for the paths of a service.
    pub folders: Vec<String>,
}
