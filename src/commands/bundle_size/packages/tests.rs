use super::*;

fn attribute(parts: &Parts, files: &[(&'static str, u64)]) -> Vec<(String, u64)> {
    let found = Packages::attribute("data", parts, &files.iter().copied().collect());
    found.bytes().into_iter().collect()
}

fn row(name: &str, bytes: u64) -> (String, u64) {
    (name.to_owned(), bytes)
}

const METAFILE: &str = r#"{
  "inputs": {
    "src/main.ts": { "bytes": 9, "imports": [{ "path": "node_modules/debug-lib/index.js", "kind": "import-statement" }] },
    "node_modules/debug-lib/index.js": { "bytes": 9, "imports": [{ "path": "node_modules/debug-lib/part.js" }, { "path": "node_modules/a/node_modules/@x/y/i.js" }] },
    "node_modules/debug-lib/part.js": { "bytes": 9, "imports": [] },
    "node_modules/@x/y/i.js": { "bytes": 9, "imports": [] }
  },
  "outputs": {
    "dist/vendor.js": { "bytes": 1000, "imports": [], "exports": [], "inputs": {
      "src/main.ts": { "bytesInOutput": 100 },
      "node_modules/debug-lib/index.js": { "bytesInOutput": 500 },
      "node_modules/debug-lib/part.js": { "bytesInOutput": 300 },
      "node_modules/a/node_modules/@x/y/i.js": { "bytesInOutput": 40 },
      "node_modules/@x/y/i.js": { "bytesInOutput": 30 }
    } },
    "dist/vendor.js.map": { "bytes": 70, "inputs": {} }
  }
}"#;

#[test]
fn an_esbuild_metafile_names_packages_importers_and_copies() {
    let parts = esbuild::read(METAFILE.as_bytes()).expect("a metafile");
    let files = [("dist/vendor.js", 1000)];
    assert_eq!(attribute(&parts, &files), [row(OWN_CODE, 100), row("@x/y", 70), row("debug-lib", 800)]);
    let found = Packages::attribute("meta.json", &parts, &files.into_iter().collect());
    assert_eq!(found.packages["debug-lib"].imported_by.as_deref(), Some("src/main.ts"));
    assert_eq!(found.packages["debug-lib"].places.len(), 1);
    assert_eq!(found.packages["@x/y"].places.len(), 2, "two copies");
    assert_eq!(found.packages["@x/y"].imported_by.as_deref(), Some("node_modules/debug-lib/index.js"));
}

#[test]
fn data_of_another_build_does_not_count() {
    let parts = esbuild::read(METAFILE.as_bytes()).expect("a metafile");
    assert_eq!(attribute(&parts, &[("dist/vendor.js", 1112)]), []);
    assert_eq!(attribute(&parts, &[("dist/vendor.js", 1050)]).len(), 3, "with a banner");
    assert_eq!(attribute(&parts, &[("dist/other.js", 1000)]), []);
    // The bundle was moved, or the bundler ran in another folder.
    for path in ["app/dist/vendor.js", "vendor.js", "public/assets/vendor.js"] {
        assert_eq!(attribute(&parts, &[(path, 1000)]).len(), 3, "{path}");
    }
    assert_eq!(attribute(&parts, &[("a/vendor.js", 1000), ("b/vendor.js", 1000)]), [], "which one is unknown");
}

#[test]
fn webpack_statistics_are_scaled_to_the_minified_size() {
    let stats = r#"{
      "assets": [{ "name": "main.ab12.js", "size": 1000, "chunks": [179] }, { "name": "main.css", "size": 5, "chunks": [179] }],
      "chunks": [{ "id": 179, "files": ["main.ab12.js", "main.css"] }],
      "modules": [
        { "name": "./src/index.js + 1 modules", "size": 3000, "chunks": [179], "modules": [
          { "name": "./src/index.js", "size": 1000 },
          { "name": "./node_modules/lodash-es/add.js", "size": 1000, "reasons": [{ "moduleName": "./src/index.js" }] }
        ] },
        { "name": "babel-loader!./node_modules/debug-lib/x.js", "size": 2000.5, "chunks": [179],
          "reasons": [{ "moduleName": null }, { "moduleName": "./src/index.js + 1 modules" }] }
      ]
    }"#;
    let parts = webpack::read(stats.as_bytes()).expect("statistics");
    let files = [("dist/main.ab12.js", 1000), ("dist/main.css", 5)];
    assert_eq!(attribute(&parts, &files), [row(OWN_CODE, 250), row("debug-lib", 500), row("lodash-es", 250)]);
    let found = Packages::attribute("stats.json", &parts, &files.into_iter().collect());
    assert_eq!(found.packages["debug-lib"].imported_by.as_deref(), Some("./src/index.js"));
}

#[test]
fn webpack_statistics_of_several_compilations_are_read() {
    let child = |folder: &str, library: &str| {
        format!(
            r#"{{ "outputPath": "{folder}", "assets": [{{ "name": "main.js", "size": 900, "chunks": [1] }}], "chunks": [{{ "id": 1, "files": ["main.js"] }}],
              "modules": [{{ "name": "./node_modules/{library}/i.js", "size": 2000, "chunks": [1] }}] }}"#
        )
    };
    let stats = format!(
        r#"{{ "children": [{}, {}] }}"#,
        child("/build/dist/client", "one"),
        child("C:\\\\dist\\\\legacy", "other")
    );
    let parts = webpack::read(stats.as_bytes()).expect("statistics");
    let files = [("dist/client/main.js", 900), ("dist/legacy/main.js", 900)];
    assert_eq!(attribute(&parts, &files), [row("one", 900), row("other", 900)]);
    // Only one of them is shipped.
    assert_eq!(attribute(&parts, &files[..1]), [row("one", 900)]);
}

