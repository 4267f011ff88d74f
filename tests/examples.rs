//! Checks the example workflows and config files in this repository against the commands.

use std::collections::BTreeMap;

use promote_gates::{
    commands,
    config::Config,
    error::CommandError,
    settings::{self, CommandTable, Layer},
    yaml::{self, Node, Value},
};

use crate::repository::{ends, files, read};

/// The name of this repository's actions in a workflow.
const ACTIONS: &str = "acme/promote-gates";
/// The token of the run itself.
const OWN_TOKEN: &str = "${{ github.token }}";
/// That of the App from which a rule requires the status.
const TOKEN_OF_JUDGE: &str = "${{ steps.judge.outputs.token }}";
/// The first line of an example that is a config file.
const CONFIG: &str = "# .github/promote-gates.yml";

/// Values of which every setting accepts at least one. An expression in an example has one of them when the job runs.
const STAND_INS: [&str; 7] = [
    "1",
    "acme/shop",
    "{}",
    "[{\"service\":\"cart\",\"tag\":\"1.4.2\"}]",
    "https://staging.example.com",
    "0123456789abcdef0123456789abcdef01234567",
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

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

pub fn value<'a>(entries: &'a [(yaml::Key, Node)], key: &str) -> Option<&'a Value> {
    entries.iter().find(|(found, _)| found.name == key).map(|(_, node)| &node.value)
}

/// The errors in an example: invalid YAML, an expression in a script, a step that its action refuses, an invalid config file.
/// `configs`: the config files of the same document, which may hold what a step leaves out.
fn errors(example: &Example, configs: &[Config]) -> Vec<String> {
    let Example { location, text } = example;
    if is_config(example) {
        return match Config::read(&commands::command_table(), location, text.as_bytes(), None) {
            Ok(config) => config_errors(&config),
            Err(error) => vec![format!("{location}: {error:?}")],
        };
    }
    let node = match yaml::read(text).map_err(|error| yaml::unreadable_file(&error, location)) {
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
        let with = match value(entries, "with") {
            Some(Value::Map(with)) => with.as_slice(),
            _ => &[],
        };
        errors.extend(step_errors(command, with, configs).into_iter().map(|error| format!("{location}: {error}")));
    }
    errors
}

/// A config file, if it is valid: [`errors`] has the reason if it is not.
fn config(example: &Example) -> Option<Config> {
    Config::read(&commands::command_table(), &example.location, example.text.as_bytes(), None).ok()
}

fn is_config(example: &Example) -> bool {
    example.text.starts_with(CONFIG)
}

/// The errors of a step: no such action, an unknown input, a required one that is missing, a value that is not accepted.
fn step_errors(command: &str, with: &[(yaml::Key, Node)], configs: &[Config]) -> Vec<String> {
    let command_table = commands::command_table();
    let Some(settings) = command_table.settings_of(command) else {
        return vec![format!("there is no action `{command}`")];
    };
    let unknown = with.iter().filter(|(key, _)| !settings.iter().any(|setting| setting.key == key.name));
    let unknown: Vec<String> = unknown.map(|(key, _)| format!("`{command}` has no input `{}`", key.name)).collect();
    if !unknown.is_empty() {
        return unknown;
    }
    // A pull request, and a dispatch to the own repository, need no token of an App.
    let stays = [("mode", "pull-request"), ("repository", "${{ github.repository }}")]
        .into_iter()
        .any(|(key, wanted)| matches!(value(with, key), Some(Value::Text(text)) if text == wanted));
    let secrets = with.iter().filter_map(|(key, node)| {
        let setting = settings.iter().find(|setting| setting.key == key.name)?;
        // A job may call the secret `STAGING_KUBECONFIG`.
        let (kind, name) =
            setting.expression()?.split_once('.').map(|(a, b)| (format!("${{{{ {a}."), format!("{b} }}}}")))?;
        // A repository that has no Apps keeps their tokens in secrets, or uses the job's own.
        let is_kept = kind == "${{ steps.";
        let fits = matches!(&node.value, Value::Text(text) if text.starts_with(&kind) && text.ends_with(&name)
            || is_kept && text.starts_with("${{ secrets.") && text.ends_with("_TOKEN }}")
            || key.name == "token" && stays && text == OWN_TOKEN
            || key.name == "token" && command == "status" && text == TOKEN_OF_JUDGE);
        (!fits).then(|| format!("`{command}`: `{}` is not {kind}{name}, which messages name", key.name))
    });
    let secrets: Vec<String> = secrets.collect();
    if !secrets.is_empty() {
        return secrets;
    }
    let inputs = with.iter().filter_map(|(key, node)| match &node.value {
        Value::Text(text) => Some((key.name.clone(), filled(&command_table, command, &key.name, text))),
        Value::Map(_) | Value::List(_) | Value::Nothing => None,
    });
    let step = settings::input_layer(&command_table, command, &inputs.collect()).unwrap_or_else(|e| panic!("{e:?}"));
    let error = resolve(&command_table, command, [&step].into_iter());
    let by_file = |config: &Config| resolve(&command_table, command, [&step].into_iter().chain(config.layers(command)));
    match error {
        Some(error) if configs.iter().all(|config| by_file(config).is_some()) => vec![format!("`{command}`: {error}")],
        _ => Vec::new(),
    }
}

