use super::*;

fn read(path: &str, text: &str) -> Manifests {
    read_manifests(&[TextFile { path: path.to_owned(), text: text.to_owned() }])
}

/// The only place of a file.
fn place(path: &str, text: &str) -> ImagePlace {
    let mut places = read(path, text).places;
    assert_eq!(places.len(), 1, "{path}: {places:#?}");
    places.remove(0)
}

fn fields(all: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    all.iter().map(|(key, path)| (*key, (*path).to_owned())).collect()
}

const IMAGE: &str = "ghcr.io/acme/shop";

#[test]
fn each_kind_of_file_has_its_fields() {
    let production = Some(Stage::Production);
    for (path, text, expected, stage) in [
        (
            "apps/shop/overlays/production/kustomization.yaml",
            "namespace: shop\nimages:\n  - name: shop\n    newName: ghcr.io/acme/shop\n    newTag: '1'\n",
            &[][..],
            production,
        ),
        ("k/kustomization.yml", "namespace: shop\nimages: [{ name: ghcr.io/acme/shop, newTag: '1' }]\n", &[], None),
        (
            "apps/shop.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: { name: shop-production }\nspec:\n  destination: { namespace: shop }\n  source:\n    helm:\n      parameters:\n        - { name: image.repository, value: ghcr.io/acme/shop }\n        - { name: image.tag, value: '1' }\n",
            &[
                ("tag", ".spec.source.helm.parameters[name=image.tag].value"),
                ("repository", ".spec.source.helm.parameters[name=image.repository].value"),
            ],
            production,
        ),
        (
            "apps/shop.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  destination: { namespace: shop }\n  source:\n    kustomize:\n      images: ['shop=ghcr.io/acme/shop:1']\n",
            &[("image", ".spec.source.kustomize.images")],
            None,
        ),
        (
            "apps/shop.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  destination: { namespace: shop }\n  sources:\n    - helm:\n        valuesObject:\n          image: { repository: ghcr.io/acme/shop, tag: '1' }\n",
            &[
                ("tag", ".spec.sources[0].helm.valuesObject.image.tag"),
                ("repository", ".spec.sources[0].helm.valuesObject.image.repository"),
            ],
            None,
        ),
        (
            "apps/shop.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  destination: { namespace: shop }\n  source:\n    helm:\n      values: |\n        web:\n          image: { repository: ghcr.io/acme/shop, tag: '1' }\n",
            &[
                ("tag", ".spec.source.helm.values.web.image.tag"),
                ("repository", ".spec.source.helm.values.web.image.repository"),
            ],
            None,
        ),
        (
            "clusters/prod/shop.yaml",
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: shop, namespace: shop }\nspec:\n  values:\n    image: { repository: ghcr.io/acme/shop, tag: '1', digest: '' }\n",
            &[
                ("tag", ".spec.values.image.tag"),
                ("digest", ".spec.values.image.digest"),
                ("repository", ".spec.values.image.repository"),
            ],
            production,
        ),
        (
            "clusters/prod/shop.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  targetNamespace: shop\n  images: [{ name: shop, newName: ghcr.io/acme/shop, newTag: '1' }]\n",
            &[("tag", ".spec.images[name=shop].newTag")],
            production,
        ),
        (
            "k8s/deployment-prod.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: shop, namespace: shop }\nspec: { template: { spec: { containers: [{ name: app, image: 'ghcr.io/acme/shop:1' }] } } }\n",
            &[("image", ".spec.template.spec.containers[name=app].image")],
            production,
        ),
        (
            "prod/rollout.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: { name: shop, namespace: shop }\nspec: { template: { spec: { containers: [{ name: app, image: 'ghcr.io/acme/shop:1' }] } } }\n",
            &[("image", ".spec.template.spec.containers[name=app].image")],
            production,
        ),
        (
            "prod/clean-up.yaml",
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: clean-up, namespace: shop }\nspec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: app, image: 'ghcr.io/acme/shop:1' }] } } } } }\n",
            &[("image", ".spec.jobTemplate.spec.template.spec.containers[name=app].image")],
            production,
        ),
        (
            "prod/migrate.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate, namespace: shop }\nspec: { template: { spec: { initContainers: [{ name: app, image: 'ghcr.io/acme/shop:1' }] } } }\n",
            &[("image", ".spec.template.spec.initContainers[name=app].image")],
            production,
        ),
        (
            "prod/service.yaml",
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: { name: shop, namespace: shop }\nspec: { template: { spec: { containers: [{ image: 'ghcr.io/acme/shop:1' }] } } }\n",
            &[("image", ".spec.template.spec.containers[0].image")],
            production,
        ),
        (
            "prod/pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: { name: shop, namespace: shop }\nspec: { containers: [{ name: app, image: 'ghcr.io/acme/shop:1' }] }\n",
            &[("image", ".spec.containers[name=app].image")],
            production,
        ),
        (
            "apps/shop.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  template:\n    spec:\n      destination: { namespace: shop }\n      source: { helm: { valuesObject: { image: { repository: ghcr.io/acme/shop, tag: '1' } } } }\n",
            &[
                ("tag", ".spec.template.spec.source.helm.valuesObject.image.tag"),
                ("repository", ".spec.template.spec.source.helm.valuesObject.image.repository"),
            ],
            None,
        ),
        (
            "prod/kustomization.yaml",
            "namespace: shop\nhelmCharts:\n- name: shop\n  valuesInline: { image: { repository: ghcr.io/acme/shop, tag: '1' } }\n",
            &[
                ("tag", ".helmCharts[0].valuesInline.image.tag"),
                ("repository", ".helmCharts[0].valuesInline.image.repository"),
            ],
            production,
        ),
        (
            "clusters/prod/shop.yaml",
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: shop, namespace: shop }\nspec: { values: { controllers: { main: { containers: { app: { image: { repository: ghcr.io/acme/shop, tag: '1' } } } } } } }\n",
            &[
                ("tag", ".spec.values.controllers.main.containers.app.image.tag"),
                ("repository", ".spec.values.controllers.main.containers.app.image.repository"),
            ],
            production,
        ),
    ] {
        let found = place(path, text);
        assert_eq!(found.image.as_deref(), Some(IMAGE), "{path}: {text}");
        assert_eq!(found.fields, fields(expected), "{path}: {text}");
        assert_eq!((found.stage, found.namespace.as_deref()), (stage, Some("shop")), "{path}: {text}");
    }
}

