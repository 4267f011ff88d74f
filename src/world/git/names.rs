//! Branch names and paths in a tree. Parsing validates them, so that git cannot take one for an option, a range or a path
//! outside the tree.

use std::{fmt, path::Path, str::FromStr};

/// The name of a branch, without `refs/heads/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(String);

impl Branch {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/heads/<name>`.
    #[must_use]
    pub fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Branch {
    type Err = String;

    /// The rules of `git check-ref-format --branch`. In addition, the full name of a ref is refused, because it is never
    /// meant as the name of a branch.
    fn from_str(name: &str) -> Result<Self, String> {
        match invalid_branch(name) {
            None => Ok(Self(name.to_owned())),
            Some(reason) => Err(format!(
                "{name:?} is not a branch name: it {reason}; expected a name such as `main` or `release/1.4`"
            )),
        }
    }
}

/// The name of a tag, without `refs/tags/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagName(String);

impl TagName {
    /// `refs/tags/<name>`.
    #[must_use]
    pub fn full(&self) -> String {
        format!("refs/tags/{}", self.0)
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TagName {
    type Err = String;

    /// The rules of `git check-ref-format`, as for a branch.
    fn from_str(name: &str) -> Result<Self, String> {
        match invalid_branch(name) {
            None => Ok(Self(name.to_owned())),
            Some(reason) => {
                Err(format!("{name:?} is not the name of a tag: it {reason}; expected a name such as `v1.0.0`"))
            }
        }
    }
}

/// The rule that a branch name breaks; <https://git-scm.com/docs/git-check-ref-format>.
fn invalid_branch(name: &str) -> Option<&'static str> {
    let component = |bad: fn(&str) -> bool| name.split('/').any(bad);
    Some(match name {
        "" => "is empty",
        "@" | "HEAD" => "stands for the current commit",
        _ if name.starts_with("refs/") => "is the full name of a ref",
        _ if name.starts_with('-') => "starts with `-`",
        _ if name.chars().any(|c| c.is_ascii_control() || c == ' ') => "holds a space or a control character",
        _ if name.contains(['~', '^', ':', '?', '*', '[', '\\']) => "holds one of `~^:?*[\\`",
        _ if name.contains("..") => "holds `..`",
        _ if name.contains("@{") => "holds `@{`",
        _ if name.ends_with('.') => "ends with `.`",
        _ if component(str::is_empty) => "holds an empty component",
        _ if component(|part| part.starts_with('.')) => "has a component that starts with `.`",
        _ if component(|part| part.as_bytes().ends_with(b".lock")) => "has a component that ends with `.lock`",
        _ => return None,
    })
}

/// The path of a file or directory inside a repository, from its top, with `/` between components.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

impl TreePath {
    /// The path of a file below `top`, the top directory of a work tree. Both are absolute and have no links in them.
    #[must_use]
    pub fn inside(top: &Path, file: &Path) -> Option<Self> {
        file.strip_prefix(top).ok()?.to_str()?.parse().ok()
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TreePath {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let reason = match path {
            "" => "is empty",
            _ if path.starts_with('/') => "is absolute",
            _ if path.contains(|c: char| c.is_ascii_control()) => "holds a control character",
            _ if path.split('/').any(str::is_empty) => "holds an empty component",
            _ if path.split('/').any(|part| matches!(part, "." | "..")) => "holds `.` or `..`",
            // Git refuses `.git` in upper and lower case at any depth: it would hold the repository's configuration.
            _ if path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) => "leads into `.git`",
            _ => return Ok(Self(path.to_owned())),
        };
        Err(format!(
            "{path:?} is not a path in a repository: it {reason}; expected one such as `apps/shop/kustomization.yaml`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn branch_names_are_those_of_git() {
        let names = [
            "main",
            "release/1.4",
            "a-b",
            "ä/ö",
            "a@b",
            "a.b",
            "feature/@",
            "@a",
            "a{b",
            "x.lockx",
            "-a",
            "a..b",
            "a b",
            "a~b",
            "a^b",
            "a:b",
            "a?b",
            "a*b",
            "a[b",
            "a\\b",
            "a@{b",
            "a.",
            "a/.b",
            ".a",
            "/a",
            "a/",
            "a//b",
            "a.lock",
            "a.lock/b",
            "",
            "a\tb",
            "a\x7fb",
            "--upload-pack=x",
            "a;rm -rf",
            "$(x)",
            "a/-b",
            "%0A",
        ];
        for name in names {
            let git = Command::new("git").args(["check-ref-format", "--branch", name]).output().expect("git is there");
            assert_eq!(name.parse::<Branch>().is_ok(), git.status.success(), "{name:?}");
        }
    }

    #[test]
    fn an_invalid_branch_name_is_explained() {
        let message = |name: &str| name.parse::<Branch>().expect_err("no branch");
        assert!(message("refs/heads/main").contains("full name of a ref"));
        assert!(message("@").contains("current commit") && message("HEAD").contains("current commit"));
        assert!(
            message("a\n::error::x").contains(r#""a\n::error::x" is not a branch name: it holds a space or a control"#)
        );
        assert_eq!("main".parse::<Branch>().expect("a branch").full(), "refs/heads/main");
    }

    #[test]
    fn tree_paths_stay_inside_the_tree() {
        for good in ["a", "apps/shop/x.yaml", "-a", "a b", ":(top)x", ".github/x.yml", "a..b"] {
            assert!(good.parse::<TreePath>().is_ok(), "{good:?}");
        }
        for bad in
            ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b", "a\nb", ".git/config", "a/.GIT/x"]
        {
            assert!(bad.parse::<TreePath>().is_err(), "{bad:?}");
        }
    }
}
