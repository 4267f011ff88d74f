//! `bundle-size` on a runner: limits, the first baseline, and what never passes.

mod base;
mod deployed;
mod explained;
mod hostile;
mod kinds;
mod pull_request;
mod runner_variables;

use std::{fs, os::unix::fs::symlink};

use promote_gates::{commands, report::OUTPUTS};
use serde_json::{Value, json};

use crate::house::{Ended, Runner};

/// The default path of the baseline.
const BASELINE: &str = "bundle-size.baseline.json";

/// A runner with a bundle of this size and its baseline.
fn shop(bytes: usize) -> Runner {
    let runner = Runner::new();
    runner.write("dist/app.3f2a91cc.js", noise(bytes));
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    runner
}

/// Runs the gate on `dist`.
fn step(runner: &Runner, flags: &[&str]) -> Ended {
    runner.run(&[&["bundle-size", "--path=dist"], flags].concat())
}

/// Reproducible bytes that do not compress; a longer sequence starts with the shorter one.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn read(runner: &Runner, path: &str) -> Option<String> {
    fs::read_to_string(runner.workspace().join(path)).ok()
}

#[track_caller]
fn assert_end(ended: &Ended, code: i32, verdict: &str) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (code, verdict), "{}", ended.log);
    assert_eq!(ended.report["verdict"], verdict);
}

#[track_caller]
fn assert_log_contains(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
}

fn annotations<'a>(ended: &'a Ended, level: &str) -> Vec<&'a str> {
    let start = format!("::{level} ");
    ended.commands().into_iter().filter(|line| line.starts_with(&start)).collect()
}

#[test]
fn five_percent_is_the_limit() {
    let runner = shop(100_000);
    for (compression, bytes, code, verdict, change, shown) in [
        ("gzip", 105_100, 1, "blocked", "+5.1 %", "+5.1 %"),
        ("gzip", 104_900, 0, "passed", "+4.9 %", "+4.9 %"),
        ("raw", 105_100, 1, "blocked", "+5.1 %", "+5.1 %"),
        ("raw", 105_001, 1, "blocked", "+5.01 %", "+5.001 %"),
        ("raw", 105_000, 0, "passed", "+5.0 %", "+5 %"),
        ("raw", 104_900, 0, "passed", "+4.9 %", "+4.9 %"),
        ("raw", 90_000, 0, "passed", "-10.0 %", "-10 %"),
    ] {
        // A file name with another hash is the same file.
        fs::remove_dir_all(runner.workspace().join("dist")).expect("removed");
        runner.write(&format!("dist/app.{bytes:08x}.js"), noise(bytes));
        let ended = step(&runner, &[&format!("--compression={compression}")]);
        assert_end(&ended, code, verdict);
        assert_log_contains(&ended, &[shown, "at most 5 % more than the baseline's 100 kB, which is 105 kB"]);
        assert_eq!(ended.outputs["change"], change);
        if compression == "raw" {
            let sizes = [ended.outputs["size"].as_str(), &ended.outputs["baseline-size"]];
            assert_eq!(sizes, [&bytes.to_string(), "100000"]);
        }
        let errors = annotations(&ended, "error");
        assert_eq!(errors.len(), usize::from(code == 1), "{errors:?}");
        let whole =
            |error: &&str| ["100 kB → 105 kB", "dist/app.[hash].js", "`explanation`"].map(|part| error.contains(part));
        assert!(errors.iter().map(whole).all(|parts| parts == [true; 3]), "{errors:?}");
    }
}

