//! `promote`: sets the image in the infra repository by a commit on the branch; only when the required reports passed.
//!
//! After an `evidence` about several services it sets all their images: a commit for each, and all reach the branch at once.
//!
//! [`evidence_outputs`] reads the reports' outputs, [`freshness`] judges their age, [`pin`] says what the entry holds, and [`plan`]
//! decides. [`pull_request`] is `mode: pull-request`, in which people review the commit before it is merged.

mod evidence_outputs;
mod freshness;
mod pin;
mod plan;
mod pull_request;
mod required;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    batch::list_services,
    command::{Branding, Command, CommandKind, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    ledger::{InfraRepo, Promotion, PromotionKind},
    promotion::{
        batch::SetImages,
        infra::{self, ImageLocators, Target, set_image::SetImage},
        writer::BranchWriter,
    },
    reconcile::reconcile,
    report::{Outcome, Output, Report},
    results::{
        ReceivedReports,
        batch::{BatchEvidence, EVIDENCE},
    },
    secret::Secret,
    subject::{Environment, Service, Subject},
    values::HumanDuration,
};
use evidence_outputs::EvidenceOutputs;
use freshness::Freshness;
use pin::{Pin, pinned_image};
use plan::Promote;
use pull_request::{
    ActionResult, ApprovedMerge, Proposal,
    args::{Action, PullRequestArgs},
};
use required::{RequiredReports, without_environment};

/// The releases that the infra repository has now. Of many services, it is too long for the report.
const SUBJECTS: Output = Output {
    name: "subjects",
    help: "The subjects of the services that have the wanted image now: a JSON list, for a matrix",
};

/// Settings of `promote`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of earlier jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Commands whose passed reports must be among the results, or `none`; the commit records the choice. With `mode: pull-request`, `approval` and `wait` come after the pull request is opened, and are not required here
    #[arg(long, value_name = "COMMAND", default_values = ["evidence", "approval", "wait"])]
    pub require: Vec<String>,
    /// Maximum age of the required reports, and of the validation behind them
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub max_age: HumanDuration,
    /// What the image entry holds: `both` sets `newTag` and `digest`, of which the digest decides what is pulled; `digest` or `tag` sets one alone [default: what is known of the two]
    #[arg(long, value_name = "PARTS")]
    pub pin: Option<Pin>,
    #[command(flatten)]
    pub pull_request: PullRequestArgs,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
    /// Token that may push to the infra repository (Contents: write; with `mode: pull-request` also Pull requests: write); without it, git uses the checkout's own credentials, and `mode: push` alone is possible
    #[arg(long, value_name = "WRITER_APP_TOKEN")]
    pub token: Option<Secret>,
}

impl Command for Args {
    const NAME: &'static str = "promote";
    const ABOUT: &'static str = "Set the image in the infra repository, commit and push";
    const KIND: CommandKind = CommandKind::Promotion;
    const BRANDING: Option<Branding> = Some(Branding { icon: "arrow-up-circle", color: "purple" });
    const OUTPUTS: &'static [Output] = &[
        infra::COMMIT,
        infra::CHANGED,
        infra::PREVIOUS_IMAGE,
        SUBJECTS,
        pull_request::PULL_REQUEST,
        pull_request::URL,
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, &ctx.within(self.infra.timeout))
    }
}

impl Args {
    /// # Errors
    /// Bad input: settings that exclude each other.
    fn action(&self) -> Result<Action, CommandError> {
        self.pull_request.action().ok_or_else(|| {
            Finding::inconclusive("`merge`")
                .actual("given without `mode: pull-request`")
                .expected("`mode: pull-request`, or no `merge`")
                .bad_input()
        })
    }
}

