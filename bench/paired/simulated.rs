//! Simulated blocks: 6 s at 200 requests/s, on one side at a time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use promote_gates::{
    commands::performance::paired::{Family, Limit, MaxPairs, Pair, PairedRule},
    finding::Verdict,
};

use crate::{
    goals::Goals,
    peers::{kayenta_blocks, plain_blocks},
    random::Random,
};

/// Requests of one block.
const REQUESTS: u32 = 1200;
const SECONDS_A_PAIR: usize = 12;
const FIGURES: usize = 5;
const LIMIT: Limit = Limit { max_ratio: 1.2, min_delta: 0.0 };
/// Draws that share one stream of random numbers, so that the figures do not depend on the number of threads.
const CHUNK: usize = 500;

/// Noise between blocks: what multiplies all latencies of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    None,
    /// The standard deviation of its logarithm; the correlation of neighbouring blocks is .5.
    Normal(f64),
    /// 15 % of the blocks are slower by exp(.57 E), E exponential; neighbouring blocks are correlated by .3.
    Bursts,
}

/// The standard normal quantile of .85.
const IN_BURST: f64 = 1.036_433;

struct NoiseProcess {
    noise: Noise,
    latent: f64,
}

impl NoiseProcess {
    fn new(noise: Noise, random: &mut Random) -> Self {
        Self { noise, latent: random.normal() }
    }

    fn next(&mut self, random: &mut Random) -> f64 {
        let correlation: f64 = match self.noise {
            Noise::None => return 1.0,
            Noise::Normal(_) => 0.5,
            Noise::Bursts => 0.3,
        };
        self.latent = correlation * self.latent + (1.0 - correlation * correlation).sqrt() * random.normal();
        match self.noise {
            Noise::Normal(deviation) => (deviation * self.latent).exp(),
            _ if self.latent > IN_BURST => (0.57 * random.exponential()).exp(),
            _ => 1.0,
        }
    }
}

/// The pairs of one draw, in coin order.
pub fn draw(random: &mut Random, sigma: f64, noise: Noise, ratio: f64, pairs: usize) -> Vec<Pair> {
    let mut noise = NoiseProcess::new(noise, random);
    (0..pairs)
        .map(|_| {
            let mut block = || noise.next(random) * random.p99(REQUESTS, sigma);
            let (first, second) = (block(), block());
            let (target, baseline) = if random.coin() { (first, second) } else { (second, first) };
            Pair::new(ratio * target, baseline).expect("a figure over zero")
        })
        .collect()
}

/// How often each rule decided what.
#[derive(Clone, Debug, Default)]
struct Counts {
    draws: usize,
    blocked: usize,
    passed: usize,
    /// Draws by the pairs that they took.
    after: [usize; 4],
    plain_one: usize,
    plain_all: usize,
    kayenta: usize,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.draws += other.draws;
        self.blocked += other.blocked;
        self.passed += other.passed;
        self.after.iter_mut().zip(other.after).for_each(|(sum, count)| *sum += count);
        self.plain_one += other.plain_one;
        self.plain_all += other.plain_all;
        self.kayenta += other.kayenta;
    }

    #[expect(clippy::cast_precision_loss, reason = "at most millions")]
    fn percent(&self, count: usize) -> f64 {
        100.0 * count as f64 / self.draws as f64
    }

    /// Of all draws, also those that stayed undecided until the end.
    fn median_seconds(&self, most: usize) -> usize {
        let mut sum = 0;
        let looks = [6, 12, 24, most];
        let half = self.after.iter().position(|count| {
            sum += count;
            2 * sum >= self.draws
        });
        looks[half.unwrap_or(3)] * SECONDS_A_PAIR
    }
}

/// The rule for so many pairs, for one figure and for several.
struct Rules {
    pairs: usize,
    one: PairedRule,
    several: PairedRule,
}

impl Rules {
    fn new(max_pairs: &str) -> Self {
        let pairs = max_pairs.parse::<MaxPairs>().expect("a number of pairs").count();
        Self { pairs, one: rule(1, max_pairs), several: rule(FIGURES, max_pairs) }
    }
}

fn one(random: &mut Random, rules: &Rules, sigma: f64, noise: Noise, ratio: f64) -> Counts {
    let pairs = draw(random, sigma, noise, ratio, rules.pairs);
    let result = rules.one.judge(&pairs);
    let mut counts = Counts { draws: 1, ..Counts::default() };
    counts.blocked = usize::from(result.verdict == Verdict::Blocked);
    counts.passed = usize::from(result.verdict == Verdict::Passed);
    let look = result.look.map_or(rules.pairs, |look| look.pairs);
    counts.after[match (result.verdict, look) {
        (Verdict::Inconclusive, _) => 3,
        (_, 6) => 0,
        (_, 12) => 1,
        _ => 2,
    }] = 1;
    counts.plain_one = usize::from(plain_blocks(&pairs[..1], LIMIT.max_ratio));
    counts.plain_all = usize::from(plain_blocks(&pairs, LIMIT.max_ratio));
    counts.kayenta = usize::from(kayenta_blocks(&pairs));
    counts
}

