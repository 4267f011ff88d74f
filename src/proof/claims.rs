//! What GitHub says about the job that asked for a token.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

/// The claims that `evidence` compares. A token with one of them twice, or of another type, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Claims {
    #[serde(rename = "aud")]
    pub audience: String,
    #[serde(rename = "iss")]
    pub issuer: String,
    /// `owner/name`
    pub repository: String,
    /// The number of the repository, which a new repository of the same name does not have.
    #[serde(deserialize_with = "number")]
    pub repository_id: u64,
    #[serde(deserialize_with = "number")]
    pub run_id: u64,
    #[serde(deserialize_with = "number")]
    pub run_attempt: u64,
    #[serde(rename = "iat", deserialize_with = "moment")]
    pub issued_at: Timestamp,
    pub event_name: String,
    /// The workflow that was started: `acme/shop/.github/workflows/validate.yml@refs/heads/main`.
    pub workflow_ref: String,
    /// The workflow whose file defines the job: another one if that is reusable.
    #[serde(default)]
    pub job_workflow_ref: Option<String>,
    #[serde(rename = "ref")]
    pub git_ref: String,
    pub sha: String,
    /// The job, by its check run. Servers older than November 2025 do not send it.
    #[serde(default, deserialize_with = "optional_number")]
    pub check_run_id: Option<u64>,
}

/// GitHub writes numbers as texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumberJson {
    Text(String),
    Number(u64),
}

impl NumberJson {
    fn read<E: de::Error>(self) -> Result<u64, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(E::custom)
            }
            Self::Text(_) => Err(E::custom("a text that is not a whole number")),
        }
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    NumberJson::deserialize(deserializer)?.read()
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    NumberJson::deserialize(deserializer)?.read().map(Some)
}

/// Seconds since 1970, of which RFC 7519 allows fractions.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let seconds = f64::deserialize(deserializer)?.floor();
    // A timestamp ends with the year 9999.
    if !(0.0..253_402_207_200.0).contains(&seconds) {
        return Err(de::Error::custom("no time"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the range above")]
    Timestamp::from_second(seconds as i64).map_err(de::Error::custom)
}
