use super::*;
use crate::commands::{
    command_table,
    init::{manifests::TextFile, workflows::Needed},
};
use crate::config::Config;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn flags(text: &str) -> Flags {
    let words = ["init"].into_iter().chain(text.split_whitespace());
    <Line as clap::Parser>::try_parse_from(words).unwrap().flags
}

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.to_owned(), text: text.to_owned() }
}

const DEPLOY: &str = "name: deploy-staging\non: push\njobs: {}\n";

fn overlay(stage: &str) -> TextFile {
    file(
        &format!("deploy/overlays/{stage}/kustomization.yaml"),
        &format!("namespace: shop-{stage}\nimages: [{{ name: shop, newName: ghcr.io/acme/shop, newTag: '1' }}]\n"),
    )
}

/// A repository of one service with kustomize.
fn kustomize() -> Found {
    Found {
        manifests: vec![overlay("production"), overlay("staging")],
        workflows: vec![file(".github/workflows/deploy.yml", DEPLOY), file(".github/workflows/ci.yml", "on: push\n")],
        remote: Some("acme/shop".parse().unwrap()),
        folders: vec!["deploy".to_owned(), "services/shop".to_owned()],
    }
}

fn planned(line: &str, found: &Found) -> Plan {
    plan(&flags(line), found).unwrap_or_else(|error| panic!("{error:?}"))
}

fn text<'p>(plan: &'p Plan, path: &str) -> &'p str {
    &plan.files.iter().find(|file| file.path.ends_with(path)).unwrap_or_else(|| panic!("no {path}")).text
}

fn unclear(line: &str, found: &Found) -> Vec<(String, String)> {
    match plan(&flags(line), found) {
        Err(PlanError::Unclear(all)) => all.into_iter().map(|one| (one.what, one.flag)).collect(),
        other => panic!("{other:#?}"),
    }
}

fn file_names(plan: &Plan) -> Vec<&str> {
    plan.files.iter().map(|file| file.path.rsplit('/').next().unwrap()).collect()
}

#[test]
fn one_repository_needs_no_token_of_an_app() {
    let plan = planned("", &kustomize());
    assert_eq!(
        file_names(&plan),
        [
            "promote-gates.yml",
            "validate-staging.yml",
            "promote-to-production.yml",
            "emergency-promote.yml",
            "rollback.yml",
            "audit.yml"
        ]
    );
    let needed: Vec<&Needed> = plan.files.iter().flat_map(|file| &file.needs).collect();
    let names: Vec<(&str, Option<&str>)> =
        needed.iter().map(|needed| (needed.name.as_str(), needed.environment.as_deref())).collect();
    assert_eq!(names, [("STAGING_KUBECONFIG", None), ("PRODUCTION_KUBECONFIG", Some("production-readonly"))]);
    let validate = text(&plan, "validate-staging.yml");
    for line in [
        "    workflows: [deploy-staging]",
        "  SERVICE: shop",
        "          image: ghcr.io/acme/shop",
        "          namespace: shop-staging",
        "          workload: deployment/shop",
        "    needs: [health]",
        "          repository: acme/shop",
        "          token: ${{ github.token }}",
        "      contents: write # the dispatch to this repository",
        "      id-token: write",
    ] {
        assert!(validate.lines().any(|own| own == line), "{line}\n{validate}");
    }
    for word in ["smoke:", "performance", "example.com", "checkout-service", "ecommerce", "endpoints:"] {
        assert!(!validate.contains(word), "{word}\n{validate}");
    }
    let promote = text(&plan, "promote-to-production.yml");
    assert!(promote.contains("namespace: shop-production\n") && !promote.contains("example.com"), "{promote}");
    assert!(text(&plan, "rollback.yml").contains("options: [shop]\n"));
    assert!(plan.steps.len() <= 6, "{:#?}", plan.steps);
    assert!(validate.contains("acme/promote-gates/health@v1") && plan.assumed[0].contains("acme/promote-gates@v1"));
}

