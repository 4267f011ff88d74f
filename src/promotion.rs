//! Shared by the commands that promote: the image in the infra repository, the commits by git or by GitHub, the bypass of the gates,
//! the follow-up issue of a bypass, and the earlier attempts of a run.

pub mod api;
pub mod batch;
pub mod bypass;
pub mod follow_up;
pub mod infra;
pub mod push;
pub mod rerun;
pub mod writer;
