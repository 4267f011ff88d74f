use super::*;
use crate::world::files::write_atomically;

fn bundle(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        write_atomically(&root.path().join(name), bytes).expect("a file");
    }
    root
}

fn measured(root: &tempfile::TempDir, patterns: &[&str]) -> Bundle {
    measured_beside(root, patterns, "sizes.json")
}

fn measured_beside(root: &tempfile::TempDir, patterns: &[&str], baseline: &str) -> Bundle {
    let globs: Vec<Glob> = patterns.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
    let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    measure(root.path(), &globs, &how(patterns, baseline, Compression::Gzip)).expect("measured")
}

fn how(patterns: Vec<String>, baseline: &str, compression: Compression) -> Measuring {
    let scope = Scope { patterns, ..Scope::default() };
    let known = Arc::default();
    Measuring { scope, baseline: baseline.into(), compression, known, sketched: Sketched::None, cache: None }
}

fn paths(bundle: &Bundle) -> Vec<&str> {
    bundle.files.iter().map(|file| file.path.as_str()).collect()
}

/// Text that compresses about as well as code does; the same every time.
fn code(length: usize) -> Vec<u8> {
    let words = ["function", "return", "const", "=>", "{", "}", "(", ")", "this.", "null", "export", "0x"];
    let mut state = 1_u64;
    let mut text = String::new();
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[usize::try_from(state >> 60).expect("small") % words.len()]);
        text.push_str(&(state >> 48).to_string());
    }
    text.truncate(length);
    text.into_bytes()
}

#[test]
fn the_backend_version_is_that_of_the_lock_file() {
    let lock = include_str!("../../../../Cargo.lock");
    for (compression, library) in [(Compression::Gzip, "zlib-rs"), (Compression::Brotli, "brotli")] {
        let version = lock
            .split("[[package]]")
            .find(|package| package.contains(&format!("name = \"{library}\"\n")))
            .and_then(|package| package.split("version = \"").nth(1))
            .and_then(|rest| rest.split('"').next());
        let built_in = version.map(|version| format!("{library} {version}"));
        assert_eq!(Some(Compressor::of(compression).backend), built_in, "write the new version into Compressor::of");
    }
}

/// Users compare these numbers across builds. If they change with a patch release of zlib-rs, older baselines are not
/// comparable with new ones, and `Baseline::comparable` has to notice. Those of `zlib.gzipSync` at level 9 in node 20 are 104949, 20
/// and 22.
#[test]
fn compressed_sizes_are_pinned() {
    let root = bundle(&[("app.js", &code(300_000)), ("empty.js", b""), ("hi.js", b"hi")]);
    let measured = measured(&root, &["."]);
    let sizes: Vec<_> =
        measured.files.iter().map(|file| (file.path.as_str(), file.sizes.raw, file.sizes.compressed)).collect();
    assert_eq!(sizes, [("app.js", 300_000, 104_951), ("empty.js", 0, 20), ("hi.js", 2, 22)]);
}

#[test]
fn one_deflater_measures_many_files_as_if_each_were_the_first() {
    let mut deflater = Deflater::new();
    let texts = [code(300_000), Vec::new(), b"hi".to_vec(), code(70_000), code(300_000)];
    for text in &texts {
        let mut gzip = flate2::GzBuilder::new()
            .write(Vec::new(), flate2::Compression::new(Compressor::of(Compression::Gzip).level));
        gzip.write_all(text).expect("compressed");
        text.chunks(1000).for_each(|chunk| deflater.add(chunk).expect("added"));
        assert_eq!(deflater.finish().expect("finished"), gzip.finish().expect("compressed").len() as u64);
    }
}

/// The hash of `one`.
const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

#[test]
fn a_content_that_the_baseline_has_is_not_compressed_again() {
    let root = bundle(&[("a.js", b"one"), ("b.js", b"two")]);
    for (raw, compressed) in [(3, 1000), (4, 23)] {
        let file = BundleFile { sizes: Sizes { raw, compressed: 1000 }, ..BundleFile::default() };
        let known = Arc::new(HashMap::from([(ONE.to_owned(), file)]));
        let how = Measuring { known, ..how(vec![".".to_owned()], "", Compression::Gzip) };
        let measured = measure(root.path(), &[".".parse().expect("a pattern")], &how).expect("measured");
        let sizes: Vec<u64> = measured.files.iter().map(|file| file.sizes.compressed).collect();
        assert_eq!(sizes, [compressed, 23]);
    }
}

