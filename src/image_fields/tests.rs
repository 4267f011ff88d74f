//! Files as teams have them: after an edit everything outside the value is the same, byte for byte; put back, the bytes are the
//! first ones.

mod refused;
mod table;

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{image_entry::EntryText, subject::Image};
use table::{FILES, Fixture};

const DIGEST: &str = "sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c";

fn image() -> Image {
    "ghcr.io/acme/checkout-service".parse().unwrap()
}

/// `tag=.image.tag digest=.image.digest kind=Application`
fn fields(spec: &str) -> ImageFields {
    let mut fields = ImageFields::default();
    for (key, value) in spec.split(' ').filter_map(|part| part.split_once('=')) {
        let path = || Some(value.parse().unwrap_or_else(|_| panic!("{value} is no path")));
        match key {
            "image" => fields.image = path(),
            "tag" => fields.tag = path(),
            "digest" => fields.digest = path(),
            "repository" => fields.repository = path(),
            "registry" => fields.registry = path(),
            "kind" => fields.document.kind = Some(value.to_owned()),
            "name" => fields.document.name = Some(value.to_owned()),
            other => panic!("{other}"),
        }
    }
    fields
}

fn release<'r>(tag: &'r str, digest: &'r str) -> NewRelease<'r> {
    let given = |part: &'r str| Some(part).filter(|part| !part.is_empty());
    NewRelease { tag: given(tag), digest: given(digest) }
}

fn text_of(fixture: &Fixture) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image-fields");
    std::fs::read_to_string(folder.join(fixture.file)).unwrap_or_else(|error| panic!("{}: {error}", fixture.file))
}

