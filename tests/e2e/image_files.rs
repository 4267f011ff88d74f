//! A service whose image is in Helm values and in an Argo CD `Application`: promoted, audited and rolled back by the shipped
//! workflows.

use promote_gates::sandbox::infra::FIRST_TAG;
use serde_json::json;

use crate::acme::team::Team;
use crate::acme::{Acme, SERVICES, trailers};

const SERVICE: &str = SERVICES[0];
const CONFIG: &str = ".github/promote-gates.yml";
const VALUES: &str = "charts/production/values.yaml";
const APPLICATION: &str = "argocd/checkout.yaml";

/// The files with a tag: comments, quotes and the order of keys are to stay.
fn files(tag: &str) -> [(&'static str, String); 2] {
    [
        (
            VALUES,
            format!("# Set by promote-gates.\nimage:\n    tag: '{tag}'   # the release\n    pullPolicy: Always\n"),
        ),
        (
            APPLICATION,
            format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: checkout}}\nspec:\n  source:\n    helm:\n      \
                 parameters:\n      - {{name: image.tag, value: \"{tag}\"}}\n      - {{name: replicas, value: \"2\"}}\n"
            ),
        ),
    ]
}

fn assert_files(acme: &Acme, tag: &str) {
    for (path, expected) in files(tag) {
        assert_eq!(acme.infra.read(path).expect("the file"), expected, "{path}");
    }
}

#[test]
fn a_release_in_helm_values_and_an_application_is_promoted_audited_and_rolled_back() {
    let acme = Acme::new();
    acme.change_infra("the image is in values and an Application", |infra| {
        for (path, text) in files(FIRST_TAG) {
            infra.write(path, text);
        }
        let config = acme.infra.read(CONFIG).expect("the config file");
        let image = format!("    image: ghcr.io/acme/{SERVICE}\n");
        let places = format!(
            "{image}    files:\n      - {{ path: \"charts/{{environment}}/values.yaml\", tag: .image.tag }}\n      \
             - {{ path: {APPLICATION}, environments: [production], tag: \".spec.source.helm.parameters[name=image.tag].value\" }}\n"
        );
        assert!(config.contains(&image), "{config}");
        infra.write(CONFIG, config.replace(&image, &places));
        infra.git(["rm", "--quiet", &format!("apps/{SERVICE}/overlays/production/kustomization.yaml")]);
    });
    let team = Team::new(&acme, SERVICE);
    let validated = team.release("Gift cards");
    acme.deploy_to_production(SERVICE, &validated.tag);

    let run = acme.promotion(validated.event()).approved_by("lena").run();

    assert!(run.succeeded, "{}", run.log);
    assert_files(&acme, &validated.tag);
    let [message] = &acme.promotions()[..] else { panic!("one promotion: {:#?}", acme.promotions()) };
    assert_eq!(trailers(message)["Previous-Image"], format!("ghcr.io/acme/{SERVICE}:{FIRST_TAG}"));

    let audit = acme.run_scheduled("audit.yml", "audit");
    let audit = audit.step("audit", "1");
    for (name, count) in [("promotions", "1"), ("rollbacks", "0"), ("by-hand", "0")] {
        assert_eq!(audit.outputs[name], count, "{name}: {}", audit.printed);
    }

    let inputs = json!({ "service": SERVICE, "incident-id": "INC-4712", "reason": "Carts are empty.", "commit": "" });
    let rollback = acme.run_manually("rollback.yml", "rollback", "main", &inputs, Some("piet"));
    assert_eq!(rollback.step("rollback", "2").outputs["verdict"], "passed", "{}", rollback.log);
    assert_files(&acme, FIRST_TAG);
}
