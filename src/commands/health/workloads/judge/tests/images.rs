//! Which names of an image show that it is the one under promotion.

use super::*;
use crate::{commands::health::workloads::running_digests, world::registry::manifest::DigestComparison};

const SHOP: &str = "ghcr.io/acme/shop";

fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

/// The release under promotion: repository, tag, and the digit of its digest. Each may be empty.
fn release(image: &str, tag: &str, digit: &str) -> ExpectedImage {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let image = given(image).map(|image| image.parse().unwrap());
    ExpectedImage { image, tag: given(tag), digest: given(digit).map(|digit| digest(&digit)) }
}

/// The name of a container, its image in the template and in the pod (empty: it is not there), and its image ID. In an image, `@1` stands for a digest.
/// The name of an init container starts with `init`.
type Container<'a> = (&'a str, &'a str, &'a str, &'a str);

/// `app@1` with the whole digest.
fn in_full(image: &str) -> String {
    match image.split_once('@') {
        Some((name, digit)) => format!("{name}@{}", digest(digit)),
        None => image.to_owned(),
    }
}

/// A complete workload with one pod.
fn complete(kind: &str, image: ExpectedImage, containers: &[Container<'_>]) -> Scenario {
    let list = |init: bool, to_value: fn(&Container<'_>) -> Value| -> Vec<Value> {
        let values = containers.iter().filter(|one| one.0.starts_with("init") == init).map(to_value);
        values.filter(|value| value["image"] != "").collect()
    };
    let spec = |to_value| json!({ "containers": list(false, to_value), "initContainers": list(true, to_value) });
    let template = json!({ "spec": spec(|one| json!({ "name": one.0, "image": in_full(one.1) })) });
    let mut it = pod("a", "new", true, &running());
    it.spec = parsed(spec(|one| json!({ "name": one.0, "image": in_full(one.2) })));
    let status = |one: &Container<'_>| json!({ "name": one.0, "imageID": in_full(one.3), "ready": true });
    it.status.container_statuses = parsed(list(false, status).into());
    it.status.init_container_statuses = parsed(list(true, status).into());
    let mut scenario = Scenario::new(WorkloadLimits { image, ..limits(&[&format!("{kind}/app")]) });
    let clock = Some(at(1).parse().unwrap());
    let owned_by = |owner: &str| {
        json!({ "name": "new", "uid": "new", "ownerReferences": [{ "uid": owner, "controller": true }],
            "labels": { "controller-revision-hash": "new", "rollouts-pod-template-hash": "new" } })
    };
    let spec = json!({ "replicas": 1, "template": template });
    let counts = json!({ "observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
        "availableReplicas": 1, "currentRevision": "new", "updateRevision": "new", "desiredNumberScheduled": 1,
        "updatedNumberScheduled": 1, "numberAvailable": 1 });
    let workload =
        json!({ "metadata": { "name": "app", "uid": "new", "generation": 1 }, "spec": spec, "status": counts });
    scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![it], at: clock }));
    match kind {
        "statefulset" => {
            let items = vec![parsed(workload)];
            scenario.update(1, ClusterUpdate::StatefulSets(WatchUpdate::Listed { items, at: clock }));
        }
        "daemonset" => {
            let items = vec![parsed(json!({ "metadata": owned_by("new"), "revision": 1 }))];
            scenario.update(1, ClusterUpdate::Revisions(WatchUpdate::Listed { items, at: clock }));
            let items = vec![parsed(workload)];
            scenario.update(1, ClusterUpdate::DaemonSets(WatchUpdate::Listed { items, at: clock }));
        }
        "rollout" => {
            let items = vec![parsed(json!({ "metadata": owned_by("r"), "spec": { "template": template } }))];
            scenario.update(1, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items, at: clock }));
            let it = json!({ "metadata": { "name": "app", "uid": "r", "generation": 1 }, "spec": spec,
                "status": { "observedGeneration": "1", "phase": "Healthy", "replicas": 1, "updatedReplicas": 1,
                    "availableReplicas": 1, "currentPodHash": "new", "stableRS": "new" } });
            scenario.update(1, ClusterUpdate::Rollouts(WatchUpdate::Listed { items: vec![parsed(it)], at: clock }));
        }
        _ => {
            scenario.update(1, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: replica_sets(), at: clock }));
            let items = vec![deployment((1, 1, 1, 1), "2", &json!({ "spec": { "template": template } }))];
            scenario.update(1, ClusterUpdate::Deployments(WatchUpdate::Listed { items, at: clock }));
        }
    }
    scenario
}

