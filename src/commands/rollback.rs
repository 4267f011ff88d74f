//! `rollback`: restores the image before the last promotion of a service.
//!
//! [`plan`] decides about the commit, [`issue`] writes the follow-up issue.

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
    ledger::{self, InfraRepo, LedgerEntry, Promotion, PromotionKind, RunCheck, RunChecker},
    promotion::{
        bypass::{self, BypassGitHub, BypassReason},
        follow_up,
        infra::{self, PromotionPlan as _, PromotionResult, set_image::SetImage},
    },
    reconcile::reconcile,
    report::{Outcome, Output},
    subject::{Commit, Subject},
};
use plan::{RefutedRun, Rollback, RollbackTarget};

/// Settings of `rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Commit id of the promotion to roll back [default: the last promotion; none if the last one is a rollback]
    #[arg(long, value_name = "SHA")]
    pub promotion: Option<Commit>,
    /// Incident id, as in the incident tracker
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
    /// What went wrong
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<BypassReason>,
    #[command(flatten)]
    pub bypass: bypass::BypassArgs,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
}

impl Command for Args {
    const NAME: &'static str = "rollback";
    const ABOUT: &'static str = "Roll back the last promotion of a service, and open a review issue";
    const KIND: CommandKind = CommandKind::Promotion;
    const BRANDING: Option<Branding> = Some(Branding { icon: "rotate-ccw", color: "red" });
    const OUTPUTS: &'static [Output] = &[
        infra::COMMIT,
        infra::CHANGED,
        infra::PREVIOUS_IMAGE,
        Output { name: "image", help: "The image after the rollback" },
        bypass::ISSUE,
        bypass::APPROVER,
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.config, &ctx.within(self.infra.timeout))
    }
}

/// Sets the image before a promotion, and files the follow-up issue.
///
/// # Errors
/// Bad input; a refusal; a read or a write before the commit that failed.
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let (service, environment) = infra::service_and_environment(subject)?;
    let incident = args.incident.as_deref().map(|incident| args.bypass.check_incident(incident)).transpose()?;
    let committer = args.infra.committer()?;
    let image_locators = args.infra.locators(&service, &environment, subject, config)?;
    let github = args.bypass.github(ctx)?;
    let repo = InfraRepo::open(&args.infra.repo, args.bypass.token.as_ref(), &config.services, ctx)?;
    let writer = args.bypass.writer(committer, &repo, ctx)?;

    let branch = bypass::check_default_branch(&repo, ctx)?;
    ctx.execution.partial.publish(std::slice::from_ref(&branch));
    let approval = args.bypass.check_approval(ctx, &github, &config.people);
    let promotion = Promotion {
        approved_by: approval.as_ref().ok().and_then(|approval| approval.approvers.first().cloned()),
        incident,
        reason: args.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        ..bypass::with_run(Promotion::new(PromotionKind::Rollback, service, environment), ctx)
    };
    let (mut refusal, mut findings) = match approval {
        Ok(approval) => (None, vec![branch, approval.finding]),
        Err(finding) => (Some(finding), vec![branch]),
    };
    let target = match (&args.promotion, github.run_created_at(ctx)) {
        (None, Ok(started)) => RollbackTarget::Latest { started },
        (None, Err(finding)) => {
            // Without a required approval, access to GitHub's API is not required either.
            refusal = refusal.or_else(|| (!args.bypass.allow_unapproved).then_some(finding));
            RollbackTarget::Latest { started: None }
        }
        (Some(commit), _) => RollbackTarget::Commit(commit.clone()),
    };
    ctx.execution.partial.publish(&findings);
    let expected = format!("the image before, in {}", promotion.environment);
    let run = ctx.runner_env.run.clone();
    let repository = repo.images.get(&promotion.service).cloned();
    let mut rollback = Rollback { image_locators, target, promotion, refusal, run, repository, refuted: None };
    let (finding, refuted) = check_run(&rollback, &repo, &github, ctx)?;
    findings.extend(finding);
    rollback.refuted = refuted;
    let change = SetImage::new(&rollback, writer);
    let result = reconcile(&ctx.execution, args.infra.timeout.0, &change)?;

    let (finding, mut outputs) = infra::report_result("rollback", expected, result.as_ref());
    findings.push(finding);
    ctx.execution.partial.publish(&findings);
    let Some(result) = result else {
        github.plan_issue(ctx, issue::title(&rollback.promotion));
        return Ok(Outcome { outputs, ..findings.into() });
    };
    outputs.insert("image", result.image.clone());
    match repo.read(ctx, || read_entry(&repo, &rollback.promotion, &result)) {
        Ok(Some(entry)) => {
            outputs.extend(entry.promotion.approved_by.clone().map(|login| (bypass::APPROVER.name, login)));
            let repository_url = bypass::repository_url(ctx, &github.workflow_repository);
            let follow_up = issue::follow_up(&entry, &repository_url);
            let (finding, url) = github.file_issue(ctx, PromotionKind::Rollback, &follow_up);
            findings.push(finding);
            outputs.extend(url.map(|url| (bypass::ISSUE.name, url)));
        }
        Ok(None) => findings.push(Finding::passed("follow-up issue").actual("none: no commit rolled anything back")),
        Err(finding) => findings.push(finding.next(follow_up::RUN_AGAIN)),
    }
    Ok(Outcome { outputs, ..findings.into() })
}

/// Asks GitHub about the workflow run that the promotion to roll back names. Only the commit itself decides what is restored,
/// so an answer that is missing stops nothing.
///
/// # Errors
/// The branch cannot be read.
fn check_run(
    rollback: &Rollback,
    repo: &InfraRepo,
    github: &BypassGitHub,
    ctx: &CommandContext,
) -> Result<(Option<Finding>, Option<RefutedRun>), CommandError> {
    let Some(query) = rollback.ledger_query(ctx.execution.clock.wall()) else { return Ok((None, None)) };
    let entries =
        repo.read(ctx, || ledger::run_query(repo, &repo.tip()?.commit, &query).map_err(Finding::unobservable))?;
    let Ok(target) = rollback.find_target(&entries, None) else { return Ok((None, None)) };
    let checker =
        RunChecker::new(&github.client, &github.workflow_repository, ctx.runner_env.run.as_ref(), &ctx.execution);
    let finding = Finding::passed("the promotion's workflow run").expected("a run that can have made it");
    Ok(match checker.check(target) {
        RunCheck::Confirmed(what) => (Some(finding.actual(what)), None),
        RunCheck::NotChecked(why) => (Some(finding.actual(format!("not checked: {why}"))), None),
        RunCheck::Refuted(why) => {
            let finding = finding.actual(why.clone()).waived("the commit itself changed the image");
            (Some(finding), Some(RefutedRun { promotion: target.commit.clone(), why }))
        }
    })
}

/// The ledger entry of the result's commit, however old it is.
///
/// # Errors
/// The ledger cannot be read.
fn read_entry(
    repo: &InfraRepo,
    promotion: &Promotion,
    result: &PromotionResult,
) -> Result<Option<LedgerEntry>, Finding> {
    let Some(commit) = &result.commit else { return Ok(None) };
    let tip = repo.fetch()?.ok_or_else(|| repo.no_branch())?;
    let is_entry = |entry: &LedgerEntry| entry.commit == *commit;
    let Promotion { service, environment, .. } = promotion;
    let entries = ledger::history(repo, &tip.commit, service, environment, |entries| entries.iter().any(is_entry))?;
    Ok(entries.into_iter().find(is_entry))
}
