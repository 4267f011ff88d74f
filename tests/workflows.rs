//! Rules for the shipped workflows: what they use is pinned, and the token of an App is made in the step before it is needed, for as
//! little as that step needs.

use std::{collections::BTreeMap, num::NonZeroU64};

use promote_gates::{
    ruleset::{APPROVAL_STATUS, default_branch_ruleset},
    yaml::{self, Node, Value},
};

use crate::examples::{jobs, value};
use crate::repository::{ends, files, read};

const OURS: &str = "acme/promote-gates";
const TOKEN: &str = "actions/create-github-app-token@";

/// Path and text of every shipped workflow.
fn shipped() -> Vec<(String, String)> {
    let paths = files().into_iter().filter(|path| path.starts_with("workflows/") && ends(path, &[".yml"]));
    let all: Vec<_> = paths.map(|path| (path.clone(), read(&path))).collect();
    assert!(all.len() > 10, "the workflows are found");
    all
}

/// What a line uses.
fn uses(line: &str) -> Option<&str> {
    line.trim_start().trim_start_matches("- ").strip_prefix("uses: ")
}

/// Why a line with `uses:` is not pinned. Our own actions are, when the workflow is copied.
fn unpinned(line: &str) -> Option<String> {
    let uses = uses(line)?;
    let (action, version) = uses.split_once('@').unwrap_or((uses, ""));
    let (commit, release) = version.split_once(" # v").unwrap_or((version, ""));
    let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_release = release.split('.').filter(|part| part.parse::<u32>().is_ok()).count() == 3;
    let is_ours = action == OURS || action.starts_with(&format!("{OURS}/"));
    match (is_ours, version) {
        (true, "v1") => None,
        (true, _) => Some(format!("{uses}: expected @v1, which scripts/copy-workflows replaces")),
        (false, _) if is_commit && is_release => None,
        (false, _) => Some(format!("{uses}: expected a commit, and its release as a comment: # v1.2.3")),
    }
}

/// What is wrong with the tokens of Apps in a list of steps.
fn token_errors(steps: &[Node]) -> Vec<String> {
    let mut errors = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        let Value::Map(entries) = &step.value else { continue };
        let (Some(Value::Text(uses)), Some(Value::Text(id))) = (value(entries, "uses"), value(entries, "id")) else {
            continue;
        };
        if !uses.starts_with(TOKEN) {
            continue;
        }
        let inputs = match value(entries, "with") {
            Some(Value::Map(inputs)) => inputs.as_slice(),
            _ => &[],
        };
        let app = id.to_uppercase();
        for (key, expected) in [
            ("client-id", format!("${{{{ vars.{app}_APP_CLIENT_ID }}}}")),
            ("private-key", format!("${{{{ secrets.{app}_APP_PRIVATE_KEY }}}}")),
        ] {
            if !matches!(value(inputs, key), Some(Value::Text(text)) if *text == expected) {
                errors.push(format!("{id}: {key} is not {expected}"));
            }
        }
        let known =
            |key: &str| ["client-id", "private-key", "repositories"].contains(&key) || key.starts_with("permission-");
        errors.extend(inputs.iter().filter(|(key, _)| !known(&key.name)).map(|(key, _)| format!("{id}: {}", key.name)));
        if !inputs.iter().any(|(key, _)| key.name.starts_with("permission-")) {
            errors.push(format!("{id}: without a permission, the token has all that the App has"));
        }
        let output = format!("steps.{id}.outputs.token");
        let used_by: Vec<usize> =
            (0..steps.len()).filter(|index| format!("{:?}", steps[*index]).contains(&output)).collect();
        if used_by != [position + 1] {
            errors.push(format!(
                "{id}: the token is used by the steps {used_by:?}, not by the next one, {}",
                position + 1
            ));
        }
    }
    errors
}

fn tokens_of(text: &str) -> Vec<String> {
    let node = yaml::read(text).unwrap_or_else(|error| panic!("{error:?}"));
    let all = jobs(&node);
    let steps = all.iter().filter_map(|(_, job)| match value(job, "steps") {
        Some(Value::List(steps)) => Some(steps),
        _ => None,
    });
    steps.flat_map(|steps| token_errors(steps)).collect()
}

#[test]
fn everything_that_a_workflow_uses_is_pinned() {
    let mut errors = Vec::new();
    for (path, text) in shipped() {
        errors.extend(text.lines().filter_map(unpinned).map(|error| format!("{path}: {error}")));
    }
    assert!(errors.is_empty(), "\n  {}\n", errors.join("\n  "));
    for (uses, is_fine) in [
        ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", true),
        ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", false),
        ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7", false),
        ("actions/checkout@v7.0.1", false),
        ("actions/checkout", false),
        ("acme/promote-gates/health@v1", true),
        ("acme/promote-gates@main", false),
        ("acme/promote-gates-of-others/health@v1", false),
    ] {
        assert_eq!(unpinned(&format!("      - uses: {uses}")).is_none(), is_fine, "{uses}");
    }
}

