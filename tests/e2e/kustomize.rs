//! The image edit compared with `kustomize edit set image`: after either edit, every fixture must render to the same bytes.
//! And `promote` on kustomizations that name images by their repository: the promoted image must be rendered.
//!
//! kustomize renders, and kubectl, which contains it. Run by `tests/e2e/kustomize.sh`, which builds both.

#![expect(clippy::unwrap_used, reason = "a test fails if its environment cannot be set up")]

mod render_tools;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use promote_gates::kustomization::{ImageChange, set_image};
use render_tools::{print, succeeded, tool};
use tempfile::TempDir;

const DIGEST: &str = "sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

/// Image name, new name, tag and digest.
type Change = (&'static str, &'static str, &'static str, &'static str);

/// The edits of each fixture, each by itself and all in sequence.
const CHANGES: [Change; 20] = [
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
    kubectl: PathBuf,
}

impl Tools {
    fn find() -> Option<Self> {
        Some(Self { kustomize: tool("KUSTOMIZE")?, kubectl: tool("KUBECTL")? })
    }

    /// Renders a folder with each of both.
    fn render(&self, folder: &Path) -> [(&'static str, String); 2] {
        [
            ("kustomize", succeeded(Command::new(&self.kustomize).arg("build").arg(folder))),
            ("kubectl", succeeded(render_tools::kubectl(&self.kubectl, &["kustomize"]).arg(folder))),
        ]
    }
}

#[test]
fn the_same_is_rendered_after_either_edit() {
    let Some(tools) = Tools::find() else { return };
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
    assert!(compared > 2000, "{compared}");
    assert!(differences.is_empty(), "{differences}");
}

/// The service's image in the kustomizations of `by-repository`, after the promotion.
const PROMOTED: &str =
    "ghcr.io/acme/shop:1.5.0@sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

#[test]
fn the_image_that_promote_set_is_rendered() {
    let Some(tools) = Tools::find() else { return };
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
        let all_before = tools.render(&overlay);

        let mut promote = Command::new(env!("CARGO_BIN_EXE_promote-gates"));
        let release = ["--service", "shop", "--environment", "production", "--image", PROMOTED];
        promote.args(["promote", "--require", "none"]).args(release).current_dir(&checkout);
        // The program takes every variable of this prefix for an input.
        promote
            .env_remove("GITHUB_ACTIONS")
            .env_remove("PROMOTE_GATES_E2E_KUSTOMIZE")
            .env_remove("PROMOTE_GATES_E2E_KUBECTL")
            .env_remove("PROMOTE_GATES_CACHE");
        succeeded(promote.env("RUNNER_TEMP", work.path()));
        git(&checkout, &["pull", "-q", "origin", "main"]);
        for ((by, before), (_, after)) in all_before.iter().zip(tools.render(&overlay)) {
            let what = format!("{}, by {by}", source.display());
            let changed: Vec<(&str, &str)> =
                before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
            assert_eq!(before.lines().count(), after.lines().count(), "{what}");
            assert!(!changed.is_empty(), "{what}: nothing changed\n{after}");
            for (_, line) in changed {
                assert_eq!(line.trim().trim_start_matches("- "), format!("image: {PROMOTED}"), "{what}");
            }
            let images = after.lines().filter(|line| line.contains("image: ghcr.io/acme/shop:")).count();
            assert_eq!(images, after.matches(PROMOTED).count(), "{what}: one is left\n{after}");
        }
    }
    print(&format!(
        "{} kustomizations that name images by repository: both render the promoted image of each",
        all.len()
    ));
}

struct Fixture<'a> {
    tools: &'a Tools,
    path: &'a Path,
    deployment: &'a str,
}

/// An edit of a fixture by our own code, and the same one by kustomize.
struct Edit {
    change: Change,
    /// Whether it starts from the result of the change before, and not from the fixture.
    in_sequence: bool,
    ours: String,
    theirs: String,
}

