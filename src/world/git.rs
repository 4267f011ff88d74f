//! Git, through its command line. A checkout is read and pushed from, and otherwise left as it is: HEAD, branches, index
//! and work tree never change; new commits are made next to them, and another commit is checked out into its own folder.

mod blobs;
mod changes;
mod checkout;
mod commits;
mod credentials;
mod head;
mod history;
mod log;
mod merges;
mod names;
mod push;
mod remote;
mod tags;
#[cfg(test)]
mod tests;
mod trees;
mod worktrees;

pub use blobs::BlobContent;
pub use checkout::Git;
pub use commits::{BlobId, CommitSummary, FileChange, LoggedCommit, Trailers, TreeId};
pub use credentials::redact_remote_url;
pub use head::{Head, MergeBase};
pub use history::HistoryFilter;
pub use merges::MergedCommits;
pub use names::{Branch, TagName, TreePath};
pub use push::PushOutcome;
pub use remote::{Remote, Tip};
pub use trees::{Blob, CommitIdentity, FileMode, NewFile, Signature, TreeEntry, TreeEntryKind};

pub use crate::subject::Commit;
