//! What clap found wrong with merged settings, in our words.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Kind, Layer, Setting};
use crate::{values::clip, verdict::Complaint, world::http::redacted};

/// Names the setting, the value, where it came from and what is accepted. No value of a setting that may hold a secret.
pub(super) fn misfit(error: &clap::Error, all: &[Setting], merged: &Layer) -> Complaint {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let named: Vec<String> = context(ContextKind::InvalidArg).iter().map(|text| key_of(text)).collect();
    let first = named.first().cloned().unwrap_or_default();
    let setting = all.iter().find(|setting| setting.key == first);
    let complaint =
        Complaint::about(if named.is_empty() { "settings".to_owned() } else { format!("`{}`", named.join("`, `")) });
    let complaint = match merged.get(&first) {
        Some(given) => complaint.from(given.origin.to_string()),
        None => complaint,
    };
    match error.kind() {
        ErrorKind::MissingRequiredArgument => complaint
            .seen("not given")
            .expected(setting.map_or_else(String::new, |setting| setting.help.clone()))
            .next(format!("give it as input or flag `{first}`, or as a key of the config file")),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let value = context(ContextKind::InvalidValue).concat();
            let seen = match setting.map(|setting| setting.kind) {
                Some(Kind::Secret | Kind::Header) => "a value that is hidden".to_owned(),
                kind if kind == Some(Kind::Url) || value.contains("://") => {
                    format!("\"{}\"", clip(&redacted(&value), 200))
                }
                _ => format!("\"{}\"", clip(&value, 200)),
            };
            let valid = context(ContextKind::ValidValue);
            let expected = if valid.is_empty() {
                std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
            } else {
                format!("one of {}", valid.join(", "))
            };
            complaint.seen(seen).expected(expected)
        }
        kind => complaint.seen(kind.as_str().unwrap_or("not accepted")).expected("a setting of this command"),
    }
}

/// `--max-ratio <RATIO>` → `max-ratio`
pub(super) fn key_of(shown: &str) -> String {
    shown.trim_start_matches('-').split([' ', '=', '[']).next().unwrap_or_default().to_owned()
}
