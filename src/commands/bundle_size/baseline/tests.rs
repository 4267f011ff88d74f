use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"{
  "schema": 2,
  "algorithm": "gzip",
  "level": 8,
  "backend": "zlib-rs 0.6.8",
  "measured-at": "2026-03-04T05:06:07Z",
  "commit": "3f2a91cc3f2a91cc3f2a91cc3f2a91cc3f2a91cc",
  "path": ["dist","!dist/old"],
  "subject": {"service":"shop","tag":"1.4.2"},
  "total": { "raw": 1500, "gzip": 600 },
  "files": {
    "dist/app.3f2a91cc.js": { "raw": 1000, "gzip": 400, "sha256": "ab", "like": "wAAAABwAAAAk", "id": "src/main.ts" },
    "dist/a \"b\".css": { "raw": 500, "gzip": 200 }
  },
  "listed": {
    "dist/a.png": 7000
  },
  "packages": {
    "lodash": 700
  }
}
"#;

/// A baseline of the first schema.
const FIRST: &str = r#"{
  "schema": 1,
  "algorithm": "gzip",
  "level": 8,
  "backend": "zlib-rs 0.6.8",
  "total": { "raw": 1600, "gzip": 660 },
  "files": {
    "dist/app.3f2a9c1b.js": { "raw": 1000, "gzip": 400 },
    "dist/app.4d5e6f70.js": { "raw": 500, "gzip": 200 },
    "dist/a.png": { "raw": 100, "gzip": 60 }
  }
}
"#;

fn empty() -> Baseline {
    Baseline::from_bundle(&Bundle::from_files([]))
}

fn parse(text: &str) -> Result<Baseline, Finding> {
    Baseline::parse("bundle.json", text.as_bytes())
}

#[test]
fn a_written_baseline_can_be_read() {
    let good = parse(GOOD).expect("a good baseline");
    assert_eq!(good.total(), Sizes { raw: 1500, compressed: 600 });
    let app = good.files.iter().find(|file| file.path == "dist/app.3f2a91cc.js").expect("a file");
    assert_eq!(
        (app.sizes, app.sha256.as_str(), app.id.as_deref()),
        (Sizes { raw: 1000, compressed: 400 }, "ab", Some("src/main.ts"))
    );
    assert_eq!((good.listed["dist/a.png"], good.packages["lodash"]), (7000, 700));
    assert_eq!(good.patterns.as_deref(), Some(&["dist".to_owned(), "!dist/old".to_owned()][..]));
    assert!(good.commit.as_ref().is_some_and(|commit| commit.starts_with("3f2a91cc")));
    assert_eq!(good.subject.as_ref().and_then(|subject| subject["tag"].as_str()), Some("1.4.2"));
    let mut lines: Vec<String> = GOOD.lines().map(ToOwned::to_owned).collect();
    lines.swap(11, 12);
    (lines[11], lines[12]) = (format!("{},", lines[11]), lines[12].trim_end_matches(',').to_owned());
    assert_eq!(good.to_json(), lines.join("\n") + "\n", "names are sorted");
    assert_eq!(parse(&good.to_json()), Ok(good));
}

#[test]
fn an_empty_baseline_is_written_and_read() {
    let empty = empty();
    let text = empty.to_json();
    let backend = Compressor::of(Compression::Gzip).backend;
    let expected = format!(
        "{{\n  \"schema\": 2,\n  \"algorithm\": \"gzip\",\n  \"level\": 8,\n  \"backend\": \"{backend}\",\n  \"total\": {{ \"raw\": 0, \"gzip\": 0 }},\n  \"files\": {{}}\n}}\n"
    );
    assert_eq!(text, expected);
    assert_eq!(parse(&text), Ok(empty));
}

#[test]
fn a_baseline_of_the_first_schema_has_sums_by_canonical_name() {
    let baseline = parse(FIRST).expect("a baseline");
    let files: Vec<_> = baseline.files.iter().map(|file| (file.path.as_str(), file.sizes.raw)).collect();
    assert_eq!(files, [("dist/a.png", 100), ("dist/app.[hash].js", 1500)]);
    assert_eq!((baseline.patterns, baseline.commit), (None, None));
}

