//! List and watch: lists the objects of a kind, then reads their watch events until the connection ends.
//!
//! After that the objects are listed again. Resuming at the last resource version would replay missed events one by one, and
//! the gate might decide on an outdated one.

use std::{
    mem,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::Response;
use jiff::Timestamp;
use kube::{
    api::{ListParams, WatchParams},
    client::Body,
    core::Status,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{
    client::ApiClient,
    error::{ClusterError, causes},
    objects::{List, ListMeta, Object},
    resource::{ApiResource, Scope},
    update::WatchUpdate,
};
use crate::{clock::Stopwatch, finding::Finding};

/// How many objects a page of a list holds.
const PAGE_SIZE: u32 = 500;
/// The largest page, in bytes.
const LARGEST_PAGE: usize = 64 << 20;
/// A list with more pages is an error: its server repeats pages without an end.
const MOST_PAGES: usize = 100;
/// The largest watch event, in bytes. etcd limits an object to 1.5 MiB, in a format that is shorter than JSON.
const LARGEST_EVENT: usize = 16 << 20;
/// A watch without an event for this long is dead: the server sends a bookmark once a minute.
const SILENCE_LIMIT: Duration = Duration::from_secs(90);
/// A shorter watch is reported as interrupted instead of being restarted at once.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);

/// What a watch on a kind remembers for the next one. Clones share it.
#[derive(Clone, Default)]
pub struct WatchState(Arc<Mutex<WatchHistory>>);

#[derive(Default)]
struct WatchHistory {
    /// The server has allowed list and watch at least once.
    granted: bool,
    /// When the server asked for a pause, and for how long.
    pause: Option<(Stopwatch, Duration)>,
}

impl WatchState {
    fn history(&self) -> MutexGuard<'_, WatchHistory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives lists and events as JSON. The trait is not generic, so that the watch code is compiled once for all kinds.
pub(super) trait WatchHandler: Send + Sync {
    /// A list begins.
    fn begin(&self);
    /// One page of the list.
    fn page(&self, page: &[u8]) -> Result<ListMeta, ClusterError>;
    /// The list is complete; `at` is the server's clock.
    fn listed(&self, at: Option<Timestamp>);
    fn applied(&self, object: &[u8]) -> Result<(), ClusterError>;
    fn deleted(&self, object: &[u8]) -> Result<(), ClusterError>;
    fn interrupted(&self, reason: String);
    fn refused(&self, finding: Finding);
}

/// Decodes the objects of one kind and sends each update.
pub(super) struct UpdateDecoder<T, F> {
    pages: Mutex<Vec<T>>,
    send: F,
}

impl<T: Object, F: Fn(WatchUpdate<T>)> UpdateDecoder<T, F> {
    pub(super) const fn new(send: F) -> Self {
        Self { pages: Mutex::new(Vec::new()), send }
    }

    fn pages(&self) -> MutexGuard<'_, Vec<T>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Object, F: Fn(WatchUpdate<T>) + Send + Sync> WatchHandler for UpdateDecoder<T, F> {
    fn begin(&self) {
        self.pages().clear();
        (self.send)(WatchUpdate::Relisting);
    }

    fn page(&self, page: &[u8]) -> Result<ListMeta, ClusterError> {
        let List { metadata, items } = parse::<List<T>>(page)?;
        self.pages().extend(items);
        Ok(metadata)
    }

    fn listed(&self, at: Option<Timestamp>) {
        let items = mem::take(&mut *self.pages());
        (self.send)(WatchUpdate::Listed { items, at });
    }

    fn applied(&self, object: &[u8]) -> Result<(), ClusterError> {
        (self.send)(WatchUpdate::Applied(parse(object)?));
        Ok(())
    }

    fn deleted(&self, object: &[u8]) -> Result<(), ClusterError> {
        (self.send)(WatchUpdate::Deleted(parse(object)?));
        Ok(())
    }

    fn interrupted(&self, reason: String) {
        (self.send)(WatchUpdate::Interrupted(reason));
    }

    fn refused(&self, finding: Finding) {
        (self.send)(WatchUpdate::Refused(finding));
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ClusterError> {
    serde_json::from_slice(json).map_err(|error| ClusterError::from_json(&error))
}

/// Lists and watches until the connection ends, and reports why it ended. While the server has asked for a pause, it sends
/// nothing.
pub(super) async fn watch(
    client: &ApiClient,
    resource: ApiResource,
    scope: &Scope,
    state: &WatchState,
    handler: &dyn WatchHandler,
) {
    if state.history().pause.as_ref().is_some_and(|(since, pause)| since.elapsed() < *pause) {
        return;
    }
    let end = loop {
        let started = Stopwatch::start();
        match list_and_watch(client, resource, scope, state, handler).await {
            // An API server ends each watch after some minutes. One that ends at once points to a broken server or proxy.
            Ok(()) if started.elapsed() >= SHORTEST_WATCH => {}
            // One retry only: if that list expires as well, the next watch tries again.
            Err(ClusterError::Expired) => break list_and_watch(client, resource, scope, state, handler).await,
            end => break end,
        }
    };
    match end {
        Ok(()) => handler.interrupted("the watch ended".to_owned()),
        Err(ClusterError::Temporary(reason)) => handler.interrupted(reason),
        Err(ClusterError::Expired) => handler.interrupted("the list expired while it was read".to_owned()),
        Err(ClusterError::RetryAfter(reason, pause)) => {
            state.history().pause = Some((Stopwatch::start(), pause));
            handler.interrupted(reason);
        }
        // A server that has just started may deny a permission or not know a kind for a moment.
        Err(ClusterError::Denied(finding)) if state.history().granted => handler.interrupted(finding.to_string()),
        Err(ClusterError::Denied(finding) | ClusterError::Refused(finding)) => handler.refused(finding),
    }
}

async fn list_and_watch(
    client: &ApiClient,
    resource: ApiResource,
    scope: &Scope,
    state: &WatchState,
    handler: &dyn WatchHandler,
) -> Result<(), ClusterError> {
    let permission = format!("list and watch {} in the namespace {}", resource.plural, scope.namespace);
    let version = list(client, resource, scope, &permission, handler).await?;
    let params = WatchParams {
        field_selector: scope.fields.clone(),
        label_selector: scope.labels.clone(),
        ..WatchParams::default()
    };
    let response = client.send(scope.request(resource).watch(&params, &version), &permission).await?;
    state.history().granted = true;
    let mut lines = LineReader { body: response.into_body(), buffer: Vec::new(), start: 0 };
    loop {
        match timeout(SILENCE_LIMIT, lines.next()).await {
            Err(_) => return Err(ClusterError::Temporary(format!("no watch event for {} s", SILENCE_LIMIT.as_secs()))),
            Ok(None) => return Ok(()),
            Ok(Some(line)) => handle_event(&line?, handler)?,
        }
    }
}

/// Lists all objects of a kind. Returns the resource version at which the watch starts.
async fn list(
    client: &ApiClient,
    resource: ApiResource,
    scope: &Scope,
    permission: &str,
    handler: &dyn WatchHandler,
) -> Result<String, ClusterError> {
    let mut params = ListParams {
        field_selector: scope.fields.clone(),
        label_selector: scope.labels.clone(),
        limit: Some(PAGE_SIZE),
        ..ListParams::default()
    };
    handler.begin();
    for _ in 0..MOST_PAGES {
        let response = client.send(scope.request(resource).list(&params), permission).await?;
        let at = server_time(&response);
        let page = client.read_body(response, LARGEST_PAGE).await?;
        let metadata = handler.page(&page)?;
        if metadata.resource_version.is_empty() {
            return Err(ClusterError::unreadable("the answer is not a list"));
        }
        if metadata.continue_token.is_empty() {
            handler.listed(at);
            return Ok(metadata.resource_version);
        }
        params.continue_token = Some(metadata.continue_token);
    }
    Err(ClusterError::unreadable(&format!(
        "a list of more than {} {}",
        MOST_PAGES * PAGE_SIZE as usize,
        resource.plural
    )))
}

/// The server's clock, to the second. Source: RFC 9110, 6.6.1.
fn server_time(response: &Response<Body>) -> Option<Timestamp> {
    let date = response.headers().get("date")?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp())
}

/// Reads a response line by line as it arrives. Text after the last line break is an incomplete event and is dropped.
struct LineReader {
    body: Body,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
}

impl LineReader {
    async fn next(&mut self) -> Option<Result<Vec<u8>, ClusterError>> {
        let mut searched = self.start;
        loop {
            if let Some(length) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer[self.start..searched + length].to_vec();
                self.start = searched + length + 1;
                return Some(Ok(line));
            }
            self.buffer.drain(..mem::take(&mut self.start));
            searched = self.buffer.len();
            if searched > LARGEST_EVENT {
                return Some(Err(ClusterError::unreadable("a watch event of more than 16 MiB")));
            }
            match pin!(self.body.frame()).await? {
                Ok(frame) => self.buffer.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(error) => {
                    return Some(Err(ClusterError::Temporary(format!(
                        "the watch was interrupted: {}",
                        causes(&error)
                    ))));
                }
            }
        }
    }
}

/// Source: Kubernetes' API reference, `WatchEvent`.
#[derive(Deserialize)]
struct WatchEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

fn handle_event(line: &[u8], handler: &dyn WatchHandler) -> Result<(), ClusterError> {
    let (kind, object) = match serde_json::from_slice::<WatchEvent<'_>>(line) {
        Ok(WatchEvent { kind, object }) => (kind, object.get().as_bytes()),
        Err(error) => {
            return Err(match serde_json::from_slice::<Status>(line) {
                Ok(status) if status.code != 0 => watch_error(&status),
                _ => ClusterError::unreadable(&format!("a watch event that cannot be read: {error}")),
            });
        }
    };
    match kind {
        "ADDED" | "MODIFIED" => handler.applied(object),
        "DELETED" => handler.deleted(object),
        "BOOKMARK" => Ok(()),
        "ERROR" => Err(watch_error(&parse(object)?)),
        _ => Err(ClusterError::unreadable("a watch event of an unknown type")),
    }
}

/// The server has granted the watch, so an error within it is temporary.
fn watch_error(status: &Status) -> ClusterError {
    match status.code {
        410 => ClusterError::Expired,
        code => ClusterError::Temporary(format!("{code}: {}", status.message)),
    }
}
