//! The one integration binary: what holds for the repository as a whole.
//!
//! `generated` renews the files that are made from the code, `examples` holds every workflow and config file that the
//! documentation shows to the commands as they are, `tidy` holds the invariants of the house.

mod examples;
mod generated;
mod health;
mod house;
mod repository;
mod tidy;
