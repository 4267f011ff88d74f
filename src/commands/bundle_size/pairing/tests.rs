use super::*;
use crate::commands::bundle_size::{sizes::Sizes, sketch::Sketch};

/// Minified text of this many words.
fn text(words: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..words).map(|_| format!("{:06x}(", random.u32(0x0010_0000..0x00ff_ffff))).collect()
}

fn file(path: &str, content: &str) -> BundleFile {
    BundleFile {
        path: path.to_owned(),
        sizes: Sizes { raw: content.len() as u64, compressed: content.len() as u64 },
        sha256: crate::report::compact::hex_sha256(content.as_bytes()),
        sketch: Some(Sketch::of(content.as_bytes())),
        id: None,
    }
}

/// The matches as `before = now`, sorted.
fn matches(before: &[BundleFile], now: &[BundleFile]) -> Vec<String> {
    let list = |files: &[&BundleFile]| {
        let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        paths.join(" ")
    };
    let mut shown: Vec<String> =
        match_files(before, now).iter().map(|each| format!("{} = {}", list(&each.before), list(&each.now))).collect();
    shown.sort();
    shown
}

#[test]
fn a_renamed_page_is_the_same_page() {
    let page = text(3000, 1);
    let before = [file("assets/Dashboard-GrwGGwht.js", &page), file("assets/index-MfuSKOC7.js", &text(900, 2))];
    let now = [
        file("assets/Overview-D2N1-FpA.js", &page.replacen('0', "1", 40)),
        file("assets/index-MfuSKOC8.js", &text(900, 3)),
    ];
    assert_eq!(
        matches(&before, &now),
        [
            "assets/Dashboard-GrwGGwht.js = assets/Overview-D2N1-FpA.js",
            "assets/index-MfuSKOC7.js = assets/index-MfuSKOC8.js"
        ]
    );
}

#[test]
fn a_name_that_is_a_hash_is_found_by_its_content() {
    let contents: Vec<String> = (0..5).map(|seed| text(1000, seed)).collect();
    let before: Vec<_> = ["39_j1bdzreq0m", "2o-pijx6ukxo_", "0b2c3d4e5f6a7", "k1l2m3n4o5p6q", "zz1zz2zz3zz4z"]
        .iter()
        .zip(&contents)
        .map(|(name, content)| file(&format!("chunks/{name}.js"), content))
        .collect();
    let now: Vec<_> = ["3fqeayc8xt406", "a_b-c1d2e3f4g", "h5i6j7k8l9m0n", "o1p2q3r4s5t6u", "v7w8x9y0z1a2b"]
        .iter()
        .zip(contents.iter().rev())
        .map(|(name, content)| file(&format!("chunks/{name}.js"), &content.replacen('4', "5", 20)))
        .collect();
    let expected: Vec<String> = {
        let mut pairs: Vec<String> =
            before.iter().zip(now.iter().rev()).map(|(old, new)| format!("{} = {}", old.path, new.path)).collect();
        pairs.sort();
        pairs
    };
    assert_eq!(matches(&before, &now), expected);
}

#[test]
fn a_library_that_replaces_another_is_new() {
    let before = [file("app-AbCd1234.js", &text(500, 1)), file("vendor/chart-QwEr5678.js", &text(4000, 2))];
    let now = [file("app-AbCd1234.js", &text(500, 1)), file("vendor/debug-ZxCv9012.js", &text(4000, 3))];
    assert_eq!(
        matches(&before, &now),
        [" = vendor/debug-ZxCv9012.js", "app-AbCd1234.js = app-AbCd1234.js", "vendor/chart-QwEr5678.js = "]
    );
    // Chunks of one name are no reason to set them off.
    let [before, now] =
        [[2, 3], [4, 5]].map(|seeds| seeds.map(|seed| file(&format!("chunk-ABCDEF1{seed}.js"), &text(4000, seed))));
    assert_eq!(matches(&before, &now).len(), 4);
    let [before, now] =
        [[2, 3], [4, 5]].map(|seeds| seeds.map(|seed| file(&format!("{seed}bcdef0123456.js"), &text(4000, seed))));
    assert_eq!(matches(&before, &now).len(), 4);
}

#[test]
fn a_file_with_another_content_is_replaced() {
    for (old, new) in [("vendor-QwEr5678.js", "vendor-ZxCv9012.js"), ("vendor.js", "vendor.js")] {
        let [before, now, grown] = [text(4000, 2), text(4000, 3), text(4000, 2) + &text(9000, 3)];
        let (before, now, grown) = ([file(old, &before)], [file(new, &now)], [file(new, &grown)]);
        let found = match_files(&before, &now);
        assert!(found.len() == 1 && found[0].replaced && found[0].before.len() == 1, "{found:?}");
        let found = match_files(&before, &grown);
        assert!(found.len() == 1 && !found[0].replaced, "{found:?}");
    }
    // The content moved to another name, and another one took its place.
    let before = [file("vendor.js", &text(4000, 2))];
    let now = [file("vendor.js", &text(4000, 3)), file("chart.js", &text(4000, 2))];
    assert_eq!(matches(&before, &now), [" = vendor.js", "vendor.js = chart.js"]);
}

