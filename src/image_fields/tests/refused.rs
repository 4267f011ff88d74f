//! What cannot be edited safely is refused, with line and column.

use std::path::Path;

use super::{fields, image, release};
use crate::{
    image_fields::{read, set},
    yaml::tree::MAX_CHANGES,
};

/// The message, without the file's name.
fn message(spec: &str, text: &str) -> String {
    match set(text, &fields(spec), &image(), release("1.5.0", ""), false) {
        Err(error) => error.to_string(),
        Ok((edited, _)) => panic!("{text:?} is edited to {:?}", edited.text),
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_the_position() {
    let own = "ghcr.io/acme/checkout-service";
    let image_path = "image=.spec.containers[name=app].image";
    let cases: &[(&str, String)] = &[
        // Anchors, aliases, merge keys, tags.
        ("tag=.image.tag", "image:\n  tag: &tag 1.4.1\nother: *tag\n".to_owned()),
        ("tag=.image.tag", "x: &tag 1.4.1\nimage:\n  tag: *tag\n".to_owned()),
        ("tag=.image.tag", "image: &image\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "x: &x {tag: 1.4.1}\nimage: *x\n".to_owned()),
        ("tag=.image.tag", "x: &x {tag: 1.4.1}\nimage:\n  <<: *x\n".to_owned()),
        ("tag=.image.tag", "x: &x {tag: 1.4.1}\nimage:\n  tag: 1.4.1\n  <<: *x\n".to_owned()),
        ("tag=.image.tag", "x: &x {tag: 1.4.1}\nimage: {tag: 1.4.1}\n<<: *x\n".to_owned()),
        ("tag=.image.tag", "x: &key image\n*key : {tag: 1.4.1}\nimage: {tag: 1.4.1}\n".to_owned()),
        ("tag=.image.tag", "!!binary image:\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image: !chart\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n  tag: !!binary MS40LjE=\n".to_owned()),
        (image_path, format!("x: &x {{name: app}}\nspec:\n  containers:\n  - *x\n  - name: app\n    image: {own}:1\n")),
        (image_path, format!("x: &x {{name: app}}\nspec:\n  containers:\n  - <<: *x\n    image: {own}:1\n")),
        // Block scalars.
        ("tag=.image.tag", "image:\n  tag: |\n    1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n  tag: >-\n    1.4.1\n".to_owned()),
        ("tag=.values.image.tag", "values: >\n  image:\n\n  tag: 1\n".to_owned()),
        ("tag=.values.tag", "values: |\n  a: &x 1\n  tag: *x\n".to_owned()),
        ("tag=.values.tag", "values: |\n  tag: 1\n  ---\n  tag: 2\n".to_owned()),
        ("tag=.values.inner.tag", "values: |\n  inner: |\n    tag: 1\n".to_owned()),
        ("tag=.values.tag", "a: 1\nvalues: |\n\n  # c\n  tag: [1\n".to_owned()),
        // Templates.
        ("tag=.image.tag", "image:\n  tag: \"{{ .Values.tag }}\"\n".to_owned()),
        ("tag=.image.tag", "image:\n  tag: {{ .Values.tag }}\n".to_owned()),
        ("tag=.image.tag", "{{ .Values.key }}: {}\nimage:\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n  {{ .Values.key }}: a\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n  a-{{ .Values.key }}: a\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image: {{ .Values.image }}\n".to_owned()),
        ("tag=.l[name=a].tag", "l:\n- {{ .Values.item }}\n- {name: a, tag: 1.4.1}\n".to_owned()),
        ("image=.images", format!("images:\n- {{{{ .Values.item }}}}\n- {own}:1\n")),
        ("tag=.image.tag", "{{- if .Values.image }}\nimage:\n  tag: 1.4.1\n{{- end }}\n".to_owned()),
        ("tag=.values.tag", "values: |\n  a: 1\n  {{ c }}: 1\n  tag: 1.4.1\n".to_owned()),
        ("tag=.values.tag", "values: \"a: 1\\ntag: 1.4.1\\n\"\n".to_owned()),
        ("tag=.image.tag", "image:\n  tag: ${TAG}\n".to_owned()),
        ("image=.image", format!("image: {own}:$(TAG)\n")),
        // Keys twice, broken files, odd characters.
        ("tag=.image.tag", "image:\n  tag: 1.4.1\n  tag: 1.4.0\n".to_owned()),
        ("tag=.image.tag", "image: {tag: 1.4.1}\nimage: {tag: 1.4.1}\n".to_owned()),
        ("tag=.l[name=a].tag", "l:\n- {name: a, name: b, tag: 1.4.1}\n".to_owned()),
        ("kind=Job tag=.tag", "kind: Job\nkind: Pod\ntag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n  tag: [1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n\ttag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\r  tag: 1.4.1\r".to_owned()),
        ("tag=.image.tag", "? image\n: tag: 1.4.1\n".to_owned()),
        // Nothing at the path, or two places.
        ("tag=.image.tag", "image:\n  tags: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "images:\n  tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image: 1.4.1\n".to_owned()),
        ("tag=.image.tag", "image:\n- tag: 1.4.1\n".to_owned()),
        ("tag=.image.tag", String::new()),
        ("tag=.l[2].tag", "l:\n- tag: 1\n- tag: 2\n".to_owned()),
        ("tag=.l[name=c].tag", "l:\n- {name: a, tag: 1}\n- {name: b, tag: 1}\n".to_owned()),
        ("tag=.l[name.first=a].tag", "l:\n- {name: a, tag: 1}\n".to_owned()),
        ("tag=.l[name=a].tag", "l:\n- {name: a, tag: 1}\n- {name: a, tag: 1}\n".to_owned()),
        ("tag=.image.tag", "image: {tag: 1}\n---\nimage: {tag: 1}\n".to_owned()),
        ("tag=.image.tag", "other: 1\n---\nother: 2\n".to_owned()),
        ("kind=HelmRelease tag=.tag", "kind: Application\ntag: 1\n".to_owned()),
        ("kind=HelmRelease tag=.tag", "kind: HelmRelease\ntag: 1\n---\nkind: HelmRelease\ntag: 1\n".to_owned()),
        ("kind=HelmRelease tag=.tag", "kind: HelmRelease\n---\nkind: Application\ntag: 1\n".to_owned()),
        ("tag=.t digest=.d", "t: 1\n".to_owned()),
        // A place of something else.
        ("tag=.image", "image:\n  tag: 1\n".to_owned()),
        ("tag=.image.tag", "image:\n  tag: a b\n".to_owned()),
        ("digest=.image.tag", "image:\n  tag: 1.4.1\n".to_owned()),
        (image_path, "spec: {containers: [{name: app, image: 'ghcr.io/acme/other:1'}]}\n".to_owned()),
        ("image=.image", "image: checkout-service:1.4.1\n".to_owned()),
        ("image=.image", format!("image: docker.io/{own}:1\n")),
        ("image=.images", "images: ['ghcr.io/acme/other:1']\n".to_owned()),
        ("image=.images", format!("images: ['{own}:1', 'x={own}:1']\n")),
        ("image=.image", format!("image: {own}@sha256:0a\n")),
        ("tag=.i.tag repository=.i.repository", "i: {repository: ghcr.io/acme/other, tag: 1}\n".to_owned()),
        ("tag=.i.tag repository=.i.repository", "i: {tag: 1}\n".to_owned()),
        ("tag=.i.tag registry=.i.r repository=.i.n", "i: {r: quay.io, n: acme/checkout-service, tag: 1}\n".to_owned()),
        ("tag=.i.tag registry=.i.r", "i: {r: quay.io, tag: 1}\n".to_owned()),
    ];
    let shown: String = cases
        .iter()
        .flat_map(|(spec, text)| [format!("{spec}\n  {text:?}\n"), format!("  {}\n", message(spec, text))])
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image-fields");
    insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("refused", shown);
    });
}

#[test]
fn a_position_in_a_text_block_is_that_of_the_file() {
    let text = "spec:\n  values: |\n\n    # comment\n    image:\n      tag: a b\n";
    let error = read(text, &fields("tag=.spec.values.image.tag"), &image()).unwrap_err();
    assert!(error.to_string().contains("line 6, column 12"), "{error}");
    let broken = text.replace("a b", "[a");
    let error = read(&broken, &fields("tag=.spec.values.image.tag"), &image()).unwrap_err();
    assert!(error.to_string().contains("(line 7"), "{error}");
}

/// The parser's text is changed in a limited number of places.
#[test]
fn a_file_with_too_many_brackets_below_their_keys_is_refused() {
    let text = |count: usize| {
        let lists: String = (0..count).map(|at| format!("  a{at}: [\n  ]\n")).collect();
        format!("lists:\n{lists}image:\n  tag: 1.4.1\n")
    };
    let edit = |count: usize| set(&text(count), &fields("tag=.image.tag"), &image(), release("1.5.0", ""), false);
    assert_eq!(edit(MAX_CHANGES).unwrap().0.text, text(MAX_CHANGES).replace("1.4.1", "1.5.0"));
    let error = edit(MAX_CHANGES + 1).unwrap_err().to_string();
    assert!(error.contains("the file (line") && error.contains("invalid indentation"), "{error}");
}

#[test]
fn a_file_in_another_language_is_refused_with_what_to_do() {
    let set = set("tag = \"1.4.1\"\n", &fields("tag=.tag"), &image(), release("1.5.0", ""), false).unwrap_err();
    for (file, language) in [("prod.tfvars", "HCL"), ("app.jsonnet", "Jsonnet"), ("values.cue", "CUE")] {
        let finding = set.clone().to_finding(file).to_string();
        assert!(finding.contains(file) && finding.contains(&format!("{language} is not edited")), "{finding}");
    }
    assert!(!set.to_finding("values.yaml").to_string().contains("is not edited"));
}