#[test]
fn brotli_sizes_are_pinned_and_kept() {
    let root = bundle(&[("app.js", &code(60_000)), ("empty.js", b""), ("hi.js", b"hi")]);
    let folder = root.path().join("kept");
    let compressor = Compressor::of(Compression::Brotli);
    let measured = |cache: &Arc<SizeCache>| {
        let scope = Scope { patterns: vec!["*.js".to_owned()], ..Scope::default() };
        let cache = Some(Arc::clone(cache));
        let how = Measuring { scope, cache, ..how(Vec::new(), "b.json", Compression::Brotli) };
        let globs = ["*.js".parse().expect("a pattern")];
        let bundle = measure(root.path(), &globs, &how).expect("measured");
        assert_eq!(bundle.compressor, compressor);
        bundle.files.iter().map(|file| (file.path.clone(), file.sizes.compressed)).collect::<Vec<_>>()
    };
    let cache = Arc::new(SizeCache::open(&folder, &compressor));
    let sizes = measured(&cache);
    assert_eq!(sizes, [("app.js".to_owned(), 20_453), ("empty.js".to_owned(), 1), ("hi.js".to_owned(), 6)]);
    cache.save().expect("saved");
    let again = Arc::new(SizeCache::open(&folder, &compressor));
    assert_eq!((measured(&again), again.computed()), (sizes, 0));
}

#[test]
fn reading_in_chunks_does_not_change_the_size() {
    let text = code(300_000);
    let mut gzip =
        flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::new(Compressor::of(Compression::Gzip).level));
    gzip.write_all(&text).expect("compressed");
    let whole = gzip.finish().expect("compressed");
    let root = bundle(&[("app.js", &text)]);
    assert_eq!(measured(&root, &["app.js"]).total(), Sizes { raw: 300_000, compressed: whole.len() as u64 });
}

#[test]
fn what_no_browser_runs_is_listed() {
    let root = bundle(&[
        ("dist/app.3f2a.js", b"one"),
        ("dist/app.3f2a.js.map", b"map"),
        ("dist/photo.png", b"four"),
        ("dist/style.css", b"three"),
    ]);
    let measured = measured(&root, &["dist"]);
    assert_eq!(paths(&measured), ["dist/app.3f2a.js", "dist/style.css"]);
    assert_eq!(
        measured.listed.iter().map(|(path, raw)| (path.as_str(), *raw)).collect::<Vec<_>>(),
        [("dist/app.3f2a.js.map", 3), ("dist/photo.png", 4)]
    );
    assert_eq!((measured.count().as_str(), measured.total().raw), ("2 files", 8));
    assert_eq!(measured.files[0].sha256, ONE);
}

#[test]
fn a_manifest_names_the_files() {
    let manifest = br#"{ "src/main.ts": { "file": "app-3f2a.js" } }"#;
    let root = bundle(&[("dist/app-3f2a.js", b"one"), ("dist/b.js", b"two"), ("dist/.vite/manifest.json", manifest)]);
    let ids: Vec<_> = measured(&root, &["dist"]).files.into_iter().map(|file| file.id).collect();
    assert_eq!(ids, [Some("src/main.ts".to_owned()), None]);
}

