//! One push and its outcome.

use super::{checkout::Git, names::Branch, remote::Remote};
use crate::{
    reconcile::Permit,
    subject::Commit,
    world::process::{ProcessOutput, ProcessStatus},
};

/// The outcome of a push. Texts are raw, because a remote may have written them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch is at the commit.
    Done,
    /// Another push moved the branch first; nothing was written.
    Conflict { why: String },
    /// The remote refused the push; nothing was written.
    Refused { why: String },
    /// No answer, or an unclear one. The push may have been written, so read the branch back.
    Unknown { why: String },
}

/// Reasons that git or a server gives when another push came first.
const CONFLICT: &[&str] = &[
    "non-fast-forward",
    "fetch first",
    "needs force",
    "remote ref updated since checkout",
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
    "incorrect old value provided",
    "reference already exists",
];

/// Reasons for which the same push would fail again.
const REFUSED: &[&str] = &[
    "hook declined",
    "repository rule violations",
    "protected branch",
    "permission",
    "not permitted",
    "not allowed",
    "prohibited",
    "refusing to",
    "denied",
    "deny",
    "read-only",
    "branch is currently checked out",
];

/// Messages of git itself when a server does not admit this token, or has no such repository.
const NO_ACCESS: &[&str] = &[
    "The requested URL returned error: 401",
    "The requested URL returned error: 403",
    "Authentication failed for",
    "could not read Username for",
    "could not read Password for",
    "Permission denied (",
    "ERROR: Permission to ",
    "ERROR: Write access to repository not granted",
    "ERROR: The key you are authenticating with has been marked as read only",
    "does not appear to be a git repository",
    "fatal: repository '",
];

impl Git {
    /// Moves a branch of the remote forward to `commit`. Pushes once, never by force.
    #[must_use]
    pub fn push(&self, _permit: &Permit, remote: &Remote, commit: &Commit, branch: &Branch) -> PushOutcome {
        // Pushes to the URL, because a push to the remote's name would also move the checkout's remote-tracking branch.
        let push = self.program_for(&remote.push_url).args([
            "push",
            "--porcelain",
            "--",
            &remote.push_url,
            &format!("{commit}:{}", branch.full()),
        ]);
        match self.run(&push, self.remote_timeout) {
            Ok(output) => self.outcome(&output, branch),
            Err(finding) => PushOutcome::Unknown { why: self.sanitize(&finding.to_string()) },
        }
    }

    pub(super) fn outcome(&self, output: &ProcessOutput, branch: &Branch) -> PushOutcome {
        // `<flag> TAB <from>:<to> TAB <summary>`; <https://git-scm.com/docs/git-push#_output>.
        let to = format!(":{}", branch.full());
        let stdout = output.stdout.text();
        let report = stdout.lines().find_map(|line| {
            let (flag, rest) = line.split_once('\t')?;
            let (refs, summary) = rest.split_once('\t')?;
            refs.ends_with(&to).then_some((flag, summary))
        });
        match (report, output.status) {
            (Some((" " | "*", _)), ProcessStatus::Exited(0)) => PushOutcome::Done,
            // Another run made the same commit in the same second, and moved the branch first.
            (Some(("=", _)), ProcessStatus::Exited(0)) => {
                PushOutcome::Conflict { why: "the branch is at this very commit already".into() }
            }
            (Some(("!", summary)), _) => {
                let why = self.sanitize(&format!("{summary}; {}", self.failure_message(output)));
                rejected(summary, why)
            }
            (None, ProcessStatus::Exited(_)) if access_denied(&output.stderr.text()) => {
                PushOutcome::Refused { why: self.failure_message(output) }
            }
            _ => PushOutcome::Unknown { why: self.failure_message(output) },
        }
    }
}

/// Classifies the summary of a rejection: `[rejected] (reason)`, `[remote rejected] (reason)` and others.
fn rejected(summary: &str, why: String) -> PushOutcome {
    let contains_any = |reasons: &[&str]| reasons.iter().any(|reason| summary.contains(reason));
    // "[remote failure]" means that the remote disconnected before it reported.
    if !summary.starts_with("[rejected]") && !summary.starts_with("[remote rejected]") {
        return PushOutcome::Unknown { why };
    }
    if contains_any(CONFLICT) {
        return PushOutcome::Conflict { why };
    }
    if contains_any(REFUSED) { PushOutcome::Refused { why } } else { PushOutcome::Unknown { why } }
}

/// Whether the server denied access. The lines of a remote (`remote: …`) do not count, because a server may print
/// anything there.
fn access_denied(stderr: &str) -> bool {
    let own_lines = || stderr.lines().filter(|line| !line.starts_with("remote:"));
    own_lines().any(|line| NO_ACCESS.iter().any(|message| line.contains(message)))
}
