//! Whether a promotion is committed, by cases.

use super::{freshness::CLOCK_SKEW, *};
use crate::{
    commands::COMMANDS,
    ledger::LedgerEntry,
    promotion::infra::{
        ImageField, ImageLocator, ImageLocators, InfraSnapshot, NewImage, PlannedCommit, PromotionPlan as _,
        PromotionResult,
    },
    reconcile::Plan,
    subject::Reference,
};

const NAME: &str = "checkout-service";
const OURS: &str = "ghcr.io/acme/checkout-service";
const FILE: &str = "\
# ours
images:
  - name: checkout-service
    newName: ghcr.io/acme/checkout-service # never a mirror
    newTag: \"1.4.1\"
replicas: []
";
/// When the oldest report was finished.
const VALIDATED: &str = "2026-01-01T10:00:00Z";

fn digest() -> String {
    format!("sha256:{}", "a".repeat(64))
}

/// A required report, finished at `at`.
fn report(command: &str, at: &str) -> Report {
    Report { finished_at: at.to_owned(), ..Report::open(command, String::new()) }
}

fn freshness(reports: &[Report]) -> Freshness {
    Freshness::of_reports(&reports.iter().collect::<Vec<_>>(), &EvidenceOutputs::default(), "24h".parse().unwrap())
        .unwrap()
}

/// The promotion of `image` to production, validated at [`VALIDATED`].
fn promotion(image: &str) -> Promote {
    let parts: Reference = format!("{OURS}{image}").parse().unwrap();
    let subject = Subject {
        service: NAME.parse().ok(),
        environment: "production".parse().ok(),
        image: Some(parts.image),
        tag: parts.tag,
        digest: parts.digest,
        commit: None,
    };
    let target = Target::from_subject(&subject).unwrap();
    let facts = Promotion {
        validated_at: VALIDATED.parse().ok(),
        required: Some(vec!["evidence".to_owned(), "wait".to_owned()]),
        ..Promotion::new(PromotionKind::Normal, target.service, target.environment)
    };
    let freshness = freshness(&[report("wait", "2026-01-01T12:00:00Z"), report("evidence", VALIDATED)]);
    let locator = ImageLocator::new("apps/kustomization.yaml".parse().unwrap(), NAME.parse().unwrap());
    let image_locators = ImageLocators::of_entry(locator);
    Promote { image_locators, image: (&subject).into(), release: target.release, promotion: facts, freshness }
}

/// The branch at noon.
fn snapshot(text: &str) -> InfraSnapshot {
    let field = ImageField::entry("apps/kustomization.yaml".parse().unwrap(), NAME);
    let texts = [(field.file.clone(), text.to_owned())].into();
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    InfraSnapshot { texts, fields: vec![field], entries: vec![], now }
}

/// The text of the only file that a commit changes.
fn text(commit: &PlannedCommit) -> &str {
    assert_eq!(commit.files.len(), 1);
    commit.files.values().next().unwrap()
}

fn planned(promote: &Promote, snapshot: &InfraSnapshot) -> PlannedCommit {
    match promote.decide(snapshot) {
        Plan::Write(commit) => commit,
        Plan::UpToDate(result) => panic!("{result:?}"),
        Plan::Refuse(finding) => panic!("{finding}"),
    }
}

fn up_to_date(promote: &Promote, snapshot: &InfraSnapshot) -> PromotionResult {
    let Plan::UpToDate(result) = promote.decide(snapshot) else { panic!("the image is already set") };
    result
}

fn refused(promote: &Promote, snapshot: &InfraSnapshot) -> (Verdict, String) {
    let Plan::Refuse(finding) = promote.decide(snapshot) else { panic!("must be refused") };
    (finding.verdict, finding.to_string())
}

#[test]
fn only_the_promoted_values_of_the_entry_change() {
    let digest = digest();
    let line = "    newTag: \"1.4.1\"\n";
    for (image, lines) in [
        (":1.4.2".to_owned(), "    newTag: \"1.4.2\"\n".to_owned()),
        (format!(":1.4.2@{digest}"), format!("    newTag: \"1.4.2\"\n    digest: {digest}\n")),
        (format!("@{digest}"), format!("    digest: {digest}\n")),
    ] {
        let commit = planned(&promotion(&image), &snapshot(FILE));
        assert_eq!(text(&commit), FILE.replace(line, &lines), "{image}");
        assert_eq!((commit.image, commit.previous), (format!("{OURS}{image}"), Some(format!("{OURS}:1.4.1"))));
    }
}

