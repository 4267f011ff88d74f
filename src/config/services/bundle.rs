//! `bundle-size:` of a service: the deployed bundle has to be measured, and may have grown by so much since the last promotion.

use std::{fmt, str::FromStr};

use serde_json::{Value as Json, json};

use crate::{
    config::nodes::{location, mapping, unknown_key, wrong_shape},
    error::CommandError,
    finding::Finding,
    values::{
        Bytes, Percent,
        schema::{bytes, percent},
    },
    yaml::{Key, Node, Value},
};

/// The text that requires the bundle's size with the default limits.
const REQUIRED: &str = "required";
const KEYS: [&str; 4] = ["max-increase", "max-added", "max-decrease", "max-size"];

/// How much a service's bundle may grow between two promotions. The defaults are those of the gate.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleLimits {
    pub max_increase: Percent,
    pub max_added: Bytes,
    pub max_decrease: Percent,
    pub max_size: Option<Bytes>,
}

impl Default for BundleLimits {
    fn default() -> Self {
        Self { max_increase: Percent(5.0), max_added: Bytes(1_000_000), max_decrease: Percent(50.0), max_size: None }
    }
}

/// Reads the value of the key.
pub(super) fn read(path: &str, key: &Key, node: Node) -> Result<BundleLimits, CommandError> {
    let mut limits = BundleLimits::default();
    match &node.value {
        Value::Text(text) if text == REQUIRED => return Ok(limits),
        Value::Map(_) => {}
        _ => return Err(wrong_shape(path, &key.name, &node, "`required`, or limits such as `{ max-increase: 5 }`")),
    }
    for (key, node) in mapping(path, &key.name, node)? {
        match key.name.as_str() {
            "max-increase" => limits.max_increase = one(path, &key, &node)?,
            "max-added" => limits.max_added = one(path, &key, &node)?,
            "max-decrease" => limits.max_decrease = one(path, &key, &node)?,
            "max-size" => limits.max_size = Some(one(path, &key, &node)?),
            _ => return Err(unknown_key(path, &key, "`bundle-size`", &KEYS)),
        }
    }
    Ok(limits)
}

fn one<T: FromStr<Err: fmt::Display>>(path: &str, key: &Key, node: &Node) -> Result<T, CommandError> {
    let Value::Text(text) = &node.value else { return Err(wrong_shape(path, &key.name, node, "one text")) };
    text.parse().map_err(|error: T::Err| {
        Finding::inconclusive(format!("`{}`", key.name))
            .actual(format!("\"{text}\""))
            .expected(error.to_string())
            .with_origin(location(path, node.line, node.column))
            .bad_input()
    })
}

/// The JSON Schema of what [`read`] accepts.
pub(super) fn schema() -> Json {
    let properties = json!({
        "max-increase": percent("Maximum growth since the last promotion in percent. Default: 5."),
        "max-added": bytes("Maximum number of bytes, before compression, that the bundle may have grown by. Default: 1 MB."),
        "max-decrease": percent("Maximum decrease in percent; more is inconclusive. Default: 50."),
        "max-size": bytes("Maximum size of the bundle in bytes, as it is judged. No explanation raises it."),
    });
    let limits = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    json!({
        "anyOf": [{ "const": REQUIRED }, limits],
        "description": "The deployed bundle must be measured, and may grow by so much between two promotions: `required`, or limits.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    fn read(value: &str) -> Result<Option<BundleLimits>, String> {
        let text = format!(
            "services:\n  shop:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: ghcr.io/acme/shop\n    bundle-size: {value}\n"
        );
        match Config::read(&command_table(), "f.yml", text.as_bytes(), None) {
            Ok(config) => Ok(config.services[&"shop".parse().unwrap()].bundle_size.clone()),
            Err(CommandError::BadInput(finding)) => Err(finding.to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn limits_are_read_with_their_defaults() {
        assert_eq!(read("required"), Ok(Some(BundleLimits::default())));
        let limits = BundleLimits {
            max_increase: Percent(2.5),
            max_size: Some(Bytes(300_000)),
            max_added: Bytes(50_000),
            ..BundleLimits::default()
        };
        assert_eq!(read("{ max-increase: 2.5%, max-added: 50 kB, max-size: 300kB }"), Ok(Some(limits)));
    }

    #[test]
    fn anything_else_is_refused() {
        for (value, parts) in [
            ("requird", &["`bundle-size`", "a text", "`required`, or limits"][..]),
            ("", &["`bundle-size`", "nothing"]),
            ("[a]", &["`bundle-size`", "a list"]),
            ("{ max-increas: 5 }", &["`max-increas`", "did you mean `max-increase`?"]),
            ("{ max-added: big }", &["`max-added` (f.yml:6:31)", "\"big\""]),
            ("{ max-added: [1] }", &["`max-added`", "a list"]),
        ] {
            let message = read(value).expect_err(value);
            for part in parts {
                assert!(message.contains(part), "{value}: {part} in {message}");
            }
        }
    }
}
