//! `health` with workloads: an API that replays the answers of a control plane (v1.36.3), so that no cluster is needed. What
//! only a real cluster shows is in `tests/e2e/cluster`.

mod access;
mod registry;
mod replay;
mod selection;
mod waiting;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, Hold, LoopbackServer, ReceivedRequest};
use rustix::process::Signal;
use serde_json::{Value, json};

use self::replay::{AGE, recorded, replay, replaying};
use crate::{
    debug::{assert_in_order, debug_lines},
    house::Runner,
    patience::{SIGNALLED, with_enough_time},
};

const TOKEN: &str = "s3cr3t-token";

fn kubeconfig(server: &str) -> Value {
    json!({
        "current-context": "staging",
        "contexts": [{ "name": "staging", "context": { "cluster": "c", "user": "u", "namespace": "staging" } }],
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": { "token": TOKEN } }],
    })
}

fn gate(server: &LoopbackServer, workloads: &str) -> Runner {
    let runner = Runner::new().input("kubeconfig", &kubeconfig(server.url()).to_string());
    runner.input("workload", workloads).input("stabilize", "0")
}

#[test]
fn recorded_answers_of_a_control_plane_are_judged_as_on_the_cluster() {
    let api = LoopbackServer::start(replay).unwrap();
    for (workloads, code, expected) in [
        ("deployment/a", 0, "complete: 1 of 1 updated, 1 available, revision 1"),
        ("statefulset/db", 0, "complete: 2 of 2 updated, 2 of 2 available"),
        ("daemonset/agent", 0, "complete: 1 of 1 updated, 1 available"),
        ("deployment/crash", 1, "container app: CrashLoopBackOff: it crashed "),
        ("deployment/missing", 1, "ErrImagePull: failed to pull and unpack image: ghcr.io/acme/app:9: not found"),
        ("deployment/nothing", 1, "there is no such workload in the namespace staging"),
        ("rollout/canary", 0, "complete: 1 of 1 updated, 1 available, revision 7d4f8c"),
        ("rollout/held", 1, "it is paused at step 2 of 2 until it is resumed by hand: 1 of 1 updated, 1 available"),
        ("application/shop", 0, "complete: Healthy, Synced to 111111111111"),
        ("application/broken", 1, "Degraded"),
        ("kustomization/shop", 0, "complete: applied main@sha1:1111, and what it applies is healthy"),
        (
            "kustomization/broken",
            1,
            "HealthCheckFailed: timeout waiting for: [Deployment/shop/checkout status: 'InProgress']",
        ),
        ("helmrelease/shop", 0, "complete: deployed shop@1.4.2 as release 7, and what it installs became healthy"),
        (
            "helmrelease/broken",
            1,
            "the release failed and was rolled back: RollbackSucceeded: Helm rollback to previous release staging/broken.v3",
        ),
    ] {
        let end = gate(&api, workloads).run(&["health"]);
        let actual = end.report["findings"][0]["actual"].as_str().unwrap_or_default();
        assert!(end.code == code && actual.contains(expected), "{workloads}: {actual}\n{}", end.log);
        for place in [&shown(&end.log), &end.summary, &format!("{:?}", end.outputs), &end.report.to_string()] {
            assert!(!place.contains(TOKEN), "{place}");
        }
    }
    let end =
        gate(&api, "deployment/a\ndeployment/crash\nsts/db").input("image", "ghcr.io/acme/app:9").run(&["health"]);
    let findings = end.report["findings"].as_array().unwrap().iter();
    let by_name: BTreeMap<&str, &str> =
        findings.map(|one| (one["check"].as_str().unwrap(), one["verdict"].as_str().unwrap())).collect();
    assert_eq!(by_name["deployment/crash"], "blocked", "{}", end.log);
    assert!(end.log.contains("it is healthy, and runs ghcr.io/acme/app:1"), "{}", end.log);
}

/// The log without the lines that mask secrets.
fn shown(log: &str) -> String {
    log.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n")
}

