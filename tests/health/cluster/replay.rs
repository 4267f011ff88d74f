//! The API that replays recorded answers, with the selectors of the requests.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest};
use serde_json::Value;
use url::form_urlencoded;

/// When the answers were recorded, by the server's clock.
pub const RECORDED_AT: &str = "Mon, 23 Nov 2026 12:03:32 GMT";

/// How long the pods of the recorded workloads had run by then: `stabilize` waits for what is left.
pub const AGE: Duration = Duration::from_secs(2);

pub fn recorded(resource: &str) -> Value {
    let path = format!("{}/tests/samples/kubernetes/{resource}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Lists are answered as recorded; a watch sends nothing and does not end.
pub fn replay(request: &ReceivedRequest) -> FakeResponse {
    let resource = request.path.rsplit('/').next().unwrap_or_default();
    if request.query.contains("watch=true") {
        return FakeResponse::hang();
    }
    let mut list = recorded(resource);
    let (fields, labels) = (parameter(&request.query, "fieldSelector"), parameter(&request.query, "labelSelector"));
    let items = list["items"].as_array_mut().unwrap();
    items.retain(|item| {
        // The recorded events are all warnings about pods.
        let has_field = |one: &str| match one.split_once('=').unwrap() {
            ("metadata.name", name) => item["metadata"]["name"] == name,
            ("involvedObject.uid", uid) => item["involvedObject"]["uid"] == uid,
            ("type", "Warning") | ("involvedObject.kind", "Pod") => true,
            ("reason", reason) => item["reason"] == reason,
            other => panic!("{other:?}"),
        };
        let has_label = |selector: &str| {
            let (key, values) = match selector.split_once('=') {
                Some(pair) => pair,
                None => selector.strip_suffix(')').unwrap().split_once(" in (").unwrap(),
            };
            values.split(',').any(|value| item["metadata"]["labels"][key] == value)
        };
        let fields = fields.as_deref().is_none_or(|fields| fields.split(',').all(has_field));
        fields && labels.as_deref().is_none_or(|labels| labels != "app,!app" && has_label(labels))
    });
    FakeResponse::json(200, &list).header("date", RECORDED_AT)
}

/// A server that replays, and the requests it received.
pub fn replaying() -> (LoopbackServer, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let api = LoopbackServer::start(move |request| {
        noted.lock().unwrap().push(format!("{}?{}", request.path, request.query));
        replay(request)
    });
    (api.unwrap(), asked)
}

/// A parameter of a query, decoded.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