#[test]
fn values_take_the_repository_from_the_values_beside_them() {
    let file = |path: &str, text: &str| TextFile { path: path.to_owned(), text: text.to_owned() };
    let places = |folder: &str| {
        let files = [
            file("chart/values.yaml", "image: { repository: ghcr.io/acme/shop, tag: latest }\n"),
            file(&format!("{folder}/values-production.yaml"), "image: { tag: '1' }\n"),
        ];
        read_manifests(&files).places
    };
    for folder in ["chart", "chart/environments"] {
        let places = places(folder);
        assert_eq!(places[1].image.as_deref(), Some(IMAGE), "{folder}");
        assert_eq!((places[0].stage, places[1].stage), (None, Some(Stage::Production)));
        assert_eq!(places[1].fields, fields(&[("tag", ".image.tag")]));
    }
    assert_eq!(places("other")[1].image, None);
}

#[test]
fn what_has_no_image_is_not_a_place() {
    for (path, text) in [
        ("chart/templates/deployment.yaml", "{{- if .Values.x }}\nkind: Deployment\n{{- end }}\n"),
        ("values.yaml", "replicas: 2\n"),
        ("values.yaml", "image: { pullPolicy: Always }\n"),
        ("a.yaml", "image: { tag: '1' }\n"),
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("a.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: { source: { path: x } }\n"),
        ("a.yaml", "- a\n- b\n"),
        ("a.yaml", ""),
    ] {
        let found = read(path, text);
        assert!(found.places.is_empty() && found.workloads.is_empty(), "{path}: {found:#?}");
    }
}

#[test]
fn a_document_among_several_is_named() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: shop }\nspec: { template: { spec: { containers: [{ name: app, image: 'ghcr.io/acme/shop:1@sha256:0' }] } } }\n";
    let found = read("prod.yaml", &format!("kind: Service\n---\n{deployment}"));
    assert_eq!(found.places[0].document, Some(("Deployment".to_owned(), "shop".to_owned())));
    assert_eq!(found.workloads[0].reference, "deployment/shop");
    assert_eq!(read("prod.yaml", deployment).places[0].document, None);
}
