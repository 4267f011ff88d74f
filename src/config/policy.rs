//! `policy:` of the config file: what must hold of a gate's report, whatever the service's own settings say. It keeps a
//! service from relaxing its own gates.
//!
//! ```yaml
//! policy:
//!   performance: ['.settings["max-ratio"] <= 1.2']
//! ```

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{mapping, misshapen, place, unknown};
use crate::{
    commands,
    error::CommandError,
    expression::Expression,
    finding::Finding,
    yaml::{Key, Node, Value},
};

/// A condition on a gate's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub expression: Expression,
    /// `file:line:column`
    pub place: String,
}

/// The conditions by gate.
pub type Policy = BTreeMap<String, Vec<Condition>>;

/// Reads `policy:`.
pub(super) fn read(path: &str, node: Node) -> Result<Policy, CommandError> {
    mapping(path, "policy", node)?.into_iter().map(|(key, node)| gate(path, key, node)).collect()
}

fn gate(path: &str, key: Key, node: Node) -> Result<(String, Vec<Condition>), CommandError> {
    // Only what judges software is in a validation: a condition on another gate would never be asked.
    if !commands::ON_SOFTWARE.contains(&key.name.as_str()) {
        return Err(unknown(path, &key, "`policy`", &commands::ON_SOFTWARE));
    }
    let conditions = match node.value {
        Value::List(items) => {
            items.into_iter().map(|item| condition(path, &key.name, &item)).collect::<Result<_, _>>()?
        }
        Value::Text(_) => vec![condition(path, &key.name, &node)?],
        Value::Nothing | Value::Map(_) => {
            return Err(misshapen(path, &key.name, &node, "a jq condition or a list of them"));
        }
    };
    Ok((key.name, conditions))
}

fn condition(path: &str, gate: &str, node: &Node) -> Result<Condition, CommandError> {
    let Value::Text(text) = &node.value else {
        return Err(misshapen(path, gate, node, "a jq condition, such as '.settings[\"max-ratio\"] <= 1.2'"));
    };
    let place = place(path, node.line, node.column);
    let expression = Expression::compile(text).map_err(|error| {
        Finding::inconclusive(format!("`policy: {gate}`"))
            .actual(error.to_string())
            .expected("a jq condition on the gate's report")
            .with_origin(&place)
            .bad_input()
    })?;
    Ok(Condition { expression, place })
}

/// For editors: what [`read`] takes.
pub(super) fn schema() -> Json {
    let conditions = json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    let properties: serde_json::Map<String, Json> =
        commands::ON_SOFTWARE.into_iter().map(|gate| (gate.to_owned(), conditions.clone())).collect();
    json!({
        "description": "What must hold of a gate's report, whatever the service's own settings say: jq conditions that `evidence` asks, such as '.settings[\"max-ratio\"] <= 1.2'.",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    #[test]
    fn conditions_come_compiled_and_know_their_place() {
        let text = "policy:\n  performance: ['.settings[\"max-ratio\"] <= 1.2', .verdict == \"passed\"]\n  smoke: .reason != \"\"\n";
        let policy = Config::read(&command_table(), "f.yml", text.as_bytes(), None).unwrap().policy;
        let [ratio, verdict] = &policy["performance"][..] else { panic!("{policy:?}") };
        assert_eq!(ratio.expression.holds(&json!({ "settings": { "max-ratio": 1.2 } })), Ok(true));
        assert_eq!((&*ratio.place, &*verdict.place), ("f.yml:2:17", "f.yml:2:50"));
        assert_eq!(policy["smoke"].len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, parts) in [
            ("policy: { performanc: .a }", &["`performanc` (f.yml:1:11)", "did you mean `performance`?"][..]),
            ("policy: { approval: .a }", &["`approval`", "health, smoke, performance, bundle-size"]),
            ("policy:\n  smoke: '.a <'", &["`policy: smoke` (f.yml:2:10)", "cannot compile"]),
            ("policy:\n  smoke: ''", &["(f.yml:2:10)", "empty"]),
            ("policy:\n  smoke:", &["`smoke`", "nothing; expected a jq condition"]),
            ("policy:\n  smoke: [{ a: b }]", &["`smoke` (f.yml:2:11)", "a mapping; expected a jq condition"]),
            ("policy: 1", &["`policy` (f.yml:1:9)", "a text"]),
        ] {
            let Err(CommandError::BadInput(finding)) = Config::read(&command_table(), "f.yml", text.as_bytes(), None)
            else {
                panic!("{text}: must be refused")
            };
            for part in parts {
                assert!(finding.to_string().contains(part), "{text}: {part} in {finding}");
            }
        }
    }
}
