//! Counted: of many crash loops none passes at the defaults, and of many good rollouts none blocks. All run at the same time,
//! each in its own namespace.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    changes::drain,
    control_plane::{tool, until},
    crashes::{out_of_memory, with_init, with_sidecar},
    house::Ended,
    story::{ARGO, BLOCKED, PASSED, RUNS, Story, container, note, pod},
};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// What one rollout of a series does, and returns the end of its gate.
type Rollout = Box<dyn FnOnce(&str) -> (Ended, String) + Send>;

/// Runs all at once, and notes how many ended with `code`; returns the others.
fn run_all(series: &str, code: i32, rollouts: Vec<(String, Rollout)>) {
    let total = rollouts.len();
    let ends: Vec<(Ended, String)> = thread::scope(|scope| {
        let running: Vec<_> = rollouts
            .into_iter()
            .map(|(name, rollout)| scope.spawn(move || rollout(&format!("{series}-{name}"))))
            .collect();
        running.into_iter().map(|one| one.join().expect("a rollout")).collect()
    });
    let count = |code: i32| ends.iter().filter(|(end, _)| end.code == code).count();
    let (passed, blocked) = (count(PASSED), count(BLOCKED));
    note(&format!(
        "series {series}: of {total}, {passed} passed, {blocked} blocked, {} other\n",
        total - passed - blocked
    ));
    let unexpected: Vec<String> =
        ends.iter().filter(|(end, _)| end.code != code).map(|(end, line)| format!("{line}{}", end.log)).collect();
    assert!(unexpected.is_empty(), "{series}: {} of {total}:\n{}", unexpected.len(), unexpected.join("\n"));
}

fn with_probe(kind: &str, script: &str, probe: Value) -> Value {
    let mut spec = pod(script);
    spec["containers"][0][kind] = probe;
    spec
}

fn fast_liveness() -> Value {
    let probe = json!({ "exec": { "command": ["test", "-e", "/alive"] }, "periodSeconds": 2, "failureThreshold": 2 });
    with_probe("livenessProbe", RUNS, probe)
}

#[test]
fn of_20_crash_loops_none_passes() {
    let mut rollouts: Vec<(String, Rollout)> = Vec::new();
    for kind in KINDS {
        for (name, spec) in [
            ("at-once", pod("exit 3")),
            ("after-2s", pod("sleep 2; exit 3")),
            ("memory", out_of_memory()),
            ("liveness", fast_liveness()),
            ("sidecar", with_sidecar("sleep 1; exit 3")),
            ("init", with_init("exit 3")),
        ] {
            let rollout: Rollout =
                Box::new(move |name| Story::new(name).of_kind(kind).deploy(1, &spec).run(|_| {}, BLOCKED));
            rollouts.push((format!("{}-{name}", kind.to_lowercase()), rollout));
        }
    }
    // The gate starts after the first crash.
    for kind in ["Deployment", "StatefulSet"] {
        let rollout: Rollout = Box::new(move |name| {
            let story = Story::new(name).of_kind(kind).deploy(1, &pod("sleep 5; exit 3"));
            story.await_pod("pod that restarted", |pod| {
                pod["status"]["containerStatuses"][0]["restartCount"].as_u64().is_some_and(|restarts| restarts > 0)
            });
            story.run(|_| {}, BLOCKED)
        });
        rollouts.push((format!("{}-late-gate", kind.to_lowercase()), rollout));
    }
    assert_eq!(rollouts.len(), 20);
    run_all("crash-loops", BLOCKED, rollouts);
}

