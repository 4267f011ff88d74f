//! Kubeconfigs: which cluster a context means, and who we are there. Nothing is guessed: a context that is not there is an
//! error that lists those that are, and never the cluster that this happens to run in.
//!
//! Source: Kubernetes' documentation, "Organizing Cluster Access Using kubeconfig Files" and "kubeconfig (v1)".

mod written;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    values::closest,
    verdict::Complaint,
    world::{github::transport::is_loopback, secret::Secret, url::Url},
};
use written::{Cluster, Context, File, Named, User};

/// Where the service account of a pod stands. Source: "Accessing the Kubernetes API from a Pod".
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
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
    /// PEM. None: those that this machine trusts.
    pub authorities: Option<Vec<u8>>,
    /// The name that the certificate must hold, when it is not the server's.
    pub server_name: Option<String>,
    /// The proxy, when not the one that the environment names.
    pub proxy: Option<String>,
    pub namespace: String,
    pub login: Login,
    /// Headers that ask to act as somebody else.
    pub acts_as: Vec<(&'static str, String)>,
}

/// Who we are.
#[derive(Clone, Debug)]
pub enum Login {
    Nobody,
    Token(Secret),
    /// Read for each connection: it is replaced from time to time.
    TokenFile(PathBuf),
    Basic(String, Secret),
    /// PEM: the certificate, and its key.
    Certificate(Vec<u8>, Secret),
    Plugin(Plugin),
}

/// A program that gives credentials.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub command: String,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub api_version: String,
    pub install_hint: String,
    /// Whether it asks to be told of the cluster.
    pub cluster: bool,
}

/// Reads what the source says, and takes from it the context that was named or is current.
///
/// # Errors
/// A complaint about `kubeconfig` or `context`; never with what a kubeconfig holds but for the names of contexts.
pub fn target(source: &Source, context: Option<&str>, namespace: Option<&str>) -> Result<Target, Complaint> {
    let all = match source {
        Source::InCluster(host, port) => return in_cluster(host, port, namespace),
        Source::Content(text, folder) => File::read("the kubeconfig given", text.expose(), folder)?,
        Source::Files(paths) => files(paths)?,
    };
    let named: Vec<&str> = all.contexts.iter().map(|one| one.name.as_str()).collect();
    let Some(wanted) = context.or(all.current.as_deref()) else {
        return Err(Complaint::about("`context`")
            .seen("not given, and the kubeconfig has no current one")
            .expected(one_of(&named))
            .next("name the context of the environment that is looked at"));
    };
    let Some(chosen) = find(&all.contexts, wanted) else {
        return Err(Complaint::about("`context`")
            .seen(format!("{wanted:?}, which the kubeconfig does not have"))
            .expected(one_of(&named))
            .did_you_mean(closest(wanted, &named)));
    };
    let missing = |what: &str, name: &str| {
        Complaint::about("`kubeconfig`")
            .seen(format!("the context {wanted:?} names the {what} {name:?}, which is not in it"))
            .expected("a kubeconfig with every part of the context")
    };
    let Context { cluster, user, namespace: own } = &chosen.it;
    let cluster = find(&all.clusters, cluster).ok_or_else(|| missing("cluster", cluster))?;
    let nobody = Named { name: String::new(), it: User::default(), folder: PathBuf::new() };
    let user = match user.as_str() {
        "" => &nobody,
        name => find(&all.users, name).ok_or_else(|| missing("user", name))?,
    };
    let namespace = namespace.or(Some(own)).filter(|name| !name.is_empty()).unwrap_or("default");
    assemble(wanted, namespace, cluster, user)
}

fn find<'a, T>(all: &'a [Named<T>], name: &str) -> Option<&'a Named<T>> {
    all.iter().find(|one| one.name == name)
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "a kubeconfig with contexts".to_owned(),
        names => format!("one of {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// One kubeconfig of several: files that are not there are left out, as kubectl does, but not all of them.
fn files(paths: &[PathBuf]) -> Result<File, Complaint> {
    let mut all = File::default();
    let mut read = 0;
    for path in paths {
        let name = format!("kubeconfig {}", path.display());
        let text = match bounded(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && paths.len() > 1 => continue,
            Err(error) => {
                return Err(Complaint::about(name)
                    .seen(error.to_string())
                    .expected("a kubeconfig")
                    .next("give `kubeconfig`, as a path or as the content of a secret"));
            }
        };
        let text = String::from_utf8(text).map_err(|_| Complaint::about(&name).seen("no UTF-8").expected("YAML"))?;
        all.add(File::read(&name, &text, path.parent().unwrap_or(Path::new("")))?);
        read += 1;
    }
    if read == 0 {
        return Err(Complaint::about("`kubeconfig`")
            .seen("none: not given, and none where kubectl looks for it")
            .expected("a path, or the content of a kubeconfig")
            .next("give `kubeconfig`, or `in-cluster: true` on a runner inside the cluster"));
    }
    Ok(all)
}

pub(super) fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(std::io::Error::other("not a file of at most 1 MiB"));
    }
    fs::read(path)
}

