//! 50 Deployments with 500 pods in one gate: memory, time, and requests as the API server counts them. Beside it 50 times
//! `kubectl rollout status`, all at once: it takes one workload, or none by name.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{
    audit::{Audit, Event, completes},
    figures::{Bounds, megabytes, millis, seconds},
    plane::{Plane, until},
    side::{Ended, Running, Sides, now},
    workloads::Room,
};

const WORKLOADS: usize = 50;
const REPLICAS: u32 = 10;
/// The generation of the release that is watched.
const SECOND: u64 = 2;
/// Bytes that make a pod as large as those of a real service are, in an annotation.
const PADDING: usize = 8192;
/// The most memory, in bytes.
const MEMORY: u64 = 64_000_000;

pub fn compare(plane: &Plane, audit: &Audit, sides: &Sides, bounds: &mut Bounds) {
    let room = Room::new(plane, "fleet");
    let names: Vec<String> = (0..WORKLOADS).map(|number| format!("app-{number}")).collect();
    let notes = json!({ "padding": "x".repeat(PADDING) });
    for name in &names {
        room.deploy("deployments", name, REPLICAS, "1", &notes);
    }
    until_complete(&room);
    let gate = |tag: &str| {
        let mut arguments: Vec<String> = names.iter().map(|name| format!("--workload=deployment/{name}")).collect();
        arguments.extend([format!("--tag={tag}"), "--appear-timeout=5m".to_owned()]);
        sides.ours(&room.name, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let kubectl = |name: &str| sides.kubectl(&room.name, &[&format!("deployment/{name}"), "--timeout=120s"]);
    println!("{WORKLOADS} Deployments with {} pods:", WORKLOADS * REPLICAS as usize);

    // All of them complete.
    let began = now();
    let ours = passed(gate("1"));
    let (time, requests) = (seconds(ours.at.duration_since(began)), Requests::of(&audit.since(began), Event::is_ours));
    println!("  one gate, all complete: {time:.2} s, {:.1} MB, {requests}", megabytes(ours.peak));
    bounds.hold(requests.are_few(), "one list and one watch per kind".to_owned());
    bounds.hold(ours.peak < MEMORY, format!("under {} MB", megabytes(MEMORY)));
    // It learns of the API, once.
    let alone = passed(kubectl(&names[0]));
    let began = now();
    let running: Vec<Running> = names.iter().map(|name| kubectl(name)).collect();
    let last = running.into_iter().map(|one| passed(one).at).max().expect("several");
    let (theirs, asked) =
        (seconds(last.duration_since(began)), Requests::of(&audit.since(began), Event::is_by_kubectl));
    let memory = alone.peak * WORKLOADS as u64;
    println!(
        "  kubectl {WORKLOADS} times at once: {theirs:.2} s, {WORKLOADS} x {:.1} MB, {asked}",
        megabytes(alone.peak)
    );
    println!(
        "  kubectl takes {:.1} times as long, {:.1} times the memory ({:.1} times for a single one) and {:.1} times the \
         requests",
        theirs / time,
        megabytes(memory) / megabytes(ours.peak),
        megabytes(alone.peak) / megabytes(ours.peak),
        asked.count() / requests.count(),
    );

    // A release of all of them, watched from before it appears.
    let began = now();
    let mut running = gate("2");
    running.says(&format!("deployment/{}: an image 2 has not appeared", names[WORKLOADS - 1]));
    for name in &names {
        room.release("deployments", name, "2", &notes);
    }
    let ours = passed(running);
    let events = audit.since(began);
    let requests = Requests::of(&events, Event::is_ours);
    // The first such write of each.
    let mut complete = BTreeMap::new();
    for event in events.iter().filter(|event| completes(event, &room.name, SECOND)) {
        complete.entry(&event.object_ref.name).or_insert(event.at);
    }
    let last = *complete.values().max().expect("they were complete");
    let late = millis(ours.at.duration_since(last));
    println!(
        "  one gate, over a release of all: {:.1} MB, {requests}; its end {late:.0} ms after the last was complete",
        megabytes(ours.peak)
    );
    bounds.hold(requests.are_few(), "one list and one watch per kind, over a release".to_owned());
    bounds.hold(ours.peak < MEMORY, format!("under {} MB, over a release", megabytes(MEMORY)));
}

fn passed(running: Running) -> Ended {
    let end = running.end();
    assert_eq!(end.code, Some(0), "{}", end.log);
    end
}

fn until_complete(room: &Room<'_>) {
    until("Deployments that are complete", || {
        let path = format!("/apis/apps/v1/namespaces/{}/deployments", room.name);
        let all = room.plane.api.get(&path);
        let all = all["items"].as_array()?;
        let is_available = |it: &Value| it["status"]["availableReplicas"].as_u64() == Some(REPLICAS.into());
        (all.len() == WORKLOADS && all.iter().all(is_available)).then_some(())
    });
}

/// Requests, by verb and kind.
struct Requests(BTreeMap<(String, String), u32>);

impl Requests {
    fn of(events: &[Event], is: fn(&Event) -> bool) -> Self {
        let mut counts = BTreeMap::new();
        for event in events.iter().filter(|event| is(event)) {
            *counts.entry((event.object_ref.resource.clone(), event.verb.clone())).or_default() += 1;
        }
        Self(counts)
    }

    fn count(&self) -> f64 {
        f64::from(self.0.values().sum::<u32>())
    }

    fn are_few(&self) -> bool {
        self.0.iter().all(|((_, verb), count)| *count == 1 && (verb == "list" || verb == "watch"))
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> =
            self.0.iter().map(|((resource, verb), count)| format!("{count} {verb} {resource}")).collect();
        write!(f, "{} requests ({})", self.count(), each.join(", "))
    }
}