#[test]
fn applications_and_the_objects_of_flux_need_no_other_kind() {
    let (api, asked) = replaying();
    let gate = |workloads: &str| gate(&api, workloads).input("image", "ghcr.io/acme/app:2");
    let attempt = |time: &str| {
        asked.lock().unwrap().clear();
        let end = gate("app/shop").input("stabilize", time).run(&["health"]);
        (end, std::mem::take(&mut *asked.lock().unwrap()))
    };
    let (end, paths) = with_enough_time(Duration::from_secs(1), attempt, |(_, paths)| paths.len() >= 2);
    assert!(end.code == 0 && end.log.contains("it runs ghcr.io/acme/app:2"), "{}", end.log);
    let own = "/apis/argoproj.io/v1alpha1/namespaces/staging/applications?";
    assert!(paths.len() == 2 && paths.iter().all(|path| path.starts_with(own)), "{paths:?}");
    let end = gate("app/broken").run(&["health"]);
    assert!(end.code == 1 && end.summary.contains("exceeded its progress deadline"), "{}", end.summary);
    assert!(asked.lock().unwrap().iter().all(|path| path.starts_with(own)));
    // The objects of Flux report no image. Alone, they are rejected before the first request.
    asked.lock().unwrap().clear();
    for alone in ["ks/shop", "hr/shop", "ks/shop\nhr/shop"] {
        let end = gate(alone).run(&["health"]);
        assert!(end.code == 2 && end.log.contains("watch its Deployment as well"), "{}", end.log);
        assert!(asked.lock().unwrap().is_empty(), "{}", end.log);
    }
    let end = gate("ks/shop\nhr/shop\nrollout/canary").run(&["health"]);
    assert_eq!((end.code, end.report["findings"].as_array().map(Vec::len)), (0, Some(3)), "{}", end.log);
}

#[test]
fn a_kind_that_is_not_installed_is_named() {
    // A server answers a path that it does not know with text, not with an API object.
    let api = LoopbackServer::start(|_| FakeResponse::text(404, "text/plain; charset=utf-8", "404 page not found\n"))
        .unwrap();
    for (workload, plural) in [
        ("rollout/a", "rollouts"),
        ("application/a", "applications"),
        ("kustomization/a", "kustomizations"),
        ("helmrelease/a", "helmreleases"),
    ] {
        let end = gate(&api, workload).run(&["health"]);
        let findings = end.report["findings"].to_string();
        let expected = format!("list and watch {plural} in the namespace staging");
        assert!(end.code == 3 && findings.contains("404: ") && findings.contains(&expected), "{findings}");
    }
}

#[test]
fn requests_are_in_the_debug_log_without_the_token() {
    let api = LoopbackServer::start(replay).unwrap();
    let end = gate(&api, "deployment/a").env("RUNNER_DEBUG", "1").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    let lines = debug_lines(&end, TOKEN);
    assert_in_order(&lines, &[("look 1 of the deployments of the cluster", "")]);
    let deployments = "cluster: GET /apis/apps/v1/namespaces/staging/deployments";
    assert_in_order(&lines, &[(&format!("{deployments} → 200, after "), "s"), ("judge: decided, passed", "")]);
}

/// The pods of the Deployment `a`, crashing for the third time.
fn crashing_pods() -> Value {
    let mut list = recorded("pods");
    let pods = list["items"].as_array_mut().unwrap();
    pods.retain(|pod| pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("a-")));
    for pod in pods {
        let status = &mut pod["status"]["containerStatuses"][0];
        status["restartCount"] = (status["restartCount"].as_i64().unwrap_or_default() + 3).into();
        status["ready"] = false.into();
        status["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "Ready" {
                condition["status"] = "False".into();
            }
        }
    }
    list
}

