//! Kept blocks of a real service. Coins decide again which of them are whose, so all of them are at ratio 1; a slower target is made
//! by multiplication.

use std::{fs, path::Path};

use promote_gates::{
    commands::performance::paired::{Family, Limit, MaxPairs, Pair, PairedRule},
    finding::Verdict,
};

use crate::{goals::Goals, peers::plain_blocks, random::Random, record::CONDITIONS};

const FOLDER: &str = "bench/paired/blocks";
/// How many pairs find what is promised.
const PROMISED: usize = 24;
const LIMIT: Limit = Limit { max_ratio: 1.2, min_delta: 0.0 };
/// The plain rule must block so many neighbouring pairs of a busy condition, or it was not busy.
const BUSY: f64 = 10.0;

pub fn compare(max_pairs: &str, draws: usize, goals: &mut Goals) {
    let count = max_pairs.parse::<MaxPairs>().expect("a number of pairs").count();
    println!(
        "\nkept blocks of a real service: {count} pairs out of {} neighbouring blocks, coins tossed again, {draws} draws",
        2 * count
    );
    println!("  blocks              ratio  blocked undecided  passed   plain, neighbouring pairs   (%)");
    for (name, _, busy) in CONDITIONS {
        let path = Path::new(FOLDER).join(name).with_extension("txt");
        let blocks: Vec<f64> = match fs::read_to_string(&path) {
            Ok(text) => {
                text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.parse().ok()).collect()
            }
            Err(_) => Vec::new(),
        };
        if blocks.len() < 2 * count {
            goals.unmeasured(&format!("{count} pairs, {name}"), "no blocks are kept");
            continue;
        }
        let plain = plain_share(&blocks);
        for ratio in [1.0, 1.1, 1.2, 1.3, 1.5, 2.0] {
            let [blocked, passed] = resampled(&blocks, ratio, max_pairs, draws);
            println!(
                "  {name:<12} ({:>4}) {ratio:<5} {blocked:>8.2} {:>9.2} {passed:>7.2}   {}",
                blocks.len(),
                100.0 - blocked - passed,
                if ratio == 1.0 { format!("{plain:.1}") } else { String::new() }
            );
            if name.starts_with("slow") && count == PROMISED {
                hold(name, busy, ratio, [blocked, passed], goals);
            }
        }
        if name == "slow-busy" && count == PROMISED {
            goals.at_least(BUSY, plain, "slow-busy: % of neighbouring pairs that the plain rule blocks");
        }
    }
}

fn hold(name: &str, busy: bool, ratio: f64, [blocked, passed]: [f64; 2], goals: &mut Goals) {
    if ratio == 1.0 {
        goals.at_most(1.0, blocked, &format!("{name}, ratio 1.0: % blocked"));
        goals.at_most(10.0, 100.0 - blocked - passed, &format!("{name}, ratio 1.0: % undecided"));
    } else if ratio == 1.5 {
        goals.at_most(0.5, passed, &format!("{name}, ratio 1.5: % passed"));
        goals.at_least(if busy { 90.0 } else { 100.0 }, blocked, &format!("{name}, ratio 1.5: % blocked"));
    }
}

/// The percentage of neighbouring blocks of which either is over the limit of the other, in a random order.
#[expect(clippy::cast_precision_loss, reason = "a few hundred blocks")]
fn plain_share(blocks: &[f64]) -> f64 {
    let over =
        |pair: &&[f64]| plain_blocks(&[Pair::new(pair[0], pair[1]).expect("figures over zero")], LIMIT.max_ratio);
    let reversed: Vec<f64> = blocks.iter().rev().copied().collect();
    let count = blocks.windows(2).filter(over).count() + reversed.windows(2).filter(over).count();
    100.0 * count as f64 / (2 * (blocks.len() - 1)) as f64
}

/// The percentages of blocked and passed draws.
#[expect(clippy::cast_precision_loss, reason = "at most millions")]
fn resampled(blocks: &[f64], ratio: f64, max_pairs: &str, draws: usize) -> [f64; 2] {
    let max_pairs: MaxPairs = max_pairs.parse().expect("a number of pairs");
    let count = max_pairs.count();
    let rule = PairedRule::new(LIMIT, max_pairs, Family { figures: 1, attempt: 1 });
    let mut random = Random::new(7);
    let mut counts = [0_usize; 2];
    for _ in 0..draws {
        let begin = random.below(blocks.len() - 2 * count + 1);
        let pairs: Vec<Pair> = blocks[begin..begin + 2 * count]
            .chunks(2)
            .map(|pair| {
                let (target, baseline) = if random.coin() { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
                Pair::new(ratio * target, baseline).expect("figures over zero")
            })
            .collect();
        match rule.judge(&pairs).verdict {
            Verdict::Blocked => counts[0] += 1,
            Verdict::Passed => counts[1] += 1,
            Verdict::Inconclusive => {}
        }
    }
    counts.map(|count| 100.0 * count as f64 / draws as f64)
}
