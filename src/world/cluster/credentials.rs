//! Credentials: runs credential plugins and reads token files, within limits. The result is kube's `AuthInfo` with a token
//! or a client certificate.

use std::{ffi::OsString, path::Path, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{content::first_document, kubeconfig::read_bounded};
use crate::{
    finding::Finding,
    secret::masked,
    values::clip,
    world::process::{self, ProcessError, ProcessGroups, ProcessOutput, Program},
};

/// How long a credential plugin may take. One that requests a token from a cloud takes seconds.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How many characters of a plugin's messages are shown.
const LONGEST_MESSAGE: usize = 300;

/// Whether expired credentials can be replaced by new ones.
pub(super) fn is_renewable(user: &AuthInfo) -> bool {
    user.exec.is_some() || user.token_file.is_some()
}

/// Runs the plugin or reads the token file of a user. Blocks for up to the time limit of a plugin.
pub(super) fn resolve(mut user: AuthInfo, groups: &ProcessGroups, withheld: &[OsString]) -> Result<AuthInfo, Finding> {
    if let Some(plugin) = user.exec.take() {
        let ExecCredentialStatus { token, client_certificate_data, client_key_data } =
            run_plugin(&plugin, groups, withheld)?;
        match (token, client_certificate_data.zip(client_key_data)) {
            (None, None) => return Err(no_credentials(&plugin)),
            (token, pair) => {
                user.token = token.map(SecretString::from);
                if let Some((certificate, key)) = pair {
                    user.client_certificate_data = Some(BASE64_STANDARD.encode(certificate));
                    user.client_key_data = Some(BASE64_STANDARD.encode(key).into());
                }
            }
        }
    } else if let Some(path) = user.token_file.take().filter(|path| !path.is_empty()) {
        // A token file takes precedence over a token, as in kubectl.
        let token = read_bounded(Path::new(&path)).map_err(|error| {
            Finding::inconclusive(format!("the token in {path}"))
                .actual(error.to_string())
                .expected("a file with a token")
        })?;
        user.token = Some(token.into());
    }
    user.token = match user.token.as_ref().map(|token| token.expose_secret().trim()) {
        None | Some("") => None,
        Some(token) => Some(require_sendable(token)?),
    };
    Ok(user)
}

/// A token that does not fit into a header would be left out, and the request would be anonymous.
fn require_sendable(token: &str) -> Result<SecretString, Finding> {
    if HeaderValue::try_from(token).is_err() {
        return Err(Finding::inconclusive("the cluster's credentials")
            .actual("characters that a token cannot contain")
            .expected("the token alone, on one line"));
    }
    Ok(token.to_owned().into())
}

/// Source: client.authentication.k8s.io/v1, `ExecCredential`.
#[derive(Deserialize)]
struct ExecCredential {
    status: Option<ExecCredentialStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

fn run_plugin(
    plugin: &ExecConfig,
    groups: &ProcessGroups,
    withheld: &[OsString],
) -> Result<ExecCredentialStatus, Finding> {
    let command = plugin.command.as_deref().unwrap_or_default();
    let program =
        Program::new(command).args(plugin.args.iter().flatten()).set("KUBERNETES_EXEC_INFO", exec_info(plugin));
    let program = withheld.iter().fold(program, Program::unset);
    let program =
        plugin.env.iter().flatten().fold(program, |program, pair| match (pair.get("name"), pair.get("value")) {
            (Some(name), Some(value)) => program.set(name, value),
            _ => program,
        });
    let failed = |actual: String| plugin_finding(plugin).actual(actual);
    let ProcessOutput { status, stdout, stderr } =
        process::run(&program, groups, PLUGIN_TIMEOUT).map_err(|error| match error {
            ProcessError::Timeout { after, .. } => {
                failed(format!("it did not end within {} s and was stopped", after.as_secs()))
                    .expected("a plugin that works without a terminal")
                    .next("run it in a separate step to see what it waits for")
            }
            error @ ProcessError::NotFound { .. } => {
                let hint = plugin.install_hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
                failed("no such program".to_owned()).expected("the program that the kubeconfig names").next(
                    hint.map_or_else(
                        || error.to_finding().next.unwrap_or_default(),
                        |hint| clip(hint, LONGEST_MESSAGE),
                    ),
                )
            }
            error => error.to_finding(),
        })?;
    if !status.success() {
        // Only stderr is shown: stdout may hold a token.
        let message = stderr.text().trim().to_owned();
        return Err(failed(format!("{status}: {}", clip(&masked(&message), LONGEST_MESSAGE)))
            .expected("credentials")
            .next("run it in a separate step"));
    }
    let output = str::from_utf8(stdout.whole().unwrap_or_default()).unwrap_or_default();
    read_credentials(output).ok_or_else(|| no_credentials(plugin))
}

/// Reads the output of a plugin: JSON or, as kubectl also accepts, YAML. A token that looks like a number stays text.
fn read_credentials(output: &str) -> Option<ExecCredentialStatus> {
    let credential: ExecCredential = serde_saphyr::from_str(first_document(output)).ok()?;
    let mut status = credential.status?;
    for text in [&mut status.token, &mut status.client_certificate_data, &mut status.client_key_data] {
        text.take_if(|text| text.trim().is_empty());
    }
    Some(status)
}

fn plugin_finding(plugin: &ExecConfig) -> Finding {
    Finding::inconclusive(format!("the credential plugin {}", plugin.command.as_deref().unwrap_or_default()))
}

fn no_credentials(plugin: &ExecConfig) -> Finding {
    plugin_finding(plugin).actual("its output holds no credentials").expected("an ExecCredential with a status")
}

/// The value of `KUBERNETES_EXEC_INFO` for a plugin, as JSON. Source: client.authentication.k8s.io/v1.
#[must_use]
pub(super) fn exec_info(plugin: &ExecConfig) -> String {
    let mut spec = serde_json::json!({ "interactive": false });
    if let Some(cluster) = &plugin.cluster {
        spec["cluster"] = serde_json::json!(cluster);
    }
    serde_json::json!({ "apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec }).to_string()
}
