//! Jobs that use an environment without a deployment (`deployment: false`). They ask for the environment's approval, and
//! `approval`, which finds approvals by deployments, does not see it. Pure.
//!
//! Sources: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idenvironment>, and
//! <https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/control-deployments>.

use super::{actual::ActualEnvironment, desired::DesiredEnvironment};
use crate::{
    finding::{Figures, Finding},
    subject::EnvironmentName,
    workflow::{MAX_DEPTH, WorkflowFile, nodes::WorkflowNodes},
    yaml::{
        YamlError,
        tree::{SpannedNode, SpannedPair, read_document},
        unreadable_file,
    },
};

/// The workflow files of a repository.
#[derive(Debug)]
pub struct Workflows {
    /// Where they were read: `the checkout`, `the default branch of acme/infra`.
    pub place: String,
    pub files: Vec<WorkflowFile>,
}

/// What a workflow says about environments without deployments.
#[derive(Debug, Default, PartialEq, Eq)]
struct WorkflowJobs {
    /// The jobs that make no deployment, or may make none.
    jobs: Vec<Job>,
    /// The workflows of other repositories that it calls; their jobs use the environments of this one.
    called: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Job {
    /// `.github/workflows/deploy.yml:12`
    place: String,
    id: String,
    name: NamePattern,
    /// `deployment: false`, as written; an expression has no value yet.
    deployment: Written,
}

#[derive(Debug, PartialEq, Eq)]
enum Written {
    False,
    Unknown(String),
}

/// The name of an environment, as written: the texts around its expressions.
#[derive(Debug, PartialEq, Eq)]
struct NamePattern(Vec<String>);

/// Whether approvals of an environment count for `approval`: it has reviewers, in the file or on GitHub.
#[must_use]
pub fn is_reviewed(desired: &DesiredEnvironment, actual: Option<&ActualEnvironment>) -> bool {
    desired.reviewers.as_ref().is_some_and(|reviewers| !reviewers.is_empty())
        || actual.is_some_and(|actual| !actual.reviewers.is_empty())
}

/// One finding for each of these environments, and one for each file that cannot be read.
#[must_use]
pub fn judge_jobs(reviewed: &[&EnvironmentName], workflows: &Workflows) -> Vec<Finding> {
    let (mut jobs, mut called, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for WorkflowFile { path, text } in &workflows.files {
        let text = text.as_ref().map_err(Clone::clone);
        match text.and_then(|text| read_jobs(path, text).map_err(|error| unreadable_file(&error, path))) {
            Ok(found) => {
                jobs.extend(found.jobs);
                called.extend(found.called);
            }
            Err(error) => findings.push(Finding {
                check: format!("jobs without a deployment: {path}"),
                actual: if error.check == *path { error.actual } else { format!("{}: {}", error.check, error.actual) },
                ..error
            }),
        }
    }
    let of_one = |name: &&EnvironmentName| judge_environment(name, &jobs, &called, workflows);
    reviewed.iter().map(of_one).chain(findings).collect()
}

fn judge_environment(name: &EnvironmentName, jobs: &[Job], called: &[String], workflows: &Workflows) -> Finding {
    let check = format!("{name}: jobs without a deployment");
    let matching = |certain: bool| -> Vec<&Job> {
        let is_certain = |job: &&Job| job.deployment == Written::False && job.name.is_plain();
        jobs.iter().filter(|job| job.name.matches(name) && is_certain(job) == certain).collect()
    };
    let expected = "a deployment of every job that waits for its reviewers: `approval` counts approvals by deployments";
    let (certain, possible) = (matching(true), matching(false));
    let places = |jobs: &[&Job]| jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let count = |jobs: &[&Job]| match jobs.len() {
        1 => "1 job".to_owned(),
        many => format!("{many} jobs"),
    };
    if !certain.is_empty() {
        let actual = format!("`deployment: false` in {}", places(&certain));
        let figures = Figures::now(count(&certain)).limit("none").cause(certain[0].place.clone());
        return Finding::blocked(check)
            .actual(actual)
            .expected(expected)
            .figures(figures)
            .next("remove `deployment: false` there, or give the job another environment, without reviewers");
    }
    if !possible.is_empty() {
        let figures = Figures::now(format!("{} that may be one", count(&possible))).cause(possible[0].place.clone());
        return Finding::inconclusive(check)
            .actual(format!("what an expression decides: {}", places(&possible)))
            .expected(expected)
            .figures(figures)
            .next("write the environment's name and `deployment` there as plain values");
    }
    let read = match workflows.files.len() {
        0 => format!("no workflow files in {}", workflows.place),
        1 => format!("none in the workflow file of {}", workflows.place),
        many => format!("none in the {many} workflow files of {}", workflows.place),
    };
    let unread = if called.is_empty() {
        String::new()
    } else {
        format!("; not read, and they may have some: {}", called.join(", "))
    };
    Finding::passed(check).actual(read + &unread).expected(expected)
}

impl std::fmt::Display for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (job {}", self.place, self.id)?;
        if !self.name.is_plain() {
            write!(f, ", environment `{}`", self.name.0.join("${{ … }}"))?;
        }
        if let Written::Unknown(text) = &self.deployment {
            write!(f, ", `deployment: {text}`")?;
        }
        f.write_str(")")
    }
}

/// # Errors
/// No YAML.
fn read_jobs(path: &str, text: &str) -> Result<WorkflowJobs, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(document) = read_document(text, MAX_DEPTH)? else { return Ok(WorkflowJobs::default()) };
    let nodes = WorkflowNodes::new(&document.root);
    let jobs = nodes.field(&document.root, "jobs").map(|jobs| nodes.pairs(&jobs.value)).unwrap_or_default();
    let mut reader = WorkflowReader { path, nodes, found: WorkflowJobs::default() };
    for pair in jobs {
        reader.read_job(pair);
    }
    Ok(reader.found)
}

