//! One push, and what became of it.

use crate::{
    reconcile::Permit,
    world::process::{Finished, Status},
};

use super::{Branch, Commit, Git, Remote};

/// What became of a push. Texts are raw: a remote may have written them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// The branch is at the commit.
    Done,
    /// Somebody else moved the branch first; nothing was written.
    Lost { why: String },
    /// The remote does not let us; nothing was written.
    Refused { why: String },
    /// No answer, or none that says what happened: it may have been written. Read it back.
    Unknown { why: String },
}

/// Reasons git or a server gives when another push came first.
const LOST: &[&str] = &[
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

/// Reasons for which the same push will never pass.
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

/// What git itself says when a server lets nobody in, or not this token.
const KEPT_OUT: &[&str] = &[
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
    /// Moves a branch of the remote forward to `commit`, once; never by force.
    #[must_use]
    pub fn push(&self, _permit: &Permit, remote: &Remote, commit: &Commit, branch: &Branch) -> Push {
        // By its URL: to a remote's name, git would move the checkout's remote-tracking branch along.
        let push = self.to(&remote.push_url).args([
            "push",
            "--porcelain",
            "--",
            &remote.push_url,
            &format!("{commit}:{}", branch.full()),
        ]);
        match self.run(&push, self.patience) {
            Ok(end) => self.outcome(&end, branch),
            Err(finding) => Push::Unknown { why: self.fit_to_show(&finding.to_string()) },
        }
    }

    pub(super) fn outcome(&self, end: &Finished, branch: &Branch) -> Push {
        // `<flag> TAB <from>:<to> TAB <summary>`; <https://git-scm.com/docs/git-push#_output>.
        let to = format!(":{}", branch.full());
        let stdout = end.stdout.text();
        let report = stdout.lines().find_map(|line| {
            let (flag, rest) = line.split_once('\t')?;
            let (refs, summary) = rest.split_once('\t')?;
            refs.ends_with(&to).then_some((flag, summary))
        });
        match (report, end.status) {
            (Some((" " | "*", _)), Status::Exited(0)) => Push::Done,
            // Two that make the same commit in the same second: one of them has moved the branch.
            (Some(("=", _)), Status::Exited(0)) => {
                Push::Lost { why: "the branch is at this very commit already".into() }
            }
            (Some(("!", summary)), _) => {
                let why = self.fit_to_show(&format!("{summary}; {}", self.said(end)));
                rejected(summary, why)
            }
            (None, Status::Exited(_)) if kept_out(&end.stderr.text()) => Push::Refused { why: self.said(end) },
            _ => Push::Unknown { why: self.said(end) },
        }
    }
}

/// Reads `[rejected] (reason)` and its kin.
fn rejected(summary: &str, why: String) -> Push {
    let holds = |reasons: &[&str]| reasons.iter().any(|reason| summary.contains(reason));
    // "[remote failure]": the remote hung up before it told.
    if !summary.starts_with("[rejected]") && !summary.starts_with("[remote rejected]") {
        return Push::Unknown { why };
    }
    if holds(LOST) {
        return Push::Lost { why };
    }
    if holds(REFUSED) { Push::Refused { why } } else { Push::Unknown { why } }
}

/// Whether git was turned away. The lines of a remote (`remote: …`) do not count: anybody may write those.
fn kept_out(stderr: &str) -> bool {
    let ours = || stderr.lines().filter(|line| !line.starts_with("remote:"));
    ours().any(|line| KEPT_OUT.iter().any(|words| line.contains(words)))
}
