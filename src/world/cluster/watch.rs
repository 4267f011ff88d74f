//! List and watch: everything of a kind, and then every change of it, as long as the connection lasts.
//!
//! When it ends, everything is listed again: changes that were missed would come one after another, and something might be
//! decided by the first of them.

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
    Error,
    api::{ListParams, WatchParams},
    client::Body,
    core::Status,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{
    Door, Scope,
    objects::{List, ListMeta, Object},
};
use crate::world::cluster::error::{ClusterError, causes};
use crate::{clock::Stopwatch, finding::Finding};

/// How many objects a page of a list holds.
const PAGE: u32 = 500;
/// The largest page, in bytes.
const LARGEST_PAGE: usize = 64 << 20;
/// A list that goes on for longer has no end.
const MOST_PAGES: usize = 100;
/// The largest change, in bytes: etcd keeps no object of more than 1.5 MiB, in a form that is shorter than JSON.
const LARGEST_LINE: usize = 16 << 20;
/// A watch that says nothing for so long is dead: a server marks the time once a minute.
const SILENCE: Duration = Duration::from_secs(90);
/// A watch that lasts for less is not taken up again at once.
const LEAST: Duration = Duration::from_secs(1);

/// What a watch on one kind reports.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchUpdate<T> {
    /// A new list begins: what is known may be out of date until it is complete.
    Relisting,
    /// The complete list. An object that was known before and is not in it has been deleted.
    Listed {
        items: Vec<T>,
        /// The server's clock.
        at: Option<Timestamp>,
    },
    /// An object was created or has changed.
    Applied(T),
    Deleted(T),
    /// No update comes until the next look, for this reason.
    Interrupted(String),
    /// No update will come.
    Refused(Finding),
}

impl<T> WatchUpdate<T> {
    /// The server's clock, if the update carries it.
    #[must_use]
    pub const fn clock(&self) -> Option<Timestamp> {
        match self {
            Self::Listed { at, .. } => *at,
            _ => None,
        }
    }
}

/// What one look at a kind leaves for the next. Clones share it.
#[derive(Clone, Default)]
pub struct WatchState(Arc<Mutex<Before>>);

#[derive(Default)]
struct Before {
    /// It was listed and watched once.
    granted: bool,
    /// Since when the server wants to be left alone, and for how long.
    busy: Option<(Stopwatch, Duration)>,
}

impl WatchState {
    fn before(&self) -> MutexGuard<'_, Before> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what a watch reads, as JSON. It knows no type, so that the program holds the code of a watch once for all kinds.
pub(super) trait WatchHandler: Send + Sync {
    /// A list begins.
    fn begin(&self);
    /// One page of the list.
    fn page(&self, page: &[u8]) -> Result<ListMeta, ClusterError>;
    /// The list is complete, by the server's clock.
    fn listed(&self, at: Option<Timestamp>);
    fn applied(&self, object: &[u8]) -> Result<(), ClusterError>;
    fn deleted(&self, object: &[u8]) -> Result<(), ClusterError>;
    fn interrupted(&self, why: String);
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
        let List { metadata, items } = read::<List<T>>(page)?;
        self.pages().extend(items);
        Ok(metadata)
    }

    fn listed(&self, at: Option<Timestamp>) {
        let items = mem::take(&mut *self.pages());
        (self.send)(WatchUpdate::Listed { items, at });
    }

    fn applied(&self, object: &[u8]) -> Result<(), ClusterError> {
        (self.send)(WatchUpdate::Applied(read(object)?));
        Ok(())
    }

    fn deleted(&self, object: &[u8]) -> Result<(), ClusterError> {
        (self.send)(WatchUpdate::Deleted(read(object)?));
        Ok(())
    }

    fn interrupted(&self, why: String) {
        (self.send)(WatchUpdate::Interrupted(why));
    }

