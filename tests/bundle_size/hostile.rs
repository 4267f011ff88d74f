//! Builds, source maps and bundlers' data that try to crash, to hang or to deceive the gate.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::{assert_end, assert_log_contains, noise, step};
use crate::house::Runner;

fn shop() -> Runner {
    let runner = Runner::new();
    runner.write("dist/app.js", noise(5_000));
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    runner
}

#[test]
fn hostile_source_maps_name_nothing_and_stop_nothing() {
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let nested = (0..2_000).fold("{}".to_owned(), |map, _| {
        format!("{{\"sections\":[{{\"offset\":{{\"line\":0,\"column\":0}},\"map\":{map}}}]}}")
    });
    let maps = [
        String::new(),
        "{}".to_owned(),
        deep,
        nested,
        // Many pieces, many lines, many sources.
        format!("{{\"sources\":[\"a\"],\"mappings\":\"{}\"}}", "CAAA,".repeat(2_000_000)),
        format!("{{\"sources\":[\"a\"],\"mappings\":\"{}\"}}", ";".repeat(5_000_000)),
        format!("{{\"sources\":[{}\"a\"],\"mappings\":\"AAAA\"}}", "\"node_modules/x/i.js\",".repeat(200_000)),
        // Numbers that never end, go back, or are too large.
        format!("{{\"sources\":[\"a\"],\"mappings\":\"{}\"}}", "g".repeat(3_000_000)),
        "{\"sources\":[\"a\"],\"mappings\":\"AAAA,DAAA,DDAA,A2/////////////B\"}".to_owned(),
        "{\"sections\":[{\"offset\":{\"line\":18446744073709551615,\"column\":18446744073709551615},\"map\":{\"sources\":[\"a\"],\"mappings\":\"AAAA\"}}]}".to_owned(),
        "{\"sources\":[\"node_modules/<img src=x>\\n::error::x/i.js\"],\"mappings\":\"AAAA\"}".to_owned(),
    ];
    let runner = shop();
    for map in maps {
        runner.write("dist/app.js.map", &map);
        let ended = step(&runner, &[]);
        assert_end(&ended, 0, "passed");
        let ended = step(&runner, &["--max-added-per-package=1MB"]);
        assert_end(&ended, 3, "inconclusive");
    }
}

#[test]
fn the_data_of_a_bundler_cannot_claim_more_bytes_than_the_file_has() {
    let runner = shop();
    let meta = |bytes: &str| {
        format!(
            "{{\"inputs\":{{}},\"outputs\":{{\"dist/app.js\":{{\"bytes\":5000,\"inputs\":{{\"node_modules/a/i.js\":{{\"bytesInOutput\":{bytes}}},\"node_modules/b/i.js\":{{\"bytesInOutput\":{bytes}}}}}}}}}}}"
        )
    };
    for (bytes, known) in [("2500", true), ("18446744073709551615", false), ("50000", false), ("-1", false)] {
        runner.write("meta.json", meta(bytes));
        let _ = fs::remove_file(runner.workspace().join(super::BASELINE));
        let ended = step(&runner, &["--allow-first"]);
        assert_end(&ended, 0, "passed");
        let baseline = super::read(&runner, super::BASELINE).expect("a baseline");
        assert_eq!(baseline.contains("\"packages\""), known, "{bytes}: {baseline}");
    }
    // A million outputs, none of which is a file.
    let many: String = (0..300_000).map(|at| format!("\"dist/{at}.js\":{{\"bytes\":1,\"inputs\":{{}}}},")).collect();
    runner
        .write("meta.json", format!("{{\"inputs\":{{}},\"outputs\":{{{many}\"x\":{{\"bytes\":1,\"inputs\":{{}}}}}}}}"));
    assert_end(&step(&runner, &[]), 0, "passed");
}

#[test]
fn data_that_is_named_and_cannot_be_used_is_reported() {
    let runner = shop();
    runner.write("stats.txt", "nothing of a bundler");
    let ended = step(&runner, &["--stats=stats.txt"]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["stats.txt: not used: no data of esbuild, Rollup or webpack"]);
    // A file of holes, which is larger than what is read.
    let large = fs::File::create(runner.workspace().join("large.json")).expect("a file");
    large.set_len(300 << 20).expect("a size");
    let ended = step(&runner, &["--stats=large.json", "--max-added-per-package=1MB"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["large.json: not used: more than 268435456 bytes"]);
}

#[test]
fn pipes_are_no_files_and_unreadable_files_are_inconclusive() {
    let runner = shop();
    let dist = runner.workspace().join("dist");
    for name in ["pipe.js", "app.js.map", "stats.json"] {
        assert!(Command::new("mkfifo").arg(dist.join(name)).status().expect("mkfifo").success());
    }
    assert_end(&step(&runner, &[]), 0, "passed");
    let locked = dist.join("locked.js");
    fs::write(&locked, "x").expect("written");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("locked");
    // Root can read everything.
    if fs::File::open(&locked).is_err() {
        let ended = step(&runner, &[]);
        assert_end(&ended, 3, "inconclusive");
        assert_log_contains(&ended, &["dist/locked.js: cannot be read"]);
    }
}

#[test]
fn names_with_newlines_and_markup_stay_text() {
    let runner = Runner::new();
    runner.write("dist/app.js", noise(5_000));
    runner.write("dist/app.js.map", "{\"sources\":[\"node_modules/a/i.js\"],\"mappings\":\"AAAA\"}");
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    let name = "dist/a\n::error::b\n##[error]c<img src=x onerror=alert(1)>|`**x**`.js";
    runner.write(name, noise(2_000_000));
    let map = "{\"sources\":[\"node_modules/<img src=y>\\n::error::z/i.js\"],\"mappings\":\"AAAA\"}";
    runner.write(&format!("{name}.map"), map);
    let ended = step(&runner, &[]);
    assert_end(&ended, 1, "blocked");
    assert!(!ended.summary.contains("<img"), "{}", ended.summary);
    let commands = ended.commands();
    assert!(commands.iter().all(|line| !line.starts_with("::error::")), "{commands:?}");
    assert!(
        !ended.log.lines().any(|line| line.starts_with("##[error]") || line.contains("##[error]c")),
        "{}",
        ended.log
    );
}