#[test]
fn a_promotion_without_a_digest_removes_the_old_digest() {
    let pinned = FILE.replace("\"1.4.1\"", &format!("\"1.4.1\"\n    digest: {}", digest()));
    let commit = planned(&promotion(":1.4.2"), &snapshot(&pinned));
    assert_eq!(text(&commit), FILE.replace("1.4.1", "1.4.2"));
}

#[test]
fn without_an_image_the_current_one_gets_the_tag() {
    let whole = promotion(":1.4.2");
    let bare = Promote { image: NewImage { image: None, ..whole.image.clone() }, ..promotion(":1.4.2") };
    let commit = planned(&bare, &snapshot(FILE));
    assert_eq!(commit, planned(&whole, &snapshot(FILE)));
    assert!(commit.message.contains("\nImage: ghcr.io/acme/checkout-service:1.4.2\n"), "{}", commit.message);
    let commit = planned(&bare, &snapshot("images: []\n"));
    assert_eq!((commit.image.as_str(), commit.previous), ("checkout-service:1.4.2", None));
}

#[test]
fn a_new_entry_is_added_under_the_name_in_the_manifests() {
    let mut found = snapshot(FILE);
    found.fields = vec![ImageField::entry("apps/kustomization.yaml".parse().unwrap(), "app")];
    let commit = planned(&promotion(":1.4.2"), &found);
    let entry = format!("  - name: app\n    newName: {OURS}\n    newTag: 1.4.2\n");
    assert_eq!(text(&commit), FILE.replace("replicas:", &format!("{entry}replicas:")));
    assert_eq!(commit.previous, None);
    assert!(!commit.message.contains("Previous-Image"), "{}", commit.message);
}

