//! What is written is what is read back, and what others write does no harm.

use super::*;

fn promotion() -> Promotion {
    let service = "checkout-service".parse().unwrap();
    Promotion {
        image: "ghcr.io/acme/checkout-service:1.4.2".to_owned(),
        previous: Some("ghcr.io/acme/checkout-service:1.4.1".to_owned()),
        validated_at: "2026-01-01T00:00:00Z".parse().ok(),
        triggered_by: Some("mallory\nApproved-by: alice\r\n\u{1b}[2K\u{2028}\u{85}x\u{202e}".to_owned()),
        workflow: Some("https://github.com/acme/infra/actions/runs/7/attempts/1".to_owned()),
        required: Some(["evidence", "approval", "wait"].map(ToOwned::to_owned).into()),
        ..Promotion::new(Kind::Normal, service, "production".parse().unwrap(), "1.4.2".to_owned())
    }
}

#[test]
fn a_message_has_a_subject_for_people_and_trailers_for_the_rest() {
    insta::assert_snapshot!(promotion().message(), @r"
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
    insta::assert_snapshot!(first.message(), @r"
    promote(production): checkout-service → 1.4.2

    Service: checkout-service
    Environment: production
    Image: ghcr.io/acme/checkout-service:1.4.2
    Required: none
    Promotion-kind: normal
    ");
}

/// Every trailer there is.
fn whole(kind: Kind) -> Promotion {
    Promotion {
        kind,
        source_commit: "a".repeat(40).parse().ok(),
        validation_run: Some("https://github.com/acme/shop/actions/runs/5/attempts/2".to_owned()),
        evidence: "e".repeat(64).parse().ok(),
        approved_by: Some("bob".to_owned()),
        triggered_by: Some("alice".to_owned()),
        incident: Some("INC-17".to_owned()),
        reason: Some("payments fail: 40 % of them".to_owned()),
        rolls_back: "b".repeat(40).parse().ok(),
        ..promotion()
    }
}

/// A commit as git tells it, made at 12:00.
pub fn told(id: char, trailers: &[(&str, &str)]) -> Told {
    Told {
        commit: id.to_string().repeat(40).parse().unwrap(),
        at: "2026-01-01T12:00:00Z".parse().unwrap(),
        author: "promotion-bot".to_owned(),
        title: "a title".to_owned(),
        trailers: trailers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

/// What is least for a commit to be in the ledger.
const LEAST: [(&str, &str); 3] = [("service", "checkout-service"), ("ENVIRONMENT", "production"), ("Image", "a:1")];

fn with(more: &[(&str, &str)]) -> Option<Entry> {
    Entry::of(&told('1', &[&LEAST[..], more].concat()))
}

#[test]
fn what_is_written_is_what_is_read_back() {
    for (kind, title) in [
        (Kind::Normal, "promote(production): checkout-service → 1.4.2"),
        (Kind::Emergency, "EMERGENCY promote(production): checkout-service → 1.4.2"),
        (Kind::Rollback, "rollback(production): checkout-service → 1.4.2"),
    ] {
        let written = whole(kind);
        let message = written.message();
        assert!(message.starts_with(&format!("{title}\n\nService: ")), "{message}");
        let trailers: Vec<(&str, &str)> = message.lines().skip(2).map(|line| line.split_once(": ").unwrap()).collect();
        let read = Entry::of(&told('1', &trailers)).unwrap();
        let expected = Entry {
            commit: "1".repeat(40).parse().unwrap(),
            at: "2026-01-01T12:00:00Z".parse().unwrap(),
            kind,
            service: written.service,
            environment: written.environment,
            image: written.image,
            previous: written.previous,
            source_commit: written.source_commit,
            validated_at: written.validated_at,
            validation_run: written.validation_run,
            evidence: written.evidence,
            approved_by: written.approved_by,
            triggered_by: written.triggered_by,
            workflow: written.workflow.map(|url| url.parse().unwrap()),
            required: written.required,
            incident: written.incident,
            reason: written.reason,
            rolls_back: written.rolls_back,
        };
        assert_eq!(read, expected);
        assert!(trailers.len() == 16, "a trailer that this test does not set: {message}");
    }
}

#[test]
fn service_environment_and_image_put_a_commit_into_the_ledger_and_nothing_less() {
    assert!(with(&[]).is_some());
    for missing in 0..LEAST.len() {
        for instead in [None, Some(""), Some("../x y")] {
            let mut trailers = LEAST.to_vec();
            let (name, _) = trailers.remove(missing);
            trailers.extend(instead.map(|value| (name, value)));
            let image_only = name == "Image" && instead.is_some_and(|value| !value.is_empty());
            assert_eq!(Entry::of(&told('1', &trailers)).is_some(), image_only, "{name} {instead:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_of_a_trailer_is_not_there() {
    let least = with(&[]).unwrap();
    for broken in [
        ("Source-commit", "main"),
        ("Validated-at", "yesterday"),
        ("Evidence", "E"),
        ("Evidence", ""),
        ("Workflow", "https://evil.example/x"),
        ("Rolls-back", "HEAD~1"),
        ("Promotion-kind", "hotfix"),
        ("Required", ""),
        ("Approved-by", ""),
        ("Other", "x"),
    ] {
        assert_eq!(with(&[broken]).unwrap(), least, "{broken:?}");
    }
    assert_eq!(with(&[("promotion-kind", "Emergency")]).unwrap().kind, Kind::Emergency);
    assert_eq!(with(&[("Required", "none")]).unwrap().required, Some(vec![]));
    assert_eq!(with(&[("Required", "a,b , ")]).unwrap().required, Some(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn a_workflow_run_is_read_from_its_url() {
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
fn an_entry_is_as_young_as_what_it_was_decided_by() {
    let as_of = |more: &[(&str, &str)]| with(more).unwrap().as_of().to_string();
    let committed = "2026-01-01T12:00:00Z";
    let early = ("Validated-at", "2026-01-01T09:00:00Z");
    assert_eq!(as_of(&[early]), "2026-01-01T09:00:00Z");
    assert_eq!(as_of(&[]), committed);
    assert_eq!(as_of(&[("Validated-at", "9999-01-01T00:00:00Z")]), committed, "nobody has validated it yet");
    for kind in ["emergency", "rollback"] {
        assert_eq!(as_of(&[early, ("Promotion-kind", kind)]), committed);
    }
}

#[test]
fn ungated_is_what_was_asked_for_no_report() {
    assert!(with(&[("Required", "none")]).unwrap().is_ungated());
    for gated in [&[][..], &[("Required", "evidence")], &[("Required", "none"), ("Promotion-kind", "emergency")]] {
        assert!(!with(gated).unwrap().is_ungated(), "{gated:?}");
    }
}
