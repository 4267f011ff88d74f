//! Reads the files of a checkout that the rules need: workflows, the actions that they use by path, and config files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    known::{ConfigSettings, LintRules, local_path},
    model::Workflow,
    problem::{Problem, Rule},
    reader::{read_action, read_workflow},
    steps::{CONFIG, find_steps},
};
use crate::{
    config::{Config, DEFAULT_PATHS},
    error::CommandError,
    finding::Finding,
    settings::CommandTable,
    workflow::{WorkflowFile, files::read_folder},
    world::files,
    yaml::{Position, YamlError, unreadable_file},
};

/// The largest config file or action that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// The names that GitHub accepts for the file of an action.
const ACTION_FILES: [&str; 2] = ["action.yml", "action.yaml"];
/// Where people put config files, beside the folder of the workflows.
const CONFIG_FOLDERS: [&str; 4] = ["", ".github", ".config", "config"];

pub struct Checkout<'a> {
    pub top: &'a Path,
    /// The folder with the workflow files.
    pub folder: &'a str,
}

impl Checkout<'_> {
    pub fn workflow_folder(&self) -> PathBuf {
        self.top.join(self.folder)
    }

    /// # Errors
    /// Bad input: a folder that does not exist.
    pub fn check(&self) -> Result<(), CommandError> {
        if !self.top.is_dir() {
            return Err(Finding::inconclusive("`checkout`")
                .actual(format!("{}: no such folder", self.top.display()))
                .expected("the folder of a checkout")
                .with_origin("flag")
                .bad_input());
        }
        if self.workflow_folder().is_dir() {
            return Ok(());
        }
        let top = self.top.canonicalize().ok();
        let above = top.iter().flat_map(|top| top.ancestors().skip(1)).find(|above| above.join(self.folder).is_dir());
        let finding = Finding::inconclusive("`folder`")
            .actual(format!("{}: no such folder", self.workflow_folder().display()))
            .expected("the folder with the workflow files");
        Err(match above {
            Some(above) => finding.next(format!("give --checkout {}", above.display())),
            None => finding
                .next("start it at the top of the repository, or name the folders in `--checkout` and `--folder`"),
        }
        .bad_input())
    }

    /// The workflows, and a problem for each file that cannot be read.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn read_workflows(&self) -> Result<(Vec<Workflow>, Vec<Problem>), CommandError> {
        let (mut workflows, mut problems) = (Vec::new(), Vec::new());
        for WorkflowFile { path, text } in read_folder(self.top, self.folder).map_err(Finding::unobservable)? {
            match text.map_err(Unreadable::File).and_then(|text| read_workflow(&path, &text).map_err(Unreadable::Yaml))
            {
                Ok(workflow) => workflows.push(workflow),
                Err(error) => problems.push(error.to_problem(&path)),
            }
        }
        Ok((workflows, problems))
    }

    /// The actions of the checkout that the workflows use by path, also through each other, and a problem for each that cannot be
    /// read. One that does not exist may come from a step of the job.
    pub fn read_actions(&self, workflows: &[Workflow]) -> (BTreeMap<String, Workflow>, Vec<Problem>) {
        let (mut actions, mut problems) = (BTreeMap::new(), Vec::new());
        let mut open: Vec<String> = workflows.iter().flat_map(local_actions).collect();
        let mut seen = BTreeSet::new();
        while let Some(folder) = open.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let paths =
                ACTION_FILES.map(|name| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") });
            let Some(path) = paths.into_iter().find(|path| self.top.join(path).is_file()) else { continue };
            let text = self.read_text(&path).map_err(Unreadable::File);
            match text.and_then(|text| read_action(&path, &text).map_err(Unreadable::Yaml)) {
                Ok(action) => {
                    open.extend(local_actions(&action));
                    actions.insert(folder, action);
                }
                Err(error) => problems.push(error.to_problem(&path)),
            }
        }
        (actions, problems)
    }

    fn read_text(&self, path: &str) -> Result<String, Finding> {
        let bytes = files::read_bounded(&self.top.join(path), MAX_SIZE)?;
        String::from_utf8(bytes).map_err(|_| Finding::inconclusive(path).actual("bytes that are not UTF-8"))
    }

    /// The config file at its default path.
    ///
    /// # Errors
    /// Bad input: two config files, or an invalid one. Unobservable: one that cannot be read.
    pub fn read_config(&self, table: &CommandTable, rules: &LintRules) -> Result<Option<ConfigSettings>, CommandError> {
        let found: Vec<&str> = DEFAULT_PATHS.into_iter().filter(|path| self.top.join(path).is_file()).collect();
        match found[..] {
            [] => Ok(None),
            [path] => self.read_settings(path, table, rules).map(Some),
            _ => Err(Finding::inconclusive("config file")
                .actual(found.join(" and "))
                .expected("one config file")
                .next("remove one of them")
                .bad_input()),
        }
    }

    /// The config files that steps name, as far as they are in the checkout.
    ///
    /// # Errors
    /// As [`Self::read_config`].
    pub fn read_named_configs(
        &self,
        table: &CommandTable,
        workflows: &[Workflow],
        rules: &LintRules,
    ) -> Result<BTreeMap<String, ConfigSettings>, CommandError> {
        let all = workflows.iter().chain(rules.local.values());
        let steps = all.flat_map(|workflow| find_steps(workflow, rules).0);
        let named: BTreeSet<String> =
            steps.filter_map(|step| Some(step.with(CONFIG)?.text().trim().to_owned())).collect();
        let inside = named.into_iter().filter(|path| local_path(&format!("./{path}")).is_some());
        let existing = inside.filter(|path| !path.is_empty() && self.top.join(path).is_file());
        existing.map(|path| Ok((path.clone(), self.read_settings(&path, table, rules)?))).collect()
    }

    fn read_settings(
        &self,
        path: &str,
        table: &CommandTable,
        rules: &LintRules,
    ) -> Result<ConfigSettings, CommandError> {
        let bytes = files::read_bounded(&self.top.join(path), MAX_SIZE).map_err(Finding::unobservable)?;
        let config = Config::read(table, path, &bytes, None)?;
        Ok(settings_of(path, &config, rules))
    }

    /// The files in the folders where people put a config file. A folder that cannot be listed has none.
    pub fn possible_config_files(&self) -> Vec<String> {
        let folders = CONFIG_FOLDERS.into_iter().chain([self.folder]);
        let names = |folder: &str| {
            let entries = fs::read_dir(self.top.join(folder)).into_iter().flatten().filter_map(Result::ok);
            let files = entries.filter(|entry| entry.path().is_file());
            files.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
        };
        let path = |folder: &str, name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let found: BTreeSet<String> =
            folders.flat_map(|folder| names(folder).into_iter().map(move |name| path(folder, name))).collect();
        found.into_iter().collect()
    }
}

