//! The plan, by cases.

use super::{plan::Rollback, *};
use crate::{
    ledger::{Entry, tests::told},
    promotion::infra::{Done, Edit, Intent as _, Seen, Slot},
    reconcile::Plan,
    report::Run,
};

const IMAGE: &str = "ghcr.io/acme/checkout-service";
const FILE: &str =
    "images:\n  - name: checkout-service\n    newName: ghcr.io/acme/checkout-service\n    newTag: 1.4.2\n";

fn commit(id: char) -> Commit {
    id.to_string().repeat(40).parse().unwrap()
}

/// A rollback by run 7 of what is named, or of the last promotion.
fn intent(named: Option<char>) -> Rollback {
    let service: crate::subject::Service = "checkout-service".parse().unwrap();
    Rollback {
        slot: Slot { file: "k.yaml".parse().unwrap(), name: service.to_string() },
        asked: named.map_or(Asked::Last { started: None }, |id| Asked::Named(commit(id))),
        promotion: Promotion::new(Kind::Rollback, service, "production".parse().unwrap(), String::new()),
        refusal: None,
        run: Some(Run {
            repository: "acme/infra".to_owned(),
            id: 7,
            attempt: 1,
            url: String::new(),
            job: String::new(),
        }),
    }
}

/// An entry of this id that set one image in place of another.
fn entry(id: char, kind: &str, image: &str, previous: &str, more: &[(&str, &str)]) -> Entry {
    let least = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", image),
        ("Previous-Image", previous),
        ("Promotion-kind", kind),
    ];
    Entry::of(&told(id, &[&least, more].concat())).unwrap()
}

fn tagged(tag: &str) -> String {
    format!("{IMAGE}:{tag}")
}

/// Newest first: 1.4.1 → 1.4.2 by commit 2, 1.4.0 → 1.4.1 by commit 1.
fn two(kind: &str) -> Vec<Entry> {
    vec![
        entry('2', kind, &tagged("1.4.2"), &tagged("1.4.1"), &[]),
        entry('1', "normal", &tagged("1.4.1"), &tagged("1.4.0"), &[]),
    ]
}

/// The second, taken back by a commit 3.
fn back(more: &[(&str, &str)]) -> Vec<Entry> {
    let id = "2".repeat(40);
    let rolls_back = [("Rolls-back", id.as_str())];
    let rollback = entry('3', "rollback", &tagged("1.4.1"), &tagged("1.4.2"), &[&rolls_back, more].concat());
    [vec![rollback], two("normal")].concat()
}

fn planned(intent: &Rollback, tag: &str, entries: Vec<Entry>) -> Result<Edit, Result<Done, Finding>> {
    let now = "2026-01-02T00:00:00Z".parse().unwrap();
    match intent.plan(&Seen { text: FILE.replace("1.4.2", tag), entries, now }) {
        Plan::Write(edit) => Ok(edit),
        Plan::UpToDate(done) => Err(Ok(done)),
        Plan::Refuse(finding) => Err(Err(finding)),
    }
}

