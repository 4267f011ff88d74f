//! `bench/health`: our `health` beside `kubectl rollout status`, on one real control plane, in one run.
//!
//! - `rollouts`: how soon after a rollout is complete each of both has ended, while both watch it;
//! - `failures`: how soon after a state that cannot recover;
//! - `fleet`: what 50 Deployments with 500 pods cost.
//!
//! Both run as the same account, as programs of their own, on the same machine at the same time. Moments and requests are
//! the API server's own (`audit`). Exits with 1 when a bound is not held.

#![expect(clippy::expect_used, reason = "what cannot be staged cannot be measured")]
#![expect(clippy::disallowed_macros, reason = "a program for people, and no step of a job")]

#[path = "../../tests/e2e/cluster/api.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod api;
mod audit;
mod failures;
mod figures;
mod fleet;
#[path = "../../tests/house.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod house;
#[path = "../../tests/e2e/cluster/plane.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod plane;
mod rollouts;
mod side;
#[path = "../../tests/e2e/cluster/workloads.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod workloads;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde_json::{Value, json};

use audit::{Audit, USER};
use figures::{Bounds, megabytes};
use plane::{GATE, Plane};
use side::Sides;

const BAD_INPUT: u8 = 2;
/// What `.ci/run` takes for a part that could not run.
const SKIPPED: u8 = 77;

struct Args {
    binary: PathBuf,
    kubectl: PathBuf,
    rollouts: u32,
    /// kubectl's, in seconds.
    deadline: u32,
}

impl Args {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let released = format!("dist/promote-gates-{}-linux", env::consts::ARCH);
        let mut args = Self { binary: released.into(), kubectl: "kubectl".into(), rollouts: 20, deadline: 120 };
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || match value.parse() {
                Ok(number) if (1..=1000).contains(&number) => Ok(number),
                _ => Err(format!("{name} is a whole number from 1 to 1000, and not {value:?}")),
            };
            match name.as_str() {
                "--binary" => args.binary = value.into(),
                "--kubectl" => args.kubectl = value.into(),
                "--rollouts" => args.rollouts = number()?,
                "--deadline" => args.deadline = number()?,
                _ => return Err(format!("{name} is none of --binary, --kubectl, --rollouts and --deadline")),
            }
        }
        args.binary = fs::canonicalize(&args.binary).map_err(|error| format!("{}: {error}", args.binary.display()))?;
        let help = said(Command::new(&args.binary).args(["health", "--help"]));
        if !help.is_some_and(|help| help.contains("--workload")) {
            return Err(format!("{} knows no `health --workload`: name one with --binary", args.binary.display()));
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let mut args = match Args::read(env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) => {
            eprintln!("bench/health: {wrong}");
            return BAD_INPUT.into();
        }
    };
    let Some((kubectl, version)) = kubectl(&args.kubectl) else {
        eprintln!("SKIPPED: no kubectl on this machine to compare with");
        return SKIPPED.into();
    };
    args.kubectl = kubectl;
    let size = fs::metadata(&args.binary).map_or(0, |file| file.len());
    println!("{} ({:.1} MB) beside kubectl {version}", args.binary.display(), megabytes(size));
    println!("load of this machine before: {}", load());

    let folder = tempfile::tempdir().expect("a folder");
    let (audit, flags) = Audit::new(folder.path());
    let plane = Plane::start_with(flags);
    allow(&plane);
    let sides = Sides::new(args.binary, args.kubectl, &plane.kubeconfig(GATE, "default"));
    let mut bounds = Bounds::default();
    // kubectl waits for its deadline meanwhile, and does nothing else.
    let failures = failures::start(&plane, &audit, &sides, args.deadline);
    rollouts::compare(&plane, &audit, &sides, args.rollouts, &mut bounds);
    fleet::compare(&plane, &audit, &sides, &mut bounds);
    failures::compare(failures, args.deadline, &mut bounds);
    println!("load of this machine after: {}", load());
    for broken in bounds.broken() {
        println!("NOT HELD: {broken}");
    }
    u8::from(!bounds.broken().is_empty()).into()
}

/// The one to measure, and its version. Google's is a dispatcher, which asks the server for its version and starts
/// another one: that one is measured, by itself.
fn kubectl(given: &Path) -> Option<(PathBuf, String)> {
    let path = if given.components().count() > 1 { fs::canonicalize(given).ok()? } else { on_path(given)? };
    let version = said(Command::new(&path).args(["version", "--client", "--output=json"]))?;
    let version: Value = serde_json::from_str(&version).ok()?;
    let version = version["clientVersion"]["gitVersion"].as_str()?;
    let Some(version) = version.strip_suffix("-dispatcher") else {
        return Some((path, version.to_owned()));
    };
    let mut parts = version.trim_start_matches('v').split('.');
    let name = format!("kubectl.{}.{}", parts.next()?, parts.next()?);
    let direct = fs::canonicalize(&path).ok()?.with_file_name(name);
    Some(if direct.exists() { (direct, version.to_owned()) } else { (path, format!("{version} (a dispatcher)")) })
}

#[expect(clippy::disallowed_methods, reason = "where a shell would find it")]
fn on_path(name: &Path) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Averages over 1, 5 and 15 minutes, as uptime(1) tells them.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Lets the account of both do everything.
fn allow(plane: &Plane) {
    let api = "rbac.authorization.k8s.io";
    let all = json!({
        "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "bench" },
        "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": api, "kind": "User", "name": USER }],
    });
    plane.api.create(&format!("/apis/{api}/v1/clusterrolebindings"), &all);
}
