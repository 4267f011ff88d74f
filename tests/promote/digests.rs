//! The digest that was tested is what the entry pins.

use super::*;

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// The required reports, of which `evidence` names a digest.
fn reports() -> Vec<Report> {
    let mut reports: Vec<Report> =
        ["evidence", "approval", "wait"].map(|command| report(command, Verdict::Passed)).into();
    reports[0].subject.digest = digest('a').parse().ok();
    reports
}

fn promote(shop: &Shop, reports: &[Report], inputs: &[(&str, &str)]) -> Ended {
    let clone = shop.path("infra");
    let dir = if clone.is_dir() { clone } else { shop.checkout("infra", &["--depth=1"]) };
    let step = step(&dir, SERVICE, "1.4.2").input("require", "").input("results", &needs(reports));
    inputs.iter().fold(step, |step, (key, value)| step.input(key, value)).run(&["promote"])
}

#[test]
fn the_digest_of_the_reports_is_pinned_beside_the_tag() {
    for (pin, values, image, words, trailer) in [
        ("", "newTag: 1.4.2\n    digest: DIGEST\n", "AFTER@DIGEST", "pinned by tag and digest", ""),
        ("both", "newTag: 1.4.2\n    digest: DIGEST\n", "AFTER@DIGEST", "pinned by tag and digest", ""),
        ("digest", "digest: DIGEST\n", "REPOSITORY@DIGEST", "pinned by digest", ""),
        ("tag", "newTag: 1.4.2\n", "AFTER", "pinned by tag", "Digest: DIGEST"),
    ] {
        let filled = |text: &str| {
            let repository = "ghcr.io/acme/checkout-service";
            text.replace("DIGEST", &digest('a')).replace("AFTER", AFTER).replace("REPOSITORY", repository)
        };
        let shop = Shop::new();
        let before = shop.infra.read(FILE).unwrap();
        let ended = promote(&shop, &reports(), &[("pin", pin)]);
        assert_eq!(end(&ended), APPLIED, "{pin}: {}", ended.log);
        let text = shop.infra.read(FILE).unwrap();
        assert_eq!(text, before.replace("newTag: 1.4.1\n", &filled(values)), "{pin}");
        assert!(ended.log.contains(words), "{pin}: {}", ended.log);
        let trailers = shop.trailers();
        // The trailer is exactly what the entry says.
        assert_eq!(trailers[2], format!("Image: {}", filled(image)), "{pin}");
        let of_digest: Vec<&String> = trailers.iter().filter(|line| line.starts_with("Digest: ")).collect();
        assert_eq!(of_digest, [&filled(trailer)][usize::from(trailer.is_empty())..], "{pin}");
        assert_eq!(ended.report["subject"]["digest"], digest('a'), "{pin}");
        // A second run finds it done.
        let again = promote(&shop, &reports(), &[("pin", pin)]);
        assert_eq!(end(&again), (0, "passed", "already"), "{pin}: {}", again.log);
    }
}

#[test]
fn without_a_digest_the_tag_pins_and_the_report_says_so() {
    let shop = Shop::new();
    let mut reports = reports();
    reports[0].subject.digest = None;
    let ended = promote(&shop, &reports, &[]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(ended.log.contains("1.4.2 in production, pinned by tag"), "{}", ended.log);
    for (pin, code, part) in
        [("digest", 3, "the digest of 1.4.2 is unknown"), ("both", 3, "unknown"), ("x", 2, "`pin`")]
    {
        let tip = shop.tip();
        let ended = promote(&shop, &reports, &[("pin", pin), ("tag", "1.4.2")]);
        assert!(ended.code == code && ended.log.contains(part), "{pin}: {}", ended.log);
        assert_eq!(shop.tip(), tip, "{pin}");
    }
}

#[test]
fn two_digests_of_one_tag_block() {
    let mut moved = reports();
    moved[2].subject.digest = digest('b').parse().ok();
    for (reports, inputs) in [(moved, &[][..]), (reports(), &[("digest", &*digest('c'))])] {
        let shop = Shop::new();
        let ended = promote(&shop, &reports, inputs);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{}", ended.log);
        assert!(ended.log.contains("1.4.2 is sha256:aaaa"), "{}", ended.log);
        assert_eq!(shop.tip(), shop.first);
    }
}

#[test]
fn reports_that_are_not_required_name_no_digest() {
    let shop = Shop::new();
    let ended = promote(&shop, &reports(), &[("require", "none")]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(shop.trailers()[2], format!("Image: {AFTER}"));
}

#[test]
fn a_rollback_returns_to_the_digest_before() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let pinned = format!("newTag: 1.4.1\n    digest: {}", digest('b'));
    scene.shop.edit(FILE, "pinned by hand", |text| text.replace("newTag: 1.4.1", &pinned));
    let before = scene.shop.infra.read(FILE).unwrap();
    let ended = step(&dir, SERVICE, "1.4.2").input("digest", &digest('a')).run(&["promote"]);
    assert_eq!(ended.outputs["previous-image"], format!("{BEFORE}@{}", digest('b')), "{}", ended.log);
    scene.run(7, &["bob"]);
    let rolled_back = scene.step(7, &dir).input("reason", "payments fail").run(&["rollback"]);
    assert_eq!(scene.shop.infra.read(FILE).unwrap(), before, "{}", rolled_back.log);
    assert_eq!(rolled_back.outputs["image"], format!("{BEFORE}@{}", digest('b')));
}
