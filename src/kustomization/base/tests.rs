use super::*;

const OVERLAY: &str = "apps/shop/overlays/production/kustomization.yaml";

/// The base of the first file, with the others in the repository.
fn base(files: &[(&str, &str)]) -> BaseImages {
    let read = |paths: &[String]| {
        let text =
            |path: &String| files.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_bytes().to_vec());
        Ok(paths.iter().map(text).collect())
    };
    base_images(files[0].0, files[0].1, &read)
}

fn images(base: &BaseImages) -> Vec<&str> {
    base.images.iter().map(String::as_str).collect()
}

fn deployment(image: &str) -> String {
    format!("kind: Deployment\nspec: {{template: {{spec: {{containers: [{{name: a, image: '{image}'}}]}}}}}}\n")
}

#[test]
fn images_come_through_bases_and_components_with_their_entries_applied() {
    let (one, two, three) = (deployment("app"), deployment("side:1"), deployment("extra"));
    let found = base(&[
        (
            OVERLAY,
            "resources: [../../base, ./local.yaml]\ncomponents: [../../../shared/proxy]\nimages: [{name: app, newTag: x}]\n",
        ),
        (
            "apps/shop/base/kustomization.yml",
            "resources: [deployment.yaml]\nbases: ['../side/']\nimages: [{name: app, newName: ghcr.io/acme/shop, newTag: '1'}]\n",
        ),
        ("apps/shop/base/deployment.yaml", &one),
        ("apps/shop/side/Kustomization", "Resources: [a.yaml]\nimages: [{name: app, newName: not-this}]\n"),
        ("apps/shop/side/a.yaml", &two),
        ("apps/shop/overlays/production/local.yaml", &three),
        ("apps/shared/proxy/kustomization.yaml", "kind: Component\nimages: [{name: side, newName: mirror/side}]\n"),
    ]);
    assert_eq!(images(&found), ["extra", "ghcr.io/acme/shop:1", "mirror/side:1"]);
    assert!(found.is_complete(), "{found:?}");
}

#[test]
fn what_is_not_read_is_named() {
    let app = deployment("app");
    let file = ("apps/shop/overlays/production/a.yaml", app.as_str());
    for (text, part) in [
        ("resources: [a.yaml, 'https://github.com/acme/shop//deploy?ref=v1']", "fetched from the network"),
        ("resources: [a.yaml, github.com/acme/shop/deploy]", "fetched from the network"),
        (
            "resources: [a.yaml, ../../base]",
            "`../../base` of apps/shop/overlays/production/kustomization.yaml is not in",
        ),
        ("resources: [a.yaml, ../../../../../base]", "not in this repository"),
        ("resources: [a.yaml, /base]", "not in this repository"),
        ("resources: [a.yaml]\nhelmCharts: [{name: shop}]", "`helmCharts`"),
        ("resources: [a.yaml]\ngenerators: [g.yaml]", "`generators`"),
        ("resources: [a.yaml]\nconfigurations: [c.yaml]", "c.yaml: not in this repository"),
        ("resources: [a.yaml]\ncomponents: [a.yaml]", "no component"),
        ("kind: Component\nresources: [a.yaml]", "is a component"),
        ("images: []", "names no resources"),
        ("resources: [a.yaml, .]", "more than 20 kustomizations"),
    ] {
        let found = base(&[(OVERLAY, text), file]);
        assert!(found.unread.iter().any(|reason| reason.contains(part)), "{text}: {found:?}");
        assert!(!found.is_complete());
    }
    for (text, broken) in [("resources: [a.yaml]", "kind: ["), ("resources: [a.yaml]", "../elsewhere.yaml")] {
        let found = base(&[(OVERLAY, text), (file.0, broken)]);
        assert!(found.unread[0].contains("`a.yaml` of apps/shop"), "{found:?}");
    }
    let failing = base_images(OVERLAY, "resources: [a.yaml]", &|_| Err("git failed".to_owned()));
    assert!(failing.unread.contains(&"git failed".to_owned()), "{failing:?}");
}

#[test]
fn what_may_change_images_is_named() {
    let app = deployment("app");
    for (keys, part) in [
        ("transformers: [t.yaml]", "`transformers`"),
        ("patches: [{path: p.yaml}]", "p.yaml may"),
        ("patches: [{path: none.yaml}]", "none.yaml may"),
        ("patches: [{patch: '[{op: replace, path: /spec/x/containers/0/image, value: b}]'}]", "`patches`"),
        ("patchesStrategicMerge:\n- p.yaml", "p.yaml may"),
        ("patchesStrategicMerge:\n- |\n  kind: Pod\n  spec: {containers: [{image: b}]}", "`patchesStrategicMerge`"),
        ("patchesJson6902: [{path: p.yaml}]", "p.yaml may"),
        (
            "replacements: [{source: {kind: ConfigMap}, targets: [{fieldPaths: ['spec.containers.0.image']}]}]",
            "`replacements`",
        ),
    ] {
        let text = format!("resources: [a.yaml]\n{keys}\n");
        let files = [
            (OVERLAY, text.as_str()),
            ("apps/shop/overlays/production/a.yaml", &app),
            ("apps/shop/overlays/production/p.yaml", &app),
        ];
        let found = base(&files);
        assert!(found.changed_by.iter().any(|reason| reason.contains(part)), "{keys}: {found:?}");
        // Below another kustomization, too.
        let below =
            base(&[&[("kustomization.yaml", "resources: [apps/shop/overlays/production]")], &files[..]].concat());
        assert_eq!(below.changed_by, found.changed_by, "{keys}");
    }
    let harmless = "resources: [a.yaml]\npatches: [{patch: '[{op: replace, path: /spec/replicas, value: 2}]'}]\nreplicas: [{name: a, count: 2}]\n";
    let found = base(&[(OVERLAY, harmless), ("apps/shop/overlays/production/a.yaml", &app)]);
    assert!(found.is_complete() && images(&found) == ["app"], "{found:?}");
}

#[test]
fn configured_fields_count_where_they_are_configured() {
    let files = [
        ("kustomization.yaml", "resources: [base, monitor.yaml]\n"),
        ("monitor.yaml", "kind: Prometheus\nspec: {image: top}\n"),
        (
            "base/kustomization.yaml",
            "resources: [m.yaml]\nconfigurations: [c.yaml]\nimages: [{name: inner, newName: changed}]\n",
        ),
        ("base/m.yaml", "kind: Prometheus\nspec: {image: inner}\n"),
        ("base/c.yaml", "images: [{path: spec/image, kind: Prometheus}]\n"),
    ];
    assert!(images(&base(&files)).is_empty());
    let mut configured = files;
    configured[0].1 = "resources: [base, monitor.yaml]\nconfigurations: [base/c.yaml]\n";
    assert_eq!(images(&base(&configured)), ["changed", "top"]);
}
