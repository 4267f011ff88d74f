//! The people who had a part in a release. They may not approve it.

use std::collections::BTreeMap;

use super::observations::EvidenceObservations;
use crate::{values::short_sha, world::github::WorkflowRun};

/// Everyone who started a run or wrote a new commit, as far as that was observed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Participants {
    /// By login in lower case, so that each person is listed once.
    pub excluded: BTreeMap<String, Participant>,
    /// Commits whose author has no account: short id and the author's name in the commit.
    pub without_account: Vec<String>,
}

/// A person's part in a release.
#[derive(Debug, PartialEq, Eq)]
pub struct Participant {
    /// As GitHub writes it.
    pub login: String,
    pub roles: Vec<&'static str>,
    pub is_author: bool,
}

impl Participants {
    pub fn from_observations(observations: &EvidenceObservations) -> Self {
        let mut participants = Self::default();
        let runs = [(Some(&observations.run), "validated it"), (observations.deploy.as_ref(), "deployed it")];
        for (run, role) in runs {
            let run = run.and_then(|run| run.as_ref().ok()).and_then(Option::as_ref);
            if let Some(WorkflowRun { actor, triggering_actor, .. }) = run {
                participants.add(actor.as_deref(), role, false);
                participants.add(triggering_actor.as_deref(), role, false);
            }
        }
        for commit in observations.changes.commits() {
            participants.add(commit.author.as_deref(), "wrote it", true);
            participants.add(commit.committer.as_deref(), "committed it", false);
            if commit.author.is_none() {
                let commit = format!("{} by {}", short_sha(&commit.sha), commit.author_name());
                participants.without_account.push(commit);
            }
        }
        participants
    }

    fn add(&mut self, login: Option<&str>, role: &'static str, is_author: bool) {
        let Some(login) = login.filter(|login| !is_machine(login)) else { return };
        let participant = self.excluded.entry(login.to_lowercase());
        let participant =
            participant.or_insert_with(|| Participant { login: login.to_owned(), roles: Vec::new(), is_author: false });
        participant.is_author |= is_author;
        if !participant.roles.contains(&role) {
            participant.roles.push(role);
        }
    }
}

/// Whether a login is an App, or GitHub itself: `web-flow` commits merges from the browser.
fn is_machine(login: &str) -> bool {
    login.ends_with("[bot]") || login.eq_ignore_ascii_case("web-flow")
}
