//! The registry: every command in one line, and what is said of it outside.

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    arguments::{Common, With},
    chain::{emergency, evidence, promote, record, rollback},
    config::{self, Config},
    demo,
    desk::Desk,
    gates::{self, Gate, approval, bundle_size, performance, wait},
    ledger::audit,
    report::{Outcome, Output},
    rules::environments,
    run::{self, Told},
    subject::Subject,
    verdict::{Complaint, Stop},
    vocabulary::{self, Book, Layer},
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
    Run(With<run::Args>),
    /// Collect the gates' reports and dispatch the validation to the infra repository, or refuse
    Record(With<record::Args>),
    /// Verify what a validation's payload tells, and show the evidence before the approve button
    Evidence(With<evidence::Args>),
    /// Set the image in the infra repository, commit and push
    Promote(With<promote::Args>),
    /// Promote around the gates in an incident: a commit that says so, a follow-up issue, a budget
    Emergency(With<emergency::Args>),
    /// Take the last promotion of a service back, and file the review of it
    Rollback(With<rollback::Args>),
    /// Plan, apply or check the protection of GitHub environments from a file
    Environments(With<environments::Args>),
    /// Read the ledger: promotions, emergencies against their budget, rollbacks, approvals per person
    Audit(With<audit::Args>),
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

    fn perform(&self, subject: &Subject, told: &Told<'_>, desk: &Desk) -> Result<Outcome, Stop> {
        match self {
            Self::Gate(gate) => gate.judge(subject, desk),
            Self::Run(with) => run::run(&with.own, subject, told, desk),
            Self::Record(with) => record::run(&with.own, subject, desk),
            Self::Evidence(with) => evidence::run(&with.own, subject, told.config, desk),
            Self::Promote(with) => promote::run(&with.own, subject, desk),
            Self::Emergency(with) => emergency::run(&with.own, subject, told.config, desk),
            Self::Rollback(with) => rollback::run(&with.own, subject, desk),
            Self::Environments(with) => environments::run(&with.own, desk),
            Self::Audit(with) => audit::run(&with.own, subject, desk),
            Self::Demo(args) => demo::run(args, desk),
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
    vocabulary::with_switches(Cli::command())
}

/// The names of the commands that are actions, gates first.
pub fn names() -> impl Iterator<Item = &'static str> {
    gates::NAMES.into_iter().chain([
        "run",
        "record",
        "evidence",
        "promote",
        "emergency",
        "rollback",
        "environments",
        "audit",
    ])
}

/// What plays at home: told by flags alone, it neither reads nor writes what a runner gives a step.
const AT_HOME: [&str; 1] = ["demo"];

#[must_use]
pub fn plays_at_home(name: &str) -> bool {
    AT_HOME.contains(&name)
}

/// What the vocabulary and the config file know of the commands.
#[must_use]
pub fn book() -> Book {
    use clap::Args as _;
    let bare = vocabulary::with_switches(
        clap::Command::new("all").subcommand(Common::augment_args(clap::Command::new("common"))),
    );
    Book {
        command: command(),
        names: names().collect(),
        at_home: AT_HOME.to_vec(),
        // The others need a token, which no config file holds.
        gates: gates::ON_SOFTWARE.to_vec(),
        common: bare.get_subcommands().next().map(vocabulary::settings).unwrap_or_default(),
    }
}

/// One command from its flags to its outcome: inputs, config file, typed arguments, subject, then the command itself.
/// What is learnt on the way goes into the draft of the report.
///
/// # Errors
/// Bad input, or what could not be observed.
pub fn execute(book: &Book, name: &str, flags: &Layer, desk: &Desk) -> Result<Outcome, Stop> {
    let mut top = vocabulary::inputs(book, name, &desk.surroundings.inputs)?;
    // A flag and an input of the same name are the same thing said twice; the more deliberate one counts.
    top.extend(flags.clone());
    if let Some(path) = top.get("report-file").and_then(|given| given.texts.first()) {
        // A config file that cannot be used must not lose the report.
        desk.draft.edit(|draft| drop(draft.settings.insert("report-file".to_owned(), path.clone().into())));
    }
    let config = if plays_at_home(name) { Config::default() } else { load(book, &top, desk)? };
    desk.draft.edit(|draft| draft.config.clone_from(&config.file));
    let resolved = vocabulary::resolve::<Cli>(book, name, [&top].into_iter().chain(config.layers(name)))?;
    let command = resolved.typed.command;
    let told = Told { book, config: &config, top: &top };
    let Some(common) = command.common() else {
        return command.perform(&Subject::default(), &told, desk);
    };
    let subject = event::complete(common.subject.assemble()?, &desk.world, &desk.surroundings)?;
    desk.draft.edit(|draft| {
        draft.settings = resolved.settings;
        draft.origins = resolved.origins;
        draft.dry_run = common.dry_run;
        draft.subject = subject.clone();
    });
    let desk = Desk { dry_run: common.dry_run, ..desk.clone() };
    command.perform(&subject, &told, &desk)
}

fn load(book: &Book, top: &Layer, desk: &Desk) -> Result<Config, Stop> {
    let named = top.get("config").and_then(|given| given.texts.first());
    let path = named.map_or(config::DEFAULT_PATH, String::as_str);
    let trusted = desk.trusted()?;
    match trusted.read(path)? {
        Some(file) => Config::read(book, path, &file.bytes, file.commit.map(|commit| commit.to_string())),
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
