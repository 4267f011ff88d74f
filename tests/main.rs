//! The one integration binary: the real program against real servers on loopback, one module for each command; and what
//! holds for the repository as a whole.
//!
//! `house` is the fixture that drives the program as a runner does, `shop` the infra repository that it changes, `patience`
//! says how long a test waits. `generated` renews the files that are made from the code, `examples` holds every workflow and
//! config file that the documentation shows to the commands as they are, `tidy` holds the invariants of the house.

#![expect(clippy::unwrap_used, reason = "what cannot be staged is a failed test")]

mod approval;
mod audit;
mod bundle_size;
mod demo;
mod emergency;
mod environments;
mod evidence;
mod examples;
mod exits;
mod generated;
mod health;
mod house;
mod patience;
mod performance;
mod promote;
mod record;
mod repository;
mod rollback;
mod run;
mod shop;
mod smoke;
mod tidy;
mod wait;
