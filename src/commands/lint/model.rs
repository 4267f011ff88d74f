//! A workflow as the rules need it: every key and value with its position. Pure.

use std::collections::BTreeSet;

use crate::yaml::Position;

/// A text of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub at: Position,
}

/// A key and its value; `None` if the value is a list or a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Text,
    pub value: Option<Text>,
}

impl Entry {
    /// The value as text; empty if it is no single value.
    pub fn text(&self) -> &str {
        self.value.as_ref().map_or("", |value| &value.text)
    }

    /// Whether, among outputs, it has a name that `record` and others read.
    pub fn is_report(&self) -> bool {
        let name = &self.key.text;
        name == "report" || name.ends_with("-report") || name.ends_with("_report")
    }

    /// Where the value is, or its key.
    pub fn value_at(&self) -> Position {
        self.value.as_ref().map_or(self.key.at, |value| value.at)
    }
}

/// A workflow file, or the file of a composite action, whose steps are then those of its only job.
#[derive(Debug, Default)]
pub struct Workflow {
    pub path: String,
    pub is_action: bool,
    pub events: BTreeSet<String>,
    /// The inputs of `workflow_dispatch` and `workflow_call`, or of the action.
    pub inputs: BTreeSet<String>,
    /// The outputs of `workflow_call`, with their values.
    pub call_outputs: Vec<Entry>,
    pub env: KnownNames,
    pub permissions: Option<PermissionsBlock>,
    pub jobs: Vec<Job>,
}

impl Workflow {
    pub fn job(&self, id: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id.text.eq_ignore_ascii_case(id))
    }
}

#[derive(Debug)]
pub struct Job {
    pub id: Text,
    /// The reusable workflow that it calls: its steps and outputs are in another file.
    pub calls: Option<Text>,
    /// Where `needs` is.
    pub needs_at: Option<Position>,
    pub needs: Vec<String>,
    pub environment: Option<JobEnvironment>,
    pub permissions: Option<PermissionsBlock>,
    pub matrix: Option<KnownNames>,
    /// Where `outputs` is.
    pub outputs_at: Option<Position>,
    pub outputs: Vec<Entry>,
    pub env: KnownNames,
    pub steps: Vec<Step>,
}

#[derive(Debug)]
pub struct Step {
    pub id: Option<String>,
    pub uses: Option<Text>,
    pub run: Option<Entry>,
    pub with: Vec<Entry>,
    /// Where an expression makes keys of `with`, or all of it.
    pub with_expression: Option<Text>,
    pub env: KnownNames,
}

impl Step {
    pub fn with(&self, key: &str) -> Option<&Entry> {
        self.with.iter().find(|entry| entry.key.text.eq_ignore_ascii_case(key))
    }

    /// Whether it is a version of this action.
    pub fn is_action(&self, name: &str) -> bool {
        let written = self.uses.as_ref().and_then(|uses| uses.text.split('@').next()).unwrap_or_default();
        written.eq_ignore_ascii_case(name)
    }
}

/// The environment of a job.
#[derive(Debug)]
pub struct JobEnvironment {
    /// Absent if an expression makes the whole object.
    pub name: Option<Text>,
    pub deployment: Option<Entry>,
}

/// The names of a mapping, or that an expression decides them.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum KnownNames {
    #[default]
    Nothing,
    Listed(BTreeSet<String>),
    Unknown,
}

impl KnownNames {
    /// Whether it may have this name. Names in expressions are compared without case.
    pub fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Listed(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
            Self::Unknown => true,
        }
    }
}

/// How much of a permission is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Nothing,
    Read,
    Write,
}

impl Level {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// `permissions:` of a workflow or a job.
#[derive(Debug)]
pub struct PermissionsBlock {
    /// Where its key is.
    pub at: Position,
    pub granted: Granted,
}

#[derive(Debug)]
pub enum Granted {
    /// `read-all`, `write-all`.
    All(Level),
    /// What is not listed is not granted.
    Listed(Vec<Entry>),
}

impl PermissionsBlock {
    /// The level of a permission, and where it is granted.
    pub fn level(&self, scope: &str) -> (Level, Position) {
        match &self.granted {
            // GitHub has no reading of `id-token`.
            Granted::All(Level::Read) if scope == "id-token" => (Level::Nothing, self.at),
            Granted::All(level) => (*level, self.at),
            Granted::Listed(entries) => {
                let entry = entries.iter().find(|entry| entry.key.text == scope);
                entry.map_or((Level::Nothing, self.at), |entry| {
                    let level = match entry.text() {
                        "write" => Level::Write,
                        "read" => Level::Read,
                        _ => Level::Nothing,
                    };
                    (level, entry.key.at)
                })
            }
        }
    }
}
