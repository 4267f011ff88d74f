//! The one integration binary: the real program against servers on loopback, one module for each command, and the checks of
//! the repository as a whole.
//!
//! `house` runs the program as a runner does, `origin` is a repository with pull requests, `shop` is an infra repository to
//! change, `relay` is a server in front of GitHub and git that lets requests fail, `patience` has the time limits. `generated`
//! rewrites the files that are made from the code, `examples` checks every workflow and config file in the documentation against
//! the commands, `contract` holds what users rely on, `workflows` the rules of the shipped workflows, `tidy` the rules of this
//! repository, and `exits` covers full disks, closed pipes, signals and bad command lines.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod approval;
mod audit;
mod baseline;
mod bundle_size;
mod comment;
mod config_file;
mod contract;
mod debug;
mod demo;
mod deploy_branch;
mod doctor;
mod emergency;
mod environments;
mod evidence;
mod examples;
mod exits;
mod faults;
mod files;
mod generated;
mod git_backend;
mod health;
mod house;
mod init;
mod lint;
mod metric;
mod origin;
mod patience;
mod performance;
mod promote;
mod record;
mod relay;
mod repository;
mod rollback;
mod run;
mod shop;
mod smoke;
mod socks;
mod status;
mod tidy;
mod wait;
mod workflows;
