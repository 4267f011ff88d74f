//! Processes that left the group of the program that started them: with `setsid`, or as a daemon.
//!
//! On Linux this process can take the place of `init` for them (`PR_SET_CHILD_SUBREAPER`, `prctl(2)`): whatever loses its parent
//! becomes a child of this process, and can be found and ended. Elsewhere nothing is adopted.

use std::collections::BTreeSet;

/// The children that this process had before it adopted any. They are not ended.
#[derive(Debug)]
pub(super) struct Adoption {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is adopted there"))]
    before: BTreeSet<i32>,
}

/// How often the children are listed: each one that is ended may leave its own children.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 100;

impl Adoption {
    /// From now on, orphans of the programs that this process starts become its children. `None` where that is not possible.
    #[cfg(target_os = "linux")]
    pub(super) fn begin() -> Option<Self> {
        let before = children();
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).ok()?;
        Some(Self { before })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn begin() -> Option<Self> {
        None
    }

    /// Kills every adopted process. `leaders` are the children that this process started itself.
    #[cfg(target_os = "linux")]
    pub(super) fn end_orphans(&self, leaders: &BTreeSet<i32>) {
        use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

        for _ in 0..ROUNDS {
            let is_orphan = |pid: &i32| !leaders.contains(pid) && !self.before.contains(pid);
            let orphans: Vec<Pid> = children().into_iter().filter(is_orphan).filter_map(Pid::from_raw).collect();
            if orphans.is_empty() {
                return;
            }
            for orphan in orphans {
                log::debug!("process: ended {}, which had left its group", orphan.as_raw_nonzero());
                // Fails only for a process that has ended already; then waiting for it returns at once.
                let _ = kill_process(orphan, Signal::KILL);
                let _ = waitpid(Some(orphan), WaitOptions::empty());
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn end_orphans(&self, _: &BTreeSet<i32>) {}
}

/// The children of all threads of this process, by the list that the kernel keeps (`proc_pid_task(5)`).
#[cfg(target_os = "linux")]
fn children() -> BTreeSet<i32> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}
