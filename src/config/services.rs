//! `services:` of the config file: the repository, workflows, image and branch that each service must come from. `evidence`
//! compares a validation with it, so only the config file of the infra repository needs it.
//!
//! ```yaml
//! services:
//!   checkout-service:
//!     repository: acme/shop
//!     workflow: .github/workflows/validate-staging.yml      # the run that validates
//!     deploy-workflow: .github/workflows/deploy-staging.yml # the run that deployed what was validated
//!     image: ghcr.io/acme/checkout-service
//!     branch: main
//!     repository-id: 74                                     # the rest is about the job that signs, and all of it optional
//!     events: [workflow_run]
//!     job-workflow: acme/workflows/.github/workflows/validate.yml@refs/heads/main
//!     record-job: record
//!     paths: [services/checkout/**]                         # in a repository of several services
//!     bundle-size: { max-increase: 5 }                      # the deployed bundle is compared with the last promotion
//!     max-fewer-tests: 10                                   # how many percent of the tests a release may lose
//!     files:                                                # where this repository has the image
//!       - { path: "apps/{environment}/values.yaml", tag: .image.tag }
//! ```

pub mod bundle;
pub mod files;
pub mod signer;
pub mod source_path;
pub mod workflow_path;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::nodes::{list, location, mapping, optional, parsed, required, unknown_key, wrong_shape};
use crate::{
    error::CommandError,
    finding::Finding,
    subject::{Image, Service},
    values::{Percent, schema::described},
    world::{git::Branch, github::Repository},
    yaml::{Key, Node, Value},
};
use bundle::BundleLimits;
use files::ServiceFile;
use signer::{EventName, Signer};
use source_path::SourcePath;
use workflow_path::WorkflowPath;

/// The source that a service must come from.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSource {
    pub repository: Repository,
    /// The workflow that validates.
    pub workflow: WorkflowPath,
    /// The workflow whose run deployed what is validated. Without it the validating run itself must come from a push.
    pub deploy_workflow: Option<WorkflowPath>,
    pub image: Image,
    /// The branch that a release is built from; `None` for the repository's default branch.
    pub branch: Option<Branch>,
    /// The job that signs the evidence.
    pub signer: Signer,
    /// What belongs to the service in a repository of several services; empty if all of it does.
    pub paths: Vec<SourcePath>,
    /// Where the infra repository has the image; empty for the kustomization that the setting `file` names.
    pub files: Vec<ServiceFile>,
    /// How much the bundle may grow between two promotions; `None` if its size is not required.
    pub bundle_size: Option<BundleLimits>,
    /// How many percent of the tests of the last promotion may be missing.
    pub max_fewer_tests: Percent,
}

impl ServiceSource {
    /// The events that may start the validating workflow.
    #[must_use]
    pub fn events(&self) -> Vec<&str> {
        if !self.signer.events.is_empty() {
            return self.signer.events.iter().map(EventName::as_str).collect();
        }
        vec![if self.deploy_workflow.is_some() { "workflow_run" } else { "push" }]
    }
}

/// The services by name.
pub type Services = BTreeMap<Service, ServiceSource>;

const KEYS: [&str; 13] = [
    "repository",
    "workflow",
    "deploy-workflow",
    "image",
    "branch",
    "repository-id",
    EVENTS,
    "job-workflow",
    "record-job",
    PATHS,
    FILES,
    BUNDLE_SIZE,
    MAX_FEWER_TESTS,
];
/// The keys with a list.
const EVENTS: &str = "events";
const PATHS: &str = "paths";
const FILES: &str = "files";
/// The key with limits.
const BUNDLE_SIZE: &str = "bundle-size";
/// The key with a percentage, and its default.
const MAX_FEWER_TESTS: &str = "max-fewer-tests";
const DEFAULT_FEWER_TESTS: Percent = Percent(10.0);
/// Without these a service could come from anywhere.
const REQUIRED: [&str; 3] = ["repository", "workflow", "image"];

/// Reads `services:`.
pub(super) fn read(path: &str, node: Node) -> Result<Services, CommandError> {
    mapping(path, "services", node)?.into_iter().map(|(key, node)| service(path, &key, node)).collect()
}

