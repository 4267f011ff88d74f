//! `evidence`: verifies the claims of a validation's dispatch and shows the result to the reviewer before the approval.
//!
//! [`payload`] parses the claims, [`look`] observes GitHub and git, [`judge`] compares the claims with the observations and
//! with what the config file trusts, and [`pack`] makes the tables and the outputs. Of a payload of several services, [`entries`]
//! makes one claim each, and [`batch_page`] one page.

mod batch_page;
mod bundle;
mod bundle_table;
mod entries;
mod gate_jobs;
mod judge;
mod later_runs;
mod look;
mod object_reader;
mod observations;
mod pack;
mod payload;
mod promoted;
mod proof;
mod test_count;
mod verification;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    command::{Branding, Command, CommandKind, RunInputs, names_where},
    commands::record::EventType,
    config::{Config, DEFAULT_PATH, services::ServiceSource},
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    execution::Execution,
    finding::{self, Finding, Verdict},
    ledger::{InfraRepo, infra_repo::InfraRepoArgs},
    people::participants::{Participants, UnknownAuthors},
    promotion::infra::{ImageArgs, ImageLocators},
    proof::ProofMode,
    report::{Outcome, Output, Report, partial::PartialReport},
    secret::Secret,
    subject::{Environment, Service, Subject},
    values::{HumanDuration, clip, closest, nonzero_duration},
    world::{
        event::{RepositoryDispatch, TriggerEvent},
        oidc::Issuer,
    },
};
use batch_page::{BatchPage, BatchedService};
use entries::Claims;
use look::EvidenceObserver;
use payload::Claim;
use verification::Verification;

/// Settings of `evidence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Type of the `repository_dispatch` event that announces a validation
    #[arg(long, value_name = "TYPE", default_value = "staging-validated")]
    pub event_type: EventType,
    /// Gates whose passed reports must be in the payload
    #[arg(long, value_name = "GATE", default_values = ["health", "smoke", "performance"])]
    pub required: Vec<String>,
    /// Maximum time since the end of a gate's job
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub max_age: HumanDuration,
    /// Minimum time since the last of the required gates passed, without a newer deployment or a bad validation since, such as `4h` [default: not checked]
    #[arg(long, value_name = "DURATION", value_parser = nonzero_duration)]
    pub min_age: Option<HumanDuration>,
    /// Pass even if the commit in the current image is unknown, or no promotion recorded the size of the bundle, as for a service's
    /// first promotion
    #[arg(long)]
    pub allow_first: bool,
    /// What must prove the payload: GitHub's signature, or, on runners without OIDC, the gates' annotations, which is weaker
    #[arg(long, value_name = "PROOF", default_value = "required")]
    pub proof: ProofMode,
    /// The OIDC issuer that signs, as in the tokens' `iss` [default: the issuer of the runner's server]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<Issuer>,
    /// With `proof: annotations`: how long a job's annotations may take to appear after the job ended
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    pub annotations_timeout: HumanDuration,
    #[command(flatten)]
    pub at: InfraRepoArgs,
    #[command(flatten)]
    pub image: ImageArgs,
    /// Token with Actions, Contents and Pull requests: read on the services' repositories, with `proof: annotations` also Checks: read [default: `token`]
    #[arg(long, value_name = "READER_APP_TOKEN")]
    pub source_token: Option<Secret>,
    /// Token with Contents: read on this repository; without it, git uses the checkout's own credentials
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// Whether commits whose authors have no account are only shown, or block
    #[arg(long, value_name = "WHAT", default_value = "show")]
    pub unknown_authors: UnknownAuthors,
    /// How long all reads may take, repetitions included, of each of several services; `annotations-timeout` is added to it
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "evidence";
    const ABOUT: &'static str =
        "Verify the claims of a validation's payload, and show the evidence before the approval";
    const KIND: CommandKind = CommandKind::Evidence;
    const BRANDING: Option<Branding> = Some(Branding { icon: "eye", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "services", help: "The services that are ready for an approval, as a JSON list" },
        Output { name: "service", help: "The service that was validated; empty for several services" },
        Output { name: "environment", help: "The target environment of the promotion" },
        Output { name: "image", help: "The full image reference: repository, tag and digest" },
        Output { name: "tag", help: "The image's tag" },
        Output { name: "digest", help: "The image's digest; empty if the payload has none" },
        Output { name: "commit", help: "The commit that the image was built from" },
        Output {
            name: "subject",
            help: "The complete subject (JSON), for later jobs; of several services, what they have in common",
        },
        Output { name: "evidence", help: "The evidence id: sha256 over the reports" },
        Output { name: "validated-at", help: "When the first of the required gates ended" },
        Output { name: "validation-run", help: "URL of the validating workflow run" },
        Output {
            name: "repository-id",
            help: "GitHub's number of the service's repository; empty if GitHub did not sign the payload",
        },
        Output {
            name: "bundle-size",
            help: "Sizes of the bundle and its groups in one line; empty if no gate measured them for this command",
        },
        Output {
            name: "tests",
            help: "How many tests ran, in all reports of `smoke` together; empty if they were not counted",
        },
        Output { name: "excluded", help: "Logins of the people who may not approve, one per line" },
        Output { name: "authors", help: "Logins in `excluded` that are authors of new commits, one per line" },
        Output {
            name: "people",
            help: "Number and sha256 of `excluded`, and what it follows from (JSON), for `approval`",
        },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        inputs.check_required(&self.required, ctx)?;
        run(self, inputs, ctx)
    }
}

