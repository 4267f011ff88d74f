//! Commits as they are read from a history.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{error::ValueError, subject::Commit};

/// A commit with its time, author, title and trailers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitSummary {
    pub commit: Commit,
    /// The committer's time, by the committer's clock.
    pub at: Timestamp,
    /// The author's name.
    pub author: String,
    /// The first line of the message.
    pub title: String,
    /// The trailers of the message, as git parses them.
    pub trailers: Trailers,
}

impl CommitSummary {
    /// The value of a trailer. Names are compared without case, as in git.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The trailers of a message, one a line, as git prints them: in one text, because a history has many commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(String);

impl Trailers {
    #[must_use]
    pub fn new(lines: &str) -> Self {
        Self(lines.to_owned())
    }

    /// The trailers of a message: those that git finds in its last paragraph. Where these only credit people, in a paragraph that
    /// a squash merge added (`Co-authored-by: …`), they are the trailers before it, which were the last ones of the squashed
    /// message.
    #[must_use]
    pub fn of_message(last: &str, body: &str) -> Self {
        if last.is_empty() || !last.lines().all(is_credit) {
            return Self::new(last);
        }
        squashed_trailers(body).map_or_else(|| Self::new(last), Self)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(key, value)| (key.trim(), value.trim()))
    }
}

/// `Co-authored-by: Alice <alice@example.com>`, `Signed-off-by: …`.
fn is_credit(line: &str) -> bool {
    let name = trailer(line).map(|(name, _)| name.to_ascii_lowercase());
    name.is_some_and(|name| ["co-authored-by", "signed-off-by"].contains(&name.as_str()))
}

/// Name and value of a line that has the form of a trailer.
fn trailer(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| (name, value.trim()))
}

/// The last paragraph before the credits and the line that GitHub draws above them, one trailer a line, if nothing else is in
/// it. A value may continue on indented lines.
fn squashed_trailers(body: &str) -> Option<String> {
    let lines: Vec<&str> = body.lines().collect();
    let mut paragraphs = lines.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()).rev();
    let is_rule = |line: &str| line.len() > 2 && line.bytes().all(|byte| byte == b'-');
    let is_added = |lines: &&[&str]| lines.iter().all(|line| is_credit(line) || is_rule(line.trim_end()));
    let paragraph = paragraphs.find(|lines| !is_added(lines))?;
    let mut trailers = String::new();
    for line in paragraph {
        if line.starts_with([' ', '\t']) && !trailers.is_empty() {
            trailers.insert(trailers.len() - 1, ' ');
            trailers.insert_str(trailers.len() - 1, line.trim());
        } else {
            let (name, value) = trailer(line)?;
            trailers.push_str(&format!("{name}: {value}\n"));
        }
    }
    Some(trailers)
}

/// A commit on the first-parent line of a branch, and the files that it changed against its first parent. The changes of a
/// merged branch are the merge's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCommit {
    pub summary: CommitSummary,
    /// The first is the branch's previous commit; none for the first commit of all.
    pub parents: Vec<Commit>,
    /// The changes of wanted files.
    pub changes: Vec<FileChange>,
    /// The latest time of this commit and the older ones that were read with it: clocks differ, so an older commit may have
    /// a later time.
    pub latest: Timestamp,
}

/// A file that a commit changed. The content of a symbolic link is its target; a submodule has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub before: Option<BlobId>,
    pub after: Option<BlobId>,
}

/// The id of a file's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(String);

impl BlobId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the id of a file or symbolic link in git's raw format; `None` for other modes.
    pub(super) fn of_file(mode: &str, id: &str) -> Option<Self> {
        ((mode.starts_with("100") || mode == "120000") && is_id(id)).then(|| Self(id.to_owned()))
    }
}

/// The id of a directory's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TreeId(String);

impl FromStr for TreeId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if is_id(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("the id of a git tree: 40 (or 64) hex digits"))
        }
    }
}

impl TryFrom<String> for TreeId {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trailers_before_the_credits_of_a_squash_merge_are_read() {
        let read = |last: &str, body: &str| {
            let trailers = Trailers::of_message(last, body);
            trailers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
        };
        let credit = "Co-authored-by: A <a@b>\n";
        for (body, expected) in [
            ("Service: shop\nImage: a:1\n\nCo-authored-by: A <a@b>\n", "Service=shop,Image=a:1"),
            ("* wip\n\nService: shop\n\n---------\n\nCo-authored-by: A <a@b>\nSigned-off-by: B <b@b>", "Service=shop"),
            (
                "Service:\tshop\r\nReason: it is\r\n\tslow\r\n\r\nCo-authored-by: A <a@b>\r\n",
                "Service=shop,Reason=it is slow",
            ),
            ("Service : shop\n\nSigned-off-by: B <b@b>\n\nCo-authored-by: A <a@b>", "Service=shop"),
            // Something else is in the paragraph, or between it and the credits.
            ("so be it\nService: shop\n\nCo-authored-by: A <a@b>", "Co-authored-by=A <a@b>"),
            ("Service: shop\n\nNothing of it is true.\n\nCo-authored-by: A <a@b>", "Co-authored-by=A <a@b>"),
            ("  Service: shop\n\nCo-authored-by: A <a@b>", "Co-authored-by=A <a@b>"),
            ("Co-authored-by: A <a@b>", "Co-authored-by=A <a@b>"),
        ] {
            assert_eq!(read(credit, body), expected, "{body:?}");
        }
        let both = "Service: shop\n\nImage: a:1\nCo-authored-by: A <a@b>";
        assert_eq!(read("Image: a:1\nCo-authored-by: A <a@b>\n", both), "Image=a:1,Co-authored-by=A <a@b>");
        assert_eq!(read("", "Service: shop\n\ntext"), "");
    }
}
