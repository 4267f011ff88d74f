//! The rules that GitHub itself enforces, kept in a file.

pub mod environments;
