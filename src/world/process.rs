//! Child processes, each in its own process group, so that everything a child started can be ended.
//!
//! [`run`] waits for the end of a program such as git; [`RunningProcess`] reports line by line what a program prints. Neither
//! outlives its timeout or its owner, and neither is held up by a grandchild that keeps a pipe open.

mod groups;
mod outcome;
mod output;
mod program;
mod running;
#[cfg(test)]
mod tests;

use std::{sync::mpsc, time::Duration};

pub use groups::ProcessGroups;
pub use outcome::{ProcessError, ProcessOutput, ProcessStatus};
pub use output::CapturedOutput;
pub use program::Program;
pub use running::{ProcessEvent, RunningProcess, Stream};

/// Runs a program to its end. After `timeout` its whole process group is ended, which takes half a second at most.
///
/// # Errors
/// The program could not be started, or did not end in time. An exit code is not an error: see [`ProcessOutput::status`].
pub fn run(program: &Program, groups: &ProcessGroups, timeout: Duration) -> Result<ProcessOutput, ProcessError> {
    let (sender, ended) = mpsc::channel();
    let running = RunningProcess::launch(program, groups, false, move |event| {
        if let ProcessEvent::Ended(result) = event {
            // The receiver is gone after the timeout.
            let _ = sender.send(result);
        }
    })?;
    ended.recv_timeout(timeout).unwrap_or_else(|_| {
        drop(running);
        Err(ProcessError::Timeout { program: program.name(), after: timeout })
    })
}