/// Sets the image when the required reports passed.
///
/// # Errors
/// Bad input; a refusal; a read or a write that failed.
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let RunInputs { subject, config, commands, .. } = *inputs;
    let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?.unwrap_or_default();
    let run = ctx.runner_env.run.as_ref();
    if let Some(batch) = reports.batch(subject, run).filter(|_| subject.service.is_none()) {
        return run_batch(args, inputs, &reports, batch, ctx);
    }
    let Target { service, environment, .. } = Target::from_subject(subject)?;
    let action = args.action()?;
    let required = RequiredReports::from_setting(&args.require, commands)?.for_action(action, commands)?;
    let committer = args.infra.committer()?;
    let image_locators = args.infra.locators(&service, &environment, subject, config)?;
    let repo = InfraRepo::open(&args.infra.repo, args.token.as_ref(), &config.services, ctx)?;

    let run = if required.is_empty() { run } else { ctx.current_run() };
    let mut findings = required.findings(&reports, subject, run);
    // Reports that are not required decide nothing.
    let with_digest =
        if required.is_empty() { Ok(subject.clone()) } else { reports.with_digest(&required.all, subject, run) };
    findings.extend(with_digest.as_ref().err().cloned());
    let subject = with_digest.as_ref().unwrap_or(subject);
    ctx.execution.partial.edit(|partial| partial.subject = subject.clone());
    let mut outputs = EvidenceOutputs::default();
    if verdict(&findings) == Verdict::Passed {
        match EvidenceOutputs::read(&reports, &required.others, subject, run) {
            Ok(read) => outputs = read,
            Err(finding) => findings.push(finding),
        }
    }
    if verdict(&findings) != Verdict::Passed {
        return Ok(nothing_written(findings));
    }
    ctx.execution.partial.publish(&findings);
    let counted = required.counted(&reports, subject);
    let release = Release { subject, service: &service, environment, image_locators, outputs };
    let (mut promote, expected) = prepare(args, release, &counted, &required.all, ctx)?;
    let ActionResult { findings: more, outputs, is_current } = match action {
        Action::Write(mode) => {
            let writer = BranchWriter::new(mode, committer, &repo, args.token.as_ref(), ctx)?;
            let result = reconcile(&ctx.execution, args.infra.timeout.0, &SetImage::new(&promote, writer))?;
            ActionResult::of_promotion(infra::report_result("promotion", expected, result.as_ref()))
        }
        Action::Open => {
            match pull_request::people(&reports, subject, run) {
                Ok(people) => promote.promotion.people = Some(people),
                Err(finding) => {
                    findings.push(finding);
                    return Ok(nothing_written(findings));
                }
            }
            let proposal = Proposal {
                promote: &promote,
                expected: &expected,
                evidence: &pull_request::evidence_report(&counted, args.results.as_deref()),
                repo: &repo,
                committer,
                token: args.token.as_ref(),
                args: &args.pull_request,
                timeout: args.infra.timeout,
            };
            pull_request::propose(&proposal, ctx)?
        }
        Action::Merge(method) => {
            let merge = ApprovedMerge {
                promote: &mut promote,
                expected: &expected,
                method,
                counted: &counted,
                max_age: args.max_age,
                repo: &repo,
                committer,
                token: args.token.as_ref(),
                timeout: args.infra.timeout,
            };
            pull_request::merge(merge, ctx)?
        }
    };
    findings.extend(more);
    let current: Vec<&Subject> = is_current.then_some(subject).into_iter().collect();
    Ok(Outcome { outputs, long_outputs: subjects(&current), ..findings.into() })
}

