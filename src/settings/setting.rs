//! A setting of a command: its key, help, default and kind, read from clap's model.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

use crate::{
    secret::Secret,
    values::{Bytes, HumanDuration, Percent, Ratio, WHOLE_PATTERN, switch},
    world::{http::Header, url::Url},
};

/// The end of the value name of an App's token.
const APP_TOKEN: &str = "_APP_TOKEN";

/// The kind of a setting's value, for the report and the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    /// Reported as a bare number: percentages without their sign, sizes in bytes.
    Number,
    /// Reported in seconds.
    Duration,
    Switch,
    /// Reported without the secrets that its query may hold.
    Url,
    /// `Name: value`; only the name is reported.
    Header,
    Secret,
}

/// One setting of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub key: String,
    /// One sentence, without a period.
    pub help: String,
    pub value_name: String,
    /// The items of the default: one, unless the setting is a list.
    pub default: Vec<String>,
    pub required: bool,
    /// Whether it is a list: one item per line as an input, a sequence in the config file, a repeated flag.
    pub many: bool,
    /// The accepted values; empty when they cannot be listed.
    pub choices: Vec<String>,
    pub kind: SettingKind,
    /// The unit of a number or a duration in a report.
    pub unit: Option<&'static str>,
    /// The notation of a number or a duration, as a regular expression.
    pub pattern: Option<&'static str>,
    /// Its heading in `--help`.
    pub heading: Option<String>,
}

impl Setting {
    #[must_use]
    pub fn default_text(&self) -> Option<String> {
        (!self.default.is_empty()).then(|| self.default.join(", "))
    }

    pub fn is_secret(&self) -> bool {
        self.kind == SettingKind::Secret
    }

    /// Whether it says where the config file is, and so cannot be in it. The `checkout` of a command on the infra repository
    /// can: it is not a common setting.
    #[must_use]
    pub fn locates_config(&self) -> bool {
        self.heading.as_deref() == Some("Common") && ["config", "checkout"].contains(&self.key.as_str())
    }

    /// The expression that gives a secret in a workflow, without `${{ }}`. Its value name says which: `GITHUB_TOKEN` is the job's
    /// own token, `WRITER_APP_TOKEN` the output of the step `writer`, which makes a token of that App, and any other name is that of
    /// a secret.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        self.is_secret().then(|| match self.value_name.as_str() {
            "GITHUB_TOKEN" => "github.token".to_owned(),
            name => match name.strip_suffix(APP_TOKEN) {
                Some(app) => format!("steps.{}.outputs.token", app.to_lowercase()),
                None => format!("secrets.{name}"),
            },
        })
    }

    /// How to give a setting that is missing.
    #[must_use]
    pub fn way_to_give(&self) -> String {
        let key = &self.key;
        match self.expression() {
            Some(expression) => {
                let step = if self.value_name.ends_with(APP_TOKEN) { "; docs/apps.md has the step" } else { "" };
                format!("give `{key}` as an expression: `{key}: ${{{{ {expression} }}}}`{step}")
            }
            None => format!("give `{key}` as an input, as a flag, or as a key of the config file"),
        }
    }

    /// Whether its items are `NAME=VALUE`: the config file may give them as a mapping, and reports hold only the names.
    #[must_use]
    pub fn takes_pairs(&self) -> bool {
        self.value_name.contains('=')
    }
}

/// Splits a help text of the form `… [default: …]`, which describes a computed default.
#[must_use]
pub fn help_and_default(setting: &Setting) -> (&str, Option<&str>) {
    let split = setting.help.strip_suffix(']').and_then(|help| help.split_once(" [default: "));
    split.map_or((&setting.help, None), |(help, default)| (help, Some(default)))
}

/// Reads the settings of one command from clap's model.
#[must_use]
pub fn read_settings(command: &Command) -> Vec<Setting> {
    command.get_arguments().filter(|argument| !is_clap_own(argument)).map(setting).collect()
}

pub(super) fn is_clap_own(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

fn setting(argument: &Arg) -> Setting {
    let kind = kind(argument);
    Setting {
        key: argument.get_long().unwrap_or_else(|| argument.get_id().as_str()).to_owned(),
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        value_name: argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default(),
        default: argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect(),
        required: argument.is_required_set(),
        many: matches!(argument.get_action(), ArgAction::Append),
        choices: if kind == SettingKind::Text { choices(argument) } else { Vec::new() },
        kind,
        unit: by_type(argument, &UNITS),
        pattern: by_type(argument, &PATTERNS),
        heading: argument.get_help_heading().map(ToOwned::to_owned),
    }
}

fn choices(argument: &Arg) -> Vec<String> {
    argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect()
}

fn kind(argument: &Arg) -> SettingKind {
    let value_type = argument.get_value_parser().type_id();
    let is = |ids: &[TypeId]| ids.iter().any(|id| value_type == *id);
    if is(&[TypeId::of::<Secret>()]) {
        SettingKind::Secret
    } else if is(&[TypeId::of::<Header>()]) {
        SettingKind::Header
    } else if is(&[TypeId::of::<Url>()]) {
        SettingKind::Url
    } else if is(&[TypeId::of::<HumanDuration>()]) {
        SettingKind::Duration
    } else if is(&[TypeId::of::<bool>()]) {
        SettingKind::Switch
    } else if is(&[
        TypeId::of::<Ratio>(),
        TypeId::of::<Percent>(),
        TypeId::of::<Bytes>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<f64>(),
    ]) {
        SettingKind::Number
    } else {
        SettingKind::Text
    }
}

type OfType = (fn() -> TypeId, &'static str);

const UNITS: [OfType; 4] = [
    (TypeId::of::<HumanDuration>, "s"),
    (TypeId::of::<Bytes>, "B"),
    (TypeId::of::<Percent>, "%"),
    (TypeId::of::<Ratio>, "×"),
];

const PATTERNS: [OfType; 7] = [
    (TypeId::of::<HumanDuration>, HumanDuration::PATTERN),
    (TypeId::of::<Bytes>, Bytes::PATTERN),
    (TypeId::of::<Percent>, Percent::PATTERN),
    (TypeId::of::<Ratio>, Ratio::PATTERN),
    (TypeId::of::<u16>, WHOLE_PATTERN),
    (TypeId::of::<u32>, WHOLE_PATTERN),
    (TypeId::of::<u64>, WHOLE_PATTERN),
];

/// What a table has for the type of an argument's value.
fn by_type(argument: &Arg, table: &[OfType]) -> Option<&'static str> {
    let value_type = argument.get_value_parser().type_id();
    table.iter().find_map(|(id, text)| (value_type == id()).then_some(*text))
}

/// Lets the switches of every command take a value, too (`--dry-run`, `--dry-run=false`): an input always has one.
#[must_use]
pub fn with_switches(command: Command) -> Command {
    command.mut_subcommands(|command| {
        command.mut_args(|argument| {
            if !matches!(argument.get_action(), ArgAction::SetTrue) {
                return argument;
            }
            argument
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .default_value("false")
                .hide_default_value(true)
                .value_name("BOOL")
                .value_parser(switch)
        })
    })
}
