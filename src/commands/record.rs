//! `record`: dispatches a validation to the infra repository with the gates' reports as evidence, or reports which gate
//! blocks it and sends nothing. With `subjects`, it judges each service of a run, and dispatches those that passed together.

mod batch;
mod deploy_run;
mod dispatch;
mod payload;
mod proof;
mod subjects;

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{
    batch::list_services,
    command::{Branding, Command, CommandKind, RunInputs},
    config::services::workflow_path::WorkflowPath,
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    proof::ProofMode,
    report::{
        MAX_FILE_SIZE, Outcome, Output, Report, Run,
        compact::{compact, hex_sha256},
    },
    results::{ReceivedReport, ReceivedReports},
    secret::Secret,
    subject::{Service, Subject},
    values::HumanDuration,
    world::{
        event::{CompletedRun, TriggerEvent},
        files::{self, Glob},
        git::Branch,
        github::Repository,
    },
};
use batch::{BatchRelease, JudgedService};
use deploy_run::DeployRunLookup;
use dispatch::{Receiver, ValidationDispatch};
use payload::{DispatchPayload, ValidatedRelease};
use subjects::Subjects;

/// Settings of `record`: the gates' reports and the receiver of the dispatch.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Outputs of the gates' jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Files with the gates' reports, for a matrix: paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub reports: Vec<Glob>,
    /// Releases of one deployment, when a run validates several services: a JSON list of one subject for each. The services whose gates passed are sent in one dispatch
    #[arg(long, value_name = "JSON")]
    pub subjects: Option<Subjects>,
    /// Gates that must have passed
    #[arg(long, value_name = "GATE", default_values = ["health", "smoke", "performance"])]
    pub required: Vec<String>,
    /// Branch that releases are built from: the commit that a deploy run deployed must be on it [default: the repository's
    /// default branch]
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<Branch>,
    /// Workflow whose end starts this one, as a path such as `.github/workflows/deploy-staging.yml`; without it, only
    /// `evidence` checks the path
    #[arg(long, value_name = "PATH")]
    pub deploy_workflow: Option<WorkflowPath>,
    /// Infra repository that receives the dispatch
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Repository,
    /// Type of the `repository_dispatch` event
    #[arg(long, value_name = "TYPE", default_value = "staging-validated")]
    pub event_type: EventType,
    /// How `evidence` can verify the dispatch: `required` sends GitHub's signature of it, for which the job needs `id-token: write`
    #[arg(long, value_name = "PROOF", default_value = "required")]
    pub proof: ProofMode,
    /// Token with Contents: write on the infra repository; `GITHUB_TOKEN` has access to its own repository only
    #[arg(long, value_name = "DISPATCHER_APP_TOKEN")]
    pub token: Option<Secret>,
    /// Token with Actions and Contents: read on this repository; a workflow `on: workflow_run` needs it, to look up the deploy
    /// run [default: `token`]
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub source_token: Option<Secret>,
    /// How long all requests may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "record";
    const ABOUT: &'static str =
        "Collect the gates' reports; if the required gates passed, dispatch the validation to the infra repository";
    const KIND: CommandKind = CommandKind::Evidence;
    const BRANDING: Option<Branding> = Some(Branding { icon: "send", color: "purple" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        inputs.check_required(&self.required, ctx)?;
        run(self, inputs.subject, &ctx.within(self.timeout))
    }
}

impl Args {
    fn receiver(&self) -> Receiver<'_> {
        Receiver {
            repository: &self.repository,
            event_type: &self.event_type.0,
            token: self.token.as_ref(),
            timeout: self.timeout,
        }
    }
}

/// The type of a `repository_dispatch` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType(String);

impl FromStr for EventType {
    type Err = ValueError;

    /// GitHub's API description sets the length. Control characters are refused because they could break a line of output.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("an event type: 1 to 100 characters, none of them a control character"))
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Judges the reports and sends the dispatch once if every required gate passed.
///
/// # Errors
/// Nothing is sent after bad input, if a required report or the deploy run does not count, or if the payload exceeds GitHub's
/// limits. GitHub can refuse the dispatch. If its answer is lost, the outcome is unknown.
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    validate(args, ctx)?;
    let deploy = match ctx.world.event(&ctx.runner_env)? {
        TriggerEvent::WorkflowRun(run) => Some(run),
        TriggerEvent::RepositoryDispatch(_) | TriggerEvent::Other => None,
    };
    if let Some(subjects) = &args.subjects {
        return run_batch(args, &subjects.complete(subject)?, subject, deploy, ctx);
    }
    ValidatedRelease::new(subject, ctx.current_run(), deploy, ctx.execution.wall())?;
    let reports = collect_reports(args)?;
    let with_digest = reports.with_digest(&args.required, subject, ctx.current_run());
    let subject = with_digest.as_ref().unwrap_or(subject);
    ctx.execution.partial.edit(|partial| partial.subject = subject.clone());
    let release = ValidatedRelease::new(subject, ctx.current_run(), deploy, ctx.execution.wall())?;
    let mut findings = reports.require(&args.required, subject, release.run);
    refuse_other_attempts(&mut findings, (&args.required, args.proof), &reports, subject, release.run);
    findings.extend(with_digest.as_ref().err().cloned());
    findings.extend(check_deploy_run(args, deploy, ctx)?);
    ctx.execution.partial.publish(&findings);
    let payload = compose_payload(args, &release, &reports, &findings);
    if let Ok(payload) = &payload {
        for omitted in &payload.omitted {
            ctx.log.say(&format!("not sent along: {omitted}"));
        }
    }
    let payload = payload.and_then(|payload| proof::add(payload, args.proof, args.timeout, ctx));
    let dispatch =
        ValidationDispatch { receiver: args.receiver(), about: subject.to_string(), ctx, findings: &findings, payload };
    let sent = dispatch.send()?;
    findings.push(sent);
    Ok(findings.into())
}

