//! Verifies the proof of a payload by the issuer's keys, before anything that the payload names is looked up.

use super::{judge, payload::Claim};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::until_ok::observe_until_ok,
    proof::{claims::Claims, token},
    values::HumanDuration,
    world::oidc::{self, Issuer},
};

/// What GitHub signed. The inner error is the finding for a payload that it did not sign.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal.
pub fn verify(
    claim: &Claim,
    issuer: &Issuer,
    timeout: HumanDuration,
    findings: &[Finding],
    ctx: &CommandContext,
) -> Result<Result<Claims, Finding>, CommandError> {
    let Some(proof) = &claim.proof else { return Ok(Err(judge::missing_proof())) };
    let keys = observe_until_ok(&ctx.execution, timeout.0, "issuer", findings, || {
        let (http, issuer) = (ctx.world.http().clone(), issuer.clone());
        Box::new(move || oidc::fetch_keys(&http, &issuer, timeout.0))
    })?;
    Ok(keys
        .map_err(|finding| finding.for_check(judge::PROOF))
        .and_then(|keys| token::verify(&proof.0, &keys).map_err(|error| error.to_finding(judge::PROOF))))
}

/// The issuer whose signature counts: the setting, or the one of the runner's server. Never the one that a token names.
///
/// # Errors
/// Bad input: the server's address is not one that an issuer can be at.
pub fn issuer(setting: Option<&Issuer>, ctx: &CommandContext) -> Result<Issuer, CommandError> {
    if let Some(issuer) = setting {
        return Ok(issuer.clone());
    }
    let server = ctx.runner_env.server_url.as_deref();
    Issuer::of_server(server).map_err(|error| {
        Finding::inconclusive("GITHUB_SERVER_URL")
            .actual(format!("{:?}", server.unwrap_or_default()))
            .expected(error.to_string())
            .next("set `issuer`")
            .bad_input()
    })
}
