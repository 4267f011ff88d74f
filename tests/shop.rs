//! The infra repository of a shop, for the commands that read and change it.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

pub mod histories;
pub mod template;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use promote_gates::{
    clock::{Clock as _, SystemClock},
    sandbox::{
        github::{FakeGitHub, FakeIssue, FakeRun},
        infra::Infra,
    },
};
use tempfile::TempDir;

use crate::house::{Ended, Runner, temp_dir};
use template::Template;

pub const SERVICE: &str = "checkout-service";
pub const FILE: &str = "apps/checkout-service/overlays/production/kustomization.yaml";
pub const BEFORE: &str = "ghcr.io/acme/checkout-service:1.4.1";
pub const AFTER: &str = "ghcr.io/acme/checkout-service:1.4.2";

/// The infra repository, and a folder for clones of it.
pub struct Shop {
    folder: TempDir,
    template: Arc<Template>,
    pub infra: Infra,
    /// Its first commit.
    pub first: String,
}

impl Shop {
    pub fn new() -> Self {
        Self::with_services(&[SERVICE, "frontend"])
    }

    pub fn with_services(services: &[&str]) -> Self {
        let (folder, template) = (temp_dir(), Template::with_services(services));
        Self { infra: template.infra(folder.path()), first: template.first.clone(), template, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A checkout; `options` are those of `git clone`.
    pub fn checkout(&self, name: &str, options: &[&str]) -> PathBuf {
        let url = format!("file://{}", self.infra.path().display());
        self.template.checkout(&self.infra, &url, options, &self.path(name));
        self.path(name)
    }

    /// Adds a hook to the bare repository, as a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        let path = self.infra.path().join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        executable(&path, script);
    }

    pub fn tip(&self) -> String {
        git(self.infra.path(), &["rev-parse", "main"])
    }

    /// The lines of `git log` for the commits since the first, oldest first.
    pub fn log(&self, format: &str) -> Vec<String> {
        let range = format!("{}..main", self.first);
        let log = git(self.infra.path(), &["log", "--reverse", &format!("--format={format}"), &range]);
        log.lines().map(ToOwned::to_owned).collect()
    }

    /// The trailers of the last commit, as `git interpret-trailers` reads them.
    pub fn trailers(&self) -> Vec<String> {
        let message = git(self.infra.path(), &["log", "-1", "--format=%B", "main"]);
        let parsed = git_with_input(self.infra.path(), &["interpret-trailers", "--parse"], &(message + "\n"));
        parsed.lines().map(ToOwned::to_owned).collect()
    }

    /// The tag of a service in production.
    pub fn tag(&self, service: &str) -> String {
        let file = self.infra.read(&format!("apps/{service}/overlays/production/kustomization.yaml")).unwrap();
        file.lines().find_map(|line| line.trim().strip_prefix("newTag:")).unwrap().trim().to_owned()
    }

    /// Commits a change of a file, as another writer.
    pub fn edit(&self, path: &str, message: &str, change: impl Fn(&str) -> String) {
        self.edit_at(None, path, message, change);
    }

    /// The same, with a commit date so many days ago.
    pub fn edit_at(&self, days: Option<i64>, path: &str, message: &str, change: impl Fn(&str) -> String) {
        let text = change(&self.infra.read(path).unwrap());
        commit(&self.infra, &ago(days.unwrap_or_default()), message, Some((path, &text)));
    }
}

/// Commits to the branch of an infra repository at a date in git's format, with or without a change of a file: a push of
/// another writer, in one process.
pub fn commit(infra: &Infra, date: &str, message: &str, change: Option<(&str, &str)>) {
    // `git commit` ends a message with a line break.
    let message = format!("{}\n", message.trim_end());
    let mut stream = format!("commit refs/heads/main\ncommitter A <a@shop.invalid> {}\n", date.trim_start_matches('@'));
    stream += &format!("data {}\n{message}from refs/heads/main^0\n", message.len());
    if let Some((path, text)) = change {
        stream += &format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
    }
    git_with_input(infra.path(), &["fast-import", "--quiet"], &stream);
}

/// Commits a promotion to the ledger at a date in git's format: sets the tag of a service, and records it with these further
/// trailers. Returns the commit.
pub fn commit_promotion(
    infra: &Infra,
    date: &str,
    (service, environment): (&str, &str),
    tag: &str,
    trailers: &str,
) -> String {
    let path = format!("apps/{service}/overlays/{environment}/kustomization.yaml");
    let text = infra.read(&path).unwrap();
    let (line, before) = text.lines().find_map(|line| Some((line, line.trim().strip_prefix("newTag: ")?))).unwrap();
    let image = format!("ghcr.io/acme/{service}");
    let message = format!(
        "promote\n\nService: {service}\nEnvironment: {environment}\nImage: {image}:{tag}\n\
         Previous-Image: {image}:{before}\n{trailers}"
    );
    let text = text.replace(line, &line.replace(before, tag));
    commit(infra, date, &message, Some((&path, &text)));
    git(infra.path(), &["rev-parse", "main"])
}

/// Runs git without the user's and the system's configuration; returns its output.
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    git_with_input(dir, arguments, "")
}

