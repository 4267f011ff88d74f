//! Pull requests that are no promotions: those that change no image may be merged, the others may not.

use promote_gates::sandbox::github::{FakeCommit, FakePullRequest};

use super::*;
use crate::shop::{FILE, git, git_with_input};

const CHANGES_NO_IMAGE: &str = "success: changes no image";
const CHANGES_IMAGE: &str =
    "failure: changes the image of checkout-service outside a promotion; next: take it out, and promote by evidence";
const STAGING: &str = "apps/checkout-service/overlays/staging/kustomization.yaml";
const FRONTEND: &str = "apps/frontend/overlays/production/kustomization.yaml";

/// A change of a file: its mode and content, or `None` to remove it.
type FileEdit<'a> = (&'a str, Option<(&'a str, String)>);

fn write(path: &str, text: impl Into<String>) -> FileEdit<'_> {
    (path, Some(("100644", text.into())))
}

/// Commits changes of files to a branch, on top of another commit. Returns the commit.
fn push(stage: &Stage, branch: &str, parent: &str, edits: &[FileEdit<'_>]) -> String {
    let name = format!("refs/heads/{branch}");
    let mut stream =
        format!("commit {name}\ncommitter A <a@shop.invalid> 1767268800 +0000\ndata 2\nx\nfrom {parent}^0\n");
    for (path, edit) in edits {
        match edit {
            Some((mode, text)) => stream += &format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len()),
            None => stream += &format!("D {path}\n"),
        }
    }
    git_with_input(stage.infra.path(), &["fast-import", "--quiet", "--force"], &stream);
    git(stage.infra.path(), &["rev-parse", &name])
}

/// Opens a pull request with this last commit.
fn open(stage: &Stage, number: u64, branch: &str, head: &str) {
    let pull_request = FakePullRequest {
        number,
        opener: Some("dana".to_owned()),
        is_open: true,
        branch: branch.to_owned(),
        own: vec![FakeCommit { sha: head.to_owned(), ..FakeCommit::default() }],
        ..FakePullRequest::default()
    };
    stage.fake_github.add_pull_request(INFRA, pull_request);
}

