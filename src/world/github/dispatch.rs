//! `POST /repos/{owner}/{repo}/dispatches`: starts the workflows of another repository. GitHub keeps nothing that could
//! be read back, so an answer that was lost stays lost.

use serde_json::{Value, json};

use super::{Answer, GitHub, Lost, Repository};
use crate::{converge::Permit, verdict::Complaint};

/// What became of a dispatch.
#[must_use = "whether it arrived decides whether it may be sent again"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// GitHub took it.
    Done,
    /// GitHub said no, and did nothing.
    Refused(Refusal),
    /// It has not left this machine.
    NotSent { why: String },
    /// It may have arrived. There is no way to find out, and it must not be sent again.
    Unknown { why: String },
}

/// A no of GitHub's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP.
    pub status: u16,
    /// GitHub's own words; raw, and clipped.
    pub message: String,
    /// What it usually means, and what to do about it.
    pub hint: String,
}

impl Refusal {
    #[must_use]
    pub fn complaint(self) -> Complaint {
        let seen = format!("GitHub refused it: {} {}", self.status, self.message);
        Complaint::about("dispatch").seen(seen).expected("GitHub to take it").next(self.hint)
    }
}

/// The most characters of an event type, and the most properties of a payload: GitHub's API description.
const LONGEST_TYPE: usize = 100;
const MOST_PROPERTIES: usize = 10;
/// The most characters of a payload: GitHub's page on the events that start workflows. We count bytes of JSON without
/// blanks, which are never fewer.
const LARGEST_PAYLOAD: usize = 65_535;

/// Whether GitHub can take such a dispatch.
///
/// # Errors
/// A complaint that names what is over which limit.
pub fn dispatch_limits(client_payload: &Value, event_type: &str) -> Result<(), Complaint> {
    let characters = event_type.chars().count();
    if !(1..=LONGEST_TYPE).contains(&characters) {
        return Err(Complaint::about("event type of the dispatch")
            .seen(format!("{characters} characters"))
            .expected(format!("1 to {LONGEST_TYPE}")));
    }
    let payload = Complaint::about("client payload of the dispatch");
    let Value::Object(properties) = client_payload else {
        return Err(payload.seen("JSON that is no object").expected("an object"));
    };
    if properties.len() > MOST_PROPERTIES {
        let expected = format!("{MOST_PROPERTIES} at most, at the top level");
        return Err(payload.seen(format!("{} properties", properties.len())).expected(expected));
    }
    let size = client_payload.to_string().len();
    if size > LARGEST_PAYLOAD {
        return Err(payload.seen(format!("{size} bytes")).expected(format!("{LARGEST_PAYLOAD} at most")));
    }
    Ok(())
}

impl GitHub {
    /// Sends one `repository_dispatch` event, once. Needs Contents: write on the repository.
    pub fn dispatch(
        &self,
        _permit: &Permit,
        repository: &Repository,
        event_type: &str,
        client_payload: &Value,
    ) -> Sent {
        let path = format!("/repos/{}/{}/dispatches", repository.owner(), repository.name());
        let body = json!({ "event_type": event_type, "client_payload": client_payload });
        match self.post(path, body) {
            Err(Lost::Before(why)) => Sent::NotSent { why },
            Err(Lost::After(why)) => Sent::Unknown { why },
            Ok(answer) => match answer.status {
                204 => Sent::Done,
                300..=499 => Sent::Refused(self.refusal(&answer, repository)),
                status => Sent::Unknown { why: format!("answered {status}: {}", self.message(&answer)) },
            },
        }
    }

    fn refusal(&self, answer: &Answer, repository: &Repository) -> Refusal {
        let message = self.message(answer);
        let hint = if let Some(when) = rate_limited(answer, &message) {
            format!("a rate limit of GitHub's; it takes requests again {when}")
        } else {
            match answer.status {
                300..=399 => format!("{repository} has moved: give the name it has now"),
                401 => "the token is wrong, expired or revoked, or belongs to another server".to_owned(),
                403 => match self.header(answer, "x-accepted-github-permissions") {
                    Some(accepted) => {
                        format!("the token needs Contents: write on {repository} (GitHub asks for {accepted})")
                    }
                    None => format!("the token needs Contents: write on {repository}"),
                },
                404 => format!("there is no {repository}, or the token cannot see it: it needs Contents: write there"),
                422 => "GitHub does not take this payload".to_owned(),
                _ => format!("nothing was dispatched to {repository}"),
            }
        };
        Refusal { status: answer.status, message, hint }
    }

    /// What GitHub says, or whoever answered in its place.
    fn message(&self, answer: &Answer) -> String {
        let body = String::from_utf8_lossy(&answer.body);
        let message =
            serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["message"].as_str()?.to_owned()));
        self.clean(message.as_deref().unwrap_or(&body).trim())
    }

    fn header(&self, answer: &Answer, name: &str) -> Option<String> {
        let value = answer.headers.get(name)?.to_str().ok()?;
        Some(self.clean(value))
    }
}

/// When the limit ends, if it was one. Primary limits show in the headers, secondary ones at times in the words alone.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn rate_limited(answer: &Answer, message: &str) -> Option<String> {
    let number = |name: &str| answer.headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let exhausted = number("x-ratelimit-remaining") == Some(0);
    let told = message.to_lowercase().contains("rate limit");
    let wait = number("retry-after");
    match answer.status {
        429 => {}
        403 if exhausted || told || wait.is_some() => {}
        _ => return None,
    }
    let reset = || jiff::Timestamp::from_second(number("x-ratelimit-reset").filter(|_| exhausted)?).ok();
    Some(match wait {
        Some(seconds) => format!("in {seconds} s"),
        None => reset().map_or_else(|| "in a few minutes".to_owned(), |when| format!("at {when}")),
    })
}