#[test]
fn explained_growth_passes_and_its_explanation_is_shown() {
    let runner = shop(100_000);
    runner.write("dist/editor.9c1bd0aa.js", noise(5_100));
    let ended = step(&runner, &["--explanation= the new editor, see ticket 71 "]);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.outputs["change"], "+5.13 %", "each file is compressed separately");
    for text in [&ended.log, &ended.summary, &ended.outputs["reason"]] {
        assert!(text.contains("explained: the new editor, see ticket 71"), "{text}");
    }
    let compact: Value = serde_json::from_str(&ended.outputs["report"]).expect("JSON");
    assert_eq!(compact["findings"][0]["waived"], "the new editor, see ticket 71");
    assert_eq!(annotations(&ended, "warning").len(), 1, "explained growth is a warning: {}", ended.log);
    assert_end(&step(&runner, &["--explanation= \n "]), 1, "blocked");
    // An explanation may be an unfilled line of a template, so every one must be readable.
    runner.write(".github/other", "");
    symlink("/dev/null", runner.workspace().join(".github/Pull_Request_Template.txt")).expect("a link");
    let ended = step(&runner, &["--explanation=the new editor"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(
        &ended,
        &["whether it is explained could not be read: .github/Pull_Request_Template.txt: no regular file"],
    );
}

#[test]
fn the_debug_library_is_named() {
    let runner = shop(50_000);
    runner.write("dist/debug-library.9c1bd0aa.js", vec![b' '; 4_000_000]);
    let ended = step(&runner, &["--service=shop", "--tag=1.4.2"]);
    assert_end(&ended, 1, "blocked");
    let named = "dist/debug-library.[hash].js";
    let errors = annotations(&ended, "error");
    assert_eq!(errors.len(), 2, "the total, and the new bytes: {errors:?}");
    assert!(errors.iter().all(|error| error.contains(named) && error.contains("+4 MB")), "{errors:?}");
    for finding in ended.report["findings"].as_array().expect("findings") {
        assert!(finding["actual"].as_str().is_some_and(|actual| actual.contains(named)), "{finding}");
    }
    let table = &ended.report["tables"][0];
    assert_eq!((&table["title"], &table["open"]), (&json!("Files that grew most (gzip)"), &json!(true)));
    assert_eq!((&table["rows"][0][0], &table["rows"][0][5]), (&json!(format!("`{named}`")), &json!("+4 MB")));
    assert!(ended.summary.contains("| <code>dist/debug-library.&#91;hash&#93;.js</code> | – |"), "{}", ended.summary);
    let headline = "### ⛔ bundle-size: shop 50 kB → 54 kB (+7.8&nbsp;%), limit +5&nbsp;%: \
                    <code>debug-library.&#91;hash&#93;.js</code> +3.91 kB (and 1 more)\n";
    assert!(ended.summary.starts_with(headline), "{}", ended.summary);
    assert!(ended.outputs["reason"].contains(named));

    // Its compressed size is small: the percentage alone would pass.
    let ended = step(&runner, &["--max-increase=50%"]);
    assert_end(&ended, 1, "blocked");
    assert_eq!(annotations(&ended, "error").len(), 1);
    assert_end(&step(&runner, &["--max-increase=50%", "--max-added=4MB"]), 0, "passed");
}

#[test]
fn the_settings_in_force_and_their_origins_are_reported() {
    let runner = shop(1_000);
    runner.write(".github/promote-gates.yml", "bundle-size:\n  max-increase: 2.5%\n  min-increase: 2 kB\n");
    let ended = step(&runner, &[]);
    assert_end(&ended, 0, "passed");
    let settings = &ended.report["settings"];
    let limits = ["max-increase", "min-increase", "max-added", "top"].map(|key| settings[key].clone());
    assert_eq!(limits, [json!(2.5), json!(2000), json!(1_000_000), json!(10)]);
    assert_eq!((&settings["compression"], &settings["path"]), (&json!("gzip"), &json!(["dist"])));
    assert_eq!(ended.report["origins"]["min-increase"], ".github/promote-gates.yml:3:17");
    let evidence = &ended.report["findings"][0]["evidence"];
    assert_eq!(evidence[0]["source"], BASELINE);
    assert!(evidence[1]["source"].as_str().is_some_and(|source| source.starts_with("dist: 1 file, sha256 ")));
}

#[test]
fn without_a_baseline_the_message_says_how_to_write_one() {
    let runner = Runner::new();
    runner.write("dist/app.js", noise(1_000));
    let ended = step(&runner, &[]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["next: add `write-baseline: true`", BASELINE, "or add `allow-first: true`"]);
    assert_eq!((read(&runner, BASELINE), ended.outputs.get("change")), (None, None));
    assert!(ended.outputs.contains_key("size"));

    let ended = step(&runner, &["--allow-first", "--dry-run"]);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["effects"][0]["state"], "planned");
    assert_eq!(read(&runner, BASELINE), None, "a dry run writes nothing");

    let ended = step(&runner, &["--write-baseline"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["next: commit `bundle-size.baseline.json`"]);
    assert_eq!(ended.report["effects"][0]["state"], "applied");
    let written: Value = serde_json::from_str(&read(&runner, BASELINE).expect("written")).expect("JSON");
    let ended = step(&runner, &["--write-baseline=false"]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["no file grew"]);

    fs::remove_file(runner.workspace().join(BASELINE)).expect("removed");
    let ended = step(&runner, &["--allow-first", "--service=shop", "--tag=1.4.2"]);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["findings"][0]["waived"], "first measurement (`allow-first`)");
    let first: Value = serde_json::from_str(&read(&runner, BASELINE).expect("written")).expect("JSON");
    assert_eq!(first["subject"], json!({ "service": "shop", "tag": "1.4.2" }));
    assert_eq!(first["files"], written["files"]);
}

