//! One vocabulary: a setting's name is its flag, its input and its config key. All of them are read off clap's model of
//! the commands, and so are `action.yml`, the tables in the documentation and the settings in force.

mod invalid_value;
mod shown;
#[cfg(test)]
mod tests;

use std::{any::TypeId, collections::BTreeMap, ffi::OsString, fmt};

use clap::{Arg, ArgAction, Command, FromArgMatches, error::ErrorKind, parser::ValueSource};
use serde_json::Value;

use crate::{
    error::CommandError,
    finding::Finding,
    runner_env,
    secret::Secret,
    values::{Bytes, HumanDuration, Percent, Ratio, closest, switch},
    world::{http::Header, url::Url},
};

pub use invalid_value::no_command;
use invalid_value::{invalid_value, on_command_line};
use shown::as_json;

/// Where a value came from. Precedence: flag and input, config file, default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Input,
    /// `file:line:column`
    Config(String),
    /// The gate's subject inside `run`.
    Run,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Input => f.write_str("input"),
            Self::Config(place) => f.write_str(place),
            Self::Run => f.write_str("run"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting's value as written, and where. A list holds several texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub texts: Vec<String>,
    pub origin: Origin,
}

/// Values by setting key. A value in a higher layer replaces the one below, lists too.
pub type Layer = BTreeMap<String, Given>;

/// What a value of a setting is, for the report and the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Told as a bare number: percentages without their sign, sizes in bytes.
    Number,
    /// Told in seconds.
    Duration,
    Switch,
    /// Shown without the secrets that its query may hold.
    Url,
    /// `Name: value`; only the name is shown.
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
    /// Its items, where it is a list.
    pub default: Vec<String>,
    pub required: bool,
    /// A list: one item a line as an input, a sequence in the config file, a repeated flag.
    pub many: bool,
    /// The only values accepted, when they can be listed.
    pub choices: Vec<String>,
    pub kind: Kind,
    /// The heading it stands under in `--help`.
    pub heading: Option<String>,
}

impl Setting {
    #[must_use]
    pub fn default_text(&self) -> Option<String> {
        (!self.default.is_empty()).then(|| self.default.join(", "))
    }

    pub fn secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// Whether its items are `NAME=VALUE`, so that a mapping in the config file will do, and only the names are ever told.
    #[must_use]
    pub fn pairs(&self) -> bool {
        self.value_name.contains('=')
    }
}

/// A setting's help, and the default that is no fixed value and so stands in it: `… [default: …]`.
#[must_use]
pub fn help_and_default(setting: &Setting) -> (&str, Option<&str>) {
    let told = setting.help.strip_suffix(']').and_then(|help| help.split_once(" [default: "));
    told.map_or((&setting.help, None), |(help, default)| (help, Some(default)))
}

/// What there is to be told: the commands and their settings.
pub struct CommandTable {
    /// clap's model of the whole command line.
    pub command: Command,
    /// The commands that are actions.
    pub names: Vec<&'static str>,
    /// Those that are none, and play at home.
    pub local: Vec<&'static str>,
    /// What `run` can hold.
    pub gates: Vec<&'static str>,
    /// The settings that every action has.
    pub common: Vec<Setting>,
}

impl CommandTable {
    /// A command's settings, or `None` when there is no such command.
    #[must_use]
    pub fn settings_of(&self, name: &str) -> Option<Vec<Setting>> {
        self.command.find_subcommand(name).map(settings)
    }

    /// The names of all that the command line takes.
    pub fn all_names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().chain(&self.local).copied()
    }
}

/// The settings of one command.
#[must_use]
pub fn settings(command: &Command) -> Vec<Setting> {
    command.get_arguments().filter(|argument| !is_clap_own(argument)).map(setting).collect()
}

