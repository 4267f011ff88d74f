//! Branches and tags by their full names: `/repos/{owner}/{repo}/git/ref` and `/git/tags`. Where a name alone is asked for
//! (`/commits/{name}`), a branch can stand in for a tag, and a tag for a branch.

use serde::Deserialize;

use super::{client::GitHub, read::encode_path, repository::Repository, source::read_permission};
use crate::{finding::Finding, subject::Commit, values::clip, world::git::Branch};

/// How many annotated tags may tag each other. Git itself has no limit; one is usual.
const MAX_NESTED: usize = 5;

/// What a tag leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagTarget {
    Commit(Commit),
    /// A `tree` or a `blob`, or a `tag` that tags too many others.
    Other(String),
}

#[derive(Deserialize)]
struct RefJson {
    #[serde(rename = "ref")]
    name: String,
    object: ObjectJson,
}

#[derive(Deserialize)]
struct TagJson {
    object: ObjectJson,
}

#[derive(Deserialize)]
struct ObjectJson {
    #[serde(rename = "type")]
    kind: String,
    sha: Commit,
}

impl GitHub {
    /// The last commit of a branch; `None` when there is no branch of exactly this name.
    ///
    /// # Errors
    /// No answer; a token without Contents: read.
    pub fn branch_tip(&self, repository: &Repository, branch: &Branch) -> Result<Option<Commit>, Finding> {
        let object = self.git_ref(repository, &format!("heads/{branch}"))?;
        Ok(object.filter(|object| object.kind == "commit").map(|object| object.sha))
    }

    /// What a tag leads to; `None` when there is no tag of exactly this name.
    ///
    /// # Errors
    /// No answer; a name that git does not take for a tag; a token without Contents: read.
    pub fn tag_target(&self, repository: &Repository, tag: &str) -> Result<Option<TagTarget>, Finding> {
        let Some(mut object) = self.git_ref(repository, &format!("tags/{}", checked_ref(tag)?))? else {
            return Ok(None);
        };
        let required = read_permission(repository);
        for _ in 0..MAX_NESTED {
            if object.kind != "tag" {
                break;
            }
            let path = repository.api_path(&format!("git/tags/{}", object.sha));
            let tag: TagJson = self.get(&path, &required)?.ok_or_else(|| Self::missing("the tag", &required))?;
            object = tag.object;
        }
        Ok(Some(match object.kind.as_str() {
            "commit" => TagTarget::Commit(object.sha),
            _ => TagTarget::Other(object.kind),
        }))
    }

    /// The object of one ref; `name` is without `refs/`.
    fn git_ref(&self, repository: &Repository, name: &str) -> Result<Option<ObjectJson>, Finding> {
        // The route takes the slashes of a name as they are: `x-multi-segment` in GitHub's description.
        let path = repository.api_path(&format!("git/ref/{}", encode_path(name)));
        let found: Option<serde_json::Value> = match self.get(&path, &read_permission(repository)) {
            Err(finding) if finding.actual.starts_with("409 ") => None,
            found => found?,
        };
        // Older servers answer an unknown name with a list of the refs that start with it.
        let found =
            found.filter(|found| !found.is_array()).map(|found| self.read_value::<RefJson>(found)).transpose()?;
        Ok(found.filter(|found| found.name == format!("refs/{name}")).map(|found| found.object))
    }
}

/// A tag whose name needs no encoding in a path. Git allows more.
fn checked_ref(name: &str) -> Result<&str, Finding> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=250).contains(&name.len()) && name.bytes().all(plain) && !name.contains("..") && !name.starts_with('-') {
        Ok(name)
    } else {
        Err(Finding::inconclusive("a git ref")
            .actual(format!("{:?}", clip(name, 100)))
            .expected("letters, digits, `.`, `_` and `-`"))
    }
}
