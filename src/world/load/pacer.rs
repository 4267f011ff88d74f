//! The thread that says when each request is due, and passes on what has ended.
//!
//! It is a thread because the timers of the runtime are as coarse as a millisecond, which is as long as many requests take.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use tokio::sync::mpsc::UnboundedSender;

use super::settings::{Load, Pace};
use crate::{clock::Stopwatch, load_results::Exchange};

/// How often a load reports what has ended.
const PROGRESS: Duration = Duration::from_secs(5);

/// What a running load sends.
pub enum LoadEvent {
    /// The requests that ended since the event before.
    Progress(Vec<Exchange>),
    /// The last event, with the rest of the requests: every one has ended.
    Ended(Vec<Exchange>),
}

/// What the pacer hears of.
pub(super) enum PacerEvent {
    /// A request has ended.
    Exchange(Exchange),
    /// All of them have.
    Ended,
    /// The load was ended.
    Stop,
}

pub(super) struct Pacer<L> {
    schedule: Option<Schedule>,
    began: Stopwatch,
    /// Dropped after the last request, which ends the load.
    due: Option<UnboundedSender<Duration>>,
    listener: L,
    ended: Vec<Exchange>,
    report_every: Duration,
}

impl<L: FnMut(LoadEvent)> Pacer<L> {
    pub(super) fn new(load: &Load, began: Stopwatch, due: UnboundedSender<Duration>, listener: L) -> Self {
        let schedule = match load.pace {
            Pace::Rate(rate) => Some(Schedule { rate, duration: load.duration, sent: 0 }),
            Pace::Users(_) => None,
        };
        Self { schedule, began, due: Some(due), listener, ended: Vec::new(), report_every: PROGRESS }
    }

    /// Waits for the ends of requests, each time until the next one is due.
    pub(super) fn run(mut self, events: &Receiver<PacerEvent>) {
        let mut report_at = self.report_every;
        loop {
            let now = self.began.elapsed();
            let next = self.send_due(now);
            if now >= report_at {
                report_at = now + self.report_every;
                (self.listener)(LoadEvent::Progress(std::mem::take(&mut self.ended)));
            }
            let until = next.unwrap_or(Duration::MAX).min(report_at);
            match events.recv_timeout(until.saturating_sub(self.began.elapsed())) {
                Ok(PacerEvent::Exchange(exchange)) => self.ended.push(exchange),
                Ok(PacerEvent::Ended) => {
                    (self.listener)(LoadEvent::Ended(std::mem::take(&mut self.ended)));
                    return;
                }
                Ok(PacerEvent::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Hands over the requests that are due, and returns when the next one is.
    fn send_due(&mut self, now: Duration) -> Option<Duration> {
        let (schedule, due) = (self.schedule.as_mut()?, self.due.as_ref()?);
        loop {
            match schedule.next() {
                Some(next) if next <= now => {
                    schedule.sent += 1;
                    // The load may have been ended.
                    let _ = due.send(next);
                }
                Some(next) => return Some(next),
                None => {
                    self.due = None;
                    return None;
                }
            }
        }
    }
}

/// When each request is due.
struct Schedule {
    /// Requests per second.
    rate: u32,
    duration: Duration,
    sent: u64,
}

impl Schedule {
    /// When the next request is due; `None` after the last one.
    fn next(&self) -> Option<Duration> {
        // From the number of the request, so that rounding does not add up.
        let nanoseconds = u128::from(self.sent) * 1_000_000_000 / u128::from(self.rate.max(1));
        u64::try_from(nanoseconds).ok().map(Duration::from_nanos).filter(|next| *next < self.duration)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, thread};

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::load_results::ExchangeEnd;

    #[test]
    fn what_has_ended_is_reported_once_and_again_and_again() {
        const LONG: Duration = Duration::from_secs(60);
        let load = Load {
            url: "http://staging.example/".parse().unwrap(),
            headers: Vec::new(),
            pace: Pace::Users(2),
            duration: LONG,
            timeout: LONG,
        };
        let exchange = |number: u64| Exchange {
            due: Duration::from_secs(number),
            late: Duration::ZERO,
            latency: Duration::ZERO,
            end: ExchangeEnd::Status(200),
        };
        let ((to_pacer, events), (to_test, reports)) = (channel(), channel());
        let listener = move |event| drop(to_test.send(event));
        let mut pacer = Pacer::new(&load, Stopwatch::start(), unbounded_channel().0, listener);
        pacer.report_every = Duration::from_millis(1);
        let pacer = thread::spawn(move || pacer.run(&events));
        for number in 1..3 {
            to_pacer.send(PacerEvent::Exchange(exchange(number))).unwrap();
            loop {
                match reports.recv_timeout(LONG).expect("a report") {
                    LoadEvent::Progress(some) if some.is_empty() => {}
                    LoadEvent::Progress(some) => break assert_eq!(some, [exchange(number)]),
                    LoadEvent::Ended(_) => panic!("it has not ended"),
                }
            }
        }
        to_pacer.send(PacerEvent::Ended).unwrap();
        pacer.join().unwrap();
        let last = reports.iter().last().expect("a last report");
        assert!(matches!(last, LoadEvent::Ended(rest) if rest.is_empty()));
    }

    #[test]
    fn requests_are_due_at_even_times_and_none_is_lost_to_rounding() {
        for (rate, milliseconds, requests) in [(100, 6000, 600), (3, 1000, 3), (7, 10_000, 70), (5000, 1, 5), (1, 1, 1)]
        {
            let mut schedule = Schedule { rate, duration: Duration::from_millis(milliseconds), sent: 0 };
            let mut last = None;
            while let Some(due) = schedule.next() {
                assert!(last.is_none_or(|last| last < due));
                last = Some(due);
                schedule.sent += 1;
            }
            assert_eq!(schedule.sent, requests, "{rate}/s for {milliseconds} ms");
        }
        let schedule = Schedule { rate: 3, duration: Duration::MAX, sent: 3_000_000 };
        assert_eq!(schedule.next(), Some(Duration::from_secs(1_000_000)));
    }
}
