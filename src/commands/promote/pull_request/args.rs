//! `mode`, and the settings of a promotion by pull request.

use std::{fmt, str::FromStr};

use clap::ValueEnum;

use crate::{error::ValueError, promotion::writer::WriteMode, world::github::MergeMethod};

/// How a promotion reaches the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A commit on the branch.
    Push,
    /// A commit on the branch, which GitHub makes and signs.
    Api,
    /// A pull request into the branch.
    PullRequest,
}

/// The settings of a promotion by pull request.
#[derive(Debug, clap::Args)]
pub struct PullRequestArgs {
    /// How the promotion reaches the branch: `push` pushes a commit; `api` lets GitHub make and sign the commit, for a branch that requires signed commits; `pull-request` opens a pull request, with a branch for each evidence id
    #[arg(long, value_name = "MODE", default_value = "push")]
    pub mode: Mode,
    /// Labels of the pull request, with `mode: pull-request`
    #[arg(long, value_name = "NAME", default_values = ["promotion"])]
    pub labels: Vec<Label>,
    /// Merge the pull request that `approval` (`source: pull-request`) in `results` approved, instead of opening one
    #[arg(long, value_name = "METHOD")]
    pub merge: Option<MergeMethod>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Commits on the branch.
    Write(WriteMode),
    Open,
    Merge(MergeMethod),
}

impl PullRequestArgs {
    /// `None`: `merge` without `mode: pull-request`.
    #[must_use]
    pub const fn action(&self) -> Option<Action> {
        match (self.mode, self.merge) {
            (Mode::Push, None) => Some(Action::Write(WriteMode::Push)),
            (Mode::Api, None) => Some(Action::Write(WriteMode::Api)),
            (Mode::PullRequest, None) => Some(Action::Open),
            (Mode::PullRequest, Some(method)) => Some(Action::Merge(method)),
            (Mode::Push | Mode::Api, Some(_)) => None,
        }
    }
}

/// The name of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl FromStr for Label {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let fits = (1..=50).contains(&text.chars().count()) && text.trim() == text;
        if fits && !text.chars().any(|c| c.is_control() || c == ',') {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("the name of a label: 1 to 50 characters on one line, without a comma"))
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
