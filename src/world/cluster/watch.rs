//! List and watch: everything of a kind, and then every change of it, as long as the connection lasts.
//!
//! One look ends with its connection. It is started again by whoever looks, and goes on where the last one ended.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use hyper::Response;
use jiff::Timestamp;
use kube::{
    Error,
    api::{ListParams, WatchEvent, WatchParams},
    client::Body,
};
use tokio::time::timeout;

use super::{
    Door, Scope,
    objects::{List, Object},
    trouble::Trouble,
};
use crate::verdict::Complaint;

/// How many objects a page of a list holds.
const PAGE: u32 = 500;
/// The largest page, in bytes.
const LARGEST_PAGE: usize = 64 << 20;
/// A watch that says nothing for so long is dead: a server marks the time once a minute.
const SILENCE: Duration = Duration::from_secs(90);

/// What is heard of a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum News<T> {
    /// All that there is; what was known before and is not among it is gone.
    All {
        items: Vec<T>,
        /// The server's clock.
        at: Option<Timestamp>,
    },
    /// One is new, or has changed.
    Now(T),
    Gone(T),
    /// Changes are heard again; none was missed.
    Resumed,
    /// Nothing is heard until the next look.
    Lost(String),
    /// Nothing will be heard.
    Refused(Complaint),
}

/// Where the next look goes on. Clones are the same place.
#[derive(Clone, Default)]
pub struct Place(Arc<Mutex<Option<String>>>);

impl Place {
    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, version: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }
}

/// Looks until the connection ends, and tells why it did.
pub(super) async fn look<T: Object>(door: &Door, scope: &Scope, place: &Place, tell: &(dyn Fn(News<T>) + Send + Sync)) {
    let end = match follow(door, scope, place, tell).await {
        Err(Trouble::Expired) => {
            place.set(None);
            // Once: a server whose own list has expired is asked again by the next look.
            follow(door, scope, place, tell).await
        }
        end => end,
    };
    match end {
        Ok(()) => {}
        Err(Trouble::Refused(complaint)) => tell(News::Refused(complaint)),
        Err(Trouble::Lost(why)) => tell(News::Lost(why)),
        Err(Trouble::Expired) => {
            place.set(None);
            tell(News::Lost("its list expired while it was read".to_owned()));
        }
    }
}

async fn follow<T: Object>(
    door: &Door,
    scope: &Scope,
    place: &Place,
    tell: &(dyn Fn(News<T>) + Send + Sync),
) -> Result<(), Trouble> {
    let what = format!("list and watch {} in the namespace {}", T::RESOURCE, scope.namespace);
    let resumes = place.get();
    let from = match &resumes {
        Some(version) => version.clone(),
        None => list(door, scope, &what, place, tell).await?,
    };
    let params = WatchParams { field_selector: scope.selector(), ..WatchParams::default() };
    let mut changes = pin!(door.changes::<T>(scope.request::<T>().watch(&params, &from), &what).await?);
    if resumes.is_some() {
        tell(News::Resumed);
    }
    loop {
        match timeout(SILENCE, changes.next()).await {
            Err(_) => return Err(Trouble::Lost(format!("nothing was heard for {} s", SILENCE.as_secs()))),
            // A server ends every watch after some minutes.
            Ok(None) => return Ok(()),
            Ok(Some(Ok(event))) => change(event, &what, place, tell)?,
            // What kube takes a line for that is neither a change nor an error.
            Ok(Some(Err(Error::Api(status)))) if status.code == 0 => {
                return Err(Trouble::unreadable("a change that is none"));
            }
            Ok(Some(Err(error))) => return Err(Trouble::of(&error, &what)),
        }
    }
}

/// Tells everything of a kind. Gives the version that changes are heard from.
async fn list<T: Object>(
    door: &Door,
    scope: &Scope,
    what: &str,
    place: &Place,
    tell: &(dyn Fn(News<T>) + Send + Sync),
) -> Result<String, Trouble> {
    let mut params = ListParams { field_selector: scope.selector(), limit: Some(PAGE), ..ListParams::default() };
    let mut all = Vec::new();
    loop {
        let answer = door.get(scope.request::<T>().list(&params), what).await?;
        let at = date(&answer);
        let page = door.whole(answer, LARGEST_PAGE).await?;
        let List { metadata, items } =
            serde_json::from_slice::<List<T>>(&page).map_err(|error| Trouble::unreadable(&error.to_string()))?;
        all.extend(items);
        if metadata.more.is_empty() {
            place.set(Some(metadata.resource_version.clone()));
            tell(News::All { items: all, at });
            return Ok(metadata.resource_version);
        }
        params.continue_token = Some(metadata.more);
    }
}

/// The server's clock, to the second. Source: RFC 9110, 6.6.1.
fn date(answer: &Response<Body>) -> Option<Timestamp> {
    let date = answer.headers().get("date")?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp())
}

fn change<T: Object>(
    event: WatchEvent<T>,
    what: &str,
    place: &Place,
    tell: &(dyn Fn(News<T>) + Send + Sync),
) -> Result<(), Trouble> {
    let version = match &event {
        WatchEvent::Added(it) | WatchEvent::Modified(it) | WatchEvent::Deleted(it) => &it.meta().resource_version,
        WatchEvent::Bookmark(mark) => &mark.metadata.resource_version,
        WatchEvent::Error(status) => {
            return Err(match Trouble::of(&Error::Api(status.clone()), what) {
                Trouble::Expired => Trouble::Expired,
                // Refused is only what was never granted: the watch itself was.
                _ => Trouble::Lost(format!("{}: {}", status.code, status.message)),
            });
        }
    };
    let version = version.clone();
    match event {
        WatchEvent::Added(it) | WatchEvent::Modified(it) => tell(News::Now(it)),
        WatchEvent::Deleted(it) => tell(News::Gone(it)),
        WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
    }
    place.set(Some(version));
    Ok(())
}
