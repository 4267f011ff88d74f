//! The file that says what GitHub has: read back, it asks for no change. What GitHub does not show is a comment, never a default.
//! Pure.

use std::fmt::Write as _;

use super::{
    actual::ActualEnvironment,
    desired::{DeployableBranches, RefPattern, ReviewerName},
};
use crate::subject::EnvironmentName;

/// An environment to write down.
pub struct ExportedEnvironment {
    pub name: EnvironmentName,
    pub actual: ActualEnvironment,
    /// Whether it has rules of Apps, which a file does not cover.
    pub has_custom_rules: bool,
}

/// The words that readers of YAML take for something else than a text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// The text of the file. `unseen`: the environments that could not be read, and why.
#[must_use]
pub fn render(repository: &str, environments: &[ExportedEnvironment], unseen: &[(String, String)]) -> String {
    let mut text = format!(
        "# The rules of the environments of {repository}, as GitHub has them.\n# `promote-gates environments --mode plan` shows \
         what differs, and `--mode apply` writes it to GitHub.\nenvironments:\n"
    );
    for ExportedEnvironment { name, actual, has_custom_rules } in environments {
        let _ = writeln!(text, "  {}:", scalar(name.as_str()));
        for line in rules(actual, *has_custom_rules) {
            let _ = writeln!(text, "    {line}");
        }
    }
    for (name, why) in unseen {
        let _ = writeln!(text, "  # {}: not seen: {}", one_line(name), one_line(why));
    }
    text
}

/// The lines of one environment.
fn rules(actual: &ActualEnvironment, has_custom_rules: bool) -> Vec<String> {
    let mut lines = branch_policy(actual);
    lines.extend(reviewers(actual));
    lines.push(format!("wait_timer: {}", actual.wait_timer));
    match actual.prevent_self_review {
        // GitHub keeps this rule only beside reviewers.
        _ if actual.reviewers.is_empty() => {}
        Some(prevented) => lines.push(format!("prevent_self_review: {prevented}")),
        None => lines.push("# prevent_self_review: GitHub does not report it".to_owned()),
    }
    lines.push(match actual.can_admins_bypass {
        Some(can) => format!("can_admins_bypass: {can}"),
        None => "# can_admins_bypass: GitHub does not report it".to_owned(),
    });
    if has_custom_rules {
        lines.push("# It also has rules of Apps, which this file does not cover.".to_owned());
    }
    lines
}

fn branch_policy(actual: &ActualEnvironment) -> Vec<String> {
    let mut lines = vec!["deployment_branch_policy:".to_owned()];
    match actual.branches {
        DeployableBranches::Any => return vec!["deployment_branch_policy: null # any branch".to_owned()],
        DeployableBranches::Protected => lines.push("  protected_branches: true".to_owned()),
        DeployableBranches::Custom => {
            lines.push("  custom_branch_policies: true".to_owned());
            let mut branches = Vec::new();
            let mut tags = Vec::new();
            for pattern in actual.patterns.keys() {
                match pattern {
                    RefPattern::Branch(text) => branches.push(text),
                    RefPattern::Tag(text) => tags.push(text),
                }
            }
            if branches.iter().chain(&tags).all(|pattern| fits_file(pattern)) {
                lines.extend(list("branches", &branches));
                lines.extend((!tags.is_empty()).then(|| list("tags", &tags)).into_iter().flatten());
            } else {
                // A list would be complete, and `apply` would remove what is not in it.
                let all: Vec<String> = branches
                    .iter()
                    .chain(&tags)
                    .map(|text| serde_json::Value::from(text.as_str()).to_string())
                    .collect();
                lines.push(format!(
                    "  # the patterns are not listed, because a file cannot hold one: {}",
                    all.join(", ")
                ));
            }
        }
    }
    lines
}

fn list(key: &str, items: &[&String]) -> Vec<String> {
    if items.is_empty() {
        return vec![format!("  {key}: []")];
    }
    let items = items.iter().map(|item| format!("    - {}", scalar(item)));
    [format!("  {key}:")].into_iter().chain(items).collect()
}

