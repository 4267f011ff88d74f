//! A running program: two threads read its output streams, and one waits for its end.

use std::{
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender},
    },
    thread,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    groups::{GRACE, GroupLeader, KILLED, ProcessGroup, ProcessGroups},
    outcome::{ProcessError, ProcessOutput},
    output::{CapturedOutput, LineSplitter, OutputTail},
    program::Program,
};
use crate::{clock::Stopwatch, values::HumanDuration};

/// How long the rest of the group may write after its leader has exited, before it gets TERM. The last stage of a pipeline
/// flushes its output after the shell that started it has exited.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// An event of a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// One line of output without its line break, at most 16 KiB of it. Untrusted; bytes that are not UTF-8 are replaced.
    Line(Stream, String),
    /// The last event. The whole process group has ended.
    Ended(Result<ProcessOutput, ProcessError>),
}

/// What is passed on of a program's output while it runs.
pub(super) enum OutputReport {
    /// Nothing: the end of it comes with [`ProcessEvent::Ended`].
    AtEnd,
    /// Every line, as a [`ProcessEvent::Line`].
    Lines,
    /// The pieces of stdout as they are read. The channel is bounded, so that a slow receiver slows the program down.
    Pieces(SyncSender<Vec<u8>>),
}

/// A program that runs in its own process group. Dropping it ends the group.
pub struct RunningProcess {
    group: ProcessGroup,
    handler: Arc<EventHandler>,
    done: Receiver<()>,
}

impl RunningProcess {
    /// Starts `program`. Other threads call `handler`, one call at a time, and drop it after [`ProcessEvent::Ended`]. The
    /// handler must not block, nor wait for the thread that owns this value.
    ///
    /// # Errors
    /// The program could not be started; the handler is not called then.
    pub fn start(
        program: &Program,
        groups: &ProcessGroups,
        handler: impl FnMut(ProcessEvent) + Send + 'static,
    ) -> Result<Self, ProcessError> {
        Self::launch(program, groups, OutputReport::Lines, handler)
    }

    /// As [`RunningProcess::start`], with another report of the output.
    pub(super) fn launch(
        program: &Program,
        groups: &ProcessGroups,
        report: OutputReport,
        handler: impl FnMut(ProcessEvent) + Send + 'static,
    ) -> Result<Self, ProcessError> {
        let started = Stopwatch::start();
        let io_error = |error: io::Error| ProcessError::Io { program: program.name(), why: error.to_string() };
        let mut leader = groups
            .start(&mut program.command())
            .ok_or_else(|| ProcessError::Ending { program: program.name() })?
            .map_err(|error| {
                let error = program.failed_to_start(&error);
                log::debug!("process: {} → {error}", program.shown());
                error
            })?;
        let group = leader.group();
        let handler = Arc::new(EventHandler(Mutex::new(Some(Box::new(handler)))));
        let (open, drained) = mpsc::channel();
        let reader = |stream, report| PipeReader {
            stream,
            tail: Arc::new(Mutex::new(OutputTail::new(program.keep))),
            handler: Arc::clone(&handler),
            report,
        };
        let of_stderr = match report {
            OutputReport::Lines => OutputReport::Lines,
            OutputReport::AtEnd | OutputReport::Pieces(_) => OutputReport::AtEnd,
        };
        let (out, err) = (reader(Stream::Stdout, report), reader(Stream::Stderr, of_stderr));
        let tails = [Arc::clone(&out.tail), Arc::clone(&err.tail)];
        // When a thread cannot be started, dropping `leader` kills the child.
        if let Some(pipe) = leader.child.stdout.take() {
            out.spawn(pipe, open.clone()).map_err(io_error)?;
        }
        if let Some(pipe) = leader.child.stderr.take() {
            err.spawn(pipe, open).map_err(io_error)?;
        }
        if let (Some(mut pipe), Some(bytes)) = (leader.child.stdin.take(), program.stdin.clone()) {
            // The child may close its stdin without reading it; that is not an error.
            let write = move || drop(pipe.write_all(&bytes));
            thread::Builder::new().name("child stdin".into()).spawn(write).map_err(io_error)?;
        }
        let (alive, done) = mpsc::channel();
        let waiter = GroupWaiter {
            program: program.name(),
            shown: program.shown(),
            started,
            leader,
            drained,
            tails,
            handler: Arc::clone(&handler),
            alive,
        };
        thread::Builder::new().name("child".into()).spawn(|| waiter.wait()).map_err(io_error)?;
        Ok(Self { group, handler, done })
    }

