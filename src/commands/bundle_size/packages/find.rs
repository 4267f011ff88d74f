//! Finds and reads what says where the bytes of a bundle come from: the bundler's data, else source maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{OWN_CODE, Packages, Parts, esbuild, rollup, source_map, webpack};
use crate::{
    commands::bundle_size::{
        bundle::Bundle,
        kinds::{FileKind, file_name},
    },
    world::files::{read_bounded, read_end},
};

/// The largest file that is read, in bytes: the statistics of large builds have a hundred megabytes.
const MAX_SIZE: u64 = 256 << 20;
/// How much of the end of a script is searched for the name of its map, in bytes.
const LONGEST_URL: u64 = 300;
/// The names under which bundlers and their plugins write their data.
const NAMES: [&str; 11] = [
    "meta.json",
    "metafile.json",
    "metafile-esm.json",
    "metafile-cjs.json",
    "esbuild-meta.json",
    "esbuild-metafile.json",
    "stats.json",
    "webpack-stats.json",
    "bundle-stats.json",
    "stats-raw.json",
    "raw-data.json",
];

/// The packages of a bundle below `root`: from the files `named`, else from files with the usual names in the bundle or in a folder
/// above its files, up to `root`, else from source maps beside the scripts.
#[must_use]
pub fn find(root: &Path, bundle: &Bundle, named: &[PathBuf]) -> Packages {
    let files: BTreeMap<&str, u64> = bundle.files.iter().map(|file| (file.path.as_str(), file.sizes.raw)).collect();
    let candidates = if named.is_empty() { usual(bundle) } else { named.to_vec() };
    let mut found = Packages::default();
    for path in candidates {
        let file = root.join(&path);
        let unused = |why: &str| format!("{}: not used: {why}", path.display());
        let text = match read_bounded(&file, MAX_SIZE) {
            Ok(text) => text,
            // One with a usual name may well be absent.
            Err(_) if named.is_empty() && !file.is_file() => continue,
            Err(finding) => {
                found.unused.push(unused(&finding.actual));
                continue;
            }
        };
        let Some(parts) = read(&text) else {
            found.unused.push(unused("no data of esbuild, Rollup or webpack"));
            continue;
        };
        let mut packages = Packages::attribute(&path.to_string_lossy(), &parts, &files);
        if !packages.is_known() {
            found.unused.push(unused("none of its outputs is a file of this bundle, with about its size"));
            continue;
        }
        let twice = packages.remove_described(&found);
        if !twice.is_empty() {
            found.unused.push(unused(&format!("other data describes {} as well", list_some(&twice))));
        }
        found.merge(packages);
    }
    if found.is_known() { found } else { Packages { unused: found.unused, ..from_maps(root, bundle) } }
}

/// The first few of several files.
fn list_some(files: &[String]) -> String {
    const SHOWN: usize = 3;
    let more = files.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    files[..files.len().min(SHOWN)].join(", ") + &more
}

/// Where the data of a bundler usually is: in the bundle, or in a folder above its files. Angular writes its statistics beside the
/// folder that is shipped.
fn usual(bundle: &Bundle) -> Vec<PathBuf> {
    let listed = bundle.listed.keys().filter(|path| NAMES.contains(&file_name(path))).map(PathBuf::from);
    let listed: BTreeSet<PathBuf> = listed.collect();
    let above: BTreeSet<&Path> =
        bundle.files.iter().flat_map(|file| Path::new(&file.path).ancestors().skip(1)).collect();
    let above: Vec<PathBuf> = above.into_iter().rev().flat_map(|folder| NAMES.map(|name| folder.join(name))).collect();
    let others: Vec<PathBuf> = above.into_iter().filter(|path| !listed.contains(path)).collect();
    listed.into_iter().chain(others).collect()
}

fn read(text: &[u8]) -> Option<Parts> {
    esbuild::read(text).or_else(|| rollup::read(text)).or_else(|| webpack::read(text))
}

