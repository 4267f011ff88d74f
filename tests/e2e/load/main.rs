//! Real load tests: each tool sends requests to a service on loopback, and `performance` has to understand what it wrote as the tool
//! means it; then the gate runs it in pairs, on services of different speed.
//!
//! Run by `tests/e2e/load.sh`, which installs the tools.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
mod k6;
mod large;
mod locust;
mod oha;
mod pairs;
mod prometheus;
mod results;
mod service;
mod vegeta;

/// No gate here takes this long.
pub const LIMIT: std::time::Duration = std::time::Duration::from_mins(10);