    /// Ends the whole group: TERM, then KILL after 300 ms. Returns within half a second, earlier when the group ends earlier.
    /// The handler still gets the output meanwhile and the end. Has no effect on a program that has ended.
    pub fn stop(&self) {
        self.group.signal(Signal::TERM);
        if !wait_for_close(&self.done, GRACE) {
            self.group.signal(Signal::KILL);
            wait_for_close(&self.done, KILLED);
        }
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        self.handler.close();
        self.stop();
    }
}

/// Waits until every sender of `channel` is dropped, for at most `limit`. Nothing is ever sent.
fn wait_for_close(channel: &Receiver<()>, limit: Duration) -> bool {
    channel.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected)
}

type HandlerFn = Box<dyn FnMut(ProcessEvent) + Send>;

/// The handler of the caller; `None` once it was dropped.
struct EventHandler(Mutex<Option<HandlerFn>>);

impl EventHandler {
    fn call(&self, event: ProcessEvent) {
        if let Some(handler) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            handler(event);
        }
    }

    fn close(&self) {
        // Dropped outside the lock, because dropping it may take time.
        let handler = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(handler);
    }
}

struct PipeReader {
    stream: Stream,
    tail: Arc<Mutex<OutputTail>>,
    handler: Arc<EventHandler>,
    report: OutputReport,
}

impl PipeReader {
    fn spawn(self, pipe: impl Read + Send + 'static, open: Sender<()>) -> io::Result<()> {
        thread::Builder::new().name("child output".into()).spawn(move || self.read(pipe, open)).map(drop)
    }

    /// Reads to the end, and drops `open` then.
    fn read(self, mut pipe: impl Read, open: Sender<()>) {
        let mut lines = LineSplitter::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match pipe.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            if let OutputReport::Pieces(receiver) = &self.report {
                // The receiver is gone when it has enough; the program is then ended.
                let _ = receiver.send(buffer[..read].to_vec());
                continue;
            }
            self.tail.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..read]);
            if matches!(self.report, OutputReport::Lines) {
                lines.feed(&buffer[..read], |line| self.handler.call(ProcessEvent::Line(self.stream, line)));
            }
        }
        lines.finish(|line| self.handler.call(ProcessEvent::Line(self.stream, line)));
        drop(open);
    }
}

/// Waits for the end of the leader, and then ends the rest of its group.
struct GroupWaiter {
    program: String,
    /// For the debug log.
    shown: String,
    started: Stopwatch,
    leader: GroupLeader,
    drained: Receiver<()>,
    tails: [Arc<Mutex<OutputTail>>; 2],
    handler: Arc<EventHandler>,
    alive: Sender<()>,
}

impl GroupWaiter {
    fn wait(self) {
        let group = self.leader.group();
        let waited = self.leader.wait();
        // The leader is a zombie now, so its pid is not reused. Processes of the group that still write get a moment to
        // flush, then TERM; then the whole group gets KILL.
        if waited.is_ok() {
            if !wait_for_close(&self.drained, FLUSH_LIMIT) {
                group.signal(Signal::TERM);
                wait_for_close(&self.drained, GRACE);
            }
            group.signal(Signal::KILL);
            // A process that left the group may hold a pipe open for ever; its reader is detached.
            wait_for_close(&self.drained, KILLED);
        }
        let status = self.leader.reap();
        let [stdout, stderr] =
            self.tails.map(|tail| -> CapturedOutput { tail.lock().unwrap_or_else(PoisonError::into_inner).take() });
        let end = match waited.and(status) {
            Ok(status) => Ok(ProcessOutput { status, stdout, stderr }),
            Err(error) => {
                Err(ProcessError::Io { program: self.program, why: format!("its end could not be seen: {error}") })
            }
        };
        match &end {
            Ok(ProcessOutput { status, .. }) => {
                log::debug!("process: {} → {status}, after {}", self.shown, HumanDuration(self.started.elapsed()));
            }
            Err(error) => log::debug!("process: {} → {error}", self.shown),
        }
        self.handler.call(ProcessEvent::Ended(end));
        self.handler.close();
        drop(self.alive);
    }
}
