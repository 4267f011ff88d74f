//! The proof of a dispatch: GitHub's OIDC provider signs the sum of the payload.

use super::payload::DispatchPayload;
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::until_ok::observe_until_ok,
    proof::{ProofMode, token},
    values::HumanDuration,
    world::oidc,
};

/// Adds the proof to a payload. The inner error is the reason why there is none, and so why nothing is sent. In dry-run no token
/// is asked for: it would prove something that is not sent.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal.
pub fn add(
    mut payload: DispatchPayload,
    mode: ProofMode,
    timeout: HumanDuration,
    ctx: &CommandContext,
    findings: &[Finding],
) -> Result<Result<DispatchPayload, Finding>, CommandError> {
    if mode == ProofMode::Annotations || ctx.execution.dry_run {
        return Ok(Ok(payload));
    }
    let Some(request) = &ctx.runner_env.oidc else {
        return Ok(Err(Finding::inconclusive("proof")
            .actual("this job cannot ask GitHub for a token: ACTIONS_ID_TOKEN_REQUEST_URL is not set")
            .expected("GitHub's signature of the evidence")
            .next(
                "add `permissions: id-token: write` to this job, and let it run nothing but `record`; on a runner without OIDC, \
                 set `proof: annotations` here and in `evidence`",
            )));
    };
    let audience = payload.audience();
    let token = observe_until_ok(&ctx.execution, timeout.0, "the runner's OIDC provider", findings, || {
        let (http, request, audience) = (ctx.world.http().clone(), request.clone(), audience.clone());
        Box::new(move || oidc::request_token(&http, &request, &audience, timeout.0))
    })?;
    Ok(token.and_then(|token| {
        ctx.log.mask(&token);
        if token.expose().len() > token::MAX_SIZE {
            return Err(Finding::inconclusive("proof")
                .actual(format!("a token of {} bytes", token.expose().len()))
                .expected(format!("at most {} bytes, which fit into the dispatch", token::MAX_SIZE))
                .next("remove custom claims from the repository's or the organisation's OIDC settings"));
        }
        payload.add_proof(&token);
        Ok(payload)
    }))
}
