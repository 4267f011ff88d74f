//! Reads `JUnit` XML as test runners write it.
//!
//! The format has no standard, only conventions (<https://github.com/testmoapp/junitxml> collects them). So tests and
//! failures are counted from the elements, at any depth. The totals are held against them: a failure that stands only there
//! is one all the same, and a test that stands only there did not pass.

mod claims;
mod open_element;
mod reader;
#[cfg(test)]
mod tests;
mod texts;

pub use reader::read;