#[test]
fn the_rollout_stays_watched_while_the_endpoints_are_probed() {
    let (probed, crashes) = (Hold::default(), Arc::<Mutex<bool>>::default());
    let (released, seen) = (probed.clone(), Arc::clone(&crashes));
    let api = LoopbackServer::start(move |request| {
        let is_watch = request.query.contains("watch=true");
        match request.path.rsplit('/').next() {
            Some("log") => FakeResponse::status(404),
            // The first watch ends after the first probe, and the pods are listed again.
            Some("pods") if is_watch && !*seen.lock().unwrap() => FakeResponse::status(200).held_by(&released),
            Some("pods") if !is_watch && *seen.lock().unwrap() => FakeResponse::json(200, &crashing_pods()),
            _ => replay(request),
        }
    })
    .unwrap();
    let endpoint = LoopbackServer::start(move |_| {
        *crashes.lock().unwrap() = true;
        probed.release();
        FakeResponse::status(503)
    })
    .unwrap();
    let gate = gate(&api, "deployment/a").input("endpoints", endpoint.url()).input("attempts", "1000");
    let end = gate.input("interval", "100ms").run(&["health"]);
    let actual = end.report["findings"][0]["actual"].as_str().unwrap_or_default();
    assert!(end.code == 1 && actual.contains("CrashLoopBackOff: it crashed"), "{}", end.log);
    assert_eq!(end.report["findings"].as_array().unwrap().len(), 2, "{}", end.log);
}

#[test]
fn endpoints_are_probed_only_after_the_rollout_passed() {
    let api = LoopbackServer::start(replay).unwrap();
    let service = LoopbackServer::start(|_| FakeResponse::status(503)).unwrap();
    let gate = |workload: &str| gate(&api, workload).input("endpoints", service.url()).input("attempts", "1");
    let end = gate("deployment/a").run(&["health"]);
    assert_eq!((end.code, end.report["findings"].as_array().unwrap().len()), (1, 2), "{}", end.log);
    assert_eq!(end.report["findings"][1]["verdict"], "passed", "the worst first");
    let end = gate("deployment/crash").run(&["health"]);
    assert_eq!((end.code, end.report["findings"].as_array().unwrap().len()), (1, 1), "{}", end.log);
    assert!(end.log.contains("no request is sent to the endpoints"), "{}", end.log);
}

#[test]
fn one_list_and_one_watch_for_each_kind() {
    let (api, asked) = replaying();
    let attempt = |time: &str| {
        asked.lock().unwrap().clear();
        let gate = gate(&api, "deployment/a\nstatefulset/db\ndaemonset/agent").input("stabilize", time);
        (gate.run(&["health"]), std::mem::take(&mut *asked.lock().unwrap()))
    };
    let (end, mut asked) = with_enough_time(AGE + Duration::from_secs(1), attempt, |(_, asked)| asked.len() >= 16);
    assert_eq!(end.code, 0, "{}", end.log);
    asked.sort();
    let only = |resource: &str| asked.iter().filter(|one| one.contains(&format!("/{resource}?"))).count();
    for resource in ["deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions", "pods"] {
        assert_eq!(only(resource), 2, "{asked:?}");
    }
    // About pods, and about workloads whose pods cannot be created.
    assert_eq!((only("events"), asked.len()), (4, 16), "{asked:?}");
    let paths = ["/apis/apps/v1/namespaces/staging/", "/api/v1/namespaces/staging/"];
    assert!(asked.iter().all(|one| paths.iter().any(|path| one.starts_with(path))), "{asked:?}");
}

#[test]
fn refusals_end_the_gate_at_once_and_temporary_errors_are_retried() {
    let status = |code: u16| {
        move |request: &ReceivedRequest| {
            if request.path.ends_with("/pods") {
                FakeResponse::json(
                    code,
                    &json!({ "kind": "Status", "code": code, "message": "::error::no ##[error]y" }),
                )
            } else {
                replay(request)
            }
        }
    };
    let cases = [
        (401, "log in again"),
        (403, "permission to list and watch pods in the namespace staging"),
        (404, "see whether `context` is the right cluster"),
        (429, "does not answer: 429: "),
        (500, "does not answer: 500: "),
    ];
    at_once(cases, |(code, expected)| {
        let api = LoopbackServer::start(status(code)).unwrap();
        let end = gate(&api, "deployment/a").input("grace", "api-lost 1s").run(&["health"]);
        assert!(end.code == 3 && end.report["findings"].to_string().contains(expected), "{code}: {}", end.log);
        assert!(
            end.commands().iter().all(|line| line.starts_with("::error title=health")
                || line.starts_with("::notice title=")
                || line.starts_with("::add-mask::")),
            "{:?}",
            end.commands()
        );
    });
    // Busy only for the first request.
    let busy = std::sync::atomic::AtomicBool::new(true);
    let api = LoopbackServer::start(move |request| {
        if request.path.ends_with("/pods") && busy.swap(false, std::sync::atomic::Ordering::AcqRel) {
            return FakeResponse::status(429);
        }
        replay(request)
    })
    .unwrap();
    let end = gate(&api, "deployment/a").run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
}

