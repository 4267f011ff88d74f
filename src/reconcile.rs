//! The loop that writes: read the current state, plan, write on the condition that the state has not changed.
//!
//! After a conflict the loop reads and plans again; it never resends. It reads an unknown outcome back before the command
//! may end, and again at the end of the time limit: a write that nobody answered may still arrive. Only this loop makes a [`Permit`], so a dry-run writes nothing.

mod plan;

use std::time::Duration;

pub use plan::Plan;

use crate::{
    error::CommandError,
    execution::{Execution, WriteInFlight},
    finding::Finding,
    observe::{Pauses, read_until_answered},
    report::{Effect, EffectState, log::effect_word},
    values::HumanDuration,
};

/// The right to write. Only this module makes one, and every writing method of `world` asks for one.
pub struct Permit(());

/// How a write ended.
pub enum WriteOutcome<D> {
    Done(D),
    /// The base changed in the meantime; nothing was written.
    Conflict(String),
    /// Sent, and the answer was lost.
    Unknown(Finding),
    /// The server refused; nothing was written.
    Refused(Finding),
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
    let deadline = execution.clock.now() + limit;
    let mut effect = RecordedEffect::new(execution, change.effect());
    let mut pauses = Pauses::default();
    // Why the last write did not succeed.
    let mut lost: Option<String> = None;
    // A write whose answer was lost. Its guard keeps a signal from ending the process before the outcome is read back.
    let mut unread: Option<(Finding, WriteInFlight)> = None;
    // A write whose answer was lost and that had not arrived when it was read back. It may still arrive.
    let mut late: Option<Finding> = None;
    loop {
        // Checked before the next read: the signal may have ended the pause.
        if unread.is_none() && execution.wake.is_cancelled() {
            return Err(effect.unwritten(late, "not written: cancelled", CommandError::Cancelled));
        }
        let left = deadline.saturating_sub(execution.clock.now());
        let base = match read_until_answered(execution, left, || change.read()) {
            Ok(base) => base,
            Err(error) => {
                return Err(match unread.map(|(lost, _guard)| lost).or(late) {
                    Some(lost) => effect.unknown(lost),
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
                let late = unread.map(|(lost, _guard)| lost).or(late);
                let remark = finding.actual.clone();
                return Err(effect.unwritten(late, &remark, CommandError::Refused(finding)));
            }
            Plan::Write(edit) => edit,
        };
        if let Some(detail) = change.detail(&edit) {
            effect.effect.detail = detail;
        }
        if let Some((lost, guard)) = unread.take() {
            // Not arrived yet. Pause: a server that loses every answer must not get one write after the other.
            drop(guard);
            effect.is(EffectState::Unknown, &lost.actual);
            late = Some(lost);
            pauses.wait(execution, deadline);
            continue;
        }
        if execution.dry_run {
            effect.is(EffectState::Planned, "");
            return Ok(None);
        }
        if execution.wake.is_cancelled() {
            return Err(effect.unwritten(late, "not written: cancelled", CommandError::Cancelled));
        }
        if let Some(lost) = lost.take_if(|_| execution.clock.now() >= deadline) {
            if let Some(late) = late {
                return Err(effect.unknown(late));
            }
            effect.is(EffectState::Refused, &lost);
            return Err(Finding::inconclusive(change.effect().target)
                .actual(format!("nothing written within {}: {lost}", HumanDuration(limit)))
                .expected("no concurrent writer")
                .next("run it again")
                .unobservable());
        }
        effect.is(EffectState::Unknown, "sent, not yet answered");
        let guard = execution.writes.begin();
        match change.write(&Permit(()), &base, &edit) {
            WriteOutcome::Done(done) => {
                effect.is(EffectState::Applied, "");
                return Ok(Some(done));
            }
            WriteOutcome::Refused(finding) => {
                let remark = finding.actual.clone();
                return Err(effect.unwritten(late, &remark, CommandError::Refused(finding)));
            }
            WriteOutcome::Unknown(error) if !C::READS_BACK => return Err(effect.unknown(error)),
            WriteOutcome::Unknown(error) => {
                lost = Some(error.actual.clone());
                unread = Some((error, guard));
            }
            WriteOutcome::Conflict(why) => {
                drop(guard);
                effect.is(EffectState::Refused, &why);
                lost = Some(why);
                // The base has changed, and with it the condition of every earlier write: none can arrive any more.
                late = None;
                pauses.wait(execution, deadline);
            }
        }
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

    /// The outcome of a write stays unknown: nobody answered, and it may still arrive.
    fn unknown(&self, lost: Finding) -> CommandError {
        self.is(EffectState::Unknown, &lost.actual);
        CommandError::Unobservable(lost)
    }

    /// Nothing more is written because of `error`. What was sent and may still arrive stays unknown.
    fn unwritten(&self, late: Option<Finding>, remark: &str, error: CommandError) -> CommandError {
        match late {
            Some(late) => self.is(EffectState::Unknown, &late.actual),
            None => self.is(EffectState::Refused, remark),
        }
        error
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
pub mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::execution::tests::test_execution;

    /// Runs `write` with a permit, which only the loop can make.
    pub fn with_permit<D>(write: impl Fn(&Permit) -> D) -> D {
        reconcile(&test_execution(), Duration::ZERO, &AlwaysWrite(write)).unwrap().unwrap()
    }

    struct AlwaysWrite<F>(F);

    impl<D, F: Fn(&Permit) -> D> Change for AlwaysWrite<F> {
        type Base = ();
        type Edit = ();
        type Done = D;
        const READS_BACK: bool = false;

        fn effect(&self) -> Effect {
            Effect { target: String::new(), detail: String::new(), state: EffectState::Planned }
        }

        fn read(&self) -> Result<(), CommandError> {
            Ok(())
        }

        fn plan(&self, (): &()) -> Plan<(), D> {
            Plan::Write(())
        }

        fn write(&self, permit: &Permit, (): &(), (): &()) -> WriteOutcome<D> {
            WriteOutcome::Done((self.0)(permit))
        }
    }

    /// A remote that holds one number. Each write takes the next result from the script.
    struct Remote {
        holds: Cell<u32>,
        script: RefCell<Vec<Scripted>>,
        reads: Cell<usize>,
        writes: Cell<usize>,
        readable: Cell<bool>,
        /// How many reads fail, and whether a later one may succeed.
        failing_reads: Cell<(usize, bool)>,
        /// Reads until a late write arrives.
        late: Cell<Option<usize>>,
    }

    fn gone(may_pass: bool) -> CommandError {
        let finding = Finding::inconclusive("remote").actual("gone");
        if may_pass { finding.temporary(Duration::ZERO) } else { finding }.unobservable()
    }

    #[derive(Clone, Copy)]
    enum Scripted {
        Applied,
        Conflict,
        AppliedAnswerLost,
        AnswerLost,
        /// Arrives after the next read.
        ArrivesLater,
        AnswerAndRemoteLost,
    }

    struct SetNumber<'a, const READS_BACK: bool>(&'a Remote);

    impl<const READS_BACK: bool> Change for SetNumber<'_, READS_BACK> {
        type Base = u32;
        type Edit = u32;
        type Done = u32;
        const READS_BACK: bool = READS_BACK;

        fn effect(&self) -> Effect {
            Effect { target: "remote".to_owned(), detail: "7".to_owned(), state: EffectState::Planned }
        }

        fn detail(&self, edit: &u32) -> Option<String> {
            Some(format!("{} → {edit}", self.0.holds.get()))
        }

        fn read(&self) -> Result<u32, CommandError> {
            self.0.reads.set(self.0.reads.get() + 1);
            if let (left @ 1.., may_pass) = self.0.failing_reads.get() {
                self.0.failing_reads.set((left - 1, may_pass));
                return Err(gone(may_pass));
            }
            if !self.0.readable.get() {
                return Err(gone(false));
            }
            match self.0.late.get() {
                Some(0) => self.0.holds.set(7),
                Some(reads) => self.0.late.set(Some(reads - 1)),
                None => {}
            }
            Ok(self.0.holds.get())
        }

        fn plan(&self, base: &u32) -> Plan<u32, u32> {
            match base {
                7 => Plan::UpToDate(7),
                99 => Plan::Refuse(Finding::blocked("frozen")),
                _ => Plan::Write(7),
            }
        }

        fn write(&self, _: &Permit, _: &u32, edit: &u32) -> WriteOutcome<u32> {
            self.0.writes.set(self.0.writes.get() + 1);
            let unknown = || WriteOutcome::Unknown(Finding::inconclusive("remote").actual("connection reset"));
            match self.0.script.borrow_mut().pop().unwrap_or(Scripted::Conflict) {
                Scripted::Applied => {
                    self.0.holds.set(*edit);
                    WriteOutcome::Done(*edit)
                }
                Scripted::Conflict => WriteOutcome::Conflict("fetch first".to_owned()),
                Scripted::AppliedAnswerLost => {
                    self.0.holds.set(*edit);
                    unknown()
                }
                Scripted::AnswerLost => unknown(),
                Scripted::ArrivesLater => {
                    self.0.late.set(Some(1));
                    unknown()
                }
                Scripted::AnswerAndRemoteLost => {
                    self.0.readable.set(false);
                    unknown()
                }
            }
        }
    }

    /// The script is in reverse order: its last entry comes first.
    fn remote(holds: u32, script: &[Scripted]) -> Remote {
        Remote {
            holds: Cell::new(holds),
            script: RefCell::new(script.to_vec()),
            reads: Cell::new(0),
            writes: Cell::new(0),
            readable: Cell::new(true),
            failing_reads: Cell::default(),
            late: Cell::default(),
        }
    }

    /// Runs a change against a remote that holds `holds`: the result, the number of writes, the effect.
    fn play<const READS_BACK: bool>(
        execution: &Execution,
        holds: u32,
        script: &[Scripted],
    ) -> (Result<Option<u32>, CommandError>, usize, EffectState) {
        let remote = remote(holds, script);
        let end = reconcile(execution, Duration::from_secs(60), &SetNumber::<READS_BACK>(&remote));
        (end, remote.writes.get(), execution.partial.copy().effects[0].state)
    }

    #[test]
    fn a_conflict_is_planned_again_until_the_write_succeeds() {
        let end = play::<true>(&test_execution(), 1, &[Scripted::Applied, Scripted::Conflict, Scripted::Conflict]);
        assert_eq!(end, (Ok(Some(7)), 3, EffectState::Applied));
    }

    #[test]
    fn an_up_to_date_state_is_not_written() {
        assert_eq!(play::<true>(&test_execution(), 7, &[]), (Ok(Some(7)), 0, EffectState::Already));
    }

    #[test]
    fn a_refusal_writes_nothing() {
        let (end, writes, effect) = play::<true>(&test_execution(), 99, &[]);
        assert!(matches!(end, Err(CommandError::Refused(_))));
        assert_eq!((writes, effect), (0, EffectState::Refused));
    }

    #[test]
    fn a_lost_answer_is_read_back() {
        let landed = play::<true>(&test_execution(), 1, &[Scripted::AppliedAnswerLost]);
        assert_eq!(landed, (Ok(Some(7)), 1, EffectState::Applied), "it arrived: written once");
        let not = play::<true>(&test_execution(), 1, &[Scripted::Applied, Scripted::AnswerLost]);
        assert_eq!(not, (Ok(Some(7)), 2, EffectState::Applied), "it did not arrive: written again");
        let (end, writes, effect) = play::<true>(&test_execution(), 1, &[Scripted::AnswerAndRemoteLost]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert_eq!((writes, effect), (1, EffectState::Unknown), "the outcome is unknown, and the report says so");
    }

    #[test]
    fn writes_to_a_server_that_loses_every_answer_are_spaced_out() {
        let execution = test_execution();
        let (end, writes, effect) = play::<true>(&execution, 1, &[Scripted::AnswerLost; 1000]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert!((5..60).contains(&writes), "{writes} in a minute");
        assert_eq!(effect, EffectState::Unknown, "each of them may still arrive");
    }

    #[test]
    fn a_write_that_arrives_after_its_read_back_is_found_at_the_end() {
        let execution = test_execution();
        let (end, writes, effect) = play::<true>(&execution, 1, &[Scripted::ArrivesLater, Scripted::AnswerLost]);
        assert_eq!((end, writes, effect), (Ok(Some(7)), 2, EffectState::Applied));
    }

    #[test]
    fn a_conflict_settles_that_an_earlier_write_cannot_arrive_any_more() {
        let mut script = vec![Scripted::Conflict; 1000];
        script.push(Scripted::AnswerLost);
        let (end, _, effect) = play::<true>(&test_execution(), 1, &script);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert_eq!(effect, EffectState::Refused);
    }

    #[test]
    fn a_read_of_a_busy_server_is_repeated_and_one_that_would_fail_again_is_not() {
        for (failures, may_pass, expected) in
            [(3, true, (Ok(Some(7)), 4)), (3, false, (Err(gone(false)), 1)), (1_000_000, true, (Err(gone(true)), 0))]
        {
            let remote = remote(1, &[Scripted::Applied]);
            remote.failing_reads.set((failures, may_pass));
            let end = reconcile(&test_execution(), Duration::from_secs(60), &SetNumber::<true>(&remote));
            let reads = if failures > 3 { 0 } else { remote.reads.get() };
            assert_eq!((end, reads), expected, "{failures} failures");
        }
    }

    #[test]
    fn the_effect_shows_the_old_and_the_new_value() {
        for (holds, detail) in [(1, "1 → 7"), (7, "7")] {
            let execution = Execution { dry_run: true, ..test_execution() };
            assert!(play::<true>(&execution, holds, &[]).0.is_ok());
            assert_eq!(execution.partial.copy().effects[0].detail, detail);
        }
    }

    #[test]
    fn a_cancelled_command_reads_nothing() {
        let execution = test_execution();
        execution.wake.cancel();
        let remote = remote(1, &[]);
        assert_eq!(
            reconcile(&execution, Duration::from_secs(60), &SetNumber::<true>(&remote)),
            Err(CommandError::Cancelled)
        );
        assert_eq!(remote.reads.get(), 0);
    }

    #[test]
    fn a_write_that_cannot_be_read_back_is_never_sent_again() {
        let (end, writes, effect) =
            play::<false>(&test_execution(), 1, &[Scripted::Applied, Scripted::AppliedAnswerLost]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert_eq!((writes, effect), (1, EffectState::Unknown));
    }

    #[test]
    fn endless_conflicts_end_at_the_time_limit() {
        let (end, writes, effect) = play::<true>(&test_execution(), 1, &[]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert!(writes > 5, "{writes}");
        assert_eq!(effect, EffectState::Refused);
    }

    #[test]
    fn neither_dry_run_nor_a_cancelled_command_writes() {
        let mut execution = test_execution();
        execution.dry_run = true;
        assert_eq!(play::<true>(&execution, 1, &[]), (Ok(None), 0, EffectState::Planned));
        let execution = test_execution();
        execution.wake.cancel();
        assert_eq!(play::<true>(&execution, 1, &[]), (Err(CommandError::Cancelled), 0, EffectState::Refused));
    }
}
