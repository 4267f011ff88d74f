//! `people:` of the config file: which accounts belong to programs. An account that a program uses approves nothing, even if GitHub
//! shows it as a user.
//!
//! ```yaml
//! people:
//!   machines: [release-robot]
//! ```

use serde_json::{Value as Json, json};

use super::nodes::{location, mapping, unknown_key, wrong_shape};
use crate::{
    error::{CommandError, ValueError},
    finding::Finding,
    login::Login,
    yaml::{Node, Value},
};

/// The accounts that programs use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    pub machines: Vec<Login>,
}

impl People {
    /// Whether a program uses the account of that login.
    #[must_use]
    pub fn is_machine(&self, login: &str) -> bool {
        self.machines.iter().any(|machine| machine.is(login))
    }
}

/// Reads `people:`.
pub(super) fn read(path: &str, node: Node) -> Result<People, CommandError> {
    let mut people = People::default();
    for (key, node) in mapping(path, "people", node)? {
        if key.name != "machines" {
            return Err(unknown_key(path, &key, "`people`", &["machines"]));
        }
        people.machines = match node.value {
            Value::List(items) => items.iter().map(|item| machine(path, item)).collect::<Result<_, _>>()?,
            Value::Text(_) => vec![machine(path, &node)?],
            Value::Nothing => Vec::new(),
            Value::Map(_) => return Err(wrong_shape(path, "machines", &node, "a login or a list of logins")),
        };
    }
    Ok(people)
}

fn machine(path: &str, node: &Node) -> Result<Login, CommandError> {
    let Value::Text(text) = &node.value else { return Err(wrong_shape(path, "machines", node, "a login")) };
    text.trim().parse().map_err(|error: ValueError| {
        Finding::inconclusive("`people: machines`")
            .actual(format!("{text:?}"))
            .expected(error.to_string())
            .with_origin(location(path, node.line, node.column))
            .bad_input()
    })
}

/// The JSON Schema of what [`read`] accepts.
pub(super) fn schema() -> Json {
    let login = json!({ "type": "string", "pattern": r"^[A-Za-z0-9_-]{1,100}(\[bot\])?$" });
    json!({
        "description": "Who is no person.",
        "type": ["object", "null"],
        "properties": {
            "machines": {
                "description": "Logins of accounts that programs use. GitHub shows them as users, and their approval counts for nothing.",
                "anyOf": [login, { "type": ["array", "null"], "items": login }],
            },
        },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    fn read(text: &str) -> Result<People, CommandError> {
        Config::read(&command_table(), "f.yml", text.as_bytes(), None).map(|config| config.people)
    }

    #[test]
    fn machines_are_known_by_their_login_without_case() {
        for text in ["people: { machines: [Release-Robot, x] }", "people:\n  machines: Release-Robot\n"] {
            let people = read(text).unwrap();
            assert!(people.is_machine("release-robot") && !people.is_machine("release"), "{text}");
        }
        for text in ["people:", "people: { machines: }", "people: { machines: [] }", "tag: x"] {
            assert_eq!(read(text).unwrap(), People::default(), "{text}");
        }
    }

    #[test]
    fn an_error_names_its_line_and_column() {
        for (text, parts) in [
            ("people: { machine: [a] }", &["`machine` (f.yml:1:11)", "did you mean `machines`?"][..]),
            ("people:\n  machines: ['@a']", &["`people: machines` (f.yml:2:14)", "\"@a\"", "a GitHub login"]),
            ("people:\n  machines: [[a]]", &["(f.yml:2:14)", "a login"]),
            ("people:\n  machines: { a: b }", &["`machines` (f.yml:2:13)", "a login or a list of logins"]),
            ("people: ['a']", &["`people` (f.yml:1:9)", "a mapping of settings"]),
        ] {
            let Err(CommandError::BadInput(finding)) = read(text) else { panic!("{text}: must be refused") };
            for part in parts {
                assert!(finding.to_string().contains(part), "{text}: {part} in {finding}");
            }
        }
    }
}
