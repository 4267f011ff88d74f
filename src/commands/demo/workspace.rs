//! The files in a checkout of a service: its version, the team's smoke tests, and the bundle after a build.

use std::{fs, io, path::Path};

use super::{checkout::Checkout, release_day::PlannedRelease, workflows::CHECKS};
use crate::{error::CommandError, report::compact::hex_sha256};

/// The bytes of new code in each file of a bundle in a release.
const NEW_CODE: usize = 2_000;

/// Builds the bundle of the version in production.
///
/// # Errors
/// When a file cannot be written.
pub fn build_previous(workspace: &Path, release: &PlannedRelease) -> io::Result<()> {
    let files = release.bundle.iter().map(|(path, bytes)| (*path, code(path, *bytes)));
    build(workspace, files)
}

/// Builds the bundle of the release and replaces the previous one.
///
/// # Errors
/// When a file cannot be written.
pub fn build_release(workspace: &Path, release: &PlannedRelease) -> io::Result<()> {
    let changed = release.bundle.iter().map(|(path, bytes)| (*path, code(path, bytes + NEW_CODE)));
    let added = release.added_file.iter().map(|(path, bytes)| (*path, code(path, *bytes)));
    build(workspace, changed.chain(added))
}

/// Writes `dist/`. As with bundlers, the name of each file has a hash of its content.
fn build<'a>(workspace: &Path, files: impl Iterator<Item = (&'a str, String)>) -> io::Result<()> {
    let dist = workspace.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    for (path, code) in files {
        let hash = &hex_sha256(code.as_bytes())[..8];
        let path = Path::new(path);
        let hashed = dist.join(path).with_extension(hash);
        let mut name = hashed.into_os_string();
        name.push(".");
        name.push(path.extension().unwrap_or_default());
        if let Some(folder) = Path::new(&name).parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(name, code)?;
    }
    Ok(())
}

/// Text of this many bytes that compresses like minified code. It depends on the path alone: a longer text starts with the
/// shorter one.
fn code(path: &str, bytes: usize) -> String {
    const WORDS: [&str; 24] = [
        "cart", "price", "item", "render", "props", "state", "order", "total", "fetch", "query", "node", "child",
        "index", "value", "label", "event", "click", "style", "width", "async", "await", "error", "retry", "cache",
    ];
    let seed = path.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut code = String::with_capacity(bytes + 64);
    while code.len() < bytes {
        let [one, two, three] = [(); 3].map(|()| WORDS[random.usize(..WORDS.len())]);
        let number = random.u16(..);
        code.push_str(&format!("function {one}_{number:x}({two}){{return {two}.{three}({number})}}"));
    }
    code.truncate(bytes);
    code
}

/// Writes the committed files: the version and the team's smoke tests.
///
/// # Errors
/// Unobservable when a file cannot be written.
pub fn write(checkout: &Checkout, service: &str, version: &str, critical_paths: &[&str]) -> Result<(), CommandError> {
    checkout.write(".gitignore", "/dist\n")?;
    checkout.write("package.json", &format!("{{ \"name\": \"{service}\", \"version\": \"{version}\" }}\n"))?;
    checkout.write(CHECKS, &checks(critical_paths))
}

/// The smoke tests: a request for each critical path.
fn checks(critical_paths: &[&str]) -> String {
    let path = |path: &&str| {
        format!(
            "  {path}:\n    - url: /api/{path}\n      expect:\n        jq: .service == $subject.service and .version == $subject.tag\n"
        )
    };
    format!("paths:\n{}", critical_paths.iter().map(path).collect::<String>())
}
