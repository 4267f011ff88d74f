//! What an answer means: the thing that was asked for, or why there is none, in words that say what to do.

use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Answer, GitHub, Lost, Refusal, Repository, Sent};
use crate::finding::Finding;

/// The most pages of a list that are read, of 100 entries each.
const MOST_PAGES: usize = 50;

/// What a request needs to be allowed: a permission, where.
pub(super) struct Need {
    permission: &'static str,
    place: String,
}

impl Need {
    pub(super) fn of(permission: &'static str, place: impl Into<String>) -> Self {
        Self { permission, place: place.into() }
    }
}

impl GitHub {
    /// Asks for one thing. `None`: GitHub answers 404, which it also does when the token may not see it.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, need: &Need) -> Result<Option<T>, Finding> {
        let answer = self.question(path)?;
        match answer.status {
            200 => self.parse(&answer.body).map(Some),
            404 => Ok(None),
            _ => Err(self.no_answer(&answer, need)),
        }
    }

    /// Asks for a list, page by page; `key` names it where it stands inside an object. `None` as for [`GitHub::get`].
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        need: &Need,
    ) -> Result<Option<Vec<T>>, Finding> {
        let mut all = Vec::new();
        let more = self.pages(path, need, |page| {
            let entries = match key {
                Some(key) => page.get_mut(key).map(Value::take).unwrap_or_default(),
                None => page.take(),
            };
            let entries: Vec<T> = serde_json::from_value(entries).map_err(|error| error.to_string())?;
            all.extend(entries);
            Ok(())
        })?;
        Ok(more.then_some(all))
    }

    /// The pages of a list, one after the other. `false`: GitHub answers 404.
    pub(super) fn pages(
        &self,
        path: &str,
        need: &Need,
        mut take: impl FnMut(&mut Value) -> Result<(), String>,
    ) -> Result<bool, Finding> {
        let and = if path.contains('?') { '&' } else { '?' };
        for page in 1..=MOST_PAGES {
            let answer = self.question(&format!("{path}{and}per_page=100&page={page}"))?;
            match answer.status {
                200 => {}
                404 => return Ok(false),
                _ => return Err(self.no_answer(&answer, need)),
            }
            let mut body = self.parse(&answer.body)?;
            take(&mut body).map_err(|why| self.unreadable(&why))?;
            // RFC 8288; GitHub leaves `next` out on the last page.
            let link = answer.headers.get("link").and_then(|link| link.to_str().ok()).unwrap_or_default();
            if !link.contains("rel=\"next\"") {
                return Ok(true);
            }
        }
        Err(Finding::inconclusive("GitHub's API")
            .actual(format!("more than {MOST_PAGES} pages of 100 at {path}"))
            .expected("a list that ends"))
    }

    /// What is said where a list or a thing must be there, and GitHub answers 404.
    pub(super) fn missing(what: impl Into<String>, need: &Need) -> Finding {
        Finding::inconclusive(what)
            .actual("GitHub knows none, or does not show it to this token")
            .expected(format!("one in {}", need.place))
            .next(format!("look at the name; the token needs {} on {}", need.permission, need.place))
    }

    fn question(&self, path: &str) -> Result<Answer, Finding> {
        self.ask(Method::GET, path, None).map_err(|lost| {
            let (Lost::Before(why) | Lost::After(why)) = lost;
            Finding::inconclusive("GitHub's API").actual(why).expected("an answer").next("run this step again")
        })
    }

    fn no_answer(&self, answer: &Answer, need: &Need) -> Finding {
        let Refusal { status, message, hint } = self.refusal(answer, need);
        Finding::inconclusive("GitHub's API").actual(format!("{status} {message}")).expected("an answer").next(hint)
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Finding> {
        serde_json::from_slice(body).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn unreadable(&self, why: &str) -> Finding {
        Finding::inconclusive("GitHub's API")
            .actual(self.clean(why))
            .expected("an answer as GitHub's description has it")
    }

    /// Sends one write, once. It is done when the answer is of the status `expected` and `done` can read it; any other
    /// success leaves the outcome to be read back.
    pub(super) fn write<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        need: &Need,
        expected: u16,
        done: impl Fn(&[u8]) -> Option<T>,
    ) -> Sent<T> {
        match self.ask(method, path, body) {
            Err(Lost::Before(why)) => Sent::NotSent { why },
            Err(Lost::After(why)) => Sent::Unknown { why },
            Ok(answer) => match answer.status {
                status if status == expected => match done(&answer.body) {
                    Some(done) => Sent::Done(done),
                    None => Sent::Unknown { why: format!("answered {status}, and cannot be read") },
                },
                300..=499 => Sent::Refused(self.refusal(&answer, need)),
                status => Sent::Unknown { why: format!("answered {status}: {}", self.message(&answer)) },
            },
        }
    }

    fn refusal(&self, answer: &Answer, need: &Need) -> Refusal {
        let Need { permission, place } = need;
        let message = self.message(answer);
        let hint = if let Some(when) = rate_limited(answer, &message) {
            format!("a rate limit of GitHub's; it takes requests again {when}")
        } else {
            match answer.status {
                300..=399 => format!("{place} has moved: give the name it has now"),
                401 => "the token is wrong, expired or revoked, or belongs to another server".to_owned(),
                403 => match self.header(answer, "x-accepted-github-permissions") {
                    Some(accepted) => format!("the token needs {permission} on {place} (GitHub asks for {accepted})"),
                    None => format!("the token needs {permission} on {place}"),
                },
                404 => format!("there is no {place}, or the token cannot see it: it needs {permission} there"),
                422 => "GitHub does not take what was sent".to_owned(),
                _ => format!("nothing came of it at {place}"),
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

impl Repository {
    /// Where something of it is in the API.
    pub(super) fn path(&self, below: &str) -> String {
        format!("/repos/{self}/{below}")
    }
}

/// A value in a query, encoded.
pub(super) fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
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
