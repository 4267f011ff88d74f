//! `bench/performance`: how often the paired rule of `performance` is wrong, beside the plain rule and Kayenta's.
//!
//! - `simulated`: lognormal latencies with noise between blocks; all rules judge the same figures;
//! - `kept`: blocks of a real service, which `record` recorded; coins decide again which of them are whose;
//! - `live`: real runs of the gate against a service that is slower.
//!
//! Exits with 1 if a goal is missed. bench/README.md says how to read what it prints.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::float_cmp, reason = "a ratio is one of a list")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[path = "../goals.rs"]
mod goals;
mod kept;
mod live;
mod peers;
mod random;
mod record;
mod service;
mod simulated;

use std::{env, fs, path::PathBuf, process::ExitCode};

use promote_gates::{
    clock::Stopwatch,
    commands::performance::paired::{Family, Limit, Pair, PairedRule},
};

use goals::Goals;

const BAD_INPUT: u8 = 2;

struct Args {
    draws: usize,
    /// The conditions to record, and how many blocks.
    record: Option<(&'static str, f64, bool)>,
    blocks: u64,
    /// The gate for live runs, and how long one run takes.
    binary: Option<PathBuf>,
    seconds: u64,
}

impl Args {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self { draws: 20_000, record: None, blocks: 480, binary: None, seconds: 10 };
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = |least: u64| {
                let number = value.parse().ok().filter(|number| *number >= least);
                number.ok_or_else(|| format!("{name} is {value:?}; expected a whole number from {least} on"))
            };
            match name.as_str() {
                "--draws" => args.draws = usize::try_from(number(100)?).unwrap_or(usize::MAX),
                "--blocks" => args.blocks = number(48)?,
                "--seconds" => args.seconds = number(1)?,
                "--live" => {
                    // The gate runs in a separate folder.
                    let path = fs::canonicalize(&value).map_err(|error| format!("--live is {value:?}: {error}"))?;
                    args.binary = Some(path);
                }
                "--record" => {
                    let condition = record::CONDITIONS.into_iter().find(|(name, ..)| *name == value);
                    let names = record::CONDITIONS.map(|(name, ..)| name).join(", ");
                    args.record =
                        Some(condition.ok_or_else(|| format!("--record is {value:?}; expected one of {names}"))?);
                }
                _ => {
                    return Err(format!(
                        "unknown argument {name}; expected --draws, --live, --seconds, --record or --blocks"
                    ));
                }
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some("load-test") {
        live::load_test();
        return ExitCode::SUCCESS;
    }
    let args = match Args::read(env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("bench/performance: {message}");
            return BAD_INPUT.into();
        }
    };
    if let Some(condition) = args.record {
        record::record(condition, args.blocks);
        return ExitCode::SUCCESS;
    }
    let mut goals = Goals::default();
    decision_time(&mut goals);
    // The default of `command`, and the number of pairs that the goals are about.
    for max_pairs in ["12", "24"] {
        simulated::compare(max_pairs, args.draws, &mut goals);
    }
    simulated::power(args.draws.min(20_000));
    simulated::attempts(args.draws.min(20_000));
    for max_pairs in ["12", "24"] {
        kept::compare(max_pairs, args.draws, &mut goals);
    }
    match &args.binary {
        Some(binary) => live::compare(binary, args.seconds, &mut goals),
        None => goals.unmeasured("live runs", "no binary is given (`--live PATH`)"),
    }
    println!("\ngoals:");
    for line in goals.lines() {
        println!("  {line}");
    }
    u8::from(goals.missed()).into()
}

/// The time of a decision over 48 pairs with 20 figures, critical values included.
fn decision_time(goals: &mut Goals) {
    let figures = 20;
    let mut random = random::Random::new(1);
    let all: Vec<Vec<Pair>> =
        (0..figures).map(|_| simulated::draw(&mut random, 0.5, simulated::Noise::Bursts, 1.1, 48)).collect();
    let began = Stopwatch::start();
    for pairs in &all {
        let limit = Limit { max_ratio: 1.2, min_delta: 0.0 };
        let rule = PairedRule::new(limit, "48".parse().expect("a number of pairs"), Family { figures, attempt: 1 });
        std::hint::black_box(rule.judge(pairs));
    }
    goals.at_most(50.0, began.elapsed().as_secs_f64() * 1e3, "decision over 48 pairs with 20 figures: ms");
}
