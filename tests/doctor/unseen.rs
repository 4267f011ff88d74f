//! What a token may not see is named, and never counts as well.

use super::*;

/// The finding of one check.
fn finding<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let all = ended.report["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {:#?}", findings(ended)))
}

#[test]
fn the_token_of_a_job_sees_no_settings() {
    let clinic = Clinic::all_well();
    clinic.github.grant("ghs_ofTheJob", SHOP, &["actions=read", "contents=read"]);
    let ended = clinic.examine(&clinic.runner().input("token", "ghs_ofTheJob"));
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    for (check, permission) in [
        ("plan", "Organization plan: read"),
        ("reviewer team leads", "Members: read on the organisation"),
        ("default permissions of workflows", "Administration: read"),
        ("pull requests by Actions", "Administration: read"),
        ("secret INFRA_WRITE_TOKEN in production", "Environments: read"),
    ] {
        let finding = finding(&ended, check);
        let actual = finding["actual"].as_str().unwrap();
        assert!(actual.starts_with(&format!("not seen: needs {permission} (PAT or App)")), "{finding:#}");
        assert!(
            finding["next"].as_str().unwrap().contains("`github.token` cannot have this permission"),
            "{finding:#}"
        );
    }
    let token = finding(&ended, "token")["actual"].as_str().unwrap();
    assert!(token.contains("without administration=read, environments=read, secrets=read"), "{token}");
    // What this token may see was judged.
    let approval = finding(&ended, "environment production: approval");
    assert_eq!(approval["verdict"], "passed");
    assert_eq!(ended.outputs["problems"], "0");
}

#[test]
fn what_is_not_seen_can_be_allowed_and_problems_still_count() {
    let clinic = Clinic::all_well();
    clinic.github.grant("ghs_ofTheJob", SHOP, &["actions=read", "contents=read"]);
    let runner = || clinic.runner().input("token", "ghs_ofTheJob").input("allow-unseen", "true");
    let ended = clinic.examine(&runner());
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(finding(&ended, "plan")["waived"].as_str().unwrap().contains("`allow-unseen`"));
    assert_eq!(ended.outputs["not-seen"], "7");
    clinic.github.protect(SHOP, "production", &protected_only(&json!([])));
    assert_eq!(end(&clinic.examine(&runner())), (1, "blocked"));
}

#[test]
fn a_token_that_github_does_not_know_is_a_problem() {
    let clinic = Clinic::all_well();
    let ended = clinic.examine(&clinic.runner().input("token", "ghp_expired"));
    let actual = "GitHub answers 401 Bad credentials: it is wrong, expired or revoked";
    assert_problems(&ended, &[("token", actual, "`gh auth login && PROMOTE_GATES_TOKEN=\"$(gh auth token)\"")]);
    let ended = clinic.examine(&clinic.runner().input("token", "ghs_expired"));
    assert_problems(&ended, &[("token", actual, "`actions/create-github-app-token`")]);
}

#[test]
fn the_scopes_of_a_classic_token_are_named() {
    let clinic = Clinic::all_well();
    clinic.github.grant("ghp_classic", SHOP, &ALL);
    clinic.github.set_scopes("ghp_classic", "repo, read:org");
    let ended = clinic.examine(&clinic.runner().input("token", "ghp_classic"));
    assert_problems(&ended, &[]);
    assert_eq!(finding(&ended, "token")["actual"], "a classic token of a person, with the scopes repo, read:org");
}

#[test]
fn a_repository_that_the_token_cannot_see_is_never_well() {
    let clinic = Clinic::all_well();
    for allowed in ["false", "true"] {
        let runner = clinic.runner().input("repository", "acme/hidden").input("kubeconfig", "").input("image", "");
        runner.write(".github/promote-gates.yml", "service: shop\n");
        let ended = clinic.examine(&runner.input("allow-unseen", allowed));
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        let actual = finding(&ended, "repository acme/hidden")["actual"].as_str().unwrap().to_owned();
        assert!(actual.contains("needs Metadata: read; GitHub answers 404"), "{actual}");
    }
}

#[test]
fn a_server_that_fails_is_unknown_and_not_a_missing_permission() {
    use promote_gates::sandbox::github::InjectedFault;
    let clinic = Clinic::all_well();
    let broken = InjectedFault::WithoutEffect(FakeResponse::json(422, &json!({ "message": "no" })));
    clinic.github.fail_at("actions/permissions/workflow", usize::MAX, broken);
    let ended = clinic.examine(&clinic.runner().input("allow-unseen", "true"));
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let actual = finding(&ended, "pull requests by Actions")["actual"].as_str().unwrap();
    assert!(actual.starts_with("GitHub's API: 422 no"), "{actual}");
}
