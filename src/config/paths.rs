//! Where the config file is, unless the setting `config` names it.

/// The config file's path in its repository.
pub const DEFAULT_PATH: &str = DEFAULT_PATHS[0];
/// GitHub accepts both endings for its own files.
pub const DEFAULT_PATHS: [&str; 2] = [".github/promote-gates.yml", ".github/promote-gates.yaml"];
