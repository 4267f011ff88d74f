//! The images in the Kubernetes objects of a file: the fields that kustomize's `images:` changes (kustomize 5.8.1,
//! `api/filters/imagetag/legacy.go` and `api/internal/konfig/builtinpluginconsts/images.go`).

use std::collections::BTreeSet;

use serde_json::Value;

/// The fields that need no configuration, beside those of containers.
const VOLUME_IMAGES: [&str; 2] = ["spec/volumes[]/image/reference", "spec/template/spec/volumes[]/image/reference"];
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// A field with an image, as `configurations:` of a kustomization name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageFieldSpec {
    /// `spec/image`, `spec/parts[]/image`.
    path: String,
    /// The kind of object; `None` for all.
    kind: Option<String>,
}

/// An image in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestImage {
    pub image: String,
    /// `None` for a container. Kustomize changes any other field only in a kustomization that configures it.
    pub field: Option<ImageFieldSpec>,
}

/// Reads every document of a file; an empty one is left out.
pub fn read_documents(text: &str) -> Result<Vec<Value>, String> {
    // A file with the definitions of many custom resources has some 100,000 values.
    let budget = serde_saphyr::budget! { max_events: 10_000_000, max_nodes: 5_000_000 };
    let documents = serde_saphyr::from_multiple_with_options(text, serde_saphyr::options! { budget: budget });
    // The library's message quotes the file.
    documents.map_err(|error| {
        let location = error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
        format!("no valid YAML{}", location.unwrap_or_default())
    })
}

/// The images in a file of objects. The containers of every kind count, at any depth; those of a
/// `CustomResourceDefinition` do not.
///
/// # Errors
/// The file is not YAML, or has something else than objects.
pub fn manifest_images(text: &str, fields: &BTreeSet<ImageFieldSpec>) -> Result<BTreeSet<ManifestImage>, String> {
    let mut images = BTreeSet::new();
    for document in read_documents(text)? {
        let kind = document["kind"].as_str().ok_or("no Kubernetes object")?;
        match document["items"].as_array().filter(|_| kind.ends_with("List")) {
            Some(items) => items.iter().for_each(|item| collect_images(item, fields, &mut images)),
            None => collect_images(&document, fields, &mut images),
        }
    }
    Ok(images)
}

fn collect_images(object: &Value, fields: &BTreeSet<ImageFieldSpec>, images: &mut BTreeSet<ManifestImage>) {
    let kind = object["kind"].as_str();
    if kind == Some("CustomResourceDefinition") {
        return;
    }
    let mut found = Vec::new();
    collect_container_images(object, &mut found);
    for path in VOLUME_IMAGES {
        collect_field(object, path, &mut found);
    }
    images.extend(found.into_iter().map(|image| ManifestImage { image: image.to_owned(), field: None }));
    for field in fields.iter().filter(|field| field.kind.is_none() || field.kind.as_deref() == kind) {
        let mut found = Vec::new();
        collect_field(object, &field.path, &mut found);
        let found = found.into_iter().map(|image| (image.to_owned(), Some(field.clone())));
        images.extend(found.map(|(image, field)| ManifestImage { image, field }));
    }
}

fn collect_container_images<'v>(value: &'v Value, images: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_container_images(item, images)),
        Value::Object(members) => {
            for (key, value) in members {
                collect_container_images(value, images);
                if CONTAINERS.contains(&key.as_str()) {
                    images.extend(value.as_array().into_iter().flatten().filter_map(|item| item["image"].as_str()));
                }
            }
        }
        _ => {}
    }
}

/// The values at a path such as `spec/parts[]/image`; a list stands for each of its items.
fn collect_field<'v>(value: &'v Value, path: &str, images: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_field(item, path, images)),
        Value::String(image) if path.is_empty() => images.push(image),
        Value::Object(members) if !path.is_empty() => {
            let (first, rest) = path.split_once('/').unwrap_or((path, ""));
            if let Some(member) = members.get(first.strip_suffix("[]").unwrap_or(first)) {
                collect_field(member, rest, images);
            }
        }
        _ => {}
    }
}

