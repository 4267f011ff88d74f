//! The edit of all files with the image of a service. Pure: texts in, texts out.

use std::collections::BTreeMap;

use super::image_field::{ImageField, NewImage};
use crate::{
    finding::Finding,
    image_entry::{Edited, ImageEntry},
    world::git::TreePath,
};

/// The texts of files by their paths.
pub type FileTexts = BTreeMap<TreePath, String>;

/// The files of a service after its image was set, and what was in each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageEdit {
    /// The files that changed.
    pub files: FileTexts,
    /// One for each field, in the order of the settings.
    pub fields: Vec<FieldEdit>,
}

/// One field before and after the edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldEdit {
    pub field: ImageField,
    /// `None` when there was no entry.
    pub previous: Option<ImageEntry>,
    pub entry: ImageEntry,
    pub changed: bool,
}

/// Sets the image in every field. `texts` has the files of all of them; two fields may be in one file.
///
/// # Errors
/// One of the files cannot be edited safely: then none is.
pub fn set_images(texts: &FileTexts, fields: &[ImageField], new: &NewImage) -> Result<ImageEdit, Finding> {
    let mut edit = ImageEdit::default();
    for field in fields {
        let text = edit.text(texts, field)?;
        let (edited, entry) = field.set(text, new)?;
        edit.add(field, edited, entry);
    }
    Ok(edit)
}

/// The current entry of every field.
///
/// # Errors
/// One of the files cannot be read safely.
pub fn find_entries(texts: &FileTexts, fields: &[ImageField]) -> Result<Vec<Option<ImageEntry>>, Finding> {
    fields.iter().map(|field| field.find_entry(ImageEdit::default().text(texts, field)?)).collect()
}

impl ImageEdit {
    /// The text of a field's file as far as it was edited.
    ///
    /// # Errors
    /// It was not read.
    pub fn text<'t>(&'t self, texts: &'t FileTexts, field: &ImageField) -> Result<&'t str, Finding> {
        let text = self.files.get(&field.file).or_else(|| texts.get(&field.file));
        text.map(String::as_str).ok_or_else(|| {
            Finding::inconclusive(field.file.as_str()).actual("it was not read").expected("the file with the image")
        })
    }

    /// Adds the edit of a field to those before it.
    pub fn add(&mut self, field: &ImageField, edited: Edited, entry: ImageEntry) {
        let Edited { text, previous, changed } = edited;
        if changed {
            self.files.insert(field.file.clone(), text);
        }
        self.fields.push(FieldEdit { field: field.clone(), previous, entry, changed });
    }

    #[must_use]
    pub fn changed(&self) -> bool {
        self.fields.iter().any(|field| field.changed)
    }

    /// The new image as a whole: each part that some field has.
    #[must_use]
    pub fn entry(&self) -> Option<ImageEntry> {
        whole_entry(self.fields.iter().map(|field| &field.entry))
    }

    /// The image before: that of the first field that changed, else of the first one. `None` when there was no entry.
    #[must_use]
    pub fn previous(&self) -> Option<String> {
        let first = self.fields.iter().find(|field| field.changed).or_else(|| self.fields.first());
        let first = first?.previous.as_ref()?;
        // Other fields with the same image may have another part of it.
        let is_same = |entry: &&ImageEntry| {
            entry.repository() == first.repository()
                && (entry.tag.is_none() || first.tag.is_none() || entry.tag == first.tag)
                && (entry.digest.is_none() || first.digest.is_none() || entry.digest == first.digest)
        };
        let changed = self.fields.iter().filter(|field| field.changed).filter_map(|field| field.previous.as_ref());
        whole_entry([first].into_iter().chain(changed.filter(is_same))).map(|entry| entry.reference())
    }

    /// What was in each field, for a service with several: `values.yaml .image.tag: registry/app:1.4.1`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let line = |FieldEdit { field, previous, changed, .. }: &FieldEdit| {
            let previous = previous.as_ref().map_or_else(|| "no image".to_owned(), ImageEntry::reference);
            let unchanged = if *changed { "" } else { ", unchanged" };
            format!("{} {}: {previous}{unchanged}", field.file, field.name())
        };
        if self.fields.len() > 1 { self.fields.iter().map(line).collect() } else { Vec::new() }
    }
}

/// The image of several entries: each part that one of them has, of the first that has it.
#[must_use]
pub fn whole_entry<'e>(entries: impl IntoIterator<Item = &'e ImageEntry>) -> Option<ImageEntry> {
    let mut entries = entries.into_iter();
    let mut whole = entries.next()?.clone();
    for entry in entries {
        whole.tag = whole.tag.or_else(|| entry.tag.clone());
        whole.digest = whole.digest.or_else(|| entry.digest.clone());
    }
    Some(whole)
}
