//! The commands as the settings need them: their names, and clap's model.

use clap::Command;

use super::setting::{Setting, read_settings};

/// The commands and their settings. [`crate::command::command_table`] makes it from the registry.
pub struct CommandTable {
    /// clap's model of the whole command line.
    pub command: Command,
    /// The commands that are actions.
    pub names: Vec<&'static str>,
    /// The commands that run on a developer's machine.
    pub local: Vec<&'static str>,
    /// The gates that the config file may name in `gates:` and `policy:`: the gates on the software. The other gates need a
    /// token, and the config file must not hold one.
    pub gates: Vec<&'static str>,
    /// The settings that every action has.
    pub common: Vec<Setting>,
}

impl CommandTable {
    /// A command's settings, or `None` for an unknown command.
    #[must_use]
    pub fn settings_of(&self, name: &str) -> Option<Vec<Setting>> {
        self.command.find_subcommand(name).map(read_settings)
    }

    /// The names of all subcommands.
    pub fn all_names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().chain(&self.local).copied()
    }
}
