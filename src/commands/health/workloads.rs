//! The rollout: whether the new revision of every workload is complete, runs the image under promotion, and stays well.
//!
//! | seen of a workload | verdict |
//! |---|---|
//! | the new revision observed, updated, available, nothing of the old one left, its pods running the image, for `stabilize` | passed |
//! | a pod that cannot recover, or is unhealthy for too long; a rollout that was given up or takes too long; another image after `appear-timeout`; no such workload | blocked |
//! | no pod asked for; an image whose version cannot be told; a controller that cannot tell how it is; a cluster that does not answer or lets us see too little | inconclusive |
//!
//! Kinds are listed and watched, each once in the namespace. What is judged is in `judge` and below it; `seen` keeps what
//! an object does not tell of its past.

mod image;
mod judge;
mod observations;
mod pods;
mod progress;
mod rules;
mod track;
mod views;
mod why;
mod workload;

use std::{
    cell::Cell,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict},
    observe::{PollInterval, Source, observe_until_decided},
    report::Outcome,
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::cluster::{self, Access, Cluster, Heard, News, Scope, objects::Object},
};
use image::Wanted;
use judge::judge;
use observations::{Fact, Seen};
use rules::{Grace, Rules};
use why::{Why, why};
use workload::{Kind, Workload};

pub use rules::states;

const MOST_WORKLOADS: usize = 100;
/// Characters of a path. A kubeconfig as base64 is longer, and so is a service account's token.
const LONGEST_PATH: usize = 255;
/// How soon after its end a watch is taken up again.
const AGAIN: Duration = Duration::from_secs(1);
/// Beyond what the judge waits for: it ends by itself.
const SLACK: Duration = Duration::from_secs(60);

/// Settings of the rollout.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Workloads to watch, as `deployment/NAME`; also statefulset, daemonset, rollout, application and kustomization
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Vec<Workload>,
    /// Namespace of the workloads [default: the context's, else `default`]
    #[arg(long, value_parser = workload::namespace)]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long)]
    pub context: Option<String>,
    /// Kubeconfig, as a path or as its content [default: `KUBECONFIG`, else `~/.kube/config`]
    #[arg(long)]
    pub kubeconfig: Option<Secret>,
    /// Use the service account of the pod that the runner is in, and no kubeconfig
    #[arg(long)]
    pub in_cluster: bool,
    /// How long the image under promotion may take to appear in the cluster
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub appear_timeout: HumanDuration,
    /// How long the rollout may take once it has begun
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub rollout_timeout: HumanDuration,
    /// How long no pod may go unready or restart after the rollout
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub stabilize: HumanDuration,
    /// How long a pod may be unhealthy
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub max_unhealthy: HumanDuration,
    /// How many crashes of one container are too many
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = crashes)]
    pub crash_limit: u32,
    /// After how long a state blocks, as in `image-pull 5m` or `failed-create never` [default: see the table of states]
    #[arg(long, value_name = "STATE DURATION")]
    pub grace: Vec<Grace>,
    /// Let a workload pass that is asked to run no pod
    #[arg(long)]
    pub allow_empty: bool,
    /// How long one answer of the cluster may take to begin
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub api_timeout: HumanDuration,
}

fn crashes(text: &str) -> Result<u32, ValueError> {
    text.parse().ok().filter(|count| (1..=100).contains(count)).ok_or(ValueError::new("a whole number from 1 to 100"))
}

