//! `bundle-size`: whether a bundle grew more than it may, or somebody said why.

pub mod baseline;
pub mod growth;
pub mod measure;
pub mod names;
pub mod sizes;
