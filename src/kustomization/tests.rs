use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::yaml::tree::MAX_CHANGES;

const DIGEST: &str = "sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kustomizations")
}

/// Every file in `tests/kustomizations`, by name.
static FIXTURES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut fixtures: Vec<(String, String)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    fixtures.sort();
    assert!(fixtures.len() > 30, "{}", fixtures.len());
    fixtures
});

fn change(name: &str, new_name: &str, tag: &str, digest: &str) -> ImageChange {
    let given = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
    ImageChange { name: name.to_owned(), new_name: given(new_name), tag: given(tag), digest: given(digest) }
}

/// The lines that differ, between the ones that do not.
fn difference(before: &str, after: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let shown = |sign: char, lines: &[&str]| -> String {
        let shown = |line: &&str| match line.strip_suffix('\n') {
            Some(line) => format!("{sign}{}\n", line.replace('\r', "<CR>")),
            None => format!("{sign}{line}<no line break>\n"),
        };
        lines.iter().map(shown).collect()
    };
    shown('-', &old[head..old.len() - tail]) + &shown('+', &new[head..new.len() - tail])
}

#[test]
fn a_comment_behind_a_quoted_value_stays() {
    for (before, after) in [
        ("newTag: \"1.4.1\" # keep", "newTag: \"1.5.0\" # keep"),
        ("newTag: '1.4.1'   # it''s \"kept\"", "newTag: '1.5.0'   # it''s \"kept\""),
        ("newTag: \"a\\\"b\" # keep", "newTag: \"1.5.0\" # keep"),
        ("newTag: 'a''b' # keep", "newTag: '1.5.0' # keep"),
    ] {
        let file = |line: &str| format!("images:\n- name: app # the app\n  {line}\n");
        let edited = set_image(&file(before), &change("app", "", "1.5.0", "")).unwrap();
        assert_eq!(edited.text, file(after));
    }
}

#[test]
fn only_the_image_entry_changes() {
    let moved = "ghcr.io/acme/checkout-service";
    for (style, text) in &*FIXTURES {
        let mut shown = String::new();
        for (title, change) in [
            ("tag", change("checkout-service", moved, "v1.5.0", "")),
            ("tag and digest", change("checkout-service", moved, "1.10", DIGEST)),
            ("digest alone", change("checkout-service", moved, "", DIGEST)),
            ("tag alone, name as it is", change("checkout-service", "", "v1.5.0", "")),
            ("new name as the name", change("localhost:5000/checkout", "localhost:5000/checkout", "v1.5.0", "")),
            ("a new image", change("nginx", "registry.example/nginx", "2024-01-01", DIGEST)),
        ] {
            let edited = set_image(text, &change).unwrap().text;
            shown.extend([title, "\n", &difference(text, &edited), "\n"]);
        }
        insta::with_settings!({ snapshot_path => folder().join("edits"), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(style.as_str(), shown);
        });
    }
}

#[test]
fn an_image_that_is_already_set_changes_nothing() {
    let text = "images:\n- {name: app, newName: '', newTag: v1, digest: ~}\n";
    for new_name in ["", "app"] {
        let edited = set_image(text, &change("app", new_name, "v1", "")).unwrap();
        assert_eq!((edited.changed, edited.text.as_str()), (false, text));
        assert_eq!(edited.previous.unwrap().reference(), "app:v1");
    }
}

#[test]
fn a_tag_that_kustomize_cannot_read_is_quoted() {
    for plain in ["1.10", "on", "1_000", "0x1F"] {
        let edited =
            set_image(&format!("images:\n- name: app\n  newTag: {plain}\n"), &change("app", "", plain, "")).unwrap();
        assert_eq!((edited.changed, edited.text), (true, format!("images:\n- name: app\n  newTag: \"{plain}\"\n")));
    }
}

