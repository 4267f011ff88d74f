//! The tables of a measurement: the parts, the pairs, and what is not judged.

use super::{
    Block, BlockPair, PairSeries, Part, Range, RunSide,
    criteria::{JudgedPart, PairedCriteria, Scale},
    latencies_of,
    pooled::PooledP99,
};
use crate::{
    commands::performance::latencies,
    report::Table,
    values::figures::{ratio_beside, rounded},
};

/// The most rows of the pairs: every endpoint has one for each pair.
const MOST_ROWS: usize = 500;

pub fn tables(criteria: &PairedCriteria<'_>, measurement: &PairSeries, parts: &[JudgedPart<'_>]) -> Vec<Table> {
    let side = |of: fn(&BlockPair) -> &Block| latencies_of(measurement.pairs.iter().map(of));
    let latencies = latencies::table(&side(|pair| &pair.baseline), &side(|pair| &pair.target), criteria.unit);
    let mut tables = Vec::new();
    if parts.len() > 1 {
        tables.push(endpoints(criteria, parts));
    }
    tables.push(pairs(criteria, measurement, parts));
    tables.extend(PooledP99::of(measurement).map(|pooled| together(criteria, pooled)));
    tables.extend(failed(measurement));
    if !measurement.left_out.is_empty() {
        let rows = measurement.left_out.iter().map(|(part, why)| [name(part), why.clone()]);
        tables.push(Table::new("Not judged", &["Endpoint", "Why"], rows));
    }
    tables.extend(latencies);
    tables
}

fn name(part: &Part) -> String {
    match part {
        Part::All => "all requests".to_owned(),
        Part::Endpoint(name) => name.clone(),
    }
}

fn endpoints(criteria: &PairedCriteria<'_>, parts: &[JudgedPart<'_>]) -> Table {
    let scale = Scale::of(criteria.limit);
    let rows = parts.iter().map(|judged| {
        let look = judged.result.look;
        let estimate = look.map(|look| look.estimate).or(judged.result.estimate).map(|estimate| scale.shown(estimate));
        let interval = look.and_then(|look| scale.interval(&look));
        [
            name(judged.part),
            judged.verdict.to_string(),
            estimate.unwrap_or_default(),
            interval.unwrap_or_default(),
            look.map(|look| look.pairs.to_string()).unwrap_or_default(),
        ]
    });
    let multiple = format!("Times {}", scale.of);
    Table::new("Endpoints", &["Endpoint", "Verdict", &multiple, "Interval", "Pairs"], rows).figures(&[2, 3, 4])
}

/// Each pair's figures, and in which order they were measured.
fn pairs(criteria: &PairedCriteria<'_>, measurement: &PairSeries, parts: &[JudgedPart<'_>]) -> Table {
    let unit = criteria.unit;
    let rows = parts.iter().flat_map(|judged| {
        measurement.pairs.iter().enumerate().map(|(index, pair)| {
            let [first, _] = measurement.seed.order(index);
            let (target, baseline) = (
                pair.target.judged(judged.part, measurement.fewest),
                pair.baseline.judged(judged.part, measurement.fewest),
            );
            let ratio = target
                .zip(baseline)
                .map(|(target, baseline)| ratio_beside(target.low / baseline.low, criteria.limit.max_ratio));
            [
                name(judged.part),
                (index + 1).to_string(),
                if first == RunSide::Target { "target" } else { "baseline" }.to_owned(),
                target.map(shown).unwrap_or_default(),
                baseline.map(shown).unwrap_or_default(),
                ratio.unwrap_or_default(),
            ]
        })
    });
    let (target, baseline) = (format!("Target ({unit})"), format!("Baseline ({unit})"));
    let title = format!("Pairs, in the order that coin {} gave", measurement.seed);
    Table::new(title, &["Requests", "Pair", "First", &target, &baseline, "Ratio"], rows.take(MOST_ROWS))
        .figures(&[1, 3, 4, 5])
}

fn together(criteria: &PairedCriteria<'_>, pooled: PooledP99) -> Table {
    let unit = criteria.unit;
    let ratio = ratio_beside(pooled.ratio(), criteria.limit.max_ratio);
    let (target, baseline) = (format!("Target ({unit})"), format!("Baseline ({unit})"));
    let title =
        "The p99 over the requests of all runs together, which shows a stall that is rarer than a run (not judged)";
    let row = [rounded(pooled.target), rounded(pooled.baseline), ratio];
    Table::new(title, &[&target, &baseline, "Ratio"], [row]).figures(&[0, 1, 2])
}

/// How requests failed, in runs of which few enough did.
fn failed(measurement: &PairSeries) -> Option<Table> {
    let rows = measurement.pairs.iter().zip(1..).flat_map(|(pair, number): (_, usize)| {
        [(&pair.target, RunSide::Target), (&pair.baseline, RunSide::Baseline)]
            .into_iter()
            .filter_map(move |(block, side)| Some([number.to_string(), side.to_string(), block.failures.clone()?]))
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| Table::new("Failed requests", &["Pair", "Side", "Failed"], rows).figures(&[0]))
}

fn shown(range: Range) -> String {
    match range.high {
        #[expect(clippy::float_cmp, reason = "a range of one value has the same value twice")]
        Some(high) if high == range.low => rounded(range.low),
        Some(high) => format!("{} to {}", rounded(range.low), rounded(high)),
        None => format!("at least {}", rounded(range.low)),
    }
}
