//! What users of a major version rely on: inputs with their defaults, outputs, keys of the config file and of files of checks,
//! fields of the report, trailers of the ledger, exit codes. `tests/contract/v1.txt` lists it, a line for each, and a line that is
//! gone or different is a new major version.

use std::collections::BTreeSet;

use promote_gates::{
    actions::Action,
    commands, config,
    error::{CommandError, exit_code},
    finding::{Finding, Verdict},
    report,
    settings::{Setting, SettingKind},
};
use serde_json::Value;

use crate::repository::{find, read, root};

/// Before the first major version, the contract is that of version 1.
fn path() -> String {
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    format!("tests/contract/v{}.txt", if major == "0" { "1" } else { major })
}

/// The contract of this build.
fn contract() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for action in Action::all() {
        let name = action.name;
        lines.extend(action.settings.iter().map(|setting| format!("{name} input {}", input(setting))));
        lines.extend(action.outputs().map(|output| format!("{name} output {}", output.name)));
    }
    // The sections of the commands have their inputs as keys; `config::schema` tests that.
    let mut schema = config::schema::schema(&commands::command_table());
    for (section, value) in schema["properties"].as_object_mut().into_iter().flatten() {
        if !config::SECTIONS.contains(&section.as_str()) {
            *value = Value::Object(serde_json::Map::new());
        }
    }
    schema["properties"]["gates"]["items"] = Value::Null;
    for (file, schema) in
        [("config", &schema), ("checks", &commands::smoke::checks::schema()), ("report", &report::schema())]
    {
        fields(file, "", schema, schema, &mut lines);
        for definitions in ["definitions", "$defs"] {
            for (name, definition) in schema[definitions].as_object().into_iter().flatten() {
                fields(file, name, definition, schema, &mut lines);
            }
        }
    }
    // The names are constants of a module that nothing else needs.
    let trailers = read("src/ledger/trailer.rs");
    let names = trailers.lines().filter_map(|line| line.strip_suffix("\";")?.split_once("&str = \""));
    lines.extend(names.map(|(_, name)| format!("trailer {name}")));
    for (end, what) in [
        (Ok(Verdict::Passed), "passed"),
        (Ok(Verdict::Blocked), "blocked"),
        (Ok(Verdict::Inconclusive), "inconclusive"),
        (Err(&CommandError::BadInput(Finding::inconclusive("x"))), "bad input"),
    ] {
        lines.insert(format!("exit {} {what}", exit_code(end, false)));
    }
    lines
}

/// An input: its key, what it takes, and its default. The words of a computed default may change.
fn input(setting: &Setting) -> String {
    let kind = match setting.kind {
        _ if !setting.choices.is_empty() => setting.choices.join("|"),
        SettingKind::Text => "text".to_owned(),
        SettingKind::Number => setting.unit.map_or("number".to_owned(), |unit| format!("number in {unit}")),
        SettingKind::Duration => "duration".to_owned(),
        SettingKind::Switch => "true|false".to_owned(),
        SettingKind::Url => "URL".to_owned(),
        SettingKind::Header => "header".to_owned(),
        SettingKind::Secret => "secret".to_owned(),
    };
    let list = if setting.many { ", a list" } else { "" };
    let required = if setting.required { ", required" } else { "" };
    let default = match setting.default_text() {
        Some(default) => format!(" = {default}"),
        None if setting.help.ends_with(']') => " = computed".to_owned(),
        None => String::new(),
    };
    format!("{}: {kind}{list}{required}{default}", setting.key)
}

/// Every field below a schema, with its type, and whether it is required. What has a definition is listed there, under its name.
fn fields(file: &str, path: &str, schema: &Value, whole: &Value, lines: &mut BTreeSet<String>) {
    for shapes in ["anyOf", "oneOf", "allOf"] {
        for shape in schema[shapes].as_array().into_iter().flatten() {
            fields(file, path, shape, whole, lines);
        }
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{}{key}", if path.is_empty() { "" } else { "." });
        let is_required = if required.contains(&key.as_str()) { ", required" } else { "" };
        let default = field.get("default").map(|default| format!(" = {default}")).unwrap_or_default();
        lines.insert(format!("{file} {path}: {}{is_required}{default}", type_of(field, whole)));
        fields(file, &path, field, whole, lines);
    }
    for (inner, end) in [("additionalProperties", ".*"), ("items", "[]")] {
        if schema[inner].is_object() {
            fields(file, &format!("{path}{end}"), &schema[inner], whole, lines);
        }
    }
}

/// The types or the values that a schema accepts, in order.
fn type_of(schema: &Value, whole: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = whole.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"));
        let name = reference.rsplit('/').next().filter(|name| *name != "#").unwrap_or("report");
        // A short one is its values, or its notation; of an object, the name says where its fields are.
        return if target["properties"].is_object() { name.to_owned() } else { type_of(target, whole) };
    }
    let mut types: Vec<String> = Vec::new();
    let shapes = ["anyOf", "oneOf"].iter().flat_map(|shapes| schema[*shapes].as_array().into_iter().flatten());
    types.extend(shapes.map(|shape| type_of(shape, whole)));
    let values = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
    let values: Vec<String> = values.map(|value| value.as_str().map_or(value.to_string(), ToOwned::to_owned)).collect();
    match (&schema["type"], values.is_empty()) {
        (_, false) => types.extend(values),
        (Value::String(name), true) if name == "array" && schema["items"].is_object() => {
            types.push(format!("array of {}", type_of(&schema["items"], whole)));
        }
        (Value::String(name), true) => types.push(name.clone()),
        (Value::Array(names), true) => types.extend(names.iter().filter_map(Value::as_str).map(ToOwned::to_owned)),
        _ => {}
    }
    if types.is_empty() { "any".to_owned() } else { types.join("|") }
}

