//! Runs on the target alone. All of them are one session, because they share its machine and its deployment: it is one figure, which is
//! compared with those of earlier sessions.

use super::runs::{Ended, Runs};
use crate::{
    baselines::{FIGURES, FiguresOutput},
    commands::performance::{
        judge::number,
        measured::{Block, RunSide, judge as measured, session_of, short_of_requests},
        sessions::{
            EarlierSessions, from_ms,
            judge::{SessionCriteria, judge},
        },
    },
    error::CommandError,
    finding::Finding,
    report::{Outcome, Table},
    values::thousands,
};

/// Three runs have a median that one disturbed run does not change. More would not make the session another one.
const RUNS: usize = 3;

pub fn run(runs: &Runs<'_>, earlier: &EarlierSessions) -> Result<Outcome, CommandError> {
    runs.ctx.execution.partial.publish(&[measured::running()]);
    let blocks = match measure(runs) {
        Ok(blocks) => blocks,
        Err(end) => return end.outcome(Vec::new()),
    };
    let Some(session) = session_of(&blocks, runs.criteria.min_requests, runs.criteria.unit) else {
        let finding = Finding::inconclusive("p99")
            .actual("the results do not say how slow the failed requests make it")
            .expected("a p99 over all requests")
            .next("let the load test write the results of failed requests as well, or fix them");
        return Ok(Outcome::from(vec![finding]));
    };
    let unit = runs.criteria.unit;
    let criteria = SessionCriteria {
        unit,
        max_ratio: runs.criteria.limit.max_ratio,
        attempt: runs.criteria.attempt,
        endpoints: runs.criteria.endpoints,
    };
    let now = runs.ctx.execution.wall();
    let target = runs.load_test.target(RunSide::Target).to_string();
    let few = short_of_requests(&blocks, runs.criteria.min_requests);
    let findings = judge(&criteria, &session, &few, earlier).into_iter().map(|finding| finding.seen_at(&target, &now));
    let mut outcome = Outcome::from(findings.collect::<Vec<_>>());
    if !few.is_empty() {
        let rows = few.into_iter().map(|(name, requests)| [name, format!("{} requests in a run", thousands(requests))]);
        outcome.tables.push(Table::new("Not judged", &["Endpoint", "Why"], rows));
    }
    let shown = |milliseconds: f64| number(from_ms(milliseconds, unit));
    outcome.outputs = [("p99", shown(session.all)), (FIGURES, session.to_output())].into();
    if let Some(spread) = earlier.spread(None) {
        outcome.outputs.insert("baseline-p99", shown(spread.mean.exp()));
        outcome.outputs.insert("ratio", number(session.all / spread.mean.exp()));
    }
    Ok(outcome)
}

/// A warm-up, which does not count, and the runs of the session.
fn measure(runs: &Runs<'_>) -> Result<Vec<Block>, Ended> {
    runs.measure("warm-up", RunSide::Target)?;
    (1..=RUNS).map(|run| runs.measure(&format!("run {run}"), RunSide::Target)).collect()
}
