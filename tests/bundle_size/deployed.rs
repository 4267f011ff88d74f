//! The deployed bundle, measured for `evidence`; growth since a tag; brotli with kept sizes.

use std::fs;

use serde_json::{Value, json};

use super::{BASELINE, assert_end, assert_log_contains, noise, read, step};
use crate::{house::Runner, shop::git};

#[test]
fn the_sizes_of_a_deployed_bundle_are_measured_and_not_judged() {
    let runner = Runner::new();
    runner.write("dist/app.js", noise(100_000));
    runner.write("dist/admin/app.js", noise(40_000));
    runner.write(".github/promote-gates.yml", "bundle-size:\n  groups: admin dist/admin\n  base-command: 'false'\n");
    let ended = step(&runner, &["--baseline-from=promotion"]);
    assert_end(&ended, 0, "passed");
    let sizes = &ended.outputs["sizes"];
    let parts: Vec<&str> = sizes.split("; ").collect();
    assert!(parts[0].ends_with(" gzip, 140000 raw"), "{sizes}");
    assert!(parts[1].starts_with("admin: ") && parts[1].ends_with(" gzip, 40000 raw"), "{sizes}");
    assert!(parts[2].starts_with("by gzip 8 zlib-rs "), "{sizes}");
    let compact: Value = serde_json::from_str(&ended.outputs["report"]).expect("JSON");
    // A reader that does not know the field must not count the report.
    assert_eq!((&compact["schema"], &compact["judged-by"]), (&json!(2), &json!("evidence")));
    assert_eq!(compact["outputs"]["sizes"], **sizes);
    assert!(read(&runner, BASELINE).is_none());
    assert_end(&step(&runner, &["--baseline-from=promotion", "--max-size=100kB"]), 1, "blocked");
    fs::remove_dir_all(runner.workspace().join("dist")).expect("removed");
    runner.write("dist/photo.png", noise(10));
    assert_end(&step(&runner, &["--baseline-from=promotion"]), 3, "inconclusive");
}

#[test]
fn a_run_with_a_gate_that_only_measured_is_not_judged_either() {
    let runner = Runner::new();
    runner.write("dist/app.js", noise(1000));
    let config = "gates:\n  - bundle-size: { path: dist, baseline-from: promotion }\n";
    runner.write(".github/promote-gates.yml", config);
    let ended = runner.run(&["run"]);
    assert_end(&ended, 0, "passed");
    let compact: Value = serde_json::from_str(&ended.outputs["report"]).expect("JSON");
    assert_eq!((&compact["schema"], &compact["judged-by"]), (&json!(2), &json!("evidence")));
    assert!(compact["reports"][0]["outputs"]["sizes"].is_string(), "{compact}");
}

#[test]
fn many_small_growths_are_limited_since_a_tag() {
    let runner = Runner::new();
    let here = runner.workspace().clone();
    git(&here, &["init", "-q", "-b", "main"]);
    runner.write("dist/app.js", noise(100_000));
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    git(&here, &["add", BASELINE]);
    git(&here, &["commit", "-qm", "first"]);
    git(&here, &["tag", "v1.0.0"]);
    let mut before = 100_000;
    for (bytes, code, verdict) in [(104_900, 0, "passed"), (109_900, 0, "passed"), (112_000, 1, "blocked")] {
        runner.write("dist/app.js", noise(before));
        fs::remove_file(here.join(BASELINE)).expect("removed");
        assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
        runner.write("dist/app.js", noise(bytes));
        let flags = ["--drift-from=v1.0.0", "--max-drift=10%", "--explanation=the new editor needs all of it"];
        let ended = step(&runner, &flags);
        assert_end(&ended, code, verdict);
        before = bytes;
    }
    let ended = step(&runner, &["--drift-from=v1.0.0", "--max-drift=10%"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["since v1.0.0", "+12 %", "name a newer tag"]);
    // A change that does not make it larger is not to blame.
    fs::remove_file(here.join(BASELINE)).expect("removed");
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
    let ended = step(&runner, &["--drift-from=v1.0.0", "--max-drift=10%"]);
    assert_end(&ended, 0, "passed");
    assert_log_contains(&ended, &["this change does not grow the bundle"]);
    let ended = step(&runner, &["--drift-from=v9"]);
    assert_end(&ended, 3, "inconclusive");
    let ended = step(&runner, &["--drift-from=-x"]);
    assert_eq!(ended.code, 2, "{}", ended.log);
}

#[test]
fn brotli_sizes_are_compared_and_kept() {
    let runner = Runner::new();
    runner.write("dist/app.js", "const words = ['a', 'b'];\n".repeat(200));
    let flags = ["--compression=brotli", "--cache-folder=.sizes"];
    assert_end(&step(&runner, &[&flags[..], &["--allow-first"]].concat()), 0, "passed");
    let baseline: Value = serde_json::from_str(&read(&runner, BASELINE).expect("a baseline")).expect("JSON");
    assert_eq!((&baseline["algorithm"], &baseline["level"]), (&json!("brotli"), &json!(11)));
    assert!(baseline["total"]["brotli"].as_u64().is_some_and(|bytes| bytes < 60), "{baseline}");
    let kept = read(&runner, ".sizes/bundle-size.sizes").expect("kept sizes");
    assert_eq!(kept.lines().count(), 1);
    let ended = step(&runner, &flags);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.outputs["size"], baseline["total"]["brotli"].to_string());
    // A damaged line is computed again, unless the committed baseline has the content.
    let flags = [&flags[..], &["--baseline-from=file"]].concat();
    let size = baseline["total"]["brotli"].to_string();
    runner.write(".sizes/bundle-size.sizes", kept.replace(&format!(" {size} "), " 1 "));
    assert_eq!(step(&runner, &flags).outputs["size"], size);
    assert_eq!(read(&runner, ".sizes/bundle-size.sizes").as_deref(), Some(kept.as_str()));
    // Gzip sizes are others.
    assert_end(&step(&runner, &[]), 3, "inconclusive");
}
