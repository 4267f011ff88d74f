//! Reads the ledger, and what changed beside it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::layout::Layout;
use crate::{
    error::CommandError,
    finding::Finding,
    kustomization::{self, ImageEntry},
    ledger::{self, Entry, Place},
    subject::{Environment, Service},
    world::git::{Changed, Commit, Told, TreePath},
};

/// The time that a budget is for.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What was seen.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub since: Timestamp,
    pub until: Timestamp,
    /// The wanted entries, newest first: all since `since`, and as many before as a budget is about.
    pub entries: Vec<Entry>,
    /// Since `since`, newest first.
    pub by_hand: Vec<ByHand>,
}

/// A commit that set an image, and of which the ledger says nothing, or something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ByHand {
    pub commit: Commit,
    pub at: Timestamp,
    pub author: String,
    pub title: String,
    pub service: Service,
    pub environment: Environment,
    pub before: String,
    pub after: String,
    /// The image that the commit says it set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

/// # Errors
/// Bad input when there is no such branch; a history that cannot be read far enough.
pub(super) fn look(place: &Place, layout: &Layout, since: Timestamp, until: Timestamp) -> Result<Facts, CommandError> {
    let Place { git, remote, branch } = place;
    let tip = place.tip()?;
    let earliest = until.checked_sub(WINDOW).map_or(since, |window| window.min(since));
    let told = git.told_since(remote, branch, &tip.commit, earliest).map_err(Finding::unobservable)?;
    let mut entries = ledger::entries(&told);
    entries.retain(|entry| layout.wants(&entry.service, &entry.environment));
    // Up to the oldest of the time that was asked for: one in between may say that it is older.
    let asked_for = &told[..told.iter().rposition(|told| told.at >= since).map_or(0, |last| last + 1)];
    let by_hand = beside(place, layout, &entries, asked_for, &tip.commit).map_err(Finding::unobservable)?;
    Ok(Facts { since, until, entries, by_hand })
}

/// A file that a commit changed.
struct Touched<'a> {
    told: &'a Told,
    /// The branch before it.
    parent: Commit,
    merge: bool,
    path: TreePath,
    service: Service,
    environment: Environment,
}

/// What commits did to images that the ledger does not tell of.
fn beside(
    place: &Place,
    layout: &Layout,
    entries: &[Entry],
    commits: &[Told],
    tip: &Commit,
) -> Result<Vec<ByHand>, Finding> {
    let Some(oldest) = commits.last() else { return Ok(Vec::new()) };
    let told: BTreeMap<&Commit, &Told> = commits.iter().map(|told| (&told.commit, told)).collect();
    let mut touched = Vec::new();
    for Changed { commit, before, merge, paths } in place.git.changed(&oldest.commit, tip, &layout.pathspec())? {
        // Before the first commit there was nothing.
        let (Some(told), Some(parent)) = (told.get(&commit), before) else { continue };
        for path in paths {
            if let (Some((service, environment)), Ok(path)) = (layout.whose(&path), path.parse()) {
                touched.push(Touched { told, parent: parent.clone(), merge, path, service, environment });
            }
        }
    }
    let entries = entries.iter().map(|entry| (&entry.commit, entry)).collect();
    let mut found = Vec::new();
    // In parts: years of files need not be held at once.
    for touched in touched.chunks(500) {
        let files: Vec<_> = touched.iter().flat_map(Touched::versions).collect();
        let files = place.git.read_files(&files)?;
        for (one, files) in touched.iter().zip(files.chunks(2)) {
            let [before, after] = files else { continue };
            let name = layout.image_name(&one.service);
            // A file that was not there before promotes nothing: a service is set up with it.
            let Some(before) = before.as_deref().map(|bytes| image(bytes, &one.parent, name)) else { continue };
            let after = after.as_deref().map(|bytes| image(bytes, &one.told.commit, name));
            found.extend(one.beside(place, &entries, before, after.unwrap_or_else(|| "no file".to_owned()))?);
        }
    }
    Ok(found)
}

impl Touched<'_> {
    /// The file before and after.
    fn versions(&self) -> [(Commit, TreePath); 2] {
        [(self.parent.clone(), self.path.clone()), (self.told.commit.clone(), self.path.clone())]
    }

    fn beside(
        &self,
        place: &Place,
        entries: &BTreeMap<&Commit, &Entry>,
        before: String,
        after: String,
    ) -> Result<Option<ByHand>, Finding> {
        if before == after {
            return Ok(None);
        }
        let ours = |entry: &Entry| entry.is_of(&self.service, &self.environment);
        let says = entries.get(&self.told.commit).filter(|entry| ours(entry)).map(|entry| entry.image.clone());
        if says.as_ref() == Some(&after) {
            return Ok(None);
        }
        if self.merge {
            // What was promoted on a branch of its own is told by the commit there.
            for entry in entries.values().filter(|entry| ours(entry) && entry.image == after) {
                if !place.git.is_ancestor(&entry.commit, &self.parent)? {
                    return Ok(None);
                }
            }
        }
        let Told { commit, at, author, title, .. } = self.told.clone();
        let (service, environment) = (self.service.clone(), self.environment.clone());
        Ok(Some(ByHand { commit, at, author, title, service, environment, before, after, says }))
    }
}

/// The image that a file of a commit names.
fn image(bytes: &[u8], commit: &Commit, name: &str) -> String {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string());
    match text.and_then(|text| kustomization::image(text, name).map_err(|problem| problem.to_string())) {
        Ok(entry) => entry.as_ref().map_or_else(|| "no image entry".to_owned(), ImageEntry::reference),
        // Not one that is the same in two commits: nobody can say that nothing changed.
        Err(why) => format!("a file that cannot be read in {commit}: {why}"),
    }
}
