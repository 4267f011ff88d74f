//! The rollout gate: the new revision of every workload is complete, runs the image under promotion, and stays healthy.
//!
//! | what is observed of a workload | verdict |
//! |---|---|
//! | the new revision is observed, updated and available, no pod of the old one is left, its pods run the image, for `stabilize` | passed |
//! | a pod that cannot recover or is unhealthy for too long; a rollout that was given up or takes too long; another image after `appear-timeout`; no such workload | blocked |
//! | no pod is requested; the version of the image is unknown; the controller does not know how the workload is; the cluster does not answer or grants too little access | inconclusive |
//!
//! Workloads are listed and watched first, each kind once, and then the objects that they own, by the labels that their
//! selectors require (`selection`). `observations` keeps what the objects no longer
//! show; `judge` and the files it takes from decide.

mod cluster_args;
mod creation_failures;
mod diagnostics;
mod headline;
mod history;
mod image;
mod image_names;
mod judge;
mod limits;
mod live_state;
mod observations;
mod pod_history;
mod pod_problems;
mod pod_status;
mod pod_warnings;
mod progress;
mod running_digests;
mod selection;
mod snapshot;
mod sources;
mod stability;
mod states;
mod timeline;
mod views;
mod workload;

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use crate::{
    commands::health::endpoints::{self, EndpointObservations, EndpointProbes},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    observe::{Decision, Judgement, observe_until_decided},
    report::Outcome,
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::registry::Registry,
};
use diagnostics::Diagnostics;
use image::ExpectedImage;
use judge::judge;
use limits::WorkloadLimits;
use live_state::LiveLog;
use observations::WorkloadObservations;
use sources::{HealthFact, WatchControl, WatchSources, log_source, registry_source};
use states::GracePeriod;

pub use cluster_args::ClusterArgs;
pub use running_digests::{DIGEST, PLATFORM_DIGEST};
pub use states::states;
pub use workload::{Workload, WorkloadKind};

const MAX_WORKLOADS: usize = 100;
/// Time beyond the limits of the judge, which decides before.
const SLACK: Duration = Duration::from_secs(60);

/// Settings of the rollout.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Workloads to watch, as `deployment/NAME`; other kinds: statefulset, daemonset, rollout, application, kustomization, helmrelease
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Vec<Workload>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// How long the image under promotion may take to appear in the cluster
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub appear_timeout: HumanDuration,
    /// How long the rollout may take once it has started
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub rollout_timeout: HumanDuration,
    /// How long each container must have run, and one that restarted longer than its previous run; 0: ready for a moment is enough
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub stabilize: HumanDuration,
    /// How long a pod may be unhealthy
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub max_unhealthy: HumanDuration,
    /// Number of crashes of one container at which the gate blocks
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = crashes)]
    pub crash_limit: u32,
    /// Grace periods: how long a state is tolerated, as in `image-pull 5m` or `failed-create never` [default: see the table of states]
    #[arg(long, value_name = "STATE DURATION")]
    pub grace: Vec<GracePeriod>,
    /// Pass a workload even if it requests no pods, and a Kustomization or a HelmRelease without health checks
    #[arg(long)]
    pub allow_empty: bool,
    /// Token that may read the image's manifests, as `user:token` or alone, sent only to the registry of `image`
    #[arg(long, value_name = "REGISTRY_TOKEN")]
    pub registry_token: Option<Secret>,
    /// How long the API server may take to start a response
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub api_timeout: HumanDuration,
}

fn crashes(text: &str) -> Result<u32, ValueError> {
    text.parse().ok().filter(|count| (1..=100).contains(count)).ok_or(ValueError::new("a whole number from 1 to 100"))
}

