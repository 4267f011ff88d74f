//! Commits whose messages claim promotions: only what a commit changed counts.

use super::*;
use crate::shop::{
    API_TOKEN, Scene,
    histories::{CLAIMS, CONTRADICTIONS, PROMOTIONS},
};

const SERVICES: &str = "services:\n  checkout-service:\n    repository: acme/shop\n    workflow: .github/workflows/validate.yml\n    image: ghcr.io/acme/checkout-service\n";

/// Audits the production of a shop after a history.
fn audited(name: &str, make: fn(&Shop, &str), trailers: &str) -> (Shop, Ended) {
    let shop = Shop::new();
    make(&shop, trailers);
    let ended = step(&shop.checkout(name, &["--depth=1"])).run(&["audit"]);
    (shop, ended)
}

#[test]
fn a_promotion_counts_however_it_came_to_the_branch() {
    for (name, make) in PROMOTIONS {
        let (shop, ended) = audited("one", *make, "Approved-by: bob\n");
        // To name an entry otherwise changes the image that it stands for.
        let (code, by_hand) = if name.contains("named by its repository") { (1, "1") } else { (0, "0") };
        assert_eq!((ended.code, outputs(&ended)), (code, ["1", "0", "0", by_hand]), "{name}: {}", ended.log);
        assert_eq!(table(&ended, "By approver"), [["bob", "1", "0", "0"]], "{name}");
        assert!(table(&ended, "Claimed").is_empty(), "{name}: {}", ended.log);
        assert_eq!(shop.tag(SERVICE), "1.4.2", "{name}");
    }
}

#[test]
fn a_claim_without_a_change_is_shown_and_counts_nowhere() {
    for (name, make) in CLAIMS {
        let (shop, ended) = audited("one", *make, "Promotion-kind: emergency\n");
        assert_eq!((ended.code, outputs(&ended)), (0, ["0", "0", "0", "0"]), "{name}: {}", ended.log);
        assert_eq!(shop.tag(SERVICE).trim_matches('"'), "1.4.1", "{name}");
        // A message without trailers, and merges that changed no file that matters: nothing is read of their branches.
        let is_silent = ["trailers in the middle", "a merge of a docs commit", "a merge that drops"];
        if is_silent.iter().any(|start| name.starts_with(start)) {
            assert!(table(&ended, "Claimed").is_empty(), "{name}: {}", ended.log);
            continue;
        }
        let claims = table(&ended, "Claimed");
        assert_eq!(claims.len(), 1, "{name}: {}", ended.log);
        assert_eq!(claims[0][1..3], ["emergency: checkout-service:1.4.2 in production", "it changed no image entry"]);
        assert!(ended.log.contains("they are believed by nothing"), "{name}: {}", ended.log);
    }
}

#[test]
fn a_change_that_its_message_does_not_describe_is_by_hand() {
    for (name, make) in CONTRADICTIONS {
        let (_, ended) = audited("one", *make, "Promotion-kind: emergency\n");
        let count = if name.contains("revert") { "2" } else { "1" };
        assert_eq!((ended.code, outputs(&ended)), (1, ["0", "0", "0", count]), "{name}: {}", ended.log);
        assert!(table(&ended, "Claimed").is_empty(), "{name}: it is shown once: {}", ended.log);
        let reason = match *name {
            "another image before" => "it records ghcr.io/acme/checkout-service:1.3.9 before it",
            "no image before" => "it records no image before it",
            "a revert of the promotion" => "",
            _ => "it records checkout-service:1.4.2",
        };
        let rows = table(&ended, "Images changed by hand");
        assert!(rows[0][1].contains(reason), "{name}: {rows:?}");
    }
}

#[test]
fn an_image_of_another_repository_than_the_services_is_no_promotion() {
    let shop = Shop::new();
    let evil = "ghcr.io/mallory/checkout-service:1.4.2";
    let message = format!(
        "x\n\nService: {SERVICE}\nEnvironment: production\nImage: {evil}\nPrevious-Image: ghcr.io/acme/{SERVICE}:1.4.1\n"
    );
    let set = |text: &str| text.replace("ghcr.io/acme/", "ghcr.io/mallory/").replace("1.4.1", "1.4.2");
    shop.edit(FILE, &message, set);
    let dir = shop.checkout("infra", &[]);
    let listed = step(&dir);
    fs::write(listed.workspace().join("services.yml"), SERVICES).unwrap();
    let ended = listed.input("config", "services.yml").run(&["audit"]);
    assert_eq!((ended.code, outputs(&ended)), (1, ["0", "0", "0", "1"]), "{}", ended.log);
    assert!(
        ended.log.contains("it set an image of ghcr.io/mallory/checkout-service, and `services` has"),
        "{}",
        ended.log
    );
    let unlisted = step(&dir).run(&["audit"]);
    assert_eq!(outputs(&unlisted), ["1", "0", "0", "0"], "without `services` any repository is the service's");
}

#[test]
fn a_second_commit_with_the_same_message_is_no_second_promotion() {
    let shop = Shop::new();
    let promoted = entry(&shop, 2, FILE, "emergency", "1.4.2", "Incident: INC-1\n");
    let message = git(shop.infra.path(), &["log", "-1", "--format=%B", &promoted]);
    shop.edit("README.md", &message, |text| format!("{text}more\n"));
    let ended = step(&shop.checkout("infra", &[])).input("budget", "1").run(&["audit"]);
    assert_eq!((ended.code, outputs(&ended)), (0, ["0", "1", "0", "0"]), "{}", ended.log);
    assert_eq!(table(&ended, "Claimed").len(), 1);
}

