//! What a rollback believes of the history, and how it writes the entry back.

use std::fs;

use super::*;
use crate::shop::{
    Shop, commit, git,
    histories::{CLAIMS, CONTRADICTIONS, PROMOTIONS},
};

fn reason(ended: &Ended) -> &str {
    &ended.outputs["reason"]
}

#[test]
fn a_promotion_is_rolled_back_however_it_came_to_the_branch() {
    for (name, make) in PROMOTIONS {
        let scene = Scene::new();
        make(&scene.shop, "");
        let promoted = scene.shop.infra.read(FILE).unwrap();
        scene.run(7, &["bob"]);
        let ended = step(&scene, 7, &scene.shop.checkout("infra", &["--depth=1"])).run(&["rollback"]);
        assert_eq!(end(&ended), applied(), "{name}: {}", ended.log);
        assert_eq!(scene.shop.infra.read(FILE).unwrap(), promoted.replace("1.4.2", "1.4.1"), "{name}");
        assert_eq!(ended.outputs["image"], BEFORE, "{name}");
    }
}

#[test]
fn a_claim_is_no_promotion_to_roll_back() {
    for (name, make) in CLAIMS.iter().chain(CONTRADICTIONS) {
        let scene = Scene::new();
        make(&scene.shop, "");
        let (tip, dir) = (scene.shop.tip(), scene.shop.checkout("infra", &[]));
        scene.run(7, &["bob"]);
        let ended = step(&scene, 7, &dir).run(&["rollback"]);
        assert_eq!((ended.code, scene.shop.tip()), (1, tip.clone()), "{name}: {}", ended.log);
        assert!(reason(&ended).contains("the ledger has no promotion"), "{name}: {}", reason(&ended));
        let named = step(&scene, 7, &dir).input("promotion", &tip).run(&["rollback"]);
        assert_eq!((named.code, scene.shop.tip()), (1, tip), "{name}: {}", named.log);
        assert!(reason(&named).contains("is not a promotion in the ledger"), "{name}: {}", reason(&named));
    }
}

#[test]
fn a_message_cannot_choose_the_image_that_is_restored() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &[]);
    // The current image, and another one before it.
    let message = format!(
        "docs\n\nService: {SERVICE}\nEnvironment: production\nImage: {BEFORE}\nPrevious-Image: ghcr.io/acme/{SERVICE}:6.6.6\n"
    );
    commit(&scene.shop.infra, &ago(0), &message, Some(("README.md", "x")));
    let forged = scene.shop.tip();
    scene.run(7, &["bob"]);
    for step in [step(&scene, 7, &dir), step(&scene, 7, &dir).input("promotion", &forged)] {
        let ended = step.run(&["rollback"]);
        assert_eq!((ended.code, scene.shop.tip()), (1, forged.clone()), "{}", ended.log);
    }
    // After an honest promotion, the same message changes nothing.
    let promoted = promote(&dir, "1.4.2");
    let message = message.replace(BEFORE, AFTER);
    commit(&scene.shop.infra, &ago(0), &message, Some(("README.md", "y")));
    scene.run(8, &["bob"]);
    let ended = step(&scene, 8, &dir).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(ended.outputs["image"], BEFORE);
    assert!(scene.shop.trailers().contains(&format!("Rolls-back: {promoted}")));
}

#[test]
fn only_an_image_of_the_service_is_restored() {
    let config = |image: &str| {
        format!(
            "services:\n  {SERVICE}:\n    repository: acme/shop\n    workflow: .github/workflows/validate.yml\n    image: {image}\n"
        )
    };
    for (image, code) in [("ghcr.io/acme/checkout-service", 0), ("registry.example/checkout-service", 1)] {
        let scene = Scene::new();
        let own = format!("newName: {image}");
        scene.shop.edit(FILE, "before", |text| text.replace("newTag: 1.4.1", "newTag: 1.4.0"));
        // Promoted from what was there to an image of the service.
        let message = format!(
            "x\n\nService: {SERVICE}\nEnvironment: production\nImage: {image}:1.4.2\nPrevious-Image: ghcr.io/acme/{SERVICE}:1.4.0\n"
        );
        scene.shop.edit(FILE, &message, |text| {
            text.replace("newName: ghcr.io/acme/checkout-service", &own).replace("newTag: 1.4.0", "newTag: 1.4.2")
        });
        let tip = scene.shop.tip();
        scene.run(7, &["bob"]);
        let step = step(&scene, 7, &scene.shop.checkout("infra", &[])).input("config", "services.yml");
        fs::write(step.workspace().join("services.yml"), config(image)).unwrap();
        let ended = step.run(&["rollback"]);
        assert_eq!(ended.code, code, "{image}: {}", ended.log);
        if code == 1 {
            assert_eq!(scene.shop.tip(), tip);
            assert!(
                reason(&ended).contains("expected an image of registry.example/checkout-service"),
                "{}",
                reason(&ended)
            );
        }
    }
}

