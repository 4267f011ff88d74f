//! Whether a rollback is committed, by cases.

use super::{plan::Rollback, *};
use crate::{
    ledger::{
        WantedEntry,
        tests::{commit_with_trailers, entry_of},
    },
    promotion::infra::{
        ImageField, ImageLocator, ImageLocators, InfraSnapshot, PlannedCommit, PromotionPlan as _, PromotionResult,
    },
    reconcile::Plan,
    report::Run,
};

const IMAGE: &str = "ghcr.io/acme/checkout-service";
const FILE: &str =
    "images:\n  - name: checkout-service\n    newName: ghcr.io/acme/checkout-service\n    newTag: 1.4.2\n";

fn commit(id: char) -> Commit {
    id.to_string().repeat(40).parse().unwrap()
}

/// A rollback by run 7: of the named commit, or of the latest promotion.
fn rollback(named: Option<char>) -> Rollback {
    let service: crate::subject::Service = "checkout-service".parse().unwrap();
    Rollback {
        image_locators: ImageLocators::of_entry(ImageLocator::new("k.yaml".parse().unwrap(), service.clone())),
        target: named.map_or(RollbackTarget::Latest { started: None }, |id| RollbackTarget::Commit(commit(id))),
        promotion: Promotion::new(PromotionKind::Rollback, service, "production".parse().unwrap()),
        refusal: None,
        repository: None,
        refuted: None,
        run: Some(Run {
            repository: "acme/infra".to_owned(),
            id: 7,
            attempt: 1,
            url: String::new(),
            job: String::new(),
        }),
    }
}

/// An entry that replaced `previous` by `image`.
fn entry(id: char, kind: &str, image: &str, previous: &str, more: &[(&str, &str)]) -> LedgerEntry {
    let least = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", image),
        ("Previous-Image", previous),
        ("Promotion-kind", kind),
    ];
    entry_of(&commit_with_trailers(id, &[&least, more].concat())).unwrap()
}

fn tagged(tag: &str) -> String {
    format!("{IMAGE}:{tag}")
}

/// Newest first: 1.4.1 → 1.4.2 by commit 2, 1.4.0 → 1.4.1 by commit 1.
fn two(kind: &str) -> Vec<LedgerEntry> {
    vec![
        entry('2', kind, &tagged("1.4.2"), &tagged("1.4.1"), &[]),
        entry('1', "normal", &tagged("1.4.1"), &tagged("1.4.0"), &[]),
    ]
}

/// The second one is rolled back by commit 3.
fn rolled_back(more: &[(&str, &str)]) -> Vec<LedgerEntry> {
    let id = "2".repeat(40);
    let rolls_back = [("Rolls-back", id.as_str())];
    let third = entry('3', "rollback", &tagged("1.4.1"), &tagged("1.4.2"), &[&rolls_back, more].concat());
    [vec![third], two("normal")].concat()
}

fn planned(
    rollback: &Rollback,
    tag: &str,
    entries: Vec<LedgerEntry>,
) -> Result<PlannedCommit, Result<PromotionResult, Finding>> {
    let now = "2026-01-02T00:00:00Z".parse().unwrap();
    let field = ImageField::entry("k.yaml".parse().unwrap(), "checkout-service");
    let texts = [(field.file.clone(), FILE.replace("1.4.2", tag))].into();
    match rollback.decide(&InfraSnapshot { texts, fields: vec![field], entries, now }) {
        Plan::Write(commit) => Ok(commit),
        Plan::UpToDate(result) => Err(Ok(result)),
        Plan::Refuse(finding) => Err(Err(finding)),
    }
}

/// The text of the only file that a commit changes.
fn text(commit: &PlannedCommit) -> &str {
    assert_eq!(commit.files.len(), 1);
    commit.files.values().next().unwrap()
}

