//! The one thread that owns an asynchronous runtime. The core is synchronous; what is only to be had asynchronously
//! (GitHub's API, the cluster's) runs here, and a caller outside waits for it no longer than it said.

use std::{
    fmt, io,
    sync::{Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot, task};

/// How long [`Drop`] waits for the thread. It ends at once unless a future blocks it; then it is left behind.
const FAREWELL: Duration = Duration::from_millis(250);

/// Ends its thread and whatever still runs on it when dropped.
pub struct Runtime {
    handle: Handle,
    /// Dropped: tells the thread to end.
    stop: Option<oneshot::Sender<()>>,
    /// Disconnected: the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Not within the time given. The future was dropped; what it had already sent stays sent.
    Elapsed(Duration),
    /// The future panicked, or the runtime ended under it.
    Gone,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed(limit) => write!(f, "no result within {} s", limit.as_secs_f64()),
            Self::Gone => f.write_str("the call ended without a result"),
        }
    }
}

impl Runtime {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("runtime".to_owned()).spawn(move || {
            let _alive = alive;
            // Nobody ever sends: the sender going away is the signal.
            let _ = runtime.block_on(stopped);
            // Not `drop`, which waits for a name lookup that nobody can interrupt.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), ended: Mutex::new(ended), thread: Some(thread) })
    }

    /// Runs a future on the runtime's thread and blocks the caller until it is done, `timeout` at most.
    /// Must not be called from a future on this runtime: it would wait for itself, until `timeout`.
    ///
    /// # Errors
    /// [`Missed`], when there is no result. Nothing of the future runs on after that, unless it blocks its thread.
    pub fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Missed> {
        let (to, from) = mpsc::sync_channel(1);
        let _task = self.spawn(async move {
            // The receiver may have given up.
            let _ = to.send(future.await);
        });
        from.recv_timeout(timeout).map_err(|missed| match missed {
            mpsc::RecvTimeoutError::Timeout => Missed::Elapsed(timeout),
            mpsc::RecvTimeoutError::Disconnected => Missed::Gone,
        })
    }

    /// Starts a future on the runtime's thread and returns at once.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(self.handle.spawn(future).abort_handle())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return };
        // The last owner may be a future on this very thread, which cannot wait for itself.
        if thread.thread().id() == thread::current().id() {
            return;
        }
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(FAREWELL) == Err(mpsc::RecvTimeoutError::Disconnected) {
            // A panic in there was told when it happened.
            let _ = thread.join();
        }
    }
}

/// A future at work; dropping this ends it.
#[must_use = "dropped at once, the task would end at once"]
pub struct Task(task::AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::{future, sync::Arc};

    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(30);

    /// Says when it is dropped.
    struct Farewell(mpsc::Sender<&'static str>);

    impl Drop for Farewell {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "shows that timers work in there")]
    fn a_result_comes_back_from_the_runtimes_own_thread() {
        let runtime = Runtime::start().unwrap();
        let (there, bound) = runtime
            .run(LONG, async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                (thread::current().id(), listener.local_addr().is_ok())
            })
            .unwrap();
        assert_ne!(there, thread::current().id());
        assert!(bound, "sockets and timers work in there");
    }

    #[test]
    fn a_caller_waits_no_longer_than_it_said_and_the_future_ends_with_the_wait() {
        let runtime = Runtime::start().unwrap();
        let (to, from) = mpsc::channel();
        let missed = runtime.run(SOON, async move {
            let _farewell = Farewell(to);
            future::pending::<()>().await;
        });
        assert_eq!(missed, Err(Missed::Elapsed(SOON)));
        assert_eq!(from.recv_timeout(LONG), Ok("dropped"));
        assert_eq!(runtime.run(LONG, async { 7 }), Ok(7), "and the runtime goes on");
    }

    #[test]
    fn a_panic_is_no_result_and_harms_nobody_else() {
        let runtime = Runtime::start().unwrap();
        let gone: Result<(), _> = runtime.run(LONG, async { panic!("on purpose, in a test") });
        assert_eq!(gone, Err(Missed::Gone));
        assert_eq!(runtime.run(LONG, async { 7 }), Ok(7));
    }

    #[test]
    fn a_task_runs_until_its_handle_is_dropped() {
        let runtime = Runtime::start().unwrap();
        let (to, from) = mpsc::channel();
        let task = runtime.spawn(async move {
            let _ = to.send("started");
            let _farewell = Farewell(to);
            future::pending::<()>().await;
        });
        assert_eq!(from.recv_timeout(LONG), Ok("started"));
        assert_eq!(from.recv_timeout(SOON), Err(mpsc::RecvTimeoutError::Timeout));
        drop(task);
        assert_eq!(from.recv_timeout(LONG), Ok("dropped"));
    }

    #[test]
    fn dropping_the_runtime_ends_its_tasks_and_its_thread() {
        let runtime = Runtime::start().unwrap();
        let (to, from) = mpsc::channel();
        let _task = runtime.spawn(async move {
            let _farewell = Farewell(to);
            future::pending::<()>().await;
        });
        runtime.run(LONG, async {}).unwrap();
        drop(runtime);
        assert_eq!(from.try_recv(), Ok("dropped"), "before `drop` returns");
    }

    #[test]
    fn a_thread_that_is_blocked_is_left_behind() {
        let runtime = Runtime::start().unwrap();
        let (free, block) = mpsc::channel::<()>();
        let (to, from) = mpsc::channel();
        let _task = runtime.spawn(async move {
            let _ = to.send(());
            let _ = block.recv();
        });
        from.recv_timeout(LONG).unwrap();
        drop(runtime);
        drop(free);
    }

    #[test]
    fn the_last_owner_may_be_a_future_of_the_runtime_itself() {
        let runtime = Arc::new(Runtime::start().unwrap());
        let inside = Arc::clone(&runtime);
        let (hand, handed) = oneshot::channel::<()>();
        let (to, from) = mpsc::channel();
        let task = runtime.spawn(async move {
            let _ = handed.await;
            drop(inside);
            let _ = to.send(());
        });
        drop(runtime);
        hand.send(()).unwrap();
        assert_eq!(from.recv_timeout(LONG), Ok(()));
        drop(task);
    }
}
