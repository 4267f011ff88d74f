//! Why a token proves nothing.

use crate::{finding::Finding, values::clip};

/// How much of a token's text goes into a message, in characters.
const CLIP: usize = 80;

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// Not three parts of base64url with the JSON of a token; what is wrong.
    Malformed(String),
    /// An algorithm other than RS256.
    Algorithm(String),
    /// A header that this verifier would have to understand: `crit`.
    Critical,
    /// The key that signed is not one of the issuer's.
    UnknownKey { kid: String, known: usize },
    /// The key of that name cannot be used; why.
    UnusableKey { kid: String, why: &'static str },
    /// The signature does not belong to this text and key.
    Signature,
}

impl ProofError {
    /// Blocked: the token is not what it says. Inconclusive: the key that could tell is not there.
    #[must_use]
    pub fn to_finding(&self, check: &str) -> Finding {
        const EXPECTED: &str = "a token that GitHub signed with RS256 and a key of the issuer";
        let blocked = |actual: String| Finding::blocked(check).actual(actual).expected(EXPECTED);
        let inconclusive = |actual: String| Finding::inconclusive(check).actual(actual).expected(EXPECTED);
        match self {
            Self::Malformed(why) => blocked(format!("no token: {why}")),
            Self::Algorithm(algorithm) => blocked(format!("a token with the algorithm {:?}", clip(algorithm, CLIP))),
            Self::Critical => blocked("a token with critical headers (`crit`), which GitHub does not send".to_owned()),
            Self::UnknownKey { kid, known } => {
                inconclusive(format!("the issuer's {known} keys have none with the id {:?}", clip(kid, CLIP)))
                    .next("the key has rotated away, or the token is not of this issuer: validate and dispatch again")
            }
            Self::UnusableKey { kid, why } => inconclusive(format!("the issuer's key {:?} {why}", clip(kid, CLIP)))
                .next("check `issuer`, and what its JWKS document holds"),
            Self::Signature => blocked("the signature is not of this token and the issuer's key".to_owned()),
        }
    }
}
