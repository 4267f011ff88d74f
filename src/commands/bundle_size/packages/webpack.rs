//! The statistics of webpack (`--json`, or webpack-bundle-analyzer's `stats.json`). Their sizes are those before minification.
//! Source: <https://webpack.js.org/api/stats/>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Parts;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(default)]
    assets: Option<Vec<Asset>>,
    #[serde(default)]
    output_path: Option<String>,
    /// The compilations of a configuration that is a list. Those of plugins are below one that has outputs itself.
    #[serde(default)]
    children: Vec<Stats>,
    #[serde(default)]
    chunks: Vec<Chunk>,
    #[serde(default)]
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    size: u64,
    #[serde(default)]
    chunks: Vec<Value>,
}

#[derive(Deserialize)]
struct Chunk {
    id: Value,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    modules: Vec<Module>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Module {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    name_for_condition: Option<String>,
    #[serde(default)]
    size: f64,
    #[serde(default)]
    chunks: Vec<Value>,
    /// The modules that were concatenated into this one.
    #[serde(default)]
    modules: Vec<Module>,
    #[serde(default)]
    reasons: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    #[serde(default)]
    module_name: Option<String>,
}

impl Module {
    /// The file: without loaders, and without what follows the name of a concatenated module.
    fn source(&self) -> Option<&str> {
        let name = self.name_for_condition.as_deref().or(self.name.as_deref())?;
        Some(plain(name))
    }

    /// The modules that are files, with their sizes.
    fn files<'a>(&'a self, found: &mut Vec<(&'a Self, u64)>) {
        if self.modules.is_empty() {
            found.push((self, whole(self.size)));
        } else {
            self.modules.iter().for_each(|module| module.files(found));
        }
    }
}

/// The whole bytes of a size, which may have a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
const fn whole(size: f64) -> u64 {
    size as u64
}

fn plain(name: &str) -> &str {
    let file = name.rsplit('!').next().unwrap_or(name);
    file.split(" + ").next().unwrap_or(file)
}

/// Reads statistics; `None` if they are none.
#[must_use]
pub fn read(text: &[u8]) -> Option<Parts> {
    let stats: Stats = serde_json::from_slice(text).ok()?;
    let mut parts = Parts { unminified: true, ..Parts::default() };
    if let Some(assets) = &stats.assets {
        add(&stats, assets, "", &mut parts);
        return Some(parts);
    }
    for stats in &stats.children {
        // Two compilations may have outputs of one name.
        let folder = stats.output_path.as_ref().map(|folder| format!("{}/", folder.replace('\\', "/")));
        add(stats, stats.assets.as_ref()?, &folder.unwrap_or_default(), &mut parts);
    }
    (!stats.children.is_empty()).then_some(parts)
}

/// Adds one compilation, whose outputs are in `folder`.
fn add(stats: &Stats, assets: &[Asset], folder: &str, parts: &mut Parts) {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let script = |name: &str| name.split('?').next().is_some_and(|name| name.ends_with("js"));
    for asset in assets.iter().filter(|asset| script(&asset.name)) {
        let output = format!("{folder}{}", asset.name);
        parts.outputs.insert(output.clone(), Some(asset.size));
        asset.chunks.iter().for_each(|chunk| files.entry(chunk.to_string()).or_default().push(output.clone()));
    }
    for chunk in &stats.chunks {
        let known = files.entry(chunk.id.to_string()).or_default();
        known.extend(chunk.files.iter().filter(|name| script(name)).map(|name| format!("{folder}{name}")));
        known.sort();
        known.dedup();
    }
    let in_chunks =
        stats.chunks.iter().flat_map(|chunk| chunk.modules.iter().map(|module| (module, vec![chunk.id.to_string()])));
    let alone = stats.modules.iter().map(|module| (module, module.chunks.iter().map(Value::to_string).collect()));
    // Either lists all modules.
    let modules: Vec<(&Module, Vec<String>)> =
        if stats.modules.is_empty() { in_chunks.collect() } else { alone.collect() };
    for (module, chunks) in modules {
        let mut sources = Vec::new();
        module.files(&mut sources);
        for (module, bytes) in sources {
            let Some(source) = module.source() else { continue };
            let outputs = chunks.iter().filter_map(|chunk| files.get(chunk)).flatten();
            parts.parts.extend(outputs.map(|output| (output.clone(), source.to_owned(), bytes)));
            let importers = module.reasons.iter().filter_map(|reason| reason.module_name.as_deref()).map(plain);
            parts.importers.entry(source.to_owned()).or_default().extend(importers.map(ToOwned::to_owned));
        }
    }
}
