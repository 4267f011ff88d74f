//! The loop that writes: read the current state, plan, write on the condition that the state has not changed.
//!
//! After a conflict the loop reads and plans again; it never resends. It reads an unknown outcome back before the command
//! may end, and again at the end of the time limit: a write without an answer may still arrive. Only this loop makes a
//! [`Permit`], so a dry-run writes nothing.

mod plan;

use std::time::Duration;

pub use plan::Plan;

use crate::{
    error::CommandError,
    execution::{Execution, WriteInFlight},
    finding::Finding,
    observe::{Pauses, read_at_least_once, read_until_answered},
    report::{Effect, EffectState, log::effect_word},
    values::HumanDuration,
};

/// The right to write. Only this module makes one, and every writing method of `world` asks for one.
pub struct Permit(());

/// How a write ended.
pub enum WriteOutcome<D> {
    Done(D),
    /// The base changed in the meantime; this write changed nothing.
    Conflict(String),
    /// Not sent: the connection or what has to come before it failed, and may succeed later.
    Unsent(String),
    /// Sent, and the answer was lost.
    Unknown(Finding),
    /// The server refused; nothing was written.
    Refused(Finding),
}

impl<D> WriteOutcome<D> {
    /// The same with what was done as something else.
    pub fn map<E>(self, to: impl FnOnce(D) -> E) -> WriteOutcome<E> {
        match self {
            Self::Done(done) => WriteOutcome::Done(to(done)),
            Self::Conflict(why) => WriteOutcome::Conflict(why),
            Self::Unsent(why) => WriteOutcome::Unsent(why),
            Self::Unknown(finding) => WriteOutcome::Unknown(finding),
            Self::Refused(finding) => WriteOutcome::Refused(finding),
        }
    }
}

/// One change of a remote state.
pub trait Change {
    type Base;
    type Edit;
    type Done;

    /// Whether the remote shows the outcome of a write. If not (a dispatch), an unknown outcome is final: nothing is sent twice.
    const READS_BACK: bool;

    /// The target and the intended change, for the report.
    fn effect(&self) -> Effect;

    /// A more precise detail once the plan is known, such as the old and the new image. It replaces the effect's detail, so a
    /// dry-run shows it too.
    fn detail(&self, _edit: &Self::Edit) -> Option<String> {
        None
    }

    /// Reads all that the plan needs.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self) -> Result<Self::Base, CommandError>;

    /// The earlier write of this change that the remote shows now, although its answer was lost or said otherwise.
    fn arrived(&self, _base: &Self::Base) -> Option<Self::Done> {
        None
    }

    /// Pure.
    fn plan(&self, base: &Self::Base) -> Plan<Self::Edit, Self::Done>;

    fn write(&self, permit: &Permit, base: &Self::Base, edit: &Self::Edit) -> WriteOutcome<Self::Done>;
}

