//! `stale-after`: the releases that were validated, and that no commit promoted.

use jiff::{SignedDuration, Timestamp};
use promote_gates::{
    clock::{Clock as _, SystemClock},
    report::notice::ReportNotice,
    sandbox::github::{FakeJob, FakeRun},
};

use super::*;
use crate::shop::{API_TOKEN, INFRA, Scene};

fn hours_ago(hours: i64) -> Timestamp {
    SystemClock::new().wall() - SignedDuration::from_hours(hours)
}

/// Adds a run that a dispatch started, whose `evidence` passed for a tag; it waits for its approval, or it ended.
fn verified(scene: &Scene, id: u64, hours: i64, tag: &str, conclusion: Option<&str>) {
    let at = hours_ago(hours);
    let run = FakeRun {
        id,
        path: ".github/workflows/promote-to-production.yml".to_owned(),
        event: "repository_dispatch".to_owned(),
        status: "waiting".to_owned(),
        conclusion: None,
        created_at: at,
        run_started_at: at,
        ..FakeRun::default()
    };
    scene
        .fake_github
        .set_run(INFRA, conclusion.map_or_else(|| run.clone(), |conclusion| run.clone().ended(conclusion)));
    let job = scene.fake_github.set_job(INFRA, id, 1, FakeJob::ended("evidence", "success"));
    let subject = format!(r#"{{"service":"{SERVICE}","environment":"production","tag":"{tag}"}}"#);
    let [command, verdict, sha256] = ["evidence", "passed", "a"].map(ToOwned::to_owned);
    let notice = ReportNotice { command, verdict, sha256, dry_run: false, subject: subject.parse().ok() };
    scene.fake_github.annotate(INFRA, job, "promote-gates", &notice.to_string());
}

/// One release that was promoted, one that waits for five hours, and one whose run was rejected.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.fake_github.grant(API_TOKEN, INFRA, &["checks=read"]);
    scene.run(7, &[]);
    verified(&scene, 11, 9, "1.4.2", Some("success"));
    verified(&scene, 12, 8, "1.4.3", Some("failure"));
    verified(&scene, 13, 5, "1.4.4", None);
    let trailer = "Workflow: https://github.com/acme/infra/actions/runs/11/attempts/1\n";
    entry(&scene.shop, 0, FILE, "normal", "1.4.2", trailer);
    scene
}

fn audit(scene: &Scene, dir: &Path, stale_after: &str) -> Runner {
    scene.step(7, dir).input("api-token", "").input("token", API_TOKEN).input("stale-after", stale_after)
}

/// The releases in the table, how their runs ended, and what was promoted since.
fn not_promoted(ended: &Ended) -> Vec<[&str; 3]> {
    let tables = ended.report["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["title"] == "Validated and not promoted").unwrap();
    let rows = table["rows"].as_array().unwrap().iter();
    rows.map(|row| [1, 2, 3].map(|column| row[column].as_str().unwrap())).collect()
}

#[test]
fn what_was_validated_and_not_promoted_is_listed() {
    let scene = scene();
    let dir = scene.shop.checkout("infra", &[]);
    let step = audit(&scene, &dir, "6h").input("output-file", "a.json");
    let ended = step.run(&["audit"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let expected = [
        ["checkout-service 1.4.4 in production", "waits", "checkout-service:1.4.2"],
        ["checkout-service 1.4.3 in production", "ended as failure", "checkout-service:1.4.2"],
    ];
    assert_eq!(not_promoted(&ended), expected);
    assert!(ended.log.contains("1 waiting, 0 of them for longer"), "{}", ended.log);
    let audit: Value = serde_json::from_str(&fs::read_to_string(step.workspace().join("a.json")).unwrap()).unwrap();
    let listed = audit["not-promoted"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[1]["ended"]), (2, &Value::from("failure")));
    // The run that promoted is not looked through.
    let requests = scene.fake_github.requests();
    assert!(requests.iter().all(|request| !request.path.contains("/runs/11/attempts/1/jobs")), "{requests:?}");
    assert_eq!(scene.fake_github.violations(), [""; 0]);
}

#[test]
fn a_release_that_waits_for_longer_blocks() {
    let scene = scene();
    let dir = scene.shop.checkout("infra", &[]);
    let ended = audit(&scene, &dir, "4h").run(&["audit"]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("1.4.4 in production since "), "{:?}", ended.outputs);
    // It waits since before the audited period; what ended then is not listed.
    verified(&scene, 9, 50, "1.4.0", None);
    verified(&scene, 8, 50, "1.3.9", Some("failure"));
    let ended = audit(&scene, &dir, "49h").input("since", "1d").run(&["audit"]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    let names: Vec<&str> = not_promoted(&ended).into_iter().map(|[name, ..]| name).collect();
    assert_eq!(names, ["1.4.4", "1.4.0", "1.4.3"].map(|tag| format!("checkout-service {tag} in production")));
    scene.fake_github.set_run(INFRA, FakeRun { id: 9, ..FakeRun::default() });
    // Its promotion, from whichever run, ends it.
    entry(&scene.shop, 0, FILE, "normal", "1.4.4", "");
    let ended = audit(&scene, &dir, "4h").run(&["audit"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(not_promoted(&ended).len(), 2);
}

#[test]
fn runs_that_cannot_be_read_are_inconclusive() {
    let scene = Scene::new();
    scene.run(7, &[]);
    verified(&scene, 13, 5, "1.4.4", None);
    let dir = scene.shop.checkout("infra", &[]);
    let ended = audit(&scene, &dir, "4h").run(&["audit"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("Checks: read"), "{}", ended.log);
    let ended = audit(&scene, &dir, "4h").input("token", "").run(&["audit"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    // Without the setting, nothing is asked for.
    let ended = audit(&scene, &dir, "").run(&["audit"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
}