#[test]
fn the_config_file_says_where_the_image_is() {
    let plan = planned("", &kustomize());
    let config = Config::read(&command_table(), "x.yml", text(&plan, "promote-gates.yml").as_bytes(), None).unwrap();
    let (name, service) = config.services.iter().next().unwrap();
    assert_eq!((name.as_str(), service.image.as_str()), ("shop", "ghcr.io/acme/shop"));
    assert_eq!(service.files.len(), 1);
    assert_eq!(service.files[0].path, "deploy/overlays/production/kustomization.yaml");
    assert_eq!(service.files[0].environments[0].as_str(), "production");
    assert_eq!(service.deploy_workflow.as_ref().unwrap().as_str(), ".github/workflows/deploy.yml");
}

#[test]
fn two_repositories_are_written_one_by_one() {
    let services = planned("--infra acme/infra --image ghcr.io/acme/shop --staging-namespace shop", &kustomize());
    let paths: Vec<&str> = services.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".github/workflows/validate-staging.yml"]);
    let validate = text(&services, "validate-staging.yml");
    assert!(validate.contains("repository: acme/infra\n") && validate.contains("secrets."), "{validate}");

    let infra = planned(
        "--source acme/shop --repository acme/infra --deploy-workflow .github/workflows/deploy.yml",
        &kustomize(),
    );
    assert!(infra.files.iter().all(|file| !file.path.contains("validate")));
    let config = text(&infra, "promote-gates.yml");
    assert!(config.contains("    repository: acme/shop\n"), "{config}");
    assert!(
        infra
            .files
            .iter()
            .flat_map(|file| &file.needs)
            .any(|needed| needed.environment.as_deref() == Some("production"))
    );
}

#[test]
fn several_services_share_the_workflows() {
    let overlay = |service: &str, stage: &str| {
        file(
            &format!("apps/{service}/{stage}/kustomization.yaml"),
            &format!("namespace: {stage}\nimages: [{{ name: ghcr.io/acme/{service}, newTag: '1' }}]\n"),
        )
    };
    let stages = ["staging", "production"];
    let manifests = ["cart", "shop"].iter().flat_map(|service| stages.map(|stage| overlay(service, stage))).collect();
    let plan = planned("", &Found { manifests, ..kustomize() });
    let validate = text(&plan, "validate-monorepo.yml");
    assert!(validate.contains("workload: deployment/${{ matrix.subject.service }}\n"), "{validate}");
    assert!(validate.contains("          required: health\n") && !validate.contains("example.com"), "{validate}");
    let config = text(&plan, "promote-gates.yml");
    assert!(config.contains("  cart:\n") && config.contains("    paths: [\"services/shop/**\"]\n"), "{config}");
    assert!(text(&plan, "rollback.yml").contains("options: [cart, shop]\n"));
    assert!(plan.steps[0].what.contains("subject-SERVICE") && plan.steps.len() <= 6, "{:#?}", plan.steps);
}

#[test]
fn flags_add_what_the_repository_does_not_show() {
    let plan = planned(
        "--staging-url https://s.example/{service} --production-url https://p.example/{service} --smoke ./smoke --junit r/*.xml --actions octo/promote-gates@v2 --reviewer anna --workload statefulset/db",
        &kustomize(),
    );
    let validate = text(&plan, "validate-staging.yml");
    assert!(validate.contains("endpoints: https://s.example/shop\n"), "{validate}");
    assert!(validate.contains("command: \"./smoke\"\n") || validate.contains("command: ./smoke\n"), "{validate}");
    assert!(
        validate.contains("            health\n            smoke\n") && validate.contains("needs: [health, smoke]"),
        "{validate}"
    );
    assert!(
        validate.contains("workload: statefulset/db\n") && validate.contains("uses: octo/promote-gates/health@v2\n")
    );
    let promote = text(&plan, "promote-to-production.yml");
    assert!(promote.contains("endpoints: https://s.example/{service}\n"), "{promote}");
    assert!(promote.contains("endpoints: https://p.example/${{ matrix.subject.service }}\n"), "{promote}");
    assert!(!plan.files.iter().any(|file| file.text.contains("acme/promote-gates")));
    assert!(plan.steps.iter().any(|step| step.commands.iter().any(|command| command.contains("users/anna"))));
}

