//! The texts that YAML arrives in: kubeconfigs, also in base64, and the output of credential plugins.
//!
//! No error quotes a text, because it may hold a token.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kube::config::{AuthInfo, Kubeconfig, KubeconfigError};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::causes;
use crate::{finding::Finding, secret::Secret, yaml::Position};

/// What a message expects of a kubeconfig.
pub(super) const KUBECONFIG_PARTS: &str = "a kubeconfig, with `contexts`, `clusters` and `users`";

/// A shorter secret is not masked: it would make the log unreadable.
const SHORTEST_SECRET: usize = 4;

/// The content of a kubeconfig that is given as this text or as its base64; `None` for a path, or anything else.
#[must_use]
pub fn kubeconfig_content(text: &str) -> Option<Cow<'_, str>> {
    match decode(text) {
        Some(decoded) => Some(Cow::Owned(decoded)),
        None => is_content(text).then_some(Cow::Borrowed(text)),
    }
}

fn is_content(text: &str) -> bool {
    text.contains('\n') || text.trim_start().starts_with('{')
}

/// The content in a base64 text. A path may be base64 too, but what it decodes to is not the text of keys and values.
fn decode(text: &str) -> Option<String> {
    let base64: String = text.split_ascii_whitespace().collect();
    let decoded = String::from_utf8(BASE64_STANDARD.decode(base64).ok()?).ok()?;
    (is_content(&decoded) && decoded.contains(':')).then_some(decoded)
}

/// Reads a kubeconfig. As in kubectl, every part may be absent and only the first YAML document counts.
///
/// # Errors
/// A finding with this name, and the position of what cannot be read.
pub(super) fn parse_kubeconfig(name: &str, text: &str) -> Result<Kubeconfig, Finding> {
    let mut all = Kubeconfig::from_yaml(first_document(text)).map_err(|error| {
        Finding::inconclusive(name)
            .actual(match error {
                KubeconfigError::Parse(error) => unreadable(&error),
                error => causes(&error),
            })
            .expected(KUBECONFIG_PARTS)
    })?;
    // kubectl writes empty texts, and a later file may set the value.
    for text in [&mut all.current_context, &mut all.kind, &mut all.api_version] {
        text.take_if(|text| text.is_empty());
    }
    for cluster in all.clusters.iter_mut().filter_map(|one| one.cluster.as_mut()) {
        remove_line_breaks(&mut cluster.certificate_authority_data);
    }
    for user in all.auth_infos.iter_mut().filter_map(|one| one.auth_info.as_mut()) {
        remove_line_breaks(&mut user.client_certificate_data);
        let mut key = user.client_key_data.take().map(|key| key.expose_secret().to_owned());
        remove_line_breaks(&mut key);
        user.client_key_data = key.map(SecretString::from);
    }
    Ok(all)
}

/// Base64 may be written over several lines.
fn remove_line_breaks(base64: &mut Option<String>) {
    if let Some(base64) = base64 {
        base64.retain(|character| !character.is_ascii_whitespace());
    }
}

/// The error's own text is not used, because it quotes the lines around the position.
fn unreadable(error: &serde_saphyr::Error) -> String {
    let reason = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "a key is set twice".to_owned(),
        serde_saphyr::Error::SerdeMissingField { field, .. } => format!("`{field}` is missing"),
        _ => "it cannot be read".to_owned(),
    };
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match error.location() {
        Some(at) => format!("{reason} at {}", Position { line: number(at.line()), column: number(at.column()) }),
        None => reason,
    }
}

/// The text up to the end of its first YAML document. A line that begins with `---` or `...` is a marker even inside a
/// quoted text or a block.
pub(super) fn first_document(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Comments and directives come before a document, and its first `---` belongs to it.
    let mut begun = false;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let marker = ["---", "..."].into_iter().find_map(|marker| line.strip_prefix(marker));
        match marker.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            Some(_) if begun => return &text[..end],
            Some(_) => begun = line.starts_with('-'),
            None => begun |= !line.trim().is_empty() && !line.starts_with(['#', '%']),
        }
        end += line.len();
    }
    text
}

/// The secrets in a kubeconfig's content or its base64, to be masked. A path has none.
#[must_use]
pub fn secrets_of(text: &str) -> Vec<Secret> {
    let content = kubeconfig_content(text).unwrap_or(Cow::Borrowed(text));
    let mut secrets: Vec<String> = secrets_by_key(&content).collect();
    // A block or an escape is only understood by the reader; a kubeconfig that it cannot read has secrets too.
    if let Ok(all) = parse_kubeconfig("", &content) {
        secrets.extend(all.auth_infos.iter().filter_map(|one| one.auth_info.as_ref()).flat_map(secrets_of_user));
    }
    if let Cow::Owned(_) = content {
        secrets.extend(text.lines().map(ToOwned::to_owned));
    }
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    let mut unique = Vec::new();
    for secret in secrets {
        if !unique.contains(&secret) {
            unique.push(secret);
        }
    }
    unique.into_iter().map(Secret::new).collect()
}

/// The values of keys that hold secrets, line by line.
fn secrets_by_key(content: &str) -> impl Iterator<Item = String> {
    const KEYS: [&str; 5] = ["token", "password", "client-key-data", "id-token", "refresh-token"];
    let secret = |line: &str| {
        let (key, value) = line.trim_start_matches(['-', ' ', '\t', '{', ',', '"']).split_once(':')?;
        let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
        KEYS.contains(&key.trim_end_matches('"')).then(|| value.to_owned())
    };
    // JSON may be on one line.
    content.split(['\n', ',', '{', '}']).filter_map(secret)
}

fn secrets_of_user(user: &AuthInfo) -> Vec<String> {
    let secrets = [&user.token, &user.password, &user.client_key_data].into_iter().flatten();
    secrets.flat_map(|secret| secret.expose_secret().lines()).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests;
