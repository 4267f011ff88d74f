//! The shipped `health` job of `workflows/validate-staging.yml`, on a real runner against a real control plane, with the
//! account of `health/README.md`. The job replaces `kubectl rollout status` and a loop of `curl`.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::json;

use super::{
    account,
    act::{Act, ActRun},
    control_plane::shared,
    repo::Repo,
    workloads::TestNamespace,
};

const SERVICE: &str = "checkout-service";
const WORKFLOW: &str = "validate-staging.yml";

/// Runs the workflow up to its second job, for the deploy run of a commit. Only the host of the endpoint and the
/// `stabilize` time differ from the shipped file.
fn validate(staging: &LoopbackServer, kubeconfig: &str, commit: &str) -> ActRun {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/validate-staging.yml");
    let text = fs::read_to_string(path).expect("the workflow");
    let (text, _) = text.split_once("\n  smoke:\n").expect("a second job");
    let text = text
        .replace("https://staging.example.com", staging.url())
        .replace("rollout-timeout: 120s", "rollout-timeout: 120s\n          stabilize: 1s");
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
fn the_shipped_job_awaits_the_rollout_then_probes_the_endpoint_or_names_the_failure() {
    let ns = TestNamespace { image: "ghcr.io/acme/checkout-service", ..TestNamespace::new(shared(), "staging") };
    let kubeconfig = account::create(&ns);
    let [old, new, lost] = ["1", "2", "3"].map(|digit| digit.repeat(40));
    ns.deploy("deployments", SERVICE, 2, &old, &json!({}));
    ns.available(SERVICE, 2);
    // The endpoint returns its version, and records the status of the rollout at each request.
    let requests = Arc::<Mutex<Vec<serde_json::Value>>>::default();
    let (recorded, version) = (Arc::clone(&requests), new.clone());
    let staging = LoopbackServer::start(move |request| {
        assert_eq!(request.path, "/checkout-service/health/ready");
        let path = "/apis/apps/v1/namespaces/staging/deployments/checkout-service";
        recorded.lock().expect("no panic").push(shared().api.get(path)["status"].clone());
        FakeResponse::json(200, &json!({ "version": version }))
    });
    let staging = staging.expect("a server");

    let starting = json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "3s" });
    ns.release("deployments", SERVICE, &new, &starting);
    let run = validate(&staging, &kubeconfig, &new);

    assert!(run.succeeded, "{}", run.log);
    let gate = run.step("health", "health");
    assert_eq!(gate.outputs["verdict"], "passed");
    assert!(gate.outputs["report"].contains(&format!("its pods run {}:{new}", ns.image)), "{}", gate.outputs["report"]);
    let statuses = requests.lock().expect("no panic").clone();
    let [status] = &statuses[..] else { panic!("one request, after the rollout: {statuses:#?}") };
    assert_eq!(
        (&status["updatedReplicas"], &status["availableReplicas"], &status["replicas"]),
        (&json!(2), &json!(2), &json!(2))
    );

    let message = format!("failed to pull and unpack image \"{}:{lost}\": not found", ns.image);
    ns.release(
        "deployments",
        SERVICE,
        &lost,
        &json!({ "plays": "waits", "reason": "ErrImagePull", "message": message }),
    );
    let run = validate(&staging, &kubeconfig, &lost);

    assert!(!run.succeeded, "{}", run.log);
    let job = run.job("health");
    let took = job.ended.duration_since(job.began);
    assert!(took.as_secs() < 12, "{took}: kubectl would fail after 120 s, without a reason");
    let gate = run.step("health", "health");
    assert_eq!((gate.exit, gate.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let [error] = gate.annotated("error")[..] else { panic!("one error: {:?}", gate.annotations) };
    for expected in ["pod checkout-service-", "container app: ErrImagePull: ", &message] {
        assert!(error.message.contains(expected), "{expected} in {}", error.message);
    }
    assert!(gate.summary.contains("Pods that are not ready"), "{}", gate.summary);
    assert!(!gate.summary.contains("What could not be seen"), "{}", gate.summary);
    assert_eq!(requests.lock().expect("no panic").len(), 1, "no request while the rollout fails");
}