impl Args {
    /// The context with the time limit of one service.
    fn within(&self, ctx: &CommandContext) -> CommandContext {
        ctx.within(HumanDuration(self.timeout.0 + self.annotations_timeout.0))
    }
}

/// Verifies the payload and shows the findings with the evidence.
///
/// # Errors
/// Bad input: invalid settings, another event, or a payload that `record` does not write. The infra repository cannot be
/// read.
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    validate(args, inputs.subject)?;
    let event = dispatched_event(args, ctx)?;
    match entries::from_event(event)? {
        Some(claims) => run_batch(args, inputs, claims, ctx),
        None => Ok(verify(args, inputs, &Claim::from_event(event)?, None, &args.within(ctx))?.outcome),
    }
}

/// Verifies each service of a payload by itself. A service that does not pass is not among the outputs, and keeps the step from
/// passing; it does not keep the others back.
///
/// # Errors
/// A signal. What stands against a service is in its report.
fn run_batch(
    args: &Args,
    inputs: &RunInputs<'_>,
    claims: Claims,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let mut services: Vec<BatchedService> = Vec::new();
    let Claims { by_service, signed } = claims;
    for (service, claim) in by_service {
        let group = ctx.log.group(service.as_str());
        let mut partial = Report::open(Args::NAME, ctx.execution.wall());
        partial.subject = Subject { service: Some(service.clone()), ..inputs.subject.clone() };
        partial.dry_run = ctx.execution.dry_run;
        let execution = Execution { partial: PartialReport::new(partial), ..ctx.execution.clone() };
        let inner = args.within(&CommandContext { execution, ..ctx.clone() });
        let verified = match claim {
            Ok(claim) => verify(args, inputs, &claim, Some(&signed), &inner),
            Err(finding) => Ok(Verified::from(vec![judge::with_next_step(finding)])),
        };
        if matches!(verified, Err(CommandError::Cancelled)) {
            return Err(CommandError::Cancelled);
        }
        let mut report = inner.execution.partial.copy();
        let (mut unchanged, mut summary, mut people) = (None, None, Participants::default());
        let end = verified.map(|verified| {
            (unchanged, summary, people) = (verified.unchanged, verified.summary, verified.people);
            verified.outcome
        });
        report.close(end, ctx.execution.wall());
        ctx.log.say(&report.reason);
        drop(group);
        services.push(BatchedService { service, report, unchanged, summary, people });
        ctx.execution.partial.publish(&services.iter().map(BatchedService::finding).collect::<Vec<_>>());
    }
    let Some(environment) = &inputs.subject.environment else { return Ok(Outcome::default()) };
    let page = BatchPage { environment, services };
    ctx.execution.partial.edit(|partial| partial.subject = page.subject());
    Ok(page.outcome())
}

/// How the verification of one service ended.
#[derive(Default)]
struct Verified {
    outcome: Outcome,
    /// Why there is nothing to promote.
    unchanged: Option<String>,
    /// What changes and what the gates say, for the table of several services.
    summary: Option<[String; 2]>,
    people: Participants,
}

impl From<Vec<Finding>> for Verified {
    fn from(findings: Vec<Finding>) -> Self {
        Self { outcome: findings.into(), ..Self::default() }
    }
}

