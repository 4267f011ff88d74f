//! Reads the text of a workflow file, or of a composite action, into the model. Pure.

use std::collections::BTreeSet;

use super::model::{Entry, Granted, Job, JobEnvironment, KnownNames, Level, PermissionsBlock, Step, Text, Workflow};
use crate::{
    workflow::{MAX_DEPTH, nodes::WorkflowNodes},
    yaml::{
        YamlError,
        tree::{Content, Quoting, SpannedNode, SpannedPair, read_document},
    },
};

/// # Errors
/// No YAML.
pub fn read_workflow(path: &str, text: &str) -> Result<Workflow, YamlError> {
    read(path, text, |reader, root, workflow| {
        if let Some(on) = reader.nodes.field(root, "on") {
            (workflow.events, workflow.inputs) = reader.events(&on.value);
            workflow.call_outputs = reader.call_outputs(&on.value);
        }
        workflow.env = reader.names_of(root, "env");
        workflow.permissions = reader.permissions(root);
        if let Some(jobs) = reader.nodes.field(root, "jobs") {
            workflow.jobs = reader.nodes.pairs(&jobs.value).iter().map(|pair| reader.job(pair)).collect();
        }
    })
}

/// Reads the file of an action. One that is not composite has no steps.
///
/// # Errors
/// No YAML.
pub fn read_action(path: &str, text: &str) -> Result<Workflow, YamlError> {
    read(path, text, |reader, root, action| {
        action.is_action = true;
        action.inputs = reader.field(root, "inputs").map(|inputs| reader.keys(inputs)).unwrap_or_default();
        action.jobs = reader.nodes.field(root, "runs").map(|pair| reader.job(pair)).into_iter().collect();
    })
}

fn read(
    path: &str,
    text: &str,
    fill: impl for<'a> FnOnce(&ModelReader<'a>, &'a SpannedNode, &mut Workflow),
) -> Result<Workflow, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut workflow = Workflow { path: path.to_owned(), ..Workflow::default() };
    if let Some(document) = read_document(text, MAX_DEPTH)? {
        let reader = ModelReader { nodes: WorkflowNodes::new(&document.root) };
        fill(&reader, &document.root, &mut workflow);
    }
    Ok(workflow)
}

struct ModelReader<'a> {
    nodes: WorkflowNodes<'a>,
}

impl<'a> ModelReader<'a> {
    /// The text of a single value. Its position is where it is written or repeated, not that of the anchor.
    fn text(&self, node: &'a SpannedNode) -> Option<Text> {
        self.nodes.text(node).map(|text| Text { text: text.to_owned(), at: node.position })
    }