/// Sets the images of the services that `evidence` found ready and one person approved. A service that is refused now is left out,
/// and keeps the step from passing; the commits of the others reach the branch together.
///
/// # Errors
/// Bad input; a read or a push that failed.
fn run_batch(
    args: &Args,
    inputs: &RunInputs<'_>,
    reports: &ReceivedReports,
    batch: Result<BatchEvidence<'_>, Finding>,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let RunInputs { subject, config, commands, .. } = *inputs;
    let Action::Write(mode) = args.action()? else {
        return Err(Finding::inconclusive("`mode`")
            .actual("`pull-request`, and `evidence` is about several services")
            .expected("`push` or `api`, or an `evidence` about one service")
            .next("validate each service by itself, so that it has its own `evidence`, or set `mode: push`")
            .bad_input());
    };
    let required = RequiredReports::from_setting(&args.require, commands)?;
    let once = required.once_for_batch()?;
    let committer = args.infra.committer()?;
    let repo = InfraRepo::open(&args.infra.repo, args.token.as_ref(), &config.services, ctx)?;
    let writer = BranchWriter::new(mode, committer, &repo, args.token.as_ref(), ctx)?;
    let run = ctx.current_run();
    let mut findings = reports.require(&once, subject, run);
    findings.extend(reports.matching(&once, subject).into_iter().filter_map(|report| {
        let service = report.subject.service.as_ref()?;
        let finding = Finding::inconclusive(&report.command).actual(format!("its report is about {service} alone"));
        let next = "give every step the `subject` that `evidence` put out";
        Some(finding.expected("a report about all services of this run").next(next))
    }));
    findings.extend(reports.matching(&once, subject).into_iter().filter_map(without_environment));
    let approval = EvidenceOutputs::read(reports, &once, subject, run);
    let all_passed = findings.iter().all(|finding| finding.verdict == Verdict::Passed);
    let (batch, approval) = match (batch, approval) {
        (Ok(batch), Ok(approval)) if all_passed => (batch, approval),
        (batch, approval) => {
            findings.extend(batch.err());
            // Without a report that counts there are no outputs either.
            findings.extend(approval.err().filter(|_| all_passed));
            return Ok(nothing_written(findings));
        }
    };
    let found = format!("{} services are ready: {}", batch.ready.len(), list_services(batch.services()));
    findings.push(Finding::passed(EVIDENCE).actual(found).expected("a passed report about each service"));
    ctx.execution.partial.publish(&findings);

    let once_reports = reports.matching(&once, subject);
    let (mut plans, mut expected) = (Vec::new(), Vec::new());
    for report in &batch.ready {
        let prepared = prepare_one(args, report, &once_reports, (&required.all, &approval), reports, inputs, ctx);
        match (prepared, &report.subject.service) {
            (Ok((plan, wanted)), Some(service)) => {
                plans.push(plan);
                expected.push((service, &report.subject, wanted));
            }
            (Err(CommandError::Cancelled), _) => return Err(CommandError::Cancelled),
            (Err(error), service) => {
                findings.extend(error.finding().map(|finding| of_service(service.as_ref(), finding)));
            }
            (Ok(_), None) => {}
        }
    }
    ctx.execution.partial.publish(&findings);
    if plans.is_empty() {
        return Ok(nothing_written(findings));
    }
    let change = SetImages::new(&plans, writer);
    let results = reconcile(&ctx.execution, args.infra.timeout.0, &change)?;
    let (mut current, mut commit, mut changed) = (Vec::new(), None, false);
    for (index, (service, subject, wanted)) in expected.into_iter().enumerate() {
        let result = match results.as_ref().map(|results| &results[index]) {
            Some(Err(finding)) => {
                findings.push(of_service(Some(service), finding.clone()));
                continue;
            }
            Some(Ok(result)) => Some(result),
            None => None,
        };
        let (finding, _) = infra::report_result(service.as_str(), wanted, result);
        if finding.verdict == Verdict::Passed {
            current.push(subject);
        }
        changed |= result.is_some_and(|result| result.changed);
        commit = result.and_then(|result| result.commit.clone()).or(commit);
        findings.push(finding);
    }
    let mut outputs = BTreeMap::from([(infra::CHANGED.name, changed.to_string())]);
    outputs.extend(commit.map(|commit| (infra::COMMIT.name, commit.to_string())));
    Ok(Outcome { outputs, long_outputs: subjects(&current), ..findings.into() })
}

