//! Who we are, as a header or a certificate. A credential plugin is a child like any other: bounded, and ended with us.

use std::{ffi::OsString, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use serde::Deserialize;

use super::{
    kubeconfig::{Login, Plugin, Target, bounded, exec_info},
    trouble::Trouble,
};
use crate::{
    values::clip,
    verdict::Complaint,
    world::{
        process::{self, Finished, Groups, ProcessError, Program},
        secret::{Secret, masked},
    },
};

/// How long a credential plugin may take: it may ask a cloud for a token, and those take seconds.
const PLUGIN: Duration = Duration::from_secs(30);
/// Characters of what a plugin says that are shown.
const SAID: usize = 300;

/// What goes with a request or a connection.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    /// The `Authorization` header.
    pub header: Option<HeaderValue>,
    /// PEM: the client's certificate, and its key.
    pub certificate: Option<(Vec<u8>, Secret)>,
}

/// Finds them. Blocks for as long as a plugin may take.
pub(super) fn find(target: &Target, groups: &Groups, withheld: &[OsString]) -> Result<Credentials, Trouble> {
    match &target.login {
        Login::Nobody => Ok(Credentials::default()),
        Login::Token(token) => bearer(token.expose()),
        Login::TokenFile(path) => {
            let text = bounded(path).map_err(|error| {
                Trouble::Refused(
                    Complaint::about(format!("the token in {}", path.display()))
                        .seen(error.to_string())
                        .expected("a file with a token"),
                )
            })?;
            bearer(String::from_utf8_lossy(&text).trim())
        }
        Login::Basic(user, password) => {
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
            Ok(Credentials { header: Some(header("Basic", &pair)?), certificate: None })
        }
        Login::Certificate(certificate, key) => {
            Ok(Credentials { header: None, certificate: Some((certificate.clone(), key.clone())) })
        }
        Login::Plugin(plugin) => ask(plugin, target, groups, withheld).map_err(Trouble::Refused),
    }
}

fn bearer(token: &str) -> Result<Credentials, Trouble> {
    Ok(Credentials { header: Some(header("Bearer", token)?), certificate: None })
}

fn header(scheme: &str, secret: &str) -> Result<HeaderValue, Trouble> {
    let mut value = HeaderValue::try_from(format!("{scheme} {secret}")).map_err(|_| {
        Trouble::Refused(
            Complaint::about("the cluster's credentials")
                .seen("characters that no token has")
                .expected("the token alone, on one line"),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Source: client.authentication.k8s.io/v1, `ExecCredential`.
#[derive(Deserialize)]
struct Answer {
    status: Option<Given>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

fn ask(plugin: &Plugin, target: &Target, groups: &Groups, withheld: &[OsString]) -> Result<Credentials, Complaint> {
    let program =
        Program::new(&plugin.command).args(&plugin.args).set("KUBERNETES_EXEC_INFO", exec_info(plugin, target));
    let program = withheld.iter().fold(program, Program::unset);
    let program = plugin.env.iter().fold(program, |program, (name, value)| program.set(name, value));
    let about = |seen: String| Complaint::about(format!("the credential plugin {}", plugin.command)).seen(seen);
    let Finished { status, stdout, stderr } = process::run(&program, groups, PLUGIN).map_err(|error| match error {
        ProcessError::Timeout { after, .. } => about(format!("no end within {} s; it was ended", after.as_secs()))
            .expected("a plugin that works without a terminal")
            .next("run it in a step of its own to see what it waits for"),
        error @ ProcessError::NotFound { .. } => {
            let hint = Some(plugin.install_hint.trim()).filter(|hint| !hint.is_empty());
            about("no such program".to_owned())
                .expected("the program that the kubeconfig names")
                .next(hint.map_or_else(|| error.complaint().next, |hint| clip(hint, SAID)))
        }
        error => error.complaint(),
    })?;
    if !status.success() {
        // Never its stdout: a token may be in it.
        let said = stderr.text().trim().to_owned();
        return Err(about(format!("{status}: {}", clip(&masked(&said), SAID)))
            .expected("credentials")
            .next("run it in a step of its own"));
    }
    let unusable =
        || about("an answer that holds no credentials".to_owned()).expected("an ExecCredential with a status");
    let answer: Answer = serde_json::from_slice(stdout.whole().unwrap_or_default()).map_err(|_| unusable())?;
    match answer.status.unwrap_or_default() {
        Given { token: Some(token), .. } => bearer(token.trim()).map_err(|_| unusable()),
        Given { client_certificate_data: Some(certificate), client_key_data: Some(key), .. } => {
            Ok(Credentials { header: None, certificate: Some((certificate.into_bytes(), Secret::new(key))) })
        }
        Given { .. } => Err(unusable()),
    }
}
