//! A promotion is read back as it was written, and commits by others do no harm.

use super::{proof::EntryChange, *};
use crate::{
    people::digest::PeopleDigest,
    world::git::{CommitSummary, Trailers},
};

fn promotion() -> Promotion {
    let service = "checkout-service".parse().unwrap();
    Promotion {
        image: "ghcr.io/acme/checkout-service:1.4.2".to_owned(),
        previous: Some("ghcr.io/acme/checkout-service:1.4.1".to_owned()),
        validated_at: "2026-01-01T00:00:00Z".parse().ok(),
        triggered_by: Some("mallory\nApproved-by: alice\r\n\u{1b}[2K\u{2028}\u{85}x\u{202e}".to_owned()),
        workflow: Some("https://github.com/acme/infra/actions/runs/7/attempts/1".to_owned()),
        required: Some(["evidence", "approval", "wait"].map(ToOwned::to_owned).into()),
        ..Promotion::new(PromotionKind::Normal, service, "production".parse().unwrap())
    }
}

#[test]
fn a_message_has_a_subject_line_and_one_trailer_for_each_fact() {
    insta::assert_snapshot!(promotion().message("1.4.2", &[]), @r"
    promote(production): checkout-service → 1.4.2

    Service: checkout-service
    Environment: production
    Image: ghcr.io/acme/checkout-service:1.4.2
    Previous-Image: ghcr.io/acme/checkout-service:1.4.1
    Validated-at: 2026-01-01T00:00:00Z
    Triggered-by: mallory Approved-by: alice [2K x
    Workflow: https://github.com/acme/infra/actions/runs/7/attempts/1
    Required: evidence, approval, wait
    Promotion-kind: normal
    ");
    let first = Promotion {
        validated_at: None,
        previous: None,
        triggered_by: Some(" \n".to_owned()),
        workflow: None,
        required: Some(vec![]),
        ..promotion()
    };
    insta::assert_snapshot!(first.message("1.4.2", &[]), @r"
    promote(production): checkout-service → 1.4.2

    Service: checkout-service
    Environment: production
    Image: ghcr.io/acme/checkout-service:1.4.2
    Required: none
    Promotion-kind: normal
    ");
}

/// A promotion with every trailer.
fn complete_promotion(kind: PromotionKind) -> Promotion {
    Promotion {
        kind,
        digest: format!("sha256:{}", "d".repeat(64)).parse().ok(),
        source_commit: "a".repeat(40).parse().ok(),
        validation_run: Some("https://github.com/acme/shop/actions/runs/5/attempts/2".to_owned()),
        evidence: "e".repeat(64).parse().ok(),
        people: Some(PeopleDigest {
            count: 2,
            sha256: "c".repeat(64),
            runs: vec![41, 42],
            head: "a".repeat(40).parse().unwrap(),
            base: None,
        }),
        repository_id: Some(74),
        bundle_sizes: "30 gzip, 90 raw; admin: 3 gzip, 9 raw; by gzip 9 zlib-rs 0.6.8".parse().ok(),
        tests: "41".parse().ok(),
        approved_by: Some("bob".to_owned()),
        triggered_by: Some("alice".to_owned()),
        independent: Some(kind != PromotionKind::Emergency),
        incident: Some("INC-17".to_owned()),
        reason: Some("payments fail: 40 % of them".to_owned()),
        rolls_back: "b".repeat(40).parse().ok(),
        ..promotion()
    }
}

/// A commit of 12:00 with these trailers.
pub fn commit_with_trailers(id: char, trailers: &[(&str, &str)]) -> CommitSummary {
    CommitSummary {
        commit: id.to_string().repeat(40).parse().unwrap(),
        at: "2026-01-01T12:00:00Z".parse().unwrap(),
        author: "promotion-bot".to_owned(),
        title: "a title".to_owned(),
        trailers: Trailers::new(&trailers.iter().map(|(key, value)| format!("{key}: {value}\n")).collect::<String>()),
    }
}

/// The entry that a commit claims to be, with the change that would prove it.
pub fn entry_of(commit: &CommitSummary) -> Option<LedgerEntry> {
    let promotion = Promotion::from_trailers(commit)?;
    let text = |image: &str| {
        let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        let tagged = rest.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let (name, tag) = tagged.map_or((rest, None), |(name, tag)| (name, Some(tag)));
        let line =
            |key: &str, value: Option<&str>| value.map(|value| format!("    {key}: {value}\n")).unwrap_or_default();
        let (tag, digest) = (line("newTag", tag), line("digest", digest));
        let text = format!("images:\n  - name: {}\n    newName: {name}\n{tag}{digest}", promotion.service);
        crate::kustomization::entries(&text).unwrap().remove(0)
    };
    let file = ImageFile { path: "k.yaml".to_owned(), image: FileImage::Entry };
    let change = EntryChange { file, before: promotion.previous.as_deref().map(text), after: text(&promotion.image) };
    Some(LedgerEntry { commit: commit.commit.clone(), committed_at: commit.at, promotion, changes: vec![change] })
}

/// The trailers that the ledger needs.
const NEEDED: [(&str, &str); 3] = [("service", "checkout-service"), ("ENVIRONMENT", "production"), ("Image", "a:1")];

fn entry_with(more: &[(&str, &str)]) -> Option<LedgerEntry> {
    entry_of(&commit_with_trailers('1', &[&NEEDED[..], more].concat()))
}

#[test]
fn a_promotion_is_read_back_as_it_was_written() {
    for (kind, title) in [
        (PromotionKind::Normal, "promote(production): checkout-service → 1.4.2"),
        (PromotionKind::Emergency, "EMERGENCY promote(production): checkout-service → 1.4.2"),
        (PromotionKind::Rollback, "rollback(production): checkout-service → 1.4.2"),
    ] {
        let written = complete_promotion(kind);
        let message = written.message("1.4.2", &[]);
        assert!(message.starts_with(&format!("{title}\n\nService: ")), "{message}");
        let trailers: Vec<(&str, &str)> = message.lines().skip(2).map(|line| line.split_once(": ").unwrap()).collect();
        let read = entry_of(&commit_with_trailers('1', &trailers)).unwrap();
        let expected = LedgerEntry {
            commit: "1".repeat(40).parse().unwrap(),
            committed_at: "2026-01-01T12:00:00Z".parse().unwrap(),
            changes: read.changes.clone(),
            promotion: written,
        };
        assert_eq!(read, expected);
        assert!(trailers.len() == 22, "a trailer that this test does not set: {message}");
    }
}

#[test]
fn the_ledger_needs_service_environment_and_image() {
    assert!(entry_with(&[]).is_some());
    for missing in 0..NEEDED.len() {
        for instead in [None, Some(""), Some("../x y")] {
            let mut trailers = NEEDED.to_vec();
            let (name, _) = trailers.remove(missing);
            trailers.extend(instead.map(|value| (name, value)));
            let image_only = name == "Image" && instead.is_some_and(|value| !value.is_empty());
            assert_eq!(entry_of(&commit_with_trailers('1', &trailers)).is_some(), image_only, "{name} {instead:?}");
        }
    }
}

#[test]
fn an_invalid_trailer_counts_as_absent() {
    let without = entry_with(&[]).unwrap();
    for broken in [
        ("Source-commit", "main"),
        ("Validated-at", "yesterday"),
        ("Evidence", "E"),
        ("Evidence", ""),
        ("Workflow", "https://evil.example/x"),
        ("People", "mallory"),
        ("People", "{}"),
        ("Rolls-back", "HEAD~1"),
        ("Promotion-kind", "hotfix"),
        ("Required", ""),
        ("Approved-by", ""),
        ("Independent", "maybe"),
        ("Other", "x"),
    ] {
        assert_eq!(entry_with(&[broken]).unwrap(), without, "{broken:?}");
    }
    assert_eq!(entry_with(&[("promotion-kind", "Emergency")]).unwrap().promotion.kind, PromotionKind::Emergency);
    assert_eq!(entry_with(&[("Required", "none")]).unwrap().promotion.required, Some(vec![]));
    assert_eq!(
        entry_with(&[("Required", "a,b , ")]).unwrap().promotion.required,
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn a_workflow_run_is_parsed_from_its_url() {
    let read = |url: &str| url.parse::<RunUrl>().ok().map(|run| (run.repository.to_string(), run.id, run.attempt));
    let acme = |attempt| Some(("acme/infra".to_owned(), 7, attempt));
    assert_eq!(read("https://github.com/acme/infra/actions/runs/7"), acme(None));
    assert_eq!(read("https://ghe.acme.example:8443/acme/infra/actions/runs/7/attempts/3"), acme(Some(3)));
    for foreign in [
        "",
        "7",
        "https://github.com/acme/infra/actions/runs/",
        "https://github.com/acme/infra/actions/runs/-7",
        "https://github.com/acme/infra/actions/runs/7/attempts/x",
        "https://github.com/acme/infra/actions/runs/7/job/9",
        "https://github.com/acme/../actions/runs/7",
        "acme/infra/actions/runs/7",
        "javascript://github.com/acme/infra/actions/runs/7",
    ] {
        assert_eq!(read(foreign), None, "{foreign}");
    }
}

#[test]
fn a_normal_promotion_was_decided_by_its_validation_and_others_when_committed() {
    let decided_at = |more: &[(&str, &str)]| entry_with(more).unwrap().decided_at().to_string();
    let committed = "2026-01-01T12:00:00Z";
    let early = ("Validated-at", "2026-01-01T09:00:00Z");
    assert_eq!(decided_at(&[early]), "2026-01-01T09:00:00Z");
    assert_eq!(decided_at(&[]), committed);
    assert_eq!(decided_at(&[("Validated-at", "9999-01-01T00:00:00Z")]), committed, "a validation time in the future");
    for kind in ["emergency", "rollback"] {
        assert_eq!(decided_at(&[early, ("Promotion-kind", kind)]), committed);
    }
}

#[test]
fn a_promotion_is_self_approved_by_its_trailer_or_by_its_two_names() {
    let people = |started, approved| [("Triggered-by", started), ("Approved-by", approved)];
    let (apart, alone) = (people("alice", "bob"), people("alice", "Alice"));
    for (trailers, expected) in [
        (apart.to_vec(), false),
        (alone.to_vec(), true),
        (vec![apart[0]], false),
        (vec![], false),
        ([&apart[..], &[("Independent", "yes")]].concat(), false),
        ([&apart[..], &[("Independent", "No")]].concat(), true),
        // The names say otherwise.
        ([&alone[..], &[("Independent", "yes")]].concat(), true),
    ] {
        assert_eq!(entry_with(&trailers).unwrap().promotion.is_self_approved(), expected, "{trailers:?}");
    }
}

#[test]
fn a_normal_promotion_without_required_reports_is_ungated() {
    assert!(entry_with(&[("Required", "none")]).unwrap().promotion.is_ungated());
    for gated in [&[][..], &[("Required", "evidence")], &[("Required", "none"), ("Promotion-kind", "emergency")]] {
        assert!(!entry_with(gated).unwrap().promotion.is_ungated(), "{gated:?}");
    }
}
