//! A fake GitHub that enforces the rules of GitHub's API. It refuses what GitHub's API description does not allow (an
//! unknown route, field or query, a payload over a limit) as GitHub does, and records it as a violation, which fails the
//! test or demo that sent it. `tests/e2e/openapi.rs` checks every route against GitHub's own description.
//!
//! A route is a line in `routes::ROUTES` and a function in the file named after its subject. The same file has the
//! methods with which a test sets that subject up: `runs` has [`FakeGitHub::set_run`]. The data is in `records`.

mod accounts;
mod actions_app;
mod approvals;
mod branches;
mod call;
mod checks;
mod comments;
mod commit_paths;
mod commit_people;
mod commits;
mod contents;
mod deployments;
mod dispatches;
mod environments;
mod errors;
mod fake_github;
mod format;
mod git_data;
mod graphql;
mod issues;
mod jobs;
mod merged_texts;
mod node_ids;
mod open_pull_requests;
mod pages;
mod paths;
mod policies;
mod pull_merges;
mod pull_request_reviews;
mod pull_request_text;
mod pull_requests;
mod pulls;
mod query_call;
mod records;
mod refs;
mod repositories;
mod routes;
mod runs;
mod serve;
mod settings;
mod state;
mod statuses;
mod tokens;

pub use fake_github::FakeGitHub;
pub use format::{account_id, now, repository_id};
pub use records::{
    DispatchEvent, FakeComment, FakeCommit, FakeDeployment, FakeIssue, FakeJob, FakePullRequest, FakePullRequestReview,
    FakeRun, FakeStatus,
};
pub use routes::{ApiRoute, routes};
pub use state::{InjectedFault, RecordedRequest};

#[cfg(test)]
mod tests;
