//! Which cluster, and with which account: the settings of `health` and `doctor`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::workload;
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    secret::Secret,
    values::HumanDuration,
    world::cluster::{Cluster, ClusterAccess, KubeconfigSource, kubeconfig_content},
};

/// Characters of a path. Longer text may be a secret: a kubeconfig in base64, or a token.
const LONGEST_PATH: usize = 255;

/// Settings of the access to a cluster.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct ClusterArgs {
    /// Namespace of the workloads [default: that of the context, else `default`]
    #[arg(long, value_parser = workload::namespace)]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: its current context]
    #[arg(long)]
    pub context: Option<String>,
    /// Kubeconfig, as a path or as its content, also in base64 [default: `KUBECONFIG`, else `~/.kube/config`]
    #[arg(long)]
    pub kubeconfig: Option<Secret>,
    /// Use the service account of the runner's pod instead of a kubeconfig
    #[arg(long)]
    pub in_cluster: bool,
}

impl ClusterArgs {
    /// Checks that the settings go together.
    ///
    /// # Errors
    /// Bad input: two ways to the cluster.
    pub fn check(&self) -> Result<(), CommandError> {
        let also_given = match (&self.kubeconfig, &self.context) {
            (Some(_), _) => "`true`, and `kubeconfig` is given as well",
            (None, Some(_)) => "`true`, and `context` is given as well",
            (None, None) => return Ok(()),
        };
        if self.in_cluster {
            return Err(Finding::inconclusive("`in-cluster`")
                .actual(also_given)
                .expected("one way to the cluster: `in-cluster`, or `kubeconfig` and `context`")
                .bad_input());
        }
        Ok(())
    }

    /// Whether there is an account to ask a cluster with. On a runner, its own kubeconfig counts only with `context`.
    #[must_use]
    pub fn names_cluster(&self, ctx: &CommandContext) -> bool {
        let is_at_hand = || (!ctx.runner_env.actions || self.context.is_some()) && !kubectl_paths(ctx).is_empty();
        self.in_cluster || self.kubeconfig.is_some() || is_at_hand()
    }

    /// Reads the kubeconfig. The first request connects.
    ///
    /// # Errors
    /// Bad input: a kubeconfig or a context that cannot be used.
    pub fn connect(&self, api_timeout: HumanDuration, ctx: &CommandContext) -> Result<Cluster, CommandError> {
        let runner_env = &ctx.runner_env;
        let directory = || runner_env.workspace.clone().or_else(|| env::current_dir().ok()).unwrap_or_default();
        let source = match &self.kubeconfig {
            _ if self.in_cluster => in_cluster_source(ctx)?,
            Some(kubeconfig) => {
                if let Some(content) = kubeconfig_content(kubeconfig.expose()) {
                    KubeconfigSource::Content(Secret::new(content.into_owned()), directory())
                } else {
                    let path = expand_home(Path::new(kubeconfig_path(kubeconfig)?), runner_env.home.as_deref());
                    KubeconfigSource::Files(vec![directory().join(path)])
                }
            }
            None => KubeconfigSource::Files(default_kubeconfigs(self, ctx)?),
        };
        ctx.world.cluster(ClusterAccess {
            source,
            context: self.context.clone(),
            namespace: self.namespace.clone(),
            timeout: api_timeout.0,
            withheld: runner_env.withheld.clone(),
        })
    }
}

/// Replaces a leading `~`, which no shell expands in an input or in a list of paths. `~name` stays as it is.
fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// A path is shown in messages. Content that is not recognized, such as a token, would be taken for a path, and must not be
/// shown.
fn kubeconfig_path(kubeconfig: &Secret) -> Result<&str, CommandError> {
    let text = kubeconfig.expose();
    let length = text.chars().count();
    if length <= LONGEST_PATH {
        return Ok(text);
    }
    Err(Finding::inconclusive("`kubeconfig`")
        .actual(format!("{length} characters on one line, which are not shown: they may be a secret"))
        .expected(format!("a path of at most {LONGEST_PATH} characters, or the content of a kubeconfig"))
        .next("give the content of the file as it is, or the base64 of it")
        .bad_input())
}

fn in_cluster_source(ctx: &CommandContext) -> Result<KubeconfigSource, CommandError> {
    let Some((host, port)) = ctx.runner_env.in_cluster.clone() else {
        return Err(Finding::inconclusive("`in-cluster`")
            .actual("no KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: this does not run in a pod")
            .expected("a runner in a pod of the cluster")
            .next("give `kubeconfig` instead")
            .bad_input());
    };
    Ok(KubeconfigSource::InCluster(host, port))
}

/// The files that kubectl reads. In a job, the input `kubeconfig` is empty when its secret is not set, and a self-hosted runner
/// may have the kubeconfig of any cluster. The user must therefore name the context.
fn default_kubeconfigs(args: &ClusterArgs, ctx: &CommandContext) -> Result<Vec<PathBuf>, CommandError> {
    let paths = kubectl_paths(ctx);
    if ctx.runner_env.actions && args.context.is_none() && !paths.is_empty() {
        return Err(Finding::inconclusive("`kubeconfig`")
            .actual("not given, and the runner has a kubeconfig whose current context may be of any cluster")
            .expected("`kubeconfig`, or the `context` that is meant")
            .next("see whether the secret for `kubeconfig` is set")
            .bad_input());
    }
    Ok(paths)
}

fn kubectl_paths(ctx: &CommandContext) -> Vec<PathBuf> {
    let runner_env = &ctx.runner_env;
    if let Some(paths) = &runner_env.kubeconfig {
        let home = runner_env.home.as_deref();
        let paths = env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
        return paths.map(|path| expand_home(&path, home)).collect();
    }
    let home = runner_env.home.as_deref().unwrap_or(Path::new("/"));
    let path = home.join(".kube/config");
    // A default file that does not exist is reported as "no kubeconfig", not as a missing file.
    if fs::exists(&path).unwrap_or(false) { vec![path] } else { Vec::new() }
}
