//! Writes the one comment. The list of comments shows what is there: GitHub's search lags behind. After writing, the command lists
//! again: of several that were created at once, the oldest stays and the others are deleted.

use std::time::Duration;

use super::{
    marker::Marker,
    plan::{CommentEdit, KeptComment, OwnComment, plan},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::read_until_answered,
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState},
    world::{
        event::PullRequestNumber,
        github::{Comment, GitHub, Repository, SendOutcome},
    },
};

/// How often the comment is looked at again after a write: once, and again after each collision with another job.
const MOST_ROUNDS: usize = 5;

/// The comment of one name on a pull request.
pub struct StickyComment<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
    pub number: PullRequestNumber,
    /// The login that writes. A comment of another account is never touched, whatever its first line says.
    pub account: &'a str,
    pub marker: &'a Marker,
    pub body: &'a str,
}

impl StickyComment<'_> {
    /// Writes the comment, and deletes its twins. `None`: a dry-run that would have written.
    ///
    /// # Errors
    /// GitHub refuses or does not answer within `limit`.
    pub fn write_once(&self, ctx: &CommandContext, limit: Duration) -> Result<Option<KeptComment>, CommandError> {
        let mut kept = reconcile(&ctx.execution, limit, self)?;
        if kept.is_none() {
            return Ok(None);
        }
        for _ in 0..MOST_ROUNDS {
            let own = read_until_answered(&ctx.execution, limit, || self.own().map_err(Finding::unobservable))?;
            // A list that does not show the new comment yet is no reason to write another one.
            if own.is_empty() {
                return Ok(kept);
            }
            let twins: Vec<u64> = own.iter().skip(1).map(|comment| comment.id).collect();
            if let (Plan::UpToDate(done), true) = (plan(&own, self.marker), twins.is_empty()) {
                return Ok(Some(done));
            }
            for id in twins {
                reconcile(&ctx.execution, limit, &DeleteTwin { sticky: self, id })?;
            }
            kept = reconcile(&ctx.execution, limit, self)?;
        }
        Ok(kept)
    }

    /// The own comments of this name, the oldest first.
    fn own(&self) -> Result<Vec<OwnComment>, Finding> {
        let own = |Comment { id, body, html_url, user }| {
            let marker = Marker::parse(&body).filter(|marker| marker.name == self.marker.name)?;
            // An account of a person may be renamed in another case; GitHub compares logins without it.
            let is_own = user.is_some_and(|user| user.eq_ignore_ascii_case(self.account));
            is_own.then_some(OwnComment { id, url: html_url, marker })
        };
        Ok(self.github.comments(self.repository, self.number)?.into_iter().filter_map(own).collect())
    }

    fn target(&self) -> String {
        format!("pull request {} of {}", self.number, self.repository)
    }
}

impl Change for StickyComment<'_> {
    type Base = Vec<OwnComment>;
    type Edit = CommentEdit;
    type Done = KeptComment;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let detail = format!("comment `{}`", self.marker.name);
        Effect { target: self.target(), detail, state: EffectState::Planned }
    }

    fn detail(&self, edit: &CommentEdit) -> Option<String> {
        let what = match edit {
            CommentEdit::Create => "created",
            CommentEdit::Update(_) => "updated",
        };
        Some(format!("comment `{}`: {what}", self.marker.name))
    }

    fn read(&self) -> Result<Vec<OwnComment>, CommandError> {
        self.own().map_err(Finding::unobservable)
    }

    fn plan(&self, own: &Vec<OwnComment>) -> Plan<CommentEdit, KeptComment> {
        plan(own, self.marker)
    }

    fn write(&self, permit: &Permit, _: &Vec<OwnComment>, edit: &CommentEdit) -> WriteOutcome<KeptComment> {
        let Self { github, repository, number, body, .. } = self;
        let kept = |sent: SendOutcome<Comment>| match sent {
            SendOutcome::Done(comment) => SendOutcome::Done(KeptComment { url: comment.html_url, is_newer: false }),
            SendOutcome::Refused(refusal) => SendOutcome::Refused(refusal),
            SendOutcome::NotSent { why } => SendOutcome::NotSent { why },
            SendOutcome::Unknown { why } => SendOutcome::Unknown { why },
        };
        match edit {
            CommentEdit::Create => {
                kept(github.create_comment(permit, repository, *number, body)).into_write_outcome("comment")
            }
            CommentEdit::Update(id) => outcome(kept(github.update_comment(permit, repository, *id, body))),
        }
    }
}

/// A comment that is gone is a conflict: another job or a person deleted it, and the next plan takes that into account.
fn outcome<T>(sent: SendOutcome<T>) -> WriteOutcome<T> {
    match sent {
        SendOutcome::Refused(refusal) if refusal.status == 404 => {
            WriteOutcome::Conflict("the comment was deleted in the meantime".to_owned())
        }
        sent => sent.into_write_outcome("comment"),
    }
}

/// Deletes a twin: a comment of the same name by the same account that is not the oldest one.
struct DeleteTwin<'a> {
    sticky: &'a StickyComment<'a>,
    id: u64,
}

impl Change for DeleteTwin<'_> {
    type Base = bool;
    type Edit = ();
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let detail = format!("comment {} deleted: an older one is the comment `{}`", self.id, self.sticky.marker.name);
        Effect { target: self.sticky.target(), detail, state: EffectState::Planned }
    }

    /// Whether it is still a twin.
    fn read(&self) -> Result<bool, CommandError> {
        let own = self.sticky.own().map_err(Finding::unobservable)?;
        Ok(own.iter().skip(1).any(|comment| comment.id == self.id))
    }

    fn plan(&self, is_twin: &bool) -> Plan<(), ()> {
        if *is_twin { Plan::Write(()) } else { Plan::UpToDate(()) }
    }

    fn write(&self, permit: &Permit, _: &bool, (): &()) -> WriteOutcome<()> {
        outcome(self.sticky.github.delete_comment(permit, self.sticky.repository, self.id))
    }
}