#[test]
fn the_raw_data_of_the_rollup_visualizer_is_read() {
    let data = r#"{ "version": 2, "tree": { "name": "root", "children": [] },
      "nodeParts": { "p1": { "renderedLength": 300, "gzipLength": 0, "metaUid": "m1" }, "p2": { "renderedLength": 100, "metaUid": "m2" } },
      "nodeMetas": {
        "m1": { "id": "/node_modules/.pnpm/react@18.2.0/node_modules/react/index.js", "moduleParts": { "assets/index-Ab12Cd34.js": "p1" }, "imported": [], "importedBy": [{ "uid": "m2" }] },
        "m2": { "id": "/src/main.ts", "moduleParts": { "assets/index-Ab12Cd34.js": "p2" }, "importedBy": [] }
      } }"#;
    let parts = rollup::read(data.as_bytes()).expect("raw data");
    assert_eq!(attribute(&parts, &[("dist/assets/index-Ab12Cd34.js", 200)]), [row(OWN_CODE, 50), row("react", 150)]);
    assert_eq!(parts.importers["/node_modules/.pnpm/react@18.2.0/node_modules/react/index.js"], ["/src/main.ts"]);
}

#[test]
fn a_source_map_says_where_each_byte_is_from() {
    // Columns 0 to 4: the first source, 4 to 6: none, from 6 on: the second one, also on the next line.
    let map = r#"{ "version": 3, "sources": ["../src/a.js", "../node_modules/b/b.js"], "sourcesContent": ["x", "y"], "names": [],
      "mappings": "AAAA,I,ECAA;AAAA" }"#;
    let found = source_map::read(map.as_bytes(), b"aaaa--bbb\nbb").expect("a map");
    assert_eq!((found["../src/a.js"], found["../node_modules/b/b.js"]), (4, 5));
    // Columns count UTF-16 units.
    let found = source_map::read(map.as_bytes(), "a😀a--bbb".as_bytes()).expect("a map");
    assert_eq!((found["../src/a.js"], found["../node_modules/b/b.js"]), (6, 3));
    // An index of maps, as Turbopack writes.
    let index =
        format!(r#"{{ "version": 3, "sections": [{{ "offset": {{ "line": 1, "column": 2 }}, "map": {map} }}] }}"#);
    let found = source_map::read(index.as_bytes(), b"zz\nzzaaaa--bbb\nbb").expect("a map");
    assert_eq!((found["../src/a.js"], found["../node_modules/b/b.js"]), (4, 5));
}

#[test]
fn hostile_data_is_none() {
    for text in [
        "",
        "[]",
        "{}",
        "null",
        "{\"inputs\":1,\"outputs\":{}}",
        "{\"mappings\":7}",
        "\u{feff}{}",
        "{\"outputs\":{\"a\":{\"bytes\":-1,\"inputs\":{}}},\"inputs\":{}}",
    ] {
        assert_eq!(esbuild::read(text.as_bytes()), None, "{text}");
        assert_eq!(rollup::read(text.as_bytes()), None, "{text}");
        assert_eq!(webpack::read(text.as_bytes()), None, "{text}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let ignored = webpack::read(format!("{{\"assets\":[],\"x\":{deep}}}").as_bytes());
    assert!(ignored.is_none_or(|parts| parts.parts.is_empty()), "no stack overflow");
    for mappings in [
        "A",
        "////////////////////",
        "gggggggggggggggggggg",
        "AAAA,DAAA,DDAA",
        ";;;;;;;;;;AAAA",
        "é",
        "A2/////////////B",
    ] {
        let map = format!(r#"{{ "sources": ["a", null], "mappings": "{mappings}" }}"#);
        let bytes = source_map::read(map.as_bytes(), b"abc\ndef").map(|found| found.values().sum::<u64>());
        assert!(bytes.is_some_and(|bytes| bytes <= 6), "{mappings}: {bytes:?}");
    }
    let sections = r#"{ "sections": [{ "offset": { "line": 18446744073709551615, "column": 18446744073709551615 }, "map": { "sources": ["a"], "mappings": "AAAA;AAAA" } }] }"#;
    assert_eq!(source_map::read(sections.as_bytes(), b"abc").map(|found| found.len()), Some(0));
}

#[test]
fn the_last_folder_of_packages_counts() {
    for (source, package) in [
        ("node_modules/a/b.js", "a"),
        ("node_modules/@s/a/b.js", "@s/a"),
        ("webpack://shop/./node_modules/a/node_modules/c/d.js", "c"),
        ("../.yarn/cache/react-npm-18.2.0-1eae08fee2.zip/node_modules/react/index.js", "react"),
        ("src/node_modules.js", OWN_CODE),
        ("node_modules/.vite/deps/a.js", OWN_CODE),
        ("node_modules/", OWN_CODE),
        ("node_modules/a", "a"),
        ("", OWN_CODE),
    ] {
        assert_eq!(Place::of(source).package, package, "{source}");
    }
}
