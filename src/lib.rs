//! promote-gates: has this exact image earned its way to production, and did an independent person who could see the
//! evidence agree?
//!
//! The code map is in ARCHITECTURE.md. In one breath: [`cli`] gathers the layers of settings, [`vocabulary`] turns them
//! into typed arguments, [`commands`] calls one of the rooms ([`gates`], [`chain`], [`rules`]), the rooms look through [`settle`] and
//! write through [`converge`], both reaching outside only by [`world`], and [`report`] tells what was found.

pub mod actions;
pub mod approvers;
pub mod arguments;
pub mod chain;
pub mod cli;
pub mod commands;
pub mod config;
pub mod converge;
pub mod demo;
pub mod desk;
pub mod expression;
pub mod gates;
pub mod kustomization;
pub mod ledger;
pub mod report;
pub mod results;
pub mod rules;
pub mod run;
pub mod sandbox;
pub mod settle;
pub mod subject;
pub mod supervise;
pub mod values;
pub mod verdict;
pub mod vocabulary;
pub mod world;
pub mod yaml;
