//! `emergency`: a promotion around the gates, with an incident, a follow-up and a budget.
//!
//! [`plan`] decides about the commit, [`budget`] counts, [`issue`] words what is asked afterwards.

mod budget;
mod issue;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    config::Config,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::{Kind, Place, Promotion},
    promotion::{
        bypass::{self, Reason},
        follow_up,
        infra::{self, Target, change::SetImage},
    },
    reconcile::reconcile,
    report::{Outcome, Output},
    subject::{Service, Subject},
    values::closest,
};
use budget::Spent;
use plan::Emergency;

/// Settings of `emergency`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident, as the tracker names it
    #[arg(long, value_name = "ID", required = true)]
    pub incident: String,
    /// Why the gates cannot be waited for
    #[arg(long, value_name = "TEXT", required = true)]
    pub reason: Reason,
    /// Services that may be promoted like this [default: those of the config file's `services`]
    #[arg(long, value_name = "SERVICE")]
    pub allowed: Vec<Service>,
    /// How many emergencies in 30 days are normal; more of them are said to be too many, and never held up
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    pub budget: u32,
    #[command(flatten)]
    pub around: bypass::BypassArgs,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
}

impl Command for Args {
    const NAME: &'static str = "emergency";
    const ABOUT: &'static str =
        "Promote around the gates in an incident: a commit that says so, a follow-up issue, a budget";
    const KIND: CommandKind = CommandKind::Promotion;
    const BRANDING: Option<Branding> = Some(Branding { icon: "alert-triangle", color: "red" });
    const OUTPUTS: &'static [Output] = &[
        infra::COMMIT,
        infra::CHANGED,
        infra::PREVIOUS_IMAGE,
        bypass::ISSUE,
        bypass::APPROVER,
        Output {
            name: "emergencies",
            help: "How many emergencies the environment saw in the last 30 days, this one included",
        },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.config, ctx)
    }
}

/// Sets the image, whatever the gates would say, and files the issue that asks about it.
///
/// # Errors
/// Bad input; a refusal; what could not be read or written before the commit.
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let Target { service, environment, release } = Target::of(subject)?;
    may(&service, subject, &args.allowed, config)?;
    let incident = args.around.incident(&args.incident)?;
    let committer = args.infra.committer()?;
    let slot = args.infra.slot(&service, &environment)?;
    let sides = args.around.sides(ctx)?;
    let place = Place::find(&args.infra.at, args.around.token.as_ref(), ctx)?;

    let mut findings = vec![bypass::from_default_branch(&place, ctx)?];
    ctx.execution.partial.publish(&findings);
    let approval = args.around.approval(ctx, &sides);
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        approved_by: approval.as_ref().ok().and_then(|approved| approved.by.clone()),
        incident: Some(incident),
        reason: Some(args.reason.as_str().to_owned()),
        ..bypass::signed(Promotion::new(Kind::Emergency, service, environment, release), ctx)
    };
    let expected = format!("{} in {}", promotion.release, promotion.environment);
    let refusal = approval.as_ref().err().cloned();
    if let Ok(approved) = &approval {
        findings.push(approved.finding.clone());
        ctx.execution.partial.publish(&findings);
    }
    let run = ctx.runner_env.run.clone();
    let intent = Emergency { slot, image: subject.into(), promotion, refusal, run };
    let done = reconcile(&ctx.execution, args.infra.timeout.0, &SetImage::new(&intent, &place, committer, ctx))?;

    let (finding, mut outputs) = infra::told("emergency promotion", expected, done.as_ref());
    findings.push(finding);
    ctx.execution.partial.publish(&findings);
    let now = ctx.execution.clock.wall();
    let Some(done) = done else {
        sides.would_ask(ctx, issue::title(&intent.promotion));
        return Ok(Outcome { outputs, ..findings.into() });
    };
    let (entry, entries) = match bypass::entry_of(&place, &done, now) {
        Ok(read) => read,
        Err(error) => {
            findings.push(error.next(follow_up::AGAIN));
            return Ok(Outcome { outputs, ..findings.into() });
        }
    };
    let spent = Spent::of(&entries, &intent.promotion.environment, args.budget, now);
    outputs.insert("emergencies", spent.count().to_string());
    if let Some(entry) = entry.filter(|entry| entry.kind == Kind::Emergency) {
        outputs.extend(entry.approved_by.clone().map(|login| (bypass::APPROVER.name, login)));
        let asked = issue::about(&entry, &spent, &bypass::pages(ctx, &sides.own));
        let (finding, address) = sides.ask(ctx, Kind::Emergency, &asked);
        findings.push(finding);
        outputs.extend(address.map(|address| (bypass::ISSUE.name, address)));
    } else {
        let finding = Finding::passed("follow-up issue");
        findings.push(finding.actual("none: no commit of an emergency set this image"));
    }
    findings.push(spent.finding());
    Ok(Outcome { outputs, tables: spent.table().into_iter().collect(), ..findings.into() })
}

/// Whether a service may be promoted around the gates, and from where.
fn may(service: &Service, subject: &Subject, allowed: &[Service], config: &Config) -> Result<(), CommandError> {
    let allowed: Vec<&str> = match allowed {
        [] => config.services.keys().map(Service::as_str).collect(),
        given => given.iter().map(Service::as_str).collect(),
    };
    if allowed.is_empty() {
        return Err(Finding::inconclusive("`allowed`")
            .actual("no service is named, and the config file has no `services`")
            .expected("the services that may be promoted around the gates")
            .bad_input());
    }
    if !allowed.contains(&service.as_str()) {
        let error = Finding::inconclusive("`service`")
            .actual(service.as_str())
            .expected(format!("one that may be promoted around the gates: {}", allowed.join(", ")));
        return Err(error.did_you_mean(closest(service.as_str(), &allowed)).bad_input());
    }
    let origin = config.services.get(service).map(|origin| &origin.image);
    match (origin, &subject.image) {
        (Some(ours), Some(given)) if ours != given => Err(Finding::inconclusive("`image`")
            .actual(given.as_str())
            .expected(format!("{ours}, which the config file's `services` names for {service}"))
            .bad_input()),
        _ => Ok(()),
    }
}
