//! Where the infra repository has the image of each service: in the `files` of the config file, else in the kustomization that
//! the setting `file` names.

use std::collections::{BTreeMap, BTreeSet};

use super::overlays::{ENVIRONMENT, OverlayPattern, OverlayScope};
use crate::{
    config::services::{Services, files::ServiceFile},
    finding::Finding,
    image_fields::ImageFields,
    subject::{Environment, Image, Service},
};

/// The files of all services.
#[derive(Clone, Debug)]
pub struct ImageLayout {
    /// The setting `file`.
    overlays: OverlayPattern,
    /// The services with `files`.
    services: BTreeMap<Service, ServiceLayout>,
}

#[derive(Clone, Debug)]
struct ServiceLayout {
    image: Image,
    files: Vec<(ServiceFile, OverlayPattern)>,
}

/// A file with the image of a service in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    pub path: String,
    pub image: FileImage,
}

/// Where the image is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileImage {
    /// An entry of a kustomization.
    Entry,
    /// Fields at paths, of an image of this repository.
    Fields { fields: Box<ImageFields>, image: Image },
}

/// A file, and whose image it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFile {
    pub service: Service,
    pub environment: Environment,
    pub file: ImageFile,
    /// The file of the setting `file`, of a service that has `files` now. It counts only while none of those existed.
    pub is_former: bool,
}

impl ImageLayout {
    /// # Errors
    /// A path is too long for a regular expression.
    pub fn new(file: &str, services: &Services) -> Result<Self, Finding> {
        let mut with_files = BTreeMap::new();
        for (service, source) in services.iter().filter(|(_, source)| !source.files.is_empty()) {
            let pattern = |file: &ServiceFile| OverlayPattern::new(&file.path)?.of_service(service);
            let files = source.files.iter().map(|file| Ok((file.clone(), pattern(file)?)));
            let files = files.collect::<Result<Vec<_>, Finding>>()?;
            with_files.insert(service.clone(), ServiceLayout { image: source.image.clone(), files });
        }
        Ok(Self { overlays: OverlayPattern::new(file)?, services: with_files })
    }

