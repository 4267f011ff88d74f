//! Reads the image that the fields of a file hold.

use super::{
    lookup::{LookupError, Scalar, own_text, scalar_at, two_places},
    path::FieldPath,
    settings::{DocumentSelector, FieldKind, ImageFields},
    values::{ImageText, is_repository, read_tag},
};
use crate::{
    image_entry::{EntryText, FieldText, ImageEntry, Written},
    subject::{Digest, Image},
    yaml::{
        EditError, Position,
        text::parse_all,
        tree::{Document, SpannedNode},
    },
};

/// The documents of a file, read once for all images in it.
#[derive(Debug)]
pub struct FileDocuments(Vec<Document>);

impl FileDocuments {
    #[must_use]
    pub fn all(&self) -> &[Document] {
        &self.0
    }

    /// # Errors
    /// The file cannot be read safely.
    pub fn read(text: &str) -> Result<Self, EditError> {
        parse_all(without_mark(text)).map(Self)
    }
}

/// A file with the fields of one image.
pub struct FieldFile<'t> {
    /// Without a byte order mark.
    pub text: &'t str,
    pub documents: &'t [Document],
    pub fields: Vec<Field>,
    /// The index of the document that has them; `None` when none has any.
    pub document: Option<usize>,
}

/// A field that a release sets.
pub struct Field {
    pub kind: FieldKind,
    pub path: FieldPath,
    /// Why there is none, when nothing is at the path.
    pub scalar: Result<Scalar, EditError>,
}

/// The mark at the start of some files, which is kept.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// The image that a file holds, with the text of its fields; `None` when nothing is at their paths.
///
/// # Errors
/// The file cannot be read safely, or holds another image than the service's.
pub fn read(text: &str, fields: &ImageFields, image: &Image) -> Result<Option<EntryText>, EditError> {
    read_from(text, &FileDocuments::read(text)?, fields, image)
}

/// The same, of a file whose documents were read.
///
/// # Errors
/// As [`read`].
pub fn read_from(
    text: &str,
    documents: &FileDocuments,
    fields: &ImageFields,
    image: &Image,
) -> Result<Option<EntryText>, EditError> {
    FieldFile::new(text, documents, fields, image)?.entry(fields, image)
}

impl<'t> FieldFile<'t> {
    pub fn new(
        text: &'t str,
        FileDocuments(documents): &'t FileDocuments,
        fields: &ImageFields,
        image: &Image,
    ) -> Result<Self, EditError> {
        let text = without_mark(text);
        let (document, fields_found) = find_fields(text, documents, fields, image)?;
        if let Some(index) = document {
            check_repository(text, &documents[index].root, fields, image)?;
        }
        Ok(Self { text, documents, fields: fields_found, document })
    }

    /// The image that the fields hold.
    pub fn entry(&self, fields: &ImageFields, image: &Image) -> Result<Option<EntryText>, EditError> {
        if self.fields.iter().all(|field| field.scalar.is_err()) {
            return Ok(None);
        }
        let mut entry =
            ImageEntry { name: fields.to_string(), new_name: Some(image.to_string()), tag: None, digest: None };
        let mut written = Vec::with_capacity(self.fields.len());
        for Field { kind, path, scalar } in &self.fields {
            let Ok(scalar) = scalar else { continue };
            written.push(FieldText {
                value: scalar.value.clone(),
                written: self.text[scalar.from..scalar.end].to_owned(),
            });
            let Some(value) = scalar.text() else { continue };
            let owned = |part: &str| Some(part.to_owned());
            match kind {
                FieldKind::Image => {
                    let whole = ImageText::read(value);
                    if !whole.is_of(image) {
                        return Err(other_image(scalar.position, path, whole.repository, image));
                    }
                    if !whole.is_valid() {
                        return Err(no_value(scalar.position, path, value, "an image with a tag or a digest"));
                    }
                    (entry.tag, entry.digest) = (whole.tag.and_then(owned), whole.digest.and_then(owned));
                }
                FieldKind::Tag => {
                    let (tag, digest) = read_tag(value)
                        .ok_or_else(|| no_value(scalar.position, path, value, "a tag, or `tag@sha256:…`"))?;
                    entry.tag = owned(tag);
                    entry.digest = digest.and_then(owned);
                }
                FieldKind::Digest => {
                    let digest = value.parse::<Digest>();
                    let digest = digest.map_err(|error| no_value(scalar.position, path, value, &error.to_string()))?;
                    entry.digest = Some(digest.to_string());
                }
            }
        }
        Ok(Some(EntryText { entry, written: Written::Fields(written) }))
    }
}

