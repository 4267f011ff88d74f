//! A payload about several services: its entries, and what of it is signed. Pure.
//!
//! One text holds the entries of all services: JSON, compressed, in base64. The reports of fifty services do not fit into a
//! dispatch otherwise. The signed part of the payload has the sum of each entry, and not the text: an entry that was changed on
//! its way is refused, and the others still count.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde_json::{Map, Value};

use crate::{
    error::ValueError,
    proof::audience,
    report::compact::hex_sha256,
    subject::{Service, Subject},
};

/// The version of `evidence` in a payload of several services.
pub const SCHEMA: u64 = 2;
/// The property of the payload that holds the entries.
pub const ENTRIES: &str = "entries";
/// The most services of one payload: their reports have to fit into one environment string of the later steps.
pub const MAX_SERVICES: usize = 50;
/// The maximum size of the entries without compression, in bytes. Fifty services with twelve maximal reports each need less.
const MAX_UNPACKED: u64 = 6 << 20;

/// The sum of an entry, which the signed part of the payload holds.
#[must_use]
pub fn sum(entry: &Value) -> String {
    hex_sha256(audience::canonical(entry).as_bytes())
}

/// What the token of the proof must be for: everything but the proof and the entries, whose sums are in the rest.
#[must_use]
pub fn audience(payload: &Value) -> String {
    let mut signed = payload.clone();
    if let Some(fields) = signed.as_object_mut() {
        fields.remove(ENTRIES);
    }
    audience::of(&signed)
}

/// The entries as one text. The same entries always have the same text.
#[must_use]
pub fn pack(entries: &BTreeMap<Service, Value>) -> String {
    let fields: Map<String, Value> = entries.iter().map(|(name, entry)| (name.to_string(), entry.clone())).collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let packed = encoder.write_all(Value::from(fields).to_string().as_bytes()).and_then(|()| encoder.finish());
    STANDARD.encode(packed.unwrap_or_default())
}

/// The entries in a text of [`pack`].
///
/// # Errors
/// Why it is not one.
pub fn unpack(text: &str) -> Result<Map<String, Value>, ValueError> {
    const ACCEPTED: &str = "what `record` packs: an object of services, compressed, in base64";
    let invalid = |why: &dyn std::fmt::Display| ValueError::from(format!("{ACCEPTED} ({why})"));
    let packed = STANDARD.decode(text).map_err(|error| invalid(&error))?;
    let mut json = Vec::new();
    ZlibDecoder::new(&packed[..]).take(MAX_UNPACKED + 1).read_to_end(&mut json).map_err(|error| invalid(&error))?;
    if json.len() as u64 > MAX_UNPACKED {
        return Err(invalid(&format!("over {MAX_UNPACKED} bytes")));
    }
    serde_json::from_slice(&json).map_err(|error| invalid(&error))
}

/// `cart, checkout and 3 more`: the services of a batch, for one line.
#[must_use]
pub fn list_services<'a>(services: impl IntoIterator<Item = &'a Service>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = services.into_iter().map(Service::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// What all services of a batch have in common: its environment and its commit. The subject of the steps that are taken once.
#[must_use]
pub fn common_subject(subject: &Subject) -> Subject {
    Subject { environment: subject.environment.clone(), commit: subject.commit.clone(), ..Subject::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(count: usize) -> BTreeMap<Service, Value> {
        let entry =
            |index: usize| json!({ "subject": { "service": format!("s{index}") }, "reports": ["x".repeat(index)] });
        (0..count).map(|index| (format!("s{index}").parse().unwrap(), entry(index))).collect()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        for count in [0, 1, 3, 50] {
            let packed = pack(&entries(count));
            assert_eq!(pack(&entries(count)), packed);
            let unpacked = unpack(&packed).unwrap();
            assert_eq!(unpacked.len(), count);
            for (name, entry) in entries(count) {
                assert_eq!(unpacked[name.as_str()], entry);
            }
        }
    }

    #[test]
    fn another_text_is_refused_and_so_is_one_that_grows_without_end() {
        let zlib = |bytes: &[u8]| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).unwrap();
            STANDARD.encode(encoder.finish().unwrap())
        };
        let bomb = zlib(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        let whole = pack(&entries(3));
        for (text, part) in [
            ("", "in base64"),
            ("€", "in base64"),
            (&whole[..whole.len() - 8], "in base64"),
            (&zlib(b"[]"), "expected a map"),
            (&zlib(b"{\"a\":1}{"), "trailing"),
            (&bomb, "over 6291456 bytes"),
        ] {
            let error = unpack(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:.20}: {error}");
        }
    }

    #[test]
    fn the_entries_are_signed_by_their_sums_only() {
        let payload =
            json!({ "evidence": { "schema": 2, "services": { "a": sum(&json!(1)) } }, "entries": "x", "proof": "y" });
        let mut other = payload.clone();
        (other["entries"], other["proof"]) = (json!("z"), json!("z"));
        assert_eq!(audience(&payload), audience(&other));
        other["evidence"]["services"]["a"] = json!(sum(&json!(2)));
        assert_ne!(audience(&payload), audience(&other));
        assert_eq!(sum(&json!({ "b": 1, "a": 2 })), sum(&serde_json::from_str(r#"{"a":2, "b":1}"#).unwrap()));
    }

    #[test]
    fn many_services_are_listed_in_short() {
        let names: Vec<Service> = ["a", "b", "c", "d", "e", "f", "g"].map(|name| name.parse().unwrap()).into();
        assert_eq!(list_services(&names[..5]), "a, b, c, d, e");
        assert_eq!(list_services(&names), "a, b, c, d, e and 2 more");
    }
}
