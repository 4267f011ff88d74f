//! A repository on GitHub, as `owner/name`.

use std::{fmt, str::FromStr};

/// A repository on GitHub. Parsing checks both parts, so they are safe in a URL's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    full: String,
    slash: usize,
}

impl Repository {
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.full[..self.slash]
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.full[self.slash + 1..]
    }

    /// The path in GitHub's API of something that belongs to the repository.
    pub(super) fn api_path(&self, below: &str) -> String {
        format!("/repos/{self}/{below}")
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl FromStr for Repository {
    /// What is accepted, and which rule `text` breaks.
    type Err = String;

    /// GitHub's rules. An owner has 1 to 39 letters, digits and hyphens, with no hyphen at either end; accounts that an
    /// enterprise manages also have an underscore. A name has 1 to 100 letters, digits, `.`, `_` and `-`.
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = |rule: &str| Err(format!("a repository as owner/name, such as acme/ecommerce-infra: {rule}"));
        let Some((owner, name)) = text.split_once('/') else { return invalid("it has no slash") };
        let word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        if owner.is_empty() || owner.len() > 39 || !owner.chars().all(word) {
            return invalid("an owner is 1 to 39 letters, digits and hyphens");
        }
        if owner.starts_with('-') || owner.ends_with('-') {
            return invalid("an owner neither begins nor ends with a hyphen");
        }
        if name.is_empty() || name.len() > 100 || !name.chars().all(|character| word(character) || character == '.') {
            return invalid("a name is 1 to 100 letters, digits, dots, hyphens and underscores");
        }
        if matches!(name, "." | "..") {
            return invalid("that name is a folder's");
        }
        if name.len() >= 4 && name[name.len() - 4..].eq_ignore_ascii_case(".git") {
            return invalid("a name does not end with .git");
        }
        Ok(Self { full: text.to_owned(), slash: owner.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_github_accepts_are_accepted() {
        for (text, owner, name) in [
            ("acme/ecommerce-infra", "acme", "ecommerce-infra"),
            ("A-1/.github", "A-1", ".github"),
            ("octocat_acme/a_b.c-d", "octocat_acme", "a_b.c-d"),
            ("a/...", "a", "..."),
            ("a/git", "a", "git"),
        ] {
            let repository: Repository = text.parse().unwrap();
            assert_eq!((repository.owner(), repository.name(), &*repository.to_string()), (owner, name, text));
        }
        assert!(format!("{}/{}", "a".repeat(39), "b".repeat(100)).parse::<Repository>().is_ok());
    }

    #[test]
    fn other_names_are_refused_with_an_example() {
        let long = [format!("{}/b", "a".repeat(40)), format!("a/{}", "b".repeat(101))];
        let wrong = [
            "",
            "acme",
            "/",
            "acme/",
            "/infra",
            "acme/infra/",
            "acme/a/b",
            "acme/.",
            "acme/..",
            "../..",
            "-a/b",
            "a-/b",
            "a.b/c",
            "acme/in fra",
            "acme/infra?x",
            "acme/infra#x",
            "acme/%2e%2e",
            "acme/é",
            "acme/infra.git",
            "a/b.GIT",
            "a/.git",
            " acme/infra",
            "acme/infra\n",
            "https://github.com/acme/infra",
        ];
        for text in wrong.into_iter().chain(long.iter().map(String::as_str)) {
            let error = text.parse::<Repository>().unwrap_err();
            assert!(error.starts_with("a repository as owner/name, such as "), "{text:?}: {error}");
        }
    }
}