#[test]
fn an_entry_is_read_as_kustomize_reads_it() {
    let entry = |text: &str, name: &str| image(text, name).unwrap().map(|entry| entry.reference());
    let text = "images:\n- name: app\n  newName: ghcr.io/app\n  newTag: '1.10'\n  digest: sha256:0a\n- {NAME: db, newtag: null}\n- newTag: v1\n";
    assert_eq!(entry(text, "app").as_deref(), Some("ghcr.io/app:1.10@sha256:0a"));
    assert_eq!(entry(text, "db").as_deref(), Some("db"));
    assert_eq!(entry(text, "ap"), None);
    assert_eq!(entry("images: []", "app"), None);
    assert_eq!(entry("resources: []", "app"), None);
    let read = image(text, "app").unwrap().unwrap();
    assert_eq!((read.new_name.as_deref(), read.tag.as_deref()), (Some("ghcr.io/app"), Some("1.10")));
}

#[test]
fn ambiguous_files_are_refused_with_the_position() {
    let message = |text: &str| set_image(text, &change("app", "", "v2", "")).unwrap_err().to_string();
    let files = [
        "\u{feff}resources: []\n",
        "images:\n- name: app # a\u{2028}b\n",
        "resources: []\rimages: []\n",
        "",
        "# nothing\n",
        "- name: app\n",
        "text\n",
        "a: b\n---\nc: d\n",
        "images: [\n",
        "images:\n\t- name: app\n",
        "resources: []\nimages: []\nresources: []\n",
        "images: []\nImages: []\n",
        "images:\n- name: app\n  newTag: v1\n  newtag: v2\n",
        "configMapGenerator:\n- name: a\n  name: b\n",
        "kind: Deployment\n",
        "imageTags:\n- name: app\n",
        "images: {name: app}\n",
        "images: app\n",
        "images:\n- app\n",
        "images:\n- name: app\n-\n",
        "images: [name: app]\n",
        "images:\n- name: app\n  tag: v1\n",
        "images:\n- name: app\n  newTag: [v1]\n",
        "images:\n- name: app\n  newTag: |\n    v1\n",
        "images:\n- name: app\n- name: db\n- name: app\n",
        "images:\n- &app\n  name: app\n",
        "images:\n- name: app\n  newTag: &tag v1\n",
        "x: &tag v1\nimages:\n- name: app\n  newTag: *tag\n",
        "x: &x [{name: app}]\nimages: *x\n",
        "x: &x {newTag: v1}\nimages:\n- <<: *x\n  name: app\n",
        "x: &x {images: []}\n<<: *x\n",
        "images:\n- name: app\n  newTag: !!str v1\n",
        "? images\n: - name: app\n",
        "images:\n- ? name\n  : app\n",
        "patches:\n- patch: |\n    text",
        "images: [{name: app, newTag: v1, # ours\n  newName: b}]\n",
    ];
    let shown: String =
        files.iter().flat_map(|text| [format!("{text:?}\n"), format!("  {}\n", message(text))]).collect();
    let deep = message(&format!("x: {}1{}\n", "[".repeat(200), "]".repeat(200)));
    insta::with_settings!({ snapshot_path => folder().join("refused"), prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("refused", shown + &format!("200 brackets\n  {deep}\n"));
    });
}

#[test]
fn values_that_no_image_has_are_refused() {
    for (wrong, value) in [
        (change("app", "", "v1\n- name: x", ""), "\"v1\\n- name: x\""),
        (change("app", "a b", "", ""), "\"a b\""),
        (change("app", "", "v1", "sha256:\"0a"), "\"sha256:\\\"0a\""),
        (change("", "", "v1", ""), "\"\""),
        (change("ünï", "", "v1", ""), "\"ünï\""),
        (change("app", "", "*", ""), "\"*\""),
        (ImageChange { tag: Some(String::new()), ..change("app", "", "", "") }, "\"\""),
        (change("app", "", "", ""), "neither new name nor tag nor digest"),
    ] {
        let message = set_image("images: []\n", &wrong).unwrap_err().to_string();
        assert!(message.contains(value), "{message}");
    }
}

