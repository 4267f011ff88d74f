//! The registry: every command in one line, and what is said of it outside.

pub mod approval;
pub mod audit;
pub mod bundle_size;
pub mod demo;
pub mod emergency;
pub mod environments;
pub mod evidence;
pub mod health;
pub mod performance;
pub mod promote;
pub mod record;
pub mod rollback;
pub mod run;
pub mod smoke;
pub mod wait;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    arguments::{Common, WithCommon},
    commands::run::Told,
    config::{self, Config},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, Output},
    settings::{self, CommandTable, Layer},
    subject::Subject,
    world::event,
};

/// Gates a release has to pass on its way to production
#[derive(Debug, Parser)]
#[command(name = "promote-gates", bin_name = "promote-gates", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Gate(Gate),
    /// Run several gates in order, in one step, from the config file; stop at the first that does not pass
    Run(WithCommon<run::Args>),
    /// Collect the gates' reports and dispatch the validation to the infra repository, or refuse
    Record(WithCommon<record::Args>),
    /// Verify what a validation's payload tells, and show the evidence before the approve button
    Evidence(WithCommon<evidence::Args>),
    /// Set the image in the infra repository, commit and push
    Promote(WithCommon<promote::Args>),
    /// Promote around the gates in an incident: a commit that says so, a follow-up issue, a budget
    Emergency(WithCommon<emergency::Args>),
    /// Take the last promotion of a service back, and file the review of it
    Rollback(WithCommon<rollback::Args>),
    /// Plan, apply or check the protection of GitHub environments from a file
    Environments(WithCommon<environments::Args>),
    /// Read the ledger: promotions, emergencies against their budget, rollbacks, approvals per person
    Audit(WithCommon<audit::Args>),
    /// Play a release day on this machine: five releases, an emergency, a rollback and the audit, by the real commands
    Demo(demo::Args),
}

impl Command {
    /// `None` for what plays at home: it has no subject, and its report goes nowhere.
    #[must_use]
    pub const fn common(&self) -> Option<&Common> {
        match self {
            Self::Gate(gate) => Some(gate.common()),
            Self::Run(with) => Some(&with.common),
            Self::Record(with) => Some(&with.common),
            Self::Evidence(with) => Some(&with.common),
            Self::Promote(with) => Some(&with.common),
            Self::Emergency(with) => Some(&with.common),
            Self::Rollback(with) => Some(&with.common),
            Self::Environments(with) => Some(&with.common),
            Self::Audit(with) => Some(&with.common),
            Self::Demo(_) => None,
        }
    }

    fn perform(&self, subject: &Subject, told: &Told<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        match self {
            Self::Gate(gate) => gate.judge(subject, ctx),
            Self::Run(with) => run::run(&with.own, subject, told, ctx),
            Self::Record(with) => record::run(&with.own, subject, ctx),
            Self::Evidence(with) => evidence::run(&with.own, subject, told.config, ctx),
            Self::Promote(with) => promote::run(&with.own, subject, ctx),
            Self::Emergency(with) => emergency::run(&with.own, subject, told.config, ctx),
            Self::Rollback(with) => rollback::run(&with.own, subject, ctx),
            Self::Environments(with) => environments::run(&with.own, ctx),
            Self::Audit(with) => audit::run(&with.own, subject, ctx),
            Self::Demo(args) => demo::run(args, ctx),
        }
    }
}

/// What one command puts out beside them.
#[must_use]
pub const fn outputs_of(name: &str) -> &'static [Output] {
    match name.as_bytes() {
        b"evidence" => evidence::OUTPUTS,
        b"approval" => approval::OUTPUTS,
        b"wait" => wait::OUTPUTS,
        b"promote" => promote::OUTPUTS,
        b"emergency" => emergency::OUTPUTS,
        b"rollback" => rollback::OUTPUTS,
        b"environments" => environments::OUTPUTS,
        b"audit" => audit::OUTPUTS,
        b"bundle-size" => bundle_size::OUTPUTS,
        b"performance" => performance::OUTPUTS,
        _ => &[],
    }
}

/// How an action is shown on GitHub's marketplace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branding {
    /// One of the Feather icons that GitHub takes.
    pub icon: &'static str,
    pub color: &'static str,
}

/// The look of a command's action, or `None` when it is no action: `demo` plays at home. Gates are blue, what writes is
/// purple.
#[must_use]
pub const fn branding(name: &str) -> Option<Branding> {
    let (icon, color) = match name.as_bytes() {
        b"run" => ("shield", "blue"),
        b"health" => ("activity", "blue"),
        b"smoke" => ("check-circle", "blue"),
        b"performance" => ("trending-up", "blue"),
        b"bundle-size" => ("package", "blue"),
        b"record" => ("send", "purple"),
        b"approval" => ("user-check", "blue"),
        b"wait" => ("clock", "blue"),
        b"evidence" => ("eye", "blue"),
        b"promote" => ("arrow-up-circle", "purple"),
        b"emergency" => ("alert-triangle", "red"),
        b"rollback" => ("rotate-ccw", "red"),
        b"environments" => ("lock", "green"),
        b"audit" => ("book-open", "green"),
        _ => return None,
    };
    Some(Branding { icon, color })
}

/// clap's model of the whole command line.
#[must_use]
pub fn command() -> clap::Command {
    settings::with_switches(Cli::command())
}

