//! Bad input: the message names the value and case is accepted, and nothing is written.

use super::*;

/// Runs a step that must end as bad input; returns its reason.
fn bad_input_reason(shop: &Shop, case: &str, step: &Runner) -> String {
    let ended = step.run(&["promote"]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{case}: {}", ended.log);
    assert_eq!(shop.tip(), shop.first, "{case}");
    assert!(ended.commands().iter().any(|line| line.starts_with("::error title=")), "{case}: {}", ended.log);
    ended.outputs["reason"].clone()
}

#[test]
fn an_invalid_input_is_named_with_its_value_and_what_is_accepted() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    for (input, value, parts) in [
        ("service", "../../etc", &["`service`", "../../etc", "a service name"][..]),
        ("service", "a;rm -rf", &["`service`", "a;rm -rf", "lower-case letters"]),
        ("environment", "../prod", &["`environment`", "../prod", "an environment name"]),
        ("tag", "1.4.2 ; id", &["`tag`", "1.4.2 ; id", "an OCI tag"]),
        ("tag", "-x", &["`tag`", "-x", "not starting with"]),
        ("tag", "::error::x", &["`tag`", "an OCI tag"]),
        ("digest", "sha256:12", &["`digest`", "sha256:12", "64 lower-case hex digits"]),
        ("image", "ghcr.io/Acme/x", &["`image`", "ghcr.io/Acme/x"]),
        ("image-name", "a b", &["`image-name`", "a b", "without blanks"]),
        ("branch", "gone", &["`branch`", "has no branch gone", "a branch that the remote has"]),
        ("branch", "--force", &["`branch`", "--force", "is not a branch name"]),
        ("branch", "main:other", &["`branch`", "main:other"]),
        ("remote", "upstream", &["`remote`", "\"upstream\"", "a remote of this checkout: `origin`"]),
        ("file", "../{service}.yaml", &["`file`", "../checkout-service.yaml", "holds `.` or `..`"]),
        ("file", "/etc/{service}", &["`file`", "/etc/checkout-service", "is absolute"]),
        ("file", ".git/config", &["`file`", ".git/config"]),
        ("file", "apps/{service}/none.yaml", &["`file`", "no such file at apps/checkout-service/none.yaml on main"]),
        ("file", "apps/{service}", &["`file`", "no regular file at apps/checkout-service on main"]),
        ("require", "evidense", &["`require`", "evidense", "did you mean `evidence`"]),
        ("require", "none\nwait", &["`require`", "\"none\"", "`none` alone"]),
        // Of text that holds tokens, the error quotes only the position.
        ("results", "{\"a\":", &["`results`", "at line 1 column 5", "${{ toJSON(needs) }}"]),
        ("results", "[]", &["`results`", "[]", "${{ toJSON(steps) }}"]),
        ("max-age", "1 day", &["`max-age`", "1 day", "`90s`"]),
        ("timeout", "soon", &["`timeout`", "soon"]),
        ("committer-name", "a <b>", &["`committer-name`", "a <b>"]),
        ("checkout", "/nonexistent", &["`checkout`", "/nonexistent", "no such directory"]),
        ("dry-run", "yes", &["`dry-run`", "yes", "true"]),
    ] {
        let reason = bad_input_reason(&shop, value, &step(&dir, SERVICE, "1.4.2").input(input, value));
        for part in parts {
            assert!(reason.contains(part), "{input}={value:?}: {reason:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_dry_run_fails_on_bad_input_too() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    for (input, value) in [("tag", "a b"), ("branch", "gone"), ("file", "gone.yaml"), ("results", "[]")] {
        bad_input_reason(&shop, value, &step(&dir, SERVICE, "1.4.2").input("dry-run", "true").input(input, value));
    }
}

#[test]
fn a_missing_input_is_named() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    for missing in ["service", "environment", "tag"] {
        let reason = bad_input_reason(&shop, missing, &step(&dir, SERVICE, "1.4.2").input(missing, ""));
        let expected =
            format!("`{missing}`: not given; expected the {missing} of the promotion; next: give it as `{missing}`");
        assert!(reason.starts_with(&expected) && reason.contains("Skip output"), "{reason}");
    }
    git(&dir, &["switch", "-q", "--detach"]);
    let reason = bad_input_reason(&shop, "branch", &step(&dir, SERVICE, "1.4.2"));
    assert!(reason.starts_with("`branch`: not given, and the checkout is on no branch"), "{reason}");
    let without_checkout = step(&shop.path("empty"), SERVICE, "1.4.2");
    fs::create_dir(shop.path("empty")).unwrap();
    let reason = bad_input_reason(&shop, "checkout", &without_checkout);
    assert!(reason.contains("not a git checkout") && reason.contains("actions/checkout"), "{reason}");
}

#[test]
fn a_service_that_contradicts_the_subject_is_refused() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let subject = json!({ "service": "frontend" }).to_string();
    let reason = bad_input_reason(&shop, "subject", &step(&dir, SERVICE, "1.4.2").input("subject", &subject));
    assert!(reason.contains("`checkout-service` in `service` but `frontend` in `subject`"), "{reason}");
}

#[test]
fn a_file_that_cannot_be_edited_safely_is_inconclusive() {
    for (bytes, part) in [
        (&b"images: ["[..], "kustomization.yaml"),
        (b"images:\n- name: checkout-service\n- name: checkout-service\n", "checkout-service"),
        (b"# \xff\n", "UTF-8"),
    ] {
        let shop = Shop::new();
        let dir = shop.checkout("infra", &[]);
        fs::write(dir.join(FILE), bytes).unwrap();
        git(&dir, &["commit", "-qam", "broken"]);
        git(&dir, &["push", "-q"]);
        let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
        assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{}", ended.outputs["reason"]);
        assert_eq!(shop.log("%s"), ["broken"]);
    }
}
