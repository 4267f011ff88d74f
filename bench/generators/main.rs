//! `bench/load`: the p99 that the gate's own load measures, beside those of oha and wrk2.
//!
//! A service of its own process answers after a fixed time, or stalls now and then. All generators send at the same rate, one after
//! another, in an order that turns with each run. Exits with 1 if a goal is missed. bench/README.md says how to read what it prints.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[path = "../goals.rs"]
mod goals;
mod peers;
mod service;

use std::{env, process::ExitCode, time::Duration};

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
/// The difference from oha that is allowed.
const MOST: f64 = 0.1;
const TIMEOUT: Duration = Duration::from_secs(30);

struct Condition {
    name: &'static str,
    kind: Kind,
    rate: u32,
    /// Latencies that are mostly the generator's own are printed, and no goal.
    is_goal: bool,
}

const CONDITIONS: [Condition; 3] = [
    Condition { name: "stalls of .5 s every 10 s, 200/s", kind: Kind::Stalls, rate: 200, is_goal: true },
    Condition { name: "20 ms, 1,000/s", kind: Kind::Milliseconds(20), rate: 1000, is_goal: true },
    Condition { name: "below a millisecond, 1,000/s", kind: Kind::Milliseconds(0), rate: 1000, is_goal: false },
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (mut runs, mut seconds) = (7, 20);
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
    for condition in &CONDITIONS {
        compare(condition, runs, duration, &mut goals);
    }
    println!("\ngoals:");
    for line in goals.lines() {
        println!("  {line}");
    }
    u8::from(goals.missed()).into()
}

/// Prints the medians of each generator, and holds our own to oha's.
fn compare(condition: &Condition, runs: u64, duration: Duration, goals: &mut Goals) {
    println!("\n{}: p99 in ms, {runs} runs of {} s", condition.name, duration.as_secs());
    let service = Service::start(condition.kind);
    let (url, rate) = (service.url(), condition.rate);
    let generators: [(&str, &dyn Fn() -> Option<f64>); 3] = [
        ("own", &|| Some(own(url, rate, duration))),
        ("oha", &|| peers::oha(url, rate, duration)),
        ("wrk2", &|| peers::wrk2(url, rate, duration)),
    ];
    let mut figures: [Vec<f64>; 3] = Default::default();
    for run in 0..usize::try_from(runs).unwrap_or(usize::MAX) {
        for turn in 0..generators.len() {
            let at = (run + turn) % generators.len();
            figures[at].extend(generators[at].1());
        }
    }
    let medians = figures.map(median);
    for ((name, _), median) in generators.iter().zip(medians) {
        match median {
            Some((low, median, high)) => println!("  {name:<5} {median:.3} ({low:.3} to {high:.3})"),
            None => println!("  {name:<5} not measured"),
        }
    }
    let goal = format!("{}: difference from oha", condition.name);
    match (medians[0], medians[1]) {
        _ if !condition.is_goal => {}
        (Some((_, own, _)), Some((_, oha, _))) => goals.at_most(MOST, (own / oha - 1.0).abs(), &goal),
        _ => goals.unmeasured(&goal, "oha is not installed"),
    }
}

/// The lowest, the median and the highest.
fn median(mut figures: Vec<f64>) -> Option<(f64, f64, f64)> {
    figures.sort_unstable_by(f64::total_cmp);
    Some((*figures.first()?, *figures.get(figures.len() / 2)?, *figures.last()?))
}

/// The p99 of the gate's own load.
fn own(url: &str, rate: u32, duration: Duration) -> f64 {
    let world = World::default();
    let load = Load {
        url: url.parse().expect("a URL"),
        headers: Vec::new(),
        pace: Pace::Rate(rate),
        duration,
        timeout: TIMEOUT,
    };
    let (to, events) = std::sync::mpsc::channel();
    let client = world.load().ok().expect("a client");
    let _running = client.start(&load, move |event| drop(to.send(event))).expect("a load");
    let mut recorder = ExchangeRecorder::new(Duration::ZERO, TIMEOUT);
    for event in events {
        let (LoadEvent::Progress(exchanges) | LoadEvent::Ended(exchanges)) = event;
        exchanges.iter().for_each(|exchange| recorder.add(exchange));
    }
    let run = recorder.finish();
    assert_eq!(run.failures, None);
    run.figures.least_p99().expect("a p99").to_f64()
}
