//! `source: pull-request`: the approval of a promotion is that of its pull request.
//!
//! | observed | verdict |
//! |---|---|
//! | the only commit of an open pull request is a promotion with evidence; `minimum` people approved this commit who can push and had no part in it | passed |
//! | another commit, base, branch or file; changes are requested; too few approvals that count; too many approvals within `window` | blocked |
//! | GitHub, git or the ledger cannot be read; the people who had a part in the release are unknown | inconclusive |
//!
//! [`look`] observes, [`announced`] says what the run behind a commit is worth, and [`judge`] decides.

mod announced;
mod judge;
mod look;
mod observations;
mod rules;

use super::{args::Args, excluded};
use crate::{
    clock::rfc3339,
    config::Config,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::{EvidenceId, InfraRepo, PromotionBranch},
    report::Outcome,
    results::{ReceivedReports, output::EVIDENCE_ID},
    subject::{Commit, Subject},
};
use excluded::SourceAccess;
use look::{OwnEvidence, PullRequestObserver, WantedPullRequest};
use observations::subject_of;
use rules::PullRequestRules;

/// A pull request, and what `approval` says about it.
pub struct JudgedPullRequest {
    pub outcome: Outcome,
    /// Its last commit, which is what was judged; `None` if GitHub did not show it.
    pub head: Option<Commit>,
    /// What it promotes, as far as that is known.
    pub subject: Subject,
    /// Whether nothing but an approval is missing.
    pub is_waiting: bool,
}

/// Judges the pull request that the settings name, or that has the evidence of `results`.
///
/// # Errors
/// Bad input.
pub fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let ctx = &ctx.within(args.timeout);
    let judged = judge_pull_request(args, subject, config, ctx)?;
    ctx.execution.partial.edit(|partial| partial.subject = judged.subject);
    Ok(judged.outcome)
}

/// As [`run`], within the time that `ctx` has.
///
/// # Errors
/// Bad input.
pub fn judge_pull_request(
    args: &Args,
    subject: &Subject,
    config: &Config,
    ctx: &CommandContext,
) -> Result<JudgedPullRequest, CommandError> {
    let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?;
    let own_evidence = reports.as_ref().map(|reports| find_own_evidence(args, reports, subject, config, ctx));
    let wanted = find_wanted(args, own_evidence.as_ref(), subject)?;
    let infra = InfraRepo::open(&args.ledger, args.token.as_ref(), &config.services, ctx)?;
    let rules = PullRequestRules {
        base: infra.branch.to_string(),
        subject: subject.clone(),
        independent: args.independent,
        minimum: args.minimum as usize,
        codeowners: args.codeowners,
        max_approvals: args.max_approvals as usize,
        window: args.window,
        min_review_time: args.min_review_time,
        require_comment: args.require_comment,
    };
    let observer = PullRequestObserver {
        github: &ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?,
        source_github: &ctx.github(args.source_token.as_ref().or(args.token.as_ref()), REQUEST_TIMEOUT)?,
        repository: &ctx.own_repository()?,
        infra: &infra,
        wanted,
        config,
        own_evidence,
        independent: args.independent,
        excluded: args.excluded.iter().map(ToString::to_string).collect(),
        codeowners: args.codeowners,
        window: args.window.0,
        time_limit: args.timeout.0,
        ctx,
    };
    let observations = observer.observe();
    for error in observations.errors() {
        ctx.log.say(&format!("not seen: {error}"));
    }
    let findings = judge::judge(&rules, &observations).findings;
    let is_waiting = judge::is_waiting(&rules, &observations, &findings);
    let promoted = observations.entry().map(subject_of).unwrap_or_default();
    let head = observations.found().map(|found| found.facts.head.clone());
    let mut outcome = Outcome::from(findings);
    let approvers = judge::approvers(&rules, &observations);
    if let Some(at) = judge::approved_at(&rules, &observations) {
        outcome.outputs.insert("approver", approvers.join(", "));
        outcome.outputs.insert("approved-at", rfc3339(at));
    }
    if let Some(found) = observations.found() {
        outcome.outputs.insert("pull-request", found.facts.number.to_string());
        outcome.outputs.insert("head", found.facts.head.clone());
    }
    let subject = combine(subject, &promoted);
    if observations.entry().is_some() {
        outcome.outputs.extend(serde_json::to_string(&subject).ok().map(|subject| ("subject", subject)));
    }
    Ok(JudgedPullRequest { outcome, head: head.and_then(|head| head.parse().ok()), subject, is_waiting })
}

/// The given parts of a subject, and those that the commit adds.
fn combine(given: &Subject, promoted: &Subject) -> Subject {
    if promoted.differs_from(given).is_some() {
        return given.clone();
    }
    let given = given.clone();
    Subject {
        service: given.service.or_else(|| promoted.service.clone()),
        environment: given.environment.or_else(|| promoted.environment.clone()),
        image: given.image.or_else(|| promoted.image.clone()),
        tag: given.tag.or_else(|| promoted.tag.clone()),
        digest: given.digest.or_else(|| promoted.digest.clone()),
        commit: given.commit.or_else(|| promoted.commit.clone()),
    }
}

/// The evidence of this run; an error says why its report does not count.
fn find_own_evidence(
    args: &Args,
    reports: &ReceivedReports,
    subject: &Subject,
    config: &Config,
    ctx: &CommandContext,
) -> Result<OwnEvidence, Finding> {
    let required = ["evidence".to_owned()];
    let findings = reports.required_findings(&required, subject, ctx.current_run());
    if let Some(missing) = findings.into_iter().find(|finding| finding.verdict != Verdict::Passed) {
        return Err(missing);
    }
    let source = SourceAccess {
        token: args.source_token.as_ref().or(args.token.as_ref()),
        request_timeout: REQUEST_TIMEOUT,
        time_limit: args.timeout.0,
    };
    let people =
        if args.independent { excluded::from_evidence(reports, subject, config, &source, ctx) } else { Ok(Vec::new()) };
    let about = reports.matching(&required, subject).first().map(|report| report.subject.clone());
    let id = reports.parsed_output::<EvidenceId>(EVIDENCE_ID, subject, ctx.runner_env.run.as_ref())?;
    Ok(OwnEvidence { id, subject: about.unwrap_or_else(|| subject.clone()), people })
}

/// Which pull request is meant.
fn find_wanted(
    args: &Args,
    own_evidence: Option<&Result<OwnEvidence, Finding>>,
    subject: &Subject,
) -> Result<WantedPullRequest, CommandError> {
    if let Some(number) = args.pull_request {
        return Ok(WantedPullRequest::Number(number));
    }
    let branch = own_evidence.and_then(|own| own.as_ref().ok()).and_then(|own| {
        let service = subject.service.clone().or_else(|| own.subject.service.clone())?;
        let environment = subject.environment.clone().or_else(|| own.subject.environment.clone())?;
        Some(PromotionBranch { environment, service, evidence: own.id.clone()? })
    });
    branch.map(WantedPullRequest::Branch).ok_or_else(|| {
        Finding::inconclusive("`pull-request`")
            .actual("not given, and `results` has no passed report of `evidence` to find it by")
            .expected("the number of the promotion's pull request, or `results` with the report of `evidence`")
            .bad_input()
    })
}
