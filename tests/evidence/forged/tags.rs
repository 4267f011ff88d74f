//! The commit of the current image, where only its tag can name it.

use super::*;

#[test]
fn a_release_tag_counts_as_a_tag_only() {
    check_all(TABLE);
}

const FILE: &str = "apps/checkout-service/overlays/production/kustomization.yaml";

/// A stage without the tag of the current image, 1.4.1.
fn untagged(stage: &Stage) {
    stage.fake_github.delete_tag(SHOP, "v1.4.1");
}

/// Sets the tag of the current image by a commit that names no source.
fn set_current(stage: &Stage, tag: &str) {
    let text = stage.infra.read(FILE).unwrap().replace("1.4.1", tag);
    shop::commit(&stage.infra, &shop::ago(0), "set the image", Some((FILE, &text)));
}

const TABLE: &[History] = &[
    passes("a light tag", |stage| stage.payload(), "commits", "2 since aaaaaaa, by tag `v1.4.1` of acme/shop"),
    passes(
        "a branch that shadows the tag",
        |stage| {
            stage.fake_github.branch(SHOP, "v1.4.1", &sha('b'));
            stage.fake_github.branch(SHOP, "1.4.1", &sha('b'));
            stage.payload()
        },
        "commits",
        "2 since aaaaaaa, by tag `v1.4.1` of acme/shop",
    ),
    inconclusive(
        "a branch in place of the tag",
        |stage| {
            untagged(stage);
            stage.fake_github.branch(SHOP, "v1.4.1", &sha('b'));
            stage.fake_github.branch(SHOP, "1.4.1", &sha('b'));
            stage.payload()
        },
        "commits",
        "acme/shop has no tag `1.4.1` or `v1.4.1` of a commit",
    ),
    inconclusive(
        "a tag whose name begins with the name of the tag",
        |stage| {
            untagged(stage);
            stage.fake_github.tag(SHOP, "v1.4.1-rc1", &sha('b'));
            stage.payload()
        },
        "commits",
        "acme/shop has no tag `1.4.1` or `v1.4.1` of a commit",
    ),
    passes(
        "an annotated tag",
        |stage| {
            stage.fake_github.annotated_tag(SHOP, "v1.4.1", "commit", &sha('a'));
            stage.payload()
        },
        "commits",
        "2 since aaaaaaa, by tag `v1.4.1` of acme/shop",
    ),
    passes(
        "an annotated tag of an annotated tag",
        |stage| {
            let inner = stage.fake_github.annotated_tag(SHOP, "inner", "commit", &sha('a'));
            stage.fake_github.annotated_tag(SHOP, "v1.4.1", "tag", &inner);
            stage.payload()
        },
        "commits",
        "2 since aaaaaaa",
    ),
    inconclusive(
        "a tag of a tree",
        |stage| {
            stage.fake_github.tag_object(SHOP, "v1.4.1", "tree", &sha('9'));
            stage.payload()
        },
        "commits",
        "`v1.4.1` is the tag of a tree",
    ),
    inconclusive(
        "an annotated tag of a file",
        |stage| {
            stage.fake_github.annotated_tag(SHOP, "v1.4.1", "blob", &sha('9'));
            stage.payload()
        },
        "commits",
        "`v1.4.1` is the tag of a blob",
    ),
    inconclusive(
        "a tag of tags without an end",
        |stage| {
            let mut object = sha('a');
            for depth in 0..9 {
                let kind = if depth == 0 { "commit" } else { "tag" };
                object = stage.fake_github.annotated_tag(SHOP, &format!("inner-{depth}"), kind, &object);
            }
            stage.fake_github.annotated_tag(SHOP, "v1.4.1", "tag", &object);
            stage.payload()
        },
        "commits",
        "`v1.4.1` is the tag of a tag",
    ),
    passes(
        "an image whose tag is a commit id",
        |stage| {
            set_current(stage, &sha('b'));
            stage.payload()
        },
        "commits",
        "1 since bbbbbbb, by the image's tag",
    ),
    inconclusive(
        "an image whose tag is the beginning of a commit id, and a branch of that name",
        |stage| {
            set_current(stage, "aaaaaaa");
            stage.fake_github.branch(SHOP, "aaaaaaa", &sha('b'));
            stage.payload()
        },
        "commits",
        "acme/shop has no tag `aaaaaaa` or `vaaaaaaa` of a commit",
    ),
    inconclusive(
        "a branch that is named like the commit id of the image",
        |stage| {
            set_current(stage, &sha('f'));
            stage.fake_github.branch(SHOP, &sha('f'), &sha('b'));
            stage.payload()
        },
        "commits",
        "commit bbbbbbbb",
    ),
];
