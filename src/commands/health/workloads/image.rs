//! Whether what runs is the image under promotion. A healthy old version is no proof of the new one.

use super::pods::statuses;
use crate::{
    subject::{Image, Reference, Subject},
    world::cluster::objects::{Container, Pod, PodSpec, Template},
};

/// The image under promotion, as far as it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub image: Option<Image>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// Whether it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    Fits,
    /// What is there instead.
    Differs(String),
    /// It cannot be told from this; what is there.
    Unknown(String),
}

impl Wanted {
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        Self {
            image: subject.image.clone(),
            tag: subject.tag.as_ref().map(ToString::to_string),
            digest: subject.digest.as_ref().map(ToString::to_string),
        }
    }

    /// Whether it tells one from another. The repository alone does not: any image will do.
    #[must_use]
    pub const fn names_version(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> String {
        let image = self.image.as_ref().map(ToString::to_string).unwrap_or_default();
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        match (image.is_empty(), format!("{image}{tag}{digest}")) {
            (true, name) => format!("an image {}", name.trim_start_matches(':')),
            (false, name) => name,
        }
    }

    /// What a specification asks for.
    #[must_use]
    pub fn in_template(&self, template: &Template) -> Fit {
        let fit = |container: &Container| self.one(&container.image, None);
        self.of_containers(&template.spec, fit)
    }

    /// What a pod runs: the digest that was pulled says more than the name that was asked for.
    #[must_use]
    pub fn in_pod(&self, pod: &Pod) -> Fit {
        self.of_containers(&pod.spec, |container| {
            let status = statuses(pod).find(|status| status.name == container.name);
            self.one(&container.image, status.map(|status| status.image_id.as_str()))
        })
    }

    /// What a list of names holds, in which the digest of a tag is not told.
    #[must_use]
    pub fn in_names(&self, images: &[String]) -> Fit {
        self.best_of(images.iter().map(|image| self.named(image)))
    }

    /// Other versions in the list, of what the one under promotion is a version of.
    #[must_use]
    pub fn others<'a>(&self, images: &'a [String]) -> Vec<&'a str> {
        if !self.names_version() {
            return Vec::new();
        }
        let repository = |image: &str| image.parse::<Reference>().ok().map(|there| whole(there.image.as_str()));
        let fits = |image: &&String| matches!(self.named(image), Some(Fit::Fits | Fit::Unknown(_)));
        let ours: Vec<_> = images.iter().filter(fits).filter_map(|image| repository(image)).collect();
        let differs = |image: &&str| matches!(self.named(image), Some(Fit::Differs(_)));
        let images = images.iter().map(String::as_str);
        images.filter(differs).filter(|image| repository(image).is_some_and(|one| ours.contains(&one))).collect()
    }

    /// A tag is no proof of a digest, but another tag is another version.
    fn named(&self, image: &str) -> Option<Fit> {
        let fit = self.one(image, None)?;
        let tag = image.parse::<Reference>().ok().and_then(|there| there.tag).map(|tag| tag.to_string());
        let other = self.tag.is_some() && tag.is_some() && tag != self.tag;
        Some(if other && matches!(fit, Fit::Unknown(_)) { Fit::Differs(image.to_owned()) } else { fit })
    }

    /// With the repository told, all containers of it have to run this version; without, nobody knows which one is meant, and
    /// one is enough. Those that only prepare count where no other is of that repository.
    fn of_containers(&self, spec: &PodSpec, fit: impl Fn(&Container) -> Option<Fit>) -> Fit {
        if !self.names_version() || self.image.is_none() {
            return self.best_of(spec.containers.iter().map(fit));
        }
        let fits = |containers: &[Container]| containers.iter().filter_map(&fit).collect::<Vec<_>>();
        let mut all = fits(&spec.containers);
        if all.is_empty() {
            all = fits(&spec.init_containers);
        }
        let differs = all.iter().find(|fit| matches!(fit, Fit::Differs(_)));
        let unknown = || all.iter().find(|fit| matches!(fit, Fit::Unknown(_)));
        match differs.or_else(unknown).or(all.first()) {
            Some(fit) => fit.clone(),
            None => Fit::Differs("no container of that repository".to_owned()),
        }
    }

    /// One is enough; the others are companions.
    fn best_of(&self, fits: impl Iterator<Item = Option<Fit>>) -> Fit {
        if !self.names_version() {
            return Fit::Fits;
        }
        let mut seen = Vec::new();
        let mut unknown = false;
        for fit in fits {
            match fit {
                Some(Fit::Fits) => return Fit::Fits,
                Some(Fit::Unknown(what)) => {
                    unknown = true;
                    seen.push(what);
                }
                Some(Fit::Differs(what)) => seen.push(what),
                None => {}
            }
        }
        let what = if seen.is_empty() { "no container of that repository".to_owned() } else { seen.join(", ") };
        if unknown { Fit::Unknown(what) } else { Fit::Differs(what) }
    }

    /// `None`: of another repository.
    fn one(&self, image: &str, pulled: Option<&str>) -> Option<Fit> {
        let Ok(there) = image.parse::<Reference>() else { return Some(Fit::Differs(image.to_owned())) };
        if self.image.as_ref().is_some_and(|image| !same_repository(image.as_str(), there.image.as_str())) {
            return None;
        }
        let pulled = pulled.and_then(|pulled| pulled.rsplit_once('@')).map(|(_, digest)| digest);
        let asked = there.digest.as_ref().map(ToString::to_string);
        let Some(digest) = &self.digest else {
            let tag = there.tag.as_ref().map(ToString::to_string);
            return Some(match tag {
                Some(tag) if self.tag.as_ref() == Some(&tag) => Fit::Fits,
                None if asked.is_some() => Fit::Unknown(format!("{image}, which names no tag")),
                _ => Fit::Differs(image.to_owned()),
            });
        };
        Some(match (asked, pulled) {
            // By its digest, nothing else can have been pulled.
            (Some(asked), _) if asked == *digest => Fit::Fits,
            (Some(_), _) => Fit::Differs(image.to_owned()),
            (None, Some(pulled)) if pulled == digest => Fit::Fits,
            (None, Some(pulled)) => Fit::Differs(format!("{image}@{pulled}")),
            (None, None) => Fit::Unknown(format!("{image}, whose digest is not told")),
        })
    }
}

