//! The registry: every command in one line, and what is said of it outside.

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{
    chain::{promote, record},
    config::{self, Config},
    demo,
    desk::Desk,
    gates::{bundle_size, health, performance, smoke},
    report::Outcome,
    run,
    subject::{Subject, SubjectArgs},
    verdict::{Complaint, Stop},
    vocabulary::{self, Layer, Setting},
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
    Run(With<run::Args>),
    /// Collect the gates' reports and dispatch the validation to the infra repository, or refuse
    Record(With<record::Args>),
    /// Set the image in the infra repository, commit and push
    Promote(With<promote::Args>),
    /// Play a release day on this machine: three releases, the real commands, one promotion
    Demo(demo::Args),
}

/// The gates: what `run` can hold. A command that writes is none, so it cannot be put there.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Check that the service answers as it should
    Health(With<health::Args>),
    /// Run the smoke tests: every critical path works
    Smoke(With<smoke::Args>),
    /// Compare the p99 latency with its baseline
    Performance(With<performance::Args>),
    /// Compare the bundle's size with its baseline
    BundleSize(With<bundle_size::Args>),
}

/// A command's own arguments, and those that every command has.
#[derive(Debug, clap::Args)]
pub struct With<A: clap::Args> {
    #[command(flatten)]
    pub own: A,
    #[command(flatten)]
    pub common: Common,
}

/// What every command can be told.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Config file [default: .github/promote-gates.yml, if there is one]
    #[arg(long, value_name = "FILE", help_heading = "Common")]
    pub config: Option<PathBuf>,
    /// Judge and tell, but fail nothing and write nothing; counts for nothing downstream
    #[arg(long, help_heading = "Common")]
    pub dry_run: bool,
    /// Where to write the whole report as JSON [default: a file of its own below the runner's temp folder]
    #[arg(long, value_name = "FILE", help_heading = "Common")]
    pub report_file: Option<PathBuf>,
    #[command(flatten)]
    pub subject: SubjectArgs,
}

impl Command {
    /// `None` for what plays at home: it has no subject, and its report goes nowhere.
    #[must_use]
    pub const fn common(&self) -> Option<&Common> {
        match self {
            Self::Gate(gate) => Some(gate.common()),
            Self::Run(with) => Some(&with.common),
            Self::Record(with) => Some(&with.common),
            Self::Promote(with) => Some(&with.common),
            Self::Demo(_) => None,
        }
    }

    fn perform(&self, subject: &Subject, config: &Config, top: &Layer, desk: &Desk) -> Result<Outcome, Stop> {
        match self {
            Self::Gate(gate) => gate.judge(subject, desk),
            Self::Run(with) => run::run(&with.own, subject, config, top, desk),
            Self::Record(with) => record::run(&with.own, subject, desk),
            Self::Promote(with) => promote::run(&with.own, subject, desk),
            Self::Demo(args) => demo::run(args, desk),
        }
    }
}

impl Gate {
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::Health(with) => &with.common,
            Self::Smoke(with) => &with.common,
            Self::Performance(with) => &with.common,
            Self::BundleSize(with) => &with.common,
        }
    }

    /// # Errors
    /// Bad input, or what could not be observed.
    pub fn judge(&self, subject: &Subject, desk: &Desk) -> Result<Outcome, Stop> {
        match self {
            Self::Health(with) => health::run(&with.own, subject, desk),
            Self::Smoke(with) => smoke::run(&with.own, subject, desk),
            Self::Performance(with) => performance::run(&with.own, subject, desk),
            Self::BundleSize(with) => bundle_size::run(&with.own, subject, desk),
        }
    }
}

/// An output of a command's action, beside those that every command has.
pub struct Output {
    pub name: &'static str,
    pub help: &'static str,
}

/// What every command puts out.
pub const OUTPUTS: [Output; 4] = [
    Output { name: "verdict", help: "`passed`, `blocked` or `inconclusive`" },
    Output { name: "reason", help: "The verdict in one line" },
    Output { name: "report", help: "The compact report (JSON, at most 6 KiB), for `record` and `promote`" },
    Output { name: "report-path", help: "Path of the whole report (JSON)" },
];