#[test]
fn only_the_sketches_that_are_needed_are_made() {
    // Longer than a buffer, as long as one, and shorter.
    let texts = [code(600_000), code(CHUNK), code(20_000)];
    let root = bundle(&[("a.js", &texts[0]), ("b.js", &texts[1]), ("c.js", &texts[2]), ("one.js", b"one")]);
    let measured = |sketched: &Sketched, known: &[(&str, BundleFile)]| {
        let known = known.iter().map(|(sha256, file)| ((*sha256).to_owned(), file.clone())).collect();
        let how =
            Measuring { known: Arc::new(known), sketched: sketched.clone(), ..how(Vec::new(), "", Compression::Gzip) };
        measure(root.path(), &[".".parse().expect("a pattern")], &how).expect("measured").files
    };
    let sketches = |files: &[BundleFile]| files.iter().map(|file| file.sketch.clone()).collect::<Vec<_>>();
    let expected: Vec<_> =
        texts.iter().map(Vec::as_slice).chain([b"one".as_slice()]).map(Sketch::of).map(Some).collect();
    let first = measured(&Sketched::All, &[]);
    assert_eq!(sketches(&first), expected);
    assert_eq!(sketches(&measured(&Sketched::None, &[])), [const { None }; 4]);
    // What is known of a content is taken over.
    let mut before = vec![first[0].clone(), first[3].clone()];
    before[1].sketch = Some(Sketch::of(b"another content, so that it is clear where this sketch is from"));
    let beside = Sketched::beside(&before);
    let known = [(before[0].sha256.as_str(), before[0].clone()), (ONE, before[1].clone())];
    let changed = [&expected[..3], &[before[1].sketch.clone()]].concat();
    for known in [&[][..], &known] {
        let files = measured(&beside, known);
        assert_eq!(sketches(&files), changed);
        assert!(files.iter().zip(&first).all(|(now, first)| now.sizes == first.sizes && now.sha256 == first.sha256));
        assert_eq!(sketches(&measured(&Sketched::None, known)), [const { None }; 4]);
    }
    assert_eq!(sketches(&measured(&Sketched::All, &known)), changed);
    before[1].sketch = None;
    assert_eq!(sketches(&measured(&Sketched::beside(&before), &[]))[2..], [expected[2].clone(), None]);
    assert_eq!(sketches(&measured(&Sketched::All, &[(ONE, before[1].clone())])), expected);
    // Without hashes, as in a baseline of the first schema, sketches are compared with nothing.
    let sums = [BundleFile { sha256: String::new(), ..before[0].clone() }];
    assert_eq!(sketches(&measured(&Sketched::beside(&sums), &[])), [const { None }; 4]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_measured() {
    let root = bundle(&[("a.js", &code(CHUNK))]);
    let path = root.path().join("a.js");
    let mut buffer = vec![0; CHUNK];
    let mut content = Content { path: &path, buffer: &mut buffer, length: None };
    assert_eq!(content.read(|_| Ok(())).expect("read"), CHUNK as u64);
    assert_eq!(content.read(|_| Ok(())).expect("read again"), CHUNK as u64);
    write_atomically(&path, b"one").expect("changed");
    assert_eq!(content.read(|_| Ok(())).expect_err("changed").to_string(), "it changed while it was read");
    // A small file stays in memory.
    let mut content = Content { path: &path, buffer: &mut buffer, length: None };
    content.read(|_| Ok(())).expect("read");
    std::fs::remove_file(&path).expect("removed");
    let mut read = Vec::new();
    content
        .read(|chunk| {
            read.extend_from_slice(chunk);
            Ok(())
        })
        .expect("read again");
    assert_eq!(read, b"one");
    assert_eq!(brotli_size(b"two", ONE).expect_err("changed").to_string(), "it changed while it was read");
}

#[test]
fn source_maps_count_when_a_pattern_names_them() {
    let root =
        bundle(&[("dist/app.js", b"one"), ("dist/app.js.map", b"map"), ("dist/a.map", b"x"), ("dist/map", b"y")]);
    for (patterns, expected) in [
        (&["dist"][..], &["dist/app.js"][..]),
        (&["dist/map", "dist/*.js"], &["dist/app.js", "dist/map"]),
        (&["dist/*.{js,map}"], &["dist/a.map", "dist/app.js", "dist/app.js.map"]),
        (&["**/*.map"], &["dist/a.map", "dist/app.js.map"]),
        (&["dist", "dist/**/*.map"], &["dist/a.map", "dist/app.js", "dist/app.js.map"]),
        (&["dist", "!dist/*.js.map"], &["dist/app.js"]),
    ] {
        assert_eq!(paths(&measured(&root, patterns)), expected, "{patterns:?}");
    }
}

#[test]
fn the_baseline_file_is_not_measured() {
    let root = bundle(&[("app.js", b"one"), ("sizes.js", b"record"), ("lib/sizes.js", b"four")]);
    assert_eq!(paths(&measured_beside(&root, &["."], "sizes.js")), ["app.js", "lib/sizes.js"]);
    assert_eq!(paths(&measured_beside(&root, &["."], "./lib/sizes.js")), ["app.js", "sizes.js"]);
}

#[test]
fn files_are_in_the_order_of_their_paths() {
    let files: Vec<(String, Vec<u8>)> =
        (0..50).map(|at| (format!("dist/{at:02}/x.js"), vec![b'x'; 50_000 * (at % 3)])).collect();
    let listed: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let root = bundle(&listed);
    let first = measured(&root, &["dist"]);
    assert_eq!(paths(&first), listed.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_eq!(first.total().raw, 50_000 * 49);
    let again = measured(&root, &["dist"]);
    assert_eq!((&again, again.digest()), (&first, first.digest()));
    write_atomically(&root.path().join("dist/07/x.js"), &vec![b'y'; 50_000]).expect("changed");
    let changed = measured(&root, &["dist"]);
    assert_eq!(changed.total(), first.total());
    assert_ne!(changed.digest(), first.digest());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let root = bundle(&[("dist/app.js", b"one")]);
    let paths = ["dist/app.js", "dist/gone.js"].map(PathBuf::from);
    let how = how(Vec::new(), "", Compression::Gzip);
    let finding = in_parallel(&paths.each_ref(), Tools::new, |tools, path| how.measure_file(root.path(), path, tools))
        .expect_err("gone")
        .to_string();
    assert!(finding.starts_with("dist/gone.js: cannot be read: No such file"), "{finding}");
}
