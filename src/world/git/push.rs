//! One push and its outcome.

use super::{
    checkout::Git,
    names::Branch,
    remote::{Remote, git_says},
};
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
    /// Another push moved the branch first. `received`: the remote itself says so. Git repeats a push whose connection is cut,
    /// and the answer to the second is then a conflict with the first.
    Conflict { why: String, received: bool },
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
    "push declined",
    "quota",
    "locked",
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
        match self.run(&push, self.remote_timeout()) {
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
                PushOutcome::Conflict { why: "the branch is at this very commit already".into(), received: false }
            }
            (Some(("!", summary)), _) => {
                let message = server_message(&output.stderr.text());
                let why = self.sanitize(&if message.is_empty() {
                    format!("{summary}; {}", self.failure_message(output))
                } else {
                    format!("{summary}: {message}")
                });
                rejected(summary, why)
            }
            (None, ProcessStatus::Exited(_)) if git_says(&output.stderr.text(), NO_ACCESS) => {
                PushOutcome::Refused { why: self.failure_message(output) }
            }
            _ => PushOutcome::Unknown { why: self.failure_message(output) },
        }
    }
}

/// How many lines of a server's message are quoted.
const MAX_MESSAGE_LINES: usize = 8;

/// What the server says about a rejection, its headline first. GitHub begins it with `error: GH013: …`, the code of the rule,
/// and gives the address of the rules; both may stand before or after many lines of details.
fn server_message(stderr: &str) -> String {
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let is_headline = |line: &str| line.starts_with("error:") || line.starts_with("fatal:");
    let (headlines, rest): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| is_headline(line));
    let (addresses, details): (Vec<&str>, Vec<&str>) = rest.into_iter().partition(|line| line.contains("https://"));
    let all = headlines.into_iter().chain(addresses).chain(details);
    all.take(MAX_MESSAGE_LINES).collect::<Vec<_>>().join(" · ")
}

/// Classifies the summary of a rejection: `[rejected] (reason)`, `[remote rejected] (reason)` and others.
fn rejected(summary: &str, why: String) -> PushOutcome {
    let contains_any = |reasons: &[&str]| reasons.iter().any(|reason| summary.contains(reason));
    // "[remote failure]" means that the remote disconnected before it reported.
    if !summary.starts_with("[rejected]") && !summary.starts_with("[remote rejected]") {
        return PushOutcome::Unknown { why };
    }
    if contains_any(CONFLICT) {
        return PushOutcome::Conflict { why, received: summary.starts_with("[remote rejected]") };
    }
    if contains_any(REFUSED) { PushOutcome::Refused { why } } else { PushOutcome::Unknown { why } }
}
