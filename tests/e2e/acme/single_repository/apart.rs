//! A repository with the manifests alone, whose promotions are pull requests; the service has its own.

use promote_gates::sandbox::infra::Infra;

use super::{Acme, INFRA, SERVICE, STATUS, SingleRepository, by_init};
use crate::acme::team;

impl Acme {
    /// A company whose only service has a repository of its own, and whose promotions are pull requests.
    pub fn manifests_apart() -> Self {
        let mut acme = Self::with_services(&[SERVICE], &[SERVICE], |service| {
            format!("repository: {}\n    workflow: .github/workflows/validate-staging.yml", team::repository(service))
        });
        acme.by_pull_request = true;
        acme
    }
}

impl<'a> SingleRepository<'a> {
    /// The repository of the manifests, with the workflows that `init` writes there.
    pub fn of_manifests(acme: &'a Acme) -> Self {
        let source = team::repository(SERVICE);
        let first = acme.change_infra("by pull request", |repo| by_init::write_apart(acme, repo, &source));
        acme.fake_github.commit(INFRA, &first, "platform", "by pull request");
        acme.fake_github.serve_git(INFRA, Infra::at(acme.infra.path().parent().expect("a folder")));
        Self { acme, status_workflow: STATUS }
    }
}