#[test]
fn what_is_not_clear_is_named_with_its_flag() {
    let with = |change: &dyn Fn(&mut Found)| {
        let mut found = kustomize();
        change(&mut found);
        found
    };
    for (line, found, flag) in [
        ("", with(&|found| found.remote = None), "--repository OWNER/NAME"),
        ("", with(&|found| found.workflows.clear()), "--deploy-workflow PATH"),
        (
            "",
            with(&|found| found.workflows.push(file(".github/workflows/x.yaml", "name: Deploy to stage\non: push\n"))),
            "--deploy-workflow PATH",
        ),
        ("--deploy-workflow .github/workflows/gone.yml", kustomize(), "--deploy-workflow PATH"),
        ("", with(&|found| drop(found.manifests.remove(0))), "--manifest PATH"),
        ("--manifest gone.yaml", kustomize(), "--manifest PATH"),
        ("--image ghcr.io/acme/other", kustomize(), "--manifest PATH"),
        (
            "",
            with(&|found| found.manifests[0].text = found.manifests[0].text.replace("namespace", "x")),
            "--production-namespace NAME",
        ),
        (
            "",
            with(&|found| {
                for name in ["nginx", "redis"] {
                    let text = format!("namespace: x\nimages: [{{ name: {name}, newTag: '1' }}]\n");
                    found.manifests.push(file(&format!("prod/{name}/kustomization.yaml"), &text));
                }
                found.remote = Some("other/shop".parse().unwrap());
            }),
            "--image REPOSITORY",
        ),
        (
            "",
            with(&|found| found.manifests = vec![file("deploy/values-prod.yaml", "image: { tag: '1' }\n")]),
            "--image REPOSITORY",
        ),
        ("--infra acme/infra --staging-namespace x", kustomize(), "--image REPOSITORY"),
        ("--source acme/shop", kustomize(), "--deploy-workflow PATH"),
    ] {
        let found = unclear(line, &found);
        assert!(found.len() == 1 && found[0].1 == flag, "{line} {flag}: {found:?}");
    }
    let all = unclear("", &Found::default());
    assert_eq!(all.len(), 3, "everything at once: {all:?}");
}

#[test]
fn images_of_others_are_left_out() {
    let mut found = kustomize();
    found
        .manifests
        .push(file("production/redis/kustomization.yaml", "namespace: x\nimages: [{ name: redis, newTag: '7' }]\n"));
    let plan = planned("", &found);
    assert!(!text(&plan, "promote-gates.yml").contains("redis"));
}

#[test]
fn a_promotion_by_pull_request_needs_no_reviewers_of_an_environment() {
    let plan = planned("--approval pull-request --path src/** --path Dockerfile", &kustomize());
    assert_eq!(
        file_names(&plan),
        [
            "promote-gates.yml",
            "validate-staging.yml",
            "promotion-open.yml",
            "promotion-review.yml",
            "promotion-status.yml",
            "audit.yml"
        ]
    );
    let names: Vec<(&str, Option<&str>)> = plan
        .files
        .iter()
        .flat_map(|file| &file.needs)
        .map(|needed| (needed.name.as_str(), needed.environment.as_deref()))
        .collect();
    assert_eq!(names, [("STAGING_KUBECONFIG", None), ("PRODUCTION_KUBECONFIG", Some("production-readonly"))]);
    let config = text(&plan, "promote-gates.yml");
    for line in ["    paths: [src, Dockerfile]", "approval:", "  source: pull-request", "  minimum: 1"] {
        assert!(config.lines().any(|own| own == line), "{line}\n{config}");
    }
    let validate = text(&plan, "validate-staging.yml");
    for line in [
        "    workflows: [deploy-staging]",
        "          image: ghcr.io/acme/shop",
        "          namespace: shop-staging",
        "    needs: [health]",
        "          repository: acme/shop",
        "          required: health",
        "      contents: write # the dispatch to this repository; a rule keeps this token from the main branch",
    ] {
        assert!(validate.lines().any(|own| own == line), "{line}\n{validate}");
    }
    let status = text(&plan, "promotion-status.yml");
    assert!(
        status.contains("namespace: shop-production\n") && status.contains("workload: deployment/shop\n"),
        "{status}"
    );
    for file in &plan.files[1..] {
        for word in
            ["example.com", "checkout-service", "performance", "in other repositories", "source-token: ${{ steps"]
        {
            assert!(!file.text.contains(word), "{word}\n{}", file.text);
        }
    }
    assert!(text(&plan, "promotion-open.yml").starts_with("# Opens the pull request"));
}

