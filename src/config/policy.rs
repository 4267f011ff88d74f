//! `policy:` of the config file: conditions on the reports of gates. They keep a service from relaxing its own gates.
//!
//! ```yaml
//! policy:
//!   performance: ['.settings["max-ratio"] <= 1.2']
//! ```

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::nodes::{location, mapping, unknown_key, wrong_shape};
use crate::{
    error::CommandError,
    expression::Expression,
    finding::Finding,
    yaml::{Key, Node, Value},
};

/// A condition on a gate's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyCondition {
    pub expression: Expression,
    /// `file:line:column`
    pub location: String,
}

/// The conditions by gate.
pub type Policy = BTreeMap<String, Vec<PolicyCondition>>;

/// Reads `policy:`. `gates` are the names that it accepts as keys.
pub(super) fn read(path: &str, node: Node, gates: &[&str]) -> Result<Policy, CommandError> {
    mapping(path, "policy", node)?.into_iter().map(|(key, node)| conditions_of_gate(path, key, node, gates)).collect()
}

fn conditions_of_gate(
    path: &str,
    key: Key,
    node: Node,
    gates: &[&str],
) -> Result<(String, Vec<PolicyCondition>), CommandError> {
    // A validation has the reports of software gates only: no other condition would ever be evaluated.
    if !gates.contains(&key.name.as_str()) {
        return Err(unknown_key(path, &key, "`policy`", gates));
    }
    let conditions = match node.value {
        Value::List(items) => {
            items.into_iter().map(|item| condition(path, &key.name, &item)).collect::<Result<_, _>>()?
        }
        Value::Text(_) => vec![condition(path, &key.name, &node)?],
        Value::Nothing | Value::Map(_) => {
            return Err(wrong_shape(path, &key.name, &node, "a jq condition or a list of them"));
        }
    };
    Ok((key.name, conditions))
}

fn condition(path: &str, gate: &str, node: &Node) -> Result<PolicyCondition, CommandError> {
    let Value::Text(text) = &node.value else {
        return Err(wrong_shape(path, gate, node, "a jq condition, such as '.settings[\"max-ratio\"] <= 1.2'"));
    };
    let location = location(path, node.line, node.column);
    let expression = Expression::compile(text).map_err(|error| {
        Finding::inconclusive(format!("`policy: {gate}`"))
            .actual(error.to_string())
            .expected("a jq condition on the gate's report")
            .with_origin(&location)
            .bad_input()
    })?;
    Ok(PolicyCondition { expression, location })
}

/// The JSON Schema of what [`read`] accepts.
pub(super) fn schema(gates: &[&str]) -> Json {
    let conditions = json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    let properties: serde_json::Map<String, Json> =
        gates.iter().map(|gate| ((*gate).to_owned(), conditions.clone())).collect();
    json!({
        "description": "Conditions on a gate's report that a service cannot relax: jq expressions that `evidence` evaluates on the report, such as '.settings[\"max-ratio\"] <= 1.2'.",
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
    fn conditions_are_compiled_and_keep_their_line_and_column() {
        let text = "policy:\n  performance: ['.settings[\"max-ratio\"] <= 1.2', .verdict == \"passed\"]\n  smoke: .reason != \"\"\n";
        let policy = Config::read(&command_table(), "f.yml", text.as_bytes(), None).unwrap().policy;
        let [ratio, verdict] = &policy["performance"][..] else { panic!("{policy:?}") };
        assert_eq!(ratio.expression.holds(&json!({ "settings": { "max-ratio": 1.2 } })), Ok(true));
        assert_eq!((&*ratio.location, &*verdict.location), ("f.yml:2:17", "f.yml:2:50"));
        assert_eq!(policy["smoke"].len(), 1);
    }

    #[test]
    fn an_error_names_its_line_and_column() {
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
