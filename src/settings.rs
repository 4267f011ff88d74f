//! Settings from flags, inputs, the config file and defaults. A setting has one name everywhere: clap's model of the commands
//! defines it for flags, inputs, `action.yml`, the tables in the documentation and the report.

mod command_table;
mod invalid_value;
mod layer;
mod reported;
mod setting;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ffi::OsString};

use clap::{ArgMatches, error::ErrorKind, parser::ValueSource};
use serde_json::Value;

use crate::{error::CommandError, finding::Finding, runner_env, values::closest};

pub use command_table::CommandTable;
pub use invalid_value::no_command;
use invalid_value::{command_line_error, invalid_value};
pub use layer::{Layer, SettingOrigin, SettingValue};
use reported::as_json;
use setting::is_clap_own;
pub use setting::{Setting, SettingKind, help_and_default, read_settings, with_switches};

/// A command line whose values are not checked yet.
pub enum CommandLine {
    /// Help or version, which clap prints itself.
    HelpOrVersion(clap::Error),
    Command {
        name: String,
        flags: Layer,
    },
}

/// Reads the command's name and its flags. [`resolve`] checks the values later, together with inputs, config and defaults.
///
/// # Errors
/// Bad input: an unknown command or flag, with the closest known one.
pub fn parse_command_line(command_table: &CommandTable, arguments: &[OsString]) -> Result<CommandLine, CommandError> {
    // Only the models of the named commands are relaxed: most of a cold start would go into the others.
    let named: Vec<&str> =
        command_table.all_names().filter(|name| arguments.iter().any(|argument| argument == name)).collect();
    let relaxed = named
        .iter()
        .fold(command_table.command.clone(), |command, name| command.mut_subcommand(name, without_validation));
    let matches = match relaxed.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // A relaxed model lacks the possible values, which the help shows.
            let strict =
                (!named.is_empty()).then(|| command_table.command.clone().try_get_matches_from(arguments).err());
            return Ok(CommandLine::HelpOrVersion(strict.flatten().unwrap_or(error)));
        }
        Err(error) => {
            let name = arguments.get(1).and_then(|argument| argument.to_str());
            return Err(command_line_error(command_table, name, &error).bad_input());
        }
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
            (!texts.is_empty()).then_some((setting.key, SettingValue { texts, origin: SettingOrigin::Flag }))
        })
        .collect();
    Ok(CommandLine::Command { name: name.to_owned(), flags })
}

/// The model of a command that accepts any value, and needs none: config and defaults are still to come.
fn without_validation(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        if is_clap_own(&argument) {
            argument
        } else {
            argument.required(false).value_parser(clap::value_parser!(String))
        }
    })
}

/// clap's id of a setting, which is the name of the field.
fn id(key: &str) -> String {
    key.replace('-', "_")
}

/// The inputs that belong to a command, as a layer.
///
/// # Errors
/// Bad input: an input that no command knows. An input of another command is ignored: the `env:` of a job may hold it.
pub fn input_layer(
    command_table: &CommandTable,
    command: &str,
    inputs: &BTreeMap<String, String>,
) -> Result<Layer, CommandError> {
    let settings = command_table.settings_of(command).unwrap_or_default();
    let mut layer = Layer::new();
    for (key, text) in inputs {
        if let Some(setting) = settings.iter().find(|setting| setting.key == *key) {
            let texts: Vec<String> = if setting.many {
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
            } else {
                vec![text.trim().to_owned()]
            };
            layer.insert(key.clone(), SettingValue { texts, origin: SettingOrigin::Input });
        } else if !command_table.names.iter().any(|name| {
            command_table.settings_of(name).is_some_and(|all| all.iter().any(|setting| setting.key == *key))
        }) {
            let known: Vec<&str> = settings.iter().map(|setting| setting.key.as_str()).collect();
            let finding = Finding::inconclusive(format!("`{}`", runner_env::variable(key)))
                .actual("no command has such an input")
                .expected(format!("one of {}", known.join(", ")));
            return Err(finding.did_you_mean(closest(key, &known)).with_origin("environment").bad_input());
        }
    }
    Ok(layer)
}

/// A command with its typed arguments, and the settings in force.
pub struct Resolved<T> {
    pub typed: T,
    /// For the report: settings as JSON and their origins, secrets left out.
    pub settings: BTreeMap<String, Value>,
    pub origins: BTreeMap<String, String>,
    /// The units of settings that have one.
    pub units: BTreeMap<String, String>,
}

impl<T> Resolved<T> {
    /// The same settings with the command wrapped.
    pub fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Resolved<U> {
        Resolved { typed: wrap(self.typed), settings: self.settings, origins: self.origins, units: self.units }
    }
}

/// Merges layers, the highest first. clap parses and checks the result. `parse` reads the matches of the subcommand;
/// `location` is the origin of an error that no layer causes, such as a missing setting.
///
/// # Errors
/// Bad input, with the setting, the value, its origin and the accepted values.
pub fn resolve<'a, T>(
    command_table: &CommandTable,
    name: &str,
    layers: impl IntoIterator<Item = &'a Layer>,
    location: Option<&str>,
    parse: impl FnOnce(&ArgMatches) -> Result<T, clap::Error>,
) -> Result<Resolved<T>, CommandError> {
    let layers: Vec<&Layer> = layers.into_iter().collect();
    let all = command_table.settings_of(name).unwrap_or_default();
    let mut arguments = vec![OsString::from("promote-gates"), name.into()];
    let mut settings = BTreeMap::new();
    let mut origins = BTreeMap::new();
    let mut units = BTreeMap::new();
    let mut merged = Layer::new();
    for setting in &all {
        let value = layers.iter().find_map(|layer| layer.get(&setting.key));
        if let Some(value) = value {
            if value.texts.len() > 1 && !setting.many {
                return Err(Finding::inconclusive(format!("`{}`", setting.key))
                    .actual(format!("{} values", value.texts.len()))
                    .expected("one value")
                    .with_origin(value.origin.to_string())
                    .bad_input());
            }
            arguments.extend(value.texts.iter().map(|text| format!("--{}={text}", setting.key).into()));
            merged.insert(setting.key.clone(), value.clone());
        }
        let texts = value.map_or(&setting.default, |value| &value.texts);
        if !texts.is_empty() && !setting.is_secret() {
            settings.insert(setting.key.clone(), as_json(setting, texts));
            units.extend(setting.unit.map(|unit| (setting.key.clone(), unit.to_owned())));
            origins.insert(
                setting.key.clone(),
                value.map_or(SettingOrigin::Default, |value| value.origin.clone()).to_string(),
            );
        }
    }
    let invalid = |error| invalid_value(&error, &all, &merged, location).bad_input();
    let matches = command_table.command.clone().try_get_matches_from(arguments).map_err(invalid)?;
    let matches = matches.subcommand().map_or(&matches, |(_, matches)| matches);
    let typed = parse(matches).map_err(invalid)?;
    Ok(Resolved { typed, settings, origins, units })
}
