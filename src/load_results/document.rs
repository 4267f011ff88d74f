//! A JSON document as it is read: a list of numbers is counted element by element, and an object whose key occurs twice is refused,
//! because readers differ in which of the two values they take.

use std::{fmt, io::BufRead};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::samples::SamplesByEndpoint;

/// A JSON document; a list of numbers is counted while it is read.
pub(super) enum Top {
    /// The latencies, and the first element that is none, with its position.
    Numbers(Box<SamplesByEndpoint>, Option<(usize, Value)>),
    Json(Value),
}

/// The document, or a list of several.
pub(super) fn read(input: impl BufRead) -> Result<Top, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(input);
    let first = TopSeed.deserialize(&mut reader)?;
    let mut values = Vec::new();
    while reader.end().is_err() {
        values.push(TopSeed.deserialize(&mut reader)?);
    }
    if values.is_empty() {
        return Ok(first);
    }
    let json = std::iter::once(first).chain(values).map(|top| match top {
        Top::Json(value) => Ok(value),
        Top::Numbers(..) => Err(serde_json::Error::custom("a list of numbers beside other JSON documents")),
    });
    Ok(Top::Json(Value::Array(json.collect::<Result<_, _>>()?)))
}

struct TopSeed;

impl<'de> DeserializeSeed<'de> for TopSeed {
    type Value = Top;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Top, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TopSeed {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Top, A::Error> {
        UniqueVisitor.visit_map(map).map(Top::Json)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Top, A::Error> {
        let Some(Unique(first)) = seq.next_element()? else { return Ok(Top::Json(Value::Array(Vec::new()))) };
        if !first.is_number() {
            let mut elements = vec![first];
            while let Some(Unique(element)) = seq.next_element()? {
                elements.push(element);
            }
            return Ok(Top::Json(Value::Array(elements)));
        }
        let (mut samples, mut bad) = (SamplesByEndpoint::default(), None);
        let (mut next, mut position) = (Some(first), 1);
        while let Some(element) = next {
            match element.as_f64().filter(|latency| *latency >= 0.0) {
                Some(latency) => samples.of("").add(latency),
                None => bad = bad.or(Some((position, element))),
            }
            position += 1;
            next = seq.next_element()?.map(|Unique(element)| element);
        }
        Ok(Top::Numbers(Box::new(samples), bad))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Top, E> {
        Ok(Top::Json(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Top, E> {
        Ok(Top::Json(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Top, E> {
        Ok(Top::Json(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Top, E> {
        Ok(Top::Json(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Top, E> {
        Ok(Top::Json(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Top, E> {
        Ok(Top::Json(Value::Null))
    }
}

/// A JSON value in which every key of an object occurs once.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some((key, Unique(value))) = map.next_entry::<String, Unique>()? {
            if entries.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} occurs twice in one object")));
            }
            entries.insert(key, value);
        }
        Ok(Value::Object(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Unique(element)) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
