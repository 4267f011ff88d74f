//! `lint`: checks the workflows that use the actions of this repository, offline.
//!
//! [`reader`] reads a file into the [`model`]; [`judge`](mod@judge) applies the rules, one file each; [`show`] prints what was
//! found. The inputs and outputs of the actions come from the registry, as do those of each `action.yml`.

mod checkout;
mod config_file;
mod environment;
mod expressions;
mod hidden;
mod hidden_reports;
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

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    command::{Branding, Command, CommandEntry, CommandKind, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{OUTPUTS, Outcome, Output},
    settings::CommandTable,
    workflow::files::FOLDER,
};
use checkout::Checkout;
use config_file::misplaced;
use judge::{LintResult, judge};
use known::{KnownAction, KnownInput, LintRules, Role};
pub use show::Format;

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

/// Reads the workflows and the config files, judges and prints.
///
/// # Errors
/// Bad input: no such folder, an invalid config file. Unobservable: files that cannot be listed or read.
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let checkout = Checkout { top: &args.checkout, folder: &args.folder };
    let result = lint(&checkout, inputs)?;
    let nothing_to_judge = result.steps == 0 && result.problems.is_empty();
    let findings = if nothing_to_judge { vec![no_steps(&checkout)] } else { show::findings(&result) };
    let is_printed = show::print(args.format, &result, &findings, &ctx.log);
    Ok(Outcome { is_printed, ..findings.into() })
}

/// Reads and judges the workflows of a checkout.
///
/// # Errors
/// As [`run`].
fn lint(checkout: &Checkout<'_>, inputs: &RunInputs<'_>) -> Result<LintResult, CommandError> {
    checkout.check()?;
    let mut rules = new_rules(inputs.commands, inputs.command_table);
    let (workflows, mut unreadable) = checkout.read_workflows()?;
    let (local, more) = checkout.read_actions(&workflows);
    unreadable.extend(more);
    rules.local = local;
    rules.config = checkout.read_config(inputs.command_table, &rules)?;
    rules.named_configs = checkout.read_named_configs(inputs.command_table, &workflows, &rules)?;
    let mut result = judge(&workflows, &rules);
    // The name of a config file means nothing where no step could read it.
    if result.steps > 0 {
        result.problems.extend(misplaced(&checkout.possible_config_files(), &workflows, &rules));
    }
    result.problems.extend(unreadable);
    result.sort();
    Ok(result)
}

/// Nothing to judge is not passed: the folder may be the wrong one.
fn no_steps(checkout: &Checkout<'_>) -> Finding {
    Finding::inconclusive("workflows")
        .actual(format!("no step in {} uses an action of promote-gates", checkout.workflow_folder().display()))
        .expected("at least one step with `uses: OWNER/promote-gates/…`")
        .next("start it at the top of the repository, or name the folders in `--checkout` and `--folder`")
}

/// The actions of the registry.
fn new_rules(commands: &[CommandEntry], command_table: &CommandTable) -> LintRules {
    let actions = commands.iter().filter(|entry| !entry.kind.is_local()).map(|entry| KnownAction {
        name: entry.name,
        role: match entry.kind {
            CommandKind::SoftwareGate => Role::SoftwareGate,
            CommandKind::PromotionGate => Role::PromotionGate,
            CommandKind::GateRunner => Role::GateRunner,
            _ => Role::Other,
        },
        inputs: known_inputs(entry.name, command_table),
        outputs: OUTPUTS.iter().chain(entry.outputs).map(|output| output.name).collect(),
    });
    LintRules { actions: actions.collect(), config: None, named_configs: BTreeMap::new(), local: BTreeMap::new() }
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