/// A container that crashes the first time, and then runs.
fn first_crash() -> Value {
    let mut spec = pod(&format!("test -e /data/started || {{ touch /data/started; exit 3; }}; {RUNS}"));
    spec["volumes"] = json!([{ "name": "data", "emptyDir": {} }]);
    spec["containers"][0]["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    spec
}

fn sidecar_and_init() -> Value {
    let mut spec = with_sidecar(RUNS);
    let init = spec["initContainers"].as_array_mut().expect("init containers");
    init.push(container("migrate", "sleep 5"));
    spec
}

/// Waits while the gate runs.
#[expect(clippy::disallowed_methods, reason = "the time in which a controller reports something")]
fn wait(time: Duration) {
    let began = Instant::now();
    until("end of a wait", || (began.elapsed() >= time).then_some(()));
}

/// An Argo CD Application that leaves Healthy for three seconds.
fn progressing(name: &str) -> (Ended, String) {
    let story = Story::new(name).of_kind("Application").setting("image", "");
    let api = &story.cluster.control_plane.api;
    let definition = tool("PROMOTE_GATES_E2E_DEFINITIONS").join("applications.yaml");
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    if api.try_get(&format!("{definitions}/applications.argoproj.io")).is_err() {
        api.create_from_yaml(definitions, &fs::read_to_string(definition).expect("a definition"));
    }
    until("applications that are served", || api.try_get(&format!("/apis/{ARGO}/applications")).ok());
    let source = json!({ "repoURL": "https://example.com/acme/infra", "path": "shop", "targetRevision": "main" });
    let destination = json!({ "server": "https://kubernetes.default.svc", "namespace": "shop" });
    let all = story.workloads();
    let spec = json!({ "project": "default", "source": source, "destination": destination });
    api.create(
        &all,
        &json!({ "apiVersion": ARGO, "kind": "Application", "metadata": { "name": "app" }, "spec": spec }),
    );
    let report = |health: &str| {
        let status = json!({
            "sync": { "status": "Synced", "revision": "1111111", "comparedTo": { "source": source, "destination": destination } },
            "health": { "status": health }, "reconciledAt": "2120-01-01T00:00:00Z",
        });
        api.patch(&format!("{all}/app"), &json!({ "status": status }));
    };
    report("Healthy");
    let change = |wait_for_line: &dyn Fn(&str)| {
        wait_for_line("application/app: complete");
        report("Progressing");
        wait(Duration::from_secs(3));
        report("Healthy");
    };
    story.run(change, PASSED)
}

#[test]
fn of_20_good_rollouts_none_blocks() {
    let mut rollouts: Vec<(String, Rollout)> = Vec::new();
    let ready = json!({ "exec": { "command": ["test", "-e", "/tmp/ready"] }, "periodSeconds": 1 });
    let slow = format!("sleep 8; touch /tmp/ready; {RUNS}");
    for kind in KINDS {
        for (name, spec) in [
            ("runs", pod(RUNS)),
            ("slow-init", with_init("sleep 15")),
            ("slow-start", with_probe("readinessProbe", &slow, ready.clone())),
            ("first-crash", first_crash()),
            ("sidecar", sidecar_and_init()),
        ] {
            let rollout: Rollout =
                Box::new(move |name| Story::new(name).of_kind(kind).deploy(1, &spec).run(|_| {}, PASSED));
            rollouts.push((format!("{}-{name}", kind.to_lowercase()), rollout));
        }
    }
    for (name, before, after) in [("scaled-up", 1, 3), ("scaled-down", 3, 1)] {
        let rollout: Rollout = Box::new(move |name| {
            let story = Story::new(name).deploy(before, &pod(RUNS));
            let change = |wait_for_line: &dyn Fn(&str)| {
                wait_for_line("deployment/app: complete");
                story.namespace.change("deployments", "app", &json!({ "spec": { "replicas": after } }));
            };
            story.run(change, PASSED)
        });
        rollouts.push((name.to_owned(), rollout));
    }
    let drained: Rollout = Box::new(|name| {
        let story = Story::new(name).deploy(2, &pod(RUNS));
        let node =
            story.await_pod("scheduled pod", |pod| !pod["spec"]["nodeName"].is_null())["spec"]["nodeName"].clone();
        let change = |wait_for_line: &dyn Fn(&str)| {
            wait_for_line("deployment/app: complete");
            drain(&story, &node);
        };
        story.run(change, PASSED)
    });
    rollouts.push(("drained".to_owned(), drained));
    // A second release, whose pods replace those of the first.
    let second: Rollout = Box::new(|name| {
        let story = Story::new(name).deploy(2, &pod(RUNS));
        story.namespace.available("app", 2);
        let template = json!({ "spec": { "template": { "metadata": { "annotations": { "release": "2" } } } } });
        story.namespace.change("deployments", "app", &template);
        story.run(|_| {}, PASSED)
    });
    rollouts.push(("second-release".to_owned(), second));
    rollouts.push(("progressing".to_owned(), Box::new(progressing)));
    assert_eq!(rollouts.len(), 20);
    run_all("good-rollouts", PASSED, rollouts);
}