#[test]
fn a_commit_counts_for_the_service_that_it_has_trailers_for() {
    let shop = Shop::new();
    let dir = shop.checkout("work", &[]);
    for path in [FILE, OTHER] {
        let text = fs::read_to_string(dir.join(path)).unwrap();
        fs::write(dir.join(path), text.replace("newTag: 1.4.1", "newTag: 1.4.2")).unwrap();
    }
    git(&dir, &["commit", "-qam", &crate::shop::histories::claim("")]);
    git(&dir, &["push", "-q"]);
    let ended = step(&shop.checkout("infra", &[])).run(&["audit"]);
    assert_eq!((ended.code, outputs(&ended)), (1, ["1", "0", "0", "1"]), "{}", ended.log);
    assert!(table(&ended, "Images changed by hand")[0][1].starts_with("frontend 1.4.1 → 1.4.2"), "{}", ended.log);
}

#[test]
fn an_audit_that_looks_at_no_image_is_inconclusive() {
    let shop = Shop::new();
    shop.edit(FILE, "by hand", |text| text.replace("1.4.1", "6.6.6"));
    let dir = shop.checkout("infra", &[]);
    for (input, value, part) in [
        ("file", "apps/{service}/overlays/{environment}/kustomization.yml", "is one that"),
        ("file", "apps/{service}/base/kustomization.yaml", "has such an image entry"),
        ("image-name", "shop", "has such an image entry"),
        ("image-name", "ghcr.io/acme/{service}", "has such an image entry"),
        ("service", "payments-service", "is one that"),
    ] {
        let ended = step(&dir).input(input, value).run(&["audit"]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{value}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{value}: {}", ended.outputs["reason"]);
        assert!(ended.log.contains("next:") || ended.summary.contains("**Next:**"), "{value}: {}", ended.log);
    }
    for (input, value) in [("image-name", "{service}"), ("image-name", "checkout-service"), ("service", SERVICE)] {
        let ended = step(&dir).input(input, value).run(&["audit"]);
        assert_eq!((ended.code, outputs(&ended)[3]), (1, "1"), "{value}: {}", ended.log);
    }
}

#[test]
fn the_workflow_run_of_a_promotion_is_asked_for_with_a_token() {
    let scene = Scene::new();
    let trailer = |run: u64| format!("Workflow: https://github.com/acme/infra/actions/runs/{run}/attempts/1\n");
    scene.run(5, &[]);
    scene.run(7, &[]);
    entry(&scene.shop, 0, FILE, "normal", "1.4.2", &trailer(5));
    let dir = scene.shop.checkout("infra", &[]);
    let audit = |token: &str| scene.step(7, &dir).input("api-token", "").input("token", token).run(&["audit"]);
    let passed = audit(API_TOKEN);
    assert_eq!((passed.code, outputs(&passed)), (0, ["1", "0", "0", "0"]), "{}", passed.log);
    assert!(passed.log.contains("workflow runs: 1 confirmed"), "{}", passed.log);
    entry(&scene.shop, 0, FILE, "normal", "1.4.3", &trailer(6));
    let refuted = audit(API_TOKEN);
    assert_eq!(refuted.code, 1, "{}", refuted.log);
    assert!(refuted.outputs["reason"].contains("acme/infra has no run 6"), "{}", refuted.outputs["reason"]);
    let unasked = audit("");
    assert_eq!(unasked.code, 0, "{}", unasked.log);
    assert!(unasked.log.contains("2 not checked: `token` is not given"), "{}", unasked.log);
    assert_eq!(scene.fake_github.violations(), [""; 0]);
}

#[test]
fn a_history_without_a_readable_time_or_with_a_long_one_is_read() {
    let shop = Shop::new();
    let mut stream = String::new();
    for number in 0..3_000 {
        let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
        // A text as long as that of a squashed pull request.
        let text = format!("docs {number}\n\n{}\n", "x".repeat(400));
        stream += &format!("commit refs/heads/main\ncommitter A <a@shop.invalid> {}\n", ago(0).trim_start_matches('@'));
        stream += &format!("data {}\n{text}{from}\n", text.len());
    }
    crate::shop::git_with_input(shop.infra.path(), &["fast-import", "--quiet"], &stream);
    // Milliseconds in the place of seconds.
    let (tree, tip) = (git(shop.infra.path(), &["rev-parse", "main^{tree}"]), shop.tip());
    let odd = "A <a@shop.invalid> 1700000000000 +0000";
    let text = format!("tree {tree}\nparent {tip}\nauthor {odd}\ncommitter {odd}\n\nodd\n");
    let id = crate::shop::git_with_input(shop.infra.path(), &["hash-object", "-t", "commit", "-w", "--stdin"], &text);
    git(shop.infra.path(), &["update-ref", "refs/heads/main", &id]);
    entry(&shop, 0, FILE, "normal", "1.4.2", "");
    let ended = step(&shop.checkout("infra", &["--depth=1"])).run(&["audit"]);
    assert_eq!((ended.code, outputs(&ended)), (0, ["1", "0", "0", "0"]), "{}", ended.log);
}
