//! Reports a panic on any thread to the supervisor. The released program does not unwind (`panic = "abort"` makes it a quarter
//! smaller): its process would end before the report is written. So there the thread stops in the panic hook, until the
//! supervisor has ended the process.

use std::{
    cell::RefCell,
    panic::PanicHookInfo,
    process,
    sync::{Once, OnceLock, mpsc},
    time::Duration,
};

use crate::report::log::Log;

/// How long the supervisor may take to write its report after a panic. It may be waiting for a lock of the thread that
/// panicked, which the released program never frees.
const REPORTING: Duration = Duration::from_secs(10);
/// The exit code of a panic: nothing was observed.
const INCONCLUSIVE: i32 = 3;

type Listener = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

thread_local! {
    static OF_THIS_THREAD: RefCell<Option<Listener>> = const { RefCell::new(None) };
}
static OF_ALL_THREADS: OnceLock<Listener> = OnceLock::new();

/// Calls `listener` when this thread panics, in place of a stack trace in the log.
pub(super) fn tell_of_this_thread(listener: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    OF_THIS_THREAD.set(Some(Box::new(listener)));
    install();
}

/// The same for all threads that have no listener of their own. The first call counts.
pub(super) fn tell_of_all_threads(listener: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    let _ = OF_ALL_THREADS.set(Box::new(listener));
    install();
}

/// Ends the process as inconclusive after a panic on this thread: the thread is the supervisor's, so there is no one to report to.
pub(super) fn end_process_on_this_thread() {
    tell_of_this_thread(|info| {
        // Without the message, which may contain untrusted text.
        Log::stdout(false).say(&format!("internal error{}", place(info)));
        end_process();
    });
}

/// The message and the place of a panic.
pub(super) fn message(info: &PanicHookInfo<'_>) -> String {
    format!("{}{}", info.payload_as_str().unwrap_or("a panic"), place(info))
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default()
}

fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !tell(info) {
                return before(info);
            }
            if cfg!(panic = "abort") {
                let (_sender, nothing) = mpsc::channel::<()>();
                let _ = nothing.recv_timeout(REPORTING);
                end_process();
            }
        }));
    });
}

/// Reports a panic; `false` if this thread has no listener.
fn tell(info: &PanicHookInfo<'_>) -> bool {
    // A thread that is ending has no listener any more.
    let of_this_thread = OF_THIS_THREAD.try_with(RefCell::take).ok().flatten();
    let Some(listener) = of_this_thread.as_ref().or_else(|| OF_ALL_THREADS.get()) else { return false };
    listener(info);
    true
}

#[expect(clippy::disallowed_methods, reason = "no thread is left that could return an exit code")]
fn end_process() -> ! {
    process::exit(INCONCLUSIVE)
}