    fn field(&self, node: &'a SpannedNode, name: &str) -> Option<&'a SpannedNode> {
        self.nodes.field(node, name).map(|pair| &pair.value)
    }

    fn text_of(&self, node: &'a SpannedNode, name: &str) -> Option<Text> {
        self.field(node, name).and_then(|value| self.text(value))
    }

    fn entry(&self, SpannedPair { key, value }: &'a SpannedPair) -> Entry {
        let key = self.text(key).unwrap_or_else(|| Text { text: String::new(), at: key.position });
        // A block starts in the line after its header; its key is easier to find.
        let is_block = matches!(&value.content, Content::Scalar { quoting: Quoting::Block, .. });
        let value = self.text(value).map(|value| if is_block { Text { at: key.at, ..value } } else { value });
        Entry { key, value }
    }

    fn entries_of(&self, node: &'a SpannedNode, name: &str) -> Vec<Entry> {
        let pairs = self.field(node, name).map(|value| self.nodes.pairs(value)).unwrap_or_default();
        pairs.iter().map(|pair| self.entry(pair)).collect()
    }

    fn keys(&self, node: &'a SpannedNode) -> BTreeSet<String> {
        self.nodes.pairs(node).iter().filter_map(|pair| self.nodes.text(&pair.key)).map(ToOwned::to_owned).collect()
    }

    fn names_of(&self, node: &'a SpannedNode, name: &str) -> KnownNames {
        match self.field(node, name) {
            None => KnownNames::Nothing,
            Some(value) => self.names(value),
        }
    }

    fn names(&self, value: &'a SpannedNode) -> KnownNames {
        match &self.nodes.resolve(value).content {
            Content::Map { .. } => KnownNames::Listed(self.keys(value)),
            Content::Scalar { text, .. } if text.is_empty() => KnownNames::Nothing,
            _ => KnownNames::Unknown,
        }
    }

    /// The events that start the workflow, and the inputs that they have.
    fn events(&self, on: &'a SpannedNode) -> (BTreeSet<String>, BTreeSet<String>) {
        if let Some(event) = self.nodes.text(on) {
            return ([event.to_owned()].into(), BTreeSet::new());
        }
        let listed = self.nodes.items(on).iter().filter_map(|item| self.nodes.text(item)).map(ToOwned::to_owned);
        let events = listed.chain(self.keys(on)).collect();
        let with_inputs = ["workflow_dispatch", "workflow_call"].into_iter().filter_map(|event| self.field(on, event));
        let inputs = with_inputs.filter_map(|event| self.field(event, "inputs")).flat_map(|inputs| self.keys(inputs));
        (events, inputs.collect())
    }

    /// The outputs of `workflow_call`, each with the text of its `value`.
    fn call_outputs(&self, on: &'a SpannedNode) -> Vec<Entry> {
        let outputs = self.field(on, "workflow_call").and_then(|call| self.field(call, "outputs"));
        let pairs = outputs.map(|outputs| self.nodes.pairs(outputs)).unwrap_or_default();
        let value = |pair: &'a SpannedPair| self.text_of(&pair.value, "value");
        pairs.iter().map(|pair| Entry { value: value(pair), ..self.entry(pair) }).collect()
    }

    fn permissions(&self, node: &'a SpannedNode) -> Option<PermissionsBlock> {
        let pair = self.nodes.field(node, "permissions")?;
        let granted = match self.nodes.text(&pair.value) {
            Some("read-all") => Granted::All(Level::Read),
            Some("write-all") => Granted::All(Level::Write),
            _ => Granted::Listed(self.nodes.pairs(&pair.value).iter().map(|pair| self.entry(pair)).collect()),
        };
        Some(PermissionsBlock { at: pair.key.position, granted })
    }

    fn job(&self, pair: &'a SpannedPair) -> Job {
        let job = &pair.value;
        let needs = self.nodes.field(job, "needs");
        let steps = self.field(job, "steps").map(|steps| self.nodes.items(steps)).unwrap_or_default();
        Job {
            id: self.entry(pair).key,
            calls: self.text_of(job, "uses"),
            needs_at: needs.map(|needs| needs.key.position),
            needs: needs.map(|needs| self.job_ids(&needs.value)).unwrap_or_default(),
            environment: self.field(job, "environment").map(|environment| self.environment(environment)),
            permissions: self.permissions(job),
            matrix: self.field(job, "strategy").and_then(|strategy| self.matrix(strategy)),
            outputs_at: self.nodes.field(job, "outputs").map(|outputs| outputs.key.position),
            outputs: self.entries_of(job, "outputs"),
            env: self.names_of(job, "env"),
            steps: steps.iter().map(|step| self.step(step)).collect(),
        }
    }

    fn job_ids(&self, needs: &'a SpannedNode) -> Vec<String> {
        match self.nodes.text(needs) {
            Some(one) => vec![one.to_owned()],
            None => {
                self.nodes.items(needs).iter().filter_map(|item| self.nodes.text(item)).map(ToOwned::to_owned).collect()
            }
        }
    }

    fn environment(&self, environment: &'a SpannedNode) -> JobEnvironment {
        if let Some(name) = self.text(environment) {
            // An expression that makes an object may say anything; others are the name.
            let is_object = name.text.to_lowercase().contains("fromjson");
            return JobEnvironment { name: Some(name).filter(|_| !is_object), deployment: None };
        }
        let deployment = self.nodes.field(environment, "deployment").map(|pair| self.entry(pair));
        JobEnvironment { name: self.text_of(environment, "name"), deployment }
    }

    /// The names of a matrix; `include` adds the keys of its items.
    fn matrix(&self, strategy: &'a SpannedNode) -> Option<KnownNames> {
        let matrix = self.field(strategy, "matrix")?;
        let KnownNames::Listed(mut names) = self.names(matrix) else { return Some(KnownNames::Unknown) };
        if let Some(include) = self.field(matrix, "include") {
            if self.nodes.text(include).is_some() {
                return Some(KnownNames::Unknown);
            }
            names.extend(self.nodes.items(include).iter().flat_map(|item| self.keys(item)));
        }
        Some(KnownNames::Listed(names))
    }

    fn step(&self, step: &'a SpannedNode) -> Step {
        Step {
            id: self.text_of(step, "id").map(|id| id.text),
            uses: self.text_of(step, "uses"),
            run: self.nodes.field(step, "run").map(|run| self.entry(run)),
            with: self.entries_of(step, "with"),
            with_expression: self.with_expression(step),
            env: self.names_of(step, "env"),
        }
    }

    /// An expression in the place of `with`, or in the place of one of its keys.
    fn with_expression(&self, step: &'a SpannedNode) -> Option<Text> {
        let pair = self.nodes.field(step, "with")?;
        let whole = self.nodes.text(&pair.value).map(|text| Text { text: text.to_owned(), at: pair.key.position });
        let keys = self.nodes.pairs(&pair.value).iter().filter_map(|pair| self.text(&pair.key));
        whole.into_iter().chain(keys).find(|text| text.text.contains("${{"))
    }
}
