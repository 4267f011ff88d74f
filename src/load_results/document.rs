//! A JSON document as it is read: a list of numbers is counted element by element, and an object whose key occurs twice is refused,
//! because readers differ in which of the two values they take.

use std::{fmt, io::BufRead, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
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
    let first = Top::deserialize(&mut reader)?;
    let mut values = Vec::new();
    while reader.end().is_err() {
        values.push(Top::deserialize(&mut reader)?);
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

/// A JSON value in which every key of an object occurs once.
struct Unique(Value);

/// What a JSON value becomes. Only lists differ.
trait FromJson: From<Value> {
    fn read_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error>;
}

impl From<Value> for Unique {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl FromJson for Unique {
    fn read_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        read_elements(Vec::new(), list).map(|list| Self(list.into()))
    }
}

impl From<Value> for Top {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl FromJson for Top {
    fn read_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let Some(Unique(first)) = list.next_element()? else { return Ok(Self::Json(Value::Array(Vec::new()))) };
        if !first.is_number() {
            return read_elements(vec![first], list).map(|list| Self::Json(list.into()));
        }
        let (mut samples, mut bad) = (SamplesByEndpoint::default(), None);
        let (mut next, mut position) = (Some(first), 1);
        while let Some(element) = next {
            match element.as_f64().filter(|latency| *latency >= 0.0) {
                Some(latency) => samples.of("").add(latency),
                None => bad = bad.or(Some((position, element))),
            }
            position += 1;
            next = list.next_element()?.map(|Unique(element)| element);
        }
        Ok(Self::Numbers(Box::new(samples), bad))
    }
}

/// Adds the elements of a list that are left.
fn read_elements<'de, A: SeqAccess<'de>>(mut elements: Vec<Value>, mut list: A) -> Result<Vec<Value>, A::Error> {
    while let Some(Unique(element)) = list.next_element()? {
        elements.push(element);
    }
    Ok(elements)
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor(PhantomData))
    }
}

struct JsonVisitor<T>(PhantomData<T>);

impl<'de, T: FromJson> Visitor<'de> for JsonVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut entries = Map::new();
        while let Some((key, Unique(value))) = map.next_entry::<String, Unique>()? {
            if entries.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} occurs twice in one object")));
            }
            entries.insert(key, value);
        }
        Ok(Value::Object(entries).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::read_list(list)
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(Value::from(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(Value::from(value).into())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(Value::Null.into())
    }
}
