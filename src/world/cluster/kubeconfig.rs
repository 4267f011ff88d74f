//! Kubeconfigs: which cluster a context means, and who we are there. Their types are kube's; nothing is guessed: a context
//! that is not there is an error that lists those that are, and never the cluster that this happens to run in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use kube::config::{
    AuthInfo, Cluster, Config, ExecAuthCluster, ExecInteractiveMode, Kubeconfig, KubeconfigError, LoadDataError,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::world::cluster::error::causes;
use crate::{finding::Finding, secret::Secret, values::closest, world::url::Url, yaml};

/// The largest file that is read for an access, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where it is written how to reach a cluster.
#[derive(Clone, Debug)]
pub enum Source {
    /// A kubeconfig itself; relative paths in it are taken from the folder.
    Content(Secret, PathBuf),
    /// Kubeconfigs; what an earlier one says is kept.
    Files(Vec<PathBuf>),
    /// The service account of the pod that this runs in; host and port of the API server.
    InCluster(String, String),
}

/// A cluster, and who we are there.
#[derive(Clone, Debug)]
pub struct Target {
    /// As errors name it: the context, or that it is this cluster.
    pub context: String,
    pub server: Url,
    /// The proxy, when not the one that the environment names.
    pub proxy: Option<String>,
    pub namespace: String,
    /// For kube. A credential plugin and a file with a token are still to be asked.
    pub config: Config,
}

