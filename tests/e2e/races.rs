//! Concurrent promotions, each a run of `promote-to-production.yml` with its own checkout. There is no concurrency group;
//! the push decides which one wins.

use std::thread;

use crate::acme::promotion::Promotion;
use crate::acme::team::Team;
use crate::acme::{Acme, SERVICES};
use crate::act::ActRun;

fn run_concurrently(promotions: [Promotion<'_>; 2]) -> [ActRun; 2] {
    thread::scope(|scope| {
        let runs = promotions.map(|promotion| scope.spawn(move || promotion.run()));
        runs.map(|run| run.join().expect("a run"))
    })
}

#[test]
fn concurrent_promotions_of_two_services_both_succeed() {
    let acme = Acme::new();
    let [one, other] = SERVICES.map(|service| Team::new(&acme, service).release("Gift cards"));
    acme.deploy_to_production(SERVICES[0], &one.tag);
    acme.deploy_to_production(SERVICES[1], &other.tag);

    let runs = run_concurrently([
        acme.promotion(one.event()).approved_by("lena"),
        acme.promotion(other.event()).approved_by("lena"),
    ]);

    for run in &runs {
        assert!(run.succeeded, "{}", run.log);
    }
    assert_eq!(acme.promotions().len(), 2, "{:#?}", acme.promotions());
    assert_eq!([acme.image(SERVICES[0]), acme.image(SERVICES[1])], [one.tag, other.tag]);
}

#[test]
fn of_two_concurrent_releases_of_one_service_the_newer_one_stays() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICES[0]);
    let older = team.release("Gift cards");
    let newer = team.release("Gift cards in boxes");
    acme.deploy_to_production(SERVICES[0], &newer.tag);

    let [first, second] = run_concurrently([
        acme.promotion(older.event()).approved_by("lena"),
        acme.promotion(newer.event()).approved_by("lena"),
    ]);

    assert_eq!(second.step("promote", "promote").outputs["verdict"], "passed", "{}", second.log);
    assert_eq!(acme.image(SERVICES[0]), newer.tag);
    let promotions = acme.promotions();
    let verdict = |job: &str, step: &str| {
        let step = first.jobs.get(job)?.steps.get(step)?;
        Some(step.outputs["verdict"].as_str())
    };
    // The older one was first, or it was superseded: in `evidence`, in `wait`, or when it was about to push.
    match (verdict("evidence", "evidence"), verdict("promote", "wait"), verdict("promote", "promote")) {
        (_, _, Some("passed")) => assert_eq!(promotions.len(), 2, "{promotions:#?}"),
        (Some("blocked"), None, None) | (_, Some("blocked"), None) | (_, _, Some("blocked")) => {
            assert_eq!(promotions.len(), 1, "{promotions:#?}");
        }
        other => panic!("{other:?}: {}", first.log),
    }
}

#[test]
fn a_dispatch_that_is_delivered_twice_makes_one_commit() {
    let acme = Acme::new();
    let validated = Team::new(&acme, SERVICES[0]).release("Gift cards");
    acme.deploy_to_production(SERVICES[0], &validated.tag);

    let runs = run_concurrently([
        acme.promotion(validated.event()).approved_by("lena"),
        acme.promotion(validated.event()).approved_by("piet"),
    ]);

    assert_eq!(acme.promotions().len(), 1, "{:#?}", acme.promotions());
    assert_eq!(acme.image(SERVICES[0]), validated.tag);
    assert!(runs.iter().any(|run| run.succeeded), "{}", runs[0].log);
}
