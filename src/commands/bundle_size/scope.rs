//! Which files are judged, and in which group: those that a browser runs, those whose extension `path` names, and those of a
//! group. The same rules apply to the build and to the baseline.

use std::{collections::HashSet, str::FromStr};

use fast_glob::{glob_match, validate};

use super::{
    bundle::BundleFile,
    kinds::{FileKind, file_name, original},
};
use crate::{
    bundle_sizes,
    error::ValueError,
    values::{Bytes, Percent},
};

/// A pattern with one of these characters is a glob, not a plain path.
const WILDCARDS: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// The extensions of compressed files, the one first that every browser accepts.
const COMPRESSED: [&str; 3] = ["gz", "br", "zst"];

/// One line of `groups`: a name, patterns, and limits that replace the general ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    patterns: Vec<String>,
    written: String,
    pub max_increase: Option<Percent>,
    pub max_added: Option<Bytes>,
    pub max_size: Option<Bytes>,
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Group {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |why: String| {
            ValueError::from(format!(
                "a group such as `checkout dist/checkout/** max-increase=2% max-added=50kB max-size=300kB`, but in `{text}`: {why}"
            ))
        };
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        if name.contains(['/', '*', '.', '=', '!']) || !bundle_sizes::is_name(name) {
            return Err(refuse(format!("\"{name}\" is no name")));
        }
        let mut group = Self {
            name: name.to_owned(),
            patterns: Vec::new(),
            written: text.to_owned(),
            max_increase: None,
            max_added: None,
            max_size: None,
        };
        for word in words {
            let wrong = |error: ValueError| refuse(format!("`{word}`, expected {error}"));
            match word.split_once('=') {
                Some(("max-increase", value)) => group.max_increase = Some(value.parse().map_err(wrong)?),
                Some(("max-added", value)) => group.max_added = Some(value.parse().map_err(wrong)?),
                Some(("max-size", value)) => group.max_size = Some(value.parse().map_err(wrong)?),
                Some((key, _)) if key.starts_with("max-") || key.starts_with("min-") => {
                    return Err(refuse(format!("`{key}` is none of max-increase, max-added, max-size")));
                }
                _ => {
                    let bare = word.strip_prefix('!').unwrap_or(word);
                    validate(bare).map_err(|error| refuse(format!("`{word}`: {error}")))?;
                    group.patterns.push(word.to_owned());
                }
            }
        }
        if group.patterns.iter().all(|pattern| pattern.starts_with('!')) {
            return Err(refuse("it has no pattern".to_owned()));
        }
        Ok(group)
    }
}

/// Which files are judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The lines of `path`.
    pub patterns: Vec<String>,
    pub groups: Vec<Group>,
}

impl Scope {
    /// Whether a file of a bundle with the files `all` is judged. A compressed file is, if `path` covers its original and the bundle
    /// does not have it: then the compressed file is what a browser gets. Of several such files of one original, one is judged.
    #[must_use]
    pub fn judges(&self, path: &str, all: &HashSet<&str>) -> bool {
        let is_first = |original: &str| {
            let copies = COMPRESSED.map(|extension| format!("{original}.{extension}"));
            copies.iter().find(|copy| all.contains(copy.as_str())).is_none_or(|first| first == path)
        };
        let stands_for = |original: &str| {
            FileKind::of(original).is_judged() && !all.contains(original) && self.covers(original) && is_first(original)
        };
        FileKind::of(path).is_judged()
            || self.group_of(path).is_some()
            || self.names(path)
            || original(path).is_some_and(stands_for)
    }

    /// Those of the files of a bundle that are judged.
    pub fn judged<'a>(&self, files: &'a [BundleFile]) -> impl Iterator<Item = &'a BundleFile> {
        let all: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        files.iter().filter(move |file| self.judges(&file.path, &all))
    }

    /// The index of the first group with this file.
    #[must_use]
    pub fn group_of(&self, path: &str) -> Option<usize> {
        self.groups.iter().position(|group| matches(&group.patterns, path))
    }

    /// Whether the patterns of `path` match a file.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        matches(&self.patterns, path)
    }

    /// Whether a pattern of `path` names the file or its extension: `dist/app.bin`, `**/*.map`, `*.{js,map}`.
    fn names(&self, path: &str) -> bool {
        let name = file_name(path);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        self.patterns.iter().filter(|pattern| !pattern.starts_with('!')).any(|pattern| {
            let last = file_name(pattern.trim_end_matches('/'));
            let parts = || last.split(['.', ',', '{', '}']).skip(1);
            last == name || extension.is_some_and(|extension| parts().any(|part| part == extension))
        })
    }
}

