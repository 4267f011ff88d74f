//! One image field of the infra repository: its file, where it is in the file, and the values to set.

use std::str::FromStr;

use crate::{
    error::ValueError,
    finding::Finding,
    image_entry::{Edited, EntryText, ImageEntry},
    image_fields::{self, ImageFields, NewRelease},
    kustomization::{self, ImageChange},
    ledger::{FileImage, ImageFile},
    subject::{Digest, Image, Service, Subject, Tag},
    world::git::TreePath,
    yaml::EditError,
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

/// The image of a service in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageField {
    pub file: TreePath,
    pub place: FieldPlace,
}

/// Where the image is in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldPlace {
    /// The entry of this name in a kustomization: the image's name in the manifests.
    Entry(String),
    /// Fields at paths.
    Fields {
        fields: ImageFields,
        /// The service's image.
        image: Image,
        /// Whether a last key that is missing may be added.
        create: bool,
    },
}

impl ImageField {
    /// An entry of a kustomization.
    #[must_use]
    pub fn entry(file: TreePath, name: &str) -> Self {
        Self { file, place: FieldPlace::Entry(name.to_owned()) }
    }

    /// The name of the entry, or the paths of the fields.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.place {
            FieldPlace::Entry(name) => name.clone(),
            FieldPlace::Fields { fields, .. } => fields.to_string(),
        }
    }

    /// Whether a commit that changed a file of the ledger changed this field, or an entry beside it.
    #[must_use]
    pub fn is_in(&self, file: &ImageFile) -> bool {
        let is_same_place = match (&self.place, &file.image) {
            (FieldPlace::Entry(_), FileImage::Entry) => true,
            (FieldPlace::Fields { fields, .. }, FileImage::Fields { fields: others, .. }) => *fields == **others,
            _ => false,
        };
        is_same_place && self.file.as_str() == file.path
    }

    /// The current entry in the file's text; `None` when it has none.
    ///
    /// # Errors
    /// The file cannot be read safely.
    pub fn find_entry(&self, text: &str) -> Result<Option<ImageEntry>, Finding> {
        let entry = match &self.place {
            FieldPlace::Entry(name) => kustomization::image(text, name),
            FieldPlace::Fields { fields, image, .. } => {
                image_fields::read(text, fields, image).map(|entry| entry.map(|entry| entry.entry))
            }
        };
        entry.map_err(|error| error.to_finding(self.file.as_str()))
    }

    /// The file with the new image, and the new entry.
    ///
    /// # Errors
    /// The file cannot be edited safely.
    pub fn set(&self, text: &str, new: &NewImage) -> Result<(Edited, ImageEntry), Finding> {
        self.try_set(text, new).map_err(|error| error.to_finding(self.file.as_str()))
    }

    fn try_set(&self, text: &str, new: &NewImage) -> Result<(Edited, ImageEntry), EditError> {
        let (tag, digest) = (new.tag.as_ref().map(ToString::to_string), new.digest.as_ref().map(ToString::to_string));
        let name = match &self.place {
            FieldPlace::Fields { fields, image, create } => {
                let release = NewRelease { tag: tag.as_deref(), digest: digest.as_deref() };
                return image_fields::set(text, fields, image, release, *create);
            }
            FieldPlace::Entry(name) => name,
        };
        let current = kustomization::image(text, name)?;
        let new_name = new.image.as_ref().map(ToString::to_string);
        let new_name = new_name.or_else(|| current.and_then(|entry| entry.new_name));
        let change = ImageChange { name: name.clone(), new_name, tag, digest };
        let edited = kustomization::set_image(text, &change)?;
        let ImageChange { name, new_name, tag, digest } = change;
        Ok((edited, ImageEntry { name, new_name, tag, digest }))
    }

    /// The file with the image as `before` has it, byte for byte, where it is as `after` has it; `None` when that cannot be done.
    ///
    /// # Errors
    /// The file cannot be read safely.
    pub fn restore(&self, text: &str, before: &EntryText, after: &EntryText) -> Result<Option<Edited>, Finding> {
        let restored = match &self.place {
            FieldPlace::Entry(_) => kustomization::restore(text, before, after),
            FieldPlace::Fields { fields, image, .. } => image_fields::restore(text, fields, image, before, after),
        };
        restored.map_err(|error| error.to_finding(self.file.as_str()))
    }
}
