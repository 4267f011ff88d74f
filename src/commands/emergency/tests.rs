//! Whether an emergency is committed, and its budget, by cases.

use jiff::Timestamp;

use super::{budget::BudgetUse, plan::Emergency, *};
use crate::{
    finding::Verdict,
    ledger::{
        LedgerEntry,
        tests::{commit_with_trailers, entry_of},
    },
    promotion::infra::{
        ImageField, ImageLocator, ImageLocators, InfraSnapshot, PlannedCommit, PromotionPlan as _, PromotionResult,
    },
    reconcile::Plan,
    report::Run,
    world::git::CommitSummary,
};

const IMAGE: &str = "ghcr.io/acme/checkout-service";
const FILE: &str =
    "images:\n  - name: checkout-service\n    newName: ghcr.io/acme/checkout-service\n    newTag: 1.4.1\n";
const NOW: &str = "2026-02-01T12:00:00Z";

fn run(id: u64, repository: &str) -> Run {
    Run { repository: repository.to_owned(), id, attempt: 2, url: String::new(), job: String::new() }
}

/// The promotion of 1.4.2 by run 7.
fn emergency() -> Emergency {
    let subject: Subject =
        r#"{"service":"checkout-service","environment":"production","tag":"1.4.2"}"#.parse().unwrap();
    let Target { service, environment, release } = Target::from_subject(&subject).unwrap();
    Emergency {
        image_locators: ImageLocators::of_entry(ImageLocator::new("k.yaml".parse().unwrap(), service.clone())),
        image: (&subject).into(),
        promotion: Promotion::new(PromotionKind::Emergency, service, environment),
        release,
        refusal: None,
        run: Some(run(7, "acme/infra")),
    }
}

/// An entry that set a tag, this many days ago.
fn entry(id: char, kind: &str, tag: &str, days: i64, more: &[(&str, &str)]) -> LedgerEntry {
    let image = format!("{IMAGE}:{tag}");
    let least = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", image.as_str()),
        ("Promotion-kind", kind),
    ];
    let at = NOW.parse::<Timestamp>().unwrap() - jiff::SignedDuration::from_hours(24 * days);
    entry_of(&CommitSummary { at, ..commit_with_trailers(id, &[more, &least].concat()) }).unwrap()
}

fn snapshot(text: &str, entries: Vec<LedgerEntry>) -> InfraSnapshot {
    let field = ImageField::entry("k.yaml".parse().unwrap(), "checkout-service");
    let texts = [(field.file.clone(), text.to_owned())].into();
    InfraSnapshot { texts, fields: vec![field], entries, now: NOW.parse().unwrap() }
}

/// The text of the only file that a commit changes.
fn text(commit: &PlannedCommit) -> &str {
    assert_eq!(commit.files.len(), 1);
    commit.files.values().next().unwrap()
}

/// The planned commit, the result when nothing is to write, or the refusal.
fn planned(emergency: &Emergency, snapshot: &InfraSnapshot) -> Result<PlannedCommit, Result<PromotionResult, Finding>> {
    match emergency.decide(snapshot) {
        Plan::Write(commit) => Ok(commit),
        Plan::UpToDate(result) => Err(Ok(result)),
        Plan::Refuse(finding) => Err(Err(finding)),
    }
}

const OURS: (&str, &str) = ("Workflow", "https://github.com/ACME/infra/actions/runs/7/attempts/1");

#[test]
fn an_emergency_is_committed_whatever_was_promoted_since() {
    let newer = entry('2', "normal", "1.4.1", 0, &[("Validated-at", NOW)]);
    let commit = planned(&emergency(), &snapshot(FILE, vec![newer])).unwrap();
    assert_eq!(text(&commit), FILE.replace("1.4.1", "1.4.2"));
    assert!(
        commit.message.starts_with("EMERGENCY promote(production): checkout-service → 1.4.2\n"),
        "{}",
        commit.message
    );
    assert!(!commit.message.contains("Required"), "an emergency requires no reports: {}", commit.message);
}

#[test]
fn without_an_approval_only_an_earlier_commit_is_found() {
    let refused = || Emergency { refusal: Some(Finding::blocked("approval")), ..emergency() };
    assert_eq!(planned(&refused(), &snapshot(FILE, vec![])), Err(Err(Finding::blocked("approval"))));
    let current = snapshot(&FILE.replace("1.4.1", "1.4.2"), vec![entry('2', "emergency", "1.4.2", 1, &[])]);
    let Err(Ok(result)) = planned(&refused(), &current) else { panic!("the image is already set") };
    assert_eq!(
        (result.commit.unwrap().as_str(), result.changed, result.is_current),
        ("2".repeat(40).as_str(), false, true)
    );
}

