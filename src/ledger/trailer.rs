//! The names of the trailers. Git compares them regardless of case.

pub const SERVICE: &str = "Service";
pub const ENVIRONMENT: &str = "Environment";
pub const IMAGE: &str = "Image";
pub const PREVIOUS: &str = "Previous-Image";
pub const DIGEST: &str = "Digest";
pub const SOURCE_COMMIT: &str = "Source-commit";
pub const VALIDATED_AT: &str = "Validated-at";
pub const VALIDATION_RUN: &str = "Validation-run";
pub const EVIDENCE: &str = "Evidence";
pub const PEOPLE: &str = "People";
pub const REPOSITORY_ID: &str = "Repository-id";
pub const BUNDLE_SIZE: &str = "Bundle-size";
pub const TESTS: &str = "Tests";
pub const APPROVED_BY: &str = "Approved-by";
pub const TRIGGERED_BY: &str = "Triggered-by";
pub const INDEPENDENT: &str = "Independent";
pub const WORKFLOW: &str = "Workflow";
pub const REQUIRED: &str = "Required";
pub const KIND: &str = "Promotion-kind";
pub const INCIDENT: &str = "Incident";
pub const REASON: &str = "Reason";
pub const ROLLS_BACK: &str = "Rolls-back";
