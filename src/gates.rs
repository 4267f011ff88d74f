//! The gates: each looks at something and judges it. They write nothing outside.

pub mod bundle_size;
pub mod health;
pub mod performance;
pub mod smoke;