#[test]
fn a_malformed_baseline_is_refused_with_the_reason() {
    for (from, to, message) in [
        (GOOD, "", "EOF while parsing a value at line 1 column 0"),
        (GOOD, "nothing", "expected ident at line 1 column 2: `nothing`"),
        (GOOD, "[]", "line 1"),
        (GOOD, "{}", "missing field `schema` at line 1 column 2: `{}`"),
        ("\"schema\": 2", "\"schema\": 3", "schema 3; expected schema 1 to 2"),
        ("\"schema\": 2", "\"schema\": \"1\"", "invalid type: string \"1\", expected u64 at line 2 column 15"),
        ("  \"total\"", "<<<<<<< HEAD\n  \"total\"", "at line 10 column 1: `<<<<<<< HEAD`"),
        (
            "1000, \"gzip\": 400",
            "-1000, \"gzip\": 400",
            "invalid value: integer `-1000`, expected u64 at line 12 column",
        ),
        ("1000, \"gzip\": 400", "1e3, \"gzip\": 400", "expected u64 at line 12"),
        ("wAAAABwAAAAk", "wAAAABwAAAAA", "ascending"),
        ("1000, \"gzip\": 400", "1000", "missing field `gzip` at line 12"),
        ("1000, \"gzip\": 400", "1000, \"gzip\": 400, \"brotli\": 1", "duplicate field `gzip`"),
        ("\"level\"", "\"lvl\"", "unknown field `lvl`"),
        ("1000, \"gzip\": 400", "9000000000000000, \"gzip\": 400", "dist/app.3f2a91cc.js: 9000000000000000 bytes raw"),
        ("1000, \"gzip\": 400", "99999999999999999999, \"gzip\": 400", "line 12"),
        (
            "\"raw\": 1500",
            "\"raw\": 1400",
            "its total is 1400 bytes raw, 600 gzip, its files add up to 1500 bytes raw, 600 gzip",
        ),
        ("\"gzip\": 600", "\"gzip\": 601", "its total is 1500 bytes raw, 601 gzip"),
    ] {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        let finding = parse(&text).expect_err(&text).to_string();
        assert!(finding.starts_with("bundle.json: ") && finding.contains(message), "{to}: {finding}");
        assert!(finding.contains("write-baseline"), "{to}: {finding}");
    }
    assert!(Baseline::parse("b.json", b"\xff\xfe{}").is_err(), "not UTF-8");
}

#[test]
fn only_sizes_of_the_same_compressor_are_comparable() {
    type Edit = fn(&mut Compressor);
    let current = || Compressor { algorithm: "gzip".into(), level: 8, backend: "zlib-rs 0.6.8".into() };
    let with = |change: Edit| {
        let mut compressor = current();
        change(&mut compressor);
        Baseline { compressor, ..empty() }
    };
    let changes: [(Edit, Option<Compression>); 7] = [
        (|_| {}, Some(Compression::Gzip)),
        (|used| used.backend = "zlib-rs 0.6.0".into(), Some(Compression::Gzip)),
        // The library or the level changes with a version of the action: every baseline would fail at once.
        (|used| used.backend = "zlib-rs 0.60.0".into(), Some(Compression::Raw)),
        (|used| used.backend = "zlib-rs 1.6.8".into(), Some(Compression::Raw)),
        (|used| used.backend = "zlib-ng 0.6.8".into(), Some(Compression::Raw)),
        (|used| used.level = 9, Some(Compression::Raw)),
        (|used| used.algorithm = "brotli".into(), None),
    ];
    for (change, expected) in changes {
        let baseline = with(change);
        let result = baseline.comparable(&current(), Compression::Gzip);
        assert_eq!(result.ok(), expected, "{:?}", baseline.compressor);
        let raw = baseline.comparable(&current(), Compression::Raw);
        assert_eq!(raw, Ok(Compression::Raw), "raw sizes are those of the files");
    }
    let finding = with(|used| used.algorithm = "zstd".into())
        .comparable(&current(), Compression::Gzip)
        .expect_err("zstd")
        .to_string();
    assert!(finding.contains("zstd level 8 by zlib-rs 0.6.8") && finding.contains("write-baseline"), "{finding}");
}

proptest! {
    #[test]
    fn every_baseline_is_read_back_unchanged(files in proptest::collection::btree_map("\\PC{0,12}", (0u64..1_000_000, 0u64..1_000_000), 0..6)) {
        let files = files.into_iter().map(|(path, (raw, gzip))| BundleFile { path, sizes: Sizes { raw, compressed: gzip }, ..BundleFile::default() });
        let baseline = Baseline::from_bundle(&Bundle::from_files(files));
        prop_assert_eq!(parse(&baseline.to_json()), Ok(baseline));
    }
}
