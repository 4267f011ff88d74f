//! The raw data of rollup-plugin-visualizer (`template: "raw-data"`), for Rollup and Vite. Its lengths are those before
//! minification. Source: the types of the plugin, `shared/types.ts`, version 2 of its data.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Parts;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawData {
    node_parts: BTreeMap<String, Part>,
    node_metas: BTreeMap<String, Meta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    rendered_length: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    id: String,
    #[serde(default)]
    module_parts: BTreeMap<String, String>,
    #[serde(default)]
    imported_by: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    uid: String,
}

/// Reads raw data; `None` if it is none.
#[must_use]
pub fn read(text: &[u8]) -> Option<Parts> {
    let data: RawData = serde_json::from_slice(text).ok()?;
    let mut parts = Parts { unminified: true, ..Parts::default() };
    for meta in data.node_metas.values() {
        for (output, part) in &meta.module_parts {
            let bytes = data.node_parts.get(part).map_or(0, |part| part.rendered_length);
            parts.outputs.insert(output.clone(), None);
            parts.parts.push((output.clone(), meta.id.clone(), bytes));
        }
        let importers = meta.imported_by.iter().filter_map(|link| data.node_metas.get(&link.uid));
        parts.importers.entry(meta.id.clone()).or_default().extend(importers.map(|importer| importer.id.clone()));
    }
    Some(parts)
}
