//! What the commands that write a promotion share: the image in the infra repository, the bypass of the gates, and the issue
//! that follows one.

pub mod bypass;
pub mod follow_up;
pub mod infra;
