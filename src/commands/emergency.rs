//! `emergency`: a promotion that bypasses the gates, with an incident, a follow-up issue and a budget.
//!
//! [`plan`] decides about the commit, [`independence`] about its approval, [`budget`] counts the emergencies, [`issue`] writes
//! the follow-up issue.

mod budget;
mod independence;
mod issue;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    config::Config,
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::{InfraRepo, Promotion, PromotionKind},
    promotion::{
        bypass::{self, BypassReason, RunApproval},
        follow_up,
        infra::{self, Target, set_image::SetImage},
    },
    reconcile::reconcile,
    report::{Outcome, Output},
    subject::{Service, Subject},
    values::closest,
};
use budget::BudgetUse;
use independence::{IndependencePolicy, judge_independence};
use plan::Emergency;

/// Settings of `emergency`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Incident id, as in the incident tracker
    #[arg(long, value_name = "ID", required = true)]
    pub incident: String,
    /// Why the promotion cannot wait for the gates
    #[arg(long, value_name = "TEXT", required = true)]
    pub reason: BypassReason,
    /// Services that may bypass the gates [default: those of the config file's `services`]
    #[arg(long, value_name = "SERVICE")]
    pub allowed: Vec<Service>,
    /// How many emergencies in 30 days are normal; more are reported as too many, but never blocked
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    pub budget: u32,
    /// What an approval by the person who started the run means: `show` records it in the commit and the issue, `block` makes no
    /// commit without the approval of another person
    #[arg(long, value_name = "POLICY", default_value = "show")]
    pub independent: IndependencePolicy,
    #[command(flatten)]
    pub bypass: bypass::BypassArgs,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
}

impl Command for Args {
    const NAME: &'static str = "emergency";
    const ABOUT: &'static str = "Bypass the gates in an incident: a marked commit, a follow-up issue and a budget";
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
            help: "How many emergencies the environment had in the last 30 days, including this one",
        },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.config, &ctx.within(self.infra.timeout))
    }
}

/// Sets the image without the gates, and files the follow-up issue.
///
/// # Errors
/// Bad input; a refusal; a read or a write before the commit that failed.
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let Target { service, environment, release } = Target::from_subject(subject)?;
    check_allowed(&service, &args.allowed, config)?;
    let incident = args.bypass.check_incident(&args.incident)?;
    let committer = args.infra.committer()?;
    let image_locators = args.infra.locators(&service, &environment, subject, config)?;
    let github = args.bypass.github(ctx)?;
    let repo = InfraRepo::open(&args.infra.repo, args.bypass.token.as_ref(), &config.services, ctx)?;
    let writer = args.bypass.writer(committer, &repo, ctx)?;

    let mut findings = vec![bypass::check_default_branch(&repo, ctx)?];
    ctx.execution.partial.publish(&findings);
    let approval = args.bypass.check_approval(ctx, &github, &config.people);
    let independence = approval
        .as_ref()
        .ok()
        .map(|RunApproval { approvers, .. }| judge_independence(args.independent, approvers, &github.own_run(ctx)));
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        approved_by: independence.as_ref().and_then(|independence| independence.approver.clone()),
        independent: independence.as_ref().and_then(|independence| independence.is_independent),
        incident: Some(incident),
        reason: Some(args.reason.as_str().to_owned()),
        ..bypass::with_run(Promotion::new(PromotionKind::Emergency, service, environment), ctx)
    };
    let expected = format!("{release} in {}", promotion.environment);
    let mut refusal = approval.as_ref().err().cloned();
    findings.extend(approval.ok().map(|approval| approval.finding));
    match independence.map(|independence| independence.finding) {
        Some(finding) if finding.verdict == Verdict::Passed => findings.push(finding),
        finding => refusal = refusal.or(finding),
    }
    ctx.execution.partial.publish(&findings);
    let run = ctx.runner_env.run.clone();
    let emergency = Emergency { image_locators, image: subject.into(), release, promotion, refusal, run };
    let change = SetImage::new(&emergency, writer);
    let result = reconcile(&ctx.execution, args.infra.timeout.0, &change)?;

    let (finding, mut outputs) = infra::report_result("emergency promotion", expected, result.as_ref());
    findings.push(finding);
    ctx.execution.partial.publish(&findings);
    let now = ctx.execution.clock.wall();
    let Some(result) = result else {
        github.plan_issue(ctx, issue::title(&emergency.promotion, &emergency.release));
        return Ok(Outcome { outputs, ..findings.into() });
    };
    let (entry, entries) = match repo.read(ctx, || bypass::read_entry(&repo, &emergency.promotion, &result, now)) {
        Ok(read) => read,
        Err(finding) => {
            findings.push(finding.next(follow_up::RUN_AGAIN));
            return Ok(Outcome { outputs, ..findings.into() });
        }
    };
    let budget_use = BudgetUse::count(&entries, &emergency.promotion.environment, args.budget, now);
    outputs.insert("emergencies", budget_use.emergencies().to_string());
    if let Some(entry) = entry.filter(|entry| entry.promotion.kind == PromotionKind::Emergency) {
        outputs.extend(entry.promotion.approved_by.clone().map(|login| (bypass::APPROVER.name, login)));
        let repository_url = bypass::repository_url(ctx, &github.workflow_repository);
        let follow_up = issue::follow_up(&entry, &budget_use, &repository_url);
        let (finding, url) = github.file_issue(ctx, PromotionKind::Emergency, &follow_up);
        findings.push(finding);
        outputs.extend(url.map(|url| (bypass::ISSUE.name, url)));
    } else {
        let finding = Finding::passed("follow-up issue");
        findings.push(finding.actual("none: no commit of an emergency set this image"));
    }
    findings.push(budget_use.finding());
    Ok(Outcome { outputs, tables: budget_use.table().into_iter().collect(), ..findings.into() })
}

/// Checks that the service may bypass the gates.
fn check_allowed(service: &Service, allowed: &[Service], config: &Config) -> Result<(), CommandError> {
    let allowed: Vec<&str> = match allowed {
        [] => config.services.keys().map(Service::as_str).collect(),
        given => given.iter().map(Service::as_str).collect(),
    };
    if allowed.is_empty() {
        return Err(Finding::inconclusive("`allowed`")
            .actual("no service is named, and the config file has no `services`")
            .expected("the services that may bypass the gates")
            .bad_input());
    }
    if !allowed.contains(&service.as_str()) {
        let finding = Finding::inconclusive("`service`")
            .actual(service.as_str())
            .expected(format!("one that may bypass the gates: {}", allowed.join(", ")));
        return Err(finding.did_you_mean(closest(service.as_str(), &allowed)).bad_input());
    }
    Ok(())
}
