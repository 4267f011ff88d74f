//! `commit.gpgSign`: the commit is signed, or there is none.

use super::*;

/// A program that signs as `gpg` does: it says on its status that it made a signature.
const SIGNER: &str = "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED D 1 8 00 1767268800 A' >&2\n\
                      printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nours\\n-----END PGP SIGNATURE-----\\n'\n";

/// A checkout whose configuration asks for signed commits.
fn signing(shop: &Shop) -> std::path::PathBuf {
    let checkout = shop.checkout("infra", &[]);
    git(&checkout, &["config", "commit.gpgSign", "true"]);
    checkout
}

/// The step, with a signing program that the runner's user has configured.
fn signed_by(shop: &Shop, checkout: &Path, script: &str) -> Runner {
    let program = shop.path("signer");
    executable(&program, script);
    step(checkout, SERVICE, "1.4.2")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "gpg.program")
        .env("GIT_CONFIG_VALUE_0", &program.display().to_string())
}

#[test]
fn a_commit_is_signed_if_the_configuration_says_so() {
    let shop = Shop::new();
    let ended = signed_by(&shop, &signing(&shop), SIGNER).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    let commit = git(shop.infra.path(), &["cat-file", "commit", "main"]);
    assert!(commit.contains("\ngpgsig -----BEGIN PGP SIGNATURE-----\n"), "{commit}");
    assert_eq!(shop.tag(SERVICE), "1.4.2");
    // The ledger reads it.
    let again = signed_by(&shop, &shop.path("infra"), SIGNER).run(&["promote"]);
    assert_eq!(again.outputs["changed"], "false", "{}", again.log);
    // Without the setting, there is no signature.
    let shop = Shop::new();
    let ended = signed_by(&shop, &shop.checkout("infra", &[]), SIGNER).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(!git(shop.infra.path(), &["cat-file", "commit", "main"]).contains("gpgsig"));
}

#[test]
fn without_a_signature_there_is_no_commit() {
    let shop = Shop::new();
    let ended = signed_by(&shop, &signing(&shop), "#!/bin/sh\necho 'no secret key' >&2\nexit 2\n").run(&["promote"]);
    assert_eq!((ended.code, &*ended.outputs["verdict"]), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("failed to sign"), "{}", ended.log);
    assert_eq!(shop.tip(), shop.first);
}

#[test]
fn a_signing_program_of_the_checkout_is_refused() {
    let shop = Shop::new();
    let checkout = signing(&shop);
    let program = shop.path("theirs");
    executable(&program, SIGNER);
    for name in ["gpg.program", "gpg.ssh.program", "gpg.ssh.defaultKeyCommand"] {
        git(&checkout, &["config", name, &program.display().to_string()]);
        let ended = step(&checkout, SERVICE, "1.4.2").run(&["promote"]);
        assert_eq!((ended.code, &*ended.outputs["verdict"]), (3, "inconclusive"), "{name}: {}", ended.log);
        assert!(
            ended.log.contains(&format!("set {} with `git config --global`", name.to_lowercase())),
            "{}",
            ended.log
        );
        assert_eq!(shop.tip(), shop.first);
        git(&checkout, &["config", "--unset", name]);
    }
}
