//! An issuer that fails once.

use promote_gates::sandbox::server::FakeResponse;

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