#[test]
fn a_first_measurement_is_held_to_what_needs_no_baseline() {
    for (flags, code, verdict, part) in [
        (&["--max-size=300kB"][..], 1, "blocked", "size: 400 kB gzip; expected at most 300 kB gzip (`max-size`)"),
        (&["--max-size=500kB"], 0, "passed", "first measurement (`allow-first`)"),
        (&["--groups=app dist max-size=300kB"], 1, "blocked", "at most 300 kB gzip (`max-size`)"),
        (&["--groups=admin dist/admin"], 3, "inconclusive", "its patterns match no file"),
    ] {
        let runner = Runner::new();
        runner.write("dist/app.js", noise(400_000));
        let ended = step(&runner, &[&["--allow-first"], flags].concat());
        assert_end(&ended, code, verdict);
        assert_log_contains(&ended, &[part]);
    }
}

#[test]
fn a_rewritten_baseline_applies_to_the_next_step() {
    let runner = shop(1_000);
    let before = read(&runner, BASELINE);
    let ended = step(&runner, &["--write-baseline", "--tag=1.4.3"]);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["effects"][0]["state"], "already");
    assert_eq!(read(&runner, BASELINE), before, "only its date and subject would change");

    runner.write("dist/more.js", noise(5_000));
    let ended = step(&runner, &["--write-baseline", "--dry-run"]);
    assert_end(&ended, 0, "blocked");
    assert_eq!(ended.report["effects"][0]["state"], "planned");
    assert_eq!(read(&runner, BASELINE), before);
    assert_end(&step(&runner, &["--write-baseline"]), 1, "blocked");
    assert_ne!(read(&runner, BASELINE), before);
    assert_end(&step(&runner, &[]), 0, "passed");
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let runner = shop(1_000);
    let good = read(&runner, BASELINE).expect("a baseline");
    runner.write("broken.json", good.replace("\"level\": 8", "\"level\": nine"));
    runner.write("false.json", good.replacen("\"raw\": 1000,", "\"raw\": 1,", 1));
    let entries = || fs::read_dir(runner.workspace()).expect("listed").count();
    let before = entries();
    for (flags, parts) in [
        (&["--path=build/*.js"][..], &["`path`: pattern build/*.js: it names no file; the workspace has"][..]),
        (&["--path=../other"], &["`path` (flag)", "leaves the workspace"]),
        (&["--path=/etc"], &["`path`: pattern /etc", "out of the workspace"]),
        (&["--baseline=broken.json"], &["broken.json: expected ident at line 4 column 13: `\"level\": nine,`"]),
        (&["--baseline=false.json"], &["false.json: its total is", "remove the file, then write it again"]),
        (&["--max-increase=-5"], &["`max-increase` (flag)", "\"-5\"", "a percentage"]),
        (&["--max-added=1,5 MB"], &["`max-added` (flag)", "\"1,5 MB\"", "a number of bytes"]),
        (&["--compression=zstd"], &["`compression` (flag)", "\"zstd\"", "one of raw, gzip, brotli"]),
        (&["--top=ten"], &["`top` (flag)", "\"ten\""]),
        (&["--max-increese=3"], &["max-increese", "did you mean", "max-increase"]),
    ] {
        let ended = step(&runner, &[flags, &["--write-baseline", "--allow-first"]].concat());
        assert_end(&ended, 2, "inconclusive");
        assert_log_contains(&ended, parts);
        assert_eq!(entries(), before, "{flags:?}");
    }
    assert_eq!(read(&runner, BASELINE), Some(good));
    for (paths, part) in [("!dist", "`path`: patterns: only `!` lines"), (" \n ", "`path`: not given")] {
        let runner = Runner::new().input("path", paths);
        let ended = runner.run(&["bundle-size", "--allow-first"]);
        assert_end(&ended, 2, "inconclusive");
        assert_log_contains(&ended, &[part]);
    }
}

