//! The pull request of a promotion's branch, and its labels. GitHub has one open pull request of two branches: of several runs that
//! open it at once, the first one does, and the others find it.

use super::{plan::decide_pull_request, session::Session};
use crate::{
    error::CommandError,
    finding::Finding,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    subject::Commit,
    values::clip,
    world::github::{NewPullRequest, PullRequest, SendOutcome},
};

/// The most characters of a title; GitHub accepts 256.
const MAX_TITLE: usize = 250;

/// Opens the pull request, unless it is open.
pub struct OpenPullRequest<'a> {
    pub session: &'a Session<'a>,
    /// The last commit of the branch.
    pub commit: &'a Commit,
    /// The first line of that commit's message.
    pub title: &'a str,
    /// Markdown; all text from outside is escaped.
    pub body: &'a str,
}

/// What the target of every write to a branch's pull request is called.
pub fn target(session: &Session<'_>) -> String {
    format!("pull requests of {}", session.repository)
}

impl Change for OpenPullRequest<'_> {
    type Base = Vec<PullRequest>;
    type Edit = ();
    type Done = PullRequest;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: target(self.session),
            detail: format!("{} → {}: {}", self.session.branch, self.session.repo.branch, self.title),
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<Vec<PullRequest>, CommandError> {
        let Session { github, repository, on_branch, .. } = self.session;
        github.pull_requests_of_branch(repository, &on_branch.branch).map_err(Finding::unobservable)
    }

    fn plan(&self, own: &Vec<PullRequest>) -> Plan<(), PullRequest> {
        decide_pull_request(own, &self.session.branch, self.session.repo.branch.as_str(), self.commit)
    }

    fn write(&self, permit: &Permit, _: &Vec<PullRequest>, (): &()) -> WriteOutcome<PullRequest> {
        let Session { github, repository, on_branch, repo, .. } = self.session;
        let new = NewPullRequest {
            title: clip(self.title, MAX_TITLE),
            body: self.body.to_owned(),
            head: on_branch.branch.to_string(),
            base: repo.branch.to_string(),
        };
        match github.create_pull_request(permit, repository, &new) {
            // Another run opened it in the meantime.
            SendOutcome::Refused(refusal) if refusal.status == 422 && refusal.message.contains("already exists") => {
                WriteOutcome::Conflict(refusal.message)
            }
            // The message is GitHub's, of 403.
            SendOutcome::Refused(refusal) if refusal.message.contains("not permitted to create") => {
                let finding = refusal.to_finding("pull request");
                WriteOutcome::Refused(finding.next(
                    "allow it in the settings of the repository (Actions, General, Workflow permissions), or give the `token` of an App",
                ))
            }
            sent => sent.into_write_outcome("pull request"),
        }
    }
}

/// Adds the labels that the pull request does not have.
pub struct AddLabels<'a> {
    pub session: &'a Session<'a>,
    pub number: u64,
}

impl Change for AddLabels<'_> {
    /// The missing ones.
    type Base = Vec<String>;
    type Edit = ();
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: format!("pull request #{} of {}", self.number, self.session.repository),
            detail: format!("labels: {}", self.session.labels.join(", ")),
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<Vec<String>, CommandError> {
        let Session { github, repository, on_branch, labels, .. } = self.session;
        let all = github.pull_requests_of_branch(repository, &on_branch.branch).map_err(Finding::unobservable)?;
        let own = all.into_iter().find(|one| one.number == self.number).ok_or_else(|| {
            Finding::inconclusive("pull request")
                .actual(format!("the list does not have #{} yet", self.number))
                .expected("the pull request that was opened")
                .temporary(std::time::Duration::ZERO)
                .unobservable()
        })?;
        let is_missing = |label: &&String| !own.labels.iter().any(|has| has.eq_ignore_ascii_case(label));
        Ok(labels.iter().filter(is_missing).cloned().collect())
    }

    fn plan(&self, missing: &Vec<String>) -> Plan<(), ()> {
        if missing.is_empty() { Plan::UpToDate(()) } else { Plan::Write(()) }
    }

    fn write(&self, permit: &Permit, missing: &Vec<String>, (): &()) -> WriteOutcome<()> {
        let Session { github, repository, .. } = self.session;
        github.add_labels(permit, repository, self.number, missing).into_write_outcome("labels")
    }
}