#[test]
fn an_entry_is_restored_as_it_was_written() {
    let entries = [
        "  - name: checkout-service\n    newName: 'ghcr.io/acme/checkout-service'\n    newTag: \"1.4.1\"   # since INC-3\n",
        "  - newTag: '1.4.1'\n    # our own registry\n    newName: ghcr.io/acme/checkout-service\n    name: checkout-service\n",
        "  - { name: checkout-service, newName: \"ghcr.io/acme/checkout-service\", newTag: '1.4.1' } # one line\n",
        "  -   name: checkout-service\n      newName: ghcr.io/acme/checkout-service\n      newTag: \"1.4.1\"\n",
        "  - name: checkout-service\n    newName: ghcr.io/acme/checkout-service\n    newTag: 1.4.1\n    digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n",
    ];
    for entry in entries {
        let scene = Scene::new();
        scene.shop.edit(FILE, "as a person writes it", |text| {
            let (head, rest) = text.split_once("images:\n").unwrap();
            let (_, tail) = rest.split_once("\n\n").unwrap();
            format!("{head}images:\n{entry}  - name: sidecar\n    newTag: v3\n\n{tail}")
        });
        let before = scene.shop.infra.read(FILE).unwrap();
        let dir = scene.shop.checkout("infra", &[]);
        promote(&dir, "1.4.2");
        // Another entry and another key are changed in between.
        let later = |text: &str| text.replace("newTag: v3", "newTag: v4").replace("count: 4", "count: 6");
        scene.shop.edit(FILE, "more", later);
        scene.run(7, &["bob"]);
        let ended = step(&scene, 7, &dir).run(&["rollback"]);
        assert_eq!(end(&ended), applied(), "{entry}: {}", ended.log);
        assert_eq!(scene.shop.infra.read(FILE).unwrap(), later(&before), "byte for byte");
        assert!(!ended.report["effects"][0]["detail"].as_str().unwrap().contains("the values only"), "{}", ended.log);
    }
}

#[test]
fn an_entry_that_was_rewritten_since_gets_the_values_and_the_report_says_so() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &[]);
    promote(&dir, "1.4.2");
    scene.shop.edit(FILE, "a comment", |text| text.replace("newTag: 1.4.2", "newTag: \"1.4.2\" # do not touch"));
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert!(scene.shop.infra.read(FILE).unwrap().contains("newTag: \"1.4.1\" # do not touch"));
    assert!(ended.report["effects"][0]["detail"].as_str().unwrap().contains("the values only"), "{}", ended.log);
}

#[test]
fn a_promotion_whose_workflow_run_did_not_make_it_is_rolled_back_only_by_name() {
    let promoted_by = |shop: &Shop, run: u64| {
        let trailer = format!("Workflow: https://github.com/acme/infra/actions/runs/{run}/attempts/1");
        commit_promotion(&shop.infra, &ago(0), (SERVICE, "production"), "1.4.2", &trailer)
    };
    let scene = Scene::new();
    let forged = promoted_by(&scene.shop, 5);
    let dir = scene.shop.checkout("infra", &[]);
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!((ended.code, scene.shop.tip()), (1, forged.clone()), "{}", ended.log);
    assert!(
        reason(&ended).contains("was not made by the workflow run that it names: acme/infra has no run 5"),
        "{}",
        reason(&ended)
    );
    let named = step(&scene, 7, &dir).input("promotion", &forged).run(&["rollback"]);
    assert_eq!(end(&named), applied(), "{}", named.log);

    let scene = Scene::new();
    scene.run(5, &[]);
    promoted_by(&scene.shop, 5);
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &scene.shop.checkout("infra", &[])).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert!(ended.log.contains("run 5 of .github/workflows/exception.yml"), "{}", ended.log);
}

#[test]
fn a_partial_clone_rolls_back_too() {
    let scene = Scene::new();
    for name in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        git(scene.shop.infra.path(), &["config", name, "true"]);
    }
    promote(&scene.shop.checkout("whole", &[]), "1.4.2");
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("partial", &["--filter=blob:none", "--no-checkout"]);
    let ended = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(scene.shop.tag(SERVICE), "1.4.1");
}
