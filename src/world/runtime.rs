//! A thread that owns an asynchronous runtime. The program is synchronous; the clients that are asynchronous (GitHub,
//! clusters) run here, and a caller waits for a result with a time limit.

use std::{
    fmt, io,
    sync::{Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot, task};

/// How long [`Drop`] waits for the thread. A thread that a future blocks is detached after that.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(250);

/// Dropping it ends its thread and every future on it.
pub struct Runtime {
    handle: Handle,
    /// Dropping the sender ends the thread.
    stop: Option<oneshot::Sender<()>>,
    /// Disconnected when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a future gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeError {
    /// The time limit passed. The future was dropped; requests that it had sent stay sent.
    Timeout(Duration),
    /// The runtime ended first.
    Ended,
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(limit) => write!(f, "no result within {} s", limit.as_secs_f64()),
            Self::Ended => f.write_str("the call ended without a result"),
        }
    }
}

impl Runtime {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system cannot create a thread or an event queue.
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (alive, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("runtime".to_owned()).spawn(move || {
            let _alive = alive;
            // Nothing is ever sent: dropping the sender is the signal.
            let _ = runtime.block_on(stopped);
            // Not `drop`, which waits for name lookups, and those cannot be interrupted.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), ended: Mutex::new(ended), thread: Some(thread) })
    }

    /// Runs a future on the runtime's thread and blocks the caller until its end, or for `timeout`. Must not be called from
    /// a future on this runtime, which would wait for itself.
    ///
    /// # Errors
    /// [`RuntimeError`] without a result. The future does not run after that, unless it blocks its thread.
    pub fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RuntimeError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let _task = self.spawn(async move {
            // The receiver may have given up.
            let _ = sender.send(future.await);
        });
        receiver.recv_timeout(timeout).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => RuntimeError::Timeout(timeout),
            mpsc::RecvTimeoutError::Disconnected => RuntimeError::Ended,
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
        if ended.recv_timeout(SHUTDOWN_LIMIT) == Err(mpsc::RecvTimeoutError::Disconnected) {
            // A panic of the thread has ended the command already.
            let _ = thread.join();
        }
    }
}

/// A running future; dropping this ends it.
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

    /// Sends a message when it is dropped.
    struct DropNotice(mpsc::Sender<&'static str>);

    impl Drop for DropNotice {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }

    #[test]
    fn a_result_comes_back_from_the_runtimes_own_thread() {
        let runtime = Runtime::start().unwrap();
        let (thread_id, bound) = runtime
            .run(LONG, async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let over = tokio::time::timeout(Duration::from_millis(1), future::pending::<()>()).await;
                (thread::current().id(), listener.local_addr().is_ok() && over.is_err())
            })
            .unwrap();
        assert_ne!(thread_id, thread::current().id());
        assert!(bound, "sockets and timers work on the runtime");
    }

    #[test]
    fn the_time_limit_ends_the_wait_and_the_future() {
        let runtime = Runtime::start().unwrap();
        let (to, from) = mpsc::channel();
        let result = runtime.run(SOON, async move {
            let _notice = DropNotice(to);
            future::pending::<()>().await;
        });
        assert_eq!(result, Err(RuntimeError::Timeout(SOON)));
        assert_eq!(from.recv_timeout(LONG), Ok("dropped"));
        assert_eq!(runtime.run(LONG, async { 7 }), Ok(7), "the runtime still works");
    }

    #[test]
    fn a_task_runs_until_its_handle_is_dropped() {
        let runtime = Runtime::start().unwrap();
        let (to, from) = mpsc::channel();
        let task = runtime.spawn(async move {
            let _ = to.send("started");
            let _notice = DropNotice(to);
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
            let _notice = DropNotice(to);
            future::pending::<()>().await;
        });
        runtime.run(LONG, async {}).unwrap();
        drop(runtime);
        // Before `drop` returns, unless the machine is so busy that the thread is left behind.
        assert_eq!(from.recv_timeout(LONG), Ok("dropped"));
    }

    #[test]
    fn dropping_the_runtime_does_not_wait_for_a_blocked_thread() {
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
