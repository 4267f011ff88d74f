//! The image edit held against kustomize's own: after either of the two, every fixture has to render to the same bytes.
//!
//! Run by `tests/e2e/kustomize.sh`, which builds the kustomize it needs.

#![expect(clippy::unwrap_used, reason = "what cannot be staged is a failed test")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use promote_gates::kustomization::{ImageChange, set_image};
use tempfile::TempDir;

const DIGEST: &str = "sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

/// New name, tag, digest: what each fixture's images are set to, one by one and one after the other.
const CHANGES: [(&str, &str, &str, &str); 20] = [
    ("checkout-service", "ghcr.io/acme/checkout-service", "v1.5.0", ""),
    ("checkout-service", "ghcr.io/acme/checkout-service", "1.10", DIGEST),
    ("checkout-service", "ghcr.io/acme/checkout-service", "", DIGEST),
    ("checkout-service", "", "v1.5.0", ""),
    ("checkout-service", "", "", DIGEST),
    ("checkout-service", "checkout-service", "v1.5.0", DIGEST),
    ("checkout-service", "ghcr.io/acme/moved", "", ""),
    ("localhost:5000/checkout", "localhost:5000/checkout", "v1.5.0", ""),
    ("localhost:5000/checkout", "registry.example:8443/checkout", "1.5.0", DIGEST),
    ("redis", "", "0123", ""),
    ("redis", "", "1e3", ""),
    ("redis", "", "true", ""),
    ("redis", "null", "null", ""),
    ("redis", "on", "2024-01-01", ""),
    ("redis", "", "0x1F", ""),
    ("redis", "y", "1_000", ""),
    ("nginx", "registry.example/nginx", "12e4567", ""),
    ("nginx", "", "1.4.2", ""),
    ("nginx", "", "_.-_", DIGEST),
    ("envoyproxy/envoy", "123/envoy", "NaN", ""),
];

struct Tools {
    kustomize: PathBuf,
    /// Renders with the kustomize that clusters' users have: another version, another reader of the same file.
    kubectl: bool,
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "which kustomize to hold against is a setting of the test, not of the product"
)]
fn kustomize_renders_the_same_after_either_edit() {
    let Some(kustomize) = std::env::var_os("PROMOTE_GATES_E2E_KUSTOMIZE") else {
        return say("SKIP: PROMOTE_GATES_E2E_KUSTOMIZE names no kustomize; run tests/e2e/kustomize.sh");
    };
    let kubectl =
        Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|output| output.status.success());
    if !kubectl {
        say("SKIP: no kubectl, so only kustomize itself renders");
    }
    let tools = Tools { kustomize: kustomize.into(), kubectl };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kustomizations");
    let fixtures: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    assert!(fixtures.len() > 30, "{}", fixtures.len());
    let deployment = fs::read_to_string(folder.join("resources/deployment.yaml")).unwrap();

    let (next, compared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let differences = Mutex::new(String::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = fixtures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let fixture = Fixture { tools: &tools, path, deployment: &deployment };
                    let (count, found) = fixture.compare();
                    compared.fetch_add(count, Ordering::Relaxed);
                    differences.lock().unwrap().push_str(&found);
                }
            });
        }
    });
    let (compared, differences) = (compared.into_inner(), differences.into_inner().unwrap());
    say(&format!(
        "{} fixtures, {compared} renderings compared, {} different",
        fixtures.len(),
        differences.matches("=== ").count()
    ));
    assert!(compared > 1000, "{compared}");
    assert!(differences.is_empty(), "{differences}");
}

struct Fixture<'a> {
    tools: &'a Tools,
    path: &'a Path,
    deployment: &'a str,
}

impl Fixture<'_> {
    /// How many renderings were compared, and what differed.
    fn compare(&self) -> (usize, String) {
        let original = fs::read_to_string(self.path).unwrap();
        let (mut compared, mut found) = (0, String::new());
        // In a row: later edits meet what earlier ones left.
        let (mut ours_so_far, mut theirs_so_far) = (original.clone(), original.clone());
        for change in CHANGES {
            for in_a_row in [false, true] {
                let (ours, theirs) = if in_a_row { (&ours_so_far, &theirs_so_far) } else { (&original, &original) };
                let (ours, theirs) = (set(ours, change), self.kustomize_set(theirs, change));
                for kubectl in [false, true] {
                    // kubectl is slow to start; what it adds shows on single edits.
                    if kubectl && (in_a_row || !self.tools.kubectl) {
                        continue;
                    }
                    compared += 1;
                    let (a, b) = (self.render(&ours, kubectl), self.render(&theirs, kubectl));
                    if a != b || !a.contains(&format!("image: {}\n", expected(change))) {
                        writeln!(found, "=== {} {change:?}, kubectl: {kubectl}, in a row: {in_a_row}\n--- ours\n{ours}\n{a}\n--- kustomize's\n{theirs}\n{b}", self.path.display()).unwrap();
                    }
                }
                if in_a_row {
                    (ours_so_far, theirs_so_far) = (ours, theirs);
                }
            }
        }
        (compared, found)
    }

    fn kustomize_set(&self, text: &str, (name, new_name, tag, digest): (&str, &str, &str, &str)) -> String {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("kustomization.yaml");
        fs::write(&file, text).unwrap();
        let image = if new_name.is_empty() { name.to_owned() } else { format!("{name}={new_name}") };
        let image = image + &part(':', tag) + &part('@', digest);
        succeeded(
            Command::new(&self.tools.kustomize).args(["edit", "set", "image", &image]).current_dir(folder.path()),
        );
        fs::read_to_string(file).unwrap()
    }

    /// Rendered as a part of something else: a component cannot be rendered by itself.
    fn render(&self, text: &str, kubectl: bool) -> String {
        let folder = TempDir::new().unwrap();
        let part = folder.path().join("part");
        fs::create_dir(&part).unwrap();
        fs::write(part.join("kustomization.yaml"), text).unwrap();
        fs::write(part.join("deployment.yaml"), self.deployment).unwrap();
        let key = if text.contains("kind: Component") { "components" } else { "resources" };
        fs::write(folder.path().join("kustomization.yaml"), format!("{key}: [part]\n")).unwrap();
        let mut command = if kubectl { Command::new("kubectl") } else { Command::new(&self.tools.kustomize) };
        succeeded(command.arg(if kubectl { "kustomize" } else { "build" }).arg(folder.path()))
    }
}

fn part(mark: char, part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{mark}{part}") }
}

fn set(text: &str, (name, new_name, tag, digest): (&str, &str, &str, &str)) -> String {
    let given = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
    let change = ImageChange { name: name.into(), new_name: given(new_name), tag: given(tag), digest: given(digest) };
    set_image(text, &change).unwrap().text
}

/// The image as it has to come out, up to its tag: without tag and digest the manifest's own stay.
fn expected((name, new_name, tag, digest): (&str, &str, &str, &str)) -> String {
    let name = if new_name.is_empty() { name } else { new_name };
    let manifest = if tag.is_empty() && digest.is_empty() { ":0.0.0" } else { "" };
    format!("{name}{}{}{manifest}", part(':', tag), part('@', digest))
}

fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Past the test harness, which keeps what a passing test prints to itself.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
