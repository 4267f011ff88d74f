//! The rules of this repository that neither the compiler nor clippy can check, each with its reason: `words` restricts words to
//! certain files, `graph` forbids circles between files, `layers` keeps judges pure, `registry` requires complete commands.

mod graph;
mod layers;
mod registry;
mod source;
mod words;

use std::collections::BTreeSet;

use promote_gates::{config, report::compact::hex_sha256};

use crate::repository::{ends, exists, files, files_ending, find, read, root};
use source::SourceFile;
use words::{RULES, violations};

/// A longer file takes too long to read.
const MOST_LINES: usize = 450;

/// Fails with one line for each violation of a rule.
fn assert_rule(rule: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}

/// Every Rust file.
fn sources() -> Vec<SourceFile> {
    files_ending(&[".rs"]).iter().map(|path| SourceFile::new(path, &read(path))).collect()
}

#[test]
fn restricted_words_are_used_in_their_modules_only() {
    let sources = sources();
    assert!(sources.len() > 20, "the sources are found");
    let broken = RULES.iter().flat_map(|rule| sources.iter().flat_map(|source| violations(rule, source)));
    assert_rule("each way to reach outside has one module (ARCHITECTURE.md):", broken);
}

#[test]
fn files_are_short() {
    let long = files_ending(&[".rs"]).into_iter().filter_map(|path| {
        let lines = read(&path).lines().count();
        (lines > MOST_LINES).then(|| format!("{path}: {lines} lines"))
    });
    assert_rule(
        &format!("a file has at most {MOST_LINES} lines; move its tests beside it, or a part that deserves a name:"),
        long,
    );
}

#[test]
fn no_file_has_a_reminder_mark() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let texts = files_ending(&[".rs", ".md", ".toml", ".yml", ".sh", ".ci/run"]);
    let broken = texts.iter().filter(|path| !path.starts_with("tests/samples/")).flat_map(|path| {
        let text = read(path);
        let found = marks.iter().filter(|mark| source::mentions(&text, mark));
        found.map(|mark| format!("{path}: {mark}")).collect::<Vec<_>>()
    });
    assert_rule("open work is an issue, not a comment:", broken);
}

#[test]
fn paths_in_documents_exist() {
    let top: BTreeSet<String> = files().iter().filter_map(|path| Some(path.split_once('/')?.0.to_owned())).collect();
    let broken = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].into_iter().flat_map(|document| {
        let text = find(document).unwrap_or_default();
        let missing = paths_named(&text, &top)
            .into_iter()
            .filter(|path| !["", "src/", "tests/"].iter().any(|base| exists(&format!("{base}{path}"))));
        missing.map(|path| format!("{document}: `{path}`")).collect::<Vec<_>>()
    });
    assert_rule("a path in backticks exists, here or below src/ or tests/:", broken);
}

/// The words in backticks that look like a path of this repository, without those that have the placeholder NAME.
fn paths_named(text: &str, top: &BTreeSet<String>) -> Vec<String> {
    let mut fenced = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    let ours = |path: &&str| {
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
        let inside = path.split_once('/').is_some_and(|(first, _)| top.contains(first));
        let file = [".rs", ".toml", ".md"].iter().any(|ending| path.len() > ending.len() && path.ends_with(ending));
        plain && (inside || file) && !path.contains("NAME") && *path != config::DEFAULT_PATH
    };
    let spans = prose.flat_map(|line| line.split('`').skip(1).step_by(2));
    spans.filter_map(|span| span.split_whitespace().next()).filter(ours).map(ToOwned::to_owned).collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let manifests = files_ending(&["Cargo.toml"]);
    assert!(manifests.len() > 1, "the manifests of all crates are found");
    assert_rule(
        "a dependency has its reason in a comment: above it, behind it, or above its family:",
        manifests
            .iter()
            .flat_map(|path| unexplained(&read(path)).into_iter().map(move |name| format!("{path}: {name}"))),
    );
}

/// The dependencies without a comment above or behind them. `jaq-std` below `jaq-core` is of its family.
fn unexplained(manifest: &str) -> Vec<String> {
    let mut unexplained = Vec::new();
    let mut inside = false;
    let mut above = false;
    let mut family = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
            family = "";
        } else if inside && let Some((name, rest)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let name = name.trim();
            let kin = name.split('-').next().unwrap_or(name);
            if above || rest.contains(" # ") {
                family = kin;
            } else if kin != family {
                unexplained.push(name.to_owned());
            }
        }
        above = line.starts_with('#');
    }
    unexplained
}