/// Verifies the claim about one service. `batch`: all services of its payload; one that did not change is not judged further.
///
/// # Errors
/// Bad input: invalid settings. The infra repository cannot be read.
fn verify(
    args: &Args,
    inputs: &RunInputs<'_>,
    claim: &Claim,
    batch: Option<&BTreeSet<Service>>,
    ctx: &CommandContext,
) -> Result<Verified, CommandError> {
    let RunInputs { subject, config, commands, .. } = *inputs;
    let environment = validate(args, subject)?;
    let service = &claim.payload.service;
    let origin = match find_origin(config, service)? {
        Ok(origin) => origin,
        Err(finding) => return Ok(vec![finding].into()),
    };
    let image_locators =
        ImageLocators::new(&args.image, &args.at.file, (service, environment), Some(&origin.image), &config.services)?;
    let issuer = proof::issuer(args.issuer.as_ref(), ctx)?;
    // Without a signature, anyone could name services, and so explain a failed job.
    let signed_names = batch.into_iter().flatten().filter(|_| args.proof == ProofMode::Required);
    let is_gate = |kind| matches!(kind, CommandKind::SoftwareGate | CommandKind::GateRunner);
    // A service whose config has limits for its bundle has to measure it.
    let sized = origin.bundle_size.iter().map(|_| bundle::GATE.to_owned());
    let sized = sized.filter(|gate| !args.required.contains(gate));
    let required: Vec<String> = args.required.iter().cloned().chain(sized).collect();
    let other_commands = names_where(commands, |kind| !is_gate(kind));
    let mut verification = Verification {
        claim,
        origin,
        policy: &config.policy,
        people: &config.people,
        other_services: other_services(config, service, origin, signed_names),
        required: &required,
        environment,
        pinned: subject,
        max_age: args.max_age,
        min_age: args.min_age,
        allow_first: args.allow_first,
        unknown_authors: args.unknown_authors,
        issuer: issuer.as_str(),
        signed: None,
        other_commands: &other_commands,
        own_run: ctx.runner_env.run.as_ref().map(|run| run.url.as_str()),
    };
    ctx.execution
        .partial
        .edit(|partial| partial.subject = Subject { environment: Some(environment.clone()), ..verification.release() });
    let mut claims: Vec<Finding> = verification.check_claims().into_iter().map(judge::with_next_step).collect();
    ctx.execution.partial.publish(&claims);
    let are_claims_true = claims.iter().all(|finding| finding.verdict == Verdict::Passed);
    if args.proof == ProofMode::Required && are_claims_true {
        claims.push(match proof::verify(claim, &issuer, args.timeout, ctx) {
            Ok(signed) => {
                let finding = verification.check_signature(&signed, ctx.execution.clock.wall());
                verification.signed = Some(signed);
                judge::with_next_step(finding)
            }
            Err(finding) => judge::with_next_step(finding),
        });
        ctx.execution.partial.publish(&claims);
    }
    let source_token = args.source_token.as_ref().or(args.token.as_ref());
    if verification.is_of_other_repository() {
        // Only the trusted name is looked up.
        let github = ctx.github(source_token, args.timeout)?;
        let finding = verification.check_repository(github.new_name(&origin.repository).as_ref());
        if let Some(known) = claims.iter_mut().find(|known| known.check == judge::REPOSITORY) {
            *known = judge::with_next_step(finding);
        }
    }
    if claims.iter().any(|finding| finding.verdict != Verdict::Passed) {
        // The ids in the payload are not of the trusted repository and release, so looking them up would prove nothing.
        return Ok(claims.into());
    }
    let place = InfraRepo::open(&args.at, args.token.as_ref(), &config.services, ctx)?;
    let observer = EvidenceObserver {
        verification: &verification,
        github: Arc::new(ctx.github(source_token, REQUEST_TIMEOUT)?),
        place: &place,
        image_locators: &image_locators,
        annotation_delay: args.annotations_timeout.0,
        timeout: args.timeout.0,
        ctx,
    };
    let observations = observer.observe()?;
    ctx.execution.partial.edit(|partial| partial.subject = verification.subject(&observations));
    if let Some(why) = verification.unchanged(&observations).filter(|_| batch.is_some()) {
        let finding = Finding::passed("unchanged").actual(&why).expected("nothing to promote");
        return Ok(Verified { unchanged: Some(why), ..vec![finding].into() });
    }
    let mut findings = verification.judge(&observations);
    let mut outputs = verification.outputs(&observations);
    let ready = finding::verdict(&findings) == Verdict::Passed;
    let services: Vec<&Service> = ready.then_some(service).into_iter().collect();
    outputs.insert("services", serde_json::json!(services).to_string());
    let (outputs, long_outputs) =
        if batch.is_some() { (pack::of_batch(outputs), BTreeMap::new()) } else { pack::split_long(outputs) };
    findings.extend(pack::check_size(&outputs, 1));
    let title = Some(verification.title(&observations));
    let tables = verification.tables(&observations, ready && batch.is_none());
    let summary = Some(verification.short_summary(&observations));
    let people = observations.participants(verification.people);
    let outcome = Outcome { findings, title, tables, outputs, long_outputs, ..Outcome::default() };
    Ok(Verified { outcome, unchanged: None, summary, people })
}

