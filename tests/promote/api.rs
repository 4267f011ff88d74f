//! `mode: api`: GitHub makes and signs the commit, in a real git repository.

use std::{os::unix::fs::symlink, path::PathBuf};

use promote_gates::sandbox::{github::InjectedFault, infra::Infra, server::FakeResponse};

use super::{
    batch::{batch, count_pushes, evidence, names, shop_of},
    *,
};
use crate::{
    faults::Story,
    patience::{RACE, RACE_TIMEOUT},
    relay::{Reaction, Relay},
    shop::INFRA,
};

const WRITER: &str = "ghs_writer";
const TREES: &str = "POST /repos/acme/infra/git/trees";
const COMMITS: &str = "POST /repos/acme/infra/git/commits";
const MOVE: &str = "PATCH /repos/acme/infra/git/refs/heads/main";

/// The infra repository in git and on the fake GitHub, both behind one server.
struct Stage {
    scene: Scene,
    relay: Relay,
}

impl Stage {
    fn new(shop: Shop) -> Self {
        let scene = Scene { shop, ..Scene::new() };
        let Scene { shop, fake_github } = &scene;
        fake_github.grant(WRITER, INFRA, &["contents=write"]);
        let folder = shop.infra.path().parent().unwrap();
        fake_github.serve_git(INFRA, Infra::at(folder));
        fs::create_dir(folder.join("acme")).unwrap();
        symlink(shop.infra.path(), folder.join("acme/infra.git")).unwrap();
        let relay = Relay::start(&fake_github.api_url(), folder);
        Self { scene, relay }
    }

    /// A checkout whose remote is the repository on GitHub.
    fn checkout(&self, name: &str, options: &[&str]) -> PathBuf {
        let dir = self.scene.shop.checkout(name, options);
        git(&dir, &["remote", "set-url", "origin", &format!("{}/{INFRA}.git", self.relay.url())]);
        dir
    }

    fn on_github(&self, step: Runner) -> Runner {
        let url = self.relay.url();
        step.env("GITHUB_SERVER_URL", url).env("GITHUB_API_URL", url).input("mode", "api").input("token", WRITER)
    }

    /// A step with all its reports, of a clone of its own.
    fn step(&self, name: &str) -> Runner {
        self.step_in(&self.checkout(name, &["--depth=1"]), 7)
    }

    /// A step of a workflow run.
    fn step_in(&self, checkout: &Path, id: u64) -> Runner {
        let of_run = |command| Report { run: Some(run(id)), ..report(command, Verdict::Passed) };
        let reports = ["evidence", "approval", "wait"].map(of_run);
        let step = step(checkout, SERVICE, "1.4.2").env("GITHUB_RUN_ID", &id.to_string());
        self.on_github(step).input("require", "").input("results", &needs(&reports))
    }

    /// The requests that wrote, by method and path.
    fn writes(&self) -> Vec<String> {
        let requests = self.relay.requests().into_iter().filter(|request| !request.is_read());
        requests.map(|request| request.name()).collect()
    }
}

/// A promotion with all its reports, behind a relay.
pub fn story(shop: Shop, clone_options: &[&str]) -> Story {
    let stage = Stage::new(shop);
    let runner = stage.step_in(&stage.checkout("infra", clone_options), 7).input("timeout", "2m");
    let Stage { scene, relay } = stage;
    Story::new(relay, runner, "promote", move || scene.written())
}

