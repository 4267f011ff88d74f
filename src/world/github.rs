//! GitHub's API: octocrab behind typed, blocking methods. A call sends one request and never repeats it; only the loops
//! (`observe_until_decided`, `reconcile`) repeat. One file per part of the API.
//!
//! A read returns the value, `None` when GitHub has none, or a finding that names the missing permission. A write returns
//! [`SendOutcome`].

mod access;
mod account;
mod actions;
mod client;
mod comments;
mod commit_paths;
mod commit_people;
mod commit_status;
mod contents;
mod deployment;
mod deployments;
mod dispatch;
mod environments;
mod fields;
mod git_data;
mod graphql;
mod inspect;
mod inspection;
mod issues;
mod merged_text;
mod merged_texts;
mod open_pull_requests;
mod people;
mod permission;
mod proposals;
mod protection;
mod pull_request;
mod pull_request_text;
mod pull_requests;
mod queries;
mod read;
mod refs;
mod refusal;
mod renamed;
mod repository;
mod repository_settings;
mod reviewed_pull_request;
mod reviews;
mod settings;
mod source;
mod source_commit;
mod statuses;
#[cfg(test)]
mod tests;
mod transport;
mod workflow_run;
mod workflow_runs;
mod write;

pub use access::GitHubAccess;
pub use account::{Account, AccountFacts, is_machine_login};
pub use client::GitHub;
pub use comments::Comment;
pub use commit_paths::PathChange;
pub use commit_people::{CommitPeople, GitActor, PullRequestId, PullRequestPeople};
pub use commit_status::CommitStatus;
pub use contents::{BranchFile, FileWrite};
pub use deployment::{Deployment, DeploymentStatus};
pub use dispatch::check_dispatch_limits;
pub use git_data::{MadeCommit, NewCommit, TreeFile};
pub use graphql::GraphQlQuery;
pub use inspection::{Denial, Inspection};
pub use issues::{Issue, IssueQuery, IssueState, NewIssue};
pub use merged_text::{MergedText, MergedTexts};
pub use open_pull_requests::{OpenPullRequest, OpenPullRequests};
pub use protection::{
    BranchKind, BranchPolicy, BranchRule, EnvironmentProtection, EnvironmentSettings, Reviewer, ReviewerKind,
};
pub use pull_request::{Merge, MergeMethod, NewPullRequest, PullRequest, PullRequestEnd, PullRequestState};
pub use pull_request_text::{PullRequestText, SetLabel};
pub use queries::QUERIES;
pub use refs::TagTarget;
pub use refusal::GitHubRefusal;
pub use repository::Repository;
pub use repository_settings::{
    BranchProtection, RepositoryOverview, RequiredStatus, RulesetRule, TeamFacts, Visibility, WorkflowPermissions,
};
pub use reviewed_pull_request::{ListedPullRequest, PullRequestReview, ReviewedPullRequest, ReviewerAccount};
pub use reviews::ListedPullRequests;
pub use source::RepositoryFacts;
pub use source_commit::{CommitRelation, Comparison, SourceCommit};
pub use workflow_run::{Annotation, Approval, Job, RunRepository, WorkflowRun};
pub use workflow_runs::RunQuery;
pub use write::SendOutcome;