/// The settings of a config file that their command refuses. The step may give those that are missing.
fn config_errors(config: &Config) -> Vec<String> {
    let command_table = commands::command_table();
    let sections = command_table.names.iter().filter_map(|name| resolve(&command_table, name, config.layers(name)));
    let gates = config.gates.iter();
    let gates = gates.filter_map(|entry| resolve(&command_table, &entry.gate, [&entry.settings].into_iter()));
    sections.chain(gates).filter(|error| !error.contains(": not given")).collect()
}

/// Why a command refuses its settings.
fn resolve<'a>(command_table: &CommandTable, command: &str, layers: impl Iterator<Item = &'a Layer>) -> Option<String> {
    let resolved = commands::find(command).map(|entry| entry.resolve(command_table, layers, None));
    match resolved {
        Some(Err(CommandError::BadInput(finding))) => Some(finding.to_string()),
        Some(Err(error)) => panic!("{command}: {error:?}"),
        Some(Ok(_)) | None => None,
    }
}

/// An input's text with a value in place of each expression: the first stand-in with which the input is accepted.
fn filled(command_table: &CommandTable, command: &str, key: &str, text: &str) -> String {
    let with = |value: &str| {
        let mut parts = text.split("${{");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |filled, part| filled + value + part.split_once("}}").map_or("", |(_, rest)| rest))
    };
    let accepted = |text: &String| {
        let input = BTreeMap::from([(key.to_owned(), text.clone())]);
        let layer = settings::input_layer(command_table, command, &input).unwrap_or_else(|e| panic!("{e:?}"));
        // The other settings are missing, and that is another error.
        resolve(command_table, command, [&layer].into_iter()).is_none_or(|error| !error.contains(&format!("`{key}`")))
    };
    STAND_INS.into_iter().map(with).find(accepted).unwrap_or_else(|| text.to_owned())
}

/// The command of a `uses:` of this repository's actions.
fn command(uses: &str) -> Option<&str> {
    let rest = uses.split('@').next()?.strip_prefix(ACTIONS)?;
    if rest.is_empty() { Some("run") } else { rest.strip_prefix('/') }
}

#[test]
fn examples_and_workflows_are_accepted() {
    let examples = examples();
    let document = |example: &Example| example.location.split(':').next().map(ToOwned::to_owned);
    let errors: Vec<String> = examples
        .iter()
        .flat_map(|example| {
            let configs = examples.iter().filter(|other| is_config(other) && document(other) == document(example));
            errors(example, &configs.filter_map(config).collect::<Vec<_>>())
        })
        .collect();
    assert!(errors.is_empty(), "examples and workflows must work unchanged:\n{}", errors.join("\n"));
}

