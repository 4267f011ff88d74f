//! List and watch: everything of a kind, and then every change of it, as long as the connection lasts.
//!
//! One look ends with its connection. It is started again by whoever looks, and goes on where the last one ended.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::{Response, body::Incoming};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    Door, Scope,
    objects::{List, Object, Status},
    trouble::{Trouble, causes},
};
use crate::verdict::Complaint;

/// How many objects a page of a list holds.
const PAGE: usize = 500;
/// The largest page, and the largest change, in bytes.
const LARGEST_PAGE: usize = 64 << 20;
const LARGEST_CHANGE: usize = 8 << 20;
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
    let query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", from.as_str())];
    let mut changes = door.get(&scope.path::<T>(&query), &what).await?;
    if resumes.is_some() {
        tell(News::Resumed);
    }
    let mut rest = Vec::new();
    loop {
        let frame = match timeout(SILENCE, changes.body_mut().frame()).await {
            Err(_) => return Err(Trouble::Lost(format!("nothing was heard for {} s", SILENCE.as_secs()))),
            // A server ends every watch after some minutes.
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => return Err(Trouble::Lost(causes(&error))),
            Ok(Some(Ok(frame))) => frame,
        };
        rest.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            change(&line, place, tell)?;
        }
        if rest.len() > LARGEST_CHANGE {
            return Err(unreadable("a change of more than 8 MiB"));
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
    let limit = PAGE.to_string();
    let mut all = Vec::new();
    let mut more = String::new();
    loop {
        let mut query = vec![("limit", limit.as_str())];
        if !more.is_empty() {
            query.push(("continue", &more));
        }
        let answer = door.get(&scope.path::<T>(&query), what).await?;
        let at = date(&answer);
        let page = door.whole(answer, LARGEST_PAGE).await?;
        let List { metadata, items } =
            serde_json::from_slice::<List<T>>(&page).map_err(|error| unreadable(&error.to_string()))?;
        all.extend(items);
        if metadata.more.is_empty() {
            place.set(Some(metadata.resource_version.clone()));
            tell(News::All { items: all, at });
            return Ok(metadata.resource_version);
        }
        more = metadata.more;
    }
}

/// The server's clock, to the second. Source: RFC 9110, 6.6.1.
fn date(answer: &Response<Incoming>) -> Option<Timestamp> {
    let date = answer.headers().get("date")?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp())
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

fn change<T: Object>(line: &[u8], place: &Place, tell: &(dyn Fn(News<T>) + Send + Sync)) -> Result<(), Trouble> {
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    let Change { kind, object } = serde_json::from_slice(line).map_err(|error| unreadable(&error.to_string()))?;
    if kind == "ERROR" {
        let status: Status = serde_json::from_value(object).unwrap_or_default();
        return Err(match status.code {
            410 => Trouble::Expired,
            code => Trouble::Lost(format!("{code}: {}", status.message)),
        });
    }
    let version = object["metadata"]["resourceVersion"].as_str().map(ToOwned::to_owned);
    match kind.as_str() {
        "BOOKMARK" => {}
        "ADDED" | "MODIFIED" | "DELETED" => {
            let object: T = serde_json::from_value(object).map_err(|error| unreadable(&error.to_string()))?;
            tell(if kind == "DELETED" { News::Gone(object) } else { News::Now(object) });
        }
        other => return Err(unreadable(&format!("a change of the kind {other:?}"))),
    }
    if version.is_some() {
        place.set(version);
    }
    Ok(())
}

fn unreadable(why: &str) -> Trouble {
    Trouble::Refused(
        Complaint::about("the cluster's API").seen(why).expected("objects as Kubernetes v1.20 and later write them"),
    )
}
