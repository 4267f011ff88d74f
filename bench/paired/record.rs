//! Records blocks of a real service: `bench/performance --record CONDITION > bench/paired/blocks/CONDITION.txt`.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::service;

/// A block.
const SECONDS: u64 = 4;

/// The conditions, with the work of a request in milliseconds, and whether the machine is busy.
pub const CONDITIONS: [(&str, f64, bool); 4] =
    [("slow-quiet", 3.0, false), ("slow-busy", 3.0, true), ("fast-quiet", 0.02, false), ("fast-busy", 0.02, true)];

/// Loops beside the service: four for each processor. Killed when dropped.
struct BusyLoops(Vec<Child>);

impl BusyLoops {
    fn start() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let start = |_| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().expect("a busy loop")
        };
        Self((0..4 * processors).map(start).collect())
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Prints the p99 of each block in milliseconds. The first block warms up, and is left out.
pub fn record((name, work, busy): (&str, f64, bool), blocks: u64) {
    let address = service::start(work);
    let _loops = busy.then(BusyLoops::start);
    println!("# {name}: p99 in ms of blocks of {SECONDS} s at {} requests/s, {work} ms of work each", service::RATE);
    for block in 0..=blocks {
        let p99 = service::p99(service::load(address, Duration::from_secs(SECONDS), block));
        if block > 0 {
            println!("{p99:.4}");
        }
    }
}
