//! The loop that looks.
//!
//! Sources start looks on their own threads and send facts. `absorb` adds each fact and its time to the observations.
//! `judge` is pure: it says *decided*, or *pending* and when time alone would change the answer. The loop wakes on a fact,
//! at that time, for the next look, at the time limit, or on a signal; it waits in one place only.

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

/// When a source looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollInterval {
    /// Never: one look is a child process or a watch that keeps sending.
    Once,
    /// This long after the previous look ended.
    Every(Duration),
}

/// Held while a look runs. Dropping it ends the look: it kills a process group or closes a watch.
pub type LookGuard = Box<dyn Any>;

/// Something to observe.
pub struct Source<'a, F> {
    pace: PollInterval,
    look: Box<dyn FnMut(Reply<F>) -> LookGuard + 'a>,
    finished: Box<dyn Fn() -> bool + 'a>,
}

impl<'a, F: Send + 'static> Source<'a, F> {
    /// `look` starts a look and returns at once; facts come by the [`Reply`], and the look is over when that is dropped.
    pub fn new(pace: PollInterval, look: impl FnMut(Reply<F>) -> LookGuard + 'a) -> Self {
        Self { pace, look: Box::new(look), finished: Box::new(|| false) }
    }

    /// Checked after each look: the source stops looking once `finished` returns true.
    #[must_use]
    pub fn until(self, finished: impl Fn() -> bool + 'a) -> Self {
        Self { finished: Box::new(finished), ..self }
    }

    /// A source whose look is a blocking call on a thread. The call must have its own time limit.
    pub fn blocking(pace: PollInterval, mut call: impl FnMut() -> Box<dyn FnOnce() -> F + Send> + 'a) -> Self {
        Self::new(pace, move |reply| {
            let call = call();
            let started = std::thread::Builder::new().name("look".to_owned()).spawn(move || reply.send(call()));
            // If no thread starts, the reply is dropped, no fact arrives, and nothing passes.
            drop(started);
            Box::new(())
        })
    }
}

/// How a look sends its facts. The look is in flight until the reply and all its clones are dropped.
pub struct Reply<F> {
    to: Sender<F>,
    in_flight: Arc<LookInFlight>,
}

impl<F> Clone for Reply<F> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), in_flight: Arc::clone(&self.in_flight) }
    }
}

impl<F> Reply<F> {
    /// Sends a fact. After the end of the loop the fact is dropped.
    pub fn send(&self, fact: F) {
        let _ = self.to.send(fact);
        self.in_flight.wake.notify();
    }
}

struct LookInFlight {
    wake: Arc<WakeSignal>,
    ended: Arc<AtomicBool>,
}

impl Drop for LookInFlight {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.wake.end_look();
    }
}

/// A judge's answer: the findings if the loop stopped now, and whether it may stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub findings: Vec<Finding>,
    pub decision: Decision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// No further fact could change the verdict in time.
    Decided,
    /// Undecided; at `revisit` time alone changes the answer.
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

/// A source with its next look and the look that runs.
struct RunningSource<'a, F> {
    source: Source<'a, F>,
    next: Option<Moment>,
    in_flight: Option<(LookGuard, Arc<AtomicBool>)>,
}

/// Looks until the judge says *decided*, at most for `limit`.
///
/// Only *decided* can pass: when the time is up, or when no source can send another fact, findings that would pass get an
/// inconclusive one added.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal; the findings so far stay in the partial report.
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
    let mut running: Vec<RunningSource<'_, F>> =
        sources.into_iter().map(|source| RunningSource { source, next: Some(Moment::ZERO), in_flight: None }).collect();
    loop {
        // Read before the facts: a look that has ended has sent all its facts.
        let ended: Vec<bool> = running
            .iter()
            .map(|one| one.in_flight.as_ref().is_some_and(|(_, ended)| ended.load(Ordering::Acquire)))
            .collect();
        for fact in facts.try_iter() {
            absorb(seen, execution.clock.now(), fact);
        }
        let now = execution.clock.now();
        for (one, ended) in running.iter_mut().zip(ended) {
            if ended {
                one.in_flight = None;
                one.next = match one.source.pace {
                    PollInterval::Every(pause) if !(one.source.finished)() => Some(now + pause),
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
        if execution.wake.is_cancelled() {
            return Err(CommandError::Cancelled);
        }
        for one in &mut running {
            if one.in_flight.is_none() && one.next.is_some_and(|next| next <= now) && now < deadline {
                one.next = None;
                one.in_flight = Some(start(execution, &mut one.source, &sender));
            }
        }
        let next_look = running.iter().filter_map(|one| one.next).min();
        let exhausted = next_look.is_none() && revisit.is_none() && running.iter().all(|one| one.in_flight.is_none());
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

/// Keeps the loop from spinning when a judge asks for a moment in the past.
const MINIMUM_STEP: Duration = Duration::from_millis(1);

fn start<F: Send + 'static>(
    execution: &Execution,
    source: &mut Source<'_, F>,
    sender: &Sender<F>,
) -> (LookGuard, Arc<AtomicBool>) {
    let ended = Arc::new(AtomicBool::new(false));
    execution.wake.begin_look();
    let in_flight = Arc::new(LookInFlight { wake: Arc::clone(&execution.wake), ended: Arc::clone(&ended) });
    ((source.look)(Reply { to: sender.clone(), in_flight }), ended)
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
    fn it_looks_again_until_the_judge_decides() {
        let execution = test_execution();
        let (looks, end) = counting(&execution, 3600, 10);
        assert_eq!((looks, end), (10, Ok(vec![Finding::blocked("ready")])));
        assert_eq!(execution.clock.now(), Duration::from_secs(90), "ten looks, ten seconds apart");
    }

    #[test]
    fn an_undecided_gate_is_inconclusive_at_the_time_limit() {
        let (looks, end) = counting(&test_execution(), 35, 10);
        assert_eq!(looks, 4);
        assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
    }

    #[test]
    fn the_loop_ends_when_every_source_has_finished() {
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
    fn a_look_that_ends_without_a_fact_does_not_delay_the_end() {
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
    fn time_alone_can_decide() {
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
