//! What is listed of the cluster, and when that is complete.

use super::*;

/// A complete Deployment whose selector requires this label.
fn labelled(uid: &str, app: &str) -> Deployment {
    let more = json!({ "metadata": { "uid": uid }, "spec": { "selector": { "matchLabels": { "app": app } } } });
    deployment((1, 1, 1, 1), "2", &more)
}

fn deployments(scenario: &mut Scenario, second: u64, update: WatchUpdate<Deployment>) -> Option<String> {
    scenario.update(second, ClusterUpdate::Deployments(update));
    let selection = &scenario.observations.selection;
    selection.labels.clone().filter(|_| selection.version > 0)
}

fn listed<T>(items: Vec<T>) -> WatchUpdate<T> {
    WatchUpdate::Listed { items, at: None }
}

/// Lists what the Deployment with the uid `d` owns.
fn list_owned(scenario: &mut Scenario, second: u64) {
    scenario.update(second, ClusterUpdate::ReplicaSets(listed(replica_sets())));
    scenario.update(second, ClusterUpdate::Pods(listed(vec![pod("a", "new", true, &running())])));
}

#[test]
fn other_labels_of_a_workload_make_what_it_owns_unknown_until_that_is_listed_again() {
    let patient = || WorkloadLimits { appear_timeout: seconds(300), ..app() };
    let mut scenario = Scenario::new(patient());
    assert_eq!(deployments(&mut scenario, 1, WatchUpdate::Relisting), None, "unknown until workloads are listed");
    assert_eq!(scenario.observations.selection.version, 0);
    // It does not exist yet. Nothing is left to list, and the permission to list it is seen.
    assert_eq!(deployments(&mut scenario, 1, listed(vec![])).as_deref(), Some("app,!app"));
    list_owned(&mut scenario, 1);
    scenario.assert_pending(1, 300, "there is no such workload");
    // It appears, and is replaced by one with other labels.
    for (second, app) in [(2, "shop"), (3, "cart")] {
        let labels = deployments(&mut scenario, second, WatchUpdate::Applied(labelled("d", app)));
        assert_eq!(labels, Some(format!("app={app}")));
        let (verdict, actual, revisit) = scenario.judge_at(second);
        assert_eq!((verdict, actual.as_str(), revisit), (Verdict::Inconclusive, "not seen yet", Some(u64::MAX)));
        scenario.update(second, ClusterUpdate::ReplicaSets(listed(replica_sets())));
        assert_eq!(scenario.judge_at(second).1, "not seen yet", "its pods are not listed");
        list_owned(&mut scenario, second);
        scenario.assert_decided(second, Verdict::Passed, "complete");
    }
    // Deleted, listed again, and created again with the same labels: the list is still complete.
    for update in
        [WatchUpdate::Deleted(labelled("d", "cart")), listed(vec![]), WatchUpdate::Applied(labelled("d", "cart"))]
    {
        assert_eq!(deployments(&mut scenario, 4, update).as_deref(), Some("app=cart"));
        assert!(scenario.observations.views.pods.listed);
    }
    scenario.assert_decided(4, Verdict::Passed, "complete");
}

#[test]
fn the_pods_of_a_workload_that_is_created_again_with_the_same_labels_are_seen_by_the_same_watches() {
    let mut scenario = Scenario::new(app());
    deployments(&mut scenario, 1, listed(vec![labelled("d", "shop")]));
    list_owned(&mut scenario, 1);
    scenario.assert_decided(1, Verdict::Passed, "complete");
    let version = scenario.observations.selection.version;
    deployments(&mut scenario, 2, WatchUpdate::Deleted(labelled("d", "shop")));
    deployments(&mut scenario, 2, WatchUpdate::Applied(labelled("again", "shop")));
    assert_eq!(scenario.observations.selection.version, version, "the watches have not ended");
    // The old pods are not those of the new one.
    scenario.assert_pending(2, 602, "its newest ReplicaSet is not seen yet");
    let mut set = replica_sets().remove(1);
    (set.metadata.uid, set.metadata.owner_references[0].uid) = ("again-set".to_owned(), "again".to_owned());
    scenario.update(3, ClusterUpdate::ReplicaSets(WatchUpdate::Applied(set)));
    scenario.assert_pending(3, 602, "0 of 1 pods are seen");
    scenario.update(4, ClusterUpdate::Pods(WatchUpdate::Applied(pod("b", "again-set", true, &running()))));
    scenario.assert_decided(4, Verdict::Passed, "complete");
}

