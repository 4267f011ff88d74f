//! What GitHub's refusals mean, and what to do about them.

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
        let message = self.message(response);
        let hint = if let Some(end) = rate_limit_end(response, &message) {
            format!("a rate limit of GitHub's; it accepts requests again {end}")
        } else {
            match response.status {
                300..=399 => format!("{target} has moved: give the name it has now"),
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
        let message =
            serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["message"].as_str()?.to_owned()));
        self.sanitize(message.as_deref().unwrap_or(&body).trim())
    }

    fn header(&self, response: &ApiResponse, name: &str) -> Option<String> {
        let value = response.headers.get(name)?.to_str().ok()?;
        Some(self.sanitize(value))
    }
}

/// When the rate limit ends, if the response is about one. Primary limits show in the headers; secondary limits sometimes
/// show in the message only.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn rate_limit_end(response: &ApiResponse, message: &str) -> Option<String> {
    let number = |name: &str| response.headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let exhausted = number("x-ratelimit-remaining") == Some(0);
    let in_message = message.to_lowercase().contains("rate limit");
    let retry_after = number("retry-after");
    match response.status {
        429 => {}
        403 if exhausted || in_message || retry_after.is_some() => {}
        _ => return None,
    }
    let reset = || jiff::Timestamp::from_second(number("x-ratelimit-reset").filter(|_| exhausted)?).ok();
    Some(match retry_after {
        Some(seconds) => format!("in {seconds} s"),
        None => reset().map_or_else(|| "in a few minutes".to_owned(), |time| format!("at {time}")),
    })
}
