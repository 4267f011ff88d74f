//! What a load sends, and when.

use std::time::Duration;

use crate::world::{http::Header, url::Url};

/// The most requests in flight. More wait in this program, and their latency counts the wait. Many shells allow a process 1,024 open
/// files.
pub const MOST_IN_FLIGHT: usize = 512;

/// What to send.
#[derive(Clone, Debug)]
pub struct Load {
    pub url: Url,
    pub headers: Vec<Header>,
    pub pace: Pace,
    /// How long requests are sent.
    pub duration: Duration,
    /// How long a request may take, from the moment at which this machine begins with it to the last byte of its response.
    pub timeout: Duration,
}

/// When a request is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many times a second.
    Rate(u32),
    /// When one of so many users has its response.
    Users(u32),
}