#[test]
fn an_empty_or_incomparable_measurement_is_inconclusive() {
    let runner = shop(1_000);
    let good = read(&runner, BASELINE).expect("a baseline");
    let head = good.split("\"total\"").next().expect("a head");
    runner.write("zero.json", format!("{head} \"total\": {{ \"raw\": 0, \"gzip\": 0 }}, \"files\": {{}} }}"));
    assert_end(&step(&runner, &["--baseline=other.json", "--allow-first", "--compression=brotli"]), 0, "passed");
    runner.write("nothing/app.js", "");
    runner.write("maps/app.js.map", "only for developers");
    symlink("nowhere", runner.workspace().join("dangling")).expect("a link");
    for (path, baseline, parts) in [
        ("nothing", BASELINE, &["0 bytes in 1 file;", "build first"][..]),
        ("nothing", "new.json", &["0 bytes in 1 file;", "build first"]),
        ("maps", "new.json", &["0 bytes in 0 files, and 1 file that no browser runs", "build first"]),
        ("dist", "zero.json", &["the baseline has 0 bytes in 0 files; now 1.02 kB", "write it again"]),
        ("dist", "other.json", &["brotli level 11", "gzip level 8", "`compression: raw`"]),
        ("dist", "nothing", &["nothing: no regular file"]),
        ("dist", "dangling/sizes.json", &["dangling/sizes.json: cannot be written"]),
    ] {
        let inputs = [format!("--path={path}"), format!("--baseline={baseline}")];
        let ended = runner.run(&[
            "bundle-size",
            &inputs[0],
            &inputs[1],
            "--allow-first",
            "--explanation=because the editor moved in",
        ]);
        assert_end(&ended, 3, "inconclusive");
        assert_log_contains(&ended, parts);
        assert_eq!(read(&runner, "new.json"), None, "an empty bundle is no baseline");
    }
    // `write-baseline` replaces a baseline that another version wrote.
    assert_end(&step(&runner, &["--baseline=other.json", "--write-baseline"]), 3, "inconclusive");
    assert_end(&step(&runner, &["--baseline=other.json"]), 0, "passed");
}

#[test]
fn file_names_are_escaped() {
    let runner = shop(1_000);
    let names = [
        "</td><script>alert(1)</script>.js",
        "::error::x.js",
        "a|b.js",
        "two\n::error::lines.js",
        "##[error]y.js",
        "%0A::set-output name=verdict::passed.js",
        "\r::add-mask::z.js",
        "`c` [d](e) **f**.js",
        "\u{1b}[31m.js",
        "EOF\nverdict=passed\n.js",
    ];
    for (at, name) in names.iter().enumerate() {
        runner.write(&format!("dist/{name}"), noise(3_000 + 100 * at));
    }
    let hostile = names.join("\n");
    for (flags, code, verdict, commands) in [
        (&["--max-added=10".to_owned(), "--top=100".to_owned()][..], 1, "blocked", 3),
        (&[format!("--explanation={hostile}")], 0, "passed", 2),
        (&[format!("--baseline={hostile}")], 3, "inconclusive", 2),
        (&[format!("--path={hostile}")], 2, "inconclusive", 2),
    ] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let ended = step(&runner, &flags);
        assert_end(&ended, code, verdict);
        let titled =
            |line: &&str| ["::error title=", "::warning title=", "::notice title="].map(|own| line.starts_with(own));
        let found = ended.commands();
        assert_eq!(found.len(), commands, "{found:?}");
        assert!(found.iter().all(|line| titled(line).contains(&true) && !line.contains("##[")), "{found:?}");
        assert!(!ended.log.contains('\u{1b}') && !ended.summary.contains('\u{1b}'));
        assert_eq!(ended.outputs["reason"].lines().count(), 1, "{}", ended.outputs["reason"]);
        let own = commands::find("bundle-size").unwrap().outputs;
        let declared: Vec<&str> = OUTPUTS.iter().chain(own).map(|output| output.name).collect();
        assert!(ended.outputs.keys().all(|key| declared.contains(&key.as_str())), "{:?}", ended.outputs);
        let own_markup = ["<details>", "</details>", "<summary>", "</summary>", "<br>", "<code>", "</code>"];
        let foreign = own_markup.iter().fold(ended.summary.clone(), |text, mark| text.replace(mark, ""));
        assert!(!foreign.contains(['<', '`']), "{foreign}");
        for table in ended.summary.split("\n\n").filter(|part| part.starts_with("| ")) {
            let bars: Vec<usize> = table.lines().map(|row| row.matches('|').count()).collect();
            assert!(bars.iter().all(|count| *count == bars[0]), "a row has the cells of its head: {table}");
        }
        if code == 1 {
            assert_eq!(
                ended.report["tables"][1]["rows"].as_array().map(Vec::len),
                Some(names.len() + 1),
                "and the total"
            );
        }
    }
}