/// Tests cases side by side that mostly wait.
fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| test(case));
        }
    });
}

/// The first watch of pods ends. Then `answer` answers the lists of pods, until it returns `None`.
fn interrupted(
    answer: impl Fn(usize) -> Option<FakeResponse> + Send + Sync + 'static,
) -> (LoopbackServer, Arc<Mutex<usize>>) {
    let lists = Arc::<Mutex<usize>>::default();
    let counted = Arc::clone(&lists);
    let api = LoopbackServer::start(move |request| {
        if !request.path.ends_with("/pods") {
            return replay(request);
        }
        let mut lists = counted.lock().unwrap();
        if request.query.contains("watch=true") {
            return if *lists == 1 { FakeResponse::status(200) } else { FakeResponse::hang() };
        }
        *lists += 1;
        match *lists {
            1 => replay(request),
            again => answer(again - 2).unwrap_or_else(|| replay(request)),
        }
    });
    (api.unwrap(), lists)
}

#[test]
fn a_refusal_after_a_granted_watch_is_retried() {
    let status = |code: u16| FakeResponse::json(code, &json!({ "kind": "Status", "code": code, "message": "no" }));
    // A server that has just started knows neither its rules nor its kinds.
    let granted_again = || {
        let attempt = |time: &str| {
            let (api, lists) = interrupted(move |time| [403, 404].get(time).map(|code| status(*code)));
            let end = gate(&api, "deployment/a").input("stabilize", time).run(&["health"]);
            let lists = *lists.lock().unwrap();
            (end, lists)
        };
        let (end, lists) = with_enough_time(AGE + Duration::from_secs(3), attempt, |(_, lists)| *lists >= 4);
        assert!(end.code == 0 && lists >= 4, "{lists}: {}", end.log);
    };
    // The refusal is repeated, or the credentials are not accepted any more.
    let refused = |code, said| {
        let (api, _) = interrupted(move |_| Some(status(code)));
        let end = gate(&api, "deployment/a").input("stabilize", "5m").input("grace", "api-lost 3s").run(&["health"]);
        let findings = end.report["findings"].to_string();
        assert!(end.code == 3 && findings.contains(said), "{code}: {}", end.log);
    };
    // With `Retry-After` the gate sends no request until then.
    let left_alone = || {
        let (api, lists) = interrupted(move |_| Some(status(429).header("retry-after", "60")));
        let end = gate(&api, "deployment/a").input("stabilize", "5m").input("grace", "api-lost 4s").run(&["health"]);
        assert!(end.code == 3 && end.report["findings"].to_string().contains("429: no"), "{}", end.log);
        assert_eq!(*lists.lock().unwrap(), 2, "{}", end.log);
    };
    let cases: [&(dyn Fn() + Sync); 4] = [
        &granted_again,
        &|| refused(403, "permission to list and watch pods"),
        &|| refused(401, "see whether the token has expired"),
        &left_alone,
    ];
    at_once(cases, |case| case());
}

