//! `promote` against real repositories: what lands, when nothing does, and what is said about it.

#![expect(clippy::unwrap_used, reason = "what cannot be staged is a failed test")]

mod checkouts;
mod evidence;
mod inputs;
mod lost;
mod pushes;
mod races;
mod reports;
mod signals;
mod supersession;
mod tokens;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use promote_gates::{
    report::{Outcome, Report, Run, compact::compact},
    sandbox::infra::Infra,
    verdict::{Finding, Verdict},
    world::clock::{Clock as _, SystemClock, rfc3339},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{Ended, Runner};

const SERVICE: &str = "checkout-service";
const FILE: &str = "apps/checkout-service/overlays/production/kustomization.yaml";
const BEFORE: &str = "ghcr.io/acme/checkout-service:1.4.1";
const AFTER: &str = "ghcr.io/acme/checkout-service:1.4.2";

/// The infra repository, and a folder for clones of it.
struct Shop {
    folder: TempDir,
    infra: Infra,
    /// The commit it starts from.
    first: String,
}

impl Shop {
    fn new() -> Self {
        Self::of(&[SERVICE, "frontend"])
    }

    fn of(services: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let infra = Infra::create(folder.path(), services).unwrap();
        let first = git(infra.path(), &["rev-parse", "main"]);
        Self { folder, infra, first }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A checkout; `options` are those of `git clone`.
    fn checkout(&self, name: &str, options: &[&str]) -> PathBuf {
        // By a path git would clone all of it, whatever depth is asked for.
        let url = format!("file://{}", self.infra.path().display());
        git(self.folder.path(), &[&["clone", "-q"], options, &[&url, name]].concat());
        self.path(name)
    }

    /// A hook of the bare repository, as a shell script.
    fn hook(&self, name: &str, script: &str) {
        let path = self.infra.path().join("hooks").join(name);
        executable(&path, script);
    }

    fn tip(&self) -> String {
        git(self.infra.path(), &["rev-parse", "main"])
    }

    /// What `git log` says of the commits since the first, oldest first.
    fn log(&self, format: &str) -> Vec<String> {
        let range = format!("{}..main", self.first);
        let log = git(self.infra.path(), &["log", "--reverse", &format!("--format={format}"), &range]);
        log.lines().map(ToOwned::to_owned).collect()
    }

    /// The trailers of the last commit, as `git interpret-trailers` reads them.
    fn trailers(&self) -> Vec<String> {
        let message = git(self.infra.path(), &["log", "-1", "--format=%B", "main"]);
        let parsed = fed(self.infra.path(), &["interpret-trailers", "--parse"], &(message + "\n"));
        parsed.lines().map(ToOwned::to_owned).collect()
    }

    /// The tag of a service in production.
    fn tag(&self, service: &str) -> String {
        let file = self.infra.read(&format!("apps/{service}/overlays/production/kustomization.yaml")).unwrap();
        file.lines().find_map(|line| line.trim().strip_prefix("newTag: ")).unwrap().to_owned()
    }

    /// Changes a file from a checkout of its own, and pushes.
    fn edit(&self, path: &str, message: &str, change: impl Fn(&str) -> String) {
        let clone = tempfile::tempdir_in(self.folder.path()).unwrap();
        let dir = clone.path().join("clone");
        self.infra.clone_to(&dir).unwrap();
        let text = fs::read_to_string(dir.join(path)).unwrap();
        fs::write(dir.join(path), change(&text)).unwrap();
        git(&dir, &["commit", "-qam", message]);
        git(&dir, &["push", "-q"]);
    }
}

/// A plain git that knows nobody's configuration; gives what it prints.
fn git(dir: &Path, arguments: &[&str]) -> String {
    fed(dir, arguments, "")
}

fn fed(dir: &Path, arguments: &[&str], stdin: &str) -> String {
    let mut git = Command::new("git");
    git.args(["--no-optional-locks", "-c", "user.name=A", "-c", "user.email=a@shop.invalid"])
        .args(arguments)
        .current_dir(dir)
        .env("HOME", "/nonexistent")
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

fn executable(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What is written into a named pipe, line by line.
fn listen(path: &Path) -> Receiver<String> {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let path = path.to_owned();
    let (heard, lines) = channel();
    thread::spawn(move || {
        // Opening waits for a writer, and reading ends with it: then the next one is waited for.
        while let Ok(pipe) = fs::File::open(&path) {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if heard.send(line).is_err() {
                    return;
                }
            }
        }
    });
    lines
}

/// A step that promotes a service to production and needs no reports.
fn step(checkout: &Path, service: &str, tag: &str) -> Runner {
    Runner::new()
        .input("checkout", &checkout.display().to_string())
        .input("service", service)
        .input("environment", "production")
        .input("tag", tag)
        .input("require", "none")
}

/// Code, verdict, and the state of the effect, which have to agree with each other everywhere.
fn end(ended: &Ended) -> (i32, &str, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    let effects = ended.report["effects"].as_array();
    assert!(effects.is_none_or(|effects| effects.len() == 1), "{effects:?}");
    let effect = ended.report["effects"][0]["state"].as_str().unwrap_or("none");
    (ended.code, &ended.outputs["verdict"], effect)
}

const LANDED: (i32, &str, &str) = (0, "passed", "applied");

/// What a command found in this run about this subject, just now.
fn report(command: &str, verdict: Verdict) -> Report {
    let now = rfc3339(SystemClock::new().wall());
    let mut report = Report::open(command, now.clone());
    report.subject = json_subject("1.4.2");
    report.run = Some(run(7));
    report.close(Ok(Outcome::from(vec![Finding::new("check", verdict).actual("as seen")])), now.clone());
    match command {
        "evidence" => Report { outputs: validated(0, &now), ..report },
        "approval" => Report { outputs: [("approver".to_owned(), "bob".to_owned())].into(), ..report },
        _ => report,
    }
}

/// What `evidence` puts out about a validation of this number, which ended `at`.
fn validated(number: u64, at: &str) -> BTreeMap<String, String> {
    let run = "https://github.com/acme/shop/actions/runs/5/attempts/2";
    [("evidence", format!("{number:064x}")), ("validated-at", at.to_owned()), ("validation-run", run.to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn json_subject(tag: &str) -> promote_gates::subject::Subject {
    json!({ "service": SERVICE, "tag": tag }).to_string().parse().unwrap()
}

/// A run of the workflow that the house plays.
fn run(id: u64) -> Run {
    let url = format!("https://github.com/acme/shop/actions/runs/{id}/attempts/1");
    Run { repository: "acme/shop".to_owned(), id, attempt: 1, url, job: "job".to_owned() }
}

/// `toJSON(needs)` of a job that needs one job for each report.
fn needs(reports: &[Report]) -> String {
    let job = |report: &Report| json!({ "result": "success", "outputs": { "report": compact(report, "").text } });
    let jobs = reports.iter().map(|report| (format!("{}-job", report.command), job(report)));
    Value::Object(jobs.collect()).to_string()
}
