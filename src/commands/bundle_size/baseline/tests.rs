use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"{
  "schema": 1,
  "algorithm": "gzip",
  "level": 9,
  "backend": "zlib-rs 0.6.8",
  "measured-at": "2026-03-04T05:06:07Z",
  "subject": {"service":"shop","tag":"1.4.2"},
  "total": { "raw": 1500, "gzip": 600 },
  "files": {
    "dist/app.[hash].js": { "raw": 1000, "gzip": 400 },
    "dist/a \"b\".css": { "raw": 500, "gzip": 200 }
  }
}
"#;

fn parse(text: &str) -> Result<Baseline, Finding> {
    Baseline::parse("bundle.json", text.as_bytes())
}

#[test]
fn a_written_baseline_can_be_read() {
    let good = parse(GOOD).expect("a good baseline");
    assert_eq!(good.total(), Sizes { raw: 1500, gzip: 600 });
    assert_eq!(good.files["dist/app.[hash].js"], Sizes { raw: 1000, gzip: 400 });
    assert_eq!(good.subject.as_ref().and_then(|subject| subject["tag"].as_str()), Some("1.4.2"));
    let sorted = r#"  "files": {
    "dist/a \"b\".css": { "raw": 500, "gzip": 200 },
    "dist/app.[hash].js": { "raw": 1000, "gzip": 400 }
  }
}
"#;
    let head = GOOD.split("  \"files\"").next().expect("a head");
    assert_eq!(good.to_json(), format!("{head}{sorted}"));
    assert_eq!(parse(&good.to_json()), Ok(good));
}

#[test]
fn an_empty_baseline_is_written_and_read() {
    let empty =
        Baseline { compressor: Compressor::built_in(), files: BTreeMap::new(), subject: None, measured_at: None };
    let text = empty.to_json();
    let backend = Compressor::built_in().backend;
    let expected = format!(
        "{{\n  \"schema\": 1,\n  \"algorithm\": \"gzip\",\n  \"level\": 9,\n  \"backend\": \"{backend}\",\n  \"total\": {{ \"raw\": 0, \"gzip\": 0 }},\n  \"files\": {{}}\n}}\n"
    );
    assert_eq!(text, expected);
    assert_eq!(parse(&text), Ok(empty));
}

#[test]
fn names_are_made_canonical_again() {
    let text = GOOD.replace("app.[hash].js", "app.3f2a9c1b.js").replace("a \\\"b\\\".css", "app.4d5e6f70.js");
    let baseline = parse(&text).expect("a baseline");
    assert_eq!(baseline.files, BTreeMap::from([("dist/app.[hash].js".to_owned(), Sizes { raw: 1500, gzip: 600 })]));
}

#[test]
fn a_malformed_baseline_is_refused_with_the_reason() {
    for (from, to, message) in [
        (GOOD, "", "EOF while parsing a value at line 1 column 0"),
        (GOOD, "nothing", "expected ident at line 1 column 2: `nothing`"),
        (GOOD, "[]", "line 1"),
        (GOOD, "{}", "missing field `schema` at line 1 column 2: `{}`"),
        ("\"schema\": 1", "\"schema\": 2", "schema 2; expected schema 1"),
        ("\"schema\": 1", "\"schema\": \"1\"", "invalid type: string \"1\", expected u64 at line 2 column 15"),
        ("  \"total\"", "<<<<<<< HEAD\n  \"total\"", "at line 8 column 1: `<<<<<<< HEAD`"),
        (
            "1000, \"gzip\": 400",
            "-1000, \"gzip\": 400",
            "invalid value: integer `-1000`, expected u64 at line 10 column",
        ),
        ("1000, \"gzip\": 400", "1e3, \"gzip\": 400", "expected u64 at line 10"),
        ("1000, \"gzip\": 400", "1000", "missing field `gzip` at line 10"),
        ("1000, \"gzip\": 400", "1000, \"gzip\": 400, \"brotli\": 1", "unknown field `brotli`"),
        ("\"level\"", "\"lvl\"", "unknown field `lvl`"),
        ("1000, \"gzip\": 400", "9000000000000000, \"gzip\": 400", "dist/app.[hash].js: 9000000000000000 bytes raw"),
        ("1000, \"gzip\": 400", "99999999999999999999, \"gzip\": 400", "line 10"),
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
    let current = || Compressor { algorithm: "gzip".into(), level: 9, backend: "zlib-rs 0.6.8".into() };
    let with = |change: Edit| {
        let mut compressor = current();
        change(&mut compressor);
        Baseline { compressor, files: BTreeMap::new(), subject: None, measured_at: None }
    };
    let changes: [(Edit, bool); 7] = [
        (|_| {}, true),
        (|used| used.backend = "zlib-rs 0.6.0".into(), true),
        (|used| used.backend = "zlib-rs 0.60.0".into(), false),
        (|used| used.backend = "zlib-rs 1.6.8".into(), false),
        (|used| used.backend = "zlib-ng 0.6.8".into(), false),
        (|used| used.level = 6, false),
        (|used| used.algorithm = "brotli".into(), false),
    ];
    for (change, same) in changes {
        let baseline = with(change);
        let result = baseline.check_comparable(&current(), Compression::Gzip);
        assert_eq!(result.is_ok(), same, "{:?}", baseline.compressor);
        assert_eq!(baseline.check_comparable(&current(), Compression::Raw), Ok(()), "raw sizes are those of the files");
    }
    let finding =
        with(|used| used.level = 6).check_comparable(&current(), Compression::Gzip).expect_err("level 6").to_string();
    assert!(finding.contains("gzip level 6 by zlib-rs 0.6.8") && finding.contains("write-baseline"), "{finding}");
    for (backend, expected) in [
        ("zlib-rs 0.6.8", "zlib-rs 0.6"),
        ("zlib-ng 2.2.1", "zlib-ng 2"),
        ("zlib", "zlib"),
        ("", ""),
        ("x 0.", "x 0."),
        ("x 3", "x 3"),
    ] {
        assert_eq!(series(backend), expected);
    }
}

proptest! {
    #[test]
    fn every_baseline_is_read_back_unchanged(files in proptest::collection::btree_map("\\PC{0,12}", (0u64..1_000_000, 0u64..1_000_000), 0..6)) {
        let mut canonical: BTreeMap<String, Sizes> = BTreeMap::new();
        for (name, (raw, gzip)) in files {
            let known = canonical.entry(names::canonical_name(&name)).or_default();
            *known = known.plus(Sizes { raw, gzip });
        }
        let baseline = Baseline { compressor: Compressor::built_in(), files: canonical, subject: None, measured_at: None };
        prop_assert_eq!(parse(&baseline.to_json()), Ok(baseline));
    }
}
