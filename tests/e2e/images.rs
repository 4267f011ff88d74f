//! The image at a path, as the tools that apply a file read it: after the edit, helm, kustomize and kubectl render the new image
//! and nothing else differs.
//!
//! Run by `tests/e2e/images.sh`, which builds the tools it needs.

#![expect(clippy::unwrap_used, reason = "a test fails if its environment cannot be set up")]

mod render_tools;

use std::{fs, path::Path, process::Command};

use promote_gates::image_fields::{DocumentSelector, ImageFields, NewRelease, set};
use render_tools::{kubectl, print, succeeded, tool};
use tempfile::TempDir;

const IMAGE: &str = "ghcr.io/acme/checkout-service";
const TAG: &str = "1.10";
const DIGEST: &str = "sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

/// Helm values, the fields in them, and the image as a chart's template has it.
const VALUES: [(&str, &str, &str); 18] = [
    ("simple.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("unquoted.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    (
        "single-quoted.yaml",
        "tag=.deployment.image.tag",
        "{{ .Values.deployment.image.name }}:{{ .Values.deployment.image.tag }}",
    ),
    (
        "list.yaml",
        "tag=.apps[name=checkout].image.tag",
        "{{ (index .Values.apps 1).image.repository }}:{{ (index .Values.apps 1).image.tag }}",
    ),
    (
        "subchart.yaml",
        "tag=.checkout-service.image.tag",
        "{{ with index .Values \"checkout-service\" }}{{ .image.repository }}:{{ .image.tag }}{{ end }}",
    ),
    ("whole.yaml", "image=.checkout.image", "{{ .Values.checkout.image }}"),
    (
        "digest.yaml",
        "tag=.image.tag digest=.image.digest",
        "{{ .Values.image.repository }}:{{ .Values.image.tag }}@{{ .Values.image.digest }}",
    ),
    (
        "pinned.yaml",
        "tag=.image.tag digest=.image.digest",
        "{{ .Values.image.repository }}:{{ .Values.image.tag }}@{{ .Values.image.digest }}",
    ),
    ("tag-with-digest.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    (
        "registry.yaml",
        "tag=.image.tag",
        "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
    ),
    ("flow.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("crlf.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("no-final-newline.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("byte-order-mark.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("missing.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("value-below.yaml", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("values.json", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
    ("tabs.json", "tag=.image.tag", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
];

/// Files that kustomize and kubectl read as resources.
const RESOURCES: [(&str, &str); 22] = [
    ("argocd/parameters.yaml", "tag=.spec.source.helm.parameters[name=image.tag].value"),
    ("argocd/values-object.yaml", "tag=.spec.source.helm.valuesObject.image.tag"),
    ("argocd/values-block.yaml", "tag=.spec.source.helm.values.image.tag"),
    ("argocd/values-block-crlf.yaml", "tag=.spec.source.helm.values.image.tag"),
    ("argocd/kustomize-images.yaml", "image=.spec.source.kustomize.images"),
    ("argocd/kustomize-images-renamed.yaml", "image=.spec.source.kustomize.images"),
    ("argocd/several.yaml", "name=checkout-service tag=.spec.source.helm.parameters[name=image.tag].value"),
    ("argocd/sources.yaml", "tag=.spec.sources[1].helm.parameters[name=image.tag].value"),
    ("argocd/applicationset-list.yaml", "tag=.spec.generators[0].list.elements[env=production].tag"),
    ("argocd/applicationset-template.yaml", "tag=.spec.template.spec.source.helm.values.image.tag"),
    ("flux/helm-release.yaml", "tag=.spec.values.image.tag"),
    ("flux/several.yaml", "tag=.spec.values.image.tag"),
    ("flux/controllers.yaml", "tag=.spec.values.controllers.checkout-service.containers.app.image.tag"),
    (
        "flux/kustomization.yaml",
        "tag=.spec.images[name=checkout-service].newTag digest=.spec.images[name=checkout-service].digest",
    ),
    (
        "flux/kustomization-patch.yaml",
        "image=.spec.patches[0].patch[path=/spec/template/spec/containers/0/image].value",
    ),
    ("manifests/deployment.yaml", "image=.spec.template.spec.containers[name=app].image"),
    ("manifests/pinned.yaml", "image=.spec.template.spec.containers[name=app].image"),
    ("manifests/cron-job.yaml", "image=.spec.jobTemplate.spec.template.spec.containers[name=cleanup].image"),
    ("manifests/init-container.yaml", "image=.spec.template.spec.initContainers[name=migrate].image"),
    ("manifests/several.yaml", "kind=Deployment image=.spec.template.spec.containers[name=app].image"),
    ("manifests/deployment.json", "image=.spec.template.spec.containers[name=app].image"),
    ("manifests/list.yaml", "image=.items[kind=Pod].spec.containers[name=app].image"),
];

/// Those of them that are one resource with a pod template, and the container that has the image.
const WORKLOADS: [(&str, &str); 5] = [
    ("manifests/deployment.yaml", "app"),
    ("manifests/pinned.yaml", "app"),
    ("manifests/cron-job.yaml", "cleanup"),
    ("manifests/init-container.yaml", "migrate"),
    ("manifests/deployment.json", "app"),
];

/// Patches of a Deployment.
const PATCHES: [(&str, &str); 3] = [
    ("patches/strategic.yaml", "image=.spec.template.spec.containers[name=app].image"),
    ("patches/json6902.yaml", "image=[path=/spec/template/spec/containers/0/image].value"),
    ("patches/json6902.json", "image=[path=/spec/template/spec/containers/0/image].value"),
];

fn fields(spec: &str) -> ImageFields {
    let part = |key: &str| spec.split(' ').filter_map(|part| part.split_once('=')).find(|(name, _)| *name == key);
    let path = |key: &str| part(key).map(|(_, path)| path.parse().unwrap());
    let text = |key: &str| part(key).map(|(_, value)| value.to_owned());
    let document = DocumentSelector { kind: text("kind"), name: text("name"), namespace: None };
    ImageFields { document, image: path("image"), tag: path("tag"), digest: path("digest"), ..ImageFields::default() }
}

/// A file of `tests/image-fields` before and after the edit.
fn before_and_after(file: &str, spec: &str) -> [String; 2] {
    let before =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image-fields").join(file)).unwrap();
    let release = NewRelease { tag: Some(TAG), digest: Some(DIGEST) };
    let (after, _) = set(&before, &fields(spec), &IMAGE.parse().unwrap(), release, false).unwrap();
    [before, after.text]
}

/// Checks that two renderings differ in one line, which has the new tag or digest.
fn assert_new_image(name: &str, before: &str, after: &str, lines: usize) {
    let differing: Vec<&str> =
        before.lines().zip(after.lines()).filter(|(before, after)| before != after).map(|(_, after)| after).collect();
    assert_eq!(before.lines().count(), after.lines().count(), "{name}\n{before}\n{after}");
    assert_eq!(differing.len(), lines, "{name}: {differing:?}");
    assert!(differing.iter().all(|line| line.contains(TAG) || line.contains(DIGEST)), "{name}: {differing:?}");
}

#[test]
fn helm_renders_the_new_image() {
    let Some(helm) = tool("HELM") else { return };
    for (file, spec, template) in VALUES {
        let render = |values: &str| {
            let chart = TempDir::new().unwrap();
            let path = |name: &str| chart.path().join(name);
            fs::create_dir(path("templates")).unwrap();
            fs::write(path("Chart.yaml"), "apiVersion: v2\nname: checkout\nversion: 1.0.0\n").unwrap();
            let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: app\n    image: \"IMAGE\"\n";
            fs::write(path("templates/pod.yaml"), pod.replace("IMAGE", template)).unwrap();
            fs::write(path("given.yaml"), values).unwrap();
            succeeded(
                Command::new(&helm)
                    .args(["template", "release", ".", "--values", "given.yaml"])
                    .current_dir(chart.path()),
            )
        };
        let [before, after] = before_and_after(&format!("helm/{file}"), spec).map(|text| render(&text));
        assert_new_image(file, &before, &after, 1);
        let image = after.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap();
        let expected = if spec.contains("digest=") || spec.contains("image=") || file == "tag-with-digest.yaml" {
            format!("{IMAGE}:{TAG}@{DIGEST}")
        } else {
            format!("{IMAGE}:{TAG}")
        };
        assert_eq!(image.trim_matches('"'), expected, "{file}");
    }
    print(&format!("{} values files: helm renders the new image of each", VALUES.len()));
}

#[test]
fn kustomize_reads_the_new_image_as_text() {
    let Some(kustomize) = tool("KUSTOMIZE") else { return };
    let build = |files: &[(&str, &str)], kustomization: &str| {
        let folder = TempDir::new().unwrap();
        for (name, text) in [("kustomization.yaml", kustomization)].iter().chain(files) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        succeeded(Command::new(&kustomize).args(["build", "--stack-trace"]).arg(folder.path()))
    };
    for (file, spec) in RESOURCES {
        let name = format!("file.{}", Path::new(file).extension().unwrap().to_str().unwrap());
        let rendered = before_and_after(file, spec)
            .map(|text| build(&[(name.as_str(), text.as_str())], &format!("resources: [{name}]\n")));
        assert_new_image(file, &rendered[0], &rendered[1], 1 + usize::from(spec.contains("digest=")));
        // A number would be written without quotes.
        let is_number = rendered[1].lines().any(|line| line.ends_with(": 1.10") && !line.starts_with("        "));
        assert!(!is_number, "{file}\n{}", rendered[1]);
    }
    let deployment = patched_deployment();
    for (file, spec) in PATCHES {
        let target = if file.contains("6902") { "target: {kind: Deployment}, " } else { "" };
        let kustomization = format!("resources: [deployment.yaml]\npatches: [{{{target}path: patch.yaml}}]\n");
        let rendered = before_and_after(file, spec).map(|text| {
            build(&[("deployment.yaml", deployment.as_str()), ("patch.yaml", text.as_str())], &kustomization)
        });
        assert_new_image(file, &rendered[0], &rendered[1], 1);
    }
    let inline = "image=.patches[0].patch.spec.template.spec.containers[name=app].image";
    let rendered = before_and_after("patches/inline.yaml", inline)
        .map(|text| build(&[("deployment.yaml", deployment.as_str())], &text.replace("../../base", "deployment.yaml")));
    assert_new_image("patches/inline.yaml", &rendered[0], &rendered[1], 1);
    print(&format!("{} files: kustomize renders the new image of each", RESOURCES.len() + PATCHES.len() + 1));
}

/// kubectl asks a server about the resources that it creates. Without one it can label and change them, and renders what it read.
#[test]
fn kubectl_reads_the_new_image() {
    let Some(program) = tool("KUBECTL") else { return };
    let folder = TempDir::new().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let render = |arguments: &[&str], text: &str| {
        let file = written("resource", text);
        succeeded(kubectl(&program, arguments).args(["--local", "--output", "yaml", "--filename", &file]))
    };
    for (file, spec) in RESOURCES {
        let [before, after] = before_and_after(file, spec).map(|text| render(&["label", "rendered=yes"], &text));
        assert_new_image(file, &before, &after, 1 + usize::from(spec.contains("digest=")));
    }
    // Its own edit of the same container has the same result.
    for (file, container) in WORKLOADS {
        let (_, spec) = RESOURCES.into_iter().find(|(resource, _)| *resource == file).unwrap();
        let [before, after] = before_and_after(file, spec);
        let theirs = render(&["set", "image", &format!("{container}={IMAGE}:{TAG}@{DIGEST}")], &before);
        // As typed resources, both have the same order and the same defaults.
        let [ours, theirs] = [after, theirs].map(|text| render(&["set", "serviceaccount", "reader"], &text));
        assert_eq!(ours, theirs, "{file}");
    }
    let deployment = patched_deployment();
    for (file, spec) in PATCHES {
        let kind = if file.contains("6902") { "json" } else { "strategic" };
        let [before, after] = before_and_after(file, spec)
            .map(|text| render(&["patch", "--type", kind, "--patch-file", &written("patch", &text)], &deployment));
        assert_new_image(file, &before, &after, 1);
    }
    print(&format!(
        "{} files: kubectl renders the new image of each, and sets the same one in {} of them",
        RESOURCES.len() + PATCHES.len(),
        WORKLOADS.len()
    ));
}

/// The Deployment that the patches are for.
fn patched_deployment() -> String {
    let [text, _] =
        before_and_after("manifests/deployment.yaml", "image=.spec.template.spec.containers[name=app].image");
    text.replace("  template:\n    metadata:\n", "  template:\n    metadata:\n      annotations: {}\n").replace(
        "  labels: {app: checkout-service}\nspec:",
        "  labels: {app: checkout-service}\n  annotations: {a: b}\nspec:",
    )
}