/// What one command puts out beside them.
#[must_use]
pub const fn outputs_of(name: &str) -> &'static [Output] {
    match name.as_bytes() {
        b"promote" => promote::OUTPUTS,
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
        b"promote" => ("arrow-up-circle", "purple"),
        _ => return None,
    };
    Some(Branding { icon, color })
}

/// clap's model of the whole command line.
#[must_use]
pub fn command() -> clap::Command {
    vocabulary::with_switches(Cli::command())
}

/// The typed command behind matches of [`command`].
///
/// # Errors
/// clap's own, when the matches are of another model.
pub fn from_matches(matches: &clap::ArgMatches) -> Result<Command, clap::Error> {
    Cli::from_arg_matches(matches).map(|cli| cli.command)
}

/// The names of the commands that are actions, gates first.
pub fn names() -> impl Iterator<Item = &'static str> {
    gate_names().chain(["run", "record", "promote"])
}

/// What plays at home: told by flags alone, it neither reads nor writes what a runner gives a step.
const AT_HOME: [&str; 1] = ["demo"];

#[must_use]
pub fn plays_at_home(name: &str) -> bool {
    AT_HOME.contains(&name)
}

/// The names of all that the command line takes.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    names().chain(AT_HOME)
}

/// The names of what `run` can hold.
pub fn gate_names() -> impl Iterator<Item = &'static str> {
    ["health", "smoke", "performance", "bundle-size"].into_iter()
}

/// A command's settings, or `None` when there is no such command.
#[must_use]
pub fn settings_of(name: &str) -> Option<Vec<Setting>> {
    command().find_subcommand(name).map(vocabulary::settings)
}

/// The settings that every command has.
#[must_use]
pub fn common_settings() -> Vec<Setting> {
    use clap::Args as _;
    let bare = clap::Command::new("common");
    let whole = vocabulary::with_switches(clap::Command::new("all").subcommand(Common::augment_args(bare)));
    whole.get_subcommands().next().map(vocabulary::settings).unwrap_or_default()
}

/// One command from its flags to its outcome: inputs, config file, typed arguments, subject, then the command itself.
/// What is learnt on the way goes into the draft of the report.
///
/// # Errors
/// Bad input, or what could not be observed.
pub fn execute(name: &str, flags: &Layer, desk: &Desk) -> Result<Outcome, Stop> {
    let mut top = vocabulary::inputs(name, &desk.surroundings.inputs)?;
    // A flag and an input of the same name are the same thing said twice; the more deliberate one counts.
    top.extend(flags.clone());
    if let Some(path) = top.get("report-file").and_then(|given| given.texts.first()) {
        // A config file that cannot be used must not lose the report.
        desk.draft.edit(|draft| drop(draft.settings.insert("report-file".to_owned(), path.clone().into())));
    }
    let config = if plays_at_home(name) { Config::default() } else { load(&top, desk)? };
    desk.draft.edit(|draft| draft.config.clone_from(&config.file));
    let resolved = vocabulary::resolve(name, [&top].into_iter().chain(config.layers(name)))?;
    let Some(common) = resolved.command.common() else {
        return resolved.command.perform(&Subject::default(), &config, &top, desk);
    };
    let subject = common.subject.assemble()?;
    desk.draft.edit(|draft| {
        draft.settings = resolved.settings;
        draft.origins = resolved.origins;
        draft.dry_run = common.dry_run;
        draft.subject = subject.clone();
    });
    let desk = Desk { dry_run: common.dry_run, ..desk.clone() };
    resolved.command.perform(&subject, &config, &top, &desk)
}

fn load(top: &Layer, desk: &Desk) -> Result<Config, Stop> {
    let named = top.get("config").and_then(|given| given.texts.first());
    let path = named.map_or(config::DEFAULT_PATH, String::as_str);
    let trusted = desk.trusted()?;
    match trusted.read(path)? {
        Some(file) => Config::read(path, &file.bytes, file.commit.map(|commit| commit.to_string())),
        None if named.is_some() => Err(Complaint::about("`config`")
            .seen(format!("no file at {path}{}", trusted.place()))
            .expected("a config file that is there")
            .bad_input()),
        None => {
            desk.log.say(&format!("no config file at {path}{}: flags, inputs and defaults only", trusted.place()));
            Ok(Config::default())
        }
    }
}
