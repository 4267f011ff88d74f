//! Checks the example workflows and config files in this repository against the commands.

use promote_gates::{
    commands,
    config::Config,
    yaml::{self, Node, Value},
};

use crate::repository::{ends, files, read};

/// The name of this repository's actions in a workflow.
const ACTIONS: &str = "acme/promote-gates";
/// The first line of an example that is a config file.
const CONFIG: &str = "# .github/promote-gates.yml";

/// A piece of YAML with its location.
struct Example {
    /// `file` or `file:line`
    location: String,
    text: String,
}

/// Actions, workflows, and the YAML in the documentation.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for path in files() {
        if ends(&path, &[".md"]) {
            examples.extend(blocks(&path, &read(&path)));
        } else if ends(&path, &["action.yml", "action.yaml"])
            || path.contains("workflows/") && ends(&path, &[".yml", ".yaml"])
        {
            examples.push(Example { text: read(&path), location: path });
        }
    }
    examples
}

/// The fenced YAML blocks of a document. A block with several YAML documents gives one example for each.
fn blocks(path: &str, text: &str) -> Vec<Example> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if matches!(line.trim(), "```yaml" | "```yml") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let text: String = inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
            let mut first = number + 2;
            for text in text.split_inclusive("\n---\n") {
                blocks.push(Example {
                    location: format!("{path}:{first}"),
                    text: text.trim_end_matches("---\n").to_owned(),
                });
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

/// The errors in an example: invalid YAML, an expression in a script, a step with an input that its action lacks, an invalid
/// config file.
fn errors(example: &Example) -> Vec<String> {
    let Example { location, text } = example;
    if text.starts_with(CONFIG) {
        let error = Config::read(&commands::command_table(), location, text.as_bytes(), None).err();
        return error.map(|error| format!("{location}: {error:?}")).into_iter().collect();
    }
    let node = match yaml::read(text).map_err(|error| error.to_finding(location)) {
        Ok(node) => node,
        Err(finding) => return vec![finding.to_string()],
    };
    let mut errors = Vec::new();
    for entries in mappings(&node) {
        if let Some(Value::Text(run)) = value(entries, "run")
            && run.contains("${{")
        {
            errors.push(format!(
                "{location}: an expression in a script: {}: its value would become shell code; pass it through `env:`",
                run.trim()
            ));
        }
        let Some(Value::Text(uses)) = value(entries, "uses") else { continue };
        let Some(command) = command(uses) else { continue };
        let Some(settings) = commands::command_table().settings_of(command) else {
            errors.push(format!("{location}: {uses}: there is no such action"));
            continue;
        };
        let Some(Value::Map(with)) = value(entries, "with") else { continue };
        for (key, _) in with.iter().filter(|(key, _)| !settings.iter().any(|setting| setting.key == key.name)) {
            errors.push(format!("{location}: `{command}` has no input `{}`", key.name));
        }
    }
    errors
}

/// The command of a `uses:` of this repository's actions.
fn command(uses: &str) -> Option<&str> {
    let rest = uses.split('@').next()?.strip_prefix(ACTIONS)?;
    if rest.is_empty() { Some("run") } else { rest.strip_prefix('/') }
}

#[test]
fn examples_and_workflows_are_accepted() {
    let errors: Vec<String> = examples().iter().flat_map(errors).collect();
    assert!(errors.is_empty(), "examples and workflows must work unchanged:\n{}", errors.join("\n"));
}

#[test]
fn a_broken_example_is_reported() {
    let document = "- list\n  ```yaml\n  steps:\n    - uses: acme/promote-gates/performance@v1\n      with: { max-rato: 2 }\n  ```\n";
    let found = blocks("a.md", document);
    assert_eq!((found[0].location.as_str(), found.len()), ("a.md:3", 1));
    assert_eq!(errors(&found[0]), ["a.md:3: `performance` has no input `max-rato`"]);
    let several = blocks("a.md", "```yaml\na: 1\n---\nb: [\n```\n");
    assert_eq!((several[0].location.as_str(), several[1].location.as_str(), several.len()), ("a.md:2", "a.md:4", 2));
    assert_eq!((errors(&several[0]).len(), errors(&several[1]).len()), (0, 1));
    for (text, error) in [
        ("uses: acme/promote-gates/perf@v1", "there is no such action"),
        ("uses: acme/promote-gates@v1\nwith: { max-ratio: 2 }", "`run` has no input `max-ratio`"),
        ("jobs: { a: { steps: [{ run: 'echo ${{ inputs.tag }}' }] } }", "an expression in a script"),
        ("# .github/promote-gates.yml\nperformance: { max-rato: 2 }", "max-rato"),
        ("a: [", "f"),
    ] {
        let errors = errors(&Example { location: "f".to_owned(), text: text.to_owned() });
        assert!(errors.len() == 1 && errors[0].contains(error), "{text}: {errors:?}");
    }
    let good = "steps:\n  - uses: acme/promote-gates/performance@v1\n    with: { max-ratio: 2 }\n  - uses: acme/other@v1\n    with: { x: 1 }";
    assert!(errors(&Example { location: "f".to_owned(), text: good.to_owned() }).is_empty());
}
