//! References, comparisons, branches.

use super::*;

fn sha(number: usize) -> String {
    format!("{number:040x}")
}

/// Commits 1 to `count`, of which 1 is `v1`.
fn history(count: usize) -> FakeGitHub {
    let fake_github = fake_github_with(&["contents=read"]);
    for number in 1..=count {
        fake_github.commit(INFRA, &sha(number), "dora", &format!("change {number}\n\nbecause"));
    }
    fake_github.tag(INFRA, "v1", &sha(1));
    fake_github
}

#[test]
fn a_reference_is_a_branch_a_tag_or_a_commit() {
    let fake_github = history(3);
    fake_github.branch(INFRA, "release/1", &sha(2));
    fake_github.push(INFRA, FakeCommit { sha: "f".repeat(40), ..FakeCommit::default() });
    let resolve = |reference: &str| get(&fake_github, &format!("commits/{reference}"))["sha"].clone();
    let last = "f".repeat(40);
    for (reference, expected) in [
        ("main", &last),
        ("HEAD", &last),
        ("heads%2Fmain", &last),
        ("fffffff", &last),
        ("FFFFFFF", &last),
        ("v1", &sha(1)),
        ("tags%2Fv1", &sha(1)),
        ("release%2F1", &sha(2)),
        ("heads%2Frelease%2F1", &sha(2)),
        (&sha(3), &sha(3)),
    ] {
        assert_eq!(resolve(reference), **expected, "{reference}");
    }
    let without_account = get(&fake_github, "commits/main");
    assert_eq!(
        (&without_account["author"], &without_account["commit"]["author"]["name"]),
        (&Value::Null, &json!("Unknown Author"))
    );
    assert_eq!(get(&fake_github, "commits/v1")["author"]["login"], "dora");
    for unknown in ["v2", "ffffff", "heads%2Fv1", "tags%2Fmain", "%20"] {
        let (status, _, body) = send(&fake_github, &Method::GET, &format!("commits/{unknown}"), &Value::Null);
        assert!(status == 422 && body["message"].as_str().unwrap().starts_with("No commit found for SHA: "), "{body}");
    }
    assert_eq!(fake_github.violations(), [""; 0]);
    fake_github.tag(INFRA, "v3", "unknown");
    assert_eq!(fake_github.violations(), ["v3: 404 no commit unknown to name"]);
}

#[test]
fn an_empty_repository_has_no_commits_to_return() {
    let fake_github = fake_github_with(&["contents=read"]);
    assert_eq!(status(&fake_github, "commits/main"), 409);
    assert_eq!(status(&fake_github, "compare/main...main"), 404);
    assert_eq!(get(&fake_github, "branches"), json!([]));
}

