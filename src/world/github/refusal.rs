//! What GitHub's refusals mean, and what to do about them.

use std::time::Duration;

use serde_json::Value;

use super::{
    client::{ApiResponse, GitHub},
    permission::RequiredPermission,
};
use crate::finding::Finding;

/// GitHub refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubRefusal {
    /// The HTTP status.
    pub status: u16,
    /// GitHub's own message; raw, and clipped.
    pub message: String,
    /// What the refusal usually means, and what to do about it.
    pub hint: String,
}

impl GitHubRefusal {
    /// The refusal as a finding about `check`, the thing that was sent.
    #[must_use]
    pub fn to_finding(self, check: &str) -> Finding {
        let actual = format!("GitHub refused it: {} {}", self.status, self.message);
        Finding::inconclusive(check).actual(actual).expected("GitHub to accept it").next(self.hint)
    }
}

impl GitHub {
    pub(super) fn refusal(&self, response: &ApiResponse, required: &RequiredPermission) -> GitHubRefusal {
        let RequiredPermission { permission, target } = required;
        let mut message = self.message(response);
        let new_name = self.name_after_redirect(response);
        if let Some(name) = &new_name {
            message = format!("{message}: {target} is {name} now");
        }
        let hint = if let Some(end) = rate_limit_end(response, &message) {
            format!("a rate limit of GitHub's; it accepts requests again {end}")
        } else {
            match response.status {
                300..=399 => match new_name {
                    Some(name) => format!("{target} was renamed: write {name} where the old name is given"),
                    None => format!("{target} has moved: give the name it has now"),
                },
                401 => "the token is wrong, expired or revoked, or belongs to another server".to_owned(),
                403 => match self.header(response, "x-accepted-github-permissions") {
                    Some(accepted) => format!("the token needs {permission} on {target} (GitHub asks for {accepted})"),
                    None => format!("the token needs {permission} on {target}"),
                },
                404 => format!("there is no {target}, or the token cannot see it: it needs {permission} there"),
                422 => "GitHub does not accept what was sent".to_owned(),
                _ => format!("GitHub failed to handle the request for {target}: run this step again later"),
            }
        };
        GitHubRefusal { status: response.status, message, hint }
    }

    /// The message in the response; the body itself when GitHub, or a proxy in its place, sent no such message.
    pub(super) fn message(&self, response: &ApiResponse) -> String {
        let body = String::from_utf8_lossy(&response.body);
        let message = serde_json::from_str::<Value>(&body).ok().and_then(|body| {
            // A message such as "Validation Failed" says nothing without what stands below it.
            let details = body["errors"].as_array().into_iter().flatten();
            let details = details.filter_map(|error| error["message"].as_str().or_else(|| error.as_str()));
            let parts: Vec<&str> = [body["message"].as_str()?].into_iter().chain(details).collect();
            Some(parts.join(": "))
        });
        self.sanitize(message.as_deref().unwrap_or(&body).trim())
    }

    pub(super) fn header(&self, response: &ApiResponse, name: &str) -> Option<String> {
        let value = response.headers.get(name)?.to_str().ok()?;
        Some(self.sanitize(value))
    }
}

/// After which time the same read may succeed; `None`: it would be refused again. A rate limit without a time is asked again
/// after a minute, as GitHub's documentation wants it; one that ends at a time of day is not waited for.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
pub(super) fn retry_after(response: &ApiResponse, message: &str) -> Option<Duration> {
    let seconds = number(response, "retry-after").and_then(|seconds| u64::try_from(seconds).ok());
    match (response.status, seconds) {
        (403 | 429 | 500 | 502..=504, Some(seconds)) => Some(Duration::from_secs(seconds)),
        (500 | 502..=504, None) => Some(Duration::ZERO),
        (403 | 429, None) if number(response, "x-ratelimit-reset").is_some() && is_exhausted(response) => None,
        (429, None) => Some(Duration::from_mins(1)),
        (403, None) => message.to_lowercase().contains("rate limit").then_some(Duration::from_mins(1)),
        _ => None,
    }
}

/// The number in a header.
fn number(response: &ApiResponse, name: &str) -> Option<i64> {
    response.headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Whether the primary rate limit leaves no further request.
fn is_exhausted(response: &ApiResponse) -> bool {
    number(response, "x-ratelimit-remaining") == Some(0)
}

/// Whether the response is about a rate limit, and not about a permission.
pub(super) fn is_rate_limited(response: &ApiResponse, message: &str) -> bool {
    rate_limit_end(response, message).is_some()
}

/// When the rate limit ends, if the response is about one. Primary limits show in the headers; secondary limits sometimes
/// show in the message only.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn rate_limit_end(response: &ApiResponse, message: &str) -> Option<String> {
    let exhausted = is_exhausted(response);
    let in_message = message.to_lowercase().contains("rate limit");
    let retry_after = number(response, "retry-after");
    match response.status {
        429 => {}
        403 if exhausted || in_message || retry_after.is_some() => {}
        _ => return None,
    }
    let reset = || jiff::Timestamp::from_second(number(response, "x-ratelimit-reset").filter(|_| exhausted)?).ok();
    Some(match retry_after {
        Some(seconds) => format!("in {seconds} s"),
        None => reset().map_or_else(|| "in a few minutes".to_owned(), |time| format!("at {time}")),
    })
}
