//! The permission that a request needs, for messages.

/// A permission as GitHub's documentation names it (`Contents: read`), and the repository or organisation it applies to.
pub(super) struct RequiredPermission {
    pub(super) permission: &'static str,
    pub(super) target: String,
}

impl RequiredPermission {
    pub(super) fn new(permission: &'static str, target: impl Into<String>) -> Self {
        Self { permission, target: target.into() }
    }
}