#[test]
fn what_is_listed_depends_on_every_workload_with_pods() {
    let mut scenario = Scenario::new(limits(&["deployment/app", "statefulset/db", "application/app"]));
    assert_eq!(deployments(&mut scenario, 1, listed(vec![labelled("d", "shop")])), None);
    let set: StatefulSet = parsed(
        json!({ "metadata": { "name": "db", "uid": "s" }, "spec": { "selector": { "matchLabels": { "app": "db" } } } }),
    );
    scenario.update(1, ClusterUpdate::StatefulSets(listed(vec![set])));
    assert_eq!(scenario.observations.selection.labels.as_deref(), Some("app in (db,shop)"));
    // A selector of expressions only: all pods of the namespace are listed.
    let set: StatefulSet = parsed(json!({ "metadata": { "name": "db", "uid": "s" }, "spec": { "selector": {
        "matchExpressions": [{ "key": "app", "operator": "Exists" }] } } }));
    scenario.update(2, ClusterUpdate::StatefulSets(WatchUpdate::Applied(set)));
    let selection = &scenario.observations.selection;
    assert_eq!((selection.version, selection.labels.as_deref()), (2, None));
}

#[test]
fn a_warning_restarts_the_time_and_events_that_cannot_be_seen_are_not_needed() {
    let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    let event = parsed(json!({ "reason": "Unhealthy", "message": "probe failed", "lastTimestamp": at(1),
        "involvedObject": { "kind": "Pod", "uid": "a" } }));
    scenario.update(1, ClusterUpdate::Warnings(WatchUpdate::Listed { items: vec![], at: None }));
    scenario.update(12, ClusterUpdate::Warnings(WatchUpdate::Applied(event)));
    scenario.assert_pending(41, 42, "pod a has not been without a warning for 30s yet: Unhealthy: probe failed");
    // A failing liveness probe stops the container, which may take 30 s without another warning.
    let liveness =
        parsed(json!({ "reason": "Unhealthy", "message": "Liveness probe failed: no", "lastTimestamp": at(14),
        "involvedObject": { "kind": "Pod", "uid": "a" } }));
    scenario.update(14, ClusterUpdate::Warnings(WatchUpdate::Applied(liveness)));
    scenario.assert_pending(73, 74, "Liveness probe failed");
    let refused = WatchUpdate::Refused(Finding::inconclusive("the cluster's API").actual("403: no"));
    scenario.update(2, ClusterUpdate::Warnings(refused));
    let lines = scenario.log_at(2);
    let lines: Vec<String> = lines.into_iter().filter(|line| line.contains("events")).collect();
    assert!(lines.len() == 1 && lines[0].contains("403: no"), "{lines:?}");
    scenario.assert_decided(74, Verdict::Passed, "complete");
    // Then a container with a liveness probe has to run for as long as a failing probe would leave it.
    let with_probe = |events: Option<WatchUpdate<_>>| {
        let mut it = pod("a", "new", true, &running());
        it.spec.containers[0].liveness_probe = Some(parsed(json!({ "periodSeconds": 10, "failureThreshold": 3 })));
        let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
        scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![it]);
        if let Some(events) = events {
            scenario.update(1, ClusterUpdate::Warnings(events));
        }
        scenario
    };
    let refused = WatchUpdate::Refused(Finding::inconclusive("the cluster's API"));
    with_probe(Some(refused)).assert_pending(89, 90, "has not run for 1m30s");
    with_probe(None).assert_pending(89, 90, "has not run for");
    with_probe(Some(WatchUpdate::Listed { items: vec![], at: None })).assert_decided(30, Verdict::Passed, "complete");
}
