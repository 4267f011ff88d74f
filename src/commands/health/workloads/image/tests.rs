use super::*;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

fn pod(containers: &[(&str, &str)]) -> Pod {
    let name = |index: usize| format!("c{index}");
    let spec = containers
        .iter()
        .enumerate()
        .map(|(index, (image, _))| serde_json::json!({"name": name(index), "image": image}));
    let status =
        containers.iter().enumerate().map(|(index, (_, id))| serde_json::json!({"name": name(index), "imageID": id}));
    serde_json::from_value(serde_json::json!({
        "spec": {"containers": spec.collect::<Vec<_>>()}, "status": {"containerStatuses": status.collect::<Vec<_>>()}
    }))
    .unwrap()
}

#[test]
fn every_container_of_the_repository_must_run_the_expected_version() {
    let expected = |image: Option<&str>| ExpectedImage {
        image: image.map(|image| image.parse().unwrap()),
        tag: Some("2".to_owned()),
        ..ExpectedImage::default()
    };
    let spec = |init: &str, containers: [&str; 2]| -> Pod {
        let all = containers.map(|image| serde_json::json!({ "name": image, "image": image }));
        let init = serde_json::json!([{ "name": "init", "image": init }]);
        serde_json::from_value(serde_json::json!({ "spec": { "initContainers": init, "containers": all } })).unwrap()
    };
    for (image, init, containers, matches) in [
        (Some("acme/shop"), "acme/shop:1", ["acme/shop:2", "envoy:3"], true),
        (Some("acme/shop"), "acme/shop:2", ["acme/shop:1", "envoy:3"], false),
        (Some("acme/shop"), "acme/shop:2", ["acme/shop:2", "acme/shop:1"], false),
        (Some("acme/shop"), "acme/shop:2", ["other:1", "envoy:3"], true),
        (None, "acme/shop:2", ["acme/shop:1", "envoy:3"], false),
        (None, "acme/shop:1", ["acme/shop:2", "envoy:3"], true),
    ] {
        let found = expected(image).match_pod(None, &spec(init, containers), &RegistryAnswers::new());
        assert_eq!(found == ImageMatch::Matches, matches, "{image:?} {init} {containers:?}: {found:?}");
    }
}

#[test]
fn a_pod_runs_the_image_if_a_container_of_its_repository_does() {
    let pulled = |digest: &str| format!("ghcr.io/acme/shop@{digest}");
    for (expected, image, id, matches) in [
        (("", "1.4.2", ""), "ghcr.io/acme/shop:1.4.2", String::new(), Some(true)),
        (("", "1.4.2", ""), "ghcr.io/acme/shop:1.4.1", pulled(ONE), Some(false)),
        (("ghcr.io/acme/shop", "1.4.2", ""), "ghcr.io/acme/shop:1.4.2", String::new(), Some(true)),
        (("ghcr.io/acme/shop", "1.4.2", ""), "ghcr.io/acme/other:1.4.2", String::new(), Some(false)),
        (("nginx", "1", ""), "docker.io/library/nginx:1", String::new(), Some(true)),
        (("", "1", ""), &format!("nginx@{ONE}"), String::new(), None),
        (("", "1", ""), &format!("nginx:1@{ONE}"), String::new(), Some(true)),
        (("", "", ONE), &format!("nginx@{ONE}"), String::new(), Some(true)),
        (("", "", ONE), &format!("nginx:1@{TWO}"), pulled(ONE), Some(true)),
        (("", "1", ONE), &format!("nginx:1@{TWO}"), pulled(TWO), Some(false)),
        (("", "1", ONE), "nginx:1", pulled(ONE), Some(true)),
        (("", "1", ONE), "nginx:1", format!("docker-pullable://nginx@{ONE}"), Some(true)),
        // An image has several digests, and the runtime reports one of them.
        (("", "1", ONE), "nginx:1", pulled(TWO), None),
        (("", "1", ONE), "nginx:1", "sha256:abc".to_owned(), None),
        (("", "1", ONE), "nginx:1", String::new(), None),
        (("", "", ""), "anything", String::new(), Some(true)),
        (("", "1", ""), "nginx", String::new(), Some(false)),
    ] {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let repository = given(expected.0).map(|image| image.parse().unwrap());
        let expected = ExpectedImage { image: repository, tag: given(expected.1), digest: given(expected.2) };
        let found = match expected.match_pod(
            None,
            &pod(&[("envoy:3", "envoy@sha256:3"), (image, &id)]),
            &RegistryAnswers::new(),
        ) {
            ImageMatch::Matches => Some(true),
            ImageMatch::Differs(_) => Some(false),
            ImageMatch::Unknown(_) => None,
        };
        assert_eq!(found, matches, "{expected:?} in {image} {id}");
    }
}
