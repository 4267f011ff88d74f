//! The one integration binary: the real program against real servers on loopback, one module for each command.

mod house;
mod record;
