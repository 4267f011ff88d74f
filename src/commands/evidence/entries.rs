//! Parses a payload of several services: each of its entries becomes the claim about one service.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    object_reader::ObjectReader,
    payload::{Claim, check_size, proof_of},
};
use crate::{
    batch,
    error::{CommandError, ValueError},
    finding::Finding,
    proof::audience,
    subject::Service,
    values::clip,
    world::event::RepositoryDispatch,
};

/// The properties of the payload. The proof is read apart from what it signs.
const FIELDS: [&str; 4] = ["validated_at", "evidence", batch::ENTRIES, audience::PROPERTY];
const KNOWN: [&str; 5] = ["schema", "run", "deploy", "part", "services"];
/// How much of a value goes into a message, in characters.
const CLIP: usize = 100;

/// The claims of a payload of several services.
pub struct Claims {
    /// By service. The error of a service says why its entry does not count.
    pub by_service: BTreeMap<Service, Result<Claim, Finding>>,
    /// The services that the signed part of the payload names.
    pub signed: BTreeSet<Service>,
}

/// The claims of a payload; `None` if it is about one service.
///
/// # Errors
/// Bad input: the payload holds anything that `record` does not write, outside of the entries.
pub fn from_event(event: &RepositoryDispatch) -> Result<Option<Claims>, CommandError> {
    let payload = &event.client_payload;
    if payload.pointer("/evidence/schema").is_none_or(|schema| *schema != batch::SCHEMA) {
        return Ok(None);
    }
    parse(payload).map(Some).map_err(Finding::bad_input)
}

fn parse(payload: &Value) -> Result<Claims, Finding> {
    check_size(payload)?;
    let top = ObjectReader::new("client_payload", payload, &FIELDS)?;
    let evidence = top.require("evidence", top.object("evidence", &KNOWN)?, "what was seen")?;
    if let Some(part) = evidence.object("part", &["number", "of"])? {
        part.positive_number::<u32>("number")?;
        part.positive_number::<u32>("of")?;
    }
    let sums = sums(payload)?;
    let packed: String = top.require(batch::ENTRIES, top.optional(batch::ENTRIES)?, "the entries of the services")?;
    let entries = batch::unpack(&packed).map_err(|error| {
        Finding::inconclusive(format!("`client_payload.{}`", batch::ENTRIES))
            .actual(format!("{} characters", packed.len()))
            .expected(error.to_string())
    })?;
    let names: BTreeSet<&String> = sums.keys().chain(entries.keys()).collect();
    if names.len() > batch::MAX_SERVICES {
        return Err(Finding::inconclusive("client_payload.evidence.services")
            .actual(format!("{} services", names.len()))
            .expected(format!("at most {}, as `record` sends", batch::MAX_SERVICES)));
    }
    let (audience, proof) = (batch::audience(payload), proof_of(payload)?);
    let mut claims = Claims { by_service: BTreeMap::new(), signed: BTreeSet::new() };
    for name in names {
        let service: Service = name.parse().map_err(|error: ValueError| {
            let actual = format!("\"{}\"", clip(name, CLIP));
            Finding::inconclusive("client_payload.evidence.services").actual(actual).expected(error.to_string())
        })?;
        let claim = signed_entry(name, sums.get(name), entries.get(name))
            .and_then(|entry| Claim::of(&single(payload, name, entry), audience.clone(), proof.clone()));
        claims.signed.extend(sums.contains_key(name).then(|| service.clone()));
        claims.by_service.insert(service, claim);
    }
    if claims.by_service.is_empty() {
        return Err(Finding::inconclusive("client_payload.evidence.services").actual("none").expected("services"));
    }
    Ok(claims)
}

/// The sum of each service's entry.
fn sums(payload: &Value) -> Result<BTreeMap<String, String>, Finding> {
    let value = payload.pointer("/evidence/services");
    let sum = |(name, sum): (&String, &Value)| Some((name.clone(), sum.as_str()?.to_owned()));
    value.and_then(Value::as_object).and_then(|sums| sums.iter().map(sum).collect()).ok_or_else(|| {
        let actual = value.map_or_else(|| "not there".to_owned(), |value| clip(&value.to_string(), CLIP));
        Finding::inconclusive("`client_payload.evidence.services`")
            .actual(actual)
            .expected("the sum of each service's entry")
    })
}

/// The entry if it is the one that the signed part of the payload has the sum of.
fn signed_entry<'a>(name: &str, sum: Option<&String>, entry: Option<&'a Value>) -> Result<&'a Value, Finding> {
    let blocked = |actual: String, expected: &str| Err(Finding::blocked("proof").actual(actual).expected(expected));
    match (sum, entry) {
        (Some(sum), Some(entry)) if *sum == batch::sum(entry) => Ok(entry),
        (Some(sum), Some(entry)) => blocked(
            format!("the entry of {name} has the sum {}, and the payload names {}", batch::sum(entry), clip(sum, CLIP)),
            "the entry that `record` sent",
        ),
        (Some(_), None) => blocked(format!("the payload has no entry of {name}"), "an entry for each sum"),
        (None, _) => blocked(format!("the payload has no sum of {name}, so nothing signs it"), "a sum for each entry"),
    }
}