#[test]
fn a_digest_is_proof_whatever_the_repository() {
    let expected = || release(SHOP, "2", "1");
    for kind in ["deployment", "statefulset", "daemonset", "rollout"] {
        for containers in [
            // The template asks for it, and a webhook lets the pod pull it from a mirror.
            [("app", "ghcr.io/acme/shop:2@1", "mirror.local/acme/shop:2@1", "mirror.local/acme/shop@1")].as_slice(),
            // Only the runtime reports the digest.
            &[("app", "ghcr.io/acme/shop:2", "mirror.local/acme/shop:2", "mirror.local/acme/shop@1")],
            &[(
                "app",
                "mirror.local/acme/shop:2",
                "mirror.local/acme/shop:2",
                "docker-pullable://mirror.local/acme/shop@1",
            )],
            &[("app", "mirror.local/acme/shop:x", "mirror.local/acme/shop:x", "mirror.local/acme/shop@1")],
            // The runtime reports the digest of the platform, and the pod was requested by that of the index.
            &[("app", "ghcr.io/acme/shop:2@1", "ghcr.io/acme/shop:2@1", "ghcr.io/acme/shop@2")],
            &[("app", "ghcr.io/acme/shop:2@2", "ghcr.io/acme/shop:2@2", "ghcr.io/acme/shop@1")],
            // Other containers are none of its business, before or after it.
            &[
                ("envoy", "envoy:2", "mirror.local/envoy:2", "mirror.local/envoy@3"),
                ("app", "ghcr.io/acme/shop:2", "mirror.local/acme/shop:2", "mirror.local/acme/shop@1"),
                ("injected", "", "agent:7", "agent@4"),
            ],
            // Migrations run in an init container of the same image.
            &[
                ("init", "ghcr.io/acme/shop:1@3", "ghcr.io/acme/shop:1@3", "ghcr.io/acme/shop@3"),
                ("app", "ghcr.io/acme/shop:2", "mirror.local/acme/shop:2", "mirror.local/acme/shop@1"),
            ],
            &[
                ("init", "ghcr.io/acme/shop:2", "mirror.local/acme/shop:2", "mirror.local/acme/shop@1"),
                ("app", "envoy:2", "envoy:2", "envoy@3"),
            ],
        ] {
            let scenario = complete(kind, expected(), containers);
            scenario.assert_decided(1, Verdict::Passed, "its pods run ghcr.io/acme/shop:2@sha256:1111");
        }
    }
}

