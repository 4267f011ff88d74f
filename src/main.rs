//! The program is one expression; everything else is in the library.

use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[expect(clippy::disallowed_methods, reason = "handed to `cli`, the one reader")]
fn main() -> ExitCode {
    ExitCode::from(promote_gates::supervise::main(&std::env::args_os().collect::<Vec<_>>(), std::env::vars_os()))
}
