//! The file with the desired protection of environments:
//!
//! ```yaml
//! environments:
//!   production:
//!     deployment_branch_policy:
//!       protected_branches: true
//!     required_reviewers:
//!       - team: platform-leads
//!     minimum_approvals: 1
//!     wait_timer: 10
//! ```

use std::collections::BTreeSet;

use super::desired::{DeployableBranches, DesiredEnvironment, LONGEST_WAIT, MOST_REVIEWERS, RefPattern, ReviewerName};
use crate::{
    error::CommandError,
    finding::Finding,
    values::{closest, switch},
    yaml::{self, Key, Node, Value},
};

const RULES: [&str; 6] = [
    "deployment_branch_policy",
    "required_reviewers",
    "minimum_approvals",
    "wait_timer",
    "prevent_self_review",
    "can_admins_bypass",
];
const POLICY: [&str; 4] = ["protected_branches", "custom_branch_policies", "branches", "tags"];
const REVIEWER: [&str; 3] = ["team", "user", "minimum_approvals"];

/// Reads the file at `path`: at least one environment, in the file's order.
///
/// # Errors
/// Bad input with file, line and column: broken YAML, an unknown key (with the closest known one), a value that GitHub
/// would not take, rules that contradict each other.
pub fn read(path: &str, bytes: &[u8]) -> Result<Vec<DesiredEnvironment>, CommandError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Finding::inconclusive(path)
            .actual(format!("a byte that is not UTF-8 at offset {}", error.valid_up_to()))
            .expected("UTF-8")
            .bad_input()
    })?;
    let root = yaml::read(text).map_err(|error| yaml::unreadable_file(&error, path).bad_input())?;
    File { path }.environments(root).map_err(CommandError::BadInput)
}

struct File<'a> {
    path: &'a str,
}