fn in_cluster(host: &str, port: &str, namespace: Option<&str>) -> Result<Target, Complaint> {
    let wrong = |seen: String| {
        Complaint::about("`in-cluster`")
            .seen(seen)
            .expected("a runner in a pod with a service account")
            .next("give `kubeconfig` instead, or mount the service account's token into the runner's pod")
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let server = format!("https://{host}:{port}");
    let server = server.parse().map_err(|error| wrong(format!("{server:?}: {error}")))?;
    let at = |name: &str| Path::new(SERVICE_ACCOUNT).join(name);
    let read = |name: &str| bounded(&at(name)).map_err(|error| wrong(format!("{}: {error}", at(name).display())));
    let authorities = read("ca.crt")?;
    let namespace = match namespace {
        Some(name) => name.to_owned(),
        None => String::from_utf8_lossy(&read("namespace")?).trim().to_owned(),
    };
    Ok(Target {
        context: "this cluster".to_owned(),
        server,
        authorities: Some(authorities),
        server_name: None,
        proxy: None,
        namespace,
        login: Login::TokenFile(at("token")),
        acts_as: Vec::new(),
    })
}

fn assemble(context: &str, namespace: &str, cluster: &Named<Cluster>, user: &Named<User>) -> Result<Target, Complaint> {
    let about = || Complaint::about(format!("`kubeconfig`: the cluster {:?}", cluster.name));
    let Cluster { server, insecure_skip_tls_verify: insecure, tls_server_name, proxy_url, .. } = &cluster.it;
    if insecure == "true" {
        return Err(about()
            .seen("`insecure-skip-tls-verify: true`: anyone on the way could say that all is well")
            .expected("`certificate-authority-data`")
            .next("take the authority from the cluster's own kubeconfig"));
    }
    let url: Url =
        server.parse().map_err(|error| about().seen(format!("server: {error}")).expected("https://<host>"))?;
    if !url.is_https() && !is_loopback(&url) {
        return Err(about()
            .seen(format!("`server: {url}`, where everyone on the way could read the token"))
            .expected("https://<host>, or http:// on loopback"));
    }
    let material = |data: &str, file: &str, folder: &Path, what: &str| -> Result<Option<Vec<u8>>, Complaint> {
        let wrong = |seen: String| Complaint::about("`kubeconfig`").seen(format!("`{what}`: {seen}"));
        if !data.is_empty() {
            let data: String = data.split_whitespace().collect();
            let decoded = BASE64_STANDARD.decode(data).map_err(|_| wrong("no base64".to_owned()))?;
            return Ok(Some(decoded));
        }
        if file.is_empty() {
            return Ok(None);
        }
        let path = folder.join(file);
        bounded(&path).map(Some).map_err(|error| wrong(format!("{}: {error}", path.display())))
    };
    let ca = &cluster.it;
    let authorities =
        material(&ca.certificate_authority_data, &ca.certificate_authority, &cluster.folder, "certificate-authority")?;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let who = &user.it;
    let certificate =
        material(&who.client_certificate_data, &who.client_certificate, &user.folder, "client-certificate")?;
    let key = material(&who.client_key_data, &who.client_key, &user.folder, "client-key")?;
    let mut acts_as: Vec<_> = given(&who.acts_as).map(|name| ("impersonate-user", name)).into_iter().collect();
    acts_as.extend(who.acts_as_groups.iter().map(|group| ("impersonate-group", group.clone())));
    Ok(Target {
        context: context.to_owned(),
        server: url,
        authorities,
        server_name: given(tls_server_name),
        proxy: given(proxy_url),
        namespace: namespace.to_owned(),
        login: login(user, certificate.zip(key))?,
        acts_as,
    })
}

fn login(user: &Named<User>, certificate: Option<(Vec<u8>, Vec<u8>)>) -> Result<Login, Complaint> {
    let about = || Complaint::about(format!("`kubeconfig`: the user {:?}", user.name));
    let it = &user.it;
    if let Some(exec) = &it.exec {
        if exec.interactive_mode == "Always" {
            return Err(about()
                .seen("a credential plugin that wants to ask somebody")
                .expected("a plugin that works without a terminal"));
        }
        let relative = exec.command.contains('/') && !exec.command.starts_with('/');
        let command =
            if relative { user.folder.join(&exec.command).display().to_string() } else { exec.command.clone() };
        return Ok(Login::Plugin(Plugin {
            command,
            args: exec.args.clone(),
            env: exec.env.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect(),
            api_version: exec.api_version.clone(),
            install_hint: exec.install_hint.clone(),
            cluster: exec.provide_cluster_info == "true",
        }));
    }
    if it.auth_provider.is_some() {
        return Err(about()
            .seen("`auth-provider`, which Kubernetes took out in v1.26")
            .expected("a token, a client certificate, or a credential plugin (`exec`)"));
    }
    // A token file goes before a token, as in kubectl.
    Ok(if !it.token_file.is_empty() {
        Login::TokenFile(user.folder.join(&it.token_file))
    } else if !it.token.is_empty() {
        Login::Token(Secret::new(it.token.trim().to_owned()))
    } else if !it.username.is_empty() {
        Login::Basic(it.username.clone(), Secret::new(it.password.clone()))
    } else if let Some((certificate, key)) = certificate {
        let key = String::from_utf8(key).map_err(|_| about().seen("`client-key`: no PEM").expected("PEM"))?;
        Login::Certificate(certificate, Secret::new(key))
    } else {
        Login::Nobody
    })
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

/// What a plugin is told, as JSON: `KUBERNETES_EXEC_INFO`. Source: client.authentication.k8s.io/v1.
#[must_use]
pub(super) fn exec_info(plugin: &Plugin, target: &Target) -> String {
    let mut spec = BTreeMap::from([("interactive", serde_json::Value::from(false))]);
    if plugin.cluster {
        let mut cluster = serde_json::json!({ "server": target.server.full().trim_end_matches('/') });
        if let Some(authorities) = &target.authorities {
            cluster["certificate-authority-data"] = BASE64_STANDARD.encode(authorities).into();
        }
        if let Some(name) = &target.server_name {
            cluster["tls-server-name"] = name.as_str().into();
        }
        spec.insert("cluster", cluster);
    }
    serde_json::json!({ "apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec }).to_string()
}

#[cfg(test)]
mod tests;
