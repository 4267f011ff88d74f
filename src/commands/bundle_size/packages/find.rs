//! Finds and reads what says where the bytes of a bundle come from: the bundler's data, else source maps.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{OWN_CODE, Packages, Parts, esbuild, rollup, source_map, webpack};
use crate::{
    commands::bundle_size::{
        bundle::Bundle,
        kinds::{FileKind, file_name},
    },
    world::files::read_bounded,
};

/// The largest file that is read, in bytes: the statistics of large builds have a hundred megabytes.
const MAX_SIZE: u64 = 256 << 20;
/// The names under which bundlers and their plugins write their data.
const NAMES: [&str; 9] = [
    "meta.json",
    "metafile.json",
    "esbuild-meta.json",
    "esbuild-metafile.json",
    "stats.json",
    "webpack-stats.json",
    "bundle-stats.json",
    "stats-raw.json",
    "raw-data.json",
];

/// The packages of a bundle below `root`: from the files `named`, else from files with the usual names in the bundle or at
/// `root`, else from source maps beside the scripts.
#[must_use]
pub fn find(root: &Path, bundle: &Bundle, named: &[PathBuf]) -> Packages {
    let files: BTreeMap<&str, u64> = bundle.files.iter().map(|file| (file.path.as_str(), file.sizes.raw)).collect();
    let listed = bundle.listed.keys().filter(|path| NAMES.contains(&file_name(path))).map(PathBuf::from);
    let usual = || listed.chain(NAMES.map(PathBuf::from));
    let candidates: Vec<PathBuf> = if named.is_empty() { usual().collect() } else { named.to_vec() };
    let mut found = Packages::default();
    for path in candidates {
        let file = root.join(&path);
        let mut unused = |why: &str| found.unused.push(format!("{}: not used: {why}", path.display()));
        let text = match read_bounded(&file, MAX_SIZE) {
            Ok(text) => text,
            // One with a usual name may well be absent.
            Err(_) if named.is_empty() && !file.is_file() => continue,
            Err(finding) => {
                unused(&finding.actual);
                continue;
            }
        };
        let Some(parts) = read(&text) else {
            unused("no data of esbuild, Rollup or webpack");
            continue;
        };
        let packages = Packages::attribute(&path.to_string_lossy(), &parts, &files);
        if !packages.is_known() {
            unused("none of its outputs is a file of this bundle, with about its size");
            continue;
        }
        // The files that another one has described already would count twice.
        let known =
            |packages: &Packages, file: &str| packages.packages.values().any(|each| each.files.contains_key(file));
        if !files.keys().any(|file| known(&found, file) && known(&packages, file)) {
            found.merge(packages);
        }
    }
    if found.is_known() { found } else { Packages { unused: found.unused, ..from_maps(root, bundle) } }
}

fn read(text: &[u8]) -> Option<Parts> {
    esbuild::read(text).or_else(|| rollup::read(text)).or_else(|| webpack::read(text))
}

/// Attributes each script by its source map.
fn from_maps(root: &Path, bundle: &Bundle) -> Packages {
    let mut found = Packages::default();
    for file in &bundle.files {
        let kind = FileKind::of(&file.path);
        if !matches!(kind, FileKind::Script | FileKind::Style) {
            continue;
        }
        let read = |path: &str| read_bounded(&root.join(path), MAX_SIZE).ok();
        let Some(map) = read(&format!("{}.map", file.path)) else { continue };
        let Some(sources) = read(&file.path).and_then(|script| source_map::read(&map, &script)) else { continue };
        let mut parts = Parts::default();
        parts.outputs.insert(file.path.clone(), Some(file.sizes.raw));
        let attributed = sources.values().copied().fold(0, u64::saturating_add);
        parts.parts = sources.into_iter().map(|(source, bytes)| (file.path.clone(), source, bytes)).collect();
        let files = BTreeMap::from([(file.path.as_str(), file.sizes.raw)]);
        let mut packages = Packages::attribute("source maps", &parts, &files);
        // What no source has: the bundler's own code.
        let rest = file.sizes.raw.saturating_sub(attributed);
        packages.packages.entry(OWN_CODE.to_owned()).or_default().bytes += rest;
        found.merge(packages);
    }
    found
}