fn is_clap_own(argument: &Arg) -> bool {
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
        choices: if kind == Kind::Text { choices(argument) } else { Vec::new() },
        kind,
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

fn kind(argument: &Arg) -> Kind {
    let of = argument.get_value_parser().type_id();
    let is = |ids: &[TypeId]| ids.iter().any(|id| of == *id);
    if is(&[TypeId::of::<Secret>()]) {
        Kind::Secret
    } else if is(&[TypeId::of::<Header>()]) {
        Kind::Header
    } else if is(&[TypeId::of::<Url>()]) {
        Kind::Url
    } else if is(&[TypeId::of::<HumanDuration>()]) {
        Kind::Duration
    } else if is(&[TypeId::of::<bool>()]) {
        Kind::Switch
    } else if is(&[
        TypeId::of::<Ratio>(),
        TypeId::of::<Percent>(),
        TypeId::of::<Bytes>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<f64>(),
    ]) {
        Kind::Number
    } else {
        Kind::Text
    }
}

/// Gives switches the toolkit's notation (`--dry-run`, `--dry-run=false`), in every command.
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

/// What the command line asks for.
pub enum Asked {
    /// Help or version: clap prints it itself.
    Text(clap::Error),
    Command {
        name: String,
        flags: Layer,
    },
}

/// Reads the command's name and its flags, without judging values: config and defaults are still to come.
///
/// # Errors
/// Bad input: an unknown command or flag, with the closest known one.
pub fn flags(command_table: &CommandTable, arguments: &[OsString]) -> Result<Asked, CommandError> {
    let relaxed = command_table.command.clone().mut_subcommands(|command| {
        command.mut_args(|argument| {
            if is_clap_own(&argument) {
                argument
            } else {
                argument.required(false).value_parser(clap::value_parser!(String))
            }
        })
    });
    let matches = match relaxed.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // The strict model knows the possible values; help and version come before any judging there too.
            return Ok(Asked::Text(
                command_table.command.clone().try_get_matches_from(arguments).err().unwrap_or(error),
            ));
        }
        Err(error) => return Err(on_command_line(command_table, &error).bad_input()),
    };
    let Some((name, matches)) = matches.subcommand() else {
        return Err(no_command(command_table).bad_input());
    };
    let flags = command_table
        .settings_of(name)
        .unwrap_or_default()
        .into_iter()
        .filter(|setting| matches.value_source(&id(&setting.key)) == Some(ValueSource::CommandLine))
        .filter_map(|setting| {
            let texts: Vec<String> =
                matches.get_many::<String>(&id(&setting.key))?.filter(|text| !text.is_empty()).cloned().collect();
            (!texts.is_empty()).then_some((setting.key, Given { texts, origin: Origin::Flag }))
        })
        .collect();
    Ok(Asked::Command { name: name.to_owned(), flags })
}

/// clap's name of a setting: derive keeps the field's.
fn id(key: &str) -> String {
    key.replace('-', "_")
}

/// The inputs that belong to a command, as a layer.
///
/// # Errors
/// Bad input: an input that no command knows. One that another command knows is left alone: a job's `env:` may hold it.
pub fn inputs(
    command_table: &CommandTable,
    command: &str,
    inputs: &BTreeMap<String, String>,
) -> Result<Layer, CommandError> {
    let own = command_table.settings_of(command).unwrap_or_default();
    let mut layer = Layer::new();
    for (key, text) in inputs {
        if let Some(setting) = own.iter().find(|setting| setting.key == *key) {
            let texts: Vec<String> = if setting.many {
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
            } else {
                vec![text.trim().to_owned()]
            };
            layer.insert(key.clone(), Given { texts, origin: Origin::Input });
        } else if !command_table
            .names
            .iter()
            .any(|name| command_table.settings_of(name).is_some_and(|all| all.iter().any(|one| one.key == *key)))
        {
            let known: Vec<&str> = own.iter().map(|setting| setting.key.as_str()).collect();
            let finding = Finding::inconclusive(format!("`{}`", runner_env::variable(key)))
                .actual("no command has such an input")
                .expected(format!("one of {}", known.join(", ")));
            return Err(finding.did_you_mean(closest(key, &known)).with_origin("environment").bad_input());
        }
    }
    Ok(layer)
}

/// A command with its arguments, and what they were set to.
pub struct Resolved<T> {
    pub typed: T,
    /// For the report: settings as JSON and their origins, secrets left out.
    pub settings: BTreeMap<String, Value>,
    pub origins: BTreeMap<String, String>,
}

/// Merges layers, the highest first, and lets clap parse and check the result. `place` is the origin of an error that no
/// layer causes, such as a missing setting.
///
/// # Errors
/// Bad input: names the setting, the value, where it came from and what is accepted.
pub fn resolve<'a, T: FromArgMatches>(
    command_table: &CommandTable,
    name: &str,
    layers: impl IntoIterator<Item = &'a Layer>,
    place: Option<&str>,
) -> Result<Resolved<T>, CommandError> {
    let layers: Vec<&Layer> = layers.into_iter().collect();
    let all = command_table.settings_of(name).unwrap_or_default();
    let mut arguments = vec![OsString::from("promote-gates"), name.into()];
    let mut settings = BTreeMap::new();
    let mut origins = BTreeMap::new();
    let mut merged = Layer::new();
    for setting in &all {
        let given = layers.iter().find_map(|layer| layer.get(&setting.key));
        if let Some(given) = given {
            if given.texts.len() > 1 && !setting.many {
                return Err(Finding::inconclusive(format!("`{}`", setting.key))
                    .actual(format!("{} values", given.texts.len()))
                    .expected("one value")
                    .with_origin(given.origin.to_string())
                    .bad_input());
            }
            arguments.extend(given.texts.iter().map(|text| format!("--{}={text}", setting.key).into()));
            merged.insert(setting.key.clone(), given.clone());
        }
        let texts = given.map_or(&setting.default, |given| &given.texts);
        if !texts.is_empty() && !setting.secret() {
            settings.insert(setting.key.clone(), as_json(setting, texts));
            origins
                .insert(setting.key.clone(), given.map_or(Origin::Default, |given| given.origin.clone()).to_string());
        }
    }
    let invalid = |error| invalid_value(&error, &all, &merged, place).bad_input();
    let matches = command_table.command.clone().try_get_matches_from(arguments).map_err(invalid)?;
    let typed = T::from_arg_matches(&matches).map_err(invalid)?;
    Ok(Resolved { typed, settings, origins })
}
