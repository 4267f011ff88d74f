//! The plan and the budget, by cases.

use jiff::Timestamp;

use super::{budget::Spent, plan::Emergency, *};
use crate::{
    finding::Verdict,
    ledger::{Entry, tests::told},
    promotion::infra::{Done, Edit, Intent as _, Seen, Slot},
    reconcile::Plan,
    report::Run,
    world::git::Told,
};

const IMAGE: &str = "ghcr.io/acme/checkout-service";
const FILE: &str =
    "images:\n  - name: checkout-service\n    newName: ghcr.io/acme/checkout-service\n    newTag: 1.4.1\n";
const NOW: &str = "2026-02-01T12:00:00Z";

fn run(id: u64, repository: &str) -> Run {
    Run { repository: repository.to_owned(), id, attempt: 2, url: String::new(), job: String::new() }
}

/// The promotion of 1.4.2 by run 7.
fn intent() -> Emergency {
    let subject: Subject =
        r#"{"service":"checkout-service","environment":"production","tag":"1.4.2"}"#.parse().unwrap();
    let Target { service, environment, release } = Target::of(&subject).unwrap();
    Emergency {
        slot: Slot { file: "k.yaml".parse().unwrap(), name: service.to_string() },
        image: (&subject).into(),
        promotion: Promotion::new(Kind::Emergency, service, environment, release),
        refusal: None,
        run: Some(run(7, "acme/infra")),
    }
}

/// An entry of this id, which set a tag, so many days before now.
fn entry(id: char, kind: &str, tag: &str, days: i64, more: &[(&str, &str)]) -> Entry {
    let image = format!("{IMAGE}:{tag}");
    let least = [
        ("Service", "checkout-service"),
        ("Environment", "production"),
        ("Image", image.as_str()),
        ("Promotion-kind", kind),
    ];
    let at = NOW.parse::<Timestamp>().unwrap() - jiff::SignedDuration::from_hours(24 * days);
    Entry::of(&Told { at, ..told(id, &[more, &least].concat()) }).unwrap()
}

fn seen(text: &str, entries: Vec<Entry>) -> Seen {
    Seen { text: text.to_owned(), entries, now: NOW.parse().unwrap() }
}

/// What is planned: what is written, or which commit made it so and whether that still stands.
fn planned(intent: &Emergency, seen: &Seen) -> Result<Edit, Result<Done, Finding>> {
    match intent.plan(seen) {
        Plan::Write(edit) => Ok(edit),
        Plan::UpToDate(done) => Err(Ok(done)),
        Plan::Refuse(finding) => Err(Err(finding)),
    }
}

const OURS: (&str, &str) = ("Workflow", "https://github.com/ACME/infra/actions/runs/7/attempts/1");

#[test]
fn it_is_written_whatever_was_promoted_since() {
    let younger = entry('2', "normal", "1.4.1", 0, &[("Validated-at", NOW)]);
    let edit = planned(&intent(), &seen(FILE, vec![younger])).unwrap();
    assert_eq!(edit.text, FILE.replace("1.4.1", "1.4.2"));
    assert!(edit.message.starts_with("EMERGENCY promote(production): checkout-service → 1.4.2\n"), "{}", edit.message);
    assert!(!edit.message.contains("Required"), "nothing was ever required: {}", edit.message);
}

#[test]
fn without_an_approval_it_is_not_written_but_found() {
    let refused = || Emergency { refusal: Some(Finding::blocked("approval")), ..intent() };
    assert_eq!(planned(&refused(), &seen(FILE, vec![])), Err(Err(Finding::blocked("approval"))));
    let stands = seen(&FILE.replace("1.4.1", "1.4.2"), vec![entry('2', "emergency", "1.4.2", 1, &[])]);
    let Err(Ok(done)) = planned(&refused(), &stands) else { panic!("it stands there") };
    assert_eq!((done.commit.unwrap().as_str(), done.changed, done.stands), ("2".repeat(40).as_str(), false, true));
}

