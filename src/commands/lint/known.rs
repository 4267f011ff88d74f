//! The actions of this repository as the rules need them: names, inputs, outputs. They come from the registry that also
//! generates each `action.yml`. Pure.

use std::collections::BTreeMap;

use super::model::{Job, Step, Workflow};

/// The name of this repository in `uses:`. Any owner may have a copy of it.
const REPOSITORY: &str = "promote-gates";

/// The command that sends the reports of the gates.
pub const RECORD: &str = "record";
/// The command that verifies them.
pub const EVIDENCE: &str = "evidence";

/// The purpose of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    SoftwareGate,
    PromotionGate,
    GateRunner,
    Other,
}

/// One action.
#[derive(Debug)]
pub struct KnownAction {
    pub name: &'static str,
    pub role: Role,
    pub inputs: Vec<KnownInput>,
    pub outputs: Vec<&'static str>,
}

/// One input of an action.
#[derive(Debug)]
pub struct KnownInput {
    pub key: String,
    pub required: bool,
    pub default: Vec<String>,
    /// How to give it when it is missing.
    pub way_to_give: String,
}

impl KnownAction {
    /// GitHub compares the names of inputs without case.
    pub fn input(&self, key: &str) -> Option<&KnownInput> {
        self.inputs.iter().find(|input| input.key.eq_ignore_ascii_case(key))
    }

    /// Whether later jobs need its report.
    pub fn has_report_for_later(&self) -> bool {
        self.role != Role::Other || self.name == EVIDENCE
    }
}

/// An action of this repository, as `uses:` names it, without owner and version.
#[derive(Debug, PartialEq, Eq)]
pub enum UsedAction {
    Root,
    Folder(String),
}

impl UsedAction {
    /// Of a path below the top of this repository.
    fn below_top(path: &str) -> Self {
        if path.is_empty() { Self::Root } else { Self::Folder(path.to_owned()) }
    }
}

/// The action in `OWNER/promote-gates/FOLDER@VERSION`.
fn remote_action(uses: &str) -> Option<UsedAction> {
    let path = uses.split('@').next().unwrap_or_default().trim_end_matches('/');
    let (_, path) = path.split_once('/')?;
    let (repository, folder) = path.split_once('/').unwrap_or((path, ""));
    repository.eq_ignore_ascii_case(REPOSITORY).then(|| UsedAction::below_top(folder))
}

/// The path in `./PATH`, from the top of the workspace.
pub fn local_path(uses: &str) -> Option<String> {
    let parts: Vec<&str> = uses.strip_prefix("./")?.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

/// What follows a folder in a path.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    match path.strip_prefix(folder)? {
        "" => Some(""),
        rest if folder.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// The folder into which a step checks this repository out.
fn checked_out_folder(step: &Step) -> Option<String> {
    let repository = step.with("repository").filter(|_| step.is_action("actions/checkout"))?;
    let name = repository.text().trim().rsplit('/').next().unwrap_or_default();
    let folder = step.with("path").map_or("", |path| path.text().trim());
    name.eq_ignore_ascii_case(REPOSITORY).then(|| local_path(&format!("./{folder}"))).flatten()
}

/// The folder of the action that a copy of this repository's `action.yml` starts; empty for the root's.
fn copied_command(action: &Workflow) -> Option<&str> {
    let mut runs = action.jobs.iter().flat_map(|job| &job.steps).filter_map(|step| step.run.as_ref());
    runs.find_map(|run| run.text().split_once("/dist/promote-gates\"")?.1.split_whitespace().next())
}

/// What the rules know beside the workflows.
#[derive(Debug)]
pub struct LintRules {
    pub actions: Vec<KnownAction>,
    /// The config file at its default path, if there is one.
    pub config: Option<ConfigSettings>,
    /// The config files that steps name in `config`, by that path, as far as they are in the checkout.
    pub named_configs: BTreeMap<String, ConfigSettings>,
    /// The actions of this checkout that its workflows use, by their folder.
    pub local: BTreeMap<String, Workflow>,
}

/// The settings of a config file.
#[derive(Debug, Default)]
pub struct ConfigSettings {
    pub path: String,
    /// By command and key.
    pub settings: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl LintRules {
    pub fn find(&self, used: &UsedAction) -> Option<&KnownAction> {
        self.actions.iter().find(|action| match used {
            UsedAction::Root => action.role == Role::GateRunner,
            UsedAction::Folder(folder) => action.role != Role::GateRunner && action.name == *folder,
        })
    }

    /// The action of this repository that a step uses: by its owner and version, or by a path in the workspace.
    pub fn used(&self, job: &Job, index: usize) -> Option<UsedAction> {
        let (earlier, step) = (job.steps.get(..index)?, job.steps.get(index)?);
        let uses = &step.uses.as_ref()?.text;
        let Some(path) = local_path(uses) else { return remote_action(uses) };
        for folder in earlier.iter().rev().filter_map(checked_out_folder) {
            let action = below(&path, &folder).map(UsedAction::below_top);
            // The top of the workspace has other actions, too.
            if let Some(action) = action.filter(|action| !folder.is_empty() || self.find(action).is_some()) {
                return Some(action);
            }
        }
        if let Some(action) = self.local.get(&path) {
            let command = copied_command(action)?;
            let runner = self.find(&UsedAction::Root).is_some_and(|runner| runner.name == command);
            return Some(if runner { UsedAction::Root } else { UsedAction::Folder(command.to_owned()) });
        }
        // A folder that is not in this checkout, such as a submodule.
        let parts: Vec<&str> = path.split('/').collect();
        let top = parts.iter().position(|part| part.trim_start_matches('.').eq_ignore_ascii_case(REPOSITORY))?;
        Some(UsedAction::below_top(&parts.get(top + 1..)?.join("/")))
    }

    /// The composite action of this checkout that a step uses.
    pub fn composite(&self, job: &Job, index: usize) -> Option<&Workflow> {
        let uses = job.steps.get(index)?.uses.as_ref()?;
        self.local.get(&local_path(&uses.text)?).filter(|_| self.used(job, index).is_none())
    }

    pub fn folders(&self) -> Vec<&'static str> {
        self.actions.iter().filter(|action| action.role != Role::GateRunner).map(|action| action.name).collect()
    }
}
