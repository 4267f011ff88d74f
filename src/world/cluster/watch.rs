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

/// What is heard of a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum News<T> {
    /// It is listed from the beginning: what was known may be over until all of it is told.
    Again,
    /// All that there is; what was known before and is not among it is gone.
    All {
        items: Vec<T>,
        /// The server's clock.
        at: Option<Timestamp>,
    },
    /// One is new, or has changed.
    Now(T),
    Gone(T),
    /// Nothing is heard until the next look.
    Lost(String),
    /// Nothing will be heard.
    Refused(Finding),
}

impl<T> News<T> {
    /// The server's clock, when it is told.
    #[must_use]
    pub const fn clock(&self) -> Option<Timestamp> {
        match self {
            Self::All { at, .. } => *at,
            _ => None,
        }
    }
}

/// What one look at a kind leaves for the next. Clones are the same.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Before>>);

#[derive(Default)]
struct Before {
    /// It was listed and watched once.
    granted: bool,
    /// Since when the server wants to be left alone, and for how long.
    busy: Option<(Stopwatch, Duration)>,
}

impl Heard {
    fn before(&self) -> MutexGuard<'_, Before> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of what is heard, whatever kind it is of: looking is the same for all, and in the program once.
pub(super) trait Ear: Send + Sync {
    /// A list of everything begins.
    fn begin(&self);
    /// One page of it.
    fn page(&self, page: &[u8]) -> Result<ListMeta, ClusterError>;
    /// That was all, by the server's clock.
    fn all(&self, at: Option<Timestamp>);
    fn now(&self, object: &[u8]) -> Result<(), ClusterError>;
    fn gone(&self, object: &[u8]) -> Result<(), ClusterError>;
    fn lost(&self, why: String);
    fn refused(&self, finding: Finding);
}

/// One that makes objects of it.
pub(super) struct Telling<T, F> {
    pages: Mutex<Vec<T>>,
    tell: F,
}

impl<T: Object, F: Fn(News<T>)> Telling<T, F> {
    pub(super) const fn new(tell: F) -> Self {
        Self { pages: Mutex::new(Vec::new()), tell }
    }

    fn pages(&self) -> MutexGuard<'_, Vec<T>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Object, F: Fn(News<T>) + Send + Sync> Ear for Telling<T, F> {
    fn begin(&self) {
        self.pages().clear();
        (self.tell)(News::Again);
    }

    fn page(&self, page: &[u8]) -> Result<ListMeta, ClusterError> {
        let List { metadata, items } = read::<List<T>>(page)?;
        self.pages().extend(items);
        Ok(metadata)
    }

    fn all(&self, at: Option<Timestamp>) {
        let items = mem::take(&mut *self.pages());
        (self.tell)(News::All { items, at });
    }

    fn now(&self, object: &[u8]) -> Result<(), ClusterError> {
        (self.tell)(News::Now(read(object)?));
        Ok(())
    }

    fn gone(&self, object: &[u8]) -> Result<(), ClusterError> {
        (self.tell)(News::Gone(read(object)?));
        Ok(())
    }

    fn lost(&self, why: String) {
        (self.tell)(News::Lost(why));
    }

    fn refused(&self, finding: Finding) {
        (self.tell)(News::Refused(finding));
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
pub(super) async fn look(door: &Door, resource: Resource, scope: &Scope, heard: &Heard, ear: &dyn Ear) {
    if heard.before().busy.as_ref().is_some_and(|(since, pause)| since.elapsed() < *pause) {
        return;
    }
    let end = loop {
        let begun = Stopwatch::start();
        match follow(door, resource, scope, heard, ear).await {
            // A server ends every watch after some minutes. One that ends at once is no watch.
            Ok(()) if begun.elapsed() >= LEAST => {}
            // Once: a server whose own list has expired is asked again by the next look.
            Err(ClusterError::Expired) => break follow(door, resource, scope, heard, ear).await,
            end => break end,
        }
    };
    match end {
        Ok(()) => ear.lost("its watch has ended".to_owned()),
        Err(ClusterError::Lost(why)) => ear.lost(why),
        Err(ClusterError::Expired) => ear.lost("its list expired while it was read".to_owned()),
        Err(ClusterError::Busy(why, pause)) => {
            heard.before().busy = Some((Stopwatch::start(), pause));
            ear.lost(why);
        }
        // A server that has just started denies for a moment what it has granted, and does not know every kind yet.
        Err(ClusterError::Denied(finding)) if heard.before().granted => ear.lost(finding.to_string()),
        Err(ClusterError::Denied(finding) | ClusterError::Refused(finding)) => ear.refused(finding),
    }
}

async fn follow(
    door: &Door,
    resource: Resource,
    scope: &Scope,
    heard: &Heard,
    ear: &dyn Ear,
) -> Result<(), ClusterError> {
    let what = format!("list and watch {} in the namespace {}", resource.plural, scope.namespace);
    let from = list(door, resource, scope, &what, ear).await?;
    let params = WatchParams { field_selector: scope.selector(), ..WatchParams::default() };
    let answer = door.get(scope.request(resource).watch(&params, &from), &what).await?;
    heard.before().granted = true;
    let mut lines = Lines { body: answer.into_body(), held: Vec::new(), from: 0 };
    loop {
        match timeout(SILENCE, lines.next()).await {
            Err(_) => return Err(ClusterError::Lost(format!("nothing was heard for {} s", SILENCE.as_secs()))),
            Ok(None) => return Ok(()),
            Ok(Some(line)) => change(&line?, &what, ear)?,
        }
    }
}

/// Tells everything of a kind. Gives the version that changes are heard from.
async fn list(
    door: &Door,
    resource: Resource,
    scope: &Scope,
    what: &str,
    ear: &dyn Ear,
) -> Result<String, ClusterError> {
    let mut params = ListParams { field_selector: scope.selector(), limit: Some(PAGE), ..ListParams::default() };
    ear.begin();
    for _ in 0..MOST_PAGES {
        let answer = door.get(scope.request(resource).list(&params), what).await?;
        let at = date(&answer);
        let page = door.whole(answer, LARGEST_PAGE).await?;
        let metadata = ear.page(&page)?;
        if metadata.resource_version.is_empty() {
            return Err(ClusterError::unreadable("an answer that is no list"));
        }
        if metadata.more.is_empty() {
            ear.all(at);
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
fn change(line: &[u8], what: &str, ear: &dyn Ear) -> Result<(), ClusterError> {
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
        "ADDED" | "MODIFIED" => ear.now(object),
        "DELETED" => ear.gone(object),
        "BOOKMARK" => Ok(()),
        "ERROR" => Err(lost(&read(object)?)),
        _ => Err(ClusterError::unreadable("a change of a kind that nobody knows")),
    }
}
