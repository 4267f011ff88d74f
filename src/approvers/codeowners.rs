//! CODEOWNERS: who owns a path, by GitHub's rules. GitHub's API does not resolve the owners of a path, so the file is read here.
//!
//! <https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>

use std::{borrow::Cow, fmt};

use regex_lite::Regex;

/// The places of the file. GitHub uses the first that exists.
pub const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
/// GitHub ignores a larger file.
pub const MAX_SIZE: usize = 3 << 20;

/// An owner of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// `@alice`
    User(String),
    /// `@acme/platform-leads`, without the `@`.
    Team(String),
    /// An address: whose it is, GitHub does not show.
    Address(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) | Self::Team(name) => write!(f, "@{name}"),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// The line that decides about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnersLine {
    /// Counted from 1.
    pub number: usize,
    /// Empty for a line that takes the owners away.
    pub owners: Vec<Owner>,
}

/// The last line that matches a path; `None` if none does. A line that GitHub does not accept is skipped, as GitHub does.
#[must_use]
pub fn owners_of(file: &str, path: &str) -> Option<OwnersLine> {
    let lines = file.lines().zip(1..).filter_map(|(line, number)| {
        let (pattern, owners) = parse_line(line)?;
        matches(&pattern, path)?.then_some(OwnersLine { number, owners })
    });
    lines.last()
}

/// The pattern and the owners of a line; `None` for one without a pattern, and for one that is not valid.
fn parse_line(line: &str) -> Option<(String, Vec<Owner>)> {
    let line = line.trim_start_matches('\u{feff}');
    let mut words = words(line).into_iter().take_while(|word| !word.starts_with('#'));
    let pattern = words.next()?;
    let owners = words.map(|word| parse_owner(&word)).collect::<Option<Vec<_>>>()?;
    Some((pattern, owners))
}

/// The words of a line. A backslash before a blank keeps it in the word.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut escaped) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        if escaped && !c.is_whitespace() {
            word.push('\\');
        }
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            c if c.is_whitespace() && !escaped => words.extend(Some(std::mem::take(&mut word))),
            c => word.push(c),
        }
        escaped = false;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn parse_owner(word: &str) -> Option<Owner> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if let Some(name) = word.strip_prefix('@') {
        return match name.split_once('/') {
            Some((owner, team)) => (is_name(owner) && is_name(team)).then(|| Owner::Team(name.to_owned())),
            None => is_name(name).then(|| Owner::User(name.to_owned())),
        };
    }
    let (local, domain) = word.split_once('@')?;
    (!local.is_empty() && domain.contains('.')).then(|| Owner::Address(word.to_owned()))
}

/// Whether a pattern matches a path; `None` for a pattern that GitHub does not accept: it has no `!`, no `\#` and no ranges.
fn matches(pattern: &str, path: &str) -> Option<bool> {
    if pattern.starts_with('!') || pattern.contains(['[', ']', '\\']) {
        return None;
    }
    let (is_anchored, inner) = match pattern.strip_prefix('/') {
        Some(inner) => (true, inner),
        // A slash in the middle anchors a pattern, too.
        None => (pattern.trim_end_matches('/').contains('/'), pattern),
    };
    let (is_folder, inner) = inner.strip_suffix('/').map_or((false, inner), |inner| (true, inner));
    if inner.is_empty() {
        // `/` alone matches nothing.
        return Some(false);
    }
    let start = if is_anchored { "^" } else { "^(?:.*/)?" };
    // What matches a folder matches everything in it. `docs/*` is about the files in `docs` and not about those below.
    let end = match inner.rsplit('/').next() {
        _ if is_folder => "/.+$",
        Some("*") => "$",
        _ => "(?:/.*)?$",
    };
    Regex::new(&format!("{start}{}{end}", translate(inner))).ok().map(|regex| regex.is_match(path))
}

/// The regular expression of a pattern without a slash at either end.
fn translate(pattern: &str) -> Cow<'_, str> {
    if pattern == "**" {
        return ".*".into();
    }
    let mut regex = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let is_start = regex.is_empty();
        if let (true, Some(after)) = (is_start, rest.strip_prefix("**/")) {
            regex.push_str("(?:.*/)?");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("/**/") {
            regex.push_str("/(?:.*/)?");
            rest = after;
        } else if rest == "/**" {
            regex.push_str("/.*");
            rest = "";
        } else {
            match c {
                '*' => {
                    regex.push_str("[^/]*");
                    rest = rest.trim_start_matches('*');
                    continue;
                }
                '?' => regex.push_str("[^/]"),
                c => regex.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4]))),
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    regex.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, path: &str) -> bool {
        owners_of(&format!("{pattern} @alice\n"), path).is_some()
    }

    #[test]
    fn a_pattern_matches_as_on_github() {
        const FILE: &str = "apps/shop/overlays/production/kustomization.yaml";
        for pattern in [
            "*",
            "**",
            "/**",
            "**/*",
            "*.yaml",
            "kustomization.yaml",
            "apps/",
            "/apps/",
            "apps",
            "production/",
            "/apps/**",
            "/apps/*/overlays/",
            "/apps/**/production",
            "**/production/*",
            "/apps/shop/overlays/production/*",
            "/apps/shop/overlays/production/kustomization.yaml",
            "apps/shop/overlays/production/kustomization.y?ml",
            "**/overlays/**/*.yaml",
        ] {
            assert!(is_match(pattern, FILE), "{pattern}");
        }
        for pattern in [
            "/",
            "/*",
            "apps/*",
            "/production/",
            "shop/overlays",
            "*.yml",
            "*/production",
            "Apps/",
            "apps/shop/",
            "/apps/shop/overlays/production/kustomization.yaml/",
            "!*",
            "\\#x",
            "[ab]pps/",
            "#*",
        ] {
            let matched = is_match(pattern, FILE);
            // `apps/shop/` is anchored, and matches: the honest twin of the others.
            assert_eq!(matched, pattern == "apps/shop/", "{pattern}");
        }
        assert!(is_match("docs/*", "docs/a.md") && !is_match("docs/*", "docs/b/a.md"));
        assert!(is_match("/docs/a\\ b.md", "docs/a b.md"));
    }

    #[test]
    fn the_last_line_that_matches_decides() {
        let file = "\u{feff}# who looks\n\n* @alice\n/apps/ @acme/leads bob@acme.example @ # all of them\napps/** @acme/leads \
                    bob@acme.example #no more\n/apps/free/\n";
        let owners = |path: &str| {
            let found = owners_of(file, path)?;
            Some((found.number, found.owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")))
        };
        assert_eq!(owners("README.md"), Some((3, "@alice".to_owned())));
        // Line 4 is not valid, and is skipped.
        assert_eq!(owners("apps/x"), Some((5, "@acme/leads bob@acme.example".to_owned())));
        assert_eq!(owners("apps/free/x"), Some((6, String::new())));
        assert_eq!(owners_of("# nothing\n", "x"), None);
        assert_eq!(
            owners_of("* @a @b/c d@e.example", "x").unwrap().owners,
            [Owner::User("a".to_owned()), Owner::Team("b/c".to_owned()), Owner::Address("d@e.example".to_owned())]
        );
    }
}
