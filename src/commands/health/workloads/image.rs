//! Whether a workload runs the image under promotion. A healthy old version does not prove that the new one runs.

use super::pod_status::container_statuses;
use crate::{
    subject::{Image, Reference, Subject},
    world::cluster::objects::{Container, Pod, PodSpec, PodTemplate},
};

/// The image under promotion, as far as the subject names it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedImage {
    pub image: Option<Image>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// Whether an image is the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageMatch {
    Matches,
    /// The image that was found instead.
    Differs(String),
    /// The name of the image does not decide it; the image that was found.
    Unknown(String),
}

impl ExpectedImage {
    #[must_use]
    pub fn from_subject(subject: &Subject) -> Self {
        Self {
            image: subject.image.clone(),
            tag: subject.tag.as_ref().map(ToString::to_string),
            digest: subject.digest.as_ref().map(ToString::to_string),
        }
    }

    /// Whether it distinguishes two versions. With the repository alone, every version matches.
    #[must_use]
    pub const fn names_version(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    /// The tag, else the digest cut short: `1.4.2`, `sha256:0123456`.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        const SHOWN: usize = "sha256:0123456".len();
        self.tag.clone().or_else(|| self.digest.as_ref().map(|digest| digest.chars().take(SHOWN).collect()))
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.image, &self.tag, &self.digest) {
            (None, Some(tag), None) => format!("an image with tag {tag}"),
            (None, None, Some(digest)) => format!("an image with digest {digest}"),
            (None, Some(tag), Some(digest)) => format!("an image with tag {tag} and digest {digest}"),
            (None, None, None) => "any image".to_owned(),
            (Some(image), tag, digest) => {
                let tag = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
                let digest = digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
                format!("{image}{tag}{digest}")
            }
        }
    }

    /// Compares with what a pod template asks for.
    #[must_use]
    pub fn match_template(&self, template: &PodTemplate) -> ImageMatch {
        self.match_containers(&template.spec, |container| self.match_reference(&container.image, None))
    }

    /// Compares with what a pod runs. The digest that was pulled decides before the name in the specification.
    #[must_use]
    pub fn match_pod(&self, pod: &Pod) -> ImageMatch {
        self.match_containers(&pod.spec, |container| {
            let status = container_statuses(pod).find(|status| status.name == container.name);
            self.match_reference(&container.image, status.map(|status| status.image_id.as_str()))
        })
    }

    /// Compares with a list of image names, in which a tag has no digest.
    #[must_use]
    pub fn match_names(&self, images: &[String]) -> ImageMatch {
        self.best_match(images.iter().map(|image| self.match_name(image)))
    }

    /// The images in the list that are other versions of the expected one.
    #[must_use]
    pub fn other_versions<'a>(&self, images: &'a [String]) -> Vec<&'a str> {
        if !self.names_version() {
            return Vec::new();
        }
        let repository =
            |image: &str| image.parse::<Reference>().ok().map(|reference| full_repository(reference.image.as_str()));
        let may_match =
            |image: &&String| matches!(self.match_name(image), Some(ImageMatch::Matches | ImageMatch::Unknown(_)));
        let expected: Vec<_> = images.iter().filter(may_match).filter_map(|image| repository(image)).collect();
        let differs = |image: &&str| matches!(self.match_name(image), Some(ImageMatch::Differs(_)));
        let differing = images.iter().map(String::as_str).filter(differs);
        differing.filter(|image| repository(image).is_some_and(|repository| expected.contains(&repository))).collect()
    }

    /// A matching tag does not prove the digest, but another tag is another version.
    fn match_name(&self, image: &str) -> Option<ImageMatch> {
        let found = self.match_reference(image, None)?;
        let tag = image.parse::<Reference>().ok().and_then(|reference| reference.tag).map(|tag| tag.to_string());
        let other_tag = self.tag.is_some() && tag.is_some() && tag != self.tag;
        let is_unknown = matches!(found, ImageMatch::Unknown(_));
        Some(if other_tag && is_unknown { ImageMatch::Differs(image.to_owned()) } else { found })
    }

    /// If the subject names the repository, all its containers must run this version. If it does not, the container under
    /// promotion is unknown, and one match is enough. Init containers count only if no other container is of the repository.
    fn match_containers(
        &self,
        spec: &PodSpec,
        match_container: impl Fn(&Container) -> Option<ImageMatch>,
    ) -> ImageMatch {
        if !self.names_version() || self.image.is_none() {
            return self.best_match(spec.containers.iter().map(match_container));
        }
        let matches = |containers: &[Container]| containers.iter().filter_map(&match_container).collect::<Vec<_>>();
        let mut all = matches(&spec.containers);
        if all.is_empty() {
            all = matches(&spec.init_containers);
        }
        let differs = all.iter().find(|found| matches!(found, ImageMatch::Differs(_)));
        let unknown = || all.iter().find(|found| matches!(found, ImageMatch::Unknown(_)));
        match differs.or_else(unknown).or(all.first()) {
            Some(found) => found.clone(),
            None => ImageMatch::Differs("no container of that repository".to_owned()),
        }
    }

    /// One match is enough: the other images are those of sidecars.
    fn best_match(&self, matches: impl Iterator<Item = Option<ImageMatch>>) -> ImageMatch {
        if !self.names_version() {
            return ImageMatch::Matches;
        }
        let mut images = Vec::new();
        let mut is_unknown = false;
        for found in matches {
            match found {
                Some(ImageMatch::Matches) => return ImageMatch::Matches,
                Some(ImageMatch::Unknown(image)) => {
                    is_unknown = true;
                    images.push(image);
                }
                Some(ImageMatch::Differs(image)) => images.push(image),
                None => {}
            }
        }
        let images = if images.is_empty() { "no container of that repository".to_owned() } else { images.join(", ") };
        if is_unknown { ImageMatch::Unknown(images) } else { ImageMatch::Differs(images) }
    }

    /// `pulled` is the image ID in a container's status. `None`: an image of another repository.
    fn match_reference(&self, image: &str, pulled: Option<&str>) -> Option<ImageMatch> {
        let Ok(reference) = image.parse::<Reference>() else { return Some(ImageMatch::Differs(image.to_owned())) };
        if self.image.as_ref().is_some_and(|image| !is_same_repository(image.as_str(), reference.image.as_str())) {
            return None;
        }
        let pulled = pulled.and_then(|pulled| pulled.rsplit_once('@')).map(|(_, digest)| digest);
        let requested = reference.digest.as_ref().map(ToString::to_string);
        let Some(digest) = &self.digest else {
            let tag = reference.tag.as_ref().map(ToString::to_string);
            return Some(match tag {
                Some(tag) if self.tag.as_ref() == Some(&tag) => ImageMatch::Matches,
                None if requested.is_some() => ImageMatch::Unknown(format!("{image}, which names no tag")),
                _ => ImageMatch::Differs(image.to_owned()),
            });
        };
        Some(match (requested, pulled) {
            // An image that is requested by digest cannot be pulled as another one.
            (Some(requested), _) if requested == *digest => ImageMatch::Matches,
            (Some(_), _) => ImageMatch::Differs(image.to_owned()),
            (None, Some(pulled)) if pulled == digest => ImageMatch::Matches,
            (None, Some(pulled)) => ImageMatch::Differs(format!("{image}@{pulled}")),
            (None, None) => ImageMatch::Unknown(format!("{image}, whose digest is unknown")),
        })
    }
}

