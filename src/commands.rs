//! The registry: one line for each command, in the order of `--help` and of the documentation.
//!
//! A new command needs its files and two lines here; it declares the rest beside its `Args`: see [`crate::command::Command`].

pub mod approval;
pub mod audit;
pub mod baseline;
pub mod bundle_size;
pub mod comment;
pub mod demo;
pub mod doctor;
pub mod emergency;
pub mod environments;
pub mod evidence;
pub mod health;
pub mod init;
pub mod lint;
pub mod metric;
pub mod performance;
pub mod promote;
pub mod record;
pub mod rollback;
pub mod run;
pub mod smoke;
pub mod status;
pub mod wait;

use crate::{
    command::{self, CommandEntry, CommandKind, command, gate, names_where},
    settings::CommandTable,
};

/// Every command.
pub static COMMANDS: &[CommandEntry] = &[
    gate::<health::Args>(),
    gate::<smoke::Args>(),
    gate::<performance::Args>(),
    gate::<bundle_size::Args>(),
    gate::<metric::Args>(),
    gate::<approval::Args>(),
    gate::<wait::Args>(),
    command::<run::Args>(),
    command::<comment::Args>(),
    command::<baseline::Args>(),
    command::<record::Args>(),
    command::<evidence::Args>(),
    command::<promote::Args>(),
    command::<status::Args>(),
    command::<emergency::Args>(),
    command::<rollback::Args>(),
    command::<environments::Args>(),
    command::<doctor::Args>(),
    command::<audit::Args>(),
    command::<init::Args>(),
    command::<lint::Args>(),
    command::<demo::Args>(),
];

#[must_use]
pub fn find(name: &str) -> Option<&'static CommandEntry> {
    COMMANDS.iter().find(|entry| entry.name == name)
}

/// The names of the commands that are actions.
#[must_use]
pub fn names() -> Vec<&'static str> {
    names_where(COMMANDS, |kind| !kind.is_local())
}

/// The names of the gates.
#[must_use]
pub fn gates() -> Vec<&'static str> {
    names_where(COMMANDS, CommandKind::is_gate)
}

/// The commands as the settings and the config file need them.
#[must_use]
pub fn command_table() -> CommandTable {
    command::command_table(COMMANDS)
}
