//! Reads of things that a token may not be allowed to see: see [`Inspection`].

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    client::{ApiResponse, GitHub},
    inspection::{Denial, Inspection},
    permission::RequiredPermission,
    read::MAX_PAGES,
    refusal::is_rate_limited,
};
use crate::finding::Finding;

impl GitHub {
    /// Reads one object.
    pub(super) fn inspect<T: DeserializeOwned>(&self, path: &str, required: &RequiredPermission) -> Inspection<T> {
        let response = self.inspect_response(path, required);
        response.and_then(|response| self.parse(&response.body).map_or_else(Inspection::Failed, Inspection::Seen))
    }

    /// Reads one object of which GitHub says in this way that there is none.
    pub(super) fn inspect_if_there<T: DeserializeOwned>(
        &self,
        path: &str,
        required: &RequiredPermission,
        absent: &str,
    ) -> Inspection<Option<T>> {
        match self.send_get(path) {
            Err(finding) => Inspection::Failed(finding),
            Ok(response) if response.status == 404 && self.message(&response) == absent => Inspection::Seen(None),
            Ok(response) => self.inspected(response, required).and_then(|response| {
                self.parse(&response.body).map_or_else(Inspection::Failed, |found| Inspection::Seen(Some(found)))
            }),
        }
    }

    /// Whether GitHub has something: it answers 200, or 204 without a body.
    pub(super) fn inspect_presence(&self, path: &str, required: &RequiredPermission) -> Inspection<()> {
        self.inspect_response(path, required).map(drop)
    }

    /// Reads a whole list; `key` names the list when an object wraps it.
    pub(super) fn inspect_list<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        required: &RequiredPermission,
    ) -> Inspection<Vec<T>> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let response = match self.inspect_response(&format!("{path}?per_page=100&page={page}"), required) {
                Inspection::Seen(response) => response,
                other => return other.map(|_| Vec::new()),
            };
            let entries = self.parse::<Value>(&response.body).and_then(|mut body| {
                let entries = match key {
                    Some(key) => body.get_mut(key).map(Value::take).unwrap_or_default(),
                    None => body.take(),
                };
                self.read_value::<Vec<T>>(entries)
            });
            match entries {
                Ok(entries) => all.extend(entries),
                Err(finding) => return Inspection::Failed(finding),
            }
            let link = response.headers.get("link").and_then(|link| link.to_str().ok()).unwrap_or_default();
            if !link.contains("rel=\"next\"") {
                return Inspection::Seen(all);
            }
        }
        Inspection::Failed(
            Finding::inconclusive("GitHub's API")
                .actual(format!("more than {MAX_PAGES} pages of 100 at {path}"))
                .expected(format!("at most {MAX_PAGES} pages")),
        )
    }

    pub(super) fn inspect_response(&self, path: &str, required: &RequiredPermission) -> Inspection<ApiResponse> {
        match self.send_get(path) {
            Ok(response) => self.inspected(response, required),
            Err(finding) => Inspection::Failed(finding),
        }
    }

    fn inspected(&self, response: ApiResponse, required: &RequiredPermission) -> Inspection<ApiResponse> {
        match response.status {
            200 | 204 => Inspection::Seen(response),
            401 => Inspection::UnknownToken(self.message(&response)),
            404 => Inspection::NotFound,
            403 if !is_rate_limited(&response, &self.message(&response)) => Inspection::Denied(Denial {
                message: self.message(&response),
                accepted: self.header(&response, "x-accepted-github-permissions"),
            }),
            _ => Inspection::Failed(self.refused(&response, required)),
        }
    }
}
