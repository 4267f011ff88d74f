//! The places of a repository's files that have an image, and the workloads that run one. Pure.

mod values;

use std::collections::BTreeMap;

use super::stage::{Stage, stage_in};
use crate::{
    image_fields::reference_parts,
    workflow::{MAX_DEPTH, nodes::WorkflowNodes},
    yaml::tree::{Document, SpannedNode, read_documents},
};
use values::{ValuesImage, images_in_values, key_step};

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// From the root of the repository.
    pub path: String,
    pub text: String,
}

/// A place that has an image, as an item of `files` in the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePlace {
    pub path: String,
    pub stage: Option<Stage>,
    /// The image's repository, if the file or the values beside it have it.
    pub image: Option<String>,
    pub namespace: Option<String>,
    /// Which document, if the file has several: its kind and name.
    pub document: Option<(String, String)>,
    /// The keys of the item with their field paths; none for a kustomization.
    pub fields: Vec<(&'static str, String)>,
}

/// An object that runs an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `deployment/checkout-service`
    pub reference: String,
    pub image: String,
    pub namespace: Option<String>,
    pub stage: Option<Stage>,
}

/// What the files of a repository say about images.
#[derive(Debug, Default)]
pub struct Manifests {
    pub places: Vec<ImagePlace>,
    pub workloads: Vec<Workload>,
}

/// Files that are no YAML, such as the templates of a Helm chart, have nothing.
pub fn read_manifests(files: &[TextFile]) -> Manifests {
    let mut manifests = Manifests::default();
    for file in files {
        let Ok(documents) = read_documents(&file.text, MAX_DEPTH) else { continue };
        for document in &documents {
            let reader = DocumentReader {
                path: &file.path,
                nodes: WorkflowNodes::new(&document.root),
                root: &document.root,
                several: documents.len() > 1,
            };
            reader.read(&mut manifests);
        }
    }
    complete(&mut manifests.places);
    manifests
}

/// Values of one environment often leave the repository to the values beside them, or a folder above.
fn complete(places: &mut [ImagePlace]) {
    let known: BTreeMap<(String, String), String> = places
        .iter()
        .filter_map(|place| {
            let (_, field) = place.fields.first()?;
            Some(((place.path.clone(), field.clone()), place.image.clone()?))
        })
        .collect();
    for place in places.iter_mut().filter(|place| place.image.is_none()) {
        let Some((_, field)) = place.fields.first() else { continue };
        let mut folder = place.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        loop {
            let beside = if folder.is_empty() { "values.yaml".to_owned() } else { format!("{folder}/values.yaml") };
            if let Some(image) = known.get(&(beside, field.clone())) {
                place.image = Some(image.clone());
                break;
            }
            let Some((above, _)) = folder.rsplit_once('/') else {
                if folder.is_empty() {
                    break;
                }
                folder = "";
                continue;
            };
            folder = above;
        }
    }
}

/// Where most objects have the pods that they make.
const POD_TEMPLATE: [&str; 3] = ["spec", "template", "spec"];

struct DocumentReader<'a> {
    path: &'a str,
    nodes: WorkflowNodes<'a>,
    root: &'a SpannedNode,
    /// Whether the file has several documents.
    several: bool,
}

