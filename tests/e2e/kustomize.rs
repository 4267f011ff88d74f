//! The image edit compared with `kustomize edit set image`: after either edit, every fixture must render to the same bytes.
//! And `promote` on kustomizations that name images by their repository: kustomize must render the promoted image.
//!
//! Run by `tests/e2e/kustomize.sh`, which builds the kustomize it needs.

#![expect(clippy::unwrap_used, reason = "a test fails if its environment cannot be set up")]

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

/// Image name, new name, tag and digest: the edits of each fixture, each by itself and all in sequence.
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
    /// Whether kubectl renders as well: it contains another version of kustomize.
    kubectl: bool,
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the path of kustomize is a setting of the test, not of the product")]
fn kustomize_renders_the_same_after_either_edit() {
    let Some(kustomize) = std::env::var_os("PROMOTE_GATES_E2E_KUSTOMIZE") else {
        return print("SKIP: PROMOTE_GATES_E2E_KUSTOMIZE is not set; run tests/e2e/kustomize.sh");
    };
    let kubectl =
        Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|output| output.status.success());
    if !kubectl {
        print("SKIP: no kubectl, so only kustomize itself renders");
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
    print(&format!(
        "{} fixtures, {compared} renderings compared, {} different",
        fixtures.len(),
        differences.matches("=== ").count()
    ));
    assert!(compared > 1000, "{compared}");
    assert!(differences.is_empty(), "{differences}");
}

/// The service's image in the kustomizations of `by-repository`, after the promotion.
const PROMOTED: &str =
    "ghcr.io/acme/shop:1.5.0@sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

#[test]
#[expect(clippy::disallowed_methods, reason = "the path of kustomize is a setting of the test, not of the product")]
fn kustomize_renders_the_image_that_promote_set() {
    let Some(kustomize) = std::env::var_os("PROMOTE_GATES_E2E_KUSTOMIZE") else {
        return print("SKIP: PROMOTE_GATES_E2E_KUSTOMIZE is not set; run tests/e2e/kustomize.sh");
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kustomizations/by-repository");
    let all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(all.len() >= 10, "{}", all.len());
    for source in &all {
        let work = TempDir::new().unwrap();
        let checkout = work.path().join("infra");
        let git = |folder: &Path, arguments: &[&str]| {
            let identity = ["-c", "user.name=a", "-c", "user.email=a@shop.invalid", "-c", "init.defaultBranch=main"];
            succeeded(Command::new("git").args(identity).args(arguments).current_dir(folder))
        };
        git(work.path(), &["init", "-q", "--bare", "infra.git"]);
        git(work.path(), &["clone", "-q", "infra.git", "infra"]);
        fs::create_dir(checkout.join("apps")).unwrap();
        succeeded(Command::new("cp").arg("-R").arg(source).arg(checkout.join("apps/shop")));
        git(&checkout, &["add", "."]);
        git(&checkout, &["commit", "-qm", "a shop"]);
        git(&checkout, &["push", "-q", "origin", "HEAD:main"]);
        let overlay = checkout.join("apps/shop/overlays/production");
        let render = || succeeded(Command::new(&kustomize).arg("build").arg(&overlay));
        let before = render();

        let mut promote = Command::new(env!("CARGO_BIN_EXE_promote-gates"));
        let release = ["--service", "shop", "--environment", "production", "--image", PROMOTED];
        promote.args(["promote", "--require", "none"]).args(release).current_dir(&checkout);
        // The program takes every variable of this prefix for an input.
        promote
            .env_remove("GITHUB_ACTIONS")
            .env_remove("PROMOTE_GATES_E2E_KUSTOMIZE")
            .env_remove("PROMOTE_GATES_CACHE");
        succeeded(promote.env("RUNNER_TEMP", work.path()));
        git(&checkout, &["pull", "-q", "origin", "main"]);
        let after = render();

        let changed: Vec<(&str, &str)> =
            before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
        assert_eq!(before.lines().count(), after.lines().count(), "{}", source.display());
        assert!(!changed.is_empty(), "{}: nothing changed\n{after}", source.display());
        for (_, line) in changed {
            assert_eq!(line.trim().trim_start_matches("- "), format!("image: {PROMOTED}"), "{}", source.display());
        }
        let images = |text: &str| text.lines().filter(|line| line.contains("image: ghcr.io/acme/shop:")).count();
        assert_eq!(images(&after), after.matches(PROMOTED).count(), "{}: one is left\n{after}", source.display());
    }
    print(&format!("{} kustomizations that name images by repository: each renders the promoted image", all.len()));
}

struct Fixture<'a> {
    tools: &'a Tools,
    path: &'a Path,
    deployment: &'a str,
}

impl Fixture<'_> {
    /// Returns the number of compared renderings, and a description of the differences.
    fn compare(&self) -> (usize, String) {
        let original = fs::read_to_string(self.path).unwrap();
        let (mut compared, mut found) = (0, String::new());
        // In sequence: each edit starts from the result of the one before.
        let (mut ours_so_far, mut theirs_so_far) = (original.clone(), original.clone());
        for change in CHANGES {
            for in_sequence in [false, true] {
                let (ours, theirs) = if in_sequence { (&ours_so_far, &theirs_so_far) } else { (&original, &original) };
                let (ours, theirs) = (set(ours, change), self.kustomize_set(theirs, change));
                for kubectl in [false, true] {
                    // kubectl is slow to start, so it renders single edits only.
                    if kubectl && (in_sequence || !self.tools.kubectl) {
                        continue;
                    }
                    compared += 1;
                    let (a, b) = (self.render(&ours, kubectl), self.render(&theirs, kubectl));
                    if a != b || !a.contains(&format!("image: {}\n", expected(change))) {
                        writeln!(found, "=== {} {change:?}, kubectl: {kubectl}, in sequence: {in_sequence}\n--- ours\n{ours}\n{a}\n--- kustomize's\n{theirs}\n{b}", self.path.display()).unwrap();
                    }
                }
                if in_sequence {
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

    /// Renders the file as part of another kustomization, because a component cannot be rendered by itself.
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
    let optional = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
    let change =
        ImageChange { name: name.into(), new_name: optional(new_name), tag: optional(tag), digest: optional(digest) };
    set_image(text, &change).unwrap().text
}

/// The expected image in the rendering. Without tag and digest, the manifest's own tag stays.
fn expected((name, new_name, tag, digest): (&str, &str, &str, &str)) -> String {
    let name = if new_name.is_empty() { name } else { new_name };
    let manifest = if tag.is_empty() && digest.is_empty() { ":0.0.0" } else { "" };
    format!("{name}{}{}{manifest}", part(':', tag), part('@', digest))
}

fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{command:?}: {stdout}{stderr}");
    stdout
}

/// Prints to stderr directly, because the test harness hides the output of passing tests.
fn print(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
