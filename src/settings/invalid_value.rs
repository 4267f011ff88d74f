//! Turns errors of clap into findings: the setting, the value, its origin and the accepted values.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{
    command_table::CommandTable,
    layer::Layer,
    setting::{Setting, SettingKind},
};
use crate::{
    finding::Finding,
    values::{clip, closest},
    world::url::redact_invalid_url,
};

/// The finding for an error in merged settings.
pub(super) fn invalid_value(error: &clap::Error, all: &[Setting], merged: &Layer, location: Option<&str>) -> Finding {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let named: Vec<String> = context(ContextKind::InvalidArg).iter().map(|text| key_of(text)).collect();
    let first = named.first().cloned().unwrap_or_default();
    let setting = all.iter().find(|setting| setting.key == first);
    let finding = Finding::inconclusive(if named.is_empty() {
        "settings".to_owned()
    } else {
        format!("`{}`", named.join("`, `"))
    });
    let finding = match (merged.get(&first), location) {
        (Some(value), _) => finding.with_origin(&value.origin),
        (None, Some(location)) => finding.with_origin(location),
        (None, None) => finding,
    };
    match error.kind() {
        ErrorKind::MissingRequiredArgument => {
            let missing = named.iter().filter_map(|name| all.iter().find(|setting| setting.key == *name));
            let (helps, ways): (Vec<String>, Vec<String>) =
                missing.map(|setting| (lowercase_start(&setting.help), setting.way_to_give())).unzip();
            finding.actual("not given").expected(helps.join("; ")).next(ways.join("; "))
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let value = context(ContextKind::InvalidValue).concat();
            let actual = match setting.map(|setting| setting.kind) {
                Some(SettingKind::Secret | SettingKind::Header) => "a value that is hidden".to_owned(),
                Some(SettingKind::Text) if setting.is_some_and(Setting::takes_pairs) => {
                    "a value that is hidden".to_owned()
                }
                kind if kind == Some(SettingKind::Url) || value.contains("://") => {
                    format!("\"{}\"", clip(&redact_invalid_url(&value), 200))
                }
                _ => format!("\"{}\"", clip(&value, 200)),
            };
            let valid = context(ContextKind::ValidValue);
            let expected = if valid.is_empty() {
                std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
            } else {
                format!("one of {}", valid.join(", "))
            };
            finding.actual(actual).expected(expected)
        }
        kind => finding.actual(kind.as_str().unwrap_or("not accepted")).expected("a setting of this command"),
    }
}

/// A help text for use inside a sentence: the first letter in lower case, unless the text starts with a name such as GitHub.
fn lowercase_start(help: &str) -> String {
    let first_word = help.split(' ').next().unwrap_or_default();
    let mut characters = help.chars();
    match characters.next() {
        Some(first) if !first_word.chars().skip(1).any(char::is_uppercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => help.to_owned(),
    }
}

/// `--max-ratio <RATIO>` → `max-ratio`
fn key_of(argument: &str) -> String {
    argument.trim_start_matches('-').split([' ', '=', '[']).next().unwrap_or_default().to_owned()
}

/// The finding for an error in the command line. `name`: the command that it starts, if it is known.
pub(super) fn command_line_error(command_table: &CommandTable, name: Option<&str>, error: &clap::Error) -> Finding {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.concat(),
        _ => String::new(),
    };
    let finding = match error.kind() {
        ErrorKind::UnknownArgument => {
            let flag = context(ContextKind::InvalidArg);
            let settings = name.and_then(|name| command_table.settings_of(name)).unwrap_or_default();
            let flags: Vec<&str> = settings.iter().map(|setting| setting.key.as_str()).chain(["help"]).collect();
            let close = closest(&key_of(&flag), &flags).map(|close| format!("--{close}"));
            Finding::inconclusive(format!("`{flag}`"))
                .actual("no such flag")
                .expected("a flag of this command (see --help)")
                .did_you_mean(close.as_deref())
        }
        ErrorKind::InvalidSubcommand | ErrorKind::MissingSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            let names: Vec<&str> = command_table.all_names().collect();
            let finding = Finding::inconclusive("command")
                .actual(format!("\"{}\"", clip(&name, 100)))
                .expected(format!("one of {}", names.join(", ")));
            finding.did_you_mean(closest(&name, &names))
        }
        kind => {
            let flag = key_of(&context(ContextKind::InvalidArg));
            let check = if flag.is_empty() { "command line".to_owned() } else { format!("`{flag}`") };
            Finding::inconclusive(check)
                .actual(kind.as_str().unwrap_or("not accepted"))
                .expected("a value (see --help)")
        }
    };
    finding.with_origin("command line")
}

/// The finding for a command line without a command.
#[must_use]
pub fn no_command(command_table: &CommandTable) -> Finding {
    Finding::inconclusive("command")
        .actual("none given")
        .expected(command_table.all_names().collect::<Vec<_>>().join(", "))
}