/// The settings that a config file has for each action.
pub fn settings_of(path: &str, config: &Config, rules: &LintRules) -> ConfigSettings {
    let settings = rules.actions.iter().map(|action| {
        let mut merged = BTreeMap::new();
        // The highest layer comes first.
        for (key, value) in config.layers(action.name).flatten() {
            merged.entry(key.clone()).or_insert_with(|| value.texts.clone());
        }
        (action.name.to_owned(), merged)
    });
    ConfigSettings { path: path.to_owned(), settings: settings.collect() }
}

/// The folders of the actions that a file uses by path.
fn local_actions(workflow: &Workflow) -> Vec<String> {
    let steps = workflow.jobs.iter().flat_map(|job| &job.steps);
    steps.filter_map(|step| local_path(&step.uses.as_ref()?.text)).collect()
}

/// Why a file cannot be read as a workflow or an action.
enum Unreadable {
    File(Finding),
    Yaml(YamlError),
}

impl Unreadable {
    fn to_problem(&self, path: &str) -> Problem {
        let (at, finding) = match self {
            Self::File(finding) => (Position::START, finding.clone()),
            Self::Yaml(error) => (error.position, unreadable_file(error, path)),
        };
        Problem::new(path, at, Rule::UnreadableFile)
            .undecided()
            .actual(finding.actual)
            .expected("a file in YAML")
            .next("correct the file: GitHub does not start it either")
    }
}
