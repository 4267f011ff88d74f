//! The one loop that writes: read, plan, write on the condition that nothing moved.
//!
//! A lost race re-reads and plans again, and never resends. An unknown outcome is read back before anything may end the
//! command. Only this loop can make a [`Permit`], so nothing is written in dry-run.

use std::time::Duration;

use crate::{
    error::CommandError,
    execution::Execution,
    finding::Finding,
    report::{Effect, EffectState},
    values::HumanDuration,
};

/// The right to write outside. Made here only; every writing method of `world` asks for one.
pub struct Permit(());

/// What a plan decides.
pub enum Plan<E, D> {
    /// It is so already.
    UpToDate(D),
    Write(E),
    /// A rule forbids it.
    Refuse(Finding),
}

/// How a write ended.
pub enum WriteOutcome<D> {
    Done(D),
    /// The base moved; nothing was written.
    Conflict(String),
    /// Sent, and nobody knows what became of it.
    Unknown(Finding),
    /// The other side said no; nothing was written.
    Refused(Finding),
}

/// A change of something outside.
pub trait Change {
    type Base;
    type Edit;
    type Done;

    /// Whether an unknown outcome can be read back. If not (a dispatch), it is final and never sent again.
    const READS_BACK: bool;

    /// What is written to, and what.
    fn effect(&self) -> Effect;

    /// What is written, once the plan is known, where that says more: from what to what. It takes the place of the
    /// effect's detail, so that a dry-run shows it too.
    fn detail(&self, _edit: &Self::Edit) -> Option<String> {
        None
    }

    /// All that the plan needs to know.
    ///
    /// # Errors
    /// When it cannot be seen.
    fn read(&self) -> Result<Self::Base, CommandError>;

    /// Pure.
    fn plan(&self, base: &Self::Base) -> Plan<Self::Edit, Self::Done>;

    fn write(&self, permit: &Permit, base: &Self::Base, edit: &Self::Edit) -> WriteOutcome<Self::Done>;
}

/// The first pause after a lost race; doubled each time, and spread so that racers do not meet again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Measured with twenty racers: with 5 s the last of them waits a quarter of the time for nobody, and loses as often.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Makes `change` so, within `limit`. `None` in dry-run, when something would have been written.
///
/// # Errors
/// What [`Change::read`] could not see; a refusal; a write whose outcome stays unknown; a race lost until the time was up.
pub fn reconcile<C: Change>(
    execution: &Execution,
    limit: Duration,
    change: &C,
) -> Result<Option<C::Done>, CommandError> {
    let deadline = execution.clock.now() + limit;
    let mut effect = Noted::new(execution, change.effect());
    let mut pause = FIRST_PAUSE;
    // Why the last write did not take, once there was one.
    let mut lost: Option<String> = None;
    // Set while a write of ours may have landed unseen. Its guard keeps a signal from ending the process before that is
    // read back.
    let mut unread = None;
    loop {
        let unsure: Option<(Finding, _)> = unread.take();
        // Before anybody is asked again: a pause has ended because of it.
        if unsure.is_none() && execution.wake.cancelled() {
            effect.is(EffectState::Refused, "not written: cancelled");
            return Err(CommandError::Cancelled);
        }
        let base = match (change.read(), &unsure) {
            (Ok(base), _) => base,
            (Err(_), Some((error, _guard))) => {
                effect.is(EffectState::Unknown, &error.actual);
                return Err(CommandError::Unobservable(error.clone()));
            }
            (Err(stop), None) => {
                effect.is(EffectState::Refused, "not written: what it depends on could not be read");
                return Err(stop);
            }
        };
        let edit = match change.plan(&base) {
            Plan::UpToDate(done) => {
                if unsure.is_some() {
                    effect.is(EffectState::Applied, "");
                } else {
                    // Whoever made it so need not have done it as we had planned to.
                    effect.effect.detail = change.effect().detail;
                    effect.is(EffectState::Already, "");
                }
                return Ok(Some(done));
            }
            Plan::Refuse(finding) => {
                effect.is(EffectState::Refused, &finding.actual);
                return Err(CommandError::Refused(finding));
            }
            Plan::Write(edit) => edit,
        };
        if let Some(detail) = change.detail(&edit) {
            effect.effect.detail = detail;
        }
        if let Some((error, guard)) = unsure {
            // Read back by now: what was sent did not land. A server that loses every answer must not be sent one write
            // after the other.
            drop(guard);
            effect.is(EffectState::Refused, &error.actual);
            back_off(execution, &mut pause);
            continue;
        }
        if execution.dry_run {
            effect.is(EffectState::Planned, "");
            return Ok(None);
        }
        if execution.wake.cancelled() {
            effect.is(EffectState::Refused, "not written: cancelled");
            return Err(CommandError::Cancelled);
        }
        if let Some(lost) = lost.take_if(|_| execution.clock.now() >= deadline) {
            effect.is(EffectState::Refused, &lost);
            return Err(Finding::inconclusive(change.effect().target)
                .actual(format!("nothing written within {}: {lost}", HumanDuration(limit)))
                .expected("one moment in which nobody else writes")
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
                effect.is(EffectState::Refused, &finding.actual);
                return Err(CommandError::Refused(finding));
            }
            WriteOutcome::Unknown(error) if !C::READS_BACK => {
                effect.is(EffectState::Unknown, &error.actual);
                return Err(CommandError::Unobservable(error));
            }
            WriteOutcome::Unknown(error) => {
                lost = Some(error.actual.clone());
                unread = Some((error, guard));
            }
            WriteOutcome::Conflict(why) => {
                drop(guard);
                log::debug!("somebody wrote first, planning again: {why}");
                effect.is(EffectState::Refused, &why);
                lost = Some(why);
                back_off(execution, &mut pause);
            }
        }
    }
}

