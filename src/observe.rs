//! The one loop that looks.
//!
//! Sources start looks on threads of their own and send facts; `absorb` puts each fact with its moment into what was
//! seen; `judge` is pure and says *settled*, or *open* and when time alone would change the answer. The loop wakes on a
//! fact, on that moment, on the next look, on the time limit, or on a signal; it waits in one place only.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use crate::{
    clock::{Moment, WakeSignal},
    error::CommandError,
    execution::Execution,
    finding::{Finding, Verdict, verdict},
    values::HumanDuration,
};

/// How often a source looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollInterval {
    /// Once: a child, a watch that keeps sending.
    Once,
    /// Again, this long after the previous look ended.
    Every(Duration),
}

/// What a look holds while it goes on. Dropped to end it: a process group is killed, a watch is closed.
pub type LookGuard = Box<dyn Any>;

/// Something that can be looked at.
pub struct Source<'a, F> {
    pace: PollInterval,
    look: Box<dyn FnMut(Reply<F>) -> LookGuard + 'a>,
    over: Box<dyn Fn() -> bool + 'a>,
}

impl<'a, F: Send + 'static> Source<'a, F> {
    /// `look` starts a look and returns at once; facts come by the [`Reply`], and the look is over when that is dropped.
    pub fn new(pace: PollInterval, look: impl FnMut(Reply<F>) -> LookGuard + 'a) -> Self {
        Self { pace, look: Box::new(look), over: Box::new(|| false) }
    }

    /// Asked after each look: no other one follows once `over` says so.
    #[must_use]
    pub fn until(self, over: impl Fn() -> bool + 'a) -> Self {
        Self { over: Box::new(over), ..self }
    }

    /// A source whose look is a blocking call with a time limit of its own, run on a thread.
    pub fn blocking(pace: PollInterval, mut call: impl FnMut() -> Box<dyn FnOnce() -> F + Send> + 'a) -> Self {
        Self::new(pace, move |reply| {
            let call = call();
            let started = std::thread::Builder::new().name("look".to_owned()).spawn(move || reply.send(call()));
            // No thread to be had: the reply is dropped, no fact comes, and nothing passes.
            drop(started);
            Box::new(())
        })
    }
}

/// The way back from a look. The look is in flight until this (every clone of it) is dropped.
pub struct Reply<F> {
    to: Sender<F>,
    flight: Arc<Flight>,
}

impl<F> Clone for Reply<F> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), flight: Arc::clone(&self.flight) }
    }
}

impl<F> Reply<F> {
    /// Sends a fact. When nobody waits any more it is dropped.
    pub fn send(&self, fact: F) {
        let _ = self.to.send(fact);
        self.flight.wake.ring();
    }
}

struct Flight {
    wake: Arc<WakeSignal>,
    landed: Arc<AtomicBool>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.landed.store(true, Ordering::Release);
        self.wake.end_look();
    }
}

/// What a judge says: findings that would be true if the loop stopped now, and whether it may.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub findings: Vec<Finding>,
    pub decision: Decision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No further fact could change the verdict, or it would come too late to matter.
    Decided,
    /// Undecided; `revisit` is the moment at which time alone changes the answer.
    Pending { revisit: Option<Moment> },
}

impl Judgement {
    #[must_use]
    pub const fn decided(findings: Vec<Finding>) -> Self {
        Self { findings, decision: Decision::Decided }
    }

    #[must_use]
    pub const fn pending(findings: Vec<Finding>) -> Self {
        Self { findings, decision: Decision::Pending { revisit: None } }
    }

    #[must_use]
    pub const fn pending_until(findings: Vec<Finding>, revisit: Moment) -> Self {
        Self { findings, decision: Decision::Pending { revisit: Some(revisit) } }
    }
}

/// One source under way.
struct Underway<'a, F> {
    source: Source<'a, F>,
    next: Option<Moment>,
    flight: Option<(LookGuard, Arc<AtomicBool>)>,
}

/// Looks until the judge says *settled*, at most for `limit`.
///
/// Only *settled* can pass: when the time is up, or when no source could bring another fact, findings that would pass get
/// an inconclusive one beside them.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal; the findings so far stay in the draft of the report.
pub fn observe_until_decided<F: Send + 'static, S>(
    execution: &Execution,
    limit: Duration,
    sources: Vec<Source<'_, F>>,
    seen: &mut S,
    absorb: impl Fn(&mut S, Moment, F),
    judge: impl Fn(&S, Moment) -> Judgement,
) -> Result<Vec<Finding>, CommandError> {
    let (sender, facts): (Sender<F>, Receiver<F>) = channel();
    let deadline = execution.clock.now() + limit;
    let mut underway: Vec<Underway<'_, F>> =
        sources.into_iter().map(|source| Underway { source, next: Some(Moment::ZERO), flight: None }).collect();
    loop {
        // Landed before the facts are read: a look that has ended has sent all of its facts.
        let landed: Vec<bool> = underway
            .iter()
            .map(|one| one.flight.as_ref().is_some_and(|(_, landed)| landed.load(Ordering::Acquire)))
            .collect();
        for fact in facts.try_iter() {
            absorb(seen, execution.clock.now(), fact);
        }
        let now = execution.clock.now();
        for (one, landed) in underway.iter_mut().zip(landed) {
            if landed {
                one.flight = None;
                one.next = match one.source.pace {
                    PollInterval::Every(pause) if !(one.source.over)() => Some(now + pause),
                    PollInterval::Once | PollInterval::Every(_) => None,
                };
            }
        }
        let Judgement { mut findings, decision } = judge(seen, now);
        execution.partial.publish(&findings);
        let revisit = match decision {
            Decision::Decided => return Ok(findings),
            Decision::Pending { revisit } => revisit,
        };
        if execution.wake.cancelled() {
            return Err(CommandError::Cancelled);
        }
        for one in &mut underway {
            if one.flight.is_none() && one.next.is_some_and(|next| next <= now) && now < deadline {
                one.next = None;
                one.flight = Some(start(execution, &mut one.source, &sender));
            }
        }
        let next_look = underway.iter().filter_map(|one| one.next).min();
        let exhausted = next_look.is_none() && revisit.is_none() && underway.iter().all(|one| one.flight.is_none());
        if now >= deadline || exhausted {
            if verdict(&findings) == Verdict::Passed {
                let seen = if exhausted {
                    "nothing more to observe, and undecided".to_owned()
                } else {
                    format!("undecided after {}", HumanDuration(limit))
                };
                findings.push(
                    Finding::inconclusive("time limit").actual(seen).expected("a decision before the time is up"),
                );
            }
            return Ok(findings);
        }
        let wake = [Some(deadline), next_look, revisit.map(|revisit| revisit.max(now + MINIMUM_STEP))]
            .into_iter()
            .flatten()
            .min();
        execution.clock.park(&execution.wake, wake);
    }
}