/// Opens a pull request that changes files of the main branch. Returns its last commit.
fn propose(stage: &Stage, number: u64, edits: &[FileEdit<'_>]) -> String {
    let name = format!("topic-{number}");
    let head = push(stage, &name, "refs/heads/main", edits);
    open(stage, number, &name, &head);
    head
}

/// The file of the service in production, changed.
fn edited(stage: &Stage, from: &str, to: &str) -> String {
    let text = stage.infra.read(FILE).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    text.replace(from, to)
}

/// State and description of the newest status of a commit; empty without one.
fn status_of(stage: &Stage, head: &str) -> String {
    let newest = stage.fake_github.statuses(INFRA).into_iter().rfind(|status| status.sha == head);
    newest.map_or_else(String::new, |status| format!("{}: {}", status.state, status.description.unwrap_or_default()))
}

/// What a pull request with these changes gets, by a config file with more lines.
fn judged(stage: &Stage, config: &str, edits: &[FileEdit<'_>]) -> (String, Ended) {
    let head = propose(stage, 20, edits);
    let ended = run(stage, &with_config(stage.pull_request_step(), config));
    (status_of(stage, &head), ended)
}

#[test]
fn a_change_of_code_may_be_merged_and_a_change_of_an_image_may_not() {
    let stage = stage();
    let code = propose(&stage, 20, &[write("src/app.js", "1")]);
    let image = propose(&stage, 21, &[write(FILE, edited(&stage, "1.4.0", "9.9.9"))]);
    let elsewhere = propose(&stage, 22, &[write("src/app.js", "2")]);
    stage.fake_github.change_pull_request(INFRA, 22, |one| one.base = "release".to_owned());
    let fork = propose(&stage, 23, &[write("docs/x.md", "3")]);
    stage.fake_github.change_pull_request(INFRA, 23, |one| one.is_of_fork = true);
    let ended = run(&stage, &stage.pull_request_step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    let all = [&code, &image, &elsewhere, &fork].map(|head| status_of(&stage, head));
    assert_eq!(all, [CHANGES_NO_IMAGE, CHANGES_IMAGE, "", CHANGES_NO_IMAGE], "{}", ended.log);
    assert_eq!([&*ended.outputs["pull-requests"], &*ended.outputs["approved"]], ["[]", "[]"], "nothing is merged");
    let finding = crate::approval::finding(&ended, "#21");
    assert!(
        finding["next"].as_str().unwrap().contains(&format!("1.4.0 → ghcr.io/acme/checkout-service:9.9.9 in {FILE}"))
    );
    // A push: the new commit has no status until it is judged, and then its own.
    let fixed = push(&stage, "topic-21", "refs/heads/topic-21", &[write(FILE, stage.infra.read(FILE).unwrap())]);
    stage.fake_github.change_pull_request(INFRA, 21, |one| one.own[0].sha.clone_from(&fixed));
    assert_eq!(status_of(&stage, &fixed), "");
    run(&stage, &stage.pull_request_step().input("pull-request", "21"));
    assert_eq!(status_of(&stage, &fixed), CHANGES_NO_IMAGE);
}

/// The changes of a pull request.
type EditsOf = fn(&Stage) -> Vec<FileEdit<'static>>;

#[test]
fn every_way_to_change_an_image_is_found() {
    let set = |stage: &Stage| write(FILE, edited(stage, "newTag: 1.4.0", "newTag: 1.4.2"));
    let cases: [(&str, EditsOf, &str); 14] = [
        ("the tag", |stage| vec![write(FILE, edited(stage, "newTag: 1.4.0", "newTag: 1.4.2"))], CHANGES_IMAGE),
        ("the repository", |stage| vec![write(FILE, edited(stage, "ghcr.io/acme/", "evil.example/"))], CHANGES_IMAGE),
        ("the entry removed", |stage| vec![write(FILE, edited(stage, "images:", "unused:"))], CHANGES_IMAGE),
        ("the file removed", |_| vec![(FILE, None)], CHANGES_IMAGE),
        (
            "the file moved",
            |stage| vec![(FILE, None), write("apps/moved/kustomization.yaml", stage.infra.read(FILE).unwrap())],
            CHANGES_IMAGE,
        ),
        ("another environment", |_| vec![(STAGING, None)], CHANGES_IMAGE),
        (
            "a new environment",
            |stage| {
                vec![write("apps/checkout-service/overlays/eu/kustomization.yaml", stage.infra.read(FILE).unwrap())]
            },
            CHANGES_IMAGE,
        ),
        ("a link", |_| vec![(FILE, Some(("120000", "../base/x.yaml".to_owned())))], "error: the image of"),
        ("no YAML", |_| vec![write(FILE, "images: [")], "error: the image of checkout-service in"),
        ("a comment", |stage| vec![write(FILE, edited(stage, "images:", "# ours\nimages:"))], CHANGES_NO_IMAGE),
        (
            "a sidecar",
            |stage| vec![write(FILE, edited(stage, "images:\n", "images:\n  - name: sidecar\n    newTag: '2'\n"))],
            CHANGES_NO_IMAGE,
        ),
        ("a service that is not configured", |_| vec![(FRONTEND, None)], CHANGES_NO_IMAGE),
        (
            "a new service",
            |_| vec![write("apps/new/overlays/production/kustomization.yaml", "images: [{name: new, newTag: '1'}]\n")],
            CHANGES_NO_IMAGE,
        ),
        ("nothing", |_| vec![], CHANGES_NO_IMAGE),
    ];
    for (name, edits, expected) in cases {
        let stage = stage();
        let (status, ended) = judged(&stage, "", &edits(&stage));
        assert!(status.starts_with(expected), "{name}: {status}: {}", ended.log);
        let is_error = expected.starts_with("error");
        assert_eq!(end(&ended), if is_error { INCONCLUSIVE } else { PASSED }, "{name}: {}", ended.log);
    }
    // The step may be about one environment only.
    let stage = stage();
    let head = propose(&stage, 20, &[(STAGING, None)]);
    run(&stage, &stage.pull_request_step().input("environment", "production"));
    assert_eq!(status_of(&stage, &head), CHANGES_NO_IMAGE);
    let head = propose(&stage, 21, &[set(&stage)]);
    run(&stage, &stage.pull_request_step().input("environment", "production"));
    assert_eq!(status_of(&stage, &head), CHANGES_IMAGE);
}

/// The service has its image in a file of values.
const VALUES: &str = "services:\n  checkout-service:\n    repository: acme/shop\n    workflow: .github/workflows/validate.yml\n    \
                      image: ghcr.io/acme/checkout-service\n    files:\n      - { path: values.yaml, environments: [production], tag: .image.tag }\n";

/// A step with this config file.
fn configured(stage: &Stage, config: &str) -> Runner {
    let step = stage.pull_request_step();
    step.write("rules.yml", config);
    step
}

#[test]
fn the_places_of_the_images_are_those_of_the_base_branch() {
    let stage = stage();
    push(&stage, "main", "refs/heads/main", &[write("values.yaml", "image: { tag: '1' }\nreplicas: 1\n")]);
    let tag = propose(&stage, 20, &[write("values.yaml", "image: { tag: '2' }\nreplicas: 1\n")]);
    let replicas = propose(&stage, 21, &[write("values.yaml", "image: { tag: '1' }\nreplicas: 2\n")]);
    // The pull request names another file in its own rules: they count once they are merged.
    let rules = write(".github/promote-gates.yml", VALUES.replace("values.yaml", "other.yaml"));
    let both = propose(&stage, 22, &[rules.clone(), write("values.yaml", "image: { tag: '2' }\n")]);
    let only = propose(&stage, 23, &[rules]);
    // The file of the earlier layout deploys nothing any more.
    let former = propose(&stage, 24, &[write(FILE, edited(&stage, "1.4.0", "9.9.9"))]);
    let ended = run(&stage, &configured(&stage, VALUES));
    let all = [&tag, &replicas, &both, &only, &former].map(|head| status_of(&stage, head));
    let changes_rules = "success: changes no image; it changes the rules in .github/promote-gates.yml";
    let expected = [CHANGES_IMAGE, CHANGES_NO_IMAGE, CHANGES_IMAGE, changes_rules, CHANGES_NO_IMAGE];
    assert_eq!(all, expected, "{}", ended.log);
    // A file for any environment, and a step that names none.
    let any = VALUES.replace(", environments: [production]", "");
    let ended = run(&stage, &configured(&stage, &any));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    let expected = "error: values.yaml: values.yaml of checkout-service is for any environment";
    assert!(status_of(&stage, &tag).starts_with(expected), "{}", status_of(&stage, &tag));
    run(&stage, &configured(&stage, &any).input("environment", "production"));
    assert_eq!([&tag, &replicas].map(|head| status_of(&stage, head)), [CHANGES_IMAGE, CHANGES_NO_IMAGE]);
    // Rules about other files, and no rules: no verdict.
    let ended = run(&stage, &stage.pull_request_step().input("file", "k8s/{service}/{environment}.yaml"));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(status_of(&stage, &replicas).starts_with("error: `file`: no file of main at"), "{}", ended.log);
    let other = VALUES.replace("checkout-service:", "checkout:").replace("values.yaml", "gone.yaml");
    let ended = run(&stage, &configured(&stage, &other));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(status_of(&stage, &replicas).starts_with("error: `services`: no file of main has the image of checkout"));
    let ended = run(&stage, &configured(&stage, "people: { machines: [robot] }\n"));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(status_of(&stage, &replicas).starts_with("error: `services`: no service is configured"));
}

#[test]
fn what_the_merge_brings_counts_and_not_what_main_has_meanwhile() {
    let stage = stage();
    let old = git(stage.infra.path(), &["rev-parse", "main"]);
    let code = push(&stage, "code", &old, &[write("src/app.js", "1")]);
    open(&stage, 20, "code", &code);
    // Main goes on: a promotion.
    let before = stage.infra.read(FILE).unwrap();
    push(&stage, "main", "refs/heads/main", &[write(FILE, edited(&stage, "1.4.0", "1.4.2"))]);
    // One takes the promotion back.
    let revert = propose(&stage, 21, &[write(FILE, before)]);
    // One is merged with main, and still changes nothing.
    let updated = push(&stage, "updated", "refs/heads/main", &[write("src/app.js", "1")]);
    open(&stage, 22, "updated", &updated);
    let ended = run(&stage, &stage.pull_request_step());
    let all = [&code, &revert, &updated].map(|head| status_of(&stage, head));
    assert_eq!(all, [CHANGES_NO_IMAGE, CHANGES_IMAGE, CHANGES_NO_IMAGE], "{}", ended.log);
}

#[test]
fn a_merge_that_follows_a_moved_file_is_not_known() {
    let stage = stage();
    push(&stage, "main", "refs/heads/main", &[write("old.yaml", "image: { tag: '1' }\n"), write("b.js", "1")]);
    let before = git(stage.infra.path(), &["rev-parse", "main"]);
    let image = push(&stage, "image", &before, &[write("old.yaml", "image: { tag: '2' }\n")]);
    open(&stage, 20, "image", &image);
    let code = push(&stage, "code", &before, &[write("b.js", "2")]);
    open(&stage, 21, "code", &code);
    let moved = [("old.yaml", None), write("values.yaml", "image: { tag: '1' }\n")];
    push(&stage, "main", "refs/heads/main", &moved);
    let ended = run(&stage, &configured(&stage, VALUES));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    let status = status_of(&stage, &image);
    assert!(
        status.starts_with("error: main has no old.yaml any more, and new files with images: merge main"),
        "{status}"
    );
    assert_eq!(status_of(&stage, &code), CHANGES_NO_IMAGE);
}

#[test]
fn a_shallow_checkout_fetches_what_it_lacks_once_for_all() {
    let stage = stage();
    let mut heads = Vec::new();
    for number in 20..24 {
        heads.push(propose(&stage, number, &[write("src/app.js", number.to_string())]));
        push(&stage, "main", "refs/heads/main", &[write("docs/x.md", number.to_string())]);
    }
    heads.push(propose(&stage, 24, &[write(FILE, edited(&stage, "1.4.0", "9.9.9"))]));
    let step = stage.pull_request_step();
    let shallow = step.workspace().join("shallow");
    let url = format!("file://{}", stage.infra.path().display());
    let to = shallow.display().to_string();
    git(stage.infra.path(), &["clone", "-q", "--depth=1", &url, &to]);
    let ended = run(&stage, &step.input("checkout", "shallow"));
    let all: Vec<String> = heads.iter().map(|head| status_of(&stage, head)).collect();
    let expected = [CHANGES_NO_IMAGE, CHANGES_NO_IMAGE, CHANGES_NO_IMAGE, CHANGES_NO_IMAGE, CHANGES_IMAGE];
    assert_eq!(all, expected, "{}", ended.log);
}

#[test]
fn a_hundred_pull_requests_that_have_their_status_cost_one_request() {
    let stage = stage();
    let parent = git(stage.infra.path(), &["rev-parse", "main"]);
    let commit = |number: u64| {
        let text = number.to_string();
        format!(
            "commit refs/heads/many-{number}\ncommitter A <a@shop.invalid> 1767268800 +0000\ndata 1\nx\nfrom {parent}\n\
             M 100644 inline src/{number}.js\ndata {}\n{text}\n",
            text.len()
        )
    };
    let numbers = || 20..120;
    let stream: String = numbers().map(commit).collect();
    git_with_input(stage.infra.path(), &["fast-import", "--quiet"], &stream);
    for number in numbers() {
        let branch = format!("many-{number}");
        open(&stage, number, &branch, &git(stage.infra.path(), &["rev-parse", &branch]));
    }
    let requests = || stage.fake_github.requests().len();
    let ended = run(&stage, &stage.pull_request_step());
    assert_eq!((end(&ended), set(&stage).len()), (PASSED, 100), "{}", ended.log);
    let before = requests();
    assert!(before <= 201, "each status is read and set: {before}");
    run(&stage, &stage.pull_request_step());
    assert_eq!((requests() - before, set(&stage).len()), (1, 100), "the list has every status");
    // One that is pushed to costs its own requests.
    let head = push(&stage, "many-20", "refs/heads/many-20", &[write("src/x.js", "1")]);
    stage.fake_github.change_pull_request(INFRA, 20, |one| one.own[0].sha.clone_from(&head));
    let before = requests();
    run(&stage, &stage.pull_request_step());
    assert_eq!((requests() - before, status_of(&stage, &head)), (3, CHANGES_NO_IMAGE.to_owned()));
}

#[test]
fn a_status_by_hand_does_not_stay_on_a_changed_image() {
    let stage = stage();
    let heads = [
        propose(&stage, 20, &[write(FILE, edited(&stage, "1.4.0", "9.9.9"))]),
        propose(&stage, 21, &[write("src/app.js", "1")]),
    ];
    for head in &heads {
        let status = FakeStatus {
            sha: head.clone(),
            state: "success".to_owned(),
            context: "Promote-Gates/approval".to_owned(),
            description: None,
            target_url: None,
            creator: "github-actions[bot]".to_owned(),
            created_at: now(),
        };
        stage.fake_github.add_status(INFRA, status);
    }
    run(&stage, &stage.pull_request_step());
    assert_eq!(heads.map(|head| status_of(&stage, &head)), [CHANGES_IMAGE, CHANGES_NO_IMAGE]);
}

#[test]
fn a_commit_of_a_promotion_is_judged_as_one_whatever_branch_it_is_on() {
    let stage = stage();
    let head = stage.propose(5);
    stage.approve_pull_request(5, "alice", 30);
    open(&stage, 6, "same", &head);
    run(&stage, &stage.pull_request_step());
    assert_eq!(status_of(&stage, &head), "success: approved by alice");
    assert_eq!(stage.fake_github.statuses(INFRA).len(), 1);
    // A fork may name its branches as it likes, and have any commit of a public repository.
    open(&stage, 8, &format!("promote/production/checkout-service/{}", "a".repeat(64)), &head);
    stage.fake_github.change_pull_request(INFRA, 8, |one| one.is_of_fork = true);
    run(&stage, &stage.pull_request_step());
    assert_eq!(status_of(&stage, &head), "success: approved by alice");
    // A step about another service leaves it alone.
    let other = stage.propose(7);
    let ended = run(&stage, &stage.pull_request_step().input("service", "frontend"));
    assert_eq!(status_of(&stage, &other), "", "{}", ended.log);
}

#[test]
fn what_git_cannot_read_gets_no_new_status() {
    let stage = stage();
    let head = propose(&stage, 20, &[write("src/app.js", "1")]);
    run(&stage, &stage.pull_request_step());
    let gone = "e".repeat(40);
    open(&stage, 21, "gone", &gone);
    let ended = run(&stage, &stage.pull_request_step());
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert_eq!([&head, &gone].map(|head| status_of(&stage, head)), [CHANGES_NO_IMAGE, ""]);
    assert!(ended.log.contains("#21: no status was set: git fetch"), "{}", ended.log);
    // A list without statuses is no list.
    let less = "ghs_withoutStatuses";
    stage.fake_github.grant(less, INFRA, &["actions=read", "checks=read", "contents=read", "pull_requests=read"]);
    let ended = run(&stage, &stage.pull_request_step().input("token", less));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("Contents, Pull requests and Commit statuses: read on acme/infra"), "{}", ended.log);
}

#[test]
fn branches_that_were_merged_into_each_other_are_not_compared() {
    let stage = stage();
    let start = git(stage.infra.path(), &["rev-parse", "main"]);
    let merge = |branch: &str, first: &str, second: &str, text: &str| {
        let stream = format!(
            "commit refs/heads/{branch}\ncommitter A <a@shop.invalid> 1767268800 +0000\ndata 1\nm\nfrom {first}\nmerge {second}\n\
             M 100644 inline m.md\ndata {}\n{text}\n",
            text.len()
        );
        git_with_input(stage.infra.path(), &["fast-import", "--quiet", "--force"], &stream);
        git(stage.infra.path(), &["rev-parse", branch])
    };
    let main = push(&stage, "main", &start, &[write("a.md", "1")]);
    let topic = push(&stage, "topic", &start, &[write("b.md", "1")]);
    merge("main", &main, &topic, "1");
    let head = merge("topic", &topic, &main, "2");
    open(&stage, 20, "topic", &head);
    let unrelated = {
        let stream = "reset refs/heads/alone\ncommit refs/heads/alone\ncommitter A <a@shop.invalid> 1 +0000\ndata 1\nx\n\
                      M 100644 inline x\ndata 1\nx\n";
        git_with_input(stage.infra.path(), &["fast-import", "--quiet"], stream);
        git(stage.infra.path(), &["rev-parse", "alone"])
    };
    open(&stage, 21, "alone", &unrelated);
    let ended = run(&stage, &stage.pull_request_step());
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(status_of(&stage, &head).starts_with("error: merge base: it and main were merged into each other"));
    assert!(status_of(&stage, &unrelated).starts_with("error: merge base: it has no commit in common with main"));
}