impl<'a> DocumentReader<'a> {
    fn at(&self, path: &[&str]) -> Option<&'a SpannedNode> {
        path.iter().try_fold(self.root, |node, key| self.nodes.field(node, key).map(|pair| &pair.value))
    }

    fn text_at(&self, path: &[&str]) -> Option<&'a str> {
        self.nodes.text(self.at(path)?).filter(|text| !text.is_empty())
    }

    fn text_in(&self, node: &'a SpannedNode, key: &str) -> Option<&'a str> {
        self.nodes.text(&self.nodes.field(node, key)?.value).filter(|text| !text.is_empty())
    }

    fn read(&self, manifests: &mut Manifests) {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        let group = self.text_at(&["apiVersion"]).and_then(|version| version.split('/').next()).unwrap_or_default();
        let places = match (group, self.text_at(&["kind"]).unwrap_or_default()) {
            _ if matches!(file, "kustomization.yaml" | "kustomization.yml" | "Kustomization") => self.kustomization(),
            ("argoproj.io", "Application") => self.application(&[]),
            ("argoproj.io", "ApplicationSet") => self.application(&["spec", "template"]),
            ("helm.toolkit.fluxcd.io", "HelmRelease") => {
                self.values_places(&["spec", "values"], ".spec.values", self.text_at(&["spec", "targetNamespace"]))
            }
            ("kustomize.toolkit.fluxcd.io", "Kustomization") => self.flux_kustomization(),
            ("apps", kind @ ("Deployment" | "StatefulSet" | "DaemonSet")) | ("argoproj.io", kind @ "Rollout") => {
                manifests.workloads.extend(self.workloads(kind));
                self.containers(&POD_TEMPLATE)
            }
            ("batch", "CronJob") => self.containers(&["spec", "jobTemplate", "spec", "template", "spec"]),
            ("batch", "Job") | ("serving.knative.dev", "Service") => self.containers(&POD_TEMPLATE),
            ("v1", "Pod") => self.containers(&["spec"]),
            ("", _) if file.contains("values") => self.values_places(&[], "", None),
            _ => Vec::new(),
        };
        manifests.places.extend(places);
    }

    fn place(&self, image: Option<&str>, fields: Vec<(&'static str, String)>, namespace: Option<&str>) -> ImagePlace {
        let namespace = namespace.or_else(|| self.text_at(&["metadata", "namespace"]));
        let name = self.text_at(&["metadata", "name"]);
        let stage = [Some(self.path), name, namespace].into_iter().flatten().find_map(stage_in);
        let kind = self.text_at(&["kind"]);
        let document = kind.zip(name).filter(|_| self.several);
        ImagePlace {
            path: self.path.to_owned(),
            stage,
            image: image.map(ToOwned::to_owned),
            namespace: namespace.map(ToOwned::to_owned),
            document: document.map(|(kind, name)| (kind.to_owned(), name.to_owned())),
            fields,
        }
    }

    fn kustomization(&self) -> Vec<ImagePlace> {
        let entries = self.at(&["images"]).map(|images| self.nodes.items(images)).unwrap_or_default();
        let images = entries.iter().filter_map(|entry| self.text_in(entry, "newName").or(self.text_in(entry, "name")));
        let entries = images.map(|image| self.place(Some(image), Vec::new(), self.text_at(&["namespace"])));
        let charts = self.at(&["helmCharts"]).map(|charts| self.nodes.items(charts)).unwrap_or_default();
        let in_chart = charts.iter().enumerate().flat_map(|(index, chart)| {
            let values = self.nodes.field(chart, "valuesInline").map(|pair| &pair.value);
            let prefix = format!(".helmCharts[{index}].valuesInline");
            values.map(|values| images_in_values(&self.nodes, values, &prefix)).unwrap_or_default()
        });
        entries.chain(in_chart.map(|found| self.values_place(found, self.text_at(&["namespace"])))).collect()
    }

    fn flux_kustomization(&self) -> Vec<ImagePlace> {
        let entries = self.at(&["spec", "images"]).map(|images| self.nodes.items(images)).unwrap_or_default();
        let namespace = self.text_at(&["spec", "targetNamespace"]);
        let place = |entry: &'a SpannedNode| {
            let name = self.text_in(entry, "name")?;
            let field = |key: &str| format!(".spec.images[name={name}].{key}");
            let has = |key: &&&str| self.nodes.field(entry, key).is_some();
            let fields: Vec<(&'static str, String)> = [("tag", "newTag"), ("digest", "digest")]
                .into_iter()
                .filter(|(_, key)| has(&key))
                .map(|(field_name, key)| (field_name, field(key)))
                .collect();
            let image = self.text_in(entry, "newName").unwrap_or(name);
            (!fields.is_empty()).then(|| self.place(Some(image), fields, namespace))
        };
        entries.iter().filter_map(place).collect()
    }

    /// An Application at a path of the document: the document itself, or the template of an `ApplicationSet`.
    fn application(&self, base: &[&str]) -> Vec<ImagePlace> {
        let at = |keys: &[&str]| self.at(&[base, keys].concat());
        let base_path: String = base.iter().map(|key| format!(".{key}")).collect();
        let namespace = at(&["spec", "destination", "namespace"]);
        let namespace = namespace.and_then(|node| self.nodes.text(node)).filter(|text| !text.is_empty());
        let mut places = Vec::new();
        let one = at(&["spec", "source"]).map(|source| (source, format!("{base_path}.spec.source")));
        let several = at(&["spec", "sources"]).map(|sources| self.nodes.items(sources)).unwrap_or_default();
        let several =
            several.iter().enumerate().map(|(index, source)| (source, format!("{base_path}.spec.sources[{index}]")));
        for (source, prefix) in one.into_iter().chain(several) {
            places.extend(self.source(source, &prefix, namespace));
        }
        places
    }

    fn source(&self, source: &'a SpannedNode, prefix: &str, namespace: Option<&str>) -> Vec<ImagePlace> {
        let mut places = Vec::new();
        let field = |node: &'a SpannedNode, key: &str| self.nodes.field(node, key).map(|pair| &pair.value);
        let kustomize = field(source, "kustomize").and_then(|kustomize| field(kustomize, "images"));
        for item in kustomize.map(|images| self.nodes.items(images)).unwrap_or_default() {
            // `app=ghcr.io/acme/app:1.4.2`
            let Some(text) = self.nodes.text(item) else { continue };
            let image = reference_parts(text.rsplit('=').next().unwrap_or_default()).0;
            places.push(self.place(Some(image), vec![("image", format!("{prefix}.kustomize.images"))], namespace));
        }
        let Some(helm) = field(source, "helm") else { return places };
        let parameters = field(helm, "parameters").map(|list| self.nodes.items(list)).unwrap_or_default();
        let parameter = |name: &str| {
            let found = parameters.iter().find(|item| self.text_in(item, "name") == Some(name));
            found.and_then(|item| self.text_in(item, "value"))
        };
        for item in parameters {
            let Some(name) = self.text_in(item, "name").filter(|name| name.ends_with("image.tag")) else { continue };
            let path = |name: &str| format!("{prefix}.helm.parameters[name={name}].value");
            let repository = name.replace("image.tag", "image.repository");
            let mut fields = vec![("tag", path(name))];
            let image = parameter(&repository);
            fields.extend(image.map(|_| ("repository", path(&repository))));
            places.push(self.place(image, fields, namespace));
        }
        let object = field(helm, "valuesObject")
            .map(|values| images_in_values(&self.nodes, values, &format!("{prefix}.helm.valuesObject")));
        places.extend(object.into_iter().flatten().map(|found| self.values_place(found, namespace)));
        if let Some(text) = field(helm, "values").and_then(|values| self.nodes.text(values))
            && let Ok(documents) = read_documents(text, MAX_DEPTH)
            && let [Document { root, .. }] = &documents[..]
        {
            let found = images_in_values(&WorkflowNodes::new(root), root, &format!("{prefix}.helm.values"));
            places.extend(found.into_iter().map(|found| self.values_place(found, namespace)));
        }
        places
    }

    fn values_places(&self, path: &[&str], prefix: &str, namespace: Option<&str>) -> Vec<ImagePlace> {
        let found = self.at(path).map(|values| images_in_values(&self.nodes, values, prefix)).unwrap_or_default();
        found.into_iter().map(|found| self.values_place(found, namespace)).collect()
    }

    fn values_place(&self, found: ValuesImage, namespace: Option<&str>) -> ImagePlace {
        self.place(found.image.as_deref(), found.fields, namespace)
    }

    /// The containers of the pods at a path, with the paths of their images.
    fn images(&self, pod: &[&str]) -> Vec<(String, &'a str)> {
        let in_list = |key: &str| {
            let list = self.at(&[pod, &[key]].concat()).map(|list| self.nodes.items(list)).unwrap_or_default();
            let prefix: String = pod.iter().chain([&key]).map(|key| format!(".{key}")).collect();
            let image = |(index, item): (usize, &'a SpannedNode)| {
                let step = self.text_in(item, "name").map(|name| key_step("name", name));
                let step = step.unwrap_or_else(|| format!("[{index}]"));
                Some((format!("{prefix}{step}.image"), self.text_in(item, "image")?))
            };
            list.iter().enumerate().filter_map(image).collect::<Vec<_>>()
        };
        ["containers", "initContainers"].into_iter().flat_map(in_list).collect()
    }

    fn containers(&self, pod: &[&str]) -> Vec<ImagePlace> {
        let images = self.images(pod).into_iter();
        images.map(|(field, image)| self.place(Some(reference_parts(image).0), vec![("image", field)], None)).collect()
    }

    fn workloads(&self, kind: &str) -> Vec<Workload> {
        let Some(name) = self.text_at(&["metadata", "name"]) else { return Vec::new() };
        let namespace = self.text_at(&["metadata", "namespace"]);
        let stage = [Some(self.path), namespace].into_iter().flatten().find_map(stage_in);
        let workload = |(_, image): (String, &str)| Workload {
            reference: format!("{}/{name}", kind.to_lowercase()),
            image: reference_parts(image).0.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            stage,
        };
        self.images(&POD_TEMPLATE).into_iter().map(workload).collect()
    }
}

#[cfg(test)]
mod tests;