/// Whether a list of patterns matches a path: the last line that matches decides, and `!` removes.
fn matches(patterns: &[String], path: &str) -> bool {
    patterns.iter().fold(false, |matched, line| {
        let (removes, pattern) =
            line.strip_prefix('!').map_or((false, line.as_str()), |rest| (true, rest.trim_start()));
        if matches_one(pattern, path) { !removes } else { matched }
    })
}

fn matches_one(pattern: &str, path: &str) -> bool {
    let below = pattern.ends_with('/');
    let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let pattern = parts.join("/");
    let inside = path.strip_prefix(pattern.as_str());
    if pattern.is_empty() || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return true;
    }
    let whole = if below { format!("{pattern}/**") } else { pattern };
    whole.contains(WILDCARDS) && glob_match(&whole, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(patterns: &[&str], groups: &[&str]) -> Scope {
        Scope {
            patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
            groups: groups.iter().map(|group| group.parse().unwrap_or_else(|error| panic!("{error}"))).collect(),
        }
    }

    #[test]
    fn patterns_match_as_those_of_the_workspace_do() {
        for (patterns, path, expected) in [
            (&["dist"][..], "dist/a/b.js", true),
            (&["dist"], "dist2/b.js", false),
            (&["./dist/"], "dist/b.js", true),
            (&["."], "anything/b.js", true),
            (&["dist/*.js"], "dist/b.js", true),
            (&["dist/*.js"], "dist/a/b.js", false),
            (&["dist/**/*.js"], "dist/a/b.js", true),
            (&["dist/*/"], "dist/a/b/c.js", true),
            (&["dist", "!dist/a"], "dist/a/b.js", false),
            (&["dist", "!dist/a", "dist/a/b.js"], "dist/a/b.js", true),
            (&["pages/[slug].js"], "pages/[slug].js", true),
            (&[], "a.js", false),
        ] {
            assert_eq!(scope(patterns, &[]).covers(path), expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn judged_is_what_a_browser_runs_and_what_is_named() {
        for (patterns, path, expected) in [
            (&["dist"][..], "dist/a.js", true),
            (&["dist"], "dist/a.png", false),
            (&["dist"], "dist/a.js.map", false),
            (&["dist/*.{js,png}"], "dist/a.png", true),
            (&["dist", "**/*.map"], "dist/a.js.map", true),
            (&["dist", "!**/*.map"], "dist/a.js.map", false),
            (&["dist/server"], "dist/server", true),
            (&["dist/*"], "dist/server", false),
            (&["dist"], "dist/a.js.br", true),
            (&["dist"], "dist/a.js.map.br", false),
            (&["dist", "!**/*.js"], "dist/a.js.br", false),
        ] {
            assert_eq!(scope(patterns, &[]).judges(path, &HashSet::new()), expected, "{patterns:?} {path}");
        }
        let images = scope(&["dist"], &["images **/*.png max-size=1MB"]);
        let none = HashSet::new();
        assert!(images.judges("dist/a.png", &none) && !images.judges("dist/a.jpg", &none));
        let both = HashSet::from(["dist/a.js.br", "dist/a.js.gz"]);
        assert!(images.judges("dist/a.js.gz", &both) && !images.judges("dist/a.js.br", &both));
        // A copy of a file that is there is not judged.
        assert!(!images.judges("dist/a.js.br", &HashSet::from(["dist/a.js"])) && images.judges("dist/a.js.br", &none));
        assert_eq!((images.group_of("dist/a.png"), images.group_of("dist/a.js")), (Some(0), None));
    }

    #[test]
    fn a_group_is_read_whole_or_refused() {
        let group: Group =
            "admin dist/admin !dist/admin/old max-increase=2% max-added=50kB max-size=1.5MB".parse().unwrap();
        assert_eq!((group.name.as_str(), group.max_increase), ("admin", Some(Percent(2.0))));
        assert_eq!((group.max_added, group.max_size), (Some(Bytes(50_000)), Some(Bytes(1_500_000))));
        for (bad, part) in [
            ("", "\"\" is no name"),
            ("dist", "it has no pattern"),
            ("dist/a dist/b", "\"dist/a\" is no name"),
            ("a: dist", "\"a:\" is no name"),
            ("a !dist", "it has no pattern"),
            ("a dist max-size=big", "`max-size=big`, expected a number of bytes"),
            ("a dist max-sizes=1kB", "`max-sizes` is none of"),
            ("a dist/[", "`dist/[`"),
        ] {
            let error = bad.parse::<Group>().unwrap_err().to_string();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
