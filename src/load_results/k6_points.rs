//! k6 `--out json`: one JSON document a line, of which most are of other metrics. Every request is a point of
//! `http_req_duration`, in milliseconds.

use std::{borrow::Cow, io::BufRead};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    k6_samples::{K6Samples, RequestTags},
    lines::Lines,
    load_test::{LoadTest, ReadError},
};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metric: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Point<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    value: f64,
    #[serde(borrow, default)]
    tags: Option<Tags<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tags<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    group: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    expected_response: Cow<'a, str>,
}

/// Whether a text begins as k6's does.
pub(super) fn recognizes(first_line: &[u8]) -> bool {
    serde_json::from_slice::<Line<'_>>(first_line).is_ok_and(|line| matches!(&*line.kind, "Metric" | "Point"))
}

pub(super) fn read(input: impl BufRead) -> Result<LoadTest, ReadError> {
    let mut samples = K6Samples::default();
    let mut lines = Lines::new(input);
    let (mut name, mut time) = (String::new(), String::new());
    while let Some(line) = lines.next()? {
        let about_requests = std::str::from_utf8(line).is_ok_and(|text| text.contains("\"http_req_duration\""));
        let bad = if about_requests {
            match serde_json::from_slice::<Line<'_>>(line) {
                Ok(line) if line.kind == "Point" && line.metric == "http_req_duration" => {
                    add(&line, &mut samples, &mut name, &mut time).err()
                }
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            }
        } else if line.is_empty() || line.starts_with(b"{") && line.ends_with(b"}") {
            None
        } else {
            serde_json::from_slice::<IgnoredAny>(line).err().map(|error| error.to_string())
        };
        if let Some(bad) = bad {
            let cut = if lines.ended { "" } else { ", where the file ends" };
            return Err(ReadError::malformed(format!("line {}{cut}: {bad}", lines.number)));
        }
    }
    samples.into_test(time.parse().ok())
}

fn add(line: &Line<'_>, samples: &mut K6Samples, name: &mut String, time: &mut String) -> Result<(), String> {
    let point: Point<'_> = serde_json::from_str(line.data.get()).map_err(|error| error.to_string())?;
    if !point.value.is_finite() || point.value < 0.0 {
        return Err(format!("a request of {} ms", point.value));
    }
    let tags = point.tags.unwrap_or_default();
    name.clear();
    if !tags.name.is_empty() {
        if !tags.method.is_empty() {
            name.push_str(&tags.method);
            name.push(' ');
        }
        name.push_str(&tags.name);
    }
    let Tags { group, status, expected_response, .. } = &tags;
    samples.add(&RequestTags { name, group, status, expected_response }, point.value);
    // k6 writes the points nearly in order of time.
    time.clear();
    time.push_str(&point.time);
    Ok(())
}
