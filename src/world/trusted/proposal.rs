//! A proposed change: what its event says, and which commit it is compared with.
//!
//! Source: GitHub's documentation, "Webhook events and payloads" and "Events that trigger workflows". `pull_request.base.sha`
//! is the tip of the base branch when the pull request was last pushed or opened. It lags behind the merge commit that a
//! runner checks out, whose first parent is the base branch as it was merged with.

use serde_json::Value;

use crate::{
    runner_env::RunnerEnv,
    subject::Commit,
    world::git::{Branch, Head},
};

/// A change that the event of a workflow proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub kind: ProposalKind,
    /// The commit of the base branch that the event names.
    pub base: Commit,
    /// The base branch.
    pub branch: Option<Branch>,
    /// The last commit of the pull request.
    pub head: Option<Commit>,
    /// `GITHUB_SHA`, which GitHub sets and no change can.
    pub sha: Option<Commit>,
    /// The repository of the workflow and of the base branch.
    pub repository: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalKind {
    PullRequest,
    /// `pull_request_target`: the workflow and `GITHUB_SHA` are of the base branch.
    PullRequestTarget,
    MergeGroup,
}

/// What the checked-out commit is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseRule {
    /// With this commit.
    Commit(Commit),
    /// With the last commit that it shares with the base branch: it is not the merge commit that GitHub made.
    MergeBase,
}

impl ProposalKind {
    /// The kind of an event; `None` for one that proposes no change.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        match name {
            "merge_group" => Some(Self::MergeGroup),
            "pull_request_target" => Some(Self::PullRequestTarget),
            // Reviews and their comments, too: GitHub checks out the merge commit for them.
            name if name.starts_with("pull_request") => Some(Self::PullRequest),
            _ => None,
        }
    }

    /// Where the event has its base commit.
    #[must_use]
    pub const fn base_pointer(self) -> &'static str {
        match self {
            Self::MergeGroup => "/merge_group/base_sha",
            Self::PullRequest | Self::PullRequestTarget => "/pull_request/base/sha",
        }
    }
}

impl Proposal {
    /// Reads an event.
    ///
    /// # Errors
    /// The field that is missing or malformed, as a message.
    pub fn read(kind: ProposalKind, event: &Value, runner_env: &RunnerEnv) -> Result<Self, String> {
        let commit = |pointer: &str| -> Result<Option<Commit>, String> {
            let Some(text) = event.pointer(pointer).and_then(Value::as_str) else { return Ok(None) };
            text.parse().map(Some).map_err(|error| format!("\"{text}\" at {pointer}, not {error}"))
        };
        let branch = event.pointer("/pull_request/base/ref").and_then(Value::as_str);
        Ok(Self {
            kind,
            base: commit(kind.base_pointer())?.ok_or_else(|| format!("nothing at {}", kind.base_pointer()))?,
            branch: branch.map(str::parse).transpose()?,
            head: commit("/pull_request/head/sha")?,
            sha: runner_env.sha.as_deref().and_then(|sha| sha.parse().ok()),
            repository: runner_env.repository.clone(),
        })
    }

    /// The commit whose config file is in force, when the checked-out commit is not the merge commit.
    #[must_use]
    pub fn settings_base(&self) -> &Commit {
        match (self.kind, &self.sha) {
            // The workflow is of this commit, too.
            (ProposalKind::PullRequestTarget, Some(sha)) => sha,
            _ => &self.base,
        }
    }

    /// Decides what the checked-out commit is compared with.
    #[must_use]
    pub fn base_rule(&self, head: &Head) -> BaseRule {
        match self.kind {
            ProposalKind::MergeGroup => return BaseRule::Commit(self.base.clone()),
            // Nothing of the pull request is checked out.
            ProposalKind::PullRequestTarget if self.sha.as_ref() == Some(&head.commit) => {
                return BaseRule::Commit(head.commit.clone());
            }
            ProposalKind::PullRequest | ProposalKind::PullRequestTarget => {}
        }
        let [base, merged] = head.parents.as_slice() else { return BaseRule::MergeBase };
        // A pull request may end with its own merge, whose parents its author chose.
        if self.head.as_ref().is_some_and(|head| head != merged) || !self.is_of_github(head, base) {
            return BaseRule::MergeBase;
        }
        BaseRule::Commit(base.clone())
    }

