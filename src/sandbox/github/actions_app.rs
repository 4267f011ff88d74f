//! The App of GitHub whose tokens jobs have.

/// The author of a write through the API, unless its token is that of another App.
pub const BOT: &str = "github-actions[bot]";

/// Its number.
pub const ACTIONS_APP: u64 = 15_368;
