//! Runs in pairs, on the target and on the baseline target.

use std::time::Duration;

use super::runs::{Ended, Runs};
use crate::{
    baselines::{FIGURES, FiguresOutput},
    clock::Moment,
    commands::performance::{
        judge::number,
        measured::{
            BlockPair, CoinSeed, PairSeries, RunSide,
            judge::{self, PairedJudgement, PairsEnd},
        },
    },
    error::CommandError,
    finding::Finding,
    report::Outcome,
    values::HumanDuration,
};

/// Measures pairs until the rule decides, or `max-pairs` or `max-duration` is over.
pub fn run(runs: &Runs<'_>, seed: CoinSeed, max_duration: HumanDuration) -> Result<Outcome, CommandError> {
    let clock = &runs.ctx.execution.clock;
    let began = clock.now();
    runs.ctx.execution.partial.publish(&[judge::running()]);
    let warm_up = match measure(runs, "warm-up", [RunSide::Baseline, RunSide::Target]) {
        Ok(warm_up) => warm_up,
        Err(end) => return end.outcome(Vec::new()),
    };
    let mut measurement = PairSeries::new(seed, runs.criteria.min_requests, &warm_up);
    let unjudged = judge::unjudged(&runs.criteria, &measurement);
    if !unjudged.is_empty() {
        return Ok(Outcome::from(unjudged));
    }
    let mut longest = Duration::ZERO;
    loop {
        let count = measurement.pairs.len();
        let pair_began = clock.now();
        let end = next_pair(runs, count, pair_began.saturating_sub(began) + longest, max_duration);
        let judgement = judge::judge(&runs.criteria, &measurement, end);
        if judgement.decided || end != PairsEnd::Open {
            return Ok(outcome(runs, judgement, &measurement));
        }
        runs.ctx.execution.partial.publish(&judgement.findings);
        match measure(runs, &format!("pair {}", count + 1), seed.order(count)) {
            Ok(pair) => measurement.add(pair),
            Err(end) => {
                let tables = if count == 0 { Vec::new() } else { judgement.tables };
                return end.outcome(tables);
            }
        }
        longest = longest.max(clock.now().saturating_sub(pair_began));
    }
}

/// Whether there is another pair, which would end after `then`.
fn next_pair(runs: &Runs<'_>, count: usize, then: Moment, max_duration: HumanDuration) -> PairsEnd {
    if count >= runs.criteria.max_pairs.count() {
        PairsEnd::MaxPairs
    } else if then > max_duration.0 {
        PairsEnd::MaxDuration(max_duration)
    } else {
        PairsEnd::Open
    }
}

fn measure(runs: &Runs<'_>, name: &str, order: [RunSide; 2]) -> Result<BlockPair, Ended> {
    let [first, second] = [runs.measure(name, order[0])?, runs.measure(name, order[1])?];
    let (target, baseline) = if order[0] == RunSide::Target { (first, second) } else { (second, first) };
    Ok(BlockPair { target, baseline })
}

fn outcome(runs: &Runs<'_>, judgement: PairedJudgement, measurement: &PairSeries) -> Outcome {
    let now = runs.ctx.execution.wall();
    let with_evidence = |finding: Finding| {
        [RunSide::Target, RunSide::Baseline]
            .into_iter()
            .fold(finding, |finding, side| finding.seen_at(runs.load_test.target(side).to_string(), &now))
    };
    let mut outcome = Outcome::from(judgement.findings.into_iter().map(with_evidence).collect::<Vec<_>>());
    outcome.tables = judgement.tables;
    let medians = judgement.medians.into_iter().flat_map(|medians| {
        [("p99", medians.target), ("baseline-p99", medians.baseline), ("ratio", medians.ratio)]
            .map(|(name, figure)| (name, number(figure)))
    });
    let session = judgement.session.map(|session| (FIGURES, session.to_output()));
    let coin = [("pairs", measurement.pairs.len().to_string()), ("seed", measurement.seed.to_string())];
    outcome.outputs = medians.chain(session).chain(coin).collect();
    outcome
}
