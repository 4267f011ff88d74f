//! Reads: one object, or a list page by page.

use std::time::Duration;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    client::{ApiResponse, GitHub, RequestError},
    permission::RequiredPermission,
    refusal::{GitHubRefusal, retry_after},
};
use crate::{finding::Finding, world::url::percent_encode};

/// The most pages of a list that are read, of 100 entries each.
pub(super) const MAX_PAGES: usize = 50;

impl GitHub {
    /// Reads one object. `None` when GitHub answers 404, which it also does when the token may not see the object.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        required: &RequiredPermission,
    ) -> Result<Option<T>, Finding> {
        let response = self.send_get(path)?;
        match response.status {
            200 => self.parse(&response.body).map(Some),
            404 => Ok(None),
            _ => Err(self.refused(&response, required)),
        }
    }

    /// Reads a whole list; `key` names the list when an object wraps it. `None` as for [`GitHub::get`].
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        required: &RequiredPermission,
    ) -> Result<Option<Vec<T>>, Finding> {
        let mut all = Vec::new();
        let found = self.pages(path, required, |page| {
            let entries = match key {
                Some(key) => page.get_mut(key).map(Value::take).unwrap_or_default(),
                None => page.take(),
            };
            let entries: Vec<T> = serde_json::from_value(entries).map_err(|error| error.to_string())?;
            all.extend(entries);
            Ok(())
        })?;
        Ok(found.then_some(all))
    }

    /// Hands every page of a list to `read_page`. `false` when GitHub answers 404.
    pub(super) fn pages(
        &self,
        path: &str,
        required: &RequiredPermission,
        mut read_page: impl FnMut(&mut Value) -> Result<(), String>,
    ) -> Result<bool, Finding> {
        let separator = if path.contains('?') { '&' } else { '?' };
        for page in 1..=MAX_PAGES {
            let response = self.send_get(&format!("{path}{separator}per_page=100&page={page}"))?;
            match response.status {
                200 => {}
                404 => return Ok(false),
                _ => return Err(self.refused(&response, required)),
            }
            let mut body = self.parse(&response.body)?;
            read_page(&mut body).map_err(|why| self.unreadable(&why))?;
            // RFC 8288; GitHub leaves `next` out on the last page.
            let link = response.headers.get("link").and_then(|link| link.to_str().ok()).unwrap_or_default();
            if !link.contains("rel=\"next\"") {
                return Ok(true);
            }
        }
        Err(Finding::inconclusive("GitHub's API")
            .actual(format!("more than {MAX_PAGES} pages of 100 at {path}"))
            .expected(format!("at most {MAX_PAGES} pages")))
    }

    /// The finding for a list or an object that must exist, when GitHub answers 404.
    pub(super) fn missing(check: impl Into<String>, required: &RequiredPermission) -> Finding {
        let RequiredPermission { permission, target } = required;
        Finding::inconclusive(check)
            .actual("GitHub knows none, or does not show it to this token")
            .expected(format!("one in {target}"))
            .next(format!("look at the name; the token needs {permission} on {target}"))
    }

    pub(super) fn send_get(&self, path: &str) -> Result<ApiResponse, Finding> {
        self.send(Method::GET, path, None).map_err(Self::no_answer)
    }

    /// The finding for a read without a response.
    pub(super) fn no_answer(error: RequestError) -> Finding {
        let (RequestError::NotSent(why) | RequestError::NoResponse(why)) = error;
        Finding::inconclusive("GitHub's API")
            .actual(why)
            .expected("an answer")
            .next("run this step again")
            .temporary(Duration::ZERO)
    }

    pub(super) fn refused(&self, response: &ApiResponse, required: &RequiredPermission) -> Finding {
        let GitHubRefusal { status, message, hint } = self.refusal(response, required);
        let finding = Finding::inconclusive("GitHub's API").actual(format!("{status} {message}")).expected("an answer");
        Finding { retry_after: retry_after(response, &message), ..finding.next(hint) }
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Finding> {
        serde_json::from_slice(body).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Reads a value of a response.
    pub(super) fn read_value<T: DeserializeOwned>(&self, value: Value) -> Result<T, Finding> {
        serde_json::from_value(value).map_err(|error| self.unreadable(&error.to_string()))
    }

    pub(super) fn unreadable(&self, why: &str) -> Finding {
        Finding::inconclusive("GitHub's API")
            .actual(self.sanitize(why))
            .expected("an answer as GitHub's description has it")
    }
}

/// Percent-encodes the components of a path, and keeps the slashes between them.
pub(super) fn encode_path(path: &str) -> String {
    path.split('/').map(percent_encode).collect::<Vec<_>>().join("/")
}