fn service(path: &str, key: &Key, node: Node) -> Result<(Service, ServiceSource), CommandError> {
    let name: Service = parsed(path, "services", &key.name, (key.line, key.column))?;
    let (mut texts, mut events, mut paths) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut files = Vec::new();
    let mut bundle_size = None;
    for (key, node) in mapping(path, &key.name, node)? {
        if !KEYS.contains(&key.name.as_str()) {
            return Err(unknown_key(path, &key, &format!("`services: {name}`"), &KEYS));
        }
        match key.name.as_str() {
            EVENTS => events = list(path, &key, node, "the names of events")?,
            BUNDLE_SIZE => bundle_size = Some(bundle::read(path, &key, node)?),
            PATHS => paths = list(path, &key, node, "the service's paths in its repository")?,
            FILES => files = files::read(path, node)?,
            _ => {
                let Value::Text(text) = node.value else { return Err(wrong_shape(path, &key.name, &node, "one text")) };
                texts.insert(key.name, (text, (node.line, node.column)));
            }
        }
    }
    if let Some(missing) = REQUIRED.iter().find(|required| !texts.contains_key(**required)) {
        return Err(Finding::inconclusive(format!("`{missing}`"))
            .actual(format!("not given for {name}"))
            .expected(format!("{} of every service", REQUIRED.join(", ")))
            .with_origin(location(path, key.line, key.column))
            .bad_input());
    }
    let origin = ServiceSource {
        repository: required(path, "repository", &texts)?,
        workflow: required(path, "workflow", &texts)?,
        deploy_workflow: optional(path, "deploy-workflow", &texts)?,
        image: required(path, "image", &texts)?,
        branch: optional(path, "branch", &texts)?,
        signer: Signer {
            repository_id: optional(path, "repository-id", &texts)?,
            events,
            job_workflow: optional(path, "job-workflow", &texts)?,
            record_job: optional(path, "record-job", &texts)?.unwrap_or_default(),
        },
        paths,
        files,
        bundle_size,
        max_fewer_tests: optional(path, MAX_FEWER_TESTS, &texts)?.unwrap_or(DEFAULT_FEWER_TESTS),
    };
    Ok((name, origin))
}

