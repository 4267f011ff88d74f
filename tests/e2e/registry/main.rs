//! What becomes of a digest between a real registry and the infra repository: `health` reads it from the pods, `promote` pins
//! it, and the registry gives out what was tested, whatever its tags mean by then.
//!
//! Run by `tests/e2e/registry.sh`, which provides docker-registry and nginx. The pods are recorded answers of a control plane,
//! with the image IDs of each test; `tests/e2e/kubelet` shows which ones real kubelets report.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails if its environment cannot be set up")]

#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
#[path = "../endpoints/nginx.rs"]
#[expect(dead_code, reason = "shared with the tests of endpoints")]
mod nginx;
mod registry;
#[path = "../../health/cluster/replay.rs"]
#[expect(dead_code, reason = "shared with the integration tests")]
mod replay;

use promote_gates::{
    kustomization::image,
    sandbox::{
        infra::Infra,
        server::{FakeResponse, LoopbackServer},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use house::{Ended, Runner};
use registry::{PASSWORD, Registry};
use replay::{RECORDED_AT, recorded};

/// No gate here takes this long.
pub const LIMIT: std::time::Duration = std::time::Duration::from_mins(5);

const OVERLAY: &str = "apps/app/overlays/production/kustomization.yaml";

/// A registry, and an infra repository whose service `app` gets images from it.
struct Stage {
    registry: Registry,
    infra: Infra,
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        Self::on(Registry::start())
    }

    /// The same registry, and an infra repository without promotions.
    fn on(registry: Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let infra = Infra::create(folder.path(), &["app"]).unwrap();
        infra.clone_to(&folder.path().join("infra")).unwrap();
        Self { registry, infra, folder }
    }

    /// The repository of the image, as it stands in manifests.
    fn repository(&self) -> String {
        format!("{}/app", self.registry.host)
    }

    /// `health` on a Deployment whose pods request the tag 1, and report this image ID.
    fn health(&self, image_id: &str, inputs: &[(&str, &str)]) -> Ended {
        let (repository, image_id) = (self.repository(), image_id.to_owned());
        let api = LoopbackServer::start({
            let repository = repository.clone();
            move |request| {
                if request.query.contains("watch=true") {
                    return FakeResponse::hang();
                }
                let resource = request.path.rsplit('/').next().unwrap_or_default();
                let text = recorded(resource).to_string().replace("ghcr.io/acme/app", &repository);
                let mut list: Value = serde_json::from_str(&text).unwrap();
                for item in list["items"].as_array_mut().unwrap() {
                    if let Some(status) = item.pointer_mut("/status/containerStatuses/0") {
                        status["imageID"] = image_id.clone().into();
                    }
                }
                FakeResponse::json(200, &list).header("date", RECORDED_AT)
            }
        })
        .unwrap();
        let kubeconfig = json!({
            "current-context": "staging",
            "contexts": [{ "name": "staging", "context": { "cluster": "c", "user": "u", "namespace": "staging" } }],
            "clusters": [{ "name": "c", "cluster": { "server": api.url() } }],
            "users": [{ "name": "u", "user": { "token": "t" } }],
        });
        let runner = Runner::new()
            .input("kubeconfig", &kubeconfig.to_string())
            .input("workload", "deployment/a")
            .input("stabilize", "0")
            .input("service", "app")
            .input("image", &repository)
            .input("tag", "1");
        inputs.iter().fold(runner, |runner, (key, value)| runner.input(key, value)).run(&["health"])
    }

    /// `promote` on the reports of these gates.
    fn promote(&self, gates: &[&Ended], inputs: &[(&str, &str)]) -> Ended {
        let job = |gate: &Ended| json!({ "result": "success", "outputs": { "report": gate.outputs["report"] } });
        let jobs = gates.iter().enumerate().map(|(leg, gate)| (format!("health-{leg}"), job(gate)));
        let runner = Runner::new()
            .input("checkout", &self.folder.path().join("infra").display().to_string())
            .input("service", "app")
            .input("environment", "production")
            .input("image", &self.repository())
            .input("tag", "1")
            .input("require", "health")
            .input("results", &Value::Object(jobs.collect()).to_string());
        inputs.iter().fold(runner, |runner, (key, value)| runner.input(key, value)).run(&["promote"])
    }

    /// The image that the overlay renders.
    fn promoted(&self) -> String {
        image(&self.infra.read(OVERLAY).unwrap(), "app").unwrap().unwrap().reference()
    }

    /// The digest of what a kubelet gets for the image that the overlay renders: by the digest where there is one.
    fn pulled(&self) -> String {
        let promoted = self.promoted();
        let image = promoted.strip_prefix(&self.repository()).unwrap();
        let reference = image.split_once('@').map_or(image.trim_start_matches(':'), |(_, digest)| digest);
        self.registry.digest_of(reference)
    }
}

fn assert_code(ended: &Ended, code: i32, part: &str) {
    assert!(ended.code == code && ended.log.contains(part), "{code}, {part}: {}", ended.log);
}

#[test]
fn a_tag_that_moves_after_the_test_does_not_change_what_is_promoted() {
    let stage = Stage::new();
    let tested = stage.registry.push("1", "the tested build");
    let health = stage.health(&format!("{}@{tested}", stage.repository()), &[]);
    assert_code(&health, 0, "complete");
    assert_eq!(health.report["subject"]["digest"], tested);
    let moved = stage.registry.push("1", "another build");
    assert_ne!(tested, moved);

    let promote = stage.promote(&[&health], &[]);
    assert_code(&promote, 0, "pinned by tag and digest");
    assert_eq!(stage.promoted(), format!("{}:1@{tested}", stage.repository()));
    assert_eq!((stage.pulled(), stage.registry.digest_of("1")), (tested.clone(), moved.clone()));

    // The tag alone follows the registry, and the ledger keeps what was tested.
    let stage = Stage::on(stage.registry);
    let by_tag = stage.promote(&[&health], &[("pin", "tag")]);
    assert_code(&by_tag, 0, "pinned by tag");
    assert_eq!(stage.pulled(), moved);
    assert!(stage.infra.messages().unwrap()[0].contains(&format!("\nDigest: {tested}")));
}

#[test]
fn a_tag_that_moves_between_two_gates_is_not_promoted() {
    let stage = Stage::new();
    let before = stage.promoted();
    let digests = ["the first build", "the second build"].map(|content| stage.registry.push("1", content));
    let gates = digests.each_ref().map(|digest| stage.health(&format!("{}@{digest}", stage.repository()), &[]));
    let promote = stage.promote(&[&gates[0], &gates[1]], &[]);
    assert_code(&promote, 1, "1 is sha256:");
    assert!(digests.iter().all(|digest| promote.log.contains(digest)), "{}", promote.log);
    assert_eq!(stage.promoted(), before);
}

#[test]
fn the_digest_of_an_index_is_pinned_if_the_registry_shows_that_the_platform_is_part_of_it() {
    let stage = Stage::new();
    let (index, platform) = stage.registry.push_index("1", "a build for two platforms");
    let reported = format!("{}@{platform}", stage.repository());
    let before = stage.promoted();
    for (token, part) in [("", "the runtime reports"), ("robot:wrong", "refused")] {
        let health = stage.health(&reported, &[("digest", &index), ("registry-token", token)]);
        assert_code(&health, 3, part);
        assert_code(&stage.promote(&[&health], &[("digest", &index)]), 3, "nothing was written");
        assert_eq!(stage.promoted(), before, "{token}");
    }
    let health = stage.health(&reported, &[("digest", &index), ("registry-token", PASSWORD)]);
    assert_code(&health, 0, "complete");
    assert_eq!(health.report["subject"]["digest"], index);
    assert_code(&stage.promote(&[&health], &[]), 0, "pinned by tag and digest");
    assert_eq!(stage.promoted(), format!("{}:1@{index}", stage.repository()));
    assert_eq!(stage.pulled(), index);
}

#[test]
fn the_digest_of_a_platform_is_what_ran_if_no_other_is_given() {
    let stage = Stage::new();
    let (index, platform) = stage.registry.push_index("1", "a build for two platforms");
    let health = stage.health(&format!("{}@{platform}", stage.repository()), &[]);
    assert_code(&health, 0, "complete");
    assert_code(&stage.promote(&[&health], &[]), 0, "pinned by tag and digest");
    assert_eq!((stage.pulled(), stage.registry.digest_of("1")), (platform, index));
}

#[test]
fn an_image_id_without_a_repository_names_no_digest() {
    let stage = Stage::new();
    let tested = stage.registry.push("1", "the tested build");
    let config = stage.registry.config_of(&tested);
    let before = stage.promoted();
    let by_tag = stage.health(&config, &[]);
    assert_code(&by_tag, 0, "complete");
    assert_eq!(by_tag.report["subject"]["digest"], Value::Null, "{}", by_tag.log);
    assert_code(&stage.promote(&[&by_tag], &[("pin", "both")]), 3, "the digest of 1 is unknown");
    assert_eq!(stage.promoted(), before);
    assert_code(&stage.promote(&[&by_tag], &[]), 0, "pinned by tag");
    assert_eq!(stage.promoted(), format!("{}:1", stage.repository()));

    // The registry shows which image has this configuration.
    let stage = Stage::on(stage.registry);
    assert_code(&stage.health(&config, &[("digest", &tested)]), 3, "image ID");
    let health = stage.health(&config, &[("digest", &tested), ("registry-token", PASSWORD)]);
    assert_code(&health, 0, "complete");
    assert_code(&stage.promote(&[&health], &[]), 0, "pinned by tag and digest");
    assert_eq!(stage.promoted(), format!("{}:1@{tested}", stage.repository()));
}
