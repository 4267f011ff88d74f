//! The images of a service that differ between two versions of a file. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{layout::OwnedFile, overlay_layout::OverlayLayout, version::OverlayVersion};
use crate::{
    image_entry::EntryText,
    subject::{Image, Service},
};

/// An image that differs, as text: it may be absent, or stand twice under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedImage {
    /// The name of its entry.
    pub name: String,
    pub before: String,
    pub after: String,
}

/// The images of the owner of a file that differ between two versions; `None` if one of them cannot be read.
#[must_use]
pub fn changed_images(
    layout: &OverlayLayout,
    owned: &OwnedFile,
    images: &BTreeMap<Service, Image>,
    before: &OverlayVersion,
    after: &OverlayVersion,
) -> Option<Vec<ChangedImage>> {
    let gone = if *after == OverlayVersion::NoFile { "no file" } else { "no image entry" };
    let (before, after) = (before.entries().ok()?, after.entries().ok()?);
    let is_of_service = |entry: &&EntryText| layout.is_of_service(&entry.entry, owned, images);
    // Without an entry that is surely the service's, each may be.
    let names: BTreeSet<&str> =
        before.iter().chain(after).filter(is_of_service).map(|entry| entry.entry.name.as_str()).collect();
    let is_counted = |name: &str| names.is_empty() || names.contains(name);
    Some(differences(before, after, gone).into_iter().filter(|image| is_counted(&image.name)).collect())
}

/// The names whose entries differ in their images. A name may stand twice in a file.
fn differences(before: &[EntryText], after: &[EntryText], gone: &str) -> Vec<ChangedImage> {
    let mut images: BTreeMap<&str, [Vec<String>; 2]> = BTreeMap::new();
    for (side, entries) in [before, after].into_iter().enumerate() {
        for EntryText { entry, .. } in entries {
            images.entry(&entry.name).or_default()[side].push(entry.reference());
        }
    }
    let joined = |images: Vec<String>, none: &str| if images.is_empty() { none.to_owned() } else { images.join(", ") };
    let changed = images.into_iter().filter(|(_, [before, after])| before != after);
    let image = |(name, [before, after]): (&str, [Vec<String>; 2])| ChangedImage {
        name: name.to_owned(),
        before: joined(before, "no image entry"),
        after: joined(after, gone),
    };
    changed.map(image).collect()
}