/// Reads what the source says, and takes from it the context that was named or is current.
///
/// # Errors
/// A complaint about `kubeconfig` or `context`; never with what a kubeconfig holds but for the names of contexts.
pub fn target(source: &Source, context: Option<&str>, namespace: Option<&str>) -> Result<Target, Finding> {
    let all = match source {
        Source::InCluster(host, port) => return in_cluster(host, port, namespace),
        Source::Content(text, folder) => within(read("`kubeconfig`", text.expose())?, folder),
        Source::Files(paths) => files(paths)?,
    };
    let named: Vec<&str> = all.contexts.iter().map(|one| one.name.as_str()).collect();
    let Some(wanted) = context.or(all.current_context.as_deref().filter(|name| !name.is_empty())) else {
        return Err(Finding::inconclusive("`context`")
            .actual("not given, and the kubeconfig has no current one")
            .expected(one_of(&named))
            .next("name the context of the environment that is looked at"));
    };
    let Some(chosen) = all.contexts.iter().find(|one| one.name == wanted) else {
        return Err(Finding::inconclusive("`context`")
            .actual(format!("{wanted:?}, which the kubeconfig does not have"))
            .expected(one_of(&named))
            .did_you_mean(closest(wanted, &named)));
    };
    let missing = |what: &str, name: &str| {
        Finding::inconclusive("`kubeconfig`")
            .actual(format!("the context {wanted:?} names the {what} {name:?}, which is not in it"))
            .expected("a kubeconfig with every part of the context")
    };
    let chosen = chosen.context.clone().unwrap_or_default();
    let cluster = all.clusters.iter().find(|one| one.name == chosen.cluster);
    let cluster = cluster.ok_or_else(|| missing("cluster", &chosen.cluster))?.cluster.clone().unwrap_or_default();
    let user = match chosen.user.as_deref().unwrap_or_default() {
        "" => AuthInfo::default(),
        // kube would be nobody instead.
        name => {
            let user = all.auth_infos.iter().find(|one| one.name == name).ok_or_else(|| missing("user", name))?;
            user.auth_info.clone().unwrap_or_default()
        }
    };
    let namespace = namespace.or(chosen.namespace.as_deref()).filter(|name| !name.is_empty()).unwrap_or("default");
    assemble(wanted, namespace, cluster, user)
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "a kubeconfig with contexts".to_owned(),
        names => format!("one of {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Not by kube: its reader of YAML makes the program a megabyte larger, and repeats the lines around an error, where a token
/// may stand.
fn read(name: &str, text: &str) -> Result<Kubeconfig, Finding> {
    let wrong = |seen: String| {
        Finding::inconclusive(name).actual(seen).expected("a kubeconfig, with `contexts`, `clusters` and `users`")
    };
    let root = yaml::read(text).map_err(|error| wrong(format!("it cannot be read at {}", error.position)))?;
    let mut parts = BTreeMap::new();
    if let yaml::Value::Map(entries) = root.value {
        for (key, node) in entries {
            parts.insert(key.name, (key.line, json(node)));
        }
    }
    let mut part = |name: &str| parts.remove(name).unwrap_or_default();
    let all = Kubeconfig {
        current_context: said(part("current-context")).map_err(wrong)?,
        contexts: said(part("contexts")).map_err(wrong)?.unwrap_or_default(),
        clusters: said(part("clusters")).map_err(wrong)?.unwrap_or_default(),
        auth_infos: said(part("users")).map_err(wrong)?.unwrap_or_default(),
        ..Kubeconfig::default()
    };
    if all.contexts.is_empty() && all.clusters.is_empty() {
        return Err(wrong("neither `contexts` nor `clusters` in it".to_owned()));
    }
    Ok(all)
}

/// A part of a kubeconfig, and the line of its key. What is wrong with it is not repeated: it may be a secret.
fn said<T: DeserializeOwned>((line, part): (usize, Value)) -> Result<Option<T>, String> {
    serde_json::from_value(part).map_err(|_| format!("it cannot be read from line {line} on"))
}

/// A scalar is the text that was written: a token may look like a number. Three keys hold no text, and base64 may be broken
/// into lines.
fn json(node: yaml::Node) -> Value {
    const SWITCHES: [&str; 3] = ["insecure-skip-tls-verify", "disable-compression", "provideClusterInfo"];
    match node.value {
        yaml::Value::Text(text) if text == "null" || text == "~" => Value::Null,
        yaml::Value::Text(text) => Value::String(text),
        yaml::Value::Nothing => Value::Null,
        yaml::Value::List(items) => items.into_iter().map(json).collect(),
        yaml::Value::Map(entries) => {
            let entry = |(key, node): (yaml::Key, yaml::Node)| {
                let value = match json(node) {
                    Value::String(text) if SWITCHES.contains(&&*key.name) => {
                        text.parse().map_or(Value::String(text), Value::Bool)
                    }
                    Value::String(text) if key.name.ends_with("-data") => {
                        Value::String(text.split_ascii_whitespace().collect())
                    }
                    value => value,
                };
                (key.name, value)
            };
            Value::Object(entries.into_iter().map(entry).collect())
        }
    }
}

/// One kubeconfig of several: files that are not there are left out, as kubectl does, but not all of them.
fn files(paths: &[PathBuf]) -> Result<Kubeconfig, Finding> {
    let mut all = None;
    for path in paths {
        let name = format!("kubeconfig {}", path.display());
        let text = match bounded(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && paths.len() > 1 => continue,
            Err(error) => {
                return Err(Finding::inconclusive(name)
                    .actual(error.to_string())
                    .expected("a kubeconfig")
                    .next("give `kubeconfig`, as a path or as the content of a secret"));
            }
        };
        let one = within(read(&name, &text)?, path.parent().unwrap_or(Path::new("")));
        all = Some(match all {
            None => one,
            Some(all) => Kubeconfig::merge(all, one).map_err(|error| {
                Finding::inconclusive(name).actual(causes(&error)).expected("kubeconfigs of one kind")
            })?,
        });
    }
    all.ok_or_else(|| {
        Finding::inconclusive("`kubeconfig`")
            .actual("none: not given, and none where kubectl looks for it")
            .expected("a path, or the content of a kubeconfig")
            .next(
                "give `kubeconfig`, and see whether the secret is set that it is filled from; or `in-cluster: true` on a \
                 runner inside the cluster",
            )
    })
}

/// Relative paths in a kubeconfig are taken from its folder.
fn within(mut all: Kubeconfig, folder: &Path) -> Kubeconfig {
    let clusters = all.clusters.iter_mut().filter_map(|one| one.cluster.as_mut());
    let authorities = clusters.map(|cluster| &mut cluster.certificate_authority);
    for path in authorities.flatten() {
        *path = folder.join(&*path).display().to_string();
    }
    for user in all.auth_infos.iter_mut().filter_map(|one| one.auth_info.as_mut()) {
        let files = [&mut user.client_certificate, &mut user.client_key, &mut user.token_file];
        for path in files.into_iter().flatten() {
            *path = folder.join(&*path).display().to_string();
        }
        let plugin = user.exec.as_mut().and_then(|exec| exec.command.as_mut());
        if let Some(command) = plugin.filter(|command| command.contains('/')) {
            *command = folder.join(&*command).display().to_string();
        }
    }
    all
}

/// A file's text, when it is a file of a size that such files have.
pub(super) fn bounded(path: &Path) -> std::io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(std::io::Error::other("not a file of at most 1 MiB"));
    }
    fs::read_to_string(path)
}