/// Any of five figures blocked, or all passed.
fn five(random: &mut Random, rules: &Rules, sigma: f64, noise: Noise) -> Counts {
    let all: Vec<Vec<Pair>> = (0..FIGURES).map(|_| draw(random, sigma, noise, 1.0, rules.pairs)).collect();
    let verdicts: Vec<Verdict> = all.iter().map(|pairs| rules.several.judge(pairs).verdict).collect();
    Counts {
        draws: 1,
        blocked: usize::from(verdicts.contains(&Verdict::Blocked)),
        passed: usize::from(verdicts.iter().all(|verdict| *verdict == Verdict::Passed)),
        after: [0, 0, 0, 1],
        plain_one: usize::from(all.iter().any(|pairs| plain_blocks(&pairs[..1], LIMIT.max_ratio))),
        plain_all: usize::from(all.iter().any(|pairs| plain_blocks(pairs, LIMIT.max_ratio))),
        kayenta: usize::from(all.iter().any(|pairs| kayenta_blocks(pairs))),
    }
}

/// Runs `draws` draws on all processors.
fn repeat(draws: usize, seed: u64, one: impl Fn(&mut Random) -> Counts + Sync) -> Counts {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut counts = Counts::default();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            let begin = chunk * CHUNK;
            if begin >= draws {
                return counts;
            }
            let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(chunk as u64));
            (begin..draws.min(begin + CHUNK)).for_each(|_| counts.add(&one(&mut random)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let mut sum = Counts::default();
        for worker in workers {
            sum.add(&worker.join().expect("a worker"));
        }
        sum
    })
}

fn rule(figures: usize, max_pairs: &str) -> PairedRule {
    PairedRule::new(LIMIT, max_pairs.parse().expect("a number of pairs"), Family { figures, attempt: 1 })
}

/// Prints all rows for so many pairs. `draws` at each ratio, five times as many at 1.0.
pub fn compare(max_pairs: &str, draws: usize, goals: &mut Goals) {
    println!(
        "\nsimulated: {max_pairs} pairs of blocks, 6 s at 200 requests/s each, limit 1.2, {draws} draws (at 1.0: {})",
        5 * draws
    );
    println!(
        "  sigma noise     ratio  blocked undecided  passed  median   plain 1  plain {max_pairs}  Kayenta   (% of draws)"
    );
    let noises = [("none", Noise::None), ("tau .05", Noise::Normal(0.05)), ("tau .15", Noise::Normal(0.15))];
    let noises: Vec<_> = noises.into_iter().chain([("bursts", Noise::Bursts)]).collect();
    let rules = Rules::new(max_pairs);
    // Each number of pairs has its own draws.
    let mut seed = if rules.pairs == PROMISED { 0 } else { 100 * rules.pairs as u64 };
    for (sigma, (name, noise)) in
        [0.5, 1.0].into_iter().flat_map(|sigma| noises.iter().map(move |noise| (sigma, *noise)))
    {
        let place = format!("{max_pairs} pairs, sigma {sigma}, {name}");
        for ratio in [1.0, 1.1, 1.2, 1.3, 1.5] {
            seed += 1;
            let draws = if ratio == 1.0 { 5 * draws } else { draws };
            let counts = repeat(draws, seed, |random| one(random, &rules, sigma, noise, ratio));
            row(&format!("{sigma:<5} {name:<9} {ratio:<5}"), &counts, Some(rules.pairs));
            hold(&counts, ratio, &format!("{place}, ratio {ratio}"), goals);
            if rules.pairs == PROMISED {
                promise(&counts, sigma, noise, ratio, &format!("{place}, ratio {ratio}"), goals);
            }
        }
        seed += 1;
        let counts = repeat(draws, seed, |random| five(random, &rules, sigma, noise));
        row(&format!("{sigma:<5} {name:<9} 1.0 ×5"), &counts, None);
        goals.at_most(1.0, counts.percent(counts.blocked), &format!("{place}, five figures at 1.0: % blocked"));
    }
}

fn row(name: &str, counts: &Counts, most: Option<usize>) {
    let undecided = counts.draws - counts.blocked - counts.passed;
    let [blocked, undecided, passed, one, all, kayenta] =
        [counts.blocked, undecided, counts.passed, counts.plain_one, counts.plain_all, counts.kayenta]
            .map(|count| counts.percent(count));
    let median = most.map(|most| format!("{} s", counts.median_seconds(most))).unwrap_or_default();
    println!(
        "  {name:<22} {blocked:>7.3} {undecided:>9.2} {passed:>7.2} {median:>7} {one:>9.2} {all:>9.2} {kayenta:>8.2}"
    );
}

/// How many pairs find what is promised.
const PROMISED: usize = 24;

