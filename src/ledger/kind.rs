//! The kinds of promotion.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// How a commit changed the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PromotionKind {
    /// A promotion that passed the gates.
    Normal,
    /// A promotion that bypassed the gates.
    Emergency,
    /// The image before an earlier promotion.
    Rollback,
}

impl PromotionKind {
    pub const ALL: [Self; 3] = [Self::Normal, Self::Emergency, Self::Rollback];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Emergency => "emergency",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for PromotionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for PromotionKind {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let known = Self::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(text));
        known.ok_or(ValueError::new("one of normal, emergency, rollback"))
    }
}
