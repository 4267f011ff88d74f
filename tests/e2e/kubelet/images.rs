//! The image under promotion, as a kubelet reports it: one of the names of its content.

use serde_json::{Value, json};

use super::{
    control_plane::until,
    registry::REGISTRY,
    story::{INCONCLUSIVE, PASSED, RUNS, Story, image, pod},
};

fn pod_of(image: &str) -> Value {
    let mut spec = pod(RUNS);
    spec["containers"][0]["image"] = image.into();
    // A tag may move, so that the image on the node is an old one.
    spec["containers"][0]["imagePullPolicy"] = "Always".into();
    spec
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
}

/// The pod may also run another build of the expected content: see `the_same_content_under_two_indexes`.
#[test]
fn a_tag_that_has_moved_to_another_image_after_the_pods_started() {
    let story = Story::new("moved-tag");
    let before = story.cluster.registry.push("moved", "1", "before");
    let story = story.deploy(1, &pod_of(&image("moved:1")));
    story.await_pod("pod that runs", is_ready);
    let after = story.cluster.registry.push("moved", "1", "after");
    assert_ne!(before, after);
    story.setting("image", &format!("{}@{after}", image("moved:1"))).ends(INCONCLUSIVE, &[&before]);
}

#[test]
fn a_tag_that_moved_before_the_pods_started() {
    let story = Story::new("moved-before");
    story.cluster.registry.push("moved-before", "1", "before");
    let after = story.cluster.registry.push("moved-before", "1", "after");
    let story = story.deploy(1, &pod_of(&image("moved-before:1")));
    story.setting("image", &format!("{}@{after}", image("moved-before:1"))).ends(PASSED, &["complete"]);
}

/// Pods name the mirror, and the template of the Deployment the original.
#[test]
fn a_registry_that_admission_replaces_by_its_mirror() {
    let story = Story::new("mirrored");
    let api = &story.cluster.control_plane.api;
    let expression = format!(
        "[JSONPatch{{op: 'replace', path: '/spec/containers/0/image', \
         value: object.spec.containers[0].image.replace('shop.example/', '{REGISTRY}/')}}]"
    );
    let kind = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": kind, "kind": "MutatingAdmissionPolicy", "metadata": { "name": "mirror" },
        "spec": {
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }] },
            "matchConditions": [{ "name": "original", "expression": "object.spec.containers[0].image.startsWith('shop.example/')" }],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } }],
        },
    });
    let binding = json!({
        "apiVersion": kind, "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": "mirror" },
        "spec": { "policyName": "mirror" },
    });
    api.create(&format!("/apis/{kind}/mutatingadmissionpolicies"), &policy);
    api.create(&format!("/apis/{kind}/mutatingadmissionpolicybindings"), &binding);
    let digest = story.cluster.registry.push("mirrored", "1", "mirrored");
    let original = "shop.example/mirrored:1";
    let probe = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "probe" }, "spec": pod_of(original),
    });
    until("policy that is in force", || {
        let pod = api.create("/api/v1/namespaces/mirrored/pods?dryRun=All", &probe);
        (pod["spec"]["containers"][0]["image"] == image("mirrored:1")).then_some(())
    });
    let story = story.deploy(1, &pod_of(original)).setting("image", &format!("{original}@{digest}"));
    let pod = story.await_pod("pod", |_| true);
    assert_eq!(pod["spec"]["containers"][0]["image"], image("mirrored:1"));
    story.ends(PASSED, &["complete"]);
}

/// The same content, built twice with different attestations: containerd reports one of the two indexes for both. Only a pod
/// that names the digest of the other is known to run it.
#[test]
fn the_same_content_under_two_indexes() {
    for (name, by_digest, code, expected) in
        [("two-indexes", true, PASSED, "complete"), ("two-indexes-by-tag", false, INCONCLUSIVE, "")]
    {
        let story = Story::new(name);
        let registry = &story.cluster.registry;
        let first = registry.push_index(name, "1", name, "build 1");
        // containerd reports the lower of two digests.
        let builds = (2..).map(|build| registry.push_index(name, "2", name, &format!("build {build}")));
        let second = builds.into_iter().find(|digest| *digest > first).expect("a higher digest");
        let tags = [1, 2].map(|tag| image(&format!("{name}:{tag}")));
        let mut spec = pod_of(&tags[0]);
        // Only the node on which both are known has the choice.
        spec["nodeName"] = "node-1".into();
        let story = story.deploy(1, &spec);
        story.await_pod("pod that runs", is_ready);
        let release = format!("{}@{second}", tags[1]);
        spec["containers"][0]["image"] = if by_digest { release.clone() } else { tags[1].clone() }.into();
        let requested = spec["containers"][0]["image"].clone();
        story.namespace.change("deployments", "app", &json!({ "spec": { "template": { "spec": spec } } }));
        let is_new = |pod: &Value| is_ready(pod) && pod["spec"]["containers"][0]["image"] == requested;
        let pod = story.await_pod("pod of the second build", is_new);
        let reported = pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default().to_owned();
        assert!(reported.ends_with(&first), "{reported} {second}");
        story.setting("image", &release).ends(code, &[expected]);
    }
}