fn refused(intent: &Rollback, tag: &str, entries: Vec<Entry>) -> String {
    match planned(intent, tag, entries) {
        Err(Err(finding)) if finding.verdict == crate::finding::Verdict::Blocked => finding.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_promotion_is_taken_back_of_whatever_kind() {
    for kind in ["normal", "emergency"] {
        let edit = planned(&intent(None), "1.4.2", two(kind)).unwrap();
        assert_eq!(edit.text, FILE.replace("1.4.2", "1.4.1"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(edit.message, @r"
            rollback(production): checkout-service → 1.4.1

            Service: checkout-service
            Environment: production
            Image: ghcr.io/acme/checkout-service:1.4.1
            Previous-Image: ghcr.io/acme/checkout-service:1.4.2
            Promotion-kind: rollback
            Rolls-back: 2222222222222222222222222222222222222222
            ");
        }
    }
}

#[test]
fn name_tag_and_digest_come_back() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (previous, lines, release) in [
        (
            format!("checkout-service:1@{digest}"),
            format!("newName: checkout-service\n    newTag: \"1\"\n    digest: {digest}"),
            format!("1@{digest}"),
        ),
        (
            format!("localhost:5000/x@{digest}"),
            format!("newName: localhost:5000/x\n    digest: {digest}"),
            digest.clone(),
        ),
        ("other/x".to_owned(), "newName: other/x".to_owned(), "other/x".to_owned()),
    ] {
        let last = entry('2', "normal", &tagged("1.4.2"), &previous, &[]);
        let edit = planned(&intent(None), "1.4.2", vec![last]).unwrap();
        assert!(edit.text.contains(&lines), "{}", edit.text);
        assert!(edit.message.contains(&format!("checkout-service → {release}\n")), "{}", edit.message);
    }
}

#[test]
fn twice_is_once_and_further_back_is_to_be_named() {
    let done = |named, tag: &str| match planned(&intent(named), tag, back(&[])) {
        Err(Ok(done)) => (done.commit.unwrap(), done.stands),
        other => panic!("{other:?}"),
    };
    assert_eq!(done(None, "1.4.1"), (commit('3'), true));
    assert_eq!(done(Some('2'), "1.4.1"), (commit('3'), true));
    assert_eq!(done(None, "1.4.7"), (commit('3'), false), "somebody has changed it since");
    let edit = planned(&intent(Some('1')), "1.4.1", back(&[])).unwrap();
    assert!(edit.text.contains("1.4.0") && edit.message.ends_with(&format!("Rolls-back: {}\n", commit('1'))));
}

#[test]
fn a_run_takes_back_once() {
    let ours = ("Workflow", "https://github.com/acme/infra/actions/runs/7/attempts/1");
    let since = entry('4', "normal", &tagged("1.4.9"), &tagged("1.4.1"), &[]);
    let entries = |more: &[(&str, &str)]| [vec![since.clone()], back(more)].concat();
    let Err(Ok(done)) = planned(&intent(None), "1.4.9", entries(&[ours])) else { panic!("it was done") };
    assert_eq!((done.commit.unwrap(), done.stands), (commit('3'), false));
    let edit = planned(&intent(None), "1.4.9", entries(&[])).unwrap();
    assert!(edit.message.contains(&format!("Rolls-back: {}", commit('4'))), "another run's: {}", edit.message);
}

#[test]
fn what_was_promoted_after_somebody_asked_is_not_what_was_meant() {
    let started = |at: &str| Rollback { asked: Asked::Last { started: at.parse().ok() }, ..intent(None) };
    // The entries are of noon.
    let told = refused(&started("2026-01-01T11:59:59Z"), "1.4.2", two("normal"));
    assert!(told.contains("1.4.2 was promoted by 2222") && told.contains("after this run was started"), "{told}");
    assert!(planned(&started("2026-01-01T12:00:00Z"), "1.4.2", two("normal")).is_ok());
    assert!(
        matches!(planned(&started("2026-01-01T11:59:59Z"), "1.4.1", back(&[])), Err(Ok(_))),
        "taken back by others"
    );
}

#[test]
fn what_cannot_be_taken_back_is_refused() {
    let last = |previous: &str| vec![entry('2', "normal", &tagged("1.4.2"), previous, &[])];
    for (intent, tag, entries, part) in [
        (intent(None), "1.4.2", vec![], "the ledger holds none"),
        (intent(Some('9')), "1.4.2", two("normal"), "9999999999 is none"),
        (intent(None), "1.4.9", two("normal"), "checkout-service:1.4.9 stands there now"),
        (intent(Some('1')), "1.4.2", two("normal"), "checkout-service:1.4.2 stands there now"),
        (intent(None), "1.4.2", last(""), "does not say what stood there before it"),
        (intent(None), "1.4.2", last("A B"), "is \"A B\""),
        (intent(None), "1.4.2", last("x:1\u{1b}[0m"), "`Previous-Image`"),
    ] {
        let told = refused(&intent, tag, entries);
        assert!(told.contains(part), "{told}");
    }
    let unapproved = Rollback { refusal: Some(Finding::blocked("approval")), ..intent(None) };
    assert_eq!(refused(&unapproved, "1.4.2", two("normal")), "approval");
    assert!(matches!(planned(&unapproved, "1.4.1", back(&[])), Err(Ok(_))), "nothing is written here");
}
