//! The one integration binary: the real program against real servers on loopback, one module for each command; and what
//! holds for the repository as a whole.
//!
//! `house` is the fixture that drives the program as a runner does. `generated` renews the files that are made from the
//! code, `examples` holds every workflow and config file that the documentation shows to the commands as they are, `tidy`
//! holds the invariants of the house.

mod examples;
mod generated;
mod house;
mod promote;
mod repository;
mod tidy;