#[test]
fn another_digest_under_the_right_name_is_inconclusive_at_once_and_both_are_named() {
    for (image, containers, expected) in [
        (
            release(SHOP, "2", "1"),
            [("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop@2")].as_slice(),
            "its pods run ghcr.io/acme/shop:2; one image has several digests: the runtime reports sha256:2222",
        ),
        (
            release(SHOP, "2", "1"),
            &[("app", "ghcr.io/acme/shop:2@1", "mirror.local/acme/shop:2", "mirror.local/acme/shop@2")],
            "its pods run mirror.local/acme/shop:2; one image has several digests: the runtime reports sha256:2222",
        ),
        (
            release(SHOP, "2", "1"),
            &[("app", "mirror.local/acme/shop:2", "mirror.local/acme/shop:2", "mirror.local/acme/shop@2")],
            "the runtime reports sha256:2222",
        ),
        (release("", "", "1"), &[("app", "shop:2", "shop:2", "docker-pullable://shop@2")], "reports sha256:2222"),
        (
            release(SHOP, "2", "1"),
            &[
                ("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop@1"),
                ("worker", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop@2"),
            ],
            "reports sha256:2222",
        ),
    ] {
        let scenario = complete("deployment", image, containers);
        scenario.assert_decided(1, Verdict::Inconclusive, expected);
        scenario.assert_decided(1, Verdict::Inconclusive, &format!("expected {}", digest("1")));
        let next = judge(&scenario.limits, &scenario.observations, seconds(1)).findings.remove(0).next.unwrap();
        assert!(next.starts_with("deploy the image by its digest"), "{next}");
    }
}

#[test]
fn an_image_id_without_a_digest_decides_at_once() {
    let config = digest("9");
    for (id, expected) in [
        ("", "its pods run ghcr.io/acme/shop:2, whose digest is unknown"),
        (config.as_str(), "the runtime reports only the image ID sha256:9999"),
        (&format!("docker://{config}"), "the runtime reports only the image ID sha256:9999"),
        ("0f1e2d", "whose digest is unknown"),
    ] {
        let containers = [("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", id)];
        let scenario = complete("deployment", release(SHOP, "2", "1"), &containers);
        scenario.assert_decided(1, Verdict::Inconclusive, expected);
        // A tag alone needs no digest, and a digest that is requested needs no report.
        complete("deployment", release(SHOP, "2", ""), &containers).assert_decided(1, Verdict::Passed, "complete");
        let by_digest = [("app", "ghcr.io/acme/shop:2@1", "ghcr.io/acme/shop:2@1", id)];
        complete("deployment", release(SHOP, "2", "1"), &by_digest).assert_decided(1, Verdict::Passed, "complete");
    }
    // A pod that has not been seen yet may still report one.
    let mut early = complete("deployment", release(SHOP, "2", "1"), &[("app", "ghcr.io/acme/shop:2", "", "")]);
    early.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![], at: None }));
    early.assert_pending(1, 601, "0 of 1 pods are seen");
    // The release may replace it while `appear-timeout` runs.
    let mut patient =
        complete("deployment", release(SHOP, "2", "1"), &[("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "")]);
    patient.limits.appear_timeout = seconds(60);
    patient.assert_pending(59, 60, "whose digest is unknown");
    patient.assert_decided(60, Verdict::Inconclusive, "whose digest is unknown");
}

#[test]
fn a_tag_behind_a_mirror_is_recognized_by_the_container_of_the_template() {
    let pulled = "mirror.local/acme/shop@7";
    for (in_template, in_pod, verdict, expected) in [
        ("ghcr.io/acme/shop:2", "mirror.local/acme/shop:2", Verdict::Passed, "its pods run ghcr.io/acme/shop:2"),
        // A webhook resolves tags.
        ("ghcr.io/acme/shop:2", "ghcr.io/acme/shop@7", Verdict::Passed, "its pods run ghcr.io/acme/shop:2"),
        ("ghcr.io/acme/shop:2", "mirror.local/acme/shop:1", Verdict::Blocked, "runs mirror.local/acme/shop:1, not"),
        ("ghcr.io/acme/shop:1", "mirror.local/acme/shop:1", Verdict::Blocked, "runs ghcr.io/acme/shop:1, not"),
        ("ghcr.io/acme/shop@7", "ghcr.io/acme/shop@7", Verdict::Inconclusive, ", which names no tag"),
    ] {
        let containers = [("envoy", "envoy:2", "mirror.local/envoy:2", ""), ("app", in_template, in_pod, pulled)];
        for kind in ["deployment", "statefulset", "daemonset", "rollout"] {
            complete(kind, release(SHOP, "2", ""), &containers).assert_decided(1, verdict, expected);
        }
    }
    // A container of another name that has the same tag is no proof.
    let other = [("app", "ghcr.io/acme/shop:2", "", ""), ("web", "", "mirror.local/acme/shop:2", "")];
    let scenario = complete("deployment", release(SHOP, "2", ""), &other);
    scenario.assert_decided(1, Verdict::Blocked, "mirror.local/acme/shop:2 (no container of that repository)");
}

#[test]
fn a_clearly_different_image_blocks_and_is_named() {
    for (image, containers, expected) in [
        (
            release(SHOP, "2", "1"),
            [("app", "ghcr.io/acme/shop:1", "ghcr.io/acme/shop:1", "ghcr.io/acme/shop@2")].as_slice(),
            "it is healthy, and runs ghcr.io/acme/shop:1@sha256:2222",
        ),
        (
            release(SHOP, "2", "1"),
            &[("app", "ghcr.io/acme/shop:2@2", "ghcr.io/acme/shop:2@2", "ghcr.io/acme/shop@2")],
            "it is healthy, and runs ghcr.io/acme/shop:2@sha256:2222",
        ),
        (
            release(SHOP, "2", ""),
            &[("envoy", "envoy:3", "envoy:3", ""), ("db", "redis:7", "redis:7", "")],
            "it is healthy, and runs envoy:3, redis:7 (no container of that repository), not ghcr.io/acme/shop:2",
        ),
        (
            release(SHOP, "2", "1"),
            &[("envoy", "envoy:3", "envoy:3", "envoy@3")],
            "runs envoy:3 (no container of that repository), not",
        ),
    ] {
        complete("deployment", image, containers).assert_decided(1, Verdict::Blocked, expected);
    }
    let containers = [("envoy", "ghcr.io/acme/envoy:3", "", ""), ("db", "ghcr.io/acme/redis:7@3", "", "")];
    let scenario = complete("deployment", release(SHOP, "2", ""), &containers);
    let headline = judge(&scenario.limits, &scenario.observations, seconds(1)).findings[0].headline();
    assert!(headline.contains(" runs envoy:3, redis:7@sha256:3333333, limit "), "{headline}");
}

#[test]
fn a_release_by_tag_and_digest_that_is_replaced_ends_the_gate() {
    let image = ExpectedImage { tag: Some("2".to_owned()), digest: Some(digest("1")), ..ExpectedImage::default() };
    let mut scenario = Scenario::new(WorkloadLimits { appear_timeout: seconds(600), image, ..app() });
    let applied =
        |tag: &str| ClusterUpdate::Deployments(WatchUpdate::Applied(deployment((1, 1, 0, 0), tag, &json!({}))));
    // What was there before is not replaced: the release is still to come.
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "1", &json!({})), vec![]);
    scenario.update(10, applied("1"));
    assert!(scenario.judge_at(10).2.is_some());
    scenario.update(20, applied("2"));
    assert!(scenario.judge_at(20).2.is_some());
    scenario.update(30, applied("3"));
    scenario.assert_decided(30, Verdict::Blocked, "was requested, and now shop:3 is: another release took its place");
    let headline = judge(&scenario.limits, &scenario.observations, seconds(30)).findings[0].headline();
    assert!(headline.ends_with(": replaced by shop:3"), "{headline}");
}

