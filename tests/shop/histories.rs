//! Histories that claim the promotion of `checkout-service` to production from 1.4.1 to 1.4.2: those that made it, and those
//! that only say so.

use std::{fs, path::PathBuf};

use super::{AFTER, BEFORE, FILE, SERVICE, Shop, ago, commit, git};

const FRONTEND: &str = "apps/frontend/overlays/production/kustomization.yaml";
const STAGING: &str = "apps/checkout-service/overlays/staging/kustomization.yaml";

/// A way to write to the branch, with a message that may have further trailers.
pub type History = (&'static str, fn(&Shop, &str));

/// The message of the promotion.
pub fn claim(trailers: &str) -> String {
    claim_of(AFTER, BEFORE, trailers)
}

fn claim_of(image: &str, previous: &str, trailers: &str) -> String {
    format!(
        "promote(production): {SERVICE} → 1.4.2\n\nService: {SERVICE}\nEnvironment: production\nImage: {image}\n\
         Previous-Image: {previous}\n{trailers}"
    )
}

fn promoted(text: &str) -> String {
    text.replace("newTag: 1.4.1", "newTag: 1.4.2")
}

/// Each makes the promotion.
pub const PROMOTIONS: &[History] = &[
    ("a commit", |shop, trailers| shop.edit(FILE, &claim(trailers), promoted)),
    ("a commit that also changes the replicas", |shop, trailers| {
        shop.edit(FILE, &claim(trailers), |text| promoted(text).replace("count: 4", "count: 6"));
    }),
    ("a squashed text that ends with the trailers", |shop, trailers| {
        let message = format!("Promote (#17)\n\n* wip\n\nService: frontend\n\nReviewed.\n\n{}", trailers_of(trailers));
        shop.edit(FILE, &message, promoted);
    }),
    ("a squash merge with co-authors", |shop, trailers| {
        let message = format!(
            "Promote (#17)\n\n* promote\n\n{}\n---------\n\nCo-authored-by: Alice <alice@example.com>\n",
            trailers_of(trailers)
        );
        shop.edit(FILE, &message, promoted);
    }),
    ("a file with a tab behind a colon", |shop, trailers| {
        shop.edit(FILE, "a tab", |text| text.replace("newTag: 1.4.1", "newTag:\t1.4.1"));
        shop.edit(FILE, &claim(trailers), |text| text.replace("newTag:\t1.4.1", "newTag:\t1.4.2"));
    }),
    ("tabs and line ends of Windows", |shop, trailers| {
        let message = claim(trailers).replace(": ", ":\t").replace('\n', "\r\n");
        shop.edit(FILE, &message, promoted);
    }),
    ("a merge of the commit", |shop, trailers| {
        merge(shop, &[], |dir| {
            write(&dir, FILE, promoted);
            git(&dir, &["commit", "-qam", &claim(trailers)]);
        });
    }),
    ("a merge of a branch that has other commits and its own merge", |shop, trailers| {
        merge(shop, &[], |dir| {
            write(&dir, "README.md", |text| format!("{text}more\n"));
            git(&dir, &["commit", "-qam", "docs"]);
            git(&dir, &["switch", "-qc", "inner"]);
            write(&dir, FILE, promoted);
            git(&dir, &["commit", "-qam", &claim(trailers)]);
            git(&dir, &["switch", "-q", "side"]);
            git(&dir, &["merge", "-q", "--no-ff", "-m", "Merge inner", "inner"]);
        });
    }),
    ("an entry that is named by its repository", |shop, trailers| {
        shop.edit(FILE, "name the image by its repository", |text| {
            let named = text.replace("  - name: checkout-service\n    newName: ", "  - name: ");
            assert_ne!(named, text);
            named
        });
        shop.edit(FILE, &claim(trailers), promoted);
    }),
];

/// Each claims the promotion, and did not make it; production keeps 1.4.1.
pub const CLAIMS: &[History] = &[
    ("trailers in a docs commit", |shop, trailers| {
        shop.edit("README.md", &claim(trailers), |text| format!("{text}more\n"));
    }),
    ("an empty commit", |shop, trailers| commit(&shop.infra, &ago(0), &claim(trailers), None)),
    ("a squashed text about another change", |shop, trailers| {
        let message = format!("Tidy up (#18)\n\n* promote\n\n{}", trailers_of(trailers));
        shop.edit(STAGING, &message, |text| text.replace("count: 1", "count: 2"));
    }),
    ("the file of another service", |shop, trailers| {
        shop.edit(FRONTEND, &claim(trailers), |text| format!("{text}# x\n"));
    }),
    ("the file of another environment", |shop, trailers| shop.edit(STAGING, &claim(trailers), promoted)),
    ("another key of the file", |shop, trailers| {
        shop.edit(FILE, &claim(trailers), |text| text.replace("count: 4", "count: 6"));
    }),
    ("the same image, quoted", |shop, trailers| {
        shop.edit(FILE, &claim(trailers), |text| text.replace("newTag: 1.4.1", "newTag: \"1.4.1\""));
    }),
    ("a copy of the file", |shop, trailers| {
        let text = promoted(&shop.infra.read(FILE).unwrap());
        let copy = FILE.replace("overlays/production", "archive/production");
        commit(&shop.infra, &ago(0), &claim(trailers), Some((&copy, &text)));
    }),
    ("a merge of a docs commit with trailers", |shop, trailers| {
        merge(shop, &[], |dir| {
            write(&dir, "README.md", |text| format!("{text}more\n"));
            git(&dir, &["commit", "-qam", &claim(trailers)]);
        });
    }),
    ("a merge that drops the promotion", |shop, trailers| {
        merge(shop, &["-s", "ours"], |dir| {
            write(&dir, FILE, promoted);
            git(&dir, &["commit", "-qam", &claim(trailers)]);
        });
    }),
    ("a branch on which the promotion was taken back", |shop, trailers| {
        merge(shop, &[], |dir| {
            write(&dir, FILE, promoted);
            git(&dir, &["commit", "-qam", &claim(trailers)]);
            git(&dir, &["revert", "--no-edit", "HEAD"]);
            write(&dir, FILE, |text| text.replace("count: 4", "count: 6"));
            git(&dir, &["commit", "-qam", "more replicas"]);
        });
    }),
    ("a squash merge of a docs commit with co-authors", |shop, trailers| {
        let message = format!("{}\nCo-authored-by: Alice <alice@example.com>\n", claim(trailers));
        shop.edit("README.md", &message, |text| format!("{text}more\n"));
    }),
    ("trailers in the middle of a message", |shop, trailers| {
        let message = format!("{}\nNothing of it is true.\n", claim(trailers));
        shop.edit("README.md", &message, |text| format!("{text}more\n"));
    }),
];

/// Each changes the image, and says something else: the image was changed by hand. With the image that production has then.
pub const CONTRADICTIONS: &[History] = &[
    ("another image before", |shop, trailers| {
        let message = claim_of(AFTER, "ghcr.io/acme/checkout-service:1.3.9", trailers);
        shop.edit(FILE, &message, promoted);
    }),
    ("no image before", |shop, trailers| {
        let message = claim(trailers).replace(&format!("Previous-Image: {BEFORE}\n"), "");
        shop.edit(FILE, &message, promoted);
    }),
    ("another tag", |shop, trailers| {
        shop.edit(FILE, &claim(trailers), |text| text.replace("newTag: 1.4.1", "newTag: 6.6.6"));
    }),
    ("another repository", |shop, trailers| {
        shop.edit(FILE, &claim(trailers), |text| promoted(text).replace("ghcr.io/acme/", "ghcr.io/mallory/"));
    }),
    ("a digest that the message does not have", |shop, trailers| {
        let digest = "a".repeat(64);
        shop.edit(FILE, &claim(trailers), |text| {
            text.replace("newTag: 1.4.1", &format!("newTag: 1.4.2\n    digest: sha256:{digest}"))
        });
    }),
    ("a revert of the promotion", |shop, trailers| {
        shop.edit(FILE, "by hand", promoted);
        shop.edit(FILE, &format!("Revert \"promote\"\n\nThis reverts it.\n\n{trailers}"), |text| {
            text.replace("newTag: 1.4.2", "newTag: 1.4.1")
        });
    }),
];

/// The trailers alone.
fn trailers_of(trailers: &str) -> String {
    claim(trailers).split_once("\n\n").unwrap().1.to_owned()
}

/// Merges the branch `side`, on which `work` commits in a checkout.
fn merge(shop: &Shop, options: &[&str], work: impl Fn(PathBuf)) {
    let dir = shop.checkout("merging", &[]);
    git(&dir, &["switch", "-qc", "side"]);
    work(dir.clone());
    git(&dir, &["switch", "-q", "main"]);
    git(
        &dir,
        &[&["merge", "-q", "--no-ff", "-m", "Merge pull request #17 from acme/side"], options, &["side"]].concat(),
    );
    git(&dir, &["push", "-q"]);
}

fn write(dir: &std::path::Path, path: &str, change: impl Fn(&str) -> String) {
    let text = change(&fs::read_to_string(dir.join(path)).unwrap());
    fs::write(dir.join(path), text).unwrap();
}
