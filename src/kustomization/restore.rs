//! Puts an image entry back as it was written in an earlier version of the file, byte for byte.

use super::{
    document,
    image_list::{ImageItem, ImageList},
    proof,
};
use crate::{
    image_entry::{EntryText, Written},
    yaml::{EditError, splices::line_end},
};

fn entry_text(text: &str, item: &ImageItem<'_>) -> EntryText {
    let text = text[item.node.start..entry_end(text, item)].to_owned();
    let written = Written::Entry { text, column: item.node.position.column, flow: item.flow };
    EntryText { entry: item.entry(), written }
}

/// The earlier text of an entry, if it fits in the place of the later one: the same style, and the same indentation if it has
/// several lines.
fn fitting<'t>(before: &'t Written, after: &Written) -> Option<&'t str> {
    let (Written::Entry { text, column, flow }, Written::Entry { column: after_column, flow: after_flow, .. }) =
        (before, after)
    else {
        return None;
    };
    (flow == after_flow && (column == after_column || !text.contains('\n'))).then_some(text)
}

/// The end of an entry's text. Behind a block entry that is the end of the line, with a comment on it.
fn entry_end(text: &str, item: &ImageItem<'_>) -> usize {
    if item.flow { item.node.end } else { line_end(text, item.node.end) }
}

/// All image entries of a kustomization, in their order.
pub fn entries(text: &str) -> Result<Vec<EntryText>, EditError> {
    let document = document::parse(text)?;
    let images = ImageList::read(text, &document)?;
    Ok(images.items.iter().map(|item| entry_text(text, item)).collect())
}

/// The text with `before` in the place of `after`; `None` when it has no such place, or cannot be read back.
pub fn put_back(text: &str, before: &EntryText, after: &EntryText) -> Result<Option<String>, EditError> {
    let document = document::parse(text)?;
    let images = ImageList::read(text, &document)?;
    let name = &after.entry.name;
    let Some(item) = images.item(name)? else { return Ok(None) };
    let is_as_left = entry_text(text, item) == *after;
    let Some(earlier) = fitting(&before.written, &after.written).filter(|_| is_as_left && before.entry.name == *name)
    else {
        return Ok(None);
    };
    let reach = item.node.start..entry_end(text, item);
    let edited = format!("{}{earlier}{}", &text[..reach.start], &text[reach.end..]);
    let is_restored = |item: &ImageItem<'_>| item.entry() == before.entry && proof::is_text(item);
    // An error is no end: the values can still be set one by one.
    Ok(proof::verify_entry(text, &edited, &reach, name, &is_restored).is_ok().then_some(edited))
}
