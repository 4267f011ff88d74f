//! The one loop that looks until the judge decides, two functions for what is looked at only once, and one that repeats a
//! read until it is answered.
//!
//! Sources start looks on threads and send facts. `absorb` adds each fact, with its time, to the observations. `judge` is
//! pure: it returns findings and either *decided*, or *pending* and the time at which it would decide without a new fact.
//! The loop wakes on a fact, at that time, for the next look, at the time limit, or on a signal; it waits in one place only.

mod judgement;
mod repeat;

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

pub use judgement::{Decision, Judgement};
pub use repeat::{MayPass, Pauses, read_at_least_once, read_until_answered};

/// How often a source looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollInterval {
    /// Once, for a child or a watch that keeps sending.
    Once,
    /// Again, this long after the previous look ended.
    Every(Duration),
    /// Again soon after the first look ended, then after pauses that double, up to this long. For a look that is only made again
    /// because it failed: most failures are over in a second.
    Backoff(Duration),
}

/// The first pause of [`PollInterval::Backoff`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No pause is doubled more often than this.
const MAX_DOUBLINGS: u32 = 16;

impl PollInterval {
    /// The pause after so many looks; `None` after the last one.
    fn pause(self, looks: u32) -> Option<Duration> {
        match self {
            Self::Once => None,
            Self::Every(pause) => Some(pause),
            Self::Backoff(longest) => {
                let doublings = looks.saturating_sub(1).min(MAX_DOUBLINGS);
                Some((FIRST_PAUSE * 2_u32.pow(doublings)).min(longest))
            }
        }
    }
}

/// What a look holds while it is in flight. Dropping it ends the look: a process group is killed, a watch is closed.
pub type LookGuard = Box<dyn Any>;

/// Something to look at.
pub struct Source<'a, F> {
    /// For the debug log.
    name: String,
    interval: PollInterval,
    look: Box<dyn FnMut(Reply<F>) -> LookGuard + 'a>,
    finished: Box<dyn Fn() -> bool + 'a>,
    target: Box<dyn Fn() -> Option<u64> + 'a>,
}

impl<'a, F: Send + 'static> Source<'a, F> {
    /// `look` starts a look and returns at once. It sends facts with the [`Reply`] and ends when the reply is dropped.
    pub fn new(interval: PollInterval, look: impl FnMut(Reply<F>) -> LookGuard + 'a) -> Self {
        Self {
            name: "look".to_owned(),
            interval,
            look: Box::new(look),
            finished: Box::new(|| false),
            target: Box::new(|| Some(0)),
        }
    }

    /// Names what it looks at, for the debug log.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Stops looking once `finished` returns true; it is called after each look.
    #[must_use]
    pub fn until(self, finished: impl Fn() -> bool + 'a) -> Self {
        Self { finished: Box::new(finished), ..self }
    }

    /// Looks only while `target` returns a number, for a source that learns from the facts of others what to look at.
    /// Another number ends the look in flight and starts a new one; facts of the ended look may still arrive.
    #[must_use]
    pub fn aimed_at(self, target: impl Fn() -> Option<u64> + 'a) -> Self {
        Self { target: Box::new(target), ..self }
    }

    /// A source whose look is a blocking call on a thread. The call bounds its own time.
    pub fn blocking(interval: PollInterval, mut call: impl FnMut() -> Box<dyn FnOnce() -> F + Send> + 'a) -> Self {
        Self::new(interval, move |reply| {
            let call = call();
            let started = std::thread::Builder::new().name("look".to_owned()).spawn(move || reply.send(call()));
            // Without a thread the reply is dropped, no fact comes, and nothing passes.
            drop(started);
            Box::new(())
        })
    }
}

/// Sends the facts of a look, which is in flight until every clone of this is dropped.
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
    /// The reply of a look that begins now, and whether that look has ended.
    fn new(execution: &Execution, sender: &Sender<F>) -> (Self, Arc<AtomicBool>) {
        let ended = Arc::new(AtomicBool::new(false));
        execution.wake.begin_look();
        let in_flight = Arc::new(LookInFlight { wake: Arc::clone(&execution.wake), ended: Arc::clone(&ended) });
        (Self { to: sender.clone(), in_flight }, ended)
    }

    /// Sends a fact. It is dropped if the loop has ended.
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

/// A source, its next look, and the look in flight.
struct RunningSource<'a, F> {
    source: Source<'a, F>,
    /// How many looks have begun.
    looks: u32,
    next: Option<Moment>,
    in_flight: Option<(LookGuard, Arc<AtomicBool>)>,
    /// What it looks at; `None` until its target is known.
    target: Option<u64>,
}

impl<F> RunningSource<'_, F> {
    /// If the target has changed, ends the look in flight and makes the next one due.
    fn follow_target(&mut self, now: Moment) {
        let target = (self.source.target)();
        if target != self.target {
            self.in_flight = None;
            self.next = target.map(|_| now);
            self.target = target;
        }
    }
}

