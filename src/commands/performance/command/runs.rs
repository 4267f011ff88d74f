//! Runs of the load test, each checked before it counts.

use super::load_test::{LoadTestCommand, RunFailure};
use crate::{
    commands::performance::measured::{Block, RunSide, criteria::PairedCriteria, judge::judge_block},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, Table},
    values::figures::elapsed,
};

/// The load test, and what each of its runs is judged by.
pub struct Runs<'a> {
    pub load_test: LoadTestCommand<'a>,
    pub criteria: PairedCriteria<'a>,
    pub ctx: &'a CommandContext,
}

/// What ends the measurement: a run that is no measurement, or a signal.
pub enum Ended {
    Finding(Box<Finding>, Vec<Table>),
    Error(CommandError),
}

impl From<CommandError> for Ended {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

impl From<RunFailure> for Ended {
    fn from(failure: RunFailure) -> Self {
        Self::Finding(Box::new(failure.finding), failure.tables)
    }
}

impl Runs<'_> {
    /// One run that counts.
    pub fn measure(&self, name: &str, side: RunSide) -> Result<Block, Ended> {
        let began = self.ctx.execution.clock.now();
        let block = self.load_test.run(name, side, self.ctx)??;
        if let Some(finding) = judge_block(&self.criteria, &block, side) {
            let finding = finding.seen_at(self.load_test.target(side).to_string(), self.ctx.execution.wall());
            return Err(Ended::Finding(Box::new(finding), Vec::new()));
        }
        let took = self.ctx.execution.clock.now().saturating_sub(began);
        self.ctx.log.say(&format!("{name}, {side}: {} in {}", block.summary(self.criteria.unit), elapsed(took)));
        Ok(block)
    }
}

impl Ended {
    /// The end of a measurement that one run ended; `tables` hold what was measured before.
    pub fn outcome(self, tables: Vec<Table>) -> Result<Outcome, CommandError> {
        let (finding, mut all) = match self {
            Self::Error(error) => return Err(error),
            Self::Finding(finding, all) => (*finding, all),
        };
        all.extend(tables);
        Ok(Outcome { tables: all, ..Outcome::from(vec![finding]) })
    }
}