#[test]
fn a_name_with_quotes_and_backslashes_is_read_back_unchanged() {
    for quoted in ["'a'", "\"a\"", "a"] {
        let text = format!("images:\n- name: {quoted}\n");
        let name = r#"(.*)/"app"\d's"#;
        let edited = set_image(&text, &change(name, "b", "v1", "")).unwrap();
        assert_eq!(image(&edited.text, name).unwrap().unwrap().reference(), "b:v1", "{}", edited.text);
    }
}

#[test]
fn comments_around_removed_keys_stay() {
    for (before, after) in [
        ("-\n    digest: x\n  # a\n    name: app\n", "-\n  # a\n    name: app\n    newTag: v1\n"),
        ("- digest: x\n  # a\n  name: app\n", "-\n  # a\n  name: app\n  newTag: v1\n"),
        ("- tagSuffix: x\n  digest: x # a\n  # b\n  name: app # c\n", "-\n  # b\n  name: app # c\n  newTag: v1\n"),
        ("- name: app\n  # a\n  digest:\n    # b\n    x\n  # c\n", "- name: app\n  newTag: v1\n  # a\n  # c\n"),
        (
            "- {\n  name: app, newTag: v1,\n  # a\n  digest: x # b\n  # c\n}\n",
            "- {\n  name: app, newTag: v1,\n  # a\n  # c\n}\n",
        ),
    ] {
        let edited = set_image(&format!("images:\n{before}"), &change("app", "", "v1", "")).unwrap();
        assert_eq!(edited.text, format!("images:\n{after}"));
    }
}

#[test]
fn an_empty_list_is_filled_in_place() {
    for (before, after) in [
        ("images: [ ] # a\n", "images: # a\n- name: app\n  newTag: v1\n"),
        ("images: [ # a\n ]\n", "images: [{name: app, newTag: v1} # a\n ]\n"),
        ("images: null\nx: 1\n", "images:\n- name: app\n  newTag: v1\nx: 1\n"),
        ("images:\n  ~ # a\n", "images:\n   # a\n- name: app\n  newTag: v1\n"),
        ("{images}", "{images: [{name: app, newTag: v1}]}"),
        ("{images: , x: 1}", "{images: [{name: app, newTag: v1}] , x: 1}"),
        ("{x: 1, \"images\": []}", "{x: 1, \"images\": [{\"name\": \"app\", \"newTag\": \"v1\"}]}"),
        ("{}", "{images: [{name: app, newTag: v1}]}"),
        ("  x: 1", "  x: 1\n  images:\n  - name: app\n    newTag: v1"),
    ] {
        assert_eq!(set_image(before, &change("app", "", "v1", "")).unwrap().text, after);
    }
}

#[test]
fn the_dash_style_of_complex_keys_is_not_copied() {
    let edited = set_image("? resources\n:  - a\n", &change("app", "", "v1", "")).unwrap();
    assert_eq!(edited.text, "? resources\n:  - a\nimages:\n- name: app\n  newTag: v1\n");
}

#[test]
fn a_finding_names_the_file_and_the_position() {
    let error = set_image("kind: Pod\n", &change("app", "", "v2", "")).unwrap_err();
    let finding = error.to_finding("apps/a/overlays/b/kustomization.yaml");
    assert_eq!(finding.check, "kind (apps/a/overlays/b/kustomization.yaml:1:7)");
}

#[test]
fn a_tab_behind_a_colon_is_read_and_kept() {
    let text = "images:\n- name:\tapp\n  newTag:\tv1 # now\n";
    let edited = set_image(text, &change("app", "", "v2", "")).unwrap();
    assert_eq!(edited.text, text.replace("v1", "v2"));
    assert_eq!(edited.previous.unwrap().tag.as_deref(), Some("v1"));
}