/// Watches every workload until it is decided. Once all have passed, the endpoints are probed, and the workloads watched until
/// these are decided as well.
///
/// # Errors
/// Bad input: a kubeconfig or a context that cannot be used. [`CommandError::Cancelled`].
pub fn run(
    args: &Args,
    subject: &Subject,
    ctx: &CommandContext,
    probes: &EndpointProbes<'_>,
    responses: &mut EndpointObservations,
) -> Result<Outcome, CommandError> {
    let workloads = check(args, subject)?;
    let cluster = args.cluster.connect(args.api_timeout, ctx)?;
    let registry = match (&subject.image, &subject.digest, &args.registry_token) {
        (Some(image), Some(digest), Some(token)) => {
            Some((Registry::new(ctx.world.http().clone(), image, token.clone()), digest.to_string()))
        }
        _ => None,
    };
    let limits = WorkloadLimits {
        workloads,
        context: cluster.context().to_owned(),
        namespace: cluster.namespace().to_owned(),
        image: ExpectedImage::from_subject(subject),
        appear_timeout: args.appear_timeout.0,
        rollout_timeout: args.rollout_timeout.0,
        stabilize: args.stabilize.0,
        max_unhealthy: args.max_unhealthy.0,
        crash_limit: i32::try_from(args.crash_limit).unwrap_or(i32::MAX),
        grace_periods: args.grace.clone(),
        allow_empty: args.allow_empty,
        asks_registry: registry.is_some(),
    };
    ctx.log.say(&format!("watching the namespace {} of {}", limits.namespace, limits.context));
    let mut observations = (WorkloadObservations::new(&limits.workloads), responses);
    let live_log = RefCell::new(LiveLog::new(limits.workloads.len()));
    let control = WatchControl::default();
    let open_digests = RefCell::new(Vec::new());
    let mut sources = WatchSources { cluster: &cluster, limits: &limits, control: &control }.all();
    sources.push(log_source());
    sources.extend(registry.map(|(registry, expected)| registry_source(registry, expected, &open_digests)));
    // The rollout has passed once, so the endpoints are probed.
    let passed = Cell::new(false);
    sources.extend(probes.sources(HealthFact::Probed, || passed.get()));
    let time_limit = limits.appear_timeout + limits.rollout_timeout + limits.stabilize + limits.max_unhealthy + SLACK;
    let mut findings = observe_until_decided(
        &ctx.execution,
        time_limit + probes.time_limit(),
        sources,
        &mut observations,
        |(observations, responses), at, fact| {
            let (selection, update) = match fact {
                HealthFact::Probed(probe) => return probes.record(responses, probe),
                HealthFact::Tick => return,
                HealthFact::Watched(selection, update) => (selection, update),
            };
            // From a watch with an earlier selector.
            if selection.is_some_and(|version| version != observations.selection.version) {
                return;
            }
            observations.absorb(&limits, at, *update);
            *open_digests.borrow_mut() = observations.open_digests(&limits);
            control.follow(observations);
        },
        |(observations, responses), now| {
            // Here and not at each fact: there may be hundreds at once.
            for line in live_log.borrow_mut().update(&limits, observations, now) {
                ctx.log.say(&line);
            }
            let rollout = judge(&limits, observations, now);
            if probes.urls.is_empty() {
                return rollout;
            }
            let is_good = rollout.decision == Decision::Decided && verdict(&rollout.findings) == Verdict::Passed;
            match passed.replace(passed.get() || is_good) {
                true => with_endpoints(rollout, endpoints::judge::judge(&probes.limits, responses)),
                // The first probes begin at once.
                false if is_good => Judgement::pending_until(rollout.findings, now),
                false => rollout,
            }
        },
    )?;
    let (observations, _) = observations;
    if !probes.urls.is_empty() && !passed.get() {
        ctx.log.say("no request is sent to the endpoints: the rollout did not pass");
    }
    let outputs = running_digests::outputs(&limits, &observations);
    let failed: Vec<usize> =
        (0..limits.workloads.len()).filter(|index| needs_diagnostics(&limits.workloads[*index], &findings)).collect();
    if failed.is_empty() {
        return Ok(Outcome { findings, outputs, ..Outcome::default() });
    }
    let Diagnostics { tables, warnings } = diagnostics::fetch(&limits, &observations, &cluster, &failed, ctx);
    for (index, warning) in warnings {
        let name = limits.workloads[index].to_string();
        for finding in findings.iter_mut().filter(|finding| finding.check == name) {
            finding.actual.push_str(&format!("; last warning: {warning}"));
            if let (Some(figures), Some((reason, _))) = (&mut finding.figures, warning.split_once(": ")) {
                figures.cause = Some(format!("`{reason}`"));
            }
        }
    }
    Ok(Outcome { findings, tables, outputs, ..Outcome::default() })
}

/// The judgement on the rollout and its endpoints: decided when both are, or when one of them is not passed.
fn with_endpoints(rollout: Judgement, endpoints: Judgement) -> Judgement {
    let fails = |one: &Judgement| one.decision == Decision::Decided && verdict(&one.findings) != Verdict::Passed;
    let decision = match (rollout.decision, endpoints.decision) {
        _ if fails(&rollout) || fails(&endpoints) => Decision::Decided,
        (Decision::Decided, decision) => decision,
        (pending, _) => pending,
    };
    Judgement { findings: rollout.findings.into_iter().chain(endpoints.findings).collect(), decision }
}

/// Blocked workloads need diagnostics. Those without pods also need them when inconclusive: the status of a controller is
/// already known, and costs no request.
fn needs_diagnostics(workload: &Workload, findings: &[Finding]) -> bool {
    let name = workload.to_string();
    let verdicts = findings.iter().filter(|finding| finding.check == name).map(|finding| finding.verdict);
    verdicts.into_iter().any(|verdict| match verdict {
        Verdict::Blocked => true,
        Verdict::Inconclusive => !workload.kind.has_pods(),
        Verdict::Passed => false,
    })
}

/// Checks that the settings go together. Returns each workload once.
fn check(args: &Args, subject: &Subject) -> Result<Vec<Workload>, CommandError> {
    let mut workloads = Vec::new();
    for workload in &args.workload {
        if !workloads.contains(workload) {
            workloads.push(workload.clone());
        }
    }
    if workloads.len() > MAX_WORKLOADS {
        return Err(Finding::inconclusive("`workload`")
            .actual(format!("{} of them", workloads.len()))
            .expected(format!("at most {MAX_WORKLOADS}"))
            .bad_input());
    }
    args.cluster.check()?;
    let names_version = ExpectedImage::from_subject(subject).names_version();
    if names_version && !workloads.iter().any(|workload| workload.kind.reports_images()) {
        return Err(Finding::inconclusive("`workload`")
            .actual("only Kustomizations and HelmReleases, which report no image, and a tag or a digest to look for")
            .expected("a workload that reports which image it runs")
            .next(
                "watch its Deployment as well, as in `deployment/checkout`; if that is in another namespace, watch it in a \
                 separate step, and give this one no tag and no digest",
            )
            .bad_input());
    }
    Ok(workloads)
}
