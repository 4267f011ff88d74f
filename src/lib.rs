//! promote-gates: has this exact image earned its way to production, and did an independent person who could see the
//! evidence agree?
//!
//! The code map is in ARCHITECTURE.md. In one breath: [`cli`] gathers the layers of settings, [`vocabulary`] turns them
//! into typed arguments, [`commands`] calls one of the rooms ([`gates`], [`chain`], [`rules`]), the rooms look through [`observe_until_decided`] and
//! write through [`reconcile`], both reaching outside only by [`world`], and [`report`] tells what was found.

pub mod actions;
pub mod approvers;
pub mod arguments;
pub mod clock;
pub mod commands;
pub mod config;
pub mod context;
pub mod error;
pub mod execution;
pub mod expression;
pub mod finding;
pub mod kustomization;
pub mod ledger;
pub mod observe;
pub mod promotion;
pub mod reconcile;
pub mod report;
pub mod results;
pub mod runner_env;
pub mod sandbox;
pub mod secret;
pub mod settings;
pub mod subject;
pub mod supervise;
pub mod values;
pub mod world;
pub mod yaml;
