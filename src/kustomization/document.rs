//! A kustomization file as a YAML tree.

use crate::yaml::{
    EditError, Position, YamlErrorKind,
    text::{MAX_DEPTH, check_characters, unreadable},
    tree::{Document, read_document},
};

/// Reads the only document of `text`.
pub fn parse(text: &str) -> Result<Document, EditError> {
    check_characters(text)?;
    let document = read_document(text, MAX_DEPTH).map_err(|error| match error.kind {
        YamlErrorKind::SecondDocument => EditError::at(error.position, "the file")
            .actual("a second YAML document")
            .expected("one document")
            .next("keep the kustomization alone in its file"),
        _ => unreadable(text, error),
    })?;
    document.ok_or_else(|| {
        EditError::at(Position::START, "the file")
            .actual("no YAML document, only blank lines and comments")
            .expected("a kustomization: a mapping with keys such as `resources`")
            .next("is it the right file?")
    })
}
