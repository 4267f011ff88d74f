//! The config file: settings for every command, for one command, and the list of gates that `run` runs.
//!
//! ```yaml
//! service: checkout-service      # a subject's part, for every command
//! performance:                   # a command's own settings
//!   max-ratio: 1.2
//! gates:                         # what `run` runs, in order
//!   - bundle-size
//!   - health: { url: https://staging.example/ready }
//! services: {}                   # the sources that each service may come from
//! policy: {}                     # conditions on the reports of gates
//! people: {}                     # the accounts of programs
//! ```

pub mod nodes;
pub mod paths;
pub mod people;
pub mod policy;
pub mod schema;
pub mod services;

use std::collections::BTreeMap;

use crate::{
    error::CommandError,
    finding::Finding,
    report::{ConfigFile, compact::hex_sha256},
    settings::{CommandTable, Layer, Setting, SettingOrigin, SettingValue},
    yaml::{self, Key, Node, Value},
};
use nodes::{location, mapping, unknown_key, wrong_shape};
pub use paths::{DEFAULT_PATH, DEFAULT_PATHS};
use people::People;
use policy::Policy;
use services::Services;

/// The keys that are not settings: the gates that `run` runs, the rules that `evidence` checks, and the accounts that are no
/// people.
pub const SECTIONS: [&str; 4] = ["gates", "services", "policy", "people"];

/// A config file, read and checked: every key in it is known.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub file: Option<ConfigFile>,
    /// Settings for every command.
    common: Layer,
    /// Settings for one command.
    sections: BTreeMap<String, Layer>,
    pub gates: Vec<GateEntry>,
    pub services: Services,
    pub policy: Policy,
    pub people: People,
}

/// One item of `gates:`.
#[derive(Clone, Debug, PartialEq)]
pub struct GateEntry {
    pub gate: String,
    pub settings: Layer,
    /// `file:line:column`
    pub location: String,
}

impl Config {
    /// Reads a config file. `commit`: the base commit that the file is from, on a pull request.
    ///
    /// # Errors
    /// Bad input with file, line and column: broken YAML, an unknown key (with the closest known one), a value of the
    /// wrong shape, a secret.
    pub fn read(
        command_table: &CommandTable,
        path: &str,
        bytes: &[u8],
        commit: Option<String>,
    ) -> Result<Self, CommandError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            Finding::inconclusive(path)
                .actual(format!("a byte that is not UTF-8 at offset {}", error.valid_up_to()))
                .expected("UTF-8")
                .bad_input()
        })?;
        let file = ConfigFile { path: path.to_owned(), sha256: hex_sha256(bytes), commit };
        let mut config = Self { file: Some(file), ..Self::default() };
        let root = yaml::read(text).map_err(|error| yaml::unreadable_file(&error, path).bad_input())?;
        for (key, node) in mapping(path, "the file", root)? {
            config.read_key(command_table, path, key, node)?;
        }
        Ok(config)
    }

    /// The settings that apply to a command, its own before those for every command.
    pub fn layers(&self, command: &str) -> impl Iterator<Item = &Layer> {
        self.sections.get(command).into_iter().chain([&self.common])
    }

    fn read_key(&mut self, command_table: &CommandTable, path: &str, key: Key, node: Node) -> Result<(), CommandError> {
        let common = &command_table.common;
        if key.name == "gates" {
            self.gates = gate_entries(command_table, path, node)?;
        } else if key.name == "services" {
            self.services = services::read(path, node)?;
        } else if key.name == "policy" {
            self.policy = policy::read(path, node, &command_table.gates)?;
        } else if key.name == "people" {
            self.people = people::read(path, node)?;
        } else if let Some(settings) = command_table.settings_of(&key.name) {
            let layer = section(path, &key.name, &settings, node)?;
            self.sections.insert(key.name, layer);
        } else {
            let settings =
                common.iter().filter(|setting| !setting.locates_config()).map(|setting| setting.key.as_str());
            let known: Vec<&str> = settings.chain(command_table.names.iter().copied()).chain(SECTIONS).collect();
            let setting = common.iter().find(|setting| setting.key == key.name && known.contains(&key.name.as_str()));
            let setting = setting.ok_or_else(|| unknown_key(path, &key, "the config file", &known))?;
            let value = setting_value(path, setting, &key, node)?;
            self.common.extend(value.map(|value| (key.name, value)));
        }
        Ok(())
    }
}

