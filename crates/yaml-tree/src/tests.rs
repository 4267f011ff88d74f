use super::*;

fn root(text: &str) -> SpannedNode {
    read_document(text, 10).unwrap().unwrap().root
}

/// What the ranges of all nodes cover, in the order of their ends.
fn covered<'t>(text: &'t str, node: &SpannedNode, found: &mut Vec<&'t str>) {
    match &node.content {
        Content::Scalar { .. } | Content::Alias(_) => {}
        Content::List { items, .. } => items.iter().for_each(|item| covered(text, item, found)),
        Content::Map { pairs, .. } => {
            for SpannedPair { key, value } in pairs {
                covered(text, key, found);
                covered(text, value, found);
            }
        }
    }
    found.push(&text[node.start..node.end]);
}

#[test]
fn ranges_are_bytes_in_every_script() {
    for name in ["team", "команда", "チーム", "👩‍🚀"] {
        let text = format!(
            "# {name}\n{name}: [{name} , '{name}''s'] # {name}\nb:\n  - \"{name}\\\"\" # {name}\n  - {name}\n\nc:\n"
        );
        let mut found = Vec::new();
        covered(&text, &root(&text), &mut found);
        let (flow, block) = (format!("[{name} , '{name}''s']"), format!("\"{name}\\\"\" # {name}\n  - {name}"));
        let (single, double) = (format!("'{name}''s'"), format!("\"{name}\\\"\""));
        let whole = &text[text.find('\n').unwrap() + 1..text.len() - 1];
        let expected = [name, name, &single, &flow, "b", &double, name, &format!("- {block}"), "c", "", whole];
        assert_eq!(found, expected);
    }
}

#[test]
fn a_missing_value_is_behind_its_colon() {
    for (text, at) in [("é:", 3), ("é :\n", 4), ("{é: , b: 1}", 4), ("{é, b: 1}", 3), ("? é\n", 4)] {
        let Content::Map { pairs, .. } = root(text).content else { panic!("a mapping") };
        let value = &pairs[0].value;
        assert_eq!((value.kind(), value.start, value.end), ("nothing", at, at), "{text}");
    }
    let Content::Map { pairs, .. } = root("é: !t\nb: \"\"\n").content else { panic!("a mapping") };
    assert_eq!(pairs.iter().map(|pair| pair.value.kind()).collect::<Vec<_>>(), ["nothing", "a single value"]);
    assert!((pairs[0].value.start, pairs[1].value.start) == (4, 10));
}

#[test]
fn collections_keep_their_own_nodes() {
    let text = "a: {b: [c, {d: e}], f: []}\ng:\n  - - h\n    - i: j\n      k: l\n  - {}\n";
    let mut found = Vec::new();
    covered(text, &root(text), &mut found);
    assert_eq!(
        found,
        [
            "a",
            "b",
            "c",
            "d",
            "e",
            "{d: e}",
            "[c, {d: e}]",
            "f",
            "[]",
            "{b: [c, {d: e}], f: []}",
            "g",
            "h",
            "i",
            "j",
            "k",
            "l",
            "i: j\n      k: l",
            "- h\n    - i: j\n      k: l",
            "{}",
            "- - h\n    - i: j\n      k: l\n  - {}",
            text.trim_end(),
        ]
    );
}

/// The parser's spans go beyond these ends, and back.
#[test]
fn an_end_is_behind_the_last_character() {
    for (text, nodes) in [
        ("{b: {é}}", &["b", "é", "", "{é}", "{b: {é}}"][..]),
        ("[{é}, {é,}]", &["é", "", "{é}", "é", "", "{é,}", "[{é}, {é,}]"]),
        ("b: |\n  é\n\n\n# é\nc: é # é\n", &["b", "é", "c", "é", "b: |\n  é\n\n\n# é\nc: é"]),
        ("- &é é \n- *é \n- !t\n", &["é", "*é", "!t", "- &é é \n- *é \n- !t"]),
    ] {
        let mut found = Vec::new();
        covered(text, &root(text), &mut found);
        assert_eq!(found, nodes, "{text}");
    }
}

#[test]
fn a_scalar_starts_behind_its_anchor_and_its_tag() {
    for (text, value) in
        [("a: &é !t é # c", "é"), ("a: !t\n  'é'", "'é'"), ("a: &é \"!é\"", "\"!é\""), ("a: \"&é\"", "\"&é\"")]
    {
        let mut found = Vec::new();
        covered(text, &root(text), &mut found);
        assert_eq!(found[1], value, "{text}");
    }
}

