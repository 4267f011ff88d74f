//! The JSON Schema of the config file, so that an editor completes and checks `.github/promote-gates.yml`.

use serde_json::{Map, Value, json};

use super::{people, policy, services};
use crate::{
    settings::{CommandTable, Setting, SettingKind, help_and_default},
    values::{Ratio, schema as notation},
};

/// The schema in draft 7, which the YAML servers of editors read.
#[must_use]
pub fn schema(command_table: &CommandTable) -> Value {
    let mut properties = setting_schemas(&command_table.common);
    for name in &command_table.names {
        let about =
            command_table.command.find_subcommand(name).and_then(clap::Command::get_about).map(ToString::to_string);
        let mut section = section(command_table, name);
        section
            .insert("description".to_owned(), format!("Settings of `{name}`: {}.", about.unwrap_or_default()).into());
        properties.insert((*name).to_owned(), section.into());
    }
    let gates = &command_table.gates;
    let gate_sections =
        gates.iter().map(|name| ((*name).to_owned(), section(command_table, name).into())).collect::<Map<_, _>>();
    properties.insert(
        "gates".to_owned(),
        json!({
            "description": "What `run` runs, in order: gates by name, or a name with its settings behind it.",
            "type": "array",
            "items": { "anyOf": [
                { "enum": gates },
                { "type": "object", "properties": gate_sections, "additionalProperties": false, "minProperties": 1, "maxProperties": 1 },
            ] },
        }),
    );
    properties.insert("services".to_owned(), services::schema());
    properties.insert("policy".to_owned(), policy::schema(&command_table.gates));
    properties.insert("people".to_owned(), people::schema());
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "promote-gates config file",
        "description": "Settings for every command, for one command in a section of its name, the gates that `run` runs, the rules that `evidence` checks a validation against, and the accounts of programs.",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The schema of a command's section. A section may be empty.
fn section(command_table: &CommandTable, name: &str) -> Map<String, Value> {
    let properties = setting_schemas(&command_table.settings_of(name).unwrap_or_default());
    let section = json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false });
    section.as_object().cloned().unwrap_or_default()
}

/// The settings that the config file accepts: all but secrets and those that say where the config file is.
fn setting_schemas(all: &[Setting]) -> Map<String, Value> {
    let parts: Map<String, Value> = all
        .iter()
        .filter(|setting| setting.heading.as_deref() == Some("Subject") && setting.key != "subject")
        .map(|setting| (setting.key.clone(), scalar(setting)))
        .collect();
    all.iter()
        .filter(|setting| !setting.is_secret() && !setting.locates_config())
        .map(|setting| (setting.key.clone(), property(setting, &parts)))
        .collect()
}

fn property(setting: &Setting, subject_parts: &Map<String, Value>) -> Value {
    let mut shapes = vec![scalar(setting)];
    if setting.many {
        shapes.push(json!({ "type": "array", "items": scalar(setting) }));
    }
    if setting.many && setting.takes_pairs() {
        shapes.push(json!({ "type": "object", "additionalProperties": scalar(setting) }));
    }
    if setting.key == "subject" {
        shapes.push(json!({ "type": "object", "properties": subject_parts, "additionalProperties": false }));
    }
    let mut property = match (shapes.pop(), shapes.is_empty()) {
        (Some(Value::Object(only)), true) => only,
        (last, _) => [("anyOf".to_owned(), shapes.into_iter().chain(last).collect())].into_iter().collect(),
    };
    let (help, default) = help_and_default(setting);
    let default = default.map(|default| format!(" Default: {default}.")).unwrap_or_default();
    property.insert("description".to_owned(), format!("{help}.{default}").into());
    if let [default] = setting.default.as_slice()
        && !setting.many
    {
        property.insert("default".to_owned(), default_value(setting, default));
    } else if !setting.default.is_empty() {
        property
            .insert("default".to_owned(), setting.default.iter().map(|item| default_value(setting, item)).collect());
    }
    property.into()
}

/// The schema of one value. The reader keeps scalars as written, so a text may look like a number: `tag: 1.10`.
fn scalar(setting: &Setting) -> Value {
    if !setting.choices.is_empty() {
        return json!({ "enum": setting.choices });
    }
    match setting.kind {
        SettingKind::Switch => json!({ "type": "boolean" }),
        SettingKind::Number => notation::number(setting.pattern.unwrap_or(Ratio::PATTERN)),
        SettingKind::Duration => notation::duration(),
        SettingKind::Url | SettingKind::Header => json!({ "type": "string" }),
        SettingKind::Text | SettingKind::Secret => json!({ "type": ["string", "number", "boolean"] }),
    }
}

