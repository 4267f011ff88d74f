//! When each kind of workload is complete.

use super::*;

#[test]
fn a_deployment_is_complete_when_only_the_new_revision_is_left() {
    let two = || vec![pod("a", "new", true, &running()), pod("b", "new", true, &running())];
    let none = json!({});
    for (counts, more, pods, expected) in [
        ((2, 2, 2, 2), &none, two(), None),
        (
            (2, 2, 2, 2),
            &json!({ "metadata": { "generation": 3 } }),
            two(),
            Some("has not observed its latest change yet"),
        ),
        ((2, 3, 2, 2), &none, two(), Some("1 of the old revision left")),
        ((2, 2, 1, 1), &none, two(), Some("1 of 2 updated")),
        ((2, 2, 2, 1), &none, two(), Some("1 available")),
        // The controller counts a pod that the watch has not reported yet.
        ((2, 2, 2, 2), &none, two().split_off(1), Some("1 of 2 pods are seen")),
        (
            (2, 2, 2, 2),
            &none,
            vec![pod("a", "old", true, &running()), pod("b", "old", true, &running())],
            Some("0 of 2 pods are seen"),
        ),
        ((1, 1, 1, 1), &none, vec![pod("a", "new", false, &running())], Some("pod a: ")),
        ((2, 2, 2, 2), &json!({ "metadata": { "annotations": {} } }), two(), Some("newest ReplicaSet is not seen yet")),
    ] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment(counts, "2", more), pods);
        match expected {
            None => scenario.assert_decided(1, Verdict::Passed, "complete: 2 of 2 updated, 2 available, revision 2"),
            Some(expected) => {
                let (verdict, actual, revisit) = scenario.judge_at(1);
                assert!(
                    verdict == Verdict::Inconclusive && revisit.is_some() && actual.contains(expected),
                    "{expected}: {actual}"
                );
            }
        }
    }
}

#[test]
fn a_stateful_set_is_complete_by_revision_and_partition() {
    // The counts are all, ready, updated and available replicas; `new` is the update revision.
    let set = |counts: (i32, i32, i32, i32), current: &str, partition: i32, strategy: &str| -> StatefulSet {
        let (replicas, ready, updated, available) = counts;
        parsed(json!({
            "metadata": { "name": "db", "uid": "new", "generation": 1 },
            "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "image": "shop:2" }] } },
                "updateStrategy": { "type": strategy, "rollingUpdate": { "partition": partition } } },
            "status": { "observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "updatedReplicas": updated,
                "availableReplicas": available, "currentRevision": current, "updateRevision": "new" },
        }))
    };
    let rolling = "RollingUpdate";
    for (it, verdict, expected) in [
        (set((2, 2, 2, 2), "new", 0, rolling), Verdict::Passed, "2 of 2 updated, 2 of 2 available, revision new"),
        (set((2, 2, 1, 2), "old", 0, rolling), Verdict::Inconclusive, "1 of 2 updated"),
        (set((2, 2, 2, 2), "old", 0, rolling), Verdict::Inconclusive, "not the current one yet"),
        (set((2, 1, 2, 1), "new", 0, rolling), Verdict::Inconclusive, "1 of 2 available"),
        // Ready, but not yet for `minReadySeconds`.
        (set((2, 2, 2, 1), "new", 0, rolling), Verdict::Inconclusive, "1 of 2 available"),
        (set((3, 2, 2, 2), "new", 0, rolling), Verdict::Inconclusive, "2 of 2 updated"),
        (set((2, 2, 1, 2), "old", 1, rolling), Verdict::Passed, "1 kept back by `partition`"),
        (set((2, 2, 0, 2), "old", 0, "OnDelete"), Verdict::Blocked, "only when they are deleted by hand"),
        (set((2, 2, 2, 2), "new", 0, "OnDelete"), Verdict::Passed, "2 of 2 updated"),
    ] {
        let mut scenario = Scenario::new(limits(&["statefulset/db"]));
        let pods = vec![pod("db-0", "new", true, &running()), pod("db-1", "new", true, &running())];
        scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods, at: Some(at(1).parse().unwrap()) }));
        scenario.update(1, ClusterUpdate::StatefulSets(WatchUpdate::Listed { items: vec![it], at: None }));
        let (found, actual, _) = scenario.judge_at(1);
        assert!(found == verdict && actual.contains(expected), "{expected}: {found}: {actual}");
    }
}

#[test]
fn a_daemon_set_is_complete_on_every_node() {
    let set = |desired: i32, updated: i32, available: i32| -> DaemonSet {
        parsed(json!({
            "metadata": { "name": "agent", "uid": "new", "generation": 1 },
            "spec": { "template": { "spec": { "containers": [{ "image": "shop:2" }] } }, "updateStrategy": { "type": "RollingUpdate" } },
            "status": { "observedGeneration": 1, "desiredNumberScheduled": desired, "updatedNumberScheduled": updated, "numberAvailable": available },
        }))
    };
    let revision = |name: &str, number: i64| -> ControllerRevision {
        parsed(json!({ "metadata": { "name": name, "uid": name, "labels": { "controller-revision-hash": name },
            "ownerReferences": [{ "uid": "new", "controller": true }] }, "revision": number }))
    };
    for (it, revisions, verdict, expected) in [
        (set(1, 1, 1), vec![revision("old", 1), revision("new", 2)], Verdict::Passed, "1 of 1 updated, 1 available"),
        (set(2, 1, 2), vec![revision("new", 2)], Verdict::Inconclusive, "1 of 2 updated"),
        (set(1, 1, 0), vec![revision("new", 2)], Verdict::Inconclusive, "0 available"),
        (set(0, 0, 0), vec![revision("new", 2)], Verdict::Inconclusive, "no node matches it"),
        (set(1, 1, 1), vec![revision("old", 3), revision("new", 2)], Verdict::Inconclusive, "0 of 1 pods are seen"),
        (set(1, 1, 1), vec![], Verdict::Inconclusive, "newest revision is not seen yet"),
    ] {
        let mut scenario = Scenario::new(limits(&["daemonset/agent"]));
        let pods = vec![pod("agent-x", "new", true, &running())];
        scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods, at: Some(at(1).parse().unwrap()) }));
        scenario.update(1, ClusterUpdate::Revisions(WatchUpdate::Listed { items: revisions, at: None }));
        scenario.update(1, ClusterUpdate::DaemonSets(WatchUpdate::Listed { items: vec![it], at: None }));
        let (found, actual, _) = scenario.judge_at(1);
        assert!(found == verdict && actual.contains(expected), "{expected}: {found}: {actual}");
    }
}