#[test]
fn the_changelog_has_a_section_for_this_version() {
    let Some(changelog) = find("CHANGELOG.md") else { return };
    let version = env!("CARGO_PKG_VERSION");
    let has_section = changelog
        .lines()
        .any(|line| line.starts_with("## ") && line.split([' ', '[', ']']).any(|word| word == version));
    assert!(
        has_section,
        "CHANGELOG.md has no section `## {version}`, the version in Cargo.toml: people read there what changes for them"
    );
}

#[test]
fn released_binaries_match_their_checksums() {
    let Some(sums) = find("dist/SHA256SUMS") else { return };
    let mut broken = Vec::new();
    let mut summed = vec!["promote-gates".to_owned(), "SHA256SUMS".to_owned()];
    for line in sums.lines() {
        let Some((sum, name)) = line.split_once("  ").or_else(|| line.split_once(" *")) else {
            broken.push(format!("dist/SHA256SUMS: not a checksum and a name: {line}"));
            continue;
        };
        match std::fs::read(root().join("dist").join(name)) {
            Ok(bytes) if hex_sha256(&bytes) == sum => {}
            Ok(_) => broken.push(format!("dist/{name}: the checksum differs")),
            Err(error) => broken.push(format!("dist/{name}: {error}")),
        }
        summed.push(name.to_owned());
    }
    let others = files()
        .into_iter()
        .filter(|path| path.strip_prefix("dist/").is_some_and(|name| !summed.iter().any(|known| known == name)));
    broken.extend(others.map(|path| format!("{path}: not in dist/SHA256SUMS")));
    assert_rule(
        "released binaries are those that were built and attested: `scripts/build-dist` writes them and their sums:",
        broken,
    );
}

#[test]
fn skipped_checks_give_a_reason() {
    let scripts = files().into_iter().filter(|path| path.starts_with("tests/e2e/") || path.starts_with(".ci/"));
    let broken = scripts.flat_map(|path| unexplained_skips(&path, &find(&path).unwrap_or_default()));
    assert_rule("a skipped check gives its reason, and a check waits for an event, never for a fixed time:", broken);
}

/// Lines that print SKIPPED without a reason, and lines of a shell script that sleep.
fn unexplained_skips(path: &str, text: &str) -> Vec<String> {
    let rust = ends(path, &[".rs"]);
    let lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.starts_with(['#', '/']));
    lines
        .filter_map(|(line, number)| {
            let reason = line
                .split_once("SKIPPED")
                .map(|(_, rest)| rest.trim_matches(|c: char| !c.is_alphanumeric() && !"%{$".contains(c)));
            let wordless = reason.is_some_and(str::is_empty) || matches!(line, "skip" | "skip ''" | "skip \"\"");
            let sleeps = !rust
                && line.split(['&', ';', '|']).any(|part| part.trim().trim_start_matches("do ").starts_with("sleep "));
            (wordless || sleeps).then(|| format!("{path}:{number}: {line}"))
        })
        .collect()
}

#[test]
fn the_rules_of_this_file_find_violations() {
    let top = BTreeSet::from(["src".to_owned(), ".github".to_owned()]);
    let document = "`src/gone.rs`, `src/NAME.rs`, `world/clock.rs`, `Cargo.toml` `cargo test` `acme/shop` `.github/promote-gates.yml`\n```\n`src/x`\n```\n`src/*`";
    assert_eq!(paths_named(document, &top), ["src/gone.rs", "world/clock.rs", "Cargo.toml"]);

    let manifest = "[package]\nname = \"x\"\n[dependencies]\nnaked = \"1\"\n# why\njaq-core = \"3\"\njaq-std = \"3\"\nlog = \"1\"\nx = \"1\" # why\n";
    assert_eq!(unexplained(manifest), ["naked", "log"]);

    let script = "echo SKIPPED\nprintf 'SKIPPED: %s' \"$2\"\nsleep 5\ntrue && sleep 1\n# sleep 5\nskip ''\necho 'SKIPPED no docker'\n";
    let found: Vec<String> =
        unexplained_skips("e2e.sh", script).iter().map(|line| line.split(':').nth(1).unwrap().to_owned()).collect();
    assert_eq!(found, ["1", "3", "4", "6"]);
}
