//! What the workflows of a repository use: secrets, environments, and the actions that promote. Pure.

use crate::{
    commands::environments::jobs::Workflows,
    finding::Finding,
    yaml::{self, Key, Node, Value},
};

/// The actions whose job changes what is deployed: its environment is the one that people approve.
const PROMOTING: [&str; 4] = ["approval", "promote", "emergency", "rollback"];
/// The actions that commit to a branch.
const COMMITTING: [&str; 3] = ["promote", "emergency", "rollback"];
/// The secret that every job has.
const OWN_TOKEN: &str = "GITHUB_TOKEN";

/// What the workflows use.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WorkflowUses {
    /// Where they were read: `the checkout`.
    pub place: String,
    pub secrets: Vec<UsedSecret>,
    pub environments: Vec<UsedEnvironment>,
    /// Whether a step sets `source: pull-request` or `mode: pull-request`, or uses `status`.
    pub by_pull_request: bool,
    /// The steps that commit to a branch.
    pub commits: Vec<CommitStep>,
    /// The steps that set the status of pull requests.
    pub statuses: Vec<StatusStep>,
    /// The files that cannot be read.
    pub unread: Vec<Finding>,
}

/// A secret that a job uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedSecret {
    pub name: String,
    pub environment: JobEnvironment,
    /// `.github/workflows/promote.yml, job promote`
    pub place: String,
    /// The expression has another value without it (`||`).
    pub optional: bool,
}

/// An environment that a job names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedEnvironment {
    pub name: String,
    pub place: String,
    /// Whether a step of the job promotes.
    pub promotes: bool,
}

/// A step of `promote`, `emergency` or `rollback`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStep {
    pub command: &'static str,
    /// How the commit reaches the branch (`mode`), if the step or the config file says it.
    pub mode: Option<String>,
    pub place: String,
}

impl CommitStep {
    /// Whether git pushes the commit: the default.
    #[must_use]
    pub fn pushes(&self) -> bool {
        self.mode.as_deref().is_none_or(|mode| mode == "push")
    }
}

/// A step of `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusStep {
    pub token: TokenSource,
    pub place: String,
}

/// Where the token of a step is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The token of the job.
    Job,
    /// A step before it, which makes the token of an App.
    Step,
    Unknown,
}

/// The environment of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnvironment {
    None,
    Named(String),
    /// An expression decides.
    Unknown,
}

/// Reads the files.
#[must_use]
pub fn read_uses(workflows: &Workflows) -> WorkflowUses {
    let mut uses = WorkflowUses { place: workflows.place.clone(), ..WorkflowUses::default() };
    for file in &workflows.files {
        let text = file.text.clone();
        match text.and_then(|text| yaml::read(&text).map_err(|error| yaml::unreadable_file(&error, &file.path))) {
            Ok(root) => read_file(&file.path, &root, &mut uses),
            Err(finding) => uses.unread.push(finding),
        }
    }
    uses
}

fn entries(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    entries(node).iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text.trim()),
        _ => None,
    }
}

fn read_file(path: &str, root: &Node, uses: &mut WorkflowUses) {
    // A workflow that others call gets these from its caller.
    let called = field(root, "on").and_then(|on| field(on, "workflow_call")).and_then(|call| field(call, "secrets"));
    let passed: Vec<&str> = called.map(entries).unwrap_or_default().iter().map(|(key, _)| key.name.as_str()).collect();
    let mut add = |node: &Node, environment: &JobEnvironment, place: &str| {
        for (name, optional) in secrets_in(node) {
            let is_passed = passed.iter().any(|passed| passed.eq_ignore_ascii_case(&name));
            let secret = UsedSecret { name, environment: environment.clone(), place: place.to_owned(), optional };
            if !is_passed && !uses.secrets.contains(&secret) {
                uses.secrets.push(secret);
            }
        }
    };
    if let Some(env) = field(root, "env") {
        add(env, &JobEnvironment::None, path);
    }
    for (key, job) in field(root, "jobs").map(entries).unwrap_or_default() {
        let place = format!("{path}, job {}", key.name);
        let environment = environment_of(job);
        add(job, &environment, &place);
        let steps = match field(job, "steps").map(|steps| &steps.value) {
            Some(Value::List(steps)) => steps.as_slice(),
            _ => &[],
        };
        let actions: Vec<(&str, &Node)> = steps.iter().filter_map(|step| Some((action_of(step)?, step))).collect();
        uses.by_pull_request |= actions.iter().any(|(action, step)| *action == "status" || is_by_pull_request(step));
        for (action, step) in &actions {
            let input = |name: &str| field(step, "with").and_then(|with| field(with, name)).and_then(text);
            if *action == "status" {
                let token = input("token").map_or(TokenSource::Unknown, token_source);
                uses.statuses.push(StatusStep { token, place: place.clone() });
            }
            if let Some(command) = COMMITTING.into_iter().find(|command| command == action) {
                let mode = input("mode").map(ToOwned::to_owned);
                uses.commits.push(CommitStep { command, mode, place: place.clone() });
            }
        }
        if let JobEnvironment::Named(name) = environment {
            let promotes = actions.iter().any(|(action, _)| PROMOTING.contains(action));
            uses.environments.push(UsedEnvironment { name, place, promotes });
        }
    }
}