/// A judge that asks to be revisited at a moment that is past must not spin.
const MINIMUM_STEP: Duration = Duration::from_millis(1);

fn start<F: Send + 'static>(
    execution: &Execution,
    source: &mut Source<'_, F>,
    sender: &Sender<F>,
) -> (LookGuard, Arc<AtomicBool>) {
    let landed = Arc::new(AtomicBool::new(false));
    execution.wake.begin_look();
    let flight = Arc::new(Flight { wake: Arc::clone(&execution.wake), landed: Arc::clone(&landed) });
    ((source.look)(Reply { to: sender.clone(), flight }), landed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::test_execution;

    fn counting(execution: &Execution, limit: u64, wanted: usize) -> (usize, Result<Vec<Finding>, CommandError>) {
        let mut seen = Vec::new();
        let source = Source::blocking(PollInterval::Every(Duration::from_secs(10)), || Box::new(|| 503_u16));
        let end = observe_until_decided(
            execution,
            Duration::from_secs(limit),
            vec![source],
            &mut seen,
            |seen, at, fact| seen.push((at, fact)),
            |seen: &Vec<(Moment, u16)>, _| {
                if seen.len() == wanted {
                    Judgement::decided(vec![Finding::blocked("ready")])
                } else {
                    Judgement::pending(vec![Finding::passed("ready")])
                }
            },
        );
        (seen.len(), end)
    }

    #[test]
    fn it_looks_again_until_it_is_settled_and_time_leaps() {
        let execution = test_execution();
        let (looks, end) = counting(&execution, 3600, 10);
        assert_eq!((looks, end), (10, Ok(vec![Finding::blocked("ready")])));
        assert_eq!(execution.clock.now(), Duration::from_secs(90), "ten looks, ten seconds apart");
    }

    #[test]
    fn what_is_not_settled_in_time_does_not_pass() {
        let (looks, end) = counting(&test_execution(), 35, 10);
        assert_eq!(looks, 4);
        assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
    }

    #[test]
    fn a_source_that_is_over_looks_no_more_and_when_all_are_it_ends() {
        let execution = test_execution();
        let looks = std::cell::Cell::new(0);
        let source = Source::blocking(PollInterval::Every(Duration::from_secs(10)), || {
            looks.set(looks.get() + 1);
            Box::new(|| ())
        });
        let end = observe_until_decided(
            &execution,
            Duration::from_secs(3600),
            vec![source.until(|| looks.get() == 3)],
            &mut (),
            |(), _, ()| {},
            |(), _| Judgement::pending(vec![Finding::passed("ready")]),
        );
        assert_eq!((looks.get(), execution.clock.now()), (3, Duration::from_secs(20)));
        assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
    }

    #[test]
    fn a_signal_ends_it_at_once() {
        let execution = test_execution();
        execution.wake.cancel();
        assert_eq!(counting(&execution, 3600, 10).1, Err(CommandError::Cancelled));
    }

    #[test]
    fn a_look_that_ends_without_a_fact_is_not_waited_for() {
        let mut nothing = ();
        let execution = test_execution();
        let source = Source::<()>::new(PollInterval::Once, |_reply| Box::new(()));
        let end = observe_until_decided(
            &execution,
            Duration::MAX / 4,
            vec![source],
            &mut nothing,
            |(), _, ()| {},
            |(), _| Judgement::pending(vec![Finding::passed("x")]),
        );
        assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
        assert_eq!(execution.clock.now(), Duration::ZERO);
    }

    #[test]
    fn time_alone_can_settle_it() {
        let mut nothing = ();
        let execution = test_execution();
        let patience = Duration::from_secs(120);
        let end = observe_until_decided(
            &execution,
            Duration::from_secs(600),
            Vec::<Source<'_, ()>>::new(),
            &mut nothing,
            |(), _, ()| {},
            |(), now| {
                if now >= patience {
                    Judgement::decided(vec![Finding::blocked("unhealthy for 2m")])
                } else {
                    Judgement::pending_until(vec![], patience)
                }
            },
        );
        assert_eq!(end, Ok(vec![Finding::blocked("unhealthy for 2m")]));
        assert_eq!(execution.clock.now(), patience);
    }
}
