//! `bench/performance`: how often the paired rule of `performance` is wrong, beside the plain rule and Kayenta's.
//!
//! - `simulated`: lognormal latencies with noise between blocks; all rules judge the same figures;
//! - `kept`: blocks of a real service, recorded before; coins decide anew which of them are whose;
//! - `record`: records such blocks.
//!
//! Exits with 1 if a goal is missed. bench/README.md says how to read what it prints.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[path = "../goals.rs"]
mod goals;
mod peers;
mod random;
mod simulated;

use std::{env, process::ExitCode};

use goals::Goals;

const BAD_INPUT: u8 = 2;

struct Args {
    draws: usize,
}

impl Args {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self { draws: 20_000 };
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--draws" => {
                    args.draws = value
                        .parse()
                        .ok()
                        .filter(|draws| *draws >= 100)
                        .ok_or_else(|| format!("--draws is {value:?}; expected a whole number from 100 on"))?;
                }
                _ => return Err(format!("unknown argument {name}; expected --draws")),
            }
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let args = match Args::read(env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("bench/performance: {message}");
            return BAD_INPUT.into();
        }
    };
    let mut goals = Goals::default();
    simulated::compare(args.draws, &mut goals);
    simulated::power(args.draws.min(20_000));
    simulated::attempts(args.draws.min(20_000));
    println!("\ngoals:");
    for line in goals.lines() {
        println!("  {line}");
    }
    u8::from(goals.missed()).into()
}
