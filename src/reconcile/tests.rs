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
    ConflictAndRemoteLost,
    /// Fails before it is sent.
    Unsent,
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
            Scripted::ConflictAndRemoteLost => {
                self.0.readable.set(false);
                WriteOutcome::Conflict("fetch first".to_owned())
            }
            Scripted::Unsent => WriteOutcome::Unsent("no connection".to_owned()),
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
fn a_conflict_may_be_an_earlier_write_that_has_arrived() {
    let script = [Scripted::ConflictAndRemoteLost, Scripted::AnswerLost];
    let (end, writes, effect) = play::<true>(&test_execution(), 1, &script);
    assert!(matches!(end, Err(CommandError::Unobservable(_))));
    assert_eq!((writes, effect), (2, EffectState::Unknown));
}

#[test]
fn a_write_that_was_not_sent_is_planned_again_and_settles_nothing_about_earlier_ones() {
    let end = play::<true>(&test_execution(), 1, &[Scripted::Applied, Scripted::Unsent]);
    assert_eq!(end, (Ok(Some(7)), 2, EffectState::Applied));
    let (end, _, effect) = play::<true>(&test_execution(), 1, &[Scripted::Unsent; 1000]);
    assert!(matches!(end, Err(CommandError::Unobservable(_))));
    assert_eq!(effect, EffectState::Refused, "nothing was sent");
    let mut script = vec![Scripted::Unsent; 1000];
    script.push(Scripted::AnswerLost);
    let (end, _, effect) = play::<true>(&test_execution(), 1, &script);
    assert!(matches!(end, Err(CommandError::Unobservable(_))));
    assert_eq!(effect, EffectState::Unknown, "the first one may still arrive");
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
    let (end, writes, effect) = play::<false>(&test_execution(), 1, &[Scripted::Applied, Scripted::AppliedAnswerLost]);
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
