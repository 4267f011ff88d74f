//! The manifests of bundlers: which source or entry each file is made from, whatever its name in this build. Vite writes
//! `.vite/manifest.json`, webpack's plugins `manifest.json` or `asset-manifest.json`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::file_name;

/// Whether a file may be a manifest, by its name.
#[must_use]
pub fn is_manifest(path: &str) -> bool {
    matches!(file_name(path), "manifest.json" | "asset-manifest.json")
}

/// The files that a manifest names, with the name that each keeps across builds. Empty if it is none.
#[must_use]
pub fn read(text: &[u8]) -> BTreeMap<String, String> {
    let Ok(Value::Object(mut content)) = serde_json::from_slice(text) else { return BTreeMap::new() };
    // Create React App's has the entries below `files`.
    let entries = match content.remove("files") {
        Some(Value::Object(files)) => files,
        _ => content,
    };
    let file = |entry: &Value| entry.as_str().or_else(|| entry.get("file")?.as_str()).map(ToOwned::to_owned);
    entries.iter().filter_map(|(name, entry)| Some((file(entry)?, name.clone()))).collect()
}

/// The name of a measured file in a manifest, whose paths are relative to a folder above the file, or to the site.
#[must_use]
pub fn id_of<'a>(path: &str, manifest: &'a BTreeMap<String, String>) -> Option<&'a String> {
    let ends = |file: &str| {
        let file = file.trim_start_matches(['.', '/']);
        !file.is_empty() && path.strip_suffix(file).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    manifest.iter().find(|(file, _)| ends(file)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_of_bundlers_name_their_files() {
        for (text, path, id) in [
            (
                r#"{ "src/Page.vue": { "file": "assets/Page-Ab12Cd34.js", "src": "src/Page.vue" } }"#,
                "dist/assets/Page-Ab12Cd34.js",
                Some("src/Page.vue"),
            ),
            (r#"{ "main.js": "/static/js/main.ab12.js" }"#, "build/static/js/main.ab12.js", Some("main.js")),
            (
                r#"{ "files": { "main.js": "./main.ab12.js" }, "entrypoints": [] }"#,
                "build/main.ab12.js",
                Some("main.js"),
            ),
            (r#"{ "main.js": "main.ab12.js" }"#, "build/xmain.ab12.js", None),
            (r#"{ "name": "Shop", "icons": [{ "src": "a.png" }], "start_url": "/" }"#, "build/a.js", None),
            (r#"{ "a": "", "b": { "file": 7 }, "c": null }"#, "build/a.js", None),
            ("[]", "a.js", None),
            ("nothing", "a.js", None),
        ] {
            assert_eq!(id_of(path, &read(text.as_bytes())).map(String::as_str), id, "{text}");
        }
        assert!(is_manifest("dist/.vite/manifest.json") && !is_manifest("dist/xmanifest.json"));
    }
}
