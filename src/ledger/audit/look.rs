//! Reads the ledger, and what changed beside it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::layout::Layout;
use crate::{
    kustomization::{self, ImageEntry},
    ledger::{self, Entry, Place},
    subject::{Environment, Service},
    verdict::{Complaint, Stop},
    world::git::{Changed, Commit, Entry as File, Told},
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
pub(super) fn look(place: &Place, layout: &Layout, since: Timestamp, until: Timestamp) -> Result<Facts, Stop> {
    let Place { git, remote, branch } = place;
    let tip = place.tip()?;
    let earliest = until.checked_sub(WINDOW).map_or(since, |window| window.min(since));
    let told = git.told_since(remote, branch, &tip.commit, earliest).map_err(Complaint::unseen)?;
    let mut entries = ledger::entries(&told);
    entries.retain(|entry| layout.wants(&entry.service, &entry.environment));
    let mut by_hand = Vec::new();
    // Up to the oldest of the time that was asked for: one in between may say that it is older.
    let asked_for = &told[..told.iter().rposition(|told| told.at >= since).map_or(0, |last| last + 1)];
    let changed = match asked_for.last() {
        Some(oldest) => git.changed(&oldest.commit, &tip.commit, &layout.pathspec()).map_err(Complaint::unseen)?,
        None => Vec::new(),
    };
    for change in &changed {
        let Some(told) = asked_for.iter().find(|told| told.commit == change.commit) else { continue };
        for path in &change.paths {
            let found = beside(place, layout, &entries, told, change, path).map_err(Complaint::unseen)?;
            by_hand.extend(found);
        }
    }
    Ok(Facts { since, until, entries, by_hand })
}

/// What a commit did to a file that the ledger does not tell of.
fn beside(
    place: &Place,
    layout: &Layout,
    entries: &[Entry],
    told: &Told,
    change: &Changed,
    path: &str,
) -> Result<Option<ByHand>, Complaint> {
    let Some((service, environment)) = layout.whose(path) else { return Ok(None) };
    let name = layout.image_name(&service);
    // A file that was not there before promotes nothing: a service is set up with it.
    let Some(parent) = &change.before else { return Ok(None) };
    let Some(before) = image(place, parent, path, name)? else { return Ok(None) };
    let after = image(place, &change.commit, path, name)?.unwrap_or_else(|| "no file".to_owned());
    if before == after {
        return Ok(None);
    }
    let mut ours = entries.iter().filter(|entry| entry.is_of(&service, &environment));
    let says = ours.clone().find(|entry| entry.commit == change.commit).map(|entry| entry.image.clone());
    if says.as_ref() == Some(&after) {
        return Ok(None);
    }
    if change.merge {
        // What was promoted on a branch of its own is told by the commit there.
        let brought_in =
            |entry: &Entry| Ok::<_, Complaint>(entry.image == after && !place.git.is_ancestor(&entry.commit, parent)?);
        if ours.try_fold(false, |found, entry| Ok::<_, Complaint>(found || brought_in(entry)?))? {
            return Ok(None);
        }
    }
    let Told { commit, at, author, title, .. } = told.clone();
    Ok(Some(ByHand { commit, at, author, title, service, environment, before, after, says }))
}

/// The image that a file names in a commit; `None` when the file is not there.
fn image(place: &Place, commit: &Commit, path: &str, name: &str) -> Result<Option<String>, Complaint> {
    let Ok(tree_path) = path.parse() else { return Ok(None) };
    let text = match place.git.read_file(commit, &tree_path)? {
        None => return Ok(None),
        Some(File::File(blob)) => String::from_utf8(blob.bytes).map_err(|error| error.to_string()),
        Some(_) => Err("no regular file".to_owned()),
    };
    let image = text.and_then(|text| kustomization::image(&text, name).map_err(|problem| problem.to_string()));
    Ok(Some(match image {
        Ok(entry) => entry.as_ref().map_or_else(|| "no image entry".to_owned(), ImageEntry::reference),
        // Not one that is the same in two commits: nobody can say that nothing changed.
        Err(why) => format!("a file that cannot be read in {commit}: {why}"),
    }))
}
