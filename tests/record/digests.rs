//! The digest that `health` saw is bound to the release.

use super::*;

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn with_digest(mut report: Report, letter: char) -> Report {
    report.subject.digest = digest(letter).parse().ok();
    report
}

#[test]
fn the_digest_of_one_report_is_sent_as_that_of_the_release() {
    let [health, smoke, performance] = passed();
    let fake_github = fake_github();
    let ended = record(runner(&fake_github.api_url()), &[with_digest(health, 'a'), smoke, performance]);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let [dispatch] = &fake_github.dispatches(INFRA)[..] else { panic!("{:?}", fake_github.requests()) };
    assert_eq!(dispatch.client_payload["evidence"]["subject"]["digest"], digest('a'));
    assert_eq!(dispatch.client_payload["image_tag"], "1.4.2");
    assert_eq!(ended.report["subject"]["digest"], digest('a'));
}

#[test]
fn two_digests_of_one_tag_block_and_nothing_is_sent() {
    let [health, smoke, performance] = passed();
    let optional = with_digest(report("bundle-size", Verdict::Passed), 'b');
    for (reports, given) in [
        (vec![with_digest(health.clone(), 'a'), with_digest(smoke.clone(), 'b'), performance.clone()], ""),
        (vec![with_digest(health.clone(), 'a'), smoke.clone(), performance.clone(), optional], ""),
        (vec![with_digest(health, 'a'), smoke, performance], &*digest('c')),
    ] {
        let fake_github = fake_github();
        let ended = record(runner(&fake_github.api_url()).input("digest", given), &reports);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{}", ended.log);
        assert!(ended.log.contains("1.4.2 is sha256:aaaa"), "{}", ended.log);
        assert_eq!(fake_github.dispatches(INFRA).len(), 0);
    }
}