/// `nginx` is `docker.io/library/nginx`. Source: distribution/reference, familiar names.
fn same_repository(one: &str, other: &str) -> bool {
    whole(one) == whole(other)
}

fn whole(repository: &str) -> String {
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
        let name = |place: usize| format!("c{place}");
        let spec = containers
            .iter()
            .enumerate()
            .map(|(place, (image, _))| serde_json::json!({"name": name(place), "image": image}));
        let status = containers
            .iter()
            .enumerate()
            .map(|(place, (_, id))| serde_json::json!({"name": name(place), "imageID": id}));
        serde_json::from_value(serde_json::json!({
            "spec": {"containers": spec.collect::<Vec<_>>()}, "status": {"containerStatuses": status.collect::<Vec<_>>()}
        }))
        .unwrap()
    }

    #[test]
    fn every_container_of_the_repository_has_to_run_this_version() {
        let wanted = |image: Option<&str>| Wanted {
            image: image.map(|image| image.parse().unwrap()),
            tag: Some("2".to_owned()),
            ..Wanted::default()
        };
        let spec = |init: &str, containers: [&str; 2]| -> Pod {
            let all = containers.map(|image| serde_json::json!({ "name": image, "image": image }));
            let init = serde_json::json!([{ "name": "init", "image": init }]);
            serde_json::from_value(serde_json::json!({ "spec": { "initContainers": init, "containers": all } }))
                .unwrap()
        };
        for (image, init, containers, fits) in [
            (Some("acme/shop"), "acme/shop:1", ["acme/shop:2", "envoy:3"], true),
            (Some("acme/shop"), "acme/shop:2", ["acme/shop:1", "envoy:3"], false),
            (Some("acme/shop"), "acme/shop:2", ["acme/shop:2", "acme/shop:1"], false),
            (Some("acme/shop"), "acme/shop:2", ["other:1", "envoy:3"], true),
            (None, "acme/shop:2", ["acme/shop:1", "envoy:3"], false),
            (None, "acme/shop:1", ["acme/shop:2", "envoy:3"], true),
        ] {
            let found = wanted(image).in_pod(&spec(init, containers));
            assert_eq!(found == Fit::Fits, fits, "{image:?} {init} {containers:?}: {found:?}");
        }
    }

    #[test]
    fn a_pod_runs_the_image_when_a_container_of_its_repository_does() {
        let pulled = |digest: &str| format!("ghcr.io/acme/shop@{digest}");
        for (wanted, image, id, fits) in [
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
            // The same tag was pushed twice: the digest tells.
            (("", "1", ONE), "nginx:1", pulled(TWO), Some(false)),
            (("", "1", ONE), "nginx:1", "sha256:abc".to_owned(), None),
            (("", "1", ONE), "nginx:1", String::new(), None),
            (("", "", ""), "anything", String::new(), Some(true)),
            (("", "1", ""), "nginx", String::new(), Some(false)),
        ] {
            let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let image_wanted = given(wanted.0).map(|image| image.parse().unwrap());
            let wanted = Wanted { image: image_wanted, tag: given(wanted.1), digest: given(wanted.2) };
            let found = match wanted.in_pod(&pod(&[("envoy:3", "envoy@sha256:3"), (image, &id)])) {
                Fit::Fits => Some(true),
                Fit::Differs(_) => Some(false),
                Fit::Unknown(_) => None,
            };
            assert_eq!(found, fits, "{wanted:?} in {image} {id}");
        }
    }
}
