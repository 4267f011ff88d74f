//! promote-gates: has this exact image earned its promotion to production, and did an independent person who could see the
//! evidence agree?
//!
//! ARCHITECTURE.md has the map. In short: [`settings`] merges flags, inputs and config into typed arguments; [`commands`] runs
//! one of the commands; a command looks through [`observe`] and writes through [`reconcile`], and reaches the outside only
//! through [`world`]; [`report`] shows what was found.

pub mod actions;
pub mod approvers;
pub mod arguments;
pub mod baselines;
pub mod batch;
pub mod bundle_sizes;
pub mod clock;
pub mod command;
pub mod commands;
pub mod condition;
pub mod config;
pub mod context;
pub mod deployment;
pub mod error;
pub mod execution;
pub mod expression;
pub mod finding;
pub mod image_entry;
pub mod image_fields;
pub mod kustomization;
pub mod ledger;
pub mod load_results;
pub mod login;
pub mod observe;
pub mod people;
pub mod promotion;
pub mod proof;
pub mod reconcile;
pub mod report;
pub mod results;
pub mod ruleset;
pub mod runner_env;
pub mod sandbox;
pub mod secret;
pub mod settings;
pub mod subject;
pub mod supersession;
pub mod supervise;
pub mod team_command;
pub mod values;
pub mod verified;
pub mod workflow;
pub mod world;
pub mod yaml;
