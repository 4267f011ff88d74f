//! `status`: sets the commit status that lets a pull request be merged, and takes it away again.
//!
//! Anyone who can write to a repository can merge a pull request. A branch rule that requires this status makes the merge wait for
//! it.
//!
//! Without `results`, the command judges every open pull request of a promotion by the rules of `approval`, and every other one into
//! the branch by whether it changes a service's image. It takes nothing from the event that started it: a review's workflow run may
//! never come, and anyone may start one. With `results`, it sets what the gates of this run found.

mod args;
mod change;
mod desired;
mod look;
mod others;
mod session;
mod set_status;

use std::{cell::OnceCell, collections::BTreeMap};

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::InfraRepo,
    report::{Outcome, Output},
    results::ReceivedReports,
};
pub use args::Args;
use session::{SetResult, StatusSession};

impl Command for Args {
    const NAME: &'static str = "status";
    const ABOUT: &'static str = "Judge the open pull requests, and set the commit status that lets them be merged";
    const KIND: CommandKind = CommandKind::Rules;
    const BRANDING: Option<Branding> = Some(Branding { icon: "git-pull-request", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "pull-requests", help: "Numbers of the judged promotions (JSON list)" },
        Output { name: "approved", help: "Numbers of those that are approved (JSON list), for a matrix of later jobs" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, ctx)
    }
}

/// Judges each pull request, and sets its status.
///
/// # Errors
/// Bad input; the open pull requests cannot be listed; [`CommandError::Cancelled`].
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    args.check_required(inputs.commands)?;
    let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?;
    let session = StatusSession { args, inputs, ctx, repository: ctx.own_repository()?, account: OnceCell::new() };
    let mut results: BTreeMap<u64, SetResult> = BTreeMap::new();
    let mut others = Vec::new();
    if let Some(reports) = &reports {
        let (number, result) = session.set_by_reports(reports)?;
        results.insert(number, result);
    } else {
        // A wrong checkout, branch or rule is bad input once, and not for each pull request.
        let infra = InfraRepo::open(&args.ledger, args.token.as_ref(), &inputs.config.services, ctx)?;
        session.approval_args(1)?;
        let wanted = session.find(&infra.branch)?;
        for number in wanted.promotions {
            let result = session.judge_and_set(number)?;
            ctx.log.say(&result.finding.to_string());
            results.insert(number, result);
        }
        others = session.judge_others(&wanted.others)?;
    }
    let numbers: Vec<u64> = results.keys().copied().collect();
    let approved: Vec<u64> =
        results.iter().filter(|(_, result)| result.is_approved).map(|(number, _)| *number).collect();
    let mut title = format!("status: {} of {} promotions approved", approved.len(), numbers.len());
    if !others.is_empty() {
        title.push_str(&format!(", {} other pull requests judged", others.len()));
    }
    let of_promotions = results.into_values().map(|result| result.finding);
    let mut findings: Vec<Finding> = of_promotions.chain(others).collect();
    if findings.is_empty() {
        findings.push(
            Finding::passed("pull requests")
                .actual("no open pull request is into the branch, and none has the branch of a promotion")
                .expected("a status for each"),
        );
    }
    let list = |numbers: &[u64]| serde_json::json!(numbers).to_string();
    let outputs = [("pull-requests", list(&numbers)), ("approved", list(&approved))].into();
    Ok(Outcome { title: Some(title), outputs, ..findings.into() })
}