#[test]
fn a_comparison_lists_the_commits_that_only_the_head_has() {
    let fake_github = history(4);
    for (ends, status, ahead, behind, expected) in [
        ("v1...main", "ahead", 3, 0, &[2, 3, 4][..]),
        ("main...v1", "behind", 0, 3, &[]),
        ("main...main", "identical", 0, 0, &[]),
        (&format!("{}...{}", sha(2), sha(3)), "ahead", 1, 0, &[3]),
    ] {
        let body = get(&fake_github, &format!("compare/{ends}"));
        let expected: Vec<String> = expected.iter().map(|number| sha(*number)).collect();
        assert_eq!(
            (values_at(&body["commits"], "/sha"), &body["status"]),
            (expected.into_iter().map(Value::from).collect(), &json!(status)),
            "{ends}"
        );
        assert_eq!(
            (&body["ahead_by"], &body["behind_by"], &body["total_commits"]),
            (&json!(ahead), &json!(behind), &json!(ahead))
        );
    }
    for unknown in ["v1...v2", "v1..main", "v1", "...main"] {
        assert_eq!(status(&fake_github, &format!("compare/{unknown}")), 404, "{unknown}");
    }
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn branches_that_part_diverge() {
    let fake_github = history(2);
    let commit = |number: usize, parents: Vec<String>| FakeCommit {
        sha: sha(number),
        parents: (!parents.is_empty()).then_some(parents),
        ..FakeCommit::default()
    };
    fake_github.push_to(INFRA, "feature", commit(3, vec![sha(1)]));
    fake_github.push_to(INFRA, "other", commit(4, Vec::new()));
    let compare = |ends: &str| {
        let body = get(&fake_github, &format!("compare/{ends}"));
        (
            body["status"].clone(),
            body["ahead_by"].clone(),
            body["behind_by"].clone(),
            body["merge_base_commit"]["sha"].clone(),
        )
    };
    assert_eq!(compare("main...feature"), (json!("diverged"), json!(1), json!(1), json!(sha(1))));
    assert_eq!(compare("main...other"), (json!("ahead"), json!(1), json!(0), json!(sha(2))));
    fake_github.push(INFRA, commit(5, vec![sha(2), sha(3)]));
    assert_eq!(compare("main...feature"), (json!("behind"), json!(0), json!(2), json!(sha(3))));
    fake_github.branch(INFRA, "main", &sha(2));
    assert_eq!(compare(&format!("main...{}", sha(5))), (json!("ahead"), json!(2), json!(0), json!(sha(2))));
    fake_github.push_to(INFRA, "orphan", FakeCommit { parents: Some(Vec::new()), ..commit(6, Vec::new()) });
    assert_eq!(status(&fake_github, "compare/main...orphan"), 404);
    fake_github.delete_branch(INFRA, "feature");
    assert_eq!(
        (status(&fake_github, "git/ref/heads/feature"), status(&fake_github, &format!("commits/{}", sha(3)))),
        (404, 200)
    );
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_ref_is_found_by_its_full_name_and_a_tag_object_by_its_id() {
    let fake_github = history(2);
    fake_github.branch(INFRA, "release/1", &sha(2));
    let object = fake_github.annotated_tag(INFRA, "v2", "commit", &sha(2));
    let target = |path: &str| get(&fake_github, path)["object"].clone();
    for (path, kind, expected) in [
        ("git/ref/heads/main", "commit", &sha(2)),
        ("git/ref/heads/release/1", "commit", &sha(2)),
        ("git/ref/heads%2Frelease%2F1", "commit", &sha(2)),
        ("git/ref/tags/v1", "commit", &sha(1)),
        ("git/ref/tags/v2", "tag", &object),
        (&format!("git/tags/{object}"), "commit", &sha(2)),
    ] {
        let found = target(path);
        assert_eq!((&found["type"], &found["sha"]), (&json!(kind), &json!(expected)), "{path}");
    }
    for unknown in ["git/ref/heads/release", "git/ref/heads/v1", "git/ref/tags/main", "git/ref/main", "git/tags/v2"] {
        assert_eq!(status(&fake_github, unknown), 404, "{unknown}");
    }
    fake_github.branch(INFRA, "v1", &sha(2));
    assert_eq!(get(&fake_github, "commits/v1")["sha"], sha(2), "a branch goes before a tag");
    assert_eq!(target("git/ref/tags/v1")["sha"], sha(1));
    fake_github.set_default_branch(INFRA, "trunk");
    assert_eq!(
        (status(&fake_github, "git/ref/heads/main"), &target("git/ref/heads/trunk")["sha"]),
        (404, &json!(sha(2)))
    );
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_renamed_repository_redirects() {
    let fake_github = history(1);
    fake_github.rename(INFRA, "acme/moved");
    assert_eq!(status(&fake_github, "commits/main"), 301);
    assert_eq!(status(&fake_github, "git/ref/heads/main"), 301);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_unpaged_comparison_returns_the_last_250_commits() {
    let fake_github = history(260);
    let compare = |query: &str| {
        let (_, link, body) = send(&fake_github, &Method::GET, &format!("compare/v1...main{query}"), &Value::Null);
        let shas = values_at(&body["commits"], "/sha");
        (shas.len(), shas[0].clone(), link.contains("next"), body["total_commits"].clone(), body.get("files").is_some())
    };
    assert_eq!(compare(""), (250, json!(sha(11)), false, json!(259), true));
    assert_eq!(compare("?per_page=100"), (100, json!(sha(2)), true, json!(259), true));
    assert_eq!(compare("?per_page=100&page=3"), (59, json!(sha(202)), false, json!(259), false));
}

#[test]
fn branches_can_be_filtered_by_protection() {
    let fake_github = history(2);
    fake_github.branch(INFRA, "old", &sha(1));
    fake_github.protect_branch(INFRA, "main");
    fake_github.protect_branch(INFRA, "release");
    let names = |query: &str| values_at(&get(&fake_github, &format!("branches{query}")), "/name");
    assert_eq!(names(""), ["main", "old", "release"]);
    assert_eq!(
        (names("?protected=true"), names("?protected=false")),
        (vec![json!("main"), json!("release")], vec![json!("old")])
    );
    assert_eq!(values_at(&get(&fake_github, "branches"), "/commit/sha"), [sha(2), sha(1), sha(2)]);
    let empty = fake_github_with(&["contents=read"]);
    empty.protect_branch(INFRA, "main");
    assert_eq!(values_at(&get(&empty, "branches?protected=true"), "/name"), ["main"]);
}