/// Watches every workload until it is decided.
///
/// # Errors
/// Bad input: a kubeconfig or a context that cannot be used. [`CommandError::Cancelled`].
pub fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let workloads = check(args, subject)?;
    let cluster = connect(args, ctx)?;
    let rules = Rules {
        workloads,
        context: cluster.context().to_owned(),
        namespace: cluster.namespace().to_owned(),
        image: Wanted::of(subject),
        appear_timeout: args.appear_timeout.0,
        timeout: args.rollout_timeout.0,
        stabilize: args.stabilize.0,
        max_unhealthy: args.max_unhealthy.0,
        crash_limit: i32::try_from(args.crash_limit).unwrap_or(i32::MAX),
        graces: args.grace.clone(),
        allow_empty: args.allow_empty,
    };
    ctx.log.say(&format!("watching the namespace {} of {}", rules.namespace, rules.context));
    let mut seen = Seen::of(&rules.workloads);
    let refused = Cell::new(false);
    let watch = Watch { cluster: &cluster, rules: &rules, refused: &refused };
    let sources = watch.sources();
    let limit = rules.appear_timeout + rules.timeout + rules.stabilize + rules.max_unhealthy + SLACK;
    let mut findings = observe_until_decided(
        &ctx.execution,
        limit,
        sources,
        &mut seen,
        |seen, at, fact| {
            for line in seen.absorb(&rules, at, fact) {
                ctx.log.say(&line);
            }
            refused.set(seen.states().iter().any(|view| view.refused.is_some()));
        },
        |seen, now| judge(&rules, seen, now),
    )?;
    let failed: Vec<usize> = (0..rules.workloads.len())
        .filter(|place| {
            let workload = &rules.workloads[*place];
            let name = workload.to_string();
            // What a controller says of itself costs nothing to show.
            let is_told =
                |verdict| verdict == Verdict::Blocked || (verdict != Verdict::Passed && !workload.kind.has_pods());
            findings.iter().any(|finding| finding.check == name && is_told(finding.verdict))
        })
        .collect();
    if failed.is_empty() {
        return Ok(findings.into());
    }
    let Why { tables, warnings } = why(&rules, &seen, &cluster, &failed, ctx);
    for (place, warning) in warnings {
        let name = rules.workloads[place].to_string();
        for finding in findings.iter_mut().filter(|finding| finding.check == name) {
            finding.actual.push_str(&format!("; last warning: {warning}"));
        }
    }
    Ok(Outcome { findings, tables, ..Outcome::default() })
}

/// What no single setting can say of itself. Gives each workload once.
fn check(args: &Args, subject: &Subject) -> Result<Vec<Workload>, CommandError> {
    let mut workloads = Vec::new();
    for workload in &args.workload {
        if !workloads.contains(workload) {
            workloads.push(workload.clone());
        }
    }
    if workloads.len() > MOST_WORKLOADS {
        return Err(Finding::inconclusive("`workload`")
            .actual(format!("{} of them", workloads.len()))
            .expected(format!("at most {MOST_WORKLOADS}"))
            .bad_input());
    }
    let beside = match (&args.kubeconfig, &args.context) {
        (Some(_), _) => Some("`true`, and `kubeconfig` beside it"),
        (None, Some(_)) => Some("`true`, and `context` beside it"),
        (None, None) => None,
    };
    if let Some(beside) = beside.filter(|_| args.in_cluster) {
        return Err(Finding::inconclusive("`in-cluster`")
            .actual(beside)
            .expected("one way to the cluster: `in-cluster`, or `kubeconfig` and `context`")
            .bad_input());
    }
    if Wanted::of(subject).names_version() && !workloads.iter().any(|workload| workload.kind.tells_images()) {
        return Err(Finding::inconclusive("`workload`")
            .actual("only kustomizations, which tell no image, and a tag or a digest to look for")
            .expected("a workload that tells which image it runs")
            .next(
                "name its deployment beside it, as in `deployment/checkout`; when that is in another namespace, watch it in a \
                 step of its own, and give this one no tag and no digest",
            )
            .bad_input());
    }
    Ok(workloads)
}

fn connect(args: &Args, ctx: &CommandContext) -> Result<Cluster, CommandError> {
    let runner_env = &ctx.runner_env;
    let here = || runner_env.workspace.clone().or_else(|| env::current_dir().ok()).unwrap_or_default();
    let source = match &args.kubeconfig {
        _ if args.in_cluster => in_cluster(ctx)?,
        Some(given) if is_content(given.expose()) => cluster::Source::Content(given.clone(), here()),
        Some(path) => cluster::Source::Files(vec![here().join(path_of(path)?)]),
        None => cluster::Source::Files(usual(args, ctx)?),
    };
    ctx.world.cluster(Access {
        source,
        context: args.context.clone(),
        namespace: args.namespace.clone(),
        timeout: args.api_timeout.0,
        withheld: runner_env.withheld.clone(),
    })
}

fn is_content(text: &str) -> bool {
    text.contains('\n') || text.trim_start().starts_with('{')
}

/// A path may be shown. Content in a form that is not read, such as base64, would be taken for one, and has to be kept back.
fn path_of(given: &Secret) -> Result<&str, CommandError> {
    let text = given.expose();
    let length = text.chars().count();
    if length <= LONGEST_PATH {
        return Ok(text);
    }
    Err(Finding::inconclusive("`kubeconfig`")
        .actual(format!("{length} characters on one line, which are not shown: they may be a secret"))
        .expected(format!("a path of at most {LONGEST_PATH} characters, or the content of a kubeconfig"))
        .next("give the content as it stands in the file, not as base64")
        .bad_input())
}