#[test]
fn github_makes_and_signs_the_commit_that_a_push_would_have_made() {
    let stage = Stage::new(Shop::new());
    // No push is accepted: the branch requires signed commits.
    stage.scene.shop.hook("pre-receive", "echo 'error: GH013: Commits must have verified signatures.' >&2; exit 1");
    let pushed = stage.step("pushed").input("mode", "push").run(&["promote"]);
    assert_eq!(end(&pushed), (3, "inconclusive", "refused"), "{}", pushed.log);

    stage.relay.forget();
    let ended = stage.step("made").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(stage.writes(), [TREES, COMMITS, MOVE]);
    assert_eq!(stage.scene.fake_github.violations(), [""; 0]);
    assert!(ended.log.contains("GitHub made and signed "), "{}", ended.log);
    assert_eq!((&*ended.outputs["changed"], &ended.outputs["commit"]), ("true", &stage.scene.shop.tip()));
    assert_eq!(
        stage.scene.shop.log("%an, %cn, %P"),
        [format!("github-actions[bot], GitHub, {}", stage.scene.shop.first)]
    );
    let range = format!("{}..main", stage.scene.shop.first);
    assert_eq!(git(stage.scene.shop.infra.path(), &["log", "--numstat", "--format=", &range]), format!("1\t1\t{FILE}"));

    // The same message as a push, but for the time.
    let other = Shop::new();
    let reports = ["evidence", "approval", "wait"].map(|command| report(command, Verdict::Passed));
    let by_push = step(&other.checkout("infra", &[]), SERVICE, "1.4.2").input("require", "");
    let by_push = by_push.env("GITHUB_SERVER_URL", stage.relay.url()).input("results", &needs(&reports));
    assert_eq!(end(&by_push.run(&["promote"])), APPLIED);
    let message = |shop: &Shop| {
        let message = git(shop.infra.path(), &["log", "-1", "--format=%B", "main"]);
        message.lines().filter(|line| !line.starts_with("Validated-at: ")).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(message(&stage.scene.shop), message(&other));
    assert!(stage.scene.shop.trailers().contains(&"Approved-by: bob".to_owned()), "{:?}", stage.scene.shop.trailers());

    // The ledger has it: the same evidence is promoted once.
    let again = stage.step("again").run(&["promote"]);
    assert_eq!(end(&again), (0, "passed", "already"), "{}", again.log);
    assert_eq!((&*again.outputs["changed"], &again.outputs["commit"]), ("false", &ended.outputs["commit"]));
    assert_eq!(stage.scene.shop.log("%H").len(), 1);
}

#[test]
fn the_mode_of_a_file_stays() {
    let stage = Stage::new(Shop::new());
    let clone = stage.scene.shop.checkout("chmod", &[]);
    git(&clone, &["update-index", "--chmod=+x", FILE]);
    git(&clone, &["commit", "--quiet", "--message", "executable"]);
    git(&clone, &["push", "--quiet", "origin", "main"]);
    let ended = stage.step("infra").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    let listed = git(stage.scene.shop.infra.path(), &["ls-tree", "main", FILE]);
    assert!(listed.starts_with("100755 blob "), "{listed}");
    assert_eq!(stage.scene.shop.tag(SERVICE), "1.4.2");
}

#[test]
fn several_services_reach_the_branch_at_once() {
    let services = names(2);
    let stage = Stage::new(shop_of(&services));
    let pushes = count_pushes(&stage.scene.shop);
    let checkout = stage.checkout("infra", &["--depth=1"]);
    let step = || stage.on_github(batch(&checkout, 7, &evidence(7, &services, &[])));
    let ended = step().run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(stage.writes(), [TREES, COMMITS, TREES, COMMITS, MOVE]);
    assert_eq!(pushes(), 0);
    let subjects: Vec<String> =
        services.iter().map(|service| format!("promote(production): {service} → 1.4.2")).collect();
    assert_eq!(stage.scene.shop.log("%s"), subjects);
    assert_eq!(ended.outputs["commit"], stage.scene.shop.tip());
    assert_eq!(services.iter().map(|service| stage.scene.shop.tag(service)).collect::<Vec<_>>(), ["1.4.2", "1.4.2"]);
    // A lost answer to the move is read back, and makes no second pair.
    let stage = Stage::new(shop_of(&services));
    stage.scene.fake_github.fail_at(MOVE, 1, InjectedFault::AfterEffect(FakeResponse::status(502)));
    let checkout = stage.checkout("infra", &[]);
    let ended = stage.on_github(batch(&checkout, 7, &evidence(7, &services, &[]))).run(&["promote"]);
    assert_eq!((end(&ended), stage.scene.shop.log("%s")), (APPLIED, subjects), "{}", ended.log);
}

#[test]
fn a_commit_that_github_does_not_verify_reaches_no_branch() {
    let stage = Stage::new(Shop::new());
    stage.scene.fake_github.sign_commits(INFRA, false);
    let ended = stage.step("infra").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert_eq!(stage.writes(), [TREES, COMMITS]);
    assert_eq!(stage.scene.shop.tip(), stage.scene.shop.first);
    for part in ["unsigned; no branch has it", "give the `token` of an App, or `github.token`"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    stage.scene.fake_github.sign_commits(INFRA, true);
    assert_eq!(end(&stage.step("again").run(&["promote"])), APPLIED);
}

#[test]
fn an_emergency_and_its_rollback_are_signed_too() {
    let stage = Stage::new(Shop::new());
    let scene = &stage.scene;
    let checkout = stage.checkout("infra", &["--depth=1"]);
    let run = |id: u64, command: &str, inputs: &[(&str, &str)]| {
        scene.run(id, &["bob"]);
        let step = stage.on_github(scene.step(id, &checkout));
        let ended = inputs.iter().fold(step, |step, (key, value)| step.input(key, value)).run(&[command]);
        assert_eq!(crate::shop::end(&ended), crate::shop::applied(), "{}", ended.log);
        assert_eq!(stage.scene.fake_github.violations(), [""; 0]);
        ended
    };
    let inputs = [("tag", "1.4.2"), ("incident", "INC-17"), ("reason", "payments fail"), ("allowed", SERVICE)];
    let ended = run(7, "emergency", &inputs);
    assert_eq!((&ended.outputs["commit"], scene.shop.tag(SERVICE)), (&scene.shop.tip(), "1.4.2".to_owned()));
    let ended = run(8, "rollback", &[("reason", "payments fail")]);
    assert_eq!((&ended.outputs["commit"], scene.shop.tag(SERVICE)), (&scene.shop.tip(), "1.4.1".to_owned()));
    assert_eq!(scene.shop.log("%cn"), ["GitHub", "GitHub"]);
    assert_eq!(scene.open_issues().len(), 2);
}

#[test]
fn a_dry_run_asks_github_for_nothing() {
    let stage = Stage::new(Shop::new());
    let ended = stage.step("infra").input("dry-run", "true").run(&["promote"]);
    assert_eq!((ended.code, &ended.report["effects"][0]["state"]), (0, &json!("planned")), "{}", ended.log);
    assert_eq!((stage.writes(), stage.scene.shop.tip()), (vec![], stage.scene.shop.first.clone()));
}

#[test]
fn the_infra_repository_is_on_this_github_and_there_is_a_token() {
    let stage = Stage::new(Shop::new());
    let elsewhere = stage.step("elsewhere");
    let url = format!("file://{}", stage.scene.shop.infra.path().display());
    git(&stage.scene.shop.path("elsewhere"), &["remote", "set-url", "origin", &url]);
    for (step, words) in [
        (elsewhere, ["`api`, and the remote origin is file://", "set `mode: push`"]),
        (stage.step("tokenless").input("token", ""), ["`token`", "the token of an App with Contents: write"]),
        (stage.step("merged").input("merge", "squash"), ["`merge`", "`mode: pull-request`, or no `merge`"]),
    ] {
        let ended = step.run(&["promote"]);
        assert_eq!(ended.code, 2, "{}", ended.log);
        for part in words {
            assert!(ended.log.contains(part), "{part} in {}", ended.log);
        }
    }
    assert_eq!((stage.writes(), stage.scene.shop.tip()), (vec![], stage.scene.shop.first.clone()));
}

#[test]
fn a_commit_of_another_writer_is_planned_on_again() {
    let stage = Stage::new(Shop::new());
    let folder = stage.scene.shop.infra.path().parent().unwrap().to_owned();
    let raced = stage.step("infra");
    stage.relay.react(move |request| {
        if request.name() == MOVE && request.number == 1 {
            let infra = Infra::at(&folder);
            let text = infra.read(FILE).unwrap().replace("count: 4", "count: 6");
            crate::shop::commit(&infra, &crate::shop::ago(0), "more replicas", Some((FILE, &text)));
        }
        Reaction::Pass
    });
    let ended = raced.run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(ended.log.contains("another commit was first, planning again"), "{}", ended.log);
    assert_eq!(stage.scene.shop.log("%s"), ["more replicas", "promote(production): checkout-service → 1.4.2"]);
    let text = stage.scene.shop.infra.read(FILE).unwrap();
    assert!(text.contains("count: 6") && text.contains("newTag: 1.4.2"), "{text}");
}

#[test]
fn twenty_concurrent_promotions_all_land_once() {
    let services = names(20);
    let stage = Stage::new(shop_of(&services));
    let checkout = stage.checkout("clone", &["--depth=1"]);
    let steps: Vec<Runner> = services
        .iter()
        .map(|service| {
            let step = step(&checkout, service, &format!("2.0-{service}"));
            stage.on_github(step).input("timeout", RACE_TIMEOUT)
        })
        .collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    for ended in &ended {
        assert_eq!((end(ended), ended.outputs["changed"].as_str()), (APPLIED, "true"), "{}", ended.log);
    }
    assert_eq!(stage.scene.fake_github.violations(), [""; 0]);
    let mut reported: Vec<&str> = ended.iter().map(|ended| ended.outputs["commit"].as_str()).collect();
    let mut log = stage.scene.shop.log("%H");
    reported.sort_unstable();
    log.sort_unstable();
    assert_eq!(log, reported, "one commit for each step");
    for service in &services {
        assert_eq!(stage.scene.shop.tag(service), format!("2.0-{service}"));
    }
}

#[test]
fn concurrent_deliveries_of_one_evidence_make_one_commit() {
    let stage = Stage::new(Shop::new());
    let checkout = stage.checkout("clone", &["--depth=1"]);
    let steps: Vec<Runner> = (1..=6).map(|id| stage.step_in(&checkout, id).input("timeout", RACE_TIMEOUT)).collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    for ended in &ended {
        assert_eq!((ended.code, &ended.outputs["commit"]), (0, &stage.scene.shop.tip()), "{}", ended.log);
    }
    assert_eq!(stage.scene.shop.log("%H").len(), 1);
    assert_eq!(ended.iter().filter(|ended| ended.outputs["changed"] == "true").count(), 1);
}