/// Lines that are no deeper than the key before them, within brackets and quotes, have their own ranges and positions.
#[test]
fn lines_in_brackets_and_quotes_may_be_as_far_left_as_their_key() {
    let text = "é:\n  a: [\n  é, b\n  ]\n  c: {\n'é': \"d\n é\", # ]\n  }\n  e: 'f\n\ng'\nh: é\n";
    let tree = root(text);
    let mut found = Vec::new();
    covered(text, &tree, &mut found);
    let list = "[\n  é, b\n  ]";
    let mapping = "{\n'é': \"d\n é\", # ]\n  }";
    assert_eq!(found[..6], ["é", "a", "é", "b", list, "c"]);
    assert_eq!(found[6..12], ["'é'", "\"d\n é\"", mapping, "e", "'f\n\ng'", &text[6..text.len() - 7]]);
    let Content::Map { pairs, .. } = &tree.content else { panic!("a mapping") };
    assert_eq!(pairs[1].key.position, Position { line: 12, column: 1 });
    let Content::Map { pairs, .. } = &pairs[0].value.content else { panic!("a mapping") };
    let Content::List { items, .. } = &pairs[0].value.content else { panic!("a list") };
    assert_eq!(items[1].position, Position { line: 3, column: 6 });
    assert_eq!(pairs[2].value.scalar(), Some(("f\ng", Quoting::Single)));
}

/// A deep line and many short ones stay a text of their own size.
#[test]
fn a_text_that_would_become_too_long_is_refused() {
    let deep = format!("q:\n{}k: 1\n", "  ".repeat(5_000));
    let text = |lines: usize| format!("{deep}r:\n  j: \"x\n{}\"\n", "a\n".repeat(lines));
    assert!(read_document(&text(20), 10).is_ok());
    assert!(matches!(read_document(&text(100_000), 10).unwrap_err().kind, YamlErrorKind::Syntax(_)));
}

#[test]
fn a_key_that_is_there_twice_is_kept_on_request() {
    let documents = read_documents_with_duplicates("a: 1\na: 2\n", 10).unwrap();
    assert!(matches!(&documents[0].root.content, Content::Map { pairs, .. } if pairs.len() == 2));
}

#[test]
fn documents_end_where_the_next_one_starts() {
    let text = "é: 1\n---\nb: 2\n...\n# é\n---\nc: 3\n";
    let documents = read_documents(text, 10).unwrap();
    let parts: Vec<_> = documents.iter().map(|document| &text[document.root.start..document.end]).collect();
    assert_eq!(parts, ["é: 1\n", "b: 2\n", "c: 3\n"]);
    assert!(read_documents("# é\n", 10).unwrap().is_empty());
}

#[test]
fn what_is_refused_has_a_kind_and_a_position() {
    let refused = |text: &str| {
        let YamlError { position, kind } = read_document(text, 2).unwrap_err();
        (position.line, position.column, kind)
    };
    assert_eq!(refused("é: 1\n--- 2"), (2, 1, YamlErrorKind::SecondDocument));
    assert_eq!(refused("é: [[1]]"), (1, 5, YamlErrorKind::TooDeep(2)));
    assert!(read_document("é: [1]", 2).is_ok());
    let first = Position { line: 1, column: 2 };
    let twice = |key: &str, first| YamlErrorKind::DuplicateKey { key: key.to_owned(), first };
    assert_eq!(refused("{é: 1, é: 2}"), (1, 8, twice("é", first)));
    let many: String = (0..100).map(|key| format!("k{key}: 1\n")).collect();
    assert_eq!(refused(&format!("{many}k7: 2\n")), (101, 1, twice("k7", Position { line: 8, column: 1 })));
    assert!(matches!(refused("é: \"").2, YamlErrorKind::Syntax(_)));
}

#[test]
fn a_byte_has_a_line_and_a_column_in_characters() {
    for (text, offset, at) in [("", 0, (1, 1)), ("éa", 2, (1, 2)), ("a\né\r\nb", 4, (2, 2)), ("a\né\r\nb", 6, (3, 1))]
    {
        let Position { line, column } = Position::of(text, offset);
        assert_eq!((line, column), at, "{text:?} {offset}");
    }
}
