//! The config file is found wherever the checkout is, and one of the checked-out commit that was not read is an error.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use promote_gates::{
    commands,
    sandbox::server::{FakeResponse, LoopbackServer},
};
use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    origin::{Event, Origin, git},
};

const YML: &str = ".github/promote-gates.yml";
const YAML: &str = ".github/promote-gates.yaml";
/// The figures are at 1.1 times their baseline: over this limit, and within the default of 1.2.
const STRICT: &[u8] = b"performance:\n  max-ratio: 1.05\n";
const LOOSE: &[u8] = b"performance:\n  max-ratio: 3\n";

/// Runs the gate on figures outside the workspace.
fn judge(runner: &Runner, flags: &[&str]) -> Ended {
    judge_by(runner, None, flags)
}

/// The same with the baseline from a server.
fn judge_by(runner: &Runner, server: Option<&str>, flags: &[&str]) -> Ended {
    let outside = |name: &str, p99: u32| {
        let path = runner.workspace().with_file_name(name);
        fs::write(&path, format!("{{\"p99_latency\": {p99}}}")).expect("figures");
        path.display().to_string()
    };
    let results = format!("--results={}", outside("results.json", 110));
    let baseline = outside("baseline.json", 100);
    let baseline = format!("--baseline={}", server.unwrap_or(&baseline));
    runner.run(&[&["performance", &results, &baseline], flags].concat())
}

/// A workspace with a checkout of these files in a folder, after a push.
fn pushed(folder: &str, files: &[(&str, &[u8])]) -> Runner {
    let runner = Runner::new().env("GITHUB_EVENT_NAME", "push");
    add(&runner, folder, files);
    runner
}

/// Adds a checkout of a new repository.
fn add(runner: &Runner, folder: &str, files: &[(&str, &[u8])]) {
    let origin = Origin::new();
    let commit = origin.commit(files);
    origin.check_out(runner, folder, &commit, 1);
    name_origin(runner, folder, "acme/shop");
}

fn name_origin(runner: &Runner, folder: &str, repository: &str) {
    // No server listens there.
    let url = format!("https://127.0.0.1:9/{repository}");
    git(&runner.workspace().join(folder), &["remote", "set-url", "origin", &url]);
}

#[track_caller]
fn assert_blocked_by(ended: &Ended, config: &str) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{}", ended.log);
    assert_eq!(ended.report["config"]["path"], config);
    assert_eq!(ended.report["no-config"], Value::Null);
}

#[track_caller]
fn assert_refused(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (code, "inconclusive"), "{}", ended.log);
    for part in parts {
        assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
    }
}

#[track_caller]
fn assert_passed_without(ended: &Ended, why: &str) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
    assert_eq!((&ended.report["no-config"], &ended.report["config"]), (&Value::from(why), &Value::Null));
    assert!(ended.log.contains(&format!("{why}; flags, inputs and defaults only")), "{}", ended.log);
    assert!(ended.summary.contains(why), "{}", ended.summary);
}

#[test]
fn both_endings_are_read_and_both_at_once_are_refused() {
    for name in [YML, YAML] {
        assert_blocked_by(&judge(&pushed("", &[(name, STRICT)]), &[]), name);
        // Without a checkout, too.
        let runner = Runner::new();
        runner.write(name, STRICT);
        assert_blocked_by(&judge(&runner, &[]), name);
    }
    let both = pushed("", &[(YML, STRICT), (YAML, LOOSE)]);
    assert_refused(&judge(&both, &[]), 2, &[YML, YAML, "expected one config file", "`config`"]);
    assert_blocked_by(&judge(&both, &["--config", YML]), YML);
    assert_eq!(judge(&both, &["--config", YAML]).code, 0);
}

