//! Shared by the commands that promote: the image in the infra repository, the bypass of the gates, and the follow-up issue of
//! a bypass.

pub mod bypass;
pub mod follow_up;
pub mod infra;