#[test]
fn the_rule_of_the_default_branch_comes_after_the_push() {
    let whats = |plan: &Plan| plan.steps.iter().map(|step| step.what.clone()).collect::<Vec<_>>();
    let plan = planned("--approval pull-request", &kustomize());
    let all = whats(&plan);
    assert!(all.len() <= 6, "{all:#?}");
    let place =
        |word: &str| all.iter().position(|what| what.contains(word)).unwrap_or_else(|| panic!("{word}: {all:#?}"));
    assert!(place("Allow Actions") < place("push to the default branch"));
    assert!(place("do not deploy") < place("push to the default branch"));
    assert_eq!(place("rule for the default branch"), all.len() - 1);
    let rule = plan.steps.last().unwrap().commands.join("\n");
    assert!(
        rule.contains("repos/acme/shop/rulesets") && rule.contains("{\"context\":\"promote-gates/approval\"}"),
        "{rule}"
    );
    let filter = &plan.steps[place("do not deploy")].commands;
    assert_eq!(*filter, ["paths-ignore: [deploy/overlays/production/kustomization.yaml]"]);
    let commit = plan.steps[place("push to the default branch")].commands.join("\n");
    assert!(commit.contains(" .github/workflows/deploy.yml\n"), "{commit}");

    let mut found = kustomize();
    found.workflows[0] = file(
        ".github/workflows/deploy.yml",
        "name: deploy-staging\non: { push: { paths-ignore: ['deploy/overlays/production/**'] } }\n",
    );
    let plan = planned("--approval pull-request", &found);
    let commit = plan.steps.iter().flat_map(|step| &step.commands).find(|command| command.starts_with("git add"));
    assert!(!whats(&plan).iter().any(|what| what.contains("do not deploy")), "{:#?}", plan.steps);
    assert!(!commit.unwrap().contains("deploy.yml"), "{commit:?}");
    let by_environment = planned("", &kustomize());
    assert!(
        !whats(&by_environment).iter().any(|what| what.contains("do not deploy") || what.contains("Allow Actions"))
    );
}

#[test]
fn an_app_sets_the_status_and_the_rule_requires_it_from_this_app() {
    let commands =
        |plan: &Plan| plan.steps.iter().flat_map(|step| step.commands.clone()).collect::<Vec<_>>().join("\n");
    let plan = planned("--approval pull-request --status-app 424242", &kustomize());
    assert!(plan.steps.len() <= 6, "{:#?}", plan.steps);
    let status = text(&plan, "promotion-status.yml");
    for (part, count) in [
        ("      - id: judge\n", 2),
        ("          token: ${{ steps.judge.outputs.token }}\n", 2),
        ("    environment: promotion-status\n", 1),
        (" statuses: write", 0),
        ("in other repositories", 0),
    ] {
        assert_eq!(status.matches(part).count(), count, "{part}\n{status}");
    }
    let all = commands(&plan);
    assert!(all.contains(r#"{"context":"promote-gates/approval","integration_id":424242}"#), "{all}");
    for environment in ["promotion-status", "production-readonly"] {
        for command in [
            format!("gh api -X POST repos/acme/shop/environments/{environment}/deployment-branch-policies"),
            format!("gh secret set JUDGE_APP_PRIVATE_KEY --repo acme/shop --env {environment} <judge.private-key.pem"),
        ] {
            assert_eq!(all.matches(&command).count(), 1, "{command}\n{all}");
        }
    }
    // Without it, any token can.
    let plan = planned("--approval pull-request", &kustomize());
    assert!(!commands(&plan).contains("JUDGE") && !commands(&plan).contains("integration_id"));
    // In two repositories, beside the App that reads.
    let infra = "--approval pull-request --status-app 7 --source acme/shop --repository acme/infra --deploy-workflow .github/workflows/deploy.yml";
    let infra = planned(infra, &kustomize());
    let status = text(&infra, "promotion-status.yml");
    for part in ["source-token: ${{ steps.reader.outputs.token }}\n", "token: ${{ steps.judge.outputs.token }}\n"] {
        assert!(status.contains(part), "{part}\n{status}");
    }
    assert!(commands(&infra).contains("\"integration_id\":7"));
    assert!(matches!(super::plan(&flags("--status-app 7"), &kustomize()), Err(PlanError::StatusWithoutPullRequests)));
}

#[test]
fn an_app_reads_the_service_in_another_repository() {
    let services = "--approval pull-request --infra acme/infra --image ghcr.io/acme/shop --staging-namespace shop";
    let services = planned(services, &kustomize());
    let paths: Vec<&str> = services.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".github/workflows/validate-staging.yml"]);
    assert!(text(&services, "validate-staging.yml").contains("repository: acme/infra\n"));
    let commands =
        |plan: &Plan| plan.steps.iter().flat_map(|step| step.commands.clone()).collect::<Vec<_>>().join("\n");
    assert!(
        commands(&services)
            .contains("init --source acme/shop --deploy-workflow .github/workflows/deploy.yml --approval")
    );
    assert!(!commands(&services).contains("rulesets"), "{}", commands(&services));

    let infra = "--approval pull-request --source acme/shop --repository acme/infra --deploy-workflow .github/workflows/deploy.yml";
    let infra = planned(infra, &kustomize());
    assert!(infra.files.iter().all(|file| !file.path.contains("validate")));
    assert!(text(&infra, "promote-gates.yml").contains("    repository: acme/shop\n"));
    let open = text(&infra, "promotion-open.yml");
    assert!(open.contains("          source-token: ${{ steps.reader.outputs.token }}\n"), "{open}");
    let status = text(&infra, "promotion-status.yml");
    for (part, count) in [
        ("      - id: reader\n", 2),
        ("      - id: reader-after-wait\n", 1),
        ("          repositories: shop\n", 3),
        ("          source-token: ${{ steps.reader.outputs.token }}\n", 2),
        ("          source-token: ${{ steps.reader-after-wait.outputs.token }}\n", 1),
    ] {
        assert_eq!(status.matches(part).count(), count, "{part}\n{status}");
    }
    let order = ["- id: approval", "- id: wait", "- id: reader-after-wait", "- id: promote"];
    let merge = &status[status.find("  merge:").unwrap()..];
    let places: Vec<usize> = order.iter().map(|part| merge.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "{merge}");
    assert_eq!(commands(&infra).matches("gh secret set READER_APP_PRIVATE_KEY").count(), 1, "{}", commands(&infra));
    assert!(commands(&infra).contains("repos/acme/infra/rulesets") && !commands(&infra).contains("paths-ignore"));
    assert!(commands(&infra).contains("init --infra acme/infra --image ghcr.io/acme/shop --approval pull-request"));
}

