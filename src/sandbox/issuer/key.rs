//! A signing key, made when it is first needed. It protects nothing: only the sandbox's issuer publishes it, while it runs.

use std::io;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use num_bigint::BigUint;
use ring::{
    rand::{SecureRandom, SystemRandom},
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

/// The size of each of the two primes, in bytes: a key of 2048 bits.
const PRIME: usize = 128;
const EXPONENT: u32 = 65_537;
/// Rounds of Miller and Rabin. Of random candidates of this size, even two rounds are wrong less than once in 2^80.
const ROUNDS: usize = 8;

/// An RSA key of 2048 bits.
pub struct SigningKey {
    pair: RsaKeyPair,
    /// Both in big-endian bytes.
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl SigningKey {
    /// Makes a key.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn generate() -> io::Result<Self> {
        let random = SystemRandom::new();
        let small = small_primes();
        loop {
            let (one, other) = (prime(&random, &small)?, prime(&random, &small)?);
            // ring wants the larger prime first.
            if let Some(key) = Self::from_primes((&one).max(&other), (&one).min(&other)) {
                return Ok(key);
            }
        }
    }

    fn from_primes(larger: &BigUint, smaller: &BigUint) -> Option<Self> {
        let one = BigUint::from(1_u32);
        let (larger_less, smaller_less) = (larger - &one, smaller - &one);
        let exponent = BigUint::from(EXPONENT);
        let private = exponent.modinv(&(&larger_less * &smaller_less))?;
        let modulus = (larger * smaller).to_bytes_be();
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: modulus.clone(), e: exponent.to_bytes_be() },
            d: private.to_bytes_be(),
            p: larger.to_bytes_be(),
            q: smaller.to_bytes_be(),
            dP: (&private % &larger_less).to_bytes_be(),
            dQ: (&private % &smaller_less).to_bytes_be(),
            qInv: smaller.modinv(larger)?.to_bytes_be(),
        };
        // ring refuses a key that does not fit together.
        let pair = RsaKeyPair::from_components(&components).ok()?;
        Some(Self { pair, modulus, exponent: exponent.to_bytes_be() })
    }

    /// The public key as an entry of a JWKS document.
    #[must_use]
    pub fn to_jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": text(&self.modulus), "e": text(&self.exponent) })
    }

    /// A token with this header and these claims, in compact form.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn sign(&self, header: &Value, claims: &Value) -> io::Result<String> {
        let text = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", text(header), text(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let random = SystemRandom::new();
        self.pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).map_err(no_random)?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn no_random(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("the system has no random bytes")
}

/// A random prime whose two highest bits are set, so that the product of two has all of its bits.
fn prime(random: &SystemRandom, small: &[u32]) -> io::Result<BigUint> {
    let mut bytes = [0; PRIME];
    loop {
        random.fill(&mut bytes).map_err(no_random)?;
        bytes[0] |= 0b1100_0000;
        bytes[PRIME - 1] |= 1;
        let candidate = BigUint::from_bytes_be(&bytes);
        let divides = |small: &&u32| &candidate % **small == BigUint::ZERO;
        let fits_exponent = &candidate % EXPONENT != BigUint::from(1_u32);
        if fits_exponent && !small.iter().any(|small| divides(&small)) && is_prime(&candidate, random)? {
            return Ok(candidate);
        }
    }
}

/// Miller and Rabin, with random bases.
fn is_prime(candidate: &BigUint, random: &SystemRandom) -> io::Result<bool> {
    let one = BigUint::from(1_u32);
    let less = candidate - &one;
    let twos = less.trailing_zeros().unwrap_or_default();
    let odd = &less >> twos;
    for _ in 0..ROUNDS {
        let mut bytes = [0; PRIME - 1];
        random.fill(&mut bytes).map_err(no_random)?;
        let mut power = (BigUint::from_bytes_be(&bytes) + 2_u32).modpow(&odd, candidate);
        if power == one || power == less {
            continue;
        }
        let mut is_witness = true;
        for _ in 1..twos {
            power = &power * &power % candidate;
            if power == less {
                is_witness = false;
                break;
            }
        }
        if is_witness {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The odd primes below 2000, which most candidates are divisible by one of.
fn small_primes() -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    for number in (3..2000).step_by(2) {
        if primes.iter().all(|prime| number % prime != 0) {
            primes.push(number);
        }
    }
    primes
}
