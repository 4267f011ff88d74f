//! Reads a file of checks. Every key in it is known, and every placeholder has a value by the time it is needed.

mod fields;
pub mod step;

use std::{collections::BTreeMap, time::Duration};

use super::{
    model::{CheckFile, CheckPath, Step},
    template::{Reference, Template, TemplateValues},
};
use crate::{
    condition::Condition,
    config::nodes::{mapping, wrong_shape},
    error::{CommandError, ValueError},
    finding::Finding,
    secret::Secret,
    subject::Subject,
    values::{closest, nonzero_duration, switch},
    world::{http::Header, url::Url},
    yaml::{
        self, Key, Node, Value,
        tree::{SpannedNode, read_document},
    },
};
use fields::Fields;

/// The largest file in bytes.
pub const LARGEST: u64 = 1 << 20;
/// How many paths run at the same time, unless the file says so.
pub const PARALLEL: usize = 8;
const MOST_PARALLEL: usize = 50;
/// The time limit of a request, unless the file says so.
const TIMEOUT: Duration = Duration::from_secs(10);
const MOST_PATHS: usize = 1000;
const MOST_STEPS: usize = 100;
/// How deep the file may be nested.
const DEPTH: usize = 16;

/// The keys of the file, and of a path.
pub const FILE_KEYS: [&str; 8] = ["base-url", "headers", "timeout", "follow", "parallel", "setup", "paths", "teardown"];
pub const PATH_KEYS: [&str; 5] = ["critical", "retries", "headers", "steps", "teardown"];

/// What the file is read with.
pub struct ReadInputs<'a> {
    /// The setting `target`; it takes precedence over `base-url`.
    pub target: Option<&'a Url>,
    pub subject: &'a Subject,
    /// The variables that `{{ env.NAME }}` can name.
    pub variables: &'a BTreeMap<String, Secret>,
}

/// What applies to every step.
#[derive(Clone, Copy)]
struct StepDefaults {
    timeout: Duration,
    follow: u32,
}

/// Reads the file at `path`.
///
/// # Errors
/// Bad input with file, line and column: broken YAML, an unknown key (with the closest known one), a value that is not
/// accepted, a placeholder without a value, no path, a path without steps.
pub fn read(path: &str, text: &str, inputs: &ReadInputs<'_>) -> Result<CheckFile, CommandError> {
    let with_hint = |finding: Finding| {
        let hint = "put a value that begins with `{{` in quotes: in YAML, a brace begins a mapping";
        if text.contains("{{") { finding.next(hint) } else { finding }
    };
    let root = yaml::read(text).map_err(|error| with_hint(yaml::unreadable_file(&error, path)).bad_input())?;
    let tree = read_document(text, DEPTH).map_err(|error| yaml::unreadable_file(&error, path).bad_input())?;
    let mut reader = Reader {
        path,
        tree: tree.map(|document| document.root),
        inputs,
        values: TemplateValues { subject: parts(inputs.subject), ..TemplateValues::default() },
        captures: Vec::new(),
        has_base: inputs.target.is_some(),
        conditions: BTreeMap::new(),
    };
    reader.file(root)
}

/// The parts of the subject as texts.
fn parts(subject: &Subject) -> BTreeMap<String, String> {
    // A subject holds only text, so serialization cannot fail.
    let json = serde_json::to_value(subject).unwrap_or_default();
    let entries = json.as_object().into_iter().flatten();
    entries.filter_map(|(part, value)| Some((part.clone(), value.as_str()?.to_owned()))).collect()
}

/// The file while it is read.
struct Reader<'a> {
    path: &'a str,
    tree: Option<SpannedNode>,
    inputs: &'a ReadInputs<'a>,
    values: TemplateValues,
    /// The names of captures that earlier steps made.
    captures: Vec<String>,
    /// Whether there is something that relative URLs are below of.
    has_base: bool,
    /// The conditions so far by their text: many paths have the same one, and compiling takes longer than a request.
    conditions: BTreeMap<String, Condition>,
}

