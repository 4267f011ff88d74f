//! Problems in the settings on GitHub.

use std::num::NonZeroU64;

use promote_gates::ruleset::default_branch_ruleset;

use super::*;

#[test]
fn a_plan_without_reviewers_is_a_problem_unless_people_approve_pull_requests() {
    let clinic = Clinic::all_well();
    clinic.github.set_plan("acme", "team");
    let ended = clinic.run();
    let actual = "team, and the repository is private: it can have no required reviewers";
    assert_problems(&ended, &[("plan", actual, "source: pull-request")]);
    clinic.github.set_visibility(SHOP, "public");
    assert_problems(&clinic.run(), &[]);
    let clinic = Clinic::by_pull_request();
    clinic.github.set_plan("acme", "team");
    assert_problems(&clinic.run(), &[]);
    clinic.github.set_plan("acme", "free");
    let ended = clinic.run();
    let no_rules = "the plan has no rules for this repository: Upgrade to GitHub Pro";
    assert_problems(&ended, &[("plan", "free", "audit"), ("branch main", no_rules, "promote-gates audit")]);
}

#[test]
fn an_environment_that_a_job_promotes_to_needs_reviewers() {
    let fix = "`gh api --method PUT repos/acme/shop/environments/production -F 'reviewers[][type]=Team' -F \
               \"reviewers[][id]=$(gh api orgs/acme/teams/TEAM --jq .id)\" -F";
    let clinic = Clinic::all_well();
    clinic.github.protect(SHOP, "production", &protected_only(&json!([])));
    clinic.github.protect(SHOP, "dev", &json!({}));
    let ended = clinic.run();
    let actual = "no required reviewers: every job that names it deploys without a person";
    assert_problems(&ended, &[("environment production: approval", actual, fix)]);
    let next = ended.report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("-F can_admins_bypass=false"), "the other rules stay: {next}");
    assert!(next.contains("-F 'deployment_branch_policy[protected_branches]=true'"), "{next}");
    // Named by hand, `dev` needs them, too, and production does not.
    let ended = clinic.examine(&clinic.runner().input("reviewed", "Dev"));
    let all = ["environment dev: approval", "environment dev: branches"];
    assert_problems(&ended, &all.map(|check| (check, "", "`gh api --method PUT repos/acme/shop/environments/dev")));
}

#[test]
fn an_environment_without_any_rule_is_found_without_workflows() {
    let clinic = Clinic::all_well();
    clinic.github.protect(SHOP, "production", &json!({}));
    let runner = clinic.runner();
    runner.write(".github/workflows/promote.yml", "jobs: {}\n");
    let ended = clinic.examine(&runner);
    let fix = "`gh api --method PUT repos/acme/shop/environments/production";
    assert_problems(
        &ended,
        &[
            ("environment production: approval", "its name begins with `prod`", fix),
            ("environment production: branches", "any branch deploys", fix),
        ],
    );
}

#[test]
fn an_environment_that_does_not_exist_is_created_unprotected() {
    let clinic = Clinic::all_well();
    let runner = clinic.runner();
    runner.write(
        ".github/workflows/promote.yml",
        WORKFLOW.replace("production", "eu/live").replace("INFRA_WRITE_TOKEN", "X || ''"),
    );
    let ended = clinic.examine(&runner);
    let actual = "GitHub has no such environment: a job that names it creates it, unprotected";
    assert_problems(&ended, &[("environment eu/live", actual, "repos/acme/shop/environments/eu%2Flive")]);
}

#[test]
fn protected_branches_only_without_one_and_patterns_without_one_are_problems() {
    let clinic = Clinic::all_well();
    let github = FakeGitHub::start().unwrap();
    github.create(SHOP);
    github.set_plan("acme", "enterprise");
    github.add_rule(SHOP, "pull_request", &[]);
    let alice = github.add_user("alice");
    let reviewers = json!([{ "type": "User", "id": alice }]);
    github.protect(SHOP, "production", &protected_only(&reviewers));
    let custom = json!({ "protected_branches": false, "custom_branch_policies": true });
    github.protect(SHOP, "staging", &json!({ "deployment_branch_policy": custom }));
    github.add_secret(SHOP, None, "INFRA_WRITE_TOKEN");
    github.grant(TOKEN, SHOP, &ALL);
    let ended = Clinic { github, ..clinic }.run();
    assert_problems(
        &ended,
        &[
            ("environment production: branches", "EVERY branch", "`gh api --method POST repos/acme/shop/rulesets"),
            (
                "environment staging: branches",
                "nothing deploys",
                "`gh api --method POST repos/acme/shop/environments/staging/deployment-branch-policies -f name=main`",
            ),
        ],
    );
}

