//! The parts of a container's image names, and how messages list images.

use super::pod_status::container_statuses;
use crate::{
    subject::{Digest, Reference},
    world::cluster::objects::{Container, Pod, PodTemplate},
};

/// Images that a message names.
const MAX_IMAGES: usize = 5;

pub fn tag(image: &str) -> Option<String> {
    Some(image.parse::<Reference>().ok()?.tag?.to_string())
}

pub fn requested_digest(image: &str) -> Option<String> {
    Some(image.parse::<Reference>().ok()?.digest?.to_string())
}

/// The container of a template with this name.
pub fn in_template<'t>(template: Option<&'t PodTemplate>, name: &str) -> Option<&'t Container> {
    let spec = &template?.spec;
    spec.containers.iter().chain(&spec.init_containers).find(|container| container.name == name)
}

/// The image ID of a container that has started; it may be empty.
pub fn image_id<'p>(pod: &'p Pod, container: &Container) -> Option<&'p str> {
    let status = container_statuses(pod).find(|status| status.name == container.name)?;
    (status.ready || !status.image_id.is_empty()).then_some(status.image_id.as_str())
}

/// The digest in an image ID that is a name: `ghcr.io/acme/shop@sha256:…`, also after `docker-pullable://`.
pub fn reported_digest(image_id: &str) -> Option<String> {
    let (_, digest) = image_id.rsplit_once('@')?;
    Some(digest.parse::<Digest>().ok()?.to_string())
}

/// The digest in an image ID without a name, mostly that of the configuration: `sha256:…`, `docker://sha256:…`.
pub fn bare_digest(image_id: &str) -> Option<String> {
    let digest = image_id.split_once("://").map_or(image_id, |(_, digest)| digest);
    Some(digest.parse::<Digest>().ok()?.to_string())
}

/// The images of a workload that has none of the repository.
pub fn other_images<'i>(images: impl Iterator<Item = &'i str>) -> String {
    const NONE: &str = "no container of that repository";
    match join_images(images) {
        images if images.is_empty() => NONE.to_owned(),
        images => format!("{images} ({NONE})"),
    }
}

/// `a, b and 3 more`, each once.
pub fn join_images<'i>(images: impl Iterator<Item = &'i str>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for image in images {
        if !names.contains(&image) {
            names.push(image);
        }
    }
    let shown = names.iter().take(MAX_IMAGES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_IMAGES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