/// The payload as `record` would have sent it for this service alone.
fn single(payload: &Value, service: &str, entry: &Value) -> Value {
    let mut single = json!({ "service": service, "evidence": { "schema": 1 } });
    let copies = [
        ("validated_at", payload.get("validated_at")),
        ("image_tag", entry.pointer("/subject/tag")),
        ("evidence/run", payload.pointer("/evidence/run")),
        ("evidence/deploy", payload.pointer("/evidence/deploy")),
    ];
    for (path, value) in copies {
        let Some(value) = value else { continue };
        match path.split_once('/') {
            Some((parent, key)) => single[parent][key] = value.clone(),
            None => single[path] = value.clone(),
        }
    }
    // Every field of the entry: one that `record` does not write is refused.
    match entry {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            if !["schema", "run", "deploy"].contains(&key.as_str()) {
                single["evidence"][key] = value.clone();
            }
        }),
        other => single["evidence"]["reports"] = other.clone(),
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    fn entry(service: &str) -> Value {
        let report = |command: &str| {
            let mut report = Report::open(command, String::new());
            report.subject = format!(r#"{{"service":"{service}","tag":"1.4.2"}}"#).parse().unwrap();
            serde_json::to_string(&report).unwrap()
        };
        json!({ "subject": { "service": service, "tag": "1.4.2" }, "reports": [report("health"), report("smoke")] })
    }

    /// A payload of these entries, with their sums.
    fn payload(entries: &[(&str, Value)]) -> Value {
        let sums: serde_json::Map<String, Value> =
            entries.iter().map(|(name, entry)| ((*name).to_owned(), json!(batch::sum(entry)))).collect();
        json!({
            "validated_at": "2026-01-01T00:00:00Z",
            "evidence": {
                "schema": 2,
                "run": { "repository": "acme/shop", "id": 7, "attempt": 1, "url": "https://github.com/x" },
                "deploy": { "id": 41, "attempt": 1, "head_sha": "c".repeat(40) },
                "services": sums,
            },
            "entries": packed(entries),
        })
    }

    fn packed(entries: &[(&str, Value)]) -> String {
        batch::pack(&entries.iter().map(|(name, entry)| (name.parse().unwrap(), entry.clone())).collect())
    }

    /// `None` for a service whose entry counts, else the reason.
    fn refusals(payload: &Value) -> Vec<(String, Option<String>)> {
        let claims = parse(payload).unwrap();
        claims
            .by_service
            .into_iter()
            .map(|(name, claim)| (name.to_string(), claim.err().map(|error| error.to_string())))
            .collect()
    }

    #[test]
    fn each_entry_is_a_claim_of_its_own() {
        let entries = [("cart", entry("cart")), ("search", entry("search"))];
        let payload = payload(&entries);
        let claims = parse(&payload).unwrap();
        let ids: BTreeSet<String> =
            claims.by_service.values().map(|claim| claim.as_ref().unwrap().id.to_string()).collect();
        assert_eq!(ids.len(), 2);
        for (service, claim) in &claims.by_service {
            let claim = claim.as_ref().unwrap();
            assert_eq!((&claim.payload.service, claim.texts.len()), (service, 2));
            assert_eq!((&claim.audience, claim.payload.run.id), (&batch::audience(&payload), 7));
        }
    }

    #[test]
    fn an_entry_that_was_changed_is_refused_alone() {
        let [cart, search] = ["cart", "search"].map(|name| (name, entry(name)));
        let mut honest = payload(&[cart.clone(), search.clone()]);
        let mut edited = search.clone();
        edited.1["subject"]["tag"] = json!("1.4.3");
        for (entries, part) in [
            (vec![cart.clone(), edited], "has the sum"),
            (vec![cart.clone()], "no entry of search"),
            (vec![cart.clone(), ("search", json!([]))], "has the sum"),
        ] {
            honest["entries"] = json!(packed(&entries));
            let refused = refusals(&honest);
            assert_eq!(refused[0], ("cart".to_owned(), None));
            assert!(refused[1].1.as_ref().is_some_and(|why| why.contains(part)), "{refused:?}");
        }
        honest["entries"] = json!(packed(&[cart, search, ("zoo", entry("zoo"))]));
        let refused = refusals(&honest);
        assert!(refused[..2].iter().all(|(_, why)| why.is_none()), "{refused:?}");
        assert!(refused[2].1.as_ref().is_some_and(|why| why.contains("nothing signs it")), "{refused:?}");
    }

    #[test]
    fn what_record_does_not_write_is_refused() {
        let whole = payload(&[("cart", entry("cart"))]);
        for (pointer, value, part) in [
            ("/service", json!("cart"), "a field that `record` does not write"),
            ("/evidence/services", json!([]), "the sum of each service's entry"),
            ("/evidence/services", json!({ "cart": 1 }), "the sum of each service's entry"),
            ("/evidence/services", json!({ "../x": "y" }), "a service name"),
            ("/evidence/part", json!({ "number": 0, "of": 1 }), "a whole number over 0"),
            ("/entries", json!("x"), "in base64"),
            ("/entries", json!(7), "a text"),
        ] {
            let mut payload = whole.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            payload.pointer_mut(parent).unwrap()[key] = value;
            let Err(finding) = parse(&payload) else { panic!("{pointer}: must be refused") };
            assert!(finding.to_string().contains(part), "{pointer}: {finding}");
        }
        // An entry with such a field is refused alone, although its sum is right.
        let mut odd = entry("odd");
        odd["more"] = json!(1);
        for odd in [odd, json!([]), json!({ "subject": {}, "reports": [] })] {
            let refused = refusals(&payload(&[("cart", entry("cart")), ("odd", odd.clone())]));
            assert!(refused[0].1.is_none() && refused[1].1.is_some(), "{odd}: {refused:?}");
        }
    }
}
