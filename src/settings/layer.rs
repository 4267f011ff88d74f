//! Values of settings as written, with their origin.

use std::{collections::BTreeMap, fmt};

/// The origin of a value. Precedence: flag and input, config file, default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOrigin {
    Flag,
    Input,
    /// `file:line:column`
    Config(String),
    /// The gate's subject inside `run`.
    Run,
    /// The program found it in the workspace.
    Found,
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Input => f.write_str("input"),
            Self::Config(location) => f.write_str(location),
            Self::Run => f.write_str("run"),
            Self::Found => f.write_str("found in the workspace"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting's value as written, and its origin. A list has several texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingValue {
    pub texts: Vec<String>,
    pub origin: SettingOrigin,
}

/// Values by setting key. A value in a higher layer replaces the whole value below, also for a list.
pub type Layer = BTreeMap<String, SettingValue>;
