//! The live process groups, and the only place that signals or reaps them.
//!
//! A pid may be given to another process as soon as its owner was reaped. So a group is signalled only while its leader
//! is in the set, and the leader leaves the set, under the same lock, before it is reaped.

use std::{
    collections::BTreeSet,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Status;

/// How long a group has between the request to end and the end.
pub(super) const GRACE: Duration = Duration::from_millis(300);
/// How long the system has to carry out a KILL.
pub(super) const KILLED: Duration = Duration::from_millis(200);

/// The process groups that are alive. Clones are the same set.
#[derive(Clone, Default)]
pub struct Groups(Arc<Shared>);

#[derive(Default)]
struct Shared {
    live: Mutex<Live>,
    left: Condvar,
}

#[derive(Default)]
struct Live {
    leaders: BTreeSet<i32>,
    closed: bool,
}

impl Groups {
    /// Ends every group, and lets none start afterwards: TERM, then KILL after 300 ms. Returns within half a second, early
    /// when all are gone. A process that left its group (`setsid`) is out of reach.
    pub fn end_all(&self) {
        let mut live = self.lock();
        live.closed = true;
        for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, KILLED)] {
            for leader in live.leaders.iter().filter_map(|&raw| Pid::from_raw(raw)) {
                send(leader, signal);
            }
            let waited = self.0.left.wait_timeout_while(live, patience, |live| !live.leaders.is_empty());
            live = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Starts the leader of a new group. `None` once everything is being ended.
    pub(super) fn start(&self, command: &mut Command) -> Option<io::Result<Leader>> {
        // Held while starting: `end_all` must not run between the start and the entry in the set.
        let mut live = self.lock();
        if live.closed {
            return None;
        }
        Some(command.process_group(0).spawn().map(|child| {
            let pid = Pid::from_child(&child);
            live.leaders.insert(pid.as_raw_nonzero().get());
            Leader { child, group: Group { leader: pid, groups: self.clone() }, reaped: false }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(leader: Pid, signal: Signal) {
    // Fails only for a group that is already gone, which is what was asked for.
    let _ = kill_process_group(leader, signal);
}

/// A group that can be signalled for as long as it is alive.
#[derive(Clone)]
pub(super) struct Group {
    leader: Pid,
    groups: Groups,
}

impl Group {
    pub(super) fn signal(&self, signal: Signal) {
        let live = self.groups.lock();
        if live.leaders.contains(&self.leader.as_raw_nonzero().get()) {
            send(self.leader, signal);
        }
    }
}

/// The first process of a group, not yet reaped. Dropped early, it is killed with its group.
pub(super) struct Leader {
    pub(super) child: Child,
    group: Group,
    reaped: bool,
}

impl Leader {
    pub(super) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Blocks until the leader has exited, and leaves it there as a zombie: its pid stays its own.
    pub(super) fn wait(&self) -> io::Result<()> {
        loop {
            match waitid(WaitId::Pid(self.group.leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Lets go of the pid. Blocks while the leader runs: [`Leader::wait`] comes first.
    pub(super) fn reap(mut self) -> io::Result<Status> {
        self.reap_now()
    }

    fn reap_now(&mut self) -> io::Result<Status> {
        self.reaped = true;
        let mut live = self.group.groups.lock();
        live.leaders.remove(&self.group.leader.as_raw_nonzero().get());
        let status = self.child.wait().map(Status::from);
        drop(live);
        self.group.groups.0.left.notify_all();
        status
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.reaped {
            self.group.signal(Signal::KILL);
            let _ = self.wait();
            let _ = self.reap_now();
        }
    }
}