fn in_cluster(host: &str, port: &str, namespace: Option<&str>) -> Result<Target, Finding> {
    let wrong = |seen: String| {
        Finding::inconclusive("`in-cluster`")
            .actual(seen)
            .expected("a runner in a pod with a service account")
            .next("give `kubeconfig` instead, or mount the service account's token into the runner's pod")
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let server = format!("https://{host}:{port}");
    let server: Url = server.parse().map_err(|error| wrong(format!("{server:?}: {error}")))?;
    let mut config = Config::incluster_dns().map_err(|error| wrong(causes(&error)))?;
    config.cluster_url = server.full().parse().map_err(|_| wrong(format!("{server:?}: no URI")))?;
    let namespace = namespace.map_or_else(|| config.default_namespace.trim().to_owned(), ToOwned::to_owned);
    Ok(Target { context: "this cluster".to_owned(), server, proxy: None, namespace, config })
}

/// For kube, without kube's own way from a context to a `Config`: that one reads the environment's proxy by other rules.
fn assemble(context: &str, namespace: &str, cluster: Cluster, mut user: AuthInfo) -> Result<Target, Finding> {
    let about = || Finding::inconclusive(format!("`kubeconfig`: the cluster of {context:?}"));
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Err(about()
            .actual("`insecure-skip-tls-verify: true`: anyone on the way could say that all is well")
            .expected("`certificate-authority-data`")
            .next("take the authority from the cluster's own kubeconfig"));
    }
    let server = cluster.server.as_deref().unwrap_or_default();
    let server: Url =
        server.parse().map_err(|error| about().actual(format!("server: {error}")).expected("https://<host>"))?;
    if !server.is_https() && !server.is_loopback() {
        return Err(about()
            .actual(format!("`server: {server}`, where everyone on the way could read the token"))
            .expected("https://<host>, or http:// on loopback"));
    }
    let uri = server.full().parse().map_err(|_| about().actual("`server` is no URI").expected("https://<host>"))?;
    let mut config = Config::new(uri);
    // Also what a plugin is told of the cluster.
    let told = ExecAuthCluster::try_from(&cluster).map_err(|error| unreadable(&error))?;
    config.root_cert = told.certificate_authority_data.as_deref().map(authorities).transpose()?;
    config.tls_server_name = cluster.tls_server_name.filter(|name| !name.is_empty());
    if let Some(exec) = &mut user.exec {
        exec.cluster = exec.provide_cluster_info.then_some(told);
    }
    config.auth_info = usable(context, user)?;
    Ok(Target {
        context: context.to_owned(),
        server,
        proxy: cluster.proxy_url.filter(|url| !url.is_empty()),
        namespace: namespace.to_owned(),
        config,
    })
}

fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>, Finding> {
    let wrong = |seen: &str| {
        Finding::inconclusive("`kubeconfig`")
            .actual(format!("`certificate-authority`: {seen}"))
            .expected("PEM of certificates")
    };
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|one| one.map(|certificate| certificate.to_vec())).collect();
    let all = all.map_err(|_| wrong("no PEM"))?;
    if all.is_empty() { Err(wrong("no certificate in it")) } else { Ok(all) }
}

/// What kube could not load of a cluster. What is wrong with base64 is not repeated.
fn unreadable(error: &KubeconfigError) -> Finding {
    let why = match error {
        KubeconfigError::LoadCertificateAuthority(LoadDataError::DecodeBase64(_)) => "no base64".to_owned(),
        KubeconfigError::LoadCertificateAuthority(LoadDataError::ReadFile(error, path)) => {
            format!("{}: {error}", path.display())
        }
        _ => "it cannot be used".to_owned(),
    };
    Finding::inconclusive("`kubeconfig`")
        .actual(format!("`certificate-authority`: {why}"))
        .expected("the path of a file with PEM, or PEM as base64 in `certificate-authority-data`")
}

/// Who we are, when it can be found out without asking a person.
fn usable(context: &str, mut user: AuthInfo) -> Result<AuthInfo, Finding> {
    let about = || Finding::inconclusive(format!("`kubeconfig`: the user of {context:?}"));
    if let Some(exec) = &user.exec {
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(about()
                .actual("a credential plugin that wants to ask somebody")
                .expected("a plugin that works without a terminal"));
        }
        // It goes before what else there is, as in kubectl.
        (user.username, user.password, user.token, user.token_file) = Default::default();
    } else if user.auth_provider.is_some() {
        return Err(about()
            .actual("`auth-provider`, which Kubernetes took out in v1.26")
            .expected("a token, a client certificate, or a credential plugin (`exec`)"));
    }
    user.auth_provider = None;
    Ok(user)
}

/// The secrets that a kubeconfig's text holds, to be masked; none of a path.
#[must_use]
pub fn secrets_of(text: &str) -> Vec<Secret> {
    const KEYS: [&str; 5] = ["token", "password", "client-key-data", "id-token", "refresh-token"];
    let secret = |line: &str| {
        let (key, value) = line.trim_start_matches(['-', ' ', '\t', '{', ',', '"']).split_once(':')?;
        let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
        (KEYS.contains(&key.trim_end_matches('"')) && value.len() > 3).then(|| Secret::new(value.to_owned()))
    };
    // As JSON, all of it may stand on one line.
    text.split(['\n', ',', '{', '}']).filter_map(secret).collect()
}

#[cfg(test)]
mod tests;