fn is_same_repository(one: &str, other: &str) -> bool {
    full_repository(one) == full_repository(other)
}

/// `nginx` is `docker.io/library/nginx`. Source: distribution/reference, familiar names.
fn full_repository(repository: &str) -> String {
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    let (host, path) = match repository.split_once('/') {
        Some((host, path)) if is_host(host) => (host, path),
        _ => ("docker.io", repository),
    };
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    if host == "docker.io" && !path.contains('/') { format!("{host}/library/{path}") } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    const TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

    fn pod(containers: &[(&str, &str)]) -> Pod {
        let name = |index: usize| format!("c{index}");
        let spec = containers
            .iter()
            .enumerate()
            .map(|(index, (image, _))| serde_json::json!({"name": name(index), "image": image}));
        let status = containers
            .iter()
            .enumerate()
            .map(|(index, (_, id))| serde_json::json!({"name": name(index), "imageID": id}));
        serde_json::from_value(serde_json::json!({
            "spec": {"containers": spec.collect::<Vec<_>>()}, "status": {"containerStatuses": status.collect::<Vec<_>>()}
        }))
        .unwrap()
    }

    #[test]
    fn every_container_of_the_repository_must_run_the_expected_version() {
        let expected = |image: Option<&str>| ExpectedImage {
            image: image.map(|image| image.parse().unwrap()),
            tag: Some("2".to_owned()),
            ..ExpectedImage::default()
        };
        let spec = |init: &str, containers: [&str; 2]| -> Pod {
            let all = containers.map(|image| serde_json::json!({ "name": image, "image": image }));
            let init = serde_json::json!([{ "name": "init", "image": init }]);
            serde_json::from_value(serde_json::json!({ "spec": { "initContainers": init, "containers": all } }))
                .unwrap()
        };
        for (image, init, containers, matches) in [
            (Some("acme/shop"), "acme/shop:1", ["acme/shop:2", "envoy:3"], true),
            (Some("acme/shop"), "acme/shop:2", ["acme/shop:1", "envoy:3"], false),
            (Some("acme/shop"), "acme/shop:2", ["acme/shop:2", "acme/shop:1"], false),
            (Some("acme/shop"), "acme/shop:2", ["other:1", "envoy:3"], true),
            (None, "acme/shop:2", ["acme/shop:1", "envoy:3"], false),
            (None, "acme/shop:1", ["acme/shop:2", "envoy:3"], true),
        ] {
            let found = expected(image).match_pod(&spec(init, containers));
            assert_eq!(found == ImageMatch::Matches, matches, "{image:?} {init} {containers:?}: {found:?}");
        }
    }

    #[test]
    fn a_pod_runs_the_image_if_a_container_of_its_repository_does() {
        let pulled = |digest: &str| format!("ghcr.io/acme/shop@{digest}");
        for (expected, image, id, matches) in [
            (("", "1.4.2", ""), "ghcr.io/acme/shop:1.4.2", String::new(), Some(true)),
            (("", "1.4.2", ""), "ghcr.io/acme/shop:1.4.1", pulled(ONE), Some(false)),
            (("ghcr.io/acme/shop", "1.4.2", ""), "ghcr.io/acme/shop:1.4.2", String::new(), Some(true)),
            (("ghcr.io/acme/shop", "1.4.2", ""), "ghcr.io/acme/other:1.4.2", String::new(), Some(false)),
            (("nginx", "1", ""), "docker.io/library/nginx:1", String::new(), Some(true)),
            (("", "1", ""), &format!("nginx@{ONE}"), String::new(), None),
            (("", "1", ""), &format!("nginx:1@{ONE}"), String::new(), Some(true)),
            (("", "", ONE), &format!("nginx@{ONE}"), String::new(), Some(true)),
            (("", "", ONE), &format!("nginx:1@{TWO}"), pulled(ONE), Some(false)),
            (("", "1", ONE), "nginx:1", pulled(ONE), Some(true)),
            (("", "1", ONE), "nginx:1", format!("docker-pullable://nginx@{ONE}"), Some(true)),
            // The same tag was pushed twice: the digest decides.
            (("", "1", ONE), "nginx:1", pulled(TWO), Some(false)),
            (("", "1", ONE), "nginx:1", "sha256:abc".to_owned(), None),
            (("", "1", ONE), "nginx:1", String::new(), None),
            (("", "", ""), "anything", String::new(), Some(true)),
            (("", "1", ""), "nginx", String::new(), Some(false)),
        ] {
            let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let repository = given(expected.0).map(|image| image.parse().unwrap());
            let expected = ExpectedImage { image: repository, tag: given(expected.1), digest: given(expected.2) };
            let found = match expected.match_pod(&pod(&[("envoy:3", "envoy@sha256:3"), (image, &id)])) {
                ImageMatch::Matches => Some(true),
                ImageMatch::Differs(_) => Some(false),
                ImageMatch::Unknown(_) => None,
            };
            assert_eq!(found, matches, "{expected:?} in {image} {id}");
        }
    }
}
