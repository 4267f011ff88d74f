//! Selects a context of a kubeconfig: its API server, credentials and namespace.
//!
//! The selection has no fallbacks: an unknown context or user is an error, and never in-cluster or anonymous access.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kube::config::{
    AuthInfo, Cluster, Config, ExecAuthCluster, ExecInteractiveMode, Kubeconfig, KubeconfigError, LoadDataError,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    content::{KUBECONFIG_PARTS, parse_kubeconfig},
    error::causes,
};
use crate::{finding::Finding, secret::Secret, values::closest, world::url::Url};

/// The largest kubeconfig, certificate or token file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// Where the access to a cluster is configured.
#[derive(Clone, Debug)]
pub enum KubeconfigSource {
    /// The text of a kubeconfig, and the folder that its relative paths start from.
    Content(Secret, PathBuf),
    /// Files that are merged; the first one that sets a value takes precedence.
    Files(Vec<PathBuf>),
    /// The service account of the pod that this process runs in; host and port of the API server.
    InCluster(String, String),
}

/// An API server, the user, and a namespace.
#[derive(Clone, Debug)]
pub struct ClusterTarget {
    /// The name of the context, or `this cluster`.
    pub context: String,
    pub server: Url,
    /// The `proxy-url` of the kubeconfig. It takes precedence over the environment.
    pub proxy: Option<String>,
    pub namespace: String,
    /// The credential plugin has not run yet, and the token file has not been read.
    pub config: Config,
}

/// Reads the source and selects the given context, or the current one.
///
/// # Errors
/// A finding about `kubeconfig` or `context`. It shows names and settings of the kubeconfig, and never a secret.
pub fn load_target(
    source: &KubeconfigSource,
    context: Option<&str>,
    namespace: Option<&str>,
) -> Result<ClusterTarget, Finding> {
    let all = match source {
        KubeconfigSource::InCluster(host, port) => return in_cluster(host, port, namespace),
        KubeconfigSource::Content(text, folder) => {
            resolve_paths(parse_kubeconfig("`kubeconfig`", text.expose())?, folder)
        }
        KubeconfigSource::Files(paths) => read_files(paths)?,
    };
    if all.contexts.is_empty() && all.clusters.is_empty() {
        return Err(Finding::inconclusive(source_name(source))
            .actual("neither `contexts` nor `clusters` in it")
            .expected(KUBECONFIG_PARTS));
    }
    let names: Vec<&str> = all.contexts.iter().map(|one| one.name.as_str()).collect();
    let Some(wanted) = context.or(all.current_context.as_deref().filter(|name| !name.is_empty())) else {
        return Err(Finding::inconclusive("`context`")
            .actual("not given, and the kubeconfig has no current context")
            .expected(one_of(&names))
            .next("give the context of the environment that is checked"));
    };
    let Some(chosen) = all.contexts.iter().find(|one| one.name == wanted) else {
        return Err(Finding::inconclusive("`context`")
            .actual(format!("{wanted:?}, which is not in the kubeconfig"))
            .expected(one_of(&names))
            .did_you_mean(closest(wanted, &names)));
    };
    let missing = |part: &str, name: &str| {
        Finding::inconclusive("`kubeconfig`")
            .actual(format!("the context {wanted:?} names the {part} {name:?}, which is not in it"))
            .expected("a kubeconfig with every part of the context")
    };
    let chosen = chosen.context.clone().unwrap_or_default();
    let cluster = all.clusters.iter().find(|one| one.name == chosen.cluster);
    let cluster = cluster.ok_or_else(|| missing("cluster", &chosen.cluster))?.cluster.clone().unwrap_or_default();
    let user = match chosen.user.as_deref().unwrap_or_default() {
        "" => AuthInfo::default(),
        name => {
            let user = all.auth_infos.iter().find(|one| one.name == name).ok_or_else(|| missing("user", name))?;
            user.auth_info.clone().unwrap_or_default()
        }
    };
    let namespace = namespace.or(chosen.namespace.as_deref()).filter(|name| !name.is_empty()).unwrap_or("default");
    assemble(wanted, namespace, cluster, user)
}