fn refused(rollback: &Rollback, tag: &str, entries: Vec<LedgerEntry>) -> String {
    match planned(rollback, tag, entries) {
        Err(Err(finding)) if finding.verdict == crate::finding::Verdict::Blocked => finding.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_latest_promotion_is_rolled_back_whatever_its_kind() {
    for kind in ["normal", "emergency"] {
        let planned_commit = planned(&rollback(None), "1.4.2", two(kind)).unwrap();
        assert_eq!(text(&planned_commit), FILE.replace("1.4.2", "1.4.1"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(planned_commit.message, @r"
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
fn name_tag_and_digest_are_restored() {
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
        let planned_commit = planned(&rollback(None), "1.4.2", vec![last]).unwrap();
        assert!(text(&planned_commit).contains(&lines), "{}", text(&planned_commit));
        assert!(
            planned_commit.message.contains(&format!("checkout-service → {release}\n")),
            "{}",
            planned_commit.message
        );
    }
}

#[test]
fn a_second_rollback_changes_nothing_and_further_back_needs_a_name() {
    let result = |named, tag: &str| match planned(&rollback(named), tag, rolled_back(&[])) {
        Err(Ok(result)) => (result.commit.unwrap(), result.is_current),
        other => panic!("{other:?}"),
    };
    assert_eq!(result(None, "1.4.1"), (commit('3'), true));
    assert_eq!(result(Some('2'), "1.4.1"), (commit('3'), true));
    assert_eq!(result(None, "1.4.7"), (commit('3'), false), "changed by hand since");
    let planned_commit = planned(&rollback(Some('1')), "1.4.1", rolled_back(&[])).unwrap();
    assert!(
        text(&planned_commit).contains("1.4.0")
            && planned_commit.message.ends_with(&format!("Rolls-back: {}\n", commit('1')))
    );
}

#[test]
fn a_run_rolls_back_once() {
    let own_run = ("Workflow", "https://github.com/acme/infra/actions/runs/7/attempts/1");
    let since = entry('4', "normal", &tagged("1.4.9"), &tagged("1.4.1"), &[]);
    let entries = |more: &[(&str, &str)]| [vec![since.clone()], rolled_back(more)].concat();
    let Err(Ok(result)) = planned(&rollback(None), "1.4.9", entries(&[own_run])) else {
        panic!("it was rolled back earlier")
    };
    assert_eq!((result.commit.unwrap(), result.is_current), (commit('3'), false));
    let planned_commit = planned(&rollback(None), "1.4.9", entries(&[])).unwrap();
    assert!(
        planned_commit.message.contains(&format!("Rolls-back: {}", commit('4'))),
        "rolled back by another run: {}",
        planned_commit.message
    );
}

#[test]
fn a_promotion_after_the_start_of_the_run_is_not_rolled_back() {
    let started = |at: &str| Rollback { target: RollbackTarget::Latest { started: at.parse().ok() }, ..rollback(None) };
    // The entries are from noon.
    let message = refused(&started("2026-01-01T11:59:59Z"), "1.4.2", two("normal"));
    assert!(
        message.contains("1.4.2 was promoted by 2222") && message.contains("after this run was started"),
        "{message}"
    );
    assert!(planned(&started("2026-01-01T12:00:00Z"), "1.4.2", two("normal")).is_ok());
    assert!(
        matches!(planned(&started("2026-01-01T11:59:59Z"), "1.4.1", rolled_back(&[])), Err(Ok(_))),
        "rolled back by others"
    );
}

#[test]
fn a_promotion_that_cannot_be_rolled_back_is_refused() {
    let last = |previous: &str| vec![entry('2', "normal", &tagged("1.4.2"), previous, &[])];
    for (case, tag, entries, part) in [
        (rollback(None), "1.4.2", vec![], "the ledger has no promotion"),
        (rollback(Some('9')), "1.4.2", two("normal"), "9999999999 is not a promotion in the ledger"),
        (rollback(None), "1.4.9", two("normal"), "the current image is ghcr.io/acme/checkout-service:1.4.9"),
        (rollback(Some('1')), "1.4.2", two("normal"), "the current image is ghcr.io/acme/checkout-service:1.4.2"),
        (rollback(None), "1.4.2", last(""), "added the image entry: there was no image before it"),
        (rollback(None), "1.4.2", last("A B"), "is \"A B\""),
        (
            Rollback { repository: "ghcr.io/acme/other".parse().ok(), ..rollback(None) },
            "1.4.2",
            two("normal"),
            "checkout-service:1.4.1; expected an image of ghcr.io/acme/other",
        ),
    ] {
        let message = refused(&case, tag, entries);
        assert!(message.contains(part), "{message}");
    }
    let doubted = |named| Rollback {
        refuted: Some(RefutedRun { promotion: commit('2'), why: "no run 5".to_owned() }),
        ..rollback(named)
    };
    assert!(refused(&doubted(None), "1.4.2", two("normal")).contains("by the workflow run that it names: no run 5"));
    assert!(planned(&doubted(Some('2')), "1.4.2", two("normal")).is_ok(), "a person named it");
    let own = Rollback { repository: IMAGE.parse().ok(), ..rollback(None) };
    assert!(planned(&own, "1.4.2", two("normal")).is_ok());
    let unapproved = Rollback { refusal: Some(Finding::blocked("approval")), ..rollback(None) };
    assert_eq!(refused(&unapproved, "1.4.2", two("normal")), "approval");
    assert!(
        matches!(planned(&unapproved, "1.4.1", rolled_back(&[])), Err(Ok(_))),
        "an earlier rollback needs no approval"
    );
}

#[test]
fn the_ledger_is_read_for_31_days_and_back_to_the_target() {
    for (named, wanted) in [(Some('1'), WantedEntry::Commit(commit('1'))), (None, WantedEntry::Latest)] {
        let query = rollback(named).ledger_query("2026-02-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!((query.since.to_string().as_str(), &query.wanted), ("2026-01-01T00:00:00Z", &Some(wanted.clone())));
        assert_eq!((query.service.as_str(), query.environment.as_str()), ("checkout-service", "production"));
        assert!(wanted.is_among(&two("normal")) && !wanted.is_among(&[]));
    }
    assert!(!WantedEntry::Commit(commit('9')).is_among(&two("normal")));
}
