//! Manifests of images, and how two of them compare. Sources: OCI image-spec v1.1; `BuildKit`'s
//! `docs/attestations/attestation-storage.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The configurations of images. Two artifacts of another kind may have the same configuration: an empty one.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// Whether two digests are names of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestComparison {
    /// One is an index of the other, or their configurations are equal for every platform.
    Same,
    Different,
    /// The registry does not show it, and why.
    Unknown(String),
}

/// An index or the manifest of one image.
#[derive(Deserialize)]
pub(super) struct Manifest {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) digest: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    pub(super) platform: Platform,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default, rename = "os.version")]
    os_version: String,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.os, self.architecture, self.variant, self.os_version)
    }
}

impl Manifest {
    pub(super) const fn is_image(&self) -> bool {
        self.manifests.is_none()
    }

    /// Whether it is an index with this manifest, or a manifest with this configuration.
    pub(super) fn names(&self, digest: &str) -> bool {
        self.platforms().any(|one| one.digest == digest)
            || self.config.as_ref().is_some_and(|config| config.digest == digest && is_image_config(config))
    }

    /// The manifests of an index, without attestations.
    pub(super) fn platforms(&self) -> impl Iterator<Item = &Descriptor> {
        let is_attestation = |one: &&Descriptor| {
            let kind = one.annotations.get("vnd.docker.reference.type");
            kind.is_some_and(|kind| kind == "attestation-manifest")
                || (one.platform.os == "unknown" && one.platform.architecture == "unknown")
        };
        self.manifests.iter().flatten().filter(move |one| !is_attestation(one))
    }

    pub(super) fn image_config(&self) -> Result<String, String> {
        let config = self.config.as_ref().filter(|config| is_image_config(config));
        config
            .map(|config| config.digest.clone())
            .ok_or_else(|| "a manifest has no configuration of an image".to_owned())
    }
}

fn is_image_config(config: &Descriptor) -> bool {
    IMAGE_CONFIGS.contains(&config.media_type.as_str())
}