fn subjects(current: &[&Subject]) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(SUBJECTS.name, serde_json::json!(current).to_string())])
}

/// The promotion of one service of several.
fn prepare_one(
    args: &Args,
    report: &Report,
    once: &[&Report],
    (required, approval): (&[String], &EvidenceOutputs),
    reports: &ReceivedReports,
    inputs: &RunInputs<'_>,
    ctx: &CommandContext,
) -> Result<(Promote, String), CommandError> {
    let subject = &report.subject;
    let Target { service, environment, .. } = Target::from_subject(subject)?;
    let image_locators = args.infra.locators(&service, &environment, subject, inputs.config)?;
    let evidence = EvidenceOutputs::read(reports, &[EVIDENCE.to_owned()], subject, report.run.as_ref());
    let outputs = EvidenceOutputs { approver: approval.approver.clone(), ..evidence.map_err(CommandError::Refused)? };
    let counted: Vec<&Report> = once.iter().copied().chain([report]).collect();
    let release = Release { subject, service: &service, environment, image_locators, outputs };
    prepare(args, release, &counted, required, ctx)
}

/// A finding about one service of several.
fn of_service(service: Option<&Service>, finding: Finding) -> Finding {
    let Some(service) = service else { return finding };
    let actual = format!("left out: {}: {}", finding.check, finding.actual);
    Finding { check: service.to_string(), actual, ..finding }
}

/// The outcome if the required reports do not allow the promotion.
fn nothing_written(mut findings: Vec<Finding>) -> Outcome {
    let worst = verdict(&findings);
    findings.push(
        Finding::new("promotion", worst)
            .actual("nothing was written")
            .next("do what the other checks ask for; a new run of the promotion then writes it")
            .expected("every required report to have passed"),
    );
    Outcome { outputs: [(infra::CHANGED.name, "false".to_owned())].into(), ..findings.into() }
}

/// A release, where its image stands, and what the reports say of it.
struct Release<'a> {
    subject: &'a Subject,
    service: &'a Service,
    environment: Environment,
    image_locators: ImageLocators,
    outputs: EvidenceOutputs,
}

/// The promotion of a release, and the wanted state in words. `counted`: the reports that it rests on.
///
/// # Errors
/// Bad input; a report without a valid time.
fn prepare(
    args: &Args,
    release: Release<'_>,
    counted: &[&Report],
    required: &[String],
    ctx: &CommandContext,
) -> Result<(Promote, String), CommandError> {
    let Release { subject, service, environment, image_locators, outputs } = release;
    let freshness = Freshness::of_reports(counted, &outputs, args.max_age).map_err(CommandError::Refused)?;
    let oldest = freshness.oldest();
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        digest: subject.digest.clone(),
        validated_at: oldest.map(|oldest| oldest.finished),
        // The run of the evidence has precedence, because another report may be finished in the same second or by a slower
        // clock.
        validation_run: outputs.validation_run.or_else(|| oldest?.run.clone()),
        evidence: outputs.evidence,
        repository_id: outputs.repository_id,
        bundle_sizes: outputs.bundle_sizes,
        tests: outputs.tests,
        approved_by: outputs.approver,
        triggered_by: ctx.runner_env.actor.clone(),
        workflow: ctx.runner_env.run.as_ref().map(|run| run.url.clone()),
        required: Some(required.to_vec()),
        ..Promotion::new(PromotionKind::Normal, service.clone(), environment)
    };
    let (image, pinned_by) = pinned_image(args.pin, subject)?;
    // Values with a tag alone cannot hold the digest; the commit records it.
    let pinned_by =
        if image.digest.is_some() && !image_locators.hold_digest() { Pin::Tag.describe() } else { pinned_by };
    let release = image.release();
    let expected = format!("{release} in {}, pinned {pinned_by}", promotion.environment);
    Ok((Promote { image_locators, image, release, promotion, freshness }, expected))
}