#[test]
fn a_checkout_in_a_folder_is_found_and_named() {
    for folder in ["app", "src/app", "src/acme/app"] {
        let runner = pushed(folder, &[(YML, STRICT)]);
        runner.write("artifacts/dist/app.js", "x");
        let ended = judge(&runner, &[]);
        assert_blocked_by(&ended, &format!("{folder}/{YML}"));
        assert!(ended.log.contains(&format!("the checkout was found in the folder {folder}")), "{}", ended.log);
        let report = &ended.report;
        assert_eq!(
            (&report["settings"]["checkout"], &report["origins"]["checkout"]),
            (&folder.into(), &"found in the workspace".into())
        );
        // The input says the same.
        assert_blocked_by(&judge(&runner, &["--checkout", folder]), &format!("{folder}/{YML}"));
    }
    let runner = pushed("app", &[("gates.yml", STRICT)]);
    assert_passed_without(&judge(&runner, &[]), "no config file in app");
    let missing =
        ["no file at gates.yml", "by its path from the workspace; next: the checkout is in a folder: app/gates.yml"];
    assert_refused(&judge(&runner, &["--config=gates.yml"]), 2, &missing);
    assert_blocked_by(&judge(&runner, &["--config=app/gates.yml"]), "app/gates.yml");
    // A working directory in the checkout, and one beside it.
    for (folder, start, config) in
        [("", "web", "../.github/promote-gates.yml"), ("app", "web", "/app/.github/promote-gates.yml")]
    {
        let runner = pushed(folder, &[(YML, STRICT)]);
        runner.write("web/app.js", "x");
        judge(&runner, &[]);
        let script = format!("cd {start} && exec \"$@\"");
        let figures = ["--results=../../results.json", "--baseline=../../baseline.json"];
        let ended = runner.run_by(&script, &[&["performance"], &figures[..]].concat());
        assert_eq!(ended.code, 1, "{}", ended.log);
        let path = ended.report["config"]["path"].as_str().unwrap_or_default();
        assert!(path.ends_with(config), "{path}");
    }
}

#[test]
fn two_checkouts_of_the_repository_need_the_input() {
    let runner = pushed("app", &[(YML, STRICT)]);
    add(&runner, "old", &[(YML, LOOSE)]);
    assert_refused(&judge(&runner, &[]), 2, &["`checkout`", "`app`, `old`", "acme/shop", "name its folder"]);
    assert_blocked_by(&judge(&runner, &["--checkout=app"]), &format!("app/{YML}"));
    assert_eq!(judge(&runner, &["--checkout=old"]).code, 0);
    // One of another repository does not count.
    name_origin(&runner, "old", "acme/tools");
    assert_blocked_by(&judge(&runner, &[]), &format!("app/{YML}"));
    // Nor does one whose remote does not tell.
    git(&runner.workspace().join("old"), &["remote", "remove", "origin"]);
    assert_blocked_by(&judge(&runner, &[]), &format!("app/{YML}"));
    for (folder, part) in [("gone", "no such directory"), ("empty", "not a git checkout")] {
        fs::create_dir_all(runner.workspace().join("empty")).expect("a folder");
        assert_refused(&judge(&runner, &["--checkout", folder]), 2, &["`checkout`", folder, part]);
    }
}

#[test]
fn a_checkout_of_another_repository_around_that_of_the_workflow_has_no_say() {
    let runner = pushed("", &[("README.md", b"x")]);
    name_origin(&runner, "", "acme/tools");
    assert_passed_without(&judge(&runner, &[]), "no config file in the workspace");
    add(&runner, "shop", &[(YML, STRICT)]);
    assert_blocked_by(&judge(&runner, &[]), &format!("shop/{YML}"));
    // With two config files it is not known which is in force.
    runner.write(YML, LOOSE);
    assert_refused(&judge(&runner, &[]), 2, &[YML, &format!("shop/{YML}")]);
}

