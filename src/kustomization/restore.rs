//! Puts an image entry back as it was written in an earlier version of the file, byte for byte.

use super::{
    document,
    error::KustomizationError,
    image::ImageEntry,
    image_list::{ImageItem, ImageList},
    proof,
    splices::line_end,
};

/// An image entry as a file has it: its values, and its text from the first key to the end of its last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryText {
    pub entry: ImageEntry,
    text: String,
    /// The column of its keys: the lines after the first are indented by it.
    column: usize,
    flow: bool,
}

impl EntryText {
    fn of_item(text: &str, item: &ImageItem<'_>) -> Self {
        let text = text[item.node.start..entry_end(text, item)].to_owned();
        Self { entry: item.entry(), text, column: item.node.position.column, flow: item.flow }
    }

    /// Whether its text has the place of another one: the same style, and the same indentation if it has several lines.
    fn fits_in_place_of(&self, other: &Self) -> bool {
        self.flow == other.flow && (self.column == other.column || !self.text.contains('\n'))
    }
}

/// The end of an entry's text. Behind a block entry that is the end of the line, with a comment on it.
fn entry_end(text: &str, item: &ImageItem<'_>) -> usize {
    if item.flow { item.node.end } else { line_end(text, item.node.end) }
}

/// All image entries of a kustomization, in their order.
pub fn entries(text: &str) -> Result<Vec<EntryText>, KustomizationError> {
    let document = document::parse(text)?;
    let images = ImageList::read(text, &document)?;
    Ok(images.items.iter().map(|item| EntryText::of_item(text, item)).collect())
}

/// The text with `before` in the place of `after`; `None` when it has no such place, or cannot be read back.
pub fn put_back(text: &str, before: &EntryText, after: &EntryText) -> Result<Option<String>, KustomizationError> {
    let document = document::parse(text)?;
    let images = ImageList::read(text, &document)?;
    let name = &after.entry.name;
    let Some(item) = images.item(name)? else { return Ok(None) };
    let is_as_left = EntryText::of_item(text, item) == *after;
    if !is_as_left || before.entry.name != *name || !before.fits_in_place_of(after) {
        return Ok(None);
    }
    let reach = item.node.start..entry_end(text, item);
    let edited = format!("{}{}{}", &text[..reach.start], before.text, &text[reach.end..]);
    let is_restored = |item: &ImageItem<'_>| item.entry() == before.entry && proof::is_text(item);
    // An error is no end: the values can still be set one by one.
    Ok(proof::verify_entry(text, &edited, &reach, name, &is_restored).is_ok().then_some(edited))
}
