//! Promotions at the same moment, each a run of `promote-to-production.yml` with a checkout of its own. There is no
//! concurrency group, so all of them go on; the push decides.

use std::thread;

use crate::acme::promotion::Promotion;
use crate::acme::team::Team;
use crate::acme::{Acme, SERVICES};
use crate::act::Run;

fn at_once(promotions: [Promotion<'_>; 2]) -> [Run; 2] {
    thread::scope(|scope| {
        let runs = promotions.map(|promotion| scope.spawn(move || promotion.run()));
        runs.map(|run| run.join().expect("a run"))
    })
}

#[test]
fn two_services_at_once_both_arrive() {
    let acme = Acme::new();
    let [one, other] = SERVICES.map(|service| Team::of(&acme, service).release("Gift cards"));
    acme.runs_in_production(SERVICES[0], &one.tag);
    acme.runs_in_production(SERVICES[1], &other.tag);

    let runs =
        at_once([acme.promotion(one.event()).approved_by("lena"), acme.promotion(other.event()).approved_by("lena")]);

    for run in &runs {
        assert!(run.succeeded, "{}", run.log);
    }
    assert_eq!(acme.promotions().len(), 2, "{:#?}", acme.promotions());
    assert_eq!([acme.image(SERVICES[0]), acme.image(SERVICES[1])], [one.tag, other.tag]);
}

#[test]
fn two_releases_of_one_service_at_once_leave_the_younger_one() {
    let acme = Acme::new();
    let team = Team::of(&acme, SERVICES[0]);
    let older = team.release("Gift cards");
    let younger = team.release("Gift cards in boxes");
    acme.runs_in_production(SERVICES[0], &younger.tag);

    let [first, second] = at_once([
        acme.promotion(older.event()).approved_by("lena"),
        acme.promotion(younger.event()).approved_by("lena"),
    ]);

    assert_eq!(second.step("promote", "promote").outputs["verdict"], "passed", "{}", second.log);
    assert_eq!(acme.image(SERVICES[0]), younger.tag);
    let promotions = acme.promotions();
    let verdict = |job: &str, step: &str| {
        let step = first.jobs.get(job)?.steps.get(step)?;
        Some(step.outputs["verdict"].as_str())
    };
    // The older one came first, or was overtaken: before it was shown to anybody, in `wait`, when it was about to push.
    match (verdict("evidence", "evidence"), verdict("promote", "wait"), verdict("promote", "promote")) {
        (_, _, Some("passed")) => assert_eq!(promotions.len(), 2, "{promotions:#?}"),
        (Some("blocked"), None, None) | (_, Some("blocked"), None) | (_, _, Some("blocked")) => {
            assert_eq!(promotions.len(), 1, "{promotions:#?}");
        }
        other => panic!("{other:?}: {}", first.log),
    }
}

#[test]
fn a_dispatch_that_is_delivered_twice_at_once_is_one_commit() {
    let acme = Acme::new();
    let validated = Team::of(&acme, SERVICES[0]).release("Gift cards");
    acme.runs_in_production(SERVICES[0], &validated.tag);

    let runs = at_once([
        acme.promotion(validated.event()).approved_by("lena"),
        acme.promotion(validated.event()).approved_by("piet"),
    ]);

    assert_eq!(acme.promotions().len(), 1, "{:#?}", acme.promotions());
    assert_eq!(acme.image(SERVICES[0]), validated.tag);
    assert!(runs.iter().any(|run| run.succeeded), "{}", runs[0].log);
}
