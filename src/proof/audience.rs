//! The audience of a proof: what the signature binds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::report::compact::hex_sha256;

/// The property of the payload that holds the token.
pub const PROPERTY: &str = "proof";
const PREFIX: &str = "promote-gates:";

/// `promote-gates:` and the sha256 of a `client_payload` without its proof: everything in it is signed.
///
/// GitHub parses a payload and writes it again, so the order of its keys, its whitespace and its escapes may change. The sum is
/// therefore over the values: JSON with sorted keys, no whitespace, and the escapes that serde writes.
#[must_use]
pub fn of(client_payload: &Value) -> String {
    let signed: Value = match client_payload {
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| *key != PROPERTY).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        other => other.clone(),
    };
    format!("{PREFIX}{}", hex_sha256(canonical(&signed).as_bytes()))
}

/// JSON with sorted keys, without whitespace.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let fields = sorted.into_iter().map(|(key, value)| format!("{}:{}", Value::from(&**key), canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_audience_is_the_sum_of_everything_but_the_proof() {
        let payload = json!({ "b": { "y": [1, "é\n\""], "x": "\u{1f980}" }, "a": "1" });
        let text = r#"{"a":"1","b":{"x":"🦀","y":[1,"é\n\""]}}"#;
        assert_eq!(of(&payload), format!("promote-gates:{}", hex_sha256(text.as_bytes())));
        let mut with_proof = payload.clone();
        with_proof["proof"] = json!("x.y.z");
        assert_eq!(of(&with_proof), of(&payload));
        // Only the payload's own property is left out.
        with_proof["b"]["proof"] = json!("x");
        assert_ne!(of(&with_proof), of(&payload));
    }

    #[test]
    fn another_spelling_of_the_same_values_has_the_same_audience() {
        let written = r#"{ "evidence": { "run": {"id":7,"attempt":1}, "reports": ["{\"a\":\"é/<🦀\u007f\"}"] }, "service": "x" }"#;
        let again = r#"{"service":"\u0078","evidence":{"reports":["{\u0022a\":\"\u00e9\/\u003c\ud83e\udd80\u007f\"}"],"run":{"attempt":1,"id":7}}}"#;
        let audience = |text: &str| of(&serde_json::from_str(text).unwrap());
        assert_eq!(audience(written), audience(again));
        assert_ne!(audience(written), audience(&again.replace("\"id\":7", "\"id\":8")));
    }

    /// JSON as another writer may write it: keys in the opposite order, every character outside of letters escaped.
    fn rewritten(value: &Value) -> String {
        let text = |text: &str| {
            let unit = |unit: u16| match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                _ => format!("\\u{unit:04X}"),
            };
            format!("\"{}\"", text.encode_utf16().map(unit).collect::<String>())
        };
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().rev().map(|(key, value)| format!("{} : {}", text(key), rewritten(value)));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(" ,\n"))
            }
            Value::Array(items) => format!("[ {} ]", items.iter().map(rewritten).collect::<Vec<_>>().join(" , ")),
            Value::String(string) => text(string),
            scalar => scalar.to_string(),
        }
    }

    proptest! {
        #[test]
        fn the_audience_is_of_the_values(texts in prop::collection::vec(".{0,12}", 1..6), number: u64, changed in 0_usize..6) {
            let payload = json!({ "evidence": { "reports": texts, "run": { "id": number } }, "service": texts[0] });
            let again: Value = serde_json::from_str(&rewritten(&payload)).unwrap();
            prop_assert_eq!(of(&again), of(&payload));
            let mut other = payload.clone();
            let changed = changed % texts.len();
            other["evidence"]["reports"][changed] = json!(format!("{}x", texts[changed]));
            prop_assert_ne!(of(&other), of(&payload));
        }
    }
}