impl Reader<'_> {
    fn file(&mut self, root: Node) -> Result<CheckFile, CommandError> {
        let mut found = Fields::new(self.path, "the file of checks", root, &FILE_KEYS)?;
        let base_url = match found.take("base-url") {
            Some((_, node)) => Some(self.base_url(&node)?),
            None => None,
        };
        let base_url = self.inputs.target.cloned().or(base_url);
        self.has_base = base_url.is_some();
        let headers = self.headers(found.take("headers"))?;
        let timeout = found.take("timeout").map(|(key, node)| self.limit(&key, &node)).transpose()?;
        let follow = found.take("follow").map(|(key, node)| self.count(&key, &node, 20)).transpose()?;
        let parallel = found.take("parallel").map(|(key, node)| self.count(&key, &node, MOST_PARALLEL)).transpose()?;
        let defaults = StepDefaults { timeout: timeout.unwrap_or(TIMEOUT), follow: follow.unwrap_or(0) };
        let setup = self.optional_steps(found.take("setup"), defaults)?;
        let paths = match found.take("paths") {
            Some((key, node)) => self.paths(&key, node, defaults)?,
            None => return Err(self.without_paths((1, 1))),
        };
        let teardown = self.optional_steps(found.take("teardown"), defaults)?;
        Ok(CheckFile {
            path: self.path.to_owned(),
            base_url,
            headers,
            values: std::mem::take(&mut self.values),
            parallel: parallel.map_or(PARALLEL, |count| (count as usize).max(1)),
            setup,
            paths,
            teardown,
        })
    }

    fn without_paths(&self, at: (usize, usize)) -> CommandError {
        self.error("paths", at, "no path", "at least one path with steps")
    }

    fn base_url(&mut self, node: &Node) -> Result<Url, CommandError> {
        let template = self.template("base-url", node)?;
        let text = template.render_url(&self.values).unwrap_or_default();
        // A value of the environment is not shown.
        Url::from_setting(&text).map_err(|error| {
            self.error("base-url", (node.line, node.column), &format!("\"{template}\""), &error.to_string())
        })
    }

    fn paths(&mut self, key: &Key, node: Node, defaults: StepDefaults) -> Result<Vec<CheckPath>, CommandError> {
        let at = (node.line, node.column);
        let entries = mapping(self.path, &key.name, node)?;
        if entries.is_empty() {
            return Err(self.without_paths((key.line, key.column)));
        }
        if entries.len() > MOST_PATHS {
            return Err(self.error("paths", at, &format!("{} paths", entries.len()), &format!("at most {MOST_PATHS}")));
        }
        let from_setup = self.captures.clone();
        let mut paths = Vec::new();
        for (key, node) in entries {
            self.captures.clone_from(&from_setup);
            paths.push(self.path(&key, node, defaults)?);
        }
        self.captures = from_setup;
        Ok(paths)
    }

    fn path(&mut self, key: &Key, node: Node, defaults: StepDefaults) -> Result<CheckPath, CommandError> {
        let at = (key.line, key.column);
        if key.name.trim().is_empty() || key.name.contains('*') || key.name.contains(char::is_control) {
            let expected = "a name on one line, without `*`: `critical` uses that for any text";
            return Err(self.error(&key.name, at, "not accepted as a name", expected));
        }
        let section = format!("the path `{}`", key.name);
        // A path can be its list of steps alone.
        let (mut found, steps) = if let Value::List(_) = node.value {
            (None, Some((key.clone(), node)))
        } else {
            let mut found = Fields::new(self.path, &section, node, &PATH_KEYS)?;
            let steps = found.take("steps");
            (Some(found), steps)
        };
        let mut take = |name: &str| found.as_mut().and_then(|found| found.take(name));
        let (critical, retries, headers, teardown) =
            (take("critical"), take("retries"), take("headers"), take("teardown"));
        let critical = critical.map(|(key, node)| self.switch(&key, &node)).transpose()?;
        let retries = retries.map(|(key, node)| self.count(&key, &node, 10)).transpose()?;
        let headers = self.headers(headers)?;
        let steps = match steps {
            Some((key, node)) => self.steps(&key, node, defaults)?,
            None => Vec::new(),
        };
        if steps.is_empty() {
            return Err(self.error(&key.name, at, "a path without steps", "at least one step"));
        }
        let teardown = self.optional_steps(teardown, defaults)?;
        Ok(CheckPath {
            name: key.name.clone(),
            line: key.line,
            critical: critical.unwrap_or(false),
            retries,
            headers,
            steps,
            teardown,
        })
    }

    fn optional_steps(
        &mut self,
        found: Option<(Key, Node)>,
        defaults: StepDefaults,
    ) -> Result<Vec<Step>, CommandError> {
        found.map_or(Ok(Vec::new()), |(key, node)| self.steps(&key, node, defaults))
    }

    fn steps(&mut self, key: &Key, node: Node, defaults: StepDefaults) -> Result<Vec<Step>, CommandError> {
        let at = (node.line, node.column);
        match node.value {
            Value::List(items) if items.len() > MOST_STEPS => {
                let actual = format!("{} steps", items.len());
                Err(self.error(&key.name, at, &actual, &format!("at most {MOST_STEPS}")))
            }
            Value::List(items) => items.into_iter().map(|item| self.step(item, defaults)).collect(),
            Value::Nothing => Ok(Vec::new()),
            _ => Err(wrong_shape(self.path, &key.name, &node, "a list of steps")),
        }
    }

    fn headers(&mut self, found: Option<(Key, Node)>) -> Result<Vec<(String, Template)>, CommandError> {
        let Some((key, node)) = found else { return Ok(Vec::new()) };
        let entries = mapping(self.path, &key.name, node)?;
        entries.into_iter().map(|(key, node)| self.header(&key, &node)).collect()
    }

    fn header(&mut self, key: &Key, node: &Node) -> Result<(String, Template), CommandError> {
        let value = self.template(&key.name, node)?;
        if key.name.eq_ignore_ascii_case("cookie") {
            let at = (key.line, key.column);
            return Err(self.error(&key.name, at, "a cookie as a header", "cookies in `cookies` of a step"));
        }
        let example = format!("{}: x", key.name);
        example.parse::<Header>().map_err(|error| {
            self.error(&key.name, (key.line, key.column), "no header of a request", &error.to_string())
        })?;
        Ok((key.name.clone(), value))
    }

    /// A text whose placeholders have values when it is used.
    fn template(&mut self, name: &str, node: &Node) -> Result<Template, CommandError> {
        let Value::Text(text) = &node.value else { return Err(wrong_shape(self.path, name, node, "one text")) };
        let at = (node.line, node.column);
        let template: Template = text
            .parse()
            .map_err(|error: ValueError| self.error(name, at, &format!("\"{text}\""), &error.to_string()))?;
        template.references().try_for_each(|reference| self.resolve(name, at, reference))?;
        Ok(template)
    }

    /// Sees that a placeholder has a value.
    fn resolve(&mut self, name: &str, at: (usize, usize), reference: &Reference) -> Result<(), CommandError> {
        let (expected, known) = match reference {
            Reference::Env(variable) => match self.inputs.variables.get(variable) {
                Some(secret) if !secret.expose().is_empty() => {
                    self.values.env.insert(variable.clone(), secret.clone());
                    return Ok(());
                }
                _ => ("a variable of this step's `env:`, or of the setting `env`, that is not empty", Vec::new()),
            },
            Reference::Subject(part) if self.values.subject.contains_key(part) => return Ok(()),
            Reference::Subject(_) => {
                ("a part that the subject has", self.values.subject.keys().map(String::as_str).collect())
            }
            Reference::Capture(capture) if self.captures.contains(capture) => return Ok(()),
            Reference::Capture(_) => {
                ("the name of a capture of an earlier step", self.captures.iter().map(String::as_str).collect())
            }
        };
        let place = format!("{}:{}:{}", self.path, at.0, at.1);
        let wanted = reference.to_string();
        let close = closest(wanted.strip_prefix("subject.").unwrap_or(&wanted), &known);
        Err(Finding::inconclusive(format!("`{name}`"))
            .actual(format!("no value for `{{{{ {reference} }}}}`"))
            .expected(expected)
            .with_origin(place)
            .did_you_mean(close)
            .bad_input())
    }

    fn switch(&self, key: &Key, node: &Node) -> Result<bool, CommandError> {
        let Value::Text(text) = &node.value else {
            return Err(wrong_shape(self.path, &key.name, node, "true or false"));
        };
        switch(text).map_err(|error| self.error(&key.name, (node.line, node.column), text, &error.to_string()))
    }

    fn count(&self, key: &Key, node: &Node, most: impl TryInto<u32>) -> Result<u32, CommandError> {
        let most = most.try_into().unwrap_or(u32::MAX);
        let Value::Text(text) = &node.value else { return Err(wrong_shape(self.path, &key.name, node, "a number")) };
        text.parse().ok().filter(|count| *count <= most).ok_or_else(|| {
            let expected = format!("a whole number from 0 to {most}");
            self.error(&key.name, (node.line, node.column), &format!("\"{text}\""), &expected)
        })
    }

    /// A duration that is not zero.
    fn limit(&self, key: &Key, node: &Node) -> Result<Duration, CommandError> {
        let Value::Text(text) = &node.value else { return Err(wrong_shape(self.path, &key.name, node, "a duration")) };
        nonzero_duration(text).map(|duration| duration.0).map_err(|error| {
            self.error(&key.name, (node.line, node.column), &format!("\"{text}\""), &error.to_string())
        })
    }

    fn error(&self, name: &str, (line, column): (usize, usize), actual: &str, expected: &str) -> CommandError {
        Finding::inconclusive(format!("`{name}`"))
            .actual(actual)
            .expected(expected)
            .with_origin(format!("{}:{line}:{column}", self.path))
            .bad_input()
    }
}

#[cfg(test)]
mod tests;