#[test]
fn the_commit_of_what_stands_there_is_the_last_one_when_it_set_it() {
    let text = FILE.replace("1.4.1", "1.4.2");
    let commit = |entries: Vec<Entry>| match planned(&intent(), &seen(&text, entries)) {
        Err(Ok(done)) => done.commit.map(|commit| commit.as_str()[..1].to_owned()),
        other => panic!("{other:?}"),
    };
    let before = entry('2', "emergency", "1.4.2", 2, &[]);
    assert_eq!(commit(vec![]), None);
    assert_eq!(commit(vec![before.clone()]).as_deref(), Some("2"));
    assert_eq!(commit(vec![entry('3', "normal", "1.4.9", 1, &[]), before]), None, "set by hand since");
}

#[test]
fn a_run_writes_once_whatever_stands_there_now() {
    let ours = entry('2', "emergency", "1.4.2", 3, &[OURS]);
    for (tag, stands) in [("1.4.1", false), ("1.4.2", true)] {
        let now = seen(&FILE.replace("1.4.1", tag), vec![entry('3', "normal", "1.4.1", 1, &[]), ours.clone()]);
        let Err(Ok(done)) = planned(&intent(), &now) else { panic!("it was done") };
        assert_eq!((done.commit.unwrap().as_str(), done.stands), ("2".repeat(40).as_str(), stands));
    }
    let elsewhere = [Some(run(8, "acme/infra")), Some(run(7, "acme/shop")), None];
    for run in elsewhere {
        let other = Emergency { run, ..intent() };
        assert!(planned(&other, &seen(FILE, vec![ours.clone()])).is_ok(), "not that run's");
    }
    let normal = entry('2', "normal", "1.4.2", 3, &[OURS]);
    assert!(planned(&intent(), &seen(FILE, vec![normal])).is_ok(), "no emergency");
}

#[test]
fn the_budget_counts_thirty_days_of_one_environment() {
    let production = "production".parse().unwrap();
    let now = NOW.parse().unwrap();
    let mut staging = entry('5', "emergency", "1", 1, &[]);
    staging.environment = "staging".parse().unwrap();
    let entries = [
        entry('1', "emergency", "1", 0, &[]),
        staging,
        entry('2', "normal", "1", 1, &[]),
        entry('3', "emergency", "1", 30, &[("Incident", "INC-1"), ("Approved-by", "bob")]),
        entry('4', "emergency", "1", 31, &[]),
    ];
    for (budget, over) in [(0, true), (1, true), (2, false), (9, false)] {
        let spent = Spent::of(&entries, &production, budget, now);
        assert_eq!((spent.count(), spent.too_many().is_some()), (2, over), "{budget}");
        let finding = spent.finding();
        assert_eq!((finding.verdict, finding.waived.is_some()), (Verdict::Passed, over), "{finding}");
    }
    let spent = Spent::of(&entries, &production, 2, now);
    assert_eq!(spent.table().unwrap().rows[1][3..5], ["INC-1", "bob"]);
    assert_eq!(Spent::of(&entries[..1], &production, 2, now).table(), None);
}

#[test]
fn only_what_somebody_has_named_is_promoted_around_the_gates() {
    let service = "checkout-service".parse().unwrap();
    let named = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Service>>();
    let subject = Subject::default();
    assert_eq!(may(&service, &subject, &named(&["frontend", "checkout-service"]), &Config::default()), Ok(()));
    for (names, part) in [(&[][..], "`allowed`"), (&["checkout-servic"], "did you mean `checkout-servic`?")] {
        let Err(CommandError::BadInput(error)) = may(&service, &subject, &named(names), &Config::default()) else {
            panic!("{names:?}")
        };
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn the_outputs_are_those_that_are_declared() {
    let declared: Vec<&str> = Args::OUTPUTS.iter().map(|output| output.name).collect();
    assert_eq!(declared, ["commit", "changed", "previous-image", "issue", "approver", "emergencies"]);
}
