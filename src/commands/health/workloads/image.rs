//! Whether a workload runs the image under promotion. A healthy old version does not prove that the new one runs.

use std::collections::BTreeMap;

use super::image_names::{
    bare_digest, image_id, in_template, join_images, other_images, reported_digest, requested_digest, tag,
};
use crate::{
    subject::{Image, Reference, Subject, Tag},
    world::{
        cluster::objects::{Container, Pod, PodSpec, PodTemplate},
        registry::manifest::DigestComparison,
    },
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
    /// The images that were found instead.
    Differs(String),
    /// No name of the image decides it; the image that was found, and why.
    Unknown(String),
}

/// The image of one container, compared with the expected one.
struct ContainerImage {
    /// Its name in messages.
    name: String,
    found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Matches,
    Differs,
    /// It is requested by a digest, and only a tag is expected.
    NoTag,
    /// The runtime reports another digest. An image has several: of its index, of each platform, of an index with other
    /// attestations. containerd reports the first that it knew.
    OtherDigest(String),
    /// The runtime reports no digest, or only that of the configuration.
    NoDigest(Option<String>),
    /// The registry was asked about the reported digest, and does not show whether it is the expected image.
    Unsettled(String, String),
}

/// What the registry says about the digests that the runtime reports, by digest.
pub type RegistryAnswers = BTreeMap<String, DigestComparison>;

