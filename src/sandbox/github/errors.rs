//! Error responses in GitHub's form, and requests that violate GitHub's API description.

use crate::sandbox::server::FakeResponse;

/// A request that GitHub's API description does not allow. GitHub's error is the response, and the fake records it.
#[derive(Debug)]
pub struct ContractViolation {
    pub status: u16,
    pub message: String,
}

impl ContractViolation {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// Status 422, with the first words that GitHub uses for an invalid body.
    pub fn invalid(message: &str) -> Self {
        Self::new(422, format!("Invalid request.\n\n{message}"))
    }

    /// One line for the list of violations; `subject` is the request or the scripted item.
    pub fn describe(&self, subject: &str) -> String {
        format!("{subject}: {} {}", self.status, self.message.replace('\n', " "))
    }
}

/// An error in GitHub's form.
pub fn error(status: u16, message: &str) -> FakeResponse {
    let mut body = serde_json::json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
    // GitHub's validation errors have no `status` field.
    if status != 422 {
        body["status"] = status.to_string().into();
    }
    FakeResponse::json(status, &body)
}

pub fn not_found() -> FakeResponse {
    error(404, "Not Found")
}