/// Whether a line only accepts more values than an earlier one of the same name and default. What a report says is not accepted
/// but read, so a new value there is a change.
fn widens(line: &str, earlier: &str) -> bool {
    fn parts(line: &str) -> Option<(&str, BTreeSet<&str>, &str)> {
        let (name, kind) = line.split_once(": ")?;
        let end = kind.find([',', ' ']).unwrap_or(kind.len());
        Some((name, kind[..end].split('|').collect(), &kind[end..]))
    }
    let parts = parts(line).zip(parts(earlier));
    !line.starts_with("report ")
        && line != earlier
        && parts.is_some_and(|(new, old)| new.0 == old.0 && new.2 == old.2 && new.1.is_superset(&old.1))
}

/// What a change of the contract asks for; `None` without one.
fn change(listed: &BTreeSet<String>, actual: &BTreeSet<String>, path: &str) -> Option<String> {
    let lines = |from: &BTreeSet<String>, of: &BTreeSet<String>| {
        from.difference(of).map(|line| format!("  {line}\n")).collect::<String>()
    };
    let (gone, new) = (lines(listed, actual), lines(actual, listed));
    let gone_text = format!(
        "gone or changed:\n{gone}Its users get an error, or another verdict. Keep it; or raise the major version in Cargo.toml, say \
         in CHANGELOG.md what to do instead, and let the contract of the new version be written. Only what no release had may \
         be deleted from {path} by hand.\n"
    );
    let new_text =
        format!("new:\n{new}Describe it in CHANGELOG.md under Unreleased, and commit {path}, where it was added.\n");
    match (gone.is_empty(), new.is_empty()) {
        (true, true) => None,
        (true, false) => Some(new_text),
        (false, true) => Some(gone_text),
        (false, false) => Some(gone_text + &new_text),
    }
}

#[test]
fn the_contract_of_the_major_version_holds() {
    let path = path();
    let text = find(&path).unwrap_or_default();
    let listed: BTreeSet<String> = text.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect();
    let actual = contract();
    let listed: BTreeSet<String> = listed
        .into_iter()
        .filter(|line| actual.contains(line) || !actual.iter().any(|new| widens(new, line)))
        .collect();
    let Some(message) = change(&listed, &actual, &path) else { return };
    // What is gone stays in the file, so that the test fails until a person decides.
    let all: String = listed.union(&actual).map(|line| format!("{line}\n")).collect();
    let head = "# What users of this major version rely on. tests/contract.rs adds new lines; a line that is gone is a new major version.\n";
    std::fs::write(root().join(&path), head.to_owned() + &all).unwrap();
    panic!("the contract changed (tests/contract.rs)\n{message}");
}

#[test]
fn the_contract_has_a_line_of_each_kind() {
    let contract = contract();
    for line in [
        "health input max-unhealthy: duration = 2m",
        "performance input max-ratio: number in × = 1.2",
        "promote input require: text, a list = evidence, approval, wait",
        "record input token: secret",
        "record input repository: text, required",
        "evidence input issuer: text = computed",
        "health output verdict",
        "config services.*.repository: string, required",
        "config gates: array",
        "checks paths: object, required",
        "checks step.url: string, required",
        "report findings: array of Finding = []",
        "report Finding.verdict: passed|inconclusive|blocked, required",
        "report reports: array of report",
        "trailer Promotion-kind",
        "exit 2 bad input",
    ] {
        assert!(contract.contains(line), "{line} in\n{}", contract.into_iter().collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn a_change_says_what_to_do() {
    let set = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<BTreeSet<_>>();
    let listed = set(&["wait input duration: duration = 10m"]);
    assert_eq!(change(&listed, &listed, "f"), None);
    let added = change(&listed, &set(&["wait input a: text", "wait input duration: duration = 10m"]), "f").unwrap();
    assert!(added.starts_with("new:\n  wait input a: text\n") && !added.contains("major version"), "{added}");
    let changed = change(&listed, &set(&["wait input duration: duration = 5m"]), "f").unwrap();
    for part in
        ["gone or changed:\n  wait input duration: duration = 10m\n", "major version", "CHANGELOG.md", "new:\n  wait"]
    {
        assert!(changed.contains(part), "{part} in {changed}");
    }
}

#[test]
fn more_accepted_values_are_no_new_major_version() {
    let mode = "environments input mode: plan|check = plan";
    assert!(widens("environments input mode: plan|check|import = plan", mode));
    for other in [
        mode,
        "environments input mode: plan|import = plan",
        "environments input mode: plan|check|import = check",
        "environments input mode: plan|check|import",
        "environments input kind: plan|check|import = plan",
    ] {
        assert!(!widens(other, mode), "{other}");
    }
    assert!(!widens("report Finding.verdict: passed|blocked|skipped", "report Finding.verdict: passed|blocked"));
}