/// Applies `change` within `limit`. `None`: a dry-run that would have written.
///
/// # Errors
/// What [`Change::read`] could not read; a refusal; a write whose outcome stays unknown; conflicts until the time is up.
pub fn reconcile<C: Change>(
    execution: &Execution,
    limit: Duration,
    change: &C,
) -> Result<Option<C::Done>, CommandError> {
    let deadline = execution.clock.now() + execution.time_left(limit);
    let mut effect = RecordedEffect::new(execution, change.effect());
    let mut pauses = Pauses::default();
    // Why the last write did not succeed.
    let mut last_failure: Option<String> = None;
    // A write whose answer was lost. Its guard keeps a signal from ending the process before the outcome is read back.
    let mut unread: Option<(Finding, WriteInFlight)> = None;
    // A write whose answer was lost and that had not arrived when it was read back. It may still arrive.
    let mut late: Option<Finding> = None;
    // The base has changed since the last read, and with it the condition of every earlier write.
    let mut has_conflict = false;
    loop {
        // Checked before the next read: the signal may have ended the pause.
        if unread.is_none() && execution.wake.is_cancelled() {
            return Err(effect.unwritten(late.as_ref(), "not written: cancelled", CommandError::Cancelled));
        }
        let left = deadline.saturating_sub(execution.clock.now());
        // What was sent is read back however late it is.
        let base = match if unread.is_some() || late.is_some() {
            read_at_least_once(execution, left, || change.read())
        } else {
            read_until_answered(execution, left, || change.read())
        } {
            Ok(base) => base,
            Err(error) => {
                return Err(match unread.map(|(unanswered, _guard)| unanswered).or(late) {
                    Some(unanswered) => effect.unknown(unanswered),
                    None => effect.unwritten(None, "not written: what it depends on could not be read", error),
                });
            }
        };
        if let Some(done) = change.arrived(&base) {
            effect.is(EffectState::Applied, "");
            return Ok(Some(done));
        }
        let edit = match change.plan(&base) {
            Plan::UpToDate(done) => {
                if unread.is_some() || late.is_some() {
                    effect.is(EffectState::Applied, "");
                } else {
                    // Another writer did it, and not necessarily as planned here.
                    effect.effect.detail = change.effect().detail;
                    effect.is(EffectState::Already, "");
                }
                return Ok(Some(done));
            }
            Plan::Refuse(finding) => {
                let late = unread.map(|(unanswered, _guard)| unanswered).or(late);
                effect.not_written(late.as_ref(), &finding.actual);
                return Err(CommandError::Refused(finding));
            }
            Plan::Write(edit) => edit,
        };
        if let Some(detail) = change.detail(&edit) {
            effect.effect.detail = detail;
        }
        if std::mem::take(&mut has_conflict) {
            // An earlier write is not there, and cannot arrive any more.
            late = None;
        }
        if let Some((unanswered, guard)) = unread.take() {
            // Not arrived yet. Pause: a server that loses every answer must not get one write after the other.
            drop(guard);
            effect.is(EffectState::Unknown, &unanswered.actual);
            late = Some(unanswered);
            pauses.wait(execution, deadline);
            continue;
        }
        if execution.dry_run {
            effect.is(EffectState::Planned, "");
            return Ok(None);
        }
        if execution.wake.is_cancelled() {
            return Err(effect.unwritten(late.as_ref(), "not written: cancelled", CommandError::Cancelled));
        }
        if let Some(why) = last_failure.take_if(|_| execution.clock.now() >= deadline) {
            return Err(late.map_or_else(|| effect.too_late(limit, &why), |late| effect.unknown(late)));
        }
        effect.is(EffectState::Unknown, "sent, not yet answered");
        let guard = execution.writes.begin();
        let why = match change.write(&Permit(()), &base, &edit) {
            WriteOutcome::Done(done) => {
                effect.is(EffectState::Applied, "");
                return Ok(Some(done));
            }
            WriteOutcome::Refused(finding) => {
                effect.not_written(late.as_ref(), &finding.actual);
                return Err(CommandError::Refused(finding));
            }
            WriteOutcome::Unknown(error) if !C::READS_BACK => return Err(effect.unknown(error)),
            WriteOutcome::Unknown(error) => {
                (last_failure, unread) = (Some(error.actual.clone()), Some((error, guard)));
                continue;
            }
            // By an earlier write that has arrived now, or by another writer: the next read shows which.
            WriteOutcome::Conflict(why) => {
                has_conflict = true;
                why
            }
            WriteOutcome::Unsent(why) => why,
        };
        drop(guard);
        effect.not_written(late.as_ref(), &why);
        last_failure = Some(why);
        pauses.wait(execution, deadline);
    }
}

/// An effect in the partial report, correct at every moment: a cancelled command leaves what is known.
struct RecordedEffect<'execution> {
    execution: &'execution Execution,
    index: usize,
    effect: Effect,
}

impl<'execution> RecordedEffect<'execution> {
    fn new(execution: &'execution Execution, effect: Effect) -> Self {
        let index = execution.partial.begin_effect(Effect { state: EffectState::Refused, ..effect.clone() });
        Self { execution, index, effect }
    }

    /// The outcome of a write stays unknown: it may still arrive.
    fn unknown(&self, unanswered: Finding) -> CommandError {
        self.is(EffectState::Unknown, &unanswered.actual);
        CommandError::Unobservable(unanswered)
    }

    /// Nothing was written within the time limit.
    fn too_late(&self, limit: Duration, why: &str) -> CommandError {
        self.is(EffectState::Refused, why);
        Finding::inconclusive(self.effect.target.clone())
            .actual(format!("nothing written within {}: {why}", HumanDuration(limit)))
            .expected("no concurrent writer, and a server that answers")
            .next("run it again")
            .unobservable()
    }

    /// Nothing more is written because of `error`. What was sent and may still arrive stays unknown.
    fn unwritten(&self, late: Option<&Finding>, remark: &str, error: CommandError) -> CommandError {
        self.not_written(late, remark);
        error
    }

    fn not_written(&self, late: Option<&Finding>, remark: &str) {
        match late {
            Some(late) => self.is(EffectState::Unknown, &late.actual),
            None => self.is(EffectState::Refused, remark),
        }
    }

    fn is(&self, state: EffectState, remark: &str) {
        log::debug!(
            "write: {} → {}{}{remark}",
            self.effect.target,
            effect_word(state),
            if remark.is_empty() { "" } else { ", " }
        );
        let detail =
            if remark.is_empty() { self.effect.detail.clone() } else { format!("{} ({remark})", self.effect.detail) };
        self.execution.partial.update_effect(self.index, Effect { target: self.effect.target.clone(), detail, state });
    }
}

#[cfg(test)]
pub mod tests;