#[test]
fn a_broken_example_is_reported() {
    let document = "- list\n  ```yaml\n  steps:\n    - uses: acme/promote-gates/performance@v1\n      with: { max-rato: 2 }\n  ```\n";
    let found = blocks("a.md", document);
    assert_eq!((found[0].location.as_str(), found.len()), ("a.md:3", 1));
    assert_eq!(errors(&found[0], &[]), ["a.md:3: `performance` has no input `max-rato`"]);
    let several = blocks("a.md", "```yaml\na: 1\n---\nb: [\n```\n");
    assert_eq!((several[0].location.as_str(), several[1].location.as_str(), several.len()), ("a.md:2", "a.md:4", 2));
    assert_eq!((errors(&several[0], &[]).len(), errors(&several[1], &[]).len()), (0, 1));
    for (text, error) in [
        ("uses: acme/promote-gates/perf@v1", "there is no action `perf`"),
        ("uses: acme/promote-gates@v1\nwith: { max-ratio: 2 }", "`run` has no input `max-ratio`"),
        ("uses: acme/promote-gates/bundle-size@v1\nwith: { baseline: b }", "`path`: not given"),
        ("uses: acme/promote-gates/wait@v1", "`token`: not given"),
        (
            "uses: acme/promote-gates/wait@v1\nwith: { token: '${{ github.token }}', duration: ten }",
            "`duration` (input): \"ten\"",
        ),
        (
            "uses: acme/promote-gates/promote@v1\nwith: { token: '${{ github.token }}' }",
            "is not ${{ steps.writer.outputs.token }}",
        ),
        ("uses: acme/promote-gates/health@v1\nwith: { endpoints: 'x${{ a }}' }", "`endpoints` (input)"),
        ("jobs: { a: { steps: [{ run: 'echo ${{ inputs.tag }}' }] } }", "an expression in a script"),
        ("# .github/promote-gates.yml\nperformance: { max-rato: 2 }", "max-rato"),
        ("# .github/promote-gates.yml\nhealth: { interval: ten }", "`interval` (f:2:21): \"ten\""),
        ("# .github/promote-gates.yml\ngates: [{ health: { interval: ten } }]", "`interval` (f:2:31): \"ten\""),
        ("a: [", "f"),
    ] {
        let errors = errors(&Example { location: "f".to_owned(), text: text.to_owned() }, &[]);
        assert!(errors.len() == 1 && errors[0].contains(error), "{text}: {errors:?}");
    }
}

#[test]
fn an_example_may_leave_out_what_an_expression_or_its_documents_config_file_gives() {
    let step = "steps:\n  - uses: acme/promote-gates/bundle-size@v1\n    with: { baseline: '${{ a }}', summary: short }\n  - uses: acme/other@v1\n    with: { x: 1 }";
    let step = Example { location: "f".to_owned(), text: step.to_owned() };
    let file = |text: &str| config(&Example { location: "f".to_owned(), text: format!("{CONFIG}\n{text}") });
    let configs = [file("bundle-size: { path: dist }"), file("{}")].map(Option::unwrap_or_default);
    assert_eq!(errors(&step, &configs), Vec::<String>::new());
    assert_eq!(errors(&step, &configs[1..]).len(), 1);
    for expression in ["digest: '${{ a }}'", "commit: '${{ a }}'", "image: 'ghcr.io/${{ a }}'", "subject: '${{ a }}'"] {
        let text = format!("uses: acme/promote-gates/health@v1\nwith: {{ {expression} }}");
        assert_eq!(errors(&Example { location: "f".to_owned(), text }, &[]), Vec::<String>::new());
    }
}

/// The jobs of a workflow, by name.
pub fn jobs(node: &Node) -> Vec<(&str, &[(yaml::Key, Node)])> {
    let Value::Map(workflow) = &node.value else { return Vec::new() };
    let Some(Value::Map(jobs)) = value(workflow, "jobs") else { return Vec::new() };
    jobs.iter()
        .filter_map(|(key, node)| match &node.value {
            Value::Map(job) => Some((key.name.as_str(), job.as_slice())),
            _ => None,
        })
        .collect()
}