fn reviewers(actual: &ActualEnvironment) -> Vec<String> {
    if actual.reviewers.is_empty() {
        return vec!["required_reviewers: []".to_owned()];
    }
    let is_name = |text: &str| {
        (1..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let entry = |reviewer: &ReviewerName| match reviewer {
        ReviewerName::Team(slug) => is_name(slug).then(|| format!("  - team: {}", scalar(slug))),
        ReviewerName::User(login) => is_name(login).then(|| format!("  - user: {}", scalar(login))),
    };
    let entries: Option<Vec<String>> = actual.reviewers.keys().map(entry).collect();
    if let Some(entries) = entries {
        return ["required_reviewers:".to_owned()].into_iter().chain(entries).collect();
    }
    let names: Vec<String> = actual.reviewers.keys().map(|name| one_line(&name.to_string())).collect();
    vec![format!("# required_reviewers: a file cannot hold one of these names: {}", names.join(", "))]
}

/// What a pattern in the file may be: see its reader.
fn fits_file(pattern: &str) -> bool {
    (1..=255).contains(&pattern.len())
        && !pattern.contains(|c: char| c.is_whitespace() || c.is_control())
        && !pattern.starts_with("refs/")
}

/// A text as a scalar of YAML: JSON's quoting is YAML's, too.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// A text for a comment, which a line break would end.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}'))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::environments::{file, plan::plan};

    fn exported(name: &str, actual: ActualEnvironment) -> ExportedEnvironment {
        ExportedEnvironment { name: name.parse().unwrap(), actual, has_custom_rules: false }
    }

    fn reviewed(names: &[ReviewerName]) -> ActualEnvironment {
        let reviewers = names.iter().cloned().zip(1..).collect();
        ActualEnvironment { reviewers, ..ActualEnvironment::NEW }
    }

    fn with_patterns(patterns: &[RefPattern]) -> ActualEnvironment {
        let patterns = patterns.iter().cloned().zip(1..).collect();
        ActualEnvironment { branches: DeployableBranches::Custom, patterns, ..ActualEnvironment::NEW }
    }

    #[test]
    fn the_file_read_back_asks_for_no_change() {
        let (team, user) = (ReviewerName::Team("leads".to_owned()), ReviewerName::User("null".to_owned()));
        let pattern = |text: &str| RefPattern::Branch(text.to_owned());
        for (name, actual) in [
            ("dev", ActualEnvironment::NEW),
            ("no", ActualEnvironment { wait_timer: 43_200, ..ActualEnvironment::NEW }),
            (
                "eu/west: #1 \"x\"",
                ActualEnvironment { branches: DeployableBranches::Protected, ..reviewed(&[team, user]) },
            ),
            ("1.10", with_patterns(&[])),
            (
                "a",
                with_patterns(&[pattern("*"), pattern("release/*"), pattern("- x"), RefPattern::Tag("v*".to_owned())]),
            ),
            ("b", with_patterns(&[pattern("[ab]"), pattern("x: y"), pattern("!no")])),
            ("c", with_patterns(&[pattern("two words")])),
            ("d", ActualEnvironment { can_admins_bypass: None, prevent_self_review: None, ..ActualEnvironment::NEW }),
            (
                "e",
                ActualEnvironment {
                    prevent_self_review: Some(true),
                    can_admins_bypass: Some(false),
                    ..reviewed(&[ReviewerName::User("emu_acme".to_owned())])
                },
            ),
            ("f", reviewed(&[ReviewerName::User("robot[bot]".to_owned())])),
        ] {
            let text =
                render("acme/shop", &[exported(name, actual.clone())], &[("x\ny".to_owned(), "a\nb".to_owned())]);
            let desired = file::read("f.yml", text.as_bytes()).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
            let [desired] = &desired[..] else { panic!("{text}") };
            assert_eq!(desired.name.as_str(), name, "{text}");
            assert_eq!(plan(desired, Some(&actual)), [], "{text}");
        }
    }

    #[test]
    fn what_is_not_reported_is_a_comment() {
        let unknown = ActualEnvironment {
            prevent_self_review: None,
            can_admins_bypass: None,
            ..reviewed(&[ReviewerName::Team("leads".to_owned())])
        };
        let environment = ExportedEnvironment { has_custom_rules: true, ..exported("production", unknown) };
        let text = render("acme/shop", &[environment], &[("staging".to_owned(), "403 no".to_owned())]);
        let expected = "\
environments:
  production:
    deployment_branch_policy: null # any branch
    required_reviewers:
      - team: leads
    wait_timer: 0
    # prevent_self_review: GitHub does not report it
    # can_admins_bypass: GitHub does not report it
    # It also has rules of Apps, which this file does not cover.
  # staging: not seen: 403 no
";
        assert!(text.ends_with(expected), "{text}");
    }
}
