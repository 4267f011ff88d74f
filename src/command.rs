//! What a command declares beside its arguments, and its entry in the registry. This file names no command.

use std::fmt;

use clap::{ArgMatches, Args as _, FromArgMatches as _};

use crate::{
    arguments::{CheckoutArgs, CommonArgs},
    config::Config,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, Output},
    settings::{self, CommandTable, Layer, Resolved},
    subject::Subject,
    values::closest,
};

/// A command: its arguments are the type that implements this.
pub trait Command: clap::Args + fmt::Debug + 'static {
    /// The subcommand, the folder of its action and its section of the config file.
    const NAME: &'static str;
    /// One sentence without a period, for `--help`, `action.yml` and the documentation.
    const ABOUT: &'static str;
    const KIND: CommandKind;
    /// `None` for a local command, which has no action.
    const BRANDING: Option<Branding>;
    /// Its outputs beside [`crate::report::OUTPUTS`].
    const OUTPUTS: &'static [Output];
    /// A table that only its documentation shows. Most commands have none.
    const REFERENCE_TABLE: Option<ReferenceTable> = None;

    /// # Errors
    /// Bad input; what could not be observed; a refusal; a signal.
    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError>;
}

/// A command that observes and judges, and writes nothing outside. `run` can run only gates. `cargo test` checks that no file of
/// a gate uses `reconcile` or `Permit`.
pub trait Gate: Command {}

/// The purpose of a command. Code selects commands by their kind, never by a list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// A gate on the software, in any environment: what `run` runs and a validation reports.
    SoftwareGate,
    /// A gate on the people and the time of one promotion.
    PromotionGate,
    /// Runs several gates in one step.
    GateRunner,
    /// Collects or verifies the reports of the gates on the software.
    Evidence,
    /// Shows or keeps the reports of other commands; its own report counts for nothing.
    Display,
    /// Changes the image that is deployed.
    Promotion,
    /// Checks the repository against its rules.
    Rules,
    /// Runs on a developer's machine: flags only, no subject, no report for a runner.
    Local,
}

impl CommandKind {
    #[must_use]
    pub const fn is_gate(self) -> bool {
        matches!(self, Self::SoftwareGate | Self::PromotionGate)
    }

    /// Whether the commit of the run that a `workflow_run` event names is the one that the command is about. A gate on people is
    /// about a promotion, whichever run started it.
    #[must_use]
    pub const fn is_about_deployed_commit(self) -> bool {
        !matches!(self, Self::PromotionGate | Self::Rules)
    }

    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Local)
    }
}

/// How GitHub's marketplace shows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branding {
    /// One of the Feather icons that GitHub accepts.
    pub icon: &'static str,
    pub color: &'static str,
}

/// A markdown table for a command's documentation.
#[derive(Clone, Copy)]
pub struct ReferenceTable {
    /// The name of its block in the README.
    pub name: &'static str,
    pub columns: &'static [&'static str],
    pub rows: fn() -> Vec<Vec<String>>,
}

/// The inputs of a command beside its own arguments.
pub struct RunInputs<'a> {
    /// Empty for a local command.
    pub subject: &'a Subject,
    pub config: &'a Config,
    /// The flags and inputs of the command that was started, without the config file.
    pub step: &'a Layer,
    pub command_table: &'a CommandTable,
    /// Every command, so that no command has to import the registry.
    pub commands: &'static [CommandEntry],
}

impl RunInputs<'_> {
    /// The names of the gates on the software.
    #[must_use]
    pub fn software_gates(&self) -> Vec<&'static str> {
        names_where(self.commands, |kind| kind == CommandKind::SoftwareGate)
    }

    /// Checks that the setting `required` names gates on the software only.
    ///
    /// # Errors
    /// Bad input: another name.
    pub fn check_required(&self, required: &[String], ctx: &CommandContext) -> Result<(), CommandError> {
        let gates = self.software_gates();
        let Some(unknown) = required.iter().find(|name| !gates.contains(&name.as_str())) else { return Ok(()) };
        let finding = Finding::inconclusive("`required`").actual(format!("{unknown:?}")).expected(gates.join(", "));
        let finding = finding.did_you_mean(closest(unknown, &gates));
        Err(match ctx.execution.partial.copy().origins.remove("required") {
            Some(origin) => finding.with_origin(origin).bad_input(),
            None => finding.bad_input(),
        })
    }

    /// Resolves the settings of a gate that the config file lists.
    ///
    /// # Errors
    /// Bad input, also when the command is not a gate on the software.
    pub fn resolve_gate<'l>(
        &self,
        name: &str,
        layers: impl IntoIterator<Item = &'l Layer>,
        location: &str,
    ) -> Result<Resolved<ParsedGate>, CommandError> {
        let gates = self.software_gates();
        let entry = self.commands.iter().find(|entry| entry.name == name && gates.contains(&entry.name));
        let Some(entry) = entry else {
            return Err(Finding::inconclusive("gate").actual(name).expected(gates.join(", ")).bad_input());
        };
        Ok(entry.resolve(self.command_table, layers, Some(location))?.map(ParsedGate))
    }
}

/// The names of the commands of some kinds, in the order of the registry.
pub fn names_where(commands: &[CommandEntry], is_wanted: impl Fn(CommandKind) -> bool) -> Vec<&'static str> {
    commands.iter().filter(|entry| is_wanted(entry.kind)).map(|entry| entry.name).collect()
}

