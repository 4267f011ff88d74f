//! The chain that acts on what the gates said.

pub mod around;
pub mod emergency;
pub mod evidence;
pub mod follow_up;
pub mod infra;
pub mod promote;
pub mod record;
pub mod rollback;
