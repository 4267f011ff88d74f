//! The program is one expression; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(promote_gates::supervise::main(std::env::args_os().collect(), std::env::vars_os()))
}
