//! From "rollout complete" to exit: both watch the same Deployment at the same time, one release after another.
//!
//! A rollout is complete when the Deployment controller's write that says so has come to the API server. The moment is the
//! server's own, from its audit log, so that neither side is helped by what an observer would be late by.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    audit::{Audit, Event, completes},
    figures::{Bounds, median, millis, percentile},
    plane::{Plane, until},
    side::{Ended, Sides, now},
    workloads::Room,
};

const REPLICAS: u32 = 3;
/// The most that may pass at the median, in milliseconds.
const MOST: f64 = 100.0;

pub fn compare(plane: &Plane, audit: &Audit, sides: &Sides, rollouts: u32, bounds: &mut Bounds) {
    let room = Room::new(plane, "rollouts");
    room.deploy("deployments", "app", REPLICAS, "0", &json!({}));
    // All new pods at once, none of the old ones before.
    let surge = json!({ "spec": { "strategy": { "rollingUpdate": { "maxSurge": "100%", "maxUnavailable": 0 } } } });
    room.change("deployments", "app", &surge);
    room.available("app", REPLICAS.into());
    let pairs: Vec<(f64, f64)> = (1..=rollouts).map(|number| rollout(&room, audit, sides, number)).collect();
    let ours: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
    let theirs: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let ratios: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours / theirs).collect();
    println!("from \"rollout complete\" to exit, {rollouts} rollouts that both watch at once:");
    for (name, times) in [("promote-gates", &ours), ("kubectl", &theirs)] {
        println!("  {name:14} p50 {:.1} ms, p95 {:.1} ms", median(times), percentile(times, 95));
    }
    let ratio = median(&ratios);
    println!("  promote-gates takes {ratio:.2} of kubectl's time (median of the pairs)");
    bounds.hold(median(&ours) <= MOST, format!("p50 of at most {MOST} ms"));
    bounds.hold(ratio <= 1.0, "not slower than kubectl".to_owned());
}

/// One release. Gives how long after its completion each of both had ended, in milliseconds.
fn rollout(room: &Room<'_>, audit: &Audit, sides: &Sides, number: u32) -> (f64, f64) {
    let (began, tag) = (now(), number.to_string());
    room.release("deployments", "app", &tag, &json!({ "plays": "never-ready" }));
    let released = room.object("deployments", "app");
    let generation = released["metadata"]["generation"].as_u64().expect("a generation");
    let pods = until("pods of the release", || new_pods(room, &tag));
    let ours = || sides.ours(&room.name, &["--workload=deployment/app", &format!("--tag={tag}")]);
    let kubectl = || sides.kubectl(&room.name, &["deployment/app", "--timeout=120s"]);
    let (mut ours, mut kubectl) = if number.is_multiple_of(2) {
        let ours = ours();
        (ours, kubectl())
    } else {
        let kubectl = kubectl();
        (ours(), kubectl)
    };
    ours.says("deployment/app: ");
    kubectl.says("Waiting for deployment");
    until("watches of both", || {
        let events = audit.since(began);
        let watches = |is: fn(&Event) -> bool| {
            events.iter().any(|event| is(event) && event.verb == "watch" && event.object_ref.resource == "deployments")
        };
        (watches(Event::is_by_kubectl) && watches(Event::is_ours)).then_some(())
    });
    let soon = json!({ "metadata": { "annotations": { "recovers": "1ms" } } });
    for pod in pods {
        room.plane.api.patch(&format!("/api/v1/namespaces/{}/pods/{pod}", room.name), &soon);
    }
    let (ours, kubectl) = (ours.end(), kubectl.end());
    for (name, end) in [("promote-gates", &ours), ("kubectl", &kubectl)] {
        assert_eq!(end.code, Some(0), "{name}:\n{}", end.log);
    }
    let complete =
        audit.first("write that completes the rollout", began, |event| completes(event, &room.name, generation));
    (after(complete, &ours), after(complete, &kubectl))
}

fn after(complete: Timestamp, end: &Ended) -> f64 {
    millis(end.at.duration_since(complete))
}

fn new_pods(room: &Room<'_>, tag: &str) -> Option<Vec<String>> {
    let image = |pod: &Value| pod["spec"]["containers"][0]["image"].as_str().map(ToOwned::to_owned);
    let all = room.pods();
    let of_tag = all.iter().filter(|pod| image(pod).is_some_and(|image| image.ends_with(&format!(":{tag}"))));
    // The kubelet has looked at them, and they are not ready.
    let seen = of_tag.filter(|pod| pod["status"]["containerStatuses"].is_array());
    let names: Vec<String> = seen.filter_map(|pod| pod["metadata"]["name"].as_str()).map(ToOwned::to_owned).collect();
    (names.len() == REPLICAS as usize).then_some(names)
}
