//! Sends requests when they are due, on the thread of the runtime.

use std::{
    sync::{Arc, mpsc::Sender},
    time::Duration,
};

use hyper_util::client::legacy::connect::Connect;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::{JoinSet, yield_now},
};

use super::{connection::HttpSender, pacer::PacerEvent};
use crate::clock::Stopwatch;

/// Sends a request for each time in `dues`, until the sender of these is dropped and the last request has ended.
pub(super) async fn at_rate<C: Connect + Clone + Send + Sync + 'static>(
    sender: Arc<HttpSender<C>>,
    began: Stopwatch,
    mut dues: UnboundedReceiver<Duration>,
    pacer: Sender<PacerEvent>,
) {
    let notice = EndNotice(pacer);
    let mut requests = JoinSet::new();
    while let Some(due) = dues.recv().await {
        // Otherwise the set keeps each request that has ended.
        while let Some(ended) = requests.try_join_next() {
            if ended.is_err() {
                return;
            }
        }
        let (sender, pacer) = (Arc::clone(&sender), notice.0.clone());
        requests.spawn(async move {
            let exchange = sender.send(due, began).await;
            // The load may have been ended.
            let _ = pacer.send(PacerEvent::Exchange(exchange));
        });
    }
    notice.after(requests).await;
}

/// Sends the requests of users until `duration` is over and the last request has ended.
pub(super) async fn by_users<C: Connect + Clone + Send + Sync + 'static>(
    sender: Arc<HttpSender<C>>,
    began: Stopwatch,
    (users, duration): (u32, Duration),
    pacer: Sender<PacerEvent>,
) {
    let notice = EndNotice(pacer);
    let mut running = JoinSet::new();
    for _ in 0..users {
        let (sender, pacer) = (Arc::clone(&sender), notice.0.clone());
        running.spawn(async move {
            let mut due = began.elapsed();
            while due < duration {
                let exchange = sender.send(due, began).await;
                if pacer.send(PacerEvent::Exchange(exchange)).is_err() {
                    return;
                }
                due = began.elapsed();
                // Until the runtime comes back, it handles what else is ready. So the next request is as late as this machine is
                // with everything, and a machine with more users than it can serve shows.
                yield_now().await;
            }
        });
    }
    notice.after(running).await;
}

/// Stops the pacer however a load ends. Only [`EndNotice::after`] says that it has ended as it should.
struct EndNotice(Sender<PacerEvent>);

impl EndNotice {
    async fn after(self, mut requests: JoinSet<()>) {
        while let Some(ended) = requests.join_next().await {
            // A request without a result: the run is incomplete.
            if ended.is_err() {
                return;
            }
        }
        let _ = self.0.send(PacerEvent::Ended);
    }
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        let _ = self.0.send(PacerEvent::Stop);
    }
}