/// A default as a YAML value.
fn default_value(setting: &Setting, default: &str) -> Value {
    match setting.kind {
        SettingKind::Switch | SettingKind::Number => serde_json::from_str(default).unwrap_or_else(|_| default.into()),
        _ => default.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::command_table,
        config::{Config, SECTIONS},
        values::Bytes,
    };

    fn keys(node: &Value) -> Vec<&str> {
        node["properties"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    fn reads(text: &str) -> bool {
        Config::read(&command_table(), "f", text.as_bytes(), None).is_ok()
    }

    /// The reader and the schema know the same keys in the same places.
    #[test]
    fn the_schema_accepts_what_the_reader_accepts() {
        let command_table = command_table();
        let schema = schema(&command_table);
        let sections = command_table.names.clone();
        for key in keys(&schema).into_iter().filter(|key| !SECTIONS.contains(key) && !sections.contains(key)) {
            assert!(reads(&format!("{key}: x")), "{key}");
        }
        for name in sections {
            let offered = keys(&schema["properties"][name]);
            for setting in command_table.settings_of(name).unwrap() {
                let taken = reads(&format!("{name}: {{ {}: x }}", setting.key));
                assert_eq!(offered.contains(&setting.key.as_str()), taken, "{name} {}", setting.key);
            }
            let gate = keys(&schema["properties"]["gates"]["items"]["anyOf"][1]).contains(&name);
            assert_eq!(gate, reads(&format!("gates: [{name}]")), "{name}");
            assert_eq!(gate, reads(&format!("gates: [{name}: {{ service: x }}]")), "{name}");
        }
        assert!(!reads("config: x") && !keys(&schema).contains(&"config"));
    }

    /// What a section of the schema has for a text: whether its pattern matches.
    fn schema_accepts(schema: &Value, section: &str, key: &str, text: &str) -> bool {
        let pattern = schema["properties"][section]["properties"][key]["pattern"].as_str();
        let pattern = pattern.unwrap_or_else(|| panic!("{section} {key} has no pattern"));
        regex_lite::Regex::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn a_value_that_no_command_accepts_is_wrong_in_the_editor_too() {
        let command_table = command_table();
        let schema = schema(&command_table);
        for (section, key, good, bad) in [
            ("health", "interval", "1m30s", &["5x", "abc", "-1", "", "1.5s"][..]),
            ("health", "attempts", "10", &["5x", "abc", "1.5", ""]),
            ("performance", "max-ratio", "1.2", &["5x", "abc", "120%", "-1", ""]),
            ("performance", "max-error-rate", "2.5 %", &["5x", "abc", "5%%", ""]),
            ("bundle-size", "max-size", "1.5 MB", &["5x", "abc", "1.5", "1 mb", ""]),
        ] {
            let accepted = |text: &str| {
                let config = format!("{section}: {{ {key}: '{text}' }}");
                let config = Config::read(&command_table, "f", config.as_bytes(), None).unwrap();
                let entry = crate::commands::find(section).unwrap();
                let resolved = entry.resolve(&command_table, config.layers(section), None);
                !matches!(resolved, Err(error) if format!("{error:?}").contains(&format!("`{key}`")))
            };
            assert!(schema_accepts(&schema, section, key, good) && accepted(good), "{section} {key} {good}");
            for bad in bad.iter().filter(|bad| !bad.is_empty()) {
                assert!(!accepted(bad), "{section} {key} {bad}");
            }
            for bad in bad {
                assert!(!schema_accepts(&schema, section, key, bad), "{section} {key} {bad}");
            }
        }
    }

    #[test]
    fn a_setting_has_the_shapes_that_the_reader_accepts() {
        let setting = Setting {
            unit: None,
            pattern: None,
            key: "env".to_owned(),
            help: "Variables [default: none]".to_owned(),
            value_name: "NAME=VALUE".to_owned(),
            default: Vec::new(),
            required: false,
            many: true,
            choices: Vec::new(),
            kind: SettingKind::Text,
            heading: None,
        };
        let shapes = |setting: &Setting| property(setting, &Map::new());
        let pairs = shapes(&setting);
        assert_eq!(pairs["description"], "Variables. Default: none.");
        let types: Vec<&Value> = pairs["anyOf"].as_array().unwrap().iter().map(|shape| &shape["type"]).collect();
        assert_eq!(types, [&json!(["string", "number", "boolean"]), &json!("array"), &json!("object")]);
        let switch =
            Setting { many: false, kind: SettingKind::Switch, default: vec!["false".to_owned()], ..setting.clone() };
        assert_eq!(
            shapes(&switch),
            json!({ "type": "boolean", "description": "Variables. Default: none.", "default": false })
        );
        let size = Setting { many: false, kind: SettingKind::Number, pattern: Some(Bytes::PATTERN), ..setting.clone() };
        assert_eq!(scalar(&size), json!({ "type": ["integer", "string"], "pattern": Bytes::PATTERN, "minimum": 0 }));
        let choice = Setting { many: false, choices: vec!["raw".to_owned()], ..setting };
        assert_eq!(shapes(&choice)["enum"], json!(["raw"]));
    }
}
