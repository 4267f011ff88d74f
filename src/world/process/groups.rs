//! The live process groups. Only this module signals and reaps them.
//!
//! The system may reuse a pid as soon as its process was reaped. So a group is signalled only while its leader is in the
//! set, and the leader is removed from the set, under the same lock, before it is reaped.

use std::{
    collections::BTreeSet,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{orphans::Adoption, outcome::ProcessStatus};

/// How long a group has between TERM and KILL.
pub(super) const GRACE: Duration = Duration::from_millis(300);
/// How long the system may take to carry out a KILL.
pub(super) const KILLED: Duration = Duration::from_millis(200);

/// The live process groups. Clones share one set.
#[derive(Clone, Default)]
pub struct ProcessGroups(Arc<GroupSet>);

#[derive(Default)]
struct GroupSet {
    live: Mutex<LiveGroups>,
    removed: Condvar,
}

#[derive(Default)]
struct LiveGroups {
    leaders: BTreeSet<i32>,
    closed: bool,
    adoption: Option<Adoption>,
}

impl ProcessGroups {
    /// Ends every group and prevents new ones: TERM, then KILL after 300 ms. Returns within half a second, earlier when all
    /// groups have ended. Reaches a process that left its group (`setsid`) only after [`ProcessGroups::adopt_orphans`].
    pub fn end_all(&self) {
        let mut live = self.lock();
        live.closed = true;
        for (signal, limit) in [(Signal::TERM, GRACE), (Signal::KILL, KILLED)] {
            for leader in live.leaders.iter().filter_map(|&raw| Pid::from_raw(raw)) {
                send_signal(leader, signal);
            }
            let waited = self.0.removed.wait_timeout_while(live, limit, |live| !live.leaders.is_empty());
            live = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        live.end_orphans();
    }

    /// From now on, processes that leave their group and lose their parent become children of this process, where the system
    /// can do that (Linux).
    pub fn adopt_orphans(&self) {
        let mut live = self.lock();
        if live.adoption.is_none() {
            live.adoption = Adoption::begin();
        }
    }

    /// Kills the processes that were adopted.
    pub fn end_orphans(&self) {
        self.lock().end_orphans();
    }

    /// Starts the leader of a new group. `None` after [`ProcessGroups::end_all`].
    pub(super) fn start(&self, command: &mut Command) -> Option<io::Result<GroupLeader>> {
        // Locked during the start, so that `end_all` cannot run between the start and the insertion into the set.
        let mut live = self.lock();
        if live.closed {
            return None;
        }
        Some(command.process_group(0).spawn().map(|child| {
            let pid = Pid::from_child(&child);
            live.leaders.insert(pid.as_raw_nonzero().get());
            GroupLeader { child, group: ProcessGroup { leader: pid, groups: self.clone() }, reaped: false }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, LiveGroups> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveGroups {
    fn end_orphans(&self) {
        if let Some(adoption) = &self.adoption {
            adoption.end_orphans(&self.leaders);
        }
    }
}

fn send_signal(leader: Pid, signal: Signal) {
    // Fails only for a group that has ended already, so the error does not matter.
    let _ = kill_process_group(leader, signal);
}

/// A group that can be signalled while it is alive.
#[derive(Clone)]
pub(super) struct ProcessGroup {
    leader: Pid,
    groups: ProcessGroups,
}

impl ProcessGroup {
    pub(super) fn signal(&self, signal: Signal) {
        let live = self.groups.lock();
        if live.leaders.contains(&self.leader.as_raw_nonzero().get()) {
            send_signal(self.leader, signal);
        }
    }
}

/// The first process of a group, not yet reaped. Dropping it kills the whole group.
pub(super) struct GroupLeader {
    pub(super) child: Child,
    group: ProcessGroup,
    reaped: bool,
}

impl GroupLeader {
    pub(super) fn group(&self) -> ProcessGroup {
        self.group.clone()
    }

    /// Blocks until the leader has exited, and leaves it as a zombie so that its pid is not reused.
    pub(super) fn wait(&self) -> io::Result<()> {
        loop {
            match waitid(WaitId::Pid(self.group.leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Reaps the leader. Blocks while it runs, so call [`GroupLeader::wait`] first.
    pub(super) fn reap(mut self) -> io::Result<ProcessStatus> {
        self.reap_now()
    }

    fn reap_now(&mut self) -> io::Result<ProcessStatus> {
        self.reaped = true;
        let mut live = self.group.groups.lock();
        live.leaders.remove(&self.group.leader.as_raw_nonzero().get());
        let status = self.child.wait().map(ProcessStatus::from);
        drop(live);
        self.group.groups.0.removed.notify_all();
        status
    }
}

impl Drop for GroupLeader {
    fn drop(&mut self) {
        if !self.reaped {
            self.group.signal(Signal::KILL);
            let _ = self.wait();
            let _ = self.reap_now();
        }
    }
}