#[test]
fn a_reviewer_without_access_cannot_review() {
    let clinic = Clinic::all_well();
    let alice = clinic.github.add_user("alice");
    let reviewers = json!([{ "type": "User", "id": alice }]);
    clinic.github.protect(SHOP, "production", &protected_only(&reviewers));
    assert_problems(&clinic.run(), &[]);
    clinic.github.revoke_access(SHOP, alice);
    let fix = "`gh api --method PUT repos/acme/shop/collaborators/alice -f permission=pull`";
    assert_problems(&clinic.run(), &[("reviewer user alice", "no access to acme/shop", fix)]);
}

#[test]
fn a_team_without_access_or_members_cannot_review() {
    let clinic = Clinic::all_well();
    let leads = clinic.github.add_team("acme", "leads", &[]);
    let fix = "gh api --method PUT orgs/acme/teams/leads/memberships/LOGIN";
    assert_problems(&clinic.run(), &[("reviewer team leads", "the team has no members", fix)]);
    clinic.github.revoke_access(SHOP, leads);
    let fix = "`gh api --method PUT orgs/acme/teams/leads/repos/acme/shop -f permission=pull`";
    assert_problems(&clinic.run(), &[("reviewer team leads", "no access to acme/shop", fix)]);
}

#[test]
fn actions_have_to_be_allowed_to_open_pull_requests() {
    let clinic = Clinic::by_pull_request();
    clinic.github.set_workflow_permissions(SHOP, "write", false);
    let path = "`gh api --method PUT repos/acme/shop/actions/permissions/workflow";
    assert_problems(
        &clinic.run(),
        &[
            ("pull requests by Actions", "not allowed", &format!("{path} -F can_approve_pull_request_reviews=true`")),
            (
                "default permissions of workflows",
                "write: every job",
                &format!("{path} -f default_workflow_permissions=read`"),
            ),
        ],
    );
}

#[test]
fn by_pull_request_a_rule_has_to_require_the_status() {
    let clinic = Clinic { config: "approval:\n  source: pull-request\n".to_owned(), ..Clinic::all_well() };
    clinic.github.set_workflow_permissions(SHOP, "read", true);
    let fix = "\"context\":\"promote-gates/approval\"";
    let check = "branch main: required status";
    assert_problems(&clinic.run(), &[(check, "`promote-gates/approval` is not required", fix)]);
    clinic.github.add_rule(SHOP, "required_status_checks", &["promote-gates/approval"]);
    assert_problems(&clinic.run(), &[]);
}

#[test]
fn the_status_of_an_app_has_to_be_required_from_it() {
    let clinic = Clinic::by_pull_request();
    let examine = |token: &str| {
        let runner = clinic.runner();
        let step =
            format!("- uses: acme/promote-gates/status@v1\n        with:\n          token: ${{{{ {token} }}}}\n");
        runner.write(".github/workflows/status.yml", format!("jobs:\n  judge:\n    steps:\n      {step}"));
        clinic.examine(&runner)
    };
    let (check, app) = ("branch main: required status", "steps.judge.outputs.token");
    assert_problems(&examine("github.token"), &[]);
    let any = "from any account, and an App sets it (.github/workflows/status.yml, job judge)";
    assert_problems(&examine(app), &[(check, any, "`integration_id` in a ruleset")]);
    clinic.github.add_ruleset(SHOP, &default_branch_ruleset(&["promote-gates/approval"], NonZeroU64::new(424_242)));
    let ended = examine(app);
    assert_problems(&ended, &[]);
    let found = format!("passed {check}: `promote-gates/approval` from the App 424242");
    assert!(findings(&ended).contains(&found), "{:#?}", findings(&ended));
    let other = "from the App 424242, and .github/workflows/status.yml, job judge sets it with the token of the job";
    assert_problems(&examine("github.token"), &[(check, other, "`promotion-status-by-app.yml`")]);
}