impl File<'_> {
    fn environments(&self, root: Node) -> Result<Vec<DesiredEnvironment>, Finding> {
        let empty = self.wrong("environments", &root, "no environment", "at least one, by its name");
        let mut desired: Vec<DesiredEnvironment> = Vec::new();
        for (key, node) in self.map("the file", root, &["environments"])? {
            let Value::Map(entries) = node.value else {
                return Err(self.wrong_type(&key.name, &node, "a mapping of names to rules"));
            };
            for (key, node) in entries {
                let one = self.environment(&key, node)?;
                if let Some(twin) = desired.iter().find(|twin| twin.name.is_same(&key.name)) {
                    return Err(self
                        .about(&key.name, key.line, key.column)
                        .actual(format!("{} is already defined at {}", twin.name, twin.place))
                        .expected("each environment once: GitHub's names have no case"));
                }
                desired.push(one);
            }
        }
        if desired.is_empty() { Err(empty) } else { Ok(desired) }
    }

    fn environment(&self, key: &Key, node: Node) -> Result<DesiredEnvironment, Finding> {
        let name = key.name.parse().map_err(|error| {
            self.about(&key.name, key.line, key.column).actual(format!("\"{}\"", key.name)).expected(format!("{error}"))
        })?;
        let mut desired = DesiredEnvironment {
            name,
            place: self.place(key.line, key.column),
            wait_timer: None,
            reviewers: None,
            minimum_approvals: None,
            prevent_self_review: None,
            can_admins_bypass: None,
            branches: None,
            patterns: None,
        };
        // A name without rules: the environment must exist.
        let entries = if node.value == Value::Nothing { Vec::new() } else { self.map(&key.name, node, &RULES)? };
        for (key, node) in entries {
            let field = key.name.as_str();
            match field {
                "deployment_branch_policy" => self.policy(field, node, &mut desired)?,
                "required_reviewers" => self.reviewers(field, node, &mut desired)?,
                "minimum_approvals" => self.approvals(&node, &mut desired)?,
                "wait_timer" => desired.wait_timer = Some(self.minutes(field, &node)?),
                "prevent_self_review" => {
                    desired.prevent_self_review = Some(self.switch(field, &node)?);
                }
                _ => desired.can_admins_bypass = Some(self.switch(field, &node)?),
            }
        }
        if desired.prevent_self_review == Some(true) && desired.reviewers.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(self
                .about("prevent_self_review", key.line, key.column)
                .actual(format!("true in {}, which has no reviewers", desired.name))
                .expected("at least one of `required_reviewers`"));
        }
        Ok(desired)
    }

    fn policy(&self, field: &str, node: Node, desired: &mut DesiredEnvironment) -> Result<(), Finding> {
        const ONE: &str = "exactly one of `protected_branches` and `custom_branch_policies` to be true";
        const ANY: &str = "for any branch, write `deployment_branch_policy: null`";
        if let Value::Text(text) = &node.value
            && ["null", "Null", "NULL", "~"].contains(&text.as_str())
        {
            desired.branches = Some(DeployableBranches::Any);
            return Ok(());
        }
        if matches!(node.value, Value::Nothing | Value::Text(_)) {
            return Err(self.wrong_type(field, &node, "a mapping, or `null` for any branch"));
        }
        let (line, column) = (node.line, node.column);
        let (mut protected, mut custom, mut patterns) = (None, None, None::<BTreeSet<RefPattern>>);
        for (key, node) in self.map(field, node, &POLICY)? {
            match key.name.as_str() {
                "protected_branches" => protected = Some(self.switch(&key.name, &node)?),
                "custom_branch_policies" if matches!(node.value, Value::List(_)) => {
                    let finding = self.wrong_type(&key.name, &node, "true or false");
                    return Err(finding.next("list the patterns under `branches:` or `tags:` beside it"));
                }
                "custom_branch_policies" => custom = Some(self.switch(&key.name, &node)?),
                "branches" => patterns.get_or_insert_default().extend(self.patterns(&key, node, RefPattern::Branch)?),
                _ => patterns.get_or_insert_default().extend(self.patterns(&key, node, RefPattern::Tag)?),
            }
        }
        let here = || self.about(field, line, column).expected(ONE);
        // Listed patterns imply custom policies.
        desired.branches = Some(match (protected == Some(true), custom == Some(true), patterns.is_some()) {
            (true, false, false) => DeployableBranches::Protected,
            (false, true, _) => DeployableBranches::Custom,
            (false, false, true) if custom.is_none() => DeployableBranches::Custom,
            (true, true, _) => return Err(here().actual("both are true")),
            (true, false, true) => return Err(here().actual("patterns beside `protected_branches: true`")),
            (false, false, true) => return Err(here().actual("patterns beside `custom_branch_policies: false`")),
            (false, false, false) => return Err(here().actual("neither is true").next(ANY)),
        });
        desired.patterns = patterns;
        Ok(())
    }

    fn patterns(&self, key: &Key, node: Node, kind: fn(String) -> RefPattern) -> Result<BTreeSet<RefPattern>, Finding> {
        let mut patterns = BTreeSet::new();
        for item in self.list(&key.name, node, "a list of patterns")? {
            let text = self.text(&key.name, &item, "a pattern")?;
            let fits = (1..=255).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control());
            if !fits {
                let expected = "a pattern of names: 1 to 255 characters, no spaces";
                return Err(self.wrong(&key.name, &item, &format!("\"{text}\""), expected));
            }
            if text.starts_with("refs/") {
                let expected = "a pattern of names such as `release/*`, without `refs/heads/` or `refs/tags/`";
                return Err(self.wrong(&key.name, &item, &format!("\"{text}\""), expected));
            }
            if !patterns.insert(kind(text.to_owned())) {
                return Err(self.wrong(&key.name, &item, &format!("\"{text}\" twice"), "each pattern once"));
            }
        }
        Ok(patterns)
    }

    fn reviewers(&self, field: &str, node: Node, desired: &mut DesiredEnvironment) -> Result<(), Finding> {
        let (line, column) = (node.line, node.column);
        let mut reviewers = BTreeSet::new();
        for item in self.list(field, node, "a list of reviewers, each `team: SLUG` or `user: LOGIN`")? {
            let (line, column) = (item.line, item.column);
            let mut reviewer = None;
            for (key, node) in self.map("a reviewer", item, &REVIEWER)? {
                let name = match key.name.as_str() {
                    "minimum_approvals" => {
                        self.approvals(&node, desired)?;
                        continue;
                    }
                    "team" => ReviewerName::Team(self.name(&key, &node, "a team's slug, without its organisation")?),
                    _ => ReviewerName::User(self.name(&key, &node, "a user's login")?),
                };
                if let Some(first) = reviewer.replace(name) {
                    return Err(self
                        .about(field, line, column)
                        .actual(format!("{first} and another in one entry"))
                        .expected("an entry for each reviewer"));
                }
            }
            let reviewer = reviewer.ok_or_else(|| {
                self.about(field, line, column)
                    .actual("an entry without a name")
                    .expected("`team: SLUG` or `user: LOGIN`")
            })?;
            if let Some(twin) = reviewers.replace(reviewer) {
                return Err(self
                    .about(field, line, column)
                    .actual(format!("{twin} twice"))
                    .expected("each reviewer once"));
            }
        }
        if reviewers.len() > MOST_REVIEWERS {
            return Err(self
                .about(field, line, column)
                .actual(format!("{} reviewers", reviewers.len()))
                .expected(format!("at most {MOST_REVIEWERS}: GitHub takes no more"))
                .next("put them into a team"));
        }
        desired.reviewers = Some(reviewers);
        Ok(())
    }

    fn name(&self, key: &Key, node: &Node, expected: &str) -> Result<String, Finding> {
        let text = self.text(&key.name, node, expected)?;
        let fits = (1..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if fits {
            Ok(text.to_ascii_lowercase())
        } else {
            Err(self.wrong(
                &key.name,
                node,
                &format!("\"{text}\""),
                &format!("{expected}: letters, digits and hyphens"),
            ))
        }
    }

    fn approvals(&self, node: &Node, desired: &mut DesiredEnvironment) -> Result<(), Finding> {
        const WHAT: &str = "minimum_approvals";
        let expected = "a whole number of approvals, at least 1";
        let text = self.text(WHAT, node, expected)?;
        let number = whole(text).filter(|number| *number > 0);
        let number = number.ok_or_else(|| self.wrong(WHAT, node, &format!("\"{text}\""), expected))?;
        match desired.minimum_approvals.replace(number) {
            Some(other) if other != number => Err(self.wrong(
                WHAT,
                node,
                &format!("{number} here, and {other} above"),
                "one number for the environment",
            )),
            _ => Ok(()),
        }
    }

    fn minutes(&self, field: &str, node: &Node) -> Result<u32, Finding> {
        let expected = format!("a whole number of minutes, 0 to {LONGEST_WAIT} (30 days)");
        let text = self.text(field, node, &expected)?;
        let minutes = whole(text).filter(|minutes| *minutes <= LONGEST_WAIT);
        minutes.ok_or_else(|| self.wrong(field, node, &format!("\"{text}\""), &expected))
    }

    fn switch(&self, field: &str, node: &Node) -> Result<bool, Finding> {
        let expected = "true or false";
        let text = self.text(field, node, expected)?;
        switch(text).map_err(|_| self.wrong(field, node, &format!("\"{text}\""), expected))
    }

    fn text<'n>(&self, field: &str, node: &'n Node, expected: &str) -> Result<&'n str, Finding> {
        match &node.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong_type(field, node, expected)),
        }
    }

    fn list(&self, field: &str, node: Node, expected: &str) -> Result<Vec<Node>, Finding> {
        match node.value {
            Value::List(items) => Ok(items),
            _ => Err(self.wrong_type(field, &node, expected)),
        }
    }

    /// A mapping whose keys are all known.
    fn map(&self, field: &str, node: Node, known: &[&str]) -> Result<Vec<(Key, Node)>, Finding> {
        let names = known.join(", ");
        let Value::Map(entries) = node.value else {
            return Err(self.wrong_type(field, &node, &format!("a mapping with {names}")));
        };
        match entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
            None => Ok(entries),
            Some((key, _)) => Err(self
                .about(&key.name, key.line, key.column)
                .actual(format!("no such key in {field}"))
                .expected(if known.len() == 1 { names } else { format!("one of {names}") })
                .did_you_mean(closest(&key.name, known).or_else(|| holding(&key.name, known)))),
        }
    }

    fn wrong_type(&self, field: &str, node: &Node, expected: &str) -> Finding {
        self.wrong(field, node, node.kind(), expected)
    }

    fn wrong(&self, field: &str, node: &Node, actual: &str, expected: &str) -> Finding {
        self.about(field, node.line, node.column).actual(actual).expected(expected)
    }

    fn about(&self, field: &str, line: usize, column: usize) -> Finding {
        Finding::inconclusive(format!("`{field}`")).with_origin(self.place(line, column))
    }

    fn place(&self, line: usize, column: usize) -> String {
        format!("{}:{line}:{column}", self.path)
    }
}

/// The known key that contains an abbreviated one: GitHub's API says `reviewers`.
fn holding<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known.iter().copied().find(|known| name.len() > 3 && known.contains(name))
}

/// Plain digits: no sign, no unit, no `1_000`.
fn whole(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