/// The name of the kubeconfig in messages; several files are one kubeconfig.
fn source_name(source: &KubeconfigSource) -> String {
    match source {
        KubeconfigSource::Files(paths) => {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            format!("kubeconfig {}", paths.join(":"))
        }
        KubeconfigSource::Content(..) | KubeconfigSource::InCluster(..) => "`kubeconfig`".to_owned(),
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "a kubeconfig with contexts".to_owned(),
        names => format!("one of {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Reads files and merges them. As in kubectl, missing files are skipped; but at least one file has to exist.
fn read_files(paths: &[PathBuf]) -> Result<Kubeconfig, Finding> {
    let mut all = None;
    for path in paths {
        let name = format!("kubeconfig {}", path.display());
        let text = match read_bounded(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && paths.len() > 1 => continue,
            Err(error) => {
                return Err(Finding::inconclusive(name)
                    .actual(error.to_string())
                    .expected("a kubeconfig")
                    .next("give `kubeconfig`, as a path or as the content of a secret"));
            }
        };
        let one = resolve_paths(parse_kubeconfig(&name, &text)?, path.parent().unwrap_or(Path::new("")));
        all = Some(match all {
            None => one,
            Some(all) => Kubeconfig::merge(all, one).map_err(|error| {
                Finding::inconclusive(name).actual(causes(&error)).expected("kubeconfigs of the same kind")
            })?,
        });
    }
    all.ok_or_else(|| {
        Finding::inconclusive("`kubeconfig`")
            .actual("none: not given, and no file where kubectl looks for it")
            .expected("a path, or the content of a kubeconfig")
            .next(
                "give `kubeconfig`, and see whether the secret that it comes from is set; or give `in-cluster: true` on a \
                 runner inside the cluster",
            )
    })
}

/// Makes relative paths in a kubeconfig start from its folder.
fn resolve_paths(mut all: Kubeconfig, folder: &Path) -> Kubeconfig {
    let clusters = all.clusters.iter_mut().filter_map(|one| one.cluster.as_mut());
    let authorities = clusters.map(|cluster| &mut cluster.certificate_authority);
    for path in authorities.flatten().filter(|path| !path.is_empty()) {
        *path = folder.join(&*path).display().to_string();
    }
    for user in all.auth_infos.iter_mut().filter_map(|one| one.auth_info.as_mut()) {
        let files = [&mut user.client_certificate, &mut user.client_key, &mut user.token_file];
        for path in files.into_iter().flatten().filter(|path| !path.is_empty()) {
            *path = folder.join(&*path).display().to_string();
        }
        let plugin = user.exec.as_mut().and_then(|exec| exec.command.as_mut());
        if let Some(command) = plugin.filter(|command| command.contains('/')) {
            *command = folder.join(&*command).display().to_string();
        }
    }
    all
}

/// Reads a text file of at most 1 MiB.
pub(super) fn read_bounded(path: &Path) -> std::io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST_FILE {
        return Err(std::io::Error::other("not a file of at most 1 MiB"));
    }
    fs::read_to_string(path)
}

fn in_cluster(host: &str, port: &str, namespace: Option<&str>) -> Result<ClusterTarget, Finding> {
    let invalid = |actual: String| {
        Finding::inconclusive("`in-cluster`")
            .actual(actual)
            .expected("a runner in a pod with a service account")
            .next("give `kubeconfig` instead, or mount the service account's token into the runner's pod")
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let server = format!("https://{host}:{port}");
    let server: Url = server.parse().map_err(|error| invalid(format!("{server:?}: {error}")))?;
    let mut config = Config::incluster_dns().map_err(|error| invalid(causes(&error)))?;
    config.cluster_url = server.full().parse().map_err(|_| invalid(format!("{server:?} is not a URI")))?;
    let namespace = namespace.map_or_else(|| config.default_namespace.trim().to_owned(), ToOwned::to_owned);
    Ok(ClusterTarget { context: "this cluster".to_owned(), server, proxy: None, namespace, config })
}

/// Checks the parts of a context. kube's own conversion to a `Config` is not used: it reads the environment's proxy by other
/// rules.
fn assemble(context: &str, namespace: &str, cluster: Cluster, mut user: AuthInfo) -> Result<ClusterTarget, Finding> {
    let finding = || Finding::inconclusive(format!("`kubeconfig`: the cluster of {context:?}"));
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Err(finding()
            .actual("`insecure-skip-tls-verify: true`: anyone on the network path could forge the answers")
            .expected("`certificate-authority-data`")
            .next("copy the authority from the cluster's own kubeconfig"));
    }
    let server = cluster.server.as_deref().unwrap_or_default();
    let server: Url =
        server.parse().map_err(|error| finding().actual(format!("server: {error}")).expected("https://<host>"))?;
    if !server.is_https() && !server.is_loopback() {
        return Err(finding()
            .actual(format!("`server: {server}`, where anyone on the network path could read the token"))
            .expected("https://<host>, or http:// on loopback"));
    }
    let uri =
        server.full().parse().map_err(|_| finding().actual("`server` is not a URI").expected("https://<host>"))?;
    let mut config = Config::new(uri);
    // This loads the certificate authority, and is what a plugin with `provideClusterInfo` receives.
    let info = ExecAuthCluster::try_from(&cluster).map_err(|error| authority_error(&error))?;
    config.root_cert = info.certificate_authority_data.as_deref().map(parse_authorities).transpose()?;
    config.tls_server_name = cluster.tls_server_name.filter(|name| !name.is_empty());
    if let Some(exec) = &mut user.exec {
        exec.cluster = exec.provide_cluster_info.then_some(info);
    }
    config.auth_info = require_unattended(context, user)?;
    Ok(ClusterTarget {
        context: context.to_owned(),
        server,
        proxy: cluster.proxy_url.filter(|url| !url.is_empty()),
        namespace: namespace.to_owned(),
        config,
    })
}

fn parse_authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>, Finding> {
    let invalid = |actual: &str| {
        Finding::inconclusive("`kubeconfig`")
            .actual(format!("`certificate-authority`: {actual}"))
            .expected("PEM of certificates")
    };
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|one| one.map(|certificate| certificate.to_vec())).collect();
    let all = all.map_err(|_| invalid("not PEM"))?;
    if all.is_empty() { Err(invalid("no certificate in it")) } else { Ok(all) }
}

/// Why kube could not load the certificate authority. The error does not quote invalid base64: it may be a secret.
fn authority_error(error: &KubeconfigError) -> Finding {
    let reason = match error {
        KubeconfigError::LoadCertificateAuthority(LoadDataError::DecodeBase64(_)) => "not base64".to_owned(),
        KubeconfigError::LoadCertificateAuthority(LoadDataError::ReadFile(error, path)) => {
            format!("{}: {error}", path.display())
        }
        _ => "it cannot be used".to_owned(),
    };
    Finding::inconclusive("`kubeconfig`")
        .actual(format!("`certificate-authority`: {reason}"))
        .expected("the path of a file with PEM, or PEM as base64 in `certificate-authority-data`")
}

/// Returns the user if its credentials need no input from a person.
fn require_unattended(context: &str, mut user: AuthInfo) -> Result<AuthInfo, Finding> {
    let finding = || Finding::inconclusive(format!("`kubeconfig`: the user of {context:?}"));
    if let Some(exec) = &user.exec {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(finding()
                .actual("a credential plugin that needs a terminal (`interactiveMode: Always`)")
                .expected("a plugin that works without a terminal"));
        }
        // A plugin takes precedence over all other credentials, as in kubectl.
        (user.username, user.password, user.token, user.token_file) = Default::default();
    } else if user.auth_provider.is_some() {
        return Err(finding()
            .actual("`auth-provider`, which Kubernetes removed in v1.26")
            .expected("a token, a client certificate, or a credential plugin (`exec`)"));
    }
    user.auth_provider = None;
    Ok(user)
}

#[cfg(test)]
mod tests;