#[test]
fn where_signed_commits_are_required_mode_api_is_the_next_step() {
    let check = "branch main: signed commits";
    let of = |ended: &Ended| findings(ended).into_iter().filter(|finding| finding.contains(check)).collect::<Vec<_>>();
    let required = format!(
        "inconclusive {check}: required, and `promote` pushes with `mode: push` (.github/workflows/promote.yml, job promote): not \
         seen whether git signs there"
    );
    // Classic protection, a ruleset, and both.
    let classic = Clinic::all_well();
    assert_eq!(of(&classic.run()), [""; 0]);
    classic.github.require_signatures(SHOP);
    let by_rule = Clinic::all_well();
    by_rule.github.add_rule(SHOP, "required_signatures", &[]);
    for clinic in [classic, by_rule] {
        let ended = clinic.run();
        assert_eq!((end(&ended), of(&ended)), ((3, "inconclusive"), vec![required.clone()]), "{}", ended.log);
        assert!(ended.log.contains("set `mode: api` for `promote`"), "{}", ended.log);
        let tolerant = clinic.examine(&clinic.runner().input("allow-unseen", "true"));
        assert_eq!(end(&tolerant), (0, "passed"), "{}", tolerant.log);
        let by_api = Clinic { config: "promote:\n  mode: api\n".to_owned(), ..clinic };
        let ended = by_api.run();
        assert_eq!((end(&ended), of(&ended)), ((0, "passed"), vec![]), "{}", ended.log);
    }
    // Only an administrator sees the classic rule.
    let clinic = Clinic::all_well();
    let less: Vec<&str> = ALL.into_iter().filter(|permission| *permission != "administration=read").collect();
    clinic.github.grant("ghs_less", SHOP, &less);
    let ended = clinic.examine(&clinic.runner().input("token", "ghs_less"));
    let [unseen] = &of(&ended)[..] else { panic!("{:#?}", findings(&ended)) };
    assert!(unseen.contains("not seen: needs Administration: read (PAT or App)"), "{unseen}");
}

#[test]
fn a_branch_that_nothing_protects_is_a_problem() {
    let clinic = Clinic::all_well();
    clinic.github.create("acme/new");
    clinic.github.commit("acme/new", &"a".repeat(40), "dora", "first");
    clinic.github.grant(TOKEN, "acme/new", &ALL);
    let runner = clinic.runner().input("repository", "acme/new").env("GITHUB_REPOSITORY", "acme/new");
    runner.write(".github/workflows/promote.yml", "jobs: {}\n");
    let fix = "`gh api --method POST repos/acme/new/rulesets --input - <<< '{";
    assert_problems(&clinic.examine(&runner), &[("branch main", "not protected", fix)]);
}

#[test]
fn a_missing_secret_is_named_with_the_job_that_uses_it() {
    let clinic = Clinic::all_well();
    let workflow = WORKFLOW.replace("INFRA_WRITE_TOKEN", "PROMOTER_KEY");
    let runner = || {
        let runner = clinic.runner();
        runner.write(".github/workflows/promote.yml", &workflow);
        runner
    };
    let ended = clinic.examine(&runner());
    let fix = "`gh secret set PROMOTER_KEY --repo acme/shop --env production`";
    let check = "secret PROMOTER_KEY in production";
    assert_problems(&ended, &[(check, "missing; .github/workflows/promote.yml, job promote uses it", fix)]);
    clinic.github.share_secret(SHOP, "PROMOTER_KEY");
    let ended = clinic.examine(&runner());
    assert_problems(&ended, &[]);
    let found = format!("passed {check}: a secret of the organisation");
    assert!(findings(&ended).contains(&found), "{:#?}", findings(&ended));
}

#[test]
fn rules_that_differ_from_the_file_are_problems() {
    let clinic = Clinic::all_well();
    let runner = clinic.runner();
    runner.write(
        ".github/environments.yml",
        "environments:\n  production:\n    wait_timer: 10\n    can_admins_bypass: false\n",
    );
    let fix = "`promote-gates environments --mode apply --repository acme/shop`";
    let check = ".github/environments.yml: production: wait timer";
    assert_problems(&clinic.examine(&runner), &[(check, "none", fix)]);
}
