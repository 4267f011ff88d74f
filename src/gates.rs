//! The gates on software.

pub mod smoke;
