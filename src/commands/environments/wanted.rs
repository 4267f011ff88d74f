//! How environments are to be protected, as the file says it. `None` is what the file does not mention: it is left as it is.

use std::{collections::BTreeSet, fmt};

use crate::subject::Environment;

/// One environment of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: Environment,
    /// `file:line:column` of its name.
    pub place: String,
    /// Minutes, 0 to [`LONGEST_WAIT`].
    pub wait_timer: Option<u32>,
    /// At most [`MOST_REVIEWERS`]; empty: nobody is asked.
    pub reviewers: Option<BTreeSet<Who>>,
    /// At least 1. GitHub has no such rule.
    pub minimum_approvals: Option<u32>,
    pub prevent_self_review: Option<bool>,
    /// Can be read of GitHub, and not be set by its API.
    pub can_admins_bypass: Option<bool>,
    pub branches: Option<Branches>,
    /// The patterns, whole, under [`Branches::Custom`].
    pub patterns: Option<BTreeSet<Pattern>>,
}

/// The longest timer in minutes, 30 days, and the most reviewers: GitHub's API description.
pub const LONGEST_WAIT: u32 = 43_200;
pub const MOST_REVIEWERS: usize = 6;

/// Who can approve. GitHub's names have no case, so they are kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// By slug, in the organisation that owns the repository.
    Team(String),
    /// By login.
    User(String),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(slug) => write!(f, "team {slug}"),
            Self::User(login) => write!(f, "user {login}"),
        }
    }
}

/// Which branches deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branches {
    Any,
    /// Those with protection of their own; when no branch has any, all of them.
    Protected,
    /// Branches and tags that match a pattern; without one, none.
    Custom,
}

impl fmt::Display for Branches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any branch",
            Self::Protected => "protected branches only",
            Self::Custom => "branches and tags by pattern",
        })
    }
}

/// A pattern of Ruby's `File.fnmatch`: `*` does not match `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    Branch(String),
    Tag(String),
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(text) => write!(f, "branch pattern {text}"),
            Self::Tag(text) => write!(f, "tag pattern {text}"),
        }
    }
}