#[test]
fn a_workload_without_pods_is_not_said_to_run_an_image() {
    let nothing = |limits: WorkloadLimits| {
        let mut scenario = Scenario::new(WorkloadLimits { allow_empty: true, ..limits });
        scenario.list_deployment(1, deployment((0, 0, 0, 0), "2", &json!({})), vec![]);
        scenario
    };
    let by_tag = nothing(with_tag("2", app()));
    by_tag.assert_decided(1, Verdict::Passed, "`replicas: 0`; it requests an image with tag 2");
    assert!(!by_tag.judge_at(1).1.contains("its pods run"));
    let by_digest = nothing(WorkloadLimits { image: release("", "", "1"), ..app() });
    by_digest.assert_decided(1, Verdict::Inconclusive, "it requests shop:2, whose digest is unknown");
}

#[test]
fn the_digest_that_runs_is_given_out_if_all_pods_agree() {
    let (one, two, none) = (digest("1"), digest("2"), String::new());
    for (image, containers, of_image, of_platform) in [
        (
            release(SHOP, "2", ""),
            [
                ("envoy", "envoy:2", "envoy:2", "envoy@3"),
                ("app", "ghcr.io/acme/shop:2", "mirror.local/acme/shop:2", "mirror.local/acme/shop@1"),
            ]
            .as_slice(),
            &one,
            &none,
        ),
        (
            release(SHOP, "2", "1"),
            &[("app", "ghcr.io/acme/shop:2@1", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop@2")],
            &one,
            &two,
        ),
        (release("", "2", ""), &[("app", "shop:2", "shop:2", "shop@1")], &one, &none),
        (release("", "", ""), &[("app", "shop:2", "shop:2", "shop@1")], &none, &none),
        (release(SHOP, "", ""), &[("app", "ghcr.io/acme/shop:x", "ghcr.io/acme/shop:x", "shop@2")], &two, &none),
        (release(SHOP, "2", ""), &[("app", "ghcr.io/acme/shop:1", "ghcr.io/acme/shop:1", "shop@1")], &none, &none),
        (release(SHOP, "2", ""), &[("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "")], &none, &none),
        (
            release(SHOP, "2", ""),
            &[
                ("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "shop@1"),
                ("worker", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "shop@2"),
            ],
            &none,
            &none,
        ),
    ] {
        let mut scenario = complete("deployment", image, containers);
        let outputs = |scenario: &Scenario| {
            let outputs = running_digests::outputs(&scenario.limits, &scenario.observations);
            (outputs["digest"].clone(), outputs["platform-digest"].clone())
        };
        assert_eq!(outputs(&scenario), (of_image.clone(), of_platform.clone()), "{containers:?}");
        scenario.update(2, ClusterUpdate::Pods(WatchUpdate::Interrupted("frozen".to_owned())));
        assert_eq!(outputs(&scenario), (String::new(), String::new()), "what was seen last may be stale");
    }
}

#[test]
fn the_registry_settles_which_image_a_reported_digest_is() {
    let containers = [("app", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop:2", "ghcr.io/acme/shop@2")];
    let asking = |id: &str| {
        let of_id = [("app", containers[0].1, containers[0].2, id)];
        let mut scenario = complete("deployment", release(SHOP, "2", "1"), &of_id);
        scenario.limits.asks_registry = true;
        scenario
    };
    let answered = |answer: DigestComparison, digit: &str| {
        ClusterUpdate::Registry([(digest(digit), answer)].into_iter().collect())
    };
    for (answer, verdict, expected) in [
        (DigestComparison::Same, Verdict::Passed, "its pods run ghcr.io/acme/shop:2@sha256:1111"),
        (DigestComparison::Different, Verdict::Blocked, "it is healthy, and runs ghcr.io/acme/shop:2@sha256:2222"),
        (
            DigestComparison::Unknown("the registry answered 500".to_owned()),
            Verdict::Inconclusive,
            "its pods run ghcr.io/acme/shop:2; the runtime reports sha256:2222",
        ),
    ] {
        let mut scenario = asking("ghcr.io/acme/shop@2");
        assert_eq!(scenario.observations.open_digests(&scenario.limits), [digest("2")]);
        let (found, actual, revisit) = scenario.judge_at(1);
        assert!(revisit.is_some() && actual.ends_with("; the registry is asked"), "{found}: {actual}");
        scenario.update(2, answered(answer, "2"));
        scenario.assert_decided(2, verdict, expected);
        assert!(scenario.observations.open_digests(&scenario.limits).is_empty(), "each is asked about once");
        let outputs = running_digests::outputs(&scenario.limits, &scenario.observations);
        let ran = match verdict {
            Verdict::Passed => (digest("1"), digest("2")),
            Verdict::Blocked => Default::default(),
            Verdict::Inconclusive => (digest("2"), String::new()),
        };
        assert_eq!((outputs["digest"].clone(), outputs["platform-digest"].clone()), ran);
    }
    // The digest of a configuration may be one of the image.
    let mut bare = asking(&digest("9"));
    bare.update(2, answered(DigestComparison::Same, "9"));
    bare.assert_decided(2, Verdict::Passed, "complete");
    // There is nothing to ask about.
    for id in ["", "ghcr.io/acme/shop@1"] {
        let scenario = asking(id);
        assert!(scenario.observations.open_digests(&scenario.limits).is_empty(), "{id}");
        assert_eq!(scenario.judge_at(1).2, None, "{id}");
    }
}