/// Whether `permissions:` of a job or a workflow let it ask GitHub for a signature.
fn may_sign(entries: &[(yaml::Key, Node)]) -> bool {
    match value(entries, "permissions") {
        Some(Value::Text(all)) => all == "write-all",
        Some(Value::Map(permissions)) => {
            matches!(value(permissions, "id-token"), Some(Value::Text(level)) if level == "write")
        }
        _ => false,
    }
}

/// The errors of a workflow that lets anything but `record` sign: a program in a job with `id-token: write` could sign a forged
/// report.
fn signing_errors(location: &str, text: &str) -> Vec<String> {
    let Ok(node) = yaml::read(text) else { return Vec::new() };
    let mut errors = Vec::new();
    if let Value::Map(workflow) = &node.value
        && may_sign(workflow)
    {
        errors.push(format!("{location}: every job may sign"));
    }
    for (name, job) in jobs(&node) {
        let steps = match value(job, "steps") {
            Some(Value::List(steps)) => steps.as_slice(),
            _ => &[],
        };
        let uses = |step: &Node| match &step.value {
            Value::Map(step) => match (value(step, "uses"), value(step, "run")) {
                (Some(Value::Text(uses)), None) => uses.split('@').next().unwrap_or_default().to_owned(),
                _ => "a script".to_owned(),
            },
            _ => "no step".to_owned(),
        };
        let uses: Vec<String> = steps.iter().map(uses).collect();
        let record = format!("{ACTIONS}/record");
        // GitHub's own actions, which run nothing of the team's: the reports of a matrix are artifacts, the token is an App's.
        let is_fine = |uses: &&String| {
            let own = ["actions/checkout", "actions/create-github-app-token", "actions/download-artifact"];
            *uses == &record || own.contains(&uses.as_str())
        };
        let others: Vec<&String> = uses.iter().filter(|uses| !is_fine(uses)).collect();
        match (may_sign(job), uses.contains(&record)) {
            (true, true) if others.is_empty() => {}
            (true, _) => errors.push(format!("{location}: job `{name}` may sign, and runs {uses:?}")),
            (false, true) => errors.push(format!("{location}: job `{name}` runs `record`, and may not sign")),
            (false, false) => {}
        }
    }
    errors
}

#[test]
fn only_a_job_that_runs_nothing_but_record_may_sign() {
    // The workflows of this repository sign what it releases.
    let examples = examples().into_iter().filter(|example| !example.location.starts_with(".github/"));
    let errors: Vec<String> = examples.flat_map(|example| signing_errors(&example.location, &example.text)).collect();
    assert!(errors.is_empty(), "\n  {}\n", errors.join("\n  "));

    let shipped = read("workflows/validate-staging.yml");
    assert!(jobs(&yaml::read(&shipped).unwrap()).iter().any(|(name, job)| *name == "record" && may_sign(job)));
    for (from, to, part) in [
        ("permissions: {}", "permissions: write-all", "every job may sign"),
        ("permissions: {}", "permissions:\n  id-token: write", "every job may sign"),
        ("id-token: write", "id-token: read", "job `record` runs `record`, and may not sign"),
        ("contents: read", "id-token: write", "job `smoke` may sign, and runs"),
        (
            "      - uses: acme/promote-gates/record@v1",
            "      - run: npm test\n      - uses: acme/promote-gates/record@v1",
            "a script",
        ),
        (
            "      - uses: acme/promote-gates/record@v1",
            "      - uses: acme/promote-gates/smoke@v1\n      - uses: acme/promote-gates/record@v1",
            "promote-gates/smoke",
        ),
    ] {
        assert!(shipped.contains(from), "{from}");
        let errors = signing_errors("x", &shipped.replacen(from, to, 1));
        assert!(errors.iter().any(|error| error.contains(part)), "{part} in {errors:?}");
    }
}
