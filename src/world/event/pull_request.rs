//! The pull request that an event is about.
//!
//! Source: GitHub's documentation, "Webhook events and payloads": `pull_request`, `merge_group`. The branch of a merge group is
//! `gh-readonly-queue/BASE/pr-NUMBER-SHA`. Only GitHub can create a branch there.

use std::fmt;

use serde_json::Value;

use crate::subject::Commit;

/// Where GitHub keeps the branches of merge groups.
const QUEUE: &str = "refs/heads/gh-readonly-queue/";

/// The largest number that GraphQL can have: its integers have 32 bits.
const LARGEST: u64 = 2_147_483_647;

/// The number of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullRequestNumber(u64);

/// What an event says about its pull request. Its description and labels are those of the moment of the event, so they are not
/// read here: a re-run of a workflow gets the same event again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestEvent {
    pub number: PullRequestNumber,
    /// The event is about a group of a merge queue; the number is that in the name of its branch.
    pub is_merge_group: bool,
    /// The pull request comes from another repository.
    pub is_fork: bool,
}

impl PullRequestNumber {
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (1..=LARGEST).contains(&number).then_some(Self(number))
    }

    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PullRequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl PullRequestEvent {
    /// Whether an event is about a pull request.
    #[must_use]
    pub fn is_about_one(name: &str) -> bool {
        name == "merge_group" || name.starts_with("pull_request")
    }

    /// Reads an event by its name.
    ///
    /// # Errors
    /// The field that is missing or malformed, as a message.
    pub fn parse(name: &str, event: &Value) -> Result<Self, String> {
        if name == "merge_group" {
            let pointer = "/merge_group/head_ref";
            let branch = event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let number = number_in(branch).ok_or_else(|| format!("{branch:?} at {pointer}"))?;
            return Ok(Self { number, is_merge_group: true, is_fork: false });
        }
        let pointer = "/pull_request/number";
        let number = event.pointer(pointer).and_then(Value::as_u64).and_then(PullRequestNumber::new);
        let number = number.ok_or_else(|| format!("no number at {pointer}"))?;
        let repository = |side: &str| event.pointer(&format!("/pull_request/{side}/repo/id")).and_then(Value::as_u64);
        // The repository of a deleted fork is null.
        let is_fork = repository("base").is_some_and(|base| repository("head") != Some(base));
        Ok(Self { number, is_merge_group: false, is_fork })
    }
}

/// The number in the name of a merge group's branch.
fn number_in(branch: &str) -> Option<PullRequestNumber> {
    let (_, last) = branch.strip_prefix(QUEUE)?.rsplit_once('/')?;
    let (number, commit) = last.strip_prefix("pr-")?.split_once('-')?;
    commit.parse::<Commit>().ok()?;
    number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit())).and_then(PullRequestNumber::new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn parse(name: &str, event: &Value) -> Option<(u64, bool, bool)> {
        let read = PullRequestEvent::parse(name, event).ok()?;
        Some((read.number.get(), read.is_merge_group, read.is_fork))
    }

    #[test]
    fn the_number_comes_from_the_event_alone() {
        let pull = |number: Value, head: Value| json!({ "number": 9, "pull_request": { "number": number, "base": { "repo": { "id": 1 } }, "head": { "repo": head } } });
        for (event, expected) in [
            (pull(json!(12), json!({ "id": 1 })), Some((12, false, false))),
            (pull(json!(12), json!({ "id": 2 })), Some((12, false, true))),
            (pull(json!(12), Value::Null), Some((12, false, true))),
            (json!({ "pull_request": { "number": 12 } }), Some((12, false, false))),
            (pull(json!("12"), Value::Null), None),
            (pull(json!(0), Value::Null), None),
            (pull(json!(-1), Value::Null), None),
            (pull(json!(1_u64 << 40), Value::Null), None),
            (json!({}), None),
        ] {
            assert_eq!(parse("pull_request", &event), expected, "{event}");
        }
    }

    #[test]
    fn a_merge_group_has_the_number_in_its_branch() {
        for (branch, expected) in [
            (format!("refs/heads/gh-readonly-queue/main/pr-12-{SHA}"), Some((12, true, false))),
            (format!("refs/heads/gh-readonly-queue/release/1/pr-7-{SHA}"), Some((7, true, false))),
            (format!("refs/heads/gh-readonly-queue/pr-12-{SHA}"), None),
            (format!("refs/heads/main/pr-12-{SHA}"), None),
            (format!("refs/heads/gh-readonly-queue/main/pr-+12-{SHA}"), None),
            (format!("refs/heads/gh-readonly-queue/main/pr-x-{SHA}"), None),
            ("refs/heads/gh-readonly-queue/main/pr-12-main".to_owned(), None),
            (String::new(), None),
        ] {
            let event = json!({ "merge_group": { "head_ref": branch } });
            assert_eq!(parse("merge_group", &event), expected, "{branch}");
        }
    }
}
