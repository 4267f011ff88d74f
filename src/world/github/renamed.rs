//! The name that a renamed repository has now. GitHub redirects requests for the old name to one with the repository's number.
//! Redirects are not followed: a message names the new name, and a person decides whether it is meant.
//! <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>

use hyper::Method;
use serde::Deserialize;

use super::{
    client::{ApiResponse, GitHub},
    repository::Repository,
};

#[derive(Deserialize)]
struct RepositoryName {
    full_name: String,
}

impl GitHub {
    /// The name that a repository has now, if it was renamed or transferred, and the token can see it.
    #[must_use]
    pub fn new_name(&self, repository: &Repository) -> Option<Repository> {
        let response = self.send(Method::GET, &format!("/repos/{repository}"), None).ok()?;
        self.name_after_redirect(&response)
    }

    /// The name of the repository to which a response redirects. Only its number is taken from the response.
    pub(super) fn name_after_redirect(&self, response: &ApiResponse) -> Option<Repository> {
        let location =
            response.headers.get("location").filter(|_| (300..400).contains(&response.status))?.to_str().ok()?;
        let (_, rest) = location.split_once("/repositories/")?;
        let number: u64 = rest.split(['/', '?']).next()?.parse().ok()?;
        let response = self.send(Method::GET, &format!("/repositories/{number}"), None).ok()?;
        let name = serde_json::from_slice::<RepositoryName>(&response.body).ok().filter(|_| response.status == 200)?;
        name.full_name.parse().ok()
    }
}
