//! The layout of the overlays: which file has the image of which service and environment, and which of its entries that is.

use std::collections::BTreeMap;

use crate::{
    finding::Finding,
    kustomization::ImageEntry,
    ledger::{ENVIRONMENT, OverlayPattern, OverlayScope, SERVICE},
    subject::{Environment, Image, Service, Subject},
};

/// The path pattern of the overlays, and the audited service and environment; `None` for all.
#[derive(Debug)]
pub(super) struct OverlayLayout {
    pattern: OverlayPattern,
    pub scope: OverlayScope,
    image_name: Option<String>,
}

impl OverlayLayout {
    /// # Errors
    /// A pattern without service or environment, when the subject lacks it too.
    pub fn new(pattern: &str, image_name: Option<&str>, subject: &Subject) -> Result<Self, Finding> {
        let Subject { service, environment, .. } = subject.clone();
        for (name, given) in [(SERVICE, service.is_some()), (ENVIRONMENT, environment.is_some())] {
            if !given && !pattern.contains(name) {
                return Err(Finding::inconclusive("`file`").actual(pattern).expected(format!(
                    "a pattern with `{name}`, or the {} as a setting",
                    name.trim_matches(['{', '}'])
                )));
            }
        }
        Ok(Self {
            pattern: OverlayPattern::new(pattern)?,
            scope: OverlayScope { service, environment },
            image_name: image_name.map(ToOwned::to_owned),
        })
    }

    /// The service and environment of a file; `None` for other files and for those outside the audit.
    pub fn owner(&self, path: &str) -> Option<(Service, Environment)> {
        self.pattern.owner(path, &self.scope)
    }

    pub fn includes(&self, service: &Service, environment: &Environment) -> bool {
        self.scope.includes(service, environment)
    }

    pub const fn has_image_name(&self) -> bool {
        self.image_name.is_some()
    }

    /// The name that the setting `image-name` gives the entries of a service.
    pub fn image_name(&self, service: &Service) -> Option<String> {
        self.image_name.as_ref().map(|name| name.replace(SERVICE, service.as_str()))
    }

    /// Whether an entry holds the image of a service: by the setting `image-name`, else by the service's repository or name.
    pub fn is_of_service(&self, entry: &ImageEntry, service: &Service, images: &BTreeMap<Service, Image>) -> bool {
        match (self.image_name(service), images.get(service)) {
            (Some(name), _) => entry.name == name,
            (None, image) => {
                let is_repository = |name: &str| image.is_some_and(|image| image.as_str() == name);
                entry.name == service.as_str() || is_repository(&entry.name) || is_repository(entry.repository())
            }
        }
    }
}
