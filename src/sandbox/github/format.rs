//! How GitHub writes ids, times, and names within addresses.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::clock::{Clock as _, SystemClock};

/// The creation time of everything whose age does not matter.
pub const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// A stable numeric id for a name. Case is ignored, as in GitHub's names.
pub fn id(kind: &str, name: &str) -> u64 {
    // FNV-1a, cut to the range that every JSON reader treats as an integer.
    let name = format!("{kind} {}", name.to_lowercase());
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash >> 20
}

/// The number of a repository.
#[must_use]
pub fn repository_id(name: &str) -> u64 {
    id("repository", name)
}

/// The number of an account.
#[must_use]
pub fn account_id(login: &str) -> u64 {
    id("user", login)
}

pub fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{id:x}")
}

pub fn now() -> Timestamp {
    SystemClock::new().wall()
}

/// A name percent-encoded as one path segment.
pub fn path_segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// GitHub writes times in UTC with whole seconds.
pub fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Splits `owner/name` into owner and name.
pub fn split_name(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, ""))
}

/// The fields of an object that is written with `json!`.
pub fn object_fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The path for GraphQL. GitHub's description of REST does not have it.
pub const GRAPHQL: &str = "/graphql";

/// The path for GraphQL on a server with this prefix for its REST API: an Enterprise server has `/api/graphql`.
pub fn graphql_path(prefix: &str) -> String {
    format!("{}{GRAPHQL}", prefix.strip_suffix("/v3").unwrap_or(prefix))
}