#[test]
fn the_commit_of_the_current_image_is_the_last_entry_if_it_set_that_image() {
    let text = FILE.replace("1.4.1", "1.4.2");
    let commit = |entries: Vec<LedgerEntry>| match planned(&emergency(), &snapshot(&text, entries)) {
        Err(Ok(result)) => result.commit.map(|commit| commit.as_str()[..1].to_owned()),
        other => panic!("{other:?}"),
    };
    let before = entry('2', "emergency", "1.4.2", 2, &[]);
    assert_eq!(commit(vec![]), None);
    assert_eq!(commit(vec![before.clone()]).as_deref(), Some("2"));
    assert_eq!(commit(vec![entry('3', "normal", "1.4.9", 1, &[]), before]), None, "set by hand since");
}

#[test]
fn a_run_commits_once_whatever_the_current_image_is() {
    let earlier = entry('2', "emergency", "1.4.2", 3, &[OURS]);
    for (tag, is_current) in [("1.4.1", false), ("1.4.2", true)] {
        let now = snapshot(&FILE.replace("1.4.1", tag), vec![entry('3', "normal", "1.4.1", 1, &[]), earlier.clone()]);
        let Err(Ok(result)) = planned(&emergency(), &now) else { panic!("it was committed earlier") };
        assert_eq!((result.commit.unwrap().as_str(), result.is_current), ("2".repeat(40).as_str(), is_current));
    }
    let elsewhere = [Some(run(8, "acme/infra")), Some(run(7, "acme/shop")), None];
    for run in elsewhere {
        let other = Emergency { run, ..emergency() };
        assert!(planned(&other, &snapshot(FILE, vec![earlier.clone()])).is_ok(), "a commit of another run");
    }
    let normal = entry('2', "normal", "1.4.2", 3, &[OURS]);
    assert!(planned(&emergency(), &snapshot(FILE, vec![normal])).is_ok(), "a commit of another kind");
}

#[test]
fn the_budget_counts_thirty_days_of_one_environment() {
    let production = "production".parse().unwrap();
    let now = NOW.parse().unwrap();
    let mut staging = entry('5', "emergency", "1", 1, &[]);
    staging.promotion.environment = "staging".parse().unwrap();
    let entries = [
        entry('1', "emergency", "1", 0, &[]),
        staging,
        entry('2', "normal", "1", 1, &[]),
        entry('3', "emergency", "1", 30, &[("Incident", "INC-1"), ("Approved-by", "bob")]),
        entry('4', "emergency", "1", 31, &[]),
    ];
    for (budget, over) in [(0, true), (1, true), (2, false), (9, false)] {
        let budget_use = BudgetUse::count(&entries, &production, budget, now);
        assert_eq!((budget_use.emergencies(), budget_use.excess_message().is_some()), (2, over), "{budget}");
        let finding = budget_use.finding();
        assert_eq!((finding.verdict, finding.waived.is_some()), (Verdict::Passed, over), "{finding}");
    }
    let budget_use = BudgetUse::count(&entries, &production, 2, now);
    assert_eq!(budget_use.table().unwrap().rows[1][3..5], ["INC-1", "bob"]);
    assert_eq!(BudgetUse::count(&entries[..1], &production, 2, now).table(), None);
}

#[test]
fn only_allowed_services_may_bypass_the_gates() {
    let service = "checkout-service".parse().unwrap();
    let named = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Service>>();
    assert_eq!(check_allowed(&service, &named(&["frontend", "checkout-service"]), &Config::default()), Ok(()));
    for (names, part) in [(&[][..], "`allowed`"), (&["checkout-servic"], "did you mean `checkout-servic`?")] {
        let Err(CommandError::BadInput(error)) = check_allowed(&service, &named(names), &Config::default()) else {
            panic!("{names:?}")
        };
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn the_outputs_are_declared() {
    let declared: Vec<&str> = Args::OUTPUTS.iter().map(|output| output.name).collect();
    assert_eq!(declared, ["commit", "changed", "previous-image", "issue", "approver", "emergencies"]);
}

#[test]
fn the_ledger_is_read_for_31_days() {
    let query = emergency().ledger_query(NOW.parse().unwrap()).unwrap();
    assert_eq!((query.since.to_string().as_str(), query.wanted), ("2026-01-01T12:00:00Z", None));
}