/// Waits for about `pause`, or for a signal; the next one is twice as long.
fn back_off(execution: &Execution, pause: &mut Duration) {
    let spread = pause.mul_f64(0.5 + fastrand::f64());
    execution.clock.park(&execution.wake, Some(execution.clock.now() + spread));
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}

/// An effect in the draft of the report, kept true at every moment: a command that is cut short leaves what is known.
struct Noted<'execution> {
    execution: &'execution Execution,
    place: usize,
    effect: Effect,
}

impl<'execution> Noted<'execution> {
    fn new(execution: &'execution Execution, effect: Effect) -> Self {
        let place = execution.partial.begin_effect(Effect { state: EffectState::Refused, ..effect.clone() });
        Self { execution, place, effect }
    }

    fn is(&self, state: EffectState, remark: &str) {
        let detail =
            if remark.is_empty() { self.effect.detail.clone() } else { format!("{} ({remark})", self.effect.detail) };
        self.execution.partial.settle_effect(self.place, Effect { target: self.effect.target.clone(), detail, state });
    }
}

#[cfg(test)]
pub mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::execution::tests::test_execution;

    /// Lets `act` write once, as a command does: only the loop that writes gives a permit.
    pub fn permitted<D>(act: impl Fn(&Permit) -> D) -> D {
        reconcile(&test_execution(), Duration::ZERO, &Deed(act)).unwrap().unwrap()
    }

    struct Deed<F>(F);

    impl<D, F: Fn(&Permit) -> D> Change for Deed<F> {
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

    /// A remote that holds one number; each write follows the script.
    struct Remote {
        holds: Cell<u32>,
        script: RefCell<Vec<Act>>,
        reads: Cell<usize>,
        writes: Cell<usize>,
        readable: Cell<bool>,
    }

    #[derive(Clone, Copy)]
    enum Act {
        Land,
        Lose,
        LandAndLoseTheAnswer,
        LoseTheAnswer,
        LoseTheAnswerAndTheRemote,
    }

    struct Raise<'a, const READS_BACK: bool>(&'a Remote);

    impl<const READS_BACK: bool> Change for Raise<'_, READS_BACK> {
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
            if self.0.readable.get() {
                Ok(self.0.holds.get())
            } else {
                Err(Finding::inconclusive("remote").actual("gone").unobservable())
            }
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
            match self.0.script.borrow_mut().pop().unwrap_or(Act::Lose) {
                Act::Land => {
                    self.0.holds.set(*edit);
                    WriteOutcome::Done(*edit)
                }
                Act::Lose => WriteOutcome::Conflict("fetch first".to_owned()),
                Act::LandAndLoseTheAnswer => {
                    self.0.holds.set(*edit);
                    unknown()
                }
                Act::LoseTheAnswer => unknown(),
                Act::LoseTheAnswerAndTheRemote => {
                    self.0.readable.set(false);
                    unknown()
                }
            }
        }
    }

    /// A remote that holds a number; the script's first act stands last.
    fn remote(holds: u32, script: &[Act]) -> Remote {
        Remote {
            holds: Cell::new(holds),
            script: RefCell::new(script.to_vec()),
            reads: Cell::new(0),
            writes: Cell::new(0),
            readable: Cell::new(true),
        }
    }

    /// Runs a change against a remote that holds a number; the script's first act stands last.
    fn play<const READS_BACK: bool>(
        execution: &Execution,
        holds: u32,
        script: &[Act],
    ) -> (Result<Option<u32>, CommandError>, usize, EffectState) {
        let remote = remote(holds, script);
        let end = reconcile(execution, Duration::from_secs(60), &Raise::<READS_BACK>(&remote));
        (end, remote.writes.get(), execution.partial.copy().effects[0].state)
    }

    #[test]
    fn a_lost_race_is_planned_again_until_it_lands() {
        let end = play::<true>(&test_execution(), 1, &[Act::Land, Act::Lose, Act::Lose]);
        assert_eq!(end, (Ok(Some(7)), 3, EffectState::Applied));
    }

    #[test]
    fn what_is_so_already_is_not_written() {
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
        let landed = play::<true>(&test_execution(), 1, &[Act::LandAndLoseTheAnswer]);
        assert_eq!(landed, (Ok(Some(7)), 1, EffectState::Applied), "it landed: written once");
        let not = play::<true>(&test_execution(), 1, &[Act::Land, Act::LoseTheAnswer]);
        assert_eq!(not, (Ok(Some(7)), 2, EffectState::Applied), "it did not land: written again");
        let (end, writes, effect) = play::<true>(&test_execution(), 1, &[Act::LoseTheAnswerAndTheRemote]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert_eq!((writes, effect), (1, EffectState::Unknown), "nobody knows, and it says so");
    }

    #[test]
    fn a_server_that_loses_every_answer_is_given_time() {
        let execution = test_execution();
        let (end, writes, effect) = play::<true>(&execution, 1, &[Act::LoseTheAnswer; 1000]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert!((5..60).contains(&writes), "{writes} in a minute");
        assert_eq!(effect, EffectState::Refused);
    }

    #[test]
    fn an_effect_is_told_from_what_to_what() {
        for (holds, detail) in [(1, "1 → 7"), (7, "7")] {
            let execution = Execution { dry_run: true, ..test_execution() };
            assert!(play::<true>(&execution, holds, &[]).0.is_ok());
            assert_eq!(execution.partial.copy().effects[0].detail, detail);
        }
    }

    #[test]
    fn who_is_cancelled_asks_nobody() {
        let execution = test_execution();
        execution.wake.cancel();
        let remote = remote(1, &[]);
        assert_eq!(
            reconcile(&execution, Duration::from_secs(60), &Raise::<true>(&remote)),
            Err(CommandError::Cancelled)
        );
        assert_eq!(remote.reads.get(), 0);
    }

    #[test]
    fn what_cannot_be_read_back_is_never_sent_again() {
        let (end, writes, effect) = play::<false>(&test_execution(), 1, &[Act::Land, Act::LandAndLoseTheAnswer]);
        assert!(matches!(end, Err(CommandError::Unobservable(_))));
        assert_eq!((writes, effect), (1, EffectState::Unknown));
    }

    #[test]
    fn a_race_lost_for_ever_ends() {
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
