//! The metafile of esbuild, which Angular also writes (`--stats-json`). Source: <https://esbuild.github.io/api/#metafile>.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Parts;

#[derive(Deserialize)]
struct Metafile {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Output>,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    imports: Vec<Import>,
}

#[derive(Deserialize)]
struct Import {
    path: String,
}

#[derive(Deserialize)]
struct Output {
    bytes: u64,
    inputs: BTreeMap<String, Contribution>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contribution {
    bytes_in_output: u64,
}

/// Reads a metafile; `None` if it is none.
#[must_use]
pub fn read(text: &[u8]) -> Option<Parts> {
    let metafile: Metafile = serde_json::from_slice(text).ok()?;
    let mut parts = Parts::default();
    for (output, content) in metafile.outputs {
        parts.outputs.insert(output.clone(), Some(content.bytes));
        let inputs = content.inputs.into_iter().map(|(source, part)| (output.clone(), source, part.bytes_in_output));
        parts.parts.extend(inputs);
    }
    for (importer, input) in metafile.inputs {
        for import in input.imports {
            parts.importers.entry(import.path).or_default().push(importer.clone());
        }
    }
    Some(parts)
}
