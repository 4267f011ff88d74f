//! Who we are, for kube: a plugin's answer or a file's token in the place of a token that is written down. kube would ask a
//! plugin without a limit, and take a file's last line break for a part of the token.

use std::{ffi::OsString, path::Path, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::kubeconfig::bounded;
use crate::{
    finding::Finding,
    secret::masked,
    values::clip,
    world::process::{self, ProcessError, ProcessGroups, ProcessOutput, Program},
};

/// How long a credential plugin may take: it may ask a cloud for a token, and those take seconds.
const PLUGIN: Duration = Duration::from_secs(30);
/// Characters of what a plugin says that are shown.
const SAID: usize = 300;

/// Whether new ones can be had when the server no longer takes those that it took.
pub(super) fn renewable(who: &AuthInfo) -> bool {
    who.exec.is_some() || who.token_file.is_some()
}

/// Finds them. Blocks for as long as a plugin may take.
pub(super) fn find(mut who: AuthInfo, groups: &ProcessGroups, withheld: &[OsString]) -> Result<AuthInfo, Finding> {
    if let Some(plugin) = who.exec.take() {
        let Given { token, client_certificate_data, client_key_data } = ask(&plugin, groups, withheld)?;
        match (token, client_certificate_data.zip(client_key_data)) {
            (None, None) => return Err(empty(&plugin)),
            (token, pair) => {
                who.token = token.map(SecretString::from);
                if let Some((certificate, key)) = pair {
                    who.client_certificate_data = Some(BASE64_STANDARD.encode(certificate));
                    who.client_key_data = Some(BASE64_STANDARD.encode(key).into());
                }
            }
        }
    } else if let Some(path) = who.token_file.take().filter(|path| !path.is_empty()) {
        // A token file goes before a token, as in kubectl.
        let token = bounded(Path::new(&path)).map_err(|error| {
            Finding::inconclusive(format!("the token in {path}"))
                .actual(error.to_string())
                .expected("a file with a token")
        })?;
        who.token = Some(token.into());
    }
    who.token = match who.token.as_ref().map(|token| token.expose_secret().trim()) {
        None | Some("") => None,
        Some(token) => Some(sendable(token)?),
    };
    Ok(who)
}

/// kube panics at any other.
fn sendable(token: &str) -> Result<SecretString, Finding> {
    if HeaderValue::try_from(token).is_err() {
        return Err(Finding::inconclusive("the cluster's credentials")
            .actual("characters that no token has")
            .expected("the token alone, on one line"));
    }
    Ok(token.to_owned().into())
}

/// Source: client.authentication.k8s.io/v1, `ExecCredential`.
#[derive(Deserialize)]
struct Answer {
    status: Option<Given>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

fn ask(plugin: &ExecConfig, groups: &ProcessGroups, withheld: &[OsString]) -> Result<Given, Finding> {
    let command = plugin.command.as_deref().unwrap_or_default();
    let program =
        Program::new(command).args(plugin.args.iter().flatten()).set("KUBERNETES_EXEC_INFO", exec_info(plugin));
    let program = withheld.iter().fold(program, Program::unset);
    let program =
        plugin.env.iter().flatten().fold(program, |program, pair| match (pair.get("name"), pair.get("value")) {
            (Some(name), Some(value)) => program.set(name, value),
            _ => program,
        });
    let about = |seen: String| about(plugin).actual(seen);
    let ProcessOutput { status, stdout, stderr } =
        process::run(&program, groups, PLUGIN).map_err(|error| match error {
            ProcessError::Timeout { after, .. } => about(format!("no end within {} s; it was ended", after.as_secs()))
                .expected("a plugin that works without a terminal")
                .next("run it in a step of its own to see what it waits for"),
            error @ ProcessError::NotFound { .. } => {
                let hint = plugin.install_hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
                about("no such program".to_owned())
                    .expected("the program that the kubeconfig names")
                    .next(hint.map_or_else(|| error.to_finding().next.unwrap_or_default(), |hint| clip(hint, SAID)))
            }
            error => error.to_finding(),
        })?;
    if !status.success() {
        // Never its stdout: a token may be in it.
        let said = stderr.text().trim().to_owned();
        return Err(about(format!("{status}: {}", clip(&masked(&said), SAID)))
            .expected("credentials")
            .next("run it in a step of its own"));
    }
    let answer: Option<Answer> = serde_json::from_slice(stdout.whole().unwrap_or_default()).ok();
    answer.and_then(|answer| answer.status).ok_or_else(|| empty(plugin))
}

fn about(plugin: &ExecConfig) -> Finding {
    Finding::inconclusive(format!("the credential plugin {}", plugin.command.as_deref().unwrap_or_default()))
}

fn empty(plugin: &ExecConfig) -> Finding {
    about(plugin).actual("an answer that holds no credentials").expected("an ExecCredential with a status")
}

/// What a plugin is told, as JSON: `KUBERNETES_EXEC_INFO`. Source: client.authentication.k8s.io/v1.
#[must_use]
pub(super) fn exec_info(plugin: &ExecConfig) -> String {
    let mut spec = serde_json::json!({ "interactive": false });
    if let Some(cluster) = &plugin.cluster {
        spec["cluster"] = serde_json::json!(cluster);
    }
    serde_json::json!({ "apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec }).to_string()
}