    /// The setting `file`.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.overlays.as_str()
    }

    /// Whether a service has `files`.
    #[must_use]
    pub fn has_files(&self) -> bool {
        !self.services.is_empty()
    }

    /// The files of a service in an environment, in the order of the config file.
    #[must_use]
    pub fn files(&self, service: &Service, environment: &Environment) -> Vec<ImageFile> {
        let of_service =
            self.services.get(service).map(|layout| layout.files(service, environment)).unwrap_or_default();
        if of_service.is_empty() { vec![self.overlay(service, environment)] } else { of_service }
    }

    fn overlay(&self, service: &Service, environment: &Environment) -> ImageFile {
        ImageFile { path: self.overlays.path(service, environment), image: FileImage::Entry }
    }

    /// The files of a service with those of its earlier layout: what its commits may have changed.
    #[must_use]
    pub fn all_files(&self, service: &Service, environment: &Environment) -> Vec<OwnedFile> {
        let owned = |file: ImageFile, is_former: bool| OwnedFile {
            service: service.clone(),
            environment: environment.clone(),
            file,
            is_former,
        };
        let files = self.files(service, environment);
        let former = Some(self.overlay(service, environment));
        let former = former.filter(|former| files.iter().all(|file| file.path != former.path));
        files.into_iter().map(|file| owned(file, false)).chain(former.map(|file| owned(file, true))).collect()
    }

    /// Whether a path can be a file of some service, or was before the service had `files`.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.overlays.matches(path)
            || self.services.values().any(|layout| layout.files.iter().any(|(_, pattern)| pattern.matches(path)))
    }

    /// Whose image a file has, as far as its path and the scope say.
    #[must_use]
    pub fn owners(&self, path: &str, scope: &OverlayScope) -> Vec<OwnedFile> {
        let mut owners: Vec<OwnedFile> = Vec::new();
        for (service, layout) in self.services.iter().filter(|(service, _)| scope.includes_service(service)) {
            for environment in layout.environments(path, scope) {
                let files = layout.files(service, &environment).into_iter().filter(|file| file.path == path);
                owners.extend(files.map(|file| OwnedFile {
                    service: service.clone(),
                    environment: environment.clone(),
                    file,
                    is_former: false,
                }));
            }
        }
        if let Some((service, environment)) = self.overlays.owner(path, scope)
            && !owners.iter().any(|owner| owner.service == service && owner.environment == environment)
        {
            let is_former = self.services.get(&service).is_some_and(|layout| layout.has_any(&environment));
            let file = ImageFile { path: path.to_owned(), image: FileImage::Entry };
            owners.push(OwnedFile { service, environment, file, is_former });
        }
        owners
    }

    /// Why the environments of some file in the scope are not known; `None` when all are.
    #[must_use]
    pub fn unknown_environments(&self, scope: &OverlayScope) -> Option<String> {
        if scope.environment.is_some() {
            return None;
        }
        let mut in_scope = self.services.iter().filter(|(service, _)| scope.includes_service(service));
        in_scope.find_map(|(service, layout)| {
            let (file, _) = layout
                .files
                .iter()
                .find(|(file, _)| file.environments.is_empty() && !file.path.contains(ENVIRONMENT))?;
            Some(format!("{} of {service} is for any environment", file.path))
        })
    }

    /// Whether some file is named by the setting `file` alone.
    #[must_use]
    pub fn uses_overlays(&self, scope: &OverlayScope) -> bool {
        scope.service.as_ref().is_none_or(|service| !self.services.contains_key(service))
    }

    /// The paths below which the files of a scope are, without a trailing `/`; an empty one is the repository's top.
    pub(super) fn directories(&self, scope: &OverlayScope) -> BTreeSet<&str> {
        let files = self.services.iter().filter(|(service, _)| scope.includes_service(service));
        let of_services = files.flat_map(|(_, layout)| layout.files.iter().map(|(_, pattern)| pattern.directory()));
        of_services.chain(self.uses_overlays(scope).then(|| self.overlays.directory())).collect()
    }

    /// Whether a path can be a present file of a service in the scope.
    pub(super) fn is_in_scope(&self, path: &str, scope: &OverlayScope) -> bool {
        let narrowed = self.uses_overlays(scope).then(|| scope.narrow(&self.overlays)).flatten();
        let mut in_scope = self.services.iter().filter(|(service, _)| scope.includes_service(service));
        narrowed.is_some_and(|narrowed| self.overlays.matches(path) && narrowed.matches(path))
            || in_scope.any(|(_, layout)| {
                layout.files.iter().any(|(file, pattern)| {
                    let narrowed = scope.narrow(pattern);
                    scope.environment.as_ref().is_none_or(|environment| file.is_for(environment))
                        && narrowed.is_some_and(|narrowed| pattern.matches(path) && narrowed.matches(path))
                })
            })
    }
}

impl ServiceLayout {
    fn files(&self, service: &Service, environment: &Environment) -> Vec<ImageFile> {
        let files = self.files.iter().filter(|(file, _)| file.is_for(environment));
        let image = |file: &ServiceFile| match &file.fields {
            None => FileImage::Entry,
            Some(fields) => {
                FileImage::Fields { fields: Box::new(fields.filled(service, environment)), image: self.image.clone() }
            }
        };
        files.map(|(file, _)| ImageFile { path: file.path_for(service, environment), image: image(file) }).collect()
    }

    fn has_any(&self, environment: &Environment) -> bool {
        self.files.iter().any(|(file, _)| file.is_for(environment))
    }