#[test]
fn chunks_that_were_merged_or_split_belong_together() {
    let parts: Vec<String> = (0..4).map(|seed| text(4000, seed)).collect();
    let chunks: Vec<_> =
        parts.iter().enumerate().map(|(at, part)| file(&format!("chunk-ABCDEF{at}{at}.js"), part)).collect();
    let whole = [file("chunk-ZZZZZZ99.js", &parts.concat())];
    let all = "chunk-ABCDEF00.js chunk-ABCDEF11.js chunk-ABCDEF22.js chunk-ABCDEF33.js";
    assert_eq!(matches(&chunks, &whole), [format!("{all} = chunk-ZZZZZZ99.js")]);
    assert_eq!(matches(&whole, &chunks), [format!("chunk-ZZZZZZ99.js = {all}")]);
    // Code moves out of the entry into its own chunk.
    let before = [file("main-ABCDEF00.js", &parts.concat())];
    let now = [file("main-ABCDEF01.js", &parts[..2].concat()), file("vendor-ABCDEF02.js", &parts[2..].concat())];
    assert_eq!(matches(&before, &now), ["main-ABCDEF00.js = main-ABCDEF01.js vendor-ABCDEF02.js"]);
    assert_eq!(matches(&now, &before), ["main-ABCDEF01.js vendor-ABCDEF02.js = main-ABCDEF00.js"]);
}

#[test]
fn a_manifest_names_files_whatever_their_content() {
    let with_id = |mut file: BundleFile, id: &str| {
        file.id = Some(id.to_owned());
        file
    };
    let before =
        [with_id(file("a1b2c3d4e5f6.js", &text(400, 1)), "src/main.ts"), file("b1b2c3d4e5f6.js", &text(400, 2))];
    let now = [with_id(file("c1b2c3d4e5f6.js", &text(400, 3)), "src/main.ts"), file("d1b2c3d4e5f6.js", &text(400, 4))];
    assert_eq!(
        matches(&before, &now),
        [" = d1b2c3d4e5f6.js", "a1b2c3d4e5f6.js = c1b2c3d4e5f6.js", "b1b2c3d4e5f6.js = "]
    );
}

#[test]
fn sums_of_the_first_schema_match_every_file_of_their_name() {
    let sum = |path: &str| BundleFile {
        path: path.to_owned(),
        sizes: Sizes { raw: 9, compressed: 9 },
        ..BundleFile::default()
    };
    let before = [sum("chunk-[hash].js"), sum("app.js"), sum("old.js")];
    let now = [file("chunk-ABCDEF12.js", "a"), file("chunk-QRSTUV34.js", "b"), file("app.js", "c")];
    assert_eq!(
        matches(&before, &now),
        ["app.js = app.js", "chunk-[hash].js = chunk-ABCDEF12.js chunk-QRSTUV34.js", "old.js = "]
    );
}

#[test]
fn every_file_is_matched_once() {
    let mut random = fastrand::Rng::with_seed(9);
    for _ in 0..60 {
        let mut side = || -> Vec<BundleFile> {
            let names: std::collections::BTreeSet<String> = (0..random.usize(0..9))
                .map(|_| format!("{}-{:08X}.js", ["a", "b", "chunk"][random.usize(..3)], random.u32(..7)))
                .collect();
            names.iter().map(|name| file(name, &text(random.usize(0..200), random.u64(..4)))).collect()
        };
        let (before, now) = (side(), side());
        let found = match_files(&before, &now);
        let count = |files: &[BundleFile], of: &dyn Fn(&FileMatch) -> usize| {
            assert_eq!(found.iter().map(of).sum::<usize>(), files.len());
        };
        count(&before, &|each| each.before.len());
        count(&now, &|each| each.now.len());
        let total = |files: &[BundleFile]| files.iter().map(|file| file.sizes.raw).sum::<u64>();
        let matched = |of: &dyn Fn(&FileMatch) -> u64| found.iter().map(of).sum::<u64>();
        assert_eq!(matched(&|each| each.before.iter().map(|file| file.sizes.raw).sum()), total(&before));
        assert_eq!(matched(&|each| each.now.iter().map(|file| file.sizes.raw).sum()), total(&now));
    }
}