/// The parser accepts a tab before a value that starts with `?`. It reads a limited number of other tabs.
#[test]
fn an_edit_after_which_the_file_could_not_be_read_is_refused() {
    let tabs: String = (0..MAX_CHANGES).map(|at| format!("k{at}:\tx\n")).collect();
    let text = format!("{tabs}images:\n- digest:\t?old\n  name: app\n");
    let error = set_image(&text, &change("app", "", "", DIGEST)).unwrap_err();
    let (actual, next) = (&error.finding.actual, error.finding.next.as_deref().unwrap_or_default());
    assert!(actual.starts_with("the file would not be readable any more"), "{actual}");
    assert!(actual.contains("use spaces instead of the tab") && next.starts_with("set the image by hand"), "{actual}");
}

fn any_change() -> impl Strategy<Value = ImageChange> {
    let name =
        prop::sample::select(vec!["checkout-service", "localhost:5000/checkout", "redis", "nginx", "a.b/c_d", "1.5"]);
    let part = |values: &'static [&'static str]| prop::sample::select(values.to_vec());
    let new = part(&["", "ghcr.io/a/b", "localhost:5000/checkout", "redis", "1.5", "null"]);
    let tag = prop_oneof![
        part(&["", "v1", "1.10", "0123", "1e3", "true", "null", "2024-01-01", "0x1F", "1_000", "on", "1.4.2", "NaN"])
            .prop_map(str::to_owned),
        "[0-9A-Za-z_][0-9A-Za-z_.-]{0,10}",
    ];
    let digest = part(&["", "sha256:0a", DIGEST]);
    (name, new, tag, digest)
        .prop_map(|(name, new, tag, digest)| change(name, new, &tag, digest))
        .prop_filter("says something", |change| {
            change.new_name.is_some() || change.tag.is_some() || change.digest.is_some()
        })
}

proptest! {
    /// Any changes in a row on any fixture: each reads back as set, and setting it again changes nothing.
    #[test]
    fn a_set_image_reads_back_and_setting_it_again_changes_nothing(fixture in 0..FIXTURES.len(), changes in prop::collection::vec(any_change(), 1..5)) {
        let mut text = FIXTURES[fixture].1.clone();
        for change in changes {
            let edited = set_image(&text, &change);
            // Comments in braces next to a key that has to go are a reason to refuse; nothing else is.
            let edited = match edited {
                Err(error) if error.finding.actual.starts_with("a comment beside") => continue,
                edited => edited.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?,
            };
            let read = image(&edited.text, &change.name).unwrap().unwrap();
            prop_assert_eq!(&read.tag, &change.tag);
            prop_assert_eq!(&read.digest, &change.digest);
            prop_assert_eq!(read.new_name.as_ref().unwrap_or(&read.name), change.new_name.as_ref().unwrap_or(&change.name));
            let again = set_image(&edited.text, &change).unwrap();
            prop_assert!(!again.changed);
            prop_assert_eq!(&again.text, &edited.text);
            prop_assert_eq!(again.previous, Some(read));
            text = edited.text;
        }
    }

    /// A damaged file is edited, or ends in an error that says what is accepted; never in a panic. Where the parser accepts what other
    /// parsers refuse, only the comparison after the edit may notice.
    #[test]
    fn damaged_files_never_panic(fixture in 0..FIXTURES.len(), at in any::<prop::sample::Index>(), with in "[-:,?&*!|>'\"{}\\[\\]# \t\r\n~a<é]{0,3}", cut in 0..4_usize, change in any_change()) {
        let text: Vec<char> = FIXTURES[fixture].1.chars().collect();
        let at = at.index(text.len());
        let damaged: String = text[..at].iter().copied().chain(with.chars()).chain(text[(at + cut).min(text.len())..].iter().copied()).collect();
        match set_image(&damaged, &change) {
            Ok(edited) => prop_assert!(!set_image(&edited.text, &change).unwrap().changed),
            Err(error) => prop_assert!(!error.finding.expected.is_empty(), "{}\n{}", error, damaged),
        }
    }
}
