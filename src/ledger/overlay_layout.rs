//! Which files are looked at, and which of a kustomization's entries hold the image of a service.

use std::collections::BTreeMap;

use super::{
    layout::{FileImage, ImageLayout, OwnedFile},
    overlays::{ENVIRONMENT, OverlayScope, SERVICE},
};
use crate::{
    finding::Finding,
    image_entry::ImageEntry,
    subject::{Image, Service, Subject},
};

/// The layout of the infra repository, and the service and environment that are looked at; `None` for all.
#[derive(Debug)]
pub struct OverlayLayout {
    layout: ImageLayout,
    pub scope: OverlayScope,
    image_name: Option<String>,
}

impl OverlayLayout {
    #[must_use]
    pub fn new(layout: ImageLayout, image_name: Option<&str>, subject: &Subject) -> Self {
        let Subject { service, environment, .. } = subject.clone();
        Self { layout, scope: OverlayScope { service, environment }, image_name: image_name.map(ToOwned::to_owned) }
    }

    /// # Errors
    /// The owners of some file are not known: it is for any service or environment, and the subject does not name that either.
    pub fn check_owners(&self) -> Result<(), Finding> {
        let Self { layout, scope, .. } = self;
        let pattern = layout.pattern();
        for (name, given) in [(SERVICE, scope.service.is_some()), (ENVIRONMENT, scope.environment.is_some())] {
            if !given && !pattern.contains(name) && layout.uses_overlays(scope) {
                return Err(Finding::inconclusive("`file`").actual(pattern).expected(format!(
                    "a pattern with `{name}`, or the {} as a setting",
                    name.trim_matches(['{', '}'])
                )));
            }
        }
        match layout.unknown_environments(scope) {
            None => Ok(()),
            Some(actual) => Err(Finding::inconclusive("`files`")
                .actual(actual)
                .expected(format!("a path with `{ENVIRONMENT}`, or `environments`, or the environment as a setting"))),
        }
    }

    /// The files of a service in an environment.
    #[must_use]
    pub fn present_files(&self, owned: &OwnedFile) -> Vec<String> {
        self.layout.files(&owned.service, &owned.environment).into_iter().map(|file| file.path).collect()
    }

    /// Whether a path can be a file of some service.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.layout.matches(path)
    }

    /// Whose image a file has; none for other files and for those outside the scope.
    #[must_use]
    pub fn owners(&self, path: &str) -> Vec<OwnedFile> {
        self.layout.owners(path, &self.scope)
    }

    #[must_use]
    pub const fn has_image_name(&self) -> bool {
        self.image_name.is_some()
    }

    /// The name that the setting `image-name` gives the entries of a service in a kustomization.
    #[must_use]
    pub fn image_name(&self, owned: &OwnedFile) -> Option<String> {
        let name = self.image_name.as_ref().filter(|_| owned.file.image == FileImage::Entry)?;
        Some(name.replace(SERVICE, owned.service.as_str()))
    }

    /// Whether an entry holds the image of a service: by the setting `image-name`, else by the service's repository or name.
    /// Fields at paths hold no other.
    #[must_use]
    pub fn is_of_service(&self, entry: &ImageEntry, owned: &OwnedFile, images: &BTreeMap<Service, Image>) -> bool {
        let OwnedFile { service, file, .. } = owned;
        match (self.image_name(owned), images.get(service)) {
            _ if file.image != FileImage::Entry => true,
            (Some(name), _) => entry.name == name,
            (None, image) => {
                let is_repository = |name: &str| image.is_some_and(|image| image.as_str() == name);
                entry.name == service.as_str() || is_repository(&entry.name) || is_repository(entry.repository())
            }
        }
    }
}