#[test]
fn a_kind_that_is_listed_again_without_an_answer_does_not_stay_healthy() {
    let (lists, listed_again) = (Mutex::new(0), Hold::default());
    let api = LoopbackServer::start(move |request| {
        if !request.path.ends_with("/pods") {
            // The ReplicaSets are listed after the pods.
            let is_held = request.path.ends_with("/replicasets") && !request.query.contains("watch=true");
            return if is_held { replay(request).held_by(&listed_again) } else { replay(request) };
        }
        if request.query.contains("watch=true") {
            // Every watch ends after a time.
            let mark = r#"{"type":"BOOKMARK","object":{}}"#;
            return FakeResponse::text(200, "application/json", mark).byte_by_byte(Duration::from_millis(50));
        }
        let mut lists = lists.lock().unwrap();
        *lists += 1;
        if *lists == 1 {
            return replay(request);
        }
        listed_again.release();
        FakeResponse::hang()
    })
    .unwrap();
    let gate = gate(&api, "deployment/a").input("stabilize", "1s").input("api-timeout", "5s");
    let end = gate.input("grace", "api-lost 0s").run(&["health"]);
    assert!(end.code == 3 && end.report["findings"].to_string().contains("no answer within 5 s"), "{}", end.log);
}

#[test]
fn the_verdict_does_not_wait_for_diagnostics() {
    let api = LoopbackServer::start(|request| {
        let is_reason = request.path.ends_with("/events") || request.path.ends_with("/log");
        if is_reason { FakeResponse::hang() } else { replay(request) }
    })
    .unwrap();
    let runner = gate(&api, "deployment/crash").input("api-timeout", "1h");
    let end = runner.run(&["health"]);
    assert!(end.code == 1 && end.report["findings"].to_string().contains("CrashLoopBackOff"), "{}", end.log);
    assert!(end.summary.contains("there was no time left"), "{}", end.summary);
}

#[test]
fn an_answer_that_is_not_a_list_is_inconclusive() {
    for (body, expected) in [
        (json!({}), "the answer is not a list"),
        (json!({ "status": "UP", "items": [] }), "the answer is not a list"),
        (json!("<html>"), "the answer cannot be read"),
    ] {
        let api = LoopbackServer::start(move |_| FakeResponse::json(200, &body)).unwrap();
        let end = gate(&api, "deployment/a").run(&["health"]);
        assert!(end.code == 3 && end.report["findings"].to_string().contains(expected), "{expected}: {}", end.log);
    }
    // A list whose pages do not end.
    let api = LoopbackServer::start(|request| {
        let mut page = recorded(request.path.rsplit('/').next().unwrap_or_default());
        page["items"] = json!([]);
        page["metadata"]["continue"] = "on".into();
        FakeResponse::json(200, &page)
    })
    .unwrap();
    let end = gate(&api, "deployment/a").run(&["health"]);
    assert!(end.code == 3 && end.report["findings"].to_string().contains("a list of more than 50000"), "{}", end.log);
}

#[test]
fn a_signal_ends_a_gate_that_no_server_answers() {
    let api = LoopbackServer::start(|_| FakeResponse::hang()).unwrap();
    let runner = gate(&api, "deployment/a").input("api-timeout", "1h");
    let started = runner.start(&["health"]);
    started.wait_for_line("watching the namespace staging of staging");
    started.signal(Signal::TERM);
    let end = started.end_within(SIGNALLED);
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
    assert_eq!(end.report["findings"][0]["actual"], "not seen yet");
}

#[test]
fn conflicting_settings_are_bad_input() {
    let runner = || Runner::new().input("workload", "deployment/a");
    for (runner, expected) in [
        (runner().input("in-cluster", "true").input("context", "x"), "one way to the cluster"),
        (runner().input("kubeconfig", "/nowhere/config"), "/nowhere/config"),
        (runner().input("kubeconfig", "a:\n  s3cr3t: [").input("context", "x"), "`kubeconfig`: it cannot be read"),
        // Neither content nor base64 of it: longer than a path, and not shown.
        (runner().input("kubeconfig", &"s3cr3t".repeat(50)), "300 characters on one line, which are not shown"),
        (runner().input("api-timeout", "0"), "a duration over 0"),
        (
            runner().input("workload", "pod/x"),
            "deployment, statefulset, daemonset, rollout, application, kustomization, helmrelease",
        ),
        (runner().input("grace", "soon"), "a state and a duration"),
        (runner().input("namespace", "../x"), "the name of a namespace"),
    ] {
        let end = runner.run(&["health"]);
        assert!(end.code == 2 && end.log.contains(expected) && !end.log.contains("s3cr3t"), "{expected}: {}", end.log);
    }
}
