//! `bundle-size`: whether a bundle grew more than it may, or somebody said why.

pub mod names;
