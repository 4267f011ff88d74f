//! A right in a namespace, and what the cluster says about it.

use std::fmt;

use crate::finding::Finding;

/// A verb on a kind, as RBAC names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRight {
    /// Empty: the core group.
    pub group: &'static str,
    pub resource: &'static str,
    /// Empty: the objects themselves.
    pub subresource: &'static str,
    pub verb: &'static str,
}

impl AccessRight {
    #[must_use]
    pub const fn new(group: &'static str, resource: &'static str, verb: &'static str) -> Self {
        Self { group, resource, subresource: "", verb }
    }

    /// The kind as `kubectl create role --resource` takes it: `deployments.apps`, `pods/log`.
    #[must_use]
    pub fn kind(&self) -> String {
        let Self { group, resource, subresource, .. } = self;
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        let subresource = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
        format!("{resource}{group}{subresource}")
    }
}

impl fmt::Display for AccessRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.kind())
    }
}

/// What the cluster says about a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessAnswer {
    Allowed,
    Denied,
    /// 401: the credentials are wrong, or have expired. The server's answer.
    Unauthenticated(String),
    /// No answer, and why.
    NoAnswer(String),
    Failed(Finding),
}
