//! Every query, so that a test can check them against GitHub's schema.

use super::{graphql::GraphQlQuery, people::COMMIT_PEOPLE};

pub const QUERIES: &[&GraphQlQuery] = &[&COMMIT_PEOPLE];