fn section(path: &str, name: &str, settings: &[Setting], node: Node) -> Result<Layer, CommandError> {
    let mut layer = Layer::new();
    for (key, node) in mapping(path, name, node)? {
        let accepted = || settings.iter().filter(|setting| !setting.locates_config());
        let known: Vec<&str> = accepted().map(|setting| setting.key.as_str()).collect();
        let Some(setting) = accepted().find(|setting| setting.key == key.name) else {
            return Err(unknown_key(path, &key, &format!("`{name}`"), &known));
        };
        let value = setting_value(path, setting, &key, node)?;
        layer.extend(value.map(|value| (key.name, value)));
    }
    Ok(layer)
}

fn gate_entries(command_table: &CommandTable, path: &str, node: Node) -> Result<Vec<GateEntry>, CommandError> {
    let Value::List(items) = node.value else {
        return Err(wrong_shape(path, "gates", &node, "a list of gates, each a name or a name with its settings"));
    };
    items
        .into_iter()
        .map(|item| {
            let location = location(path, item.line, item.column);
            let (key, settings) = match item.value {
                Value::Text(name) => (Key { name, line: item.line, column: item.column }, None),
                Value::Map(mut map) if map.len() == 1 => {
                    let (key, settings) = map.remove(0);
                    (key, Some(settings))
                }
                _ => {
                    return Err(wrong_shape(
                        path,
                        "gates",
                        &item,
                        "a gate's name, or one name with its settings behind it",
                    ));
                }
            };
            let gates = &command_table.gates;
            let Some(known) = command_table.settings_of(&key.name).filter(|_| gates.contains(&key.name.as_str()))
            else {
                return Err(unknown_key(path, &key, "`gates`", gates));
            };
            let settings = settings.map(|node| section(path, &key.name, &known, node)).transpose()?.unwrap_or_default();
            Ok(GateEntry { gate: key.name, settings, location })
        })
        .collect()
}

fn setting_value(path: &str, setting: &Setting, key: &Key, node: Node) -> Result<Option<SettingValue>, CommandError> {
    if setting.is_secret() {
        return Err(Finding::inconclusive(format!("`{}`", key.name))
            .actual("a secret in the config file")
            .expected("a secret as an input only")
            .next(format!("{}; revoke the secret if it was pushed", setting.way_to_give()))
            .with_origin(location(path, key.line, key.column))
            .bad_input());
    }
    let origin = SettingOrigin::Config(location(path, node.line, node.column));
    let texts = match node.value {
        Value::Nothing => return Ok(None),
        Value::Text(text) if setting.many => {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
        }
        Value::Text(text) => vec![text.trim().to_owned()],
        Value::List(items) if setting.many => {
            items.into_iter().map(|item| scalar(path, setting, item)).collect::<Result<_, _>>()?
        }
        Value::Map(entries) if setting.many && setting.takes_pairs() => entries
            .into_iter()
            .map(|(key, value)| Ok(format!("{}={}", key.name, scalar(path, setting, value)?)))
            .collect::<Result<_, CommandError>>()?,
        Value::Map(entries) if setting.key == "subject" => {
            let parts = entries.into_iter().map(|(key, value)| Ok((key.name, scalar(path, setting, value)?.into())));
            vec![serde_json::Value::Object(parts.collect::<Result<_, CommandError>>()?).to_string()]
        }
        _ => {
            let expected = if setting.many { "a value or a list of values" } else { "one value" };
            return Err(wrong_shape(path, &key.name, &node, expected));
        }
    };
    let texts: Vec<String> = texts;
    Ok((!texts.iter().all(String::is_empty)).then_some(SettingValue { texts, origin }))
}

fn scalar(path: &str, setting: &Setting, node: Node) -> Result<String, CommandError> {
    match node.value {
        Value::Text(text) => Ok(text),
        _ => Err(wrong_shape(path, &setting.key, &node, "a text")),
    }
}