/// The image fields that a file of `configurations:` adds.
///
/// # Errors
/// The file is not YAML.
pub fn configured_fields(text: &str) -> Result<BTreeSet<ImageFieldSpec>, String> {
    let documents = read_documents(text)?;
    let fields = documents.iter().flat_map(|document| document["images"].as_array().into_iter().flatten());
    let fields = fields.filter_map(|field| {
        let kind = field["kind"].as_str().filter(|kind| !kind.is_empty()).map(str::to_owned);
        Some(ImageFieldSpec { path: field["path"].as_str()?.trim_matches('/').to_owned(), kind })
    });
    Ok(fields.collect())
}

/// Whether a patch may set, add or remove an image. True for a text that cannot be read.
#[must_use]
pub fn may_change_images(patch: &str) -> bool {
    read_documents(patch).map_or(true, |documents| documents.iter().any(mentions_image))
}

/// Whether a patch, or the target of a replacement, is about an image or a list of containers: in the form of an object
/// (strategic merge), of operations with paths (JSON 6902), or of field paths (replacements).
pub fn mentions_image(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(mentions_image),
        Value::Object(members) => members
            .iter()
            .any(|(key, value)| matches!(key.as_str(), "image" | "$patch" | "$retainKeys") || mentions_image(value)),
        Value::String(text) => {
            let mut path = text.rsplit(['/', '.']);
            let last = path.next().unwrap_or_default();
            let ends = [last, path.next().unwrap_or_default()];
            // `/spec/template/spec/containers/0` removes a container, `…/containers/0/image` sets an image.
            last == "image" || ends[0].len() < text.len() && ends.iter().any(|end| CONTAINERS.contains(end))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str, fields: &str) -> Vec<String> {
        let images = manifest_images(text, &configured_fields(fields).unwrap()).unwrap();
        images.into_iter().map(|image| image.image).collect()
    }

    #[test]
    fn containers_of_every_kind_have_images() {
        let text = "\
kind: Deployment
spec: {template: {spec: {containers: [{image: 'a:1'}, {name: no-image}], initContainers: [{image: b}]}}}
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: c}], volumes: [{image: {reference: cron}}]}}}}}
---
# an empty document
---
kind: List
items: [{kind: Rollout, spec: {template: {spec: {containers: [{image: d}], volumes: [{image: {reference: e}}]}}}}]
---
kind: CustomResourceDefinition
spec: {containers: [{image: no}]}
---
kind: ConfigMap
data: {image: no, containers: 'image: no'}
---
kind: Prometheus
spec: {image: f, parts: [{image: g}]}
";
        assert_eq!(images(text, ""), ["a:1", "b", "c", "d", "e"]);
        let fields = "images:\n- {path: spec/image, kind: Prometheus}\n- {path: 'spec/parts[]/image'}\n";
        assert_eq!(images(text, fields), ["a:1", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(images(text, &fields.replace("Prometheus", "Other")), ["a:1", "b", "c", "d", "e", "g"]);
    }

    #[test]
    fn aliases_and_merged_keys_are_followed() {
        let text = "kind: Pod\nx: &one {image: a, name: n}\nspec:\n  containers:\n  - *one\n  - {<<: *one, image: b}\n  - {<<: *one}\n";
        assert_eq!(images(text, ""), ["a", "b"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        for (text, part) in [
            ("kind: [", "no valid YAML (line"),
            ("a: b\n", "no Kubernetes object"),
            ("../other.yaml", "no Kubernetes object"),
            ("kind: Pod\n---\n- a\n", "no Kubernetes object"),
        ] {
            let error = manifest_images(text, &BTreeSet::new()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_patch_that_touches_images_is_recognised() {
        for (patch, touches) in [
            ("kind: Deployment\nspec: {template: {spec: {containers: [{name: a, image: b}]}}}", true),
            ("kind: Deployment\nspec: {template: {spec: {containers: [{name: a, resources: {}}]}}}", false),
            ("kind: Deployment\n$patch: delete", true),
            ("- {op: replace, path: /spec/replicas, value: 2}", false),
            ("- {op: replace, path: /spec/template/spec/containers/0/image, value: b}", true),
            ("- {op: remove, path: /spec/template/spec/containers/1}", true),
            ("- {op: remove, path: /spec/template/spec/initContainers}", true),
            ("- {op: add, path: /spec/template/spec/containers/0/env, value: []}", false),
            ("[{\"op\": \"add\", \"path\": \"/spec/x\", \"value\": {\"image\": \"b\"}}]", true),
            ("kind: [", true),
        ] {
            assert_eq!(may_change_images(patch), touches, "{patch}");
        }
    }
}
