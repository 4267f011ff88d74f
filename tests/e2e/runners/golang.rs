//! gotestsum.

use crate::{Story, play};

const MODULE: (&str, &str) = ("go.mod", "module shop\n\ngo 1.21\n");

#[test]
fn gotestsum() {
    let test = |body: &str| format!("package shop\n\nimport \"testing\"\n\n{body}\n");
    let passes = test("func TestLogin(t *testing.T) {}\nfunc TestPay(t *testing.T) {}");
    let fails = test("func TestPay(t *testing.T) { t.Fatal(\"got 500\") }\nfunc TestOk(t *testing.T) {}");
    let skips = test("func TestPay(t *testing.T) { t.Skip(\"later\") }\nfunc TestOk(t *testing.T) {}");
    let nested = test("func TestShop(t *testing.T) { t.Run(\"pays\", func(t *testing.T) { t.Error(\"got 500\") }) }");
    let panics = test("func TestPay(t *testing.T) { panic(\"boom\") }");
    let broken = test("func TestPay(t *testing.T) { return 1 }");
    let flaky = "package shop\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestPay(t *testing.T) {\n\
                 \tif _, err := os.Stat(\"again\"); err != nil {\n\t\tos.WriteFile(\"again\", nil, 0o600)\n\t\tt.Fatal(\"first\")\n\t}\n}\n";
    for (name, text, verdict, says) in [
        ("passes", passes.as_str(), "passed", &["tests: 2 ran, none failed"][..]),
        ("fails", &fails, "blocked", &["a_test.go:5: got 500"]),
        ("skips", &skips, "passed", &["tests: 1 ran, none failed, 1 skipped"]),
        ("nested", &nested, "blocked", &["TestShop/pays"]),
        ("panics", &panics, "blocked", &["panic: boom"]),
        ("broken", &broken, "blocked", &["exit code "]),
        ("flaky", flaky, "passed", &["tests: "]),
        ("no tests", "package shop\n", "inconclusive", &["tests: none ran"]),
    ] {
        let files = [MODULE, ("a_test.go", text)];
        play(
            "gotestsum",
            // Each step has a home folder of its own, in which Go would compile its standard library.
            "GOCACHE=\"$RUNNERS/go-build\" \"$RUNNERS/bin/gotestsum\" --junitfile r.xml --rerun-fails=2 --packages ./... -- -count=1",
            "r.xml",
            &[Story { name, files: &files, verdict, says }],
        );
    }
}
