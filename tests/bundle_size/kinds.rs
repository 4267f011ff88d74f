//! What is judged and what is listed, renamed and split files, groups, and packages.

use serde_json::json;

use super::{BASELINE, assert_end, assert_log_contains, noise, read, step};
use crate::house::Runner;

/// Minified code of this many words.
fn code(words: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..words).map(|_| format!("{:06x}(a,b);", random.u32(0x0010_0000..0x00ff_ffff))).collect()
}

/// A runner with these files and their baseline.
fn built(files: &[(&str, &str)]) -> Runner {
    let runner = Runner::new();
    for (path, content) in files {
        runner.write(path, content);
    }
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    runner
}

fn remove(runner: &Runner, path: &str) {
    std::fs::remove_file(runner.workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
}

#[test]
fn images_are_listed_and_do_not_dilute() {
    let runner = built(&[("dist/app.js", &code(30_000, 1))]);
    runner.write("dist/photo.jpg", noise(3_000_000));
    let ended = step(&runner, &[]);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["tables"][0]["rows"][0], json!(["images", "1", "0 B", "3 MB", "+3 MB"]));
    let one = code(50_000, 2);
    (0..3).for_each(|at| runner.write(&format!("dist/vendors-{at}.js"), &one[at * 200_000..(at + 1) * 200_000]));
    let ended = step(&runner, &["--max-added=500kB", "--max-increase=10000"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["+600 kB in all"]);
}

#[test]
fn a_compressed_file_without_its_original_is_judged() {
    let (app, library) = (noise(90_000), noise(300_000));
    let runner = Runner::new();
    runner.write("dist/index.html", "<script src=app-AbCd1234.js></script>");
    runner.write("dist/app-AbCd1234.js.br", &app[..]);
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    // Another text: everything behind it is compressed to other bytes.
    remove(&runner, "dist/app-AbCd1234.js.br");
    runner.write("dist/app-EfGh5678.js.br", app.iter().rev().copied().collect::<Vec<u8>>());
    let ended = step(&runner, &["--max-added=80kB"]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["no file grew"]);
    runner.write("dist/app-EfGh5678.js.br", &library[..]);
    let ended = step(&runner, &["--max-added=200kB", "--max-increase=10000"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["`dist/app-[hash].js.br` +210 kB"]);
    // Half a build.
    remove(&runner, "dist/app-EfGh5678.js.br");
    assert_end(&step(&runner, &[]), 3, "inconclusive");
    // A copy beside its original counts once.
    let runner = built(&[("dist/app.js", &code(9_000, 1))]);
    runner.write("dist/app.js.br", &library[..]);
    let ended = step(&runner, &[]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["no file grew"]);
}

#[test]
fn renamed_and_split_files_are_no_new_code_and_a_replaced_library_is() {
    let (page, library) = (code(120_000, 1), code(120_000, 2));
    assert!(page.len() > 1_000_000);
    let runner = built(&[("dist/index-AbCd1234.js", &code(9_000, 3)), ("dist/Dashboard-GrwGGwht.js", &page)]);
    remove(&runner, "dist/Dashboard-GrwGGwht.js");
    runner.write("dist/Overview-D2N1-FpA.js", page.replacen('7', "8", 300));
    let ended = step(&runner, &[]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["no file grew"]);
    // Split in two.
    remove(&runner, "dist/Overview-D2N1-FpA.js");
    let half = page.len() / 2;
    runner.write("dist/Left-AAAA1111.js", &page[..half]);
    runner.write("dist/Right-BBBB2222.js", &page[half..]);
    assert_end(&step(&runner, &[]), 0, "passed");
    // Another library of the same size.
    remove(&runner, "dist/Left-AAAA1111.js");
    remove(&runner, "dist/Right-BBBB2222.js");
    runner.write("dist/Debug-CCCC3333.js", &library);
    let ended = step(&runner, &[]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["`dist/Debug-[hash].js` +1.", "(new)"]);
}

#[test]
fn numbered_chunks_that_move_up_are_no_new_code() {
    let (one, other) = (code(30_000, 1), code(100_000, 2));
    assert!(other.len() > 1_000_000);
    let runner = built(&[("dist/1.js", &one), ("dist/2.js", &other)]);
    runner.write("dist/1.js", code(300, 3));
    runner.write("dist/2.js", &one);
    runner.write("dist/3.js", &other);
    let ended = step(&runner, &[]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["`dist/1.js` +3.", "(new)"]);
    // Another content under the number that became free.
    runner.write("dist/1.js", code(100_000, 4));
    let ended = step(&runner, &[]);
    assert_end(&ended, 1, "blocked");
}

#[test]
fn the_baseline_has_each_file_and_a_first_one_is_still_read() {
    let runner = built(&[("dist/chunk-AAAA1111.js", &code(900, 1)), ("dist/chunk-BBBB2222.js", &code(900, 2))]);
    let written: serde_json::Value =
        serde_json::from_str(&read(&runner, BASELINE).unwrap_or_default()).unwrap_or_default();
    assert_eq!((&written["schema"], &written["path"]), (&json!(2), &json!(["dist"])));
    let [one, two] = ["AAAA1111", "BBBB2222"].map(|hash| &written["files"][format!("dist/chunk-{hash}.js")]);
    assert!(one["sha256"] != two["sha256"] && one["like"] != two["like"], "{written}");
    let sum = |key: &str| one[key].as_u64().unwrap_or_default() + two[key].as_u64().unwrap_or_default();
    let total = json!({ "raw": sum("raw"), "gzip": sum("gzip") });
    let first = json!({ "schema": 1, "algorithm": "gzip", "level": 8, "backend": written["backend"], "total": total,
        "files": { "dist/chunk-[hash].js": total } });
    runner.write(BASELINE, first.to_string());
    assert_end(&step(&runner, &[]), 0, "passed");
    runner.write("dist/chunk-CCCC3333.js", code(900, 3));
    assert_end(&step(&runner, &[]), 1, "blocked");
}

#[test]
fn a_package_is_named_by_the_metafile_and_by_source_maps() {
    let metafile = |library: usize| {
        json!({
            "inputs": { "src/main.ts": { "bytes": 1, "imports": [{ "path": "node_modules/debug-lib/index.js" }] } },
            "outputs": { "dist/app.js": { "bytes": 20_000 + library, "inputs": {
                "src/main.ts": { "bytesInOutput": 20_000 }, "node_modules/debug-lib/index.js": { "bytesInOutput": library }
            } } }
        })
        .to_string()
    };
    let runner = built(&[("dist/app.js", &"a".repeat(20_000)), ("meta.json", &metafile(0))]);
    runner.write("dist/app.js", "a".repeat(170_000));
    runner.write("meta.json", metafile(150_000));
    let ended = step(&runner, &["--max-increase=10000"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["`debug-lib` +150 kB (new, in `app.js`, imported by `src/main.ts`); from meta.json"]);
    // The total names it, too.
    assert_log_contains(&step(&runner, &[]), &["; by package: `debug-lib` +150 kB (new, "]);
    assert_end(&step(&runner, &["--max-increase=10000", "--max-added-per-package=150kB"]), 0, "passed");
    // The data of another build says nothing.
    runner.write("meta.json", metafile(190_000));
    assert_end(&step(&runner, &["--max-increase=10000"]), 0, "passed");
    assert_end(&step(&runner, &["--max-increase=10000", "--max-added-per-package=150kB"]), 3, "inconclusive");
    let ended = step(&runner, &["--stats=gone.json"]);
    assert_end(&ended, 2, "inconclusive");
    assert_log_contains(&ended, &["`stats`: pattern gone.json: it names no file"]);
    // Source maps: 20,000 bytes of the first source, then the second one.
    runner.write("meta.json", "{}");
    let map = json!({ "version": 3, "sources": ["src/main.ts", "../node_modules/debug-lib/i.js"], "names": [], "mappings": "AAAA,ginBCAA" });
    runner.write("dist/app.js.map", map.to_string());
    let ended = step(&runner, &["--max-increase=10000"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["`debug-lib` +150 kB (new, in `app.js`); from source maps"]);
}

#[test]
fn hostile_files_end_soon() {
    let runner = built(&[("dist/app.js", &code(900, 1))]);
    runner.write("meta.json", format!("{{\"outputs\":{}", "[".repeat(3_000_000)));
    runner.write("stats.json", vec![0xff; 100_000]);
    runner.write("dist/app.js.map", format!("{{\"sources\":[\"a\"],\"mappings\":\"{}\"}}", "g".repeat(2_000_000)));
    let pipe = runner.workspace().join("webpack-stats.json");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_end(&step(&runner, &[]), 0, "passed");
}

#[test]
fn groups_come_from_inputs_and_from_the_config_file() {
    let runner = built(&[("dist/admin/a.js", &code(900, 1)), ("dist/main.js", &code(900, 2))]);
    runner.write("dist/admin/a.js", code(930, 1));
    assert_end(&step(&runner, &[]), 0, "passed");
    let group = "admin dist/admin max-increase=2%";
    let ended = step(&runner, &["--groups", group]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["admin: "]);
    runner.write(".github/promote-gates.yml", format!("bundle-size:\n  groups:\n    - {group}\n"));
    assert_end(&step(&runner, &[]), 1, "blocked");
    let ended = step(&runner, &["--groups=dist/admin"]);
    assert_end(&ended, 2, "inconclusive");
    assert_log_contains(&ended, &["`groups` (flag)", "is no name"]);
}