pub fn git_with_input(dir: &Path, arguments: &[&str], stdin: &str) -> String {
    dated(dir, None, arguments, stdin)
}

/// The time so many days ago, in git's format.
pub fn ago(days: i64) -> String {
    let time = SystemClock::new().wall() - jiff::SignedDuration::from_hours(24 * days);
    format!("@{} +0000", time.as_second())
}

fn dated(dir: &Path, date: Option<&str>, arguments: &[&str], stdin: &str) -> String {
    let mut git = Command::new("git");
    git.args(["--no-optional-locks", "-c", "user.name=A", "-c", "user.email=a@shop.invalid", "-c", "gc.auto=0"])
        .args(arguments)
        .current_dir(dir)
        .env("HOME", "/nonexistent")
        .envs(date.into_iter().flat_map(|date| [("GIT_COMMITTER_DATE", date), ("GIT_AUTHOR_DATE", date)]))
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null"), ("LC_ALL", "C")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = git.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub fn executable(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A shop whose infra repository is `acme/infra` on a fake GitHub.
pub struct Scene {
    pub shop: Shop,
    pub fake_github: FakeGitHub,
}

/// The infra repository on GitHub.
pub const INFRA: &str = "acme/infra";
/// A token that may read runs and write issues there.
pub const API_TOKEN: &str = "api-token-of-the-scene";

impl Scene {
    pub fn new() -> Self {
        let fake_github = FakeGitHub::start().unwrap();
        fake_github.create(INFRA);
        fake_github.grant(API_TOKEN, INFRA, &["actions=read", "issues=write"]);
        Self { shop: Shop::new(), fake_github }
    }

    /// Adds a workflow run there that these people have approved.
    pub fn run(&self, id: u64, approvers: &[&str]) {
        let path = ".github/workflows/exception.yml".to_owned();
        let run = FakeRun {
            id,
            path,
            event: "workflow_dispatch".to_owned(),
            actor: "alice".to_owned(),
            ..FakeRun::default()
        };
        self.fake_github.set_run(INFRA, run.in_progress());
        for login in approvers {
            self.fake_github.approve(INFRA, id, "production-emergency", login, "");
        }
    }

    /// A step of that run, in a checkout.
    pub fn step(&self, id: u64, checkout: &Path) -> Runner {
        Runner::new()
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_REPOSITORY", INFRA)
            .env("GITHUB_RUN_ID", &id.to_string())
            .env("GITHUB_REF", "refs/heads/main")
            .env("GITHUB_ACTOR", "alice")
            .input("checkout", &checkout.display().to_string())
            .input("service", SERVICE)
            .input("environment", "production")
            .input("api-token", API_TOKEN)
    }

    /// The commits, the issues, and what violated GitHub's API.
    pub fn written(&self) -> Vec<String> {
        let issues = self.fake_github.issues(INFRA).into_iter().map(|issue| format!("issue, {}", issue.state));
        self.shop.log("%s").into_iter().chain(issues).chain(self.fake_github.violations()).collect()
    }

    /// The open issues. Also checks that no request violated GitHub's API.
    pub fn open_issues(&self) -> Vec<FakeIssue> {
        assert_eq!(self.fake_github.violations(), [""; 0]);
        self.fake_github.issues(INFRA).into_iter().filter(|issue| issue.state == "open").collect()
    }
}

/// The states of all effects in a report, in order.
pub fn effects(ended: &Ended) -> Vec<&str> {
    let effects = ended.report["effects"].as_array().map(Vec::as_slice).unwrap_or_default();
    effects.iter().map(|effect| effect["state"].as_str().unwrap()).collect()
}

/// The exit code, the verdict, and the states of the effects.
pub fn end(ended: &Ended) -> (i32, &str, Vec<&str>) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    (ended.code, &ended.outputs["verdict"], effects(ended))
}

/// The [`end`] of a step that made its commit and opened its issue.
pub fn applied() -> (i32, &'static str, Vec<&'static str>) {
    (0, "passed", vec!["applied", "applied"])
}
