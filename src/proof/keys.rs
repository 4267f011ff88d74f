//! The public keys of an issuer: a JWKS document.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::ProofError;

/// GitHub has about five keys.
const MAX_KEYS: usize = 100;

/// The keys of an issuer, by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// A key as the document has it. Certificates (`x5c`) and addresses (`x5u`) are not read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Key {
    kid: String,
    kty: String,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default, rename = "alg")]
    algorithm: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

/// An RSA public key, in big-endian bytes.
pub(super) struct PublicKey {
    pub n: Vec<u8>,
    pub e: Vec<u8>,
}

impl KeySet {
    /// Reads a JWKS document. An entry that is not a key with an id stays out: a document may hold others than ours.
    ///
    /// # Errors
    /// What is wrong with the document.
    pub fn parse(document: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct DocumentJson {
            keys: Vec<Value>,
        }
        let DocumentJson { keys } = serde_json::from_slice(document).map_err(|error| error.to_string())?;
        if keys.len() > MAX_KEYS {
            return Err(format!("{} keys; expected at most {MAX_KEYS}", keys.len()));
        }
        Ok(Self(keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect()))
    }

    /// The RSA key of this id, for signatures by RS256.
    pub(super) fn find(&self, kid: &str) -> Result<PublicKey, ProofError> {
        let unusable = |why| ProofError::UnusableKey { kid: kid.to_owned(), why };
        let mut of_this_id = self.0.iter().filter(|key| key.kid == kid);
        let key =
            of_this_id.next().ok_or_else(|| ProofError::UnknownKey { kid: kid.to_owned(), known: self.0.len() })?;
        if of_this_id.next().is_some() {
            return Err(unusable("is there twice"));
        }
        if key.kty != "RSA" {
            return Err(unusable("is not an RSA key"));
        }
        if key.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err(unusable("is not for signatures"));
        }
        if key.algorithm.as_deref().is_some_and(|algorithm| algorithm != "RS256") {
            return Err(unusable("is not for RS256"));
        }
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty());
        match (decode(&key.n), decode(&key.e)) {
            (Some(n), Some(e)) => Ok(PublicKey { n, e }),
            _ => Err(unusable("has no modulus or exponent in base64url")),
        }
    }
}
