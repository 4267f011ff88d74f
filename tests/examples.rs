//! The workflows and config files that people copy, checked against the commands.

use promote_gates::{
    commands,
    config::Config,
    yaml::{self, Node, Value},
};

use crate::repository::{ends, files, read};

/// How a workflow names an action of this repository.
const OURS: &str = "acme/promote-gates";
/// The first line of an example that is a config file.
const CONFIG: &str = "# .github/promote-gates.yml";

/// A piece of YAML, and its file and line.
struct Piece {
    place: String,
    text: String,
}

/// Actions, workflows, and the YAML in the documentation.
fn pieces() -> Vec<Piece> {
    let mut pieces = Vec::new();
    for path in files() {
        if ends(&path, &[".md"]) {
            pieces.extend(blocks(&path, &read(&path)));
        } else if ends(&path, &["action.yml", "action.yaml"])
            || path.contains("workflows/") && ends(&path, &[".yml", ".yaml"])
        {
            pieces.push(Piece { text: read(&path), place: path });
        }
    }
    pieces
}

/// The fenced YAML blocks of a document, and each document of those that hold several.
fn blocks(path: &str, text: &str) -> Vec<Piece> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if matches!(line.trim(), "```yaml" | "```yml") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let text: String = inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
            let mut first = number + 2;
            for text in text.split_inclusive("\n---\n") {
                blocks
                    .push(Piece { place: format!("{path}:{first}"), text: text.trim_end_matches("---\n").to_owned() });
                first += text.lines().count();
            }
        }
    }
    blocks
}

/// Every mapping in a document.
fn mappings(node: &Node) -> Vec<&[(yaml::Key, Node)]> {
    match &node.value {
        Value::Map(entries) => {
            let inner = entries.iter().flat_map(|(_, node)| mappings(node));
            [entries.as_slice()].into_iter().chain(inner).collect()
        }
        Value::List(items) => items.iter().flat_map(mappings).collect(),
        Value::Text(_) | Value::Nothing => Vec::new(),
    }
}

fn value<'a>(entries: &'a [(yaml::Key, Node)], key: &str) -> Option<&'a Value> {
    entries.iter().find(|(found, _)| found.name == key).map(|(_, node)| &node.value)
}

/// What is wrong with a piece of YAML: broken, a script with an expression, a step with an input that its action lacks,
/// a config file that the reader refuses.
fn faults(piece: &Piece) -> Vec<String> {
    let Piece { place, text } = piece;
    if text.starts_with(CONFIG) {
        let refused = Config::read(&commands::command_table(), place, text.as_bytes(), None).err();
        return refused.map(|stop| format!("{place}: {stop:?}")).into_iter().collect();
    }
    let node = match yaml::read(text).map_err(|error| error.to_finding(place)) {
        Ok(node) => node,
        Err(finding) => return vec![finding.to_string()],
    };
    let mut faults = Vec::new();
    for entries in mappings(&node) {
        if let Some(Value::Text(run)) = value(entries, "run")
            && run.contains("${{")
        {
            faults.push(format!(
                "{place}: an expression in a script: {}: what it holds becomes shell; pass it by `env:`",
                run.trim()
            ));
        }
        let Some(Value::Text(uses)) = value(entries, "uses") else { continue };
        let Some(command) = command(uses) else { continue };
        let Some(settings) = commands::command_table().settings_of(command) else {
            faults.push(format!("{place}: {uses}: there is no such action"));
            continue;
        };
        let Some(Value::Map(with)) = value(entries, "with") else { continue };
        for (key, _) in with.iter().filter(|(key, _)| !settings.iter().any(|setting| setting.key == key.name)) {
            faults.push(format!("{place}: `{command}` has no input `{}`", key.name));
        }
    }
    faults
}

/// The command behind a `uses:`, if it is one of ours.
fn command(uses: &str) -> Option<&str> {
    let rest = uses.split('@').next()?.strip_prefix(OURS)?;
    if rest.is_empty() { Some("run") } else { rest.strip_prefix('/') }
}

#[test]
fn examples_and_workflows_are_accepted() {
    let faults: Vec<String> = pieces().iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "examples and workflows must work unchanged:\n{}", faults.join("\n"));
}

#[test]
fn an_example_that_would_not_work_is_found() {
    let document = "- list\n  ```yaml\n  steps:\n    - uses: acme/promote-gates/performance@v1\n      with: { max-rato: 2 }\n  ```\n";
    let found = blocks("a.md", document);
    assert_eq!((found[0].place.as_str(), found.len()), ("a.md:3", 1));
    assert_eq!(faults(&found[0]), ["a.md:3: `performance` has no input `max-rato`"]);
    let several = blocks("a.md", "```yaml\na: 1\n---\nb: [\n```\n");
    assert_eq!((several[0].place.as_str(), several[1].place.as_str(), several.len()), ("a.md:2", "a.md:4", 2));
    assert_eq!((faults(&several[0]).len(), faults(&several[1]).len()), (0, 1));
    for (text, fault) in [
        ("uses: acme/promote-gates/perf@v1", "there is no such action"),
        ("uses: acme/promote-gates@v1\nwith: { max-ratio: 2 }", "`run` has no input `max-ratio`"),
        ("jobs: { a: { steps: [{ run: 'echo ${{ inputs.tag }}' }] } }", "an expression in a script"),
        ("# .github/promote-gates.yml\nperformance: { max-rato: 2 }", "max-rato"),
        ("a: [", "f"),
    ] {
        let faults = faults(&Piece { place: "f".to_owned(), text: text.to_owned() });
        assert!(faults.len() == 1 && faults[0].contains(fault), "{text}: {faults:?}");
    }
    let good = "steps:\n  - uses: acme/promote-gates/performance@v1\n    with: { max-ratio: 2 }\n  - uses: acme/other@v1\n    with: { x: 1 }";
    assert!(faults(&Piece { place: "f".to_owned(), text: good.to_owned() }).is_empty());
}
