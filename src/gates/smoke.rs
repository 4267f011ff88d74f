//! Smoke tests: every critical path works.

pub mod junit;
