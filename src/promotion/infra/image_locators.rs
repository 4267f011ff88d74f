//! Where the image of a service in an environment is: one locator for each of its files.

use super::{
    image_field::{FieldPlace, ImageField},
    image_locator::{ImageArgs, ImageLocator},
};
use crate::{
    config::services::Services,
    error::CommandError,
    finding::Finding,
    ledger::{FileImage, ImageFile, ImageLayout},
    subject::{Environment, Image, Service},
    world::git::TreePath,
};

/// The locators of a service's image, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLocators(Vec<FileLocator>);

/// What identifies the image in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLocator {
    /// The entry of a kustomization, which its base decides.
    Entry(ImageLocator),
    Fields(ImageField),
}

impl ImageLocators {
    /// The files of a service in an environment: the `files` of the config file, else the pattern `file`. `repository`: where the
    /// service's image is pulled from.
    ///
    /// # Errors
    /// Bad input when a file's path is not inside the repository.
    pub fn new(
        args: &ImageArgs,
        file: &str,
        (service, environment): (&Service, &Environment),
        repository: Option<&Image>,
        services: &Services,
    ) -> Result<Self, CommandError> {
        let layout = ImageLayout::new(file, services).map_err(Finding::bad_input)?;
        let locator = |ImageFile { path, image }: ImageFile| {
            let file: TreePath = path.parse().map_err(|error: String| {
                Finding::inconclusive("`file`").actual(error).expected("a path inside the infra repository").bad_input()
            })?;
            Ok(match image {
                FileImage::Entry => FileLocator::Entry(args.locator(file, service, repository.cloned())),
                FileImage::Fields { fields, image } => {
                    let place = FieldPlace::Fields { fields: *fields, image, create: args.create_entry };
                    FileLocator::Fields(ImageField { file, place })
                }
            })
        };
        layout.files(service, environment).into_iter().map(locator).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// One entry of a kustomization.
    #[must_use]
    pub fn of_entry(locator: ImageLocator) -> Self {
        Self(vec![FileLocator::Entry(locator)])
    }

    pub fn iter(&self) -> impl Iterator<Item = &FileLocator> {
        self.0.iter()
    }

    /// Whether some file surely holds the digest of a release that has one.
    #[must_use]
    pub fn hold_digest(&self) -> bool {
        self.0.iter().any(|locator| match locator {
            FileLocator::Entry(_) => true,
            FileLocator::Fields(field) => match &field.place {
                FieldPlace::Entry(_) => true,
                FieldPlace::Fields { fields, .. } => fields.image.is_some() || fields.digest.is_some(),
            },
        })
    }

    /// The files and what is in them, for a message: `values.yaml: .image.tag`.
    #[must_use]
    pub fn describe(&self) -> String {
        let all: Vec<String> = self.0.iter().map(FileLocator::describe).collect();
        all.join("; ")
    }
}

impl FileLocator {
    #[must_use]
    pub const fn file(&self) -> &TreePath {
        match self {
            Self::Entry(locator) => &locator.file,
            Self::Fields(field) => &field.file,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Entry(locator) => format!("{}: {}", locator.file, locator.default_name()),
            Self::Fields(field) => format!("{}: {}", field.file, field.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    fn located(file: &str, config: &str) -> Result<ImageLocators, CommandError> {
        let config = Config::read(&command_table(), "f.yml", config.as_bytes(), None).unwrap();
        let args = ImageArgs { image_name: Some("ghcr.io/acme/{service}".parse().unwrap()), create_entry: true };
        ImageLocators::new(
            &args,
            file,
            (&"shop".parse().unwrap(), &"production".parse().unwrap()),
            None,
            &config.services,
        )
    }

    #[test]
    fn settings_are_filled_in() {
        let found = located("{environment}/{service}.yaml", "{}").unwrap();
        assert_eq!(found.describe(), "production/shop.yaml: ghcr.io/acme/shop");
        assert!(matches!(located("../x", "{}"), Err(CommandError::BadInput(_))));
        let config = "services:\n  shop:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: a/b\n    files:\n    - {path: 'v/{environment}.yaml', tag: '.{service}.tag'}\n    - k.yaml\n";
        let found = located("x.yaml", config).unwrap();
        assert_eq!(found.describe(), "v/production.yaml: .shop.tag; k.yaml: ghcr.io/acme/shop");
        assert!(matches!(
            &found.0[0],
            FileLocator::Fields(ImageField { place: FieldPlace::Fields { create: true, .. }, .. })
        ));
    }
}
