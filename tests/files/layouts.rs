//! The ledger over a change of the layout: the history of the kustomization counts until the first of the files existed.

use super::*;

const HELM: &str = "      - {path: 'clusters/{environment}/values.yaml', tag: '.{service}.image.tag'}\n";

#[test]
fn history_in_the_earlier_layout_counts_until_the_files_exist() {
    let scene = Scene::new();
    let shop = &scene.shop;
    let target = (SERVICE, "production");
    commit_promotion(&shop.infra, &ago(20), target, "1.4.2", "Promotion-kind: normal\nApproved-by: bob\n");
    shop.edit_at(Some(15), OVERLAY, "a quick fix", |text| text.replace("1.4.2", "1.4.3"));
    add_files(shop, 10, &[(VALUES, &values("1.4.3"))]);
    // The kustomization deploys nothing any more: this changes nothing that runs.
    let forged = commit_promotion(&shop.infra, &ago(5), target, "1.4.9", "Promotion-kind: normal\nApproved-by: bob\n");
    let (dir, config) = (shop.checkout("infra", &["--depth=1"]), config(HELM));
    let ended = audit(&dir, &config);
    assert_eq!(counts(&ended), ["1", "0", "1"], "{}", ended.log);
    assert!(
        ended.summary.contains(&forged[..7]) || ended.log.contains(&forged[..7]),
        "{}\n{}",
        ended.log,
        ended.summary
    );

    let ended = promote(&dir, &config, &[("tag", "1.4.4")]);
    assert_eq!((ended.code, ended.outputs["previous-image"].as_str()), (0, "ghcr.io/acme/checkout-service:1.4.3"));
    assert_eq!(shop.tag(SERVICE), "1.4.9", "the kustomization is no file of the service now");
    assert_eq!(counts(&audit(&dir, &config)), ["2", "0", "1"]);

    // A promotion in a file that the service had before is not rolled back.
    let first = shop.log("%H %s").iter().find(|line| line.ends_with(" promote")).unwrap()[..40].to_owned();
    scene.run(7, &["bob"]);
    let step = scene.step(7, &dir).input("reason", "x").input("promotion", &first);
    step.write(".github/promote-gates.yml", &config);
    let ended = step.run(&["rollback"]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("which is no file of the service now"), "{}", ended.log);
}

/// Environments in one file, or in files whose names are not theirs.
#[test]
fn environments_have_their_own_places() {
    let shop = Shop::new();
    let text = "staging: {tag: 1.5.0}\nproduction: {tag: 1.4.1}\n";
    add_files(
        &shop,
        1,
        &[("all.yaml", text), ("values-prod.yaml", "tag: 1.4.1\n"), ("values-stg.yaml", "tag: 1.5.0\n")],
    );
    let config = config(
        "      - {path: all.yaml, environments: [staging, production], tag: '.{environment}.tag'}\n      - {path: values-prod.yaml, environments: production, tag: .tag}\n      - {path: values-stg.yaml, environments: staging, tag: .tag}\n",
    );
    let dir = shop.checkout("infra", &[]);
    let ended = promote(&dir, &config, &[("tag", "1.4.2")]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let read = |path: &str| shop.infra.read(path).unwrap();
    assert_eq!(read("all.yaml"), text.replace("1.4.1", "1.4.2"));
    assert_eq!((read("values-prod.yaml").as_str(), read("values-stg.yaml").as_str()), ("tag: 1.4.2\n", "tag: 1.5.0\n"));
    assert_eq!(counts(&audit(&dir, &config)), ["1", "0", "0"]);
    shop.edit("all.yaml", "by hand", |text| text.replace("1.5.0", "1.5.1"));
    let ended = audit(&dir, &config);
    assert_eq!(counts(&ended), ["1", "0", "1"], "{}", ended.log);
    assert!(ended.log.contains("staging"), "{}", ended.log);
}

#[test]
fn an_audit_needs_the_environment_of_a_file_for_any() {
    let shop = Shop::new();
    add_files(&shop, 1, &[("values.yaml", "tag: 1.4.1\n")]);
    let config = config("      - {path: values.yaml, tag: .tag}\n");
    let dir = shop.checkout("infra", &[]);
    let ended = audit(&dir, &config);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.log.contains("values.yaml of checkout-service is for any environment"), "{}", ended.log);
    let step = Runner::new().input("checkout", &dir.display().to_string()).input("service", SERVICE);
    step.write(".github/promote-gates.yml", &config);
    let ended = step.input("environment", "production").run(&["audit"]);
    assert_eq!((ended.code, counts(&ended)), (0, ["0", "0", "0"]), "{}", ended.log);
}
