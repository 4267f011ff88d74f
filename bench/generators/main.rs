//! `bench/load`: the p99 that the gate's own load measures, beside those of oha and wrk2.
//!
//! A service in a separate process answers after a fixed time, or stalls now and then. All generators send at the same rate, one after
//! another, in an order that turns with each run. Exits with 1 if a goal is missed. bench/README.md says how to read what it prints.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[path = "../goals.rs"]
mod goals;
mod peers;
mod service;

use std::{env, fs, process::ExitCode, time::Duration};

use promote_gates::{
    load_results::ExchangeRecorder,
    world::{
        World,
        load::{Load, LoadEvent, Pace},
    },
};

use goals::Goals;
use service::{Kind, Service};

const BAD_INPUT: u8 = 2;
/// The difference from a peer that is allowed.
const MOST: f64 = 0.1;
/// How much more of a stall a fixed rate shows than users who wait do, at the least.
const SHOWN: f64 = 2.0;
const TIMEOUT: Duration = Duration::from_secs(30);
/// The users who each wait for a response, as in the reference pipeline.
const USERS: u32 = 10;

struct Condition {
    name: &'static str,
    kind: Kind,
    rate: u32,
    goal: Goal,
}

/// What the p99 of our own load is held to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// That of oha.
    Oha,
    /// That of oha or of wrk2, the nearer one: their corrections differ by more than a tenth when a server stalls.
    OhaOrWrk2,
    /// None: such a latency is mostly the generator's own.
    Printed,
}

const CONDITIONS: [Condition; 3] = [
    Condition {
        name: "stalls of .5 s every 10 s, 200 requests/s",
        kind: Kind::Stalls,
        rate: 200,
        goal: Goal::OhaOrWrk2,
    },
    Condition { name: "20 ms, 1,000 requests/s", kind: Kind::Milliseconds(20), rate: 1000, goal: Goal::Oha },
    Condition {
        name: "below a millisecond, 1,000 requests/s",
        kind: Kind::Milliseconds(0),
        rate: 1000,
        goal: Goal::Printed,
    },
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (mut runs, mut seconds) = (7, 10);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        if name == "serve" {
            service::serve(&value);
        }
        let number = value.parse().ok().filter(|number| *number > 0);
        match (name.as_str(), number) {
            ("--runs", Some(number)) => runs = number,
            ("--seconds", Some(number)) => seconds = number,
            _ => {
                eprintln!("bench/load: {name} {value:?}; expected --runs or --seconds with a number");
                return BAD_INPUT.into();
            }
        }
    }
    let duration = Duration::from_secs(seconds);
    let mut goals = Goals::default();
    println!("{}; load of the machine before: {}", peers::versions(), machine_load());
    for condition in &CONDITIONS {
        compare(condition, runs, duration, &mut goals);
    }
    println!("\nload of the machine after: {}", machine_load());
    println!("goals:");
    for line in goals.lines() {
        println!("  {line}");
    }
    u8::from(goals.missed()).into()
}

fn machine_load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Prints the medians of each generator and their ratios, and holds our own to its peers.
fn compare(condition: &Condition, runs: u64, duration: Duration, goals: &mut Goals) {
    println!("\n{}: p99 in ms, {runs} runs of {} s", condition.name, duration.as_secs());
    let service = Service::start(condition.kind);
    let (url, rate) = (service.url(), condition.rate);
    let generators: [(&str, &dyn Fn() -> Option<f64>); 4] = [
        ("own", &|| Some(own(url, Pace::Rate(rate), duration))),
        ("oha", &|| peers::oha(url, rate, duration)),
        ("wrk2", &|| peers::wrk2(url, rate, duration)),
        ("own, 10 users", &|| Some(own(url, Pace::Users(USERS), duration))),
    ];
    let mut figures: [Vec<f64>; 4] = Default::default();
    for run in 0..usize::try_from(runs).unwrap_or(usize::MAX) {
        for turn in 0..generators.len() {
            let at = (run + turn) % generators.len();
            figures[at].extend(generators[at].1());
        }
    }
    let medians = figures.map(median);
    let own = medians[0].expect("our own load is measured").median;
    for ((name, _), spread) in generators.iter().zip(medians) {
        match spread {
            Some(Spread { low, median, high }) => {
                println!("  {name:<13} {median:8.3} ({low:.3} to {high:.3}); own / {name}: {:.3}", own / median);
            }
            None => println!("  {name:<13} not measured: not installed"),
        }
    }
    if let (Kind::Stalls, Some(users)) = (condition.kind, medians[3]) {
        let goal = format!("{}: times the p99 of ten users, who hide stalls", condition.name);
        goals.at_least(SHOWN, own / users.median, &goal);
    }
    let difference = |peer: Option<Spread>| peer.map(|peer| (own / peer.median - 1.0).abs());
    let (oha, wrk2) = (difference(medians[1]), difference(medians[2]));
    let (peers, difference) = match condition.goal {
        Goal::Oha => ("oha", oha),
        Goal::OhaOrWrk2 => ("oha or wrk2", oha.into_iter().chain(wrk2).min_by(f64::total_cmp)),
        Goal::Printed => return,
    };
    let goal = format!("{}: difference from {peers}", condition.name);
    match difference {
        Some(difference) => goals.at_most(MOST, difference, &goal),
        None => goals.unmeasured(&goal, &format!("{peers} is not installed")),
    }
}

/// Of one generator.
#[derive(Clone, Copy)]
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

fn median(mut figures: Vec<f64>) -> Option<Spread> {
    figures.sort_unstable_by(f64::total_cmp);
    Some(Spread { low: *figures.first()?, median: *figures.get(figures.len() / 2)?, high: *figures.last()? })
}

/// The p99 of the gate's own load, from the first request on, as that of its peers.
fn own(url: &str, pace: Pace, duration: Duration) -> f64 {
    let world = World::default();
    let load = Load { url: url.parse().expect("a URL"), headers: Vec::new(), pace, duration, timeout: TIMEOUT };
    let (to, events) = std::sync::mpsc::channel();
    let client = world.load().expect("a client");
    let _running = client.start(&load, move |event| drop(to.send(event))).expect("a load");
    let mut recorder = ExchangeRecorder::new(Duration::ZERO, TIMEOUT);
    let mut has_ended = false;
    for event in events {
        has_ended = matches!(event, LoadEvent::Ended(_));
        let (LoadEvent::Progress(exchanges) | LoadEvent::Ended(exchanges)) = event;
        for exchange in &exchanges {
            recorder.add(exchange);
        }
    }
    assert!(has_ended, "every request has a result");
    let run = recorder.finish();
    assert_eq!((run.failures, run.not_sent), (None, None));
    run.figures.least_p99().expect("a p99").to_f64()
}
