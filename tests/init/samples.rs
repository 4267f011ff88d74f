//! Small repositories as a newcomer has them: a service, its manifests, and a workflow that deploys it to staging. The tests of `init`
//! and the stories on a runner share them.

/// The image's tag in production.
pub const TAG: &str = "1.4.0";
/// The tag in staging.
const STAGING_TAG: &str = "1.4.1";

/// The workflow that deploys to staging.
pub const DEPLOY: &str = "name: deploy-staging

on:
  push:
    branches: [main]

permissions: {}

jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: make deploy
";

pub struct Sample {
    pub services: &'static [&'static str],
    /// What the files do not say.
    pub flags: &'static [&'static str],
    /// Paths and texts.
    pub files: Vec<(String, String)>,
    /// The file that has the image of each service in production.
    pub production: Vec<String>,
}

impl Sample {
    /// A repository of the service `shop`.
    fn of_shop(production: &str, files: &[(&str, &str)]) -> Self {
        let files = files.iter().copied().chain([(".github/workflows/deploy-staging.yml", DEPLOY)]);
        Self {
            services: &["shop"],
            flags: &[],
            files: files.map(|(path, text)| (path.to_owned(), text.to_owned())).collect(),
            production: vec![production.to_owned()],
        }
    }
}

/// The tag of an environment.
fn tag(stage: &str) -> &'static str {
    if stage == "production" { TAG } else { STAGING_TAG }
}

fn overlay(stage: &str, service: &str, more: &str) -> String {
    let tag = tag(stage);
    format!("namespace: {stage}\n{more}images:\n  - name: ghcr.io/acme/{service}\n    newTag: {tag}\n")
}

pub fn kustomize() -> Sample {
    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  template:
    spec:
      containers:
        - { name: web, image: ghcr.io/acme/shop }
";
    let [staging, production] =
        ["staging", "production"].map(|stage| overlay(stage, "shop", "resources: [../../base]\n"));
    Sample::of_shop(
        "deploy/overlays/production/kustomization.yaml",
        &[
            ("deploy/base/deployment.yaml", DEPLOYMENT),
            ("deploy/base/kustomization.yaml", "resources: [deployment.yaml]\n"),
            ("deploy/overlays/staging/kustomization.yaml", &staging),
            ("deploy/overlays/production/kustomization.yaml", &production),
        ],
    )
}

/// A chart says no namespace.
pub fn helm() -> Sample {
    let sample = Sample::of_shop(
        "chart/values-prod.yaml",
        &[
            ("chart/Chart.yaml", "name: shop\n"),
            ("chart/templates/deployment.yaml", "{{- if true }}\nkind: Deployment\n{{- end }}\n"),
            ("chart/values.yaml", "image:\n  repository: ghcr.io/acme/shop\n  tag: latest\n"),
            ("chart/values-staging.yaml", &format!("image:\n  tag: {STAGING_TAG}\n")),
            ("chart/values-prod.yaml", &format!("# Set by promote-gates.\nimage:\n  tag: {TAG} # the release\n")),
        ],
    );
    Sample { flags: &["--staging-namespace", "staging", "--production-namespace", "production"], ..sample }
}

pub fn argo_cd() -> Sample {
    let application = |stage: &str| {
        let tag = tag(stage);
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: shop-{stage}, namespace: argocd }}
spec:
  destination: {{ namespace: {stage} }}
  source:
    chart: shop
    helm:
      parameters:
        - {{ name: image.repository, value: ghcr.io/acme/shop }}
        - {{ name: image.tag, value: {tag} }}
"
        )
    };
    let both = format!("{}---\n{}", application("staging"), application("production"));
    Sample::of_shop("argocd/apps.yaml", &[("argocd/apps.yaml", &both)])
}

pub fn flux() -> Sample {
    let release = |stage: &str| {
        let tag = tag(stage);
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{ name: shop, namespace: {stage} }}
spec:
  values:
    image: {{ repository: ghcr.io/acme/shop, tag: {tag} }}
"
        )
    };
    Sample::of_shop(
        "clusters/production/shop.yaml",
        &[
            ("clusters/staging/shop.yaml", &release("staging")),
            ("clusters/production/shop.yaml", &release("production")),
        ],
    )
}

/// Two services.
pub fn monorepo() -> Sample {
    let services: &[&str] = &["cart", "search"];
    let path = |service: &str, stage: &str| format!("services/{service}/deploy/{stage}/kustomization.yaml");
    let overlays = services
        .iter()
        .flat_map(|service| ["staging", "production"].map(|stage| (path(service, stage), overlay(stage, service, ""))));
    let deploy = (".github/workflows/deploy-staging.yml".to_owned(), DEPLOY.to_owned());
    Sample {
        services,
        flags: &[],
        files: overlays.chain([deploy]).collect(),
        production: services.iter().map(|service| path(service, "production")).collect(),
    }
}
