//! Values of settings as they were written, and where.

use std::{collections::BTreeMap, fmt};

/// Where a value came from. Precedence: flag and input, config file, default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOrigin {
    Flag,
    Input,
    /// `file:line:column`
    Config(String),
    /// The gate's subject inside `run`.
    Run,
    Default,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Input => f.write_str("input"),
            Self::Config(place) => f.write_str(place),
            Self::Run => f.write_str("run"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting's value as written, and where. A list holds several texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingValue {
    pub texts: Vec<String>,
    pub origin: SettingOrigin,
}

/// Values by setting key. A value in a higher layer replaces the one below, lists too.
pub type Layer = BTreeMap<String, SettingValue>;