#[test]
fn one_action_has_one_version_everywhere() {
    let mut versions = BTreeMap::new();
    for path in files().into_iter().filter(|path| ends(path, &[".yml", ".md"])) {
        for line in read(&path).lines() {
            let Some(uses) = uses(line) else { continue };
            if let Some((action, version)) = uses.split_once('@').filter(|(_, version)| version.contains(" # v")) {
                let first = versions.entry(action.to_owned()).or_insert_with(|| version.to_owned());
                assert_eq!(first, version, "{path}: {action}");
            }
        }
    }
    assert!(versions.len() > 5, "{versions:?}");
}

#[test]
fn a_token_of_an_app_is_made_in_the_step_before_it_is_needed() {
    let mut errors = Vec::new();
    let mut made = 0;
    for (path, text) in shipped() {
        made += text.matches(TOKEN).count();
        errors.extend(tokens_of(&text).into_iter().map(|error| format!("{path}: {error}")));
        // One repository has `github.token`, and may keep another token in a secret.
        if !path.contains("single-repository/") && text.contains("_TOKEN }}") {
            errors.push(format!("{path}: a token in a secret, which does not live as short as a job"));
        }
    }
    assert!(errors.is_empty(), "\n  {}\n", errors.join("\n  "));
    assert!(made >= 7, "{made} tokens are made");
}

/// The lines of a workflow without comments, and how often each is there.
fn counted_lines(path: &str) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for line in read(path).lines().map(|line| line.split(" #").next().unwrap_or_default().trim()) {
        if !line.is_empty() && !line.starts_with('#') {
            *counted.entry(line.to_owned()).or_default() += 1;
        }
    }
    counted
}

#[test]
fn the_workflow_of_the_app_that_sets_the_status_differs_in_its_tokens_alone() {
    let [by_job, by_app] = ["promotion-status", "promotion-status-by-app"]
        .map(|name| counted_lines(&format!("workflows/single-repository/{name}.yml")));
    let more = |one: &BTreeMap<String, usize>, other: &BTreeMap<String, usize>| -> Vec<(String, usize)> {
        let more =
            one.iter().map(|(line, count)| (line.clone(), count.saturating_sub(other.get(line).copied().unwrap_or(0))));
        more.filter(|(_, count)| *count > 0).collect()
    };
    let expected = |lines: &[(&str, usize)]| -> Vec<(String, usize)> {
        lines.iter().map(|(line, count)| ((*line).to_owned(), *count)).collect()
    };
    let permissions = [
        ("actions: read", 1),
        ("checks: read", 1),
        ("pull-requests: read", 1),
        ("statuses: write", 2),
        ("token: ${{ github.token }}", 2),
    ];
    assert_eq!(more(&by_job, &by_app), expected(&permissions), "only in promotion-status.yml");
    let token = [
        ("- id: judge", 2),
        ("client-id: ${{ vars.JUDGE_APP_CLIENT_ID }}", 2),
        ("environment: promotion-status", 1),
        ("permission-actions: read", 2),
        ("permission-checks: read", 2),
        ("permission-contents: read", 2),
        ("permission-pull-requests: read", 2),
        ("permission-statuses: write", 2),
        ("private-key: ${{ secrets.JUDGE_APP_PRIVATE_KEY }}", 2),
        ("token: ${{ steps.judge.outputs.token }}", 2),
        ("uses: actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3", 2),
        ("with:", 2),
    ];
    assert_eq!(more(&by_app, &by_job), expected(&token), "only in promotion-status-by-app.yml");
}

#[test]
fn the_documented_rule_requires_the_status_from_the_app() {
    let page = read("docs/any-plan.md");
    let (_, rest) = page.split_once("--input - <<'JSON'\n").expect("the ruleset");
    let (text, _) = rest.split_once("JSON\n").expect("its end");
    let text = text.trim_end_matches(' ');
    let documented: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let made = default_branch_ruleset(&[APPROVAL_STATUS], NonZeroU64::new(424_242));
    assert_eq!(documented, made, "what `init` lists");
}

#[test]
fn a_token_that_lives_too_long_or_may_too_much_is_found() {
    let shipped = read("workflows/promote-to-production.yml");
    assert_eq!(tokens_of(&shipped), Vec::<String>::new());
    for (from, to, error) in [
        ("          permission-contents: write\n", "", "writer: without a permission"),
        (
            "          permission-contents: write\n",
            "          permission-contents: write\n          owner: acme\n",
            "writer: owner",
        ),
        ("vars.WRITER_APP_CLIENT_ID", "secrets.WRITER_APP_CLIENT_ID", "writer: client-id"),
        (
            "      - id: promote\n",
            "      - run: sleep 3600\n      - id: promote\n",
            "writer: the token is used by the steps",
        ),
        (
            "token: ${{ steps.writer.outputs.token }}",
            "token: ${{ github.token }}",
            "writer: the token is used by the steps []",
        ),
    ] {
        assert!(shipped.contains(from), "{from}");
        let errors = tokens_of(&shipped.replacen(from, to, 1));
        assert!(errors.len() == 1 && errors[0].starts_with(error), "{error}: {errors:?}");
    }
}