fn token_source(token: &str) -> TokenSource {
    let expression = token.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or_default().trim();
    match expression {
        "github.token" | "secrets.GITHUB_TOKEN" => TokenSource::Job,
        _ if expression.starts_with("steps.") && expression.ends_with(".outputs.token") => TokenSource::Step,
        _ => TokenSource::Unknown,
    }
}

fn environment_of(job: &Node) -> JobEnvironment {
    let Some(node) = field(job, "environment") else { return JobEnvironment::None };
    match text(node).or_else(|| field(node, "name").and_then(text)) {
        Some(name) if !name.contains("${{") => JobEnvironment::Named(name.to_owned()),
        _ => JobEnvironment::Unknown,
    }
}

/// The folder of the action that a step uses, if it is in a repository of several actions: `promote` of
/// `acme/promote-gates/promote@v1`.
fn action_of(step: &Node) -> Option<&str> {
    let (path, _) = text(field(step, "uses")?)?.split_once('@')?;
    let mut parts = path.split('/');
    let (_, repository, folder) = (parts.next()?, parts.next()?, parts.next()?);
    (repository == "promote-gates" && parts.next().is_none()).then_some(folder)
}

fn is_by_pull_request(step: &Node) -> bool {
    let with = field(step, "with").map(entries).unwrap_or_default();
    with.iter().any(|(key, node)| ["source", "mode"].contains(&key.name.as_str()) && text(node) == Some("pull-request"))
}

/// The secrets in the expressions of a value and below it, and whether the expression has another value without each.
fn secrets_in(node: &Node) -> Vec<(String, bool)> {
    match &node.value {
        Value::Text(text) => secrets_in_text(text),
        Value::List(items) => items.iter().flat_map(secrets_in).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(_, node)| secrets_in(node)).collect(),
        Value::Nothing => Vec::new(),
    }
}

