//! Runs of the load test, each checked before it counts.

use super::{load_test::LoadTestCommand, own_load::OwnLoad, run_failure::RunFailure};
use crate::{
    commands::performance::{
        measured::{Block, RunSide, criteria::PairedCriteria, judge::judge_block},
        target::Target,
    },
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, Table},
    values::figures::elapsed,
};

/// What sends the requests.
pub enum LoadSource<'a> {
    Command(LoadTestCommand<'a>),
    Own(OwnLoad<'a>),
}

impl LoadSource<'_> {
    pub const fn target(&self, side: RunSide) -> &Target {
        match self {
            Self::Command(command) => command.target(side),
            Self::Own(load) => load.target(side),
        }
    }

    fn run(&self, name: &str, side: RunSide, ctx: &CommandContext) -> Result<Result<Block, RunFailure>, CommandError> {
        match self {
            Self::Command(command) => command.run(name, side, ctx),
            Self::Own(load) => load.run(name, side, ctx),
        }
    }
}

/// The load test, and what each of its runs is judged by.
pub struct Runs<'a> {
    pub load_test: LoadSource<'a>,
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
        let failed =
            block.failures.as_ref().map(|failures| format!(", of which failed: {failures}")).unwrap_or_default();
        let summary = block.summary(self.criteria.unit);
        self.ctx.log.say(&format!("{name}, {side}: {summary}{failed} in {}", elapsed(took)));
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
