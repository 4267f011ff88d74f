//! Plans the smallest edit of the fields of an image, and makes it.

use super::{
    current::{BYTE_ORDER_MARK, Field, FieldFile, FileDocuments},
    lookup::{Found, LookupError, Scalar, walk},
    path::{FieldPath, Step},
    proof::{self, Expected},
    settings::{FieldKind, ImageFields},
    values::{ImageText, read_tag, suffix},
};
use crate::{
    image_entry::{Edited, EntryText, ImageEntry, Written},
    subject::Image,
    yaml::{
        EditError,
        quoting::{plain_is_text, render},
        splices::{Splices, line_break, line_end, value_lead},
        text::is_json,
        tree::{Content, Quoting, SpannedNode},
    },
};

/// The parts of a release that the fields are to hold.
#[derive(Clone, Copy, Debug)]
pub struct NewRelease<'r> {
    pub tag: Option<&'r str>,
    pub digest: Option<&'r str>,
}

/// Sets the fields of an image, and returns the file with the entry that it has now. `create`: a last key that is missing is
/// added.
///
/// # Errors
/// The file cannot be edited safely; nothing is at a path; a field needs a part that the release does not have.
pub fn set(
    text: &str,
    fields: &ImageFields,
    image: &Image,
    release: NewRelease<'_>,
    create: bool,
) -> Result<(Edited, ImageEntry), EditError> {
    let documents = FileDocuments::read(text)?;
    let file = FieldFile::new(text, &documents, fields, image)?;
    let previous = file.entry(fields, image)?.map(|entry| entry.entry);
    let mut edit = Edit::new(&file);
    for field in &file.fields {
        match &field.scalar {
            Ok(scalar) => {
                let wanted = wanted_value(field, Some(scalar), fields, image, release)?;
                edit.set(scalar, &wanted);
            }
            Err(_) if create => {
                let wanted = wanted_value(field, None, fields, image, release)?;
                edit.add(&field.path, &wanted)?;
            }
            Err(missing) => return Err(missing.clone()),
        }
    }
    let (edited, entry) = edit.apply(text, fields, image)?;
    let entry = entry.ok_or_else(|| proof::refused("the fields would be gone"))?.entry;
    let changed = edited != text;
    Ok((Edited { text: edited, previous, changed }, entry))
}

/// Puts the fields back as `before` has them, where they are as `after` has them. `None` when they are written differently since.
///
/// # Errors
/// The file cannot be read safely.
pub fn restore(
    text: &str,
    fields: &ImageFields,
    image: &Image,
    before: &EntryText,
    after: &EntryText,
) -> Result<Option<Edited>, EditError> {
    let documents = FileDocuments::read(text)?;
    let file = FieldFile::new(text, &documents, fields, image)?;
    let current = file.entry(fields, image)?;
    let (Written::Fields(earlier), true) = (&before.written, current.as_ref() == Some(after)) else { return Ok(None) };
    let scalars: Vec<&Scalar> = file.fields.iter().filter_map(|field| field.scalar.as_ref().ok()).collect();
    if scalars.len() != earlier.len() {
        return Ok(None);
    }
    let mut edit = Edit::new(&file);
    for (scalar, earlier) in scalars.into_iter().zip(earlier) {
        // Within a block scalar, further lines are indented by its place.
        if scalar.block.is_some() && earlier.written.contains('\n') {
            return Ok(None);
        }
        edit.put_back(scalar, &earlier.value, &earlier.written);
    }
    // An error is no end: the values can still be set one by one.
    let Ok((edited, entry)) = edit.apply(text, fields, image) else { return Ok(None) };
    let is_restored = entry.as_ref() == Some(before);
    let changed = edited != text;
    Ok(is_restored.then_some(Edited { text: edited, previous: Some(after.entry.clone()), changed }))
}

/// The value that a field is to hold. `scalar`: what it holds now.
fn wanted_value(
    field: &Field,
    scalar: Option<&Scalar>,
    fields: &ImageFields,
    image: &Image,
    release: NewRelease<'_>,
) -> Result<String, EditError> {
    let NewRelease { tag, digest } = release;
    let current = scalar.and_then(Scalar::text);
    let lacks = |part: &str, next: &str| {
        let error = match scalar {
            Some(scalar) => EditError::at(scalar.position, format!("`{}`", field.path)),
            None => EditError::of_change(format!("`{}`", field.path)),
        };
        Err(error.actual(format!("the release has no {part}")).expected(format!("the {part} to set")).next(next))
    };
    match field.kind {
        FieldKind::Image => Ok(match current {
            Some(text) => ImageText::read(text).with(tag, digest),
            None => format!("{image}{}", suffix(tag, digest)),
        }),
        FieldKind::Tag => {
            let has_digest = current.and_then(read_tag).is_some_and(|(_, digest)| digest.is_some());
            match (tag, digest) {
                (Some(tag), Some(digest)) if has_digest && fields.digest.is_none() => Ok(format!("{tag}@{digest}")),
                (Some(tag), _) => Ok(tag.to_owned()),
                // The digest decides; another tag beside it would say something else.
                (None, _) if fields.digest.is_some() => Ok(String::new()),
                (None, _) => lacks("tag", "give `tag`, or add the path of a `digest`"),
            }
        }
        FieldKind::Digest => match digest {
            Some(digest) => Ok(digest.to_owned()),
            // As in a kustomization, a tag alone removes the digest, which would decide otherwise.
            None if fields.tag.is_some() => Ok(String::new()),
            None => lacks("digest", "give `digest`, or add the path of a `tag`"),
        },
    }
}

