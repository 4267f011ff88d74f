//! Child processes, each in its own process group, so that everything a child started can be ended.
//!
//! [`run`] waits for the end of a program such as git; [`stream`] passes on what it prints while it runs, however much that
//! is; [`RunningProcess`] reports line by line what a program prints. None outlives its timeout or its owner, and none is
//! held up by a grandchild that keeps a pipe open.

mod groups;
mod orphans;
mod outcome;
mod output;
mod program;
mod running;
#[cfg(test)]
mod tests;

use std::{
    ops::ControlFlow,
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

pub use groups::ProcessGroups;
pub use outcome::{ProcessError, ProcessOutput, ProcessStatus};
pub use output::CapturedOutput;
pub use program::Program;
use running::OutputReport;
pub use running::{ProcessEvent, RunningProcess, Stream};

/// Runs a program to its end. After `timeout` its whole process group is ended, which takes half a second at most.
///
/// # Errors
/// The program could not be started, or did not end in time. An exit code is not an error: see [`ProcessOutput::status`].
pub fn run(program: &Program, groups: &ProcessGroups, timeout: Duration) -> Result<ProcessOutput, ProcessError> {
    let (sender, ended) = mpsc::channel();
    let running = RunningProcess::launch(program, groups, OutputReport::AtEnd, move |event| {
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

/// How many pieces of output, of 64 KiB at most, wait for the receiver before the program has to wait.
const WAITING_PIECES: usize = 4;

/// Runs a program and passes its stdout to `receive`, piece by piece. When `receive` breaks, the program is ended, and the
/// result is `None`. `timeout` is the longest time without output. The [`ProcessOutput`] holds only stderr.
///
/// # Errors
/// The program could not be started, or printed nothing for too long. An exit code is not an error.
pub fn stream(
    program: &Program,
    groups: &ProcessGroups,
    timeout: Duration,
    mut receive: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<ProcessOutput>, ProcessError> {
    let (sender, ended) = mpsc::channel();
    let (pieces, output) = mpsc::sync_channel(WAITING_PIECES);
    let running = RunningProcess::launch(program, groups, OutputReport::Pieces(pieces), move |event| {
        if let ProcessEvent::Ended(result) = event {
            // The receiver is gone after the timeout.
            let _ = sender.send(result);
        }
    })?;
    let result = loop {
        match output.recv_timeout(timeout) {
            Ok(piece) if receive(&piece).is_break() => break Ok(None),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => {
                break Err(ProcessError::Timeout { program: program.name(), after: timeout });
            }
            Err(RecvTimeoutError::Disconnected) => {
                break match ended.recv_timeout(timeout) {
                    Ok(result) => result.map(Some),
                    Err(_) => Err(ProcessError::Timeout { program: program.name(), after: timeout }),
                };
            }
        }
    };
    // Before the process: its reader may be waiting to pass on another piece.
    drop(output);
    drop(running);
    result
}
