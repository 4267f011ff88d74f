//! The chain that acts on what the gates said.

pub mod kustomization;
pub mod promote;
pub mod record;
pub mod reports;
