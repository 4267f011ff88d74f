//! The `health` job of `workflows/validate-staging.yml` as it is shipped, on a real runner against a real control plane:
//! what stood there as `kubectl rollout status` and a loop of `curl` before. The cluster is looked at by the account of
//! `health/README.md`.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use promote_gates::sandbox::server::{Answer, Server};
use serde_json::json;

use super::{
    account,
    act::{Act, Run},
    plane::shared,
    repo::Repo,
    workloads::Room,
};

const SERVICE: &str = "checkout-service";
const WORKFLOW: &str = "validate-staging.yml";

/// What a deploy run of that commit starts, up to the second job. Only the host of the endpoint is another one, and the time that a rollout has to
/// stay well.
fn validate(staging: &Server, kubeconfig: &str, commit: &str) -> Run {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/validate-staging.yml");
    let text = fs::read_to_string(path).expect("the workflow");
    let (text, _) = text.split_once("\n  smoke:\n").expect("a second job");
    let text = text.replace("https://staging.example.com", staging.url()).replace("stabilize: 30s", "stabilize: 1s");
    let repo = Repo::new();
    repo.write(&format!(".github/workflows/{WORKFLOW}"), text).commit("a shop");
    let event = json!({
        "workflow_run": { "id": 1, "run_attempt": 1, "name": "deploy-staging", "conclusion": "success", "event": "push", "head_branch": "main", "head_sha": commit },
        "repository": { "default_branch": "main" },
    });
    let act = Act::on(&repo, "workflow_run").workflow(WORKFLOW).payload(event);
    let run = act.secret("STAGING_KUBECONFIG", kubeconfig).run();
    let config: serde_json::Value = serde_json::from_str(kubeconfig).expect("JSON");
    let token = config["users"][0]["user"]["token"].as_str().expect("a token");
    assert!(!run.log.contains(token), "{}", run.log);
    run
}

#[test]
fn the_shipped_job_waits_for_the_rollout_and_asks_the_endpoint_or_says_why_not() {
    let room = Room { image: "ghcr.io/acme/checkout-service", ..Room::new(shared(), "staging") };
    let kubeconfig = account::make(&room);
    let [old, new, lost] = ["1", "2", "3"].map(|digit| digit.repeat(40));
    room.deploy("deployments", SERVICE, 2, &old, &json!({}));
    room.available(SERVICE, 2);
    // It answers for the version that it is, and notes how far the rollout is whenever it is asked.
    let asked = Arc::<Mutex<Vec<serde_json::Value>>>::default();
    let (noted, version) = (Arc::clone(&asked), new.clone());
    let staging = Server::start(move |request| {
        assert_eq!(request.path, "/checkout-service/health/ready");
        let path = "/apis/apps/v1/namespaces/staging/deployments/checkout-service";
        noted.lock().expect("no panic").push(shared().api.get(path)["status"].clone());
        Answer::json(200, &json!({ "version": version }))
    });
    let staging = staging.expect("a server");

    let starting = json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "3s" });
    room.release("deployments", SERVICE, &new, &starting);
    let run = validate(&staging, &kubeconfig, &new);

    assert!(run.succeeded, "{}", run.log);
    let gate = run.step("health", "health");
    assert_eq!(gate.outputs["verdict"], "passed");
    assert!(
        gate.outputs["report"].contains(&format!("its pods run {}:{new}", room.image)),
        "{}",
        gate.outputs["report"]
    );
    let asked_for_new = asked.lock().expect("no panic").clone();
    let [status] = &asked_for_new[..] else { panic!("asked once, and not before the rollout: {asked_for_new:#?}") };
    assert_eq!(
        (&status["updatedReplicas"], &status["availableReplicas"], &status["replicas"]),
        (&json!(2), &json!(2), &json!(2))
    );

    let message = format!("failed to pull and unpack image \"{}:{lost}\": not found", room.image);
    room.release(
        "deployments",
        SERVICE,
        &lost,
        &json!({ "plays": "waits", "reason": "ErrImagePull", "message": message }),
    );
    let run = validate(&staging, &kubeconfig, &lost);

    assert!(!run.succeeded, "{}", run.log);
    let job = run.job("health");
    let took = job.ended.duration_since(job.began);
    assert!(took.as_secs() < 12, "{took}: kubectl would have told after 120 s, and no reason");
    let gate = run.step("health", "health");
    assert_eq!((gate.exit, gate.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let [error] = gate.annotated("error")[..] else { panic!("one error: {:?}", gate.annotations) };
    for said in ["pod checkout-service-", "container app: ErrImagePull: ", &message] {
        assert!(error.message.contains(said), "{said} in {}", error.message);
    }
    assert!(gate.summary.contains("Pods that are not well"), "{}", gate.summary);
    assert!(!gate.summary.contains("What could not be seen"), "{}", gate.summary);
    assert_eq!(asked.lock().expect("no panic").len(), 1, "not asked while another version answers");
}
