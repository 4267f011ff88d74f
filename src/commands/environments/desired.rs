//! The protection of environments that the file asks for. `None`: the file does not mention it, and it stays as it is.

use std::{collections::BTreeSet, fmt};

use crate::subject::EnvironmentName;

/// One environment of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredEnvironment {
    pub name: EnvironmentName,
    /// `file:line:column` of its name.
    pub place: String,
    /// Minutes, 0 to [`LONGEST_WAIT`].
    pub wait_timer: Option<u32>,
    /// At most [`MOST_REVIEWERS`]; empty: no review is required.
    pub reviewers: Option<BTreeSet<ReviewerName>>,
    /// At least 1. GitHub has no such rule: any one reviewer approves.
    pub minimum_approvals: Option<u32>,
    pub prevent_self_review: Option<bool>,
    pub can_admins_bypass: Option<bool>,
    pub branches: Option<DeployableBranches>,
    /// All patterns, under [`DeployableBranches::Custom`].
    pub patterns: Option<BTreeSet<RefPattern>>,
}

/// The longest timer in minutes, 30 days, and the most reviewers: GitHub's API description.
pub const LONGEST_WAIT: u32 = 43_200;
pub const MOST_REVIEWERS: usize = 6;

/// A required reviewer. GitHub ignores the case of names; they are stored in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReviewerName {
    /// By slug, in the organisation that owns the repository.
    Team(String),
    /// By login.
    User(String),
}

impl fmt::Display for ReviewerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(slug) => write!(f, "team {slug}"),
            Self::User(login) => write!(f, "user {login}"),
        }
    }
}

/// Which branches may deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployableBranches {
    Any,
    /// Branches with a protection rule; if no branch has one, all branches.
    Protected,
    /// Branches and tags that match a pattern; without a pattern, none.
    Custom,
}

impl fmt::Display for DeployableBranches {
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
pub enum RefPattern {
    Branch(String),
    Tag(String),
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(text) => write!(f, "branch pattern {text}"),
            Self::Tag(text) => write!(f, "tag pattern {text}"),
        }
    }
}