/// An entry of the registry. Only [`gate`] and [`command`] create one.
pub struct CommandEntry {
    pub name: &'static str,
    pub about: &'static str,
    pub kind: CommandKind,
    pub branding: Option<Branding>,
    pub outputs: &'static [Output],
    pub reference_table: Option<ReferenceTable>,
    augment: fn(clap::Command) -> clap::Command,
    parse: fn(&ArgMatches) -> Result<Box<dyn Runnable>, clap::Error>,
}

/// The entry of a gate.
#[must_use]
pub const fn gate<A: Gate>() -> CommandEntry {
    assert!(A::KIND.is_gate(), "the KIND of a gate is SoftwareGate or PromotionGate");
    entry::<A>()
}

/// The entry of a command that is not a gate.
#[must_use]
pub const fn command<A: Command>() -> CommandEntry {
    assert!(!A::KIND.is_gate(), "a gate is listed as `gate::<…>()`");
    entry::<A>()
}

const fn entry<A: Command>() -> CommandEntry {
    assert!(A::KIND.is_local() != A::BRANDING.is_some(), "every command but a local one has BRANDING");
    CommandEntry {
        name: A::NAME,
        about: A::ABOUT,
        kind: A::KIND,
        branding: A::BRANDING,
        outputs: A::OUTPUTS,
        reference_table: A::REFERENCE_TABLE,
        augment: A::augment_args,
        parse: parse::<A>,
    }
}

fn parse<A: Command>(matches: &ArgMatches) -> Result<Box<dyn Runnable>, clap::Error> {
    Ok(Box::new(A::from_arg_matches(matches)?))
}

impl CommandEntry {
    /// Its subcommand in clap's model.
    #[must_use]
    pub fn clap_command(&self) -> clap::Command {
        let command = (self.augment)(clap::Command::new(self.name));
        let command = if self.kind.is_local() { command } else { with_common_settings(command) };
        // clap would show the doc comment of `Args` as the command's description.
        command.about(self.about).long_about(None)
    }

    /// Merges layers of settings, the highest first, into typed arguments. `location` is the origin of an error that no layer
    /// causes, such as a missing setting.
    ///
    /// # Errors
    /// Bad input.
    pub fn resolve<'l>(
        &self,
        command_table: &CommandTable,
        layers: impl IntoIterator<Item = &'l Layer>,
        location: Option<&str>,
    ) -> Result<Resolved<ParsedCommand>, CommandError> {
        settings::resolve(command_table, self.name, layers, location, |matches| {
            Ok(ParsedCommand { arguments: (self.parse)(matches)?, common: CommonArgs::from_arg_matches(matches)? })
        })
    }

    /// Runs a local command. Its only settings are flags.
    ///
    /// # Errors
    /// Bad input, and those of [`Command::run`].
    pub fn run_local(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        settings::resolve(inputs.command_table, self.name, [inputs.step], None, self.parse)?.typed.run(inputs, ctx)
    }
}

/// A command with its typed arguments.
#[derive(Debug)]
pub struct ParsedCommand {
    arguments: Box<dyn Runnable>,
    pub common: CommonArgs,
}

impl ParsedCommand {
    /// # Errors
    /// Those of [`Command::run`].
    pub fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        self.arguments.run(inputs, ctx)
    }
}

/// A command that writes nothing outside, with its typed arguments.
#[derive(Debug)]
pub struct ParsedGate(ParsedCommand);

impl ParsedGate {
    /// # Errors
    /// Those of [`Command::run`].
    pub fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        self.0.run(inputs, ctx)
    }

    #[must_use]
    pub const fn common(&self) -> &CommonArgs {
        &self.0.common
    }
}

/// [`Command`] without its constants, so that it can be boxed.
trait Runnable: fmt::Debug {
    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError>;
}

impl<A: Command> Runnable for A {
    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        Command::run(self, inputs, ctx)
    }
}

/// Adds the settings that every action has. A command on the infra repository has its own setting `checkout`.
fn with_common_settings(command: clap::Command) -> clap::Command {
    let has_checkout = command.get_arguments().any(|argument| argument.get_id() == "checkout");
    let command = CommonArgs::augment_args(command);
    if has_checkout { command } else { CheckoutArgs::augment_args(command) }
}

/// clap's model of the whole command line.
#[must_use]
pub fn clap_command(commands: &[CommandEntry]) -> clap::Command {
    let top = clap::Command::new("promote-gates")
        .bin_name("promote-gates")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Gates that a release must pass before production")
        .max_term_width(100)
        .subcommand_required(true)
        .arg_required_else_help(true);
    settings::with_switches(commands.iter().fold(top, |top, entry| top.subcommand(entry.clap_command())))
}

/// The commands as the settings and the config file need them.
#[must_use]
pub fn command_table(commands: &[CommandEntry]) -> CommandTable {
    let common = settings::with_switches(
        clap::Command::new("all").subcommand(CommonArgs::augment_args(clap::Command::new("common"))),
    );
    CommandTable {
        command: clap_command(commands),
        names: names_where(commands, |kind| !kind.is_local()),
        local: names_where(commands, CommandKind::is_local),
        gates: names_where(commands, |kind| kind == CommandKind::SoftwareGate),
        common: common.get_subcommands().next().map(settings::read_settings).unwrap_or_default(),
    }
}