/// Judges each service by its own reports, and sends those that passed. A service that did not pass is not sent, and keeps the
/// step from passing; it does not keep the others back.
///
/// # Errors
/// Bad input; a signal. What stands against all services, and a dispatch that failed, are findings.
fn run_batch(
    args: &Args,
    subjects: &BTreeMap<Service, Subject>,
    common: &Subject,
    deploy: Option<&CompletedRun>,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let reports = collect_reports(args)?;
    let (mut by_service, nameless) = batch::by_service(&reports);
    let run = ctx.current_run();
    ctx.execution.partial.edit(|partial| partial.subject = common.clone());
    let judge = |(service, subject): (&Service, &Subject)| {
        let mut own = by_service.remove(service).unwrap_or_default();
        own.without_report.clone_from(&reports.without_report);
        (service.clone(), judge_service(args, subject, own, run))
    };
    let judged: BTreeMap<Service, JudgedService> = subjects.iter().map(judge).collect();
    for service in by_service.keys() {
        ctx.log.say(&format!("not sent along: the reports about {service}, which `subjects` does not name"));
    }
    // A report that cannot be read may be a failed one of any service.
    let mut shared = [reports.unreadable, nameless].concat();
    shared.extend(check_deploy_run(args, deploy, ctx)?);
    let services = judged.iter().map(|(service, judged)| judged.finding(service, &args.required));
    let mut findings: Vec<Finding> = services.chain(shared.iter().cloned()).collect();
    ctx.execution.partial.publish(&findings);

    let validated_at = ctx.execution.wall();
    let stops_all = shared.iter().any(|finding| finding.verdict != Verdict::Passed);
    let passed = judged.values().filter(|judged| judged.has_passed() && !stops_all);
    let releases = passed.map(|judged| {
        let release = ValidatedRelease::new(&judged.subject, run, deploy, validated_at.clone())?;
        Ok(BatchRelease { release, received: &judged.reports.received })
    });
    let releases: Vec<BatchRelease<'_>> = releases.collect::<Result<_, CommandError>>()?;
    let composed = batch::compose(&releases, &args.event_type.0, &args.required, args.proof);
    for omitted in &composed.omitted {
        ctx.log.say(&format!("not sent along: {omitted}"));
    }
    for finding in composed.too_large {
        findings.retain(|known| known.check != finding.check);
        findings.push(finding);
    }
    let parts = composed.payloads.len();
    for (index, (services, payload)) in composed.payloads.into_iter().enumerate() {
        let part = if parts > 1 { format!(" (part {} of {parts})", index + 1) } else { String::new() };
        let about = format!("{}{part}", list_services(&services));
        let payload = proof::add(payload, args.proof, args.timeout, ctx);
        let sent = ValidationDispatch { receiver: args.receiver(), about, ctx, findings: &findings, payload }.send();
        findings.push(match sent {
            Ok(finding) => finding,
            Err(CommandError::Cancelled) => return Err(CommandError::Cancelled),
            // The other parts hold other services.
            Err(error) => error.finding().unwrap_or_else(|| Finding::inconclusive("dispatch").actual("not sent")),
        });
        ctx.execution.partial.publish(&findings);
    }
    if parts == 0 {
        findings.push(nothing_sent(verdict(&findings), &args.required));
    }
    Ok(findings.into())
}

/// What the gates say of one service.
fn judge_service(args: &Args, subject: &Subject, reports: ReceivedReports, run: Option<&Run>) -> JudgedService {
    let with_digest = reports.with_digest(&args.required, subject, run);
    let subject = with_digest.as_ref().unwrap_or(subject).clone();
    let mut findings = reports.required_findings(&args.required, &subject, run);
    refuse_other_attempts(&mut findings, (&args.required, args.proof), &reports, &subject, run);
    findings.extend(with_digest.err());
    JudgedService { subject, reports, findings }
}