/// The only document that has one of the fields, and the fields in it.
fn find_fields(
    text: &str,
    documents: &[Document],
    fields: &ImageFields,
    image: &Image,
) -> Result<(Option<usize>, Vec<Field>), EditError> {
    let is_own = |text: &str| ImageText::read(text).is_of(image);
    let selected = select(documents, &fields.document)?;
    let is_one = selected.len() == 1 && (documents.len() == 1 || !fields.document.is_any());
    let mut found: Option<(usize, Vec<Field>)> = None;
    let mut missing = None;
    for index in selected {
        let root = &documents[index].root;
        let mut of_document = Vec::new();
        for (kind, path) in fields.set_fields() {
            let scalar = match scalar_at(text, root, path, &is_own) {
                Ok(scalar) => Ok(scalar),
                Err(LookupError::Missing(error)) => Err(error),
                Err(LookupError::Refused(error)) => return Err(error),
            };
            of_document.push(Field { kind, path: path.clone(), scalar });
        }
        let first = |fields: &[Field]| fields.iter().find_map(|field| field.scalar.as_ref().ok()).map(|it| it.position);
        match (first(&of_document), &found) {
            (None, _) => drop(missing.get_or_insert((index, of_document))),
            (Some(_), None) => found = Some((index, of_document)),
            (Some(second), Some((other, found))) => {
                if !fields.document.is_any() {
                    return Err(second_document(&fields.document, &documents[*other], &documents[index]));
                }
                let first = first(found).unwrap_or(Position::START);
                return Err(two_places(&of_document[0].path, first, second));
            }
        }
    }
    Ok(match (found, missing) {
        (Some((index, fields)), _) => (Some(index), fields),
        // A new field goes into the document that was selected, if there is only one.
        (None, Some((index, missing))) => (is_one.then_some(index), missing),
        (None, None) => {
            let missing = |path: &FieldPath| no_document(path, documents, &fields.document);
            let field =
                |(kind, path): (FieldKind, &FieldPath)| Field { kind, path: path.clone(), scalar: Err(missing(path)) };
            (None, fields.set_fields().map(field).collect())
        }
    })
}

/// The documents that a selector chooses.
fn select(documents: &[Document], selector: &DocumentSelector) -> Result<Vec<usize>, EditError> {
    let mut selected = Vec::with_capacity(documents.len());
    for (index, document) in documents.iter().enumerate() {
        let mut is_selected = true;
        for (keys, wanted) in selector.parts() {
            is_selected &= own_text(&document.root, keys).map_err(LookupError::into_error)? == Some(wanted);
        }
        if is_selected {
            selected.push(index);
        }
    }
    Ok(selected)
}

fn second_document(selector: &DocumentSelector, first: &Document, second: &Document) -> EditError {
    let line = first.root.position.line;
    EditError::at(second.root.position, "`document`")
        .actual(format!("a second document is {selector}, after the one on line {line}"))
        .expected("one document")
        .next("name its `namespace`, too")
}

fn no_document(path: &FieldPath, documents: &[Document], selector: &DocumentSelector) -> EditError {
    let actual = match documents.len() {
        0 => "nothing is there: the file has no YAML document".to_owned(),
        count => format!("nothing is there: none of {count} documents is {selector}"),
    };
    EditError::at(Position::START, format!("`{path}`"))
        .actual(actual)
        .expected("a value at this path")
        .next("correct `document` or the path in `files`")
}

/// Compares the repository beside the tag with that of the service's image.
fn check_repository(text: &str, root: &SpannedNode, fields: &ImageFields, image: &Image) -> Result<(), EditError> {
    let (registry, repository) =
        (part_at(text, root, fields.registry.as_ref())?, part_at(text, root, fields.repository.as_ref())?);
    let Some((path, scalar)) = repository.as_ref().or(registry.as_ref()) else { return Ok(()) };
    let part =
        |found: &Option<(&FieldPath, Scalar)>| found.as_ref().and_then(|(_, scalar)| scalar.text()).map(str::to_owned);
    let whole: Vec<String> = [part(&registry), part(&repository)].into_iter().flatten().collect();
    let whole = whole.join("/");
    let is_same = match &repository {
        Some(_) => is_repository(&whole, image),
        None => image.host_and_path().0 == whole,
    };
    if is_same { Ok(()) } else { Err(other_image(scalar.position, path, &whole, image)) }
}

/// The value at the path of a part, if the settings have one.
fn part_at<'p>(
    text: &str,
    root: &SpannedNode,
    path: Option<&'p FieldPath>,
) -> Result<Option<(&'p FieldPath, Scalar)>, EditError> {
    let Some(path) = path else { return Ok(None) };
    let scalar = scalar_at(text, root, path, &|_| false).map_err(LookupError::into_error)?;
    Ok(Some((path, scalar)))
}

fn other_image(position: Position, path: &FieldPath, actual: &str, image: &Image) -> EditError {
    EditError::at(position, format!("`{path}`"))
        .actual(format!("an image of `{actual}`"))
        .expected(format!("the service's image, {image}"))
        .next("name the place of the service's own image, or correct `image` of the service")
}

fn no_value(position: Position, path: &FieldPath, actual: &str, expected: &str) -> EditError {
    EditError::at(position, format!("`{path}`"))
        .actual(format!("`{actual}`"))
        .expected(expected)
        .next("correct the path in `files`, or the value")
}
