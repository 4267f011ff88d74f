//! The proof of a dispatch: GitHub's OIDC provider signs the sum of the payload.

use super::payload::DispatchPayload;
use crate::{
    context::{CommandContext, REQUEST_TIMEOUT},
    finding::Finding,
    observe::read_until_answered,
    proof::{ProofMode, token},
    values::HumanDuration,
    world::oidc,
};

/// Adds the proof to a payload. In dry-run no token is asked for: it would prove something that is not sent.
///
/// # Errors
/// Why there is no proof, and so why nothing is sent.
pub fn add(
    mut payload: DispatchPayload,
    mode: ProofMode,
    timeout: HumanDuration,
    ctx: &CommandContext,
) -> Result<DispatchPayload, Finding> {
    if mode == ProofMode::Annotations || ctx.execution.dry_run {
        return Ok(payload);
    }
    let Some(request) = &ctx.runner_env.oidc else {
        return Err(Finding::inconclusive("proof")
            .actual("this job cannot ask GitHub for a token: ACTIONS_ID_TOKEN_REQUEST_URL is not set")
            .expected("GitHub's signature of the evidence")
            .next(
                "add `permissions: id-token: write` to this job, and let it run nothing but `record`; on a runner without OIDC, \
                 set `proof: annotations` here and in `evidence`",
            ));
    };
    let audience = payload.audience();
    let token = read_until_answered(&ctx.execution, timeout.0, || {
        oidc::request_token(ctx.world.http(), request, &audience, ctx.execution.time_left(REQUEST_TIMEOUT.0))
    })?;
    ctx.log.mask(&token);
    if token.expose().len() > token::MAX_SIZE {
        return Err(Finding::inconclusive("proof")
            .actual(format!("a token of {} bytes", token.expose().len()))
            .expected(format!("at most {} bytes, which fit into the dispatch", token::MAX_SIZE))
            .next("remove custom claims from the repository's or the organisation's OIDC settings"));
    }
    payload.add_proof(&token);
    Ok(payload)
}
