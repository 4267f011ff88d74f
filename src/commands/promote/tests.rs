//! The plan, by cases.

use super::{basis::SKEW, *};
use crate::{
    commands::COMMANDS,
    ledger::Entry,
    promotion::infra::{Done, Edit, Intent as _, NewImage, Seen, Slot},
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

fn basis(reports: &[Report]) -> Basis {
    Basis::of(&reports.iter().collect::<Vec<_>>(), &Told::default(), "24h".parse().unwrap()).unwrap()
}

/// The promotion of `image` to production, validated at [`VALIDATED`].
fn intent(image: &str) -> Promote {
    let parts: Reference = format!("{OURS}{image}").parse().unwrap();
    let subject = Subject {
        service: NAME.parse().ok(),
        environment: "production".parse().ok(),
        image: Some(parts.image),
        tag: parts.tag,
        digest: parts.digest,
        commit: None,
    };
    let target = Target::of(&subject).unwrap();
    let promotion = Promotion {
        validated_at: VALIDATED.parse().ok(),
        required: Some(vec!["evidence".to_owned(), "wait".to_owned()]),
        ..Promotion::new(Kind::Normal, target.service, target.environment, target.release)
    };
    let basis = basis(&[report("wait", "2026-01-01T12:00:00Z"), report("evidence", VALIDATED)]);
    let slot = Slot { file: "apps/kustomization.yaml".parse().unwrap(), name: NAME.to_owned() };
    Promote { slot, image: (&subject).into(), promotion, basis }
}

/// The branch at noon.
fn seen(text: &str) -> Seen {
    Seen { text: text.to_owned(), entries: vec![], now: "2026-01-01T12:00:00Z".parse().unwrap() }
}

fn written(intent: &Promote, seen: &Seen) -> Edit {
    match intent.plan(seen) {
        Plan::Write(edit) => edit,
        Plan::UpToDate(done) => panic!("{done:?}"),
        Plan::Refuse(finding) => panic!("{finding}"),
    }
}

fn already(intent: &Promote, seen: &Seen) -> Done {
    let Plan::UpToDate(done) = intent.plan(seen) else { panic!("it stands there already") };
    done
}

fn refused(intent: &Promote, seen: &Seen) -> (Verdict, String) {
    let Plan::Refuse(finding) = intent.plan(seen) else { panic!("must be refused") };
    (finding.verdict, finding.to_string())
}

#[test]
fn the_entry_gets_what_is_promoted_and_nothing_else() {
    let digest = digest();
    let line = "    newTag: \"1.4.1\"\n";
    for (image, lines) in [
        (":1.4.2".to_owned(), "    newTag: \"1.4.2\"\n".to_owned()),
        (format!(":1.4.2@{digest}"), format!("    newTag: \"1.4.2\"\n    digest: {digest}\n")),
        (format!("@{digest}"), format!("    digest: {digest}\n")),
    ] {
        let edit = written(&intent(&image), &seen(FILE));
        assert_eq!(edit.text, FILE.replace(line, &lines), "{image}");
        assert_eq!((edit.image, edit.previous), (format!("{OURS}{image}"), Some(format!("{OURS}:1.4.1"))));
    }
}

#[test]
fn a_digest_that_is_not_promoted_does_not_stay() {
    let pinned = FILE.replace("\"1.4.1\"", &format!("\"1.4.1\"\n    digest: {}", digest()));
    let edit = written(&intent(":1.4.2"), &seen(&pinned));
    assert_eq!(edit.text, FILE.replace("1.4.1", "1.4.2"));
}

#[test]
fn without_an_image_the_one_that_stands_there_gets_the_tag() {
    let whole = intent(":1.4.2");
    let bare = Promote { image: NewImage { image: None, ..whole.image.clone() }, ..intent(":1.4.2") };
    let edit = written(&bare, &seen(FILE));
    assert_eq!(edit, written(&whole, &seen(FILE)));
    assert!(edit.message.contains("\nImage: ghcr.io/acme/checkout-service:1.4.2\n"), "{}", edit.message);
    let edit = written(&bare, &seen("images: []\n"));
    assert_eq!((edit.image.as_str(), edit.previous), ("checkout-service:1.4.2", None));
}

#[test]
fn a_new_entry_is_added_under_the_name_of_the_manifests() {
    let mut named = intent(":1.4.2");
    named.slot.name = "app".to_owned();
    let edit = written(&named, &seen(FILE));
    let entry = format!("  - name: app\n    newName: {OURS}\n    newTag: 1.4.2\n");
    assert_eq!(edit.text, FILE.replace("replicas:", &format!("{entry}replicas:")));
    assert_eq!(edit.previous, None);
    assert!(!edit.message.contains("Previous-Image"), "{}", edit.message);
}

#[test]
fn the_commit_says_what_it_rests_on() {
    let message = |intent: &Promote| written(intent, &seen(FILE)).message;
    insta::assert_snapshot!(message(&intent(":1.4.2")), @r"
    promote(production): checkout-service → 1.4.2

    Service: checkout-service
    Environment: production
    Image: ghcr.io/acme/checkout-service:1.4.2
    Previous-Image: ghcr.io/acme/checkout-service:1.4.1
    Validated-at: 2026-01-01T10:00:00Z
    Required: evidence, wait
    Promotion-kind: normal
    ");
    let mut without = intent(":1.4.2");
    without.promotion.required = Some(vec![]);
    without.promotion.validated_at = None;
    without.basis = basis(&[]);
    assert!(message(&without).contains("\nRequired: none\n"));
}

#[test]
fn what_stands_there_already_is_not_written_whatever_else_is_known() {
    let late = Seen { now: "2030-01-01T00:00:00Z".parse().unwrap(), ..seen(FILE) };
    let image = format!("{OURS}:1.4.1");
    let stands = Done { image: image.clone(), previous: Some(image), commit: None, changed: false, stands: true };
    assert_eq!(already(&intent(":1.4.1"), &late), stands);
}

#[test]
fn a_file_that_cannot_be_edited_safely_is_refused() {
    for (text, part) in [
        ("images: [", "apps/kustomization.yaml"),
        ("images:\n  - name: checkout-service\n  - name: checkout-service\n", "checkout-service"),
        ("images: &all\n  - name: checkout-service\nother: *all\n", "apps/kustomization.yaml"),
    ] {
        let (verdict, told) = refused(&intent(":1.4.2"), &seen(text));
        assert_eq!(verdict, Verdict::Inconclusive);
        assert!(told.contains(part), "{text}: {told}");
    }
}

#[test]
fn a_report_counts_up_to_its_age() {
    let at = |now: &str| Seen { now: now.parse().unwrap(), ..seen(FILE) };
    written(&intent(":1.4.2"), &at("2026-01-02T10:00:00Z"));
    let (verdict, told) = refused(&intent(":1.4.2"), &at("2026-01-02T10:00:01Z"));
    assert_eq!(verdict, Verdict::Blocked);
    assert_eq!(
        told,
        "evidence: its report is 1d1s old; expected a report of the last 1d; next: validate the release again"
    );
}

#[test]
fn a_report_of_the_future_counts_for_nothing() {
    let wait: jiff::Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let at = |now| Seen { now, ..seen(FILE) };
    written(&intent(":1.4.2"), &at(wait - SKEW));
    let (verdict, told) = refused(&intent(":1.4.2"), &at(wait - SKEW - jiff::SignedDuration::from_secs(1)));
    assert!(verdict == Verdict::Inconclusive && told.contains("wait: its report was finished at"), "{told}");
}

#[test]
fn a_report_that_tells_no_time_is_no_basis() {
    let finding = Basis::of(&[&report("evidence", "yesterday")], &Told::default(), "24h".parse().unwrap()).unwrap_err();
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(finding.to_string().contains("\"yesterday\""), "{finding}");
}

/// An entry of the ledger: 1.4.3, committed at eleven.
fn landed(trailers: &[(&str, &str)]) -> Vec<Entry> {
    let image = format!("{OURS}:1.4.3");
    let least = [("Service", NAME), ("Environment", "production"), ("Image", image.as_str())];
    let told = crate::ledger::tests::told('2', &[&least, trailers].concat());
    Entry::of(&crate::world::git::Told { at: "2026-01-01T11:00:00Z".parse().unwrap(), ..told }).into_iter().collect()
}

#[test]
fn a_release_validated_later_is_not_taken_back() {
    let after = |at: &str| Seen { entries: landed(&[("Validated-at", at)]), ..seen(&FILE.replace("1.4.1", "1.4.3")) };
    written(&intent(":1.4.2"), &after("2026-01-01T09:59:59Z"));
    // In the same second, and nothing tells which of the two came first.
    assert_eq!(refused(&intent(":1.4.2"), &after(VALIDATED)).0, Verdict::Blocked);
    let (verdict, told) = refused(&intent(":1.4.2"), &after("2026-01-01T10:00:01Z"));
    assert_eq!(verdict, Verdict::Blocked);
    for part in ["1.4.3 was validated at 2026-01-01T10:00:01Z", VALIDATED, "promoted by 2222"] {
        assert!(told.contains(part), "{told}");
    }
    let mut unvalidated = intent(":1.4.2");
    unvalidated.promotion.validated_at = None;
    written(&unvalidated, &after("2026-01-01T10:00:01Z"));
}

#[test]
fn of_two_validations_in_one_second_the_later_run_is_the_younger() {
    let run = |repository: &str, id: u64| format!("https://github.com/{repository}/actions/runs/{id}/attempts/1");
    let ours = Promote {
        promotion: Promotion { validation_run: Some(run("acme/shop", 10)), ..intent(":1.4.2").promotion },
        ..intent(":1.4.2")
    };
    let after = |run: &str| {
        let entries = landed(&[("Validated-at", VALIDATED), ("Validation-run", run)]);
        Seen { entries, ..seen(&FILE.replace("1.4.1", "1.4.3")) }
    };
    written(&ours, &after(&run("acme/shop", 9)));
    for theirs in [run("acme/shop", 11), run("acme/shop", 10), run("acme/other", 9), "elsewhere".to_owned()] {
        let (verdict, told) = refused(&ours, &after(&theirs));
        assert!(verdict == Verdict::Blocked && told.contains("supersession"), "{theirs}: {told}");
    }
}

#[test]
fn what_was_done_around_the_gates_since_the_validation_is_not_taken_back() {
    for (kind, part) in [("emergency", "promoted in an emergency by 2222"), ("rollback", "2222222222 rolled back to")] {
        let entries = landed(&[("Validated-at", "2026-01-01T09:00:00Z"), ("Promotion-kind", kind)]);
        let (verdict, told) = refused(&intent(":1.4.2"), &Seen { entries, ..seen(FILE) });
        assert_eq!(verdict, Verdict::Blocked);
        assert!(told.contains(part) && told.contains("at 2026-01-01T11:00:00Z"), "{told}");
    }
}

#[test]
fn the_outputs_are_those_that_are_declared() {
    let declared: Vec<&str> = Args::OUTPUTS.iter().map(|output| output.name).collect();
    let promoted = |commit: Option<&str>, changed| Done {
        image: "a:2".to_owned(),
        previous: Some("a:1".to_owned()),
        commit: commit.and_then(|id| id.repeat(40).parse().ok()),
        changed,
        stands: true,
    };
    for (done, commit, changed, verdict) in [
        (Some(promoted(Some("1"), true)), Some("1".repeat(40)), "true", Verdict::Passed),
        (Some(promoted(Some("1"), false)), Some("1".repeat(40)), "false", Verdict::Passed),
        (Some(promoted(None, false)), None, "false", Verdict::Passed),
        (None, None, "false", Verdict::Inconclusive),
    ] {
        let (finding, outputs) = infra::told("promotion", "a:2 in production".to_owned(), done.as_ref());
        assert_eq!((outputs.get("commit"), outputs["changed"].as_str()), (commit.as_ref(), changed));
        assert!(outputs.keys().all(|key| declared.contains(key)), "{outputs:?}");
        assert_eq!(finding.verdict, verdict);
    }
}

#[test]
fn what_is_required_is_a_list_of_commands_or_none_alone() {
    let list = |names: &[&str]| {
        Required::of(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), COMMANDS).map(|required| required.all)
    };
    assert_eq!(list(&["none"]), Ok(vec![]));
    assert_eq!(list(&["evidence", "bundle-size"]).unwrap().len(), 2);
    for (names, part) in [(&["evidense"][..], "`evidence`"), (&["none", "wait"], "`none` alone"), (&["None"], "none")] {
        let Err(CommandError::BadInput(error)) = list(names) else { panic!("{names:?} must be refused") };
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn what_is_promoted_is_named_by_tag_and_digest() {
    for (image, release) in [(":1.4.2", "1.4.2".to_owned()), (&format!(":1@{}", digest()), format!("1@{}", digest()))] {
        assert_eq!(intent(image).promotion.release, release);
    }
    for (part, subject) in [
        ("`tag`", r#"{"service":"a","environment":"b"}"#),
        ("`service`", r#"{"environment":"b","tag":"1"}"#),
        ("`environment`", r#"{"service":"a","digest":"sha256:"}"#),
    ] {
        let subject = subject.replace("sha256:", &digest()).parse().unwrap();
        let Err(CommandError::BadInput(error)) = Target::of(&subject) else { panic!("{part} is missing") };
        assert!(error.to_string().contains(part), "{error}");
    }
}

const EVIDENCE: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// The promotion of an image on evidence that has a name.
fn on_evidence(image: &str) -> Promote {
    let mut intent = intent(image);
    intent.promotion.evidence = EVIDENCE.parse().ok();
    intent
}

#[test]
fn the_same_evidence_twice_is_one_commit() {
    let entries = landed(&[("Evidence", EVIDENCE), ("Validated-at", VALIDATED), ("Previous-Image", "a:1")]);
    let stands = Seen { entries, ..seen(&FILE.replace("1.4.1", "1.4.3")) };
    let done = already(&on_evidence(":1.4.3"), &stands);
    assert_eq!((done.commit.unwrap().as_str(), done.changed), ("2".repeat(40).as_str(), false));
    assert_eq!(done.previous.as_deref(), Some("a:1"));
    let other = already(&intent(":1.4.3"), &stands);
    assert_eq!(other.commit, None, "without evidence nobody knows whether it is the same");
}

#[test]
fn evidence_that_was_promoted_on_does_not_bring_back_what_was_taken_away() {
    let ours = landed(&[("Evidence", EVIDENCE), ("Validated-at", VALIDATED)]);
    let next = |kind: &str| {
        let mut next = landed(&[("Promotion-kind", kind)]);
        next[0].commit = "3".repeat(40).parse().unwrap();
        next
    };
    for (later, part) in [
        (next("rollback"), "it was rolled back by 3333"),
        (next("emergency"), "1.4.3 was promoted after it by 3333"),
        (vec![], "somebody has changed it since"),
    ] {
        // Newest first.
        let entries = [later, ours.clone()].concat();
        let (verdict, told) = refused(&on_evidence(":1.4.3"), &Seen { entries, ..seen(FILE) });
        assert_eq!(verdict, Verdict::Blocked);
        assert!(told.contains("promoted on this evidence by 2222") && told.contains(part), "{told}");
    }
}

/// A passed report of this run about `checkout-service 1.4.2`, with outputs.
fn telling(command: &str, outputs: &[(&str, &str)]) -> Report {
    let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let subject = r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().unwrap();
    Report { verdict: Verdict::Passed, subject, outputs, ..report(command, VALIDATED) }
}

#[test]
fn what_the_commit_has_to_say_must_be_told() {
    let read = |reports: &[Report], required: &[&str]| {
        let mut all = Reports::default();
        for report in reports {
            all.take("here", &serde_json::to_string(report).unwrap());
        }
        let required: Vec<String> = required.iter().map(ToString::to_string).collect();
        Told::by(&all, &required, &reports[0].subject, None)
    };
    let at = ("validated-at", VALIDATED);
    let run = ("validation-run", "https://github.com/acme/shop/actions/runs/5");
    let evidence = telling("evidence", &[("evidence", EVIDENCE), at, run]);
    let approval = telling("approval", &[("approver", "bob")]);
    let told = read(&[evidence.clone(), approval.clone()], &["evidence", "approval"]).unwrap();
    let expected = Told {
        evidence: EVIDENCE.parse().ok(),
        validated_at: VALIDATED.parse().ok(),
        validation_run: Some(run.1.to_owned()),
        approver: Some("bob".to_owned()),
    };
    assert_eq!(told, expected);
    assert_eq!(read(&[evidence.clone(), approval.clone()], &["wait"]).unwrap(), Told::default(), "nobody asked for it");
    let other = telling("evidence", &[("evidence", &"f".repeat(64)), at]);
    for (reports, part) in [
        (vec![telling("evidence", &[at])], "evidence: its report has no output `evidence`"),
        (vec![telling("evidence", &[("evidence", EVIDENCE)])], "no output `validated-at`"),
        (vec![telling("evidence", &[("evidence", "yes"), at])], "its output `evidence` is \"yes\""),
        (vec![telling("evidence", &[("evidence", EVIDENCE), ("validated-at", "now")])], "`validated-at` is \"now\""),
        (vec![evidence.clone(), other], "disagree"),
        (vec![evidence.clone(), telling("approval", &[])], "approval: its report has no output `approver`"),
        (vec![evidence, telling("approval", &[("approver", " ")])], "no output `approver`"),
    ] {
        let finding = read(&reports, &["evidence", "approval"]).unwrap_err();
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert!(finding.to_string().contains(part), "{finding}");
    }
}

#[test]
fn a_promotion_is_as_old_as_what_its_evidence_is_of() {
    let told = Told { validated_at: "2026-01-01T08:00:00Z".parse().ok(), ..Told::default() };
    let basis = Basis::of(&[&report("evidence", VALIDATED)], &told, "24h".parse().unwrap()).unwrap();
    assert_eq!(basis.oldest().unwrap().finished, told.validated_at.unwrap());
    let at = |now: &str| basis.too_old(now.parse().unwrap()).map(|finding| finding.verdict);
    assert_eq!(at("2026-01-02T08:00:00Z"), None);
    assert_eq!(at("2026-01-02T08:00:01Z"), Some(Verdict::Blocked));
}
