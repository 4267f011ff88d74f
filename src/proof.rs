//! The proof of a validation: a token in which GitHub signs the sum of the evidence. Pure: parsing and verifying reach nothing
//! outside.
//!
//! `record` asks the runner's OIDC provider for a token whose audience is [`audience::of`] the payload, and sends it along.
//! `evidence` verifies the token by the keys of the issuer and compares its claims. Only GitHub can sign them, so it does
//! not matter who sent the dispatch.
//!
//! Sources: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (RS256), RFC 8725 (best practices of JWTs); the page "OpenID
//! Connect reference" of GitHub (the claims).

pub mod audience;
pub mod claims;
mod error;
pub mod keys;
pub mod token;

pub use error::ProofError;

/// What holds a dispatch: a setting of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProofMode {
    /// A token in which GitHub signs the evidence.
    Required,
    /// The notices of the gates' jobs, for runners without an OIDC provider. Weaker: a token with Checks: write can add one.
    Annotations,
}