#[test]
fn the_commit_records_the_required_reports() {
    let message = |promote: &Promote| planned(promote, &snapshot(FILE)).message;
    insta::assert_snapshot!(message(&promotion(":1.4.2")), @r"
    promote(production): checkout-service → 1.4.2

    Service: checkout-service
    Environment: production
    Image: ghcr.io/acme/checkout-service:1.4.2
    Previous-Image: ghcr.io/acme/checkout-service:1.4.1
    Validated-at: 2026-01-01T10:00:00Z
    Required: evidence, wait
    Promotion-kind: normal
    ");
    let mut without = promotion(":1.4.2");
    without.promotion.required = Some(vec![]);
    without.promotion.validated_at = None;
    without.freshness = freshness(&[]);
    assert!(message(&without).contains("\nRequired: none\n"));
}

#[test]
fn an_image_that_is_already_set_is_not_committed_again() {
    let late = InfraSnapshot { now: "2030-01-01T00:00:00Z".parse().unwrap(), ..snapshot(FILE) };
    let image = format!("{OURS}:1.4.1");
    let expected =
        PromotionResult { image: image.clone(), previous: Some(image), commit: None, changed: false, is_current: true };
    assert_eq!(up_to_date(&promotion(":1.4.1"), &late), expected);
}

#[test]
fn a_file_that_cannot_be_edited_safely_is_refused() {
    for (text, part) in [
        ("images: [", "apps/kustomization.yaml"),
        ("images:\n  - name: checkout-service\n  - name: checkout-service\n", "checkout-service"),
        ("images: &all\n  - name: checkout-service\nother: *all\n", "apps/kustomization.yaml"),
    ] {
        let (verdict, message) = refused(&promotion(":1.4.2"), &snapshot(text));
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn a_report_older_than_the_limit_blocks() {
    let at = |now: &str| InfraSnapshot { now: now.parse().unwrap(), ..snapshot(FILE) };
    planned(&promotion(":1.4.2"), &at("2026-01-02T10:00:00Z"));
    let (verdict, message) = refused(&promotion(":1.4.2"), &at("2026-01-02T10:00:01Z"));
    assert_eq!(verdict, Verdict::Blocked);
    assert_eq!(
        message,
        "evidence: its report is 1d1s old; expected a report of the last 1d; next: validate the release again"
    );
}

#[test]
fn a_report_from_the_future_is_inconclusive() {
    let wait: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let at = |now| InfraSnapshot { now, ..snapshot(FILE) };
    planned(&promotion(":1.4.2"), &at(wait - CLOCK_SKEW));
    let (verdict, message) = refused(&promotion(":1.4.2"), &at(wait - CLOCK_SKEW - jiff::SignedDuration::from_secs(1)));
    assert!(verdict == Verdict::Inconclusive && message.contains("wait: its report was finished at"), "{message}");
}

#[test]
fn a_report_without_a_valid_time_is_inconclusive() {
    let report = report("evidence", "yesterday");
    let freshness = Freshness::of_reports(&[&report], &EvidenceOutputs::default(), "24h".parse().unwrap());
    let finding = freshness.unwrap_err();
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(finding.to_string().contains("\"yesterday\""), "{finding}");
}

/// A ledger entry: 1.4.3, committed at eleven.
fn promoted(trailers: &[(&str, &str)]) -> Vec<LedgerEntry> {
    let image = format!("{OURS}:1.4.3");
    let least = [("Service", NAME), ("Environment", "production"), ("Image", image.as_str())];
    let commit = crate::ledger::tests::commit_with_trailers('2', &[&least, trailers].concat());
    crate::ledger::tests::entry_of(&crate::world::git::CommitSummary {
        at: "2026-01-01T11:00:00Z".parse().unwrap(),
        ..commit
    })
    .into_iter()
    .collect()
}

#[test]
fn a_release_validated_later_is_not_replaced() {
    let after = |at: &str| InfraSnapshot {
        entries: promoted(&[("Validated-at", at)]),
        ..snapshot(&FILE.replace("1.4.1", "1.4.3"))
    };
    planned(&promotion(":1.4.2"), &after("2026-01-01T09:59:59Z"));
    // In the same second, and their order is unknown.
    assert_eq!(refused(&promotion(":1.4.2"), &after(VALIDATED)).0, Verdict::Blocked);
    let (verdict, message) = refused(&promotion(":1.4.2"), &after("2026-01-01T10:00:01Z"));
    assert_eq!(verdict, Verdict::Blocked);
    for part in ["1.4.3 was validated at 2026-01-01T10:00:01Z", VALIDATED, "promoted by 2222"] {
        assert!(message.contains(part), "{message}");
    }
    let mut unvalidated = promotion(":1.4.2");
    unvalidated.promotion.validated_at = None;
    planned(&unvalidated, &after("2026-01-01T10:00:01Z"));
}

#[test]
fn of_two_validations_in_one_second_the_later_run_is_newer() {
    let run = |repository: &str, id: u64| format!("https://github.com/{repository}/actions/runs/{id}/attempts/1");
    let promote = Promote {
        promotion: Promotion { validation_run: Some(run("acme/shop", 10)), ..promotion(":1.4.2").promotion },
        ..promotion(":1.4.2")
    };
    let after = |run: &str| {
        let entries = promoted(&[("Validated-at", VALIDATED), ("Validation-run", run)]);
        InfraSnapshot { entries, ..snapshot(&FILE.replace("1.4.1", "1.4.3")) }
    };
    planned(&promote, &after(&run("acme/shop", 9)));
    for other in [run("acme/shop", 11), run("acme/shop", 10), run("acme/other", 9), "elsewhere".to_owned()] {
        let (verdict, message) = refused(&promote, &after(&other));
        assert!(verdict == Verdict::Blocked && message.contains("supersession"), "{other}: {message}");
    }
}

#[test]
fn an_emergency_or_rollback_after_the_validation_is_not_replaced() {
    for (kind, part) in [("emergency", "promoted in an emergency by 2222"), ("rollback", "2222222222 rolled back to")] {
        let entries = promoted(&[("Validated-at", "2026-01-01T09:00:00Z"), ("Promotion-kind", kind)]);
        let (verdict, message) = refused(&promotion(":1.4.2"), &InfraSnapshot { entries, ..snapshot(FILE) });
        assert_eq!(verdict, Verdict::Blocked);
        assert!(message.contains(part) && message.contains("at 2026-01-01T11:00:00Z"), "{message}");
    }
}

#[test]
fn the_outputs_are_the_declared_ones() {
    let declared: Vec<&str> = Args::OUTPUTS.iter().map(|output| output.name).collect();
    let result = |commit: Option<&str>, changed| PromotionResult {
        image: "a:2".to_owned(),
        previous: Some("a:1".to_owned()),
        commit: commit.and_then(|id| id.repeat(40).parse().ok()),
        changed,
        is_current: true,
    };
    for (result, commit, changed, verdict) in [
        (Some(result(Some("1"), true)), Some("1".repeat(40)), "true", Verdict::Passed),
        (Some(result(Some("1"), false)), Some("1".repeat(40)), "false", Verdict::Passed),
        (Some(result(None, false)), None, "false", Verdict::Passed),
        (None, None, "false", Verdict::Inconclusive),
    ] {
        let expected = "a:2 in production".to_owned();
        let (finding, outputs) = infra::report_result("promotion", expected, result.as_ref());
        assert_eq!((outputs.get("commit"), outputs["changed"].as_str()), (commit.as_ref(), changed));
        assert!(outputs.keys().all(|key| declared.contains(key)), "{outputs:?}");
        assert_eq!(finding.verdict, verdict);
    }
}

#[test]
fn the_required_reports_are_a_list_of_commands_or_none_alone() {
    let list = |names: &[&str]| {
        RequiredReports::from_setting(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), COMMANDS)
            .map(|required| required.all)
    };
    assert_eq!(list(&["none"]), Ok(vec![]));
    assert_eq!(list(&["evidence", "bundle-size"]).unwrap().len(), 2);
    for (names, part) in [(&["evidense"][..], "`evidence`"), (&["none", "wait"], "`none` alone"), (&["None"], "none")] {
        let Err(CommandError::BadInput(error)) = list(names) else { panic!("{names:?} must be refused") };
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_release_is_named_by_tag_and_digest() {
    for (image, release) in [(":1.4.2", "1.4.2".to_owned()), (&format!(":1@{}", digest()), format!("1@{}", digest()))] {
        assert_eq!(promotion(image).release, release);
    }
    for (part, subject) in [
        ("`tag`", r#"{"service":"a","environment":"b"}"#),
        ("`service`", r#"{"environment":"b","tag":"1"}"#),
        ("`environment`", r#"{"service":"a","digest":"sha256:"}"#),
    ] {
        let subject = subject.replace("sha256:", &digest()).parse().unwrap();
        let Err(CommandError::BadInput(error)) = Target::from_subject(&subject) else { panic!("{part} is missing") };
        assert!(error.to_string().contains(part), "{error}");
    }
}

const EVIDENCE: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// The promotion of an image on evidence with an id.
fn on_evidence(image: &str) -> Promote {
    let mut promote = promotion(image);
    promote.promotion.evidence = EVIDENCE.parse().ok();
    promote
}

#[test]
fn the_same_evidence_twice_is_one_commit() {
    let entries = promoted(&[("Evidence", EVIDENCE), ("Validated-at", VALIDATED), ("Previous-Image", "a:1")]);
    let current = InfraSnapshot { entries, ..snapshot(&FILE.replace("1.4.1", "1.4.3")) };
    let result = up_to_date(&on_evidence(":1.4.3"), &current);
    assert_eq!((result.commit.unwrap().as_str(), result.changed), ("2".repeat(40).as_str(), false));
    assert_eq!(result.previous.as_deref(), Some("a:1"));
    let other = up_to_date(&promotion(":1.4.3"), &current);
    assert_eq!(other.commit, None, "without evidence the commit is unknown");
}

#[test]
fn used_evidence_does_not_restore_a_replaced_image() {
    let earlier = promoted(&[("Evidence", EVIDENCE), ("Validated-at", VALIDATED)]);
    let next = |kind: &str| {
        let mut next = promoted(&[("Promotion-kind", kind)]);
        next[0].commit = "3".repeat(40).parse().unwrap();
        next
    };
    for (later, part) in [
        (next("rollback"), "it was rolled back by 3333"),
        (next("emergency"), "1.4.3 was promoted after it by 3333"),
        (vec![], "it was changed since without a ledger entry"),
    ] {
        // Newest first.
        let entries = [later, earlier.clone()].concat();
        let (verdict, message) = refused(&on_evidence(":1.4.3"), &InfraSnapshot { entries, ..snapshot(FILE) });
        assert_eq!(verdict, Verdict::Blocked);
        assert!(message.contains("promoted on this evidence by 2222") && message.contains(part), "{message}");
    }
}

/// A passed report of this run about `checkout-service 1.4.2`, with outputs.
fn report_with_outputs(command: &str, outputs: &[(&str, &str)]) -> Report {
    let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let subject = r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().unwrap();
    Report { verdict: Verdict::Passed, subject, outputs, ..report(command, VALIDATED) }
}

#[test]
fn a_required_report_needs_the_outputs_that_the_commit_records() {
    let read = |reports: &[Report], required: &[&str]| {
        let mut all = ReceivedReports::default();
        for report in reports {
            all.add("here", &serde_json::to_string(report).unwrap());
        }
        let required: Vec<String> = required.iter().map(ToString::to_string).collect();
        EvidenceOutputs::read(&all, &required, &reports[0].subject, None)
    };
    let at = ("validated-at", VALIDATED);
    let run = ("validation-run", "https://github.com/acme/shop/actions/runs/5");
    let evidence = report_with_outputs(
        "evidence",
        &[("evidence", EVIDENCE), at, run, ("repository-id", "74"), ("bundle-size", "7 raw"), ("tests", "41")],
    );
    let approval = report_with_outputs("approval", &[("approver", "bob")]);
    let outputs = read(&[evidence.clone(), approval.clone()], &["evidence", "approval"]).unwrap();
    let expected = EvidenceOutputs {
        evidence: EVIDENCE.parse().ok(),
        repository_id: Some(74),
        bundle_sizes: "7 raw".parse().ok(),
        tests: "41".parse().ok(),
        validated_at: VALIDATED.parse().ok(),
        validation_run: Some(run.1.to_owned()),
        approver: Some("bob".to_owned()),
    };
    assert_eq!(outputs, expected);
    let unrequired = read(&[evidence.clone(), approval.clone()], &["wait"]).unwrap();
    assert_eq!(unrequired, EvidenceOutputs::default(), "not required");
    let other = report_with_outputs("evidence", &[("evidence", &"f".repeat(64)), at]);
    let evidence_with = |output| report_with_outputs("evidence", &[("evidence", EVIDENCE), at, output]);
    for (reports, part) in [
        (vec![report_with_outputs("evidence", &[at])], "evidence: its report has no output `evidence`"),
        (vec![report_with_outputs("evidence", &[("evidence", EVIDENCE)])], "no output `validated-at`"),
        (vec![report_with_outputs("evidence", &[("evidence", "yes"), at])], "its output `evidence` is \"yes\""),
        (vec![evidence_with(("validated-at", "now"))], "`validated-at` is \"now\""),
        (vec![evidence_with(("bundle-size", "7"))], "`bundle-size` is \"7\""),
        (vec![evidence_with(("tests", "0"))], "`tests` is \"0\""),
        (vec![evidence_with(("repository-id", "shop"))], "`repository-id` is \"shop\""),
        (vec![evidence.clone(), other], "disagree"),
        (vec![evidence.clone(), report_with_outputs("approval", &[])], "approval: its report has no output `approver`"),
        (vec![evidence, report_with_outputs("approval", &[("approver", " ")])], "no output `approver`"),
    ] {
        let finding = read(&reports, &["evidence", "approval"]).unwrap_err();
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert!(finding.to_string().contains(part), "{finding}");
    }
}

#[test]
fn a_promotion_is_as_old_as_its_validation() {
    let outputs = EvidenceOutputs { validated_at: "2026-01-01T08:00:00Z".parse().ok(), ..EvidenceOutputs::default() };
    let report = report("evidence", VALIDATED);
    let freshness = Freshness::of_reports(&[&report], &outputs, "24h".parse().unwrap()).unwrap();
    assert_eq!(freshness.oldest().unwrap().finished, outputs.validated_at.unwrap());
    let at = |now: &str| freshness.refusal(now.parse().unwrap()).map(|finding| finding.verdict);
    assert_eq!(at("2026-01-02T08:00:00Z"), None);
    assert_eq!(at("2026-01-02T08:00:01Z"), Some(Verdict::Blocked));
}

#[test]
fn the_ledger_is_read_from_an_hour_before_the_validation() {
    let now = "2026-02-01T00:00:00Z".parse().unwrap();
    let mut promote = promotion(":1.4.2");
    let query = promote.ledger_query(now).unwrap();
    assert_eq!((query.since.to_string().as_str(), query.wanted), ("2026-01-01T09:00:00Z", None));
    promote.promotion.validated_at = None;
    assert_eq!(promote.ledger_query(now), None, "nothing can be newer than no validation");
}