/// The map that the last line of a script names (`//# sourceMappingURL=…`), by the end of the script: Turbopack's have a name of their
/// own. Only a file in the same folder counts.
fn named_map(path: &str, end: &[u8]) -> Option<String> {
    const MARK: &str = "sourceMappingURL=";
    let end = String::from_utf8_lossy(end).into_owned();
    let (_, name) = end.rsplit_once(MARK)?;
    let name = name.trim_end().trim_end_matches("*/").trim_end();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-[]@~+".contains(&byte);
    let is_name = name.rsplit('.').next() == Some("map") && !name.starts_with('.') && name.bytes().all(is_plain);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let slash = if folder.is_empty() { "" } else { "/" };
    is_name.then(|| format!("{folder}{slash}{name}"))
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
        // Most builds have no maps: then no script is read whole.
        let Ok(end) = read_end(&root.join(&file.path), LONGEST_URL) else { continue };
        let map = named_map(&file.path, &end).unwrap_or_else(|| format!("{}.map", file.path));
        let Some((map, script)) = read(&map).and_then(|map| Some((map, read(&file.path)?))) else { continue };
        let Some(sources) = source_map::read(&map, &script) else { continue };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::bundle_size::{bundle::BundleFile, sizes::Sizes},
        world::files::write_atomically,
    };

    #[test]
    fn the_last_line_of_a_script_names_its_map() {
        for (path, script, map) in [
            ("dist/a.js", "x();\n//# sourceMappingURL=0_w-15.js.map\n", Some("dist/0_w-15.js.map")),
            ("a.css", "b{}/*# sourceMappingURL=a.css.map */", Some("a.css.map")),
            ("dist/a.js", "x()", None),
            ("dist/a.js", "//# sourceMappingURL=../../../etc/x.map", None),
            ("dist/a.js", "//# sourceMappingURL=.map", None),
            ("dist/a.js", "//# sourceMappingURL=https://acme.example/a.map", None),
            ("dist/a.js", "//# sourceMappingURL=data:application/json;base64,e30=", None),
        ] {
            assert_eq!(named_map(path, script.as_bytes()).as_deref(), map, "{script}");
        }
    }

    #[test]
    fn data_beside_the_shipped_folder_is_found() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let data = |output: &str, library: &str| {
            format!(
                r#"{{ "inputs": {{}}, "outputs": {{ "{output}": {{ "bytes": 900, "inputs": {{ "node_modules/{library}/i.js": {{ "bytesInOutput": 900 }} }} }} }} }}"#
            )
        };
        for (name, content) in [
            ("apps/shop/dist/stats.json", data("main-AAAA1111.js", "one")),
            ("apps/admin/metafile-esm.json", data("dist/admin.js", "other")),
            ("apps/other/stats.json", data("other.js", "none")),
        ] {
            write_atomically(&root.path().join(name), content.as_bytes()).expect("a file");
        }
        let file = |path: &str| BundleFile {
            path: path.to_owned(),
            sizes: Sizes { raw: 900, compressed: 0 },
            ..BundleFile::default()
        };
        let files = [file("apps/shop/dist/browser/main-AAAA1111.js"), file("apps/admin/dist/admin.js")];
        let found = find(root.path(), &Bundle::from_files(files), &[]);
        assert_eq!(found.bytes().into_keys().collect::<Vec<_>>(), ["one", "other"]);
    }

    #[test]
    fn of_two_descriptions_of_a_file_one_counts_and_the_rest_stays() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let output = |file: &str, library: &str, bytes: u64| {
            format!(
                r#""{file}": {{ "bytes": {bytes}, "inputs": {{ "node_modules/{library}/i.js": {{ "bytesInOutput": {bytes} }} }} }}"#
            )
        };
        let shared = output("dist/shared.js", "react", 900);
        for (name, own) in [("one.json", output("dist/a.js", "a", 500)), ("two.json", output("dist/b.js", "big", 9000))]
        {
            let content = format!(r#"{{ "inputs": {{}}, "outputs": {{ {shared}, {own} }} }}"#);
            write_atomically(&root.path().join(name), content.as_bytes()).expect("a file");
        }
        let file = |(path, raw): (&str, u64)| BundleFile {
            path: path.to_owned(),
            sizes: Sizes { raw, compressed: 0 },
            ..BundleFile::default()
        };
        let files = [("dist/shared.js", 900), ("dist/a.js", 500), ("dist/b.js", 9000)].map(file);
        let named = ["one.json", "two.json"].map(PathBuf::from);
        let found = find(root.path(), &Bundle::from_files(files), &named);
        let row = |name: &str, bytes| (name.to_owned(), bytes);
        assert_eq!(found.bytes().into_iter().collect::<Vec<_>>(), [row("a", 500), row("big", 9000), row("react", 900)]);
        assert_eq!(found.unused, ["two.json: not used: other data describes dist/shared.js as well"]);
    }

    #[test]
    fn a_script_is_attributed_by_its_map() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let code = "x(1);".repeat(200);
        let map =
            |source: &str| format!(r#"{{ "version": 3, "sources": ["{source}"], "names": [], "mappings": "AAAA" }}"#);
        let named = format!("{code}\n//# sourceMappingURL=by-name.js.map");
        for (name, content) in [
            ("dist/a.js", named.clone()),
            ("dist/by-name.js.map", map("../node_modules/named/i.js")),
            ("dist/b.js", code.clone()),
            ("dist/b.js.map", map("../node_modules/beside/i.js")),
            ("dist/c.js", code.clone()),
            ("dist/d.js", "//# sourceMappingURL=a.js.map".to_owned() + &" ".repeat(300)),
        ] {
            write_atomically(&root.path().join(name), content.as_bytes()).expect("a file");
        }
        let file = |path: &str, length: usize| BundleFile {
            path: path.to_owned(),
            sizes: Sizes { raw: length as u64, compressed: 0 },
            ..BundleFile::default()
        };
        let bundle = Bundle::from_files([
            file("dist/a.js", named.len()),
            file("dist/b.js", 1000),
            file("dist/c.js", 1000),
            file("dist/d.js", 329),
            file("dist/gone.js", 9),
        ]);
        let found = find(root.path(), &bundle, &[]);
        assert_eq!(found.source, "source maps");
        let bytes: Vec<_> = found.bytes().into_iter().collect();
        let own = named.len() as u64 - 1000;
        let row = |name: &str, bytes| (name.to_owned(), bytes);
        assert_eq!(bytes, [row(OWN_CODE, own), row("beside", 1000), row("named", 1000)]);
    }
}
