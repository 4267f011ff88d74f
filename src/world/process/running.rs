//! A program while it runs: two threads read its streams, one waits for its end.

use std::{
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    Captured, Finished, Groups, ProcessError, Program,
    groups::{GRACE, Group, KILLED, Leader},
    output::{Lines, Tail},
};

/// How long others of the group may go on writing after the leader has exited, before they are asked to end: the last
/// stage of a pipeline flushes after the shell that started it is gone.
const LINGER: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What is heard of a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// One line, without its end, as it was said: untrusted, and with every byte that is not UTF-8 replaced. At most
    /// 16 KiB of it.
    Line(Stream, String),
    /// The last thing that is heard. The group has been ended by then.
    Ended(Result<Finished, ProcessError>),
}

/// A program that runs in a process group of its own. Dropped, it is ended.
pub struct Running {
    group: Group,
    ear: Arc<Ear>,
    done: Receiver<()>,
}

impl Running {
    /// Starts `program`. `hear` is called from other threads, one call at a time, and is dropped after
    /// [`Heard::Ended`]. It must not block, nor wait for the thread that owns this value.
    ///
    /// # Errors
    /// The program could not be started; nothing is heard then.
    pub fn start(
        program: &Program,
        groups: &Groups,
        hear: impl FnMut(Heard) + Send + 'static,
    ) -> Result<Self, ProcessError> {
        Self::launch(program, groups, true, hear)
    }

    /// As [`Running::start`]; without `lines` only the end is told.
    pub(super) fn launch(
        program: &Program,
        groups: &Groups,
        lines: bool,
        hear: impl FnMut(Heard) + Send + 'static,
    ) -> Result<Self, ProcessError> {
        let io_error = |error: io::Error| ProcessError::Io { program: program.name(), why: error.to_string() };
        let mut leader = groups
            .start(&mut program.command())
            .ok_or_else(|| ProcessError::Ending { program: program.name() })?
            .map_err(|error| program.failed_to_start(&error))?;
        let group = leader.group();
        let ear = Arc::new(Ear(Mutex::new(Some(Box::new(hear)))));
        let (open, drained) = mpsc::channel();
        let reader = |stream| Reader {
            stream,
            tail: Arc::new(Mutex::new(Tail::new(program.keep))),
            ear: Arc::clone(&ear),
            lines,
        };
        let (out, err) = (reader(Stream::Stdout), reader(Stream::Stderr));
        let tails = [Arc::clone(&out.tail), Arc::clone(&err.tail)];
        // Should a thread not start, `leader` is dropped, and with it the child goes.
        if let Some(pipe) = leader.child.stdout.take() {
            out.spawn(pipe, open.clone()).map_err(io_error)?;
        }
        if let Some(pipe) = leader.child.stderr.take() {
            err.spawn(pipe, open).map_err(io_error)?;
        }
        if let (Some(mut pipe), Some(bytes)) = (leader.child.stdin.take(), program.stdin.clone()) {
            // A child need not read what it is given; a closed pipe is no error of ours.
            let write = move || drop(pipe.write_all(&bytes));
            thread::Builder::new().name("child stdin".into()).spawn(write).map_err(io_error)?;
        }
        let (alive, done) = mpsc::channel();
        let keeper = Keeper { program: program.name(), leader, drained, tails, ear: Arc::clone(&ear), alive };
        thread::Builder::new().name("child".into()).spawn(|| keeper.keep()).map_err(io_error)?;
        Ok(Self { group, ear, done })
    }

    /// Ends the whole group: TERM, then KILL after 300 ms. Returns within half a second, early when it is gone; what is
    /// said meanwhile, and the end, are still heard. Without effect on a program that has ended.
    pub fn stop(&self) {
        self.group.signal(Signal::TERM);
        if !over(&self.done, GRACE) {
            self.group.signal(Signal::KILL);
            over(&self.done, KILLED);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ear.close();
        self.stop();
    }
}

/// Whether every sender behind `channel` is gone, at the latest after `patience`. Nothing is ever sent.
fn over(channel: &Receiver<()>, patience: Duration) -> bool {
    channel.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected)
}

type Hear = Box<dyn FnMut(Heard) + Send>;

/// Who listens, until nobody does.
struct Ear(Mutex<Option<Hear>>);

impl Ear {
    fn tell(&self, heard: Heard) {
        if let Some(hear) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            hear(heard);
        }
    }

    fn close(&self) {
        // Dropped outside the lock: what it owns may take its time.
        let hear = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(hear);
    }
}

struct Reader {
    stream: Stream,
    tail: Arc<Mutex<Tail>>,
    ear: Arc<Ear>,
    lines: bool,
}

impl Reader {
    fn spawn(self, pipe: impl Read + Send + 'static, open: Sender<()>) -> io::Result<()> {
        thread::Builder::new().name("child output".into()).spawn(move || self.read(pipe, open)).map(drop)
    }

    /// Reads to the end, and holds `open` until then.
    fn read(self, mut pipe: impl Read, open: Sender<()>) {
        let mut lines = Lines::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match pipe.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            self.tail.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..read]);
            if self.lines {
                lines.feed(&buffer[..read], |line| self.ear.tell(Heard::Line(self.stream, line)));
            }
        }
        lines.end(|line| self.ear.tell(Heard::Line(self.stream, line)));
        drop(open);
    }
}

/// Waits for the end of the leader, and sees to it that the rest of its group ends as well.
struct Keeper {
    program: String,
    leader: Leader,
    drained: Receiver<()>,
    tails: [Arc<Mutex<Tail>>; 2],
    ear: Arc<Ear>,
    alive: Sender<()>,
}

impl Keeper {
    fn keep(self) {
        let group = self.leader.group();
        let waited = self.leader.wait();
        // The leader is a zombie now, its pid still its own. Whoever of the group still writes is given a moment, then
        // asked, then, as all the others of the group, killed.
        if waited.is_ok() {
            if !over(&self.drained, LINGER) {
                group.signal(Signal::TERM);
                over(&self.drained, GRACE);
            }
            group.signal(Signal::KILL);
            // A process that left the group may hold a pipe for ever: its reader is left behind, unheard.
            over(&self.drained, KILLED);
        }
        let status = self.leader.reap();
        let [stdout, stderr] =
            self.tails.map(|tail| -> Captured { tail.lock().unwrap_or_else(PoisonError::into_inner).take() });
        let end = match waited.and(status) {
            Ok(status) => Ok(Finished { status, stdout, stderr }),
            Err(error) => {
                Err(ProcessError::Io { program: self.program, why: format!("its end could not be seen: {error}") })
            }
        };
        self.ear.tell(Heard::Ended(end));
        self.ear.close();
        drop(self.alive);
    }
}
