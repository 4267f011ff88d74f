//! The registry of the image, asked which image a digest is that the runtime reports.

use std::sync::{Arc, Mutex};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{gate, replay, replay::RECORDED_AT, shown};

const REGISTRY_TOKEN: &str = "robot:r3gistry-s3cr3t";
/// The token above on the wire.
const BASIC: &str = "Basic cm9ib3Q6cjNnaXN0cnktczNjcjN0";

fn digest(manifest: &Value) -> String {
    let hex: String = Sha256::digest(manifest.to_string()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn image(config: &str, built: &str) -> Value {
    let config = format!("sha256:{}", config.repeat(64));
    json!({ "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config }, "annotations": { "built": built } })
}

/// The recorded API, whose Deployment `a` runs an image of this registry, with this image ID.
fn api(registry: &LoopbackServer, reported: &str) -> LoopbackServer {
    let host = registry.url().strip_prefix("http://").unwrap().to_owned();
    let id = format!("{host}/acme/app@{reported}");
    LoopbackServer::start(move |request| {
        if request.query.contains("watch=true") {
            return replay(request);
        }
        let path = format!("{}/tests/samples/kubernetes/", env!("CARGO_MANIFEST_DIR"));
        let resource = request.path.rsplit('/').next().unwrap_or_default();
        let text = std::fs::read_to_string(format!("{path}{resource}.json")).unwrap();
        let mut list: Value =
            serde_json::from_str(&text.replace("ghcr.io/acme/app", &format!("{host}/acme/app"))).unwrap();
        for status in list["items"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .filter_map(|item| item.pointer_mut("/status/containerStatuses/0"))
        {
            status["imageID"] = id.clone().into();
        }
        FakeResponse::json(200, &list).header("date", RECORDED_AT)
    })
    .unwrap()
}

#[test]
fn a_rebuilt_image_passes_if_the_registry_shows_that_it_is_the_same() {
    let (first, again, other) = (image("a", "first"), image("a", "again"), image("b", ""));
    let unknown = image("c", "");
    let asked = Arc::new(Mutex::new(Vec::<ReceivedRequest>::new()));
    let (noted, manifests) = (Arc::clone(&asked), [first.clone(), again.clone(), other.clone()]);
    let registry = LoopbackServer::start(move |request| {
        noted.lock().unwrap().push(request.clone());
        if request.headers.get("authorization").is_none_or(|value| value != BASIC) {
            return FakeResponse::status(401).header("www-authenticate", "Basic realm=\"registry\"");
        }
        let found = manifests.iter().find(|manifest| request.path.ends_with(&digest(manifest)));
        found.map_or(FakeResponse::status(404), |manifest| {
            FakeResponse::text(200, "application/json", manifest.to_string())
        })
    })
    .unwrap();
    let image = format!("{}/acme/app:1", registry.url().strip_prefix("http://").unwrap());
    for (reported, code, expected) in [
        (&again, 0, "its pods run "),
        (&other, 1, "it is healthy, and runs "),
        (&unknown, 3, "and the registry does not have sha256:"),
    ] {
        let api = api(&registry, &digest(reported));
        let runner = gate(&api, "deployment/a").input("image", &image).input("digest", &digest(&first));
        let without = runner.run(&["health"]);
        assert!(without.code == 3 && without.log.contains("the runtime reports sha256:"), "{}", without.log);
        assert!(asked.lock().unwrap().is_empty(), "without a token, nothing is asked");
        let by_tag = gate(&api, "deployment/a").input("image", &image).run(&["health"]);
        assert_eq!(
            by_tag.report["subject"]["digest"],
            digest(reported),
            "what ran becomes the subject: {}",
            by_tag.log
        );
        let end = runner.input("registry-token", REGISTRY_TOKEN).run(&["health"]);
        assert!(end.code == code && end.log.contains(expected), "{}", end.log);
        assert!(!shown(&end.log).contains("r3gistry"), "{}", end.log);
        let ran = if code == 0 {
            digest(&first)
        } else if code == 3 {
            digest(reported)
        } else {
            String::new()
        };
        assert_eq!(end.outputs["digest"], ran);
        assert_eq!(end.report["subject"]["digest"], digest(&first), "what was asked for stays the subject");
        assert!(!std::mem::take(&mut *asked.lock().unwrap()).is_empty());
    }
}
