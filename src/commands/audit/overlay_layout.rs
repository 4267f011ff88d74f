//! Which files are audited, and which of a kustomization's entries hold the image of a service.

use std::collections::BTreeMap;

use crate::{
    finding::Finding,
    image_entry::ImageEntry,
    ledger::{ENVIRONMENT, FileImage, ImageLayout, OverlayScope, OwnedFile, SERVICE},
    subject::{Image, Service, Subject},
};

/// The layout of the infra repository, and the audited service and environment; `None` for all.
#[derive(Debug)]
pub(super) struct OverlayLayout {
    layout: ImageLayout,
    pub scope: OverlayScope,
    image_name: Option<String>,
}

impl OverlayLayout {
    /// # Errors
    /// A file of any service or environment, when the subject lacks it too.
    pub fn new(layout: ImageLayout, image_name: Option<&str>, subject: &Subject) -> Result<Self, Finding> {
        let Subject { service, environment, .. } = subject.clone();
        let scope = OverlayScope { service, environment };
        let pattern = layout.pattern();
        for (name, given) in [(SERVICE, scope.service.is_some()), (ENVIRONMENT, scope.environment.is_some())] {
            if !given && !pattern.contains(name) && layout.uses_overlays(&scope) {
                return Err(Finding::inconclusive("`file`").actual(pattern).expected(format!(
                    "a pattern with `{name}`, or the {} as a setting",
                    name.trim_matches(['{', '}'])
                )));
            }
        }
        if let Some(actual) = layout.unknown_environments(&scope) {
            return Err(Finding::inconclusive("`files`")
                .actual(actual)
                .expected(format!("a path with `{ENVIRONMENT}`, or `environments`, or the environment as a setting")));
        }
        Ok(Self { layout, scope, image_name: image_name.map(ToOwned::to_owned) })
    }

    /// Whose image a file has; none for other files and for those outside the audit.
    pub fn owners(&self, path: &str) -> Vec<OwnedFile> {
        self.layout.owners(path, &self.scope)
    }

    pub const fn has_image_name(&self) -> bool {
        self.image_name.is_some()
    }

    /// The name that the setting `image-name` gives the entries of a service in a kustomization.
    pub fn image_name(&self, owned: &OwnedFile) -> Option<String> {
        let name = self.image_name.as_ref().filter(|_| owned.file.image == FileImage::Entry)?;
        Some(name.replace(SERVICE, owned.service.as_str()))
    }

    /// Whether an entry holds the image of a service: by the setting `image-name`, else by the service's repository or name.
    /// Fields at paths hold no other.
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