/// The JSON Schema of what [`read`] accepts.
pub(super) fn schema() -> Json {
    let workflow = json!({ "type": "string", "pattern": r"^\.github/workflows/[A-Za-z0-9_-][A-Za-z0-9._-]*\.ya?ml$" });
    json!({
        "description": "Where each service may come from: `evidence` compares each validation with it. A service that is not listed is not promoted.",
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" },
        "additionalProperties": {
            "type": "object",
            "properties": {
                "repository": described(json!({ "type": "string" }), "The service's repository: owner/name."),
                "workflow": described(workflow.clone(), "The workflow whose run validates."),
                "deploy-workflow": described(
                    workflow,
                    "The workflow whose run deployed what is validated. Without it the validating run itself must come from a push.",
                ),
                "image": described(json!({ "type": "string" }), "The service's image: a repository without tag and digest."),
                "branch": described(
                    json!({ "type": "string" }),
                    "The branch that releases are built from. Default: the repository's default branch.",
                ),
                "repository-id": described(
                    json!({ "type": ["integer", "string"] }),
                    "GitHub's number of the repository, which a new repository of the same name does not have.",
                ),
                "events": described(
                    json!({ "type": ["array", "string"], "items": { "type": "string" } }),
                    "The events that may start the validating workflow. Default: workflow_run with a `deploy-workflow`, else push.",
                ),
                "job-workflow": described(
                    json!({ "type": "string" }),
                    "The reusable workflow that has the job of `record`, at its ref: acme/workflows/.github/workflows/validate.yml@refs/heads/main.",
                ),
                "record-job": described(
                    json!({ "type": "string", "default": "record" }),
                    "The displayed name of the job that runs `record`. Default: record.",
                ),
                "paths": described(
                    json!({ "type": ["array", "string"], "items": { "type": "string" } }),
                    "What belongs to the service in a repository of several services: folders such as services/checkout/**, or files. The people of commits that change nothing there may approve. Default: the whole repository.",
                ),
                "files": files::schema(),
                "bundle-size": bundle::schema(),
                "max-fewer-tests": described(
                    json!({ "type": ["number", "string"] }),
                    "Maximum decrease of the number of tests that `smoke` counts, in percent, since the last promotion; more is inconclusive. 100 allows any. Default: 10.",
                ),
            },
            "required": REQUIRED,
            "additionalProperties": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    const WHOLE: &str = "\
services:
  checkout-service:
    repository: acme/shop
    workflow: .github/workflows/validate-staging.yml
    deploy-workflow: .github/workflows/deploy-staging.yaml
    image: ghcr.io/acme/checkout-service
    branch: release/1
  frontend:
    repository: acme/frontend
    workflow: .github/workflows/ci.yml
    image: ghcr.io/acme/frontend
    max-fewer-tests: 2.5%
";

    fn error_of(text: &str) -> String {
        match Config::read(&command_table(), "f.yml", text.as_bytes(), None) {
            Err(CommandError::BadInput(finding)) => finding.to_string(),
            other => panic!("{text}: must be refused, is {other:?}"),
        }
    }

    #[test]
    fn services_are_read_with_their_defaults() {
        let services = Config::read(&command_table(), "f.yml", WHOLE.as_bytes(), None).unwrap().services;
        let checkout = &services[&"checkout-service".parse().unwrap()];
        assert_eq!(
            (&*checkout.repository.to_string(), checkout.image.as_str(), checkout.branch.as_ref().map(Branch::as_str)),
            ("acme/shop", "ghcr.io/acme/checkout-service", Some("release/1"))
        );
        assert_eq!(
            (checkout.workflow.as_str(), checkout.deploy_workflow.as_ref().unwrap().as_str()),
            (".github/workflows/validate-staging.yml", ".github/workflows/deploy-staging.yaml")
        );
        let frontend = &services[&"frontend".parse().unwrap()];
        assert_eq!((&frontend.branch, &frontend.deploy_workflow), (&None, &None));
        assert_eq!((checkout.max_fewer_tests, frontend.max_fewer_tests), (Percent(10.0), Percent(2.5)));
        assert!(Config::read(&command_table(), "f.yml", b"services:\n", None).unwrap().services.is_empty());
    }

    #[test]
    fn an_error_names_its_line_and_column() {
        for (from, to, parts) in [
            ("  frontend:", "  ../x:", &["`services` (f.yml:8:3)", "\"../x\"", "a service name"][..]),
            (
                "    branch",
                "    brunch",
                &["`brunch` (f.yml:7:5)", "`services: checkout-service`", "did you mean `branch`?"],
            ),
            ("release/1", "-x", &["`branch` (f.yml:7:13)", "\"-x\""]),
            ("acme/frontend\n", "acme\n", &["`repository` (f.yml:9:17)", "\"acme\"", "owner/name"]),
            ("acme/frontend\n", "\n", &["`repository` (f.yml:9:15)", "nothing"]),
            ("    image: ghcr.io/acme/frontend\n", "", &["`image` (f.yml:8:3)", "not given for frontend"]),
            ("image: ghcr.io/acme/frontend", "image: ghcr.io/acme/frontend:1", &["`image` (f.yml:11:12)", "no tag"]),
            (
                ".github/workflows/ci.yml",
                "ci.yml",
                &["`workflow` (f.yml:10:15)", "\"ci.yml\"", ".github/workflows/<name>.yml"],
            ),
            (".github/workflows/ci.yml", ".github/workflows/../ci.yml", &["`workflow`"]),
            (".github/workflows/ci.yml", ".github/workflows/.yml", &["`workflow`"]),
            (".github/workflows/ci.yml", "[a]", &["`workflow`", "a list; expected one text"]),
            ("2.5%", "few", &["`max-fewer-tests` (f.yml:12:22)", "\"few\"", "a percentage"]),
            ("2.5%", "-1", &["`max-fewer-tests`", "\"-1\""]),
            ("2.5%", "[10]", &["`max-fewer-tests`", "a list; expected one text"]),
            (WHOLE, "services: [a]", &["`services` (f.yml:1:11)", "a list"]),
            (WHOLE, "services: { a: b }", &["`a` (f.yml:1:16)", "a text"]),
            (WHOLE, "servces: {}", &["`servces` (f.yml:1:1)", "did you mean `services`?"]),
        ] {
            let message = error_of(&WHOLE.replace(from, to));
            for part in parts {
                assert!(message.contains(part), "{to}: {part} in {message}");
            }
        }
    }
}
