//! Every query, so that a test can check them against GitHub's schema.

use super::{
    commit_paths::COMMIT_PATHS, deployments::DEPLOYMENTS, graphql::GraphQlQuery, people::COMMIT_PEOPLE,
    pull_requests::PULL_REQUEST_PEOPLE,
};

pub const QUERIES: &[&GraphQlQuery] = &[&COMMIT_PATHS, &COMMIT_PEOPLE, &DEPLOYMENTS, &PULL_REQUEST_PEOPLE];
