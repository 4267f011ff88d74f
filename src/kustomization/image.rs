//! The keys of an image entry, and the requested change of one.

use crate::yaml::{EditError, quoting::is_image_character};

/// The arguments of `kustomize edit set image`. A part that is `None` is removed from the entry, as kustomize does: a tag
/// alone removes the digest, a digest alone removes the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// The image as the manifests name it: `images[].name`.
    pub name: String,
    /// The repository to pull it from. When it equals `name`, it is redundant, and written only over an existing `newName`.
    pub new_name: Option<String>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// The keys of an image entry (kustomize 5.8.1, `api/types/image.go`), in their usual order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageKey {
    Name,
    NewName,
    NewTag,
    Digest,
    /// Appended to the manifest's own tag. Setting the image removes it.
    TagSuffix,
}

impl ImageKey {
    pub const ALL: [Self; 5] = [Self::Name, Self::NewName, Self::NewTag, Self::Digest, Self::TagSuffix];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NewName => "newName",
            Self::NewTag => "newTag",
            Self::Digest => "digest",
            Self::TagSuffix => "tagSuffix",
        }
    }
}

impl ImageChange {
    /// The value that the entry is to hold under `key`. A new name equal to the name is redundant: it is wanted only if the
    /// key `exists` already.
    pub fn value(&self, key: ImageKey, exists: bool) -> Option<&str> {
        match key {
            ImageKey::Name => Some(&self.name),
            ImageKey::NewName => self.new_name.as_deref().filter(|new| exists || *new != self.name),
            ImageKey::NewTag => self.tag.as_deref(),
            ImageKey::Digest => self.digest.as_deref(),
            ImageKey::TagSuffix => None,
        }
    }

    /// The keys and values of a new entry.
    pub fn values(&self) -> impl Iterator<Item = (ImageKey, &str)> {
        ImageKey::ALL.into_iter().filter_map(|key| Some((key, self.value(key, false)?)))
    }

    /// Refuses values that no image has, regardless of earlier checks: quotes, blanks and line ends never reach the file.
    pub fn check(&self) -> Result<(), EditError> {
        let parts = [("newName", &self.new_name), ("newTag", &self.tag), ("digest", &self.digest)];
        let given = parts.iter().filter_map(|(key, value)| Some((*key, value.as_ref()?)));
        for (key, value) in [("name", &self.name)].into_iter().chain(given) {
            // To kustomize, `name` is a pattern, and some users write one.
            let (accepts, expected): (fn(u8) -> bool, _) = match key {
                "name" => (|byte| byte.is_ascii_graphic(), "ASCII characters without blanks, at least one"),
                _ => (is_image_character, "letters, digits and ._-/:@+, at least one"),
            };
            if value.is_empty() || !value.bytes().all(accepts) {
                let error = EditError::of_change(format!("image {key}"));
                return Err(error.actual(format!("{value:?}")).expected(expected));
            }
        }
        if parts.iter().all(|(_, value)| value.is_none()) {
            return Err(EditError::of_change(format!("image {}", self.name))
                .actual("neither new name nor tag nor digest")
                .expected("at least one of them"));
        }
        Ok(())
    }
}
