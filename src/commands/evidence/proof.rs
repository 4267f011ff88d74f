//! Verifies the proof of a payload by the issuer's keys, before anything that the payload names is looked up.

use super::{judge, payload::Claim};
use crate::{
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::Finding,
    observe::read_until_answered,
    proof::{claims::Claims, token},
    values::HumanDuration,
    world::oidc::{self, Issuer},
};

/// What GitHub signed.
///
/// # Errors
/// The finding for a payload that it did not sign, or whose issuer does not answer.
pub fn verify(claim: &Claim, issuer: &Issuer, timeout: HumanDuration, ctx: &CommandContext) -> Result<Claims, Finding> {
    let proof = claim.proof.as_ref().ok_or_else(judge::missing_proof)?;
    let keys = read_until_answered(&ctx.execution, timeout.0, || {
        oidc::fetch_keys(ctx.world.http(), issuer, ctx.execution.time_left(REQUEST_TIMEOUT.0))
    });
    let keys = keys.map_err(|finding: Finding| finding.for_check(judge::PROOF))?;
    token::verify(&proof.0, &keys).map_err(|error| error.to_finding(judge::PROOF))
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