#[test]
fn a_config_file_of_the_commit_that_is_not_in_the_workspace_is_an_error() {
    for folder in ["", "app"] {
        for name in [YML, YAML] {
            // A sparse checkout, or a step before that removes the file.
            let runner = pushed(folder, &[(name, STRICT), ("README.md", b"x")]);
            let file = runner.workspace().join(folder).join(name);
            fs::remove_file(&file).expect("removed");
            assert_refused(
                &judge(&runner, &[]),
                2,
                &["in the checked-out commit, but not in the workspace", "sparse-checkout"],
            );
            assert_refused(&judge(&runner, &["--dry-run"]), 2, &[]);
            // Under another name.
            let other = if name == YML { YAML } else { YML };
            fs::write(runner.workspace().join(folder).join(other), LOOSE).expect("written");
            assert_refused(
                &judge(&runner, &[]),
                2,
                &["in the checked-out commit", "which has", "remove one of the two"],
            );
            // Named, it is what the team wants.
            let named = runner.workspace().join(folder).join(other).display().to_string();
            assert_eq!(judge(&runner, &["--config", &named]).code, 0);
        }
    }
    // What an earlier step writes counts.
    let runner = pushed("", &[("README.md", b"x")]);
    assert_passed_without(&judge(&runner, &[]), "no config file in the workspace");
    runner.write(YML, STRICT);
    assert_blocked_by(&judge(&runner, &[]), YML);
}

#[test]
fn another_commit_without_the_config_file_of_the_workflow_run_is_an_error() {
    let origin = Origin::new();
    let old = origin.commit(&[("README.md", b"x")]);
    let new = origin.commit(&[(YML, STRICT)]);
    let runner = Runner::new().env("GITHUB_EVENT_NAME", "push").env("GITHUB_SHA", &new);
    origin.check_out(&runner, "", &new, 0);
    assert_blocked_by(&judge(&runner, &[]), YML);
    git(&runner.workspace(), &["checkout", "--quiet", &old]);
    let ended = judge(&runner, &[]);
    assert_refused(
        &ended,
        2,
        &[&format!("in the commit of this workflow run, {new}"), "check out a commit that has it"],
    );
    // A config file of the checked-out commit is the one in force.
    git(&runner.workspace(), &["checkout", "--quiet", &new]);
    let runner = runner.env("GITHUB_SHA", &old);
    assert_blocked_by(&judge(&runner, &[]), YML);
    // A commit that the checkout lacks is not asked for.
    let runner = Runner::new().env("GITHUB_EVENT_NAME", "push").env("GITHUB_SHA", &new);
    origin.check_out(&runner, "", &old, 1);
    assert_passed_without(&judge(&runner, &[]), "no config file in the workspace");
}

#[test]
fn the_checkout_of_an_infra_repository_in_that_of_the_workflow_has_its_own_commit() {
    let runner = pushed("", &[("README.md", b"x")]);
    add(&runner, "infra", &[(YML, STRICT)]);
    name_origin(&runner, "infra", "acme/infra");
    assert_passed_without(&judge(&runner, &[]), "no config file in the workspace");
    let named = ["--checkout=infra"];
    assert_blocked_by(&judge(&runner, &named), &format!("infra/{YML}"));
    fs::remove_file(runner.workspace().join("infra").join(YML)).expect("removed");
    assert_refused(&judge(&runner, &named), 2, &[&format!("infra/{YML}"), "in the checked-out commit"]);
    runner.write(YML, LOOSE);
    assert_refused(&judge(&runner, &named), 2, &["which has .github/promote-gates.yml"]);
}

#[test]
fn a_real_sparse_checkout_is_noticed() {
    let runner = pushed("", &[(YML, STRICT), ("src/app.js", b"x")]);
    git(&runner.workspace(), &["sparse-checkout", "set", "src"]);
    assert!(!runner.workspace().join(YML).exists() && runner.workspace().join("src/app.js").exists());
    assert_refused(&judge(&runner, &[]), 2, &["in the checked-out commit, but not in the workspace"]);
    git(&runner.workspace(), &["sparse-checkout", "add", ".github"]);
    assert_blocked_by(&judge(&runner, &[]), YML);
}

#[test]
fn without_a_checkout_the_report_says_that_no_config_file_could_be_looked_for() {
    let why = "no checkout: no config file could be looked for";
    assert_passed_without(&judge(&Runner::new(), &[]), why);
    let runner = Runner::new();
    runner.write("artifacts/app.js", "x");
    assert_passed_without(&judge(&runner, &[]), why);
    // A repository without a commit has no config file that could have been missed.
    git(&runner.workspace(), &["init", "--quiet"]);
    assert_passed_without(&judge(&runner, &[]), "no config file in the workspace");
}

