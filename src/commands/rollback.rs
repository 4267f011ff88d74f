//! `rollback`: takes the last promotion of a service back.
//!
//! [`plan`] decides about the commit, [`issue`] words the review.

mod issue;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::{Kind, Place, Promotion},
    promotion::{
        bypass::{self, Reason},
        follow_up,
        infra::{self, change::SetImage},
    },
    reconcile::reconcile,
    report::{Outcome, Output},
    subject::{Commit, Subject},
};
use plan::{Asked, Rollback};

/// Settings of `rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Commit of the promotion to take back [default: the last one; nothing, when that is a rollback]
    #[arg(long, value_name = "SHA")]
    pub promotion: Option<Commit>,
    /// The incident, as the tracker names it
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
    /// What went wrong
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<Reason>,
    #[command(flatten)]
    pub around: bypass::BypassArgs,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
}

impl Command for Args {
    const NAME: &'static str = "rollback";
    const ABOUT: &'static str = "Take the last promotion of a service back, and file the review of it";
    const KIND: CommandKind = CommandKind::Promotion;
    const BRANDING: Option<Branding> = Some(Branding { icon: "rotate-ccw", color: "red" });
    const OUTPUTS: &'static [Output] = &[
        infra::COMMIT,
        infra::CHANGED,
        infra::PREVIOUS_IMAGE,
        Output { name: "image", help: "The image that stands there now" },
        bypass::ISSUE,
        bypass::APPROVER,
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

/// Sets the image that stood there before a promotion, and files the issue that asks about it.
///
/// # Errors
/// Bad input; a refusal; what could not be read or written before the commit.
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let (service, environment) = infra::place_of(subject)?;
    let incident = args.incident.as_deref().map(|incident| args.around.incident(incident)).transpose()?;
    let committer = args.infra.committer()?;
    let slot = args.infra.slot(&service, &environment)?;
    let sides = args.around.sides(ctx)?;
    let place = Place::find(&args.infra.at, args.around.token.as_ref(), ctx)?;

    let branch = bypass::from_default_branch(&place, ctx)?;
    ctx.execution.partial.publish(std::slice::from_ref(&branch));
    let approval = args.around.approval(ctx, &sides);
    let promotion = Promotion {
        approved_by: approval.as_ref().ok().and_then(|approved| approved.by.clone()),
        incident,
        reason: args.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        ..bypass::signed(Promotion::new(Kind::Rollback, service, environment, String::new()), ctx)
    };
    let (mut refusal, mut findings) = match approval {
        Ok(approved) => (None, vec![branch, approved.finding]),
        Err(finding) => (Some(finding), vec![branch]),
    };
    let asked = match (&args.promotion, sides.started(ctx)) {
        (None, Ok(started)) => Asked::Last { started },
        (None, Err(error)) => {
            // Where nobody need have approved, nobody need be able to ask GitHub either.
            refusal = refusal.or_else(|| (!args.around.allow_unapproved).then_some(error));
            Asked::Last { started: None }
        }
        (Some(commit), _) => Asked::Named(commit.clone()),
    };
    ctx.execution.partial.publish(&findings);
    let expected = format!("the image before, in {}", promotion.environment);
    let run = ctx.runner_env.run.clone();
    let intent = Rollback { slot, asked, promotion, refusal, run };
    let done = reconcile(&ctx.execution, args.infra.timeout.0, &SetImage::new(&intent, &place, committer, ctx))?;

    let (finding, mut outputs) = infra::told("rollback", expected, done.as_ref());
    findings.push(finding);
    ctx.execution.partial.publish(&findings);
    let Some(done) = done else {
        sides.would_ask(ctx, issue::title(&intent.promotion));
        return Ok(Outcome { outputs, ..findings.into() });
    };
    outputs.insert("image", done.image.clone());
    match intent.entry_of(&place, &done) {
        Ok(Some(entry)) => {
            outputs.extend(entry.approved_by.clone().map(|login| (bypass::APPROVER.name, login)));
            let asked = issue::about(&entry, &bypass::pages(ctx, &sides.own));
            let (finding, address) = sides.ask(ctx, Kind::Rollback, &asked);
            findings.push(finding);
            outputs.extend(address.map(|address| (bypass::ISSUE.name, address)));
        }
        Ok(None) => findings.push(Finding::passed("follow-up issue").actual("none: no commit took anything back")),
        Err(error) => {
            findings.push(error.next(follow_up::AGAIN));
        }
    }
    Ok(Outcome { outputs, ..findings.into() })
}
