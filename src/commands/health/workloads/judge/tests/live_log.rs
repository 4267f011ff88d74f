//! What the log says while the gate waits.

use super::*;

fn lines(scenario: &mut Scenario, second: u64) -> Vec<String> {
    scenario.log_at(second)
}

fn one_pod(counts: (i32, i32, i32, i32), state: Option<&Value>) -> Scenario {
    let mut scenario = Scenario::new(app());
    let pods = state.map(|state| pod("a", "new", false, state)).into_iter().collect();
    scenario.list_deployment(1, deployment(counts, "2", &json!({})), pods);
    scenario
}

fn see(scenario: &mut Scenario, second: u64, name: &str, state: &Value) {
    scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Applied(pod(name, "new", false, state))));
}

#[test]
fn the_log_names_the_pods_that_are_not_ready_why_and_since_when() {
    let mut scenario = one_pod((2, 2, 2, 0), Some(&waiting("ErrImagePull", "i/o timeout")));
    assert_eq!(
        lines(&mut scenario, 1),
        [
            "deployment/app: 2 of 2 updated, 0 available",
            "deployment/app: pod a, container app, not ready since 2026-01-01T12:00:00Z: ErrImagePull: i/o timeout"
        ]
    );
    assert_eq!(lines(&mut scenario, 2), Vec::<String>::new(), "nothing has changed");
    // The same reason of another pod, another reason, and the first one again.
    see(&mut scenario, 3, "b", &waiting("ErrImagePull", "i/o timeout"));
    assert!(lines(&mut scenario, 3)[0].ends_with("(and 1 more)"));
    see(&mut scenario, 4, "b", &crashed(0, "OOMKilled"));
    let shown = lines(&mut scenario, 4);
    assert!(
        shown.iter().any(|line| line.contains("pod b, container app, not ready since") && line.contains("OOMKilled")),
        "{shown:?}"
    );
}

#[test]
fn a_pod_that_starts_is_not_in_the_log_at_once() {
    let mut scenario = one_pod((1, 1, 1, 0), Some(&waiting("ContainerCreating", "")));
    assert_eq!(lines(&mut scenario, 1).len(), 1);
    assert_eq!(lines(&mut scenario, 9), Vec::<String>::new());
    let later = lines(&mut scenario, 10);
    assert!(later.len() == 1 && later[0].contains("pod a, not ready since"), "{later:?}");
}

#[test]
fn a_complete_rollout_says_what_it_waits_for() {
    let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    scenario.list_deployment(5, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    let shown = lines(&mut scenario, 5);
    let waits = "deployment/app: complete, and waits: pod a has not been ready for 30s yet";
    assert!(shown[0].starts_with("deployment/app: complete: 1 of 1") && shown[1..] == [waits], "{shown:?}");
    assert_eq!(lines(&mut scenario, 30), Vec::<String>::new());
}

#[test]
fn the_lines_of_an_interval_are_limited_and_the_rest_follows_in_the_next() {
    let mut scenario = one_pod((500, 1, 1, 0), None);
    let mut shown = Vec::new();
    for second in 1..=29 {
        let counts = (500, i32::try_from(second).unwrap(), i32::try_from(second).unwrap(), 0);
        scenario.update(second, ClusterUpdate::Deployments(WatchUpdate::Applied(deployment(counts, "2", &json!({})))));
        shown.extend(lines(&mut scenario, second));
    }
    assert_eq!(shown.len(), 10, "{shown:?}");
    assert_eq!(lines(&mut scenario, 30), ["deployment/app: 29 of 500 updated, 0 available"], "as it is by then");
    // Several workloads share a limit.
    let one_of = |number: i32, updated: i32| {
        let mut it = deployment((500, updated, updated, 0), "2", &json!({}));
        it.metadata.name = format!("app-{number}");
        it.metadata.uid = it.metadata.name.clone();
        it
    };
    let names: Vec<String> = (0..20).map(|number| format!("deployment/app-{number}")).collect();
    let mut scenario = Scenario::new(limits(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let items = (0..20).map(|number| one_of(number, 0)).collect();
    scenario.update(0, ClusterUpdate::Deployments(WatchUpdate::Listed { items, at: None }));
    scenario.update(0, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: vec![], at: None }));
    scenario.update(0, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![], at: None }));
    let mut count = 0;
    for second in 0..29 {
        for number in 0..20 {
            let update = WatchUpdate::Applied(one_of(number, second));
            scenario.update(u64::try_from(second).unwrap(), ClusterUpdate::Deployments(update));
            count += lines(&mut scenario, u64::try_from(second).unwrap()).len();
        }
    }
    assert_eq!(count, 50);
}

#[test]
fn completion_does_not_wait_for_the_next_interval() {
    let mut scenario = one_pod((20, 1, 1, 0), None);
    for second in 1..20 {
        let counts = (20, i32::try_from(second).unwrap(), i32::try_from(second).unwrap(), 0);
        scenario.update(second, ClusterUpdate::Deployments(WatchUpdate::Applied(deployment(counts, "2", &json!({})))));
        lines(&mut scenario, second);
    }
    let done = deployment((20, 20, 20, 20), "2", &json!({}));
    scenario.update(20, ClusterUpdate::Deployments(WatchUpdate::Applied(done)));
    assert!(lines(&mut scenario, 20)[0].starts_with("deployment/app: complete: 20 of 20 updated"));
}

#[test]
fn an_api_server_that_is_lost_and_back_is_in_the_log_at_once() {
    let mut scenario = one_pod((1, 1, 1, 0), None);
    lines(&mut scenario, 1);
    let lost = |why: &str| ClusterUpdate::Pods(WatchUpdate::Interrupted(why.to_owned()));
    scenario.update(5, lost("connection refused"));
    assert_eq!(
        lines(&mut scenario, 5),
        ["the API server of staging does not answer: connection refused; nothing is decided until it does"]
    );
    scenario.update(6, lost("another reason"));
    assert_eq!(lines(&mut scenario, 6), Vec::<String>::new(), "once");
    scenario.update(17, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![], at: None }));
    assert_eq!(lines(&mut scenario, 17), ["the API server of staging answers again, after 12s"]);
    // One that flaps does not flood the log.
    let mut count = 0;
    for second in 18..29 {
        for _ in 0..20 {
            scenario.update(second, lost("flaps"));
            count += lines(&mut scenario, second).len();
            scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![], at: None }));
            count += lines(&mut scenario, second).len();
        }
    }
    assert!(count < 31, "{count}");
}