fn secrets_in_text(text: &str) -> Vec<(String, bool)> {
    let expressions = text.split("${{").skip(1).filter_map(|rest| rest.split("}}").next());
    let mut found = Vec::new();
    for expression in expressions {
        for (index, _) in expression.match_indices("secrets.") {
            let before = expression[..index].chars().next_back();
            let is_start = !before.is_some_and(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
            let rest = &expression[index + "secrets.".len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = rest[..end].to_ascii_uppercase();
            if is_start && !name.is_empty() && name != OWN_TOKEN {
                found.push((name, expression.contains("||")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::WorkflowFile;

    fn uses(text: &str) -> WorkflowUses {
        let file = WorkflowFile { path: "w.yml".to_owned(), text: Ok(text.to_owned()) };
        read_uses(&Workflows { place: "the checkout".to_owned(), files: vec![file] })
    }

    #[test]
    fn secrets_are_found_with_the_environment_of_their_job() {
        let uses = uses(
            "env:\n  A: ${{ secrets.TOP }}\njobs:\n  promote:\n    environment: { name: production }\n    steps:\n      - uses: acme/promote-gates/promote@v1\n        with:\n          token: ${{ secrets.INFRA_WRITE_TOKEN }}\n          other: ${{ secrets.extra || github.token }}\n          own: ${{ secrets.GITHUB_TOKEN }}\n          no: secrets.TEXT\n  any:\n    environment: ${{ inputs.name }}\n    steps:\n      - run: x\n        env: { B: \"${{ format('{0}', secrets.B) }}\" }\n",
        );
        let found: Vec<_> =
            uses.secrets.iter().map(|one| (one.name.as_str(), one.environment.clone(), one.optional)).collect();
        assert_eq!(
            found,
            [
                ("TOP", JobEnvironment::None, false),
                ("INFRA_WRITE_TOKEN", JobEnvironment::Named("production".to_owned()), false),
                ("EXTRA", JobEnvironment::Named("production".to_owned()), true),
                ("B", JobEnvironment::Unknown, false),
            ]
        );
        let place = "w.yml, job promote".to_owned();
        assert_eq!(uses.environments, [UsedEnvironment { name: "production".to_owned(), place, promotes: true }]);
        assert!(!uses.by_pull_request);
    }

    #[test]
    fn a_called_workflow_gets_its_secrets_from_the_caller() {
        let text = "on:\n  workflow_call:\n    secrets:\n      given: { required: true }\njobs:\n  a:\n    steps:\n      - run: x\n        env: { A: \"${{ secrets.GIVEN }}\", B: \"${{ secrets.OWN }}\" }\n";
        assert_eq!(uses(text).secrets.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["OWN"]);
    }

    #[test]
    fn the_way_by_pull_request_shows_in_the_steps() {
        for (step, expected) in [
            ("uses: acme/promote-gates/status@v1", true),
            ("{ uses: acme/promote-gates/approval@v1, with: { source: pull-request } }", true),
            ("{ uses: acme/promote-gates/promote@v1, with: { mode: pull-request } }", true),
            ("{ uses: acme/promote-gates/approval@v1, with: { source: environment } }", false),
            ("{ uses: acme/other/status@v1 }", false),
            ("{ uses: actions/checkout@v4 }", false),
        ] {
            let text = format!("jobs:\n  a:\n    steps:\n      - {step}\n");
            assert_eq!(uses(&text).by_pull_request, expected, "{step}");
        }
    }

    #[test]
    fn steps_that_commit_or_set_the_status_are_found_with_their_inputs() {
        for (step, mode) in [
            ("uses: acme/promote-gates/promote@v1", None),
            ("{ uses: acme/promote-gates/rollback@v1, with: { mode: api } }", Some("api")),
            ("{ uses: acme/promote-gates/emergency@v1, with: { mode: push } }", Some("push")),
        ] {
            let uses = uses(&format!("jobs:\n  a:\n    steps:\n      - {step}\n"));
            let [found] = &uses.commits[..] else { panic!("{uses:?}") };
            assert_eq!((found.mode.as_deref(), found.place.as_str()), (mode, "w.yml, job a"));
            assert!(step.contains(found.command) && uses.statuses.is_empty());
        }
        for (token, expected) in [
            ("${{ github.token }}", TokenSource::Job),
            ("${{secrets.GITHUB_TOKEN}}", TokenSource::Job),
            ("${{ steps.judge.outputs.token }}", TokenSource::Step),
            ("${{ secrets.STATUS_TOKEN }}", TokenSource::Unknown),
            ("${{ steps.judge.outputs.token || github.token }}", TokenSource::Unknown),
        ] {
            let step = format!("{{ uses: acme/promote-gates/status@v1, with: {{ token: \"{token}\" }} }}");
            let uses = uses(&format!("jobs:\n  a:\n    steps:\n      - {step}\n"));
            assert_eq!((uses.statuses[0].token, uses.commits.len()), (expected, 0), "{token}");
        }
        let without = uses("jobs:\n  a:\n    steps:\n      - uses: acme/promote-gates/status@v1\n");
        assert_eq!(without.statuses[0].token, TokenSource::Unknown);
        assert!(uses("jobs:\n  a:\n    steps:\n      - uses: acme/promote-gates/health@v1\n").commits.is_empty());
    }

    #[test]
    fn a_file_that_is_no_yaml_is_named() {
        assert_eq!(uses("jobs: [").unread.len(), 1);
    }
}
