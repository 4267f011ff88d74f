//! The whole reports of earlier steps of the same job, whose files are at hand.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    report::{MAX_FILE_SIZE, Report, SCHEMA, compact::hex_sha256},
    world::files,
};

/// A step or a job, of which only the outputs are needed.
#[derive(Deserialize)]
struct Outputs {
    #[serde(default)]
    outputs: Option<BTreeMap<String, Value>>,
}

/// The whole reports that the outputs `report-path` name, by the sha256 of their files: only a file with the sum in a compact
/// report counts. A file that cannot be read, as that of another job, is none.
#[must_use]
pub fn report_files(results: &str) -> BTreeMap<String, Report> {
    let documents = serde_json::Deserializer::from_str(results).into_iter::<BTreeMap<String, Outputs>>();
    let outputs = documents.flatten().flatten().flat_map(|(_, step)| step.outputs.unwrap_or_default());
    let is_path =
        |name: &str| name == "report-path" || name.ends_with("-report-path") || name.ends_with("_report_path");
    let paths = outputs.filter(|(name, _)| is_path(name)).filter_map(|(_, value)| Some(value.as_str()?.to_owned()));
    let read = |path: String| {
        let bytes = files::read_bounded(Path::new(&path), MAX_FILE_SIZE).ok()?;
        let report =
            serde_json::from_slice::<Report>(&bytes).ok().filter(|report| (1..=SCHEMA).contains(&report.schema))?;
        Some((hex_sha256(&bytes), report))
    };
    paths.filter_map(read).collect()
}
