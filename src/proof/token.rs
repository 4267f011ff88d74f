//! A token: the compact form of a JWT, parsed and verified.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::IgnoredAny};

use super::{ProofError, claims::Claims, keys::KeySet};

/// The longest token, in bytes. GitHub's have about 2 KiB; custom properties of a repository add claims.
pub const MAX_SIZE: usize = 8 << 10;

/// The only algorithm. The header chooses none: it must name this one.
const ALGORITHM: &str = "RS256";

/// The header. Keys in it, or addresses of keys (`jwk`, `jku`, `x5c`, `x5u`), are not read: only the issuer's keys count.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    kid: String,
    #[serde(default, rename = "crit", deserialize_with = "present")]
    has_critical: bool,
}

/// Whether the field is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Verifies a token by the issuer's keys, and returns what GitHub claims in it.
///
/// # Errors
/// Why it proves nothing. Its claims are not read before the signature is verified.
pub fn verify(token: &str, keys: &KeySet) -> Result<Claims, ProofError> {
    let malformed = |why: &str| ProofError::Malformed(why.to_owned());
    if token.len() > MAX_SIZE {
        return Err(ProofError::Malformed(format!("{} bytes; expected at most {MAX_SIZE}", token.len())));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or_else(|| malformed("no dot in it"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| malformed("one dot in it, not two"))?;
    if claims.contains('.') {
        return Err(malformed("more than two dots in it"));
    }
    let header: Header = decode_json("header", header)?;
    if header.alg != ALGORITHM {
        return Err(ProofError::Algorithm(header.alg));
    }
    if header.has_critical {
        return Err(ProofError::Critical);
    }
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(malformed("its type is not JWT"));
    }
    let signature = decode("signature", signature)?;
    let key = keys.find(&header.kid)?;
    RsaPublicKeyComponents { n: key.n, e: key.e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .map_err(|_| ProofError::Signature)?;
    decode_json("claims", claims)
}

/// Decodes base64url without padding, in its only spelling.
fn decode(part: &str, text: &str) -> Result<Vec<u8>, ProofError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| ProofError::Malformed(format!("its {part}: {error}")))
}

fn decode_json<T: DeserializeOwned>(part: &str, text: &str) -> Result<T, ProofError> {
    let bytes = decode(part, text)?;
    serde_json::from_slice(&bytes).map_err(|error| ProofError::Malformed(format!("its {part}: {error}")))
}

#[cfg(test)]
mod tests;
