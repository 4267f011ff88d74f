use super::*;
use crate::{clock::SystemClock, execution::tests::test_execution};

fn counting(execution: &Execution, limit: u64, wanted: usize) -> (usize, Result<Vec<Finding>, CommandError>) {
    let mut facts = Vec::new();
    let source = Source::blocking(PollInterval::Every(Duration::from_secs(10)), || Box::new(|| 503_u16));
    let end = observe_until_decided(
        execution,
        Duration::from_secs(limit),
        vec![source],
        &mut facts,
        |facts, at, fact| facts.push((at, fact)),
        |facts: &Vec<(Moment, u16)>, _| {
            if facts.len() == wanted {
                Judgement::decided(vec![Finding::blocked("ready")])
            } else {
                Judgement::pending(vec![Finding::passed("ready")])
            }
        },
    );
    (facts.len(), end)
}

#[test]
fn the_loop_looks_again_until_the_judge_decides() {
    let execution = test_execution();
    let (looks, end) = counting(&execution, 3600, 10);
    assert_eq!((looks, end), (10, Ok(vec![Finding::blocked("ready")])));
    assert_eq!(execution.clock.now(), Duration::from_secs(90), "ten looks, ten seconds apart");
}

#[test]
fn a_look_that_failed_is_made_again_soon_at_first() {
    let execution = test_execution();
    let mut times = Vec::new();
    let source = Source::blocking(PollInterval::Backoff(Duration::from_secs(3)), || Box::new(|| ()));
    let end = observe_until_decided(
        &execution,
        Duration::from_secs(60),
        vec![source],
        &mut times,
        |times, at, ()| times.push(at.as_millis()),
        |times, _| match times.len() {
            6 => Judgement::decided(vec![Finding::passed("ready")]),
            _ => Judgement::pending(vec![Finding::passed("ready")]),
        },
    );
    assert_eq!((end, times), (Ok(vec![Finding::passed("ready")]), vec![0, 500, 1_500, 3_500, 6_500, 9_500]));
    assert_eq!(PollInterval::Backoff(Duration::MAX).pause(u32::MAX), Some(FIRST_PAUSE * 2_u32.pow(MAX_DOUBLINGS)));
    assert_eq!(PollInterval::Backoff(Duration::ZERO).pause(1), Some(Duration::ZERO));
}

#[test]
fn an_undecided_gate_is_inconclusive_at_the_time_limit() {
    let (looks, end) = counting(&test_execution(), 35, 10);
    assert_eq!(looks, 4);
    assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
}

#[test]
fn the_loop_ends_when_every_source_is_over() {
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
fn a_signal_ends_the_loop_at_once() {
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

#[test]
fn looks_that_happen_once_return_their_facts_in_order() {
    let execution = test_execution();
    let (sender, receiver) = channel();
    // The first call ends after the second.
    let calls: [BlockingCall<u8>; 2] = [
        Box::new(move || receiver.recv().unwrap_or_default()),
        Box::new(move || {
            sender.send(1).unwrap();
            2
        }),
    ];
    assert_eq!(observe_once(&execution, Duration::from_secs(60), calls), Ok([Some(1), Some(2)]));
    assert_eq!(execution.clock.now(), Duration::ZERO);
}

#[test]
fn a_call_that_brings_no_fact_leaves_none() {
    let execution = test_execution();
    let calls: [BlockingCall<u8>; 2] = [Box::new(|| 1), Box::new(|| std::panic::resume_unwind(Box::new(())))];
    assert_eq!(observe_once(&execution, Duration::from_secs(60), calls), Ok([Some(1), None]));
    assert_eq!(execution.clock.now(), Duration::ZERO, "the time limit is not waited for");
}

/// The machine's clock: a clock that leaps does not pass the limit while a look is in flight.
#[test]
fn a_call_that_takes_too_long_leaves_none_and_a_signal_ends_the_wait() {
    let execution = Execution { clock: Arc::new(SystemClock::new()), ..test_execution() };
    let (sender, receiver) = channel::<u8>();
    let receiver = Arc::new(std::sync::Mutex::new(receiver));
    let call = || -> [BlockingCall<u8>; 1] {
        let receiver = Arc::clone(&receiver);
        [Box::new(move || receiver.lock().unwrap().recv().unwrap_or_default())]
    };
    assert_eq!(observe_once(&execution, Duration::from_millis(20), call()), Ok([None]));
    let wake = Arc::clone(&execution.wake);
    let look = |reply: Reply<u8>| -> LookGuard {
        wake.cancel();
        Box::new(reply)
    };
    assert_eq!(observe_stream(&execution, Duration::MAX / 4, look, Some), Err(CommandError::Cancelled));
    assert_eq!(observe_once(&execution, Duration::from_secs(60), call()), Err(CommandError::Cancelled));
    drop(sender);
}

#[test]
fn a_stream_is_followed_to_the_fact_that_is_wanted_and_ends_with_its_look() {
    let execution = test_execution();
    let follow = |wanted: u8| {
        let look = |reply: Reply<u8>| -> LookGuard {
            (1..=3).for_each(|fact| reply.send(fact));
            Box::new(())
        };
        let mut taken = Vec::new();
        let end = observe_stream(&execution, Duration::from_secs(60), look, |fact| {
            taken.push(fact);
            (fact == wanted).then_some(fact)
        });
        (end, taken)
    };
    assert_eq!(follow(2), (Ok(Some(2)), vec![1, 2]));
    assert_eq!(follow(9), (Ok(None), vec![1, 2, 3]), "the look ended without it");
    assert_eq!(execution.clock.now(), Duration::ZERO);
}

#[test]
fn a_source_waits_for_its_target_and_starts_again_when_it_changes() {
    let execution = test_execution();
    let target = std::cell::Cell::new(None);
    let first = Source::new(PollInterval::Once, |reply: Reply<(&str, u64)>| {
        reply.send(("first", 0));
        Box::new(())
    });
    let second = Source::new(PollInterval::Once, |reply: Reply<(&str, u64)>| {
        let number: u64 = target.get().unwrap();
        reply.send(("second", number));
        // The first look stays in flight until it is ended, the second ends by itself.
        if number == 1 { Box::new(reply) } else { Box::new(()) }
    });
    let mut facts = Vec::new();
    let end = observe_until_decided(
        &execution,
        Duration::from_secs(3600),
        vec![second.aimed_at(|| target.get()), first],
        &mut facts,
        |facts, _, fact| {
            facts.push(fact);
            target.set(Some(facts.len().min(2) as u64));
        },
        |_, _| Judgement::pending(vec![Finding::passed("ready")]),
    );
    assert_eq!(facts, [("first", 0), ("second", 1), ("second", 2)]);
    assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
    assert_eq!(execution.clock.now(), Duration::ZERO, "over when the last look has ended");
}

#[test]
fn a_source_whose_target_stays_unknown_is_not_waited_for() {
    let execution = test_execution();
    let source = Source::<()>::new(PollInterval::Once, |_| panic!("nothing to look at"));
    let end = observe_until_decided(
        &execution,
        Duration::from_secs(3600),
        vec![source.aimed_at(|| None)],
        &mut (),
        |(), _, ()| {},
        |(), _| Judgement::pending(vec![Finding::passed("ready")]),
    );
    assert_eq!(verdict(&end.unwrap()), Verdict::Inconclusive);
    assert_eq!(execution.clock.now(), Duration::ZERO);
}
