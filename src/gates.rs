//! One gate, one file or folder: what it is told, what it looks at, and the judgement.

pub mod bundle_size;