fn in_cluster(ctx: &CommandContext) -> Result<cluster::Source, CommandError> {
    let Some((host, port)) = ctx.runner_env.in_cluster.clone() else {
        return Err(Finding::inconclusive("`in-cluster`")
            .actual("no KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: this runs in no pod")
            .expected("a runner in a pod of the cluster")
            .next("give `kubeconfig` instead")
            .bad_input());
    };
    Ok(cluster::Source::InCluster(host, port))
}

/// Where kubectl looks. An input that a secret fills is empty where the secret is not set, and a runner of one's own may have
/// a kubeconfig of any cluster: there, the one that is meant has to be named.
fn usual(args: &Args, ctx: &CommandContext) -> Result<Vec<PathBuf>, CommandError> {
    let paths = usual_paths(ctx);
    if ctx.runner_env.actions && args.context.is_none() && !paths.is_empty() {
        return Err(Finding::inconclusive("`kubeconfig`")
            .actual("not given, and the runner has one of its own, whose current context may be of any cluster")
            .expected("`kubeconfig`, or the `context` that is meant")
            .next("see whether the secret is set that `kubeconfig` is filled from")
            .bad_input());
    }
    Ok(paths)
}

fn usual_paths(ctx: &CommandContext) -> Vec<PathBuf> {
    let runner_env = &ctx.runner_env;
    if let Some(paths) = &runner_env.kubeconfig {
        return env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    let home = runner_env.home.as_deref().unwrap_or(Path::new("/"));
    let path = home.join(".kube/config");
    // Nothing there is nothing given, which is said in other words than a file that is missing.
    if fs::exists(&path).unwrap_or(false) { vec![path] } else { Vec::new() }
}

/// One source for each kind.
struct Watch<'a> {
    cluster: &'a Cluster,
    rules: &'a Rules,
    refused: &'a Cell<bool>,
}

impl<'a> Watch<'a> {
    fn sources(&self) -> Vec<Source<'a, Fact>> {
        let mut sources = Vec::new();
        if self.asks_for(Kind::Deployment) {
            sources.push(self.source(self.only(Kind::Deployment), Fact::Deployments));
        }
        if self.asks_for(Kind::Rollout) {
            sources.push(self.source(self.only(Kind::Rollout), Fact::Rollouts));
        }
        if self.asks_for(Kind::Deployment) || self.asks_for(Kind::Rollout) {
            sources.push(self.source(None, Fact::ReplicaSets));
        }
        if self.asks_for(Kind::StatefulSet) {
            sources.push(self.source(self.only(Kind::StatefulSet), Fact::StatefulSets));
        }
        if self.asks_for(Kind::DaemonSet) {
            sources.push(self.source(self.only(Kind::DaemonSet), Fact::DaemonSets));
            sources.push(self.source(None, Fact::Revisions));
        }
        if self.asks_for(Kind::Application) {
            sources.push(self.source(self.only(Kind::Application), Fact::Applications));
        }
        if self.asks_for(Kind::Kustomization) {
            sources.push(self.source(self.only(Kind::Kustomization), Fact::Kustomizations));
        }
        if self.rules.workloads.iter().any(|one| one.kind.has_pods()) {
            sources.push(self.source(None, Fact::Pods));
        }
        sources
    }

    fn asks_for(&self, kind: Kind) -> bool {
        self.rules.workloads.iter().any(|one| one.kind == kind)
    }

    /// The name of the only one of a kind; several share a watch on all.
    fn only(&self, kind: Kind) -> Option<String> {
        let mut names = self.rules.workloads.iter().filter(|one| one.kind == kind).map(|one| one.name.clone());
        names.next().filter(|_| names.next().is_none())
    }

    fn source<T: Object>(&self, name: Option<String>, fact: fn(News<T>) -> Fact) -> Source<'a, Fact> {
        let (cluster, refused) = (self.cluster, self.refused);
        let scope = Scope { namespace: self.rules.namespace.clone(), name };
        let heard = Heard::default();
        let source = Source::new(PollInterval::Every(AGAIN), move |reply| {
            let tell = move |news| reply.send(fact(news));
            Box::new(cluster.watch(scope.clone(), heard.clone(), tell))
        });
        source.until(|| refused.get())
    }
}
