//! What was seen of the repository, its owner and the token. Pure.

use std::collections::BTreeMap;

use crate::{
    commands::environments::{actual::ActualEnvironment, desired::ReviewerName, judge::ProtectedBranches},
    finding::Finding,
    world::github::{
        BranchProtection, Inspection, Repository, RepositoryOverview, RulesetRule, TeamFacts, WorkflowPermissions,
    },
};

/// Everything that GitHub was asked.
pub struct GitHubFacts {
    pub repository: Repository,
    pub token: TokenKind,
    pub overview: RepositoryOverview,
    /// `None`: it does not matter, because the repository is not private or the server is an Enterprise Server.
    pub plan: Option<Inspection<Option<String>>>,
    pub environments: Inspection<Vec<EnvironmentFacts>>,
    /// The branches that are protected; read if an environment asks for them.
    pub protected: ProtectedBranches,
    pub workflow_permissions: Inspection<WorkflowPermissions>,
    pub rules: Inspection<Vec<RulesetRule>>,
    pub branch: Inspection<BranchProtection>,
    /// Whether classic protection of the default branch requires signed commits. `None`: it does not matter, because the branch has no
    /// classic protection, or no step pushes.
    pub signatures: Option<Inspection<bool>>,
    pub secrets: SecretFacts,
}

/// An environment, and the access of its reviewers.
pub struct EnvironmentFacts {
    pub name: String,
    pub protection: Result<ActualEnvironment, Finding>,
    pub reviewers: Vec<(ReviewerName, ReviewerAccess)>,
}

/// Whether a reviewer can review.
pub enum ReviewerAccess {
    /// The permission on the repository.
    User(Inspection<String>),
    /// The team itself, and whether it has access; not asked if the team cannot be seen.
    Team(Inspection<TeamFacts>, Option<Inspection<()>>),
}

/// The names of the secrets at each level.
pub struct SecretFacts {
    pub repository: Inspection<Vec<String>>,
    /// `None`: a person owns the repository.
    pub organisation: Option<Inspection<Vec<String>>>,
    /// By environment, in lower case.
    pub environments: BTreeMap<String, Inspection<Vec<String>>>,
}

/// The kind of a token, by its prefix.
/// <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Absent,
    /// `github.token`, or one that an App made for an installation.
    Installation,
    ClassicPat,
    FineGrainedPat,
    /// That of `gh auth login` or another OAuth app, or of a user through an App.
    OAuth,
    Other,
}

impl TokenKind {
    #[must_use]
    pub fn of(token: &str) -> Self {
        match token {
            "" => Self::Absent,
            token if token.starts_with("ghs_") => Self::Installation,
            token if token.starts_with("ghp_") => Self::ClassicPat,
            token if token.starts_with("github_pat_") => Self::FineGrainedPat,
            token if token.starts_with("gho_") || token.starts_with("ghu_") => Self::OAuth,
            _ => Self::Other,
        }
    }

    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Absent => "no token: GitHub shows only what anyone can see",
            Self::Installation => "an installation token: `github.token`, or that of an App",
            Self::ClassicPat => "a classic token of a person",
            Self::FineGrainedPat => "a fine-grained token of a person",
            Self::OAuth => "a token of a person, from `gh auth login` or an App",
            Self::Other => "a token of unknown kind",
        }
    }
}

/// How promotions of this repository are approved, as far as its files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalWay {
    PullRequest,
    /// The default.
    Environment,
}

/// The way of approval, and the environments that people approve by the settings.
pub struct Intent<'a> {
    pub way: ApprovalWay,
    /// Environments that need required reviewers, by the setting; empty: by the workflows and by name.
    pub reviewed: &'a [String],
    /// The commit status that a rule has to require, by pull request.
    pub status: &'a str,
}