/// The names of the commands that are actions, gates first.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(["run", "record", "evidence", "promote", "emergency", "rollback", "environments", "audit"])
}

/// What plays at home: told by flags alone, it neither reads nor writes what a runner gives a step.
const LOCAL: [&str; 1] = ["demo"];

#[must_use]
pub fn is_local(name: &str) -> bool {
    LOCAL.contains(&name)
}

/// What the vocabulary and the config file know of the commands.
#[must_use]
pub fn command_table() -> CommandTable {
    use clap::Args as _;
    let bare = settings::with_switches(
        clap::Command::new("all").subcommand(Common::augment_args(clap::Command::new("common"))),
    );
    CommandTable {
        command: command(),
        names: names().collect(),
        local: LOCAL.to_vec(),
        // The others need a token, which no config file holds.
        gates: ON_SOFTWARE.to_vec(),
        common: bare.get_subcommands().next().map(settings::settings).unwrap_or_default(),
    }
}

/// One command from its flags to its outcome: inputs, config file, typed arguments, subject, then the command itself.
/// What is learnt on the way goes into the draft of the report.
///
/// # Errors
/// Bad input, or what could not be observed.
pub fn execute(
    command_table: &CommandTable,
    name: &str,
    flags: &Layer,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let mut top = settings::inputs(command_table, name, &ctx.runner_env.inputs)?;
    // A flag and an input of the same name are the same thing said twice; the more deliberate one counts.
    top.extend(flags.clone());
    if let Some(path) = top.get("report-file").and_then(|given| given.texts.first()) {
        // A config file that cannot be used must not lose the report.
        ctx.execution
            .partial
            .edit(|partial| drop(partial.settings.insert("report-file".to_owned(), path.clone().into())));
    }
    let config = if is_local(name) { Config::default() } else { load(command_table, &top, ctx)? };
    ctx.execution.partial.edit(|partial| partial.config.clone_from(&config.file));
    let resolved = settings::resolve::<Cli>(command_table, name, [&top].into_iter().chain(config.layers(name)), None)?;
    let command = resolved.typed.command;
    let told = Told { command_table, config: &config, top: &top };
    let Some(common) = command.common() else {
        return command.perform(&Subject::default(), &told, ctx);
    };
    let subject = event::complete(common.subject.assemble()?, &ctx.world, &ctx.runner_env)?;
    ctx.execution.partial.edit(|partial| {
        partial.settings = resolved.settings;
        partial.origins = resolved.origins;
        partial.dry_run = common.dry_run;
        partial.subject = subject.clone();
    });
    let ctx = ctx.with_dry_run(common.dry_run);
    command.perform(&subject, &told, &ctx)
}

fn load(command_table: &CommandTable, top: &Layer, ctx: &CommandContext) -> Result<Config, CommandError> {
    let named = top.get("config").and_then(|given| given.texts.first());
    let path = named.map_or(config::DEFAULT_PATH, String::as_str);
    let trusted = ctx.trusted()?;
    match trusted.read(path)? {
        Some(file) => Config::read(command_table, path, &file.bytes, file.commit.map(|commit| commit.to_string())),
        None if named.is_some() => Err(Finding::inconclusive("`config`")
            .actual(format!("no file at {path}{}", trusted.place()))
            .expected("a config file that is there")
            .bad_input()),
        None => {
            ctx.log.say(&format!("no config file at {path}{}: flags, inputs and defaults only", trusted.place()));
            Ok(Config::default())
        }
    }
}

/// The gates that judge software: what a release has behind it when it asks to be promoted.
pub const ON_SOFTWARE: [&str; 4] = ["health", "smoke", "performance", "bundle-size"];

/// The gates' names, in the order in which a release usually meets them. The last two are on people and time, and about
/// one promotion.
pub const NAMES: [&str; 6] = ["health", "smoke", "performance", "bundle-size", "approval", "wait"];

/// The gates: what `run` can hold. A command that writes is none, so it cannot be put there.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Check that the new version is rolled out and answers as it should
    Health(WithCommon<health::Args>),
    /// Run the smoke tests: every critical path works
    Smoke(WithCommon<smoke::Args>),
    /// Compare the p99 latency with its baseline
    Performance(WithCommon<performance::Args>),
    /// Compare the bundle's size with its baseline
    BundleSize(WithCommon<bundle_size::Args>),
    /// Ask who approved this run, and whether they are independent and had time to look
    Approval(WithCommon<approval::Args>),
    /// Wait after the approval, while the promotion can still be cancelled or held
    Wait(WithCommon<wait::Args>),
}

impl Gate {
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::Health(with) => &with.common,
            Self::Smoke(with) => &with.common,
            Self::Performance(with) => &with.common,
            Self::BundleSize(with) => &with.common,
            Self::Approval(with) => &with.common,
            Self::Wait(with) => &with.common,
        }
    }

    /// # Errors
    /// Bad input, or what could not be observed.
    pub fn judge(&self, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        match self {
            Self::Health(with) => health::run(&with.own, subject, ctx),
            Self::Smoke(with) => smoke::run(&with.own, subject, ctx),
            Self::Performance(with) => performance::run(&with.own, subject, ctx),
            Self::BundleSize(with) => bundle_size::run(&with.own, subject, ctx),
            Self::Approval(with) => approval::run(&with.own, subject, ctx),
            Self::Wait(with) => wait::run(&with.own, subject, ctx),
        }
    }
}
