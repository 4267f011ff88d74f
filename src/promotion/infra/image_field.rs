//! One image entry of the infra repository: its file, its name, and the values to set.

use std::str::FromStr;

use crate::{
    error::ValueError,
    finding::Finding,
    kustomization::{self, Edited, ImageChange, ImageEntry, KustomizationError},
    subject::{Digest, Image, Service, Subject, Tag},
    world::git::TreePath,
};

/// An image as manifests name it, which a registry need not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName(String);

impl ImageName {
    /// The name for a service: `{service}` is filled in.
    #[must_use]
    pub fn for_service(&self, service: &Service) -> String {
        self.0.replace("{service}", service.as_str())
    }
}

impl FromStr for ImageName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("an image's name in the manifests, without blanks, at most 255 characters"))
        }
    }
}

/// The values that an image entry is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// The repository to pull it from; `None` keeps the current one, as `kustomize edit set image NAME=*:TAG` does.
    pub image: Option<Image>,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl NewImage {
    /// `1.4.2`, `1.4.2@sha256:…`, `sha256:…`
    #[must_use]
    pub fn release(&self) -> String {
        let parts = [self.tag.as_ref().map(ToString::to_string), self.digest.as_ref().map(ToString::to_string)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("@")
    }
}

impl From<&Subject> for NewImage {
    fn from(subject: &Subject) -> Self {
        Self { image: subject.image.clone(), tag: subject.tag.clone(), digest: subject.digest.clone() }
    }
}

/// One image entry of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageField {
    pub file: TreePath,
    /// The image's name in the manifests.
    pub name: String,
}

impl ImageField {
    /// The current entry in the file's text; `None` when it has none.
    ///
    /// # Errors
    /// The file cannot be read safely.
    pub fn find_entry(&self, text: &str) -> Result<Option<ImageEntry>, Finding> {
        kustomization::image(text, &self.name).map_err(|error| error.to_finding(self.file.as_str()))
    }

    /// The current image in the file's text; `None` when it has no such entry.
    ///
    /// # Errors
    /// As [`ImageField::find_entry`].
    pub fn current_image(&self, text: &str) -> Result<Option<String>, Finding> {
        Ok(self.find_entry(text)?.as_ref().map(ImageEntry::reference))
    }

    /// The file with the new image, and the new entry.
    ///
    /// # Errors
    /// The file cannot be edited safely.
    pub fn set(&self, text: &str, new: &NewImage) -> Result<(Edited, ImageEntry), Finding> {
        self.try_set(text, new).map_err(|error| error.to_finding(self.file.as_str()))
    }

    fn try_set(&self, text: &str, new: &NewImage) -> Result<(Edited, ImageEntry), KustomizationError> {
        let name = &self.name;
        let current = kustomization::image(text, name)?;
        let new_name = new.image.as_ref().map(ToString::to_string);
        let new_name = new_name.or_else(|| current.and_then(|entry| entry.new_name));
        let (tag, digest) = (new.tag.as_ref().map(ToString::to_string), new.digest.as_ref().map(ToString::to_string));
        let change = ImageChange { name: name.clone(), new_name, tag, digest };
        let edited = kustomization::set_image(text, &change)?;
        let ImageChange { name, new_name, tag, digest } = change;
        Ok((edited, ImageEntry { name, new_name, tag, digest }))
    }
}
