//! One repository whose main branch is source, and whose branch `deploy/production` is what a cluster follows: promoted, bypassed,
//! rolled back and audited there, from a checkout of main.

use promote_gates::sandbox::github::{FakeCommit, FakePullRequest};

use crate::{
    house::{Ended, Runner},
    shop::{API_TOKEN, FILE, INFRA, Scene, applied, end, git, git_with_input},
};

const BRANCH: &str = "deploy/production";

/// The repository with both branches, and a shallow checkout of main.
fn scene() -> (Scene, std::path::PathBuf) {
    let scene = Scene::new();
    scene.fake_github.grant(
        API_TOKEN,
        INFRA,
        &["actions=read", "checks=read", "contents=read", "issues=write", "pull_requests=read", "statuses=write"],
    );
    git(scene.shop.infra.path(), &["branch", BRANCH, "main"]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    (scene, dir)
}

/// The tag of the service on a branch.
fn tag(scene: &Scene, branch: &str) -> String {
    let text = git(scene.shop.infra.path(), &["show", &format!("{branch}:{FILE}")]);
    text.lines().find_map(|line| line.trim().strip_prefix("newTag: ")).unwrap().to_owned()
}

fn tags(scene: &Scene) -> [String; 2] {
    ["main", BRANCH].map(|branch| tag(scene, branch))
}

fn step(scene: &Scene, run: u64, dir: &std::path::Path) -> Runner {
    scene.step(run, dir).input("branch", BRANCH)
}

fn promote(scene: &Scene, dir: &std::path::Path, to: &str) -> Ended {
    let ended = step(scene, 5, dir).input("api-token", "").input("tag", to).input("require", "none").run(&["promote"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    ended
}

fn audit(scene: &Scene, dir: &std::path::Path, branch: &str) -> [String; 5] {
    let runner = scene.step(9, dir).input("api-token", "").input("branch", branch).input("token", API_TOKEN);
    let ended = runner.run(&["audit"]);
    let outputs = ["promotions", "emergencies", "rollbacks", "by-hand"].map(|name| ended.outputs[name].clone());
    let [promotions, emergencies, rollbacks, by_hand] = outputs;
    [ended.outputs["verdict"].clone(), promotions, emergencies, rollbacks, by_hand]
}

#[test]
fn a_branch_that_a_cluster_follows_has_its_own_promotions() {
    let (scene, dir) = scene();
    let main = scene.shop.tip();
    scene.run(5, &[]);
    scene.run(9, &[]);
    promote(&scene, &dir, "1.4.2");
    assert_eq!(tags(&scene), ["1.4.1", "1.4.2"]);
    // Source goes on, and reaches the branch by a merge: that changes no image.
    scene.shop.edit("README.md", "code", |text| format!("{text}more\n"));
    scene.shop.infra.merge(BRANCH, "main", "merge", "Merge main").unwrap();
    scene.run(7, &["bob"]);
    let emergency = step(&scene, 7, &dir).input("tag", "1.4.3").input("incident", "INC-17").input("reason", "x");
    let emergency = emergency.input("allowed", "checkout-service").run(&["emergency"]);
    assert_eq!(end(&emergency), applied(), "{}", emergency.log);
    assert_eq!(tags(&scene), ["1.4.1", "1.4.3"]);
    scene.run(8, &["bob"]);
    let rollback = step(&scene, 8, &dir).input("reason", "x").run(&["rollback"]);
    assert_eq!(end(&rollback), applied(), "{}", rollback.log);
    assert_eq!(tags(&scene), ["1.4.1", "1.4.2"]);
    assert_eq!(audit(&scene, &dir, BRANCH), ["passed", "1", "1", "1", "0"]);
    assert_eq!(audit(&scene, &dir, "main"), ["passed", "0", "0", "0", "0"], "nothing was promoted on main");
    assert_eq!(git(scene.shop.infra.path(), &["rev-list", "--count", &format!("{main}..main")]), "1", "only the code");
    // Who changes the branch by hand is found there.
    let text = git(scene.shop.infra.path(), &["show", &format!("{BRANCH}:{FILE}")]).replace("1.4.2", "9.9.9");
    let stream = format!(
        "commit refs/heads/{BRANCH}\ncommitter A <a@shop.invalid> {} +0000\ndata 1\nx\nfrom refs/heads/{BRANCH}^0\n\
         M 100644 inline {FILE}\ndata {}\n{text}\n",
        git(scene.shop.infra.path(), &["log", "-1", "--format=%ct", BRANCH]),
        text.len()
    );
    git_with_input(scene.shop.infra.path(), &["fast-import", "--quiet"], &stream);
    assert_eq!(audit(&scene, &dir, BRANCH), ["blocked", "1", "1", "1", "1"]);
}

#[test]
fn only_pull_requests_into_that_branch_wait_for_a_status() {
    let (scene, dir) = scene();
    scene.shop.edit("README.md", "code", |text| format!("{text}more\n"));
    let main = scene.shop.tip();
    let open = |number: u64, base: &str, branch: &str, head: &str| {
        scene.fake_github.add_pull_request(
            INFRA,
            FakePullRequest {
                number,
                opener: Some("dana".to_owned()),
                is_open: true,
                base: base.to_owned(),
                branch: branch.to_owned(),
                own: vec![FakeCommit { sha: head.to_owned(), ..FakeCommit::default() }],
                ..FakePullRequest::default()
            },
        );
    };
    open(5, BRANCH, "main", &main);
    git(scene.shop.infra.path(), &["branch", "topic", "main~1"]);
    open(6, "main", "topic", &git(scene.shop.infra.path(), &["rev-parse", "topic"]));
    let status = step(&scene, 9, &dir).input("api-token", "").input("token", API_TOKEN).input("config", "rules.yml");
    status.write(
        "rules.yml",
        "services:\n  checkout-service:\n    repository: acme/infra\n    workflow: .github/workflows/validate.yml\n    \
         image: ghcr.io/acme/checkout-service\n",
    );
    let ended = status.run(&["status"]);
    assert_eq!(ended.outputs["verdict"], "passed", "{}", ended.log);
    assert_eq!(scene.fake_github.violations(), [""; 0]);
    let statuses = scene.fake_github.statuses(INFRA);
    let shown: Vec<_> = statuses.iter().map(|one| (one.sha.as_str(), one.description.as_deref().unwrap())).collect();
    assert_eq!(shown, [(main.as_str(), "changes no image")]);
}
