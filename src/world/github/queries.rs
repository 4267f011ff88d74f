//! Every query, so that a test can check them against GitHub's schema.

use super::{
    comments::VIEWER,
    commit_paths::COMMIT_PATHS,
    deployments::DEPLOYMENTS,
    graphql::GraphQlQuery,
    merged_texts::MERGED_TEXTS,
    open_pull_requests::OPEN_PULL_REQUESTS,
    people::COMMIT_PEOPLE,
    pull_request_text::PULL_REQUEST_TEXT,
    pull_requests::PULL_REQUEST_PEOPLE,
    reviews::{PULL_REQUEST_REVIEWS, PULL_REQUESTS},
};

pub const QUERIES: &[&GraphQlQuery] = &[
    &COMMIT_PATHS,
    &COMMIT_PEOPLE,
    &DEPLOYMENTS,
    &MERGED_TEXTS,
    &OPEN_PULL_REQUESTS,
    &PULL_REQUESTS,
    &PULL_REQUEST_PEOPLE,
    &PULL_REQUEST_REVIEWS,
    &PULL_REQUEST_TEXT,
    &VIEWER,
];
