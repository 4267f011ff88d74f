//! What a checkout of a service holds: its version, the team's smoke test, and after a build the bundle.

use std::{fs, io, path::Path};

use super::{checkout::Checkout, story::Release, workflows::LOAD_RESULTS};
use crate::{error::CommandError, report::compact::hex_sha256};

/// How many bytes of every file of a bundle are new code in a release.
const NEW_CODE: usize = 2_000;

/// Builds what runs in production today.
///
/// # Errors
/// When a file cannot be written.
pub fn build_previous(workspace: &Path, release: &Release) -> io::Result<()> {
    let files = release.bundle.iter().map(|(path, bytes)| (*path, code(path, *bytes)));
    build(workspace, files)
}

/// Builds the release in its place.
///
/// # Errors
/// When a file cannot be written.
pub fn build_release(workspace: &Path, release: &Release) -> io::Result<()> {
    let changed = release.bundle.iter().map(|(path, bytes)| (*path, code(path, bytes + NEW_CODE)));
    let added = release.added.iter().map(|(path, bytes)| (*path, code(path, *bytes)));
    build(workspace, changed.chain(added))
}

/// Writes `dist/`, with a hash of what is in it in each file's name, as bundlers do.
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

/// So many bytes that read, and compress, like minified code; the same for a path in every run, and a longer one begins
/// with the shorter one.
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

/// Writes what is committed beside the bundle's baseline: the version, and the team's smoke test.
///
/// # Errors
/// Unseen when a file cannot be written.
pub fn write(checkout: &Checkout, service: &str, version: &str) -> Result<(), CommandError> {
    checkout.write(".gitignore", &format!("/dist\n/smoke.xml\n/{LOAD_RESULTS}\n"))?;
    checkout.write("package.json", &format!("{{ \"name\": \"{service}\", \"version\": \"{version}\" }}\n"))?;
    checkout.write("smoke.sh", SMOKE)
}

/// Any test runner that writes `JUnit` would do. This one needs no more than a shell: `health` of this very program, in an
/// environment of its own, does what curl would.
const SMOKE: &str = r#"# Asks staging for each critical path, and writes down as JUnit what became of it.
set -u
ask() {
    env -i "$GATES" health --endpoints "$STAGING/api/$1" --attempts 1 \
        --service "$SERVICE" --tag "$TAG" --condition '.service == $subject.service and .version == $subject.tag' 2>&1
}
failed=0
{
    echo '<testsuite name="critical paths">'
    for path in $PATHS; do
        echo "<testcase classname=\"$SERVICE\" name=\"$path\">"
        if answer=$(ask "$path"); then
            echo "$path works" >&2
        else
            printf '<failure><![CDATA[%s]]></failure>\n' "$answer"
            echo "$path does not work" >&2
            failed=1
        fi
        echo '</testcase>'
    done
    echo '</testsuite>'
} >smoke.xml
exit "$failed"
"#;