fn entry(text: &str, fields: &ImageFields) -> Option<EntryText> {
    read(text, fields, &image()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn only_the_value_changes_and_it_is_put_back_byte_for_byte() {
    assert!(FILES.len() > 50, "{}", FILES.len());
    for fixture in FILES {
        let Fixture { file, fields: spec, before, after } = fixture;
        let (text, fields) = (text_of(fixture), fields(spec));
        let expected = match text.matches(before).count() {
            1 => text.replacen(before, &after.replace("DIGEST", DIGEST), 1),
            count => panic!("{file} has {before:?} {count} times"),
        };
        let (edited, now) = set(&text, &fields, &image(), release("1.5.0", DIGEST), false)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(edited.text, expected, "{file}");
        let (old, new) = (entry(&text, &fields), entry(&edited.text, &fields).unwrap());
        assert_eq!(edited.previous, old.as_ref().map(|old| old.entry.clone()), "{file}");
        assert_eq!((new.entry.clone(), now.tag.as_deref()), (now.clone(), new.entry.tag.as_deref()), "{file}");
        assert!(now.tag.as_deref() == Some("1.5.0") || now.digest.as_deref() == Some(DIGEST), "{file}: {now:?}");

        let (again, _) = set(&edited.text, &fields, &image(), release("1.5.0", DIGEST), false).unwrap();
        assert_eq!((again.changed, &again.text), (false, &edited.text), "{file}");
        let restored = restore(&edited.text, &fields, &image(), &old.unwrap(), &new).unwrap();
        assert_eq!(restored.unwrap_or_else(|| panic!("{file}: not restored")).text, text, "{file}");
    }
}

/// Every ending of a line, a missing last one and a byte order mark, for every file.
#[test]
fn line_ends_and_byte_order_marks_stay() {
    for fixture in FILES {
        let (text, fields) = (text_of(fixture), fields(fixture.fields));
        if text.contains('\r') || text.starts_with('\u{feff}') {
            continue;
        }
        let set =
            |text: &str| set(text, &fields, &image(), release("1.5.0", DIGEST), false).map(|(edited, _)| edited.text);
        let plain = set(&text).unwrap();
        assert_eq!(set(&text.replace('\n', "\r\n")).unwrap(), plain.replace('\n', "\r\n"), "{}", fixture.file);
        assert_eq!(set(&format!("\u{feff}{text}")).unwrap(), format!("\u{feff}{plain}"), "{}", fixture.file);
        assert_eq!(set(text.trim_end()).unwrap(), plain.trim_end(), "{}", fixture.file);
    }
}

#[test]
fn a_value_that_a_reader_takes_for_something_else_gets_quotes() {
    for (tag, quoted) in [
        ("1.10", true),
        ("1e3", true),
        ("12e4567", true),
        ("1234567", true),
        ("0123", true),
        ("0x1F", true),
        ("1_000", true),
        ("true", true),
        ("no", true),
        ("null", true),
        ("2024-01-01", true),
        ("1.4.2", false),
        ("v1.10", false),
        ("a1b2c3d", false),
        ("20240101-3f8a1c2", false),
    ] {
        let expected = if quoted { format!("\"{tag}\"") } else { tag.to_owned() };
        let set = |text: &str| set(text, &fields("tag=.tag"), &image(), release(tag, ""), false).unwrap().0;
        assert_eq!(set("tag: old # c\n").text, format!("tag: {expected} # c\n"));
        assert_eq!(set("{tag: old}").text, format!("{{tag: {expected}}}"));
        assert_eq!(set("tag: 1.9\n").text, format!("tag: {expected}\n"), "the old value was no text");
        assert_eq!(set("tag: 'old'\n").text, format!("tag: '{tag}'\n"));
        assert_eq!(set("{\"tag\": 1}").text, format!("{{\"tag\": \"{tag}\"}}"), "JSON");
        // As written it is the wanted tag, and readers take it for something else.
        let same = set(&format!("tag: {tag}\n"));
        assert_eq!((same.changed, same.text), (quoted, format!("tag: {expected}\n")));
    }
}

#[test]
fn the_parts_that_a_file_has_are_set() {
    let old = format!("sha256:{}", "1a".repeat(32));
    let both = "tag=.t digest=.d";
    for (spec, text, tag, digest, expected) in [
        ("tag=.t", "t: a\n", "b", DIGEST, Ok("t: b\n".to_owned())),
        ("tag=.t", "t: a\n", "", DIGEST, Err("the release has no tag")),
        ("digest=.d", &format!("d: {old}\n"), "b", DIGEST, Ok(format!("d: {DIGEST}\n"))),
        ("digest=.d", &format!("d: {old}\n"), "b", "", Err("the release has no digest")),
        (both, &format!("t: a\nd: {old}\n"), "b", DIGEST, Ok(format!("t: b\nd: {DIGEST}\n"))),
        // One part alone: the other one would decide otherwise.
        (both, &format!("t: a\nd: {old}\n"), "b", "", Ok("t: b\nd: \"\"\n".to_owned())),
        (both, &format!("t: a\nd: {old}\n"), "", DIGEST, Ok(format!("t: \"\"\nd: {DIGEST}\n"))),
        (both, "t: a\nd:\n", "b", "", Ok("t: b\nd:\n".to_owned())),
        (both, "t: a\nd: ''\n", "b", "", Ok("t: b\nd: ''\n".to_owned())),
        ("tag=.t", &format!("t: a@{old}\n"), "b", DIGEST, Ok(format!("t: b@{DIGEST}\n"))),
        ("tag=.t", &format!("t: a@{old}\n"), "b", "", Ok("t: b\n".to_owned())),
        (
            "image=.i",
            "i: ghcr.io/acme/checkout-service:a\n",
            "b",
            "",
            Ok("i: ghcr.io/acme/checkout-service:b\n".to_owned()),
        ),
        ("image=.i", "i: ''\n", "b", "", Ok("i: 'ghcr.io/acme/checkout-service:b'\n".to_owned())),
        (
            "image=.i",
            &format!("i: ghcr.io/acme/checkout-service:a@{old}\n"),
            "",
            DIGEST,
            Ok(format!("i: ghcr.io/acme/checkout-service@{DIGEST}\n")),
        ),
    ] {
        let edited = set(text, &fields(spec), &image(), release(tag, digest), false);
        match (edited, expected) {
            (Ok((edited, _)), Ok(expected)) => assert_eq!(edited.text, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (edited, expected) => panic!("{text} {tag} {digest}: {edited:?}, not {expected:?}"),
        }
    }
}

#[test]
fn an_image_in_a_file_is_read_as_a_whole() {
    let reference = |spec: &str, text: &str| entry(text, &fields(spec)).map(|entry| entry.entry.reference());
    let own = |rest: &str| Some(format!("ghcr.io/acme/checkout-service{rest}"));
    assert_eq!(reference("tag=.t", "t: 1.10\n"), own(":1.10"));
    assert_eq!(reference("tag=.t digest=.d", &format!("t: a\nd: {DIGEST}\n")), own(&format!(":a@{DIGEST}")));
    assert_eq!(reference("tag=.t digest=.d", "t: a\n"), own(":a"), "no digest yet");
    assert_eq!(reference("tag=.t", "t: ~\n"), own(""));
    assert_eq!(reference("tag=.t", "u: ~\n"), None);
    assert_eq!(
        reference("image=.i", &format!("i: x=ghcr.io/acme/checkout-service@{DIGEST}\n")),
        own(&format!("@{DIGEST}"))
    );
    let short: Image = "nginx".parse().unwrap();
    let read = read("i: docker.io/library/nginx:1\n", &fields("image=.i"), &short).unwrap().unwrap();
    assert_eq!(read.entry.reference(), "nginx:1", "however it is spelled");
}

#[test]
fn a_key_that_is_missing_is_added_only_on_request() {
    for (spec, text, expected) in [
        (
            "tag=.image.tag",
            "image:\n  repository: x\n  pullPolicy: Always # c\nb: 1\n",
            "image:\n  repository: x\n  pullPolicy: Always # c\n  tag: 1.5.0\nb: 1\n",
        ),
        ("tag=.image.tag", "image:\r\n  repository: x\r\n", "image:\r\n  repository: x\r\n  tag: 1.5.0\r\n"),
        ("tag=.image.tag", "image:\n  repository: x", "image:\n  repository: x\n  tag: 1.5.0"),
        ("tag=.image.tag", "image: {repository: x}\n", "image: {repository: x, tag: 1.5.0}\n"),
        (
            "tag=.image.tag",
            "{\"image\": {\"repository\": \"x\"}}",
            "{\"image\": {\"repository\": \"x\", \"tag\": \"1.5.0\"}}",
        ),
        ("tag=.l[n=a].tag", "l:\n- n: a\n  x: [1]\n- n: b\n", "l:\n- n: a\n  tag: 1.5.0\n  x: [1]\n- n: b\n"),
        ("tag=.t digest=.d", "t: a\n", "t: 1.5.0\nd: DIGEST\n"),
    ] {
        let set = |create: bool| set(text, &fields(spec), &image(), release("1.5.0", DIGEST), create);
        let error = set(false).unwrap_err().to_string();
        assert!(error.contains("nothing is there") && error.contains("create-entry"), "{error}");
        assert_eq!(set(true).unwrap().0.text, expected.replace("DIGEST", DIGEST));
    }
    for (spec, text) in [
        ("tag=.image.tag", "b: 1\n"),
        ("tag=.image.tag", "image: {}\n"),
        ("tag=.image.tag", "image:\n  b: [1]\n"),
        ("tag=.l[n=c].tag", "l:\n- n: a\n"),
        ("tag=.l[2]", "l: [a]\n"),
        ("tag=.tag", "a: 1\n---\nb: 1\n"),
        ("tag=.values.tag", "values: |\n  a: 1\n"),
    ] {
        let error = set(text, &fields(spec), &image(), release("1.5.0", ""), true).unwrap_err();
        assert!(error.finding.next.is_some(), "{error}");
    }
}

#[test]
fn an_entry_that_was_written_differently_since_is_not_put_back() {
    let fields = fields("tag=.t");
    let entry = |text: &str| entry(text, &fields).unwrap();
    let (before, after) = (entry("t: 'a'\n"), entry("t: 'b'\n"));
    let restored = |text: &str| restore(text, &fields, &image(), &before, &after).unwrap().map(|edited| edited.text);
    assert_eq!(restored("x: 1\nt: 'b' # c\n").as_deref(), Some("x: 1\nt: 'a' # c\n"));
    assert_eq!(restored("t: \"b\"\n"), None);
    assert_eq!(restored("t: 'c'\n"), None);
    assert_eq!(restored("u: 'b'\n"), None);
    // What ran before is what these bytes say, whatever a reader takes them for.
    let (number, text) = (entry("t:   1.10\n"), entry("t:   \"1.11\"\n"));
    let back = restore("t:   \"1.11\"\n", &fields, &image(), &number, &text).unwrap().unwrap();
    assert_eq!(back.text, "t:   1.10\n");
}

/// A document of mappings, lists and texts in many styles, with a tag at a path.
fn any_document() -> impl Strategy<Value = (String, String, String)> {
    let scalar = prop_oneof![
        Just("text".to_owned()),
        Just("'it''s'".to_owned()),
        Just("\"a \\\"b\\\" # c\"".to_owned()),
        Just("1.10".to_owned()),
        Just("~".to_owned()),
        Just("[a, {b: c}, 'd']".to_owned()),
        Just("{a: [], b: {c: 1}}".to_owned()),
        Just("&x y".to_owned()),
        Just("[a,\n]".to_owned()),
        Just("{{ .Values.x }}".to_owned()),
        Just("!!str 1".to_owned()),
        "[a-zé][a-z0-9 ]{0,8}[a-z]",
    ];
    let noise = prop::collection::vec((scalar, prop::sample::select(vec!["", " # note", "   #x: y"])), 0..6);
    let value = prop_oneof![
        Just("1.4.1".to_owned()),
        Just("'1.4.1'".to_owned()),
        Just("\"v1\"".to_owned()),
        Just("1.10".to_owned()),
        Just("~".to_owned()),
        Just(String::new()),
    ];
    let steps = prop::collection::vec(0..5_u8, 1..5);
    (steps, noise, value, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(steps, noise, value, carriage_returns, comments, last_line)| {
            let (mut text, mut path, mut indent) = (String::new(), String::new(), 0);
            let mut noise = noise.into_iter().enumerate().cycle();
            let has_noise = noise.clone().next().is_some();
            let mut add_noise = |text: &mut String, indent: usize, round: usize| {
                if !has_noise {
                    return;
                }
                if let Some((index, (scalar, comment))) = noise.next() {
                    text.push_str(&format!("{}n{round}_{index}: {scalar}{comment}\n", " ".repeat(indent)));
                }
                if comments {
                    text.push_str("# tag: 1.4.1\n\n");
                }
            };
            for (round, step) in steps.iter().enumerate() {
                add_noise(&mut text, indent, round);
                let blank = " ".repeat(indent);
                match step {
                    0 | 1 => {
                        text.push_str(&format!("{blank}k{round}:\n"));
                        path.push_str(&format!(".k{round}"));
                        indent += 2 + usize::from(*step) * 2;
                    }
                    2 => {
                        text.push_str(&format!("{blank}l{round}:\n{blank}- other\n{blank}- x{round}: 1\n"));
                        path.push_str(&format!(".l{round}[1]"));
                        indent += 2;
                    }
                    3 => {
                        text.push_str(&format!("{blank}m{round}:\n{blank}  - {{name: b}}\n{blank}  -   name: a.b\n"));
                        path.push_str(&format!(".m{round}[name=a.b]"));
                        indent += 6;
                    }
                    _ => {
                        text.push_str(&format!("{blank}\"q {round}\" :   # here\n"));
                        path.push_str(&format!("[\"q {round}\"]"));
                        indent += 1;
                    }
                }
            }
            add_noise(&mut text, indent, 90);
            text.push_str(&format!("{}tag: {value}\n", " ".repeat(indent)));
            add_noise(&mut text, indent, 91);
            if carriage_returns {
                text = text.replace('\n', "\r\n");
            }
            if !last_line {
                text.truncate(text.trim_end().len());
            }
            (text, format!("{path}.tag"), value)
        },
    )
}

proptest! {
    /// Any document, any path: the lines that are not the value's stay as they are, and the value is put back.
    #[test]
    fn any_value_of_any_document_is_edited_alone((text, path, old) in any_document(), tag in "[0-9A-Za-z_][0-9A-Za-z_.-]{0,10}") {
        let fields = ImageFields { tag: Some(path.parse().unwrap()), ..ImageFields::default() };
        let edited = set(&text, &fields, &image(), release(&tag, ""), false);
        let (edited, entry_now) = edited.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(entry_now.tag.as_deref(), Some(tag.as_str()));
        let differing: Vec<(&str, &str)> =
            text.split('\n').zip(edited.text.split('\n')).filter(|(before, after)| before != after).collect();
        prop_assert_eq!(text.split('\n').count(), edited.text.split('\n').count());
        prop_assert!(differing.len() <= 1, "{:?}", differing);
        if let Some((before, after)) = differing.first() {
            prop_assert!(before.trim_start().starts_with("tag:") && before.contains(&old) && after.contains(&tag));
        }
        let (old, new) = (entry(&text, &fields).unwrap(), entry(&edited.text, &fields).unwrap());
        let restored = restore(&edited.text, &fields, &image(), &old, &new).unwrap();
        prop_assert_eq!(restored.map(|edited| edited.text), Some(text));
    }

    /// A damaged file is edited, or ends in an error with what to do; never in a panic.
    #[test]
    fn damaged_files_never_panic(fixture in 0..FILES.len(), at in any::<prop::sample::Index>(), with in "[-:,?&*!|>'\"{}\\[\\]# \t\r\n~a<é]{0,3}", cut in 0..4_usize) {
        let (text, fields) = (text_of(&FILES[fixture]), fields(FILES[fixture].fields));
        let text: Vec<char> = text.chars().collect();
        let at = at.index(text.len());
        let damaged: String = text[..at].iter().copied().chain(with.chars()).chain(text[(at + cut).min(text.len())..].iter().copied()).collect();
        match set(&damaged, &fields, &image(), release("1.5.0", DIGEST), true) {
            Ok((edited, _)) => prop_assert!(!set(&edited.text, &fields, &image(), release("1.5.0", DIGEST), true).unwrap().0.changed),
            Err(error) => prop_assert!(!error.finding.expected.is_empty(), "{}\n{}", error, damaged),
        }
    }
}