/// An edit of a file, with what it is to change.
struct Edit<'f> {
    file: &'f FieldFile<'f>,
    is_json: bool,
    splices: Splices,
    expected: Expected,
}

impl<'f> Edit<'f> {
    fn new(file: &'f FieldFile<'f>) -> Self {
        let splices = Splices::within(0..file.text.len());
        Self { file, is_json: is_json(file.text), splices, expected: Expected::default() }
    }

    /// The quoting of a new value. JSON has one.
    fn quoting(&self, old: Quoting) -> Quoting {
        if self.is_json { Quoting::Double } else { old }
    }

    fn set(&mut self, scalar: &Scalar, wanted: &str) {
        let is_ambiguous = scalar.quoting == Quoting::Plain && !plain_is_text(&scalar.value);
        let is_kept = if wanted.is_empty() { scalar.text().is_none() } else { scalar.value == wanted && !is_ambiguous };
        if is_kept {
            return;
        }
        let value = render(wanted, self.quoting(scalar.quoting), scalar.flow);
        let lead = value_lead(self.file.text, &(scalar.start..scalar.end));
        self.splices.replace(scalar.start..scalar.end, format!("{lead}{value}"));
        self.expected.value(scalar, wanted, false);
    }

    fn put_back(&mut self, scalar: &Scalar, value: &str, written: &str) {
        self.splices.replace(scalar.from..scalar.end, written);
        self.expected.value(scalar, value, true);
    }

    /// Adds the last key of a path behind a key of the same mapping that has its own line.
    fn add(&mut self, path: &FieldPath, wanted: &str) -> Result<(), EditError> {
        let text = self.file.text;
        let impossible = |actual: &str| {
            EditError::of_change(format!("`{path}`"))
                .actual(actual)
                .expected("a mapping of the file that lacks only the path's last key")
                .next("add the key by hand once")
        };
        let steps = path.steps();
        let Some((Step::Key(key), parents)) = steps.split_last() else {
            return Err(impossible("the path does not end with a key"));
        };
        let root = self.file.document.map(|index| &self.file.documents[index].root);
        let root = root.ok_or_else(|| impossible("the file has no document for it, or several"))?;
        let mapping: &SpannedNode = match walk_parents(text, root, path, parents.len())? {
            Some(mapping) => mapping,
            None => return Err(impossible("it would be in the text of a block scalar")),
        };
        let Content::Map { pairs, flow } = &mapping.content else {
            return Err(impossible("there is no mapping to add it to"));
        };
        let own_line = |node: &SpannedNode| {
            node.scalar().is_some_and(|(_, quoting)| quoting != Quoting::Block)
                && node.anchor == 0
                && !text[node.start..node.end].contains('\n')
        };
        let Some(neighbour) = pairs.iter().rev().find(|pair| own_line(&pair.value) && pair.value.start > pair.key.end)
        else {
            return Err(impossible("the mapping has no key with a value on its line"));
        };
        let key_quoting = neighbour.key.scalar().map_or(Quoting::Plain, |(_, quoting)| quoting);
        let value_quoting = self.quoting(Quoting::Plain);
        let pair = format!("{}: {}", render(key, key_quoting, *flow), render(wanted, value_quoting, *flow));
        if *flow {
            self.splices.extend_flow(text, neighbour.key.start..neighbour.value.end, &[pair]);
        } else {
            let indent = " ".repeat(neighbour.key.position.column - 1);
            let line_break = line_break(text, neighbour.value.end);
            self.splices.insert(line_end(text, neighbour.value.end), format!("{line_break}{indent}{pair}"));
        }
        self.expected.added(mapping, key, wanted);
        Ok(())
    }

    /// The text after the edit, compared with the one before, and the image in it. `original` may start with a byte order mark.
    fn apply(
        self,
        original: &str,
        fields: &ImageFields,
        image: &Image,
    ) -> Result<(String, Option<EntryText>), EditError> {
        if self.splices.is_empty() {
            return Ok((original.to_owned(), self.file.entry(fields, image)?));
        }
        let overlap = || proof::refused("its parts would overlap");
        let edited = self.splices.apply(self.file.text).ok_or_else(overlap)?;
        let documents = FileDocuments::read(&edited)
            .map_err(|error| proof::refused(&format!("the file would not be readable any more: {error}")))?;
        proof::verify(self.file.documents, documents.all(), &self.expected)?;
        let entry = FieldFile::new(&edited, &documents, fields, image)?.entry(fields, image)?;
        let mark = original.starts_with(BYTE_ORDER_MARK).then(|| BYTE_ORDER_MARK.to_string());
        Ok((mark.unwrap_or_default() + &edited, entry))
    }
}

/// The mapping at the first `count` steps of a path; `None` when it is in a block scalar.
fn walk_parents<'t>(
    text: &str,
    root: &'t SpannedNode,
    path: &FieldPath,
    count: usize,
) -> Result<Option<&'t SpannedNode>, EditError> {
    match walk(text, root, &path.first_steps(count)).map_err(LookupError::into_error)? {
        Found::Node { node, .. } => Ok(Some(node)),
        Found::Block { .. } => Ok(None),
    }
}
