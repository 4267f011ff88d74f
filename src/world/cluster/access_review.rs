//! What the account of the kubeconfig may do: a `SelfSubjectAccessReview` for each right. The server answers it and stores nothing,
//! so it needs no permit, although it is a POST. Every account may ask.
//! <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access>

use std::time::Duration;

use kube::{api::PostParams, core::request};
use serde::Deserialize;
use serde_json::json;

use super::{
    Cluster,
    access_right::{AccessAnswer, AccessRight},
    error::ClusterError,
};
use crate::finding::Finding;

const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

#[derive(Deserialize)]
struct ReviewJson {
    status: StatusJson,
}

#[derive(Deserialize)]
struct StatusJson {
    #[serde(default)]
    allowed: bool,
}

impl Cluster {
    /// Whether the account has a right in the namespace. Takes at most `within`.
    #[must_use]
    pub fn may(&self, right: AccessRight, within: Duration) -> AccessAnswer {
        let AccessRight { group, resource, subresource, verb } = right;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": self.namespace(), "group": group, "resource": resource, "subresource": subresource, "verb": verb,
            } },
        });
        let body = review.to_string().into_bytes();
        let build = move || request::Request::new(PATH).create(&PostParams::default(), body.clone());
        match self.send(build, "create selfsubjectaccessreviews".to_owned(), within) {
            Ok(body) => match serde_json::from_slice::<ReviewJson>(&body) {
                Ok(ReviewJson { status: StatusJson { allowed: true } }) => AccessAnswer::Allowed,
                Ok(_) => AccessAnswer::Denied,
                Err(error) => AccessAnswer::Failed(
                    Finding::inconclusive("the cluster's API")
                        .actual(format!("its answer cannot be read: {error}"))
                        .expected("a SelfSubjectAccessReview with its status"),
                ),
            },
            Err(ClusterError::Refused(finding)) if finding.actual.starts_with("401: ") => {
                AccessAnswer::Unauthenticated(finding.actual)
            }
            Err(ClusterError::Refused(finding) | ClusterError::Denied(finding)) => AccessAnswer::Failed(finding),
            Err(ClusterError::Temporary(why) | ClusterError::RetryAfter(why, _)) => AccessAnswer::NoAnswer(why),
            Err(ClusterError::Expired) => AccessAnswer::NoAnswer("410: gone".to_owned()),
        }
    }
}