    /// The environments whose files a path is one of.
    fn environments(&self, path: &str, scope: &OverlayScope) -> BTreeSet<Environment> {
        let matching = self.files.iter().filter(|(_, pattern)| pattern.matches(path));
        let environments = matching.flat_map(|(file, pattern)| {
            let named = pattern.environment(path);
            let named: Vec<Environment> = match (named, file.path.contains(ENVIRONMENT)) {
                (named, true) => named.into_iter().collect(),
                (_, false) if file.environments.is_empty() => scope.environment.iter().cloned().collect(),
                (_, false) => file.environments.clone(),
            };
            named.into_iter().filter(|environment| file.is_for(environment)).collect::<Vec<_>>()
        });
        environments.filter(|environment| scope.includes_environment(environment)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    fn layout(files: &str) -> ImageLayout {
        let config = format!(
            "services:\n  shop:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: ghcr.io/acme/shop\n{files}"
        );
        let services = Config::read(&command_table(), "f.yml", config.as_bytes(), None).unwrap().services;
        ImageLayout::new("apps/{service}/{environment}/kustomization.yaml", &services).unwrap()
    }

    fn names() -> (Service, Environment) {
        ("shop".parse().unwrap(), "production".parse().unwrap())
    }

    fn shown(files: &[OwnedFile]) -> Vec<String> {
        let show = |OwnedFile { service, environment, file, is_former }: &OwnedFile| {
            let image = match &file.image {
                FileImage::Entry => "entry".to_owned(),
                FileImage::Fields { fields, .. } => fields.to_string(),
            };
            format!("{service} {environment} {} {image}{}", file.path, if *is_former { " former" } else { "" })
        };
        files.iter().map(show).collect()
    }

    const FILES: &str = "    files:\n\
        \x20     - {path: 'values/{environment}.yaml', tag: '.{service}.tag'}\n\
        \x20     - {path: argo.yaml, environments: [staging, production], tag: '.{environment}.tag'}\n\
        \x20     - {path: values-prod.yaml, environments: production, image: .image}\n";

    #[test]
    fn a_service_without_files_has_the_overlay() {
        let ((service, environment), layout) = (names(), layout(""));
        let overlay = "apps/shop/production/kustomization.yaml";
        assert_eq!(shown(&layout.all_files(&service, &environment)), [format!("shop production {overlay} entry")]);
        assert_eq!(
            shown(&layout.owners(overlay, &OverlayScope::default())),
            [format!("shop production {overlay} entry")]
        );
        assert!(layout.matches(overlay) && !layout.matches("values/production.yaml") && !layout.has_files());
    }

    #[test]
    fn a_service_has_its_files_and_had_the_overlay() {
        let ((service, environment), layout) = (names(), layout(FILES));
        let files = [
            "shop production values/production.yaml .shop.tag",
            "shop production argo.yaml .production.tag",
            "shop production values-prod.yaml .image",
            "shop production apps/shop/production/kustomization.yaml entry former",
        ];
        assert_eq!(shown(&layout.all_files(&service, &environment)), files);
        let all = OverlayScope::default();
        assert_eq!(shown(&layout.owners("values/production.yaml", &all)), files[..1]);
        assert_eq!(
            shown(&layout.owners("argo.yaml", &all)),
            ["shop production argo.yaml .production.tag", "shop staging argo.yaml .staging.tag"]
        );
        assert_eq!(shown(&layout.owners("values-prod.yaml", &all)), files[2..3]);
        assert_eq!(shown(&layout.owners("apps/shop/production/kustomization.yaml", &all)), files[3..]);
        assert_eq!(
            shown(&layout.owners("apps/other/production/kustomization.yaml", &all)),
            ["other production apps/other/production/kustomization.yaml entry"]
        );
        let staging = OverlayScope { environment: "staging".parse().ok(), ..OverlayScope::default() };
        assert_eq!(shown(&layout.owners("argo.yaml", &staging)), ["shop staging argo.yaml .staging.tag"]);
        assert!(layout.owners("values-prod.yaml", &staging).is_empty());
        assert!(
            layout.is_in_scope("values/staging.yaml", &staging)
                && !layout.is_in_scope("values/production.yaml", &staging)
        );
        assert!(!layout.is_in_scope("values-prod.yaml", &staging) && layout.is_in_scope("values-prod.yaml", &all));
        let own = OverlayScope { service: Some(service), environment: None };
        assert!(
            !layout.is_in_scope("apps/shop/production/kustomization.yaml", &own),
            "the earlier layout is no present file"
        );
    }

    #[test]
    fn an_environment_without_files_keeps_the_overlay() {
        let (service, _) = names();
        let layout = layout("    files: [{path: values.yaml, environments: [production], tag: .tag}]\n");
        let staging: Environment = "staging".parse().unwrap();
        assert_eq!(
            shown(&layout.all_files(&service, &staging)),
            ["shop staging apps/shop/staging/kustomization.yaml entry"]
        );
        assert_eq!(
            shown(&layout.owners("apps/shop/staging/kustomization.yaml", &OverlayScope::default())),
            ["shop staging apps/shop/staging/kustomization.yaml entry"]
        );
    }

    #[test]
    fn a_file_for_any_environment_needs_the_environment_as_a_setting() {
        let layout = layout("    files: [{path: values.yaml, tag: .tag}]\n");
        let all = OverlayScope::default();
        assert_eq!(layout.unknown_environments(&all).as_deref(), Some("values.yaml of shop is for any environment"));
        let production = OverlayScope { environment: "production".parse().ok(), ..all };
        assert_eq!(layout.unknown_environments(&production), None);
        assert_eq!(shown(&layout.owners("values.yaml", &production)), ["shop production values.yaml .tag"]);
    }
}