#[test]
fn a_checkout_that_git_cannot_read_is_inconclusive_unless_a_config_file_is_read() {
    let runner = pushed("", &[("README.md", b"x")]);
    fs::write(runner.workspace().join(".git/HEAD"), "nonsense").expect("written");
    assert_refused(&judge(&runner, &[]), 3, &["whether the checked-out commit has a config file", "next: "]);
    let ended = judge(&runner, &["--dry-run"]);
    assert_refused(&ended, 0, &["whether the checked-out commit has a config file"]);
    assert_eq!(ended.report["dry-run"], true);
    runner.write(YML, STRICT);
    assert_blocked_by(&judge(&runner, &[]), YML);
}

#[test]
fn on_a_pull_request_the_base_commit_has_the_config_file() {
    let server = LoopbackServer::start(|_| FakeResponse::json(200, &json!({ "p99_latency": 100 }))).expect("a server");
    for name in [YML, YAML] {
        let origin = Origin::new();
        let base = origin.commit(&[(name, STRICT)]);
        origin.branch("topic", &base);
        let other = if name == YML { YAML } else { YML };
        let head = origin.commit(&[(name, b""), (other, LOOSE)]);
        let merge = origin.merge(&base, &head);
        for folder in ["", "app"] {
            let runner = Event::pull_request(&base, &head, &merge).on(Runner::new());
            origin.check_out(&runner, folder, &merge, 1);
            let path = Path::new(folder).join(name).display().to_string();
            let ended = judge_by(&runner, Some(server.url()), &[]);
            assert_blocked_by(&ended, &path);
            assert_eq!(ended.report["config"]["commit"], base);
        }
    }
    let origin = Origin::new();
    let base = origin.commit(&[(YML, STRICT), (YAML, STRICT)]);
    origin.branch("topic", &base);
    let head = origin.commit(&[(YML, b"")]);
    let merge = origin.merge(&base, &head);
    let runner = Event::pull_request(&base, &head, &merge).on(Runner::new());
    origin.check_out(&runner, "", &merge, 2);
    assert_refused(&judge(&runner, &[]), 2, &[YML, YAML, &format!("(in the base commit {base})")]);
}

#[test]
fn a_missing_base_commit_is_fetched_with_the_token_of_the_command() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&tokens);
    let server = LoopbackServer::start(move |request| {
        let token =
            request.headers.get("authorization").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        sent.lock().expect("a list").extend(token);
        FakeResponse::text(403, "text/plain", "no")
    })
    .expect("a server");
    let origin = Origin::new();
    let base = origin.commit(&[(YML, STRICT)]);
    origin.branch("topic", &base);
    let head = origin.commit(&[("README.md", b"x")]);
    let merge = origin.merge(&base, &head);
    let runner = Event::pull_request(&base, &head, &merge).on(Runner::new()).env("GITHUB_SERVER_URL", server.url());
    origin.check_out(&runner, "", &merge, 1);
    git(&runner.workspace(), &["remote", "set-url", "origin", &format!("{}/acme/shop", server.url())]);
    let ended = runner.run(&["environments", "--mode=check"]);
    assert_refused(&ended, 3, &["`fetch-depth: 2`"]);
    assert_eq!(*tokens.lock().expect("a list"), [""; 0]);
    let ended = runner.input("token", "t0ken").run(&["environments", "--mode=check"]);
    assert_refused(&ended, 3, &["`fetch-depth: 2`"]);
    // `x-access-token:t0ken`
    assert_eq!(*tokens.lock().expect("a list"), ["basic eC1hY2Nlc3MtdG9rZW46dDBrZW4="]);
}

#[test]
fn every_command_finds_the_checkout_in_a_folder() {
    let runner = pushed("infra", &[(YML, b"audit:\n  environment: staging\n")]);
    let ended = runner.run(&["audit"]);
    // The remote is not there; what counts is that the checkout is read.
    assert_eq!(ended.report["settings"]["environment"], "staging", "{}", ended.log);
    assert_eq!(ended.report["settings"]["checkout"], "infra");
    for command in commands::names() {
        let ended = runner.run(&[command, "--checkout=gone"]);
        assert_refused(&ended, 2, &["`checkout`: gone: no such directory"]);
    }
}
