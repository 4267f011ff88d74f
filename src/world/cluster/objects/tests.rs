use super::*;

#[test]
fn absent_and_null_fields_are_defaults_and_unknown_fields_are_skipped() {
    let page: List<Pod> = serde_json::from_str(
        r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[
            {"metadata":{"name":"a","labels":null,"ownerReferences":[{"uid":"u","controller":true,"kind":"ReplicaSet"}],
              "creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"fieldsV1":{"f:x":{}}}]},
             "spec":{"containers":[{"name":"app","image":"a:1","readinessProbe":{"httpGet":{"port":1},"periodSeconds":5}}]},
             "status":{"containerStatuses":[{"name":"app","imageID":"a@sha256:1","restartCount":2,
               "state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}]}"#,
    )
    .unwrap();
    let pod = &page.items[0];
    assert_eq!((page.metadata.resource_version.as_str(), page.metadata.continue_token.as_str()), ("7", ""));
    assert!(pod.metadata.owner_references[0].controller && pod.metadata.labels.is_empty());
    assert_eq!(pod.spec.containers[0].readiness_probe.as_ref().unwrap().period_seconds, 5);
    let status = &pod.status.container_statuses[0];
    assert_eq!((status.image_id.as_str(), status.restart_count), ("a@sha256:1", 2));
    assert_eq!(status.state.waiting.as_ref().unwrap().reason, "CrashLoopBackOff");
    let empty: List<Pod> = serde_json::from_str(r#"{"items":null}"#).unwrap();
    assert!(empty.items.is_empty());
}

#[test]
fn the_last_change_of_a_specification_is_that_of_its_managers() {
    let meta =
        |entries: &str| serde_json::from_str::<ObjectMeta>(&format!(r#"{{"managedFields":{entries}}}"#)).unwrap();
    let entry = |time: u32, subresource: &str, field: &str| {
        format!(
            r#"{{"manager":"m","operation":"Update","time":"2026-01-01T00:00:{time:02}Z","subresource":"{subresource}",
                "fieldsType":"FieldsV1","fieldsV1":{{"{field}":{{"f:x":{{}}}}}}}}"#
        )
    };
    let [created, changed] = [entry(1, "", "f:spec"), entry(3, "", "f:spec")];
    let others = [entry(5, "status", "f:status"), entry(6, "scale", "f:spec"), entry(7, "", "f:metadata")].join(",");
    for (entries, expected) in [
        ("null".to_owned(), None),
        (format!("[{others},{{}}]"), None),
        (format!("[{created},{others}]"), Some("2026-01-01T00:00:01Z")),
        (format!("[{changed},{created},{others}]"), Some("2026-01-01T00:00:03Z")),
        (r#"[{"time":"2026-01-01T00:00:09Z","fieldsV1":{"f:spec":{}}}]"#.to_owned(), Some("2026-01-01T00:00:09Z")),
    ] {
        let found = meta(&entries).managed_fields.spec_changed.map(|time| time.to_string());
        assert_eq!(found.as_deref(), expected, "{entries}");
    }
}

#[test]
fn old_and_new_events_have_a_last_time_and_a_count() {
    let event = |text: &str| serde_json::from_str::<Event>(text).unwrap();
    let old = event(r#"{"count":3,"lastTimestamp":"2026-01-01T00:00:03Z","eventTime":null}"#);
    assert_eq!((old.occurrences(), old.last_seen().unwrap().to_string().as_str()), (3, "2026-01-01T00:00:03Z"));
    let new = event(
        r#"{"eventTime":"2026-01-01T00:00:01.5Z","series":{"count":4,"lastObservedTime":"2026-01-01T00:00:09Z"}}"#,
    );
    assert_eq!((new.occurrences(), new.last_seen().unwrap().to_string().as_str()), (4, "2026-01-01T00:00:09Z"));
    assert_eq!(event("{}").occurrences(), 1);
}