impl Fixture<'_> {
    /// Returns the number of compared renderings, and a description of the differences.
    fn compare(&self) -> (usize, String) {
        let edits = self.edits();
        let (ours, theirs) = (self.render(&edits, |edit| &edit.ours), self.render(&edits, |edit| &edit.theirs));
        let (mut compared, mut found) = (0, String::new());
        for ((by, ours), (_, theirs)) in ours.iter().zip(&theirs) {
            for ((edit, a), b) in edits.iter().zip(ours).zip(theirs) {
                compared += 1;
                if a != b || !a.contains(&format!("image: {}\n", expected(edit.change))) {
                    let Edit { change, in_sequence, ours, theirs } = edit;
                    writeln!(found, "=== {} {change:?}, rendered by {by}, in sequence: {in_sequence}\n--- ours\n{ours}\n{a}\n--- kustomize's\n{theirs}\n{b}", self.path.display()).unwrap();
                }
            }
        }
        (compared, found)
    }

    fn edits(&self) -> Vec<Edit> {
        let original = fs::read_to_string(self.path).unwrap();
        let edit = |change, in_sequence, ours: &str, theirs: &str| Edit {
            change,
            in_sequence,
            ours: set(ours, change),
            theirs: self.kustomize_set(theirs, change),
        };
        let (mut edits, mut ours, mut theirs) = (Vec::new(), original.clone(), original.clone());
        for change in CHANGES {
            edits.push(edit(change, false, &original, &original));
            let next = edit(change, true, &ours, &theirs);
            (ours, theirs) = (next.ours.clone(), next.theirs.clone());
            edits.push(next);
        }
        edits
    }

    fn kustomize_set(&self, text: &str, (name, new_name, tag, digest): Change) -> String {
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

    /// What each tool renders of one side of all edits, in one run: the tools are slow to start. Each text is part of another
    /// kustomization, because a component cannot be rendered by itself, and its resources get a prefix of their own.
    fn render(&self, edits: &[Edit], side: fn(&Edit) -> &String) -> [(&'static str, Vec<String>); 2] {
        let folder = TempDir::new().unwrap();
        let mut all = String::from("resources:\n");
        for (index, text) in edits.iter().map(side).enumerate() {
            let part = folder.path().join(format!("edit-{index}/part"));
            fs::create_dir_all(&part).unwrap();
            fs::write(part.join("kustomization.yaml"), text).unwrap();
            fs::write(part.join("deployment.yaml"), self.deployment).unwrap();
            let key = if text.contains("kind: Component") { "components" } else { "resources" };
            let prefixed = format!("namePrefix: edit-{index}-\n{key}: [part]\n");
            fs::write(folder.path().join(format!("edit-{index}/kustomization.yaml")), prefixed).unwrap();
            writeln!(all, "- edit-{index}").unwrap();
        }
        fs::write(folder.path().join("kustomization.yaml"), all).unwrap();
        self.tools.render(folder.path()).map(|(by, rendered)| {
            let mut of_edits = vec![String::new(); edits.len()];
            for resource in rendered.trim_end().split("\n---\n") {
                let name = resource.lines().find_map(|line| line.strip_prefix("  name: edit-"));
                let index = name.and_then(|name| name.split('-').next()?.parse::<usize>().ok());
                of_edits[index.unwrap_or_else(|| panic!("the name has no prefix: {resource}"))] +=
                    &format!("{resource}\n");
            }
            (by, of_edits)
        })
    }
}

fn part(mark: char, part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{mark}{part}") }
}

fn set(text: &str, (name, new_name, tag, digest): Change) -> String {
    let optional = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
    let change =
        ImageChange { name: name.into(), new_name: optional(new_name), tag: optional(tag), digest: optional(digest) };
    set_image(text, &change).unwrap().text
}

/// The expected image in the rendering. Without tag and digest, the manifest's own tag stays.
fn expected((name, new_name, tag, digest): Change) -> String {
    let name = if new_name.is_empty() { name } else { new_name };
    let manifest = if tag.is_empty() && digest.is_empty() { ":0.0.0" } else { "" };
    format!("{name}{}{}{manifest}", part(':', tag), part('@', digest))
}
