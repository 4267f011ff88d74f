//! `lint`: checks the workflows that use the actions of this repository, offline.
//!
//! [`reader`] reads a file into the [`model`]; [`judge`](mod@judge) applies the rules, one file each; [`show`] prints what was
//! found. The inputs and outputs of the actions come from the registry, as do those of each `action.yml`.

mod environment;
mod expressions;
mod inputs;
mod judge;
mod known;
mod model;
mod permissions;
mod problem;
mod reader;
mod references;
mod reports;
mod show;
mod steps;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    command::{Branding, Command, CommandEntry, CommandKind, RunInputs},
    config::{Config, DEFAULT_PATHS},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{OUTPUTS, Outcome, Output},
    settings::CommandTable,
    workflow::{
        WorkflowFile,
        files::{FOLDER, read_folder},
    },
    world::files,
    yaml::Position,
};
use judge::{LintResult, judge};
use known::{KnownAction, KnownInput, LintRules, Role};
use model::Workflow;
use problem::{Problem, Rule};
use reader::read_workflow;
pub use show::Format;

/// The largest config file that is read, in bytes.
const MAX_CONFIG_SIZE: u64 = 1 << 20;

/// Settings of `lint`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the checkout whose workflows are checked
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub checkout: PathBuf,
    /// Folder with the workflow files, relative to the checkout
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub folder: String,
    /// `text` for people, `json` for programs, `github` for annotations of a workflow run
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

impl Command for Args {
    const NAME: &'static str = "lint";
    const ABOUT: &'static str = "Check the workflows that use these actions, offline: inputs, permissions, environments and the way of the reports";
    const KIND: CommandKind = CommandKind::Local;
    const BRANDING: Option<Branding> = None;
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, ctx)
    }
}

/// Reads the workflows and the config file, judges and prints.
///
/// # Errors
/// Bad input: no such folder, an invalid config file. Unobservable: files that cannot be listed or read.
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    if !args.checkout.is_dir() {
        return Err(Finding::inconclusive("`checkout`")
            .actual(format!("{}: no such folder", args.checkout.display()))
            .expected("the folder of a checkout")
            .with_origin("flag")
            .bad_input());
    }
    let config = read_config(&args.checkout, inputs.command_table)?;
    let rules = new_rules(inputs.commands, inputs.command_table, &config);
    let files = read_folder(&args.checkout, &args.folder).map_err(Finding::unobservable)?;
    let (workflows, mut problems) = read_workflows(files);
    let result = judge(&workflows, &rules);
    problems.extend(result.problems);
    let result = LintResult { problems, ..result };
    let nothing_to_judge = result.steps == 0 && result.problems.is_empty();
    let findings = if nothing_to_judge { vec![no_steps(args)] } else { show::findings(&result) };
    let is_printed = show::print(args.format, &result, &findings, &ctx.log);
    Ok(Outcome { is_printed, ..findings.into() })
}

/// The workflows, and a problem for each file that cannot be read.
fn read_workflows(files: Vec<WorkflowFile>) -> (Vec<Workflow>, Vec<Problem>) {
    let (mut workflows, mut problems) = (Vec::new(), Vec::new());
    for WorkflowFile { path, text } in files {
        let unreadable = |at: Position, finding: &Finding| {
            Problem::new(&path, at, Rule::UnreadableFile)
                .undecided()
                .actual(finding.actual.as_str())
                .expected("a workflow file in YAML")
                .next("correct the file: GitHub does not start it either")
        };
        match text {
            Err(finding) => problems.push(unreadable(Position::START, &finding)),
            Ok(text) => match read_workflow(&path, &text) {
                Ok(workflow) => workflows.push(workflow),
                Err(error) => problems.push(unreadable(error.position, &error.to_finding(&path))),
            },
        }
    }
    (workflows, problems)
}

/// Nothing to judge is not passed: the folder may be the wrong one.
fn no_steps(args: &Args) -> Finding {
    Finding::inconclusive("workflows")
        .actual(format!("no step in {} uses an action of promote-gates", args.checkout.join(&args.folder).display()))
        .expected("at least one step with `uses: OWNER/promote-gates/…`")
        .next("start it at the top of the repository, or name the folders in `--checkout` and `--folder`")
}

/// The config file of the checkout; without one, the defaults.
///
/// # Errors
/// Bad input: two config files, or an invalid one. Unobservable: one that cannot be read.
fn read_config(checkout: &Path, command_table: &CommandTable) -> Result<Config, CommandError> {
    let found: Vec<&str> = DEFAULT_PATHS.into_iter().filter(|path| checkout.join(path).is_file()).collect();
    match found[..] {
        [] => Ok(Config::default()),
        [path] => {
            let bytes = files::read_bounded(&checkout.join(path), MAX_CONFIG_SIZE).map_err(Finding::unobservable)?;
            Config::read(command_table, path, &bytes, None)
        }
        _ => Err(Finding::inconclusive("config file")
            .actual(found.join(" and "))
            .expected("one config file")
            .next("remove one of them")
            .bad_input()),
    }
}

/// What the registry and the config file say about the actions.
fn new_rules(commands: &[CommandEntry], command_table: &CommandTable, config: &Config) -> LintRules {
    let actions: Vec<KnownAction> = commands
        .iter()
        .filter(|entry| !entry.kind.is_local())
        .map(|entry| KnownAction {
            name: entry.name,
            role: match entry.kind {
                CommandKind::SoftwareGate => Role::SoftwareGate,
                CommandKind::PromotionGate => Role::PromotionGate,
                CommandKind::GateRunner => Role::GateRunner,
                _ => Role::Other,
            },
            inputs: known_inputs(entry.name, command_table),
            outputs: OUTPUTS.iter().chain(entry.outputs).map(|output| output.name).collect(),
        })
        .collect();
    let settings = |action: &KnownAction| {
        let mut merged = BTreeMap::new();
        // The highest layer comes first.
        for (key, value) in config.layers(action.name).flatten() {
            merged.entry(key.clone()).or_insert_with(|| value.texts.clone());
        }
        (action.name.to_owned(), merged)
    };
    let config = actions.iter().map(settings).collect();
    LintRules { actions, config }
}

fn known_inputs(name: &str, command_table: &CommandTable) -> Vec<KnownInput> {
    let settings = command_table.settings_of(name).unwrap_or_default();
    settings
        .into_iter()
        .map(|setting| KnownInput {
            way_to_give: setting.way_to_give(),
            key: setting.key,
            required: setting.required,
            default: setting.default,
        })
        .collect()
}