#[test]
fn several_services_are_not_promoted_by_pull_request() {
    let overlay = |service: &str, stage: &str| {
        file(
            &format!("apps/{service}/{stage}/kustomization.yaml"),
            &format!("namespace: {stage}\nimages: [{{ name: ghcr.io/acme/{service}, newTag: '1' }}]\n"),
        )
    };
    let stages = ["staging", "production"];
    let manifests = ["cart", "shop"].iter().flat_map(|service| stages.map(|stage| overlay(service, stage))).collect();
    let found = Found { manifests, ..kustomize() };
    for line in [
        "--approval pull-request",
        "--approval pull-request --source acme/shop --deploy-workflow .github/workflows/deploy.yml",
        "--approval pull-request --infra acme/infra --image ghcr.io/acme/cart --image ghcr.io/acme/shop --staging-namespace x",
    ] {
        match plan(&flags(line), &found) {
            Err(PlanError::SeveralServices(names)) => assert_eq!(names.len(), 2),
            other => panic!("{line}: {other:#?}"),
        }
    }
    let one = planned("--approval pull-request --image ghcr.io/acme/cart", &found);
    assert!(text(&one, "promote-gates.yml").contains("  cart:\n"));
    assert_eq!(unclear("--path src", &found), [("the service".to_owned(), "--image REPOSITORY".to_owned())]);
}

#[test]
fn urls_are_set_in_the_workflows_of_pull_requests() {
    let plan = planned(
        "--approval pull-request --staging-url https://s.example/{service} --production-url https://p.example/{service} --smoke ./smoke --junit r/*.xml --actions octo/promote-gates@v2",
        &kustomize(),
    );
    let status = text(&plan, "promotion-status.yml");
    assert!(status.contains("endpoints: https://s.example/{service}\n"), "{status}");
    assert!(status.contains("endpoints: https://p.example/shop\n"), "{status}");
    assert!(text(&plan, "validate-staging.yml").contains("needs: [health, smoke]\n"));
    assert!(!plan.files.iter().any(|file| file.text.contains("acme/promote-gates")));
}
