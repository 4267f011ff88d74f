//! Reads the answers of Alertmanager's API (v2) to `GET /api/v2/alerts` and `GET /api/v2/status`.

use jiff::Timestamp;
use serde_json::Value;

use super::observations::FiringAlert;
use crate::values::clip;

/// Characters of an alert's name and of its labels that are kept.
const NAME_CHARS: usize = 120;

/// One alert of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAlert {
    pub fingerprint: String,
    /// Its name without its labels.
    pub name: String,
    pub alert: FiringAlert,
    pub is_silenced: bool,
    /// When Prometheus last sent it.
    pub updated: Timestamp,
}

/// When Alertmanager started, as `GET /api/v2/status` answers.
///
/// # Errors
/// The document has no such time.
pub fn read_start(document: &Value) -> Result<Timestamp, String> {
    let time = document.get("uptime").and_then(Value::as_str).and_then(|time| time.parse().ok());
    time.ok_or_else(|| "the answer has no time in `uptime`".to_owned())
}

/// The names of the alerts, each once.
pub fn names(alerts: &[ListedAlert]) -> Vec<&str> {
    let mut names: Vec<&str> = alerts.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Every alert of the list. Resolved ones are not in it.
///
/// # Errors
/// The document is no such list.
pub fn read_alerts(document: &Value) -> Result<Vec<ListedAlert>, String> {
    let list = document.as_array().ok_or("the answer is no list of alerts")?;
    list.iter()
        .map(|one| read_alert(one).ok_or_else(|| "the answer has an entry that is no alert".to_owned()))
        .collect()
}

fn read_alert(one: &Value) -> Option<ListedAlert> {
    let labels = one.get("labels")?.as_object()?;
    let status = one.get("status")?;
    // `active`, `suppressed`, or `unprocessed` for one that has just come.
    status.get("state")?.as_str()?;
    let silences = status.get("silencedBy")?.as_array()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = labels.get("alertname").map(text).unwrap_or_default();
    let others = labels.iter().filter(|(label, _)| *label != "alertname");
    let others: Vec<String> = others.map(|(label, value)| format!("{label}={:?}", text(value))).collect();
    let others = if others.is_empty() { String::new() } else { format!(" {{{}}}", others.join(", ")) };
    Some(ListedAlert {
        fingerprint: one.get("fingerprint")?.as_str()?.to_owned(),
        name: clip(&name, NAME_CHARS),
        alert: FiringAlert {
            name: clip(&format!("{name}{others}"), NAME_CHARS),
            since: one.get("startsAt")?.as_str()?.to_owned(),
        },
        is_silenced: !silences.is_empty(),
        updated: one.get("updatedAt")?.as_str()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert(silenced: &[&str]) -> Value {
        json!({
            "fingerprint": "f1",
            "labels": { "alertname": "HighErrorRate", "severity": "page" },
            "startsAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:01:00.000Z",
            "status": { "state": if silenced.is_empty() { "active" } else { "suppressed" }, "silencedBy": silenced, "inhibitedBy": [] },
        })
    }

    #[test]
    fn alerts_have_a_name_a_time_and_their_silences() {
        let read = read_alerts(&json!([alert(&[]), alert(&["s1"])])).unwrap();
        assert_eq!(read[0].alert.name, r#"HighErrorRate {severity="page"}"#);
        assert_eq!(read.iter().map(|one| one.is_silenced).collect::<Vec<_>>(), [false, true]);
        assert_eq!(read[0].updated.to_string(), "2026-01-01T00:01:00Z");
        assert_eq!(read_alerts(&json!([])), Ok(Vec::new()));
    }

    #[test]
    fn alertmanager_says_when_it_started() {
        let read = |document: Value| read_start(&document).map(|at| at.to_string());
        assert_eq!(read(json!({ "uptime": "2026-01-01T00:00:00.000Z" })), Ok("2026-01-01T00:00:00Z".to_owned()));
        for document in [json!({}), json!([]), json!({ "uptime": 5 }), json!({ "uptime": "1h" })] {
            assert!(read(document.clone()).is_err(), "{document}");
        }
    }

    #[test]
    fn another_document_is_no_list_without_alerts() {
        for document in
            [json!({}), json!({ "alerts": [] }), json!(null), json!([{}]), json!([{ "labels": {} }]), json!([[]])]
        {
            assert!(read_alerts(&document).is_err(), "{document}");
        }
        for missing in ["fingerprint", "labels", "startsAt", "updatedAt", "status"] {
            let mut one = alert(&[]);
            one.as_object_mut().unwrap().remove(missing);
            assert!(read_alerts(&json!([one])).is_err(), "{missing}");
        }
    }
}
