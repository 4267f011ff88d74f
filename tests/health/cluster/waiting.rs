//! What the gate says while it waits, and pods that are never created.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::{Value, json};

use super::{
    gate, interrupted, recorded, replay,
    replay::{AGE, RECORDED_AT},
};
use crate::patience::with_enough_time;

/// The recorded API with a workload of this kind whose pods have not been created since it changed at 12:02, and with an event
/// about it of this time.
fn without_pods(resource: &'static str, event_at: &'static str) -> LoopbackServer {
    let workload = |resource: &str| recorded(resource)["items"][0].clone();
    LoopbackServer::start(move |request| {
        let list = |items: Value| {
            let list = json!({ "metadata": { "resourceVersion": "1" }, "items": items });
            FakeResponse::json(200, &list).header("date", RECORDED_AT)
        };
        let asked = request.path.rsplit('/').next().unwrap_or_default();
        match (asked, request.query.contains("watch=true")) {
            ("events", false) if request.query.contains("reason%3DFailedCreate") => list(json!([{
                "metadata": {}, "type": "Warning", "reason": "FailedCreate", "lastTimestamp": event_at,
                "message": "create Pod x failed error: pods \"x\" is forbidden: ##[error]no, password=hunter2",
                "involvedObject": { "uid": workload(resource)["metadata"]["uid"] },
            }])),
            ("pods", false) => list(json!([])),
            (asked, false) if asked == resource => {
                let mut it = workload(resource);
                it["metadata"]["managedFields"] =
                    json!([{ "time": "2026-11-23T12:02:00Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": {} } }]);
                for count in [
                    "replicas",
                    "readyReplicas",
                    "updatedReplicas",
                    "availableReplicas",
                    "updatedNumberScheduled",
                    "numberAvailable",
                ] {
                    it["status"][count] = 0.into();
                }
                list(json!([it]))
            }
            _ => replay(request),
        }
    })
    .unwrap()
}

#[test]
fn pods_that_cannot_be_created_block_with_the_reason_of_the_api_server() {
    for (resource, workload) in [("statefulsets", "statefulset/db"), ("daemonsets", "daemonset/agent")] {
        let api = without_pods(resource, "2026-11-23T12:03:00Z");
        let end = gate(&api, workload).input("grace", "failed-create 0s").run(&["health"]);
        let actual = end.report["findings"][0]["actual"].as_str().unwrap_or_default();
        let expected = "FailedCreate: pods \"x\" is forbidden: ##[error]no, password=***; 0 of ";
        assert!(end.code == 1 && actual.contains(expected), "{workload}: {actual}\n{}", end.log);
        let lines: Vec<&str> = end.log.lines().filter(|line| line.starts_with(workload)).collect();
        assert!(lines.iter().any(|line| line.contains("FailedCreate: pods")), "{lines:?}");
        assert!(!end.log.contains("##[error]") && !end.log.contains("hunter2"), "{}", end.log);
        // Before the workload changed.
        let api = without_pods(resource, "2026-11-23T12:01:00Z");
        let gate = gate(&api, workload).input("grace", "failed-create 0s").input("rollout-timeout", "1s");
        let end = gate.run(&["health"]);
        let actual = end.report["findings"][0]["actual"].as_str().unwrap_or_default();
        assert!(end.code == 1 && actual.starts_with("not complete after 1s: 0 of "), "{workload}: {actual}");
    }
}

#[test]
fn the_log_says_at_once_that_the_api_server_is_lost_and_that_it_is_back() {
    let attempt = |time: &str| {
        let error = || FakeResponse::json(503, &json!({ "kind": "Status", "code": 503, "message": "::error::busy" }));
        let (api, lists) = interrupted(move |time| (time == 0).then(error));
        let end = gate(&api, "deployment/a").input("stabilize", time).run(&["health"]);
        let lists = *lists.lock().unwrap();
        (end, lists)
    };
    let (end, _) = with_enough_time(AGE + Duration::from_secs(3), attempt, |(_, lists)| *lists >= 3);
    assert_eq!(end.code, 0, "{}", end.log);
    let said: Vec<&str> = end.log.lines().filter(|line| line.starts_with("the API server of staging ")).collect();
    assert!(
        said.len() == 2
            && said[0]
                == "the API server of staging does not answer: the watch ended; nothing is decided until it does"
            && said[1].starts_with("the API server of staging answers again, after "),
        "{}",
        end.log
    );
}

#[test]
fn the_log_names_the_pods_that_are_not_ready_why_and_since_when() {
    // The gate waits for the end of the grace period, and is not done before.
    let asked = Arc::<Mutex<usize>>::default();
    let counted = Arc::clone(&asked);
    let api = LoopbackServer::start(move |request| {
        if request.path.ends_with("/pods") && !request.query.contains("watch=true") {
            *counted.lock().unwrap() += 1;
            let mut list = recorded("pods");
            for pod in list["items"].as_array_mut().unwrap() {
                let waiting = json!({ "reason": "ErrImagePull", "message": "i/o timeout ##[error]x\n::error::y" });
                pod["status"]["containerStatuses"][0]["state"] = json!({ "waiting": waiting });
                pod["status"]["containerStatuses"][0]["ready"] = false.into();
                for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
                    if condition["type"] == "Ready" {
                        condition["status"] = "False".into();
                    }
                }
            }
            return FakeResponse::json(200, &list).header("date", RECORDED_AT);
        }
        replay(request)
    })
    .unwrap();
    let end = gate(&api, "deployment/a").input("grace", "image-pull 1s").run(&["health"]);
    assert_eq!((end.code, *asked.lock().unwrap()), (1, 1), "{}", end.log);
    let line = end.log.lines().find(|line| line.starts_with("deployment/a: pod a-")).unwrap_or_default();
    assert!(
        line.contains(", container app, not ready since 2026-11-23T12:0")
            && line.contains(": ErrImagePull: i/o timeout # #[error]x"),
        "{}",
        end.log
    );
    assert!(end.log.lines().all(|line| !line.starts_with("::error::y") && !line.contains("##[")), "{}", end.log);
}
