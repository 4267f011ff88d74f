//! The one integration binary: the real program against real servers on loopback, one module for each command; and what
//! holds for the repository as a whole.
//!
//! `house` is the fixture that drives the program as a runner does.

mod bundle_size;
mod house;
