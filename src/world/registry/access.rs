//! Whether a registry lets a repository be read.

/// Whether an image's repository can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryAccess {
    Readable,
    /// Why: the status, or what became of the login.
    Refused(String),
    /// The registry has no such repository, or hides it.
    Missing,
    /// It was not found out, and why.
    Unknown(String),
}
