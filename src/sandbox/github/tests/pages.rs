//! Pagination.

use super::*;

/// A repository with 65 issues; lists start with the newest.
fn with_65_issues() -> FakeGitHub {
    let fake_github = fake_github_with(&["issues=read"]);
    for number in 1..=65 {
        assert_eq!(fake_github.open_issue(INFRA, "t", "", &["a b"]), number);
    }
    fake_github
}

#[test]
fn links_lead_to_every_page_and_contain_the_repository_id() {
    let fake_github = with_65_issues();
    let mut next_path = "issues?labels=a+b".to_owned();
    let mut numbers = Vec::new();
    let mut relations = Vec::new();
    for _ in 0..3 {
        let (status, link, body) = send(&fake_github, &Method::GET, &next_path, &Value::Null);
        assert_eq!(status, 200, "{next_path}");
        numbers.extend(values_at(&body, "/number"));
        let links: Vec<(&str, &str)> = link
            .split(", ")
            .map(|link| link.strip_prefix('<').unwrap().strip_suffix('"').unwrap().split_once(">; rel=\"").unwrap())
            .collect();
        relations.push(links.iter().map(|(_, relation)| *relation).collect::<Vec<_>>().join(" "));
        if let Some((next, _)) = links.iter().find(|(_, relation)| *relation == "next") {
            next_path = next.strip_prefix(&fake_github.api_url()).unwrap().to_owned();
            let (path, query) = next_path.split_once('?').unwrap();
            assert!(path.starts_with("/repositories/") && path.ends_with("/issues"), "{path}");
            assert_eq!(query, format!("labels=a+b&page={}", relations.len() + 1));
        }
    }
    assert_eq!(relations, ["next last", "prev next last first", "prev first"]);
    assert_eq!(numbers, (1..=65).rev().map(|number| json!(number)).collect::<Vec<_>>());
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_page_has_the_requested_size_up_to_100() {
    let fake_github = with_65_issues();
    for (query, expected) in [
        ("", 30),
        ("?page=2", 30),
        ("?page=3", 5),
        ("?page=4", 0),
        ("?per_page=65", 65),
        ("?per_page=100", 65),
        ("?per_page=64&page=2", 1),
        ("?page=18446744073709551615", 0),
    ] {
        assert_eq!(get(&fake_github, &format!("issues{query}")).as_array().unwrap().len(), expected, "{query}");
    }
    assert_eq!(send(&fake_github, &Method::GET, "issues?per_page=65", &Value::Null).1, "", "all on one page");
    assert_eq!(fake_github.violations(), [""; 0]);
    for query in ["per_page=101", "per_page=0", "page=0", "page=-1", "page=x", "per_page=", "paeg=1"] {
        assert_eq!(status(&fake_github, &format!("issues?{query}")), 422, "{query}");
    }
    assert_eq!(fake_github.violations().len(), 7);
}