    /// Whether GitHub made this merge commit. Someone who pushes to the pull request while the job starts may have made it:
    /// a merge of the pull request's last commit into a commit of their own.
    fn is_of_github(&self, merge: &Head, base: &Commit) -> bool {
        let made_with = if self.kind == ProposalKind::PullRequest { &merge.commit } else { base };
        *base == self.base || self.sha.as_ref().is_none_or(|sha| sha == made_with)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn commit(letter: char) -> Commit {
        letter.to_string().repeat(40).parse().unwrap()
    }

    fn head(commit_letter: char, parents: &str) -> Head {
        Head { commit: commit(commit_letter), parents: parents.chars().map(commit).collect() }
    }

    #[test]
    fn a_merge_commit_counts_only_if_github_made_it() {
        use ProposalKind::{MergeGroup, PullRequest, PullRequestTarget};
        // The event names the base `b` and the last commit `e`. The base branch is at `d`; `c` is the merge commit; `f` and `a`
        // are of an author.
        for (kind, event_head, sha, head, expected, what) in [
            (PullRequest, Some('e'), Some('c'), head('c', "de"), Some('d'), "the merge commit"),
            (PullRequest, Some('e'), None, head('c', "de"), Some('d'), "without a runner"),
            (PullRequest, None, None, head('c', "de"), Some('d'), "an event without a head"),
            (PullRequest, Some('e'), Some('c'), head('e', "b"), None, "the pull request's last commit"),
            (PullRequest, Some('e'), Some('c'), head('e', "ad"), None, "a last commit that merges the base branch"),
            (PullRequest, Some('e'), Some('c'), head('f', "ae"), None, "a merge that was pushed after the event"),
            (PullRequest, Some('e'), Some('c'), head('f', "be"), Some('b'), "a merge into the event's base"),
            (PullRequest, Some('e'), Some('c'), head('c', "def"), None, "three parents"),
            (PullRequest, Some('e'), Some('c'), head('c', ""), None, "no parents"),
            (PullRequestTarget, Some('e'), Some('d'), head('d', "ab"), Some('d'), "the base branch"),
            (PullRequestTarget, Some('e'), Some('d'), head('c', "de"), Some('d'), "the merge commit by name"),
            (PullRequestTarget, Some('e'), Some('d'), head('f', "ae"), None, "a merge of an author"),
            (PullRequestTarget, Some('e'), Some('d'), head('e', "b"), None, "the pull request's last commit"),
            (MergeGroup, None, Some('c'), head('c', "de"), Some('b'), "a merge group"),
        ] {
            let proposal = Proposal {
                kind,
                base: commit('b'),
                branch: None,
                head: event_head.map(commit),
                sha: sha.map(commit),
                repository: None,
            };
            let expected = expected.map_or(BaseRule::MergeBase, |letter| BaseRule::Commit(commit(letter)));
            assert_eq!(proposal.base_rule(&head), expected, "{kind:?}: {what}");
        }
    }

    #[test]
    fn an_event_is_read_whole_or_not_at_all() {
        let (base, head) = (commit('b'), commit('e'));
        let event = json!({ "pull_request": { "base": { "sha": base, "ref": "main" }, "head": { "sha": head } } });
        let read = |event: &Value| Proposal::read(ProposalKind::PullRequest, event, &RunnerEnv::default());
        let proposal = read(&event).unwrap();
        assert_eq!((&proposal.base, proposal.head, proposal.branch), (&base, Some(head), "main".parse().ok()));
        for (pointer, value, part) in [
            ("base", json!({}), "nothing at /pull_request/base/sha"),
            ("base", json!({ "sha": base, "ref": "a..b" }), "\"a..b\" is not a branch name"),
            ("head", json!({ "sha": "x" }), "\"x\" at /pull_request/head/sha"),
        ] {
            let mut event = event.clone();
            event["pull_request"][pointer] = value;
            let error = read(&event).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        for (name, kind) in [
            ("pull_request", Some(ProposalKind::PullRequest)),
            ("pull_request_review", Some(ProposalKind::PullRequest)),
            ("pull_request_target", Some(ProposalKind::PullRequestTarget)),
            ("merge_group", Some(ProposalKind::MergeGroup)),
            ("push", None),
        ] {
            assert_eq!(ProposalKind::of_event(name), kind, "{name}");
        }
    }
}
