//! The image at a path, as the tools that apply a file read it: after the edit, helm and kustomize render the new image and
//! nothing else differs. And how long the edit of a long file takes.
//!
//! Run by `tests/e2e/images.sh`, which builds the tools it needs.

#![expect(clippy::unwrap_used, reason = "a test fails if its environment cannot be set up")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use promote_gates::{
    clock::{Clock as _, SystemClock},
    image_fields::{DocumentSelector, ImageFields, NewRelease, set},
};
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

/// Files that kustomize reads as resources.
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

/// Patches that kustomize applies to a Deployment.
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

#[expect(clippy::disallowed_methods, reason = "the path of a tool is a setting of the test, not of the product")]
fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(format!("PROMOTE_GATES_E2E_{name}"));
    if path.is_none() {
        print(&format!("SKIP: PROMOTE_GATES_E2E_{name} is not set; run tests/e2e/images.sh"));
    }
    path.map(PathBuf::from)
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
    let deployment =
        before_and_after("manifests/deployment.yaml", "image=.spec.template.spec.containers[name=app].image")[0]
            .replace("  template:\n    metadata:\n", "  template:\n    metadata:\n      annotations: {}\n")
            .replace(
                "  labels: {app: checkout-service}\nspec:",
                "  labels: {app: checkout-service}\n  annotations: {a: b}\nspec:",
            );
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

/// Ten thousand lines, with the value near the end. The limit leaves room for a build without optimisation on a busy machine;
/// the printed time of `cargo test --release` is the one to compare.
#[test]
fn a_file_of_ten_thousand_lines_is_edited_quickly() {
    let mut text = String::new();
    for service in 0..1250 {
        text += &format!(
            "service-{service}:\n  # of team {service}\n  image:\n    repository: ghcr.io/acme/service-{service}\n    tag: \"1.4.{service}\" # set by promotions\n  env:\n    - {{name: A, value: 'b'}}\n    - {{name: C, value: \"d\"}}\n"
        );
    }
    assert_eq!(text.lines().count(), 10_000);
    let (fields, image) = (fields("tag=.service-1200.image.tag"), IMAGE.parse().unwrap());
    let release = NewRelease { tag: Some("1.5.0"), digest: None };
    let clock = SystemClock::new();
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let start = clock.now();
            let (edited, _) = set(&text, &fields, &image, release, false).unwrap();
            let elapsed = clock.now().saturating_sub(start);
            assert_eq!(edited.text, text.replace("1.4.1200", "1.5.0"));
            elapsed
        })
        .collect();
    times.sort();
    print(&format!("10,000 lines: {:?} (median of {})", times[times.len() / 2], times.len()));
    let limit = if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(60) };
    assert!(times[0] < limit, "{times:?}");
}

fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{command:?}: {stdout}{stderr}");
    stdout
}

/// Prints to stderr directly, because the test harness hides the output of passing tests.
fn print(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