/// The checks of the run whose end started this workflow; none if another event started it.
fn check_deploy_run(
    args: &Args,
    deploy: Option<&CompletedRun>,
    ctx: &CommandContext,
) -> Result<Vec<Finding>, CommandError> {
    let Some(event) = deploy else { return Ok(Vec::new()) };
    let lookup = DeployRunLookup {
        event,
        workflow: args.deploy_workflow.as_ref(),
        branch: args.branch.as_ref(),
        source_token: args.source_token.as_ref(),
        dispatch_token: args.token.as_ref(),
        timeout: args.timeout,
    };
    lookup.check(ctx)
}

/// Checks that clap cannot do.
fn validate(args: &Args, ctx: &CommandContext) -> Result<(), CommandError> {
    if args.timeout.0.is_zero() {
        return Err(Finding::inconclusive("`timeout`")
            .actual("0s")
            .expected("time for GitHub to answer, such as 30s")
            .bad_input());
    }
    if args.token.is_none() && !ctx.execution.dry_run {
        return Err(Finding::inconclusive("`token`")
            .actual("not given")
            .expected(format!("a token with Contents: write on {}", args.repository))
            .next("give the token of an App that is installed there, as an expression: `token: ${{ steps.dispatcher.outputs.token }}`; docs/apps.md has the step")
            .bad_input());
    }
    Ok(())
}

/// Reads the reports from `results` and from the files of `reports`.
fn collect_reports(args: &Args) -> Result<ReceivedReports, CommandError> {
    if args.results.is_none() && args.reports.is_empty() {
        return Err(Finding::inconclusive("`results`, `reports`")
            .actual("neither is given")
            .expected("the gates' reports")
            .next("add `results: ${{ toJSON(needs) }}` to the step, and the gates' jobs to `needs:` of its job")
            .bad_input());
    }
    let mut reports =
        args.results.as_deref().map_or_else(|| Ok(ReceivedReports::default()), ReceivedReports::from_results)?;
    for (path, bytes) in files::read_matching(&args.reports, MAX_FILE_SIZE).map_err(CommandError::BadInput)? {
        add_file(&mut reports, &path.display().to_string(), &bytes);
    }
    Ok(reports)
}

/// Adds a file as a report. A full report is reduced to the compact one that its gate puts out: only that fits into a
/// dispatch, and the gate's annotation holds its sha256.
fn add_file(reports: &mut ReceivedReports, source: &str, bytes: &[u8]) {
    match serde_json::from_slice::<Report>(bytes) {
        Ok(full) if full.full_sha256.is_none() => reports.add(source, &compact(&full, &hex_sha256(bytes)).text),
        // A tool that writes the output to a file ends it with a line break. A text that is not UTF-8 is not JSON either.
        _ => reports.add(source, String::from_utf8_lossy(bytes).trim()),
    }
}

/// Replaces the findings of reports that another attempt of this run wrote: `evidence` accepts those of one attempt only. A
/// report that is not required is left out of the payload; the notices of its job, where they are the proof, would miss it.
fn refuse_other_attempts(
    findings: &mut Vec<Finding>,
    (required, proof): (&[String], ProofMode),
    reports: &ReceivedReports,
    subject: &Subject,
    run: Option<&Run>,
) {
    let Some(run) = run else { return };
    for ReceivedReport { source, report, .. } in reports.of_other_attempts(subject, run) {
        let (command, attempt) = (&report.command, report.run.as_ref().map_or(0, |run| run.attempt));
        let is_required = required.contains(command);
        // The gates inside a `run` represent it.
        if !report.reports.is_empty() || (!is_required && proof == ProofMode::Required) {
            continue;
        }
        let finding = Finding::inconclusive(command)
            .actual(format!("its report ({source}) is of attempt {attempt}, and this is attempt {}", run.attempt))
            .expected("reports of this attempt: `evidence` accepts no others")
            .next(format!(
                "re-run all jobs of this run (`gh run rerun {}`): \"re-run failed jobs\" keeps the reports of the jobs that passed",
                run.id
            ));
        match findings.iter_mut().find(|finding| finding.check == *command) {
            Some(known) if known.verdict == Verdict::Passed => *known = finding,
            Some(_) => {}
            None => findings.push(finding),
        }
    }
}

/// The payload if all findings passed; else the reason why nothing is sent.
fn compose_payload(
    args: &Args,
    release: &ValidatedRelease,
    reports: &ReceivedReports,
    findings: &[Finding],
) -> Result<DispatchPayload, Finding> {
    match verdict(findings) {
        Verdict::Passed => {
            DispatchPayload::compose(release, &args.event_type.0, &reports.received, &args.required, args.proof)
        }
        worst => Err(nothing_sent(worst, &args.required)),
    }
}

fn nothing_sent(worst: Verdict, required: &[String]) -> Finding {
    Finding::new("dispatch", worst)
        .actual("nothing was sent")
        .next("do what the other checks ask for, and validate again")
        .expected(format!("checks that passed, and passed reports of {}", required.join(", ")))
}

#[cfg(test)]
mod tests;
