//! The image entry of a `kustomization.yaml`: read it, set it.
//!
//! [`set_image`] does what `kustomize edit set image NAME=NEWNAME:TAG@DIGEST` does (kustomize 5.8.1,
//! `kustomize/commands/edit/set/setimage.go`): the entry of that name holds exactly the given values and nothing from
//! before, or a new entry is added at the end. Kustomize rewrites the whole file and sorts the images by name. This edit
//! leaves every other byte alone, and so keeps the order in which kustomize applies the entries. It refuses a file where
//! kustomize would guess: two entries of one name, aliases that may contain the image.
//!
//! The parts: [`document`] reads the YAML with byte ranges, [`image_list`] finds the image in it, [`amend`] and [`append`]
//! plan the smallest edit, [`proof`] compares the result with the original before it is returned. [`image_rule`] is how
//! kustomize applies an entry, [`manifest`] finds the images of Kubernetes objects, and [`base`] those that the entries of a
//! kustomization are applied to.

mod amend;
mod append;
pub mod base;
mod document;
mod image;
mod image_list;
mod image_rule;
mod manifest;
mod proof;
mod restore;
mod style;

pub use self::{
    image::ImageChange,
    image_rule::{ImageRule, image_rules, split_image},
    restore::entries,
};

use self::image_list::{ImageItem, ImageList};
use crate::{
    image_entry::{Edited, EntryText, ImageEntry},
    yaml::EditError,
};

/// The usual path of the overlays in the infra repository, the default of the `file` setting.
pub const DEFAULT_OVERLAY: &str = "apps/{service}/overlays/{environment}/kustomization.yaml";

/// Sets the image entry of `change.name` in `text`.
///
/// The result is read back before it is returned: everything outside the entry is unchanged, byte by byte and node by node,
/// and the entry holds the requested values.
pub fn set_image(text: &str, change: &ImageChange) -> Result<Edited, EditError> {
    change.check()?;
    let document = document::parse(text)?;
    let images = ImageList::read(text, &document)?;
    let item = images.item(&change.name)?;
    let splices = match item {
        Some(item) => amend::amend(text, item, change)?,
        None => append::append(text, &document, &images, change)?,
    };
    let previous = item.map(ImageItem::entry);
    if splices.is_empty() {
        return Ok(Edited { text: text.to_owned(), previous, changed: false });
    }
    let reach = splices.reach.clone();
    let edited = splices.apply(text).ok_or_else(|| proof::refused("its parts would overlap"))?;
    proof::verify(text, &edited, &reach, change)?;
    Ok(Edited { text: edited, previous, changed: true })
}

/// Puts `before` back where `text` has `after`, as a version of the file had it. `None` when that cannot be done: the entry was
/// written differently since, or kustomize would not read the earlier text, such as a tag that is a number there.
///
/// The result is read back before it is returned, as that of [`set_image`].
pub fn restore(text: &str, before: &EntryText, after: &EntryText) -> Result<Option<Edited>, EditError> {
    let restored = restore::put_back(text, before, after)?;
    Ok(restored.map(|edited| Edited { changed: edited != text, text: edited, previous: Some(after.entry.clone()) }))
}

/// The image entry of `name`, if the kustomization has one.
pub fn image(text: &str, name: &str) -> Result<Option<ImageEntry>, EditError> {
    let document = document::parse(text)?;
    let images = ImageList::read(text, &document)?;
    Ok(images.item(name)?.map(ImageItem::entry))
}

#[cfg(test)]
mod tests;