/// Checks that clap cannot do. Returns the environment, which comes from the workflow and never from the payload.
fn validate<'a>(args: &Args, subject: &'a Subject) -> Result<&'a Environment, CommandError> {
    for (name, duration) in [("timeout", args.timeout), ("max-age", args.max_age)] {
        if duration.0.is_zero() {
            return Err(Finding::inconclusive(format!("`{name}`"))
                .actual("0s")
                .expected("some time, such as 30s")
                .bad_input());
        }
    }
    if let Some(min_age) = args.min_age.filter(|min_age| min_age.0 >= args.max_age.0) {
        return Err(Finding::inconclusive("`min-age`")
            .actual(min_age.to_string())
            .expected(format!("less than `max-age`, which is {}", args.max_age))
            .bad_input());
    }
    subject.environment.as_ref().ok_or_else(|| {
        Finding::inconclusive("`environment`")
            .actual("not given")
            .expected("the environment to promote to, named by the workflow")
            .next("add for instance `environment: production` to the step")
            .bad_input()
    })
}

/// The `repository_dispatch` event that started the workflow.
fn dispatched_event<'a>(args: &Args, ctx: &'a CommandContext) -> Result<&'a RepositoryDispatch, CommandError> {
    let finding =
        || Finding::inconclusive("event").expected(format!("a `repository_dispatch` of type {}", args.event_type));
    match ctx.world.event(&ctx.runner_env)? {
        TriggerEvent::RepositoryDispatch(dispatched) if dispatched.action == args.event_type.to_string() => {
            Ok(dispatched)
        }
        TriggerEvent::RepositoryDispatch(dispatched) => Err(finding()
            .actual(format!("a `repository_dispatch` of type {}", clip(&dispatched.action, 100)))
            .next("name its type with `event-type`")
            .bad_input()),
        TriggerEvent::WorkflowRun(_) | TriggerEvent::Other => {
            let name = ctx.runner_env.event_name.as_deref().unwrap_or("none that is known");
            let next = "run it in a workflow `on: repository_dispatch`";
            Err(finding().actual(format!("`{}`", clip(name, 100))).next(next).bad_input())
        }
    }
}

/// The services that the repository of this one also has, by the config file, and those that the same job signed for.
fn other_services<'a>(
    config: &'a Config,
    service: &Service,
    origin: &ServiceSource,
    signed: impl Iterator<Item = &'a Service>,
) -> Vec<&'a str> {
    let repository = origin.repository.to_string();
    let is_same = |source: &ServiceSource| source.repository.to_string().eq_ignore_ascii_case(&repository);
    let others = config.services.iter().filter(|(name, source)| *name != service && is_same(source));
    others.map(|(name, _)| name).chain(signed.filter(|name| *name != service)).map(Service::as_str).collect()
}

/// The trusted source of a service. The inner error is the finding for a service that the config file does not list.
fn find_origin<'a>(config: &'a Config, service: &Service) -> Result<Result<&'a ServiceSource, Finding>, CommandError> {
    let file = config.file.as_ref().map_or(DEFAULT_PATH, |file| file.path.as_str());
    if config.services.is_empty() {
        return Err(Finding::inconclusive("`services`")
            .actual(format!("none in {file}"))
            .expected("for each service its repository, workflow and image")
            .next("add `services:` to the config file, as the page of `evidence` shows")
            .bad_input());
    }
    let known: Vec<&str> = config.services.keys().map(Service::as_str).collect();
    Ok(config.services.get(service).ok_or_else(|| {
        let close = closest(service.as_str(), &known).map(|close| format!("; {close} is known")).unwrap_or_default();
        Finding::blocked("service")
            .actual(format!("{service} is not in `services` of {file}{close}"))
            .expected("a service that the config file lists")
            .next("add a new service by a change of that file")
    }))
}
