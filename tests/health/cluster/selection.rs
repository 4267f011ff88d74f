//! Which objects are requested: the pods of a busy namespace that the workloads can own, and the Warning events about pods.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, Hold, LoopbackServer};
use serde_json::{Value, json};

use super::{
    gate, recorded, replay,
    replay::{AGE, parameter, replaying},
};
use crate::patience::with_enough_time;

/// A request by its resource, whether it is a watch, and its selector of labels or else of fields; sorted.
fn selectors(asked: &[String]) -> Vec<(String, bool, Option<String>)> {
    let each = asked.iter().map(|one| {
        let (path, query) = one.split_once('?').unwrap();
        let selector = parameter(query, "labelSelector").or_else(|| parameter(query, "fieldSelector"));
        (path.rsplit('/').next().unwrap().to_owned(), query.contains("watch=true"), selector)
    });
    let mut all: Vec<_> = each.collect();
    all.sort();
    all
}

#[test]
fn pods_and_revisions_are_requested_by_the_labels_of_the_workloads() {
    let name = |name: &str| Some(format!("metadata.name={name}"));
    for (workloads, expected, own) in [
        ("deployment/a", "app=a", vec![("deployments", name("a")), ("replicasets", None)]),
        ("statefulset/db", "app=db", vec![("statefulsets", name("db"))]),
        (
            "deployment/a\ndeployment/crash\ndaemonset/agent",
            "app in (a,agent,crash)",
            vec![
                ("deployments", None),
                ("daemonsets", name("agent")),
                ("replicasets", None),
                ("controllerrevisions", None),
            ],
        ),
        // The permissions are seen before it exists.
        ("deployment/nothing", "app,!app", vec![("deployments", name("nothing")), ("replicasets", None)]),
    ] {
        let (api, asked) = replaying();
        let mut wanted: Vec<(String, bool, Option<String>)> = Vec::new();
        let events = ("events", Some("type=Warning,involvedObject.kind=Pod".to_owned()));
        // Only these kinds report in events alone that no pod can be created.
        let has_events = workloads.contains("set/");
        let failures = has_events.then(|| ("events", Some("type=Warning,reason=FailedCreate".to_owned())));
        for (resource, selector) in own.into_iter().chain([("pods", None), events]).chain(failures) {
            let is_owned = ["pods", "replicasets", "controllerrevisions"].contains(&resource);
            let selector = if is_owned { Some(expected.to_owned()) } else { selector };
            wanted.extend([false, true].map(|watch| (resource.to_owned(), watch, selector.clone())));
        }
        wanted.sort();
        let attempt = |time: &str| {
            asked.lock().unwrap().clear();
            // No workload has this tag, so the gate waits.
            let end = gate(&api, workloads).input("tag", "none").input("appear-timeout", time).run(&["health"]);
            let mut asked = std::mem::take(&mut *asked.lock().unwrap());
            // The diagnostics after the verdict.
            asked.retain(|one| !one.contains("involvedObject.uid") && !one.contains("/log?"));
            (end, asked)
        };
        let (end, asked) = with_enough_time(Duration::from_secs(1), attempt, |(_, asked)| asked.len() >= wanted.len());
        assert_eq!(selectors(&asked), wanted, "{}", end.log);
    }
}

#[test]
fn a_workload_that_is_created_again_with_other_labels_is_listed_again() {
    let attempt = |time: &str| {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (noted, pods_are_watched) = (Arc::clone(&asked), Hold::default());
        let api = LoopbackServer::start(move |request| {
            noted.lock().unwrap().push(format!("{}?{}", request.path, request.query));
            let resource = request.path.rsplit('/').next().unwrap_or_default();
            let is_first = noted.lock().unwrap().iter().filter(|one| one.contains("/deployments?")).count() <= 2;
            match (resource, request.query.contains("watch=true")) {
                ("deployments", true) if is_first => {
                    FakeResponse::text(200, "application/json", format!("{}\n", replaced())).held_by(&pods_are_watched)
                }
                ("deployments", false) if !is_first => {
                    let list = json!({ "metadata": { "resourceVersion": "2" }, "items": [replaced()["object"]] });
                    FakeResponse::json(200, &list)
                }
                ("pods", true) => {
                    pods_are_watched.release();
                    FakeResponse::hang()
                }
                // The recorded objects have the labels of the first Deployment.
                ("pods" | "replicasets", false) => FakeResponse::json(200, &recorded(resource)),
                _ => replay(request),
            }
        });
        let gate = gate(api.as_ref().unwrap(), "deployment/a").input("tag", "none").input("appear-timeout", time);
        let end = gate.run(&["health"]);
        let asked = asked.lock().unwrap().clone();
        (end, asked)
    };
    let of_b = |asked: &[String]| asked.iter().filter(|one| one.contains("labelSelector=app%3Db")).count();
    let (end, asked) = with_enough_time(Duration::from_secs(2), attempt, |(_, asked)| of_b(asked) == 4);
    assert!(end.code == 1 && end.report["findings"].to_string().contains("it is healthy, and runs"), "{}", end.log);
    let asked = selectors(&asked);
    for resource in ["pods", "replicasets"] {
        let own = asked.iter().filter(|one| one.0 == resource).map(|(_, watch, labels)| (*watch, labels.as_deref()));
        let expected = [(false, Some("app=a")), (false, Some("app=b")), (true, Some("app=a")), (true, Some("app=b"))];
        assert_eq!(own.collect::<Vec<_>>(), expected, "{resource} in {asked:?}");
    }
}

/// A watch event: the Deployment `a` with other labels.
fn replaced() -> Value {
    let list = recorded("deployments");
    let mut it = list["items"].as_array().unwrap().iter().find(|one| one["metadata"]["name"] == "a").unwrap().clone();
    it["spec"]["selector"]["matchLabels"]["app"] = "b".into();
    json!({ "type": "MODIFIED", "object": it })
}

#[test]
fn events_that_cannot_be_seen_change_no_verdict() {
    for (code, expected) in [(403, "permission to list and watch events"), (404, "404: no")] {
        let requests = Arc::<Mutex<usize>>::default();
        let counted = Arc::clone(&requests);
        let attempt = |time: &str| {
            *requests.lock().unwrap() = 0;
            let counted = Arc::clone(&counted);
            let api = LoopbackServer::start(move |request| {
                if request.path.ends_with("/events") {
                    *counted.lock().unwrap() += 1;
                    return FakeResponse::json(code, &json!({ "kind": "Status", "code": code, "message": "no" }));
                }
                replay(request)
            });
            // Longer than the pause before a watch that has ended is opened again.
            gate(&api.unwrap(), "deployment/a").input("stabilize", time).run(&["health"])
        };
        let seen = |end: &crate::house::Ended| end.log.contains("Warning events cannot be seen");
        let end = with_enough_time(AGE + Duration::from_secs(1), attempt, seen);
        assert_eq!(end.code, 0, "{}", end.log);
        let lines: Vec<&str> = end.log.lines().filter(|line| line.contains("cannot be seen")).collect();
        assert!(lines.len() == 1 && lines[0].contains(expected), "{lines:?}");
        assert_eq!(*requests.lock().unwrap(), 1, "not requested again");
    }
}
