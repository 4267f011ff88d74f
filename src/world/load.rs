//! A load of GET requests to one URL: at a fixed rate, or by users who each wait for a response.
//!
//! GET changes nothing, so it needs no `Permit`, and there is no way to send another method: a load that writes is a load test of
//! the team, which `performance` runs as `command`.
//!
//! At a fixed rate a request is due whether or not the ones before it have ended, and its latency counts from that time. So a server
//! that stalls makes all requests slow that were due meanwhile, as it does for its users; users who wait for a response would send
//! only one each. Nothing is sent twice, and redirects are not followed.
//!
//! Requests share connections, as those of a browser do. HTTP/1.1 only: one connection with HTTP/2 would hide what a second one costs.

mod connection;
mod dispatch;
mod pacer;
mod settings;

use std::{
    sync::{Arc, mpsc},
    thread,
};

use hyper_util::client::legacy::connect::Connect;
use tokio::sync::mpsc::unbounded_channel;

use super::{
    network::Network,
    runtime::{Runtime, Task},
};
use crate::{clock::Stopwatch, finding::Finding};
use connection::{HttpSender, Route};
use pacer::{Pacer, PacerEvent};

pub use pacer::LoadEvent;
pub use settings::{Load, MOST_IN_FLIGHT, Pace};

/// Sends loads.
pub struct LoadClient {
    pub(super) runtime: Arc<Runtime>,
    pub(super) network: Network,
}

/// A running load; dropping it ends it, with every request in flight.
pub struct RunningLoad {
    pacer: mpsc::Sender<PacerEvent>,
    _sending: Task,
}

impl Drop for RunningLoad {
    fn drop(&mut self) {
        // The thread may have ended.
        let _ = self.pacer.send(PacerEvent::Stop);
    }
}

impl LoadClient {
    /// Starts to send. `listener` gets the events on a thread of the load; it is dropped when the load has ended.
    ///
    /// # Errors
    /// A proxy, certificate authorities or headers that cannot be used; no thread.
    pub fn start(&self, load: &Load, listener: impl FnMut(LoadEvent) + Send + 'static) -> Result<RunningLoad, Finding> {
        match connection::route(&self.network, &load.url)? {
            Route::Direct(connector) => self.start_on(connector, load, listener),
            Route::Proxy(connector) => self.start_on(connector, load, listener),
        }
    }

    fn start_on<C: Connect + Clone + Send + Sync + 'static>(
        &self,
        connector: C,
        load: &Load,
        listener: impl FnMut(LoadEvent) + Send + 'static,
    ) -> Result<RunningLoad, Finding> {
        let sender = Arc::new(HttpSender::new(connector, load)?);
        let (to_pacer, events) = mpsc::channel();
        let (due, dues) = unbounded_channel();
        let began = Stopwatch::start();
        let pacer = Pacer::new(load, began, due, listener);
        thread::Builder::new().name("load".to_owned()).spawn(move || pacer.run(&events)).map_err(|error| {
            Finding::inconclusive("load").actual(error.to_string()).expected("a thread to send it from")
        })?;
        let ended = to_pacer.clone();
        let sending = match load.pace {
            Pace::Rate(_) => self.runtime.spawn(dispatch::at_rate(sender, began, dues, ended)),
            Pace::Users(users) => self.runtime.spawn(dispatch::by_users(sender, began, (users, load.duration), ended)),
        };
        Ok(RunningLoad { pacer: to_pacer, _sending: sending })
    }
}

#[cfg(test)]
mod tests;
