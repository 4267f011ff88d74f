//! `bench/health`: compares `health` with `kubectl rollout status` on one real control plane.
//!
//! - `rollouts`: the time from a complete rollout to the exit of each program, while both watch it;
//! - `failures`: the time from an unrecoverable state to the exit of each program;
//! - `fleet`: the memory, time and requests for 50 Deployments with 500 pods;
//! - `busy_namespace`: the memory and time for one Deployment beside 5,000 other pods.
//!
//! Both programs use the same account and machine at the same time. Times and requests come from the API server's audit
//! log (`audit_log`). Exits with 1 if a bound is violated.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[path = "../../tests/e2e/cluster/api.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod api;
mod audit_log;
mod busy_namespace;
#[path = "../../tests/e2e/cluster/control_plane.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod control_plane;
mod failures;
mod figures;
mod fleet;
#[path = "../../tests/house.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod house;
mod programs;
mod rollouts;
#[path = "../../tests/e2e/cluster/workloads.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod workloads;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde_json::{Value, json};

use audit_log::{AuditLog, USER};
use control_plane::{ControlPlane, GATE};
use figures::{Bounds, megabytes};
use programs::Programs;

const BAD_INPUT: u8 = 2;
/// `.ci/run` counts this exit code as skipped.
const SKIPPED: u8 = 77;

struct Args {
    binary: PathBuf,
    kubectl: PathBuf,
    rollouts: u32,
    /// The timeout of kubectl, in seconds.
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
                _ => Err(format!("{name} is {value:?}; expected a whole number from 1 to 1000")),
            };
            match name.as_str() {
                "--binary" => args.binary = value.into(),
                "--kubectl" => args.kubectl = value.into(),
                "--rollouts" => args.rollouts = number()?,
                "--deadline" => args.deadline = number()?,
                _ => {
                    return Err(format!(
                        "unknown argument {name}; expected --binary, --kubectl, --rollouts or --deadline"
                    ));
                }
            }
        }
        args.binary = fs::canonicalize(&args.binary).map_err(|error| format!("{}: {error}", args.binary.display()))?;
        let help = stdout_of(Command::new(&args.binary).args(["health", "--help"]));
        if !help.is_some_and(|help| help.contains("--workload")) {
            return Err(format!(
                "{} does not support `health --workload`; choose another binary with --binary",
                args.binary.display()
            ));
        }
        Ok(args)
    }
}

fn main() -> ExitCode {
    let mut args = match Args::read(env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("bench/health: {message}");
            return BAD_INPUT.into();
        }
    };
    let Some((kubectl, version)) = kubectl(&args.kubectl) else {
        eprintln!("SKIPPED: kubectl is not installed");
        return SKIPPED.into();
    };
    args.kubectl = kubectl;
    let size = fs::metadata(&args.binary).map_or(0, |file| file.len());
    println!("{} ({:.1} MB) compared with kubectl {version}", args.binary.display(), megabytes(size));
    println!("load of this machine before: {}", load());

    let folder = tempfile::tempdir().expect("a folder");
    let (audit_log, flags) = AuditLog::new(folder.path());
    let control_plane = ControlPlane::start_with(flags);
    grant_all(&control_plane);
    let programs = Programs::new(args.binary, args.kubectl, &control_plane.kubeconfig(GATE, "default"));
    let mut bounds = Bounds::default();
    // kubectl waits for its deadline while the other measurements run.
    let failures = failures::start(&control_plane, &audit_log, &programs, args.deadline);
    rollouts::compare(&control_plane, &audit_log, &programs, args.rollouts, &mut bounds);
    fleet::compare(&control_plane, &audit_log, &programs, &mut bounds);
    busy_namespace::compare(&control_plane, &programs, &mut bounds);
    failures::compare(failures, args.deadline, &mut bounds);
    println!("load of this machine after: {}", load());
    for bound in bounds.violated() {
        println!("VIOLATED: {bound}");
    }
    u8::from(!bounds.violated().is_empty()).into()
}

/// The path and version of the kubectl to measure. Google's kubectl is a dispatcher that starts another binary for the
/// server's version; this returns that binary.
fn kubectl(given: &Path) -> Option<(PathBuf, String)> {
    let path = if given.components().count() > 1 { fs::canonicalize(given).ok()? } else { on_path(given)? };
    let version = stdout_of(Command::new(&path).args(["version", "--client", "--output=json"]))?;
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

#[expect(clippy::disallowed_methods, reason = "searches PATH, as a shell does")]
fn on_path(name: &Path) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn stdout_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The load averages over 1, 5 and 15 minutes, as uptime(1) prints them.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Grants the account of both programs all permissions.
fn grant_all(control_plane: &ControlPlane) {
    let api = "rbac.authorization.k8s.io";
    let all = json!({
        "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "bench" },
        "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": api, "kind": "User", "name": USER }],
    });
    control_plane.api.create(&format!("/apis/{api}/v1/clusterrolebindings"), &all);
}
