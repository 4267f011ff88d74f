//! The people who had a part in a release. They may not approve it.
//!
//! [`look`] asks GitHub for them, and [`participants`] decides who counts. A list that is too long for a report travels as its
//! [`digest`], and [`recompute`] makes it again.

pub mod digest;
pub mod look;
pub mod participants;
pub mod recompute;

#[cfg(test)]
mod tests;
