//! `bench/health`: compares `health` with its peers, `kubectl rollout status` and Helm's `--wait`.
//!
//! - `verdicts`: the time from a release that fails to the verdict of each program, on real kubelets;
//! - `rollouts`: the time from a complete rollout to the exit of each program, while both watch it;
//! - `fleet`: the memory, time and requests for 50 Deployments with 500 pods;
//! - `busy_namespace`: the memory and time for one Deployment beside 5,000 pods of others.
//!
//! All programs use the same account and machine, at the same time or in turn. Requests come from the API server's audit log
//! (`audit_log`). Exits with 1 if a goal is missed. bench/README.md says how to read what it prints.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[path = "../../tests/e2e/cluster/api.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod api;
mod audit_log;
mod busy_namespace;
#[path = "../../tests/e2e/kubelet/cluster.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod cluster;
#[path = "../../tests/e2e/cluster/control_plane.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod control_plane;
mod figures;
mod fleet;
#[path = "../goals.rs"]
#[expect(dead_code, reason = "shared with another benchmark")]
mod goals;
#[path = "../../tests/house.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod house;
#[path = "../../tests/e2e/kubelet/node.rs"]
mod node;
mod programs;
#[path = "../../tests/e2e/kubelet/registry.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod registry;
mod rollouts;
#[path = "../../tests/e2e/kubelet/story.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod story;
mod verdicts;
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
use control_plane::{ControlPlane, GATE, tool};
use figures::megabytes;
use goals::Goals;
use programs::{Paths, Programs};

const BAD_INPUT: u8 = 2;
/// `.ci/run` counts this exit code as skipped.
const SKIPPED: u8 = 77;

struct Args {
    paths: Paths,
    /// How many releases the rollouts have.
    rollouts: u32,
    /// How often everything else is repeated.
    runs: u32,
    /// The deadline of the peers for a release that fails, in seconds.
    deadline: u32,
}

impl Args {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let released = format!("dist/promote-gates-{}-linux", env::consts::ARCH);
        let paths = Paths { binary: released.into(), kubectl: "kubectl".into(), helm: None };
        let mut args = Self { paths, rollouts: 20, runs: 5, deadline: 150 };
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = |longest| match value.parse() {
                Ok(number) if (1..=longest).contains(&number) => Ok(number),
                _ => Err(format!("{name} is {value:?}; expected a whole number from 1 to {longest}")),
            };
            match name.as_str() {
                "--binary" => args.paths.binary = value.into(),
                "--kubectl" => args.paths.kubectl = value.into(),
                "--helm" => args.paths.helm = (!value.is_empty()).then(|| value.into()),
                "--rollouts" => args.rollouts = number(1000)?,
                "--runs" => args.runs = number(20)?,
                "--deadline" => args.deadline = number(250)?,
                _ => {
                    return Err(format!(
                        "unknown argument {name}; expected --binary, --kubectl, --helm, --rollouts, --runs or --deadline"
                    ));
                }
            }
        }
        let binary = &mut args.paths.binary;
        *binary = fs::canonicalize(&*binary).map_err(|error| format!("{}: {error}", binary.display()))?;
        let help = stdout_of(Command::new(&*binary).args(["health", "--help"]));
        if !help.is_some_and(|help| help.contains("--stabilize")) {
            return Err(format!(
                "{} does not support `health --stabilize`; choose another binary with --binary",
                binary.display()
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
    let Some((kubectl, version)) = kubectl(&args.paths.kubectl) else {
        eprintln!("SKIPPED: kubectl is not installed");
        return SKIPPED.into();
    };
    args.paths.kubectl = kubectl;
    let paths = &args.paths;
    let size = fs::metadata(&paths.binary).map_or(0, |file| file.len());
    let of_binary = stdout_of(Command::new(&paths.binary).arg("--version")).unwrap_or_default();
    println!("{}: {} ({:.1} MB)", paths.binary.display(), of_binary.trim(), megabytes(size));
    println!("kubectl: {version}");
    let helm = paths.helm.as_ref().and_then(|helm| stdout_of(Command::new(helm).args(["version", "--short"])));
    println!("helm: {}", helm.as_deref().map_or("left out", str::trim));
    let etcd = stdout_of(Command::new(tool("PROMOTE_GATES_E2E_ETCD")).arg("--version")).unwrap_or_default();
    println!("etcd: {}", etcd.lines().next().unwrap_or_default().trim_start_matches("etcd Version: "));
    println!("figures: the median (the lowest to the highest); load of this machine before: {}", load());

    let mut goals = Goals::default();
    if has_kubelets() {
        verdicts::compare(paths, args.runs, args.deadline, &mut goals);
    } else {
        goals.unmeasured(verdicts::NOT_FOUND_GOAL, "no kubelet runs here");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (audit_log, flags) = AuditLog::new(folder.path());
    let control_plane = ControlPlane::start_with(flags);
    grant_all(&control_plane);
    let programs = Programs::new(paths, &control_plane.kubeconfig(GATE, "default"));
    rollouts::compare(&control_plane, &audit_log, &programs, args.rollouts, &mut goals);
    fleet::compare(&control_plane, &audit_log, &programs, args.runs, &mut goals);
    busy_namespace::compare(&control_plane, &programs, args.runs, &mut goals);
    println!("\nload of this machine after: {}\n\ngoals:", load());
    for line in goals.lines() {
        println!("  {line}");
    }
    u8::from(goals.missed()).into()
}

/// Whether `kubelet.sh` has set up what real kubelets need.
#[expect(clippy::disallowed_methods, reason = "kubelet.sh sets the paths of the programs")]
fn has_kubelets() -> bool {
    env::var_os("PROMOTE_GATES_E2E_KUBELET").is_some()
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

/// Grants the account of the programs all permissions.
fn grant_all(control_plane: &ControlPlane) {
    let api = "rbac.authorization.k8s.io";
    let all = json!({
        "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "bench" },
        "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": api, "kind": "User", "name": USER }],
    });
    control_plane.api.create(&format!("/apis/{api}/v1/clusterrolebindings"), &all);
}
