//! The chain from a validated release to a promoted one.

pub mod kustomization;
