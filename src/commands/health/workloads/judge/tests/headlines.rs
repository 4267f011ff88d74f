//! What a person reads first: the state, its number, the cause, and what to do next.

use super::*;

fn line(scenario: &Scenario, second: u64) -> String {
    let finding = judge(&scenario.limits, &scenario.observations, seconds(second)).findings.remove(0);
    let next = finding.next.as_ref().map(|next| format!("; next: {next}")).unwrap_or_default();
    format!("{} {}{next}", finding.verdict, finding.headline())
}

#[test]
fn a_headline_has_the_number_of_ready_pods_and_the_problem_of_the_first_one() {
    let healthy = || ["a", "b", "c"].map(|name| pod(name, "new", true, &running()));
    let not_found = "rpc error: code = NotFound desc = failed to pull: shop:2: not found";
    let mut lines = Vec::new();
    for (state, second) in [
        (running(), 1),
        (waiting("ErrImagePull", "dial tcp: i/o timeout"), 1),
        (waiting("ImagePullBackOff", not_found), 1),
        (waiting("ImagePullBackOff", "Back-off pulling image"), 61),
        (waiting("InvalidImageName", "bad"), 1),
        (waiting("CreateContainerConfigError", "secret \"x\" not found"), 31),
        (waiting("ContainerCreating", ""), 120),
        (crashed(2, "OOMKilled"), 1),
        (crashed(2, "Error"), 1),
    ] {
        let ready = state["ready"] == true;
        let pods = healthy().into_iter().chain([pod("d", "new", ready, &state)]).collect();
        let mut scenario = Scenario::new(with_tag("2", app()));
        scenario.list_deployment(1, deployment((4, 4, 4, 3 + i32::from(ready)), "2", &json!({})), pods);
        lines.push(line(&scenario, second));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    passed deployment/app 4 of 4 pods ready, limit 4 of 4 on 2
    inconclusive deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: undecided
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: `ImagePullBackOff`, image not found; next: check that this tag was pushed, and that the image's name is right
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: `ImagePullBackOff`; next: check that the tag was pushed, and that the namespace's pull secret is valid for this registry
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: `InvalidImageName`; next: correct the image in the manifests, and deploy again
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: `CreateContainerConfigError`; next: create the ConfigMap or the Secret that it names, or correct the reference
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: not ready within 2m; next: see its readiness probe, its log and its events below
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: crashed 3 times, `OOMKilled`, exit code 1; next: see the last lines of its log below, correct what makes it crash, and deploy again
    blocked deployment/app 3 of 4 pods ready, limit 4 of 4 on 2: crashed 3 times, exit code 1; next: see the last lines of its log below, correct what makes it crash, and deploy again
    ");
}

#[test]
fn a_headline_names_what_the_workload_waits_for() {
    let condition = |kind: &str, status: &str, reason: &str| json!({ "status": { "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(1) }] } });
    let mut lines = Vec::new();
    for (limits, counts, tag, more, second) in [
        (app(), (4, 4, 2, 2), "2", condition("Progressing", "False", "ProgressDeadlineExceeded"), 6),
        (app(), (4, 4, 2, 2), "2", json!({ "spec": { "paused": true } }), 1),
        (app(), (4, 4, 2, 2), "2", json!({}), 601),
        (app(), (0, 0, 0, 0), "2", json!({}), 1),
        (with_tag("3", app()), (4, 4, 4, 4), "2", json!({}), 1),
    ] {
        let mut scenario = Scenario::new(limits);
        let pods = ["a", "b"].map(|name| pod(name, "new", true, &running())).to_vec();
        scenario.list_deployment(1, deployment(counts, tag, &more), pods);
        lines.push(line(&scenario, second));
    }
    let mut missing = Scenario::new(with_tag("2", app()));
    missing.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![]);
    missing.update(2, ClusterUpdate::Deployments(WatchUpdate::Listed { items: vec![], at: None }));
    lines.push(line(&missing, 2));
    let mut restarted = running();
    restarted["restartCount"] = 3.into();
    let mut disturbed = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    disturbed.list_deployment(5, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    disturbed.update(10, ClusterUpdate::Pods(WatchUpdate::Applied(pod("a", "new", true, &restarted))));
    lines.push(line(&disturbed, 10));
    insta::assert_snapshot!(lines.join("\n"), @r"
    blocked deployment/app 2 of 4 pods ready, limit 4 of 4: ProgressDeadlineExceeded; next: see what the rollout waits for (`kubectl describe`); `rollout-timeout` gives it more time
    blocked deployment/app 2 of 4 pods ready, limit 4 of 4: it waits for a person; next: resume the rollout (`kubectl rollout resume`), or delete the old pods
    blocked deployment/app 2 of 4 pods ready, limit 4 of 4: not complete after 10m; next: see what the rollout waits for (`kubectl describe`); `rollout-timeout` gives it more time
    inconclusive deployment/app no pods, limit all pods ready; next: set `allow-empty` if this is intended
    blocked deployment/app runs shop:2, limit 4 of 4 on 3: 3 is not deployed; next: see whether this release has been deployed; `appear-timeout` waits for a deployment that comes later
    blocked deployment/app not found, limit all pods ready on 2: it was deleted; next: see what has been deployed since; the later release has its own gate
    blocked deployment/app 1 of 1 pods ready, limit 1 of 1: restarted 3 times; next: see the last lines of its log below, correct what makes it crash, and deploy again
    ");
}