    fn refused(&self, finding: Finding) {
        (self.send)(WatchUpdate::Refused(finding));
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ClusterError> {
    serde_json::from_slice(json).map_err(|error| ClusterError::json(&error))
}

/// A kind, as it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Resource {
    pub(super) api: &'static str,
    pub(super) plural: &'static str,
}

impl Resource {
    pub(super) const fn of<T: Object>() -> Self {
        Self { api: T::API, plural: T::RESOURCE }
    }
}

/// Looks until the connection ends, and tells why it did. A server that wants to be left alone is not looked at.
pub(super) async fn look(
    door: &Door,
    resource: Resource,
    scope: &Scope,
    state: &WatchState,
    handler: &dyn WatchHandler,
) {
    if state.before().busy.as_ref().is_some_and(|(since, pause)| since.elapsed() < *pause) {
        return;
    }
    let end = loop {
        let begun = Stopwatch::start();
        match follow(door, resource, scope, state, handler).await {
            // A server ends every watch after some minutes. One that ends at once is no watch.
            Ok(()) if begun.elapsed() >= LEAST => {}
            // Once: a server whose own list has expired is asked again by the next look.
            Err(ClusterError::Expired) => break follow(door, resource, scope, state, handler).await,
            end => break end,
        }
    };
    match end {
        Ok(()) => handler.interrupted("its watch has ended".to_owned()),
        Err(ClusterError::Lost(why)) => handler.interrupted(why),
        Err(ClusterError::Expired) => handler.interrupted("its list expired while it was read".to_owned()),
        Err(ClusterError::Busy(why, pause)) => {
            state.before().busy = Some((Stopwatch::start(), pause));
            handler.interrupted(why);
        }
        // A server that has just started denies for a moment what it has granted, and does not know every kind yet.
        Err(ClusterError::Denied(finding)) if state.before().granted => handler.interrupted(finding.to_string()),
        Err(ClusterError::Denied(finding) | ClusterError::Refused(finding)) => handler.refused(finding),
    }
}

async fn follow(
    door: &Door,
    resource: Resource,
    scope: &Scope,
    state: &WatchState,
    handler: &dyn WatchHandler,
) -> Result<(), ClusterError> {
    let what = format!("list and watch {} in the namespace {}", resource.plural, scope.namespace);
    let from = list(door, resource, scope, &what, handler).await?;
    let params = WatchParams { field_selector: scope.selector(), ..WatchParams::default() };
    let answer = door.get(scope.request(resource).watch(&params, &from), &what).await?;
    state.before().granted = true;
    let mut lines = Lines { body: answer.into_body(), held: Vec::new(), from: 0 };
    loop {
        match timeout(SILENCE, lines.next()).await {
            Err(_) => return Err(ClusterError::Lost(format!("nothing was heard for {} s", SILENCE.as_secs()))),
            Ok(None) => return Ok(()),
            Ok(Some(line)) => change(&line?, &what, handler)?,
        }
    }
}

/// Tells everything of a kind. Gives the version that changes are heard from.
async fn list(
    door: &Door,
    resource: Resource,
    scope: &Scope,
    what: &str,
    handler: &dyn WatchHandler,
) -> Result<String, ClusterError> {
    let mut params = ListParams { field_selector: scope.selector(), limit: Some(PAGE), ..ListParams::default() };
    handler.begin();
    for _ in 0..MOST_PAGES {
        let answer = door.get(scope.request(resource).list(&params), what).await?;
        let at = date(&answer);
        let page = door.whole(answer, LARGEST_PAGE).await?;
        let metadata = handler.page(&page)?;
        if metadata.resource_version.is_empty() {
            return Err(ClusterError::unreadable("an answer that is no list"));
        }
        if metadata.more.is_empty() {
            handler.listed(at);
            return Ok(metadata.resource_version);
        }
        params.continue_token = Some(metadata.more);
    }
    Err(ClusterError::unreadable(&format!("a list of more than {} {}", MOST_PAGES * PAGE as usize, resource.plural)))
}

/// The server's clock, to the second. Source: RFC 9110, 6.6.1.
fn date(answer: &Response<Body>) -> Option<Timestamp> {
    let date = answer.headers().get("date")?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp())
}

/// The lines of an answer, as they come. What stands behind the last line break is part of a change, and no change.
struct Lines {
    body: Body,
    held: Vec<u8>,
    /// Where in it the next line begins.
    from: usize,
}

impl Lines {
    async fn next(&mut self) -> Option<Result<Vec<u8>, ClusterError>> {
        let mut searched = self.from;
        loop {
            if let Some(length) = self.held[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.held[self.from..searched + length].to_vec();
                self.from = searched + length + 1;
                return Some(Ok(line));
            }
            self.held.drain(..mem::take(&mut self.from));
            searched = self.held.len();
            if searched > LARGEST_LINE {
                return Some(Err(ClusterError::unreadable("a change without an end")));
            }
            match pin!(self.body.frame()).await? {
                Ok(frame) => self.held.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(error) => return Some(Err(ClusterError::Lost(format!("the watch broke off: {}", causes(&error))))),
            }
        }
    }
}

/// A line of a watch. Source: Kubernetes' API reference, `WatchEvent`.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// What a line of a watch tells.
fn change(line: &[u8], what: &str, handler: &dyn WatchHandler) -> Result<(), ClusterError> {
    let lost = |status: &Status| match ClusterError::of(&Error::Api(Box::new(status.clone())), what) {
        ClusterError::Expired => ClusterError::Expired,
        // Refused is only what was never granted: the watch itself was.
        _ => ClusterError::Lost(format!("{}: {}", status.code, status.message)),
    };
    let (kind, object) = match serde_json::from_slice::<Line<'_>>(line) {
        Ok(Line { kind, object }) => (kind, object.get().as_bytes()),
        Err(error) => {
            return Err(match serde_json::from_slice::<Status>(line) {
                Ok(status) if status.code != 0 => lost(&status),
                _ => ClusterError::unreadable(&format!("a change that is none: {error}")),
            });
        }
    };
    match kind {
        "ADDED" | "MODIFIED" => handler.applied(object),
        "DELETED" => handler.deleted(object),
        "BOOKMARK" => Ok(()),
        "ERROR" => Err(lost(&read(object)?)),
        _ => Err(ClusterError::unreadable("a change of a kind that nobody knows")),
    }
}