/// The digests of one container of the release; none before it has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerDigests {
    /// The expected one if it is proven, else the one that is requested.
    pub image: Option<String>,
    pub reported: Option<String>,
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
        self.match_spec(&template.spec, |container, is_ours| self.compare(&container.image, None, is_ours))
    }

    /// Whether a pod template asks for the release by its own tag or digest.
    #[must_use]
    pub fn is_named_in(&self, template: &PodTemplate) -> bool {
        let by_tag = Self { digest: None, ..self.clone() };
        self.match_template(template) == ImageMatch::Matches
            || (self.tag.is_some()
                && matches!(self.match_template(template), ImageMatch::Unknown(_))
                && by_tag.match_template(template) == ImageMatch::Matches)
    }

    /// The images of a template that are of the repository, else all of them.
    #[must_use]
    pub fn images_in(&self, template: &PodTemplate) -> String {
        let images = || template.spec.containers.iter().map(|container| container.image.as_str());
        let own: Vec<&str> = images().filter(|image| self.compare(image, None, false).is_some()).collect();
        if own.is_empty() { join_images(images()) } else { join_images(own.into_iter()) }
    }

    /// Compares with what a pod runs. `template` is the one that the pod was created from: it shows which container is of the
    /// release if an admission webhook has replaced the repository.
    #[must_use]
    pub fn match_pod(&self, template: Option<&PodTemplate>, pod: &Pod, answers: &RegistryAnswers) -> ImageMatch {
        self.match_spec(&pod.spec, |container, is_ours| {
            let image = self.compare_running(template, pod, container, is_ours)?;
            Some(compared_by_registry(image, answers))
        })
    }

    /// The digests that only the registry can compare with the expected one.
    #[must_use]
    pub fn open_digests(&self, template: Option<&PodTemplate>, pod: &Pod) -> Vec<String> {
        let compare = |container: &Container, is_ours| self.compare_running(template, pod, container, is_ours);
        let open = |(_, image): (&Container, ContainerImage)| match image.found {
            Found::OtherDigest(digest) | Found::NoDigest(Some(digest)) => Some(digest),
            _ => None,
        };
        self.containers_of_release(&pod.spec, compare).into_iter().filter_map(open).collect()
    }

    /// The digests of the containers of a pod that run the release, as far as their names show it.
    #[must_use]
    pub fn digests(
        &self,
        template: Option<&PodTemplate>,
        pod: &Pod,
        answers: &RegistryAnswers,
    ) -> Vec<ContainerDigests> {
        let compare = |container: &Container, is_ours| {
            let image = self.compare_running(template, pod, container, is_ours)?;
            Some(compared_by_registry(image, answers))
        };
        let is_release = |image: &ContainerImage| match image.found {
            Found::Matches => true,
            // Without the repository, it may be a sidecar.
            Found::NoTag | Found::OtherDigest(_) | Found::NoDigest(_) | Found::Unsettled(..) => self.image.is_some(),
            Found::Differs => false,
        };
        let digests = |(container, image): (&Container, ContainerImage)| {
            let id = image_id(pod, container).filter(|id| !id.is_empty());
            let in_template = || requested_digest(&in_template(template, &container.name)?.image);
            let requested = match &self.digest {
                Some(digest) if image.found == Found::Matches => Some(digest.clone()),
                _ => requested_digest(&container.image).or_else(in_template),
            };
            ContainerDigests { image: id.and(requested), reported: id.and_then(reported_digest) }
        };
        let containers = self.containers_of_release(&pod.spec, compare).into_iter();
        containers.filter(|(_, image)| is_release(image)).map(digests).collect()
    }

    /// Compares with a list of image names, in which a tag has no digest.
    #[must_use]
    pub fn match_names(&self, images: &[String]) -> ImageMatch {
        self.best_match(images.iter().map(|image| (image.as_str(), self.compare_name(image))))
    }

    /// Whether the list has none of the repository, but the tag in another one: an admission webhook may have put in a mirror.
    #[must_use]
    pub fn may_be_mirrored(&self, images: &[String]) -> bool {
        images.iter().all(|image| self.compare_name(image).is_none())
            && images.iter().any(|image| self.has_same_tag(image))
    }

    /// The images in the list that are other versions of the expected one.
    #[must_use]
    pub fn other_versions<'a>(&self, images: &'a [String]) -> Vec<&'a str> {
        if !self.names_version() {
            return Vec::new();
        }
        let repository = |image: &str| image.parse::<Reference>().ok().map(|reference| reference.image.host_and_path());
        let differs = |image: &&str| self.compare_name(image).is_some_and(|one| one.found == Found::Differs);
        let may_match = |image: &&str| self.compare_name(image).is_some_and(|one| one.found != Found::Differs);
        let images = || images.iter().map(String::as_str);
        let expected: Vec<_> = images().filter(may_match).filter_map(repository).collect();
        images()
            .filter(differs)
            .filter(|image| repository(image).is_some_and(|repository| expected.contains(&repository)))
            .collect()
    }

    /// A matching tag does not prove the digest, but another tag is another version.
    fn compare_name(&self, image: &str) -> Option<ContainerImage> {
        let found = self.compare(image, None, false)?;
        let is_unknown = !matches!(found.found, Found::Matches | Found::Differs);
        let is_other = is_unknown && self.has_other_tag(image);
        Some(if is_other { ContainerImage { name: image.to_owned(), found: Found::Differs } } else { found })
    }

    /// If the subject names the repository, all its containers must run this version. If it does not, the container under
    /// promotion is unknown, and one match is enough.
    fn match_spec(&self, spec: &PodSpec, compare: impl Fn(&Container, bool) -> Option<ContainerImage>) -> ImageMatch {
        if !self.names_version() {
            return ImageMatch::Matches;
        }
        if self.image.is_none() {
            let containers = spec.containers.iter();
            return self.best_match(containers.map(|one| (one.image.as_str(), compare(one, false))));
        }
        let all: Vec<_> = self.containers_of_release(spec, compare).into_iter().map(|(_, image)| image).collect();
        let differs = all.iter().find(|image| image.found == Found::Differs);
        let unknown = || all.iter().find(|image| image.found != Found::Matches);
        match differs.or_else(unknown).or(all.first()) {
            Some(image) => self.describe(std::slice::from_ref(image)),
            None => ImageMatch::Differs(other_images(spec.containers.iter().map(|one| one.image.as_str()))),
        }
    }

    /// Init containers count only if no other container is of the release. Containers of another repository with the same tag
    /// count last, and only if the digest can decide: the repository may be a mirror.
    fn containers_of_release<'s>(
        &self,
        spec: &'s PodSpec,
        compare: impl Fn(&Container, bool) -> Option<ContainerImage>,
    ) -> Vec<(&'s Container, ContainerImage)> {
        let of = |containers: &'s [Container], is_ours: bool| {
            let has_tag = |one: &&Container| !is_ours || (self.digest.is_some() && self.has_same_tag(&one.image));
            let containers = containers.iter().filter(has_tag);
            containers.filter_map(|one| Some((one, compare(one, is_ours)?))).collect::<Vec<_>>()
        };
        let mut all = of(&spec.containers, false);
        if all.is_empty() {
            all = of(&spec.init_containers, false);
        }
        if all.is_empty() { of(&spec.containers, true) } else { all }
    }

    /// One match is enough: the other images are those of sidecars.
    fn best_match<'i>(&self, images: impl Iterator<Item = (&'i str, Option<ContainerImage>)>) -> ImageMatch {
        if !self.names_version() {
            return ImageMatch::Matches;
        }
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for (image, compared) in images {
            match compared {
                Some(compared) if compared.found == Found::Matches => return ImageMatch::Matches,
                Some(compared) => found.push(compared),
                None => others.push(image),
            }
        }
        if found.is_empty() { ImageMatch::Differs(other_images(others.into_iter())) } else { self.describe(&found) }
    }

    /// What containers that do not match run instead, or why that is unknown.
    fn describe(&self, images: &[ContainerImage]) -> ImageMatch {
        let names = || join_images(images.iter().map(|image| image.name.as_str()));
        let unknown = images.iter().map(|image| &image.found).find(|found| **found != Found::Differs);
        match unknown {
            None => ImageMatch::Differs(names()),
            Some(Found::Matches | Found::Differs) => ImageMatch::Matches,
            Some(Found::NoTag) => ImageMatch::Unknown(format!("{}, which names no tag", names())),
            Some(Found::OtherDigest(reported)) => {
                let expected = self.digest.as_deref().unwrap_or_default();
                ImageMatch::Unknown(format!(
                    "{}; one image has several digests: the runtime reports {reported}, expected {expected}",
                    names()
                ))
            }
            Some(Found::Unsettled(reported, reason)) => {
                let expected = self.digest.as_deref().unwrap_or_default();
                ImageMatch::Unknown(format!(
                    "{}; the runtime reports {reported}, expected {expected}, and {reason}",
                    names()
                ))
            }
            Some(Found::NoDigest(None)) => ImageMatch::Unknown(format!("{}, whose digest is unknown", names())),
            Some(Found::NoDigest(Some(id))) => {
                let expected = self.digest.as_deref().unwrap_or_default();
                ImageMatch::Unknown(format!(
                    "{}, whose digest is unknown: the runtime reports only the image ID {id}, expected {expected}",
                    names()
                ))
            }
        }
    }

    /// Compares with a container of a pod.
    fn compare_running(
        &self,
        template: Option<&PodTemplate>,
        pod: &Pod,
        container: &Container,
        is_ours: bool,
    ) -> Option<ContainerImage> {
        let in_template = in_template(template, &container.name);
        let requested = in_template.and_then(|one| self.compare(&one.image, None, false));
        let id = image_id(pod, container);
        let image = self.compare(&container.image, id, is_ours || requested.is_some())?;
        // A webhook may replace a tag by the digest that the tag has.
        let is_resolved = image.found == Found::NoTag && requested.is_some_and(|one| one.found == Found::Matches);
        Some(if is_resolved { ContainerImage { found: Found::Matches, ..image } } else { image })
    }

    /// Compares with an image. `image_id` is that of a container that has started. `is_ours`: the image is of the release,
    /// whatever its repository. `None`: an image of another repository.
    fn compare(&self, image: &str, image_id: Option<&str>, is_ours: bool) -> Option<ContainerImage> {
        // Hundreds of pods are compared at every update, so the name is parsed once.
        let reference = image.parse::<Reference>().ok();
        let reported = image_id.and_then(reported_digest);
        let requested = reference.as_ref().and_then(|reference| reference.digest.as_ref()).map(ToString::to_string);
        let found = |found: Found| Some(ContainerImage { name: image.to_owned(), found });
        // A digest is proof, whatever the repository that it was pulled from.
        let is_expected = |digest: &String| Some(digest) == self.digest.as_ref();
        if requested.iter().chain(&reported).any(is_expected) || image_id.and_then(bare_digest).iter().any(is_expected)
        {
            return found(Found::Matches);
        }
        let Some(Reference { image: repository, tag, .. }) = reference else { return found(Found::Differs) };
        let is_same = |image: &Image| *image == repository || image.host_and_path() == repository.host_and_path();
        if !is_ours && self.image.as_ref().is_some_and(|image| !is_same(image)) {
            return None;
        }
        if !self.names_version() {
            return found(Found::Matches);
        }
        let has_same_tag = self.tag.is_some() && tag.as_ref().map(Tag::as_str) == self.tag.as_deref();
        if self.digest.is_none() {
            return found(match (has_same_tag, &tag, requested) {
                (true, _, _) => Found::Matches,
                (false, None, Some(_)) => Found::NoTag,
                (false, _, _) => Found::Differs,
            });
        }
        let has_other_tag = self.tag.is_some() && tag.is_some() && !has_same_tag;
        if requested.is_some() || (image_id.is_some() && has_other_tag) {
            let by_tag = reported.filter(|_| requested.is_none());
            let name = by_tag.map_or_else(|| image.to_owned(), |digest| format!("{image}@{digest}"));
            return Some(ContainerImage { name, found: Found::Differs });
        }
        found(match reported {
            Some(reported) => Found::OtherDigest(reported),
            None => Found::NoDigest(image_id.and_then(bare_digest)),
        })
    }

    fn has_same_tag(&self, image: &str) -> bool {
        self.tag.is_some() && tag(image) == self.tag
    }

    fn has_other_tag(&self, image: &str) -> bool {
        self.tag.is_some() && tag(image).is_some_and(|tag| Some(tag) != self.tag)
    }
}

/// Applies the registry's answer about the reported digest.
fn compared_by_registry(image: ContainerImage, answers: &RegistryAnswers) -> ContainerImage {
    let (Found::OtherDigest(digest) | Found::NoDigest(Some(digest))) = &image.found else { return image };
    match answers.get(digest) {
        None => image,
        Some(DigestComparison::Same) => ContainerImage { found: Found::Matches, ..image },
        Some(DigestComparison::Different) => {
            ContainerImage { name: format!("{}@{digest}", image.name), found: Found::Differs }
        }
        Some(DigestComparison::Unknown(reason)) => {
            let found = Found::Unsettled(digest.clone(), reason.clone());
            ContainerImage { name: image.name, found }
        }
    }
}

#[cfg(test)]
mod tests;