/// Looks until the judge decides, at most for `limit`.
///
/// Only a decision can pass: if the time limit is reached, or no source can send another fact, an inconclusive finding is
/// added to findings that would pass.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal; the findings so far stay in the partial report.
pub fn observe_until_decided<F: Send + 'static, S>(
    execution: &Execution,
    limit: Duration,
    sources: Vec<Source<'_, F>>,
    observations: &mut S,
    absorb: impl Fn(&mut S, Moment, F),
    judge: impl Fn(&S, Moment) -> Judgement,
) -> Result<Vec<Finding>, CommandError> {
    let (sender, facts): (Sender<F>, Receiver<F>) = channel();
    let deadline = execution.clock.now() + limit;
    let mut running: Vec<RunningSource<'_, F>> = sources
        .into_iter()
        .map(|source| RunningSource { source, looks: 0, next: None, in_flight: None, target: None })
        .collect();
    let mut logged = None;
    loop {
        // Before the facts are read: a look that has ended has sent all of its facts.
        let ended: Vec<bool> = running
            .iter()
            .map(|one| one.in_flight.as_ref().is_some_and(|(_, ended)| ended.load(Ordering::Acquire)))
            .collect();
        for fact in facts.try_iter() {
            absorb(observations, execution.clock.now(), fact);
        }
        let now = execution.clock.now();
        for (one, ended) in running.iter_mut().zip(ended) {
            if ended {
                one.in_flight = None;
                let pause = one.source.interval.pause(one.looks).filter(|_| !(one.source.finished)());
                one.next = pause.map(|pause| now + pause);
            }
            one.follow_target(now);
        }
        let Judgement { mut findings, decision } = judge(observations, now);
        log_once(&mut logged, (decision, verdict(&findings)), now);
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
                one.looks += 1;
                log::debug!("look {} of {}", one.looks, one.source.name);
                one.in_flight = Some(start(execution, &mut one.source, &sender));
            }
        }
        let next_look = running.iter().filter_map(|one| one.next).min();
        let exhausted = next_look.is_none() && revisit.is_none() && running.iter().all(|one| one.in_flight.is_none());
        if now >= deadline || exhausted {
            log::debug!(
                "judge: {}",
                if exhausted { "no source can send another fact" } else { "the time limit is over" }
            );
            if verdict(&findings) == Verdict::Passed {
                let actual = if exhausted {
                    "nothing more to observe, and undecided".to_owned()
                } else {
                    format!("undecided after {}", HumanDuration(limit))
                };
                findings.push(
                    Finding::inconclusive("time limit").actual(actual).expected("a decision before the time is up"),
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

/// Logs what the judge says, unless it has said the same before.
fn log_once(logged: &mut Option<(Decision, Verdict)>, said: (Decision, Verdict), now: Moment) {
    if logged.replace(said) == Some(said) {
        return;
    }
    match said {
        (Decision::Decided, verdict) => log::debug!("judge: decided, {verdict}"),
        (Decision::Pending { revisit: None }, verdict) => log::debug!("judge: pending, {verdict} so far"),
        (Decision::Pending { revisit: Some(at) }, verdict) => {
            let rest = HumanDuration(at.saturating_sub(now));
            log::debug!("judge: pending, {verdict} so far, decides in {rest} without a new fact");
        }
    }
}

/// The loop must not spin for a judge whose `revisit` is past.
const MINIMUM_STEP: Duration = Duration::from_millis(1);

fn start<F: Send + 'static>(
    execution: &Execution,
    source: &mut Source<'_, F>,
    sender: &Sender<F>,
) -> (LookGuard, Arc<AtomicBool>) {
    let (reply, ended) = Reply::new(execution, sender);
    ((source.look)(reply), ended)
}

/// A blocking call that bounds its own time, for [`observe_once`].
pub type BlockingCall<F> = Box<dyn FnOnce() -> F + Send>;

/// Makes every call once, in parallel on separate threads. Returns their facts in the order of the calls; a call
/// that brought none within `limit` leaves `None`.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal.
pub fn observe_once<F: Send + 'static, const N: usize>(
    execution: &Execution,
    limit: Duration,
    calls: [BlockingCall<F>; N],
) -> Result<[Option<F>; N], CommandError> {
    let mut facts = [const { None }; N];
    let look = |reply: Reply<(usize, F)>| -> LookGuard {
        for (index, call) in calls.into_iter().enumerate() {
            let reply = reply.clone();
            let started =
                std::thread::Builder::new().name("look".to_owned()).spawn(move || reply.send((index, call())));
            // Without a thread the reply is dropped, and the fact stays missing.
            drop(started);
        }
        Box::new(())
    };
    observe_stream(execution, limit, look, |(index, fact)| {
        facts[index] = Some(fact);
        facts.iter().all(Option::is_some).then_some(())
    })?;
    Ok(facts)
}

/// Follows one look that sends several facts, such as a running child, until `take` returns a result. `None`: the look
/// ended before that, or `limit` is over. Either way the look is ended.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal.
pub fn observe_stream<F: Send + 'static, T>(
    execution: &Execution,
    limit: Duration,
    look: impl FnOnce(Reply<F>) -> LookGuard,
    mut take: impl FnMut(F) -> Option<T>,
) -> Result<Option<T>, CommandError> {
    if execution.wake.is_cancelled() {
        return Err(CommandError::Cancelled);
    }
    let (sender, facts) = channel();
    let deadline = execution.clock.now() + limit;
    let (reply, ended) = Reply::new(execution, &sender);
    let _guard = look(reply);
    loop {
        // Before the facts are read: a look that has ended has sent all of its facts.
        let ended = ended.load(Ordering::Acquire);
        if let Some(result) = facts.try_iter().find_map(&mut take) {
            return Ok(Some(result));
        }
        if execution.wake.is_cancelled() {
            return Err(CommandError::Cancelled);
        }
        if ended || execution.clock.now() >= deadline {
            return Ok(None);
        }
        execution.clock.park(&execution.wake, Some(deadline));
    }
}

#[cfg(test)]
mod tests;