struct WorkflowReader<'a> {
    path: &'a str,
    nodes: WorkflowNodes<'a>,
    found: WorkflowJobs,
}

impl<'a> WorkflowReader<'a> {
    fn place(&self, node: &SpannedNode) -> String {
        format!("{}:{}", self.path, node.position.line)
    }

    fn read_job(&mut self, SpannedPair { key, value }: &'a SpannedPair) {
        if let Some(uses) = self.nodes.field(value, "uses")
            && let Some(text) = self.nodes.text(&uses.value)
            && !text.starts_with("./")
        {
            self.found.called.push(format!("{text} (called at {})", self.place(&uses.key)));
        }
        let Some(environment) = self.nodes.field(value, "environment") else { return };
        let (name, deployment, at) = match self.nodes.text(&environment.value) {
            // An expression that makes an object may say anything; others are the name.
            Some(text) if text.to_lowercase().contains("fromjson") => {
                (NamePattern::of(text), Written::Unknown(text.to_owned()), &environment.key)
            }
            Some(_) => return,
            None => {
                let Some(deployment) = self.nodes.field(&environment.value, "deployment") else { return };
                let text = self.nodes.text(&deployment.value).unwrap_or("not a single value").trim();
                let written = match constant(text).to_ascii_lowercase().as_str() {
                    "true" => return,
                    "false" => Written::False,
                    _ => Written::Unknown(text.to_owned()),
                };
                let name = self.nodes.field(&environment.value, "name").and_then(|name| self.nodes.text(&name.value));
                (name.map_or_else(NamePattern::any, NamePattern::of), written, &deployment.key)
            }
        };
        let id = self.nodes.text(key).unwrap_or_default().to_owned();
        self.found.jobs.push(Job { place: self.place(at), id, name, deployment });
    }
}

/// `false` of `${{ false }}`.
fn constant(text: &str) -> &str {
    let inner = text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}"));
    inner.unwrap_or(text).trim()
}

impl NamePattern {
    fn any() -> Self {
        Self(vec![String::new(), String::new()])
    }

    fn of(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while let Some((before, behind)) = rest.split_once("${{") {
            parts.push(before.to_owned());
            rest = end_of_expression(behind);
        }
        parts.push(rest.to_owned());
        Self(parts)
    }

    /// Whether it has no expression.
    const fn is_plain(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether it may be the name of this environment. GitHub ignores case.
    fn matches(&self, name: &EnvironmentName) -> bool {
        let parts: Vec<String> = self.0.iter().map(|part| part.to_lowercase()).collect();
        let name = name.as_str().to_lowercase();
        let [first, middle @ .., last] = &parts[..] else { return parts[0] == name };
        let Some(mut rest) = name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        middle.iter().all(|part| match rest.split_once(part.as_str()) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
    }
}

/// What follows an expression. Its texts, in single quotes, may contain its end.
fn end_of_expression(expression: &str) -> &str {
    let mut quoted = false;
    for (index, character) in expression.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '}' if !quoted && expression[index..].starts_with("}}") => return &expression[index + 2..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests;
