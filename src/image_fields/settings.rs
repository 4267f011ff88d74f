//! Where a file has an image: the document, and the paths of the fields.

use std::fmt;

use super::path::FieldPath;
use crate::subject::{Environment, Service};

/// The fields of one image in one document of a file. It has `image`, or `tag`, or `digest`, or the last two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ImageFields {
    pub document: DocumentSelector,
    /// A whole image in one text, or a list with such texts.
    pub image: Option<FieldPath>,
    pub tag: Option<FieldPath>,
    pub digest: Option<FieldPath>,
    /// The repository, and the registry if that stands alone: compared with the service's image, never set.
    pub repository: Option<FieldPath>,
    pub registry: Option<FieldPath>,
}

/// Which document of a file: the one with these values, or the only one that has the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DocumentSelector {
    pub kind: Option<String>,
    pub name: Option<String>,
    pub namespace: Option<String>,
}

/// A field that a release sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Image,
    Tag,
    Digest,
}

impl ImageFields {
    /// The fields that a release sets, in this order in [`Written::Fields`](crate::image_entry::Written).
    pub fn set_fields(&self) -> impl Iterator<Item = (FieldKind, &FieldPath)> {
        let fields = [(FieldKind::Image, &self.image), (FieldKind::Tag, &self.tag), (FieldKind::Digest, &self.digest)];
        fields.into_iter().filter_map(|(kind, path)| Some((kind, path.as_ref()?)))
    }

    fn paths(&self) -> impl Iterator<Item = &FieldPath> {
        [&self.image, &self.tag, &self.digest, &self.repository, &self.registry].into_iter().flatten()
    }

    /// The fields with the names of a service and an environment in the place of `{service}` and `{environment}`.
    #[must_use]
    pub fn filled(&self, service: &Service, environment: &Environment) -> Self {
        let path = |path: &Option<FieldPath>| path.as_ref().map(|path| path.filled(service, environment));
        Self {
            document: self.document.filled(service, environment),
            image: path(&self.image),
            tag: path(&self.tag),
            digest: path(&self.digest),
            repository: path(&self.repository),
            registry: path(&self.registry),
        }
    }

    /// Whether a name is still to be filled in.
    #[must_use]
    pub fn mentions(&self, placeholder: &str) -> bool {
        self.paths().any(|path| path.mentions(placeholder))
            || self.document.parts().any(|(_, value)| value.contains(placeholder))
    }
}

impl DocumentSelector {
    /// The path and the wanted value of each part.
    pub fn parts(&self) -> impl Iterator<Item = (&'static [&'static str], &str)> {
        let parts: [(&[&str], _); 3] = [
            (&["kind"], &self.kind),
            (&["metadata", "namespace"], &self.namespace),
            (&["metadata", "name"], &self.name),
        ];
        parts.into_iter().filter_map(|(path, value)| Some((path, value.as_deref()?)))
    }

    fn filled(&self, service: &Service, environment: &Environment) -> Self {
        let fill = |text: &Option<String>| {
            let text = text.as_ref()?;
            Some(text.replace("{service}", service.as_str()).replace("{environment}", environment.as_str()))
        };
        Self { kind: fill(&self.kind), name: fill(&self.name), namespace: fill(&self.namespace) }
    }

    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for ImageFields {
    /// `.image.tag, .image.digest`, `.spec.image in HelmRelease checkout`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (_, path)) in self.set_fields().enumerate() {
            write!(f, "{}{path}", if index == 0 { "" } else { ", " })?;
        }
        if self.document.is_any() { Ok(()) } else { write!(f, " in {}", self.document) }
    }
}

impl fmt::Display for DocumentSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.parts().map(|(_, value)| value).collect();
        f.write_str(&parts.join(" "))
    }
}
