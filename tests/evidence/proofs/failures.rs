//! An issuer that fails once.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;

#[test]
fn one_failure_of_the_issuer_is_survived() {
    for document in ["/openid-configuration", "/jwks"] {
        for fault in [502, 429].map(FakeResponse::status).into_iter().chain([FakeResponse::close()]) {
            let signed = SignedStage::new();
            signed.issuer.fail_once(document, fault.clone());
            let ended = signed.run(&signed.signed(&signed.claims()));
            assert_eq!(end(&ended), (0, "passed"), "{document}, {fault:?}: {}", ended.log);
            assert!(signed.issuer.requests().len() > 2, "{:?}", signed.issuer.requests());
        }
    }
}

/// A token of an older server names no job, so only the list of jobs says how the gates' jobs ended.
#[test]
fn signed_reports_whose_jobs_were_not_seen_are_inconclusive() {
    let signed = SignedStage::new();
    let mut claims = signed.claims();
    claims.as_object_mut().unwrap().remove("check_run_id");
    let refused = FakeResponse::json(403, &json!({ "message": "Resource not accessible by integration" }));
    let path = "/repos/acme/shop/actions/runs/7/attempts/1/jobs";
    signed.stage.fake_github.fail_at(path, 1_000_000, InjectedFault::WithoutEffect(refused));
    let ended = signed.run(&signed.signed(&claims));
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let smoke = found(&ended, "smoke");
    assert_eq!(smoke["verdict"], "inconclusive", "{smoke}");
    let actual = smoke["actual"].as_str().unwrap();
    assert!(actual.contains("its job was not seen: 403"), "{actual}");
    assert!(smoke["next"].is_string(), "{smoke}");
}