/// The goals of one row that every number of pairs has: how often a verdict is wrong.
fn hold(counts: &Counts, ratio: f64, place: &str, goals: &mut Goals) {
    let [blocked, passed] = [counts.blocked, counts.passed].map(|count| counts.percent(count));
    if ratio == 1.0 {
        goals.at_most(0.1, blocked, &format!("{place}: % blocked"));
    } else if ratio == 1.2 {
        goals.at_most(5.5, blocked, &format!("{place}: % blocked"));
        goals.at_most(5.5, passed, &format!("{place}: % passed"));
    } else if ratio == 1.5 {
        goals.at_most(0.1, passed, &format!("{place}: % passed"));
    }
}

/// The goals of one row that need enough pairs: how often there is a verdict.
fn promise(counts: &Counts, sigma: f64, noise: Noise, ratio: f64, place: &str, goals: &mut Goals) {
    let [blocked, passed] = [counts.blocked, counts.passed].map(|count| counts.percent(count));
    let small = sigma < 1.0;
    if ratio == 1.0 && noise == Noise::Normal(0.05) {
        goals.at_least(99.0, passed, &format!("{place}: % passed"));
    } else if ratio == 1.0 && noise == Noise::Bursts && small {
        goals.at_least(90.0, passed, &format!("{place}: % passed"));
    } else if ratio == 1.3 && small && noise == Noise::Normal(0.05) {
        goals.at_least(95.0, blocked, &format!("{place}: % blocked within 288 s"));
    } else if ratio == 1.5 && small {
        goals.at_least(95.0, blocked, &format!("{place}: % blocked"));
    }
}

/// What a number of pairs can find, for a spread between pairs; and the smallest ratio that is blocked in 90 % of all draws.
pub fn power(draws: usize) {
    println!(
        "\nwhat a number of pairs finds, by the spread of the logarithms of the pairs' ratios (normal), {draws} draws:"
    );
    println!("  spread  pairs   at 1.0: passed   at 1.3, 1.5, 2, 3: blocked     ratio blocked in 90 %");
    for (index, spread) in [0.1, 0.2, 0.4].into_iter().enumerate() {
        for max_pairs in ["6", "12", "24", "48"] {
            let rule = rule(1, max_pairs);
            let count = max_pairs.parse::<MaxPairs>().expect("a number of pairs").count();
            let decided = |ratio: f64| {
                repeat(draws, 1000 + index as u64, |random| {
                    let pair =
                        |_| Pair::new(ratio * (spread * random.normal()).exp(), 1.0).expect("a figure over zero");
                    let verdict = rule.judge(&(0..count).map(pair).collect::<Vec<_>>()).verdict;
                    Counts {
                        draws: 1,
                        blocked: usize::from(verdict == Verdict::Blocked),
                        passed: usize::from(verdict == Verdict::Passed),
                        ..Counts::default()
                    }
                })
            };
            let at_one = decided(1.0);
            let found = [1.3, 1.5, 2.0, 3.0].map(|ratio| {
                let counts = decided(ratio);
                format!("{:>5.1}", counts.percent(counts.blocked))
            });
            let (mut low, mut high) = (0.0, 4.0);
            for _ in 0..12 {
                let middle = f64::midpoint(low, high);
                let counts = decided(1.2 * (middle * spread).exp());
                if counts.percent(counts.blocked) < 90.0 { low = middle } else { high = middle }
            }
            let caught = 1.2 * (high * spread).exp();
            println!(
                "  {spread:<7} {max_pairs:>5} {:>16.1}   {}   {caught:>6.2} = 1.2·exp({high:.2}·{spread})",
                at_one.percent(at_one.passed),
                found.join(" ")
            );
        }
    }
}

/// Re-running until it passes: the plain rule with one pair, and the paired rule with twelve.
pub fn attempts(draws: usize) {
    println!("\nruns again until it passes (spread .15), {draws} draws: % passed within 1, 2, 3, 4 attempts");
    for ratio in [1.2, 1.3] {
        for paired in [false, true] {
            let within = (1..=4_u32).map(|most| {
                let counts = repeat(draws, 2000, |random| {
                    let passed = (1..=most).any(|attempt| {
                        let rule = PairedRule::new(
                            LIMIT,
                            "12".parse().expect("a number of pairs"),
                            Family { figures: 1, attempt },
                        );
                        let pair =
                            |_| Pair::new(ratio * (0.15 * random.normal()).exp(), 1.0).expect("a figure over zero");
                        let pairs: Vec<Pair> = (0..12).map(pair).collect();
                        if paired {
                            rule.judge(&pairs).verdict == Verdict::Passed
                        } else {
                            !plain_blocks(&pairs[..1], LIMIT.max_ratio)
                        }
                    });
                    Counts { draws: 1, passed: usize::from(passed), ..Counts::default() }
                });
                format!("{:>5.1}", counts.percent(counts.passed))
            });
            let name = if paired { "paired, 12 pairs" } else { "plain, one pair" };
            println!("  ratio {ratio}  {name:<17} {}", within.collect::<Vec<_>>().join(" "));
        }
    }
}
